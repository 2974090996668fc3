/*
 * pull.c: readers that fetch events by a named cursor. A cursor gives the
 * same events until they are acknowledged, so none is lost when a reader dies
 * over it; what it passes over because nobody asked for it needs none.
 */
#include "lib/ops/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/ops/event_find.h"
#include "lib/ops/filter.h"
#include "lib/store/delivery.h"

#define ROW_MAX 16384 /* bytes of a cursor's row */
#define SKIP_MIN 1000 /* events nobody asked for: the cursor moves on */

struct reading {
	const struct op_call *call;
	const char *name;
	struct store_pull pull; /* borrows from scratch */
	char *endpoint, *types; /* owned; what it reads, NULL: all */
	struct op_filter filter;
	bool fresh; /* made by this call */
	int64_t limit; /* 0: none */
	int64_t given;
	uint64_t first_seq; /* of what is given; 0: nothing yet */
	uint64_t last_seq; /* of what was given */
	uint64_t looked_seq; /* all up to here was looked at */
	struct buf scratch, row;
};

static int
check_name(const char *name, struct err *err)
{
	if (destination_name_ok(span_str(name)))
		return 0;
	return err_set(err, ERR_USAGE,
	    "a cursor's name has 1 to %d letters, digits, \"_\" and \"-\"",
	    ENDPOINT_NAME_MAX);
}

/* --- making one ----------------------------------------------------------- */

static int
change_make(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct reading *rd = arg;
	struct buf detail = BUF_INIT(2 * ROW_MAX);
	struct json_write w;
	int ret = -1;

	(void)result;
	if (store_tx_pull(tx, &rd->pull, err) < 0)
		goto out;
	json_write_init(&w, &detail, err);
	json_write_object(&w, NULL);
	json_write_uint(&w, "seq", rd->pull.seq);
	json_write_str(&w, "endpoint", rd->endpoint);
	json_write_str(&w, "type", rd->types);
	json_write_close(&w);
	if (json_write_done(&w) < 0)
		goto out;
	ret = store_tx_audit(
	    tx, rd->call->name, rd->name, buf_span(&detail), err);
out:
	buf_free(&detail);
	return ret;
}

/* Where a new one begins: a seq, 0 behind the newest. */
static int
read_from(const struct op_call *call, uint64_t *seq, struct err *err)
{
	int64_t from_seq, from_ms;

	if (op_int(call, "from_seq", 0, 1, JSON_INT_MAX, &from_seq, err) < 0 ||
	    op_int(call, "from_ms", -1, 0, JSON_INT_MAX, &from_ms, err) < 0)
		return -1;
	*seq = (uint64_t)from_seq;
	if (from_ms < 0)
		return 0;
	if (from_seq != 0)
		return err_set(err, ERR_USAGE,
		    "from_seq and from_ms both say where to begin: give one");
	return store_seq_at(call->ops->store, from_ms, seq, err);
}

static int
make(struct reading *rd, struct err *err)
{
	const struct op_call *call = rd->call;
	struct buf result = BUF_INIT(OPS_RESULT_MAX);
	int ret;

	memset(&rd->pull, 0, sizeof(rd->pull));
	snprintf(rd->pull.name, sizeof(rd->pull.name), "%s", rd->name);
	rd->pull.endpoint = span_str(rd->endpoint);
	rd->pull.types = span_str(rd->types);
	if (read_from(call, &rd->pull.seq, err) < 0)
		return -1;
	rd->fresh = true;
	ret = store_change(call->ops->store, &call->peer->actor,
	    call->request_id, change_make, rd, &result, err);
	buf_free(&result);
	return ret;
}

/* --- finding one ---------------------------------------------------------- */

/* What it reads was said when it was made, and stays so. */
static int
check_same(const struct reading *rd, const char *member, struct span has,
    struct err *err)
{
	const char *asked = op_text(rd->call, member);

	if (asked == NULL || span_is(has, asked))
		return 0;
	return err_set(err, ERR_CONFLICT,
	    "cursor \"%s\" was made with %s \"%.*s\": read by another name, or "
	    "remove it",
	    rd->name, member, (int)has.len, (const char *)has.ptr);
}

static int
set_text(char **to, const char *text, struct err *err)
{
	*to = text == NULL ? NULL : span_dup(span_str(text), err);
	return text != NULL && *to == NULL ? -1 : 0;
}

/* The filter as the call says it, judged before a cursor is made with it. */
static int
read_asked(struct reading *rd, struct err *err)
{
	const struct op_call *call = rd->call;
	struct op_filter judged;
	int ret = op_filter_read(call, OP_STATUSES_EVENT, &judged, err);

	op_filter_free(&judged);
	if (ret < 0 ||
	    set_text(&rd->endpoint, op_text(call, "endpoint"), err) < 0)
		return -1;
	return set_text(&rd->types, op_text(call, "type"), err);
}

