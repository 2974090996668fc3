/*
 * sign.c: the headers that a provider would send. The same templates as in
 * verifying, the other way round: headers are made for id, type and time, and
 * what is signed is then read off the request they make.
 */
#include "lib/scheme/sign.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/scheme/impl.h"
#include "lib/scheme/resolve.h"

#define HEADER_VALUE_MAX 8192

/* A request in the making. */
struct signing {
	const struct scheme *sc;
	const struct sign_input *in;
	struct verify_input input;
	struct body body;
	struct request request;
	struct resolver rs;
	struct err *err;
	char time[TEXT_TIME_MAX];
	struct buf digest; /* of the body, as the scheme writes it */
	struct buf items; /* of the signature header, before the signature */
	size_t n;
	struct header headers[SCHEME_HEADERS_MAX];
	const struct piece *pieces[SCHEME_HEADERS_MAX]; /* their names */
};

/* --- what cannot --------------------------------------------------------- */

/* Does a template say the value of this header? */
static bool
says_header(const struct template *t, size_t n, const struct piece *header)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (template_reads(&t[i], header))
			return true;
	return false;
}

/* Is there a value for a piece that is signed? */
static bool
has_value(const struct scheme *sc, const struct piece *p)
{
	size_t i;

	if (p->kind == PIECE_HEADERS)
		return false;
	if (p->kind != PIECE_HEADER && p->kind != PIECE_ITEM)
		return true;
	if (p->optional || p->group != 0 ||
	    (sc->has_time && piece_same(p, &sc->time_from)) ||
	    (sc->has_digest && piece_same(p, &sc->digest_from)))
		return true;
	for (i = 0; i < sc->nrequire; i++)
		if (piece_same(p, &sc->require[i].from))
			return true;
	return says_header(sc->id, sc->nid, p) ||
	       says_header(sc->type, sc->ntype, p);
}

bool
scheme_can_sign(const struct scheme *sc, const char **why_not)
{
	const char *why = NULL;
	size_t i;

	if (sc->algorithm->kind == ALGORITHM_PUBKEY)
		why = "only the provider has the private key";
	else if (sc->sig_from[0].kind != PIECE_HEADER)
		why = "the signature stands inside the body";
	else if (sc->has_digest && sc->digest_from.kind != PIECE_HEADER &&
		 sc->digest_from.kind != PIECE_QUERY)
		why = "the digest stands inside the body";
	for (i = 0; i < sc->content.n && why == NULL; i++)
		if (!has_value(sc, &sc->content.pieces[i]))
			why = "it signs a header that it gives no meaning";
	if (why != NULL && why_not != NULL)
		*why_not = why;
	return why == NULL;
}

/* --- headers ------------------------------------------------------------- */

/* May it pass as a header's value and come out as it went in? */
static bool
is_value(struct span s)
{
	const unsigned char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (p[i] < 0x20 || p[i] == 0x7f)
			return false;
	return s.len > 0 && s.len <= HEADER_VALUE_MAX &&
	       span_trim(s).len == s.len;
}

/* Gives a header its value, unless it has one. */
static int
set_header(struct signing *s, const struct piece *p, struct span value)
{
	struct span had;

	s->request.nheaders = s->n;
	if (request_header(&s->request, p->arg, &had) > 0)
		return 0;
	if (!is_value(value))
		return err_set(s->err, ERR_USAGE,
		    "%s: what it should carry is empty, or no header can "
		    "carry it",
		    p->name);
	assert(s->n < SCHEME_HEADERS_MAX);
	s->headers[s->n].name = span_str(p->arg);
	s->headers[s->n].value = value;
	s->pieces[s->n] = p;
	s->request.nheaders = ++s->n;
	return 0;
}

static int
put_item(struct signing *s, const char *prefix, const char *value)
{
	if (s->items.len > 0 &&
	    buf_putc(&s->items, (unsigned char)s->sc->split, s->err) < 0)
		return -1;
	if (buf_puts(&s->items, prefix, s->err) < 0)
		return -1;
	return buf_puts(&s->items, value, s->err);
}

