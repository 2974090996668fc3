/* accept.c: an authentic request becomes an item for the store. */
#include "lib/receive/accept.h"

#include <stdio.h>
#include <string.h>

static void
name_by_digest(const unsigned char sum[DIGEST_SHA256], char *out)
{
	size_t i, at = sizeof(STORE_DIGEST_ID) - 1;

	memcpy(out, STORE_DIGEST_ID, at);
	for (i = 0; i < DIGEST_SHA256; i++)
		snprintf(out + at + 2 * i, 3, "%02x", sum[i]);
}

void
accept_room_free(struct accept_room *room)
{
	buf_free(&room->headers);
	buf_free(&room->payload);
	buf_free(&room->contents);
	buf_free(&room->elements);
}

static const enum store_on_held on_held_of[] = {
	[ENDPOINT_ON_HELD_HOLD] = STORE_ON_HELD_HOLD,
	[ENDPOINT_ON_HELD_DELIVER] = STORE_ON_HELD_DELIVER,
	[ENDPOINT_ON_HELD_REFUSE] = STORE_ON_HELD_REFUSE,
};

static int
fill_identity(const struct accept_input *in, struct store_item *item,
    struct accept_room *room, struct err *err)
{
	const struct endpoint *ep = &in->ep->settings;

	item->on_held = on_held_of[ep->on_held];
	if (dedupe_identify(in->ep->scheme, ep, in->verified, in->result,
		in->who, &room->payload, &item->identity, err) < 0)
		return -1;
	item->identity.admitted = in->admitted;
	if (scheme_each_signed(in->ep->scheme))
		item->elements = buf_span(&room->elements);
	item->contents = &room->contents;
	return 0;
}

/* A query is written as a form is. */
#define QUERY_TYPE "application/x-www-form-urlencoded"

/* A GET has no body: what it says stands in its query. */
static void
fill_body(const struct request *rq, struct event *ev)
{
	struct span type;

	if (span_is(rq->method, "GET")) {
		ev->content_type = span_str(QUERY_TYPE);
		ev->body = rq->query;
		return;
	}
	request_header(rq, "content-type", &type);
	ev->content_type = type.len <= EVENT_TYPE_MAX ? type : SPAN_EMPTY;
	ev->body = rq->body;
}

/*
 * How the body is packed goes with it among the headers that are kept, and so
 * to destinations.
 */
static int
put_coding(const struct request *rq, struct buf *out, struct err *err)
{
	struct span coding = body_coding(rq);

	if (coding.len == 0 || coding.len > EVENT_CODING_MAX ||
	    span_find(coding, '\n') < coding.len ||
	    span_find(coding, '\r') < coding.len ||
	    request_header(rq, "content-encoding", &coding) > 1)
		return 0;
	return buf_puts(out, EVENT_CODING, err) < 0 ||
		       buf_put_span(out, span_trim(coding), err) < 0 ||
		       buf_putc(out, '\n', err) < 0
		   ? -1
		   : 0;
}

static void
fill_event(const struct accept_input *in, struct event *ev)
{
	const struct identity *who = in->who;

	ev->endpoint_id = in->ep->id;
	ev->secret_id = in->secret_id;
	ev->flags = in->is_test ? EVENT_TEST : 0;
	ev->type = who->has_type ? who->type : SPAN_EMPTY;
	if (who->ntypes > 1)
		ev->types = who->packed_types;
	if (!who->types_complete)
		ev->flags |= EVENT_TYPES_PARTIAL;
	fill_body(in->verified->request, ev);
}

int
accept_fill(const struct accept_input *in, struct store_item *item,
    struct accept_room *room, struct err *err)
{
	const struct scheme *sc = in->ep->scheme;
	struct event *ev = &item->event;
	int64_t window_s = in->ep->settings.tolerance_s;

	memset(item, 0, sizeof(*item));
	item->wish = in->wish;
	item->hold = in->pending ? ACCEPT_HELD_SECRET : NULL;
	item->generation = in->ep->generation;
	if (window_s < 0)
		window_s = scheme_tolerance_s(sc);
	item->window_ms = window_s > 0 ? window_s * 1000 : 0;
	fill_event(in, ev);
	buf_clear(&room->headers);
	if (in->wish == STORE_WISH_ACCEPT &&
	    (put_coding(in->verified->request, &room->headers, err) < 0 ||
		registry_keep_headers(in->registry, sc, in->verified->request,
		    &room->headers, err) < 0))
		return -1;
	ev->headers = buf_span(&room->headers);
	if (fill_identity(in, item, room, err) < 0)
		return -1;
	if (in->who->has_id) {
		ev->id = in->who->id;
	} else {
		name_by_digest(item->identity.payload, room->digest_id);
		ev->id = span_str(room->digest_id);
		ev->flags |= EVENT_NO_ID;
	}
	return 0;
}
