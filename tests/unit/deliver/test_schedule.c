/*
 * test_schedule.c: what starts when: turns, limits, retries, faults,
 * breakers, disabling, and clocks that are set.
 */
#include "lib/deliver/schedule.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "tests/stand/schedule_stand.h"

#define ck_starts(want) ck_assert_str_eq(starts(), want)
#define ck_report(want) ck_assert_str_eq(report(), want)

static struct schedule_destination d;

/* One destination, with these rows none, that stands at seq 10. */
static void
setup(void)
{
	stand_setup();
	d = plain(1);
}

static void
deliver(uint64_t id, uint64_t first, uint64_t last)
{
	for (; first <= last; first++)
		end(id, first, SCHEDULE_DELIVERED);
}

/* --- turns and limits ----------------------------------------------------- */

START_TEST(an_event_is_started_once_and_delivered)
{
	put_known(&d, 10);
	ck_assert_uint_eq(wanted(1), 10);
	take(1, 10, 10);
	ck_assert_uint_eq(wanted(1), 11);
	ck_starts("1/10#1");
	ck_starts("");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_starts("");
	ck_report("done 1/10 #1; cursor 1=11");
	ck_report("-");
}
END_TEST

START_TEST(nothing_is_done_before_rows_were_told)
{
	put(&d, 10);
	ck_assert(!wants(1));
	ck_assert(!take_key(1, 10, ""));
	rows_begin(1);
	row(1, 5, STORE_DELIVERY_PENDING, 0, 0);
	ck_starts("");
	ck_assert(!wants(1));
	/* A listing that broke off counts for nothing. */
	schedule_rows_end(sc, 1, false);
	ck_starts("");
	ck_assert(!wants(1));
	rows_begin(1);
	row(1, 5, STORE_DELIVERY_PENDING, 0, 0);
	rows_end(1);
	ck_starts("1/5#1");
	ck_assert_uint_eq(wanted(1), 10);
}
END_TEST

START_TEST(no_more_than_concurrency_are_under_way)
{
	d.concurrency = 3;
	put_known(&d, 10);
	take(1, 10, 15);
	ck_starts("1/10#1 1/11#1 1/12#1");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_starts("1/13#1");
	d.concurrency = 2;
	put(&d, 0);
	end(1, 10, SCHEDULE_DELIVERED);
	ck_starts("");
	end(1, 12, SCHEDULE_DELIVERED);
	ck_starts("1/14#1");
	d.concurrency = 3;
	put(&d, 0);
	ck_starts("1/15#1");
}
END_TEST

START_TEST(destinations_take_turns)
{
	struct schedule_destination two = plain(2), three = plain(3);

	d.concurrency = two.concurrency = three.concurrency = 2;
	put_known(&d, 10);
	put_known(&two, 10);
	put_known(&three, 10);
	take(1, 10, 15);
	take(2, 10, 15);
	take(3, 10, 10);
	ck_starts("1/10#1 2/10#1 3/10#1 1/11#1 2/11#1");
	deliver(1, 10, 11);
	deliver(2, 10, 11);
	ck_starts("1/12#1 2/12#1 1/13#1 2/13#1");
}
END_TEST

START_TEST(a_rate_is_kept)
{
	int64_t wake;

	d.concurrency = 100;
	d.rate = 4;
	put_known(&d, 10);
	take(1, 10, 30);
	ck_report("-");
	ck_starts("1/10#1 1/11#1 1/12#1 1/13#1");
	wake = schedule_wake_ms(sc, now_ms);
	ck_assert_int_eq(wake, now_ms + 250);
	now_ms += 249;
	ck_starts("");
	now_ms += 1;
	ck_starts("1/14#1");
	now_ms += 10 * SECOND;
	ck_starts("1/15#1 1/16#1 1/17#1 1/18#1");
	/* What cannot start uses nothing up. */
	now_ms += 10 * SECOND;
	d.concurrency = 1;
	put(&d, 0);
	ck_starts("");
	d.concurrency = 100;
	put(&d, 0);
	ck_starts("1/19#1 1/20#1 1/21#1 1/22#1");
}
END_TEST

START_TEST(a_queue_is_full_at_its_limit)
{
	put_known(&d, 1);
	take(1, 1, SCHEDULE_QUEUE_MAX);
	ck_assert(!wants(1));
	ck_assert(!take_key(1, SCHEDULE_QUEUE_MAX + 1, ""));
	ck_starts("1/1#1");
	ck_assert_uint_eq(wanted(1), SCHEDULE_QUEUE_MAX + 1);
	ck_assert(take_key(1, SCHEDULE_QUEUE_MAX + 1, ""));
	ck_assert(!wants(1));
}
END_TEST

