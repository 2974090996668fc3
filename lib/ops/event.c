/* event.c: events as rows. */
#include "lib/ops/event.h"

#include <string.h>

#include "lib/ops/deliverer.h"
#include "lib/ops/delivery_list.h"
#include "lib/ops/held.h"
#include "lib/ops/secret.h"

/* What a row has beside its payload; the rest is the payload's. */
#define PAYLOAD_ROOM (OPS_ROW_MAX - 512 * 1024)

/* How much of an event a row has. */
enum detail {
	DETAIL_LINE,
	DETAIL_EXPORT, /* and the payload */
	DETAIL_ALL /* and all that is known */
};

struct rows {
	const struct op_call *call;
	enum detail detail;
	bool raw; /* the payload as base64, always */
	bool waits; /* DETAIL_ALL: a delivery of it is still to be made */
	size_t n;
	struct buf row;
};

/* How long the JSON string of a text would be. */
static size_t
string_size(struct span s)
{
	const unsigned char *p = s.ptr;
	size_t i, size = 2;

	for (i = 0; i < s.len; i++)
		if (p[i] < 0x20 || p[i] == 0x7f)
			size += 6;
		else
			size += p[i] == '"' || p[i] == '\\' ? 2 : 1;
	return size;
}

static void
write_payload(struct json_write *w, const struct rows *rows, struct span body)
{
	if (!rows->raw && json_write_is_text(body) &&
	    string_size(body) <= PAYLOAD_ROOM)
		json_write_bytes(w, "body", body);
	else
		json_write_base64(w, "body_b64", body);
}

/* "name: value" lines, each an element. */
static void
write_headers(struct json_write *w, struct span lines)
{
	struct span line;

	json_write_array(w, "headers");
	while (lines.len > 0) {
		line = span_of(lines.ptr, span_find(lines, '\n'));
		lines = span_skip(lines, line.len + 1);
		json_write_bytes(w, NULL, line);
	}
	json_write_close(w);
}

/* What the endpoint's settings say today of where an event came from. */
static int
write_origin(struct json_write *w, const struct op_call *call, uint64_t id,
    struct err *err)
{
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store_endpoint ep;
	struct endpoint settings;
	bool found;
	size_t i;
	int ret = -1;

	endpoint_init(&settings);
	if (store_endpoint_by_id(
		call->ops->store, NULL, id, &ep, &doc, &found, err) < 0)
		goto out;
	if (found && endpoint_decode(ep.doc, &settings, err) < 0)
		goto out;
	json_write_bool(w, "endpoint_removed",
	    !found || ep.state == STORE_ENDPOINT_REMOVED);
	json_write_str(w, "scheme", settings.scheme);
	json_write_str(w, "title", settings.title);
	json_write_str(w, "public_url", settings.public_url);
	json_write_object(w, "labels");
	for (i = 0; i < settings.nlabels; i++)
		json_write_str(
		    w, settings.labels[i].name, settings.labels[i].value);
	json_write_close(w);
	ret = 0;
out:
	endpoint_free(&settings);
	buf_wipe(&doc);
	return ret;
}

static void
write_types(struct json_write *w, const struct event *ev)
{
	struct span types[EVENT_TYPES_MAX];
	size_t i, n = event_types(ev, types);

	json_write_array(w, "types");
	for (i = 0; i < n; i++)
		json_write_bytes(w, NULL, types[i]);
	json_write_close(w);
	json_write_bool(w, "types_complete",
	    n > 0 && (ev->flags & EVENT_TYPES_PARTIAL) == 0);
}

/* What is known of it beside what it is itself. */
static int
write_all(struct json_write *w, struct rows *rows, const struct event *ev,
    const char *endpoint, const struct op_held *held, struct err *err)
{
	json_write_bool(w, "id_is_digest", (ev->flags & EVENT_NO_ID) != 0);
	if (write_origin(w, rows->call, ev->endpoint_id, err) < 0)
		return -1;
	write_headers(w, ev->headers);
	if (held == NULL)
		return op_held_write_origin(rows->call, w, ev, err) < 0
			   ? -1
			   : op_delivery_write_all(rows->call, w, ev, endpoint,
				 &rows->waits, err);
	json_write_array(w, "deliveries");
	json_write_close(w);
	return 0;
}

