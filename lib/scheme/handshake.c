/* handshake.c: answers what a provider asks of an address. */
#include "lib/scheme/handshake.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/json/scan.h"
#include "lib/scheme/impl.h"
#include "lib/scheme/resolve.h"

static const char *const methods[] = {
	[HANDSHAKE_POST] = "POST",
	[HANDSHAKE_GET] = "GET",
	[HANDSHAKE_HEAD] = "HEAD",
	[HANDSHAKE_OPTIONS] = "OPTIONS",
};

/* One answer under way. */
struct answering {
	const struct scheme *sc;
	const struct scheme_key *key;
	struct resolver rs;
	struct handshake_reply *reply;
	enum handshake_outcome *outcome;
	struct err *err;
};

bool
handshake_is_asked(const struct scheme *sc, struct span method)
{
	size_t i;

	for (i = 0; i < sc->nhandshake; i++)
		if (!sc->handshake[i].is_signed &&
		    span_is(method, methods[sc->handshake[i].method]))
			return true;
	return false;
}

void
handshake_reply_free(struct handshake_reply *reply)
{
	buf_free(&reply->headers);
	buf_free(&reply->body);
}

/* Sets an outcome that refuses. Returns 1: done. */
static int
refuse(struct answering *a, enum handshake_outcome outcome, const char *why)
{
	*a->outcome = outcome;
	a->reply->why = why;
	return 1;
}

/* --- does a rule apply? -------------------------------------------------- */

static int
holds(struct answering *a, const struct condition *c, bool *does)
{
	enum resolve_outcome how;
	const char *reason;
	struct span value;

	if (resolve_piece(&a->rs, &c->from, &how, &value, &reason, a->err) < 0)
		return -1;
	if (c->absent)
		*does = how == RESOLVE_ABSENT;
	else if (c->value == NULL)
		/* An object is there as well; in a broken form nothing is. */
		*does = how == RESOLVE_OK || how == RESOLVE_BROKEN;
	else
		*does = how == RESOLVE_OK && span_is(value, c->value);
	return 0;
}

static int
applies(struct answering *a, const struct handshake_rule *rule, bool *does)
{
	size_t i;

	*does = span_is(a->rs.in->request->method, methods[rule->method]);
	for (i = 0; i < rule->nwhen && *does; i++)
		if (holds(a, &rule->when[i], does) < 0)
			return -1;
	return 0;
}

/* 1: what the rule checks does not hold. */
static int
check(struct answering *a, const struct handshake_rule *rule)
{
	const struct verify_input *in = a->rs.in;
	enum resolve_outcome how;
	struct span value, want = SPAN_EMPTY;
	const char *reason;
	size_t i;

	if (rule->check_param == NULL)
		return 0;
	for (i = 0; i < in->nparams; i++)
		if (strcmp(in->params[i].name, rule->check_param) == 0)
			want = span_str(in->params[i].value);
	if (want.len == 0)
		return refuse(a, HANDSHAKE_FAILED,
		    "the endpoint lacks the param that the scheme checks");
	if (resolve_piece(
		&a->rs, &rule->check_from, &how, &value, &reason, a->err) < 0)
		return -1;
	if (how != RESOLVE_OK)
		return refuse(a, HANDSHAKE_FAILED, reason);
	if (value.len != want.len || !hmac_same(value.ptr, want.ptr, want.len))
		return refuse(a, HANDSHAKE_FAILED,
		    "what was sent is not the endpoint's param");
	return 0;
}

/* --- the reply ----------------------------------------------------------- */

/* Letters can be zlib data, too, and so a body with "deflate" beside it. */
static bool
is_packed(struct span s)
{
	struct body body = { .max = HANDSHAKE_BODY_MAX };
	struct err ignored = ERR_INIT;
	bool packed;

	/* Cut off in the middle of what it unpacks to, it is data as well. */
	packed = body_unpack(&body, s, span_str("deflate"), &ignored) < 0 ||
		 body.state != BODY_BROKEN;
	body_close(&body);
	return packed;
}

/*
 * Whoever may ask for the MAC of a text has it signed: were the text a body,
 * he could send that as an event. A token is no JSON, packed or not, and no
 * JSON is a token.
 */
static bool
is_token(struct span s)
{
	static const char others[] = "-._~+/=";
	struct err ignored = ERR_INIT;
	const char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') ||
			(p[i] >= 'A' && p[i] <= 'Z') ||
			(p[i] >= '0' && p[i] <= '9') ||
			(p[i] != '\0' && strchr(others, p[i]) != NULL)))
			return false;
	return s.len > 0 && json_scan(s, &ignored) < 0 &&
	       ignored.code == ERR_INPUT && !is_packed(s);
}

