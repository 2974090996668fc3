/*
 * seen.h: the memory of event ids (P2), in partitions of age (age.h):
 * one table each, dropped whole when its time is past. The store's committer
 * alone changes it; any thread may look.
 */
#ifndef EYELET_LIB_SEEN_H
#define EYELET_LIB_SEEN_H

#include "lib/bdb.h"
#include "lib/record.h"

#define SEEN_KEY 16 /* bytes of a key: cut keyed SHA-256 */
#define SEEN_SECRET 32 /* bytes that key the hash, per store */

enum seen_kind {
	SEEN_ID = 'i', /* the id that the provider gave */
	SEEN_DIGEST =
	    'n', /* the event has no id: its body's digest stands in */
	SEEN_BODY =
	    'b', /* beside an unsigned id: the body may not come again */
	SEEN_REPLAY = 'r' /* beside an unsigned body: nor may this */
};

/* The key of one identity. Any thread. */
int seen_key(const unsigned char secret[SEEN_SECRET], uint64_t endpoint_id,
    enum seen_kind kind, struct span id, unsigned char out[SEEN_KEY],
    struct err *err);

struct seen;

/*
 * Opens the partitions that are in the home. A key is remembered for
 * horizon_s at least, unless all partitions together pass max bytes.
 * ERR_CORRUPT: one is damaged or missing (bdb_damaged names it).
 */
int seen_open(struct bdb *db, struct bdb_table *meta, int64_t horizon_s,
    uint64_t max, struct seen **out, struct err *err);
void seen_close(struct seen *sn);

/*
 * Makes the partition of this age (age.h) where there is none yet, in a
 * transaction of its own. Called before a batch; cheap when it is there.
 */
int seen_prepare(struct seen *sn, int64_t age_ms, struct err *err);

/*
 * Adds rec under key to the newest partition, unless the key is remembered in
 * any: then *known is true and rec is what is remembered.
 */
int seen_add(struct seen *sn, struct bdb_txn *txn,
    const unsigned char key[SEEN_KEY], struct record_seen *rec, bool *known,
    struct err *err);

/* Writes rec over the remembered one. */
int seen_update(struct seen *sn, struct bdb_txn *txn,
    const unsigned char key[SEEN_KEY], const struct record_seen *rec,
    struct err *err);

/* The key is new again; no harm where it is not remembered. */
int seen_forget(struct seen *sn, struct bdb_txn *txn,
    const unsigned char key[SEEN_KEY], struct err *err);

/* Any thread with txn NULL: what is committed. */
int seen_find(struct seen *sn, struct bdb_txn *txn,
    const unsigned char key[SEEN_KEY], struct record_seen *out, bool *found,
    struct err *err);

/*
 * Drops partitions whose time is past, and the oldest while all together
 * pass max; none while a visit is under way. *dropped counts them.
 */
int seen_expire(
    struct seen *sn, int64_t age_ms, unsigned *dropped, struct err *err);

/*
 * The horizon that is kept: horizon_s, or less once max made partitions go
 * before their time.
 */
int64_t seen_horizon_s(struct seen *sn, int64_t age_ms);

/* The age at which the newest partition was begun; 0: there is none. */
int64_t seen_newest_ms(struct seen *sn);

/*
 * Bytes on disk; number of keys, as it was last saved plus what came since
 * (after a kill that is a little low).
 */
uint64_t seen_bytes(struct seen *sn);
uint64_t seen_keys(struct seen *sn);

/* Saves the numbers of keys in meta. */
int seen_save(struct seen *sn, struct bdb_txn *txn, struct err *err);

/* Visits the tables' file names, for verifying and copying. */
int seen_files(struct seen *sn,
    int (*visit)(void *arg, const char *file, bool closed, struct err *err),
    void *arg, struct err *err);

/* Visits every remembered key, in no order that means something. */
int seen_visit(struct seen *sn,
    int (*visit)(void *arg, const unsigned char key[SEEN_KEY],
	const struct record_seen *rec, struct err *err),
    void *arg, struct err *err);

#endif
