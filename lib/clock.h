/* clock.h: the clocks. */
#ifndef EYELET_LIB_CLOCK_H
#define EYELET_LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

/*
 * Monotonic: for how long things take. Never set, never steps, and the same
 * in all processes.
 */
int64_t clock_us(void);
int64_t clock_ms(void);

/* As clock_ms, and it goes on while the machine is suspended. */
int64_t clock_boot_ms(void);

/* Since 1970: for what is written down. An operator may set it. */
int64_t clock_wall_ms(void);

/* The monotonic time ms from now, as pthread's timed waits take it. */
struct timespec clock_in_ms(int64_t ms);

#endif
