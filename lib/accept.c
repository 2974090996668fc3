/* accept.c: an authentic request becomes an item for the store. */
#include "lib/accept.h"

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

static void
fill_event(const struct accept_input *in, struct event *ev)
{
	const struct identity *who = in->who;
	struct span type;

	ev->endpoint_id = in->ep->id;
	ev->secret_id = in->secret_id;
	ev->flags = in->is_test ? EVENT_TEST : 0;
	ev->type = who->has_type ? who->type : SPAN_EMPTY;
	if (who->ntypes > 1)
		ev->types = who->packed_types;
	if (!who->types_complete)
		ev->flags |= EVENT_TYPES_PARTIAL;
	request_header(in->verified->request, "content-type", &type);
	ev->content_type = type.len <= EVENT_TYPE_MAX ? type : SPAN_EMPTY;
	ev->body = in->verified->request->body;
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
	item->generation = in->ep->generation;
	if (window_s < 0)
		window_s = scheme_tolerance_s(sc);
	item->window_ms = window_s > 0 ? window_s * 1000 : 0;
	fill_event(in, ev);
	buf_clear(&room->headers);
	if (in->wish == STORE_WISH_ACCEPT &&
	    registry_keep_headers(in->registry, sc, in->verified->request,
		&room->headers, err) < 0)
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
