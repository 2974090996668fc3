/*
 * accept.h: an authentic request on its way into the store: which event it
 * becomes and what must not come again. The same for what a sender posts and
 * for what an operator admits later.
 */
#ifndef EYELET_LIB_ACCEPT_H
#define EYELET_LIB_ACCEPT_H

#include "lib/digest.h"
#include "lib/registry.h"

/* What stands in for the id of an event that has none: "sha256:HEX". */
#define ACCEPT_DIGEST_ID "sha256:"
#define ACCEPT_DIGEST_ID_MAX (sizeof(ACCEPT_DIGEST_ID) + 2 * DIGEST_SHA256)

struct accept_input {
	struct registry *registry;
	const struct registry_endpoint *ep; /* its scheme is there */
	const struct request *request; /* whole */
	const struct identity *who; /* IDENTIFY_OK */
	uint64_t secret_id; /* which verified it; 0: none */
	bool is_test;
};

/* What an item borrows beside; all zero at first. */
struct accept_room {
	char digest_id[ACCEPT_DIGEST_ID_MAX];
	struct buf headers; /* freed by the caller */
};

/*
 * Fills item, but for its request id, done and arg, which are the caller's to
 * set behind it. It borrows from all that in has, and room, until the store is
 * done with it. ERR_CRYPTO, ERR_NOMEM.
 */
int accept_fill(const struct accept_input *in, struct store_item *item,
    struct accept_room *room, struct err *err);

#endif
