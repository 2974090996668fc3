/* When the watch has something to say: facts in, a verdict out. */
#include <check.h>
#include <stdlib.h>

#include "lib/base/util.h"
#include "lib/watch/rules.h"

#define M (60 * INT64_C(1000))
#define H WATCH_HOUR_MS
#define D WATCH_DAY_MS
#define T (1000 * D) /* now */

/* --- silence -------------------------------------------------------------- */

static const struct {
	const char *when;
	struct watch_hearing h;
	enum watch_silence want;
} hearings[] = {
	{ "not watched", { 0, T - D, T - D, false, 0, false },
	    WATCH_SILENCE_NONE },
	{ "watched no more", { 0, T, T - D, true, T - H, true },
	    WATCH_SILENCE_FORGET },
	{ "heard just now, for the first time",
	    { H, T, T - D, false, 0, false }, WATCH_SILENCE_NOTE },
	{ "heard, and noted a little before",
	    { H, T, T - D, true, T - 6 * M, false }, WATCH_SILENCE_NONE },
	{ "heard, and noted more than a tenth before",
	    { H, T, T - D, true, T - 7 * M, false }, WATCH_SILENCE_NOTE },
	{ "an hour to the millisecond", { H, T - H, T - D, true, T - H, false },
	    WATCH_SILENCE_NONE },
	{ "one more", { H, T - H - 1, T - D, true, T - H - 1, false },
	    WATCH_SILENCE_BEGAN },
	{ "and not noted yet", { H, T - H - 1, T - D, false, 0, false },
	    WATCH_SILENCE_BEGAN },
	{ "it was said", { H, T - D, T - 2 * D, true, T - D, true },
	    WATCH_SILENCE_NONE },
	{ "heard since it was said", { H, T - 1, T - 2 * D, true, T - D, true },
	    WATCH_SILENCE_ENDED },
	{ "silent, but its settings were changed",
	    { H, T - D, T - M, true, T - D, false }, WATCH_SILENCE_NONE },
	{ "never heard since it was made", { H, 0, T - H - 1, false, 0, false },
	    WATCH_SILENCE_BEGAN },
	{ "never heard, but it is new", { H, 0, T - M, false, 0, false },
	    WATCH_SILENCE_NONE },
	{ "never heard, and it was said", { H, 0, T - D, true, 0, true },
	    WATCH_SILENCE_NONE },
	{ "heard for the first time after it was said",
	    { H, T, T - D, true, 0, true }, WATCH_SILENCE_ENDED },
	{ "changed settings do not end a silence",
	    { H, T - D, T, true, T - D, true }, WATCH_SILENCE_NONE },
};

START_TEST(silence_is_said_once)
{
	ck_assert_msg(watch_silence(&hearings[_i].h, T) == hearings[_i].want,
	    "%s: %d", hearings[_i].when,
	    (int)watch_silence(&hearings[_i].h, T));
}
END_TEST

START_TEST(silence_counts_from_the_later)
{
	struct watch_hearing h = { .heard_ms = 5, .changed_ms = 7 };

	ck_assert_int_eq(watch_silent_since(&h), 7);
	h.heard_ms = 9;
	ck_assert_int_eq(watch_silent_since(&h), 9);
}
END_TEST

/* --- refusing ------------------------------------------------------------- */

static const struct {
	const char *when;
	struct watch_refusals r;
	int64_t said_ms;
	bool want;
} refusals[] = {
	{ "none", { 0, 0, 0 }, 0, false },
	{ "19", { 19, 0, 0 }, 0, false },
	{ "20", { 20, 0, 0 }, 0, true },
	{ "as many as verified", { 20, 20, 0 }, 0, false },
	{ "one more than verified", { 21, 20, 0 }, 0, true },
	{ "many, but more verified", { 500, 501, 0 }, 0, false },
	{ "said an hour ago", { 20, 0, 0 }, T - H, true },
	{ "said within the hour", { 20, 0, 0 }, T - H + 1, false },
};

START_TEST(many_refusals_are_said_hourly)
{
	ck_assert_msg(watch_refuses(&refusals[_i].r, T, refusals[_i].said_ms) ==
			  refusals[_i].want,
	    "%s", refusals[_i].when);
}
END_TEST

