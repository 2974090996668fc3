/* owner.h: finds the endpoint or destination whose secrets a call names. */
#ifndef EYELET_LIB_OPS_OWNER_H
#define EYELET_LIB_OPS_OWNER_H

#include "lib/ops/call.h"

/*
 * Whose secrets a call is about: it has a member "endpoint" or "destination",
 * and the thing is called by that word.
 */
struct op_owner {
	const char *thing;
	bool is_destination;
	uint64_t id, generation;
	char name[ENDPOINT_NAME_MAX + 1];
	struct span doc; /* of its settings; borrows from the caller's buf */
};

/* As op_find_endpoint and op_find_destination. */
int op_find_owner(const struct op_call *call, struct store_tx *tx,
    struct op_owner *out, struct buf *doc, struct err *err);

#endif
