/* held.c: held events as rows. */
#include "lib/ops/held.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"

#define SEQS_MAX (16 * 1024 * 1024) /* rows that one call is about */
#define ROW_MAX 1024 /* bytes of a row of the table */
#define ALL_STATES                                                           \
	(OP_HELD_BIT(STORE_HELD_WAITING) | OP_HELD_BIT(STORE_HELD_DROPPED) | \
	    OP_HELD_BIT(STORE_HELD_RELEASED))

static const struct {
	const char *word;
	enum op_status status;
	enum store_held_state state;
} states[] = {
	{ "held", OP_STATUS_HELD, STORE_HELD_WAITING },
	{ "dropped", OP_STATUS_DROPPED, STORE_HELD_DROPPED },
	{ "released", OP_STATUS_RELEASED, STORE_HELD_RELEASED },
};

bool
op_held_wanted(const struct op_call *call)
{
	const char *status = op_text(call, "status");
	size_t i;

	for (i = 0; status != NULL && i < NITEMS(states); i++)
		if (strcmp(states[i].word, status) == 0)
			return true;
	return false;
}

/* --- which there are ------------------------------------------------------ */

struct gathering {
	struct op_filter *filter;
	unsigned states;
	uint64_t *seqs;
	size_t n, room;
};

static int
add_row(void *arg, const struct store_held *h, struct err *err)
{
	struct gathering *g = arg;
	const struct op_name *name;
	uint64_t *grown;
	size_t room;

	if ((g->states & OP_HELD_BIT(h->state)) == 0)
		return 0;
	if (op_filter_name(g->filter, h->endpoint_id, &name, err) < 0)
		return -1;
	if (!name->wanted)
		return 0;
	if (g->n == SEQS_MAX)
		return err_set(err, ERR_LIMIT,
		    "more than %d held events: name an endpoint", SEQS_MAX);
	if (g->n == g->room) {
		room = g->room == 0 ? 256 : 2 * g->room;
		grown = realloc(g->seqs, room * sizeof(*grown));
		if (grown == NULL)
			return err_set(
			    err, ERR_NOMEM, "no memory for held events");
		g->seqs = grown;
		g->room = room;
	}
	g->seqs[g->n++] = h->seq;
	return 0;
}

int
op_held_gather(const struct op_call *call, struct op_filter *f,
    unsigned wanted_states, uint64_t **seqs, size_t *n, struct err *err)
{
	struct gathering g = { .filter = f, .states = wanted_states };
	int ret =
	    store_held_visit(call->ops->store, NULL, 0, 0, add_row, &g, err);

	*seqs = g.seqs;
	*n = g.n;
	return ret;
}

static unsigned
states_of(const struct op_filter *f)
{
	size_t i;

	for (i = 0; i < NITEMS(states); i++)
		if (states[i].status == f->status)
			return OP_HELD_BIT(states[i].state);
	return ALL_STATES;
}

/* 1: it is no such event, or was dropped from the log since; 2: the end. */
static int
look_at(struct op_filter *f, struct store_reader *rd, uint64_t seq,
    op_event_visit *visit, void *arg, struct err *err)
{
	const struct op_name *name;
	struct event ev;
	bool found;

	store_reader_seek(rd, seq);
	if (store_reader_next(rd, &ev, &found, err) < 0)
		return -1;
	if (!found || ev.seq != seq || ev.received_ms < f->since_ms ||
	    ev.received_ms >= f->until_ms)
		return 1;
	if (op_filter_name(f, ev.endpoint_id, &name, err) < 0)
		return -1;
	if (!op_filter_wants_event(f, name, &ev))
		return 1;
	return visit(arg, &ev, name->name, err);
}

int
op_held_walk(const struct op_call *call, enum op_order order, bool any,
    op_event_visit *visit, void *arg, struct err *err)
{
	struct store_reader *rd = NULL;
	struct op_filter f;
	uint64_t *seqs = NULL;
	int64_t matched = 0;
	size_t i, n = 0;
	int what = 0, ret = -1;

	if (op_filter_read(call, OP_STATUSES_HELD, &f, err) < 0 ||
	    op_held_gather(call, &f, any ? ALL_STATES : states_of(&f), &seqs,
		&n, err) < 0 ||
	    store_reader_open(call->ops->store, &rd, err) < 0)
		goto out;
	store_reader_show_held(rd);
	for (i = 0; i < n && what != 2; i++) {
		if (f.limit != 0 && matched == f.limit)
			break;
		what = look_at(&f, rd,
		    seqs[order == OP_OLDEST_FIRST ? i : n - 1 - i], visit, arg,
		    err);
		if (what < 0)
			goto out;
		matched += what != 1;
	}
	ret = 0;
out:
	store_reader_close(rd);
	op_filter_free(&f);
	free(seqs);
	return ret;
}

/* --- as members ----------------------------------------------------------- */

int
op_held_load(const struct op_call *call, uint64_t seq, struct op_held *out,
    struct err *err)
{
	memset(out, 0, sizeof(*out));
	out->scratch.max = ROW_MAX;
	return store_held_get(call->ops->store, NULL, seq, &out->row,
	    &out->scratch, &out->found, err);
}

void
op_held_free(struct op_held *h)
{
	buf_free(&h->scratch);
}

static enum store_held_state
state_of(const struct op_held *h)
{
	return h->found ? h->row.state : STORE_HELD_WAITING;
}