static int
write_event(struct rows *rows, const struct event *ev, const char *endpoint,
    const struct op_held *held, struct err *err)
{
	const struct op_call *call = rows->call;
	bool test = (ev->flags & EVENT_TEST) != 0, found = false;
	struct store_seen seen = { 0 };
	struct json_write w;

	/* Test events are never deduped, so nothing is known of their ids. */
	if (!test && store_seen(call->ops->store, ev->endpoint_id, ev->id,
			 &seen, &found, err) < 0)
		return -1;
	/* Forgotten, or known anew since: those repeats are another event's. */
	if (!found || seen.seq != ev->seq)
		memset(&seen, 0, sizeof(seen));
	json_write_init(&w, &rows->row, err);
	json_write_object(&w, NULL);
	json_write_uint(&w, "seq", ev->seq);
	json_write_str(&w, "endpoint", endpoint);
	json_write_bytes(&w, "id", ev->id);
	if (ev->type.len > 0)
		json_write_bytes(&w, "type", ev->type);
	else
		json_write_null(&w, "type");
	json_write_time(&w, "received_at", ev->received_ms);
	json_write_secret_id(&w, "secret", ev->secret_id);
	json_write_uint(&w, "size", ev->body.len);
	json_write_str(&w, "status",
	    held != NULL ? op_held_word(held)
	    : test       ? "test"
			 : "accepted");
	json_write_uint(&w, "duplicates", seen.duplicates);
	if (held != NULL && op_held_write(call, &w, held, ev,
				rows->detail == DETAIL_ALL, err) < 0)
		return -1;
	if (rows->detail >= DETAIL_EXPORT) {
		write_types(&w, ev);
		json_write_bytes(&w, "content_type", ev->content_type);
		if (event_coding(ev).len > 0)
			json_write_bytes(
			    &w, "content_encoding", event_coding(ev));
	}
	if (rows->detail == DETAIL_ALL) {
		json_write_time(&w, "last_duplicate_at",
		    seen.duplicates > 0 ? seen.last_ms : 0);
		if (write_all(&w, rows, ev, endpoint, held, err) < 0)
			return -1;
	}
	if (rows->detail >= DETAIL_EXPORT)
		write_payload(&w, rows, ev->body);
	json_write_close(&w);
	rows->n++;
	return op_emit(call, &w, &rows->row, err);
}

static int
emit_event(
    void *arg, const struct event *ev, const char *endpoint, struct err *err)
{
	struct rows *rows = arg;
	struct op_held held;
	int ret;

	if ((ev->flags & EVENT_HELD) == 0)
		return write_event(rows, ev, endpoint, NULL, err);
	ret = op_held_load(rows->call, ev->seq, &held, err);
	if (ret == 0)
		ret = write_event(rows, ev, endpoint, &held, err);
	op_held_free(&held);
	return ret;
}

int
op_event_emit(const struct op_call *call, const struct event *ev,
    const char *endpoint, struct buf *row, struct err *err)
{
	struct rows rows = {
		.call = call, .detail = DETAIL_EXPORT, .row = *row
	};
	int ret = emit_event(&rows, ev, endpoint, err);

	*row = rows.row;
	return ret;
}

int
op_event_list(const struct op_call *call, struct err *err)
{
	struct rows rows = { .call = call,
		.detail = DETAIL_LINE,
		.row = BUF_INIT(OPS_ROW_MAX) };
	int ret;

	if (op_held_wanted(call) && op_text(call, "destination") == NULL &&
	    op_text(call, "reason") == NULL)
		ret = op_held_walk(
		    call, OP_NEWEST_FIRST, false, emit_event, &rows, err);
	else if (op_deliveries_wanted(call))
		ret = op_deliveries_list(call, err);
	else
		ret = op_events_walk(
		    call, OP_NEWEST_FIRST, emit_event, &rows, err);
	buf_free(&rows.row);
	return ret;
}

