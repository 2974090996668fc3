/* event_find.c: walks the log for the events that a call is about. */
#include "lib/ops/event_find.h"

#include "lib/base/clock.h"
#include "lib/ops/filter.h"
#include "lib/store/delivery.h"

#define PROGRESS_MS 250 /* between two progress rows */
#define WAIT_SLICE_MS 250 /* between two looks whether waiting is in vain */
#define LAST_MAX 100000 /* events that a follower begins with */

struct walk {
	const struct op_call *call;
	struct op_filter filter;
	uint64_t from_seq, to_seq; /* from the first, before the second */
	enum op_order order;
	op_event_visit *visit;
	void *arg;

	int64_t looked, visited, matched, at_ms;
	uint64_t at_seq; /* of the last event looked at */
	uint64_t first_seq, end_seq; /* where the walk begins and ends, about */
	int64_t said_ms; /* when progress was said last */
};

/* How much of the way is gone: seqs are nearly without gaps. */
static int64_t
percent(const struct walk *wk)
{
	uint64_t low = wk->first_seq, high = wk->end_seq, gone;

	if (wk->at_seq < low || wk->at_seq >= high)
		return wk->looked == 0 ? 0 : 100;
	gone = wk->order == OP_OLDEST_FIRST ? wk->at_seq - low
					    : high - 1 - wk->at_seq;
	return (int64_t)(gone * 100 / (high - low));
}

static int
say_progress(const struct walk *wk, bool done, struct err *err)
{
	struct buf row = BUF_INIT(1024);
	struct json_write w;
	int ret;

	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	json_write_object(&w, "progress");
	json_write_int(&w, "looked", wk->looked);
	json_write_int(&w, "matched", wk->matched);
	json_write_time(&w, "at", wk->at_ms);
	json_write_int(&w, "percent", done ? 100 : percent(wk));
	json_write_uint(&w, "next", wk->at_seq + 1);
	json_write_bool(&w, "done", done);
	json_write_close(&w);
	json_write_close(&w);
	ret = op_emit(wk->call, &w, &row, err);
	buf_free(&row);
	return ret;
}

/* *end is set where nothing further can match. */
static int
look_at(struct walk *wk, const struct event *ev, bool *end, struct err *err)
{
	const struct op_name *name;
	int64_t now_ms;
	int ret;

	wk->at_ms = ev->received_ms;
	wk->at_seq = ev->seq;
	wk->looked++;
	now_ms = clock_ms();
	if (now_ms - wk->said_ms >= PROGRESS_MS) {
		wk->said_ms = now_ms;
		if (say_progress(wk, false, err) < 0)
			return -1;
	}
	/* Along the log times go down where the wall clock was set back. */
	if (ev->received_ms < wk->filter.since_ms ||
	    ev->received_ms >= wk->filter.until_ms)
		return 0;
	if (op_filter_name(&wk->filter, ev->endpoint_id, &name, err) < 0)
		return -1;
	if (!op_filter_wants_event(&wk->filter, name, ev))
		return 0;
	wk->visited++;
	ret = wk->visit(wk->arg, ev, name->name, err);
	if (ret < 0)
		return -1;
	if (ret != 1)
		wk->matched++;
	*end = ret == 2 ||
	       (wk->filter.limit != 0 && wk->matched == wk->filter.limit);
	return 0;
}

/* From which event to which (without it) times may fit. */
static int
find_range(struct walk *wk, struct err *err)
{
	struct store *st = wk->call->ops->store;

	wk->end_seq = store_durable_seq(st) + 1;
	if (store_seq_at(st, wk->filter.since_ms, &wk->first_seq, err) < 0)
		return -1;
	if (wk->filter.until_ms == JSON_INT_MAX)
		return 0;
	return store_seq_end(st, wk->filter.until_ms, &wk->end_seq, err);
}

