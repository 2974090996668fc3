/* resolve.c: fills the holes of templates from a request. */
#include "lib/scheme/resolve.h"

#include <string.h>

#include "lib/base/crc32.h"
#include "lib/scheme/impl.h"
#include "lib/scheme/resolve_impl.h"

#define CRC32_TEXT_MAX 16 /* ten digits */
#define HEADERS_NAMES_MAX 1024 /* bytes of the names in {headers:} */

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
	(void)p;
	/* An empty body is signed as such. */
	return resolver_signed_body(rs, how, value, err);
}

static int
resolve_header(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	size_t n = request_header(rs->in->request, p->arg, value);

	(void)err;
	if (n <= 1 && value->len == 0 && p->other != NULL)
		n = request_header(rs->in->request, p->other, value);
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
	made = resolver_make(rs, url.len + query.len + sizeof("?:443"), err);
	if (made == NULL ||
	    url_put(url, query, rs->port, rs->sc->url_decode, made, err) < 0)
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

static int
resolve_crc32(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	struct buf *made = resolver_make(rs, CRC32_TEXT_MAX, err);
	struct span body;

	(void)p;
	if (made == NULL || resolver_signed_body(rs, how, &body, err) < 0)
		return -1;
	if (*how != RESOLVE_OK)
		return 0;
	if (buf_printf(made, err, "%lu", (unsigned long)crc32_of(body)) < 0)
		return -1;
	*value = buf_span(made);
	return 0;
}

/* Puts " NAME" and ".VALUE" of each header in names, each at its end. */
static int
put_named(struct resolver *rs, struct span names, struct buf *head,
    struct buf *tail, bool *whole, struct err *err)
{
	const struct request *rq = rs->in->request;
	struct span name, value = SPAN_EMPTY;
	size_t i, n;

	while (names.len > 0 && *whole) {
		name = resolve_next_item(&names, ' ');
		for (i = 0, n = 0; i < rq->nheaders; i++)
			if (span_eq_nocase(rq->headers[i].name, name)) {
				value = rq->headers[i].value;
				n++;
			}
		*whole = n == 1;
		if (*whole &&
		    ((head->len > 0 && buf_putc(head, ' ', err) < 0) ||
			buf_put_span(head, name, err) < 0 ||
			buf_putc(tail, '.', err) < 0 ||
			buf_put_span(tail, value, err) < 0))
			return -1;
	}
	return 0;
}

/* What these headers may come to: all that a request may have is less. */
static size_t
headers_room(const struct request *rq, struct span names)
{
	size_t i, room = 2 * names.len + 2;

	for (i = 0; i < rq->nheaders; i++)
		room += rq->headers[i].value.len + 1;
	return room;
}

/* A name that is given twice would make a short header a long content. */
static bool
has_twice(struct span names)
{
	struct span name, rest;

	while (names.len > 0) {
		name = resolve_next_item(&names, ' ');
		for (rest = names; rest.len > 0;)
			if (span_eq_nocase(resolve_next_item(&rest, ' '), name))
				return true;
	}
	return false;
}

static int
resolve_headers(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err)
{
	struct span names = SPAN_EMPTY;
	struct buf *head, *tail;
	bool whole = true;
	size_t room;

	if (resolve_item(rs, p, how, &names, err) < 0)
		return -1;
	if (*how != RESOLVE_OK)
		return 0;
	*how = RESOLVE_BROKEN;
	if (names.len > HEADERS_NAMES_MAX || has_twice(names))
		return 0;
	room = headers_room(rs->in->request, names);
	head = resolver_make(rs, room, err);
	tail = resolver_make(rs, room, err);
	if (head == NULL || tail == NULL ||
	    put_named(rs, names, head, tail, &whole, err) < 0)
		return -1;
	if (!whole)
		return 0;
	if (buf_put_span(head, buf_span(tail), err) < 0)
		return -1;
	*value = buf_span(head);
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
	[PIECE_CRC32] = resolve_crc32,
	[PIECE_HEADERS] = resolve_headers,
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
		*reason = resolver_reason(rs, piece, *how);
	}
	return 0;
}

/* Empties a group, before a piece and behind it; its last piece. */
static size_t
leave_out(const struct template *t, size_t i, struct span *values)
{
	unsigned char group = t->pieces[i].group;

	while (i > 0 && t->pieces[i - 1].group == group)
		i--;
	for (; i < t->n && t->pieces[i].group == group; i++)
		values[i] = SPAN_EMPTY;
	return i - 1;
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
		if (*how == RESOLVE_ABSENT && t->pieces[i].group != 0) {
			i = leave_out(t, i, values);
			continue;
		}
		if (*how != RESOLVE_OK) {
			*culprit = &t->pieces[i];
			return 0;
		}
	}
	*how = RESOLVE_OK;
	return 0;
}
