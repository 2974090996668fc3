/* clock.h: the clocks of the machine. */
#ifndef EYELET_LIB_BASE_CLOCK_H
#define EYELET_LIB_BASE_CLOCK_H

#include <stdbool.h>
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

#define CLOCK_BOOT_MAX 40

/*
 * Two clocks at one instant, and which boot of the machine it was: what
 * age.h and wall.h judge by.
 */
struct clock_reading {
	int64_t wall_ms; /* since 1970 */
	int64_t boot_ms; /* since the machine started, suspends included */
	char boot[CLOCK_BOOT_MAX]; /* "" where the system tells none */
};

/* The id of this boot, or "". It stays while a process lives. */
void clock_boot(char boot[CLOCK_BOOT_MAX]);

/* Reads both clocks; boot is as clock_boot gave it. */
void clock_read(const char *boot, struct clock_reading *out);

/*
 * Can the time between two readings be told by boot_ms? Not over another
 * boot, nor where boot_ms went back (a snapshot of a virtual machine).
 */
bool clock_same_boot(
    const struct clock_reading *before, const struct clock_reading *now);

#endif
