/* reply.c: what each answer says. */
#include "lib/receive/reply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/scheme/handshake.h"

#define JSON_TYPE "application/json"

static const struct row {
	enum reply_kind kind;
	int status;
	const char *word; /* in the log */
	const char *state; /* "status" of the body */
	const char *reason; /* for whoever sent it; NULL: none */
	int retry_after_s;
	bool close; /* answered before the body was read */
} rows[] = {
	{ REPLY_NO_REQUEST, 400, "no-request", "refused",
	    "not a request of a web server", 0, true },
	{ REPLY_HEADERS, 431, "headers", "refused", "too many headers", 0,
	    true },
	{ REPLY_METHOD, 405, "method", "refused",
	    "this method is not served here", 0, true },
	{ REPLY_UNKNOWN, 404, "unknown", "refused", "no such endpoint", 0,
	    true },
	{ REPLY_FORWARDED, 400, "forwarded", "refused",
	    "malformed X-Forwarded-For", 0, true },
	{ REPLY_PLAIN_HTTP, 403, "plain-http", "refused", "HTTPS is required",
	    0, true },
	{ REPLY_ADDRESS, 403, "address", "refused",
	    "this address may not post here", 0, true },
	{ REPLY_RATE, 429, "rate", "refused", "too many requests", 1, true },
	{ REPLY_NO_LENGTH, 411, "no-length", "refused",
	    "Content-Length is required", 0, true },
	{ REPLY_BAD_LENGTH, 400, "bad-length", "refused",
	    "malformed Content-Length", 0, true },
	{ REPLY_TOO_LARGE, 413, "too-large", "refused", "the body is too large",
	    0, true },
	{ REPLY_SHORT_BODY, 400, "short-body", "refused",
	    "the body is shorter than its declared length", 0, true },
	{ REPLY_LATE_BODY, 408, "late-body", "refused",
	    "the body did not arrive in time", 0, true },
	{ REPLY_DOUBLED, 400, "doubled-header", "refused",
	    "a header that must be single occurs twice", 0, true },
	{ REPLY_KEYLESS, 503, "keyless", "unavailable",
	    "this endpoint is not ready", 60, true },
	{ REPLY_SIGNATURE, 401, "signature", "refused",
	    "the signature was not accepted", 0, false },
	{ REPLY_STRANGER, 403, "stranger", "refused",
	    "the check of this address was not accepted", 0, false },
	{ REPLY_NO_HANDSHAKE, 400, "no-handshake", "refused",
	    "the check of this address is malformed", 0, false },
	{ REPLY_HANDSHAKE, 200, "handshake", "ok", NULL, 0, false },
	{ REPLY_SECRET, 200, "secret-received", "ok", NULL, 0, false },
	{ REPLY_NOT_JSON, 400, "not-json", "refused",
	    "the body is not valid JSON", 0, false },
	{ REPLY_NOT_TAKEN, 400, "not-taken", "refused",
	    "the body is JSON of a kind that is not taken here", 0, false },
	{ REPLY_UNREADABLE, 400, "unreadable", "refused",
	    "the body or the query cannot be read", 0, false },
	{ REPLY_REQUIRED, 400, "required", "refused",
	    "a required field is missing", 0, false },
	{ REPLY_TOO_LONG, 400, "too-long", "refused",
	    "the event id or type is too long", 0, false },
	{ REPLY_FAULT, 503, "fault", "unavailable", NULL, 5, false },
	{ REPLY_FULL, 503, "full", "unavailable", NULL, 30, false },
	{ REPLY_BUSY, 503, "busy", "unavailable", NULL, 1, false },
	{ REPLY_CROWDED, 503, "crowded", "unavailable", NULL, 5, true },
	{ REPLY_CLOCK, 503, "clock", "unavailable", NULL, 60, false },
	{ REPLY_HEALTHY, 200, "healthy", "ok", NULL, 0, true },
	{ REPLY_SICK, 503, "sick", "unavailable", NULL, 5, true },
	{ REPLY_ACCEPTED, 200, "accepted", "accepted", NULL, 0, false },
	{ REPLY_DUPLICATE, 200, "duplicate", "duplicate", NULL, 0, false },
	{ REPLY_HELD, 200, "held", "held", NULL, 0, false },
	{ REPLY_FORGED, 401, "forged", "refused",
	    "the signature was used for another message", 0, false },
	{ REPLY_IGNORED, 200, "ignored", "ignored", NULL, 0, false },
	{ REPLY_TEST, 200, "test", "test", NULL, 0, false },
};

static const struct row *
row_of(enum reply_kind kind)
{
	size_t i = 0;

	while (rows[i].kind != kind) {
		i++;
		assert(i < NITEMS(rows)); /* every kind has a row */
	}
	return &rows[i];
}

const char *
reply_word(enum reply_kind kind)
{
	return row_of(kind)->word;
}

