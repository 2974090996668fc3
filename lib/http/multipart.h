/*
 * multipart.h: a form as multipart/form-data (RFC 7578, RFC 2046 section
 * 5.1). Strict where a lenient reader might find another value than the sender
 * meant; what is unknown in a part's head is passed over.
 */
#ifndef EYELET_LIB_HTTP_MULTIPART_H
#define EYELET_LIB_HTTP_MULTIPART_H

#include "lib/http/form.h"

#define MULTIPART_PARTS_MAX 1000 /* in one form */
#define MULTIPART_HEAD_MAX 8192 /* bytes of the lines above a part */
#define MULTIPART_BOUNDARY_MAX 70 /* bytes, RFC 2046 */

enum multipart_type {
	MULTIPART_NONE, /* the content type is another */
	MULTIPART_FORM,
	MULTIPART_BROKEN /* of another kind, or without a good boundary */
};

/* Reads a Content-Type. boundary is borrowed from it, without quotes. */
enum multipart_type
multipart_type(struct span content_type, struct span *boundary);

/*
 * The value of a name, borrowed from body. Files are no values. A name that
 * comes again with the same value counts once. FORM_BROKEN: no such form, not
 * whole, two values of the name, one that is encoded
 * (Content-Transfer-Encoding), more parts or longer heads than may be. Takes
 * time in proportion to body.
 */
enum form_answer multipart_find(struct span body, struct span boundary,
    const char *name, enum form_case how, struct span *value);

#endif
