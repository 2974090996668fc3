/*
 * request.h: one HTTP request as eyelet sees it, whoever brought it (FastCGI,
 * CGI, a frame from another process, a command line). Everything is borrowed.
 */
#ifndef EYELET_LIB_HTTP_REQUEST_H
#define EYELET_LIB_HTTP_REQUEST_H

#include <stdint.h>

#include "lib/base/bytes.h"

#define REQUEST_HEADERS_MAX 128
#define STORE_REQUEST_ID 16 /* bytes that name a request, or a call */
#define STORE_BODY_MAX (32 * 1024 * 1024) /* no configuration goes above */

/*
 * A header: the name in lower case with "-" ("x-hub-signature-256"), the value
 * without blanks at its ends. A name that came twice stands here twice.
 */
struct header {
	struct span name, value;
};

struct request {
	struct span method; /* as sent: "POST" */
	struct span path; /* decoded path: PATH_INFO, SCRIPT_NAME or URI */
	struct span query; /* without "?", still encoded */
	struct span peer; /* REMOTE_ADDR */
	bool https; /* the web server took it over TLS */
	const struct header *headers; /* content-type among them */
	size_t nheaders;
	/*
	 * The declared length: -1 absent or empty, -2 not a plain number.
	 */
	int64_t content_length;
	struct span body; /* exactly content_length bytes once it was read */
	int64_t now_ms; /* wall clock, read after the last body byte */
};

/*
 * How often the header name (lower case) occurs; *value is its first value,
 * or empty. Whoever decides on a header refuses a count above 1.
 */
size_t
request_header(const struct request *rq, const char *name, struct span *value);

/*
 * The endpoint's name in a path behind the mount: "/NAME" gives NAME; empty
 * when it is no such.
 */
struct span request_name(const char *mount, struct span path);

/* Is name the prefix ("x-sig-") with a number of up to 4 digits behind? */
bool request_is_numbered(struct span name, const char *prefix);

/*
 * The first of n names (lower case) whose header occurs twice, or NULL. A name
 * that ends in "-*" stands for numbered headers, each of which is single.
 */
const char *
request_doubled(const struct request *rq, const char *const *names, size_t n);

#endif
