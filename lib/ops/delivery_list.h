/* delivery_list.h: which deliveries there are. */
#ifndef EYELET_LIB_OPS_DELIVERY_LIST_H
#define EYELET_LIB_OPS_DELIVERY_LIST_H

#include "lib/ops/delivery.h"

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

#endif
