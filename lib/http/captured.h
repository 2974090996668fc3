/*
 * captured.h: an HTTP request that somebody saved by hand: as it went over the
 * wire, as an editor's .http file has it, or what "curl -v" printed. Reads
 * what people have, so it is lenient with all but the bytes of the body.
 */
#ifndef EYELET_LIB_HTTP_CAPTURED_H
#define EYELET_LIB_HTTP_CAPTURED_H

#include "lib/http/request.h"

#define CAPTURED_MAX (4 * 1024 * 1024) /* bytes of the text */

/* Begin with zeros; captured_free in the end. Borrows from the text. */
struct captured {
	struct span method, path, query, body;
	struct header headers[REQUEST_HEADERS_MAX];
	size_t nheaders;
	/*
	 * Behind the Content-Length stood more, which is not taken: a line end
	 * of the editor's, an answer. Or less stood there.
	 */
	bool longer, shorter;
	struct buf names; /* of the headers, in lower case */
};

/*
 * ERR_INPUT with the line and what was expected there. Without a
 * Content-Length all that follows the empty line is the body, in a .http file
 * up to its next "###".
 */
int captured_read(struct span text, struct captured *out, struct err *err);
void captured_free(struct captured *c);

#endif
