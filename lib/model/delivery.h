/*
 * delivery.h: a delivery that is under way or over, the attempts at it, and
 * the report of a deliverer. Plain values, for the store and the deliverer.
 */
#ifndef EYELET_LIB_MODEL_DELIVERY_H
#define EYELET_LIB_MODEL_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"

enum store_delivery_state {
	STORE_DELIVERY_PENDING = 1, /* to be sent, or again, or in its turn */
	STORE_DELIVERY_RETRYING, /* failed; due again at due_ms */
	STORE_DELIVERY_PARKED, /* set aside by an operator; blocks nobody */
	STORE_DELIVERY_DEAD
};

/* Why a delivery is dead; words for operators and scripts. */
#define DELIVERY_EXHAUSTED "exhausted" /* the plan is at its end */
#define DELIVERY_REJECTED "rejected" /* a command's exit status 100 */
#define DELIVERY_UNSIGNABLE "unsignable" /* the scheme cannot sign it */
#define DELIVERY_SKIPPED "skipped" /* by an operator */
#define DELIVERY_REMOVED "removed" /* destination or endpoint */
#define DELIVERY_EXPIRED "expired" /* held longer than hold_max */
#define DELIVERY_TYPE_UNKNOWN \
	"type unknown" /* it cannot be read, and the selection needs it */
#define DELIVERY_DAMAGED                                     \
	"damaged" /* the event is lost: a page of the log is \
		   */

#define DELIVERY_WORDS_MAX 256
#define DELIVERY_EXCERPT_MAX 2048

struct store_delivery {
	uint64_t destination_id, seq;
	uint64_t endpoint_id; /* of the event; DELIVERY_DAMAGED: it may be
				 STORE_ENDPOINT_UNKNOWN */
	/*
	 * Which life of the delivery this is: 0 for one that the deliverer
	 * made, a number never used before each time an operator changed it.
	 * Reports that know another one leave the row as it is.
	 */
	uint64_t stamp;
	enum store_delivery_state state;
	unsigned attempts; /* made in all */
	unsigned planned; /* of them, in this life: what the plan counts */
	int64_t since_ms; /* became a row */
	int64_t due_ms; /* RETRYING */
	int64_t last_ms; /* of the last attempt; dead: since then; 0: none */
	int64_t age_ms; /* of the store, when the row was written: given here */
	int status; /* of the last attempt: HTTP; 0: none came */
	struct span reason; /* DEAD: one of the above; else empty */
	struct span words; /* of the last attempt: inert */
	struct span excerpt; /* of the last reply: bytes as they came */
	struct span id, type; /* of the event: lists need no log */
	struct span key; /* of keyed order */
};

/* --- attempts ------------------------------------------------------------- */

enum store_attempt_result {
	STORE_ATTEMPT_DELIVERED = 1,
	STORE_ATTEMPT_FAILED, /* will be tried again */
	STORE_ATTEMPT_DEAD /* and was the last */
};

/* Kept beside the event, and dropped with it. */
struct store_attempt {
	uint64_t seq, destination_id;
	unsigned no; /* 1: the first */
	enum store_attempt_result result;
	int64_t at_ms, took_us;
	int64_t next_ms; /* FAILED: when the next one is due */
	int status; /* HTTP, or a command's exit status; 0: none */
	struct span words; /* inert; empty when all went well */
};

/* --- reports -------------------------------------------------------------- */

enum store_report_kind {
	STORE_REPORT_ROW = 1, /* put (or change) the row */
	STORE_REPORT_DONE /* there is none any more: delivered */
};

struct store_report_item {
	enum store_report_kind kind;
	/* ROW: all of it. DONE: destination_id, seq and stamp. */
	struct store_delivery delivery;
	bool has_attempt;
	struct store_attempt attempt; /* seq and destination_id as above */
};

struct store_report_cursor {
	uint64_t destination_id, seq; /* never moves back */
};

/*
 * For how long there has been nothing but failures, as the deliverer counts
 * it, and when (wall clock) the last of them was; zero: there are none.
 */
struct store_failing {
	int64_t for_ms, at_ms;
};

struct store_report_failing {
	uint64_t destination_id;
	struct store_failing failing;
};

#define STORE_REPORT_ITEMS_MAX 4096

struct store_report {
	const struct store_report_item *items;
	size_t nitems;
	const struct store_report_cursor *cursors;
	size_t ncursors;
	const struct store_report_failing *failings; /* what has changed */
	size_t nfailings;
};

#endif
