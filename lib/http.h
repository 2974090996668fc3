/*
 * http.h: one POST over HTTP or HTTPS, and what came back: the one door to
 * libcurl. Whoever posts has signed before: nothing here knows a secret.
 *
 * Redirects are not followed, proxies of the environment and .netrc are not
 * asked, certificates are verified. It goes to whatever address the URL has,
 * this machine's own too: it is for URLs that an operator names.
 */
#ifndef EYELET_LIB_HTTP_H
#define EYELET_LIB_HTTP_H

#include <stdint.h>

#include "lib/bytes.h"

#define HTTP_REPLY_MAX 2048 /* bytes of a reply's body that are kept */
#define HTTP_READ_MAX (1024 * 1024) /* and that are read at all */
#define HTTP_ADDRESS_MAX 64

struct http_request {
	const char *url; /* http:// or https:// */
	struct span headers; /* "Name: value\n" lines */
	struct span body;
	int64_t connect_ms, timeout_ms; /* to connect; for all of it */
	const char *ca_file; /* PEM, instead of the system's; or NULL */
};

struct http_reply {
	int status;
	int64_t took_us; /* name looked up to last byte */
	char address[HTTP_ADDRESS_MAX]; /* who answered, in digits */
	struct buf body; /* its first bytes */
	bool cut; /* there were more */
};

/*
 * Any status is an answer. ERR_USAGE: a URL that is none; ERR_AWAY: no way to
 * the server, a certificate that does not verify, or no HTTP; ERR_TIMEOUT;
 * ERR_NOTFOUND: no such ca_file; ERR_LIMIT, ERR_NOMEM. out is written on
 * success only; http_reply_free.
 */
int http_post(const struct http_request *request, struct http_reply *out,
    struct err *err);
void http_reply_free(struct http_reply *reply); /* NULL is allowed */

#endif
