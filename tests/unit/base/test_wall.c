/*
 * What a store makes of its two clocks: each row is a story of a machine,
 * told as what passed and who set the wall clock, and what must follow.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/age.h"
#include "lib/base/util.h"
#include "lib/base/wall.h"

#define START_S INT64_C(1764547200) /* 2025-12-01 */
#define MADE_S (START_S - 30 * 86400)
#define UP_S 5000 /* the machine has been up for so long at the start */
#define MIN 60
#define HOUR 3600
#define DAY 86400
#define YEAR (365 * DAY)
#define STEPS_MAX 9

enum what {
	END,
	RUN, /* time passes; the store looks at its end */
	TICK, /* as RUN, with a look every 10 s */
	BOOT, /* another boot, after so much time with the machine off */
	REVERT, /* a snapshot from the machine's 60th second runs on */
	ACCEPT /* an operator says that the wall clock is right */
};

struct step {
	enum what what;
	int64_t pass_s;
	int64_t set_s; /* then the wall clock is set by so much */
	enum wall_doubt doubt; /* then the store thinks so */
	/* How far the floor, and the age, came since the start; in s. */
	int64_t floor_s, age_s;
};

struct machine {
	struct clock_reading now, looked;
	struct wall wall;
	int64_t age_ms;
};

static void
look(struct machine *m)
{
	m->age_ms += age_passed_ms(&m->looked, &m->now);
	wall_look(&m->wall, &m->looked, &m->now, MADE_S * 1000);
	m->looked = m->now;
}

static void
begin(struct machine *m, int64_t wall_s)
{
	memset(m, 0, sizeof(*m));
	m->now.wall_ms = wall_s * 1000;
	m->now.boot_ms = UP_S * 1000;
	strcpy(m->now.boot, "boot-0");
	m->looked = m->now;
	wall_begin(&m->wall, &m->now, MADE_S * 1000);
}

static void
pass(struct machine *m, int64_t s)
{
	m->now.wall_ms += s * 1000;
	m->now.boot_ms += s * 1000;
}

static void
boot(struct machine *m)
{
	m->now.boot[5]++;
	m->now.boot_ms = 20000;
}

static void
perform(struct machine *m, const struct step *st)
{
	int64_t s;

	switch (st->what) {
	case END:
		return;
	case RUN:
	case ACCEPT:
		pass(m, st->pass_s);
		break;
	case TICK:
		for (s = 0; s < st->pass_s; s += 10) {
			look(m);
			pass(m, 10);
		}
		break;
	case BOOT:
		pass(m, st->pass_s);
		boot(m);
		break;
	case REVERT:
		pass(m, st->pass_s);
		m->now.boot_ms = 60000;
		break;
	}
	m->now.wall_ms += st->set_s * 1000;
	look(m);
	if (st->what == ACCEPT)
		wall_accept(&m->wall, &m->now);
}

/* One step whose outcome nobody compares. */
static void
let(struct machine *m, enum what what, int64_t pass_s, int64_t set_s)
{
	struct step st = { what, pass_s, set_s, WALL_SURE, 0, 0 };

	perform(m, &st);
}

