/*
 * test_watch_age.c: the watch counts by the age of the store, so that no step
 * of the wall clock makes it say something early, late or again. The test sets
 * what the machine's clocks show.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/base/version.h"
#include "lib/engine_bdb/impl.h"
#include "lib/watch/watch.h"
#include "tests/stand/clock_fixture.h"
#include "tests/stand/delivery_fixture.h"
#include "tests/stand/notice_fixture.h"

#define SECOND_MS 1000LL
#define MINUTE_MS (60 * SECOND_MS)
#define SHOP "{\"scheme\":\"nomos\",\"expect_every\":7200}"
#define TO_CRM "{\"url\":\"https://a.example/\"}"
#define HOLD_DAYS 10

static const struct {
	const char *name;
	int64_t ms;
} steps[] = {
	{ "none", 0 },
	{ "1 h ahead", CF_HOUR_MS },
	{ "1 d back", -CF_DAY_MS },
	{ "40 d ahead", 40 * CF_DAY_MS },
	{ "10 y back", -3650 * CF_DAY_MS },
};

static struct scheme_set *schemes;
static struct watch *wt;

static struct scheme_set *
hold_schemes(void *arg)
{
	(void)arg;
	return scheme_set_hold(schemes);
}

static void
watch(void)
{
	struct watch_options opt;

	watch_options_init(&opt);
	opt.look_ms = 0;
	opt.hold_s = opt.retain_s = HOLD_DAYS * 86400;
	ck_assert_int_eq(watch_open(fx.st, hold_schemes, NULL, &opt, NULL, NULL,
			     &wt, &fx.err),
	    0);
}

static void
setup(void)
{
	const char *top = getenv("top_srcdir"), *dirs[1];
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/conf/schemes", top == NULL ? ".." : top);
	dirs[0] = dir;
	cf_begin(version_made_ms() + 4000 * CF_DAY_MS);
	fx_setup();
	ck_assert_int_eq(
	    scheme_set_load(dirs, 1, NULL, NULL, &schemes, &fx.err), 0);
	watch();
}

static void
teardown(void)
{
	watch_close(wt);
	nt_forget();
	scheme_set_free(schemes);
	fx_teardown();
}

static int
put_shop(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct store_endpoint ep = { .state = STORE_ENDPOINT_ENABLED };

	(void)result;
	snprintf(ep.name, sizeof(ep.name), "shop");
	ep.doc = span_str(SHOP);
	if (store_tx_endpoint(tx, &ep, err) < 0)
		return -1;
	*(uint64_t *)arg = ep.id;
	return store_tx_audit(tx, "test", "shop", SPAN_EMPTY, err);
}

static uint64_t
shop(void)
{
	uint64_t id = 0;

	fx_change(NULL, put_shop, &id, NULL);
	return id;
}

static void
count(uint64_t id, enum store_count c, int n)
{
	while (n-- > 0)
		store_count(fx.st, id, c);
}

/* Looks; how often was this said by now? */
static size_t
said(const char *type)
{
	size_t i, n, found = 0;

	ck_assert_msg(watch_look(wt, &fx.err) == 0, "%s", fx.err.text);
	n = nt_listen();
	for (i = 0; i < n; i++)
		found += strcmp(nt_type(i), type) == 0;
	return found;
}

#define EXPECT(type, n, when)                                           \
	do {                                                            \
		size_t got = said(type);                                \
		ck_assert_msg(got == (n), "%s: %s " when ": %zu times", \
		    steps[_i].name, type, got);                         \
	} while (0)

/* Set off for 5 s, and then right again. */
#define EXPECT_THROUGHOUT(type, n, when)                   \
	do {                                               \
		cf_pass(5 * SECOND_MS, steps[_i].ms);      \
		EXPECT(type, n, when ", in the step");     \
		cf_pass(5 * SECOND_MS, -steps[_i].ms);     \
		EXPECT(type, n, when ", behind the step"); \
	} while (0)

