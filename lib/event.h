/* event.h: one accepted message, as the log gives it out. */
#ifndef EYELET_LIB_EVENT_H
#define EYELET_LIB_EVENT_H

#include <stdint.h>

#include "lib/bytes.h"

enum event_flags {
	EVENT_TEST =
	    1, /* of a type in the scheme's test_types; never deduped */
	EVENT_NO_ID = 2 /* the provider gave none: id is "sha256:HEX" of body */
};

/* Spans are borrowed from whoever handed the event out. */
struct event {
	uint64_t seq; /* place in the log: grows, gaps allowed, from 1 */
	uint64_t endpoint_id;
	uint64_t secret_id; /* which secret verified it; 0: none */
	int64_t received_ms; /* wall clock: it may be set back */
	int64_t age_ms; /* of the store then (age.h) */
	unsigned flags;
	struct span id, type; /* type may be empty */
	struct span content_type;
	struct span
	    headers; /* kept ones: "name: value\n" lines; may be empty */
	struct span body;
};

#endif
