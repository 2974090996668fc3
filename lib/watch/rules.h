/*
 * rules.h: when the watch (watch.h) has something to say. Pure: facts
 * and the time (the wall clock or an age, the same for all that it is compared
 * with) come in, a verdict goes out, so that a test can play years.
 */
#ifndef EYELET_LIB_WATCH_RULES_H
#define EYELET_LIB_WATCH_RULES_H

#include <stdbool.h>
#include <stdint.h>

#define WATCH_HOUR_MS (3600 * INT64_C(1000))
#define WATCH_DAY_MS (24 * WATCH_HOUR_MS)

/* --- an endpoint that is silent --------------------------------------------
 */

enum watch_silence {
	WATCH_SILENCE_NONE, /* nothing to say or to write down */
	WATCH_SILENCE_BEGAN,
	WATCH_SILENCE_ENDED,
	WATCH_SILENCE_NOTE, /* remember when it was heard, for a restart */
	WATCH_SILENCE_FORGET /* it is watched no more */
};

struct watch_hearing {
	int64_t expect_ms; /* 0: it is not watched */
	int64_t heard_ms; /* the last request that verified; 0: never */
	int64_t changed_ms; /* of its settings: the wait begins anew */
	bool noted; /* the rest is known */
	int64_t noted_ms; /* what heard_ms was when it was written down */
	bool said; /* that it is silent */
};

enum watch_silence watch_silence(const struct watch_hearing *h, int64_t now_ms);
/* Since when nothing was heard, as far as it counts. */
int64_t watch_silent_since(const struct watch_hearing *h);

/* --- an endpoint that refuses many -----------------------------------------
 */

#define WATCH_REFUSED_MIN 20 /* for their signature ... */
#define WATCH_REFUSED_MS (600 * INT64_C(1000)) /* ... within this time */
#define WATCH_SAMPLES 11

/* Counters as they were at times, oldest first. */
struct watch_window {
	unsigned n;
	struct {
		int64_t at_ms;
		uint64_t refused, good;
	} samples[WATCH_SAMPLES];
};

struct watch_refusals {
	uint64_t refused, good; /* within the time */
	int64_t since_ms;
};

/* Counters as they are now: what happened within WATCH_REFUSED_MS? */
void watch_count(struct watch_window *w, int64_t now_ms, uint64_t refused,
    uint64_t good, struct watch_refusals *out);
/* said_ms: when it was said last; 0: never. */
bool
watch_refuses(const struct watch_refusals *r, int64_t now_ms, int64_t said_ms);

/* --- a clock that authentic requests speak against --------------------------
 */

#define WATCH_MISSED_MIN 10 /* authentic requests */

enum watch_missed {
	WATCH_MISSED_NONE,
	WATCH_MISSED_STALE, /* all were signed too long ago */
	WATCH_MISSED_EARLY /* all were signed in the future */
};

/* Of one endpoint: what missed its window since a request last met it. */
struct watch_misses {
	uint64_t good, stale, early; /* counters, as they were last */
	uint64_t nstale, nearly; /* since then */
};

/*
 * Counters as they are now. Several that miss on one side, and none that
 * meets, is no replay and no slow sender: a clock is wrong.
 */
enum watch_missed watch_missed(
    struct watch_misses *m, uint64_t good, uint64_t stale, uint64_t early);

/* --- a secret that ends -----------------------------------------------------
 */

enum watch_ending {
	WATCH_ENDING_NONE,
	WATCH_ENDING_DAY, /* within a day, or half of its grace */
	WATCH_ENDING_HOUR /* within an hour, or a quarter of it */
};

/* A previous secret. */
struct watch_secret {
	int64_t until_ms;
	int64_t previous_ms; /* since when it is; 0: unknown */
	bool signs; /* of a destination: what goes out is signed by it alone */
	/* Of an endpoint: when it verified last, and when another one did. */
	int64_t used_ms, other_used_ms;
};

/* NONE, too, when nobody uses it any more. */
enum watch_ending watch_ending(const struct watch_secret *s, int64_t now_ms);

/* --- the horizon ------------------------------------------------------------
 */

/* said_s: what was said last; -1: nothing. A tenth less is another change. */
bool watch_shortened(int64_t horizon_s, int64_t now_s, int64_t said_s);

/* --- space ------------------------------------------------------------------
 */

enum watch_room {
	WATCH_ROOM_NONE,
	WATCH_ROOM_SHORT,
	WATCH_ROOM_PASSED
};

struct watch_space {
	bool below; /* the floor, now */
	int64_t below_ms; /* the age at which it was below last; 0: never */
	bool said; /* that it is */
	int64_t said_ms; /* the below_ms that was meant */
	int64_t calm_ms; /* above the floor for so long: it is over */
};

enum watch_room watch_room(const struct watch_space *s, int64_t now_ms);

/* --- segments that are held --------------------------------------------------
 */

/* Was it said within the last day? said_ms 0: never. */
bool watch_said_today(int64_t said_ms, int64_t now_ms);

/* Does what was received at since_ms go within a day (or half of hold_ms)? */
bool watch_expires(int64_t since_ms, int64_t hold_ms, int64_t now_ms);

#endif
