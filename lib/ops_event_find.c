/* ops_event_find.c: walks the log for the events that a call is about. */
#include "lib/ops_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/pattern.h"

#define PROGRESS_MS 250 /* between two progress rows */
#define WAIT_SLICE_MS 250 /* between two looks whether waiting is in vain */
#define LAST_MAX 100000 /* events that a follower begins with */
#define NAMES_MAX 100000 /* endpoints there ever were */

/* An endpoint there is or was. Ids grow along the array. */
struct name {
	uint64_t id;
	bool wanted;
	char name[ENDPOINT_NAME_MAX + 1];
};

struct walk {
	const struct op_call *call;
	struct name *names;
	size_t nnames;
	const char *endpoint; /* wanted, or NULL: all */
	struct pattern_list *types; /* or NULL: all */
	const char *id; /* or NULL: all */
	uint64_t secret_id; /* that verified them; 0: all */
	enum {
		STATUS_ANY,
		STATUS_ACCEPTED,
		STATUS_TEST
	} status;
	int64_t since_ms, until_ms; /* from the first, before the second */
	int64_t limit; /* how many; 0: all */
	enum op_order order;
	op_event_visit *visit;
	void *arg;

	int64_t looked, matched, at_ms;
	uint64_t at_seq; /* of the last event looked at */
	uint64_t first_seq, end_seq; /* where the walk begins and ends, about */
	int64_t said_ms; /* when progress was said last */
};

