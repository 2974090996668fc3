/* steps.c: the check in words, one step after another. */
#include "lib/explain/impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/digest.h"
#include "lib/scheme/resolve.h"
#include "lib/store/quarantine.h"

/* A line, made inert; what does not fit any more is left out. */
static void __attribute__((format(printf, 2, 3)))
step(struct inquiry *q, const char *fmt, ...)
{
	struct buf *steps = &q->out->steps;
	struct err ignored = ERR_INIT;
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (text_put_shown(steps, span_str(line), &ignored) == 0)
		(void)buf_putc(steps, '\n', &ignored);
}

#define SHOWN_ROOM (EXPLAIN_SHOWN_MAX + 16)

/* A value for a step: quoted, cut; covered where it holds a secret. */
static const char *
shown(struct inquiry *q, struct span value, char out[SHOWN_ROOM])
{
	char name[INQUIRY_NAME_MAX];
	int at = explain_finds_secret(q->ask, value);
	bool all = value.len <= EXPLAIN_SHOWN_MAX;

	if (span_is(value, QUARANTINE_HIDDEN)) {
		snprintf(
		    out, SHOWN_ROOM, "(a credential: its value was not kept)");
	} else if (at >= 0) {
		inquiry_name(&q->ask->secrets[at], name);
		snprintf(out, SHOWN_ROOM, "(%zu bytes that hold %s)", value.len,
		    name);
	} else {
		snprintf(out, SHOWN_ROOM, "\"%.*s\"%s",
		    (int)(all ? value.len : EXPLAIN_SHOWN_MAX),
		    value.ptr == NULL ? "" : (const char *)value.ptr,
		    all ? "" : "...");
	}
	return out;
}

/* --- the request, the signature ------------------------------------------- */

static void
say_request(struct inquiry *q)
{
	const struct request *rq = q->ask->in->request;
	char at[TEXT_TIME_MAX], method[SHOWN_ROOM], path[SHOWN_ROOM],
	    peer[SHOWN_ROOM];

	text_time(at, rq->now_ms);
	step(q, "the request: %s %s, from %s, at %s, %lld bytes of body%s",
	    shown(q, rq->method, method), shown(q, rq->path, path),
	    shown(q, rq->peer, peer), at, (long long)rq->content_length,
	    q->ask->whole ? "" : " that are not all here");
	step(q, "the scheme: %s (%s)", q->ask->scheme->name,
	    q->ask->scheme->algorithm->name);
}

/* Those that are there, where a name stands for numbered ones. */
static void
say_numbered(struct inquiry *q, const struct piece *p)
{
	const struct request *rq = q->ask->in->request;
	char value[SHOWN_ROOM], name[SHOWN_ROOM];
	size_t i, n = 0;

	for (i = 0; i < rq->nheaders; i++)
		if (span_starts(rq->headers[i].name, p->arg)) {
			n++;
			step(q, "found %s: %s",
			    shown(q, rq->headers[i].name, name),
			    shown(q, rq->headers[i].value, value));
		}
	if (n == 0)
		step(q, "looked for the signature in %s: there is none",
		    p->shown);
}

/* What the items of a signature header look like. */
static void
say_items(struct inquiry *q, struct span value)
{
	const struct scheme *sc = q->ask->scheme;
	struct span rest = value, item;
	unsigned char bytes[256];
	size_t n = 0, fit = 0, read = 0, len, cut;

	while (rest.len > 0) {
		item = resolve_next_item(&rest, sc->split);
		n++;
		cut = sc->prefix == NULL ? 0 : strlen(sc->prefix);
		if (cut > 0 && !span_starts(item, sc->prefix))
			continue;
		fit++;
		read += encode_read(sc->sig_enc, span_skip(item, cut), bytes,
		    sizeof(bytes), &len);
	}
	if (sc->algorithm->kind == ALGORITHM_EQUAL)
		return;
	if (sc->prefix != NULL)
		step(q,
		    "it has %zu item%s, %zu begin%s with \"%s\", %zu of them "
		    "can be decoded",
		    n, n == 1 ? "" : "s", fit, fit == 1 ? "s" : "", sc->prefix,
		    read);
	else if (read == 0)
		step(q, "it is not in the encoding that the scheme has");
}

