/*
 * segments.h: the event log as a row of tables, each closed at a size or an
 * age and dropped whole. The store's committer alone appends and drops; any
 * thread reads what it has pinned.
 *
 * Within a segment there are no gaps: a group begins where the one before
 * ends, the first one with the segment, and the last one ends with it. So
 * whoever looks for a seq knows whether something is missing, whatever the
 * library says of a file (it takes a page of zeros for one never written).
 * Then the file is noted as damaged (bdb_note_damaged), and the look fails
 * with ERR_CORRUPT.
 *
 * A file that cannot be mended is set aside before the segments are opened: it
 * lies in the home as SEGMENTS_ASIDE and its name (or is empty: it was gone).
 * It is read page by page from then on, by salvage.h; what it lacks is lost.
 */
#ifndef EYELET_LIB_LOG_SEGMENTS_H
#define EYELET_LIB_LOG_SEGMENTS_H

#include "lib/bdb/bdb.h"
#include "lib/log/record.h"

struct segments;
struct segment;

#define SEGMENTS_ASIDE "damaged-"
#define SEGMENTS_PAGE_SIZE 8192 /* of events-* */

struct segments_options {
	const char *home; /* folder of the tables; stays while they are open */
	uint64_t size_max; /* bytes after which a segment is closed */
	int64_t age_s;
};

/*
 * Opens the segments that meta names. Counts again what was appended to the
 * last one after its totals were saved. ERR_CORRUPT: one is damaged or missing
 * (bdb_damaged names it).
 */
int segments_open(struct bdb *db, struct bdb_table *meta,
    const struct segments_options *opt, struct segments **out, struct err *err);
/* Other limits, from the next event on. Any thread. */
void segments_configure(struct segments *sg, uint64_t size_max, int64_t age_s);
void segments_close(struct segments *sg);

/* --- the committer's ----------------------------------------------------- */

/*
 * Sees to an open segment with room, in a transaction of its own. Called
 * before a batch whose first event will be first_seq; cheap when all is well.
 */
int segments_prepare(struct segments *sg, uint64_t first_seq,
    const struct store_clock *now, struct err *err);

/* The highest received_ms of the open segment, or ms where that is higher. */
int64_t segments_highest_ms(const struct segments *sg, int64_t ms);

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
void
segments_appended(struct segments *sg, uint64_t first_seq, uint64_t last_seq,
    uint32_t events, const struct store_clock *now, size_t bytes);

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
 * that has grown old is closed here), and its last event came before the
 * store had this age, or all together pass bytes_max. *due is false otherwise.
 */
int segments_oldest_due(struct segments *sg, const struct store_clock *now,
    int64_t before_age_ms, uint64_t bytes_max, struct record_segment *out,
    bool *due, struct err *err);

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
/* The first one with an event received at or after ms, pinned, or NULL ... */
struct segment *segments_pin_since(struct segments *sg, int64_t ms);
/* ... or the last one with an event received before ms. */
struct segment *segments_pin_before(struct segments *sg, int64_t ms);

/* Its facts now. */
void segment_facts(
    struct segments *sg, const struct segment *s, struct record_segment *out);

/*
 * The group that holds seq, *first being its first seq; where that is lost, or
 * seq is not in s, the next one upwards (or downwards). *found is false when
 * there is none in s. Committed groups, durable or not. ERR_CORRUPT.
 */
int segment_group(struct segments *sg, struct segment *s, uint64_t seq,
    bool upwards, uint64_t *first, struct buf *group, bool *found,
    struct err *err);

/* As store_attempts, of a seq in s. */
int segment_attempts(struct segments *sg, struct segment *s, uint64_t seq,
    uint64_t destination_id,
    int (*visit)(void *arg, const struct store_attempt *a, struct err *err),
    void *arg, struct err *err);

struct segments_totals {
	uint64_t count, events, bytes;
	uint64_t damaged, lost; /* segments set aside; events they lack */
	uint64_t first_seq, last_seq; /* 0: no event */
	int64_t first_ms, last_ms;
	int64_t last_age_ms; /* at the last event */
};

void segments_totals(struct segments *sg, struct segments_totals *out);

/*
 * Bytes of those that retention wants gone (see segments_oldest_due) and that
 * hold seq, or come behind it.
 */
uint64_t segments_due_bytes(struct segments *sg, int64_t before_age_ms,
    uint64_t bytes_max, uint64_t seq);

/* --- damage --------------------------------------------------------------- */

struct segments_lost {
	uint64_t first, last; /* seq */
};

enum segments_lost_which {
	SEGMENTS_LOST_ALL,
	SEGMENTS_LOST_UNSETTLED, /* no dead letters yet: segments_settle */
	SEGMENTS_LOST_UNACCEPTED /* segments_accept */
};

/* Visits what damaged segments lack, upwards. */
int segments_each_lost(struct segments *sg, enum segments_lost_which which,
    int (*visit)(void *arg, const struct segments_lost *lost, struct err *err),
    void *arg, struct err *err);
bool segments_is_lost(struct segments *sg, uint64_t seq);

/* The committer's, or before it runs: records that they are dead letters. */
int segments_settle(struct segments *sg, struct bdb_txn *txn, struct err *err);
/* The committer's: records that an operator accepted all that is lost. */
int segments_accept(struct segments *sg, struct bdb_txn *txn, struct err *err);

/* Visits the tables' file names, for verifying and copying; none set aside. */
int segments_files(struct segments *sg,
    int (*visit)(void *arg, const char *file, bool closed, struct err *err),
    void *arg, struct err *err);

#endif
