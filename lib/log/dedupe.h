/*
 * dedupe.h: the records of events that are stored or held (P2), under the keys
 * of dedupe_hash.h, in partitions of age (age.h): one table each, dropped
 * whole when its time is past. The store's committer alone changes them; any
 * thread may look.
 *
 * They have max bytes in all. An endpoint that writes most of them, beside
 * others, gets partitions of its own, and where room is short they go first,
 * so that a flood at one endpoint does not shorten what is remembered of the
 * others.
 */
#ifndef EYELET_LIB_LOG_DEDUPE_H
#define EYELET_LIB_LOG_DEDUPE_H

#include "lib/bdb/bdb.h"
#include "lib/log/record.h"
#include "lib/model/dedupe_hash.h"

struct dedupe;

#define DEDUPE_ANY UINT64_MAX /* for an endpoint that is not known */

/*
 * Opens the partitions that are in the home. A key is remembered for
 * horizon_s at least, unless all partitions together pass max bytes.
 * ERR_CORRUPT: one is damaged or missing (bdb_damaged names it).
 */
int dedupe_open(struct bdb *db, struct bdb_table *meta, int64_t horizon_s,
    uint64_t max, struct dedupe **out, struct err *err);
void dedupe_close(struct dedupe *dd);

/*
 * Makes the partition of this age (age.h) where there is none yet, in a
 * transaction of its own. Called before a batch; cheap when it is there.
 */
int dedupe_prepare(struct dedupe *dd, int64_t age_ms, struct err *err);

/*
 * Writes rec under key to the newest partition, in place of what is remembered
 * there or in an older one.
 */
int dedupe_put(struct dedupe *dd, struct bdb_txn *txn, uint64_t endpoint_id,
    const unsigned char key[DEDUPE_KEY_SIZE], const struct record_dedupe *rec,
    struct err *err);

/* Writes rec over the remembered one, which stays as old as it is. */
int dedupe_update(struct dedupe *dd, struct bdb_txn *txn, uint64_t endpoint_id,
    const unsigned char key[DEDUPE_KEY_SIZE], const struct record_dedupe *rec,
    struct err *err);

/* The key is new again; no harm where it is not remembered. */
int dedupe_forget(struct dedupe *dd, struct bdb_txn *txn,
    const unsigned char key[DEDUPE_KEY_SIZE], struct err *err);

/* Any thread with txn NULL: what is committed. */
int dedupe_get(struct dedupe *dd, struct bdb_txn *txn, uint64_t endpoint_id,
    const unsigned char key[DEDUPE_KEY_SIZE], struct record_dedupe *out,
    bool *found, struct err *err);

/*
 * Drops partitions whose time is past, and the oldest while all together
 * pass max; none while a visit is under way. *dropped counts them.
 */
int dedupe_expire(
    struct dedupe *dd, int64_t age_ms, unsigned *dropped, struct err *err);

/*
 * The horizon that is kept of an endpoint: horizon_s, or less once max made
 * partitions go before their time. DEDUPE_ANY: the shortest of all.
 */
int64_t
dedupe_horizon_s(struct dedupe *dd, uint64_t endpoint_id, int64_t age_ms);

/* The age at which the newest partition was begun; 0: there is none. */
int64_t dedupe_newest_ms(struct dedupe *dd);

/*
 * Bytes on disk; number of keys, as it was last saved plus what came since
 * (after a kill that is a little low).
 */
uint64_t dedupe_bytes(struct dedupe *dd);
uint64_t dedupe_count(struct dedupe *dd);

/* Saves the numbers of keys in meta. */
int dedupe_save(struct dedupe *dd, struct bdb_txn *txn, struct err *err);

/* Visits the tables' file names, for verifying and copying. */
int dedupe_files(struct dedupe *dd,
    int (*visit)(void *arg, const char *file, bool closed, struct err *err),
    void *arg, struct err *err);

/* Visits every remembered key, in no order that means something. */
int dedupe_visit(struct dedupe *dd,
    int (*visit)(void *arg, const unsigned char key[DEDUPE_KEY_SIZE],
	const struct record_dedupe *rec, struct err *err),
    void *arg, struct err *err);

#endif
