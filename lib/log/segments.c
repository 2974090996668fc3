/* segments.c: the row of tables that hold the event log. */
#include "lib/log/segments.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/log/segments_impl.h"

/*
 * Groups of one 1 KiB event would each take a 4 KiB overflow page of their
 * own in pages of 4 KiB; eight of them share pages of 8 KiB. Such a page can
 * tear, which its checksum tells (rebuild.h mends it).
 */
#define PAGE SEGMENTS_PAGE_SIZE
#define PAGE_ROOM (PAGE - 64) /* bytes of groups on a page, about */
/*
 * A group of more bytes than this gets pages of its own, the last of which is
 * shared with nobody: two events of 1 KiB would take 8 KiB.
 */
#define GROUP_SHARES 2000

static void
append_to_list(struct segments *sg, struct segment *s)
{
	pthread_mutex_lock(&sg->mutex);
	s->prev = sg->last;
	s->next = NULL;
	if (sg->last == NULL)
		sg->first = s;
	else
		sg->last->next = s;
	sg->last = s;
	pthread_mutex_unlock(&sg->mutex);
}

static void
take_off_list(struct segments *sg, struct segment *s)
{
	if (s->prev == NULL)
		sg->first = s->next;
	else
		s->prev->next = s->next;
	if (s->next == NULL)
		sg->last = s->prev;
	else
		s->next->prev = s->prev;
}

/* Events came together, first_seq the first of them. */
static void
note(struct record_segment *facts, uint64_t first_seq, uint64_t last_seq,
    uint32_t events, int64_t received_ms, int64_t age_ms)
{
	if (facts->events > 0 && received_ms < facts->last_ms)
		facts->back_seq = first_seq;
	if (facts->events == 0 || received_ms < facts->lowest_ms)
		facts->lowest_ms = received_ms;
	if (received_ms > facts->highest_ms)
		facts->highest_ms = received_ms;
	facts->events += events;
	facts->last_seq = last_seq;
	facts->last_ms = received_ms;
	facts->last_age_ms = age_ms;
}

/* Counts the events of one group into facts. */
static int
count_group(struct record_segment *facts, uint64_t first_seq, struct span group,
    struct err *err)
{
	struct record_group g;
	struct event ev;
	bool found;

	if (record_group_open(group, first_seq, &g, err) < 0)
		return -1;
	for (;;) {
		if (record_group_next(&g, &ev, &found, err) < 0)
			return -1;
		if (!found)
			return 0;
		note(facts, ev.seq, ev.seq, 1, ev.received_ms, ev.age_ms);
	}
}

/* What was appended after the totals were saved, at most a checkpoint ago. */
static int
count_rest(struct segments *sg, struct segment *s, struct err *err)
{
	struct buf key = BUF_INIT(64), group = BUF_INIT(BDB_RECORD_MAX);
	uint64_t first;
	bool found = false;
	int ret = -1;

	for (;;) {
		if (segments_find(s, BDB_GT, s->facts.last_seq, &key, &group,
			&found, err) < 0)
			goto out;
		if (!found)
			break;
		first = be64_get(key.ptr);
		if (first != s->facts.last_seq + 1) {
			segments_damaged(sg, s, "it has a gap", err);
			goto out;
		}
		if (count_group(&s->facts, first, buf_span(&group), err) < 0)
			goto out;
	}
	ret = 0;
out:
	buf_free(&key);
	buf_free(&group);
	return ret;
}

static void
free_segment(struct segment *s)
{
	bdb_table_close(s->table);
	bdb_table_close(s->tries);
	salvage_close(s->salvage);
	free(s->lost);
	free(s);
}

static int
open_events(
    struct segments *sg, struct segment *s, const char *file, struct err *err)
{
	bool aside;

	if (segments_is_aside(sg, file, &aside, err) < 0)
		return -1;
	if (aside)
		return segments_salvage(sg, s, err);
	if (bdb_table_open(sg->db, NULL, file, PAGE, false, &s->table, err) <
	    0) {
		/* Others may pass, or ask for an operator's hand. */
		return err->code == ERR_NOTFOUND || err->code == ERR_IO ||
			       err->code == ERR_CORRUPT
			   ? segments_damaged(sg, s, err->text, err)
			   : -1;
	}
	s->bytes = bdb_table_bytes(s->table);
	if (segments_look(sg, s, err) < 0)
		return -1;
	return s->facts.closed ? 0 : count_rest(sg, s, err);
}

