/*
 * store_delivery.h: what the store knows of delivering: destinations, how far
 * into the log each has come, the deliveries that need a row, and what each
 * attempt came to. A part of store.h; nothing here knows Berkeley DB.
 *
 * A destination has a cursor: every event below it is passed, that is, did
 * not match, is delivered, or has a row. Most events never get one: a row is
 * for what was under way when outcomes were committed, what failed and is due
 * again, what waits behind it in order, and what is dead.
 */
#ifndef EYELET_LIB_STORE_DELIVERY_H
#define EYELET_LIB_STORE_DELIVERY_H

#include "lib/destination.h"
#include "lib/store.h"

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

/*
 * Adds (d->id 0: given here, written back) or replaces; bumps generation.
 * cursor is where a new one begins (a seq; 0: behind the newest event).
 * With state REMOVED its rows become dead with reason "removed", and so does
 * every matching event that its cursor had not passed (in the keeper, bit by
 * bit, across restarts).
 */
int store_tx_destination(struct store_tx *tx, struct store_destination *d,
    uint64_t cursor, struct err *err);

/* As store_endpoint_by_name, _by_id and store_endpoints. */
int store_destination_by_name(struct store *st, struct store_tx *tx,
    const char *name, struct store_destination *out, struct buf *doc,
    bool *found, struct err *err);
int store_destination_by_id(struct store *st, struct store_tx *tx, uint64_t id,
    struct store_destination *out, struct buf *doc, bool *found,
    struct err *err);
int store_destinations(struct store *st, struct store_tx *tx,
    int (*visit)(void *arg, const struct store_destination *d, struct err *err),
    void *arg, struct err *err);

/* The first seq that is not passed. *found is false for no destination. */
int store_cursor(struct store *st, uint64_t destination_id, uint64_t *seq,
    bool *found, struct err *err);

/*
 * The seq of the first event received at or after ms; the next one to come
 * when there is none. What comes behind it may have been received before ms,
 * where the wall clock was set back: who lists by time looks at each.
 */
int store_seq_at(struct store *st, int64_t ms, uint64_t *seq, struct err *err);

/* From this seq on no event was received before ms. */
int store_seq_end(struct store *st, int64_t ms, uint64_t *seq, struct err *err);

/* --- rows ----------------------------------------------------------------- */

enum store_delivery_state {
	STORE_DELIVERY_PENDING = 1, /* to be sent, or again, or in its turn */
	STORE_DELIVERY_RETRYING, /* failed; due again at due_ms */
	STORE_DELIVERY_PARKED, /* set aside by an operator; blocks nobody */
	STORE_DELIVERY_DEAD
};

/* Why a delivery is dead; words for operators and scripts. */
#define DELIVERY_EXHAUSTED "exhausted" /* the plan is at its end */
#define DELIVERY_REJECTED "rejected" /* a command's exit status 100 */
#define DELIVERY_UNSIGNABLE "unsignable" /* the scheme cannot sign it */
#define DELIVERY_SKIPPED "skipped" /* by an operator */
#define DELIVERY_REMOVED "removed" /* destination or endpoint */
#define DELIVERY_EXPIRED "expired" /* held longer than hold_max */
#define DELIVERY_TYPE_UNKNOWN \
	"type unknown" /* it cannot be read, and the selection needs it */
#define DELIVERY_DAMAGED                                     \
	"damaged" /* the event is lost: a page of the log is \
		   */

#define DELIVERY_WORDS_MAX 256
#define DELIVERY_EXCERPT_MAX 2048