START_TEST(a_paused_destination_starts_and_reads_nothing)
{
	put_known(&d, 10);
	take(1, 10, 12);
	ck_starts("1/10#1");
	d.runs = false;
	put(&d, 0);
	ck_assert(!wants(1));
	ck_assert(!take_key(1, 13, ""));
	end(1, 10, SCHEDULE_DELIVERED); /* what is under way counts */
	ck_starts("");
	ck_report("done 1/10 #1; cursor 1=11");
	d.runs = true;
	put(&d, 0);
	ck_starts("1/11#1");
	ck_assert_uint_eq(wanted(1), 13);
}
END_TEST

START_TEST(a_removed_destination_is_forgotten)
{
	d.concurrency = 2;
	put_known(&d, 10);
	take(1, 10, 12);
	ck_starts("1/10#1 1/11#1");
	end(1, 10, SCHEDULE_FAILED);
	schedule_remove(sc, 1);
	end(1, 11, SCHEDULE_DELIVERED);
	ck_starts("");
	ck_report("-");
	ck_assert(!wants(1));
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), INT64_MAX);
}
END_TEST

START_TEST(unknown_ends_are_nothing)
{
	put_known(&d, 10);
	take(1, 10, 10);
	end(1, 10, SCHEDULE_DELIVERED); /* it is not under way */
	end(1, 11, SCHEDULE_DELIVERED);
	end(2, 10, SCHEDULE_DELIVERED);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_DELIVERED);
	end(1, 10, SCHEDULE_FAILED);
	ck_report("done 1/10 #1; cursor 1=11");
}
END_TEST

START_TEST(what_was_looked_at_is_not_taken_again)
{
	put_known(&d, 10);
	take(1, 10, 10);
	schedule_passed(sc, 1, 20);
	ck_assert_uint_eq(wanted(1), 20);
	take(1, 10, 19); /* taken, and nothing comes of it */
	schedule_passed(sc, 1, 15);
	ck_assert_uint_eq(wanted(1), 20);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_starts("");
}
END_TEST

START_TEST(an_event_of_a_removed_endpoint_is_dead)
{
	struct schedule_event ev = { .seq = 10, .dead = DELIVERY_REMOVED };
	struct err err = ERR_INIT;
	bool taken = false;

	put_known(&d, 10);
	ck_assert_int_eq(schedule_take(sc, 1, &ev, now_ms, &taken, &err), 0);
	ck_assert(taken);
	take(1, 11, 11);
	ck_starts("1/11#1");
	ck_report("row 1/10 dead removed; cursor 1=11");
}
END_TEST

START_TEST(an_event_of_a_type_that_is_unknown_is_dead)
{
	struct schedule_event ev = { .seq = 10,
		.dead = DELIVERY_TYPE_UNKNOWN,
		.words = span_str("no type could be read") };
	struct store_report r;
	struct err err = ERR_INIT;
	bool taken = false;

	put_known(&d, 10);
	ck_assert_int_eq(schedule_take(sc, 1, &ev, now_ms, &taken, &err), 0);
	ck_assert(taken);
	ck_starts("");
	ck_assert(schedule_report_begin(sc, now_ms, true, &r));
	ck_assert_uint_eq(r.nitems, 1);
	ck_assert(!r.items[0].has_attempt);
	ck_assert(r.items[0].delivery.state == STORE_DELIVERY_DEAD);
	ck_assert(span_is(r.items[0].delivery.reason, DELIVERY_TYPE_UNKNOWN));
	ck_assert(span_is(r.items[0].delivery.words, "no type could be read"));
	schedule_report_end(sc, true);
}
END_TEST

/* --- retries -------------------------------------------------------------- */

/* With jitter, it is due in 9 to 11 tenths of delay_ms. */
static void
ck_due(const char *want, int64_t delay_ms)
{
	int64_t wake;

	ck_starts("");
	wake = schedule_wake_ms(sc, now_ms);
	ck_assert_int_ge(wake, now_ms + delay_ms / 10 * 9);
	ck_assert_int_le(wake, now_ms + delay_ms / 10 * 11);
	now_ms = wake - 1;
	ck_starts("");
	now_ms = wake;
	ck_starts(want);
}

