/* feed.c: the deliverer's calls go to the store as they are. */
#include "lib/ops/feed_serve.h"

#include "lib/ops/call.h"
#include "lib/store/deliverer.h"

void
ops_deliverer_called(struct ops *ops)
{
	store_deliverer_called(ops->store);
}

int
ops_feed(struct ops *ops, const struct ops_peer *peer, struct span call,
    struct buf *out, struct err *err)
{
	struct feed_peer who = {
		.gone = peer->gone, .arg = peer->arg, .waiters = &ops->feeders
	};

	if (!peer->may_administer)
		return err_set(err, ERR_DENIED,
		    "uid %u may not feed: the store's owner and root may",
		    peer->actor.uid);
	return feed_serve(ops->store, &who, call, out, err);
}
