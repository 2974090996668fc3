/*
 * impl.h: what the files of receiving share. Nobody else includes it.
 *
 * receive.c	the steps of a request
 * receive/limits.c	opening, and what a reload changes
 * receive/end.c	how it ends
 * receive/secret.c	a secret that the provider sends to the endpoint
 */
#ifndef EYELET_LIB_RECEIVE_IMPL_H
#define EYELET_LIB_RECEIVE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/receive/accept.h"
#include "lib/receive/address_rate.h"
#include "lib/receive/reply.h"

/* Settings that a request needs before its body; immutable, counted. */
struct receive_limits {
	atomic_uint refs;
	char *mount;
	int64_t body_max, address_rate;
	struct address_list *trusted_proxies; /* or NULL */
	struct address_rate *addresses; /* NULL: no limit */
};

struct receive {
	struct store *st;
	struct registry *rg;
	struct budget unpacked; /* bytes of bodies */
	pthread_mutex_t lock; /* of the pointer alone */
	struct receive_limits *limits;
};

/* The ones in force, held; receive_limits_put gives them back. */
struct receive_limits *receive_limits_get(struct receive *rc);
struct receive_limits *receive_limits_hold(struct receive_limits *lm);

/* What a request under way needs to know of itself. */
struct receive_state {
	struct receive *rc;
	struct receive_limits *limits; /* as it began; held */
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
	bool pending; /* secret_id is, see secret_is_pending */
	bool is_test;
	int64_t too_large; /* the limit that its length passes; 0: none */
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

/* Does the endpoint wait for a secret that the provider sends to it? */
bool receive_expects_secret(const struct receive_state *rs);

/*
 * Takes the secret that the request brings, when the endpoint waits for one.
 * 0: it brings none, or another was faster: the request is judged as any other.
 * Else the call is finished, and 1. Not in a thread of the store.
 */
int
receive_take_secret(struct receive_state *rs, const struct verify_input *in);

/*
 * Answers a request that is no event, and brings a secret that the endpoint has
 * taken from one like it and that is live still: as that one was answered. 0:
 * it is none, nothing was done; else the call is finished, and 1.
 */
int
receive_repeat_secret(struct receive_state *rs, const struct verify_input *in);

/* The answer to a body above rs->too_large; what came of it is kept. */
int receive_finish_too_large(struct receive_call *call);

/* The limit in force for the endpoint, in bytes. */
int64_t receive_body_max(
    const struct receive_limits *lm, const struct registry_endpoint *ep);

/*
 * Was the body too large to be unpacked, or had it no room? Then nothing that
 * was read off it counts: answers, and 1. Else 0.
 */
int receive_refuse_unpacked(struct receive_state *rs);

/*
 * Fills the reply of a call (status 0 takes that of kind; why may be NULL) and
 * gives back all that the call held. Returns 1.
 */
int receive_finish(struct receive_call *call, enum reply_kind kind, int status,
    const char *why);

#endif
