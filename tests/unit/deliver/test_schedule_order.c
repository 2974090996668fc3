/*
 * test_schedule_order.c: in strict and keyed order, n+1 never starts before
 * n is delivered or dead; and how operators get a stuck one out of the way.
 */
#include "lib/deliver/schedule.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/stand/schedule_stand.h"

#define ck_starts(want) ck_assert_str_eq(starts(), want)
#define ck_report(want) ck_assert_str_eq(report(), want)

static struct schedule_destination d;

static void
setup(void)
{
	stand_setup();
	d = plain(1);
	d.concurrency = 8;
	d.order = DESTINATION_ORDER_STRICT;
}

static void
setup_keyed(void)
{
	setup();
	d.order = DESTINATION_ORDER_KEY;
}

/* An operator's change of one row, the only one that there is. */
static void
operate(uint64_t seq, enum store_delivery_state state, uint64_t stamp)
{
	rows_begin(1);
	row(1, seq, state, stamp, 0);
	rows_end(1);
}

/* --- strict --------------------------------------------------------------- */

START_TEST(one_goes_at_a_time)
{
	put_known(&d, 10);
	take(1, 10, 12);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_starts("1/11#1");
	end(1, 11, SCHEDULE_REFUSED);
	ck_starts("1/12#1");
}
END_TEST

START_TEST(a_failed_head_blocks_and_nothing_is_read)
{
	put_known(&d, 10);
	take(1, 10, 12);
	ck_assert(wants(1));
	ck_starts("1/10#1");
	ck_assert(wants(1));
	end(1, 10, SCHEDULE_FAILED);
	ck_assert(!wants(1));
	ck_assert(!take_key(1, 13, ""));
	ck_starts("");
	/* Those behind it need no rows: they stand in the log. */
	ck_report("row 1/10 retrying #1; cursor 1=11");
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2");
	ck_assert(!wants(1));
	end(1, 10, SCHEDULE_FAILED);
	now_ms += 3 * MINUTE;
	ck_starts("1/10#3");
	end(1, 10, SCHEDULE_FAILED); /* dead */
	ck_assert_uint_eq(wanted(1), 13);
	ck_starts("1/11#1");
}
END_TEST

START_TEST(a_fault_of_ours_keeps_the_order_too)
{
	put_known(&d, 10);
	take(1, 10, 11);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAULT);
	ck_assert(!wants(1));
	now_ms += SECOND;
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_starts("1/11#1");
	ck_assert(wants(1));
}
END_TEST

static const enum store_delivery_state aside[] = { STORE_DELIVERY_PARKED,
	STORE_DELIVERY_DEAD };

START_TEST(a_head_that_is_set_aside_blocks_nobody)
{
	put_known(&d, 10);
	take(1, 10, 11);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	ck_report("row 1/10 retrying #1; cursor 1=11");
	operate(10, aside[_i], 7);
	ck_assert(wants(1));
	ck_starts("1/11#1");
	end(1, 11, SCHEDULE_DELIVERED);
	now_ms += DAY;
	ck_starts("");
	ck_report("done 1/11 #1; cursor 1=12");
}
END_TEST

START_TEST(a_head_that_is_deleted_blocks_nobody)
{
	put_known(&d, 10);
	take(1, 10, 11);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	ck_report("row 1/10 retrying #1; cursor 1=11");
	rows_begin(1);
	rows_end(1);
	ck_starts("1/11#1");
}
END_TEST

START_TEST(a_head_is_retried_now)
{
	put_known(&d, 10);
	take(1, 10, 11);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	ck_report("row 1/10 retrying #1; cursor 1=11");
	operate(10, STORE_DELIVERY_PENDING, 7);
	ck_starts("1/10#2");
	/* Its plan begins anew: three attempts. */
	end(1, 10, SCHEDULE_FAILED);
	ck_report("row 1/10@7 retrying #2");
	now_ms += 2 * MINUTE;
	ck_starts("1/10#3");
	end(1, 10, SCHEDULE_FAILED);
	now_ms += 3 * MINUTE;
	ck_starts("1/10#4");
	end(1, 10, SCHEDULE_FAILED);
	ck_report("row 1/10@7 retrying #3; row 1/10@7 dead exhausted #4");
	ck_starts("1/11#1");
}
END_TEST

START_TEST(a_head_that_is_set_aside_under_way_ends_first)
{
	put_known(&d, 10);
	take(1, 10, 11);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	report();
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2");
	operate(10, STORE_DELIVERY_PARKED, 7);
	ck_starts("");
	end(1, 10, SCHEDULE_FAILED);
	ck_starts("1/11#1");
	/* Only the attempt: the row is the operator's. */
	ck_report("done 1/10 #2");
}
END_TEST

