/*
 * delivery.h: what the store knows of delivering: destinations, how far
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

#include "lib/model/delivery.h"
#include "lib/model/destination.h"
#include "lib/store/store.h"

/* --- destinations --------------------------------------------------------- */

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

/* Visits the attempts of an event (destination 0: of all), in order. */
int store_attempts(struct store *st, uint64_t seq, uint64_t destination_id,
    int (*visit)(void *arg, const struct store_attempt *a, struct err *err),
    void *arg, struct err *err);

/* --- the deliverer's reports ---------------------------------------------- */

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
