/* read.c: readers of the log, and what is known of an id. */
#include "lib/engine_bdb/impl.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/encode.h"

/* Between which two events the reader stands. */
struct store_reader {
	struct store *st;
	struct segment *segment; /* pinned; NULL: none chosen yet */
	uint64_t below; /* the next downwards is the last one < below */
	uint64_t above; /* the next upwards is the first one >= above */
	struct buf group;
	uint64_t group_first; /* first seq of what is in group; 0: nothing */
	uint64_t group_end; /* the seq behind its last */
	struct record_group walk; /* upwards through group */
	/* Downwards: where each entry of group begins that was not given yet.
	 */
	struct record_group *marks;
	size_t nmarks, marks_room;
	bool marked; /* marks are of this group and of below */
	bool shows_held;
};

int
store_reader_open(struct store *st, struct store_reader **out, struct err *err)
{
	struct store_reader *rd = calloc(1, sizeof(*rd));

	if (rd == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a reader");
	rd->st = st;
	rd->group.max = BDB_RECORD_MAX;
	rd->above = 0;
	rd->below = UINT64_MAX;
	*out = rd;
	return 0;
}

/* Moves the pin to s, which is pinned already (or NULL). */
static void
hold(struct store_reader *rd, struct segment *s)
{
	segment_unpin(rd->st->segments, rd->segment);
	rd->segment = s;
}

void
store_reader_close(struct store_reader *rd)
{
	if (rd == NULL)
		return;
	hold(rd, NULL);
	buf_free(&rd->group);
	free(rd->marks);
	free(rd);
}

void
store_reader_seek(struct store_reader *rd, uint64_t seq)
{
	hold(rd, NULL);
	rd->group_first = 0;
	rd->marked = false;
	rd->above = rd->below = seq;
}

/* The group was found: everything in it is durable, or nothing. */
static int
open_group(struct store_reader *rd, uint64_t first, struct err *err)
{
	rd->group_first = first;
	rd->marked = false;
	if (record_group_open(buf_span(&rd->group), first, &rd->walk, err) < 0)
		return -1;
	rd->group_end = first + rd->walk.left;
	return 0;
}

/*
 * Loads the group that holds the next event upwards, or downwards, going over
 * to the next segments. Only durable ones are seen. Where the log should have
 * an event and has none, nothing that is answered can be right any more: the
 * store is fenced, and the next open mends it.
 */
static int
load(struct store_reader *rd, bool upwards, bool *found, struct err *err)
{
	struct segments *sg = rd->st->segments;
	uint64_t durable = atomic_load(&rd->st->durable_seq), seq, first;
	struct segment *s;

	*found = false;
	rd->group_first = 0;
	rd->marked = false;
	seq = upwards ? rd->above : rd->below;
	if (durable == 0 || (upwards ? seq > durable : seq <= 1))
		return 0;
	if (!upwards)
		seq = seq - 1 < durable ? seq - 1 : durable;
	if (rd->segment == NULL)
		rd->segment = segments_pin(sg, seq);
	while (rd->segment != NULL) {
		if (segment_group(sg, rd->segment, seq, upwards, &first,
			&rd->group, found, err) < 0) {
			store_wake(rd->st);
			return -1;
		}
		if (*found)
			return open_group(rd, first, err);
		s = upwards ? segments_pin_next(sg, rd->segment)
			    : segments_pin_prev(sg, rd->segment);
		if (s == NULL && upwards)
			return 0; /* stay: more may come here */
		hold(rd, s);
	}
	return 0;
}

/* The first event at or above rd->above in the loaded group. */
static int
first_above(
    struct store_reader *rd, struct event *ev, bool *found, struct err *err)
{
	do {
		if (record_group_next(&rd->walk, ev, found, err) < 0)
			return -1;
	} while (*found && ev->seq < rd->above);
	return 0;
}

static int
next_event(
    struct store_reader *rd, struct event *ev, bool *found, struct err *err)
{
	bool loaded = rd->group_first != 0;

	*found = false;
	if (rd->above > atomic_load(&rd->st->durable_seq))
		return 0;
	if (!loaded && load(rd, true, &loaded, err) < 0)
		return -1;
	while (loaded) {
		if (first_above(rd, ev, found, err) < 0)
			return -1;
		if (*found) {
			rd->above = ev->seq + 1;
			rd->below = ev->seq;
			rd->marked = false;
			return 0;
		}
		/* Its last event is passed. */
		if (rd->above < rd->group_end)
			rd->above = rd->group_end;
		if (load(rd, true, &loaded, err) < 0)
			return -1;
	}
	return 0;
}

static bool
is_passed_over(const struct store_reader *rd, const struct event *ev)
{
	return (ev->flags & EVENT_HELD) != 0 && !rd->shows_held;
}

int
store_reader_next(
    struct store_reader *rd, struct event *ev, bool *found, struct err *err)
{
	do {
		if (next_event(rd, ev, found, err) < 0)
			return -1;
	} while (*found && is_passed_over(rd, ev));
	return 0;
}

void
store_reader_show_held(struct store_reader *rd)
{
	rd->shows_held = true;
}

static int
put_mark(
    struct store_reader *rd, const struct record_group *mark, struct err *err)
{
	size_t room = rd->marks_room == 0 ? 64 : rd->marks_room * 2;
	struct record_group *grown;

	if (rd->nmarks == rd->marks_room) {
		grown = realloc(rd->marks, room * sizeof(*grown));
		if (grown == NULL)
			return err_set(err, ERR_NOMEM, "no memory for a group");
		rd->marks = grown;
		rd->marks_room = room;
	}
	rd->marks[rd->nmarks++] = *mark;
	return 0;
}

/*
 * Entries are linked upwards only: one walk notes where those below rd->below
 * begin, and then they are given from the last one on.
 */
static int
mark_entries(struct store_reader *rd, struct err *err)
{
	struct record_group walk, before;
	struct event ev;
	bool more;

	rd->nmarks = 0;
	if (record_group_open(
		buf_span(&rd->group), rd->group_first, &walk, err) < 0)
		return -1;
	for (;;) {
		before = walk;
		if (record_group_next(&walk, &ev, &more, err) < 0)
			return -1;
		if (!more || ev.seq >= rd->below)
			break;
		if (put_mark(rd, &before, err) < 0)
			return -1;
	}
	rd->marked = true;
	return 0;
}

/* The last event below rd->below in the loaded group. */
static int
last_below(
    struct store_reader *rd, struct event *out, bool *found, struct err *err)
{
	struct record_group at;

	*found = false;
	if (!rd->marked && mark_entries(rd, err) < 0)
		return -1;
	if (rd->nmarks == 0)
		return 0;
	at = rd->marks[--rd->nmarks];
	rd->walk = at; /* upwards goes on from here */
	return record_group_next(&at, out, found, err);
}

static int
prev_event(
    struct store_reader *rd, struct event *ev, bool *found, struct err *err)
{
	bool loaded = rd->group_first != 0;

	*found = false;
	if (!loaded && load(rd, false, &loaded, err) < 0)
		return -1;
	while (loaded) {
		if (last_below(rd, ev, found, err) < 0)
			return -1;
		if (*found) {
			rd->above = ev->seq + 1;
			rd->below = ev->seq;
			return 0;
		}
		if (rd->below > rd->group_first)
			rd->below = rd->group_first;
		if (load(rd, false, &loaded, err) < 0)
			return -1;
	}
	return 0;
}

int
store_reader_prev(
    struct store_reader *rd, struct event *ev, bool *found, struct err *err)
{
	do {
		if (prev_event(rd, ev, found, err) < 0)
			return -1;
	} while (*found && is_passed_over(rd, ev));
	return 0;
}

enum bisecting {
	BY_HIGHEST, /* received_ms up to an event, in its segment */
	BY_RECEIVED, /* where the wall clock was not set back */
	BY_AGE
};

/*
 * The first seq from low on, and before high, whose event is not before ms; or
 * high. Halving, since what is judged by never goes down.
 */
static int
bisect(struct store_reader *rd, uint64_t *low, uint64_t high, int64_t ms,
    enum bisecting by, struct err *err)
{
	struct event ev;
	uint64_t middle;
	int64_t at_ms;
	bool found;

	while (*low < high) {
		middle = *low + (high - *low) / 2;
		store_reader_seek(rd, middle);
		if (store_reader_next(rd, &ev, &found, err) < 0)
			return -1;
		if (!found || ev.seq >= high) {
			high = middle;
			continue;
		}
		at_ms = by == BY_HIGHEST ? rd->walk.highest_ms
			: by == BY_AGE   ? ev.age_ms
					 : ev.received_ms;
		if (at_ms >= ms)
			high = middle;
		else
			*low = ev.seq + 1;
	}
	return 0;
}

static int
seek_in(struct store_reader *rd, struct segment *s, int64_t ms, bool end,
    struct err *err)
{
	uint64_t durable = atomic_load(&rd->st->durable_seq), low, high;
	struct record_segment facts;

	segment_facts(rd->st->segments, s, &facts);
	low = facts.first_seq;
	high = facts.last_seq + 1;
	if (end && facts.back_seq > low)
		low = facts.back_seq;
	/* No reader sees an event before it is durable. */
	if (high > durable + 1)
		high = durable + 1;
	if (low > high)
		low = high;
	if (bisect(rd, &low, high, ms, end ? BY_RECEIVED : BY_HIGHEST, err) < 0)
		return -1;
	store_reader_seek(rd, low);
	return 0;
}

/* To the first with received_ms >= this (see store_seq_at) ... */
static int
seek_time(struct store_reader *rd, int64_t ms, struct err *err)
{
	struct segments *sg = rd->st->segments;
	uint64_t behind = atomic_load(&rd->st->durable_seq) + 1;
	struct segment *s = segments_pin_since(sg, ms);
	int ret = 0;

	if (s == NULL)
		store_reader_seek(rd, behind);
	else
		ret = seek_in(rd, s, ms, false, err);
	segment_unpin(sg, s);
	return ret;
}

/* ... or the first from which on none has received_ms < this, about. */
static int
seek_end(struct store_reader *rd, int64_t ms, struct err *err)
{
	struct segments *sg = rd->st->segments;
	struct segment *s = segments_pin_before(sg, ms);
	int ret = 0;

	if (s == NULL)
		store_reader_seek(rd, 0);
	else
		ret = seek_in(rd, s, ms, true, err);
	segment_unpin(sg, s);
	return ret;
}

int
store_reader_seek_age(struct store_reader *rd, int64_t age_ms, struct err *err)
{
	uint64_t low = 0, high = atomic_load(&rd->st->durable_seq) + 1;

	if (bisect(rd, &low, high, age_ms, BY_AGE, err) < 0)
		return -1;
	store_reader_seek(rd, low);
	return 0;
}

/* The seq that seek finds; the next one to come where there is none. */
static int
seq_of(struct store *st,
    int (*seek)(struct store_reader *rd, int64_t ms, struct err *err),
    int64_t ms, uint64_t *seq, struct err *err)
{
	struct store_reader *rd = NULL;
	struct event ev;
	bool found;
	int ret = -1;

	if (store_reader_open(st, &rd, err) < 0)
		return -1;
	/* Before the look: what comes meanwhile is received later. */
	*seq = atomic_load(&st->durable_seq) + 1;
	if (seek(rd, ms, err) < 0 ||
	    store_reader_next(rd, &ev, &found, err) < 0)
		goto out;
	if (found)
		*seq = ev.seq;
	ret = 0;
out:
	store_reader_close(rd);
	return ret;
}

int
store_seq_at(struct store *st, int64_t ms, uint64_t *seq, struct err *err)
{
	return seq_of(st, seek_time, ms, seq, err);
}

int
store_seq_end(struct store *st, int64_t ms, uint64_t *seq, struct err *err)
{
	return seq_of(st, seek_end, ms, seq, err);
}

int
store_key_of_id(struct store *st, uint64_t endpoint_id, struct span id,
    unsigned char key[DEDUPE_KEY_SIZE], struct err *err)
{
	const size_t skip = sizeof(STORE_DIGEST_ID) - 1;
	unsigned char digest[DIGEST_SHA256];
	enum dedupe_key kind = DEDUPE_ID;
	size_t len;

	if (span_starts(id, STORE_DIGEST_ID) &&
	    encode_read(ENCODING_HEX, span_skip(id, skip), digest,
		sizeof(digest), &len) &&
	    len == sizeof(digest)) {
		kind = DEDUPE_PAYLOAD;
		id = span_of(digest, len);
	}
	return dedupe_hash_one(
	    st->dedupe_secret, endpoint_id, kind, id, key, err);
}

int
store_seen(struct store *st, uint64_t endpoint_id, struct span id,
    struct store_seen *out, bool *found, struct err *err)
{
	unsigned char key[DEDUPE_KEY_SIZE];
	struct record_dedupe rec;

	if (store_key_of_id(st, endpoint_id, id, key, err) < 0 ||
	    dedupe_get(st->dedupe, NULL, endpoint_id, key, &rec, found, err) <
		0)
		return -1;
	/* Not durable yet: not known yet. */
	if (*found && rec.first.seq > atomic_load(&st->durable_seq))
		*found = false;
	if (*found) {
		out->seq = rec.first.seq;
		out->first_ms = rec.first_ms;
		out->last_ms = rec.last_ms;
		out->duplicates = rec.duplicates;
	}
	return 0;
}

bool
store_wait(struct store *st, uint64_t seq, int timeout_ms)
{
	struct timespec until;
	bool there;

	store_deadline_in(&until, timeout_ms);
	pthread_mutex_lock(&st->wait_mutex);
	while (!(there = atomic_load(&st->durable_seq) > seq) &&
	       pthread_cond_timedwait(
		   &st->wait_cond, &st->wait_mutex, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&st->wait_mutex);
	return there;
}
