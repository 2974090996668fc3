/*
 * receive_impl.h: what the files of receiving share. Nobody else includes it.
 *
 * receive.c	the steps of a request
 * receive_end.c	how it ends
 */
#ifndef EYELET_LIB_RECEIVE_IMPL_H
#define EYELET_LIB_RECEIVE_IMPL_H

#include "lib/accept.h"
#include "lib/address_rate.h"
#include "lib/reply.h"

struct receive {
	struct receive_options opt;
	char *mount;
	struct store *st;
	struct registry *rg;
	struct address_rate *addresses; /* NULL: no limit */
};

/* What a request under way needs to know of itself. */
struct receive_state {
	struct receive *rc;
	struct receive_call *call;
	const struct registry_endpoint *ep; /* held */
	struct span client;
	struct store_item item;
	struct buf scratch; /* owns id and type */
	struct identity identity;
	struct accept_room room;
	struct verify_input verified;
	struct body body; /* unpacked, where that was needed */
	struct verify_result result;
	uint64_t secret_id;
	bool is_test;
	int tries;
	/* Not ACCEPT: how it ends once the store has a record of it. */
	enum store_wish wish;
	enum reply_kind without_event;
};

#define RECEIVE_WHY_MAX UNKNOWN_WHY_MAX

/*
 * Why no endpoint answers under the path of a request: words for the log. ep
 * is that of its name, when there is one.
 */
void receive_why_unknown(struct receive *rc, struct span path,
    const struct registry_endpoint *ep, char why[RECEIVE_WHY_MAX]);

/*
 * Fills the reply of a call (status 0 takes that of kind; why may be NULL) and
 * gives back all that the call held. Returns 1.
 */
int receive_finish(struct receive_call *call, enum reply_kind kind, int status,
    const char *why);

#endif
