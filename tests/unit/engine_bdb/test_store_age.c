/*
 * test_store_age.c: what a store deletes or gives up, it does by its age:
 * whatever the wall clock shows meanwhile, nothing goes before its time, and
 * then it does go.
 */
#include "tests/stand/clock_fixture.h"
#include "tests/stand/delivery_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/age.h"
#include "lib/base/util.h"
#include "lib/base/version.h"

#define SECOND_MS 1000LL
#define HOUR_MS CF_HOUR_MS
#define DAY_MS CF_DAY_MS
#define YEARS_MS (3650 * DAY_MS) /* ten */
#define KEPT_MS (40 * DAY_MS) /* everything is */
#define UNSURE_MS (12 * AGE_AWAY_MS) /* so much do reboots add, at most */
#define DOC "{\"url\":\"https://example.com/\"}"

static uint64_t away, dead; /* destinations */

/* An event that one destination has still to get, and another's is dead. */
static void
begin_at(int64_t wall_ms)
{
	struct store_delivery d;

	cf_begin(wall_ms);
	fx_setup();
	fx_close();
	fx.opt.retain_s = fx.opt.hold_s = fx.opt.horizon_s = KEPT_MS / 1000;
	fx_open();
	away = fx_destination("away", DOC, 1);
	dead = fx_destination("dead", DOC, 1);
	fx_added("orders", NULL);
	ck_assert_int_eq(fx_accept("evt_1", "x"), STORE_ACCEPTED);
	d = fx_row(dead, 1, STORE_DELIVERY_DEAD);
	d.reason = span_str(DELIVERY_REMOVED);
	d.since_ms = d.last_ms = cf_wall_ms();
	fx_report_row(&d);
	fx_report_cursor(dead, 2);
}

static void
begin(void)
{
	begin_at(version_made_ms() + 100 * DAY_MS);
}

static void
reopen(void)
{
	fx_close();
	fx_open();
}

static void
prune(void)
{
	uint64_t dropped;

	ck_assert_msg(
	    store_prune(fx.st, &dropped, &fx.err) == 0, "%s", fx.err.text);
}

/* Is the event in the log? */
static bool
is_there(uint64_t seq)
{
	struct store_reader *rd = NULL;
	struct event ev;
	bool found;

	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	store_reader_seek(rd, seq);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &fx.err), 0);
	found = found && ev.seq == seq;
	store_reader_close(rd);
	return found;
}

static void
expect_all(const char *when)
{
	prune();
	ck_assert_msg(is_there(1), "%s: the event is gone", when);
	ck_assert_msg(fx_state(dead, 1) == STORE_DELIVERY_DEAD,
	    "%s: the dead letter is gone", when);
	ck_assert_msg(fx_state(away, 1) == 0 && fx_cursor(away) == 1,
	    "%s: the delivery was given up", when);
	ck_assert_msg(fx_accept("evt_1", "x") == STORE_DUPLICATE,
	    "%s: the id is forgotten", when);
	ck_assert_msg(fx_problems() == 0, "%s: check", when);
}

/* The machine runs: before their time all are there, and then they go. */
static void
expect_all_for_its_time(const char *when)
{
	expect_all(when);
	cf_pass(KEPT_MS - UNSURE_MS, 0);
	ck_assert_int_eq(fx_accept("evt_2", "x"), STORE_ACCEPTED);
	expect_all(when);
	cf_pass(UNSURE_MS + SECOND_MS, 0);
	prune();
	ck_assert_msg(!is_there(1) || is_there(2), "%s", when);
	ck_assert_msg(
	    fx_state(dead, 1) == 0, "%s: a dead letter never goes", when);
	cf_pass(KEPT_MS, 0);
	prune();
	ck_assert_msg(!is_there(1), "%s: the event never goes", when);
	ck_assert_msg(
	    fx_state(away, 1) == STORE_DELIVERY_DEAD || fx_cursor(away) > 1,
	    "%s: the delivery is never given up", when);
	ck_assert_msg(fx_accept("evt_1", "x") == STORE_ACCEPTED,
	    "%s: the id is never forgotten", when);
	ck_assert_uint_eq(fx_problems(), 0);
}

/* --- steps of the wall clock ---------------------------------------------- */