START_TEST(a_failure_is_tried_again_by_plan_and_then_dead)
{
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	ck_report("row 1/10 retrying #1; cursor 1=11");
	ck_due("1/10#2", MINUTE);
	end(1, 10, SCHEDULE_FAILED);
	ck_report("row 1/10 retrying #2");
	ck_due("1/10#3", 2 * MINUTE);
	end(1, 10, SCHEDULE_FAILED);
	ck_report("row 1/10 dead exhausted #3");
	now_ms += 100 * DAY;
	ck_starts("");
	ck_report("-");
}
END_TEST

START_TEST(retries_are_spread_by_chance)
{
	int64_t due[3];
	size_t i;

	for (i = 0; i < 3; i++) {
		struct err err = ERR_INIT;

		schedule_free(sc);
		ck_assert_int_eq(schedule_new(i < 2 ? 7 : 8, &sc, &err), 0);
		put_known(&d, 10);
		take(1, 10, 10);
		ck_starts("1/10#1");
		end(1, 10, SCHEDULE_FAILED);
		ck_starts("");
		report();
		due[i] = schedule_wake_ms(sc, now_ms);
	}
	ck_assert_int_eq(due[0], due[1]);
	ck_assert_int_ne(due[0], due[2]);
}
END_TEST

START_TEST(a_receiver_that_asks_for_time_gets_it)
{
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end_after(1, 10, 3 * HOUR);
	ck_report("row 1/10 retrying #1; cursor 1=11");
	ck_starts("");
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), now_ms + 3 * HOUR);
}
END_TEST

START_TEST(others_go_on_while_one_waits)
{
	put_known(&d, 10);
	take(1, 10, 11);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	ck_starts("1/11#1");
	ck_report("row 1/10 retrying #1; cursor 1=11");
	end(1, 11, SCHEDULE_DELIVERED);
	now_ms += 2 * MINUTE;
	take(1, 12, 12);
	ck_starts("1/10#2"); /* the older one first */
}
END_TEST

START_TEST(what_is_refused_is_dead_at_once)
{
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_REFUSED);
	ck_report("row 1/10 dead rejected #1; cursor 1=11");
	now_ms += DAY;
	ck_starts("");
}
END_TEST

/* --- faults of ours ------------------------------------------------------- */

START_TEST(a_fault_is_no_attempt_and_comes_again_soon)
{
	int64_t delay = SECOND;
	int i;

	put_known(&d, 10);
	take(1, 10, 11);
	ck_report("-");
	ck_starts("1/10#1");
	for (i = 0; i < 10; i++) {
		end(1, 10, SCHEDULE_FAULT);
		ck_starts("");
		ck_assert_int_eq(schedule_wake_ms(sc, now_ms), now_ms + delay);
		now_ms += delay;
		ck_starts("1/10#1");
		delay = delay * 2 > MINUTE ? MINUTE : delay * 2;
	}
	ck_report("-");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_starts("1/11#1");
	end(1, 11, SCHEDULE_FAULT);
	ck_starts("");
	ck_report("done 1/10 #1; cursor 1=11");
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), now_ms + SECOND);
}
END_TEST

START_TEST(faults_at_once_count_for_one)
{
	uint64_t seq;

	d.concurrency = 3;
	put_known(&d, 10);
	take(1, 10, 12);
	ck_report("-");
	ck_starts("1/10#1 1/11#1 1/12#1");
	for (seq = 10; seq <= 12; seq++)
		end(1, seq, SCHEDULE_FAULT);
	ck_starts("");
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), now_ms + SECOND);
	now_ms += SECOND;
	ck_starts("1/10#1 1/11#1 1/12#1");
	for (seq = 10; seq <= 12; seq++) {
		now_ms += 100;
		end(1, seq, SCHEDULE_FAULT);
	}
	ck_starts("");
	ck_assert_int_eq(
	    schedule_wake_ms(sc, now_ms), now_ms + 2 * SECOND - 200);
}
END_TEST

