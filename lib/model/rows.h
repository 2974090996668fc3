/*
 * rows.h: the rows of a store as plain values: endpoints, destinations, pull
 * queues, held events, the audit trail. How they look on disk stands in
 * record.h, and what can be done with them in store.h and its parts.
 */
#ifndef EYELET_LIB_MODEL_ROWS_H
#define EYELET_LIB_MODEL_ROWS_H

#include "lib/model/dedupe_hash.h"
#include "lib/model/endpoint.h"

/* --- endpoints ------------------------------------------------------------ */

enum store_endpoint_state {
	STORE_ENDPOINT_ENABLED = 1,
	STORE_ENDPOINT_DISABLED,
	STORE_ENDPOINT_REMOVED /* its name is free again; its events stay */
};

struct store_endpoint {
	uint64_t id; /* never reused */
	uint64_t generation; /* bumped by every change of it or its secrets */
	enum store_endpoint_state state;
	char name[ENDPOINT_NAME_MAX + 1];
	int64_t created_ms, changed_ms;
	struct span doc; /* endpoint.h; borrowed until the visit returns */
};

/* --- destinations --------------------------------------------------------- */

enum store_destination_state {
	STORE_DESTINATION_ENABLED = 1,
	STORE_DESTINATION_PAUSED, /* by an operator: events wait */
	STORE_DESTINATION_DISABLED, /* by 410, disable_after or an operator:
				       they wait too */
	STORE_DESTINATION_REMOVED /* its name is free again */
};

struct store_destination {
	uint64_t id; /* of the same numbers as endpoints: never reused, and
			secrets (secret.h) have it as their endpoint_id */
	uint64_t generation; /* bumped by every change of it or its secrets */
	enum store_destination_state state;
	char name[ENDPOINT_NAME_MAX + 1];
	int64_t created_ms, changed_ms;
	struct span doc; /* destination.h; borrowed until the visit returns */
};

/* --- pull queues ---------------------------------------------------------- */

/*
 * A named place in the log, for readers that fetch events by themselves. All
 * below seq is acknowledged; what is not holds segments back as what a
 * destination needs does.
 */
struct store_pull {
	char name[ENDPOINT_NAME_MAX + 1];
	uint64_t seq;
	int64_t created_ms, moved_ms; /* 0: never */
	struct span endpoint, types; /* what it reads; empty: all */
};

/* --- held events ---------------------------------------------------------- */

#define STORE_HELD_REASON_MAX 120 /* bytes */

enum store_held_state {
	STORE_HELD_WAITING = 1,
	STORE_HELD_DROPPED, /* a repeat of it is still a duplicate */
	STORE_HELD_RELEASED /* it is in the log once more, as released_seq */
};

struct store_held {
	uint64_t seq, endpoint_id;
	enum store_held_state state;
	int64_t age_ms; /* when it came, by the age clock */
	uint64_t first_seq; /* the copy that it repeats; 0: not in the log */
	uint64_t released_seq; /* 0: it is not released */
	/*
	 * It verified the event, and was not activated then: anybody may have
	 * sent both, so that it makes no other secret's event a duplicate. 0:
	 * an activated one, or none, did.
	 */
	uint64_t secret_id;
	unsigned rule; /* of dedupe_rule.h */
	uint32_t bytes; /* of the event in the log */
	struct span reason; /* borrowed until the visit returns */
	unsigned own_keys; /* DEDUPE_BITs: records that name this event */
	unsigned char keys[DEDUPE_KEYS][DEDUPE_KEY_SIZE]; /* those */
	unsigned char content[DEDUPE_KEY_SIZE]; /* what it repeats */
	/* As in its records. */
	unsigned char id[DEDUPE_HASH], payload[DEDUPE_HASH], type[DEDUPE_HASH];
};

/* Counts and bytes of the events that an endpoint holds. */
struct store_held_totals {
	uint64_t count, bytes; /* waiting */
};

/* Repeats of the content of one held event. */
struct store_held_repeats {
	uint32_t kept, counted; /* rows; beyond them */
	int64_t last_ms; /* wall clock, of the last one; 0: none came */
};

/* --- the audit trail ------------------------------------------------------ */

/* A user, by the number and by the name that it had then. */
#define STORE_PERSON_NAME 64
struct store_person {
	bool known;
	unsigned uid;
	char name[STORE_PERSON_NAME + 1]; /* "": no user had this number */
};

struct store_audit {
	uint64_t no;
	int64_t at_ms;
	unsigned uid, pid;
	struct span program, verb, target, detail;
	struct store_person user, login, claimed; /* the actor's */
};

/* --- notices -------------------------------------------------------------- */

/*
 * Notices that went out already, kept over a restart: one a kind and thing.
 * kind is a short word; what n means is the kind's business.
 */
struct notice_mark {
	int64_t at_ms;
	uint64_t n;
};

#endif
