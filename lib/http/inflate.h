/*
 * inflate.h: bytes that a sender has packed with gzip (RFC 1952) or zlib (RFC
 * 1950), unpacked within a bound. The door to zlib.
 */
#ifndef EYELET_LIB_HTTP_INFLATE_H
#define EYELET_LIB_HTTP_INFLATE_H

#include "lib/base/bytes.h"

#define INFLATE_MEMBERS_MAX 256 /* of a gzip file, one behind the other */

enum inflate_format {
	INFLATE_GZIP,
	/*
	 * Never bare deflate (RFC 1951), which has no head: text might be read
	 * as that, and no text begins as zlib does.
	 */
	INFLATE_ZLIB
};

enum inflate_outcome {
	INFLATE_OK,
	INFLATE_BROKEN, /* not of this format, cut short, or a wrong checksum */
	INFLATE_TOO_LARGE /* more than max bytes come out */
};

/*
 * Puts what packed holds into out, which is emptied before and whose limit is
 * set here. The outcome is INFLATE_OK only when all of packed was used. Takes
 * max bytes of memory and 64 KiB at most. ERR_NOMEM.
 */
int inflate_all(enum inflate_format format, struct span packed, size_t max,
    struct buf *out, enum inflate_outcome *how, struct err *err);

#endif
