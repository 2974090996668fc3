/*
 * ops.h: what administrators can ask of the owner. A call is one JSON object
 * {"op": "endpoint.add", ...}; its answer is any number of rows (JSON objects)
 * and an end. The verbs and their members stand in the table of ops.c.
 *
 * A file calls files of its own group and of the groups below, and no two call
 * each other:
 * ops.c	judges a call and runs its operation
 * endpoint*.c, destination*.c, secret*.c, event*.c, publish.c, pull.c,
 * delivery*.c, replay.c, release.c, quarantine.c, admit.c, explain.c,
 * store.c, conf.c, clock.c, deliverer.c	the operations, by noun
 * held.c, filter.c, event_find.c, delivery_part.c, submit.c, test_event.c
 *	what operations on events share
 * *_find.c, owner.c	the thing that a call names
 * call.c	members, rows and changes of a call
 * feed.c, feed_serve.c	the deliverer's calls, which are not JSON
 */
#ifndef EYELET_LIB_OPS_OPS_H
#define EYELET_LIB_OPS_OPS_H

#include "lib/config/conf_live.h"
#include "lib/owner/frame.h"
#include "lib/receive/registry.h"

struct ops;

struct ops_peer {
	struct store_actor actor;
	bool may_administer; /* root or the store's uid */
	/*
	 * Is waiting for it in vain: has it gone, or does the owner leave?
	 * Asked in the call's thread; NULL: never.
	 */
	bool (*gone)(void *arg);
	void *arg;
};

/* Borrows all of them until ops_close. */
int ops_open(struct conf_live *settings, struct store *st, struct registry *rg,
    struct ops **out, struct err *err);
void ops_close(struct ops *ops);

/*
 * How the process takes its configuration and its schemes anew, for
 * "store.reload". Before the first call; without it that op is refused.
 */
void ops_on_reload(
    struct ops *ops, int (*reload)(void *arg, struct err *err), void *arg);

/*
 * Did a call since ops_open want something to go out: a publish, a replay, a
 * retry, an adoption?
 */
bool ops_asked_to_deliver(struct ops *ops);

/*
 * Performs one call in this thread (it may take as long as it takes).
 * ERR_USAGE for an unknown op or member, ERR_DENIED, and whatever the op
 * itself reports. May be called by several threads at once.
 * Where deliveries are held (store/copy.h) calls that have to do with them give
 * a row {"copy_note": WORDS} first, and where no deliverer works
 * (store/deliverer.h) a row {"deliver_note": WORDS} last; neither is a part of
 * their answer.
 */
int ops_call(struct ops *ops, const struct ops_peer *peer,
    const unsigned char request_id[STORE_REQUEST_ID], struct span json,
    ops_row *row, void *arg, struct err *err);

/*
 * The deliverer called, whether or not it is answered: it works. Never waits.
 */
void ops_deliverer_called(struct ops *ops);

/*
 * The same for a call of the deliverer's, see feed.h; its answer is put into
 * out, which may hold secrets from then on.
 */
int ops_feed(struct ops *ops, const struct ops_peer *peer, struct span call,
    struct buf *out, struct err *err);

/* store_stalled_ms: while it is not 0, a call may last as long as the disk. */
int64_t ops_stalled_ms(struct ops *ops, const char **what);

#endif