START_TEST(an_attempt_ends_a_row_of_faults)
{
	int i;

	put_known(&d, 10);
	take(1, 10, 11);
	ck_starts("1/10#1");
	for (i = 0; i < 4; i++) {
		end(1, 10, SCHEDULE_FAULT);
		now_ms += MINUTE;
		ck_starts("1/10#1");
	}
	end(1, 10, SCHEDULE_FAILED);
	ck_report("row 1/10 retrying #1; cursor 1=11");
	ck_starts("1/11#1");
	end(1, 11, SCHEDULE_FAULT);
	ck_starts("");
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), now_ms + SECOND);
	now_ms += SECOND;
	ck_starts("1/11#1");
	end(1, 11, SCHEDULE_DELIVERED);
	report();
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2");
	end(1, 10, SCHEDULE_FAULT); /* the first of a row again */
	ck_starts("");
	now_ms += SECOND;
	ck_starts("1/10#2");
}
END_TEST

START_TEST(an_event_with_a_fault_does_not_keep_back_the_others)
{
	put_known(&d, 10);
	take(1, 10, 12);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAULT);
	now_ms += SECOND;
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAULT);
	now_ms += SECOND + 999;
	ck_starts("");
	end(1, 10, SCHEDULE_FAULT); /* not under way */
	now_ms += 1;
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAULT);
	d.generation = 2; /* a change ends the wait of the destination */
	put(&d, 0);
	ck_starts("1/11#1");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_starts("1/12#1");
	end(1, 12, SCHEDULE_DELIVERED);
	/* Overtaken: it is written down, as what it is. */
	ck_report("row 1/10 pending; done 1/11 #1; done 1/12 #1; cursor 1=13");
	now_ms += 4 * SECOND;
	ck_starts("1/10#1");
}
END_TEST

/* --- breakers ------------------------------------------------------------- */

/* Opens it by five events, 10 to 14; they are due in a minute. */
static void
open_breaker(void)
{
	uint64_t seq;

	d.concurrency = 8;
	d.plan = (struct retry_plan){ 1, { 20 * DAY } };
	put_known(&d, 10);
	take(1, 10, 14);
	starts();
	for (seq = 10; seq <= 14; seq++) {
		ck_assert(wants(1));
		end(1, seq, SCHEDULE_FAILED);
	}
	report();
}

START_TEST(a_breaker_lets_one_fresh_probe_through_at_a_time)
{
	int64_t gap = 5 * SECOND;
	uint64_t seq;

	open_breaker();
	for (seq = 15; seq < 30; seq++) {
		ck_assert(!wants(1));
		ck_assert(!take_key(1, seq, ""));
		ck_starts("");
		ck_assert_int_eq(schedule_wake_ms(sc, now_ms), now_ms + gap);
		now_ms += gap - 1;
		ck_assert(!wants(1));
		now_ms += 1;
		ck_assert_uint_eq(wanted(1), seq);
		ck_assert(take_key(1, seq, ""));
		ck_assert(!wants(1));
		ck_assert(!take_key(1, seq + 1, ""));
		ck_assert_uint_eq(strlen(starts()), strlen("1/10#1"));
		ck_assert(!wants(1));
		end(1, seq, SCHEDULE_FAILED);
		report();
		gap = gap * 2 > 5 * MINUTE ? 5 * MINUTE : gap * 2;
	}
}
END_TEST

START_TEST(one_success_closes_a_breaker)
{
	open_breaker();
	now_ms += 5 * SECOND;
	take(1, 15, 15);
	ck_starts("1/15#1");
	end(1, 15, SCHEDULE_DELIVERED);
	ck_assert_uint_eq(wanted(1), 16);
	take(1, 16, 25);
	ck_starts("1/16#1 1/17#1 1/18#1 1/19#1 1/20#1 1/21#1 1/22#1 1/23#1");
	/* And it takes as many failures as before to open it. */
	end(1, 16, SCHEDULE_FAILED);
	end(1, 17, SCHEDULE_FAILED);
	end(1, 18, SCHEDULE_FAILED);
	end(1, 19, SCHEDULE_FAILED);
	ck_starts("1/24#1 1/25#1");
	ck_assert(wants(1));
	end(1, 20, SCHEDULE_FAILED);
	ck_assert(!wants(1));
}
END_TEST

START_TEST(rows_go_when_due_while_a_breaker_is_open_but_one_by_one)
{
	open_breaker();
	now_ms += 30 * DAY;
	ck_starts("1/10#2");
	ck_assert(!wants(1));
	end(1, 10, SCHEDULE_FAILED);
	ck_starts("1/11#2");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_starts("1/12#2 1/13#2 1/14#2");
}
END_TEST