static int
put_body(struct buf *b, const struct row *row, struct span id, struct err *err)
{
	if (buf_puts(b, "{\"status\":\"", err) < 0 ||
	    buf_puts(b, row->state, err) < 0 || buf_putc(b, '"', err) < 0)
		return -1;
	if (row->reason != NULL &&
	    (buf_puts(b, ",\"reason\":\"", err) < 0 ||
		buf_puts(b, row->reason, err) < 0 || buf_putc(b, '"', err) < 0))
		return -1;
	if (id.len > 0 && text_is_utf8(id) &&
	    (buf_puts(b, ",\"id\":", err) < 0 || text_put_json(b, id, err) < 0))
		return -1;
	return buf_puts(b, "}\n", err);
}

void
reply_fill(struct receive_reply *reply, enum reply_kind kind, int status,
    struct span id, bool empty)
{
	const struct row *row = row_of(kind);
	struct buf b = BUF_OVER(reply->body, sizeof(reply->body));
	struct err err = ERR_INIT;

	reply->status = status != 0 ? status : row->status;
	reply->allow = kind == REPLY_METHOD ? "POST" : NULL;
	reply->retry_after_s = row->retry_after_s;
	reply->close = row->close;
	reply->content_type = NULL;
	reply->headers_len = 0;
	reply->body_len = 0;
	/* Without room the status alone must do. */
	if (!empty && put_body(&b, row, id, &err) == 0) {
		reply->content_type = JSON_TYPE;
		reply->body_len = b.len;
	}
}

void
reply_add_word(struct receive_reply *reply, const char *name, const char *word)
{
	static const char end[] = "}\n";
	size_t keep = sizeof(end) - 1, room = sizeof(reply->body);
	int n;

	if (reply->body_len < keep)
		return;
	reply->body_len -= keep;
	n = snprintf(reply->body + reply->body_len, room - reply->body_len,
	    ",\"%s\":\"%s\"%s", name, word, end);
	assert(n > 0 && (size_t)n < room - reply->body_len);
	reply->body_len += (size_t)n;
}

void
reply_handshake(struct receive_reply *reply, const struct handshake_reply *hs)
{
	static_assert(HANDSHAKE_HEADERS_MAX <= RECEIVE_HEADERS_MAX, "room");
	static_assert(HANDSHAKE_REPLY_MAX <= RECEIVE_REPLY_MAX, "room");
	reply->content_type = hs->content_type;
	reply->body_len = hs->body.len;
	if (hs->body.len > 0)
		memcpy(reply->body, hs->body.ptr, hs->body.len);
	reply->headers_len = hs->headers.len;
	if (hs->headers.len > 0)
		memcpy(reply->headers, hs->headers.ptr, hs->headers.len);
}

int
reply_status(const struct scheme *sc, enum verify_verdict verdict)
{
	const struct scheme_status *status = scheme_status(sc);

	switch (verdict) {
	case VERIFY_VALID:
		return 0;
	case VERIFY_MISSING:
		return status->missing;
	case VERIFY_EXPIRED:
		return status->expired;
	case VERIFY_UNREADABLE:
		return row_of(REPLY_UNREADABLE)->status;
	case VERIFY_INVALID:
		break;
	}
	return status->invalid;
}

static const struct {
	enum receive_refusal refusal;
	enum reply_kind kind;
} refusals[] = {
	{ RECEIVE_NO_REQUEST, REPLY_NO_REQUEST },
	{ RECEIVE_HEADERS, REPLY_HEADERS },
	{ RECEIVE_TOO_LARGE, REPLY_TOO_LARGE },
	{ RECEIVE_SHORT_BODY, REPLY_SHORT_BODY },
	{ RECEIVE_LATE_BODY, REPLY_LATE_BODY },
	{ RECEIVE_CROWDED, REPLY_CROWDED },
};

enum reply_kind
reply_refusal(enum receive_refusal refusal)
{
	size_t i = 0;

	while (refusals[i].refusal != refusal)
		i++;
	return refusals[i].kind;
}

void
receive_refuse(
    struct receive_reply *reply, enum receive_refusal refusal, const char *why)
{
	struct buf b = BUF_OVER(reply->log, sizeof(reply->log));
	enum reply_kind kind = reply_refusal(refusal);
	struct err err = ERR_INIT;

	reply_fill(reply, kind, 0, SPAN_EMPTY, false);
	/* Without room, what is there already must do. */
	if (buf_puts(&b, "status=", &err) == 0 &&
	    buf_put_u64(&b, (unsigned)reply->status, &err) == 0 &&
	    buf_puts(&b, " verdict=", &err) == 0 &&
	    buf_puts(&b, reply_word(kind), &err) == 0 && why != NULL &&
	    buf_puts(&b, " why=", &err) == 0)
		(void)text_put_value(&b, span_str(why), 128, &err);
	reply->log[b.len] = '\0';
}
