/* tx.c: what a change touches, and the numbers that it gives. */
#include "lib/engine_bdb/impl.h"

/* Numbers that are never given twice, whatever is removed. */
int
store_next_id(struct store *st, struct bdb_txn *txn, const char *name,
    uint64_t *out, struct err *err)
{
	struct buf value = BUF_INIT(64);
	unsigned char next[8];
	uint64_t id = 1;
	bool found;
	int ret = -1;

	if (bdb_get(st->meta, txn, span_str(name), &value, &found, err) < 0)
		goto out;
	if (found && value.len != sizeof(next)) {
		err_set(err, ERR_CORRUPT, "%s is no number", name);
		goto out;
	}
	if (found)
		id = be64_get(value.ptr);
	be64_put(next, id + 1);
	if (bdb_put(st->meta, txn, span_str(name), span_of(next, sizeof(next)),
		err) < 0)
		goto out;
	*out = id;
	ret = 0;
out:
	buf_free(&value);
	return ret;
}

int
store_tx_touch(struct store_tx *tx, uint64_t id, bool *first, struct err *err)
{
	size_t i;

	*first = false;
	for (i = 0; i < tx->ntouched; i++)
		if (tx->touched[i] == id)
			return 0;
	if (tx->ntouched == STORE_TX_TOUCH_MAX)
		return err_set(err, ERR_LIMIT,
		    "more than %d endpoints in one change", STORE_TX_TOUCH_MAX);
	if (store_facts(tx->st, id) == NULL)
		return err_set(err, ERR_NOMEM, "no memory for an endpoint");
	tx->touched[tx->ntouched++] = id;
	*first = true;
	return 0;
}

int64_t
store_tx_now_ms(struct store_tx *tx)
{
	return tx->now_ms;
}