START_TEST(what_was_under_way_may_end_before_an_open_breaker_starts_more)
{
	d.concurrency = 7;
	put_known(&d, 10);
	take(1, 10, 20);
	starts();
	end(1, 10, SCHEDULE_FAILED);
	end(1, 11, SCHEDULE_FAILED);
	end(1, 12, SCHEDULE_FAILED);
	end(1, 13, SCHEDULE_FAILED);
	end(1, 14, SCHEDULE_FAILED);
	now_ms += 10 * MINUTE;
	ck_starts(""); /* 15 and 16 are */
	end(1, 15, SCHEDULE_FAILED);
	ck_starts("");
	end(1, 16, SCHEDULE_FAULT);
	now_ms += SECOND;
	ck_starts("1/10#2");
	end(1, 10, SCHEDULE_FAILED);
	ck_starts("1/11#2");
}
END_TEST

START_TEST(a_rejection_shows_that_the_receiver_works)
{
	open_breaker();
	now_ms += 5 * SECOND;
	take(1, 15, 15);
	ck_starts("1/15#1");
	end(1, 15, SCHEDULE_REFUSED);
	take(1, 16, 17);
	ck_starts("1/16#1 1/17#1");
}
END_TEST

START_TEST(other_refusals_say_nothing_of_the_receiver)
{
	struct schedule_end e = { .destination_id = 1,
		.seq = 15,
		.verdict = SCHEDULE_REFUSED,
		.reason = DELIVERY_UNSIGNABLE,
		.retry_after_ms = -1 };
	struct err err = ERR_INIT;

	open_breaker();
	now_ms += 5 * SECOND;
	take(1, 15, 15);
	ck_starts("1/15#1");
	ck_assert_int_eq(schedule_ended(sc, &e, now_ms, &err), 0);
	ck_report("row 1/15 dead unsignable #1; cursor 1=16");
	ck_assert(!wants(1));
	now_ms += 10 * SECOND;
	ck_assert(wants(1));
}
END_TEST

START_TEST(other_settings_close_a_breaker)
{
	open_breaker();
	put(&d, 0);
	ck_assert(!wants(1));
	d.generation++;
	put(&d, 0);
	ck_assert(wants(1));
}
END_TEST

START_TEST(a_breaker_is_its_destinations_own)
{
	struct schedule_destination two = plain(2);

	open_breaker();
	put_known(&two, 10);
	take(2, 10, 10);
	ck_starts("2/10#1");
}
END_TEST

/* --- disabling ------------------------------------------------------------ */

static void
ck_disabled(const char *want)
{
	char why[DELIVERY_WORDS_MAX] = "";
	uint64_t id = 0;

	if (want == NULL) {
		ck_assert(!schedule_next_disabled(sc, &id, why));
		return;
	}
	ck_assert(schedule_next_disabled(sc, &id, why));
	ck_assert_uint_eq(id, 1);
	ck_assert_str_eq(why, want);
	ck_assert(!schedule_next_disabled(sc, &id, why));
}

START_TEST(a_gone_receiver_is_disabled_and_its_delivery_waits)
{
	d.concurrency = 2;
	put_known(&d, 10);
	take(1, 10, 12);
	ck_starts("1/10#1 1/11#1");
	end(1, 10, SCHEDULE_GONE);
	ck_assert(!wants(1));
	ck_starts("");
	ck_disabled("it answered that it is gone (410)");
	end(1, 11, SCHEDULE_GONE);
	ck_disabled(NULL);
	ck_report("row 1/10 pending #1; row 1/11 pending #1; cursor 1=12");
	/* Settings read before it was disabled change nothing. */
	put(&d, 0);
	now_ms += 10 * DAY;
	ck_starts("");
	d.generation = 2;
	d.runs = false;
	put(&d, 0);
	ck_starts("");
	d.generation = 3;
	d.runs = true;
	put(&d, 0);
	ck_starts("1/10#2 1/11#2");
	end(1, 10, SCHEDULE_GONE);
	ck_disabled("it answered that it is gone (410)");
}
END_TEST

START_TEST(a_change_that_comes_first_makes_disabling_void)
{
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_GONE);
	d.generation = 2;
	put(&d, 0);
	ck_disabled(NULL);
	ck_starts("1/10#2");
}
END_TEST

