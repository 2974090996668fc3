/*
 * test_store_test.c: test events are acknowledged each time, and a captured
 * one that somebody posts over and over fills no log.
 */
#include "tests/stand/clock_fixture.h"
#include "tests/stand/store_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/base/version.h"

#define KEPT (1 + STORE_TEST_REPEATS) /* of one content, in a day */

static void
begin(void)
{
	cf_begin(version_made_ms() + 100 * CF_DAY_MS);
	fx_setup();
	fx_added("orders", NULL);
}

static void
reopen(void)
{
	fx_close();
	fx_open();
}

/* A test event; content 0: nobody signed it. */
static void
begin_test(struct waiting *w, unsigned content, const char *body)
{
	fx_begin(w, "evt_test", body);
	w->item.event.flags = EVENT_TEST;
	w->item.identity.has_content = content != 0;
	memcpy(w->item.identity.content, &content, sizeof(content));
}

static enum store_outcome
test_with(unsigned content, const char *body)
{
	struct waiting w;

	begin_test(&w, content, body);
	store_submit(fx.st, &w.item);
	return fx_end(&w);
}

/* Posts it n times; how many were kept in the log? */
static unsigned
replay(unsigned content, unsigned n)
{
	uint64_t before = fx_events();
	unsigned i, kept = 0;

	for (i = 0; i < n; i++)
		switch (test_with(content, "x")) {
		case STORE_ACCEPTED:
			kept++;
			break;
		case STORE_DUPLICATE:
			break;
		case STORE_FAILED:
		case STORE_HELD:
		case STORE_RECORDED:
		case STORE_FORGED:
		case STORE_MOVED:
			ck_abort_msg("the %uth is refused", i);
		}
	ck_assert_uint_eq(fx_events(), before + kept);
	return kept;
}

START_TEST(what_is_signed_anew_is_kept)
{
	unsigned i;

	begin();
	for (i = 1; i <= 3 * KEPT; i++)
		ck_assert_int_eq(test_with(i, "x"), STORE_ACCEPTED);
	ck_assert_uint_eq(fx_events(), 3 * KEPT);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

START_TEST(a_day_keeps_so_many_repeats)
{
	begin();
	ck_assert_uint_eq(replay(1, 100), KEPT);
	reopen();
	ck_assert_uint_eq(replay(1, 20), 0);
	cf_pass(CF_DAY_MS - CF_HOUR_MS, 0);
	ck_assert_uint_eq(replay(1, 20), 0);
	cf_pass(CF_HOUR_MS, 0);
	ck_assert_uint_eq(replay(1, 100), STORE_TEST_REPEATS);
	/* The wall clock opens no day. */
	cf_pass(1000, 40 * CF_DAY_MS);
	ck_assert_uint_eq(replay(1, 20), 0);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

START_TEST(many_captured_tests_share_the_day)
{
	unsigned i, n = 0;

	begin();
	for (i = 1; i <= 30; i++)
		n += replay(i, 1);
	ck_assert_uint_eq(n, 30);
	for (i = 0; i < 300; i++)
		n += replay(1 + i % 30, 1);
	ck_assert_uint_eq(n, 30 + STORE_TEST_REPEATS);
	/* A new one is kept all the same. */
	ck_assert_uint_eq(replay(31, 1), 1);
	fx_added("others", NULL);
	ck_assert_uint_eq(replay(1, 50), KEPT);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

START_TEST(a_repeat_names_the_last_one_kept)
{
	struct waiting w;

	begin();
	ck_assert_uint_eq(replay(1, 50), KEPT);
	begin_test(&w, 1, "x");
	store_submit(fx.st, &w.item);
	ck_assert_int_eq(fx_end(&w), STORE_DUPLICATE);
	ck_assert_uint_eq(w.item.seq, KEPT);
	ck_assert_ptr_nonnull(strstr(w.item.reason, "not kept"));
}
END_TEST

START_TEST(an_operators_own_are_kept)
{
	struct waiting w;
	int i;

	begin();
	for (i = 0; i < 2 * KEPT; i++)
		ck_assert_int_eq(test_with(0, "x"), STORE_ACCEPTED);
	for (i = 0; i < 2 * KEPT; i++) {
		begin_test(&w, 1, "x");
		w.item.identity.admitted = true;
		store_submit(fx.st, &w.item);
		ck_assert_int_eq(fx_end(&w), STORE_ACCEPTED);
	}
	ck_assert_uint_eq(fx_events(), 4 * KEPT);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

/* Its first answer was lost on its way. */
START_TEST(the_same_request_is_stored_once)
{
	struct waiting w;
	int i;

	begin();
	for (i = 0; i < 3; i++) {
		begin_test(&w, 1, "x");
		w.item.has_request_id = true;
		memset(w.item.request_id, 7, sizeof(w.item.request_id));
		store_submit(fx.st, &w.item);
		ck_assert_int_eq(fx_end(&w), STORE_ACCEPTED);
		ck_assert_uint_eq(w.item.seq, 1);
		reopen();
	}
	ck_assert_uint_eq(fx_events(), 1);
}
END_TEST

/* What was a test yesterday may be of a type that counts today. */
START_TEST(a_test_stands_in_the_way_of_no_event)
{
	struct waiting w;

	begin();
	ck_assert_uint_eq(replay(1, 1), 1);
	begin_test(&w, 1, "x");
	w.item.event.flags = 0;
	w.item.identity.class.signs = true;
	w.item.contents = NULL;
	store_submit(fx.st, &w.item);
	ck_assert_int_eq(fx_end(&w), STORE_ACCEPTED);
	ck_assert_uint_eq(w.item.seq, 2);
}
END_TEST

START_TEST(a_flood_pushes_no_event_out)
{
	static char body[32 * 1024];
	uint64_t dropped = 0;
	struct waiting w;
	int i;

	begin();
	fx_close();
	fx.opt.retain_bytes = 1 << 20;
	fx.opt.segment_max = 64 << 10;
	fx_open();
	ck_assert_int_eq(fx_accept("evt_1", "real"), STORE_ACCEPTED);
	memset(body, 'x', sizeof(body) - 1);
	for (i = 0; i < 200; i++) {
		begin_test(&w, 1, body);
		store_submit(fx.st, &w.item);
		ck_assert_int_ne(fx_end(&w), STORE_FAILED);
	}
	cf_pass(CF_HOUR_MS, 0);
	ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	ck_assert_uint_eq(dropped, 0);
	ck_assert_uint_eq(fx_events(), 1 + KEPT);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_test");
	TCase *tc = tcase_create("store_test");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, NULL, fx_teardown);
	tcase_add_test(tc, what_is_signed_anew_is_kept);
	tcase_add_test(tc, a_day_keeps_so_many_repeats);
	tcase_add_test(tc, many_captured_tests_share_the_day);
	tcase_add_test(tc, a_repeat_names_the_last_one_kept);
	tcase_add_test(tc, an_operators_own_are_kept);
	tcase_add_test(tc, the_same_request_is_stored_once);
	tcase_add_test(tc, a_test_stands_in_the_way_of_no_event);
	tcase_add_test(tc, a_flood_pushes_no_event_out);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