/* Puts a value where the scheme reads it from, if that is ours to make. */
static int
put_value(struct signing *s, const struct piece *p, const char *value)
{
	if (p->kind == PIECE_HEADER)
		return set_header(s, p, span_str(value));
	if (p->kind == PIECE_ITEM)
		return put_item(s, p->arg, value);
	return 0;
}

static int
put_time(struct signing *s)
{
	int64_t ms = s->in->now_ms;

	if (!s->sc->has_time)
		return 0;
	switch (s->sc->time_unit) {
	case TIME_S:
		snprintf(
		    s->time, sizeof(s->time), "%lld", (long long)(ms / 1000));
		break;
	case TIME_MS:
		snprintf(s->time, sizeof(s->time), "%lld", (long long)ms);
		break;
	case TIME_RFC3339:
		text_time(s->time, ms);
		break;
	}
	return put_value(s, &s->sc->time_from, s->time);
}

/* The values of pieces from to to, one behind the other. */
static int
join(struct signing *s, const struct template *t, size_t from, size_t to,
    struct buf *out, bool *whole)
{
	enum resolve_outcome how;
	const char *reason;
	struct span value;
	size_t i;

	for (i = from; i < to; i++) {
		if (resolve_piece(&s->rs, &t->pieces[i], &how, &value, &reason,
			s->err) < 0 ||
		    buf_put_span(out, value, s->err) < 0)
			return -1;
		if (how != RESOLVE_OK && !t->pieces[i].optional)
			*whole = false;
	}
	return 0;
}

/*
 * Makes a template with one header in it come out as name: with
 * "{header:x-event}.{json:/action}", "issues.opened" and a body whose action
 * is "opened", x-event is "issues". Returns 1 when it does, 0 when it cannot.
 */
static int
solve(struct signing *s, const struct template *t, struct span name)
{
	struct buf before = BUF_INIT(HEADER_VALUE_MAX);
	struct buf behind = BUF_INIT(HEADER_VALUE_MAX);
	struct span value = name;
	size_t i, at = t->n;
	bool whole = true;
	int ret = -1;

	for (i = 0; i < t->n; i++)
		if (t->pieces[i].kind == PIECE_HEADER) {
			if (at < t->n)
				return 0; /* two unknowns */
			at = i;
		}
	if (at == t->n)
		return 0;
	if (join(s, t, 0, at, &before, &whole) < 0 ||
	    join(s, t, at + 1, t->n, &behind, &whole) < 0)
		goto out;
	ret = 0;
	if (!whole || name.len <= before.len + behind.len ||
	    (before.len > 0 && memcmp(name.ptr, before.ptr, before.len) != 0))
		goto out;
	value = span_skip(name, before.len);
	value.len -= behind.len;
	if (behind.len > 0 && memcmp((const char *)value.ptr + value.len,
				  behind.ptr, behind.len) != 0)
		goto out;
	ret = set_header(s, &t->pieces[at], value) < 0 ? -1 : 1;
out:
	buf_free(&before);
	buf_free(&behind);
	return ret;
}

/* Puts an id or type into the header that carries it, if there is one. */
static int
put_name(
    struct signing *s, const struct template *t, size_t n, struct span name)
{
	size_t i;
	int solved = 0;

	for (i = 0; i < n && name.len > 0 && solved == 0; i++)
		solved = solve(s, &t[i], name);
	return solved < 0 ? -1 : 0;
}

/* A header carries the body's digest, or the URL that was given must. */
static int
put_digest(struct signing *s)
{
	const struct scheme *sc = s->sc;
	unsigned char sum[HASH_SIZE_MAX];
	enum resolve_outcome how;
	const char *reason;
	struct span value;

	if (!sc->has_digest)
		return 0;
	if (resolver_signed_body(&s->rs, &how, &value, s->err) < 0)
		return -1;
	if (how != RESOLVE_OK)
		return err_set(s->err, ERR_USAGE, "%s", s->body.why);
	if (hash_parts(sc->digest_hash, &value, 1, sum, s->err) < 0 ||
	    encode_put(sc->digest_enc, span_of(sum, hash_size(sc->digest_hash)),
		&s->digest, s->err) < 0)
		return -1;
	if (sc->digest_from.kind == PIECE_HEADER)
		return set_header(s, &sc->digest_from, buf_span(&s->digest));
	if (resolve_piece(
		&s->rs, &sc->digest_from, &how, &value, &reason, s->err) < 0)
		return -1;
	if (how != RESOLVE_OK || !span_eq(value, buf_span(&s->digest)))
		return err_set(s->err, ERR_USAGE,
		    "the query of the URL must hold %s=%.*s",
		    sc->digest_from.arg, (int)s->digest.len,
		    (const char *)s->digest.ptr);
	return 0;
}

