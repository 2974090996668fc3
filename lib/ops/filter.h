/*
 * filter.h: which events a call is about, as its members say: for walks of
 * the log and for rows that stand beside it.
 */
#ifndef EYELET_LIB_OPS_FILTER_H
#define EYELET_LIB_OPS_FILTER_H

#include "lib/base/pattern.h"
#include "lib/ops/call.h"

/* An endpoint there is or was. Ids grow along the array. */
struct op_name {
	uint64_t id;
	bool wanted;
	char name[ENDPOINT_NAME_MAX + 1];
};

enum op_status {
	OP_STATUS_ANY,
	/* Of events. */
	OP_STATUS_ACCEPTED,
	OP_STATUS_TEST,
	/* Of events that are or were held: where the op has them. */
	OP_STATUS_HELD,
	OP_STATUS_DROPPED,
	OP_STATUS_RELEASED,
	/* Of deliveries: where the op has them. */
	OP_STATUS_PENDING,
	OP_STATUS_RETRYING,
	OP_STATUS_PARKED,
	OP_STATUS_DEAD,
	OP_STATUS_DELIVERED
};

/* Which statuses an op has beside those of events. */
enum op_statuses {
	OP_STATUSES_EVENT,
	OP_STATUSES_HELD,
	OP_STATUSES_DELIVERY
};

const char *op_status_word(enum op_status status); /* "pending"; ANY: NULL */

struct op_filter {
	const struct op_call *call;
	struct op_name *names;
	size_t nnames;
	const char *endpoint; /* wanted, or NULL: all */
	bool foreign; /* all but eyelet's own */
	struct pattern_list *types; /* or NULL: all */
	bool unread; /* types, or one that could not be read */
	const char *id; /* or NULL: all */
	uint64_t secret_id; /* that verified them; 0: all */
	enum op_status status;
	int64_t since_ms, until_ms; /* from the first, before the second */
	int64_t limit; /* how many; 0: all */
};

/*
 * Reads endpoint, type, status, since_ms, until_ms, id, secret and limit.
 * op_filter_free afterwards, whatever came. ERR_USAGE, ERR_INPUT,
 * ERR_NOTFOUND.
 */
int op_filter_read(const struct op_call *call, enum op_statuses may,
    struct op_filter *f, struct err *err);
void op_filter_free(struct op_filter *f);

/*
 * Instead of what the call says: an endpoint, NULL for all but eyelet's own;
 * patterns, NULL for all. As by a destination's, an event is wanted whose
 * types could not all be read.
 */
int op_filter_read_as(const struct op_call *call, const char *endpoint,
    const char *types, struct op_filter *f, struct err *err);

/* The name of an event's endpoint, made since or before. ERR_CORRUPT. */
int op_filter_name(struct op_filter *f, uint64_t endpoint_id,
    const struct op_name **out, struct err *err);

/* By endpoint and id; by types; and all that a call may ask of an event. */
bool op_filter_may_want(
    const struct op_filter *f, const struct op_name *name, struct span id);
bool op_filter_wants_types(const struct op_filter *f, const struct event *ev);
bool op_filter_wants_event(const struct op_filter *f,
    const struct op_name *name, const struct event *ev);

#endif
