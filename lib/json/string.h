/*
 * string.h: the bytes that a JSON string stands for, one at a time, so
 * that strings are compared as what they mean ("\u0061" is "a") without a
 * copy. Reads raw content: what stands between the quotes.
 */
#ifndef EYELET_LIB_JSON_STRING_H
#define EYELET_LIB_JSON_STRING_H

#include "lib/base/bytes.h"

/* Where a reader stands in the raw content of a string. */
struct json_chars {
	const unsigned char *at, *end;
	unsigned char rest[3]; /* bytes of an escape, yet to be given */
	unsigned nrest;
	bool odd; /* a lone surrogate or a broken escape was met */
};

void json_chars_init(struct json_chars *it, struct span content);

/*
 * The next byte (0 to 255), or -1 at the end. An escape gives the UTF-8 of its
 * character; a lone surrogate the three bytes it would have, which no UTF-8
 * holds, and sets odd. A broken escape ends the string and sets odd.
 */
int json_chars_next(struct json_chars *it);

/* Orders two strings by the bytes they stand for: below, at or above 0. */
int json_string_cmp(struct span a, struct span b);

#endif
