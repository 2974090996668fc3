/* clock.h: what is refused while the wall clock is in doubt. */
#ifndef EYELET_LIB_OPS_CLOCK_H
#define EYELET_LIB_OPS_CLOCK_H

#include "lib/ops/call.h"

/*
 * ERR_CLOCK: why, what the wall clock is, and the way out. What writes a time
 * to come, or judges by one, is refused with it while the clock is in doubt.
 */
int op_fail_clock(
    const struct store_clock *clock, struct err *err, const char *why);

#endif
