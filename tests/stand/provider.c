/* provider.c: requests as a provider of any scheme would send them. */
#include "tests/stand/provider_impl.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/json/scan.h"
#include "lib/scheme/resolve.h"

/* --- keys ----------------------------------------------------------------- */

static EVP_PKEY *
make_pair(enum pubkey_kind kind)
{
	switch (kind) {
	case PUBKEY_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case PUBKEY_P256:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	case PUBKEY_RSA_SHA256:
	case PUBKEY_RSA_SHA1:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	}
	return NULL;
}

static void
put_public(struct provider *p, struct err *err)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(p->private_key, &der);

	ck_assert_int_gt(len, 0);
	if (p->sc->key_enc == ENCODING_UTF8)
		ck_assert_int_eq(
		    buf_puts(&p->secret, "-----BEGIN PUBLIC KEY-----\n", err),
		    0);
	ck_assert_int_eq(
	    encode_put(p->sc->key_enc == ENCODING_UTF8 ? ENCODING_BASE64
						       : p->sc->key_enc,
		span_of(der, (size_t)len), &p->secret, err),
	    0);
	if (p->sc->key_enc == ENCODING_UTF8)
		ck_assert_int_eq(
		    buf_puts(&p->secret, "\n-----END PUBLIC KEY-----\n", err),
		    0);
	OPENSSL_free(der);
}

static bool
is_form(const struct template *t)
{
	return template_has(t, PIECE_FORM) || template_has(t, PIECE_FORM_ALL);
}

void
provider_open(struct provider *p, const struct scheme *sc)
{
	struct err err = ERR_INIT;

	memset(p, 0, sizeof(*p));
	p->sc = sc;
	p->secret.max = 8192;
	p->is_form = is_form(&sc->content) ||
		     sc->sig_from[0].kind == PIECE_FORM ||
		     (sc->nid > 0 && is_form(&sc->id[0])) ||
		     (sc->ntype > 0 && is_form(&sc->type[0]));
	if (sc->algorithm->kind == ALGORITHM_PUBKEY) {
		p->private_key = make_pair(sc->algorithm->pubkey);
		ck_assert_ptr_nonnull(p->private_key);
		put_public(p, &err);
	} else {
		ck_assert_msg(scheme_secret_generate(sc, &p->secret, &err) == 0,
		    "%s: %s", sc->name, err.text);
	}
	ck_assert_msg(
	    scheme_key_make(sc, buf_span(&p->secret), &p->key, &err) == 0,
	    "%s: %s", sc->name, err.text);
}

void
provider_close(struct provider *p)
{
	scheme_key_free(p->key);
	EVP_PKEY_free(p->private_key);
	buf_free(&p->secret);
}

bool
provider_signs_each_try(const struct provider *p)
{
	const struct scheme *sc = p->sc;
	size_t i;

	if (!sc->has_time)
		return false;
	for (i = 0; i < sc->nretry_changes; i++)
		if (sc->time_from.kind == PIECE_JSON &&
		    strcmp(sc->retry_changes[i], sc->time_from.arg) == 0)
			return true;
	return sc->time_from.kind == PIECE_HEADER ||
	       sc->time_from.kind == PIECE_ITEM;
}

/* --- which value stands where --------------------------------------------- */

/* Pointers into each element of the batch begin so. */
static void
element_prefix(const struct scheme *sc, size_t at, char *out, size_t room)
{
	snprintf(out, room, "%s/*", sc->each_at[at]);
}

static struct provider_slot *
add_at(struct provider_making *m, enum piece_kind kind, const char *place,
    const char *value)
{
	struct provider_slot *s = &m->slots[m->n];
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->slots[i].kind == kind &&
		    strcmp(m->slots[i].place, place) == 0)
			return NULL;
	ck_assert_uint_lt(m->n, PROVIDER_SLOTS);
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	snprintf(s->place, sizeof(s->place), "%s", place);
	ck_assert_uint_lt(strlen(value), sizeof(s->value));
	snprintf(s->value, sizeof(s->value), "%s", value);
	m->n++;
	return s;
}