/* What a secret let in: all there is, oldest first. */
int
op_secret_suspects(const struct op_call *call, struct err *err)
{
	struct rows rows = { .call = call,
		.detail = DETAIL_LINE,
		.row = BUF_INIT(OPS_ROW_MAX) };
	int ret = op_secret_check_named(call, err);

	if (ret == 0)
		ret = op_events_walk(
		    call, OP_OLDEST_FIRST, emit_event, &rows, err);
	buf_free(&rows.row);
	return ret;
}

int
op_event_export(const struct op_call *call, struct err *err)
{
	struct rows rows = { .call = call,
		.detail = DETAIL_EXPORT,
		.row = BUF_INIT(OPS_ROW_MAX) };
	int ret;

	ret = op_held_wanted(call) ? op_held_walk(call, OP_OLDEST_FIRST, false,
					 emit_event, &rows, err)
				   : op_events_walk(call, OP_OLDEST_FIRST,
					 emit_event, &rows, err);
	buf_free(&rows.row);
	return ret;
}

int
op_event_follow(const struct op_call *call, struct err *err)
{
	struct rows rows = { .call = call,
		.detail = DETAIL_LINE,
		.row = BUF_INIT(OPS_ROW_MAX) };
	int ret = op_events_follow(call, emit_event, &rows, err);

	buf_free(&rows.row);
	return ret;
}

/* --- one event ------------------------------------------------------------ */

static int
show_by_seq(struct rows *rows, uint64_t seq, struct err *err)
{
	struct store *st = rows->call->ops->store;
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store_reader *rd = NULL;
	struct store_endpoint ep;
	struct event ev;
	bool found;
	int ret = -1;

	if (store_reader_open(st, &rd, err) < 0)
		goto out;
	store_reader_show_held(rd);
	store_reader_seek(rd, seq);
	if (store_reader_next(rd, &ev, &found, err) < 0)
		goto out;
	if (!found || ev.seq != seq) {
		(void)store_refuse_absent(st, seq, err);
		goto out;
	}
	if (store_endpoint_by_id(
		st, NULL, ev.endpoint_id, &ep, &doc, &found, err) < 0)
		goto out;
	ret = emit_event(rows, &ev, found ? ep.name : "", err);
out:
	store_reader_close(rd);
	buf_wipe(&doc);
	return ret;
}

/* Finds the newest of the id; two endpoints may have one each. */
struct newest {
	uint64_t seq, endpoint_id;
	bool several;
};

static int
note_newest(
    void *arg, const struct event *ev, const char *endpoint, struct err *err)
{
	struct newest *nw = arg;

	(void)endpoint;
	(void)err;
	if (nw->seq != 0 && nw->endpoint_id != ev->endpoint_id)
		nw->several = true;
	if (ev->seq > nw->seq) {
		nw->seq = ev->seq;
		nw->endpoint_id = ev->endpoint_id;
	}
	return 0;
}

int
op_event_show(const struct op_call *call, struct err *err)
{
	struct rows rows = { .call = call,
		.detail = DETAIL_ALL,
		.raw = op_flag(call, "raw"),
		.row = BUF_INIT(OPS_ROW_MAX) };
	struct newest nw = { 0, 0, false };
	int64_t seq;
	int ret = -1;

	if (op_int(call, "seq", 0, 1, JSON_INT_MAX, &seq, err) < 0)
		goto out;
	if ((seq == 0) == (op_text(call, "id") == NULL)) {
		err_set(
		    err, ERR_USAGE, "name the event by its seq, or by --id ID");
		goto out;
	}
	nw.seq = (uint64_t)seq;
	if (seq == 0 &&
	    op_events_walk(call, OP_NEWEST_FIRST, note_newest, &nw, err) < 0)
		goto out;
	if (nw.seq == 0 && op_held_walk(call, OP_NEWEST_FIRST, true,
			       note_newest, &nw, err) < 0)
		goto out;
	if (nw.seq == 0)
		err_set(err, ERR_NOTFOUND, "no event has this id");
	else if (nw.several)
		err_set(err, ERR_USAGE,
		    "several endpoints have an event of this id: name one "
		    "with --endpoint");
	else
		ret = show_by_seq(&rows, nw.seq, err);
	if (ret == 0 && rows.waits)
		ret = op_tell_deliverer(call, err);
out:
	buf_free(&rows.row);
	return ret;
}
