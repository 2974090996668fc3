/* release.h: held events become events after all, or are given up. */
#ifndef EYELET_LIB_OPS_RELEASE_H
#define EYELET_LIB_OPS_RELEASE_H

#include "lib/ops/call.h"

op_run op_event_release, op_event_drop;

/*
 * Releases what is held of an endpoint for want of the activation of the secret
 * that the call names, or else of the current one; *n is how many. A row
 * {"released": n} says so. Nothing, where no such secret was sent to the
 * endpoint itself and is activated and live, and for a destination's.
 */
int
op_release_activated(const struct op_call *call, uint64_t *n, struct err *err);

#endif
