/*
 * template.h: texts with holes, and what a hole stands for: "{header:x}.{body}"
 * is what somebody signs, "header:x" alone is a source. Parsed once, when a
 * scheme is loaded; resolve.h fills the holes from a request.
 */
#ifndef EYELET_LIB_TEMPLATE_H
#define EYELET_LIB_TEMPLATE_H

#include "lib/bytes.h"

enum piece_kind {
	PIECE_LITERAL,
	PIECE_BODY, /* {body}: the bytes of the body as they came */
	PIECE_HEADER, /* {header:NAME} */
	PIECE_ITEM, /* {item:P}: the signature header's item that begins with P
		     */
	PIECE_JSON, /* {json:/POINTER}: a plain value in the body */
	PIECE_QUERY, /* {query:NAME} */
	PIECE_FORM, /* {form:NAME}: of a body that is a form */
	PIECE_FORM_ALL, /* {form*}: all of it, sorted */
	PIECE_PARAM, /* {param:NAME}: a constant of the endpoint */
	PIECE_METHOD, /* {method} */
	PIECE_URL, /* {url}: as registered with the provider */
	PIECE_KEY /* {key}: the secret, in plain digests */
};

/* Sets of kinds, for what is allowed where. */
#define PIECE_BIT(kind) (1U << (kind))
#define PIECE_ALL 0xfffU
/* header:NAME-* (as many headers as there are) is allowed as well. */
#define PIECE_NUMBERED 0x1000U

struct piece {
	enum piece_kind kind;
	bool optional; /* "?": an absent one counts as empty */
	bool numbered; /* header:NAME-*; arg is NAME- */
	char *arg; /* text of a literal, header in lower case, pointer, name */
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

/* The header's name as it was written, for sending it. */
const char *piece_header(const struct piece *piece);

/* Do two sources read the same value? */
bool piece_same(const struct piece *a, const struct piece *b);

bool template_has(const struct template *t, enum piece_kind kind);
bool template_reads(const struct template *t, const struct piece *source);

#endif
