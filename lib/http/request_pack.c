/* request_pack.c: requests and replies to bytes and back. */
#include "lib/http/request_pack.h"

#include <limits.h>
#include <string.h>

#include "lib/base/util.h"

#define FLAG_HTTPS 1u
#define FLAG_CLOSE 1u
#define FLAG_HEADERS 2u

/* --- reading content ------------------------------------------------------ */

/* What is left of a content; bad once more was wanted than there is. */
struct reader {
	const unsigned char *at;
	size_t left;
	bool bad;
};

static struct reader
reader_of(struct span in)
{
	struct reader rd = { in.ptr, in.len, false };

	return rd;
}

/* n bytes, or NULL. */
static const unsigned char *
take(struct reader *rd, size_t n)
{
	const unsigned char *p = rd->at;

	if (rd->bad || n > rd->left) {
		rd->bad = true;
		return NULL;
	}
	rd->at += n;
	rd->left -= n;
	return p;
}

static unsigned
take_8(struct reader *rd)
{
	const unsigned char *p = take(rd, 1);

	return p == NULL ? 0 : p[0];
}

static unsigned
take_16(struct reader *rd)
{
	const unsigned char *p = take(rd, 2);

	return p == NULL ? 0 : be16_get(p);
}

static unsigned long
take_32(struct reader *rd)
{
	const unsigned char *p = take(rd, 4);

	return p == NULL ? 0 : be32_get(p);
}

static struct span
take_span(struct reader *rd)
{
	size_t len = take_32(rd);
	const unsigned char *p = take(rd, len);

	return p == NULL ? SPAN_EMPTY : span_of(p, len);
}

/*
 * A text of at most max bytes with its NUL, or NULL where there was none.
 * It goes into a response's head, so nothing but printable ASCII passes.
 */
static const char *
take_text(struct reader *rd, size_t max)
{
	struct span s = take_span(rd);
	const unsigned char *p = s.ptr;
	size_t i;

	if (rd->bad || s.len == 0)
		return NULL;
	rd->bad = s.len > max || p[s.len - 1] != '\0';
	for (i = 0; i + 1 < s.len && !rd->bad; i++)
		rd->bad = p[i] < 0x20 || p[i] > 0x7e;
	return rd->bad ? NULL : s.ptr;
}

/* --- writing content ------------------------------------------------------ */

static int
put_8(struct buf *out, unsigned v, struct err *err)
{
	return buf_putc(out, (unsigned char)v, err);
}

static int
put_16(struct buf *out, unsigned v, struct err *err)
{
	unsigned char b[2];

	be16_put(b, v);
	return buf_put(out, b, sizeof(b), err);
}

static int
put_32(struct buf *out, unsigned long v, struct err *err)
{
	unsigned char b[4];

	be32_put(b, v);
	return buf_put(out, b, sizeof(b), err);
}

static int
put_span(struct buf *out, struct span s, struct err *err)
{
	if (s.len > REQUEST_PACK_MAX)
		return err_set(err, ERR_LIMIT,
		    "%zu bytes are more than a frame holds", s.len);
	if (put_32(out, s.len, err) < 0)
		return -1;
	return buf_put_span(out, s, err);
}

static int
put_text(struct buf *out, const char *s, struct err *err)
{
	if (s == NULL)
		return put_32(out, 0, err);
	return put_span(out, span_of(s, strlen(s) + 1), err);
}

/* --- requests and replies ------------------------------------------------- */

int
frame_put_request(const struct request *rq,
    const unsigned char request_id[STORE_REQUEST_ID], struct buf *out,
    struct err *err)
{
	unsigned char declared[8];
	size_t i;

	if (rq->nheaders > REQUEST_HEADERS_MAX)
		return err_set(err, ERR_LIMIT,
		    "the request has %zu headers, more than %d", rq->nheaders,
		    REQUEST_HEADERS_MAX);
	be64_put(declared, (unsigned long long)rq->content_length);
	if (buf_put(out, request_id, STORE_REQUEST_ID, err) < 0 ||
	    put_span(out, rq->method, err) < 0 ||
	    put_span(out, rq->path, err) < 0 ||
	    put_span(out, rq->query, err) < 0 ||
	    put_span(out, rq->peer, err) < 0 ||
	    put_8(out, rq->https ? FLAG_HTTPS : 0, err) < 0 ||
	    buf_put(out, declared, sizeof(declared), err) < 0 ||
	    put_16(out, (unsigned)rq->nheaders, err) < 0)
		return -1;
	for (i = 0; i < rq->nheaders; i++)
		if (put_span(out, rq->headers[i].name, err) < 0 ||
		    put_span(out, rq->headers[i].value, err) < 0)
			return -1;
	return put_span(out, rq->body, err);
}

