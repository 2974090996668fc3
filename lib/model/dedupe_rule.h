/*
 * dedupe_rule.h: is an authentic event new, a duplicate, or to be held? The
 * one place that decides, for receiving, for admitting a quarantined request
 * and for tests. Pure rules: the caller looks keys up and writes records.
 *
 * An event is known by keys, each hashed with the store's secret:
 *	ID		the id that the scheme reads
 *	CONTENT		what the provider signed, resolved, without {key}, in
 *			the version of the scheme that verified
 *	OLDER		the same in the version of "older", where the newer one
 *			verified: one request may carry signatures of both, and
 *			come again with either alone. Both are looked up and
 *			written, CONTENT first; "the content is known" in the
 *			rules means either
 *	PAYLOAD		the body as it was verified; of a GET the query, too
 *	WHOLE		id, payload and type: it finds the held copy of a
 *			message whose other keys are another one's
 *	CONTENT_TYPE	CONTENT and type; without an id PAYLOAD and type, since
 *			a retry may be signed anew with another time
 * CONTENT is not needed where the id alone is safe: it is signed, the scheme
 * requires it, no header that is not signed has a part in reading it, and the
 * body is covered: other bodies under one signature are known by it.
 */
#ifndef EYELET_LIB_MODEL_DEDUPE_RULE_H
#define EYELET_LIB_MODEL_DEDUPE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

enum dedupe_key {
	DEDUPE_ID,
	DEDUPE_CONTENT,
	DEDUPE_PAYLOAD,
	DEDUPE_WHOLE,
	DEDUPE_CONTENT_TYPE,
	DEDUPE_OLDER,
	DEDUPE_KEYS
};

#define DEDUPE_BIT(key) (1U << (key))

enum dedupe_state {
	DEDUPE_UNKNOWN, /* zero: no record */
	DEDUPE_STORED,
	DEDUPE_HELD, /* stored and not delivered, or dropped from there */
	DEDUPE_IGNORED, /* authentic, its type was not selected */
	DEDUPE_REFUSED /* authentic, but it could not be read */
};

/* An identity, cut: of an id, a payload or a type. All zero: there is none. */
#define DEDUPE_HASH 8

/* The record of a key: of the copy that was there first. */
struct dedupe_record {
	enum dedupe_state state;
	uint64_t seq; /* STORED, HELD */
	int64_t age_ms; /* when it came, by the age clock */
	unsigned char id[DEDUPE_HASH], payload[DEDUPE_HASH], type[DEDUPE_HASH];
};

/* Does the provider send the same content again as another event? */
enum dedupe_repeats {
	DEDUPE_REPEATS_NEVER, /* zero: what repeats is held */
	DEDUPE_REPEATS_TYPES, /* once under each type, within within_ms */
	DEDUPE_REPEATS_ALWAYS
};

/* What the scheme and the endpoint say of an event like this one. */
struct dedupe_class {
	bool signs; /* false: "equal" compares a token */
	bool has_older; /* it has an OLDER */
	bool covers_body;
	/*
	 * By the alternative of "id" that was read. Where none was: true only
	 * when all of them are, or the scheme has none.
	 */
	bool id_signed;
	bool id_ambiguous; /* a part of it can hold its separator */
	bool id_suffices; /* CONTENT is not needed, see above */
	bool type_signed;
	bool time_signed; /* the content holds the time of sending */
	bool body_varies; /* retry_body: varies */
	bool type_repeats; /* the type is one of repeat_types */
	enum dedupe_repeats repeats;
	int64_t within_ms; /* repeat_within */
};

struct dedupe_event {
	bool has_id;
	bool has_type; /* and it could be read */
	/* Every element of a batch has an id; true of what is no batch. */
	bool id_complete;
	bool admitted; /* by an operator: a refused record counts as none */
	bool type_unreadable; /* a new one is held, unless it is admitted */
	int64_t age_ms; /* now, by the age clock */
	unsigned char id[DEDUPE_HASH], payload[DEDUPE_HASH], type[DEDUPE_HASH];
};

enum dedupe_verdict {
	DEDUPE_REFUSE, /* zero: by the scheme's status for invalid ones */
	DEDUPE_ACCEPT,
	DEDUPE_DUPLICATE,
	DEDUPE_HOLD
};

/* Held for its secret, which no operator has activated: no rule of these. */
#define DEDUPE_RULE_SECRET 7

struct dedupe_decision {
	enum dedupe_verdict verdict;
	unsigned rule; /* 0 to 6, as eyelet(7) numbers them; then these */
	uint64_t seq; /* DUPLICATE, HOLD: of the copy that was first; 0: none */
	bool of_held; /* that copy is held */
	enum dedupe_key key; /* DUPLICATE, HOLD: that copy was found by it */
	const char *reason; /* constant words for logs; NULL for ACCEPT */
	/*
	 * Keys to be written, as DEDUPE_BITs, each with a record of this event
	 * in place of what is there: STORED for ACCEPT, HELD for HOLD.
	 */
	unsigned writes;
};

/*
 * Fills *out with the record of a key; UNKNOWN when there is none. Called for
 * each key at most once, and only for those that matter.
 */
typedef int dedupe_find(
    void *arg, enum dedupe_key key, struct dedupe_record *out, struct err *err);

/* The keys that an event of this class may be looked up by, as DEDUPE_BITs. */
unsigned
dedupe_keys(const struct dedupe_class *cl, const struct dedupe_event *ev);

/* Judges an event that is selected. -1 when find failed: its err. */
int dedupe_judge(const struct dedupe_class *cl, const struct dedupe_event *ev,
    dedupe_find *find, void *arg, struct dedupe_decision *out, struct err *err);

/*
 * Do messages of this class that are ignored or refused leave records? Not
 * where everything that decides is signed.
 */
bool dedupe_leaves_records(const struct dedupe_class *cl);

/*
 * Which keys an event that is ignored or refused leaves a record under, so
 * that nobody posts it again as another one: none that another message has.
 */
int dedupe_judge_unselected(const struct dedupe_class *cl,
    const struct dedupe_event *ev, dedupe_find *find, void *arg,
    unsigned *writes, struct err *err);

#endif
