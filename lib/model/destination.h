/*
 * destination.h: where events go: an HTTPS URL or a command of this machine,
 * with its settings as an operator gives them and as the store keeps them
 * (one JSON object, sealed: headers and credentials may be confidential).
 */
#ifndef EYELET_LIB_MODEL_DESTINATION_H
#define EYELET_LIB_MODEL_DESTINATION_H

#include <stdint.h>

#include "lib/model/endpoint.h"
#include "lib/model/selection.h"

#define DESTINATION_DOC_MAX ENDPOINT_DOC_MAX
#define DESTINATION_ARGS_MAX 64
#define DESTINATION_HEADERS_MAX 32
#define DESTINATION_CONCURRENCY_MAX 256
#define DESTINATION_TIMEOUT_MAX_S 3600
#define DESTINATION_PARK_MAX 100000
#define DESTINATION_DISABLE_MAX_S (365 * INT64_C(86400))

/* Where a setting is not given. */
#define DESTINATION_SIGN_DEFAULT "standard-webhooks"
#define DESTINATION_SIGN_NONE "none"
#define DESTINATION_RETRY_DEFAULT "days3"
#define DESTINATION_PARK_DEFAULT 1000
#define DESTINATION_URL_TIMEOUT_S 10
#define DESTINATION_URL_CONCURRENCY 8
#define DESTINATION_COMMAND_TIMEOUT_S 60
#define DESTINATION_COMMAND_CONCURRENCY 1

#define DESTINATION_KEY_MAX 256 /* bytes of an event's key; the rest is cut */

/* Where the key of an event stands: "json:/data/id", "header:X-Customer". */
#define DESTINATION_KEY_JSON "json:"
#define DESTINATION_KEY_HEADER "header:"

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
	char *sign; /* a scheme's name, or "none"; always set. A command is
		       handed events without a signature */
	char *retry; /* see retry_plan.h; always set */
	int64_t timeout_s; /* of one attempt; -1: destination_timeout_s */
	int64_t concurrency; /* always set, by kind */
	int64_t rate; /* attempts a second; 0: no limit */
	enum destination_order order;
	char *key; /* ORDER_KEY: DESTINATION_KEY_JSON or _HEADER and what */
	int64_t park_max; /* followers that wait in rows */
	int64_t disable_after_s; /* of nothing but failures; 0: never */
	struct setting_pair headers[DESTINATION_HEADERS_MAX]; /* added */
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

/*
 * Empty, with the defaults of a URL; sign and retry are NULL until
 * destination_patch or destination_decode was there.
 */
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
 * endpoint_patch; lists are replaced as a whole. A timeout and a concurrency
 * that were the default before are the default of the new kind, should the
 * patch make a command of a URL. ERR_INPUT names the member; d may then be
 * half changed.
 */
int
destination_patch(struct destination *d, struct span patch, struct err *err);

/*
 * How long an attempt may take: as given, else a command's default, else what
 * the sender has that the scheme is of (scheme_timeout_s; -1: unknown).
 */
int64_t
destination_timeout_s(const struct destination *d, int64_t scheme_timeout_s);

/*
 * Is every setting meaningful: one of url and command, patterns, plan, URL
 * (outbound/url.h), addresses, order key, limits? Puts the URL into its normal
 * form. ERR_INPUT with the setting, its value (never of auth or headers) and
 * what it must be. Does not know schemes.
 */
int destination_check(struct destination *d, struct err *err);

/* Are requests to it signed? A command gets none, "none" wants none. */
bool destination_signs(const struct destination *d);

/* --- which events it gets (destination_match.c) --------------------------- */

/*
 * Is endpoint (a name) one of those whose events it wants? eyelet's own
 * ("eyelet") only where it is named.
 */
bool
destination_wants_endpoint(const struct destination *d, const char *endpoint);

/* Cuts the next name off a list of them; empty: there is none any more. */
struct span destination_next_name(struct span *list);

/*
 * Puts the new name of an endpoint in the place of the old one where it is
 * listed; *renamed says whether it was. ERR_NOMEM.
 */
int destination_rename_endpoint(struct destination *d, const char *from,
    const char *to, bool *renamed, struct err *err);

/* What decides over events, made ready. Borrows nothing from d. */
struct destination_match;

/* ERR_INPUT for settings that destination_check refuses; ERR_NOMEM. */
int destination_match_new(const struct destination *d,
    struct destination_match **out, struct err *err);
void destination_match_free(struct destination_match *m); /* NULL: fine */

/*
 * Is the event one of the destination's: by the name of its endpoint, its
 * types, and whether it is a test (those only where they are asked for, and
 * then whatever the patterns say)? The same answer for the store and for
 * whoever delivers. UNKNOWN: a dead letter (DELIVERY_TYPE_UNKNOWN), which is
 * the destination's.
 */
enum selection destination_selects(const struct destination_match *m,
    const char *endpoint, const struct event *ev);

/*
 * The key of an event under ORDER_KEY, in out (max DESTINATION_KEY_MAX): those
 * of one key keep their order. Empty: it has none, and waits for nobody; so
 * under every other order. ERR_NOMEM. (destination_key.c)
 */
int destination_key(const struct destination *d, const struct event *ev,
    struct buf *out, struct err *err);

#endif