START_TEST(a_parked_one_comes_back_before_what_waits)
{
	put_known(&d, 10);
	take(1, 10, 12);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	report();
	operate(10, STORE_DELIVERY_PARKED, 7);
	ck_starts("1/11#1");
	operate(10, STORE_DELIVERY_PENDING, 8);
	ck_starts("");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_starts("1/10#1"); /* its row knows of no attempts */
	end(1, 10, SCHEDULE_DELIVERED);
	ck_starts("1/12#1");
}
END_TEST

START_TEST(an_old_one_that_is_replayed_goes_before_a_waiting_head)
{
	put_known(&d, 10);
	take(1, 10, 11);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	report();
	rows_begin(1);
	row(1, 5, STORE_DELIVERY_PENDING, 7, 0);
	row(1, 10, STORE_DELIVERY_RETRYING, 0, 0);
	rows_end(1);
	ck_starts("1/5#1");
	now_ms += HOUR;
	ck_starts("");
	end(1, 5, SCHEDULE_DELIVERED);
	ck_starts("1/10#2");
}
END_TEST

START_TEST(rows_come_before_the_log)
{
	put(&d, 10);
	rows_begin(1);
	row(1, 4, STORE_DELIVERY_PARKED, 3, 0);
	row(1, 5, STORE_DELIVERY_RETRYING, 0, now_ms + HOUR);
	row(1, 6, STORE_DELIVERY_PENDING, 0, 0);
	row(1, 7, STORE_DELIVERY_DEAD, 0, 0);
	rows_end(1);
	take(1, 10, 10);
	ck_starts("");
	now_ms += HOUR;
	ck_starts("1/5#1");
	end(1, 5, SCHEDULE_DELIVERED);
	ck_starts("1/6#1");
	end(1, 6, SCHEDULE_DELIVERED);
	ck_starts("1/10#1");
}
END_TEST

START_TEST(a_row_ahead_of_the_log_waits_for_it)
{
	put(&d, 10);
	rows_begin(1);
	row(1, 12, STORE_DELIVERY_PENDING, 7, 0);
	row(1, 13, STORE_DELIVERY_DEAD, 8, 0);
	row(1, 14, STORE_DELIVERY_PENDING, 9, 0);
	rows_end(1);
	ck_starts("");
	take(1, 10, 12); /* 12 is a row: nothing comes of it */
	ck_assert_uint_eq(wanted(1), 13);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_starts("1/11#1");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_starts("1/12#1");
	end(1, 12, SCHEDULE_DELIVERED);
	take(1, 13, 13); /* it is dead */
	ck_starts("");
	schedule_passed(sc, 1, 15); /* 14 matches no more, but has a row */
	ck_starts("1/14#1");
}
END_TEST

/* --- keyed ---------------------------------------------------------------- */

START_TEST(keys_go_side_by_side_and_each_in_order)
{
	put_known(&d, 10);
	ck_assert(take_key(1, 10, "a"));
	ck_assert(take_key(1, 11, "a"));
	ck_assert(take_key(1, 12, "b"));
	ck_assert(take_key(1, 13, ""));
	ck_assert(take_key(1, 14, ""));
	ck_assert(take_key(1, 15, "b"));
	ck_starts("1/10#1 1/12#1 1/13#1 1/14#1");
	end(1, 12, SCHEDULE_DELIVERED);
	ck_starts("1/15#1");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_starts("1/11#1");
}
END_TEST

START_TEST(followers_of_a_stuck_key_are_rows_and_others_go_on)
{
	uint64_t seq;

	put_known(&d, 10);
	ck_assert(take_key(1, 10, "a"));
	ck_assert(take_key(1, 11, "a"));
	ck_assert(take_key(1, 12, "b"));
	ck_starts("1/10#1 1/12#1");
	end(1, 10, SCHEDULE_FAILED);
	end(1, 12, SCHEDULE_DELIVERED);
	ck_report("row 1/10 retrying #1; row 1/11 pending; done 1/12 #1; "
		  "cursor 1=13");
	/* A new one too, though nothing behind it is under way. */
	ck_assert(take_key(1, 13, "a"));
	ck_report("row 1/13 pending; cursor 1=14");
	for (seq = 14; seq < 22; seq++)
		ck_assert(take_key(1, seq, seq % 2 == 0 ? "c" : ""));
	ck_starts("1/14#1 1/15#1 1/17#1 1/19#1 1/21#1");
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_starts("1/11#1");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_starts("1/13#1");
}
END_TEST

