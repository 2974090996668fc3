/* delivery.c: deliveries as rows. */

#include <string.h>

#include "lib/engine_bdb/impl.h"

#define KEY 16

static struct span
key_of(uint64_t destination_id, uint64_t seq, unsigned char key[KEY])
{
	be64_put(key, destination_id);
	be64_put(key + 8, seq);
	return span_of(key, KEY);
}

int
store_get_delivery(struct store *st, struct bdb_txn *txn,
    uint64_t destination_id, uint64_t seq, struct store_delivery *out,
    struct buf *scratch, bool *found, struct err *err)
{
	unsigned char key[KEY];

	if (bdb_get(st->deliveries, txn, key_of(destination_id, seq, key),
		scratch, found, err) < 0)
		return -1;
	if (!*found)
		return 0;
	out->destination_id = destination_id;
	out->seq = seq;
	return record_get_delivery(buf_span(scratch), out, err);
}

int
store_put_delivery(struct store *st, struct bdb_txn *txn,
    const struct store_delivery *d, struct err *err)
{
	struct buf row = BUF_INIT(STORE_ROW_MAX);
	struct store_delivery now = *d;
	unsigned char key[KEY];
	int ret;

	now.age_ms = store_age_ms(st);
	ret = record_put_delivery(&now, &row, err);
	if (ret == 0)
		ret = bdb_put(st->deliveries, txn,
		    key_of(d->destination_id, d->seq, key), buf_span(&row),
		    err);
	buf_free(&row);
	return ret;
}

int
store_delete_delivery(struct store *st, struct bdb_txn *txn,
    uint64_t destination_id, uint64_t seq, struct err *err)
{
	unsigned char key[KEY];
	bool found;

	return bdb_delete(
	    st->deliveries, txn, key_of(destination_id, seq, key), &found, err);
}

int
store_delivery(struct store *st, struct store_tx *tx, uint64_t destination_id,
    uint64_t seq, struct store_delivery *out, struct buf *scratch, bool *found,
    struct err *err)
{
	return store_get_delivery(
	    st, store_txn(tx), destination_id, seq, out, scratch, found, err);
}

/* All behind a place, of one destination (0: of any), not below a seq. */
struct part {
	uint64_t destination_id, seq; /* the place */
	uint64_t only, least;
};

static int
walk(struct store *st, struct bdb_txn *txn, const struct part *part,
    int (*visit)(void *arg, const struct store_delivery *d, struct err *err),
    void *arg, struct err *err)
{
	struct buf key = BUF_INIT(64), row = BUF_INIT(STORE_ROW_MAX);
	enum bdb_seek seek = BDB_GE;
	unsigned char at[KEY];
	struct store_delivery d;
	bool found;
	int ret = -1;

	key_of(part->destination_id, part->seq, at);
	for (;;) {
		if (bdb_find(st->deliveries, txn, seek, span_of(at, KEY), &key,
			&row, &found, err) < 0)
			goto out;
		if (!found)
			break;
		if (key.len != KEY) {
			err_set(err, ERR_CORRUPT, "delivery key of %zu bytes",
			    key.len);
			goto out;
		}
		memcpy(at, key.ptr, KEY);
		seek = BDB_GT;
		d.destination_id = be64_get(at);
		d.seq = be64_get(at + 8);
		if (part->only != 0 && d.destination_id != part->only)
			break;
		if (d.seq < part->least)
			continue;
		if (record_get_delivery(buf_span(&row), &d, err) < 0)
			goto out;
		ret = visit(arg, &d, err);
		if (ret != 0)
			goto out;
	}
	ret = 0;
out:
	buf_free(&key);
	buf_free(&row);
	return ret < 0 ? -1 : 0;
}

int
store_walk_deliveries(struct store *st, struct bdb_txn *txn,
    uint64_t destination_id, uint64_t seq,
    int (*visit)(void *arg, const struct store_delivery *d, struct err *err),
    void *arg, struct err *err)
{
	struct part part = { destination_id, seq, destination_id, seq };

	return walk(st, txn, &part, visit, arg, err);
}

int
store_walk_deliveries_on(struct store *st, struct bdb_txn *txn,
    uint64_t destination_id, uint64_t seq,
    int (*visit)(void *arg, const struct store_delivery *d, struct err *err),
    void *arg, struct err *err)
{
	struct part part = { destination_id, seq, 0, 0 };

	return walk(st, txn, &part, visit, arg, err);
}

int
store_deliveries(struct store *st, struct store_tx *tx, uint64_t destination_id,
    uint64_t seq,
    int (*visit)(void *arg, const struct store_delivery *d, struct err *err),
    void *arg, struct err *err)
{
	return store_walk_deliveries(
	    st, store_txn(tx), destination_id, seq, visit, arg, err);
}

