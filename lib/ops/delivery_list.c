/*
 * delivery_list.c: which deliveries there are. Those that wait for an
 * attempt, are parked or dead stand in rows; the others are found by walking
 * the log.
 */
#include "lib/ops/delivery_list.h"

#include <stdlib.h>
#include <string.h>

#include "lib/ops/event_find.h"

#define KEYS_MAX (16 * 1024 * 1024) /* rows that one call is about */

/* --- rows ----------------------------------------------------------------- */

struct gathering {
	struct op_filter *filter;
	const struct op_places *places;
	const char *reason; /* NULL: any */
	unsigned statuses;
	uint64_t end_seq; /* before this one */
	struct op_keys *out;
	size_t room;
};

static int
add_key(struct gathering *g, const struct store_delivery *d, bool doubtful,
    struct err *err)
{
	size_t room = g->room == 0 ? 256 : g->room * 2;
	struct op_key *grown;

	if (g->out->n == KEYS_MAX)
		return err_set(err, ERR_LIMIT,
		    "more than %d deliveries: name fewer at a time, by "
		    "destination or time",
		    KEYS_MAX);
	if (g->out->n == g->room) {
		grown = realloc(g->out->at, room * sizeof(*grown));
		if (grown == NULL)
			return err_set(
			    err, ERR_NOMEM, "no memory for deliveries");
		g->out->at = grown;
		g->room = room;
	}
	g->out->at[g->out->n].destination_id = d->destination_id;
	g->out->at[g->out->n].doubtful = doubtful;
	g->out->at[g->out->n++].seq = d->seq;
	return 0;
}

/* A row has one type of its event, the log has them all. */
static int
settle_doubts(struct gathering *g, const struct op_call *call, struct err *err)
{
	struct op_keys *keys = g->out;
	struct store_reader *rd = NULL;
	size_t i, n = 0;
	struct event ev;
	bool found;
	int ret = -1;

	for (i = 0; i < keys->n; i++) {
		if (keys->at[i].doubtful) {
			if (rd == NULL &&
			    store_reader_open(call->ops->store, &rd, err) < 0)
				goto out;
			store_reader_seek(rd, keys->at[i].seq);
			if (store_reader_next(rd, &ev, &found, err) < 0)
				goto out;
			if (!found || ev.seq != keys->at[i].seq ||
			    !op_filter_wants_types(g->filter, &ev))
				continue;
		}
		keys->at[n++] = keys->at[i];
	}
	keys->n = n;
	ret = 0;
out:
	store_reader_close(rd);
	return ret;
}

static int
look_at_row(void *arg, const struct store_delivery *d, struct err *err)
{
	struct gathering *g = arg;
	unsigned bit = OP_STATUS_BIT(op_delivery_status(d->state));
	struct event ev = { .type = d->type };
	const struct op_name *name;

	if (d->seq >= g->end_seq || (g->statuses & bit) == 0)
		return 0;
	if (g->reason != NULL && !span_is(d->reason, g->reason))
		return 0;
	if (op_places_find(g->places, d->destination_id) == NULL)
		return 0;
	if (op_filter_name(g->filter, d->endpoint_id, &name, err) < 0)
		return -1;
	if (!op_filter_may_want(g->filter, name, d->id))
		return 0;
	return add_key(g, d, !op_filter_wants_types(g->filter, &ev), err);
}

int
op_keys_gather(const struct op_call *call, struct op_filter *f,
    const struct op_places *p, unsigned statuses, struct op_keys *out,
    struct err *err)
{
	struct gathering g = { .filter = f,
		.places = p,
		.reason = op_text(call, "reason"),
		.statuses = statuses,
		.end_seq = UINT64_MAX,
		.out = out };
	struct store *st = call->ops->store;
	uint64_t one = p->n == 1 ? p->at[0].id : 0, first_seq = 0;

	memset(out, 0, sizeof(*out));
	if (p->n == 0)
		return 0;
	if (f->since_ms > 0 &&
	    store_seq_at(st, f->since_ms, &first_seq, err) < 0)
		return -1;
	if (f->until_ms < JSON_INT_MAX &&
	    store_seq_end(st, f->until_ms, &g.end_seq, err) < 0)
		return -1;
	if (store_deliveries(st, NULL, one, first_seq, look_at_row, &g, err) <
	    0)
		return -1;
	return settle_doubts(&g, call, err);
}

/* --- as a list ------------------------------------------------------------ */

struct listing {
	const struct op_call *call;
	struct op_filter filter;
	struct op_places places;
	int64_t n; /* rows that went out */
	struct buf row, scratch;
};

static bool
is_full(const struct listing *ls)
{
	return ls->filter.limit > 0 && ls->n == ls->filter.limit;
}

static int
emit(struct listing *ls, uint64_t seq, const char *endpoint, struct span id,
    struct span type, const struct op_place *pl, const struct op_delivery *d,
    struct err *err)
{
	struct json_write w;

	json_write_init(&w, &ls->row, err);
	json_write_object(&w, NULL);
	json_write_uint(&w, "seq", seq);
	json_write_str(&w, "endpoint", endpoint);
	json_write_bytes(&w, "id", id);
	if (type.len > 0)
		json_write_bytes(&w, "type", type);
	else
		json_write_null(&w, "type");
	op_delivery_write(&w, pl, d);
	json_write_close(&w);
	ls->n++;
	return op_emit(ls->call, &w, &ls->row, err);
}

