/* provider_put.c: bodies and headers of the values that a provider tells. */
#include "tests/stand/provider_impl.h"

#include <stdio.h>
#include <string.h>

/* --- bodies --------------------------------------------------------------- */

static void
put_json_value(
    struct provider_making *m, const struct provider_slot *s, int element)
{
	struct buf *b = &m->d->body;
	const char *value = s->value;
	const char *tail = "";

	if (s->is_id && element >= 0)
		tail = m->ev->element[element];
	if (element >= 0 && value == s->value && m->p->sc->each_signed &&
	    strcmp(value, m->signatures[0]) == 0)
		value = m->signatures[element];
	if (s->is_number && value[0] != '\0' &&
	    strspn(value, "0123456789") == strlen(value)) {
		MUST(buf_puts(b, value, &m->err));
		return;
	}
	MUST(buf_putc(b, '"', &m->err));
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			MUST(buf_putc(b, '\\', &m->err));
		if (*value == '\n')
			MUST(buf_puts(b, "\\n", &m->err));
		else
			MUST(buf_putc(b, (unsigned char)*value, &m->err));
	}
	MUST(buf_puts(b, tail, &m->err));
	MUST(buf_putc(b, '"', &m->err));
}

static void
put_json(struct provider_making *m, const char *prefix, int element);

static void
put_list(struct provider_making *m, const char *prefix)
{
	char below[256];
	int i;

	snprintf(below, sizeof(below), "%s/*", prefix);
	MUST(buf_putc(&m->d->body, '[', &m->err));
	for (i = 0; i < PROVIDER_ELEMENTS; i++) {
		if (i > 0)
			MUST(buf_putc(&m->d->body, ',', &m->err));
		put_json(m, below, i);
	}
	MUST(buf_putc(&m->d->body, ']', &m->err));
}

/* Was the member of slot i put already, as that of an earlier slot? */
static bool
is_put(const struct provider_making *m, size_t i, size_t len)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (m->slots[j].kind == PIECE_JSON && !m->slots[j].absent &&
		    strncmp(m->slots[j].place, m->slots[i].place, len) == 0 &&
		    strchr("/", m->slots[j].place[len]) != NULL)
			return true;
	return false;
}

static void
put_json(struct provider_making *m, const char *prefix, int element)
{
	struct buf *b = &m->d->body;
	char below[256], segment[128];
	size_t i, at = strlen(prefix), len, n = 0;
	const struct provider_slot *s;

	for (i = 0; i < m->n; i++) {
		s = &m->slots[i];
		if (s->kind != PIECE_JSON || s->absent ||
		    strncmp(s->place, prefix, at) != 0 ||
		    strchr("/", s->place[at]) == NULL)
			continue;
		if (s->place[at] == '\0') {
			put_json_value(m, s, element);
			return;
		}
		len = strcspn(s->place + at + 1, "/");
		if (is_put(m, i, at + 1 + len))
			continue;
		snprintf(segment, sizeof(segment), "%.*s", (int)len,
		    s->place + at + 1);
		if (strcmp(segment, "*") == 0) {
			put_list(m, prefix);
			return;
		}
		MUST(buf_puts(b, n++ == 0 ? "{" : ",", &m->err));
		MUST(buf_printf(b, &m->err,
		    m->ev->spaced ? "\"%s\" : " : "\"%s\":", segment));
		snprintf(below, sizeof(below), "%s/%s", prefix, segment);
		put_json(m, below, element);
	}
	MUST(buf_puts(b, n == 0 ? "{}" : "}", &m->err));
}

/* Percent-encodes all but letters and digits; spaced: each byte. */
static void
put_escaped(struct provider_making *m, struct buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		if (!m->ev->spaced && strchr("0123456789abcdefghijklmnopqrst"
					     "uvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					     "-_",
					  *text) != NULL)
			MUST(buf_putc(b, (unsigned char)*text, &m->err));
		else
			MUST(buf_printf(
			    b, &m->err, "%%%02X", (unsigned char)*text));
}

