/*
 * publish.c: puts an event of the site's own into the log of an endpoint:
 * in the envelope that the scheme's documents show, or as given bytes. Nobody
 * signed it, so no secret stands in it; who may administer may say so.
 */
#include "lib/ops/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/selection.h"
#include "lib/ops/endpoint_find.h"
#include "lib/ops/submit.h"
#include "lib/scheme/sign.h"

#define ID_ROOM (4 + 2 * STORE_REQUEST_ID + 1) /* "evt_" and hex */
#define NOTE_MAX 128
#define TRIES 3 /* the endpoint may change under us */
#define TYPE_JSON "application/json"
#define TYPE_BYTES "application/octet-stream"

struct publishing {
	const struct op_call *call;
	const struct registry_endpoint *ep; /* held */
	bool raw;
	struct span id, type, content_type;
	struct buf data; /* what the call brings */
	struct buf body; /* that in its envelope */
	struct span stored; /* one of the two */
	char made_id[ID_ROOM];
	char note[NOTE_MAX];
	bool is_test;
	struct op_warnings warnings;
	struct store_item item;
};

/* --- what it is called ---------------------------------------------------- */

/* As random as an id must be, and the same when the call is repeated. */
static void
make_id(struct publishing *pb)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = pb->call->request_id;
	char *at = pb->made_id;
	size_t i;

	memcpy(at, "evt_", 4);
	at += 4;
	for (i = 0; i < STORE_REQUEST_ID; i++) {
		*at++ = digits[p[i] >> 4];
		*at++ = digits[p[i] & 15];
	}
	*at = '\0';
	pb->id = span_str(pb->made_id);
}

/* What headers carry to destinations must be fit for one. */
static int
check_name(struct span name, const char *what, size_t max, struct err *err)
{
	const unsigned char *p = name.ptr;
	size_t i;

	if (name.len == 0 || name.len > max)
		return err_set(
		    err, ERR_USAGE, "%s has 1 to %zu bytes", what, max);
	for (i = 0; i < name.len; i++)
		if (p[i] < 0x20 || p[i] == 0x7f)
			return err_set(err, ERR_USAGE,
			    "%s holds a control byte, which no header can "
			    "carry",
			    what);
	if (span_trim(name).len != name.len)
		return err_set(err, ERR_USAGE,
		    "%s begins or ends with a blank, which no header carries",
		    what);
	return 0;
}

static int
read_names(struct publishing *pb, struct err *err)
{
	const char *id = op_text(pb->call, "id"),
		   *type = op_text(pb->call, "type"),
		   *content = op_text(pb->call, "content_type");

	pb->raw = op_flag(pb->call, "raw");
	if (id == NULL)
		make_id(pb);
	else
		pb->id = span_str(id);
	pb->type = span_str(type);
	pb->content_type = span_str(content);
	if (type == NULL && !pb->raw)
		return err_set(err, ERR_USAGE,
		    "an event in an envelope needs a type: --type TYPE");
	if (content != NULL && !pb->raw)
		return err_set(err, ERR_USAGE,
		    "an envelope is " TYPE_JSON
		    ": --content-type is for --raw");
	if (check_name(pb->id, "an id", EVENT_ID_MAX, err) < 0 ||
	    (type != NULL &&
		check_name(pb->type, "a type", EVENT_TYPE_MAX, err) < 0) ||
	    (content != NULL && check_name(pb->content_type, "a content type",
				    EVENT_TYPE_MAX, err) < 0))
		return -1;
	return 0;
}

/* --- where it goes -------------------------------------------------------- */

static int
find_endpoint(struct publishing *pb, struct err *err)
{
	const char *name = op_text(pb->call, "endpoint");

	registry_put(pb->ep);
	pb->ep = NULL;
	if (op_find_ready(pb->call, name, &pb->ep, err) < 0)
		return -1;
	if (pb->ep->state != STORE_ENDPOINT_ENABLED)
		return err_set(err, ERR_INPUT,
		    "endpoint \"%s\" is disabled: eyelet-endpoint enable %s",
		    name, name);
	if (pb->ep->scheme == NULL)
		return err_set(err, ERR_CONFIG,
		    "endpoint \"%s\" cannot serve: %s", name, pb->ep->broken);
	pb->is_test =
	    pb->type.len > 0 && scheme_is_test_type(pb->ep->scheme, pb->type);
	if (!pb->is_test &&
	    selection_of(pb->ep->events, &pb->type, 1, true) == SELECTION_NO)
		return err_set(err, ERR_INPUT,
		    "endpoint \"%s\" keeps no events of this type: "
		    "\"eyelet-endpoint match\" says which it keeps",
		    name);
	return 0;
}

/* --- what it holds -------------------------------------------------------- */

static int
wrap_data(struct publishing *pb, struct err *err)
{
	const struct scheme *sc = pb->ep->scheme;

	if (!scheme_has_envelope(sc))
		return err_set(err, ERR_USAGE,
		    "the scheme \"%s\" shows no envelope: give the whole body "
		    "with --raw",
		    scheme_name(sc));
	buf_clear(&pb->body);
	if (sign_envelope(sc, pb->id, pb->type,
		store_now_ms(pb->call->ops->store), buf_span(&pb->data),
		&pb->body, err) < 0)
		return -1;
	pb->stored = buf_span(&pb->body);
	pb->content_type = span_str(TYPE_JSON);
	return 0;
}