static const struct {
	const char *when;
	int64_t wall_s; /* at the start; 0: it is right */
	struct step steps[STEPS_MAX];
} rows[] = {
	{ "nothing happens", 0, { { RUN, HOUR, 0, WALL_SURE, HOUR, HOUR } } },
	{ "a first start in 1970", 1,
	    { { TICK, DAY, 0, WALL_EARLY, -START_S, DAY },
		{ RUN, 0, START_S, WALL_STEPPED, -START_S, DAY },
		{ TICK, 9 * MIN, 0, WALL_STEPPED, -START_S, DAY + 9 * MIN },
		{ RUN, MIN, 0, WALL_SURE, 1 + DAY + 10 * MIN,
		    DAY + 10 * MIN } } },
	{ "a first start a month before the build", MADE_S - 30 * DAY,
	    { { RUN, 9 * MIN, 0, WALL_EARLY, -START_S, 9 * MIN },
		{ RUN, MIN, 0, WALL_SURE, -60 * DAY + 10 * MIN, 10 * MIN } } },
	{ "another boot, before the build and the floor", 0,
	    { { BOOT, 60, -31 * DAY, WALL_BEHIND, 0, 0 },
		{ RUN, 10 * MIN, 0, WALL_SURE, 0, 10 * MIN } } },
	{ "1970 by the word of an operator", 1,
	    { { ACCEPT, 0, 0, WALL_SURE, 1 - START_S, 0 },
		{ TICK, HOUR, 0, WALL_SURE, 1 + HOUR - START_S, HOUR },
		{ BOOT, 10, 0, WALL_EARLY, 1 + HOUR - START_S, HOUR + 10 } } },
	{ "a second at a time, and all of it is little", 0,
	    { { RUN, HOUR, 1, WALL_SURE, HOUR + 1, HOUR },
		{ RUN, HOUR, -1, WALL_SURE, 2 * HOUR, 2 * HOUR } } },
	{ "five minutes are no step", 0,
	    { { RUN, HOUR, 5 * MIN, WALL_SURE, HOUR + 5 * MIN, HOUR } } },
	{ "more than five minutes are", 0,
	    { { RUN, HOUR, 5 * MIN + 1, WALL_STEPPED, 0, HOUR },
		{ TICK, 9 * MIN, 0, WALL_STEPPED, 0, HOUR + 9 * MIN } } },
	{ "it is sure once it has held for ten minutes", 0,
	    { { RUN, HOUR, DAY, WALL_STEPPED, 0, HOUR },
		{ TICK, 10 * MIN - 10, 0, WALL_STEPPED, 0,
		    HOUR + 10 * MIN - 10 },
		{ RUN, 10, 0, WALL_SURE, DAY + HOUR + 10 * MIN,
		    HOUR + 10 * MIN } } },
	{ "three minutes, and three again, are a step", 0,
	    { { RUN, HOUR, 3 * MIN, WALL_SURE, HOUR + 3 * MIN, HOUR },
		{ RUN, HOUR, 3 * MIN, WALL_STEPPED, HOUR + 3 * MIN,
		    2 * HOUR } } },
	{ "40 days ahead for 5 s", 0,
	    { { TICK, HOUR, 40 * DAY, WALL_STEPPED, HOUR - 10, HOUR },
		{ RUN, 5, -40 * DAY, WALL_STEPPED, HOUR - 10, HOUR + 5 },
		{ TICK, 10 * MIN, 0, WALL_SURE, HOUR + 5 + 10 * MIN,
		    HOUR + 5 + 10 * MIN } } },
	{ "a step in doubt holds anew", 0,
	    { { RUN, HOUR, DAY, WALL_STEPPED, 0, HOUR },
		{ TICK, 9 * MIN, -DAY, WALL_STEPPED, 0, HOUR + 9 * MIN },
		{ TICK, 9 * MIN, 0, WALL_STEPPED, 0, HOUR + 18 * MIN },
		{ RUN, MIN, 0, WALL_SURE, HOUR + 19 * MIN,
		    HOUR + 19 * MIN } } },
	{ "set back, the floor stays", 0,
	    { { TICK, HOUR, -DAY, WALL_STEPPED, HOUR - 10, HOUR },
		{ TICK, HOUR, 0, WALL_SURE, HOUR - 10, 2 * HOUR } } },
	{ "a wrong clock raised the floor, an operator takes it back", 0,
	    { { RUN, HOUR, 10 * YEAR, WALL_STEPPED, 0, HOUR },
		{ TICK, HOUR, 0, WALL_SURE, 10 * YEAR + 2 * HOUR, 2 * HOUR },
		{ RUN, 0, -10 * YEAR, WALL_STEPPED, 10 * YEAR + 2 * HOUR,
		    2 * HOUR },
		{ ACCEPT, 0, 0, WALL_SURE, 2 * HOUR, 2 * HOUR },
		{ TICK, HOUR, 0, WALL_SURE, 3 * HOUR, 3 * HOUR } } },
	{ "accepting ends a doubt", 0,
	    { { RUN, HOUR, DAY, WALL_STEPPED, 0, HOUR },
		{ ACCEPT, 1, 0, WALL_SURE, DAY + HOUR + 1, HOUR + 1 },
		{ RUN, 1, DAY, WALL_STEPPED, DAY + HOUR + 1, HOUR + 2 } } },
	{ "another boot, as usual", 0,
	    { { RUN, HOUR, 0, WALL_SURE, HOUR, HOUR },
		{ BOOT, 90, 0, WALL_SURE, HOUR, HOUR + 90 },
		{ TICK, 10 * MIN - 10, 0, WALL_SURE, HOUR,
		    HOUR + 80 + 10 * MIN },
		{ RUN, 10, 0, WALL_SURE, HOUR + 90 + 10 * MIN,
		    HOUR + 90 + 10 * MIN } } },
	{ "another boot, the clock an hour ahead for 5 s", 0,
	    { { BOOT, 90, HOUR, WALL_SURE, 0, HOUR + 90 },
		{ RUN, 5, -HOUR, WALL_STEPPED, 0, HOUR + 95 },
		{ TICK, 10 * MIN, 0, WALL_SURE, 95 + 10 * MIN,
		    HOUR + 95 + 10 * MIN } } },
	{ "another boot, the clock 40 days ahead for 5 s", 0,
	    { { BOOT, 90, 40 * DAY, WALL_AHEAD, 0, DAY },
		{ RUN, 5, -40 * DAY, WALL_STEPPED, 0, DAY + 5 } } },
	{ "off for a month", 0,
	    { { BOOT, 30 * DAY, 0, WALL_AHEAD, 0, DAY },
		{ TICK, 10 * MIN, 0, WALL_SURE, 30 * DAY + 10 * MIN,
		    DAY + 10 * MIN } } },
	{ "another boot, the clock back", 0,
	    { { BOOT, 90, -HOUR, WALL_BEHIND, 0, 0 },
		{ BOOT, 90, 0, WALL_BEHIND, 0, 90 },
		{ RUN, 0, HOUR, WALL_STEPPED, 0, 90 } } },
	{ "another boot in 1970", 0,
	    { { BOOT, 90, -START_S, WALL_EARLY, 0, 0 },
		{ RUN, 5, START_S, WALL_STEPPED, 0, 5 } } },
	{ "in doubt over another boot, which begins anew", 0,
	    { { RUN, HOUR, 40 * DAY, WALL_STEPPED, 0, HOUR },
		{ BOOT, 9 * MIN, 0, WALL_AHEAD, 0, HOUR + 9 * MIN },
		{ TICK, 9 * MIN, 0, WALL_AHEAD, 0, HOUR + 18 * MIN } } },
	{ "a snapshot of the machine runs on", 0,
	    { { RUN, HOUR, 0, WALL_SURE, HOUR, HOUR },
		{ REVERT, 3 * HOUR, 0, WALL_SURE, HOUR, 4 * HOUR },
		{ RUN, 10 * MIN, 0, WALL_SURE, 4 * HOUR + 10 * MIN,
		    4 * HOUR + 10 * MIN } } },
	{ "a snapshot of the machine, and its clock of then", 0,
	    { { RUN, HOUR, 0, WALL_SURE, HOUR, HOUR },
		{ REVERT, 0, -UP_S - HOUR, WALL_BEHIND, HOUR, HOUR },
		{ RUN, 5, UP_S + HOUR, WALL_STEPPED, HOUR, HOUR + 5 } } },
};

