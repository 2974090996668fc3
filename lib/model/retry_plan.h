/*
 * retry_plan.h: when a failed delivery is tried again: a named plan of a
 * provider, or a list of delays. Pure: reads no clock, draws no chance.
 */
#ifndef EYELET_LIB_MODEL_RETRY_PLAN_H
#define EYELET_LIB_MODEL_RETRY_PLAN_H

#include <stdint.h>

#include "lib/base/bytes.h"

#define RETRY_PLAN_MAX 64 /* delays in a plan */
#define RETRY_DELAY_MAX_MS (30 * 86400 * INT64_C(1000))
#define RETRY_AFTER_MAX_MS (86400 * INT64_C(1000)) /* Retry-After is cut */

/* n delays between attempts, so n + 1 attempts in all. */
struct retry_plan {
	size_t n;
	int64_t delay_ms[RETRY_PLAN_MAX];
};

/*
 * "nomos" (1m 2m 4m 8m 16m 32m 1h 2h 4h 8h 16h 32h), "nimbus" (1s 2s 4s 8s),
 * "nolxy" (5s 10s 20s), "svix" (5s 5m 30m 2h 5h 10h 10h), "days3" (1m
 * doubling to 6h, until 3 days are over), "none", or a list "5s,5m,30m,2h".
 * ERR_INPUT names the item that is no duration and the plans there are.
 */
int retry_plan_parse(struct span text, struct retry_plan *out, struct err *err);

/*
 * The delay before the attempt that follows `made` attempts (1 or more), with
 * jitter of a tenth either way by chance (any 32 random bits); -1 when no
 * further one is planned. after_ms is what the receiver asked for by
 * Retry-After (-1: nothing): the longer one counts, at most
 * RETRY_AFTER_MAX_MS of it.
 */
int64_t retry_plan_delay_ms(const struct retry_plan *plan, unsigned made,
    int64_t after_ms, uint32_t chance);

#endif
