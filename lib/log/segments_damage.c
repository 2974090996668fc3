/* segments_damage.c: groups that are not where they must be. */
#include "lib/log/segments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/log/segments_impl.h"

/* --- files that were set aside -------------------------------------------- */

static void
path_of(const struct segments *sg, const char *file, char *out, size_t room)
{
	snprintf(out, room, "%s/" SEGMENTS_ASIDE "%s", sg->opt.home, file);
}

int
segments_is_aside(
    const struct segments *sg, const char *file, bool *aside, struct err *err)
{
	char name[sizeof(SEGMENTS_ASIDE) + BDB_FILE_MAX];

	snprintf(name, sizeof(name), SEGMENTS_ASIDE "%s", file);
	return files_exist(sg->opt.home, name, aside, err);
}

void
segments_remove_aside(const struct segments *sg, const char *file)
{
	char path[4096];

	path_of(sg, file, path, sizeof(path));
	(void)unlink(path);
}

int
segments_damaged(struct segments *sg, const struct segment *s,
    const char *words, struct err *err)
{
	char file[BDB_FILE_MAX + 1], why[sizeof(err->text)];

	snprintf(why, sizeof(why), "%s", words);
	segments_file(s->facts.first_seq, file);
	bdb_note_damaged(sg->db, file);
	return err_set(err, ERR_CORRUPT, "%s is damaged: %s", file, why);
}

/* Is seq held by the group that begins at first? */
static int
holds(struct span group, uint64_t first, uint64_t seq, bool *held,
    struct err *err)
{
	struct record_group g;

	if (record_group_open(group, first, &g, err) < 0)
		return -1;
	*held = seq >= first && seq - first < g.left;
	return 0;
}

int
segments_look(struct segments *sg, struct segment *s, struct err *err)
{
	struct buf group = BUF_INIT(BDB_RECORD_MAX);
	uint64_t first;
	bool found;
	int ret;

	if (s->facts.events == 0)
		return 0;
	if (s->facts.events != s->facts.last_seq - s->facts.first_seq + 1)
		return segments_damaged(sg, s, "its totals are wrong", err);
	ret = segment_group(
	    sg, s, s->facts.last_seq, true, &first, &group, &found, err);
	buf_free(&group);
	return ret;
}

/* --- what is lost --------------------------------------------------------- */