/* Fails once in step_ms, until it is disabled or so many times. */
static int
fail_for(int64_t step_ms, int times)
{
	char why[DELIVERY_WORDS_MAX];
	uint64_t seq, id;
	int i;

	for (i = 0; i < times; i++) {
		now_ms += step_ms;
		seq = wanted(1);
		take(1, seq, seq);
		ck_assert_uint_gt(strlen(starts()), 0);
		end(1, seq, SCHEDULE_FAILED);
		report();
		if (schedule_next_disabled(sc, &id, why)) {
			ck_assert_str_eq(why, "nothing but failures for 2d");
			return i + 1;
		}
	}
	return 0;
}

START_TEST(nothing_but_failures_for_so_long_disables)
{
	d.plan.n = 0;
	d.disable_after_ms = 2 * DAY;
	put_known(&d, 10);
	ck_assert_int_eq(fail_for(HOUR, 1000), 49);
	ck_assert(!wants(1));
}
END_TEST

START_TEST(a_success_begins_it_anew)
{
	uint64_t seq;

	d.plan.n = 0;
	d.disable_after_ms = 2 * DAY;
	put_known(&d, 10);
	ck_assert_int_eq(fail_for(HOUR, 48), 0);
	now_ms += 5 * MINUTE;
	seq = wanted(1);
	take(1, seq, seq);
	starts();
	end(1, seq, SCHEDULE_DELIVERED);
	ck_assert_int_eq(fail_for(HOUR, 48), 0);
	ck_assert_int_eq(fail_for(HOUR, 48), 1);
}
END_TEST

START_TEST(a_resumed_destination_has_all_its_time_again)
{
	d.plan.n = 0;
	d.disable_after_ms = 2 * DAY;
	put_known(&d, 10);
	ck_assert_int_eq(fail_for(HOUR, 1000), 49);
	d.generation++;
	put(&d, 0);
	ck_assert_int_eq(fail_for(HOUR, 1000), 49);
}
END_TEST

START_TEST(other_settings_give_no_time_again)
{
	d.plan.n = 0;
	d.disable_after_ms = 2 * DAY;
	put_known(&d, 10);
	ck_assert_int_eq(fail_for(HOUR, 40), 0);
	d.generation++;
	put(&d, 0);
	ck_assert_int_eq(fail_for(HOUR, 1000), 9);
}
END_TEST

START_TEST(a_leap_of_the_clock_disables_nobody)
{
	d.plan.n = 0;
	d.disable_after_ms = 2 * DAY;
	put_known(&d, 10);
	ck_assert_int_eq(fail_for(HOUR, 1), 0);
	/* Each leap counts for an hour. */
	ck_assert_int_eq(fail_for(3650 * DAY, 47), 0);
	ck_assert_int_eq(fail_for(-3650 * DAY, 0), 0);
	ck_assert_int_eq(fail_for(HOUR, 1), 1);
}
END_TEST

/* One more failure; what of it is to be written down. */
static struct store_failing
fail_and_keep(enum schedule_verdict verdict)
{
	struct store_failing kept = { -1, -1 };
	struct store_report r;
	uint64_t seq;

	now_ms += HOUR;
	seq = wanted(1);
	take(1, seq, seq);
	ck_assert_uint_gt(strlen(starts()), 0);
	end(1, seq, verdict);
	ck_assert(schedule_report_begin(sc, now_ms, false, &r));
	if (r.nfailings > 0) {
		ck_assert_uint_eq(r.failings[0].destination_id, 1);
		kept = r.failings[0].failing;
	}
	schedule_report_end(sc, true);
	return kept;
}

/* What was written down counts on; being away counts for an hour. */
START_TEST(a_restart_goes_on_counting)
{
	struct err err = ERR_INIT;

	d.plan.n = 0;
	d.disable_after_ms = 2 * DAY;
	put_known(&d, 10);
	ck_assert_int_eq(fail_for(HOUR, 23), 0);
	d.failing = fail_and_keep(SCHEDULE_FAILED);
	ck_assert_int_eq(d.failing.for_ms, 23 * HOUR);
	ck_assert_int_eq(d.failing.at_ms, now_ms);
	schedule_free(sc);
	ck_assert_int_eq(schedule_new(7, &sc, &err), 0);
	put_known(&d, 40);
	ck_assert_int_eq(fail_for(30 * DAY, 1), 0);
	ck_assert_int_eq(fail_for(HOUR, 1000), 24);
}
END_TEST

