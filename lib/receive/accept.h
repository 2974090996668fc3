/*
 * accept.h: an authentic request on its way into the store: which event it
 * becomes and what must not come again. The same for what a sender posts and
 * for what an operator admits later.
 */
#ifndef EYELET_LIB_RECEIVE_ACCEPT_H
#define EYELET_LIB_RECEIVE_ACCEPT_H

#include "lib/receive/dedupe_class.h"
#include "lib/receive/kept.h"
#include "lib/receive/registry.h"

#define ACCEPT_DIGEST_ID_MAX (sizeof(STORE_DIGEST_ID) + 2 * DIGEST_SHA256)

#define ACCEPT_HELD_SECRET "its secret came by itself, and is not activated"

struct accept_input {
	struct registry *registry;
	const struct registry_endpoint *ep; /* its scheme is there */
	/* What was verified, by digests_content, and how. */
	const struct verify_input *verified;
	const struct verify_result *result;
	const struct identity *who; /* IDENTIFY_OK, unless wish is REFUSE */
	enum store_wish wish;
	uint64_t secret_id; /* which verified it; 0: none */
	bool is_test;
	bool admitted; /* by an operator, out of the quarantine */
	bool pending; /* its secret is, see secret_is_pending: it is held */
};

/* What an item borrows beside; begin with ACCEPT_ROOM_INIT. */
struct accept_room {
	char digest_id[ACCEPT_DIGEST_ID_MAX];
	struct buf headers, payload, contents;
	/* verified->element_contents is to be this one. */
	struct buf elements;
};

#define ACCEPT_ROOM_INIT                                                   \
	{                                                                  \
		.headers = BUF_INIT(KEPT_MAX),                             \
		.payload = BUF_INIT(BODY_UNPACKED_MAX),                    \
		.contents =                                                \
		    BUF_INIT((ACCEPT_ELEMENTS_MAX + 1) * DEDUPE_KEY_SIZE), \
		.elements = BUF_INIT(ACCEPT_ELEMENTS_MAX * DIGEST_SHA256)  \
	}
#define ACCEPT_ELEMENTS_MAX 4000 /* of a batch that are signed one by one */

void accept_room_free(struct accept_room *room);

/*
 * Fills item, but for its request id, done and arg, which are the caller's to
 * set behind it. It borrows from all that in has, and room, until the store is
 * done with it. ERR_CRYPTO, ERR_NOMEM, ERR_LIMIT.
 */
int accept_fill(const struct accept_input *in, struct store_item *item,
    struct accept_room *room, struct err *err);

#endif
