/*
 * clock_fixture.h: what the machine's clocks show to a store, as a unit test
 * sets it. For tests that are linked with -Wl,--wrap=clock_read.
 */
#ifndef EYELET_TESTS_CLOCK_FIXTURE_H
#define EYELET_TESTS_CLOCK_FIXTURE_H

#include "lib/base/clock.h"

#define CF_HOUR_MS (3600 * 1000LL)
#define CF_DAY_MS (24 * CF_HOUR_MS)

/* Another machine, whose wall clock shows this. */
void cf_begin(int64_t wall_ms);
/* So much time passes, and then the wall clock is set by so much. */
void cf_pass(int64_t ms, int64_t set_ms);
/* Another boot: its clock begins, and the wall clock runs on. */
void cf_reboot(int64_t away_ms);
/* The clock of the boot goes back, as in a snapshot of the machine. */
void cf_go_back(int64_t ms);

int64_t cf_wall_ms(void);

#endif
