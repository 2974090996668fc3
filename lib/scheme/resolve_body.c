/* resolve_body.c: the body of a request, for who fills holes from it. */
#include <stdio.h>

#include "lib/json/scan.h"
#include "lib/scheme/impl.h"
#include "lib/scheme/resolve.h"

int
resolver_body(struct resolver *rs, const struct body **out, struct err *err)
{
	struct body *body = rs->in->body == NULL ? &rs->body : rs->in->body;

	*out = body;
	return body_open(body, rs->in->request, err);
}

int
resolver_signed_body(struct resolver *rs, enum resolve_outcome *how,
    struct span *bytes, struct err *err)
{
	const struct body *body;

	*how = RESOLVE_OK;
	*bytes = rs->in->request->body;
	if (!rs->sc->signs_decoded)
		return 0;
	if (resolver_body(rs, &body, err) < 0)
		return -1;
	*bytes = body->bytes;
	if (body->why != NULL)
		*how = RESOLVE_UNREADABLE;
	return 0;
}

/* A body that holds no JSON: why. */
static void
no_json(struct resolver *rs, const char *why)
{
	rs->body_is_json = -1;
	snprintf(rs->why, sizeof(rs->why), "%.*s", RESOLVE_WHY_MAX - 1, why);
}

/* Is the text JSON? Where it is, it is what JSON sources read. */
static int
scan_text(struct resolver *rs, struct span text, struct err *err)
{
	struct err why = ERR_INIT;

	if (json_scan_taken(text, &rs->is_json_not_taken, &why) == 0) {
		rs->body_is_json = 1;
		rs->text = text;
		return 0;
	}
	if (why.code != ERR_INPUT)
		return err_set(err, why.code, "%s", why.text);
	no_json(rs, why.text);
	return 0;
}

/* The value of the form that the scheme has its JSON in, if there is one. */
static int
scan_form(struct resolver *rs, struct err *err)
{
	const struct piece *from = &rs->sc->json_in;
	enum resolve_outcome how;
	const char *reason;
	struct span value;

	if (resolve_piece(rs, from, &how, &value, &reason, err) < 0)
		return -1;
	if (how == RESOLVE_OK) {
		/* It must outlive what else was made. */
		rs->json.max = value.len;
		return buf_put_span(&rs->json, value, err) < 0
			   ? -1
			   : scan_text(rs, body_text(buf_span(&rs->json)), err);
	}
	if (how == RESOLVE_UNREADABLE) {
		rs->is_unreadable = true;
		no_json(rs, reason);
	}
	return 0;
}

int
resolver_scan(struct resolver *rs, struct err *err)
{
	const struct body *body;

	if (rs->body_is_json != 0)
		return 0;
	if (resolver_body(rs, &body, err) < 0)
		return -1;
	if (body->why != NULL) {
		rs->is_unreadable = true;
		no_json(rs, body->why);
		return 0;
	}
	if (scan_text(rs, body_text(body->bytes), err) < 0)
		return -1;
	return rs->body_is_json < 0 && rs->sc->json_in.shown != NULL &&
		       !rs->is_json_not_taken
		   ? scan_form(rs, err)
		   : 0;
}