/* One refusal a minute, forever: never more than ten of them count. */
START_TEST(refusals_count_within_the_time)
{
	struct watch_window w = { .n = 0 };
	struct watch_refusals r;
	int i;

	for (i = 0; i < 100; i++) {
		watch_count(
		    &w, T + i * M, (uint64_t)(1000 + i), (uint64_t)(7 * i), &r);
		ck_assert_uint_le(r.refused, 10);
		if (i >= 10) {
			ck_assert_uint_eq(r.refused, 10);
			ck_assert_uint_eq(r.good, 70);
			ck_assert_int_eq(r.since_ms, T + (i - 10) * M);
		}
	}
	/* A burst between two looks counts at once. */
	watch_count(&w, T + i * M, 1200, 700, &r);
	ck_assert_uint_ge(r.refused, 100);
	/* And is past after the time. */
	watch_count(&w, T + i * M + WATCH_REFUSED_MS + 1, 1200, 700, &r);
	ck_assert_uint_eq(r.refused, 0);
}
END_TEST

START_TEST(looks_every_few_seconds_need_no_more_room)
{
	struct watch_window w = { .n = 0 };
	struct watch_refusals r;
	int i;

	for (i = 0; i < 1000; i++) {
		watch_count(&w, T + i * 5000, (uint64_t)i, 0, &r);
		ck_assert_uint_le(w.n, WATCH_SAMPLES);
		ck_assert_uint_le(r.refused, 120);
		if (i >= 120)
			ck_assert_uint_ge(r.refused, 100);
	}
}
END_TEST

START_TEST(a_clock_set_back_begins_anew)
{
	struct watch_window w = { .n = 0 };
	struct watch_refusals r;

	watch_count(&w, T, 0, 0, &r);
	watch_count(&w, T - D, 50, 0, &r);
	ck_assert_uint_eq(r.refused, 0);
	watch_count(&w, T - D + M, 80, 0, &r);
	ck_assert_uint_eq(r.refused, 30);
}
END_TEST

/* --- secrets -------------------------------------------------------------- */

static const struct {
	const char *when;
	struct watch_secret s; /* until, previous, signs, used, other used */
	enum watch_ending want;
} endings[] = {
	{ "used, two days left", { T + 2 * D, T - 5 * D, false, T - M, 0 },
	    WATCH_ENDING_NONE },
	{ "used, a day left", { T + D, T - 5 * D, false, T - M, 0 },
	    WATCH_ENDING_DAY },
	{ "used, an hour left", { T + H, T - 5 * D, false, T - M, 0 },
	    WATCH_ENDING_HOUR },
	{ "at its end", { T, T - 5 * D, false, T - M, 0 }, WATCH_ENDING_NONE },
	{ "never used", { T + H, T - 5 * D, false, 0, 0 }, WATCH_ENDING_NONE },
	{ "used only before it was a previous one",
	    { T + H, T - 5 * D, false, T - 6 * D, 0 }, WATCH_ENDING_NONE },
	{ "used days ago, and nothing came since",
	    { T + H, T - 5 * D, false, T - 3 * D, 0 }, WATCH_ENDING_HOUR },
	{ "used days ago, another one since",
	    { T + H, T - 5 * D, false, T - 3 * D, T - D }, WATCH_ENDING_NONE },
	{ "another one since, but used within the hour",
	    { T + D, T - 5 * D, false, T - H + 1, T - M }, WATCH_ENDING_DAY },
	{ "another one since, and used an hour ago",
	    { T + D, T - 5 * D, false, T - H, T - M }, WATCH_ENDING_NONE },
	{ "a grace of a day has just begun", { T + D - M, T - M, false, T, 0 },
	    WATCH_ENDING_NONE },
	{ "half of a grace of a day is over",
	    { T + 12 * H, T - 12 * H, false, T, 0 }, WATCH_ENDING_DAY },
	{ "half of a grace of an hour is over",
	    { T + 30 * M, T - 30 * M, false, T, 0 }, WATCH_ENDING_DAY },
	{ "a quarter of a grace of an hour is left",
	    { T + 15 * M, T - 45 * M, false, T, 0 }, WATCH_ENDING_HOUR },
	{ "signs what goes out", { T + D, T - 5 * D, true, 0, T },
	    WATCH_ENDING_DAY },
	{ "since when it is one is unknown", { T + D, 0, false, T - 9 * D, 0 },
	    WATCH_ENDING_DAY },
};

