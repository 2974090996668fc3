/*
 * rate.h: at most so many a second, with bursts of up to one second's worth:
 * the generic cell rate algorithm (ITU-T I.371), one number of state.
 */
#ifndef EYELET_LIB_BASE_RATE_H
#define EYELET_LIB_BASE_RATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* When the next one would be on time, in microseconds; zero to begin with. */
struct rate {
	_Atomic int64_t due_us;
};

/* Takes one at now_ms, where per_s (> 0) are allowed; false: not now. */
bool rate_take(struct rate *r, int64_t per_s, int64_t now_ms);

/* In how many ms from now_ms it would take one, at the latest; 0: now. */
int64_t rate_wait_ms(const struct rate *r, int64_t per_s, int64_t now_ms);

#endif