static const struct {
	const char *name;
	int64_t ms;
} steps[] = {
	{ "1 s ahead", SECOND_MS },
	{ "1 s back", -SECOND_MS },
	{ "1 h ahead", HOUR_MS },
	{ "1 h back", -HOUR_MS },
	{ "1 d ahead", DAY_MS },
	{ "1 d back", -DAY_MS },
	{ "40 d ahead", 40 * DAY_MS },
	{ "40 d back", -40 * DAY_MS },
	{ "10 y ahead", YEARS_MS },
	{ "10 y back", -YEARS_MS },
};

#define FAR 6 /* from there on */

START_TEST(steps_for_5_s)
{
	size_t i;

	begin();
	for (i = 0; i < NITEMS(steps); i++) {
		cf_pass(60 * SECOND_MS, steps[i].ms);
		expect_all(steps[i].name);
		cf_pass(5 * SECOND_MS, -steps[i].ms);
		expect_all(steps[i].name);
	}
	expect_all_for_its_time("steps for 5 s");
}
END_TEST

START_TEST(steps_over_restarts)
{
	size_t i;

	begin();
	for (i = 0; i < NITEMS(steps); i++) {
		fx_close();
		cf_pass(60 * SECOND_MS, steps[i].ms);
		fx_open();
		expect_all(steps[i].name);
		cf_pass(5 * SECOND_MS, -steps[i].ms);
	}
	expect_all_for_its_time("steps over restarts");
}
END_TEST

/* Each is for good, but for those that follow. */
START_TEST(steps_for_good)
{
	size_t i;

	begin();
	for (i = 0; i < NITEMS(steps); i++) {
		cf_pass(60 * SECOND_MS, steps[NITEMS(steps) - 1 - i].ms);
		expect_all(steps[NITEMS(steps) - 1 - i].name);
	}
	cf_pass(60 * SECOND_MS, YEARS_MS);
	expect_all_for_its_time("steps for good");
}
END_TEST

/* The clock of its battery is wrong, and somebody sets it right. */
START_TEST(steps_over_reboots)
{
	size_t i;

	begin();
	for (i = 0; i < NITEMS(steps); i++) {
		fx_close();
		cf_reboot(60 * SECOND_MS + steps[i].ms);
		fx_open();
		expect_all(steps[i].name);
		cf_pass(5 * SECOND_MS, -steps[i].ms);
	}
	expect_all_for_its_time("steps over reboots");
}
END_TEST

/* --- what else befalls a machine ------------------------------------------ */

START_TEST(a_suspend_is_time_that_passed)
{
	begin();
	cf_pass(KEPT_MS - HOUR_MS, 0);
	expect_all("suspended");
	cf_pass(HOUR_MS + SECOND_MS, 0);
	prune();
	ck_assert_int_eq(fx_state(dead, 1), 0);
}
END_TEST

START_TEST(a_snapshot_of_the_machine)
{
	begin();
	cf_pass(HOUR_MS, 0);
	expect_all("before");
	cf_go_back(HOUR_MS);
	expect_all("the boot's clock went back");
	cf_pass(SECOND_MS, 40 * DAY_MS);
	expect_all_for_its_time("and the wall clock came after it");
}
END_TEST

START_TEST(a_first_start_in_1970)
{
	begin_at(20 * SECOND_MS);
	expect_all("1970");
	cf_pass(5 * SECOND_MS, version_made_ms());
	expect_all_for_its_time("set right");
}
END_TEST

/* The power went, an hour after the clocks were saved. */
START_TEST(age_never_falls_behind_what_is_there)
{
	int64_t age_ms;

	begin();
	cf_pass(HOUR_MS, 0);
	ck_assert_int_eq(fx_accept("evt_2", "x"), STORE_ACCEPTED);
	age_ms = store_age_ms(fx.st);
	fx_shell("cp -a $1 $1.then");
	fx_close();
	fx_shell("rm -r $1; mv $1.then $1");
	cf_reboot(-YEARS_MS);
	fx_open();
	ck_assert_int_ge(store_age_ms(fx.st), age_ms);
}
END_TEST

/* --- limits in bytes ------------------------------------------------------ */

