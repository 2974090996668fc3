/* submit.h: hands one event in and waits until it is durable. */
#ifndef EYELET_LIB_OPS_SUBMIT_H
#define EYELET_LIB_OPS_SUBMIT_H

#include "lib/ops/call.h"

/*
 * Hands item in under the call's request id and waits until it is durable;
 * its done and arg are set here. ERR_CONFLICT when its endpoint was changed
 * meanwhile, and whatever the store says.
 */
int
op_submit(const struct op_call *call, struct store_item *item, struct err *err);

const char *op_outcome_word(enum store_outcome outcome); /* "accepted" */

#endif