static int
scan(struct walk *wk, struct store_reader *rd, struct err *err)
{
	bool up = wk->order == OP_OLDEST_FIRST, found, end = false;
	struct event ev;

	if (find_range(wk, err) < 0)
		return -1;
	if (wk->first_seq < wk->from_seq)
		wk->first_seq = wk->from_seq;
	if (wk->end_seq > wk->to_seq)
		wk->end_seq = wk->to_seq;
	store_reader_seek(rd, up ? wk->first_seq : wk->end_seq);
	while (!end) {
		if ((up ? store_reader_next(rd, &ev, &found, err)
			: store_reader_prev(rd, &ev, &found, err)) < 0)
			return -1;
		if (!found ||
		    (up ? ev.seq >= wk->end_seq : ev.seq < wk->first_seq))
			break;
		if (look_at(wk, &ev, &end, err) < 0)
			return -1;
	}
	return 0;
}

/* The memory of ids knows where an id is, without reading the log. */
static int
look_by_id(struct walk *wk, struct store_reader *rd, struct err *err)
{
	struct store *st = wk->call->ops->store;
	const struct op_filter *f = &wk->filter;
	struct store_seen seen;
	struct event ev;
	bool found, end = false;
	size_t i;

	for (i = 0; i < f->nnames && !end; i++) {
		if (!f->names[i].wanted)
			continue;
		if (store_seen(st, f->names[i].id, span_str(f->id), &seen,
			&found, err) < 0)
			return -1;
		if (!found)
			continue;
		store_reader_seek(rd, seen.seq);
		if (store_reader_next(rd, &ev, &found, err) < 0)
			return -1;
		if (!found || ev.seq != seen.seq || ev.seq < wk->from_seq ||
		    ev.seq >= wk->to_seq)
			continue;
		if (look_at(wk, &ev, &end, err) < 0)
			return -1;
	}
	return 0;
}

static int
walk(struct walk *wk, enum op_statuses statuses, struct err *err)
{
	struct store *st = wk->call->ops->store;
	struct store_reader *rd = NULL;
	int ret = -1;

	wk->said_ms = clock_ms();
	if (op_filter_read(wk->call, statuses, &wk->filter, err) < 0 ||
	    store_reader_open(st, &rd, err) < 0)
		goto out;
	if (wk->filter.id != NULL && look_by_id(wk, rd, err) < 0)
		goto out;
	/* It knows neither test events nor what is past the horizon. */
	if (wk->visited == 0) {
		store_reader_close(rd);
		rd = NULL;
		if (store_reader_open(st, &rd, err) < 0 ||
		    scan(wk, rd, err) < 0)
			goto out;
	}
	ret = say_progress(wk, true, err);
out:
	store_reader_close(rd);
	op_filter_free(&wk->filter);
	return ret;
}

int
op_events_walk(const struct op_call *call, enum op_order order,
    op_event_visit *visit, void *arg, struct err *err)
{
	struct walk wk = { .call = call,
		.to_seq = UINT64_MAX,
		.order = order,
		.visit = visit,
		.arg = arg };

	return walk(&wk, OP_STATUSES_EVENT, err);
}

int
op_events_walk_in(const struct op_call *call, enum op_order order,
    uint64_t from_seq, uint64_t to_seq, op_event_visit *visit, void *arg,
    struct err *err)
{
	struct walk wk = { .call = call,
		.from_seq = from_seq,
		.to_seq = to_seq,
		.order = order,
		.visit = visit,
		.arg = arg };

	return walk(&wk, OP_STATUSES_DELIVERY, err);
}

/* --- what comes ----------------------------------------------------------- */

/* The seq of the oldest of the newest n that match; *seq stays without one. */
static int
find_last(struct walk *wk, int64_t n, uint64_t *seq, struct err *err)
{
	struct store_reader *rd = NULL;
	const struct op_name *name;
	struct event ev;
	bool found;
	int ret = -1;

	if (n == 0)
		return 0;
	if (store_reader_open(wk->call->ops->store, &rd, err) < 0)
		goto out;
	store_reader_seek(rd, *seq);
	while (n > 0) {
		if (store_reader_prev(rd, &ev, &found, err) < 0)
			goto out;
		if (!found)
			break;
		if (op_filter_name(&wk->filter, ev.endpoint_id, &name, err) < 0)
			goto out;
		if (!op_filter_wants_event(&wk->filter, name, &ev))
			continue;
		*seq = ev.seq;
		n--;
	}
	ret = 0;
out:
	store_reader_close(rd);
	return ret;
}