/* spaced: in the other order. */
static void
put_pairs(struct provider_making *m, enum piece_kind kind, struct buf *b)
{
	const struct provider_slot *s;
	size_t i;

	for (i = 0; i < m->n; i++) {
		s = &m->slots[m->ev->spaced ? m->n - 1 - i : i];
		if (s->kind != kind || s->absent)
			continue;
		if (b->len > 0)
			MUST(buf_putc(b, '&', &m->err));
		put_escaped(m, b, s->place);
		MUST(buf_putc(b, '=', &m->err));
		put_escaped(m, b, s->value);
	}
}

static void
put_body(struct provider_making *m)
{
	const struct override *o;

	for (o = m->ev->overrides; o != NULL && o->at != NULL; o++)
		if (o->at->kind == PIECE_BODY) {
			MUST(buf_puts(&m->d->body, o->value, &m->err));
			return;
		}
	if (m->p->is_form)
		put_pairs(m, PIECE_FORM, &m->d->body);
	else
		put_json(m, "", -1);
}

/* --- headers -------------------------------------------------------------- */

static void
put_header(struct provider_making *m, const char *name, struct span value)
{
	struct draft *d = m->d;
	struct header *h = &d->headers[d->request.nheaders++];
	size_t at = d->text.len;

	ck_assert_uint_le(d->request.nheaders, PROVIDER_HEADERS);
	MUST(buf_puts(&d->text, name, &m->err));
	MUST(buf_put_span(&d->text, value, &m->err));
	ck_assert_uint_le(d->text.len, d->text.max);
	h->name = span_of((char *)d->text.ptr + at, strlen(name));
	h->value = span_of((char *)d->text.ptr + at + strlen(name), value.len);
}

/* The header of a list: "t=1,h=x,v1=abc". */
static void
put_items(struct provider_making *m, struct buf *items)
{
	const struct scheme *sc = m->p->sc;
	const struct provider_slot *s;
	size_t i;

	for (i = 0; i < m->n; i++) {
		s = &m->slots[i];
		if (s->kind == PIECE_ITEM && !s->absent)
			MUST(buf_printf(items, &m->err, "%s%s%c", s->place,
			    s->value, sc->split));
	}
	for (i = 0; i < sc->content.n; i++)
		if (sc->content.pieces[i].kind == PIECE_HEADERS)
			MUST(
			    buf_printf(items, &m->err, "%s" PROVIDER_NAMED "%c",
				sc->content.pieces[i].arg, sc->split));
	MUST(buf_printf(items, &m->err, "%s%s",
	    sc->prefix == NULL ? "" : sc->prefix, m->signatures[0]));
}

static void
put_headers(struct provider_making *m)
{
	const struct scheme *sc = m->p->sc;
	struct buf value = BUF_INIT(4096);
	const struct provider_slot *s;
	size_t i;

	for (i = 0; i < m->n; i++) {
		s = &m->slots[i];
		if (s->kind != PIECE_HEADER || s->absent)
			continue;
		buf_clear(&value);
		if (s->place[0] != '\0' && sc->split == '\0' &&
		    sc->prefix != NULL &&
		    sc->sig_from[0].kind == PIECE_HEADER &&
		    strcmp(s->place, sc->sig_from[0].arg) == 0)
			MUST(buf_puts(&value, sc->prefix, &m->err));
		MUST(buf_puts(&value, s->value, &m->err));
		put_header(m, s->place, buf_span(&value));
	}
	if (sc->split != '\0') {
		buf_clear(&value);
		put_items(m, &value);
		put_header(m, sc->sig_from[0].arg, buf_span(&value));
	}
	put_header(m, "content-type",
	    span_str(m->p->is_form ? "application/x-www-form-urlencoded"
				   : "application/json"));
	put_header(m, "user-agent", span_str("provider/1"));
	buf_free(&value);
}

void
provider_put(struct provider_making *m)
{
	struct draft *d = m->d;

	put_body(m);
	put_pairs(m, PIECE_QUERY, &d->query);
	put_headers(m);
	d->request.method = span_str("POST");
	d->request.headers = d->headers;
	d->request.body = buf_span(&d->body);
	d->request.content_length = (int64_t)d->body.len;
	d->request.query = buf_span(&d->query);
}
