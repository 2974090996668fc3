/*
 * notice.h: what eyelet itself has to say: a destination was disabled, a
 * delivery is dead, a secret ends while it is in use. Each becomes an event of
 * the endpoint STORE_SELF_NAME in the log, in the envelope of Standard
 * Webhooks, so that an operator routes it as any other.
 *
 * A notice is put in the transaction of what it tells of, into a small table
 * of what is due; the store's keeper moves it into the log, once, whatever
 * dies meanwhile. eyelet(7) lists types and members for operators.
 */
#ifndef EYELET_LIB_STORE_NOTICE_H
#define EYELET_LIB_STORE_NOTICE_H

#include "lib/json/write.h"
#include "lib/store/delivery.h"

#define NOTICE_ID_PREFIX "notice_"
#define NOTICE_ID_MAX 32 /* with the NUL */
#define NOTICE_DATA_MAX 8192 /* bytes of JSON */
#define NOTICE_DUE_MAX                                          \
	1024 /* that wait for the log; later ones are lost, but \
		for dead letters, which are counted */
#define NOTICE_DEAD_HOURLY 60 /* of a destination; the rest in one event */

#define NOTICE_DISABLED "destination.disabled"
#define NOTICE_DEAD "delivery.dead"
#define NOTICE_EXPIRING "delivery.expiring"
#define NOTICE_HELD "segment.held"
#define NOTICE_EVENT_HELD "event.held"
#define NOTICE_HELD_EXPIRING "held.expiring"
#define NOTICE_SECRET "secret.expiring"
#define NOTICE_SECRET_RECEIVED "secret.received"
#define NOTICE_FLOOR "store.floor"
#define NOTICE_FLOOR_PASSED "store.floor_passed"
#define NOTICE_DAMAGED "store.damaged"
#define NOTICE_COPIED "store.copied"
#define NOTICE_UNDELIVERED "deliverer.missing"
#define NOTICE_DELIVERED "deliverer.back"
#define NOTICE_HORIZON "horizon.shortened"
#define NOTICE_CLOCK "clock.doubtful"
#define NOTICE_CLOCK_SURE "clock.sure"
#define NOTICE_CLOCK_MISSED "clock.missed"
#define NOTICE_REFUSING "endpoint.refusing"
#define NOTICE_TOO_LARGE "endpoint.too_large"
#define NOTICE_SILENT "endpoint.silent"
#define NOTICE_HEARD "endpoint.heard"

/*
 * Puts a notice of this type: data is a JSON object, without secrets.
 * *put is false when NOTICE_DUE_MAX wait already. ERR_IO, ERR_FULL, ERR_NOMEM.
 */
int notice_put(struct store_tx *tx, const char *type, struct span data,
    bool *put, struct err *err);

/*
 * In the transaction that disables it. by: "operator", "gone" (status 410) or
 * "failing" (nothing but failures for disable_after); why: inert words. What
 * cannot be put is said in the store's log, and is no failure.
 */
int notice_disabled(struct store_tx *tx, const struct store_destination *d,
    const char *by, const char *why, struct err *err);

/*
 * In the transaction that makes a row dead. What is above NOTICE_DEAD_HOURLY
 * is summed up. A dead letter of an event of eyelet's own makes none, so that
 * no notice ever leads to another; nor does (by whoever calls this) one that a
 * removal ends.
 */
int notice_dead(
    struct store_tx *tx, const struct store_delivery *d, struct err *err);

/*
 * The body of the event: {"type","timestamp","data"}. Pure.
 */
int notice_envelope(struct span type, int64_t at_ms, struct span data,
    struct buf *out, struct err *err);

/* "do": what an operator does about it; printf's. */
void notice_do(struct json_write *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* --- for those who watch (watch.h) ------------------------------------------
 */

/*
 * Runs say(tx, arg, err) in the committer, in a transaction of its own that
 * is durable when this returns 0: a change that nobody asked for, so it has
 * neither actor nor audit record. As for store_change, say may run again.
 */
int store_say_notices(struct store *st,
    int (*say)(struct store_tx *tx, void *arg, struct err *err), void *arg,
    struct err *err);

/* No deliverer works though events wait: its age then; n: it was said. */
#define NOTICE_MARK_DELIVERER "deliverer"

int notice_mark(struct store *st, struct store_tx *tx, const char *kind,
    uint64_t id, struct notice_mark *out, bool *found, struct err *err);
/* mark NULL: forgets it. */
int notice_set_mark(struct store_tx *tx, const char *kind, uint64_t id,
    const struct notice_mark *mark, struct err *err);

/*
 * Says in one event each what NOTICE_DEAD_HOURLY kept back, of destinations
 * whose hour is over. The keeper's; arg is not looked at.
 */
int notice_sum_up(struct store_tx *tx, void *arg, struct err *err);
int notice_sum_is_due(struct store *st, bool *due, struct err *err);

#endif