static void
take_raw(struct publishing *pb)
{
	struct err why = ERR_INIT;
	bool is_json = json_scan(buf_span(&pb->data), &why) == 0;

	pb->stored = buf_span(&pb->data);
	if (pb->content_type.len == 0)
		pb->content_type = span_str(is_json ? TYPE_JSON : TYPE_BYTES);
	pb->warnings.n = 0;
	if (!is_json && scheme_body_is_json(pb->ep->scheme))
		op_warn(&pb->warnings,
		    "the scheme \"%s\" promises JSON, and this is none: %s",
		    scheme_name(pb->ep->scheme), why.text);
}

static int
make_body(struct publishing *pb, struct err *err)
{
	int64_t max = pb->ep->settings.body_max;

	if (max < 0)
		max = pb->call->conf->body_max;
	if (pb->raw)
		take_raw(pb);
	else if (wrap_data(pb, err) < 0)
		return -1;
	if (pb->stored.len > (uint64_t)max)
		return err_set(err, ERR_INPUT,
		    "a body of %zu bytes; endpoint \"%s\" takes at most %lld "
		    "(its body_max)",
		    pb->stored.len, pb->ep->name, (long long)max);
	return 0;
}

/* --- into the log --------------------------------------------------------- */

static int
fill_item(struct publishing *pb, struct err *err)
{
	struct store_item *item = &pb->item;
	struct event *ev = &item->event;

	snprintf(pb->note, sizeof(pb->note), "eyelet-published: by uid %u\n",
	    pb->call->peer->actor.uid);
	memset(item, 0, sizeof(*item));
	ev->endpoint_id = pb->ep->id;
	ev->flags = pb->is_test ? EVENT_TEST : 0;
	ev->id = pb->id;
	ev->type = pb->type;
	ev->content_type = pb->content_type;
	ev->headers = span_str(pb->note);
	ev->body = pb->stored;
	item->generation = pb->ep->generation;
	item->on_held = STORE_ON_HELD_REFUSE;
	/* The time in an envelope is another one each time. */
	return dedupe_identify_own(pb->stored, !pb->raw, &item->identity, err);
}

static int
publish(struct publishing *pb, struct err *err)
{
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		if (find_endpoint(pb, err) < 0 || make_body(pb, err) < 0)
			return -1;
		if (fill_item(pb, err) < 0)
			return -1;
		if (op_submit(pb->call, &pb->item, err) == 0)
			break;
		if (pb->item.outcome == STORE_FORGED)
			return err_set(err, ERR_EXISTS,
			    "endpoint \"%s\" has other bytes under this id "
			    "already: event %llu",
			    pb->ep->name, (unsigned long long)pb->item.seq);
		if (pb->item.outcome != STORE_MOVED || tries + 1 == TRIES)
			return -1;
	}
	return 0;
}

/* --- the record of it, and the answer ------------------------------------- */

static void
write_members(const struct publishing *pb, struct json_write *w)
{
	json_write_bytes(w, "id", pb->id);
	if (pb->type.len > 0)
		json_write_bytes(w, "type", pb->type);
	else
		json_write_null(w, "type");
	json_write_str(w, "outcome", op_outcome_word(pb->item.outcome));
	json_write_uint(w, "seq", pb->item.seq);
	json_write_uint(w, "size", pb->stored.len);
	json_write_bool(w, "raw", pb->raw);
}

static int
record(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	const struct publishing *pb = arg;
	struct buf detail = BUF_INIT(8192);
	struct json_write w;
	int ret = -1;

	json_write_init(&w, &detail, err);
	json_write_object(&w, NULL);
	write_members(pb, &w);
	json_write_close(&w);
	if (json_write_done(&w) < 0 ||
	    store_tx_audit(
		tx, pb->call->name, pb->ep->name, buf_span(&detail), err) < 0)
		goto out;
	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "endpoint", pb->ep->name);
	write_members(pb, &w);
	json_write_str(&w, "status", pb->is_test ? "test" : "accepted");
	json_write_bytes(&w, "content_type", pb->content_type);
	op_write_warnings(&w, &pb->warnings);
	json_write_close(&w);
	ret = json_write_done(&w);
out:
	buf_free(&detail);
	return ret;
}

int
op_event_publish(const struct op_call *call, struct err *err)
{
	struct publishing *pb = calloc(1, sizeof(*pb));
	int ret = -1;

	if (pb == NULL)
		return err_set(err, ERR_NOMEM, "no memory for an event");
	pb->call = call;
	pb->data.max = STORE_BODY_MAX;
	pb->body.max = STORE_BODY_MAX;
	if (read_names(pb, err) == 0 &&
	    op_bytes(call, "data_b64", &pb->data, err) == 0 &&
	    publish(pb, err) == 0)
		ret = op_change(call, record, pb, err);
	registry_put(pb->ep);
	buf_free(&pb->data);
	buf_free(&pb->body);
	free(pb);
	return ret;
}
