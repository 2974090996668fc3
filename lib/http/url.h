/*
 * url.h: the URL of an endpoint as its provider signs it: the address that
 * was registered, with the query that came, and never a fragment (no request
 * carries one).
 */
#ifndef EYELET_LIB_HTTP_URL_H
#define EYELET_LIB_HTTP_URL_H

#include "lib/base/bytes.h"

enum url_port {
	URL_PORT_GIVEN,
	/* The port left out where there is one; else the scheme's put in. */
	URL_PORT_OTHER
};

/* A set of bytes: those whose escapes ("%3A") stand as themselves. */
#define URL_BYTES 256

/*
 * Puts url; a query that is not empty takes the place of its own. Escapes of
 * bytes in decode are undone, once, anywhere in it. ERR_LIMIT, ERR_NOMEM.
 */
int url_put(struct span url, struct span query, enum url_port port,
    const bool decode[URL_BYTES], struct buf *out, struct err *err);

/* What stands behind "?" and before "#", or empty. */
struct span url_query(struct span url);

#endif
