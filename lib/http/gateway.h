/*
 * gateway.h: did a web server start this program by CGI? Then its arguments
 * are the words of the query string (RFC 3875, section 4.4): the client chooses
 * them, so none may be read. What a client sends besides arrives in variables
 * whose names begin with HTTP_, of which no program here reads one.
 */
#ifndef EYELET_LIB_HTTP_GATEWAY_H
#define EYELET_LIB_HTTP_GATEWAY_H

#include "lib/base/err.h"

enum gateway {
	GATEWAY_NONE, /* neither variable is in the environment */
	GATEWAY_PARTIAL, /* GATEWAY_INTERFACE, and no request */
	GATEWAY_REQUEST /* REQUEST_METHOD, with GATEWAY_INTERFACE or without */
};

/* A variable that is empty counts as set. Reads the environment alone. */
enum gateway gateway_look(void);

/*
 * For programs that answer no requests: called before the first argument is
 * looked at. 0 where gateway_look() says GATEWAY_NONE, else ERR_USAGE.
 */
int gateway_refuse(struct err *err);

#endif
