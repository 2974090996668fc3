/*
 * delivery.h: what the ops about deliveries share: destinations made
 * ready, and what became of one event at one of them.
 */
#ifndef EYELET_LIB_OPS_DELIVERY_H
#define EYELET_LIB_OPS_DELIVERY_H

#include "lib/ops/filter.h"
#include "lib/store/delivery.h"

op_run op_delivery_act, op_delivery_replay;

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

/* Warns of a destination that gets nothing now: "" or words. */
const char *op_place_words(const struct op_place *pl);

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

#endif
