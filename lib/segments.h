/*
 * segments.h: the event log as a row of tables, each closed at a size or an
 * age and dropped whole. The store's committer alone appends and drops; any
 * thread reads what it has pinned.
 */
#ifndef EYELET_LIB_SEGMENTS_H
#define EYELET_LIB_SEGMENTS_H

#include "lib/bdb.h"
#include "lib/record.h"

struct segments;
struct segment;

struct segments_options {
	uint64_t size_max; /* bytes after which a segment is closed */
	int64_t age_s;
};

/*
 * Opens the segments that meta names. Counts again what was appended to the
 * last one after its totals were saved.
 */
int segments_open(struct bdb *db, struct bdb_table *meta,
    const struct segments_options *opt, struct segments **out, struct err *err);
void segments_close(struct segments *sg);

/* --- the committer's ----------------------------------------------------- */

/*
 * Sees to an open segment with room, in a transaction of its own. Called
 * before a batch whose first event will be first_seq; cheap when all is well.
 */
int segments_prepare(
    struct segments *sg, uint64_t first_seq, int64_t now_ms, struct err *err);

/*
 * Of how many events the next group should be made, of n whose sizes these
 * are (record_event_size): as many as fill pages of the log, or few enough to
 * share one with others. Never 0.
 */
size_t segments_group(const size_t *sizes, size_t n);
/* What a group of so many bytes takes in the file, about. */
size_t segments_group_bytes(size_t len);

/* Appends a group; segments_appended makes it known once txn is committed. */
int segments_append(struct segments *sg, struct bdb_txn *txn,
    uint64_t first_seq, struct span group, struct err *err);
void segments_appended(struct segments *sg, uint64_t last_seq, uint32_t events,
    int64_t last_ms, size_t bytes);

/* Saves the open segment's totals, so that the next open counts little. */
int segments_save(struct segments *sg, struct bdb_txn *txn, struct err *err);

/*
 * Puts an attempt beside its event; one whose event is not in the log is
 * left out. When txn has ended, segments_attempts_end says how.
 */
int segments_put_attempt(struct segments *sg, struct bdb_txn *txn,
    const struct store_attempt *a, struct err *err);
void segments_attempts_end(struct segments *sg, bool committed);

/*
 * The oldest segment, if retention wants it gone: it is closed (an open one
 * that has grown old is closed here), and its last event is older than
 * before_ms, or all together pass bytes_max. *due is false otherwise.
 */
int segments_oldest_due(struct segments *sg, int64_t now_ms, int64_t before_ms,
    uint64_t bytes_max, struct record_segment *out, bool *due, struct err *err);

/* Drops the oldest; *dropped is false while somebody has pinned it. */
int segments_drop_oldest(struct segments *sg, bool *dropped, struct err *err);

/* The first seq of the oldest; 0: there is none. */
uint64_t segments_first_seq(struct segments *sg);

/* --- any thread's -------------------------------------------------------- */

/*
 * The segment that would hold seq (the last one that begins at or before it),
 * or the first one when seq is before all; NULL when there is none. Held
 * until segment_unpin.
 */
struct segment *segments_pin(struct segments *sg, uint64_t seq);
/* The one behind (or before) s, pinned, or NULL. */
struct segment *segments_pin_next(struct segments *sg, const struct segment *s);
struct segment *segments_pin_prev(struct segments *sg, const struct segment *s);
void segment_unpin(struct segments *sg, struct segment *s);

/* Its facts now. */
void segment_facts(
    struct segments *sg, const struct segment *s, struct record_segment *out);

/* The group at or after (GE), or before (LE) a seq. See bdb_find. */
int segment_find(struct segment *s, enum bdb_seek seek, uint64_t seq,
    struct buf *key, struct buf *group, bool *found, struct err *err);

/* As store_attempts, of a seq in s. */
int segment_attempts(struct segments *sg, struct segment *s, uint64_t seq,
    uint64_t destination_id,
    int (*visit)(void *arg, const struct store_attempt *a, struct err *err),
    void *arg, struct err *err);

struct segments_totals {
	uint64_t count, events, bytes;
	uint64_t first_seq, last_seq; /* 0: no event */
	int64_t first_ms, last_ms;
};

void segments_totals(struct segments *sg, struct segments_totals *out);

/*
 * Bytes of those that retention wants gone (see segments_oldest_due) and that
 * hold seq, or come behind it.
 */
uint64_t segments_due_bytes(
    struct segments *sg, int64_t before_ms, uint64_t bytes_max, uint64_t seq);

/* Visits the tables' file names, for verifying and copying. */
int segments_files(struct segments *sg,
    int (*visit)(void *arg, const char *file, bool closed, struct err *err),
    void *arg, struct err *err);

#endif