START_TEST(silence_lasts_as_long_as_it_lasts)
{
	uint64_t id = shop();

	EXPECT(NOTICE_SILENT, 0, "at the start");
	count(id, STORE_COUNT_ACCEPTED, 1);
	EXPECT_THROUGHOUT(NOTICE_SILENT, 0, "heard just now");
	cf_pass(CF_HOUR_MS, 0);
	EXPECT_THROUGHOUT(NOTICE_SILENT, 0, "heard an hour ago");
	cf_pass(CF_HOUR_MS + MINUTE_MS, 0);
	EXPECT_THROUGHOUT(NOTICE_SILENT, 1, "not heard for two hours");
}
END_TEST

START_TEST(a_step_for_good_ends_no_silence)
{
	uint64_t id = shop();

	EXPECT(NOTICE_SILENT, 0, "at the start");
	count(id, STORE_COUNT_ACCEPTED, 1);
	EXPECT(NOTICE_SILENT, 0, "heard just now");
	cf_pass(5 * SECOND_MS, steps[_i].ms);
	EXPECT(NOTICE_SILENT, 0, "set");
	cf_pass(CF_HOUR_MS, 0);
	EXPECT(NOTICE_SILENT, 0, "heard an hour ago");
	cf_pass(CF_HOUR_MS + MINUTE_MS, 0);
	EXPECT(NOTICE_SILENT, 1, "not heard for two hours");
}
END_TEST

START_TEST(refusals_are_said_hourly)
{
	uint64_t id = shop();

	EXPECT(NOTICE_REFUSING, 0, "at the start");
	count(id, STORE_COUNT_MISSIGNED, 10);
	EXPECT_THROUGHOUT(NOTICE_REFUSING, 0, "ten");
	count(id, STORE_COUNT_MISSIGNED, 10);
	EXPECT_THROUGHOUT(NOTICE_REFUSING, 1, "twenty within ten minutes");
	count(id, STORE_COUNT_MISSIGNED, 100);
	EXPECT_THROUGHOUT(NOTICE_REFUSING, 1, "within the hour");
	cf_pass(CF_HOUR_MS, 0);
	EXPECT(NOTICE_REFUSING, 1, "calm again");
	count(id, STORE_COUNT_MISSIGNED, 20);
	EXPECT_THROUGHOUT(NOTICE_REFUSING, 2, "an hour later");
}
END_TEST

START_TEST(what_will_expire_is_said_a_day_before)
{
	fx_destination("crm", TO_CRM, 0);
	fx_added("orders", NULL);
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	EXPECT_THROUGHOUT(NOTICE_EXPIRING, 0, "just now");
	cf_pass((HOLD_DAYS - 1) * CF_DAY_MS - CF_HOUR_MS, 0);
	EXPECT_THROUGHOUT(NOTICE_EXPIRING, 0, "an hour and a day before");
	cf_pass(CF_HOUR_MS, 0);
	EXPECT_THROUGHOUT(NOTICE_EXPIRING, 1, "a day before");
	cf_pass(CF_HOUR_MS, 0);
	EXPECT_THROUGHOUT(NOTICE_EXPIRING, 1, "on that day");
}
END_TEST

static void
floor_at(unsigned percent)
{
	struct store_room room;

	store_room(fx.st, &room);
	watch_close(wt);
	fx_close();
	fx.opt.floor = percent == 0 ? 0 : room.free / percent * 100;
	fx_open();
	watch();
}

START_TEST(space_is_back_after_a_minute)
{
	floor_at(75);
	EXPECT_THROUGHOUT(NOTICE_FLOOR, 1, "below the floor");
	floor_at(0);
	EXPECT(NOTICE_FLOOR_PASSED, 0, "above it");
	EXPECT_THROUGHOUT(NOTICE_FLOOR_PASSED, 0, "for seconds");
	cf_pass(MINUTE_MS, 0);
	EXPECT_THROUGHOUT(NOTICE_FLOOR_PASSED, 1, "for a minute");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("watch_age");
	TCase *tc = tcase_create("watch_age");
	SRunner *sr;
	int failed, n = (int)NITEMS(steps);

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, silence_lasts_as_long_as_it_lasts, 0, n);
	tcase_add_loop_test(tc, a_step_for_good_ends_no_silence, 0, n);
	tcase_add_loop_test(tc, refusals_are_said_hourly, 0, n);
	tcase_add_loop_test(tc, what_will_expire_is_said_a_day_before, 0, n);
	tcase_add_loop_test(tc, space_is_back_after_a_minute, 0, n);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