START_TEST(a_secret_in_use_is_named_before_it_ends)
{
	ck_assert_msg(watch_ending(&endings[_i].s, T) == endings[_i].want,
	    "%s: %d", endings[_i].when, (int)watch_ending(&endings[_i].s, T));
}
END_TEST

/* --- the horizon, space, segments ----------------------------------------- */

static const struct {
	const char *when;
	int64_t set_s, now_s, said_s;
	bool want;
} horizons[] = {
	{ "whole", 1000, 1000, -1, false },
	{ "shortened", 1000, 999, -1, true },
	{ "as it was said", 1000, 500, 500, false },
	{ "less by a tenth", 1000, 450, 500, false },
	{ "nothing is left, and it was said", 1000, 0, 0, false },
	{ "less by more", 1000, 449, 500, true },
	{ "longer than was said", 1000, 900, 500, false },
};

START_TEST(a_shortened_horizon_is_said_once_a_change)
{
	ck_assert_msg(watch_shortened(horizons[_i].set_s, horizons[_i].now_s,
			  horizons[_i].said_s) == horizons[_i].want,
	    "%s", horizons[_i].when);
}
END_TEST

static const struct {
	const char *when;
	struct watch_space s; /* below, below_ms, said, said_ms, calm_ms */
	enum watch_room want;
} rooms[] = {
	{ "never below", { false, 0, false, 0, M }, WATCH_ROOM_NONE },
	{ "below", { true, T, false, 0, M }, WATCH_ROOM_SHORT },
	{ "was below between two looks", { false, T - 1, false, 0, M },
	    WATCH_ROOM_SHORT },
	{ "below, and it was said", { true, T, true, 0, M }, WATCH_ROOM_NONE },
	{ "above for less than a minute", { false, T - M + 1, true, 0, M },
	    WATCH_ROOM_NONE },
	{ "above for a minute", { false, T - M, true, 0, M },
	    WATCH_ROOM_PASSED },
	{ "what passed is not said again", { false, T - M, false, T - M, M },
	    WATCH_ROOM_NONE },
	{ "below again", { true, T, false, T - M, M }, WATCH_ROOM_SHORT },
};

START_TEST(space_is_said_when_it_is_short_and_when_it_was)
{
	ck_assert_msg(watch_room(&rooms[_i].s, T) == rooms[_i].want, "%s",
	    rooms[_i].when);
}
END_TEST

START_TEST(a_day_is_a_day)
{
	ck_assert(!watch_said_today(0, T));
	ck_assert(watch_said_today(T - D + 1, T));
	ck_assert(!watch_said_today(T - D, T));
	ck_assert(!watch_expires(T - 28 * D, 30 * D, T));
	ck_assert(watch_expires(T - 29 * D, 30 * D, T));
	/* Half of a short time is not a warning from the start. */
	ck_assert(!watch_expires(T - 9 * M, 20 * M, T));
	ck_assert(watch_expires(T - 10 * M, 20 * M, T));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("watch rules");
	TCase *tc = tcase_create("rules");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, silence_is_said_once, 0, NITEMS(hearings));
	tcase_add_test(tc, silence_counts_from_the_later);
	tcase_add_loop_test(
	    tc, many_refusals_are_said_hourly, 0, NITEMS(refusals));
	tcase_add_test(tc, refusals_count_within_the_time);
	tcase_add_test(tc, looks_every_few_seconds_need_no_more_room);
	tcase_add_test(tc, a_clock_set_back_begins_anew);
	tcase_add_loop_test(
	    tc, a_secret_in_use_is_named_before_it_ends, 0, NITEMS(endings));
	tcase_add_loop_test(
	    tc, a_shortened_horizon_is_said_once_a_change, 0, NITEMS(horizons));
	tcase_add_loop_test(tc, space_is_said_when_it_is_short_and_when_it_was,
	    0, NITEMS(rooms));
	tcase_add_test(tc, a_day_is_a_day);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
