/* test_store_attempts.c: attempts are kept beside their events. */
#include "tests/stand/delivery_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

#define DOC "{\"url\":\"https://example.com/\"}"

static const char long_id[70000]; /* no row takes it */

/* An item with an attempt at evt SEQ; its row is put, or fails the report. */
static int
try_to(uint64_t id, uint64_t seq, unsigned no, int64_t at_ms, bool good)
{
	struct store_report_item item = { .kind = STORE_REPORT_ROW,
		.delivery = fx_row(id, seq, STORE_DELIVERY_RETRYING),
		.has_attempt = true,
		.attempt = { .no = no,
		    .result = STORE_ATTEMPT_FAILED,
		    .at_ms = at_ms,
		    .took_us = 1500000,
		    .next_ms = at_ms + 5000,
		    .status = 503,
		    .words = span_str("status 503") } };
	struct store_report r = { .items = &item, .nitems = 1 };

	if (!good)
		item.delivery.id = span_of(long_id, sizeof(long_id));
	return store_report(fx.st, &r, &fx.err);
}

struct found {
	uint64_t destinations[8];
	unsigned no[8];
	size_t n;
	int64_t next_ms;
};

static int
note(void *arg, const struct store_attempt *a, struct err *err)
{
	struct found *fd = arg;

	(void)err;
	ck_assert_uint_lt(fd->n, NITEMS(fd->no));
	ck_assert(span_is(a->words, "status 503"));
	ck_assert_int_eq(a->status, 503);
	ck_assert_int_eq(a->took_us, 1500000);
	ck_assert_int_eq(a->next_ms, a->at_ms + 5000);
	ck_assert_int_eq(a->result, STORE_ATTEMPT_FAILED);
	fd->destinations[fd->n] = a->destination_id;
	fd->no[fd->n++] = a->no;
	return 0;
}

static struct found
attempts(uint64_t seq, uint64_t id)
{
	struct found fd = { .n = 0 };

	ck_assert_msg(store_attempts(fx.st, seq, id, note, &fd, &fx.err) == 0,
	    "%s", fx.err.text);
	return fd;
}

static void
accept_many(int n)
{
	char id[32];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "evt_%d", i);
		ck_assert_int_eq(fx_accept(id, "x"), STORE_ACCEPTED);
	}
}

START_TEST(attempts_are_found_by_event_and_destination)
{
	uint64_t a = fx_destination("a", DOC, 1),
		 b = fx_destination("b", DOC, 1);
	struct found fd;
	int i;

	fx_added("orders", NULL);
	accept_many(3);
	ck_assert_uint_eq(attempts(2, 0).n, 0);
	ck_assert_int_eq(try_to(b, 2, 1, 1000, true), 0);
	ck_assert_int_eq(try_to(a, 2, 2, 2000, true), 0);
	ck_assert_int_eq(try_to(a, 2, 1, 1000, true), 0);
	ck_assert_int_eq(try_to(a, 3, 1, 1000, true), 0);
	/* Said again, as a report whose answer was lost is. */
	ck_assert_int_eq(try_to(a, 3, 1, 1000, true), 0);
	/* A life anew counts from 1 again; what was before stays. */
	ck_assert_int_eq(try_to(a, 3, 1, 9000, true), 0);
	/* Of no event. */
	ck_assert_int_eq(try_to(a, 99, 1, 1000, true), 0);
	for (i = 0; i < 2; i++) {
		fd = attempts(2, 0);
		ck_assert_uint_eq(fd.n, 3);
		ck_assert(fd.destinations[0] == a && fd.no[0] == 1);
		ck_assert(fd.destinations[1] == a && fd.no[1] == 2);
		ck_assert(fd.destinations[2] == b && fd.no[2] == 1);
		ck_assert_uint_eq(attempts(2, b).n, 1);
		ck_assert_uint_eq(attempts(3, 0).n, 2);
		ck_assert_uint_eq(attempts(1, 0).n, 0);
		ck_assert_uint_eq(attempts(99, 0).n, 0);
		ck_assert_uint_eq(fx_problems(), 0);
		fx_close();
		fx_open();
	}
}
END_TEST