START_TEST(a_story_ends_as_it_must)
{
	const struct step *st;
	struct machine m;
	int n;

	begin(&m, rows[_i].wall_s != 0 ? rows[_i].wall_s : START_S);
	for (st = rows[_i].steps, n = 1; st->what != END; st++, n++) {
		perform(&m, st);
		ck_assert_msg(
		    m.wall.doubt == st->doubt &&
			m.wall.floor_ms == (START_S + st->floor_s) * 1000 &&
			m.age_ms == st->age_s * 1000,
		    "%s: step %d: doubt %d (want %d), floor %lld (want %lld), "
		    "age %lld (want %lld)",
		    rows[_i].when, n, (int)m.wall.doubt, (int)st->doubt,
		    (long long)(m.wall.floor_ms / 1000 - START_S),
		    (long long)st->floor_s, (long long)(m.age_ms / 1000),
		    (long long)st->age_s);
	}
}
END_TEST

/* --- every step, in every place ------------------------------------------- */

static const int64_t sizes_s[] = { 1, HOUR, DAY, 40 * DAY, 10 * YEAR };

static const struct {
	const char *name;
	enum what what;
	int64_t pass_s;
} places[] = {
	{ "while it runs", RUN, 0 },
	{ "over a restart of the store", RUN, 30 },
	{ "over another boot", BOOT, 60 },
	{ "over a suspend", RUN, 3 * HOUR },
	{ "over a snapshot", REVERT, 10 },
};

/*
 * Whatever the clock did for 5 s, a while later the age is what has passed,
 * or a day more at worst, the floor is not beyond the time that it is, and the
 * clock is believed.
 */
