/*
 * resolve.h: what the holes of a template stand for in one request. Values
 * are borrowed from the request wherever they stand there as they are; only
 * what must be unescaped or made (JSON escapes, forms, URLs) is allocated.
 */
#ifndef EYELET_LIB_SCHEME_RESOLVE_H
#define EYELET_LIB_SCHEME_RESOLVE_H

#include "lib/http/body.h"
#include "lib/http/url.h"
#include "lib/scheme/template.h"
#include "lib/scheme/verify.h"

#define RESOLVE_WHY_MAX 128
#define RESOLVE_NOT_JSON "the body is not valid JSON"
#define RESOLVE_NOT_TAKEN \
	"the body is JSON that is not taken: a key twice, or above a limit"

enum resolve_outcome {
	RESOLVE_OK,
	RESOLVE_ABSENT, /* absent or empty */
	RESOLVE_BROKEN, /* there, but not one plain value */
	/* The form or the packed body cannot be read. */
	RESOLVE_UNREADABLE
};

/* Begin with resolver_init, set more of the first block, free in the end. */
struct resolver {
	const struct scheme *sc;
	const struct verify_input *in;
	struct span items; /* the signature header, for {item:} */
	char split; /* what divides it; 0: nothing */
	struct span key; /* for {key} */
	enum url_port port; /* which form of {url} */
	struct span element; /* of a batch, where JSON is read; else the body */

	/* Of resolver_scan. */
	int body_is_json; /* 1 yes, -1 no, 0 to be found out when asked for */
	struct span text; /* where body_is_json: the JSON, in body or form */
	bool is_json_not_taken; /* RFC 8259 has it, json_scan does not */
	bool is_unreadable; /* -1: the body cannot be unpacked, or its form read
			     */
	char why[RESOLVE_WHY_MAX]; /* -1: in words; may hold no foreign bytes */

	struct body body; /* unless in->body */
	struct buf json; /* text, where it stood in a form */
	struct made *made; /* values that were made, freed at the end */
};

void resolver_init(struct resolver *rs, const struct scheme *sc,
    const struct verify_input *in);
void resolver_free(struct resolver *rs); /* wipes what was made */
/* Wipes what was made; the body stays, and what was found out of it. */
void resolver_forget(struct resolver *rs);

/*
 * Finds out, once, whether the body holds strict JSON, or the value of a form
 * that the scheme has it in: body_is_json. ERR_NOMEM.
 */
int resolver_scan(struct resolver *rs, struct err *err);

/* The body, unpacked when it is asked for first: body.h. ERR_NOMEM. */
int
resolver_body(struct resolver *rs, const struct body **out, struct err *err);

/*
 * The bytes that the sender signed as the body: those that came, or unpacked
 * where the scheme says so. Unless *how is RESOLVE_OK they cannot be unpacked.
 */
int resolver_signed_body(struct resolver *rs, enum resolve_outcome *how,
    struct span *bytes, struct err *err);

/* Why a piece is not RESOLVE_OK: a constant, or one of the scheme's. */
const char *resolver_reason(const struct resolver *rs,
    const struct piece *piece, enum resolve_outcome how);

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