static int
read_stored(struct reading *rd, struct err *err)
{
	const struct store_pull *p = &rd->pull;

	if (check_same(rd, "endpoint", p->endpoint, err) < 0 ||
	    check_same(rd, "type", p->types, err) < 0)
		return -1;
	if (p->endpoint.len > 0 &&
	    (rd->endpoint = span_dup(p->endpoint, err)) == NULL)
		return -1;
	if (p->types.len > 0 && (rd->types = span_dup(p->types, err)) == NULL)
		return -1;
	return 0;
}

static int
open_pull(struct reading *rd, struct err *err)
{
	struct store *st = rd->call->ops->store;
	bool found;

	if (check_name(rd->name, err) < 0 ||
	    store_pull(
		st, NULL, rd->name, &rd->pull, &rd->scratch, &found, err) < 0)
		return -1;
	if (!found && read_asked(rd, err) < 0)
		return -1;
	if (found ? read_stored(rd, err) < 0 : make(rd, err) < 0)
		return -1;
	return op_filter_read_as(
	    rd->call, rd->endpoint, rd->types, &rd->filter, err);
}

/* --- acknowledging -------------------------------------------------------- */

static int
acknowledge(struct store *st, const char *name, int64_t acked, uint64_t *seq,
    struct err *err)
{
	if ((uint64_t)acked > store_durable_seq(st))
		return err_set(err, ERR_USAGE,
		    "event %lld is not there yet: it cannot be acknowledged",
		    (long long)acked);
	*seq = (uint64_t)acked + 1;
	return store_pull_move(st, name, seq, err);
}

static int
read_acked(struct reading *rd, struct err *err)
{
	int64_t acked;

	if (op_int(rd->call, "acked", 0, 1, JSON_INT_MAX, &acked, err) < 0)
		return -1;
	if (acked == 0)
		return 0;
	return acknowledge(
	    rd->call->ops->store, rd->name, acked, &rd->pull.seq, err);
}

/* --- reading -------------------------------------------------------------- */

static bool
is_full(const struct reading *rd)
{
	return rd->limit > 0 && rd->given == rd->limit;
}

static int
give(struct reading *rd, const struct event *ev, struct err *err)
{
	const struct op_name *name;

	rd->looked_seq = ev->seq;
	if (op_filter_name(&rd->filter, ev->endpoint_id, &name, err) < 0)
		return -1;
	if (!op_filter_wants_event(&rd->filter, name, ev))
		return 0;
	if (rd->first_seq == 0)
		rd->first_seq = ev->seq;
	rd->last_seq = ev->seq;
	rd->given++;
	return op_event_emit(rd->call, ev, name->name, &rd->row, err);
}

static int
give_all(struct reading *rd, struct store_reader *at, int64_t deadline_ms,
    struct err *err)
{
	struct store *st = rd->call->ops->store;
	struct event ev;
	uint64_t durable;
	bool found;

	while (!is_full(rd)) {
		durable = store_durable_seq(st);
		if (store_reader_next(at, &ev, &found, err) < 0)
			return -1;
		if (found) {
			if (give(rd, &ev, err) < 0)
				return -1;
			continue;
		}
		if (durable > rd->looked_seq)
			rd->looked_seq = durable;
		if (rd->given > 0 || !op_wait(rd->call, durable, deadline_ms))
			break;
	}
	return 0;
}

/* What nobody asked for is not looked at each time again. */
static int
skip(struct reading *rd, struct err *err)
{
	uint64_t to = rd->first_seq != 0 ? rd->first_seq : rd->looked_seq + 1;

	if (to < rd->pull.seq + SKIP_MIN)
		return 0;
	return store_pull_move(rd->call->ops->store, rd->name, &to, err);
}

/* Retention took what was not acknowledged: hold_max is over. */
static int
is_cut(struct reading *rd, bool *cut, struct err *err)
{
	struct store_status s;
	uint64_t oldest;

	if (store_status(rd->call->ops->store, &s, err) < 0)
		return -1;
	oldest = s.oldest_seq == 0 ? s.durable_seq + 1 : s.oldest_seq;
	*cut = !rd->fresh && oldest > rd->pull.seq;
	return 0;
}

static int
say_end(struct reading *rd, struct err *err)
{
	struct json_write w;
	bool cut;

	if (is_cut(rd, &cut, err) < 0)
		return -1;
	json_write_init(&w, &rd->row, err);
	json_write_object(&w, NULL);
	json_write_object(&w, "progress");
	json_write_int(&w, "looked", rd->given);
	json_write_int(&w, "matched", rd->given);
	json_write_uint(&w, "next", rd->last_seq + 1);
	json_write_bool(&w, "fresh", rd->fresh);
	json_write_bool(&w, "cut", cut);
	json_write_bool(&w, "done", true);
	json_write_close(&w);
	json_write_close(&w);
	return op_emit(rd->call, &w, &rd->row, err);
}

