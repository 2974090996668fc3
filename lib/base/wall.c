/* wall.c: whether the wall clock can be believed, and its floor. */
#include "lib/base/wall.h"

#include <string.h>

static int64_t
offset_of(const struct clock_reading *now)
{
	return now->wall_ms - now->boot_ms;
}

/* Begins the time for which the clock has to hold. */
static void
hold(struct wall *w, const struct clock_reading *now)
{
	w->offset_ms = offset_of(now);
	w->since_ms = now->boot_ms;
	w->accepted = false;
}

static void
doubt(struct wall *w, enum wall_doubt why, const struct clock_reading *now)
{
	/* One doubt may follow another; it is told from when on. */
	if (w->doubt == WALL_SURE)
		w->doubt_ms = now->boot_ms;
	w->doubt = why;
}

static bool
has_held(const struct wall *w, const struct clock_reading *now)
{
	return now->boot_ms - w->since_ms >= WALL_HOLD_MS;
}

/* The rules that hold whatever was before. */
static void
settle(struct wall *w, const struct clock_reading *now, int64_t built_ms)
{
	if (now->wall_ms < built_ms - WALL_FAR_MS && !w->accepted) {
		w->since_ms = now->boot_ms;
		doubt(w, WALL_EARLY, now);
	} else if (!has_held(w, now)) {
		if (now->wall_ms < built_ms && w->doubt == WALL_SURE)
			doubt(w, WALL_EARLY, now);
	} else {
		w->doubt = WALL_SURE;
		if (now->wall_ms > w->floor_ms)
			w->floor_ms = now->wall_ms;
	}
}

void
wall_begin(struct wall *w, const struct clock_reading *now, int64_t built_ms)
{
	memset(w, 0, sizeof(*w));
	hold(w, now);
	if (now->wall_ms >= built_ms)
		w->since_ms -= WALL_HOLD_MS;
	settle(w, now, built_ms);
}

static void
look_after_boot(struct wall *w, const struct clock_reading *now)
{
	hold(w, now);
	w->doubt = WALL_SURE;
	if (now->wall_ms < w->floor_ms - WALL_STEP_MS)
		doubt(w, WALL_BEHIND, now);
	else if (w->floor_ms != 0 && now->wall_ms > w->floor_ms + WALL_AWAY_MS)
		doubt(w, WALL_AHEAD, now);
}

void
wall_look(struct wall *w, const struct clock_reading *before,
    const struct clock_reading *now, int64_t built_ms)
{
	int64_t moved = offset_of(now) - w->offset_ms;

	if (!clock_same_boot(before, now)) {
		look_after_boot(w, now);
	} else if (moved > WALL_STEP_MS || moved < -WALL_STEP_MS) {
		hold(w, now);
		w->step_ms = moved;
		doubt(w, WALL_STEPPED, now);
	}
	settle(w, now, built_ms);
}

void
wall_accept(struct wall *w, const struct clock_reading *now)
{
	hold(w, now);
	w->since_ms -= WALL_HOLD_MS;
	w->accepted = true;
	w->doubt = WALL_SURE;
	w->floor_ms = now->wall_ms;
}

int64_t
wall_now_ms(const struct wall *w, const struct clock_reading *now)
{
	return now->wall_ms > w->floor_ms ? now->wall_ms : w->floor_ms;
}

int64_t
wall_left_ms(const struct wall *w, const struct clock_reading *now)
{
	int64_t held = now->boot_ms - w->since_ms;

	if (w->doubt == WALL_SURE || held >= WALL_HOLD_MS)
		return 0;
	return WALL_HOLD_MS - held;
}