START_TEST(followers_in_rows_leave_the_queue)
{
	uint64_t seq;

	d.park_max = 3 * SCHEDULE_QUEUE_MAX;
	put_known(&d, 1);
	ck_assert(take_key(1, 1, "a"));
	ck_starts("1/1#1");
	end(1, 1, SCHEDULE_FAILED);
	report();
	for (seq = 2; wants(1); seq++)
		ck_assert(take_key(1, seq, "a"));
	ck_assert_uint_eq(seq, SCHEDULE_QUEUE_MAX + 2);
	report();
	ck_assert_uint_eq(wanted(1), seq);
	ck_assert(take_key(1, seq, "b"));
	ck_starts("1/1026#1");
}
END_TEST

START_TEST(a_key_with_as_many_followers_as_may_stops_the_reading)
{
	d.park_max = 2;
	put_known(&d, 10);
	ck_assert(take_key(1, 10, "a"));
	ck_assert(take_key(1, 11, "a"));
	ck_assert(take_key(1, 12, "a"));
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	report();
	ck_assert(take_key(1, 13, "b"));
	ck_assert(!take_key(1, 14, "a"));
	ck_assert(!wants(1));
	ck_starts("1/13#1");
	end(1, 13, SCHEDULE_DELIVERED);
	ck_assert(!wants(1));
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2");
	ck_assert(!wants(1));
	end(1, 10, SCHEDULE_DELIVERED); /* 11 is the head: one follower */
	ck_assert_uint_eq(wanted(1), 14);
	ck_assert(take_key(1, 14, "a"));
	ck_assert(!take_key(1, 15, "a"));
	ck_assert(!wants(1));
	d.park_max = 3;
	put(&d, 0);
	ck_assert_uint_eq(wanted(1), 15);
}
END_TEST

START_TEST(no_follower_may_be_enough)
{
	d.park_max = 0;
	put_known(&d, 10);
	ck_assert(take_key(1, 10, "a"));
	ck_assert(take_key(1, 11, "b"));
	ck_assert(take_key(1, 12, ""));
	ck_assert(!take_key(1, 13, "a"));
	ck_assert(!wants(1));
	ck_starts("1/10#1 1/11#1 1/12#1");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_assert(!wants(1));
	end(1, 10, SCHEDULE_DELIVERED);
	ck_assert_uint_eq(wanted(1), 13);
	ck_assert(take_key(1, 13, "a"));
	ck_starts("1/13#1");
}
END_TEST

START_TEST(after_a_restart_rows_of_a_key_come_in_order_before_its_fresh_ones)
{
	struct store_delivery rows[] = {
		{ .seq = 5,
		    .state = STORE_DELIVERY_RETRYING,
		    .attempts = 1,
		    .planned = 1,
		    .due_ms = START_MS + HOUR,
		    .key = span_str("a") },
		{ .seq = 6,
		    .state = STORE_DELIVERY_PENDING,
		    .key = span_str("a") },
		{ .seq = 7,
		    .state = STORE_DELIVERY_PENDING,
		    .key = span_str("b") },
	};
	struct err err = ERR_INIT;
	size_t i;

	put(&d, 10);
	rows_begin(1);
	for (i = 0; i < 3; i++) {
		rows[i].destination_id = 1;
		ck_assert_int_eq(schedule_row(sc, &rows[i], &err), 0);
	}
	rows_end(1);
	ck_assert(take_key(1, 10, "a"));
	ck_assert(take_key(1, 11, "b"));
	ck_assert(take_key(1, 12, "c"));
	ck_starts("1/7#1 1/12#1");
	/* The stuck key's fresh follower becomes a row. */
	ck_report("row 1/10 pending; cursor 1=11");
	end(1, 7, SCHEDULE_DELIVERED);
	ck_starts("1/11#1");
	now_ms += HOUR;
	ck_starts("1/5#2");
	end(1, 5, SCHEDULE_DELIVERED);
	ck_starts("1/6#1");
	end(1, 6, SCHEDULE_DELIVERED);
	ck_starts("1/10#1");
}
END_TEST

START_TEST(a_breaker_reads_past_followers_for_its_probe)
{
	uint64_t seq;

	put_known(&d, 10);
	for (seq = 10; seq < 15; seq++)
		ck_assert(take_key(1, seq, seq == 10 ? "a" : ""));
	starts();
	for (seq = 10; seq < 15; seq++)
		end(1, seq, SCHEDULE_FAILED);
	ck_assert(!wants(1));
	now_ms += 5 * SECOND;
	ck_assert(take_key(1, 15, "a")); /* it cannot be the probe */
	ck_assert(take_key(1, 16, "b"));
	ck_assert(!take_key(1, 17, "c"));
	ck_starts("1/16#1");
}
END_TEST