static int
put_required(struct signing *s, const struct requirement *rq)
{
	size_t i;

	if (!rq->is_param)
		return put_value(s, &rq->from, rq->value);
	for (i = 0; i < s->input.nparams; i++)
		if (strcmp(s->input.params[i].name, rq->value) == 0)
			return put_value(
			    s, &rq->from, s->input.params[i].value);
	return err_set(s->err, ERR_CONFIG,
	    "the scheme needs the param \"%s\"; give it a value", rq->value);
}

static int
put_headers(struct signing *s)
{
	const struct scheme *sc = s->sc;
	size_t i;

	if (put_name(s, sc->id, sc->nid, s->in->id) < 0 || put_time(s) < 0)
		return -1;
	for (i = 0; i < sc->nrequire; i++)
		if (put_required(s, &sc->require[i]) < 0)
			return -1;
	if (put_name(s, sc->type, sc->ntype, s->in->type) < 0)
		return -1;
	return put_digest(s);
}

/* --- the signature ------------------------------------------------------- */

/* What the signed content says for this key, encoded, behind out. */
static int
put_signature(struct signing *s, const struct scheme_key *key,
    struct span *content, struct buf *out)
{
	const struct scheme *sc = s->sc;
	enum hash hash = sc->algorithm->hash;
	unsigned char sum[HASH_SIZE_MAX];
	size_t i;
	int done = -1;

	if (sc->prefix != NULL && buf_puts(out, sc->prefix, s->err) < 0)
		return -1;
	switch (sc->algorithm->kind) {
	case ALGORITHM_HMAC:
		done =
		    hmac_parts(key->hmac, content, sc->content.n, sum, s->err);
		break;
	case ALGORITHM_DIGEST:
		for (i = 0; i < sc->content.n; i++)
			if (sc->content.pieces[i].kind == PIECE_KEY)
				content[i] = span_of(key->bytes, key->len);
		done = hash_parts(hash, content, sc->content.n, sum, s->err);
		break;
	case ALGORITHM_EQUAL:
		if (!is_value(span_of(key->bytes, key->len)))
			return err_set(s->err, ERR_USAGE,
			    "no header can carry this secret");
		return buf_put(out, key->bytes, key->len, s->err);
	case ALGORITHM_PUBKEY:
		break; /* scheme_can_sign said no */
	}
	if (done < 0)
		return -1;
	return encode_put(
	    sc->sig_enc, span_of(sum, hash_size(hash)), out, s->err);
}

static int
read_content(struct signing *s, struct span *content)
{
	const struct piece *culprit;
	enum resolve_outcome how;

	s->rs.items = buf_span(&s->items);
	if (resolve_template(
		&s->rs, &s->sc->content, content, &how, &culprit, s->err) < 0) {
		/* A URL or param that is not there is the caller's to give. */
		if (s->err->code == ERR_CONFIG)
			s->err->code = ERR_USAGE;
		return -1;
	}
	if (how == RESOLVE_OK)
		return 0;
	if (says_header(s->sc->id, s->sc->nid, culprit))
		return err_set(
		    s->err, ERR_USAGE, "the scheme signs the id; give one");
	if (says_header(s->sc->type, s->sc->ntype, culprit))
		return err_set(
		    s->err, ERR_USAGE, "the scheme signs the type; give one");
	return err_set(s->err, ERR_USAGE, "%s",
	    how == RESOLVE_ABSENT ? culprit->absent : culprit->broken);
}

size_t
sign_choose(const struct scheme *sc, const struct sign_key *keys, size_t n,
    int64_t now_ms, const struct sign_key **chosen)
{
	const struct sign_key *ends_first = NULL;
	size_t i, live = 0;

	for (i = 0; i < n; i++) {
		if (keys[i].state != SECRET_CURRENT &&
		    now_ms >= keys[i].until_ms)
			continue;
		chosen[live++] = &keys[i];
		if (keys[i].state == SECRET_PREVIOUS &&
		    (ends_first == NULL ||
			keys[i].until_ms < ends_first->until_ms))
			ends_first = &keys[i];
	}
	if (live > 1 && ends_first != NULL && sign_room(sc, live) < live) {
		chosen[0] = ends_first;
		live = 1;
	}
	return live;
}

