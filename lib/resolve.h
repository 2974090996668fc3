/*
 * resolve.h: what the holes of a template stand for in one request. Values
 * are borrowed from the request wherever they stand there as they are; only
 * what must be unescaped or made (JSON escapes, forms, URLs) is allocated.
 */
#ifndef EYELET_LIB_RESOLVE_H
#define EYELET_LIB_RESOLVE_H

#include "lib/template.h"
#include "lib/url.h"
#include "lib/verify.h"

enum resolve_outcome {
	RESOLVE_OK,
	RESOLVE_ABSENT, /* absent or empty */
	RESOLVE_BROKEN /* there, but not one plain value */
};

/* The caller sets the first block, zeroes the rest, and frees in the end. */
struct resolver {
	const struct verify_input *in;
	struct span items; /* the signature header, for {item:} */
	char split; /* what divides it; 0: nothing */
	struct span key; /* for {key} */
	enum url_port port; /* which form of {url} */
	struct span element; /* of a batch, where JSON is read; else the body */

	int body_is_json; /* 1 yes, -1 no, 0 to be found out when asked for */
	struct made *made; /* values that were made, freed at the end */
};

void resolver_free(struct resolver *rs); /* wipes what was made */

/* Finds out, once, whether the body is strict JSON: body_is_json. ERR_NOMEM. */
int resolver_scan(struct resolver *rs, struct err *err);

/*
 * The value of one piece, borrowed until resolver_free. Unless *how is
 * RESOLVE_OK, *reason says why, a constant of the scheme. ERR_CONFIG when the
 * input has no url or param that is asked for, ERR_NOMEM.
 */
int resolve_piece(struct resolver *rs, const struct piece *piece,
    enum resolve_outcome *how, struct span *value, const char **reason,
    struct err *err);

/*
 * All pieces, each to its place in values (t->n of them). Stops at the first
 * that is not RESOLVE_OK; *culprit is that piece. An optional one that is
 * absent is empty, and so is all of a group that has an absent one.
 */
int resolve_template(struct resolver *rs, const struct template *t,
    struct span *values, enum resolve_outcome *how,
    const struct piece **culprit, struct err *err);

/*
 * Takes the next item off a list: blanks at its ends cut, empty items passed
 * over. With split 0 the whole list is the one item. Empty at the end.
 */
struct span resolve_next_item(struct span *rest, char split);

#endif