static int
say_signature(struct inquiry *q, struct resolver *rs)
{
	const struct scheme *sc = q->ask->scheme;
	const struct piece *p;
	enum resolve_outcome how;
	const char *reason;
	char value[SHOWN_ROOM];
	struct span found;
	size_t i;

	for (i = 0; i < sc->nsig_from; i++) {
		p = &sc->sig_from[i];
		if (p->numbered) {
			say_numbered(q, p);
			continue;
		}
		if (resolve_piece(rs, p, &how, &found, &reason, q->err) < 0)
			return -1;
		if (how != RESOLVE_OK) {
			step(q, "looked for the signature in %s: %s", p->shown,
			    reason);
			continue;
		}
		rs->items = found;
		if (sc->algorithm->kind == ALGORITHM_EQUAL &&
		    !span_is(found, QUARANTINE_HIDDEN))
			step(q, "looked for the token in %s: found %zu bytes",
			    p->shown, found.len);
		else
			step(q, "looked for the signature in %s: found %s",
			    p->shown, shown(q, found, value));
		say_items(q, found);
	}
	return 0;
}

/* --- what is signed ------------------------------------------------------- */

/* The template as it stands in the file, about. */
static void
say_template(struct inquiry *q)
{
	const struct template *t = &q->ask->scheme->content;
	char text[1024];
	size_t i, len = 0;

	for (i = 0; i < t->n && len < sizeof(text) - 1; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    t->pieces[i].kind == PIECE_LITERAL ? "%s" : "{%s}",
		    t->pieces[i].kind == PIECE_LITERAL ? t->pieces[i].arg
						       : t->pieces[i].shown);
	step(q, "what is signed: %s", t->n == 0 ? "nothing" : text);
}