/* Adds the value of a source, unless it has one; NULL: it has. */
static struct provider_slot *
add(struct provider_making *m, const char *prefix, const struct piece *p,
    const char *value)
{
	char place[256];

	switch (p->kind) {
	case PIECE_JSON:
	case PIECE_FORM:
		if (m->p->is_form != (p->kind == PIECE_FORM))
			return NULL;
		snprintf(place, sizeof(place), "%s%s", prefix, p->arg);
		return add_at(m, p->kind, place, value);
	case PIECE_HEADER:
		snprintf(place, sizeof(place), "%s%s", p->arg,
		    p->numbered ? "1" : "");
		return add_at(m, p->kind, place, value);
	case PIECE_HEADERS:
		return add_at(m, PIECE_HEADER, PROVIDER_NAMED, value);
	case PIECE_ITEM:
	case PIECE_QUERY:
		return add_at(m, p->kind, p->arg, value);
	case PIECE_LITERAL:
	case PIECE_BODY:
	case PIECE_FORM_ALL:
	case PIECE_PARAM:
	case PIECE_METHOD:
	case PIECE_URL:
	case PIECE_KEY:
	case PIECE_CRC32:
		break;
	}
	return NULL;
}

static void
add_time(struct provider_making *m)
{
	const struct scheme *sc = m->p->sc;
	char text[TEXT_TIME_MAX];
	struct provider_slot *s;

	if (!sc->has_time)
		return;
	switch (sc->time_unit) {
	case TIME_S:
		snprintf(
		    text, sizeof(text), "%lld", (long long)(m->ev->ms / 1000));
		break;
	case TIME_MS:
		snprintf(text, sizeof(text), "%lld", (long long)m->ev->ms);
		break;
	case TIME_RFC3339:
		text_time(text, m->ev->ms);
		break;
	}
	s = add(m, "", &sc->time_from, text);
	if (s != NULL)
		s->is_number = sc->time_unit != TIME_RFC3339;
}

/* The places of a template, with first in the first one that is free. */
static void
add_template(struct provider_making *m, const char *prefix,
    const struct template *t, const char *first, const char *rest, bool is_id)
{
	struct provider_slot *s;
	size_t i, n = 0;

	for (i = 0; i < t->n; i++) {
		if (t->pieces[i].kind == PIECE_LITERAL)
			continue;
		s = add(
		    m, prefix, &t->pieces[i], n == 0 || is_id ? first : rest);
		if (s != NULL && is_id)
			s->is_id = true;
		if (s != NULL && s->value[0] == '\0')
			s->absent = true;
		n++;
	}
}

/* Each alternative of an id is another one, as with real providers. */
static void
add_ids(struct provider_making *m, const char *prefix, const struct template *t,
    size_t n)
{
	char id[PROVIDER_VALUE];
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%s%s", m->ev->id,
		    i == 0   ? ""
		    : i == 1 ? "-b"
			     : "-c");
		add_template(m, prefix, &t[i], id, id, true);
	}
}

static void
add_required(struct provider_making *m)
{
	const struct scheme *sc = m->p->sc;
	size_t i;

	for (i = 0; i < sc->nrequire; i++)
		add(m, "", &sc->require[i].from,
		    sc->require[i].is_param ? PROVIDER_PARAM
					    : sc->require[i].value);
}

static void
add_signature(struct provider_making *m)
{
	const struct scheme *sc = m->p->sc;
	char prefix[128] = "";

	if (sc->each_signed)
		element_prefix(sc, 0, prefix, sizeof(prefix));
	if (sc->split == '\0')
		add(m, prefix, &sc->sig_from[0], m->signatures[0]);
	if (sc->has_digest)
		add(m, prefix, &sc->digest_from, m->digest);
}

static void
add_identity(struct provider_making *m)
{
	const struct scheme *sc = m->p->sc;
	const struct occurrence *ev = m->ev;
	char prefix[128];
	size_t i, at;

	for (i = 0; i < sc->ntype; i++)
		add_template(m, "", &sc->type[i], ev->type, ev->action, false);
	for (at = 0; at < sc->neach_at; at++) {
		element_prefix(sc, at, prefix, sizeof(prefix));
		for (i = 0; i < sc->neach_type; i++)
			add_template(m, prefix, &sc->each_type[i], ev->type,
			    ev->action, false);
		add_ids(m, prefix, sc->each_id, sc->neach_id);
	}
	add_ids(m, "", sc->id, sc->nid);
	/* Mailgun's token, by which alone its messages differ. */
	if (!scheme_covers_body(sc))
		add_template(m, "", &sc->content, ev->id, ev->id, false);
}