size_t
sign_room(const struct scheme *sc, size_t nkeys)
{
	size_t most = 1;

	if (sc->split != '\0' || sc->sig_from[0].numbered)
		most = nkeys;
	else
		while (most < sc->nsig_from &&
		       sc->sig_from[most].kind == PIECE_HEADER)
			most++;
	return nkeys < most ? nkeys : most;
}

/* "Name: " of the header for key i; all in one where it is a list. */
static int
put_sig_name(
    const struct scheme *sc, size_t i, struct buf *out, struct err *err)
{
	const struct piece *p = &sc->sig_from[sc->split == '\0' ? i : 0];

	if (!sc->sig_from[0].numbered)
		return buf_printf(out, err, "%s: ", p->name);
	return buf_printf(out, err, "%s%zu: ", sc->sig_from[0].name, i + 1);
}

static int
put_signatures(struct signing *s, struct scheme_key *const *keys, size_t nkeys,
    struct buf *out)
{
	struct span content[TEMPLATE_PIECES_MAX];
	const struct scheme *sc = s->sc;
	bool list = sc->split != '\0' && !sc->sig_from[0].numbered;
	size_t i, n = sign_room(sc, nkeys);

	if (read_content(s, content) < 0)
		return -1;
	if (list && (put_sig_name(sc, 0, out, s->err) < 0 ||
			buf_put_span(out, buf_span(&s->items), s->err) < 0))
		return -1;
	for (i = 0; i < n; i++) {
		if (list && (i > 0 || s->items.len > 0) &&
		    buf_putc(out, (unsigned char)sc->split, s->err) < 0)
			return -1;
		if (!list && put_sig_name(sc, i, out, s->err) < 0)
			return -1;
		if (put_signature(s, keys[i], content, out) < 0)
			return -1;
		if ((!list || i + 1 == n) && buf_putc(out, '\n', s->err) < 0)
			return -1;
	}
	return 0;
}

static int
put_lines(struct signing *s, struct buf *out)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (buf_printf(out, s->err, "%s: ", s->pieces[i]->name) < 0 ||
		    buf_put_span(out, s->headers[i].value, s->err) < 0 ||
		    buf_putc(out, '\n', s->err) < 0)
			return -1;
	return 0;
}

int
sign_headers(const struct scheme *sc, struct scheme_key *const *keys,
    size_t nkeys, const struct sign_input *in, struct buf *out, struct err *err)
{
	struct signing *s;
	size_t begin = out->len;
	const char *why;
	int ret = -1;

	if (!scheme_can_sign(sc, &why))
		return err_set(err, ERR_USAGE,
		    "the scheme \"%s\" cannot sign: %s", sc->name, why);
	if (nkeys == 0)
		return err_set(err, ERR_USAGE, "no secret to sign with");
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(err, ERR_NOMEM, "no memory to sign");
	s->sc = sc;
	s->in = in;
	s->err = err;
	s->digest.max = s->items.max = HEADER_VALUE_MAX;
	s->request.method = in->method;
	s->request.body = in->body;
	s->request.headers = s->headers;
	s->request.query = url_query(span_str(in->url));
	s->request.now_ms = in->now_ms;
	s->input.request = &s->request;
	s->input.url = in->url;
	s->input.params = in->params;
	s->input.nparams = in->nparams;
	s->input.body = &s->body;
	resolver_init(&s->rs, sc, &s->input);
	if (body_unpack(&s->body, in->body, in->coding, err) < 0 ||
	    put_headers(s) < 0 || put_lines(s, out) < 0 ||
	    put_signatures(s, keys, nkeys, out) < 0)
		goto out;
	ret = 0;
out:
	if (ret < 0)
		out->len = begin;
	resolver_free(&s->rs);
	body_close(&s->body);
	buf_free(&s->digest);
	buf_free(&s->items);
	free(s);
	return ret;
}
