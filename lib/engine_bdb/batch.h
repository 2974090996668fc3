/*
 * batch.h: what the committer's files share of a batch: judging an item,
 * holding an event, remembering a message that is ignored. Private to the
 * store's files.
 */
#ifndef EYELET_LIB_ENGINE_BDB_BATCH_H
#define EYELET_LIB_ENGINE_BDB_BATCH_H

#include "lib/engine_bdb/impl.h"

/* What a batch has put so far. */
struct store_batch {
	struct store *st;
	struct bdb_txn *txn;
	struct store_clock now;
	uint64_t next_seq;
	const struct event *events[COMMIT_BATCH_MAX]; /* for the log */
	size_t nevents;
	size_t bytes; /* of the log */
};

/* engine_bdb/accept.c */
/* Gives the item's event a seq and a place in the batch's log. */
void store_batch_append(struct store_batch *ba, struct store_item *item);

/* engine_bdb/judge.c */
/* Judges an item that is no test, and does what follows. */
int
store_judge(struct store_batch *ba, struct store_item *item, struct err *err);

/* engine_bdb/test.c: the same of a test event, by what store.h says of them. */
int
store_test(struct store_batch *ba, struct store_item *item, struct err *err);

/* Did its signed content come before, by what is committed? Any thread. */
int store_test_repeats(struct store *st, const struct store_item *item,
    bool *repeats, struct err *err);

/* engine_bdb/held.c */
enum store_held_fit {
	STORE_HELD_FULL, /* it is one more than may be held */
	STORE_HELD_KEPT,
	STORE_HELD_COUNTED /* a repeat, and enough of them are kept */
};

/* The row of a held event, in txn or committed; else as store_held_get. */
int store_held_find(struct store *st, struct bdb_txn *txn, uint64_t seq,
    struct store_held *out, struct buf *scratch, bool *found, struct err *err);

/*
 * In the committer: h is to be held. repeats: its content is that of an event
 * that is there, so that counting it loses nothing.
 */
int store_held_put(struct store *st, struct bdb_txn *txn,
    const struct store_held *h, bool repeats, int64_t wall_ms,
    enum store_held_fit *out, struct err *err);

/* Does one wait that is not above last_seq? */
int store_held_needs(
    struct store *st, uint64_t last_seq, bool *needed, struct err *err);

/* With store_run, until there is no more: rows that are not above last_seq. */
#define STORE_HELD_AT_ONCE 200
struct store_held_forgetting {
	uint64_t last_seq;
	uint64_t waited; /* counts those that were waiting */
	bool more;
};
int store_held_forget(struct store_tx *tx, void *arg, struct err *err);

/* engine_bdb/ignored.c: the committer's */
int store_ignored_find(struct store *st, struct bdb_txn *txn,
    uint64_t endpoint_id, const unsigned char key[DEDUPE_KEY_SIZE],
    struct record_dedupe *out, bool *found, struct err *err);
/*
 * Puts rec under the keys of a message that writes names. The oldest message
 * of the endpoint goes when there are ignored_max; ERR_LIMIT when it is not
 * older than window_ms.
 */
int store_ignored_put(struct store *st, struct bdb_txn *txn,
    uint64_t endpoint_id, const struct dedupe_hashes *hashes, unsigned writes,
    const struct record_dedupe *rec, int64_t window_ms, struct err *err);

#endif