START_TEST(a_moment_of_another_time_does_no_harm)
{
	size_t size, place;
	int64_t set_s, true_s, extra_ms;
	struct machine m;
	int sign;

	for (size = 0; size < NITEMS(sizes_s); size++)
		for (place = 0; place < NITEMS(places); place++)
			for (sign = -1; sign <= 1; sign += 2) {
				set_s = sign * sizes_s[size];
				begin(&m, START_S);
				let(&m, TICK, HOUR, 0);
				let(&m, places[place].what,
				    places[place].pass_s, set_s);
				let(&m, RUN, 5, -set_s);
				true_s = HOUR + places[place].pass_s + 5;
				ck_assert_int_le(m.wall.floor_ms,
				    (START_S + true_s + 1) * 1000);
				let(&m, TICK, 11 * MIN, 0);
				true_s += 11 * MIN;
				extra_ms = m.age_ms - true_s * 1000;
				ck_assert_msg(
				    m.wall.doubt == WALL_SURE &&
					m.wall.floor_ms / 1000 - START_S -
						true_s <=
					    1 &&
					extra_ms <= AGE_AWAY_MS &&
					extra_ms >=
					    -places[place].pass_s * 1000,
				    "%+lld s %s: doubt %d, floor %+lld s, age "
				    "%+lld ms",
				    (long long)set_s, places[place].name,
				    (int)m.wall.doubt,
				    (long long)(m.wall.floor_ms / 1000 -
						START_S - true_s),
				    (long long)extra_ms);
				ck_assert_int_eq(
				    wall_left_ms(&m.wall, &m.now), 0);
			}
}
END_TEST

/* Steps that are too small to see: how they add up. */
static const struct {
	const char *when;
	int64_t every_s, set_s;
	int times;
	enum wall_doubt doubt;
} small[] = {
	{ "a second each second, which is a clock of twice the speed", 1, 1,
	    1000, WALL_STEPPED },
	{ "a second back each second", 1, -1, 1000, WALL_STEPPED },
	{ "a second each hour for ten days", HOUR, 1, 240, WALL_SURE },
	{ "there and back", 1, 0, 1000, WALL_SURE },
};

START_TEST(small_steps_add_up)
{
	struct machine m;
	int i;

	begin(&m, START_S);
	for (i = 0; i < small[_i].times; i++)
		let(&m, RUN, small[_i].every_s,
		    small[_i].set_s != 0 ? small[_i].set_s
		    : i % 2 == 0         ? 200
					 : -200);
	ck_assert_msg(m.wall.doubt == small[_i].doubt, "%s: doubt %d",
	    small[_i].when, (int)m.wall.doubt);
	ck_assert_int_eq(m.age_ms, small[_i].times * small[_i].every_s * 1000);
}
END_TEST

/* --- what secrets are judged by ------------------------------------------- */

START_TEST(secrets_are_judged_by_the_later_one)
{
	struct clock_reading now = { .wall_ms = 1000 };
	struct wall w = { .floor_ms = 2000 };

	ck_assert_int_eq(wall_now_ms(&w, &now), 2000);
	now.wall_ms = 3000;
	ck_assert_int_eq(wall_now_ms(&w, &now), 3000);
}
END_TEST

START_TEST(what_is_left_counts_down)
{
	struct machine m;

	begin(&m, START_S);
	let(&m, RUN, 0, HOUR);
	ck_assert_int_eq(wall_left_ms(&m.wall, &m.now), WALL_HOLD_MS);
	let(&m, RUN, 4 * MIN, 0);
	ck_assert_int_eq(
	    wall_left_ms(&m.wall, &m.now), WALL_HOLD_MS - 4 * MIN * 1000);
	ck_assert_int_eq(m.wall.step_ms, HOUR * 1000);
	ck_assert_int_eq(m.wall.doubt_ms, UP_S * 1000);
}
END_TEST

/* Where the system tells no id of its boot, the boot clock must do. */
START_TEST(an_unknown_boot_is_told_by_its_clock)
{
	struct clock_reading before = { 5000, 3000, "" }, now = before;

	now.boot_ms += 70;
	ck_assert_int_eq(age_passed_ms(&before, &now), 70);
	now.boot_ms = 10;
	now.wall_ms += 60;
	ck_assert_int_eq(age_passed_ms(&before, &now), 60);
	strcpy(now.boot, "known");
	now.boot_ms = 4000;
	ck_assert_int_eq(age_passed_ms(&before, &now), 60);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("wall");
	TCase *tc = tcase_create("wall");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, a_story_ends_as_it_must, 0, NITEMS(rows));
	tcase_add_test(tc, a_moment_of_another_time_does_no_harm);
	tcase_add_loop_test(tc, small_steps_add_up, 0, NITEMS(small));
	tcase_add_test(tc, secrets_are_judged_by_the_later_one);
	tcase_add_test(tc, what_is_left_counts_down);
	tcase_add_test(tc, an_unknown_boot_is_told_by_its_clock);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
