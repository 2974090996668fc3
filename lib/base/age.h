/*
 * age.h: the age clock: for how long a store has lived. Whatever deletes or
 * gives up counts by it, since no step of the wall clock moves it by more
 * than AGE_AWAY_MS, and none moves it back. Pure: reads no clock.
 */
#ifndef EYELET_LIB_BASE_AGE_H
#define EYELET_LIB_BASE_AGE_H

#include "lib/base/clock.h"

/* At an open, at most so much of the wall clock's progress counts as age. */
#define AGE_AWAY_MS (24 * 3600 * 1000LL)

/*
 * By how much a store is older at now than it was before, 0 or more: within a
 * boot of the machine what CLOCK_BOOTTIME says, whoever ran meanwhile; over
 * another boot what the wall clock says, at least 0, at most AGE_AWAY_MS. So
 * a machine that was off for a month keeps things longer.
 */
int64_t age_passed_ms(
    const struct clock_reading *before, const struct clock_reading *now);

#endif
