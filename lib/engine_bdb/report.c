/* report.c: what the deliverer reports becomes one transaction. */
#include "lib/engine_bdb/impl.h"
#include "lib/store/copy.h"

#include <string.h>

#include "lib/base/util.h"

#define KNOWN 32 /* destinations that one report is about, mostly */

struct reporting {
	struct store *st;
	const struct store_report *report;
	struct store_tx tx;
	struct buf row;
	/* Destinations that were looked at. */
	struct {
		uint64_t id; /* 0: free */
		bool takes; /* it is there, and not removed */
	} known[KNOWN];
	unsigned next; /* to be forgotten */
};

static int
takes_rows(struct reporting *rp, uint64_t id, bool *takes, struct err *err)
{
	struct store_destination d;
	bool found;
	size_t i;

	for (i = 0; i < NITEMS(rp->known); i++)
		if (rp->known[i].id == id) {
			*takes = rp->known[i].takes;
			return 0;
		}
	if (store_destination_by_id(
		rp->st, &rp->tx, id, &d, NULL, &found, err) < 0)
		return -1;
	*takes = found && d.state != STORE_DESTINATION_REMOVED;
	i = rp->next++ % KNOWN;
	rp->known[i].id = id;
	rp->known[i].takes = *takes;
	return 0;
}

/*
 * Is the row (none: stamp 0) still the one that the deliverer knows? And was
 * it dead already?
 */
static int
is_current(struct reporting *rp, const struct store_delivery *d, bool *current,
    bool *dead, struct err *err)
{
	struct store_delivery row;
	bool found;

	if (takes_rows(rp, d->destination_id, current, err) < 0)
		return -1;
	if (!*current)
		return 0;
	if (store_get_delivery(rp->st, rp->tx.txn, d->destination_id, d->seq,
		&row, &rp->row, &found, err) < 0)
		return -1;
	*current = d->stamp == (found ? row.stamp : 0);
	*dead = found && row.state == STORE_DELIVERY_DEAD;
	return 0;
}

static int
put_attempt(
    struct reporting *rp, const struct store_report_item *item, struct err *err)
{
	struct store_attempt a = item->attempt;

	a.seq = item->delivery.seq;
	a.destination_id = item->delivery.destination_id;
	return segments_put_attempt(rp->st->segments, rp->tx.txn, &a, err);
}

/* Whoever removes an endpoint knows what that ends; see eyelet(7). */
static bool
is_news(const struct store_delivery *d)
{
	return d->state == STORE_DELIVERY_DEAD &&
	       !span_is(d->reason, DELIVERY_REMOVED);
}

/*
 * An event that a copy does not have: the deliverer had it from the store that
 * an older copy has replaced since. Another event gets its number.
 */
static bool
is_of_another(const struct reporting *rp, uint64_t seq)
{
	return store_holds_deliveries(rp->st) &&
	       seq > store_durable_seq(rp->st);
}

static int
do_item(
    struct reporting *rp, const struct store_report_item *item, struct err *err)
{
	const struct store_delivery *d = &item->delivery;
	bool current, dead = false;

	if (is_of_another(rp, d->seq))
		return 0;
	/* It was made, whatever became of the row. */
	if (item->has_attempt && put_attempt(rp, item, err) < 0)
		return -1;
	if (is_current(rp, d, &current, &dead, err) < 0)
		return -1;
	if (!current)
		return 0;
	if (item->kind == STORE_REPORT_DONE)
		return store_delete_delivery(
		    rp->st, rp->tx.txn, d->destination_id, d->seq, err);
	if (d->state != STORE_DELIVERY_DEAD &&
	    d->seq < store_oldest_seq(rp->st))
		return store_tx_dead(&rp->tx, d, DELIVERY_EXPIRED, err);
	if (is_news(d) && !dead && notice_dead(&rp->tx, d, err) < 0)
		return -1;
	return store_put_delivery(rp->st, rp->tx.txn, d, err);
}

static int
move_cursor(
    struct reporting *rp, const struct store_report_cursor *to, struct err *err)
{
	struct record_cursor c;
	bool found, takes;
	uint64_t seq = to->seq;

