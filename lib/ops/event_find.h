/* event_find.h: walks the log for the events that a call is about. */
#ifndef EYELET_LIB_OPS_EVENT_FIND_H
#define EYELET_LIB_OPS_EVENT_FIND_H

#include "lib/ops/call.h"

#define OPS_FOLLOWERS_MAX 16 /* calls that wait for events; others do not */
#define OPS_FOLLOW_MS 60000 /* the longest that one waits */

enum op_order {
	OP_OLDEST_FIRST,
	OP_NEWEST_FIRST
};

/*
 * Returns 0 to go on, 1 the same for an event that does not count, 2 to end
 * with this one, or -1.
 */
typedef int op_event_visit(
    void *arg, const struct event *ev, const char *endpoint, struct err *err);

/*
 * Visits the events that the call's members (endpoint, type, status, since_ms,
 * until_ms, id, secret, limit) let through; those of removed endpoints too,
 * under the names they had. At times, and at the end, a row {"progress":
 * {looked, matched, at, percent, next, done}} says how far it looked; next is
 * the seq behind the last event looked at, for oldest first.
 */
int op_events_walk(const struct op_call *call, enum op_order order,
    op_event_visit *visit, void *arg, struct err *err);

/*
 * The same from one seq on and before another. The status may be a delivery's,
 * which is for visit to decide.
 */
int op_events_walk_in(const struct op_call *call, enum op_order order,
    uint64_t from_seq, uint64_t to_seq, op_event_visit *visit, void *arg,
    struct err *err);

/*
 * The same for what comes, oldest first: from the event "after" on; without
 * that from since_ms on; without both the newest "last" ones first. Then it
 * waits for more until wait_ms are over, or it is in vain, or too many wait.
 */
int op_events_follow(const struct op_call *call, op_event_visit *visit,
    void *arg, struct err *err);

/*
 * Calls that wait for events: each does so in one of the threads that all
 * calls share. False: too many wait, so this one must not; ends either way.
 */
bool op_follower_begins(const struct op_call *call);
void op_follower_ends(const struct op_call *call);

/*
 * Waits a moment for an event above seq; false when that would be in vain, or
 * the deadline (clock_ms) is over.
 */
bool op_wait(const struct op_call *call, uint64_t seq, int64_t deadline_ms);

#endif
