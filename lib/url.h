/*
 * url.h: the URL of an endpoint as its provider signs it: the address that
 * was registered, with the query that came, and never a fragment (no request
 * carries one).
 */
#ifndef EYELET_LIB_URL_H
#define EYELET_LIB_URL_H

#include "lib/bytes.h"

enum url_port {
	URL_PORT_GIVEN,
	/* The port left out where there is one; else the scheme's put in. */
	URL_PORT_OTHER
};

/*
 * Puts url; a query that is not empty takes the place of its own. ERR_LIMIT,
 * ERR_NOMEM.
 */
int url_put(struct span url, struct span query, enum url_port port,
    struct buf *out, struct err *err);

/* What stands behind "?" and before "#", or empty. */
struct span url_query(struct span url);

#endif
