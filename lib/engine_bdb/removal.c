/*
 * removal.c: what is pending of a removed endpoint's events becomes
 * dead: some of it with the removal, the rest bit by bit, across restarts, so
 * that accepting goes on meanwhile.
 */
#include <string.h>

#include "lib/engine_bdb/impl.h"

#define LOOK_MAX 4000 /* rows that one bit looks at ... */
#define DEAD_MAX 500 /* ... and makes dead */

#define PREFIX "removing " /* and the endpoint's id, 8 bytes */
#define KEY (sizeof(PREFIX) - 1 + 8)
#define VALUE 16 /* the row where the next bit begins */

struct removal {
	struct store_tx *tx;
	uint64_t endpoint_id; /* 0: none is to be looked at */
	uint64_t destination_id, seq; /* where the next bit begins */
	unsigned looked, dead;
	bool more;
};

static struct span
key_of(uint64_t endpoint_id, unsigned char key[KEY])
{
	memcpy(key, PREFIX, sizeof(PREFIX) - 1);
	be64_put(key + sizeof(PREFIX) - 1, endpoint_id);
	return span_of(key, KEY);
}

static int
end_row(void *arg, const struct store_delivery *d, struct err *err)
{
	struct removal *rm = arg;

	if (rm->looked >= LOOK_MAX || rm->dead >= DEAD_MAX) {
		rm->more = true;
		return 1;
	}
	rm->looked++;
	rm->destination_id = d->destination_id;
	rm->seq = d->seq + 1;
	if (d->endpoint_id != rm->endpoint_id ||
	    d->state == STORE_DELIVERY_DEAD)
		return 0;
	rm->dead++;
	return store_tx_dead(rm->tx, d, DELIVERY_REMOVED, err);
}

/* The next bit, and what is left is written down. */
static int
do_bit(struct removal *rm, struct err *err)
{
	struct store_tx *tx = rm->tx;
	unsigned char key[KEY], value[VALUE];
	bool found;

	if (store_walk_deliveries_on(tx->st, tx->txn, rm->destination_id,
		rm->seq, end_row, rm, err) < 0)
		return -1;
	if (!rm->more)
		return bdb_delete(tx->st->meta, tx->txn,
		    key_of(rm->endpoint_id, key), &found, err);
	tx->leaves_rest = true;
	be64_put(value, rm->destination_id);
	be64_put(value + 8, rm->seq);
	return bdb_put(tx->st->meta, tx->txn, key_of(rm->endpoint_id, key),
	    span_of(value, VALUE), err);
}

int
store_tx_endpoint_removed(
    struct store_tx *tx, uint64_t endpoint_id, struct err *err)
{
	struct removal rm = { .tx = tx, .endpoint_id = endpoint_id };

	return do_bit(&rm, err);
}

/* --- the keeper's --------------------------------------------------------- */

/* The first endpoint that has a rest. */
static int
find_rest(struct removal *rm, struct err *err)
{
	struct buf key = BUF_INIT(256), value = BUF_INIT(STORE_ROW_MAX);
	unsigned char from[KEY];
	bool found;
	int ret = -1;

	if (bdb_find(rm->tx->st->meta, rm->tx->txn, BDB_GT, key_of(0, from),
		&key, &value, &found, err) < 0)
		goto out;
	ret = 0;
	if (!found || key.len != KEY || !span_starts(buf_span(&key), PREFIX))
		goto out;
	if (value.len != VALUE) {
		ret = err_set(err, ERR_CORRUPT,
		    "what is left of a removed endpoint has %zu bytes",
		    value.len);
		goto out;
	}
	rm->endpoint_id = be64_get(key.ptr + sizeof(PREFIX) - 1);
	rm->destination_id = be64_get(value.ptr);
	rm->seq = be64_get(value.ptr + 8);
out:
	buf_free(&key);
	buf_free(&value);
	return ret;
}

int
store_tx_removal_rest(struct store_tx *tx, void *more, struct err *err)
{
	struct removal rm = { .tx = tx };

	if (find_rest(&rm, err) < 0 ||
	    (rm.endpoint_id != 0 && do_bit(&rm, err) < 0))
		return -1;
	*(bool *)more = rm.endpoint_id != 0;
	return 0;
}