const char *
op_held_word(const struct op_held *h)
{
	size_t i = 0;

	while (states[i].state != state_of(h))
		i++;
	return states[i].word;
}

static int
is_in_log(
    const struct op_call *call, uint64_t seq, bool *there, struct err *err)
{
	struct store_reader *rd = NULL;
	struct event ev;
	int ret = -1;

	*there = false;
	if (seq == 0)
		return 0;
	if (store_reader_open(call->ops->store, &rd, err) == 0) {
		store_reader_show_held(rd);
		store_reader_seek(rd, seq);
		ret = store_reader_next(rd, &ev, there, err);
		*there = ret == 0 && *there && ev.seq == seq;
	}
	store_reader_close(rd);
	return ret;
}

/* Not before both retention and hold_max let its part of the log go. */
static int64_t
expires_ms(const struct op_call *call, const struct event *ev)
{
	const struct conf *cf = call->conf;
	int64_t keep_s = cf->hold_s > cf->retain_s ? cf->hold_s : cf->retain_s;
	struct store_clock clock;

	store_clock(call->ops->store, &clock);
	return clock.wall_ms + keep_s * 1000 - (clock.age_ms - ev->age_ms);
}

static int
write_repeats(const struct op_call *call, struct json_write *w,
    const struct op_held *h, struct err *err)
{
	struct store_held_repeats rp = { 0 };

	if (h->found &&
	    store_held_repeats(call->ops->store, &h->row, &rp, err) < 0)
		return -1;
	json_write_uint(w, "repeats_kept", rp.kept);
	json_write_uint(w, "repeats_counted", rp.counted);
	json_write_time(w, "last_repeat_at", rp.last_ms);
	return 0;
}

int
op_held_write(const struct op_call *call, struct json_write *w,
    const struct op_held *h, const struct event *ev, bool all, struct err *err)
{
	bool waits = state_of(h) == STORE_HELD_WAITING, there;

	if (is_in_log(call, h->row.first_seq, &there, err) < 0)
		return -1;
	if (h->found && h->row.reason.len > 0)
		json_write_bytes(w, "held_reason", h->row.reason);
	else
		json_write_null(w, "held_reason");
	json_write_uint(w, "held_rule", h->row.rule);
	if (there)
		json_write_uint(w, "repeats", h->row.first_seq);
	else
		json_write_null(w, "repeats");
	if (h->row.released_seq != 0)
		json_write_uint(w, "released_as", h->row.released_seq);
	else
		json_write_null(w, "released_as");
	json_write_time(w, "expires_at", waits ? expires_ms(call, ev) : 0);
	return all ? write_repeats(call, w, h, err) : 0;
}

void
op_held_write_totals(struct json_write *w, const struct store_held_totals *t)
{
	json_write_object(w, "held");
	json_write_uint(w, "count", t->count);
	json_write_uint(w, "bytes", t->bytes);
	json_write_close(w);
}

/* The seq in the last header line, where a release put it; 0: none. */
static uint64_t
origin_of(const struct event *ev)
{
	static const char prefix[] = OP_RELEASED_HEADER ": event ";
	struct span line = SPAN_EMPTY, rest = ev->headers;
	struct err err = ERR_INIT;
	uint64_t seq;

	while (rest.len > 0) {
		line = span_of(rest.ptr, span_find(rest, '\n'));
		rest = span_skip(rest, line.len + 1);
	}
	if (!span_starts(line, prefix))
		return 0;
	line = span_skip(line, sizeof(prefix) - 1);
	line.len = span_find(line, ',');
	return text_to_u64(line, JSON_INT_MAX, &seq, &err) < 0 ? 0 : seq;
}

int
op_held_write_origin(const struct op_call *call, struct json_write *w,
    const struct event *ev, struct err *err)
{
	uint64_t seq = origin_of(ev);
	struct op_held h = { .found = false };
	int ret = 0;

	if (seq != 0)
		ret = op_held_load(call, seq, &h, err);
	/* A sender may have sent such a header, too. */
	if (seq != 0 && (!h.found || h.row.released_seq == ev->seq))
		json_write_uint(w, "released_from", seq);
	else
		json_write_null(w, "released_from");
	op_held_free(&h);
	return ret;
}

/* --- where an event is expected ------------------------------------------- */

int
op_fail_no_event(const struct op_call *call, uint64_t seq, struct err *err)
{
	unsigned long long no = seq;
	struct op_held h;
	bool there;
	int ret;

	if (op_held_load(call, seq, &h, err) < 0 ||
	    is_in_log(call, seq, &there, err) < 0)
		ret = -1;
	else if (!there)
		ret = store_refuse_absent(call->ops->store, seq, err);
	else if (state_of(&h) == STORE_HELD_RELEASED)
		ret = err_set(err, ERR_INPUT,
		    "event %llu was held and is released: name event %llu", no,
		    (unsigned long long)h.row.released_seq);
	else if (state_of(&h) == STORE_HELD_DROPPED)
		ret = err_set(err, ERR_INPUT,
		    "event %llu was held and is dropped: it is never delivered",
		    no);
	else
		ret = err_set(err, ERR_INPUT,
		    "event %llu is held, and was never delivered: "
		    "\"eyelet-event release %llu\" makes an event of it",
		    no, no);
	op_held_free(&h);
	return ret;
}