static int
read_on(struct reading *rd, struct err *err)
{
	struct store_reader *at = NULL;
	int64_t wait_ms;
	bool may_wait = op_follower_begins(rd->call);
	int ret = -1;

	if (op_int(rd->call, "wait_ms", 0, 0, OPS_FOLLOW_MS, &wait_ms, err) <
		0 ||
	    op_int(rd->call, "limit", 0, 0, JSON_INT_MAX, &rd->limit, err) <
		0 ||
	    store_reader_open(rd->call->ops->store, &at, err) < 0)
		goto out;
	store_reader_seek(at, rd->pull.seq);
	rd->looked_seq = rd->pull.seq - 1;
	rd->last_seq = rd->looked_seq;
	if (!may_wait)
		wait_ms = 0;
	if (give_all(rd, at, clock_ms() + wait_ms, err) < 0 ||
	    skip(rd, err) < 0)
		goto out;
	ret = say_end(rd, err);
out:
	op_follower_ends(rd->call);
	store_reader_close(at);
	return ret;
}

int
op_event_read(const struct op_call *call, struct err *err)
{
	struct reading rd = { .call = call,
		.name = op_text(call, "cursor"),
		.scratch = BUF_INIT(ROW_MAX),
		.row = BUF_INIT(OPS_ROW_MAX) };
	int ret = -1;

	if (open_pull(&rd, err) == 0 && read_acked(&rd, err) == 0)
		ret = read_on(&rd, err);
	op_filter_free(&rd.filter);
	free(rd.endpoint);
	free(rd.types);
	buf_free(&rd.scratch);
	buf_free(&rd.row);
	return ret;
}

/* --- cursors -------------------------------------------------------------- */

struct listing {
	const struct op_call *call;
	struct buf row;
};

static int
emit_pull(void *arg, const struct store_pull *p, struct err *err)
{
	struct listing *ls = arg;
	uint64_t durable = store_durable_seq(ls->call->ops->store);
	struct json_write w;

	json_write_init(&w, &ls->row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "cursor", p->name);
	json_write_uint(&w, "seq", p->seq);
	json_write_uint(
	    &w, "behind", durable >= p->seq ? durable - p->seq + 1 : 0);
	if (p->endpoint.len > 0)
		json_write_bytes(&w, "endpoint", p->endpoint);
	else
		json_write_null(&w, "endpoint");
	if (p->types.len > 0)
		json_write_bytes(&w, "type", p->types);
	else
		json_write_null(&w, "type");
	json_write_time(&w, "created_at", p->created_ms);
	json_write_time(&w, "moved_at", p->moved_ms);
	json_write_close(&w);
	return op_emit(ls->call, &w, &ls->row, err);
}

int
op_cursor_list(const struct op_call *call, struct err *err)
{
	struct listing ls = { call, BUF_INIT(OPS_ROW_MAX) };
	int ret = store_pulls(call->ops->store, NULL, emit_pull, &ls, err);

	buf_free(&ls.row);
	return ret;
}

int
op_cursor_ack(const struct op_call *call, struct err *err)
{
	const char *name = op_text(call, "cursor");
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	struct json_write w;
	uint64_t seq = 0;
	int64_t acked;
	int ret = -1;

	if (check_name(name, err) < 0 ||
	    op_int(call, "seq", 0, 1, JSON_INT_MAX, &acked, err) < 0 ||
	    acknowledge(call->ops->store, name, acked, &seq, err) < 0)
		goto out;
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "cursor", name);
	json_write_uint(&w, "seq", seq);
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
out:
	buf_free(&row);
	return ret;
}

static int
change_remove(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	const struct op_call *call = arg;
	const char *name = op_text(call, "cursor");
	struct json_write w;
	bool found;

	if (store_tx_pull_remove(tx, name, &found, err) < 0)
		return -1;
	if (!found)
		return err_set(
		    err, ERR_NOTFOUND, "there is no cursor \"%s\"", name);
	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "cursor", name);
	json_write_str(&w, "state", "removed");
	json_write_close(&w);
	if (json_write_done(&w) < 0)
		return -1;
	return store_tx_audit(tx, call->name, name, SPAN_EMPTY, err);
}

int
op_cursor_remove(const struct op_call *call, struct err *err)
{
	struct op_call own = *call;

	if (check_name(op_text(call, "cursor"), err) < 0)
		return -1;
	return op_change(call, change_remove, &own, err);
}