static int
put_mac(
    struct answering *a, enum piece_mac mac, struct span value, struct buf *out)
{
	enum hash hash = a->sc->algorithm->hash;
	unsigned char sum[HASH_SIZE_MAX];

	if (!is_token(value))
		return refuse(
		    a, HANDSHAKE_BROKEN, "what should be signed is no token");
	if (a->key == NULL)
		return refuse(a, HANDSHAKE_KEYLESS, "no live secret");
	if (hmac_parts(a->key->hmac, &value, 1, sum, a->err) < 0)
		return -1;
	return encode_put(mac == MAC_HEX ? ENCODING_HEX : ENCODING_BASE64,
	    span_of(sum, hash_size(hash)), out, a->err);
}

/* 1: refused; *whole tells whether all that it reads is there. */
static int
put_template(struct answering *a, const struct template *t, struct buf *out,
    const char **lacks)
{
	enum resolve_outcome how;
	struct span value;
	const struct piece *p;
	const char *reason;
	size_t i;
	int put;

	*lacks = NULL;
	for (i = 0; i < t->n; i++) {
		p = &t->pieces[i];
		if (resolve_piece(&a->rs, p, &how, &value, &reason, a->err) < 0)
			return -1;
		if (how == RESOLVE_BROKEN || how == RESOLVE_UNREADABLE)
			return refuse(a, HANDSHAKE_BROKEN, reason);
		if (how == RESOLVE_ABSENT && !p->optional)
			*lacks = reason;
		if (how == RESOLVE_ABSENT && p->mac != MAC_NONE)
			break; /* there is nothing to sign */
		put = p->mac == MAC_NONE ? buf_put_span(out, value, a->err)
					 : put_mac(a, p->mac, value, out);
		if (put != 0)
			return put;
	}
	return 0;
}

/* May it stand in a header? */
static bool
is_value(struct span s)
{
	const unsigned char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (p[i] < 0x20 || p[i] >= 0x7f)
			return false;
	return s.len > 0;
}

/* A header whose source is absent is left out: nobody asked for it. */
static int
put_header(struct answering *a, const struct handshake_member *m)
{
	struct buf value = BUF_INIT(HANDSHAKE_HEADERS_MAX);
	struct buf *out = &a->reply->headers;
	const char *lacks;
	int ret;

	ret = put_template(a, &m->value, &value, &lacks);
	if (ret != 0 || lacks != NULL)
		goto out;
	if (!is_value(buf_span(&value)))
		ret = refuse(a, HANDSHAKE_BROKEN,
		    "no header can carry what should be echoed");
	else if (buf_printf(out, a->err, "%s: ", m->name) < 0 ||
		 buf_put_span(out, buf_span(&value), a->err) < 0 ||
		 buf_puts(out, "\r\n", a->err) < 0)
		ret = -1;
out:
	buf_free(&value);
	return ret;
}

static int
put_member(struct answering *a, const struct handshake_member *m)
{
	struct buf value = BUF_INIT(HANDSHAKE_REPLY_MAX);
	struct buf *out = &a->reply->body;
	const char *lacks = NULL;
	int ret = -1;

	if (text_put_json(out, span_str(m->name), a->err) < 0 ||
	    buf_putc(out, ':', a->err) < 0)
		goto out;
	if (m->literal != NULL) {
		ret = buf_puts(out, m->literal, a->err);
		goto out;
	}
	ret = put_template(a, &m->value, &value, &lacks);
	if (ret == 0 && lacks != NULL)
		ret = refuse(a, HANDSHAKE_BROKEN, lacks);
	if (ret == 0 && !text_is_utf8(buf_span(&value)))
		ret = refuse(
		    a, HANDSHAKE_BROKEN, "what should be echoed is not UTF-8");
	if (ret == 0)
		ret = text_put_json(out, buf_span(&value), a->err);
out:
	buf_free(&value);
	return ret;
}

static int
put_json(struct answering *a, const struct handshake_rule *rule)
{
	size_t i;
	int ret;

	if (buf_putc(&a->reply->body, '{', a->err) < 0)
		return -1;
	for (i = 0; i < rule->njson; i++) {
		if (i > 0 && buf_putc(&a->reply->body, ',', a->err) < 0)
			return -1;
		ret = put_member(a, &rule->json[i]);
		if (ret != 0)
			return ret;
	}
	a->reply->content_type = "application/json";
	return buf_putc(&a->reply->body, '}', a->err);
}