static void
add_rest(struct provider_making *m)
{
	const struct scheme *sc = m->p->sc;
	const struct occurrence *ev = m->ev;
	char prefix[128] = "", attempt[16];
	struct provider_slot *s;
	size_t i;

	if (sc->each_signed)
		element_prefix(sc, 0, prefix, sizeof(prefix));
	add_template(m, prefix, &sc->content, ev->other, ev->other, false);
	for (i = 0; i < sc->nrequired; i++)
		add_at(m, PIECE_JSON, sc->required[i], ev->other);
	snprintf(attempt, sizeof(attempt), "%u", ev->attempt);
	for (i = 0; i < sc->nretry_changes; i++) {
		s = add_at(m, PIECE_JSON, sc->retry_changes[i], attempt);
		if (s != NULL)
			s->is_number = true;
	}
	/* A body whose root is a list has all of its values in elements. */
	if (sc->neach_at > 0)
		element_prefix(sc, 0, prefix, sizeof(prefix));
	if (m->p->is_form) {
		add_at(m, PIECE_FORM, "Alpha", ev->data);
		add_at(m, PIECE_FORM, "Zeta", "one two");
	} else {
		strcat(prefix, "/made.up");
		add_at(m, PIECE_JSON, prefix, ev->data);
	}
}

static void
add_overrides(struct provider_making *m)
{
	const struct scheme *sc = m->p->sc;
	const struct override *o;
	char prefix[128] = "";
	struct provider_slot *s;

	if (sc->each_signed)
		element_prefix(sc, 0, prefix, sizeof(prefix));
	for (o = m->ev->overrides; o != NULL && o->at != NULL; o++) {
		if (o->at->kind == PIECE_BODY)
			continue;
		s = add(m, prefix, o->at, o->value == NULL ? "" : o->value);
		if (s == NULL)
			continue;
		s->absent = o->value == NULL;
		s->is_number =
		    sc->has_time && piece_same(o->at, &sc->time_from);
	}
}

/* --- signing -------------------------------------------------------------- */

static int
sign_with_private_key(struct provider_making *m, struct span content,
    unsigned char *out, size_t *len)
{
	const struct scheme *sc = m->p->sc;
	enum pubkey_kind kind = sc->algorithm->pubkey;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *md = kind == PUBKEY_ED25519    ? NULL
			   : kind == PUBKEY_RSA_SHA1 ? EVP_sha1()
						     : EVP_sha256();
	int ret;

	ret =
	    EVP_DigestSignInit(ctx, NULL, md, NULL, m->p->private_key) == 1 &&
		    EVP_DigestSign(ctx, out, len, content.ptr, content.len) == 1
		? 0
		: -1;
	EVP_MD_CTX_free(ctx);
	return ret;
}

/* Signs what element i, or the request, says. */
static void
sign(struct provider_making *m, size_t i, struct span content)
{
	const struct scheme *sc = m->p->sc;
	unsigned char sum[PUBKEY_SIGNATURE_MAX];
	struct buf text = BUF_INIT(PROVIDER_VALUE);
	size_t len = sizeof(sum);

	switch (sc->algorithm->kind) {
	case ALGORITHM_HMAC:
		MUST(hmac_parts(m->p->key->hmac, &content, 1, sum, &m->err));
		len = hash_size(sc->algorithm->hash);
		break;
	case ALGORITHM_DIGEST:
		MUST(
		    hash_parts(sc->algorithm->hash, &content, 1, sum, &m->err));
		len = hash_size(sc->algorithm->hash);
		break;
	case ALGORITHM_PUBKEY:
		MUST(sign_with_private_key(m, content, sum, &len));
		break;
	case ALGORITHM_EQUAL:
		MUST(buf_put(&text, m->p->key->bytes, m->p->key->len, &m->err));
		len = 0;
		break;
	}
	if (len > 0)
		MUST(
		    encode_put(sc->sig_enc, span_of(sum, len), &text, &m->err));
	MUST(buf_putc(&text, '\0', &m->err));
	snprintf(
	    m->signatures[i], PROVIDER_VALUE, "%s", (const char *)text.ptr);
	buf_free(&text);
}

/* What is signed, behind the content of the draft; returns what it put. */
static struct span
read_content(struct provider_making *m, struct span element)
{
	static const struct verify_param none;
	const struct scheme *sc = m->p->sc;
	struct verify_param params[4] = { none };
	struct verify_input in = {
		.request = &m->d->request, .url = PROVIDER_URL, .params = params
	};
	struct span values[TEMPLATE_PIECES_MAX], items = SPAN_EMPTY;
	const struct piece *culprit;
	enum resolve_outcome how;
	struct resolver rs;
	size_t i, at = m->d->content.len;

	for (i = 0; scheme_param(sc, i) != NULL; i++, in.nparams++) {
		params[i].name = scheme_param(sc, i);
		params[i].value = PROVIDER_PARAM;
	}
	resolver_init(&rs, sc, &in);
	if (sc->split != '\0')
		request_header(&m->d->request, sc->sig_from[0].arg, &items);
	rs.items = items;
	rs.key = span_of(m->p->key->bytes, m->p->key->len);
	rs.element = element;
	MUST(resolve_template(
	    &rs, &sc->content, values, &how, &culprit, &m->err));
	if (how != RESOLVE_OK && m->ev->overrides != NULL) {
		resolver_free(&rs);
		return SPAN_EMPTY;
	}
	ck_assert_msg(how == RESOLVE_OK, "%s: %s is not there in: %.*s",
	    sc->name, culprit == NULL ? "" : culprit->shown,
	    (int)m->d->body.len, (const char *)m->d->body.ptr);
	for (i = 0; i < sc->content.n; i++)
		MUST(buf_put_span(&m->d->content, values[i], &m->err));
	resolver_free(&rs);
	return span_skip(buf_span(&m->d->content), at);
}