START_TEST(limits_in_bytes_act_whatever_the_clock_shows)
{
	begin();
	fx_report_cursor(away, 2);
	fx_close();
	fx.opt.retain_bytes = fx.opt.dedupe_max = 1;
	fx.opt.segment_max = 1;
	fx_open();
	cf_pass(2 * SECOND_MS, steps[_i].ms);
	ck_assert_int_eq(fx_accept("evt_2", "x"), STORE_ACCEPTED);
	fx_report_cursor(away, 3);
	fx_report_cursor(dead, 3);
	cf_pass(2 * SECOND_MS, 0);
	ck_assert_int_eq(fx_accept("evt_3", "x"), STORE_ACCEPTED);
	prune();
	ck_assert(!is_there(1));
	ck_assert(is_there(3));
	ck_assert_int_eq(fx_accept("evt_1", "x"), STORE_ACCEPTED);
	ck_assert_int_eq(fx_accept("evt_3", "x"), STORE_DUPLICATE);
}
END_TEST

/* --- what was asked ------------------------------------------------------- */

static int
count_run(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	++*(unsigned *)arg;
	if (buf_puts(result, "first", err) < 0)
		return -1;
	return store_tx_audit(tx, "count", "run", SPAN_EMPTY, err);
}

START_TEST(a_request_is_known_for_an_hour)
{
	static const unsigned char id[STORE_REQUEST_ID] = { 7 };
	unsigned runs = 0;

	begin();
	fx_change(id, count_run, &runs, NULL);
	cf_pass(60 * SECOND_MS, steps[_i].ms);
	reopen(); /* the close makes a checkpoint, which forgets */
	reopen();
	fx_change(id, count_run, &runs, NULL);
	ck_assert_uint_eq(runs, 1);
	cf_pass(HOUR_MS, -steps[_i].ms);
	reopen();
	fx_change(id, count_run, &runs, NULL);
	ck_assert_uint_eq(runs, 2);
}
END_TEST

/* --- places by time ------------------------------------------------------- */

#define NEVENTS 60

static int64_t received[NEVENTS + 1]; /* by seq */

static uint64_t
first_since(int64_t ms)
{
	uint64_t seq;

	for (seq = 1; seq <= NEVENTS; seq++)
		if (received[seq] >= ms)
			break;
	return seq;
}

/* Steps ahead and back, over segments of several events each. */
START_TEST(a_time_has_its_place_though_times_go_down)
{
	uint64_t seq, at, behind;
	unsigned seed = (unsigned)_i + 1;
	char id[32];
	int64_t ms;

	cf_begin(version_made_ms() + 100 * DAY_MS);
	fx_setup();
	fx_close();
	fx.opt.segment_max = 4096 * 4;
	fx_open();
	fx_added("orders", NULL);
	for (seq = 1; seq <= NEVENTS; seq++) {
		cf_pass(
		    rand_r(&seed) % 3000, _i > 0 && rand_r(&seed) % 8 == 0
					      ? rand_r(&seed) % 40000 - 20000
					      : 0);
		snprintf(id, sizeof(id), "evt_%u", (unsigned)seq);
		ck_assert_int_eq(fx_accept(id, "x"), STORE_ACCEPTED);
		received[seq] = cf_wall_ms();
		if (seq == NEVENTS / 2)
			reopen();
	}
	for (at = 1; at <= NEVENTS; at++)
		for (ms = received[at] - 1; ms <= received[at] + 1; ms++) {
			ck_assert_int_eq(
			    store_seq_at(fx.st, ms, &seq, &fx.err), 0);
			ck_assert_uint_eq(seq, first_since(ms));
			ck_assert_int_eq(
			    store_seq_end(fx.st, ms, &behind, &fx.err), 0);
			for (seq = behind; seq <= NEVENTS; seq++)
				ck_assert_int_ge(received[seq], ms);
			/* To the event, where the clock was never set. */
			if (_i == 0)
				ck_assert_uint_eq(behind, first_since(ms));
		}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_age");
	TCase *tc = tcase_create("store_age");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, NULL, fx_teardown);
	tcase_add_test(tc, steps_for_5_s);
	tcase_add_test(tc, steps_over_restarts);
	tcase_add_test(tc, steps_for_good);
	tcase_add_test(tc, steps_over_reboots);
	tcase_add_test(tc, a_suspend_is_time_that_passed);
	tcase_add_test(tc, a_snapshot_of_the_machine);
	tcase_add_test(tc, a_first_start_in_1970);
	tcase_add_test(tc, age_never_falls_behind_what_is_there);
	tcase_add_loop_test(tc, limits_in_bytes_act_whatever_the_clock_shows,
	    FAR, NITEMS(steps));
	tcase_add_loop_test(
	    tc, a_request_is_known_for_an_hour, FAR, NITEMS(steps));
	tcase_add_loop_test(
	    tc, a_time_has_its_place_though_times_go_down, 0, 4);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
