/* clock.h: the two clocks, in milliseconds. */
#ifndef EYELET_LIB_CLOCK_H
#define EYELET_LIB_CLOCK_H

#include <stdint.h>

/* For how long: never set, never steps; the same in all processes. */
int64_t clock_monotonic_ms(void);

/* What time it is, since 1970; an operator may set it. */
int64_t clock_wall_ms(void);

#endif
