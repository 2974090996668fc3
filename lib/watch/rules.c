/* rules.c: when the watch has something to say. */
#include "lib/watch/rules.h"

#include <string.h>

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* --- silence -------------------------------------------------------------- */

int64_t
watch_silent_since(const struct watch_hearing *h)
{
	return later(h->heard_ms, h->changed_ms);
}

enum watch_silence
watch_silence(const struct watch_hearing *h, int64_t now_ms)
{
	if (h->expect_ms == 0)
		return h->noted ? WATCH_SILENCE_FORGET : WATCH_SILENCE_NONE;
	if (h->noted && h->said)
		return h->heard_ms > h->noted_ms ? WATCH_SILENCE_ENDED
						 : WATCH_SILENCE_NONE;
	if (now_ms - watch_silent_since(h) > h->expect_ms)
		return WATCH_SILENCE_BEGAN;
	/* Not at each request: a tenth is near enough after a restart. */
	if (h->heard_ms - (h->noted ? h->noted_ms : 0) > h->expect_ms / 10)
		return WATCH_SILENCE_NOTE;
	return WATCH_SILENCE_NONE;
}

/* --- refusing ------------------------------------------------------------- */

static void
drop_oldest(struct watch_window *w)
{
	memmove(&w->samples[0], &w->samples[1], --w->n * sizeof(w->samples[0]));
}

void
watch_count(struct watch_window *w, int64_t now_ms, uint64_t refused,
    uint64_t good, struct watch_refusals *out)
{
	/* What came before the first look, or in another hour, is not ours. */
	while (w->n > 0 && (now_ms - w->samples[0].at_ms > WATCH_REFUSED_MS ||
			       w->samples[0].at_ms > now_ms))
		drop_oldest(w);
	if (w->n == 0 || now_ms - w->samples[w->n - 1].at_ms >=
			     WATCH_REFUSED_MS / (WATCH_SAMPLES - 1)) {
		if (w->n == WATCH_SAMPLES)
			drop_oldest(w);
		w->samples[w->n].at_ms = now_ms;
		w->samples[w->n].refused = refused;
		w->samples[w->n++].good = good;
	}
	out->refused = refused - w->samples[0].refused;
	out->good = good - w->samples[0].good;
	out->since_ms = w->samples[0].at_ms;
}

bool
watch_refuses(const struct watch_refusals *r, int64_t now_ms, int64_t said_ms)
{
	return r->refused >= WATCH_REFUSED_MIN && r->refused > r->good &&
	       (said_ms == 0 || now_ms - said_ms >= WATCH_HOUR_MS);
}

/* --- a clock that is wrong ------------------------------------------------ */

enum watch_missed
watch_missed(
    struct watch_misses *m, uint64_t good, uint64_t stale, uint64_t early)
{
	if (good != m->good) {
		m->nstale = m->nearly = 0;
	} else {
		m->nstale += stale - m->stale;
		m->nearly += early - m->early;
	}
	m->good = good;
	m->stale = stale;
	m->early = early;
	if (m->nstale >= WATCH_MISSED_MIN && m->nearly == 0)
		return WATCH_MISSED_STALE;
	if (m->nearly >= WATCH_MISSED_MIN && m->nstale == 0)
		return WATCH_MISSED_EARLY;
	return WATCH_MISSED_NONE;
}

/* --- secrets -------------------------------------------------------------- */

/*
 * Of an endpoint: it verified something since it is a previous one, and what
 * came last was signed with it, or came within the hour.
 */
static bool
is_used(const struct watch_secret *s, int64_t now_ms)
{
	if (s->signs)
		return true;
	return s->used_ms > s->previous_ms && s->used_ms > 0 &&
	       (s->used_ms >= s->other_used_ms ||
		   now_ms - s->used_ms < WATCH_HOUR_MS);
}

enum watch_ending
watch_ending(const struct watch_secret *s, int64_t now_ms)
{
	int64_t left = s->until_ms - now_ms, grace = INT64_MAX;

	if (s->previous_ms > 0)
		grace = s->until_ms - s->previous_ms;
	if (left <= 0 || !is_used(s, now_ms))
		return WATCH_ENDING_NONE;
	if (left <= sooner(WATCH_HOUR_MS, grace / 4))
		return WATCH_ENDING_HOUR;
	if (left <= sooner(WATCH_DAY_MS, grace / 2))
		return WATCH_ENDING_DAY;
	return WATCH_ENDING_NONE;
}

/* --- the horizon, space, segments ----------------------------------------- */

bool
watch_shortened(int64_t horizon_s, int64_t now_s, int64_t said_s)
{
	return now_s < horizon_s &&
	       (said_s < 0 || now_s < said_s - said_s / 10);
}

enum watch_room
watch_room(const struct watch_space *s, int64_t now_ms)
{
	if (!s->said)
		return s->below_ms > s->said_ms ? WATCH_ROOM_SHORT
						: WATCH_ROOM_NONE;
	if (!s->below && now_ms - s->below_ms >= s->calm_ms)
		return WATCH_ROOM_PASSED;
	return WATCH_ROOM_NONE;
}

bool
watch_said_today(int64_t said_ms, int64_t now_ms)
{
	return said_ms != 0 && now_ms - said_ms < WATCH_DAY_MS;
}

bool
watch_expires(int64_t since_ms, int64_t hold_ms, int64_t now_ms)
{
	return since_ms + hold_ms - now_ms <= sooner(WATCH_DAY_MS, hold_ms / 2);
}