START_TEST(a_success_is_written_down_once)
{
	d.plan.n = 0;
	put_known(&d, 10);
	ck_assert_int_eq(fail_and_keep(SCHEDULE_FAILED).at_ms, -1);
	d.disable_after_ms = 2 * DAY;
	put(&d, 10);
	ck_assert_int_eq(fail_and_keep(SCHEDULE_FAILED).at_ms, now_ms);
	ck_assert_int_eq(fail_and_keep(SCHEDULE_DELIVERED).at_ms, 0);
	ck_assert_int_eq(fail_and_keep(SCHEDULE_DELIVERED).at_ms, -1);
}
END_TEST

/* --- clocks --------------------------------------------------------------- */

static const int64_t leaps[] = { -1, -SECOND, -HOUR, -DAY, -3650 * DAY,
	-START_MS };

START_TEST(a_clock_that_is_set_back_makes_no_delay_longer)
{
	int64_t leap = leaps[_i], due;

	d.concurrency = 3;
	put_known(&d, 10);
	take(1, 10, 11);
	ck_starts("1/10#1 1/11#1");
	end(1, 10, SCHEDULE_FAILED);
	ck_starts("");
	report();
	due = schedule_wake_ms(sc, now_ms);
	ck_assert_int_ge(due, now_ms + 54 * SECOND);
	now_ms += leap;
	ck_starts("");
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), due + leap);
	/* What fails now is due by the clock as it runs now. */
	end_after(1, 11, HOUR);
	ck_assert_str_eq(report_begin(), "row 1/11 retrying #1; cursor 1=12");
	report_end(true);
	now_ms = due + leap - 1;
	ck_starts("");
	now_ms++;
	ck_starts("1/10#2");
}
END_TEST

START_TEST(a_clock_that_is_set_forward_makes_what_it_passes_due_once)
{
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	now_ms += 3650 * DAY;
	ck_starts("1/10#2");
	end(1, 10, SCHEDULE_FAILED);
	report();
	now_ms -= 3650 * DAY;
	ck_starts("");
	ck_due("1/10#3", 2 * MINUTE);
}
END_TEST

/* Of the wall clock alone. */
static const int64_t steps[] = { SECOND, -SECOND, HOUR, -HOUR, DAY, -DAY,
	40 * DAY, -40 * DAY, 3650 * DAY, -3650 * DAY };

/* The first attempt fails, and its row is written down. */
static struct store_delivery
fail_first(void)
{
	struct store_report r;
	struct store_delivery row;

	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	ck_starts("");
	ck_assert(schedule_report_begin(sc, now_ms, false, &r));
	ck_assert_uint_eq(r.nitems, 1);
	row = r.items[0].delivery;
	row.words = row.excerpt = SPAN_EMPTY;
	row.id = row.type = row.key = SPAN_EMPTY;
	schedule_report_end(sc, true);
	return row;
}

/* For 5 s, and for good. */
START_TEST(no_step_of_the_wall_clock_moves_a_retry)
{
	int64_t step = steps[_i / 2], due;
	bool for_good = _i % 2 == 1;
	struct store_report r;

	(void)fail_first();
	due = schedule_wake_ms(sc, now_ms);
	ck_assert_int_ge(due, now_ms + 54 * SECOND);
	ck_assert_int_le(due, now_ms + 66 * SECOND);
	schedule_set_wall(sc, step);
	ck_starts("");
	now_ms += 5 * SECOND;
	ck_starts("");
	if (!for_good)
		schedule_set_wall(sc, 0);
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), due);
	now_ms = due - 1;
	ck_starts("");
	now_ms = due;
	ck_starts("1/10#2");
	/* What is written down is of the wall clock as it is now. */
	end(1, 10, SCHEDULE_FAILED);
	ck_starts("");
	ck_assert(schedule_report_begin(sc, now_ms, false, &r));
	ck_assert_int_eq(r.items[0].delivery.due_ms,
	    schedule_wake_ms(sc, now_ms) + (for_good ? step : 0));
	schedule_report_end(sc, true);
	ck_due("1/10#3", 2 * MINUTE);
}
END_TEST

/* One attempt early at worst, none late, and the next one is as planned. */
START_TEST(a_step_over_a_restart_costs_one_attempt_at_most)
{
	struct store_delivery row = fail_first();
	int64_t step = steps[_i], left;
	struct err err = ERR_INIT;

	stand_teardown();
	stand_setup();
	now_ms = 5 * SECOND; /* another boot */
	schedule_set_wall(sc, START_MS + step - now_ms);
	put(&d, 11);
	rows_begin(1);
	ck_assert_int_eq(schedule_row(sc, &row, &err), 0);
	rows_end(1);
	left = row.due_ms - START_MS - (step > 0 ? step : 0);
	if (left > 0) {
		now_ms += left - 1;
		ck_starts("");
		/* last_ms is when it began, 10 ms before it ended. */
		now_ms += step < 0 ? 11 : 1;
	}
	ck_starts("1/10#2");
	end(1, 10, SCHEDULE_FAILED);
	ck_starts("");
	report();
	ck_due("1/10#3", 2 * MINUTE);
}
END_TEST