static int
open_segment(
    struct segments *sg, const struct record_segment *facts, struct err *err)
{
	struct segment *s = calloc(1, sizeof(*s));
	char file[BDB_FILE_MAX + 1];

	if (s == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a segment");
	s->facts = *facts;
	segments_file(facts->first_seq, file);
	if (open_events(sg, s, file, err) < 0 ||
	    segments_tries_open(sg, s, err) < 0) {
		free_segment(s);
		return err_wrap(err, "segment %s", file);
	}
	append_to_list(sg, s);
	return 0;
}

int
segments_open(struct bdb *db, struct bdb_table *meta,
    const struct segments_options *opt, struct segments **out, struct err *err)
{
	struct buf key = BUF_INIT(256), at = BUF_INIT(256),
		   value = BUF_INIT(4096);
	struct segments *sg = calloc(1, sizeof(*sg));
	struct record_segment facts;
	bool found;
	int ret = -1;

	if (sg == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the log");
	pthread_mutex_init(&sg->mutex, NULL);
	sg->db = db;
	sg->meta = meta;
	sg->opt = *opt;
	segments_configure(sg, opt->size_max, opt->age_s);
	if (buf_puts(&at, SEGMENTS_FACTS, err) < 0)
		goto out;
	for (;;) {
		if (bdb_find(meta, NULL, BDB_GT, buf_span(&at), &key, &value,
			&found, err) < 0)
			goto out;
		if (!found || !span_starts(buf_span(&key), SEGMENTS_FACTS))
			break;
		if (record_get_segment(buf_span(&value), &facts, err) < 0 ||
		    open_segment(sg, &facts, err) < 0)
			goto out;
		buf_clear(&at);
		if (buf_put_span(&at, buf_span(&key), err) < 0)
			goto out;
	}
	*out = sg;
	sg = NULL;
	ret = 0;
out:
	segments_close(sg);
	buf_free(&key);
	buf_free(&at);
	buf_free(&value);
	return ret;
}

void
segments_close(struct segments *sg)
{
	struct segment *s;

	if (sg == NULL)
		return;
	while ((s = sg->first) != NULL) {
		assert(s->pins == 0);
		take_off_list(sg, s);
		free_segment(s);
	}
	pthread_mutex_destroy(&sg->mutex);
	free(sg);
}

/* --- the committer's ----------------------------------------------------- */

static size_t
pages_of(size_t len)
{
	return (len + PAGE_ROOM - 1) / PAGE_ROOM;
}

size_t
segments_group(const size_t *sizes, size_t n)
{
	size_t i, len = RECORD_GROUP_HEAD, full = 0, shares = 0;

	for (i = 0; i < n; i++) {
		len += sizes[i];
		if (len <= GROUP_SHARES)
			shares = i + 1;
		/* At most a sixth of its pages is wasted. */
		else if (len >= pages_of(len) * PAGE_ROOM / 6 * 5)
			full = i + 1;
	}
	if (full > 0)
		return full;
	return shares > 0 ? shares : n;
}

size_t
segments_group_bytes(size_t len)
{
	/* Pages that are shared are full but for a seventh, most often. */
	return len > GROUP_SHARES ? pages_of(len) * PAGE : len + len / 7;
}

/* Closes the last segment, where there is one, and begins another. */
static int
roll(struct segments *sg, uint64_t first_seq, const struct store_clock *now,
    struct err *err)
{
	struct record_segment old, facts = { .first_seq = first_seq };
	struct segment *s = calloc(1, sizeof(*s));
	struct bdb_txn *txn = NULL;
	char file[BDB_FILE_MAX + 1];

	if (s == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a segment");
	facts.opened_ms = now->wall_ms;
	facts.opened_age_ms = now->age_ms;
	/* An empty segment counts as written to now. */
	facts.last_age_ms = now->age_ms;
	facts.last_seq = first_seq - 1;
	s->facts = facts;
	segments_file(first_seq, file);
	if (bdb_begin(sg->db, &txn, err) < 0)
		goto fail;
	if (sg->last != NULL) {
		old = sg->last->facts;
		old.closed = true;
		if (segments_save_facts(sg, txn, &old, err) < 0)
			goto fail;
	}
	if (segments_save_facts(sg, txn, &facts, err) < 0 ||
	    bdb_table_open(sg->db, txn, file, PAGE, true, &s->table, err) < 0)
		goto fail;
	if (bdb_commit(txn, err) < 0) {
		txn = NULL;
		goto fail;
	}
	if (sg->last != NULL) {
		pthread_mutex_lock(&sg->mutex);
		sg->last->facts.closed = true;
		pthread_mutex_unlock(&sg->mutex);
	}
	append_to_list(sg, s);
	return 0;
fail:
	/* A handle opened in a transaction is closed after it ended. */
	bdb_abort(txn);
	bdb_table_close(s->table);
	free(s);
	return err_wrap(err, "begin segment %s", file);
}

void
segments_configure(struct segments *sg, uint64_t size_max, int64_t age_s)
{
	sg->size_max = size_max;
	sg->age_s = age_s;
}

int
segments_prepare(struct segments *sg, uint64_t first_seq,
    const struct store_clock *now, struct err *err)
{
	const struct segment *s = sg->last;

	if (s != NULL && !s->facts.closed &&
	    s->facts.last_seq + 1 == first_seq &&
	    (s->facts.events == 0 ||
		(s->bytes < sg->size_max &&
		    now->age_ms - s->facts.opened_age_ms < sg->age_s * 1000)))
		return 0;
	return roll(sg, first_seq, now, err);
}

int64_t
segments_highest_ms(const struct segments *sg, int64_t ms)
{
	int64_t highest_ms = sg->last->facts.highest_ms;

	return highest_ms > ms ? highest_ms : ms;
}

int
segments_append(struct segments *sg, struct bdb_txn *txn, uint64_t first_seq,
    struct span group, struct err *err)
{
	unsigned char key[8];

	be64_put(key, first_seq);
	return bdb_put(
	    sg->last->table, txn, span_of(key, sizeof(key)), group, err);
}

void
segments_appended(struct segments *sg, uint64_t first_seq, uint64_t last_seq,
    uint32_t events, const struct store_clock *now, size_t bytes)
{
	struct segment *s = sg->last;

	pthread_mutex_lock(&sg->mutex);
	note(&s->facts, first_seq, last_seq, events, now->wall_ms, now->age_ms);
	s->bytes += bytes;
	pthread_mutex_unlock(&sg->mutex);
}

int
segments_save(struct segments *sg, struct bdb_txn *txn, struct err *err)
{
	if (sg->last == NULL || sg->last->facts.closed)
		return 0;
	return segments_save_facts(sg, txn, &sg->last->facts, err);
}

/* The events and their attempts go together, or stay. */
static int
drop(struct segments *sg, struct segment *s, struct err *err)
{
	char file[BDB_FILE_MAX + 1], tries_file[BDB_FILE_MAX + 1];
	uint64_t first_seq = s->facts.first_seq;
	bool has_events = s->table != NULL, has_tries = s->tries != NULL;
	struct bdb_txn *txn = NULL;

	segments_file(first_seq, file);
	segments_tries_file(first_seq, tries_file);
	free_segment(s);
	if (bdb_begin(sg->db, &txn, err) < 0)
		return -1;
	if (segments_forget_facts(sg, txn, first_seq, err) < 0 ||
	    (has_events && bdb_table_remove(sg->db, txn, file, err) < 0) ||
	    (has_tries && bdb_table_remove(sg->db, txn, tries_file, err) < 0)) {
		bdb_abort(txn);
		return err_wrap(err, "drop segment %s", file);
	}
	if (bdb_commit(txn, err) < 0 || bdb_flush(sg->db, err) < 0)
		return -1;
	segments_remove_aside(sg, file);
	segments_remove_aside(sg, tries_file);
	return 0;
}

int
segments_oldest_due(struct segments *sg, const struct store_clock *now,
    int64_t before_age_ms, uint64_t bytes_max, struct record_segment *out,
    bool *due, struct err *err)
{
	struct segments_totals totals;
	const struct segment *s = sg->last;

	/* What nobody writes to any more must grow old too. */
	if (s != NULL && !s->facts.closed && s->facts.events > 0 &&
	    s->facts.last_age_ms < before_age_ms &&
	    roll(sg, s->facts.last_seq + 1, now, err) < 0)
		return -1;
	segments_totals(sg, &totals);
	s = sg->first;
	*due =
	    s != NULL && s->facts.closed &&
	    (s->facts.last_age_ms < before_age_ms || totals.bytes > bytes_max);
	if (*due)
		*out = s->facts;
	return 0;
}

int
segments_drop_oldest(struct segments *sg, bool *dropped, struct err *err)
{
	struct segment *s;

	pthread_mutex_lock(&sg->mutex);
	s = sg->first;
	*dropped = s != NULL && s->pins == 0;
	if (*dropped)
		take_off_list(sg, s);
	pthread_mutex_unlock(&sg->mutex);
	return *dropped ? drop(sg, s, err) : 0;
}