struct store_delivery {
	uint64_t destination_id, seq;
	uint64_t endpoint_id; /* of the event; DELIVERY_DAMAGED: it may be
				 STORE_ENDPOINT_UNKNOWN */
	/*
	 * Which life of the delivery this is: 0 for one that the deliverer
	 * made, a number never used before each time an operator changed it.
	 * Reports that know another one leave the row as it is.
	 */
	uint64_t stamp;
	enum store_delivery_state state;
	unsigned attempts; /* made in all */
	unsigned planned; /* of them, in this life: what the plan counts */
	int64_t since_ms; /* became a row */
	int64_t due_ms; /* RETRYING */
	int64_t last_ms; /* of the last attempt; dead: since then; 0: none */
	int64_t age_ms; /* of the store, when the row was written: given here */
	int status; /* of the last attempt: HTTP; 0: none came */
	struct span reason; /* DEAD: one of the above; else empty */
	struct span words; /* of the last attempt: inert */
	struct span excerpt; /* of the last reply: bytes as they came */
	struct span id, type; /* of the event: lists need no log */
	struct span key; /* of keyed order */
};

/*
 * Visits rows of a destination (0: of all), by destination and seq, from
 * seq on. The visitor returns as for store_endpoints.
 */
int store_deliveries(struct store *st, struct store_tx *tx,
    uint64_t destination_id, uint64_t seq,
    int (*visit)(void *arg, const struct store_delivery *d, struct err *err),
    void *arg, struct err *err);

/* One row; out borrows from scratch. */
int store_delivery(struct store *st, struct store_tx *tx,
    uint64_t destination_id, uint64_t seq, struct store_delivery *out,
    struct buf *scratch, bool *found, struct err *err);

/*
 * An operator's change of a row (or a new one: a replay): d->stamp is given
 * here. Deletes with d->state 0. The deliverer is told (store_touched).
 * ERR_NOTFOUND: no such destination, or it is removed, or (unless it deletes
 * or is dead) the event is not in the log any more.
 */
int store_tx_delivery(
    struct store_tx *tx, struct store_delivery *d, struct err *err);

/*
 * In the transaction that removes an endpoint: what is pending of its events
 * becomes dead with reason "removed" (where that is much, by and by in the
 * keeper, across restarts).
 */
int store_tx_endpoint_removed(
    struct store_tx *tx, uint64_t endpoint_id, struct err *err);

/*
 * Dead rows go when they are as old as events may grow (retain_s), and the
 * oldest ones of a destination that has more than this.
 */
#define STORE_DEAD_MAX 100000

/* How many rows a destination has by state, and which is the oldest. */
struct store_delivery_counts {
	uint64_t pending, retrying, parked, dead;
	uint64_t oldest_seq; /* of those not dead; 0: none */
};

int store_delivery_count(struct store *st, uint64_t destination_id,
    struct store_delivery_counts *out, struct err *err);

/* --- attempts ------------------------------------------------------------- */

enum store_attempt_result {
	STORE_ATTEMPT_DELIVERED = 1,
	STORE_ATTEMPT_FAILED, /* will be tried again */
	STORE_ATTEMPT_DEAD /* and was the last */
};

/* Kept beside the event, and dropped with it. */
struct store_attempt {
	uint64_t seq, destination_id;
	unsigned no; /* 1: the first */
	enum store_attempt_result result;
	int64_t at_ms, took_us;
	int64_t next_ms; /* FAILED: when the next one is due */
	int status; /* HTTP, or a command's exit status; 0: none */
	struct span words; /* inert; empty when all went well */
};

/* Visits the attempts of an event (destination 0: of all), in order. */
int store_attempts(struct store *st, uint64_t seq, uint64_t destination_id,
    int (*visit)(void *arg, const struct store_attempt *a, struct err *err),
    void *arg, struct err *err);

/* --- the deliverer's reports ---------------------------------------------- */

enum store_report_kind {
	STORE_REPORT_ROW = 1, /* put (or change) the row */
	STORE_REPORT_DONE /* there is none any more: delivered */
};

struct store_report_item {
	enum store_report_kind kind;
	/* ROW: all of it. DONE: destination_id, seq and stamp. */
	struct store_delivery delivery;
	bool has_attempt;
	struct store_attempt attempt; /* seq and destination_id as above */
};

struct store_report_cursor {
	uint64_t destination_id, seq; /* never moves back */
};

/*
 * For how long there has been nothing but failures, as the deliverer counts
 * it, and when (wall clock) the last of them was; zero: there are none.
 */