	if (is_of_another(rp, seq - 1))
		seq = store_durable_seq(rp->st) + 1;
	if (takes_rows(rp, to->destination_id, &takes, err) < 0)
		return -1;
	if (!takes)
		return 0;
	if (store_get_cursor(
		rp->st, rp->tx.txn, to->destination_id, &c, &found, err) < 0)
		return -1;
	if (!found || c.seq >= seq)
		return 0;
	c.seq = seq;
	return store_put_cursor(
	    rp->st, rp->tx.txn, to->destination_id, &c, err);
}

static int
keep_failing(struct reporting *rp, const struct store_report_failing *rf,
    struct err *err)
{
	struct record_cursor c;
	bool found, takes;

	if (takes_rows(rp, rf->destination_id, &takes, err) < 0)
		return -1;
	if (!takes)
		return 0;
	if (store_get_cursor(
		rp->st, rp->tx.txn, rf->destination_id, &c, &found, err) < 0)
		return -1;
	if (!found)
		return 0;
	c.failing = rf->failing;
	return store_put_cursor(
	    rp->st, rp->tx.txn, rf->destination_id, &c, err);
}

/* What would be written and could not be read again, nobody may report. */
static bool
is_sound(const struct store_report_item *item)
{
	const struct store_delivery *d = &item->delivery;
	const struct store_attempt *a = &item->attempt;

	if (item->has_attempt && (a->result < STORE_ATTEMPT_DELIVERED ||
				     a->result > STORE_ATTEMPT_DEAD))
		return false;
	if (item->kind == STORE_REPORT_DONE)
		return true;
	return item->kind == STORE_REPORT_ROW &&
	       d->state >= STORE_DELIVERY_PENDING &&
	       d->state <= STORE_DELIVERY_DEAD;
}

static int
do_all(struct reporting *rp, struct err *err)
{
	size_t i;

	for (i = 0; i < rp->report->nitems; i++)
		if (do_item(rp, &rp->report->items[i], err) < 0)
			return -1;
	for (i = 0; i < rp->report->ncursors; i++)
		if (move_cursor(rp, &rp->report->cursors[i], err) < 0)
			return -1;
	for (i = 0; i < rp->report->nfailings; i++)
		if (keep_failing(rp, &rp->report->failings[i], err) < 0)
			return -1;
	return 0;
}

static int
run_report(void *arg, struct err *err)
{
	struct reporting *rp = arg;
	struct store *st = rp->st;
	int ret = -1;

	if (atomic_load(&st->fenced))
		return err_set(err, ERR_AWAY, "the store starts anew");
	rp->tx.st = st;
	rp->tx.now_ms = store_now_ms(st);
	if (bdb_begin(st->db, &rp->tx.txn, err) < 0)
		return -1;
	if (do_all(rp, err) == 0)
		ret = bdb_commit(rp->tx.txn, err);
	else
		bdb_abort(rp->tx.txn);
	segments_attempts_end(st->segments, ret == 0);
	if (ret == 0)
		store_tell_deliverer(st, &rp->tx);
	if (ret < 0 && bdb_is_fenced(st->db))
		store_wake(st);
	return ret;
}

int
store_report(
    struct store *st, const struct store_report *report, struct err *err)
{
	struct reporting rp = {
		.st = st, .report = report, .row = BUF_INIT(STORE_ROW_MAX)
	};
	size_t i;
	int ret;

	if (report->nitems > STORE_REPORT_ITEMS_MAX)
		return err_set(err, ERR_LIMIT, "report of %zu items, above %d",
		    report->nitems, STORE_REPORT_ITEMS_MAX);
	for (i = 0; i < report->nitems; i++)
		if (!is_sound(&report->items[i]))
			return err_set(
			    err, ERR_INPUT, "item %zu of a report is none", i);
	if (store_loss_refuse(st, err) < 0)
		return -1;
	ret = commit_run(st->commit, run_report, &rp, err);
	buf_free(&rp.row);
	return ret < 0 ? err_wrap(err, "report deliveries") : 0;
}

int
store_attempts(struct store *st, uint64_t seq, uint64_t destination_id,
    int (*visit)(void *arg, const struct store_attempt *a, struct err *err),
    void *arg, struct err *err)
{
	struct segment *s = segments_pin(st->segments, seq);
	int ret;

	if (s == NULL)
		return 0;
	ret = segment_attempts(
	    st->segments, s, seq, destination_id, visit, arg, err);
	segment_unpin(st->segments, s);
	return ret;
}
