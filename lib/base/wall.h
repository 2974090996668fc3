/*
 * wall.h: can the wall clock be believed, and what are secrets judged by?
 * Pure: reads no clock, so that a table can play every step.
 *
 * Within a boot of the machine the wall clock and CLOCK_BOOTTIME advance
 * together (slewing moves both). From a change of their difference of more
 * than WALL_STEP_MS on (small steps add up) the wall clock is in doubt, until
 * the difference has held for WALL_HOLD_MS, counted over all processes of one
 * boot. So it is where a store begins, or goes on after another boot, and the
 * wall clock shows a time before this build was made; when that is more than
 * WALL_FAR_MS before, no holding helps, for such a clock was never set. And so
 * it is after another boot when it stands before the floor or more than
 * WALL_AWAY_MS behind it: a clock of a machine that was off for long, or one
 * that is set right a moment later.
 *
 * The floor is the highest wall clock that was sure; secrets are judged by
 * max(wall, floor), so that a clock set back revives none. After another boot
 * it rises only once the clock has held: a clock that runs ahead until
 * somebody sets it right ends no grace.
 */
#ifndef EYELET_LIB_BASE_WALL_H
#define EYELET_LIB_BASE_WALL_H

#include "lib/base/clock.h"

#define WALL_STEP_MS (5 * 60 * 1000LL)
#define WALL_HOLD_MS (10 * 60 * 1000LL)
#define WALL_AWAY_MS (24 * 3600 * 1000LL)
#define WALL_FAR_MS (60 * 24 * 3600 * 1000LL)

enum wall_doubt {
	WALL_SURE,
	WALL_STEPPED, /* it changed against CLOCK_BOOTTIME */
	WALL_BEHIND, /* another boot, and it stands before the floor */
	WALL_AHEAD, /* another boot, and it stands far behind the floor */
	WALL_EARLY /* it shows a time before this build was made */
};

#define WALL_DOUBTS (WALL_EARLY + 1)

/* Saved by the store with the last reading; all but the enum in ms. */
struct wall {
	enum wall_doubt doubt;
	bool accepted; /* an operator said that it is right as it is */
	int64_t floor_ms; /* the highest that was sure; 0: none was */
	int64_t offset_ms; /* wall - boot, which is to hold */
	int64_t since_ms; /* on the boot clock: for so long it has held */
	int64_t doubt_ms; /* on the boot clock: when this doubt began */
	int64_t step_ms; /* by so much it last changed at once; 0: never */
};

/* Of a store that has no past: there is nothing to doubt it by. */
void
wall_begin(struct wall *w, const struct clock_reading *now, int64_t built_ms);

/* The clocks show now; before is the reading of the look before this one. */
void wall_look(struct wall *w, const struct clock_reading *before,
    const struct clock_reading *now, int64_t built_ms);

/*
 * An operator says that the wall clock is right: it is sure, and the floor
 * is what it shows, also where a wrong clock had raised it.
 */
void wall_accept(struct wall *w, const struct clock_reading *now);

/* The time by which secrets expire: the later of wall clock and floor. */
int64_t wall_now_ms(const struct wall *w, const struct clock_reading *now);

/* So much longer it has to hold until it is sure; 0: it is. */
int64_t wall_left_ms(const struct wall *w, const struct clock_reading *now);

/*
 * The clocks that a store judges by. They are read and looked at with each
 * call, so that no step of the wall clock is judged by before it is seen; a
 * verdict that asks twice asks once and keeps the answer. Saved at the open, at
 * checkpoints, when the doubt changes, every 10 minutes and at the close.
 */
struct store_clock {
	int64_t age_ms; /* age.h: whatever deletes or gives up counts by it */
	int64_t wall_ms; /* for people, and for windows of signatures */
	int64_t now_ms; /* max(wall, floor): secrets are judged by it */
	int64_t floor_ms;
	/*
	 * Can the wall clock be believed? While not, nothing is refused for
	 * being stale or expired (503 instead), and no future time is written.
	 */
	enum wall_doubt doubt;
	int64_t
	    doubted_ms; /* for how long it has been in doubt; 0: it is not */
	int64_t left_ms; /* so much longer it has to hold to be sure */
	int64_t step_ms; /* by so much it was moved last; 0: never */
};

#endif