START_TEST(an_attempt_is_kept_though_its_row_is_not)
{
	uint64_t id = fx_destination("a", DOC, 1);
	struct store_delivery d = fx_row(id, 1, STORE_DELIVERY_PARKED);

	fx_added("orders", NULL);
	accept_many(1);
	fx_operate(&d);
	ck_assert_int_eq(try_to(id, 1, 1, 1000, true), 0);
	ck_assert_int_eq(fx_state(id, 1), STORE_DELIVERY_PARKED);
	ck_assert_uint_eq(attempts(1, id).n, 1);
}
END_TEST

START_TEST(a_report_that_fails_leaves_no_attempt)
{
	uint64_t id = fx_destination("a", DOC, 1);

	fx_added("orders", NULL);
	accept_many(1);
	/* It would have made the table. */
	ck_assert_int_eq(try_to(id, 1, 1, 1000, false), -1);
	ck_assert_uint_eq(attempts(1, id).n, 0);
	fx_shell("! ls $1/db/tries-* 2>/dev/null");
	ck_assert_int_eq(try_to(id, 1, 1, 1000, true), 0);
	ck_assert_int_eq(try_to(id, 1, 2, 2000, false), -1);
	ck_assert_uint_eq(attempts(1, id).n, 1);
}
END_TEST

START_TEST(attempts_go_with_their_events)
{
	uint64_t id = fx_destination("a", DOC, 1), dropped;
	struct store_status before, after;
	int i;

	fx_added("orders", NULL);
	accept_many(2);
	ck_assert_int_eq(store_status(fx.st, &before, &fx.err), 0);
	for (i = 1; i <= 300; i++)
		ck_assert_int_eq(try_to(id, 1, (unsigned)i, 1000 + i, true), 0);
	/* They are counted as part of the log, which has a limit. */
	ck_assert_int_eq(store_status(fx.st, &after, &fx.err), 0);
	ck_assert_uint_ge(after.bytes_events, before.bytes_events + 300 * 64);
	fx_set_state(id, STORE_DESTINATION_REMOVED);
	fx_close();
	fx.opt.retain_s = 0;
	fx_open();
	ck_assert_int_eq(store_status(fx.st, &after, &fx.err), 0);
	ck_assert_uint_ge(after.bytes_events, before.bytes_events + 300 * 64);
	do
		ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	while (fx_events() > 0);
	ck_assert_uint_eq(attempts(1, 0).n, 0);
	fx_shell("! ls $1/db/tries-* 2>/dev/null");
	fx_close();
	fx_open();
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

START_TEST(a_rebuilt_store_has_the_attempts_too)
{
	uint64_t id;

	fx_close();
	fx.opt.log_keep_max = 1; /* a snapshot at every checkpoint */
	fx_open();
	id = fx_destination("a", DOC, 1);
	fx_added("orders", NULL);
	accept_many(2);
	ck_assert_int_eq(try_to(id, 1, 1, 1000, true), 0);
	fx_close();
	fx_shell("ls $1/snapshot/tries-* >/dev/null");
	/* Of a closed segment, too, attempts come later. */
	fx.opt.segment_age_s = 0;
	fx_open();
	ck_assert_int_eq(fx_accept("later", "x"), STORE_ACCEPTED);
	ck_assert_int_eq(try_to(id, 1, 2, 2000, true), 0);
	fx_close();
	fx_shell("for f in $1/db/tries-*; do echo none >$f; done; "
		 "touch $1/damaged");
	fx_open();
	ck_assert_uint_eq(attempts(1, id).n, 2);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

START_TEST(a_damaged_table_of_attempts_is_found)
{
	uint64_t id = fx_destination("a", DOC, 1);

	fx_added("orders", NULL);
	accept_many(1);
	ck_assert_int_eq(try_to(id, 1, 1, 1000, true), 0);
	ck_assert_uint_eq(fx_problems(), 0);
	fx_shell("for f in $1/db/tries-*; do printf %0512d 7 | dd of=$f bs=1 "
		 "seek=$(($(stat -c %s $f) - 600)) conv=notrunc status=none; "
		 "done");
	ck_assert_uint_gt(fx_problems(), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_attempts");
	TCase *tc = tcase_create("store_attempts");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_test(tc, attempts_are_found_by_event_and_destination);
	tcase_add_test(tc, an_attempt_is_kept_though_its_row_is_not);
	tcase_add_test(tc, a_report_that_fails_leaves_no_attempt);
	tcase_add_test(tc, attempts_go_with_their_events);
	tcase_add_test(tc, a_rebuilt_store_has_the_attempts_too);
	tcase_add_test(tc, a_damaged_table_of_attempts_is_found);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
