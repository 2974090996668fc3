/* clock.h: the two clocks of a running program. */
#ifndef EYELET_CGI_CLOCK_H
#define EYELET_CGI_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t clock_us(void); /* monotonic: for how long things take */
int64_t clock_ms(void); /* the same in milliseconds */
int64_t clock_wall_ms(void); /* since 1970: for what is written down */

/* The monotonic time ms from now, as pthread's timed waits take it. */
struct timespec clock_in_ms(int64_t ms);

#endif
