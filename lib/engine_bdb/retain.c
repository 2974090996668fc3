/* retain.c: what is too old goes: segments, dead rows, removed ones. */
#include "lib/engine_bdb/batch.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

#define SETTLE_BUDGET_MS 200 /* of a tick of the keeper */
#define SETTLE_RETRY_MS 60000
#define FORGET_ROWS 500 /* at a time */

/* --- segments ------------------------------------------------------------- */

enum retaining_outcome {
	RETAIN_DONE,
	RETAIN_DROPPED,
	RETAIN_EXPIRE /* passing says what must become dead first */
};

struct retaining {
	struct store *st;
	enum retaining_outcome outcome;
	struct store_passing passing;
	uint64_t last; /* of the segment */
	uint64_t needed_by; /* a destination; 0: by none */
	bool pulled; /* a pull queue needs it */
	bool held; /* a held event of it waits to be released */
};

static int
find_need(void *arg, const struct store_destination *d, struct err *err)
{
	struct retaining *rt = arg;
	bool needed;

	if (d->state == STORE_DESTINATION_REMOVED)
		return 0;
	if (store_needs(rt->st, d->id, rt->last, NULL, &needed, err) < 0)
		return -1;
	if (needed)
		rt->needed_by = d->id;
	return needed ? 1 : 0;
}

static int
find_pull(void *arg, const struct store_pull *p, struct err *err)
{
	struct retaining *rt = arg;

	(void)err;
	rt->pulled = p->seq <= rt->last;
	return rt->pulled ? 1 : 0;
}

/* What is left of the segment's held events goes with it. */
static int
forget_held(struct retaining *rt, struct err *err)
{
	struct store_held_forgetting fg = { .last_seq = rt->last };

	do
		if (store_run(rt->st, store_held_forget, &fg, err) < 0)
			return -1;
	while (fg.more);
	if (fg.waited > 0)
		store_say(rt->st,
		    "%llu events were held as long as may be (hold_max), and "
		    "are dropped with their part of the log",
		    (unsigned long long)fg.waited);
	return 0;
}

static int
drop_oldest(struct retaining *rt, struct err *err)
{
	bool dropped;

	if (segments_drop_oldest(rt->st->segments, &dropped, err) < 0)
		return -1;
	if (dropped)
		rt->outcome = RETAIN_DROPPED;
	return 0;
}

/* In the committer: one segment. */
static int
retain_one(void *arg, struct err *err)
{
	struct retaining *rt = arg;
	struct store *st = rt->st;
	struct record_segment oldest;
	struct store_clock now;
	bool due;

	rt->outcome = RETAIN_DONE;
	rt->needed_by = 0;
	rt->pulled = rt->held = false;
	store_clock(st, &now);
	if (segments_oldest_due(st->segments, &now,
		now.age_ms - st->limits.retain_s * 1000,
		st->limits.retain_bytes, &oldest, &due, err) < 0)
		return -1;
	if (!due)
		return 0;
	rt->last = oldest.last_seq;
	if (store_each_destination(st, find_need, rt, err) < 0 ||
	    store_pulls(st, NULL, find_pull, rt, err) < 0 ||
	    store_held_needs(st, rt->last, &rt->held, err) < 0)
		return -1;
	if (rt->needed_by == 0 && !rt->pulled && !rt->held)
		return drop_oldest(rt, err);
	store_measure_room(st);
	if (oldest.last_age_ms >= now.age_ms - st->limits.hold_s * 1000 &&
	    !store_is_short_of_room(st))
		return 0;
	/* A consumer that fetches sees the gap (ops/pull.c). */
	if (rt->needed_by == 0)
		return drop_oldest(rt, err);
	rt->outcome = RETAIN_EXPIRE;
	return 0;
}

