/* body.c: unpacks the body of a request. */
#include "lib/http/body.h"

#include <string.h>

#include "lib/base/util.h"
#include "lib/http/inflate.h"

#define CODING "content-encoding"

/* RFC 9110 section 8.4.1. */
static const struct {
	const char *coding;
	enum inflate_format format;
} codings[] = {
	{ "gzip", INFLATE_GZIP },
	{ "x-gzip", INFLATE_GZIP },
	{ "deflate", INFLATE_ZLIB },
};

struct span
body_coding(const struct request *rq)
{
	struct span coding;

	/* Twice is a list of two, and no list is read. */
	if (request_header(rq, CODING, &coding) > 1)
		return span_str("a list");
	coding = span_trim(coding);
	return span_is_nocase(coding, "identity") ? SPAN_EMPTY : coding;
}

static size_t
unpacked_max(size_t packed)
{
	size_t max = packed > BODY_UNPACKED_MAX / BODY_RATIO_MAX
			 ? BODY_UNPACKED_MAX
			 : packed * BODY_RATIO_MAX;

	return max < BODY_UNPACKED_FREE ? BODY_UNPACKED_FREE : max;
}

int
body_unpack(
    struct body *b, struct span bytes, struct span coding, struct err *err)
{
	enum inflate_outcome how = INFLATE_BROKEN;
	size_t i;

	if (b->is_open)
		return 0;
	b->why = NULL;
	b->bytes = bytes;
	b->is_open = true;
	if (coding.len == 0)
		return 0;
	b->bytes = SPAN_EMPTY;
	b->why = "Content-Encoding is neither gzip nor deflate";
	for (i = 0; i < NITEMS(codings); i++)
		if (span_is_nocase(coding, codings[i].coding))
			break;
	if (i == NITEMS(codings))
		return 0;
	if (inflate_all(codings[i].format, bytes, unpacked_max(bytes.len),
		&b->made, &how, err) < 0) {
		b->is_open = false;
		return -1;
	}
	switch (how) {
	case INFLATE_OK:
		b->bytes = buf_span(&b->made);
		b->why = NULL;
		break;
	case INFLATE_BROKEN:
		b->why = "the body is not what its Content-Encoding says";
		break;
	case INFLATE_TOO_LARGE:
		b->why = "the body unpacks to more than it may";
		break;
	}
	if (how != INFLATE_OK)
		buf_free(&b->made);
	return 0;
}

int
body_open(struct body *b, const struct request *rq, struct err *err)
{
	if (b->is_open)
		return 0;
	return body_unpack(b, rq->body, body_coding(rq), err);
}

void
body_close(struct body *b)
{
	buf_free(&b->made);
	memset(b, 0, sizeof(*b));
}

struct span
body_text(struct span bytes)
{
	return span_starts(bytes, "\xef\xbb\xbf") ? span_skip(bytes, 3) : bytes;
}
