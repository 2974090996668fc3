/*
 * form.h: names and values as application/x-www-form-urlencoded has them, in
 * a body or a query. Strict: a broken escape is no letter of its own.
 */
#ifndef EYELET_LIB_HTTP_FORM_H
#define EYELET_LIB_HTTP_FORM_H

#include "lib/base/bytes.h"

#define FORM_PAIRS_MAX 2000 /* in one text */

enum form_answer {
	FORM_ABSENT,
	FORM_FOUND,
	FORM_BROKEN /* a broken escape, two values of a name, too many pairs */
};

/* How a name matches. */
enum form_case {
	FORM_EXACT,
	FORM_ANY_CASE /* letters of ASCII in either case */
};

/*
 * Puts the value of a name behind out. A name that comes again with the same
 * value counts once; with another value the answer is FORM_BROKEN, and so it is
 * where the name is absent and another's value cannot be decoded. ERR_NOMEM,
 * ERR_LIMIT.
 */
int form_find(struct span text, const char *name, enum form_case how,
    struct buf *out, enum form_answer *answer, struct err *err);

/*
 * Puts names and values behind each other, sorted by name, then value; a pair
 * that occurs twice counts once. (What Twilio signs.) An empty text is
 * FORM_FOUND and puts nothing.
 */
int form_put_sorted(struct span text, struct buf *out, enum form_answer *answer,
    struct err *err);

#endif
