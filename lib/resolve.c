/* resolve.c: fills the holes of templates from a request. */
#include "lib/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "lib/form.h"
#include "lib/json_scan.h"

struct made {
	struct made *next;
	struct buf bytes;
};

void
resolver_free(struct resolver *rs)
{
	struct made *m;

	while ((m = rs->made) != NULL) {
		rs->made = m->next;
		buf_wipe(&m->bytes);
		free(m);
	}
}

/* An empty buf of at most max bytes that lives as long as the resolver. */
static struct buf *
make(struct resolver *rs, size_t max, struct err *err)
{
	struct made *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a request's value");
		return NULL;
	}
	m->bytes.max = max;
	m->next = rs->made;
	rs->made = m;
	return &m->bytes;
}

/* Finds out, once, whether the body is strict JSON. */
static int
scan_body(struct resolver *rs, struct err *err)
{
	struct err why = ERR_INIT;

	if (rs->body_is_json != 0)
		return 0;
	if (json_scan(rs->in->request->body, &why) == 0)
		rs->body_is_json = 1;
	else if (why.code == ERR_INPUT)
		rs->body_is_json = -1;
	else
		return err_set(err, why.code, "%s", why.text);
	return 0;
}

struct span
resolve_next_item(struct span *rest, char split)
{
	struct span item;
	size_t at;

	do {
		at = split == '\0' ? rest->len
				   : span_find(*rest, (unsigned char)split);
		item = span_trim(span_of(rest->ptr, at));
		*rest = span_skip(*rest, at + 1);
	} while (item.len == 0 && rest->len > 0);
	return item;
}

/* --- one kind each ------------------------------------------------------- */

typedef int resolve_kind(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err);

static int
resolve_literal(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	(void)rs, (void)err;
	*how = RESOLVE_OK;
	*value = span_str(p->arg);
	return 0;
}

static int
resolve_body(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	(void)p, (void)err;
	*how = RESOLVE_OK; /* an empty body is signed as such */
	*value = rs->in->request->body;
	return 0;
}

static int
resolve_header(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	size_t n = request_header(rs->in->request, p->arg, value);

	(void)err;
	if (n > 1)
		*how = RESOLVE_BROKEN;
	else
		*how = value->len > 0 ? RESOLVE_OK : RESOLVE_ABSENT;
	return 0;
}

static int
resolve_item(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	struct span rest = rs->items, item;
	size_t prefix = strlen(p->arg), n = 0;

	(void)err;
	while (rest.len > 0) {
		item = resolve_next_item(&rest, rs->split);
		if (span_starts(item, p->arg) && n++ == 0)
			*value = span_skip(item, prefix);
	}
	if (n > 1)
		*how = RESOLVE_BROKEN;
	else if (n == 1 && value->len > 0)
		*how = RESOLVE_OK;
	return 0;
}

static int
resolve_json(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	struct err why = ERR_INIT;
	enum json_kind kind;
	struct span raw;
	struct buf *made;

	if (scan_body(rs, err) < 0)
		return -1;
	if (rs->body_is_json < 0)
		return 0;
	kind = json_find(rs->in->request->body, p->arg, &raw);
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
		made = make(rs, raw.len, err);
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

/* A value by name out of a query or a form. */
static int
resolve_pair(struct resolver *rs, struct span text, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	struct buf *made = make(rs, text.len, err);
	enum form_answer answer;

	if (made == NULL || form_find(text, p->arg, made, &answer, err) < 0)
		return -1;
	*value = buf_span(made);
	if (answer == FORM_BROKEN)
		*how = RESOLVE_BROKEN;
	else if (answer == FORM_FOUND && value->len > 0)
		*how = RESOLVE_OK;
	return 0;
}

static int
resolve_query(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	return resolve_pair(rs, rs->in->request->query, p, how, value, err);
}

static int
resolve_form(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	return resolve_pair(rs, rs->in->request->body, p, how, value, err);
}

/*
 * Whatever the content type says, the body is read as a form: were another
 * type signed as nothing, a signature over an address alone would let any
 * body pass.
 */
static int
resolve_form_all(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	struct span body = rs->in->request->body;
	struct buf *made = make(rs, body.len, err);
	enum form_answer answer;

	(void)p;
	if (made == NULL || form_put_sorted(body, made, &answer, err) < 0)
		return -1;
	*value = buf_span(made);
	*how = answer == FORM_FOUND ? RESOLVE_OK : RESOLVE_BROKEN;
	return 0;
}

static int
resolve_param(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	size_t i;

	for (i = 0; i < rs->in->nparams; i++)
		if (strcmp(rs->in->params[i].name, p->arg) == 0) {
			*value = span_str(rs->in->params[i].value);
			*how = RESOLVE_OK;
			return 0;
		}
	if (p->optional)
		return 0;
	return err_set(err, ERR_CONFIG,
	    "the scheme needs the param \"%s\"; give it a value", p->arg);
}

static int
resolve_method(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	(void)p, (void)err;
	*value = rs->in->request->method;
	*how = value->len > 0 ? RESOLVE_OK : RESOLVE_ABSENT;
	return 0;
}

static int
resolve_url(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	struct span url = span_str(rs->in->url);
	struct span query = rs->in->request->query;
	struct buf *made;

	(void)p;
	if (url.len == 0)
		return err_set(err, ERR_CONFIG,
		    "the scheme signs the public URL; set the one that is "
		    "registered with the provider");
	made = make(rs, url.len + query.len + sizeof("?:443"), err);
	if (made == NULL || url_put(url, query, rs->port, made, err) < 0)
		return -1;
	*value = buf_span(made);
	*how = RESOLVE_OK;
	return 0;
}

static int
resolve_key(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	(void)p, (void)err;
	*value = rs->key;
	*how = RESOLVE_OK;
	return 0;
}

static resolve_kind *const kinds[] = {
	[PIECE_LITERAL] = resolve_literal,
	[PIECE_BODY] = resolve_body,
	[PIECE_HEADER] = resolve_header,
	[PIECE_ITEM] = resolve_item,
	[PIECE_JSON] = resolve_json,
	[PIECE_QUERY] = resolve_query,
	[PIECE_FORM] = resolve_form,
	[PIECE_FORM_ALL] = resolve_form_all,
	[PIECE_PARAM] = resolve_param,
	[PIECE_METHOD] = resolve_method,
	[PIECE_URL] = resolve_url,
	[PIECE_KEY] = resolve_key,
};

/* --- all ----------------------------------------------------------------- */

int
resolve_piece(struct resolver *rs, const struct piece *piece,
    enum resolve_outcome *how, struct span *value, const char **reason,
    struct err *err)
{
	*how = RESOLVE_ABSENT;
	*value = SPAN_EMPTY;
	if (kinds[piece->kind](rs, piece, how, value, err) < 0)
		return -1;
	if (*how != RESOLVE_OK) {
		*value = SPAN_EMPTY;
		*reason =
		    *how == RESOLVE_ABSENT ? piece->absent : piece->broken;
	}
	return 0;
}

int
resolve_template(struct resolver *rs, const struct template *t,
    struct span *values, enum resolve_outcome *how,
    const struct piece **culprit, struct err *err)
{
	const char *ignored;
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (resolve_piece(
			rs, &t->pieces[i], how, &values[i], &ignored, err) < 0)
			return -1;
		if (*how == RESOLVE_ABSENT && t->pieces[i].optional)
			continue;
		if (*how != RESOLVE_OK) {
			*culprit = &t->pieces[i];
			return 0;
		}
	}
	*how = RESOLVE_OK;
	return 0;
}