static int
add_lost(struct segment *s, uint64_t first, uint64_t last, struct err *err)
{
	struct segments_lost *grown;

	if (first > last)
		return 0;
	grown = realloc(s->lost, (s->nlost + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a segment");
	s->lost = grown;
	s->lost[s->nlost].first = first;
	s->lost[s->nlost++].last = last;
	s->events_lost += last - first + 1;
	return 0;
}

/* The record i, if it is a group; *count is 0 when it is none. */
static int
get_group(const struct segment *s, size_t i, uint64_t *first, uint32_t *count,
    struct buf *group, struct err *err)
{
	struct span key = salvage_key(s->salvage, i);
	struct err why = ERR_INIT;
	struct record_group g;
	bool found;

	*count = 0;
	if (salvage_get(s->salvage, i, group, &found, err) < 0)
		return -1;
	if (!found || key.len != 8)
		return 0;
	*first = be64_get(key.ptr);
	if (record_group_open(buf_span(group), *first, &g, &why) == 0)
		*count = g.left;
	return 0;
}

static int
find_lost(struct segment *s, struct err *err)
{
	struct buf group = BUF_INIT(BDB_RECORD_MAX);
	uint64_t expected = s->facts.first_seq, first;
	size_t i, n = salvage_count(s->salvage);
	uint32_t count;
	int ret = -1;

	for (i = 0; i < n; i++) {
		if (get_group(s, i, &first, &count, &group, err) < 0)
			goto out;
		if (count == 0 || first < expected)
			continue;
		if (add_lost(s, expected, first - 1, err) < 0)
			goto out;
		expected = first + count;
	}
	/* The totals of one that was open may be older than its end. */
	if (expected > s->facts.last_seq + 1)
		s->facts.last_seq = expected - 1;
	s->facts.events = s->facts.last_seq - s->facts.first_seq + 1;
	ret = add_lost(s, expected, s->facts.last_seq, err);
out:
	buf_free(&group);
	return ret;
}

int
segments_salvage(struct segments *sg, struct segment *s, struct err *err)
{
	char path[4096], file[BDB_FILE_MAX + 1];
	struct stat sb;

	segments_file(s->facts.first_seq, file);
	path_of(sg, file, path, sizeof(path));
	if (stat(path, &sb) == 0)
		s->bytes = (size_t)sb.st_size;
	s->facts.closed = true;
	if (salvage_open(path, SEGMENTS_PAGE_SIZE, &s->salvage, err) < 0)
		return -1;
	return find_lost(s, err);
}

static bool
is_wanted(const struct segment *s, enum segments_lost_which which)
{
	switch (which) {
	case SEGMENTS_LOST_ALL:
		return true;
	case SEGMENTS_LOST_UNSETTLED:
		return !s->facts.damaged;
	case SEGMENTS_LOST_UNACCEPTED:
		return !s->facts.accepted;
	}
	return false;
}

int
segments_each_lost(struct segments *sg, enum segments_lost_which which,
    int (*visit)(void *arg, const struct segments_lost *lost, struct err *err),
    void *arg, struct err *err)
{
	struct segment *s = segments_pin(sg, 0), *next;
	size_t i;
	int ret = 0;

	while (s != NULL && ret == 0) {
		if (is_wanted(s, which))
			for (i = 0; i < s->nlost && ret == 0; i++)
				ret = visit(arg, &s->lost[i], err);
		next = segments_pin_next(sg, s);
		segment_unpin(sg, s);
		s = next;
	}
	if (ret != 0)
		segment_unpin(sg, s);
	return ret < 0 ? -1 : 0;
}

static int
compare_lost(void *arg, const struct segments_lost *lost, struct err *err)
{
	uint64_t *seq = arg;

	(void)err;
	if (*seq < lost->first || *seq > lost->last)
		return 0;
	*seq = 0;
	return 1;
}

bool
segments_is_lost(struct segments *sg, uint64_t seq)
{
	struct err err = ERR_INIT;

	return segments_each_lost(
		   sg, SEGMENTS_LOST_ALL, compare_lost, &seq, &err) == 0 &&
	       seq == 0;
}

int
segments_settle(struct segments *sg, struct bdb_txn *txn, struct err *err)
{
	struct segment *s;

	for (s = sg->first; s != NULL; s = s->next) {
		if (s->salvage == NULL || s->facts.damaged)
			continue;
		s->facts.damaged = true;
		if (segments_save_facts(sg, txn, &s->facts, err) < 0)
			return -1;
	}
	return 0;
}

int
segments_accept(struct segments *sg, struct bdb_txn *txn, struct err *err)
{
	struct segment *s;

	for (s = sg->first; s != NULL; s = s->next) {
		if (s->nlost == 0 || s->facts.accepted)
			continue;
		s->facts.accepted = true;
		if (segments_save_facts(sg, txn, &s->facts, err) < 0)
			return -1;
	}
	return 0;
}

/* --- groups --------------------------------------------------------------- */

static int
find_salvaged(const struct segment *s, uint64_t seq, bool upwards,
    uint64_t *first, struct buf *group, bool *found, struct err *err)
{
	unsigned char key[8];
	size_t n = salvage_count(s->salvage), i;
	uint32_t count;

	be64_put(key, seq);
	i = salvage_seek(s->salvage, span_of(key, sizeof(key)));
	/* The group before may reach so far. */
	if (i > 0 && (i == n || !span_eq(salvage_key(s->salvage, i),
				    span_of(key, sizeof(key)))))
		i--;
	for (; i < n; i = upwards ? i + 1 : i - 1) {
		if (get_group(s, i, first, &count, group, err) < 0)
			return -1;
		*found = count > 0 &&
			 (upwards ? *first + count > seq : *first <= seq);
		if (*found || (!upwards && i == 0))
			return 0;
	}
	return 0;
}

static int
find_whole(struct segments *sg, struct segment *s, uint64_t seq,
    uint64_t *first, struct buf *group, bool *found, struct err *err)
{
	struct buf key = BUF_INIT(64);
	bool held = false;
	int ret;

	ret = segments_find(s, BDB_LE, seq, &key, group, found, err);
	if (ret == 0 && *found) {
		*first = be64_get(key.ptr);
		ret = holds(buf_span(group), *first, seq, &held, err);
	}
	buf_free(&key);
	if (ret < 0 && err->code != ERR_CORRUPT)
		return -1;
	if (ret == 0 && held)
		return 0;
	*found = false;
	return segments_damaged(
	    sg, s, ret < 0 ? err->text : "an event is missing in it", err);
}

int
segment_group(struct segments *sg, struct segment *s, uint64_t seq,
    bool upwards, uint64_t *first, struct buf *group, bool *found,
    struct err *err)
{
	struct record_segment facts;

	*found = false;
	segment_facts(sg, s, &facts);
	if (facts.events == 0 ||
	    (upwards ? seq > facts.last_seq : seq < facts.first_seq))
		return 0;
	if (seq < facts.first_seq)
		seq = facts.first_seq;
	if (seq > facts.last_seq)
		seq = facts.last_seq;
	if (s->salvage != NULL)
		return find_salvaged(s, seq, upwards, first, group, found, err);
	return find_whole(sg, s, seq, first, group, found, err);
}