START_TEST(a_rate_outlives_a_clock_that_is_set_back)
{
	d.rate = 2;
	d.concurrency = 100;
	put_known(&d, 10);
	take(1, 10, 20);
	ck_starts("1/10#1 1/11#1");
	now_ms -= DAY;
	ck_starts("");
	now_ms += 500;
	ck_starts("1/12#1");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("schedule");
	TCase *tc = tcase_create("schedule");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, stand_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, an_event_is_started_once_and_delivered);
	tcase_add_test(tc, nothing_is_done_before_rows_were_told);
	tcase_add_test(tc, no_more_than_concurrency_are_under_way);
	tcase_add_test(tc, destinations_take_turns);
	tcase_add_test(tc, a_rate_is_kept);
	tcase_add_test(tc, a_queue_is_full_at_its_limit);
	tcase_add_test(tc, a_paused_destination_starts_and_reads_nothing);
	tcase_add_test(tc, a_removed_destination_is_forgotten);
	tcase_add_test(tc, unknown_ends_are_nothing);
	tcase_add_test(tc, what_was_looked_at_is_not_taken_again);
	tcase_add_test(tc, an_event_of_a_removed_endpoint_is_dead);
	tcase_add_test(tc, an_event_of_a_type_that_is_unknown_is_dead);
	tcase_add_test(tc, a_failure_is_tried_again_by_plan_and_then_dead);
	tcase_add_test(tc, retries_are_spread_by_chance);
	tcase_add_test(tc, a_receiver_that_asks_for_time_gets_it);
	tcase_add_test(tc, others_go_on_while_one_waits);
	tcase_add_test(tc, what_is_refused_is_dead_at_once);
	tcase_add_test(tc, a_fault_is_no_attempt_and_comes_again_soon);
	tcase_add_test(tc, faults_at_once_count_for_one);
	tcase_add_test(tc, an_attempt_ends_a_row_of_faults);
	tcase_add_test(tc, an_event_with_a_fault_does_not_keep_back_the_others);
	tcase_add_test(tc, a_breaker_lets_one_fresh_probe_through_at_a_time);
	tcase_add_test(tc, one_success_closes_a_breaker);
	tcase_add_test(
	    tc, rows_go_when_due_while_a_breaker_is_open_but_one_by_one);
	tcase_add_test(
	    tc, what_was_under_way_may_end_before_an_open_breaker_starts_more);
	tcase_add_test(tc, a_rejection_shows_that_the_receiver_works);
	tcase_add_test(tc, other_refusals_say_nothing_of_the_receiver);
	tcase_add_test(tc, other_settings_close_a_breaker);
	tcase_add_test(tc, a_breaker_is_its_destinations_own);
	tcase_add_test(tc, a_gone_receiver_is_disabled_and_its_delivery_waits);
	tcase_add_test(tc, a_change_that_comes_first_makes_disabling_void);
	tcase_add_test(tc, nothing_but_failures_for_so_long_disables);
	tcase_add_test(tc, a_success_begins_it_anew);
	tcase_add_test(tc, a_resumed_destination_has_all_its_time_again);
	tcase_add_test(tc, other_settings_give_no_time_again);
	tcase_add_test(tc, a_leap_of_the_clock_disables_nobody);
	tcase_add_test(tc, a_restart_goes_on_counting);
	tcase_add_test(tc, a_success_is_written_down_once);
	tcase_add_loop_test(tc, a_clock_that_is_set_back_makes_no_delay_longer,
	    0, NITEMS(leaps));
	tcase_add_test(
	    tc, a_clock_that_is_set_forward_makes_what_it_passes_due_once);
	tcase_add_loop_test(tc, no_step_of_the_wall_clock_moves_a_retry, 0,
	    2 * (int)NITEMS(steps));
	tcase_add_loop_test(tc, a_step_over_a_restart_costs_one_attempt_at_most,
	    0, (int)NITEMS(steps));
	tcase_add_test(tc, a_rate_outlives_a_clock_that_is_set_back);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