static int
count_one(void *arg, const struct store_delivery *d, struct err *err)
{
	struct store_delivery_counts *n = arg;

	(void)err;
	if (d->state != STORE_DELIVERY_DEAD && n->oldest_seq == 0)
		n->oldest_seq = d->seq;
	switch (d->state) {
	case STORE_DELIVERY_PENDING:
		n->pending++;
		break;
	case STORE_DELIVERY_RETRYING:
		n->retrying++;
		break;
	case STORE_DELIVERY_PARKED:
		n->parked++;
		break;
	case STORE_DELIVERY_DEAD:
		n->dead++;
		break;
	}
	return 0;
}

int
store_delivery_count(struct store *st, uint64_t destination_id,
    struct store_delivery_counts *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	return store_deliveries(
	    st, NULL, destination_id, 0, count_one, out, err);
}

/* --- changes --------------------------------------------------- */

static void
touch_rows(struct store_tx *tx, uint64_t destination_id)
{
	size_t i;

	for (i = 0; i < tx->nrows_touched; i++)
		if (tx->rows_touched[i] == destination_id)
			return;
	if (tx->nrows_touched == STORE_TX_TOUCH_MAX)
		tx->all_rows_touched = true;
	else
		tx->rows_touched[tx->nrows_touched++] = destination_id;
}

/* May a row be there, and not be dead? */
static int
check_destination(
    struct store_tx *tx, const struct store_delivery *d, struct err *err)
{
	struct store_destination to;
	bool found;

	if (store_destination_by_id(
		tx->st, tx, d->destination_id, &to, NULL, &found, err) < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_NOTFOUND, "destination %llu",
		    (unsigned long long)d->destination_id);
	if ((int)d->state == 0 || d->state == STORE_DELIVERY_DEAD)
		return 0;
	if (d->seq < store_oldest_seq(tx->st) ||
	    segments_is_lost(tx->st->segments, d->seq))
		return store_refuse_absent(tx->st, d->seq, err);
	if (to.state == STORE_DESTINATION_REMOVED)
		return err_set(err, ERR_NOTFOUND,
		    "destination \"%s\" is removed: nothing goes there any "
		    "more",
		    to.name);
	return 0;
}

/* One for all that the transaction changes is as new for each. */
static int
give_stamp(struct store_tx *tx, struct store_delivery *d, struct err *err)
{
	if (tx->stamp == 0 &&
	    store_next_id(tx->st, tx->txn, "next stamp", &tx->stamp, err) < 0)
		return -1;
	d->stamp = tx->stamp;
	touch_rows(tx, d->destination_id);
	return 0;
}

int
store_tx_delivery(
    struct store_tx *tx, struct store_delivery *d, struct err *err)
{
	if (check_destination(tx, d, err) < 0 || give_stamp(tx, d, err) < 0)
		return -1;
	if ((int)d->state == 0)
		return store_delete_delivery(
		    tx->st, tx->txn, d->destination_id, d->seq, err);
	return store_put_delivery(tx->st, tx->txn, d, err);
}

int
store_tx_dead(struct store_tx *tx, const struct store_delivery *d,
    const char *reason, struct err *err)
{
	struct store_delivery dead = *d;

	dead.state = STORE_DELIVERY_DEAD;
	dead.reason = span_str(reason);
	dead.last_ms = tx->now_ms;
	dead.due_ms = 0;
	if (give_stamp(tx, &dead, err) < 0 ||
	    (strcmp(reason, DELIVERY_REMOVED) != 0 &&
		notice_dead(tx, &dead, err) < 0))
		return -1;
	return store_put_delivery(tx->st, tx->txn, &dead, err);
}

int
store_refuse_absent(struct store *st, uint64_t seq, struct err *err)
{
	unsigned long long n = seq;

	if (seq > store_durable_seq(st))
		return err_set(
		    err, ERR_NOTFOUND, "there is no event %llu yet", n);
	if (seq < store_oldest_seq(st))
		return err_set(err, ERR_NOTFOUND,
		    "event %llu is not in the log any more: retention dropped "
		    "it, or it went with a loss that was accepted (see "
		    "\"eyelet-store audit\")",
		    n);
	if (segments_is_lost(st->segments, seq))
		return err_set(err, ERR_NOTFOUND,
		    "event %llu is lost: its place in the log is damaged; "
		    "\"eyelet-event dead list\" names the destinations that "
		    "had not got it",
		    n);
	return err_set(err, ERR_NOTFOUND,
	    "there is no event %llu: a loss that was accepted left a gap in "
	    "the numbers there; see \"eyelet-store audit\"",
	    n);
}