/* What rt->needed_by has not got of the segment is given up. */
static int
expire(struct retaining *rt, int64_t until_ms, struct err *err)
{
	struct store_passing *ps = &rt->passing;

	if (ps->destination_id != rt->needed_by || ps->below != rt->last + 1) {
		memset(ps, 0, sizeof(*ps));
		ps->destination_id = rt->needed_by;
		ps->below = rt->last + 1;
		ps->reason = DELIVERY_EXPIRED;
	}
	do
		if (store_run(rt->st, store_pass, ps, err) < 0)
			return -1;
	while (ps->more && clock_ms() < until_ms);
	/* A row that an operator revives meanwhile is looked at again. */
	if (!ps->more)
		ps->row = 0;
	if (ps->dead > 0)
		store_say(rt->st,
		    "%llu deliveries to destination %llu were held as long as "
		    "may be; they are dead letters now",
		    (unsigned long long)ps->dead,
		    (unsigned long long)ps->destination_id);
	ps->dead = 0;
	return 0;
}

static int
forget_ids(void *arg, struct err *err)
{
	struct retaining *rt = arg;
	unsigned parts = 0;

	if (dedupe_expire(rt->st->dedupe, store_age_ms(rt->st), &parts, err) <
	    0)
		return -1;
	if (parts > 0)
		store_say(rt->st,
		    "%u partitions of remembered ids were dropped", parts);
	return 0;
}

int
store_retain(struct store *st, int64_t budget_ms, uint64_t *dropped, bool *more,
    struct err *err)
{
	struct retaining rt = { .st = st };
	int64_t until_ms = clock_ms() + budget_ms;
	int ret;

	*dropped = 0;
	ret = commit_run(st->commit, forget_ids, &rt, err);
	do {
		if (ret == 0)
			ret = commit_run(st->commit, retain_one, &rt, err);
		if (ret == 0 && rt.outcome == RETAIN_EXPIRE)
			ret = expire(&rt, until_ms, err);
		if (ret == 0 && rt.outcome == RETAIN_DROPPED) {
			++*dropped;
			ret = forget_held(&rt, err);
		}
	} while (
	    ret == 0 && rt.outcome != RETAIN_DONE && clock_ms() < until_ms);
	*more = rt.outcome != RETAIN_DONE;
	if (*dropped > 0)
		store_say(st, "retention dropped %llu segments of the log",
		    (unsigned long long)*dropped);
	return ret < 0 ? err_wrap(err, "apply retention") : 0;
}

/* --- dead rows ------------------------------------------------------------ */

struct forgetting {
	struct store *st;
	int64_t before_age_ms;
	uint64_t destination_id;
	uint64_t excess; /* above STORE_DEAD_MAX */
	uint64_t seqs[FORGET_ROWS];
	size_t n;
};

static int
find_old(void *arg, const struct store_delivery *d, struct err *err)
{
	struct forgetting *fg = arg;

	(void)err;
	if (d->state != STORE_DELIVERY_DEAD)
		return 0;
	/* A dead row never changes, so that its age is that of its death. */
	if (d->age_ms >= fg->before_age_ms && fg->excess == 0)
		return 0;
	if (fg->excess > 0)
		fg->excess--;
	fg->seqs[fg->n++] = d->seq;
	return fg->n == FORGET_ROWS ? 1 : 0;
}

/* In the committer: those that are still dead. */
static int
delete_rows(struct store_tx *tx, void *arg, struct err *err)
{
	struct forgetting *fg = arg;
	struct buf scratch = BUF_INIT(STORE_ROW_MAX);
	struct store_delivery d;
	bool found;
	size_t i;
	int ret = 0;

	for (i = 0; ret == 0 && i < fg->n; i++) {
		ret = store_get_delivery(fg->st, tx->txn, fg->destination_id,
		    fg->seqs[i], &d, &scratch, &found, err);
		if (ret == 0 && found && d.state == STORE_DELIVERY_DEAD)
			ret = store_delete_delivery(fg->st, tx->txn,
			    fg->destination_id, fg->seqs[i], err);
	}
	buf_free(&scratch);
	return ret;
}