/* Is this one of those that the walk, and not the rows, has to find? */
static bool
is_wanted(const struct listing *ls, const struct op_delivery *d)
{
	switch (ls->filter.status) {
	case OP_STATUS_ANY:
	case OP_STATUS_ACCEPTED:
	case OP_STATUS_TEST:
		return d->status != OP_STATUS_ANY || d->dropped;
	case OP_STATUS_PENDING:
		return d->status == OP_STATUS_PENDING && !d->has_row;
	case OP_STATUS_DELIVERED:
		return d->status == OP_STATUS_DELIVERED;
	case OP_STATUS_HELD:
	case OP_STATUS_DROPPED:
	case OP_STATUS_RELEASED:
	case OP_STATUS_RETRYING:
	case OP_STATUS_PARKED:
	case OP_STATUS_DEAD:
		break;
	}
	return false;
}

static int
emit_event(
    void *arg, const struct event *ev, const char *endpoint, struct err *err)
{
	struct listing *ls = arg;
	const struct op_place *pl;
	struct op_delivery d;
	int64_t before = ls->n;
	size_t i;

	for (i = 0; i < ls->places.n && !is_full(ls); i++) {
		pl = &ls->places.at[i];
		if (op_delivery_find(ls->call, NULL, pl, ev, endpoint, &d,
			&ls->scratch, err) < 0)
			return -1;
		if (is_wanted(ls, &d) && emit(ls, ev->seq, endpoint, ev->id,
					     ev->type, pl, &d, err) < 0)
			return -1;
	}
	if (is_full(ls))
		return 2;
	return ls->n > before ? 0 : 1;
}

static int
newest_first(const void *a, const void *b)
{
	const struct op_key *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq > y->seq ? -1 : 1;
	return x->destination_id < y->destination_id ? -1 : 1;
}

static int
emit_rows(struct listing *ls, enum op_status status, struct err *err)
{
	struct store *st = ls->call->ops->store;
	const struct op_name *name;
	struct op_keys keys = { NULL, 0 };
	struct store_delivery row;
	struct op_delivery d;
	bool found;
	size_t i;
	int ret = -1;

	if (op_keys_gather(ls->call, &ls->filter, &ls->places,
		OP_STATUS_BIT(status), &keys, err) < 0)
		goto out;
	if (keys.n > 0)
		qsort(keys.at, keys.n, sizeof(*keys.at), newest_first);
	for (i = 0; i < keys.n && !is_full(ls); i++) {
		if (store_delivery(st, NULL, keys.at[i].destination_id,
			keys.at[i].seq, &row, &ls->scratch, &found, err) < 0)
			goto out;
		/* It may have gone on since. */
		if (!found || op_delivery_status(row.state) != status)
			continue;
		op_delivery_of_row(&row, &d);
		if (op_filter_name(&ls->filter, row.endpoint_id, &name, err) <
			0 ||
		    emit(ls, row.seq, name->name, row.id, row.type,
			op_places_find(&ls->places, row.destination_id), &d,
			err) < 0)
			goto out;
	}
	ret = 0;
out:
	free(keys.at);
	return ret;
}

/* Below the lowest cursor nothing waits that has no row. */
static uint64_t
lowest_cursor(const struct op_places *p)
{
	uint64_t low = UINT64_MAX;
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->at[i].state != STORE_DESTINATION_REMOVED &&
		    p->at[i].cursor < low)
			low = p->at[i].cursor;
	return low;
}

static int
list(struct listing *ls, struct err *err)
{
	enum op_status status = ls->filter.status;
	uint64_t from = 0;

	if (status == OP_STATUS_RETRYING || status == OP_STATUS_PARKED ||
	    status == OP_STATUS_DEAD)
		return emit_rows(ls, status, err);
	if (status == OP_STATUS_PENDING)
		from = lowest_cursor(&ls->places);
	if (op_events_walk_in(ls->call, OP_NEWEST_FIRST, from, UINT64_MAX,
		emit_event, ls, err) < 0)
		return -1;
	if (status == OP_STATUS_PENDING && !is_full(ls))
		return emit_rows(ls, status, err);
	return 0;
}

bool
op_deliveries_wanted(const struct op_call *call)
{
	const char *status = op_text(call, "status");

	return op_text(call, "destination") != NULL ||
	       op_text(call, "reason") != NULL ||
	       (status != NULL && strcmp(status, "accepted") != 0 &&
		   strcmp(status, "test") != 0);
}

int
op_deliveries_list(const struct op_call *call, struct err *err)
{
	struct listing ls = { .call = call,
		.row = BUF_INIT(OPS_ROW_MAX),
		.scratch = BUF_INIT(2 * DESTINATION_DOC_MAX) };
	int ret = -1;

	if (op_filter_read(call, OP_STATUSES_DELIVERY, &ls.filter, err) < 0 ||
	    op_places_load(call, true, &ls.places, err) < 0)
		goto out;
	if (op_text(call, "reason") != NULL &&
	    ls.filter.status != OP_STATUS_DEAD)
		err_set(err, ERR_USAGE,
		    "only what is dead has a reason: status \"dead\"");
	else
		ret = list(&ls, err);
out:
	op_filter_free(&ls.filter);
	op_places_free(&ls.places);
	buf_free(&ls.row);
	buf_free(&ls.scratch);
	return ret;
}