/* Whoever asks chooses the text: it must never be taken for a page. */
static int
put_text(struct answering *a, const struct handshake_rule *rule)
{
	const char *lacks;
	int ret;

	ret = put_template(a, &rule->text, &a->reply->body, &lacks);
	if (ret == 0 && lacks != NULL)
		ret = refuse(a, HANDSHAKE_BROKEN, lacks);
	if (ret != 0)
		return ret;
	a->reply->content_type = "text/plain; charset=utf-8";
	return buf_puts(
	    &a->reply->headers, "X-Content-Type-Options: nosniff\r\n", a->err);
}

/* 1: refused. */
static int
answer(struct answering *a, const struct handshake_rule *rule)
{
	size_t i;
	int ret;

	ret = check(a, rule);
	for (i = 0; i < rule->nheaders && ret == 0; i++)
		ret = put_header(a, &rule->headers[i]);
	if (ret == 0 && rule->is_json)
		ret = put_json(a, rule);
	if (ret == 0 && rule->text.n > 0)
		ret = put_text(a, rule);
	if (ret == 0) {
		a->reply->status = rule->status;
		*a->outcome = HANDSHAKE_ANSWERED;
	}
	return ret;
}

static int
find(struct answering *a, enum handshake_stage stage)
{
	const struct handshake_rule *rule;
	bool does;
	size_t i;

	for (i = 0; i < a->sc->nhandshake; i++) {
		rule = &a->sc->handshake[i];
		if (rule->is_signed != (stage == HANDSHAKE_SIGNED))
			continue;
		if (applies(a, rule, &does) < 0)
			return -1;
		if (does)
			return answer(a, rule);
	}
	return 0;
}

/* --- all ------------------------------------------------------------------ */

/*
 * Anybody may ask, so that no more of a packed body is unpacked than a question
 * has: in is narrowed to what own holds, which is to be closed. *is_event: the
 * body is longer, packed or not.
 */
static int
narrow(
    struct verify_input *in, struct body *own, bool *is_event, struct err *err)
{
	*is_event = in->request->body.len > HANDSHAKE_BODY_MAX;
	if (*is_event)
		return 0;
	if (in->body == NULL || in->body->state == BODY_CLOSED)
		in->body = own;
	if (body_open(in->body, in->request, err) < 0)
		return -1;
	*is_event = in->body->state == BODY_TOO_LARGE ||
		    in->body->bytes.len > HANDSHAKE_BODY_MAX;
	return 0;
}

int
handshake_answer(const struct scheme *sc, enum handshake_stage stage,
    const struct verify_input *in, const struct scheme_key *key,
    enum handshake_outcome *outcome, struct handshake_reply *reply,
    struct err *err)
{
	struct answering a = { .sc = sc,
		.key = key,
		.reply = reply,
		.outcome = outcome,
		.err = err };
	struct body own = { .max = HANDSHAKE_BODY_MAX };
	struct verify_input narrowed = *in;
	bool is_event = true;
	int ret;

	*outcome = HANDSHAKE_NONE;
	if (sc->nhandshake == 0)
		return 0;
	ret = narrow(&narrowed, &own, &is_event, err);
	if (ret == 0 && !is_event) {
		resolver_init(&a.rs, sc, &narrowed);
		ret = find(&a, stage);
		resolver_free(&a.rs);
	}
	body_close(&own);
	/* Longer than any provider's question is. */
	if (ret < 0 && err->code == ERR_LIMIT)
		ret = refuse(
		    &a, HANDSHAKE_BROKEN, "what should be echoed is too long");
	return ret < 0 ? -1 : 0;
}

int
handshake_secret(const struct scheme *sc, const struct verify_input *in,
    struct buf *out, const char **echo, struct err *err)
{
	struct body own = { .max = HANDSHAKE_BODY_MAX };
	struct verify_input narrowed = *in;
	struct resolver rs;
	enum resolve_outcome how;
	const char *reason;
	struct span value;
	bool is_event = true;
	int ret = 0;

	*echo = NULL;
	if (!sc->has_secret_in)
		return 0;
	if (narrow(&narrowed, &own, &is_event, err) < 0)
		return -1;
	resolver_init(&rs, sc, &narrowed);
	if (is_event)
		goto out;
	if (resolve_piece(&rs, &sc->secret_in, &how, &value, &reason, err) < 0)
		ret = -1;
	else if (how == RESOLVE_OK && value.len > 0)
		ret = buf_put_span(out, value, err) < 0 ? -1 : 1;
	if (ret == 1 && sc->secret_echo) {
		*echo = sc->secret_in.arg;
		if (!is_value(buf_span(out)))
			ret = err_set(err, ERR_INPUT,
			    "no header can carry the secret that came");
	}
out:
	resolver_free(&rs);
	body_close(&own);
	return ret;
}
