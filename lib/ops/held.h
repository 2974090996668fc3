/*
 * held.h: what the ops say of held events (store_held.h): as rows, and
 * where somebody takes one for an event that is delivered.
 */
#ifndef EYELET_LIB_OPS_HELD_H
#define EYELET_LIB_OPS_HELD_H

#include "lib/ops/event_find.h"
#include "lib/ops/filter.h"
#include "lib/store/held.h"

/* The line that a release adds to the headers of an event. */
#define OP_RELEASED_HEADER "eyelet-released"

/* Does a call of event.list or event.export ask for held events? */
bool op_held_wanted(const struct op_call *call);

/*
 * As op_events_walk, for the held events that the call's members let through,
 * without reading the log in between. any: whatever became of them; else those
 * of the call's status.
 */
int op_held_walk(const struct op_call *call, enum op_order order, bool any,
    op_event_visit *visit, void *arg, struct err *err);

/* What the table says of an event with EVENT_HELD. op_held_free. */
struct op_held {
	bool found; /* else its row is lost: it waits */
	struct store_held row; /* borrows from scratch */
	struct buf scratch;
};

int op_held_load(const struct op_call *call, uint64_t seq, struct op_held *out,
    struct err *err);
void op_held_free(struct op_held *h);

const char *op_held_word(const struct op_held *h); /* "held" */

/*
 * Members held_reason, held_rule, repeats (a seq; null: not in the log),
 * released_as and expires_at; all: repeats_kept, repeats_counted and
 * last_repeat_at, too.
 */
int op_held_write(const struct op_call *call, struct json_write *w,
    const struct op_held *h, const struct event *ev, bool all, struct err *err);

/* An object "held": how many events wait, and their bytes. */
void
op_held_write_totals(struct json_write *w, const struct store_held_totals *t);

/* A member released_from: the seq that it was held under, or null. */
int op_held_write_origin(const struct op_call *call, struct json_write *w,
    const struct event *ev, struct err *err);

/*
 * There is no event of this seq to be had: ERR_INPUT where one is held, and
 * what to do instead; else ERR_NOTFOUND, and why.
 */
int op_fail_no_event(const struct op_call *call, uint64_t seq, struct err *err);

/*
 * The seqs of the rows in one of these states (OP_HELD_BIT), upwards,
 * of the endpoints that the filter wants; free() them.
 */
#define OP_HELD_BIT(state) (1u << (state))

int op_held_gather(const struct op_call *call, struct op_filter *f,
    unsigned states, uint64_t **seqs, size_t *n, struct err *err);

#endif
