/*
 * template.h: texts with holes, and what a hole stands for: "{header:x}.{body}"
 * is what somebody signs, "header:x" alone is a source. Parsed once, when a
 * scheme is loaded; resolve.h fills the holes from a request.
 */
#ifndef EYELET_LIB_SCHEME_TEMPLATE_H
#define EYELET_LIB_SCHEME_TEMPLATE_H

#include "lib/base/bytes.h"

enum piece_kind {
	PIECE_LITERAL,
	PIECE_BODY, /* {body}: the bytes of the body as they came */
	PIECE_HEADER, /* {header:NAME}, {header:NAME,OTHER} */
	PIECE_ITEM, /* {item:P}: the signature header's item that begins with P
		     */
	PIECE_JSON, /* {json:/POINTER}: a plain value in the body */
	PIECE_QUERY, /* {query:NAME} */
	PIECE_FORM, /* {form:NAME}: of a body that is a form */
	PIECE_FORM_ALL, /* {form*}: all of it, sorted */
	PIECE_PARAM, /* {param:NAME}: a constant of the endpoint */
	PIECE_METHOD, /* {method} */
	PIECE_URL, /* {url}: as registered with the provider */
	PIECE_KEY, /* {key}: the secret, in plain digests */
	PIECE_CRC32, /* {crc32}: of the body, in decimal */
	/*
	 * {headers:P}: the headers that the item which begins with P names,
	 * divided by blanks: names joined by blanks, ".", values joined by ".".
	 */
	PIECE_HEADERS
};

/* Sets of kinds, for what is allowed where. */
#define PIECE_BIT(kind) (1U << (kind))
#define PIECE_ALL 0x3fffU
/* header:NAME-* (as many headers as there are) is allowed as well. */
#define PIECE_NUMBERED 0x4000U
/* {[ and ]}: what stands between is left out whole where a piece is absent. */
#define PIECE_GROUPS 0x8000U
/* {hex(hmac(SOURCE))}, {base64(hmac(SOURCE))} */
#define PIECE_MACS 0x10000U

/* What stands in place of a value: its MAC with the secret. */
enum piece_mac {
	MAC_NONE,
	MAC_HEX,
	MAC_BASE64
};

struct piece {
	enum piece_kind kind;
	bool optional; /* "?": an absent one counts as empty */
	unsigned char group; /* which {[...]} it stands in, from 1; 0: none */
	bool numbered; /* header:NAME-*; arg is NAME- */
	bool any_case; /* query, form: the name matches in any case */
	bool bounded; /* its value must not hold the literals beside it */
	enum piece_mac mac;
	char *arg; /* text of a literal, header in lower case, pointer, name */
	char *other; /* header that is read where arg is absent, or NULL */
	char *name; /* of a header, as it was written: "X-Sig", "X-Sig-" */
	char *shown; /* as it was written: "header:X-Sig" */
	char *absent, *broken; /* reasons for an operator to read */
};

#define TEMPLATE_PIECES_MAX 24

struct template
{
	struct piece *pieces;
	size_t n;
};

/*
 * Reads "header:X-Sig" or "{header:X-Sig}.{body}". ERR_CONFIG says what is
 * wrong, and what was meant where a known word is near.
 */
int piece_parse(
    const char *text, unsigned allowed, struct piece *out, struct err *err);
int template_parse(
    const char *text, unsigned allowed, struct template *out, struct err *err);

void piece_free(struct piece *piece);
void template_free(struct template *t); /* an empty one is fine */

/* Do two sources read the same value? */
bool piece_same(const struct piece *a, const struct piece *b);

bool template_has(const struct template *t, enum piece_kind kind);
bool template_reads(const struct template *t, const struct piece *source);

#endif