static void
put_hex(char out[2 * DIGEST_SHA256 + 1], const unsigned char *sum)
{
	size_t i;

	for (i = 0; i < DIGEST_SHA256; i++)
		snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/*
 * The beginning of what is signed. Params may be confidential and the key is
 * so: they stand there by their names.
 */
static int
put_beginning(
    struct inquiry *q, const struct span *parts, struct buf *out, bool *all)
{
	const struct template *t = &q->ask->scheme->content;
	const struct piece *p;
	size_t i, room;

	*all = true;
	for (i = 0; i < t->n; i++) {
		p = &t->pieces[i];
		if (p->kind == PIECE_PARAM || p->kind == PIECE_KEY) {
			if (out->max - out->len > strlen(p->shown) + 2 &&
			    buf_printf(out, q->err, "{%s}", p->shown) < 0)
				return -1;
			continue;
		}
		room = out->max - out->len;
		if (parts[i].len > room)
			*all = false;
		if (buf_put_span(out,
			span_of(parts[i].ptr,
			    parts[i].len < room ? parts[i].len : room),
			q->err) < 0)
			return -1;
	}
	return 0;
}

static int
say_bytes(struct inquiry *q, const struct span *parts, size_t n)
{
	struct buf head = BUF_INIT(EXPLAIN_SHOWN_MAX),
		   safe = BUF_INIT(8 * EXPLAIN_SHOWN_MAX);
	unsigned char sum[DIGEST_SHA256];
	char hex[2 * DIGEST_SHA256 + 1], name[INQUIRY_NAME_MAX];
	size_t i, len = 0;
	bool all;
	int at = -1, ret = -1;

	if (digest_sha256(parts, n, sum, q->err) < 0 ||
	    put_beginning(q, parts, &head, &all) < 0 ||
	    text_put_safe(&safe, buf_span(&head), q->err) < 0)
		goto out;
	put_hex(hex, sum);
	for (i = 0; i < n; i++) {
		len += parts[i].len;
		if (at < 0)
			at = explain_finds_secret(q->ask, parts[i]);
	}
	step(q, "these are %zu bytes%s, SHA-256 %s", len,
	    template_has(&q->ask->scheme->content, PIECE_KEY)
		? " beside the key"
		: "",
	    hex);
	if (at >= 0) {
		inquiry_name(&q->ask->secrets[at], name);
		step(q, "they are not shown: they hold %s", name);
	} else if (buf_puts(&q->out->steps,
		       all ? "they are: " : "they begin: ", q->err) < 0 ||
		   buf_put_span(&q->out->steps, buf_span(&safe), q->err) < 0 ||
		   buf_putc(&q->out->steps, '\n', q->err) < 0) {
		goto out;
	}
	ret = 0;
out:
	buf_wipe(&head);
	buf_wipe(&safe);
	return ret;
}

static int
say_content(struct inquiry *q, struct resolver *rs)
{
	struct span parts[TEMPLATE_PIECES_MAX];
	const struct piece *culprit;
	enum resolve_outcome how;
	struct err why = ERR_INIT;

	if (q->ask->scheme->algorithm->kind == ALGORITHM_EQUAL) {
		step(q, "nothing is signed: the token is held against the "
			"secrets");
		return 0;
	}
	say_template(q);
	if (resolve_template(rs, &q->ask->scheme->content, parts, &how,
		&culprit, &why) < 0) {
		if (why.code != ERR_CONFIG) {
			*q->err = why;
			return -1;
		}
		step(q, "it cannot be put together: %s", why.text);
		return 0;
	}
	if (how != RESOLVE_OK) {
		step(q, "it cannot be put together: %s",
		    resolver_reason(rs, culprit, how));
		return 0;
	}
	return say_bytes(q, parts, q->ask->scheme->content.n);
}

/* --- secrets, time -------------------------------------------------------- */

static int
say_secrets(struct inquiry *q)
{
	const struct verify_input *in = q->ask->in;
	const struct explain_secret *s;
	char name[INQUIRY_NAME_MAX];
	size_t i, live = 0;
	int same;

	for (i = 0; i < q->ask->nsecrets; i++) {
		s = &q->ask->secrets[i];
		if (s->endpoint != NULL)
			continue;
		inquiry_name(s, name);
		if (!inquiry_is_live(s)) {
			step(q, "%s is %s: not tried in the check", name,
			    secret_state_word(s->state));
			continue;
		}
		live++;
		same =
		    inquiry_try(q, &q->timeless, s->text, in->request, in->url);
		if (same < 0)
			return -1;
		step(q, "tried %s (%s): %s", name, secret_state_word(s->state),
		    same ? "it matches" : "it does not match");
	}
	if (live == 0)
		step(q, "there is no live secret");
	return 0;
}

static int
say_time(struct inquiry *q, struct resolver *rs)
{
	const struct scheme *sc = q->ask->scheme;
	int64_t ms, off_s, now = q->ask->in->request->now_ms;
	char at[TEXT_TIME_MAX], off[TEXT_TIME_MAX], value[SHOWN_ROOM];
	enum resolve_outcome how;
	const char *reason;
	struct span found;

	if (!sc->has_time)
		return 0;
	if (resolve_piece(rs, &sc->time_from, &how, &found, &reason, q->err) <
	    0)
		return -1;
	if (how != RESOLVE_OK) {
		step(q, "looked for the time in %s: %s", sc->time_from.shown,
		    reason);
		return 0;
	}
	if (!scheme_read_time(sc->time_unit, found, &ms)) {
		step(q, "the time %s is not in the form that the scheme has",
		    shown(q, found, value));
		return 0;
	}
	off_s = (now - ms) / 1000;
	text_time(at, ms);
	text_duration(off, off_s < 0 ? -off_s : off_s);
	step(q, "the time %s is %s: %s %s the request came",
	    shown(q, found, value), at, off, off_s < 0 ? "after" : "before");
	return 0;
}

int
inquiry_say(struct inquiry *q)
{
	struct resolver rs;
	int ret = -1;

	resolver_init(&rs, q->ask->scheme, q->ask->in);
	say_request(q);
	if (scheme_first_element(q->ask->scheme, &rs, q->err) < 0)
		goto out;
	if (say_signature(q, &rs) < 0)
		goto out;
	if (q->ask->whole && say_content(q, &rs) < 0)
		goto out;
	if (say_time(q, &rs) < 0)
		goto out;
	ret = q->ask->whole ? say_secrets(q) : 0;
out:
	resolver_free(&rs);
	return ret;
}
