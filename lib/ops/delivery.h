/*
 * delivery.h: what the ops about deliveries share: destinations made
 * ready, and what became of one event at one of them.
 */
#ifndef EYELET_LIB_OPS_DELIVERY_H
#define EYELET_LIB_OPS_DELIVERY_H

#include "lib/ops/filter.h"
#include "lib/store/delivery.h"

/* A destination, ready to be asked. */
struct op_place {
	uint64_t id, cursor;
	enum store_destination_state state;
	char name[ENDPOINT_NAME_MAX + 1];
	struct destination settings;
	struct destination_match *match;
};

struct op_places {
	struct op_place *at; /* by id */
	size_t n;
};

/*
 * The destination that the call names, or all of them; removed ones too where
 * they are asked for. op_places_free afterwards, whatever came. ERR_NOTFOUND
 * with the nearest name.
 */
int op_places_load(const struct op_call *call, bool removed,
    struct op_places *out, struct err *err);
void op_places_free(struct op_places *p);
const struct op_place *op_places_find(const struct op_places *p, uint64_t id);

/* --- one event at one destination ----------------------------------------- */

struct op_delivery {
	/*
	 * Of a row; else PENDING where the destination has not come so far,
	 * DELIVERED where an attempt says so, ANY where it is no delivery.
	 */
	enum op_status status;
	bool dropped; /* ANY: its dead letter was dropped */
	bool has_row;
	struct store_delivery row; /* borrows from scratch */
	unsigned attempts;
	int64_t last_ms; /* of the last attempt; 0: none */
	int last_status;
};

/* The status of a row. */
enum op_status op_delivery_status(enum store_delivery_state state);

/* tx as in store_delivery. */
int op_delivery_find(const struct op_call *call, struct store_tx *tx,
    const struct op_place *place, const struct event *ev, const char *endpoint,
    struct op_delivery *out, struct buf *scratch, struct err *err);

/* Its members, without the braces and without what the event says. */
void op_delivery_write(struct json_write *w, const struct op_place *place,
    const struct op_delivery *d);

/*
 * An array "deliveries" of all that an event has, with their attempts. *waits:
 * is one of them still to be made?
 */
int op_delivery_write_all(const struct op_call *call, struct json_write *w,
    const struct event *ev, const char *endpoint, bool *waits, struct err *err);

/* Of what has a row alone. */
void
op_delivery_of_row(const struct store_delivery *row, struct op_delivery *out);

/* --- rows (ops/delivery_list.c) ------------------------------------------- */

struct op_key {
	uint64_t destination_id, seq;
	bool doubtful; /* while they are gathered: wanted for another type? */
};

struct op_keys {
	struct op_key *at; /* by destination and seq; free() */
	size_t n;
};

#define OP_STATUS_BIT(status) (1u << (status))

/*
 * The rows of the places that the filter and the call's "reason" let through,
 * of these statuses. ERR_LIMIT.
 */
int op_keys_gather(const struct op_call *call, struct op_filter *f,
    const struct op_places *p, unsigned statuses, struct op_keys *out,
    struct err *err);

/* Does a call of event.list ask for deliveries, or for events? */
bool op_deliveries_wanted(const struct op_call *call);
int op_deliveries_list(const struct op_call *call, struct err *err);

/* --- changes (ops/delivery_part.c) ---------------------------------------- */

/* Rows that one transaction changes: accepting goes on in between. */
#define OP_PART_MAX 512

/*
 * store_change for a part of what a call does, under an id of its own: done
 * once, however often the call comes again within an hour. The part is named
 * by the call's request id, a destination and a number. Is the store busy, it
 * waits longer than store_change would.
 */
int op_change_part(const struct op_call *call,
    const unsigned char request_id[STORE_REQUEST_ID], uint64_t destination_id,
    uint64_t part,
    int (*change)(
	struct store_tx *tx, void *arg, struct buf *result, struct err *err),
    void *arg, struct buf *result, struct err *err);

/*
 * store_tx_delivery, for one of many: *put is false where the log has the
 * event no more, or the destination is removed since.
 */
int op_put_delivery(struct store_tx *tx, struct store_delivery *row, bool *put,
    struct err *err);

/* A progress row, now and then: said_ms is the caller's, 0 at first. */
int op_say_done(const struct op_call *call, uint64_t done, uint64_t all,
    int64_t *said_ms, struct err *err);

/*
 * The next of the call's "seqs", each once; 0 behind the last. *at is NULL at
 * first. ERR_USAGE.
 */
int op_next_seq(const struct op_call *call, const struct json **at,
    uint64_t *seq, struct err *err);

/* What is to be known of a destination where things shall go: "" or words. */
const char *op_place_words(const struct op_place *pl);

#endif
