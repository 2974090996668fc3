/*
 * fake_clock.h: another time for whole programs. fake_clock.so is preloaded
 * into them and sets their clocks as a file says that a test may change at any
 * time: as if somebody had set the machine's wall clock, or let it sleep, or
 * started it anew.
 *
 * The file is called "clock" and lies in the folder of the library itself,
 * since what the programs start gets LD_PRELOAD from them and little else. A
 * test so copies the library into a folder of its own.
 */
#ifndef EYELET_TESTS_FAKE_CLOCK_H
#define EYELET_TESTS_FAKE_CLOCK_H

#include <stdint.h>

/* Mapped by everybody. */
struct fake_clock {
	int64_t wall_ms; /* added to CLOCK_REALTIME */
	int64_t boot_ms; /* added to CLOCK_BOOTTIME */
	char boot[40]; /* the id of this boot; "": the machine's own */
};

#endif
