/* accept.c: an authentic request becomes an item for the store. */
#include "lib/accept.h"

#include <stdio.h>
#include <string.h>

#include "lib/kept.h"

static int
name_by_digest(struct span body, char *out, struct err *err)
{
	unsigned char sum[DIGEST_SHA256];
	size_t i, at = sizeof(ACCEPT_DIGEST_ID) - 1;

	if (digest_sha256(&body, 1, sum, err) < 0)
		return -1;
	memcpy(out, ACCEPT_DIGEST_ID, at);
	for (i = 0; i < sizeof(sum); i++)
		snprintf(out + at + 2 * i, 3, "%02x", sum[i]);
	return 0;
}

int
accept_fill(const struct accept_input *in, struct store_item *item,
    struct accept_room *room, struct err *err)
{
	const struct scheme *sc = in->ep->scheme;
	const struct identity *who = in->who;
	struct event *ev = &item->event;
	struct span type;

	memset(item, 0, sizeof(*item));
	ev->endpoint_id = in->ep->id;
	ev->secret_id = in->secret_id;
	ev->flags = in->is_test ? EVENT_TEST : 0;
	ev->type = who->has_type ? who->type : SPAN_EMPTY;
	if (who->ntypes > 1)
		ev->types = who->packed_types;
	if (!who->types_complete)
		ev->flags |= EVENT_TYPES_PARTIAL;
	request_header(in->request, "content-type", &type);
	ev->content_type = type.len <= EVENT_TYPE_MAX ? type : SPAN_EMPTY;
	ev->body = in->request->body;
	buf_clear(&room->headers);
	room->headers.max = KEPT_MAX;
	if (registry_keep_headers(
		in->registry, sc, in->request, &room->headers, err) < 0)
		return -1;
	ev->headers = buf_span(&room->headers);
	if (who->has_id) {
		ev->id = who->id;
		item->dedupe_body =
		    !scheme_id_signed(sc) &&
		    in->ep->settings.repeats != ENDPOINT_REPEATS_ALWAYS;
	} else {
		if (name_by_digest(ev->body, room->digest_id, err) < 0)
			return -1;
		ev->id = span_str(room->digest_id);
		ev->flags |= EVENT_NO_ID;
	}
	if (who->has_replay) {
		item->dedupe_body = true;
		item->replay = who->replay;
	}
	item->body_varies = scheme_retry_body(sc) != SCHEME_RETRY_SAME;
	item->generation = in->ep->generation;
	return 0;
}
