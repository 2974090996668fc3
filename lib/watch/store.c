/* store.c: space, and the horizon. */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/watch/impl.h"

#define MARK_FLOOR "floor" /* the age then; n: not used */
#define MARK_HORIZON "horizon" /* n: the one that was said */

/* --- space ---------------------------------------------------------------- */

static void
write_room(struct json_write *w, const struct store_room *room, int64_t since)
{
	char free[TEXT_TIME_MAX], floor[TEXT_TIME_MAX], why[256];

	text_size(free, room->free);
	text_size(floor, room->floor);
	snprintf(why, sizeof(why), "%s are free; the floor is %s", free, floor);
	json_write_uint(w, "free", room->free);
	json_write_uint(w, "floor", room->floor);
	json_write_time(w, "since", since);
	json_write_str(w, "why", why);
}

static int
say_room(struct watch *wt, enum watch_room what, const struct store_room *room,
    struct err *err)
{
	struct watch_space *sp = &wt->space;
	struct watch_word *word;
	struct json_write w;

	word = watch_word(wt,
	    what == WATCH_ROOM_SHORT ? NOTICE_FLOOR : NOTICE_FLOOR_PASSED,
	    MARK_FLOOR, 0);
	if (word == NULL)
		return 0;
	word->mark.at_ms = sp->below_ms;
	word->forget = what == WATCH_ROOM_PASSED;
	watch_data(word, &w, err);
	if (what == WATCH_ROOM_SHORT) {
		write_room(&w, room, room->fell_ms);
		notice_do(&w, "nothing is accepted below the floor: make room, "
			      "at once by deleting the ballast file in the "
			      "store's folder");
	} else {
		write_room(&w, room, wt->now_ms - (wt->age_ms - sp->below_ms));
		notice_do(&w, "nothing: requests are accepted again");
	}
	return watch_data_end(&w);
}

static int
look_at_room(struct watch *wt, struct err *err)
{
	struct watch_space *sp = &wt->space;
	struct store_room room;
	struct notice_mark mark;
	enum watch_room what;

	if (notice_mark(wt->st, NULL, MARK_FLOOR, 0, &mark, &sp->said, err) < 0)
		return -1;
	store_room(wt->st, &room);
	sp->below = room.below;
	/* Since when there is room again, a start does not know. */
	if (room.below || (sp->said && !wt->looked))
		sp->below_ms = wt->age_ms;
	else if (room.fell_age_ms > sp->below_ms)
		sp->below_ms = room.fell_age_ms;
	sp->calm_ms = wt->opt.calm_ms;
	what = watch_room(sp, wt->age_ms);
	if (what == WATCH_ROOM_PASSED)
		sp->said_ms = sp->below_ms;
	return what == WATCH_ROOM_NONE ? 0 : say_room(wt, what, &room, err);
}

/* --- the horizon ---------------------------------------------------------- */

static int
say_shortened(int64_t now_ms, const struct store_horizon *hz,
    struct watch_word *word, struct err *err)
{
	char now[TEXT_TIME_MAX], set[TEXT_TIME_MAX], why[256];
	struct json_write w;

	text_duration(now, hz->now_s);
	text_duration(set, hz->set_s);
	snprintf(why, sizeof(why),
	    "dedupe_max lets ids be remembered for %s, not for %s: what a "
	    "sender repeats later is accepted again",
	    now, set);
	watch_data(word, &w, err);
	json_write_int(&w, "horizon", hz->now_s);
	json_write_int(&w, "horizon_set", hz->set_s);
	json_write_time(&w, "since", now_ms);
	json_write_str(&w, "why", why);
	notice_do(&w, "give dedupe_max in eyelet.conf more room, or make "
		      "horizon shorter");
	return watch_data_end(&w);
}

static int
look_at_horizon(struct watch *wt, struct err *err)
{
	struct store_horizon hz;
	struct notice_mark mark;
	struct watch_word *word = NULL;
	bool found;

	store_horizon(wt->st, STORE_ANY_ENDPOINT, &hz);
	if (notice_mark(wt->st, NULL, MARK_HORIZON, 0, &mark, &found, err) < 0)
		return -1;
	if (watch_shortened(hz.set_s, hz.now_s, found ? (int64_t)mark.n : -1))
		word = watch_word(wt, NOTICE_HORIZON, MARK_HORIZON, 0);
	else if (found && hz.now_s >= hz.set_s)
		word = watch_word(wt, NULL, MARK_HORIZON, 0);
	if (word == NULL)
		return 0;
	word->mark.at_ms = wt->now_ms;
	word->mark.n = (uint64_t)hz.now_s;
	word->forget = word->type == NULL;
	return word->forget ? 0 : say_shortened(wt->now_ms, &hz, word, err);
}

int
watch_look_at_store(struct watch *wt, struct err *err)
{
	return look_at_room(wt, err) < 0 ? -1 : look_at_horizon(wt, err);
}
