/* body.c: unpacks the body of a request. */
#include "lib/http/body.h"

#include <assert.h>

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

/* Of so many packed bytes, whatever their reader would take. */
static size_t
ratio_max(size_t packed)
{
	size_t max = packed > BODY_UNPACKED_MAX / BODY_RATIO_MAX
			 ? BODY_UNPACKED_MAX
			 : packed * BODY_RATIO_MAX;

	return max < BODY_UNPACKED_FREE ? BODY_UNPACKED_FREE : max;
}

static_assert(BODY_RATIO_MAX == 200, "as body_unpack puts it");

size_t
body_unpacked_max(size_t max)
{
	return max < BODY_UNPACKED_FREE ? BODY_UNPACKED_FREE : max;
}

/* Gives back what it has of the budget above n bytes. */
static void
keep_taken(struct body *b, size_t n)
{
	if (b->taken <= n)
		return;
	budget_give(b->budget, b->taken - n);
	b->taken = n;
}

static void
drop(struct body *b)
{
	buf_free(&b->made);
	keep_taken(b, 0);
}

static void
set(struct body *b, enum body_state state, const char *why)
{
	b->state = state;
	b->why = why;
}

int
body_unpack(
    struct body *b, struct span bytes, struct span coding, struct err *err)
{
	size_t i, max = b->max == 0 ? BODY_UNPACKED_MAX : b->max, room;
	enum inflate_outcome how = INFLATE_BROKEN;

	if (b->state != BODY_CLOSED)
		return 0;
	b->bytes = bytes;
	set(b, BODY_OPEN, NULL);
	if (coding.len == 0)
		return 0;
	b->bytes = SPAN_EMPTY;
	set(b, BODY_BROKEN, "Content-Encoding is neither gzip nor deflate");
	for (i = 0; i < NITEMS(codings); i++)
		if (span_is_nocase(coding, codings[i].coding))
			break;
	if (i == NITEMS(codings))
		return 0;
	room = ratio_max(bytes.len);
	if (room > max)
		room = max;
	/* All that it may take, at once: it is no use to begin and stop. */
	if (b->budget != NULL && !budget_take(b->budget, room)) {
		set(b, BODY_CROWDED, "no room to unpack the body");
		return 0;
	}
	b->taken = b->budget == NULL ? 0 : room;
	if (inflate_all(codings[i].format, bytes, room, &b->made, &how, err) <
	    0) {
		set(b, BODY_CLOSED, NULL);
		drop(b);
		return -1;
	}
	switch (how) {
	case INFLATE_OK:
		b->bytes = buf_span(&b->made);
		keep_taken(b, b->bytes.len);
		set(b, BODY_OPEN, NULL);
		break;
	case INFLATE_BROKEN:
		b->why = "the body is not what its Content-Encoding says";
		break;
	case INFLATE_TOO_LARGE:
		if (room == max)
			set(b, BODY_TOO_LARGE,
			    "the body unpacks to more than is taken");
		else
			b->why = "the body unpacks to more than 200 times its "
				 "size";
		break;
	}
	if (how != INFLATE_OK)
		drop(b);
	return 0;
}

int
body_open(struct body *b, const struct request *rq, struct err *err)
{
	if (b->state != BODY_CLOSED)
		return 0;
	return body_unpack(b, rq->body, body_coding(rq), err);
}

void
body_close(struct body *b)
{
	drop(b);
	b->bytes = SPAN_EMPTY;
	set(b, BODY_CLOSED, NULL);
}

struct span
body_text(struct span bytes)
{
	return span_starts(bytes, "\xef\xbb\xbf") ? span_skip(bytes, 3) : bytes;
}
