/* endpoint.h: endpoints as rows, and what changes them. */
#ifndef EYELET_LIB_OPS_ENDPOINT_H
#define EYELET_LIB_OPS_ENDPOINT_H

#include "lib/ops/call.h"

op_run op_endpoint_add, op_endpoint_list, op_endpoint_show, op_endpoint_edit,
    op_endpoint_enable, op_endpoint_disable, op_endpoint_remove,
    op_endpoint_rename, op_endpoint_match, op_endpoint_test;

/*
 * Warns of what it means that an endpoint with live secrets had the scheme
 * before and has now: whose requests are refused, and what of its keys, ids
 * and types is another.
 */
int op_endpoint_warn_scheme(const struct op_call *call, const char *before,
    const struct scheme *now, size_t live, struct op_warnings *warnings,
    struct err *err);

/* The members of an endpoint's row, without the braces. */
void op_endpoint_write(const struct op_call *call, struct json_write *w,
    const struct store_endpoint *ep, const struct endpoint *settings,
    size_t live);

/*
 * Says in words how repeated content is judged ("what_repeats"); nothing
 * without a scheme.
 */
int op_endpoint_write_repeats(struct json_write *w, const struct scheme *sc,
    const struct endpoint *settings);
/*
 * The objects "counts", how its requests ended since it was made, and "held",
 * what waits for an operator.
 */
void op_endpoint_write_counts(
    const struct op_call *call, struct json_write *w, uint64_t id);

#endif