int
frame_get_request(struct span in, struct request *rq, struct header *headers,
    unsigned char request_id[STORE_REQUEST_ID], struct err *err)
{
	struct reader rd = reader_of(in);
	struct request got = { 0 };
	const unsigned char *id, *declared;
	unsigned flags;
	size_t i, nheaders;

	id = take(&rd, STORE_REQUEST_ID);
	got.method = take_span(&rd);
	got.path = take_span(&rd);
	got.query = take_span(&rd);
	got.peer = take_span(&rd);
	flags = take_8(&rd);
	declared = take(&rd, 8);
	nheaders = take_16(&rd);
	if (nheaders > REQUEST_HEADERS_MAX)
		rd.bad = true;
	for (i = 0; i < nheaders && !rd.bad; i++) {
		headers[i].name = take_span(&rd);
		headers[i].value = take_span(&rd);
	}
	got.body = take_span(&rd);
	if (rd.bad || rd.left > 0 || (flags & ~FLAG_HTTPS) != 0)
		return err_set(err, ERR_INPUT,
		    "a request frame of %zu bytes is cut short or malformed",
		    in.len);
	got.content_length = (int64_t)be64_get(declared);
	if (got.content_length < -2)
		return err_set(err, ERR_INPUT,
		    "a request frame declares a length of %lld",
		    (long long)got.content_length);
	got.https = (flags & FLAG_HTTPS) != 0;
	got.headers = headers;
	got.nheaders = nheaders;
	*rq = got;
	memcpy(request_id, id, STORE_REQUEST_ID);
	return 0;
}

int
frame_put_reply(
    const struct receive_reply *reply, struct buf *out, struct err *err)
{
	/* No headers, no flag: the frame that releases without them read. */
	unsigned flags = (reply->close ? FLAG_CLOSE : 0U) |
			 (reply->headers_len > 0 ? FLAG_HEADERS : 0U);

	if (put_16(out, (unsigned)reply->status, err) < 0 ||
	    put_8(out, flags, err) < 0 ||
	    put_32(out, (unsigned long)reply->retry_after_s, err) < 0 ||
	    put_text(out, reply->content_type, err) < 0 ||
	    put_text(out, reply->allow, err) < 0 ||
	    put_span(out, span_of(reply->body, reply->body_len), err) < 0 ||
	    put_span(out, span_str(reply->log), err) < 0)
		return -1;
	if (reply->headers_len == 0)
		return 0;
	return put_span(out, span_of(reply->headers, reply->headers_len), err);
}

/* Whole lines that end as headers do, and no other control bytes. */
static bool
are_headers(struct span s)
{
	const unsigned char *p = s.ptr;
	size_t i, from = 0;

	for (i = 0; i < s.len; i++) {
		if (p[i] == '\r' && i + 1 < s.len && p[i + 1] == '\n' &&
		    i > from) {
			from = ++i + 1;
			continue;
		}
		if (p[i] < 0x20 || p[i] == 0x7f)
			return false;
	}
	return from == s.len;
}

#define REPLY_TEXT_MAX 256 /* of content_type and allow */

int
frame_get_reply(struct span in, struct receive_reply *reply, struct err *err)
{
	struct reader rd = reader_of(in);
	const char *content_type, *allow;
	unsigned status, flags;
	unsigned long retry_after;
	struct span body, log, headers = SPAN_EMPTY;

	status = take_16(&rd);
	flags = take_8(&rd);
	retry_after = take_32(&rd);
	content_type = take_text(&rd, REPLY_TEXT_MAX);
	allow = take_text(&rd, REPLY_TEXT_MAX);
	body = take_span(&rd);
	log = take_span(&rd);
	if ((flags & FLAG_HEADERS) != 0)
		headers = take_span(&rd);
	if (rd.bad || rd.left > 0 || headers.len > sizeof(reply->headers) ||
	    !are_headers(headers) || status < 100 || status > 599 ||
	    (flags & ~(FLAG_CLOSE | FLAG_HEADERS)) != 0 ||
	    retry_after > INT_MAX || body.len > sizeof(reply->body) ||
	    log.len >= sizeof(reply->log) || span_find(log, '\0') < log.len ||
	    span_find(log, '\n') < log.len)
		return err_set(err, ERR_INPUT,
		    "a reply frame of %zu bytes is cut short or malformed",
		    in.len);
	memset(reply, 0, sizeof(*reply));
	reply->status = (int)status;
	reply->close = (flags & FLAG_CLOSE) != 0;
	reply->retry_after_s = (int)retry_after;
	reply->content_type = content_type;
	reply->allow = allow;
	reply->body_len = body.len;
	if (body.len > 0)
		memcpy(reply->body, body.ptr, body.len);
	if (log.len > 0)
		memcpy(reply->log, log.ptr, log.len);
	reply->headers_len = headers.len;
	if (headers.len > 0)
		memcpy(reply->headers, headers.ptr, headers.len);
	return 0;
}