struct store_failing {
	int64_t for_ms, at_ms;
};

struct store_report_failing {
	uint64_t destination_id;
	struct store_failing failing;
};

#define STORE_REPORT_ITEMS_MAX 4096

struct store_report {
	const struct store_report_item *items;
	size_t nitems;
	const struct store_report_cursor *cursors;
	size_t ncursors;
	const struct store_report_failing *failings; /* what has changed */
	size_t nfailings;
};

/*
 * One transaction, durable when it returns 0. An item whose stamp is not the
 * row's (no row: 0), or whose destination is removed, leaves the row alone;
 * its attempt is recorded all the same. What would wait for an event that is
 * not in the log any more becomes dead with reason "expired". Reporting the
 * same twice is harmless. A row that turns dead makes an event of eyelet's own
 * (see notice.h). ERR_INPUT: a kind, state or result that is none. ERR_LIMIT:
 * more than STORE_REPORT_ITEMS_MAX. ERR_TIMEOUT, ERR_AWAY, ERR_IO, ERR_FULL,
 * ERR_NOMEM: it may be repeated.
 */
int store_report(
    struct store *st, const struct store_report *report, struct err *err);

/* As it was reported last; zero for no destination. */
int store_failing(struct store *st, uint64_t destination_id,
    struct store_failing *out, struct err *err);

/* --- being told ------------------------------------------------------------
 */

/*
 * A number that grows with every change that matters to the deliverer:
 * destinations, their secrets, endpoints, rows changed by operators. It never
 * repeats across owners of one store.
 */
uint64_t store_touched(struct store *st);
/* The same of the rows of one destination. */
uint64_t store_rows_touched(struct store *st, uint64_t destination_id);

/* Sleeps until an event above seq is durable, touched moves on, the store is
 * fenced, or timeout_ms. */
void store_wait_delivery(
    struct store *st, uint64_t seq, uint64_t touched, int timeout_ms);

/* --- pull queues ----------------------------------------------------------
 */

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

#define STORE_PULLS_MAX 1000 /* of a store */

/* out borrows from scratch. */
int store_pull(struct store *st, struct store_tx *tx, const char *name,
    struct store_pull *out, struct buf *scratch, bool *found, struct err *err);
int store_pulls(struct store *st, struct store_tx *tx,
    int (*visit)(void *arg, const struct store_pull *p, struct err *err),
    void *arg, struct err *err); /* by name */

/*
 * Adds one; seq 0: it begins behind the newest event. ERR_EXISTS; ERR_LIMIT
 * where there are STORE_PULLS_MAX.
 */
int store_tx_pull(struct store_tx *tx, struct store_pull *p, struct err *err);
int store_tx_pull_remove(
    struct store_tx *tx, const char *name, bool *found, struct err *err);

/*
 * Acknowledges all below *seq, durably; *seq is then where it stands, which is
 * never before where it stood. No record is made in the audit trail: readers
 * do it all the time. ERR_NOTFOUND.
 */
int store_pull_move(
    struct store *st, const char *name, uint64_t *seq, struct err *err);

/* --- holding ---------------------------------------------------------------
 */

/*
 * Segments that a destination still needs outlive retention: until the
 * newest event in them is older than hold_s (store_options), or free space
 * comes near the floor. What is pending in one that goes then becomes dead
 * with reason "expired"; a day before, an event of eyelet's own says so.
 */
struct store_hold {
	uint64_t seq; /* the oldest that is needed; 0: nothing is */
	int64_t since_ms; /* when that was received */
	int64_t old_ms; /* for so long it has been here (age.h) */
	uint64_t bytes; /* of segments that retention would have dropped */
};

int store_hold(struct store *st, uint64_t destination_id,
    struct store_hold *out, struct err *err);

/* The same of a pull queue; there nothing becomes dead: it begins later. */
int store_pull_hold(struct store *st, const struct store_pull *p,
    struct store_hold *out, struct err *err);

#endif
