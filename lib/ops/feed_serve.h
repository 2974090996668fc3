/* feed_serve.h: what the deliverer asks (feed.h), answered from a store. */
#ifndef EYELET_LIB_OPS_FEED_SERVE_H
#define EYELET_LIB_OPS_FEED_SERVE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/owner/feed.h"
#include "lib/store/delivery.h"

/*
 * The owner's side: does one call and puts its answer; in is untrusted.
 * ERR_INPUT, ERR_HELD (store/copy.h: nothing is handed out, but reports are
 * taken), and what the store says. gone as in ops.h (a WAIT ends by it).
 * out may hold secrets: whoever owns it wipes it.
 */
struct feed_peer {
	bool (*gone)(void *arg);
	void *arg;
	atomic_uint *waiters; /* WAITs under way, of all peers */
};
int feed_serve(struct store *st, const struct feed_peer *peer, struct span in,
    struct buf *out, struct err *err);

#endif
