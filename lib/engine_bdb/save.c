/*
 * save.c: saves clocks, totals and counters. The same write shows whether a
 * full volume has room again.
 */
#include "lib/engine_bdb/impl.h"

#define RETRY_MS 1000 /* between two tries to write */

int
store_save(void *arg, struct err *err)
{
	struct store *st = arg;
	struct bdb_txn *txn;

	if (bdb_begin(st->db, &txn, err) < 0)
		return -1;
	if (store_save_clock(st, txn, err) < 0 ||
	    segments_save(st->segments, txn, err) < 0 ||
	    dedupe_save(st->dedupe, txn, err) < 0 ||
	    store_save_facts(st, txn, err) < 0 ||
	    store_forget_requests(st, txn, store_age_ms(st), err) < 0) {
		bdb_abort(txn);
		return -1;
	}
	return bdb_commit(txn, err);
}

/*
 * Does all that a batch of events needs: makes a new table where one is due,
 * commits a transaction, and flushes all that is in the log's buffer.
 */
static int
write_little(void *arg, struct err *err)
{
	struct store *st = arg;
	struct store_clock now;
	int ret;

	store_clock(st, &now);
	ret =
	    dedupe_prepare(st->dedupe, now.age_ms, err) < 0 ||
		    segments_prepare(st->segments, st->next_seq, &now, err) < 0
		? -1
		: store_save(st, err);
	store_note_write(st, STORE_WRITE_BATCH, ret < 0 ? err : NULL);
	return ret;
}

void
store_try_room(struct store *st)
{
	struct err ignored = ERR_INIT; /* it was told when it began */

	if (store_has_no_room(st) && clock_ms() >= st->room_retry_ms) {
		(void)commit_run(st->commit, write_little, st, &ignored);
		st->room_retry_ms = clock_ms() + RETRY_MS;
	}
}