START_TEST(keys_are_bytes_of_one_destination)
{
	struct schedule_destination two = plain(2);
	struct schedule_event ev = { .seq = 12, .key = span_of("a\0", 2) };
	struct err err = ERR_INIT;
	bool taken;

	two.order = DESTINATION_ORDER_KEY;
	put_known(&d, 10);
	put_known(&two, 10);
	ck_assert(take_key(1, 10, "a"));
	ck_assert(take_key(1, 11, "A"));
	ck_assert_int_eq(schedule_take(sc, 1, &ev, now_ms, &taken, &err), 0);
	ck_assert(take_key(2, 10, "a"));
	ck_starts("1/10#1 2/10#1 1/11#1 1/12#1");
}
END_TEST

/* --- another order -------------------------------------------------------- */

START_TEST(an_order_that_is_given_later_holds_from_then_on)
{
	d.order = DESTINATION_ORDER_NONE;
	d.concurrency = 3;
	put_known(&d, 10);
	take(1, 10, 15);
	ck_starts("1/10#1 1/11#1 1/12#1");
	end(1, 11, SCHEDULE_FAILED);
	d.order = DESTINATION_ORDER_STRICT;
	put(&d, 0);
	ck_starts("");
	end(1, 12, SCHEDULE_DELIVERED);
	ck_starts("");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_starts(""); /* 11 has failed */
	ck_assert(!wants(1));
	now_ms += 2 * MINUTE;
	ck_starts("1/11#2");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_starts("1/13#1");
}
END_TEST

START_TEST(an_order_that_is_given_up_lets_all_go)
{
	put_known(&d, 10);
	take(1, 10, 13);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	d.order = DESTINATION_ORDER_NONE;
	put(&d, 0);
	ck_assert(wants(1));
	ck_starts("1/11#1 1/12#1 1/13#1");
	d.order = DESTINATION_ORDER_KEY; /* none has a key */
	put(&d, 0);
	take(1, 14, 15);
	ck_starts("1/14#1 1/15#1");
	end(1, 11, SCHEDULE_DELIVERED);
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2");
}
END_TEST

START_TEST(many_change_their_order)
{
	uint64_t seq;
	char key[8];

	d.order = DESTINATION_ORDER_KEY;
	put_known(&d, 1);
	for (seq = 1; seq <= SCHEDULE_QUEUE_MAX; seq++) {
		snprintf(key, sizeof(key), "k%d", (int)(seq / 2));
		ck_assert(take_key(1, seq, key));
		if (seq == 100)
			d.park_max = 1000;
		if (seq == 100)
			put(&d, 0);
	}
	d.order = DESTINATION_ORDER_STRICT;
	put(&d, 0);
	ck_starts("1/1#1");
	d.order = DESTINATION_ORDER_KEY;
	put(&d, 0);
	ck_starts("1/2#1 1/4#1 1/6#1 1/8#1 1/10#1 1/12#1 1/14#1");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("schedule_order");
	TCase *strict = tcase_create("strict"), *keyed = tcase_create("keyed");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, strict);
	tcase_add_checked_fixture(strict, setup, stand_teardown);
	tcase_add_test(strict, one_goes_at_a_time);
	tcase_add_test(strict, a_failed_head_blocks_and_nothing_is_read);
	tcase_add_test(strict, a_fault_of_ours_keeps_the_order_too);
	tcase_add_loop_test(
	    strict, a_head_that_is_set_aside_blocks_nobody, 0, 2);
	tcase_add_test(strict, a_head_that_is_deleted_blocks_nobody);
	tcase_add_test(strict, a_head_is_retried_now);
	tcase_add_test(strict, a_head_that_is_set_aside_under_way_ends_first);
	tcase_add_test(strict, a_parked_one_comes_back_before_what_waits);
	tcase_add_test(
	    strict, an_old_one_that_is_replayed_goes_before_a_waiting_head);
	tcase_add_test(strict, rows_come_before_the_log);
	tcase_add_test(strict, a_row_ahead_of_the_log_waits_for_it);
	tcase_add_test(strict, an_order_that_is_given_later_holds_from_then_on);
	tcase_add_test(strict, an_order_that_is_given_up_lets_all_go);
	suite_add_tcase(s, keyed);
	tcase_add_checked_fixture(keyed, setup_keyed, stand_teardown);
	tcase_add_test(keyed, keys_go_side_by_side_and_each_in_order);
	tcase_add_test(
	    keyed, followers_of_a_stuck_key_are_rows_and_others_go_on);
	tcase_add_test(keyed, followers_in_rows_leave_the_queue);
	tcase_add_test(
	    keyed, a_key_with_as_many_followers_as_may_stops_the_reading);
	tcase_add_test(keyed, no_follower_may_be_enough);
	tcase_add_test(keyed,
	    after_a_restart_rows_of_a_key_come_in_order_before_its_fresh_ones);
	tcase_add_test(keyed, a_breaker_reads_past_followers_for_its_probe);
	tcase_add_test(keyed, keys_are_bytes_of_one_destination);
	tcase_add_test(keyed, many_change_their_order);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
