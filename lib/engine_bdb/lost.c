/*
 * lost.c: events that a damaged segment lacks are dead letters of each
 * destination that had not got them, and it is told.
 */
#include "lib/engine_bdb/impl.h"

#define AT_ONCE 500 /* dead letters of one transaction */

struct losing {
	struct store *st;
	struct store_tx *tx;
	struct segments_lost lost; /* what is left of it */
	uint64_t destination_id; /* 0: none is left */
	uint64_t after_id; /* destinations up to it are done */
	uint64_t cursor;
	unsigned n; /* of this transaction */
	uint64_t dead, events;
	uint64_t first, last; /* of all that is lost */
};

/* --- which destination ---------------------------------------------------- */

static int
find_destination(void *arg, const struct store_destination *d, struct err *err)
{
	struct losing *ls = arg;
	struct record_cursor c;
	bool found;

	/* store_settle marks the deliveries of removed destinations as dead. */
	if (d->id <= ls->after_id || d->state == STORE_DESTINATION_REMOVED)
		return 0;
	if (store_get_cursor(ls->st, NULL, d->id, &c, &found, err) < 0)
		return -1;
	if (!found)
		return 0;
	ls->destination_id = d->id;
	ls->cursor = c.seq;
	return 1;
}

/* --- its dead letters ----------------------------------------------------- */

static int
put_dead(struct losing *ls, uint64_t seq, const struct store_delivery *row,
    struct err *err)
{
	struct store_delivery d = { .destination_id = ls->destination_id,
		.seq = seq,
		.endpoint_id = STORE_ENDPOINT_UNKNOWN,
		.since_ms = ls->tx->now_ms };

	if (row != NULL)
		d = *row;
	d.words = span_str("the event is lost: its place in the log is "
			   "damaged");
	ls->n++;
	ls->dead++;
	return store_tx_dead(ls->tx, &d, DELIVERY_DAMAGED, err);
}

/* Each seq has a row, or none and the cursor has not passed it. */
static int
lose_one(struct losing *ls, uint64_t seq, struct buf *scratch, struct err *err)
{
	struct store_delivery row;
	bool found;

	if (store_get_delivery(ls->st, ls->tx->txn, ls->destination_id, seq,
		&row, scratch, &found, err) < 0)
		return -1;
	if (found)
		return row.state == STORE_DELIVERY_DEAD
			   ? 0
			   : put_dead(ls, seq, &row, err);
	return seq < ls->cursor ? 0 : put_dead(ls, seq, NULL, err);
}

/* The next bit of one run of lost events, for one destination. */
static int
lose_bit(struct store_tx *tx, void *arg, struct err *err)
{
	struct losing *ls = arg;
	struct buf scratch = BUF_INIT(STORE_ROW_MAX);
	uint64_t from = ls->lost.first, dead = ls->dead;
	int ret = 0;

	ls->tx = tx;
	for (ls->n = 0; ls->lost.first <= ls->lost.last && ls->n < AT_ONCE;
	     ls->lost.first++) {
		ret = lose_one(ls, ls->lost.first, &scratch, err);
		if (ret < 0)
			break;
	}
	buf_free(&scratch);
	if (ret < 0) {
		/* Nothing of it happened. */
		ls->lost.first = from;
		ls->dead = dead;
	}
	return ret;
}

static int
lose_run(void *arg, const struct segments_lost *lost, struct err *err)
{
	struct losing *ls = arg;

	ls->events += lost->last - lost->first + 1;
	if (ls->first == 0)
		ls->first = lost->first;
	ls->last = lost->last;
	for (ls->after_id = 0;; ls->after_id = ls->destination_id) {
		ls->destination_id = 0;
		if (store_each_destination(ls->st, find_destination, ls, err) <
		    0)
			return -1;
		if (ls->destination_id == 0)
			return 0;
		ls->lost = *lost;
		while (ls->lost.first <= ls->lost.last)
			if (store_run(ls->st, lose_bit, ls, err) < 0)
				return -1;
	}
}

/* --- telling -------------------------------------------------------------- */

static int
put_notice(struct store_tx *tx, const struct losing *ls, struct err *err)
{
	struct buf data = BUF_INIT(NOTICE_DATA_MAX);
	struct json_write w;
	bool put;
	int ret = -1;

	json_write_init(&w, &data, err);
	json_write_object(&w, NULL);
	json_write_uint(&w, "lost", ls->events);
	json_write_uint(&w, "first_seq", ls->first);
	json_write_uint(&w, "last_seq", ls->last);
	json_write_uint(&w, "dead", ls->dead);
	notice_do(&w,
	    "look at the disk; eyelet-store check names what is lost; ask "
	    "the senders to send again what they sent then");
	json_write_close(&w);
	if (json_write_done(&w) == 0)
		ret =
		    notice_put(tx, NOTICE_DAMAGED, buf_span(&data), &put, err);
	buf_free(&data);
	return ret;
}

static int
settle(struct store_tx *tx, void *arg, struct err *err)
{
	if (put_notice(tx, arg, err) < 0)
		return -1;
	return segments_settle(tx->st->segments, tx->txn, err);
}

int
store_settle_lost(struct store *st, struct err *err)
{
	struct losing ls = { .st = st };

	if (segments_each_lost(
		st->segments, SEGMENTS_LOST_UNSETTLED, lose_run, &ls, err) < 0)
		return err_wrap(err, "events that are lost");
	if (ls.events == 0)
		return 0;
	store_say(st,
	    "%llu events between %llu and %llu are lost: the log is damaged "
	    "there; %llu deliveries of them are dead letters",
	    (unsigned long long)ls.events, (unsigned long long)ls.first,
	    (unsigned long long)ls.last, (unsigned long long)ls.dead);
	return store_run(st, settle, &ls, err);
}
