/*
 * destination.h: where events go: an HTTPS URL or a command of this machine,
 * with its settings as an operator gives them and as the store keeps them
 * (one JSON object, sealed: headers and credentials may be confidential).
 */
#ifndef EYELET_LIB_DESTINATION_H
#define EYELET_LIB_DESTINATION_H

#include <stdint.h>

#include "lib/endpoint.h"

#define DESTINATION_DOC_MAX ENDPOINT_DOC_MAX
#define DESTINATION_URL_MAX 2048 /* bytes; longer ones are refused */
#define DESTINATION_ARGS_MAX 64
#define DESTINATION_HEADERS_MAX 32
#define DESTINATION_CONCURRENCY_MAX 256
#define DESTINATION_TIMEOUT_MAX_S 3600
#define DESTINATION_PARK_MAX 100000

enum destination_order {
	DESTINATION_ORDER_NONE,
	DESTINATION_ORDER_STRICT, /* n+1 never before n is done or dead */
	DESTINATION_ORDER_KEY /* the same among events of one key */
};

/* All pointers are owned (destination_free); NULL is "not set". */
struct destination {
	/* Exactly one of the two. */
	char *url;
	char *command[DESTINATION_ARGS_MAX + 1]; /* NULL-terminated; [0] is an
						    absolute path */
	size_t ncommand; /* 0: a URL */
	char *title;
	char *endpoints; /* names divided by commas or blanks; NULL: all */
	char *events; /* pattern list; NULL: all */
	bool tests; /* test events too */
	char *sign; /* a scheme's name, or "none"; always set */
	char *retry; /* see retry_plan.h; always set */
	int64_t timeout_s; /* of one attempt */
	int64_t concurrency;
	int64_t rate; /* attempts a second; 0: no limit */
	enum destination_order order;
	char *key; /* ORDER_KEY: "json:/PTR" or "header:NAME" */
	int64_t park_max; /* followers that wait in rows */
	int64_t disable_after_s; /* of nothing but failures; 0: never */
	struct endpoint_pair headers[DESTINATION_HEADERS_MAX]; /* added */
	size_t nheaders;
	char *auth; /* value of Authorization; NULL: none. Confidential */
	char *forward[DESTINATION_HEADERS_MAX]; /* names, lower case: the
						   event's headers passed on */
	size_t nforward;
	char *client_cert, *client_key; /* paths of PEM files */
	char *ca; /* path of a PEM file that is trusted, not the system's */
	char *allow_net; /* address list that may be reached though private */
	bool allow_http; /* http:// too */
	char *proxy; /* http://HOST:PORT, or NULL */
};

/* Every default: sign "standard-webhooks", retry "days3", timeout 10 s, ... */
void destination_init(struct destination *d);
void destination_free(struct destination *d); /* wipes what may be secret */

/* The same rule as endpoint_name_ok; "healthz" and "eyelet" too are none. */
bool destination_name_ok(struct span name);

/* To and from the stored JSON object. ERR_CORRUPT, ERR_LIMIT, ERR_NOMEM. */
int destination_decode(struct span doc, struct destination *d, struct err *err);
int destination_encode(
    const struct destination *d, struct buf *doc, struct err *err);

/*
 * Changes settings by a JSON merge patch of the stored form, as
 * endpoint_patch. ERR_INPUT names the member; d may then be half changed.
 */
int
destination_patch(struct destination *d, struct span patch, struct err *err);

/*
 * Is every setting meaningful: one of url and command, patterns, plan, URL
 * (outbound_url.h), addresses, order key, limits? ERR_INPUT with the setting,
 * its value (never of auth or headers) and what it must be. Does not know
 * schemes.
 */
int destination_check(const struct destination *d, struct err *err);

/* Is endpoint (a name) one of those whose events it wants? */
bool
destination_wants_endpoint(const struct destination *d, const char *endpoint);

#endif
