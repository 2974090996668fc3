/* resolve_body.c: reads values out of the body (a form, JSON) and the query. */
#include "lib/scheme/resolve_impl.h"

#include <stdio.h>

#include "lib/http/multipart.h"
#include "lib/json/scan.h"
#include "lib/scheme/impl.h"

/* --- forms ------------------------------------------------------------- */

/* The outcome of a source, from that of a form. */
static void
set_answer(enum form_answer answer, struct span found,
    enum resolve_outcome *how, struct span *value)
{
	*value = found;
	if (answer == FORM_BROKEN)
		*how = RESOLVE_UNREADABLE;
	else if (answer == FORM_FOUND && found.len > 0)
		*how = RESOLVE_OK;
}

/* A value by name out of a query or a form that is written as one. */
static int
resolve_pair(struct resolver *rs, struct span text, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	struct buf *made = resolver_make(rs, text.len, err);
	enum form_answer answer;

	if (made == NULL ||
	    form_find(text, p->arg, p->any_case ? FORM_ANY_CASE : FORM_EXACT,
		made, &answer, err) < 0)
		return -1;
	set_answer(answer, buf_span(made), how, value);
	return 0;
}

int
resolve_query(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	return resolve_pair(rs, rs->in->request->query, p, how, value, err);
}

/* Of a GET the query is the form: it has no body. */
int
resolve_form(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	const struct request *rq = rs->in->request;
	struct span type, boundary, found = SPAN_EMPTY;
	const struct body *body;
	enum multipart_type kind;

	if (span_is(rq->method, "GET"))
		return resolve_query(rs, p, how, value, err);
	if (resolver_body(rs, &body, err) < 0)
		return -1;
	*how = RESOLVE_UNREADABLE;
	if (body->why != NULL || request_header(rq, "content-type", &type) > 1)
		return 0;
	kind = multipart_type(type, &boundary);
	if (kind == MULTIPART_BROKEN)
		return 0;
	*how = RESOLVE_ABSENT;
	if (kind == MULTIPART_NONE)
		return resolve_pair(rs, body->bytes, p, how, value, err);
	set_answer(multipart_find(body->bytes, boundary, p->arg,
		       p->any_case ? FORM_ANY_CASE : FORM_EXACT, &found),
	    found, how, value);
	return 0;
}

/*
 * The body is read as a form under any content type: were another
 * type signed as nothing, a signature over an address alone would let any
 * body pass.
 */
int
resolve_form_all(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	const struct body *body;
	enum form_answer answer;
	struct buf *made;

	(void)p;
	*how = RESOLVE_UNREADABLE;
	if (resolver_body(rs, &body, err) < 0)
		return -1;
	if (body->why != NULL)
		return 0;
	made = resolver_make(rs, body->bytes.len, err);
	if (made == NULL ||
	    form_put_sorted(body->bytes, made, &answer, err) < 0)
		return -1;
	*value = buf_span(made);
	if (answer == FORM_FOUND)
		*how = RESOLVE_OK;
	return 0;
}

/* --- JSON -------------------------------------------------------------- */

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
	const struct piece *from = &rs->sc->json_in; /* FORM: read.c */
	enum resolve_outcome how = RESOLVE_ABSENT;
	struct span value = SPAN_EMPTY;

	if (resolve_form(rs, from, &how, &value, err) < 0)
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
		no_json(rs, resolver_reason(rs, from, how));
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

int
resolve_json(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	struct err why = ERR_INIT;
	enum json_kind kind;
	struct span raw;
	struct buf *made;

	if (resolver_scan(rs, err) < 0)
		return -1;
	if (rs->body_is_json < 0) {
		if (rs->is_unreadable)
			*how = RESOLVE_UNREADABLE;
		return 0;
	}
	kind = json_find(
	    rs->element.len > 0 ? rs->element : rs->text, p->arg, &raw);
	if (kind == JSON_ABSENT || kind == JSON_NULL)
		return 0;
	*how = RESOLVE_OK;
	if (kind == JSON_NUMBER || kind == JSON_BOOL) {
		*value = raw;
		return 0;
	}
	if (kind == JSON_STRING && span_find(raw, '\\') == raw.len) {
		*value = span_of((const char *)raw.ptr + 1, raw.len - 2);
	} else {
		made = resolver_make(rs, raw.len, err);
		if (made == NULL)
			return -1;
		if (json_scalar(raw, made, &why) < 0) {
			*how = RESOLVE_BROKEN;
			return why.code == ERR_INPUT
				   ? 0
				   : err_set(err, why.code, "%s", why.text);
		}
		*value = buf_span(made);
	}
	if (value->len == 0)
		*how = RESOLVE_ABSENT;
	return 0;
}