static int
find_start(struct walk *wk, uint64_t *seq, struct err *err)
{
	struct store *st = wk->call->ops->store;
	int64_t after, last;

	if (op_int(wk->call, "after", -1, 0, JSON_INT_MAX, &after, err) < 0 ||
	    op_int(wk->call, "last", 0, 0, LAST_MAX, &last, err) < 0)
		return -1;
	if (after >= 0) {
		*seq = (uint64_t)after + 1;
		return 0;
	}
	if (wk->filter.since_ms > 0)
		return store_seq_at(
		    wk->call->ops->store, wk->filter.since_ms, seq, err);
	*seq = store_durable_seq(st) + 1;
	return find_last(wk, last, seq, err);
}

static bool
in_vain(const struct op_call *call)
{
	const struct ops_peer *peer = call->peer;

	return store_is_fenced(call->ops->store) ||
	       (peer->gone != NULL && peer->gone(peer->arg));
}

bool
op_wait(const struct op_call *call, uint64_t seq, int64_t deadline_ms)
{
	int64_t left_ms = deadline_ms - clock_ms();

	if (left_ms <= 0 || in_vain(call))
		return false;
	(void)store_wait(call->ops->store, seq,
	    (int)(left_ms < WAIT_SLICE_MS ? left_ms : WAIT_SLICE_MS));
	return true;
}

bool
op_follower_begins(const struct op_call *call)
{
	return atomic_fetch_add(&call->ops->followers, 1) < OPS_FOLLOWERS_MAX;
}

void
op_follower_ends(const struct op_call *call)
{
	atomic_fetch_sub(&call->ops->followers, 1);
}

/* Gives what is there, and what comes until the deadline. */
static int
follow(struct walk *wk, struct store_reader *rd, int64_t deadline_ms,
    struct err *err)
{
	struct store *st = wk->call->ops->store;
	bool found, end = false;
	struct event ev;
	uint64_t durable;

	for (;;) {
		durable = store_durable_seq(st);
		if (store_reader_next(rd, &ev, &found, err) < 0)
			return -1;
		if (found) {
			if (look_at(wk, &ev, &end, err) < 0)
				return -1;
			continue;
		}
		if (!op_wait(wk->call, durable, deadline_ms))
			return 0;
	}
}

int
op_events_follow(const struct op_call *call, op_event_visit *visit, void *arg,
    struct err *err)
{
	struct walk wk = { .call = call,
		.to_seq = UINT64_MAX,
		.order = OP_OLDEST_FIRST,
		.visit = visit,
		.arg = arg,
		.said_ms = clock_ms() };
	struct store_reader *rd = NULL;
	int64_t wait_ms;
	uint64_t seq = 0;
	bool crowded;
	int ret = -1;

	/* Each waits in one of the threads that all calls share. */
	crowded = !op_follower_begins(call);
	if (op_filter_read(call, OP_STATUSES_EVENT, &wk.filter, err) < 0 ||
	    op_int(call, "wait_ms", 0, 0, OPS_FOLLOW_MS, &wait_ms, err) < 0 ||
	    find_start(&wk, &seq, err) < 0 ||
	    store_reader_open(call->ops->store, &rd, err) < 0)
		goto out;
	store_reader_seek(rd, seq);
	/* From there on all that comes, whatever the wall clock says. */
	wk.filter.since_ms = 0;
	wk.at_seq = seq - 1;
	wk.end_seq = JSON_INT_MAX;
	if (crowded)
		wait_ms = 0;
	if (follow(&wk, rd, clock_ms() + wait_ms, err) == 0)
		ret = say_progress(&wk, true, err);
out:
	op_follower_ends(call);
	store_reader_close(rd);
	op_filter_free(&wk.filter);
	return ret;
}
