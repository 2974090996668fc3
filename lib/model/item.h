/*
 * item.h: one event on its way into the store, and what became of it. See
 * store_submit.
 */
#ifndef EYELET_LIB_MODEL_ITEM_H
#define EYELET_LIB_MODEL_ITEM_H

#include "lib/http/request.h"
#include "lib/model/dedupe_hash.h"
#include "lib/model/event.h"

enum store_outcome {
	STORE_FAILED, /* zero: see item->err; nothing may be acknowledged */
	STORE_ACCEPTED,
	STORE_DUPLICATE, /* the first copy is durable, stored or held */
	STORE_HELD, /* durable, and not delivered until it is released */
	STORE_RECORDED, /* not selected or not read: what is needed of it is */
	STORE_FORGED, /* authentic, but for another message: refuse it */
	STORE_MOVED /* endpoint or secrets changed since: verify again */
};

/* The outcome of an item. */
enum store_wish {
	STORE_WISH_ACCEPT, /* whatever the rules of dedupe_rule.h say */
	/* Its type is not selected, or it cannot be read: no event, but a
	 * record where somebody could post it again as another message. */
	STORE_WISH_IGNORE,
	STORE_WISH_REFUSE
};

/* The verdict on an event that the rules hold, without item->hold. */
enum store_on_held {
	STORE_ON_HELD_HOLD,
	STORE_ON_HELD_DELIVER, /* accepted all the same */
	STORE_ON_HELD_REFUSE /* FORGED */
};

/*
 * How long an item waits for the disk: within it done is called, whatever a
 * write or a flush does. Above STORE_STALLED_MS of one write or flush new
 * items are refused at once, see store_stalled_ms.
 */
#define STORE_WAIT_MS 4000
#define STORE_STALLED_MS 5000

/*
 * One event on its way in. It belongs to the caller, who must keep it and all
 * that it borrows from store_submit until done is called, and may free it from
 * then on. done comes before STORE_WAIT_MS are over: the store copies what it
 * needs before it writes, so that a disk that hangs holds no item. Such an end
 * is STORE_FAILED with ERR_TIMEOUT: the event may yet be stored, as if the
 * answer to it had been lost on its way.
 */
struct store_item {
	struct event event; /* seq and received_ms are given by the store */
	uint64_t generation; /* the endpoint's, at verification */
	enum store_wish wish;
	struct dedupe_identity identity; /* of a test only what it signs */
	/*
	 * Digests of the signed contents of each element of a batch, and an
	 * empty buffer for their keys; or empty and NULL.
	 */
	struct span elements;
	struct buf *contents;
	const char *hold; /* why it is held all the same; NULL: it is not */
	enum store_on_held on_held;
	/* IGNORE, REFUSE: younger records make no room for this one's. */
	int64_t window_ms;
	bool has_request_id; /* a repeat with it gets the first answer */
	unsigned char request_id[STORE_REQUEST_ID];

	/*
	 * Called once, in a thread of the store; must neither block nor call
	 * store functions other than store_submit.
	 */
	void (*done)(struct store_item *item);
	void *arg;
	int64_t until_ms; /* clock_ms; 0: STORE_WAIT_MS from now */

	enum store_outcome outcome;
	/* Of the event, or of the first copy; 0: HELD, and only counted. */
	uint64_t seq;
	unsigned rule; /* of dedupe_rule.h, that decided */
	const char *reason; /* DUPLICATE, HELD, FORGED: constant words */
	struct err err;

	/* The store's own, until done. */
	struct store_item *next;
	struct dedupe_hashes hashes;
};

#endif
