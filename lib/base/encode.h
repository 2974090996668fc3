/*
 * encode.h: bytes as text: hex, base64 and base64url (RFC 4648). Decoding is
 * strict: one value has one text (but for the case of hex digits and, in
 * base64url alone, padding that may be left out), so that two texts which
 * decode alike are one signature.
 */
#ifndef EYELET_LIB_BASE_ENCODE_H
#define EYELET_LIB_BASE_ENCODE_H

#include "lib/base/bytes.h"

enum encoding {
	ENCODING_HEX,
	ENCODING_BASE64,
	ENCODING_BASE64URL,
	ENCODING_UTF8 /* the text is the value */
};

/* Bytes that a text of len may decode to, at most. */
size_t encode_room(enum encoding enc, size_t len);

/*
 * Decodes text to out, which has room bytes; *len is how many. False, with
 * nothing of meaning in out, when text is no canonical text of enc or its
 * value does not fit.
 */
bool encode_read(
    enum encoding enc, struct span text, void *out, size_t room, size_t *len);

/* Puts the text of bytes: lower-case hex; base64 padded, base64url not. */
int encode_put(
    enum encoding enc, struct span bytes, struct buf *out, struct err *err);

#endif
