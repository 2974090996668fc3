/*
 * body.h: the body of a request as its readers see it: unpacked where the
 * sender packed it (Content-Encoding), without a byte order mark before JSON.
 * What came stays as it is: that is stored and delivered, and signed unless
 * the scheme says "signs": "decoded".
 */
#ifndef EYELET_LIB_HTTP_BODY_H
#define EYELET_LIB_HTTP_BODY_H

#include "lib/http/request.h"

/*
 * Bytes that come out of a packed body: at most so many in all, and beyond the
 * second number at most so many times those that came. JSON shrinks to a tenth,
 * the same object over and over to a hundredth; zlib can do a thousandth.
 */
#define BODY_UNPACKED_MAX (32 * 1024 * 1024)
#define BODY_UNPACKED_FREE (1024 * 1024)
#define BODY_RATIO_MAX 200

struct body {
	bool is_open;
	struct span bytes; /* unpacked; empty where why is set */
	const char *why; /* it cannot be unpacked, and why; a constant */
	struct buf made; /* owns bytes, unless they are the request's */
};

/*
 * Unpacks the body, once: an open one stays as it is. Borrows from the
 * request. A body that cannot be unpacked is an answer: why. ERR_NOMEM.
 */
int body_open(struct body *b, const struct request *rq, struct err *err);

/* The same for bytes and a coding by themselves; empty: they are not packed. */
int body_unpack(
    struct body *b, struct span bytes, struct span coding, struct err *err);

void body_close(struct body *b); /* one that was never opened is fine */

/* The Content-Encoding of a request, or empty where it is "identity". */
struct span body_coding(const struct request *rq);

/* The text without a UTF-8 byte order mark. */
struct span body_text(struct span bytes);

#endif