static void
build(struct provider_making *m)
{
	struct draft *d = m->d;

	draft_free(d);
	d->body.max = d->query.max = d->content.max = 65536;
	d->text.max = 32768;
	/* Headers borrow from it, so that it must not move. */
	MUST(buf_put(&d->text, m->slots, 32768, &m->err));
	buf_clear(&d->text);
	m->n = 0;
	add_overrides(m);
	add_time(m);
	add_required(m);
	add_signature(m);
	add_identity(m);
	add_rest(m);
	provider_put(m);
}

static void
put_digest(struct provider_making *m)
{
	const struct scheme *sc = m->p->sc;
	unsigned char sum[HASH_SIZE_MAX];
	struct buf text = BUF_INIT(sizeof(m->digest));

	if (!sc->has_digest)
		return;
	MUST(hash_parts(sc->digest_hash, &m->d->request.body, 1, sum, &m->err));
	MUST(encode_put(sc->digest_enc,
	    span_of(sum, hash_size(sc->digest_hash)), &text, &m->err));
	memset(m->digest, 0, sizeof(m->digest));
	memcpy(m->digest, text.ptr, text.len);
	buf_free(&text);
}

void
provider_tells(struct provider *p, const struct occurrence *ev, struct draft *d)
{
	struct provider_making *m = calloc(1, sizeof(*m));
	char pointer[32];
	struct span element;
	size_t i;

	ck_assert_ptr_nonnull(m);
	m->p = p;
	m->ev = ev;
	m->d = d;
	for (i = 0; i < PROVIDER_ELEMENTS; i++)
		strcpy(m->signatures[i], "0");
	strcpy(m->digest, "0");
	build(m); /* without signatures, so as to have what is signed */
	put_digest(m);
	if (p->sc->has_digest)
		build(m);
	for (i = 0; i < (p->sc->each_signed ? PROVIDER_ELEMENTS : 1U); i++) {
		element = SPAN_EMPTY;
		snprintf(pointer, sizeof(pointer), "%s/%zu",
		    p->sc->each_signed ? p->sc->each_at[0] : "", i);
		if (p->sc->each_signed)
			json_find(d->request.body, pointer, &element);
		sign(m, i, read_content(m, element));
	}
	build(m);
	for (i = 0; i < (p->sc->each_signed ? PROVIDER_ELEMENTS : 1U); i++) {
		element = SPAN_EMPTY;
		snprintf(pointer, sizeof(pointer), "%s/%zu",
		    p->sc->each_signed ? p->sc->each_at[0] : "", i);
		if (p->sc->each_signed)
			json_find(d->request.body, pointer, &element);
		read_content(m, element);
	}
	free(m);
}

/* --- edits ---------------------------------------------------------------- */

void
draft_copy(const struct draft *from, struct draft *to)
{
	memset(to, 0, sizeof(*to));
	memcpy(to->headers, from->headers, sizeof(to->headers));
	to->request = from->request;
	to->request.headers = to->headers;
}

void
draft_free(struct draft *d)
{
	buf_free(&d->body);
	buf_free(&d->query);
	buf_free(&d->text);
	buf_free(&d->content);
	memset(d, 0, sizeof(*d));
}

struct header *
draft_header(struct draft *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->request.nheaders; i++)
		if (span_is(d->headers[i].name, name))
			return &d->headers[i];
	return NULL;
}

void
draft_drop(struct draft *d, const char *name)
{
	struct header *h = draft_header(d, name);

	if (h != NULL)
		*h = d->headers[--d->request.nheaders];
}

void
draft_set(struct draft *d, const char *name, const char *value)
{
	struct header *h = draft_header(d, name);

	if (h == NULL) {
		h = &d->headers[d->request.nheaders++];
		h->name = span_str(name);
	}
	h->value = span_str(value);
}
