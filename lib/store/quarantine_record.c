/* quarantine_record.c: refused requests to bytes and back. */
#include "lib/store/quarantine_record.h"

#include <string.h>

#include "lib/base/util.h"
#include "lib/http/request_pack.h"

#define HEAD 12 /* version, time, status, part */

/* Nobody needs these to find out about a signature. */
static const char *const credentials[] = {
	"authorization",
	"cookie",
	"proxy-authorization",
	"x-api-key",
};

static bool
is_credential(struct span name, const struct scheme *sc)
{
	size_t i;

	for (i = 0; i < NITEMS(credentials); i++)
		if (span_is(name, credentials[i]))
			return true;
	return sc != NULL && scheme_header_is_secret(sc, name);
}

static struct span
cut(struct span s, size_t max)
{
	return span_of(s.ptr, s.len < max ? s.len : max);
}

static int
put_head(const struct quarantine_entry *en, enum quarantine_part part,
    struct buf *out, struct err *err)
{
	struct span word = cut(en->word, QUARANTINE_WORD_MAX);
	struct span why = cut(en->why, QUARANTINE_WHY_MAX);
	unsigned char head[HEAD], len[2];

	head[0] = QUARANTINE_RECORD_VERSION;
	be64_put(head + 1, (unsigned long long)en->request.now_ms);
	be16_put(head + 9, (unsigned)en->status);
	head[11] = (unsigned char)part;
	if (buf_put(out, head, sizeof(head), err) < 0 ||
	    buf_putc(out, (unsigned char)word.len, err) < 0 ||
	    buf_put_span(out, word, err) < 0)
		return -1;
	be16_put(len, (unsigned)why.len);
	return buf_put(out, len, sizeof(len), err) < 0
		   ? -1
		   : buf_put_span(out, why, err);
}

int
quarantine_record_put(const struct quarantine_entry *en,
    const struct scheme *sc, size_t max, struct buf *out, struct err *err)
{
	static const unsigned char no_id[STORE_REQUEST_ID];
	struct header headers[REQUEST_HEADERS_MAX];
	struct request rq = en->request;
	enum quarantine_part part = en->part;
	size_t i, size = HEAD + 64 + QUARANTINE_WORD_MAX + QUARANTINE_WHY_MAX;

	if (rq.nheaders > REQUEST_HEADERS_MAX)
		rq.nheaders = REQUEST_HEADERS_MAX;
	for (i = 0; i < rq.nheaders; i++) {
		headers[i] = rq.headers[i];
		if (is_credential(headers[i].name, sc))
			headers[i].value = span_str(QUARANTINE_HIDDEN);
		size += 8 + headers[i].name.len + headers[i].value.len;
	}
	rq.headers = headers;
	if (sc != NULL && scheme_body_has_secret(sc)) {
		part = QUARANTINE_NO_BODY;
		rq.query = SPAN_EMPTY;
	}
	size += rq.method.len + rq.path.len + rq.query.len + rq.peer.len;
	if (size > max)
		return err_set(err, ERR_LIMIT,
		    "a refused request of %zu bytes without its body", size);
	if (part == QUARANTINE_WHOLE && rq.body.len > max - size)
		part = QUARANTINE_CUT;
	if (part == QUARANTINE_CUT)
		rq.body = cut(rq.body, QUARANTINE_CUT_MAX);
	if (part == QUARANTINE_NO_BODY || rq.body.len > max - size) {
		part = QUARANTINE_NO_BODY;
		rq.body = SPAN_EMPTY;
	}
	if (put_head(en, part, out, err) < 0)
		return -1;
	return frame_put_request(&rq, no_id, out, err);
}

/* Cuts n bytes off the front of rest; false when they are not there. */
static bool
take(struct span *rest, size_t n, struct span *out)
{
	if (n > rest->len)
		return false;
	*out = span_of(rest->ptr, n);
	*rest = span_skip(*rest, n);
	return true;
}

int
quarantine_record_get(struct span record, struct header *headers,
    struct quarantine_entry *out, struct err *err)
{
	unsigned char no_id[STORE_REQUEST_ID];
	struct quarantine_entry en;
	struct span rest = record, part;
	const unsigned char *p = record.ptr;

	memset(&en, 0, sizeof(en));
	if (!take(&rest, HEAD, &part) || p[0] != QUARANTINE_RECORD_VERSION)
		goto corrupt;
	en.status = (int)be16_get(p + 9);
	if (p[11] > QUARANTINE_CUT)
		goto corrupt;
	en.part = (enum quarantine_part)p[11];
	if (!take(&rest, 1, &part) ||
	    !take(&rest, *(const unsigned char *)part.ptr, &en.word) ||
	    !take(&rest, 2, &part) ||
	    !take(&rest, be16_get(part.ptr), &en.why) ||
	    frame_get_request(rest, &en.request, headers, no_id, err) < 0)
		goto corrupt;
	en.request.now_ms = (int64_t)be64_get(p + 1);
	*out = en;
	return 0;
corrupt:
	return err_set(
	    err, ERR_CORRUPT, "a kept request is not in a form we know");
}
