/* event.h: one accepted message, as the log gives it out. */
#ifndef EYELET_LIB_MODEL_EVENT_H
#define EYELET_LIB_MODEL_EVENT_H

#include <stdint.h>

#include "lib/base/bytes.h"

/* eyelet's own events (a dead letter, a destination disabled) are events of
 * an endpoint that exists by itself. */
#define STORE_SELF 0 /* its id */
#define STORE_SELF_NAME "eyelet"

/* The endpoint of an event that is lost: its place in the log is damaged. */
#define STORE_ENDPOINT_UNKNOWN INT64_MAX
#define STORE_ENDPOINT_UNKNOWN_NAME "?"

#define EVENT_TYPES_MAX 32 /* different types of one event */

enum event_flags {
	EVENT_TEST = 1, /* of a type in the scheme's test_types; see store.h */
	EVENT_NO_ID =
	    2, /* the provider gave none: id is "sha256:HEX" of body */
	EVENT_TYPES_PARTIAL = 4, /* it has more types than could be read */
	EVENT_HELD = 8 /* not delivered until it is released: store/held.h */
};

/* Spans are borrowed from whoever handed the event out. */
struct event {
	uint64_t seq; /* place in the log: grows, gaps allowed, from 1 */
	uint64_t endpoint_id;
	uint64_t secret_id; /* which secret verified it; 0: none */
	int64_t received_ms; /* wall clock: it may be set back */
	int64_t age_ms; /* of the store then (age.h) */
	unsigned flags;
	struct span id, type; /* type may be empty: none could be read */
	/*
	 * All types of a batch that has several, type among them: for each
	 * 2 bytes of length and the type. Empty: there is no other than type.
	 */
	struct span types;
	struct span content_type;
	struct span
	    headers; /* kept ones: "name: value\n" lines; may be empty */
	struct span body;
	/*
	 * Keys of what was signed (dedupe_hash.h), of the whole, of it in the
	 * older version where there is one, and of each element of a batch, so
	 * that they can be remembered anew from the log. May be empty.
	 */
	struct span contents;
};

/* Begins the line among headers that says how the body is packed. */
#define EVENT_CODING "content-encoding: "
#define EVENT_CODING_MAX \
	64 /* bytes of what follows; a longer one is left out */

/* The first value of a kept header, in any case, or empty; of its packing. */
struct span event_header(const struct event *ev, const char *name);
struct span event_coding(const struct event *ev);

/* All types that could be read, borrowed from ev; how many there are. */
size_t event_types(const struct event *ev, struct span out[EVENT_TYPES_MAX]);

/* Is this a list such as "types" has: whole, and of no more than may be? */
bool event_types_ok(struct span types);

#endif
