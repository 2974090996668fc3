/*
 * told.c: how the deliverer learns that something came or changed:
 * numbers that grow, and one place to sleep.
 */
#include "lib/engine_bdb/impl.h"

#include <errno.h>

/*
 * Each opening of the store has numbers of its own, so that nobody takes what
 * one owner said for what the next one says: they begin at the time, or above
 * what was given before when the clock was set back. A restored copy does not
 * know what was given before; there the time helps.
 */
#define OPENING_BITS 20
#define META_OPENED "opened" /* 8 bytes */

static int
next_opening(
    struct store *st, struct bdb_txn *txn, uint64_t *out, struct err *err)
{
	struct buf value = BUF_INIT(64);
	uint64_t last = 0, now = (uint64_t)store_wall_ms();
	unsigned char row[8];
	bool found;
	int ret;

	ret =
	    bdb_get(st->meta, txn, span_str(META_OPENED), &value, &found, err);
	if (ret == 0 && found && value.len == sizeof(row))
		last = be64_get(value.ptr);
	buf_free(&value);
	*out = now > last ? now : last + 1;
	be64_put(row, *out);
	return ret < 0 ? -1
		       : bdb_put(st->meta, txn, span_str(META_OPENED),
			     span_of(row, sizeof(row)), err);
}

int
store_begin_touched(struct store *st, struct err *err)
{
	struct bdb_txn *txn;
	uint64_t opening;

	if (bdb_begin(st->db, &txn, err) < 0)
		return -1;
	if (next_opening(st, txn, &opening, err) < 0 ||
	    store_save_clock(st, txn, err) < 0) {
		bdb_abort(txn);
		return -1;
	}
	if (bdb_commit(txn, err) < 0 || bdb_flush(st->db, err) < 0)
		return -1;
	atomic_store(&st->touched, opening << OPENING_BITS);
	atomic_store(&st->rows_touched_all, opening << OPENING_BITS);
	return 0;
}

static void
touch_rows(struct store *st, const struct store_tx *tx, uint64_t now)
{
	struct store_endpoint_facts *facts;
	size_t i;

	if (tx->all_rows_touched)
		atomic_store(&st->rows_touched_all, now);
	for (i = 0; i < tx->nrows_touched; i++) {
		facts = store_facts(st, tx->rows_touched[i]);
		if (facts != NULL)
			atomic_store(&facts->rows_touched, now);
	}
}

void
store_tell_deliverer(struct store *st, const struct store_tx *tx)
{
	if (tx->ntouched == 0 && tx->nrows_touched == 0)
		return;
	/*
	 * The rows' numbers first: who sees the new one of all asks for them.
	 * This thread alone makes them.
	 */
	touch_rows(st, tx, atomic_load(&st->touched) + 1);
	atomic_fetch_add(&st->touched, 1);
	pthread_mutex_lock(&st->wait_mutex);
	pthread_cond_broadcast(&st->wait_cond);
	pthread_mutex_unlock(&st->wait_mutex);
}

uint64_t
store_touched(struct store *st)
{
	return atomic_load(&st->touched);
}

uint64_t
store_rows_touched(struct store *st, uint64_t destination_id)
{
	struct store_endpoint_facts *facts = store_facts(st, destination_id);
	uint64_t own = facts == NULL ? 0 : atomic_load(&facts->rows_touched);
	uint64_t all = atomic_load(&st->rows_touched_all);

	return own > all ? own : all;
}

void
store_wait_delivery(
    struct store *st, uint64_t seq, uint64_t touched, int timeout_ms)
{
	struct timespec until;

	store_deadline_in(&until, timeout_ms);
	pthread_mutex_lock(&st->wait_mutex);
	while (
	    atomic_load(&st->durable_seq) <= seq &&
	    atomic_load(&st->touched) == touched && !atomic_load(&st->fenced) &&
	    pthread_cond_timedwait(&st->wait_cond, &st->wait_mutex, &until) !=
		ETIMEDOUT)
		;
	pthread_mutex_unlock(&st->wait_mutex);
}
