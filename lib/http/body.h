/*
 * body.h: the body of a request as its readers see it: unpacked where the
 * sender packed it (Content-Encoding), without a byte order mark before JSON.
 * What came stays as it is: that is stored and delivered, and signed unless
 * the scheme says "signs": "decoded".
 */
#ifndef EYELET_LIB_HTTP_BODY_H
#define EYELET_LIB_HTTP_BODY_H

#include "lib/base/budget.h"
#include "lib/http/request.h"

/*
 * Bytes that come out of a packed body: at most so many in all, wherever it is
 * read, and beyond the second number at most so many times those that came.
 * JSON shrinks to a tenth, the same object over and over to a hundredth; zlib
 * can do a thousandth. An endpoint takes the second number at least.
 */
#define BODY_UNPACKED_MAX (32 * 1024 * 1024)
#define BODY_UNPACKED_FREE (1024 * 1024)
#define BODY_RATIO_MAX 200

enum body_state {
	BODY_CLOSED,
	BODY_OPEN,
	BODY_BROKEN, /* not of its coding, or beyond BODY_RATIO_MAX */
	BODY_TOO_LARGE, /* more than max comes out */
	BODY_CROWDED /* the budget is used up: a fault of ours */
};

struct body {
	/* Set before it is opened; body_close leaves them. */
	size_t max; /* bytes that may come out; 0: BODY_UNPACKED_MAX */
	struct budget *budget; /* that these are taken from; NULL: none */

	enum body_state state;
	struct span bytes; /* unpacked; empty unless OPEN */
	const char *why; /* NULL if OPEN, else why not; a constant */
	struct buf made; /* owns bytes, unless they are the request's */
	size_t taken; /* of budget */
};

/*
 * Unpacks the body, once: it stays as it is unless CLOSED. Borrows from the
 * request. A body that cannot be unpacked is an answer: why. ERR_NOMEM.
 */
int body_open(struct body *b, const struct request *rq, struct err *err);

/* The same for bytes and a coding by themselves; empty: they are not packed. */
int body_unpack(
    struct body *b, struct span bytes, struct span coding, struct err *err);

/* The limit on unpacked bytes where a body may have max bytes as it comes. */
size_t body_unpacked_max(size_t max);

void body_close(struct body *b); /* one that was never opened is fine */

/* The Content-Encoding of a request, or empty where it is "identity". */
struct span body_coding(const struct request *rq);

/* The text without a UTF-8 byte order mark. */
struct span body_text(struct span bytes);

#endif