static int
forget_of(void *arg, const struct store_destination *d, struct err *err)
{
	struct forgetting *fg = arg;
	struct store_delivery_counts n;
	uint64_t from = 0;

	if (store_delivery_count(fg->st, d->id, &n, err) < 0)
		return -1;
	fg->destination_id = d->id;
	fg->excess = n.dead > STORE_DEAD_MAX ? n.dead - STORE_DEAD_MAX : 0;
	if (fg->excess > 0)
		store_say(fg->st,
		    "destination %s has more than %d dead letters: the oldest "
		    "%llu are dropped",
		    d->name, STORE_DEAD_MAX, (unsigned long long)fg->excess);
	do {
		fg->n = 0;
		if (store_deliveries(
			fg->st, NULL, d->id, from, find_old, fg, err) < 0)
			return -1;
		if (fg->n == 0)
			break;
		from = fg->seqs[fg->n - 1] + 1;
		if (store_run(fg->st, delete_rows, fg, err) < 0)
			return -1;
	} while (fg->n == FORGET_ROWS);
	return 0;
}

int
store_forget_dead(struct store *st, struct err *err)
{
	struct forgetting fg = { .st = st,
		.before_age_ms =
		    store_age_ms(st) - st->limits.retain_s * 1000 };

	if (store_each_destination(st, forget_of, &fg, err) < 0)
		return err_wrap(err, "drop old dead letters");
	return 0;
}

/* --- what was removed ----------------------------------------------------- */

struct unsettled {
	struct store *st;
	uint64_t id; /* 0: none */
	uint64_t end_seq;
};

static int
find_unsettled(void *arg, const struct store_destination *d, struct err *err)
{
	struct unsettled *un = arg;
	struct record_cursor c;
	bool found;

	if (d->state != STORE_DESTINATION_REMOVED)
		return 0;
	if (store_get_cursor(un->st, NULL, d->id, &c, &found, err) < 0)
		return -1;
	if (!found)
		return 0;
	un->id = d->id;
	un->end_seq = c.end_seq;
	return 1;
}

/* The next bit; a cursor that is gone says that all is done. */
static int
settle_bit(struct store_tx *tx, void *arg, struct err *err)
{
	struct store_passing *ps = arg;

	if (store_pass(tx, ps, err) < 0)
		return -1;
	return ps->more ? 0
			: store_delete_cursor(
			      tx->st, tx->txn, ps->destination_id, err);
}

static int
settle_endpoints(struct store *st, int64_t until_ms, struct err *err)
{
	bool more = true;

	while (more && clock_ms() < until_ms)
		if (store_run(st, store_tx_removal_rest, &more, err) < 0)
			return -1;
	if (more)
		atomic_store(&st->settle_due, true);
	return 0;
}

static int
settle(struct store *st, int64_t until_ms, struct err *err)
{
	struct store_passing *ps = &st->settling;
	struct unsettled un = { .st = st };

	do {
		un.id = 0;
		if (!ps->more &&
		    store_each_destination(st, find_unsettled, &un, err) < 0)
			return -1;
		if (!ps->more && un.id == 0)
			return settle_endpoints(st, until_ms, err);
		if (!ps->more)
			*ps = (struct store_passing){ .destination_id = un.id,
				.below = un.end_seq,
				.reason = DELIVERY_REMOVED };
		if (store_run(st, settle_bit, ps, err) < 0) {
			ps->more = false;
			return -1;
		}
	} while (clock_ms() < until_ms);
	atomic_store(&st->settle_due, true);
	return 0;
}

void
store_settle(struct store *st)
{
	struct err err = ERR_INIT;

	if (clock_ms() < st->settle_retry_ms ||
	    !atomic_exchange(&st->settle_due, false))
		return;
	if (settle(st, clock_ms() + SETTLE_BUDGET_MS, &err) < 0) {
		atomic_store(&st->settle_due, true);
		st->settle_retry_ms = clock_ms() + SETTLE_RETRY_MS;
		store_say(st, "settle what was removed: %s", err.text);
	}
}