static int
add_name(void *arg, const struct store_endpoint *ep, struct err *err)
{
	struct walk *wk = arg;
	struct name *grown, *at;

	if (wk->nnames == NAMES_MAX)
		return err_set(
		    err, ERR_LIMIT, "more than %d endpoints", NAMES_MAX);
	grown = realloc(wk->names, (wk->nnames + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_set(err, ERR_NOMEM, "no memory for endpoints");
	wk->names = grown;
	at = &wk->names[wk->nnames++];
	at->id = ep->id;
	snprintf(at->name, sizeof(at->name), "%s", ep->name);
	at->wanted =
	    wk->endpoint == NULL || strcmp(ep->name, wk->endpoint) == 0;
	return 0;
}

static int
load_names(struct walk *wk, struct err *err)
{
	struct store_endpoint self = { .id = STORE_SELF,
		.name = STORE_SELF_NAME };

	wk->nnames = 0;
	if (add_name(wk, &self, err) < 0)
		return -1;
	return store_endpoints(wk->call->ops->store, NULL, add_name, wk, err);
}

static int
compare_ids(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static const struct name *
look_up(const struct walk *wk, uint64_t id)
{
	struct name key = { .id = id };

	return wk->nnames == 0 ? NULL
			       : bsearch(&key, wk->names, wk->nnames,
				     sizeof(*wk->names), compare_ids);
}

/* The name of an event's endpoint, made while we walk or before. */
static int
name_of(struct walk *wk, uint64_t id, const struct name **out, struct err *err)
{
	*out = look_up(wk, id);
	if (*out == NULL) {
		if (load_names(wk, err) < 0)
			return -1;
		*out = look_up(wk, id);
	}
	if (*out == NULL)
		return err_set(err, ERR_CORRUPT,
		    "an event names endpoint %llu, which there never was",
		    (unsigned long long)id);
	return 0;
}

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

static bool
matches(const struct walk *wk, const struct event *ev, const struct name *name)
{
	bool test = (ev->flags & EVENT_TEST) != 0;

	return name->wanted && (wk->id == NULL || span_is(ev->id, wk->id)) &&
	       (wk->secret_id == 0 || ev->secret_id == wk->secret_id) &&
	       (wk->status == STATUS_ANY ||
		   test == (wk->status == STATUS_TEST)) &&
	       (wk->types == NULL ||
		   pattern_selects(wk->types, ev->type, NULL));
}

/* *end is set where nothing further can match. */
static int
look_at(struct walk *wk, const struct event *ev, bool *end, struct err *err)
{
	const struct name *name;
	int64_t now_ms;

	wk->at_ms = ev->received_ms;
	if (wk->order == OP_NEWEST_FIRST ? ev->received_ms < wk->since_ms
					 : ev->received_ms >= wk->until_ms) {
		*end = true;
		return 0;
	}
	wk->at_seq = ev->seq;
	wk->looked++;
	now_ms = clock_ms();
	if (now_ms - wk->said_ms >= PROGRESS_MS) {
		wk->said_ms = now_ms;
		if (say_progress(wk, false, err) < 0)
			return -1;
	}
	if (name_of(wk, ev->endpoint_id, &name, err) < 0)
		return -1;
	if (!matches(wk, ev, name))
		return 0;
	wk->matched++;
	if (wk->visit(wk->arg, ev, name->name, err) < 0)
		return -1;
	*end = wk->limit != 0 && wk->matched == wk->limit;
	return 0;
}

/* The seq of the first event at or behind a time. */
static int
seq_at(struct walk *wk, int64_t ms, uint64_t *seq, struct err *err)
{
	struct store *st = wk->call->ops->store;
	struct store_reader *rd = NULL;
	struct event ev;
	bool found = false;
	int ret = -1;

	if (ms == JSON_INT_MAX) {
		*seq = store_durable_seq(st) + 1;
		return 0;
	}
	if (store_reader_open(st, &rd, err) == 0 &&
	    (ms == 0 || store_reader_seek_time(rd, ms, err) == 0))
		ret = store_reader_next(rd, &ev, &found, err);
	if (ret == 0)
		*seq = found ? ev.seq : store_durable_seq(st) + 1;
	store_reader_close(rd);
	return ret;
}

static int
scan(struct walk *wk, struct store_reader *rd, struct err *err)
{
	bool up = wk->order == OP_OLDEST_FIRST, found, end = false;
	struct event ev;

	if (seq_at(wk, wk->since_ms, &wk->first_seq, err) < 0 ||
	    seq_at(wk, wk->until_ms, &wk->end_seq, err) < 0)
		return -1;
	if (up && wk->since_ms > 0 &&
	    store_reader_seek_time(rd, wk->since_ms, err) < 0)
		return -1;
	if (!up && wk->until_ms < JSON_INT_MAX &&
	    store_reader_seek_time(rd, wk->until_ms, err) < 0)
		return -1;
	while (!end) {
		if ((up ? store_reader_next(rd, &ev, &found, err)
			: store_reader_prev(rd, &ev, &found, err)) < 0)
			return -1;
		if (!found)
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
	struct store_seen seen;
	struct event ev;
	bool found, end = false;
	size_t i;

	for (i = 0; i < wk->nnames && !end; i++) {
		if (!wk->names[i].wanted)
			continue;
		if (store_seen(st, wk->names[i].id, span_str(wk->id), &seen,
			&found, err) < 0)
			return -1;
		if (!found)
			continue;
		store_reader_seek(rd, seen.seq);
		if (store_reader_next(rd, &ev, &found, err) < 0)
			return -1;
		if (!found || ev.seq != seen.seq ||
		    ev.received_ms < wk->since_ms ||
		    ev.received_ms >= wk->until_ms)
			continue;
		if (look_at(wk, &ev, &end, err) < 0)
			return -1;
	}
	return 0;
}

static int
read_status(const char *word, struct walk *wk, struct err *err)
{
	if (word == NULL)
		wk->status = STATUS_ANY;
	else if (strcmp(word, "accepted") == 0)
		wk->status = STATUS_ACCEPTED;
	else if (strcmp(word, "test") == 0)
		wk->status = STATUS_TEST;
	else
		return err_set(err, ERR_USAGE,
		    "a status is \"accepted\" or \"test\", not \"%s\"", word);
	return 0;
}

static int
read_filter(struct walk *wk, struct err *err)
{
	const struct op_call *call = wk->call;
	const char *types = op_text(call, "type"),
		   *secret = op_text(call, "secret");
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store_endpoint ep;
	bool known = false;
	size_t i;
	int ret = -1;

	wk->endpoint = op_text(call, "endpoint");
	wk->id = op_text(call, "id");
	wk->said_ms = clock_ms();
	if (read_status(op_text(call, "status"), wk, err) < 0)
		goto out;
	if (op_int(call, "since_ms", 0, 0, JSON_INT_MAX, &wk->since_ms, err) <
		0 ||
	    op_int(call, "until_ms", JSON_INT_MAX, 0, JSON_INT_MAX,
		&wk->until_ms, err) < 0 ||
	    op_int(call, "limit", 0, 0, JSON_INT_MAX, &wk->limit, err) < 0)
		goto out;
	if (secret != NULL &&
	    secret_id_parse(span_str(secret), &wk->secret_id, err) < 0)
		goto out;
	if (types != NULL &&
	    pattern_parse(span_str(types), &wk->types, err) < 0)
		goto out;
	if (load_names(wk, err) < 0)
		goto out;
	for (i = 0; i < wk->nnames; i++)
		known = known || wk->names[i].wanted;
	/* For its words on a name that there never was. */
	if (wk->endpoint != NULL && !known &&
	    op_find_endpoint(call, NULL, wk->endpoint, &ep, &doc, err) < 0)
		goto out;
	ret = 0;
out:
	buf_wipe(&doc);
	return ret;
}

int
op_events_walk(const struct op_call *call, enum op_order order,
    op_event_visit *visit, void *arg, struct err *err)
{
	struct walk wk = {
		.call = call, .order = order, .visit = visit, .arg = arg
	};
	struct store_reader *rd = NULL;
	int ret = -1;

	if (read_filter(&wk, err) < 0 ||
	    store_reader_open(call->ops->store, &rd, err) < 0)
		goto out;
	if (wk.id != NULL && look_by_id(&wk, rd, err) < 0)
		goto out;
	/* It knows neither test events nor what is past the horizon. */
	if (wk.matched == 0) {
		store_reader_close(rd);
		rd = NULL;
		if (store_reader_open(call->ops->store, &rd, err) < 0 ||
		    scan(&wk, rd, err) < 0)
			goto out;
	}
	ret = say_progress(&wk, true, err);
out:
	store_reader_close(rd);
	pattern_free(wk.types);
	free(wk.names);
	return ret;
}

/* --- what comes ----------------------------------------------------------- */

/* The seq of the oldest of the newest n that match; *seq stays without one. */
static int
find_last(struct walk *wk, int64_t n, uint64_t *seq, struct err *err)
{
	struct store_reader *rd = NULL;
	const struct name *name;
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
		if (name_of(wk, ev.endpoint_id, &name, err) < 0)
			goto out;
		if (!matches(wk, &ev, name))
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
	if (wk->since_ms > 0)
		return seq_at(wk, wk->since_ms, seq, err);
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

/* Gives what is there, and what comes until the deadline. */
static int
follow(struct walk *wk, struct store_reader *rd, int64_t deadline_ms,
    struct err *err)
{
	struct store *st = wk->call->ops->store;
	bool found, end = false;
	struct event ev;
	int64_t left_ms;
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
		left_ms = deadline_ms - clock_ms();
		if (left_ms <= 0 || in_vain(wk->call))
			return 0;
		(void)store_wait(st, durable,
		    (int)(left_ms < WAIT_SLICE_MS ? left_ms : WAIT_SLICE_MS));
	}
}

int
op_events_follow(const struct op_call *call, op_event_visit *visit, void *arg,
    struct err *err)
{
	struct walk wk = { .call = call,
		.order = OP_OLDEST_FIRST,
		.visit = visit,
		.arg = arg };
	struct ops *ops = call->ops;
	struct store_reader *rd = NULL;
	int64_t wait_ms;
	uint64_t seq = 0;
	bool crowded;
	int ret = -1;

	/* Each waits in one of the threads that all calls share. */
	crowded = atomic_fetch_add(&ops->followers, 1) >= OPS_FOLLOWERS_MAX;
	if (read_filter(&wk, err) < 0 ||
	    op_int(call, "wait_ms", 0, 0, OPS_FOLLOW_MS, &wait_ms, err) < 0 ||
	    find_start(&wk, &seq, err) < 0 ||
	    store_reader_open(ops->store, &rd, err) < 0)
		goto out;
	store_reader_seek(rd, seq);
	wk.at_seq = seq - 1;
	wk.end_seq = JSON_INT_MAX;
	if (crowded)
		wait_ms = 0;
	if (follow(&wk, rd, clock_ms() + wait_ms, err) == 0)
		ret = say_progress(&wk, true, err);
out:
	atomic_fetch_sub(&ops->followers, 1);
	store_reader_close(rd);
	pattern_free(wk.types);
	free(wk.names);
	return ret;
}
