/*
 * test_schedule_report.c: what is written down when, what a lost or late
 * commit does, and how rows of the store are taken over.
 */
#include "lib/deliver/schedule.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

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
}

/* --- what stands in a report ---------------------------------------------- */

static struct schedule_end
failed(uint64_t seq)
{
	return (struct schedule_end){ .destination_id = 1,
		.seq = seq,
		.verdict = SCHEDULE_FAILED,
		.at_ms = now_ms - 1500,
		.took_us = 1234567,
		.status = 503,
		.retry_after_ms = 5 * HOUR,
		.words = span_str("503 Service Unavailable"),
		.excerpt = span_str("come later") };
}

static void
ended(const struct schedule_end *e)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(schedule_ended(sc, e, now_ms, &err), 0);
}

/* The only item of the next report, which stays out. */
static const struct store_report_item *
only_item(void)
{
	struct store_report r = { 0 };

	ck_assert(schedule_report_begin(sc, now_ms, false, &r));
	ck_assert_uint_eq(r.nitems, 1);
	return &r.items[0];
}

START_TEST(a_failure_is_a_row_with_all_that_is_known)
{
	struct schedule_event ev = { 10, 9, span_str("evt_1"),
		span_str("order.paid"), span_str("k1"), NULL, SPAN_EMPTY };
	struct schedule_end e;
	const struct store_report_item *item;
	const struct store_delivery *r;
	struct err err = ERR_INIT;
	bool taken;

	put_known(&d, 10);
	ck_assert_int_eq(schedule_take(sc, 1, &ev, now_ms, &taken, &err), 0);
	ck_starts("1/10#1");
	now_ms += 2 * SECOND;
	e = failed(10);
	ended(&e);
	item = only_item();
	r = &item->delivery;
	ck_assert_int_eq(item->kind, STORE_REPORT_ROW);
	ck_assert_uint_eq(r->destination_id, 1);
	ck_assert_uint_eq(r->seq, 10);
	ck_assert_uint_eq(r->endpoint_id, 9);
	ck_assert_uint_eq(r->stamp, 0);
	ck_assert_int_eq(r->state, STORE_DELIVERY_RETRYING);
	ck_assert_uint_eq(r->attempts, 1);
	ck_assert_uint_eq(r->planned, 1);
	ck_assert_int_eq(r->since_ms, now_ms);
	ck_assert_int_eq(r->due_ms, now_ms + 5 * HOUR);
	ck_assert_int_eq(r->last_ms, now_ms - 1500);
	ck_assert_int_eq(r->status, 503);
	ck_assert_uint_eq(r->reason.len, 0);
	ck_assert(span_is(r->words, "503 Service Unavailable"));
	ck_assert(span_is(r->excerpt, "come later"));
	ck_assert(span_is(r->id, "evt_1"));
	ck_assert(span_is(r->type, "order.paid"));
	ck_assert(span_is(r->key, "k1"));
	ck_assert(item->has_attempt);
	ck_assert_uint_eq(item->attempt.seq, 10);
	ck_assert_uint_eq(item->attempt.destination_id, 1);
	ck_assert_uint_eq(item->attempt.no, 1);
	ck_assert_int_eq(item->attempt.result, STORE_ATTEMPT_FAILED);
	ck_assert_int_eq(item->attempt.at_ms, now_ms - 1500);
	ck_assert_int_eq(item->attempt.took_us, 1234567);
	ck_assert_int_eq(item->attempt.next_ms, now_ms + 5 * HOUR);
	ck_assert_int_eq(item->attempt.status, 503);
	ck_assert(span_is(item->attempt.words, "503 Service Unavailable"));
	report_end(true);
}
END_TEST

START_TEST(a_row_keeps_when_it_became_one)
{
	const struct store_delivery *r;

	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	report();
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2");
	end(1, 10, SCHEDULE_REFUSED);
	r = &only_item()->delivery;
	ck_assert_int_eq(r->since_ms, START_MS);
	ck_assert_int_eq(r->state, STORE_DELIVERY_DEAD);
	ck_assert_int_eq(r->due_ms, 0);
	ck_assert_int_eq(r->last_ms, now_ms - 10);
	ck_assert_uint_eq(r->attempts, 2);
}
END_TEST

START_TEST(due_times_are_of_the_clock_as_it_runs)
{
	struct schedule_end e;

	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	now_ms -= DAY;
	e = failed(10);
	ended(&e);
	ck_assert_int_eq(only_item()->delivery.due_ms, now_ms + 5 * HOUR);
}
END_TEST

START_TEST(long_texts_are_cut)
{
	char text[DELIVERY_EXCERPT_MAX + 10];
	const struct store_delivery *r;
	struct schedule_end e;

	memset(text, 'x', sizeof(text));
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	e = failed(10);
	e.words = e.excerpt = span_of(text, sizeof(text));
	ended(&e);
	r = &only_item()->delivery;
	ck_assert_uint_eq(r->words.len, DELIVERY_WORDS_MAX);
	ck_assert_uint_eq(r->excerpt.len, DELIVERY_EXCERPT_MAX);
}
END_TEST

/* --- cursors and what they pass --------------------------------------------
 */

START_TEST(a_fast_success_needs_no_row)
{
	put_known(&d, 10);
	take(1, 10, 12);
	ck_starts("1/10#1 1/11#1 1/12#1");
	ck_report("-"); /* under way is no reason */
	end(1, 10, SCHEDULE_DELIVERED);
	ck_report("done 1/10 #1; cursor 1=11");
}
END_TEST

START_TEST(what_is_overtaken_gets_a_row_once)
{
	put_known(&d, 10);
	take(1, 10, 13);
	ck_starts("1/10#1 1/11#1 1/12#1 1/13#1");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_report("row 1/10 pending; done 1/11 #1; cursor 1=12");
	end(1, 13, SCHEDULE_DELIVERED);
	ck_report("row 1/12 pending; done 1/13 #1; cursor 1=14");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_report("done 1/10 #1");
	end(1, 12, SCHEDULE_FAILED);
	ck_report("row 1/12 retrying #1");
}
END_TEST

START_TEST(two_outcomes_of_one_go_in_order)
{
	put_known(&d, 10);
	take(1, 10, 11);
	ck_starts("1/10#1 1/11#1");
	end(1, 10, SCHEDULE_FAILED);
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_report("row 1/10 retrying #1; done 1/10 #2; cursor 1=11");
}
END_TEST

START_TEST(cursors_alone_go_out_seldom)
{
	struct schedule_destination two = plain(2);

	put_known(&d, 10);
	put_known(&two, 10);
	ck_report("-");
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), now_ms);
	ck_starts("");
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), INT64_MAX);
	schedule_passed(sc, 1, 20);
	ck_report("cursor 1=20");
	schedule_passed(sc, 1, 30);
	schedule_passed(sc, 2, 30);
	ck_report("-");
	ck_assert_int_eq(
	    schedule_wake_ms(sc, now_ms), now_ms + SCHEDULE_CURSOR_MS);
	/* With something of its own to report, one goes along. */
	take(1, 30, 30);
	ck_starts("1/30#1");
	end(1, 30, SCHEDULE_DELIVERED);
	ck_starts("");
	ck_report("done 1/30 #1; cursor 1=31");
	now_ms += SCHEDULE_CURSOR_MS;
	ck_report("cursor 2=30");
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), INT64_MAX);
}
END_TEST

/* Before an end, each cursor goes out at once, and nothing else is early. */
START_TEST(all_cursors_go_out_when_they_are_asked_for)
{
	struct store_report r;
	int i;

	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	ck_report("row 1/10 retrying #1; cursor 1=11");
	for (i = 0; i < 1000; i++) {
		schedule_passed(sc, 1, 20 + (uint64_t)i);
		ck_assert(schedule_report_begin(sc, now_ms, true, &r));
		ck_assert_uint_eq(r.ncursors, 1);
		ck_assert_uint_eq(r.cursors[0].seq, 20 + (uint64_t)i);
		schedule_report_end(sc, true);
		ck_starts("");
	}
	ck_assert(!schedule_report_begin(sc, now_ms, true, &r));
}
END_TEST

START_TEST(a_cursor_stops_before_what_was_not_started)
{
	d.concurrency = 1;
	put_known(&d, 10);
	take(1, 10, 11);
	schedule_passed(sc, 1, 50);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_report("done 1/10 #1; cursor 1=11");
	ck_starts("1/11#1");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_report("done 1/11 #1; cursor 1=50");
}
END_TEST

/* --- commits that are late or lost ---------------------------------------- */

START_TEST(what_was_not_committed_comes_again)
{
	put_known(&d, 10);
	take(1, 10, 12);
	ck_starts("1/10#1 1/11#1 1/12#1");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_assert_str_eq(
	    report_begin(), "row 1/10 pending; done 1/11 #1; cursor 1=12");
	report_end(false);
	end(1, 10, SCHEDULE_DELIVERED);
	ck_report("done 1/10 #1; done 1/11 #1; cursor 1=12");
	ck_report("-");
}
END_TEST

START_TEST(cursors_that_were_not_committed_come_again)
{
	put_known(&d, 10);
	schedule_passed(sc, 1, 20);
	ck_assert_str_eq(report_begin(), "cursor 1=20");
	report_end(false);
	now_ms += SCHEDULE_CURSOR_MS;
	ck_report("cursor 1=20");
}
END_TEST

START_TEST(outcomes_go_into_the_next_report_while_one_is_out)
{
	put_known(&d, 10);
	take(1, 10, 12);
	ck_starts("1/10#1 1/11#1 1/12#1");
	end(1, 11, SCHEDULE_FAILED);
	ck_assert_str_eq(report_begin(),
	    "row 1/10 pending; row 1/11 retrying #1; cursor 1=12");
	end(1, 10, SCHEDULE_FAILED);
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2 1/11#2");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_assert_str_eq(report_begin(), "-"); /* one at a time */
	report_end(true);
	ck_report("row 1/10 retrying #1; done 1/11 #2");
	end(1, 12, SCHEDULE_DELIVERED);
	ck_starts("");
	ck_report("done 1/12 #1; cursor 1=13");
}
END_TEST

START_TEST(what_is_delivered_is_not_started_before_it_is_committed)
{
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_DELIVERED);
	report_begin();
	report_end(false);
	take(1, 10, 10);
	now_ms += DAY;
	ck_starts("");
	/* Nor by an older listing of rows, while the report is out. */
	report_begin();
	rows_begin(1);
	report_end(true);
	row(1, 10, STORE_DELIVERY_PENDING, 0, 0);
	rows_end(1);
	ck_starts("");
	ck_report("-");
}
END_TEST

START_TEST(a_report_has_at_most_its_limit_and_destinations_share_it)
{
	struct schedule_destination two = plain(2);
	struct store_report r;
	uint64_t seq, next;
	size_t part;

	d.concurrency = two.concurrency = 1000;
	put_known(&d, 1);
	put_known(&two, 1);
	for (seq = 1; seq <= 5000; seq += 1000) {
		take(1, seq, seq + 999);
		take(2, seq, seq + 999);
		starts();
		for (next = seq; next < seq + 1000; next++) {
			end(1, next, SCHEDULE_DELIVERED);
			end(2, next, SCHEDULE_DELIVERED);
		}
	}
	ck_assert(schedule_report_begin(sc, now_ms, false, &r));
	ck_assert_uint_eq(r.nitems, STORE_REPORT_ITEMS_MAX);
	ck_assert_uint_eq(r.ncursors, 1);
	ck_assert_uint_eq(r.cursors[0].destination_id, 1);
	ck_assert_uint_eq(r.cursors[0].seq, STORE_REPORT_ITEMS_MAX + 1);
	report_end(true);
	/* Then the other's, before the first has all. */
	ck_assert(schedule_report_begin(sc, now_ms, false, &r));
	ck_assert_uint_eq(r.items[0].delivery.destination_id, 2);
	ck_assert_uint_eq(r.nitems, STORE_REPORT_ITEMS_MAX);
	report_end(true);
	ck_assert(schedule_report_begin(sc, now_ms, false, &r));
	part = 5000 - STORE_REPORT_ITEMS_MAX;
	ck_assert_uint_eq(r.nitems, 2 * part);
	ck_assert_uint_eq(r.ncursors, 2);
	ck_assert_uint_eq(r.cursors[1].seq, 5001);
	report_end(true);
	ck_report("-");
}
END_TEST

START_TEST(rows_of_a_destination_share_the_limit_too)
{
	struct store_report r;
	uint64_t seq;

	d.concurrency = 1000;
	d.plan = (struct retry_plan){ 3, { MINUTE, MINUTE, DAY } };
	put(&d, 10000);
	rows_begin(1);
	for (seq = 1; seq <= 5000; seq++)
		row(1, seq, STORE_DELIVERY_PENDING, 0, 0);
	rows_end(1);
	for (seq = 1; seq <= 5000; seq++) {
		ck_assert_uint_gt(strlen(starts_max(1)), 0);
		end(1, seq, SCHEDULE_REFUSED);
	}
	ck_assert(schedule_report_begin(sc, now_ms, false, &r));
	ck_assert_uint_eq(r.nitems, STORE_REPORT_ITEMS_MAX);
	ck_assert_uint_eq(r.ncursors, 0);
	report_end(true);
	ck_assert(schedule_report_begin(sc, now_ms, false, &r));
	ck_assert_uint_eq(r.nitems, 5000 - STORE_REPORT_ITEMS_MAX);
	ck_assert_uint_eq(r.items[0].delivery.seq, STORE_REPORT_ITEMS_MAX + 1);
	report_end(true);
	ck_report("-");
}
END_TEST

START_TEST(a_store_that_does_not_answer_stops_the_sending)
{
	uint64_t seq = 1;

	d.concurrency = 256;
	put_known(&d, 1);
	while (wants(1)) {
		take(1, seq, seq);
		ck_assert_uint_gt(strlen(starts()), 0);
		end(1, seq++, SCHEDULE_DELIVERED);
	}
	ck_assert_uint_eq(seq, SCHEDULE_UNREPORTED_MAX + 1);
	ck_assert(!take_key(1, seq, ""));
	rows_begin(1);
	row(1, 100000, STORE_DELIVERY_PENDING, 5, 0);
	rows_end(1);
	ck_starts("");
	/* It does not ask to be called for nothing. */
	report_begin();
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), INT64_MAX);
	report_end(true);
	ck_starts("1/100000#1");
	ck_assert(wants(1));
}
END_TEST

START_TEST(a_destination_may_go_while_its_report_is_out)
{
	put_known(&d, 10);
	take(1, 10, 11);
	ck_starts("1/10#1 1/11#1");
	end(1, 11, SCHEDULE_DELIVERED);
	ck_assert_str_eq(
	    report_begin(), "row 1/10 pending; done 1/11 #1; cursor 1=12");
	schedule_remove(sc, 1);
	end(1, 10, SCHEDULE_DELIVERED);
	report_end(_i == 1);
	ck_report("-");
	put_known(&d, 50);
	ck_assert_uint_eq(wanted(1), 50);
	take(1, 50, 50);
	ck_starts("1/50#1");
	end(1, 50, SCHEDULE_DELIVERED);
	report_begin();
	schedule_remove(sc, 1); /* and then all, by the fixture */
}
END_TEST

START_TEST(destinations_may_come_while_a_report_is_out)
{
	struct schedule_destination more;
	uint64_t id;

	put_known(&d, 10);
	schedule_passed(sc, 1, 20);
	ck_assert_str_eq(report_begin(), "cursor 1=20");
	for (id = 2; id < 1000; id++) {
		more = plain(id);
		put_known(&more, 10);
		take(id, 10, 10);
	}
	report_end(true);
	starts();
	for (id = 2; id < 1000; id++)
		end(id, 10, SCHEDULE_DELIVERED);
	ck_assert_uint_gt(strlen(report()), 998 * strlen("done 2/10 #1; "));
	ck_report("-");
}
END_TEST

/* --- rows of the store -----------------------------------------------------
 */

START_TEST(rows_are_due_by_their_state)
{
	d.concurrency = 100;
	put(&d, 100);
	rows_begin(1);
	row(1, 1, STORE_DELIVERY_PENDING, 0, now_ms + DAY);
	row(1, 2, STORE_DELIVERY_RETRYING, 0, now_ms - DAY);
	row(1, 3, STORE_DELIVERY_RETRYING, 0, now_ms + MINUTE);
	row(1, 4, STORE_DELIVERY_RETRYING, 0, now_ms + HOUR);
	row(1, 5, STORE_DELIVERY_PARKED, 3, 0);
	row(1, 6, STORE_DELIVERY_DEAD, 0, 0);
	row(1, 7, STORE_DELIVERY_RETRYING, 0, INT64_MIN);
	row(1, 8, STORE_DELIVERY_RETRYING, 0, INT64_MAX);
	rows_end(1);
	ck_starts("1/1#1 1/2#1 1/7#1");
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), now_ms + MINUTE);
	now_ms += MINUTE;
	ck_starts("1/3#1");
	now_ms += HOUR;
	ck_starts("1/4#1");
	/* No row waits longer than a plan can have it wait. */
	now_ms += RETRY_DELAY_MAX_MS + RETRY_DELAY_MAX_MS / 8;
	ck_starts("1/8#1");
}
END_TEST

START_TEST(a_row_written_before_the_clock_was_set_back_waits_as_planned)
{
	struct store_delivery r = { .destination_id = 1,
		.seq = 5,
		.state = STORE_DELIVERY_RETRYING,
		.last_ms = START_MS,
		.due_ms = START_MS + HOUR };
	struct err err = ERR_INIT;

	now_ms = START_MS - 1000 * DAY;
	put(&d, 100);
	rows_begin(1);
	ck_assert_int_eq(schedule_row(sc, &r, &err), 0);
	rows_end(1);
	ck_starts("");
	ck_assert_int_eq(schedule_wake_ms(sc, now_ms), now_ms + HOUR);
}
END_TEST

START_TEST(rows_that_are_told_again_change_nothing)
{
	put_known(&d, 10);
	take(1, 10, 12);
	ck_starts("1/10#1 1/11#1 1/12#1");
	end(1, 11, SCHEDULE_FAILED);
	report();
	rows_begin(1);
	row(1, 10, STORE_DELIVERY_PENDING, 0, 0);
	row(1, 11, STORE_DELIVERY_RETRYING, 0, 0);
	rows_end(1);
	ck_starts("");
	end(1, 10, SCHEDULE_DELIVERED);
	end(1, 12, SCHEDULE_DELIVERED);
	ck_report("done 1/12 #1; done 1/10 #1; cursor 1=13");
	ck_starts("");
	now_ms += 2 * MINUTE;
	ck_starts("1/11#2");
}
END_TEST

START_TEST(a_row_that_is_deleted_does_not_come_back)
{
	put_known(&d, 10);
	take(1, 10, 12);
	ck_starts("1/10#1 1/11#1 1/12#1");
	end(1, 10, SCHEDULE_FAILED);
	end(1, 11, SCHEDULE_FAILED);
	report();
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2 1/11#2");
	end(1, 10, SCHEDULE_FAILED);
	rows_begin(1);
	rows_end(1);
	end(1, 11, SCHEDULE_FAILED);
	/* The attempts are told all the same. */
	ck_report("done 1/10 #2; done 1/11 #2");
	end(1, 12, SCHEDULE_DELIVERED); /* it had no row */
	ck_report("done 1/12 #1; cursor 1=13");
	now_ms += DAY;
	ck_starts("");
}
END_TEST

/* A row is known from a listing, too, or by an operator's change. */
START_TEST(what_is_known_to_have_a_row_can_be_deleted)
{
	d.concurrency = 1;
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	report_begin();
	report_end(false); /* it was committed, though */
	rows_begin(1);
	row(1, 10, STORE_DELIVERY_RETRYING, _i == 0 ? 0 : 7, now_ms + HOUR);
	rows_end(1);
	if (_i == 1)
		ck_report("done 1/10 #1; cursor 1=11");
	rows_begin(1);
	rows_end(1);
	ck_report(_i == 1 ? "-" : "done 1/10 #1; cursor 1=11");
	now_ms += DAY;
	ck_starts("");
}
END_TEST

/* The report that is out may reach the store behind the deletion. */
START_TEST(a_row_that_a_report_may_bring_back_is_not_forgotten)
{
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	report();
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2");
	end(1, 10, SCHEDULE_FAILED);
	ck_assert_str_eq(report_begin(), "row 1/10 retrying #2");
	rows_begin(1);
	rows_end(1);
	report_end(true);
	now_ms += 3 * MINUTE;
	ck_starts("1/10#3");
}
END_TEST

START_TEST(what_was_set_aside_unreported_is_not_brought_back)
{
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	report_begin();
	report_end(false); /* it was committed, though */
	rows_begin(1);
	row(1, 10, STORE_DELIVERY_PARKED, 7, 0);
	rows_end(1);
	ck_report("done 1/10 #1; cursor 1=11");
	now_ms += DAY;
	ck_starts("");
}
END_TEST

START_TEST(what_was_set_aside_under_way_can_be_retried)
{
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	rows_begin(1);
	row(1, 10, STORE_DELIVERY_PARKED, 7, 0);
	rows_end(1);
	end(1, 10, SCHEDULE_FAILED);
	ck_starts("");
	rows_begin(1);
	row(1, 10, STORE_DELIVERY_PENDING, 8, 0);
	rows_end(1);
	ck_starts("1/10#2");
	end(1, 10, SCHEDULE_FAILED);
	ck_report("done 1/10 #1; row 1/10@8 retrying #2; cursor 1=11");
	now_ms += 2 * MINUTE;
	ck_starts("1/10#3");
}
END_TEST

START_TEST(rows_in_memory_have_a_limit)
{
	uint64_t seq;

	put(&d, SCHEDULE_ROWS_MAX + 1);
	rows_begin(1);
	for (seq = 1; seq <= SCHEDULE_ROWS_MAX; seq++)
		row(1, seq, STORE_DELIVERY_PENDING, 0, 0);
	rows_end(1);
	ck_assert(!wants(1));
	ck_assert(!take_key(1, SCHEDULE_ROWS_MAX + 1, ""));
	ck_assert_str_eq(starts_max(1), "1/1#1");
	end(1, 1, SCHEDULE_DELIVERED);
	report();
	ck_assert(wants(1));
}
END_TEST

START_TEST(rows_that_could_not_all_be_told_are_none_the_less_there)
{
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	report();
	rows_begin(1);
	schedule_rows_end(sc, 1, false);
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2");
}
END_TEST

START_TEST(an_operator_that_retries_what_is_under_way_gets_another_one)
{
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	report();
	now_ms += 2 * MINUTE;
	ck_starts("1/10#2");
	rows_begin(1);
	row(1, 10, STORE_DELIVERY_PENDING, 7, 0);
	rows_end(1);
	ck_starts("");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_starts("1/10#3");
	ck_report("done 1/10 #2");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_report("done 1/10@7 #3");
	ck_starts("");
}
END_TEST

START_TEST(what_an_operator_changed_is_not_changed_back)
{
	put_known(&d, 10);
	take(1, 10, 10);
	ck_starts("1/10#1");
	end(1, 10, SCHEDULE_FAILED);
	report_begin();
	report_end(false); /* it may have been committed */
	rows_begin(1);
	row(1, 10, STORE_DELIVERY_PENDING, 7, 0);
	rows_end(1);
	ck_starts("1/10#2");
	end(1, 10, SCHEDULE_DELIVERED);
	ck_report("done 1/10 #1; done 1/10@7 #2; cursor 1=11");
}
END_TEST

START_TEST(a_replay_ahead_of_the_cursor_is_sent_once)
{
	put_known(&d, 10);
	rows_begin(1);
	row(1, 12, STORE_DELIVERY_PENDING, 7, 0);
	rows_end(1);
	ck_starts("1/12#1");
	end(1, 12, SCHEDULE_DELIVERED);
	ck_report("done 1/12@7 #1");
	take(1, 10, 13);
	ck_starts("1/10#1 1/11#1 1/13#1");
}
END_TEST

START_TEST(many_rows_cost_little)
{
	const uint64_t n = 100000;
	struct schedule_start s;
	uint64_t seq;

	d.concurrency = 1;
	put(&d, n + 1);
	rows_begin(1);
	/* Every other one is due later, the last ones first. */
	for (seq = 1; seq <= n; seq++)
		row(1, seq,
		    seq % 2 == 0 ? STORE_DELIVERY_PENDING
				 : STORE_DELIVERY_RETRYING,
		    0, now_ms + MINUTE + (int64_t)(n - seq));
	rows_end(1);
	for (seq = 2; seq <= n; seq += 2) {
		ck_assert(schedule_next(sc, now_ms, &s));
		ck_assert_uint_eq(s.seq, seq);
		end(1, seq, SCHEDULE_DELIVERED);
		if (seq % 8000 == 0)
			report();
	}
	ck_assert(!schedule_next(sc, now_ms, &s));
	report();
	for (seq = n - 1; seq < n; seq -= 2) {
		now_ms = START_MS + MINUTE + (int64_t)(n - seq);
		ck_assert(schedule_next(sc, now_ms, &s));
		ck_assert_uint_eq(s.seq, seq);
		end(1, seq, SCHEDULE_DELIVERED);
		if (seq % 8000 == 1)
			report();
	}
	rows_begin(1);
	rows_end(1);
	report();
	ck_report("-");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("schedule_report");
	TCase *tc = tcase_create("schedule_report");
	SRunner *sr = srunner_create(s);
	int failed_tests;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, stand_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_failure_is_a_row_with_all_that_is_known);
	tcase_add_test(tc, a_row_keeps_when_it_became_one);
	tcase_add_test(tc, due_times_are_of_the_clock_as_it_runs);
	tcase_add_test(tc, long_texts_are_cut);
	tcase_add_test(tc, a_fast_success_needs_no_row);
	tcase_add_test(tc, what_is_overtaken_gets_a_row_once);
	tcase_add_test(tc, two_outcomes_of_one_go_in_order);
	tcase_add_test(tc, cursors_alone_go_out_seldom);
	tcase_add_test(tc, all_cursors_go_out_when_they_are_asked_for);
	tcase_add_test(tc, a_cursor_stops_before_what_was_not_started);
	tcase_add_test(tc, what_was_not_committed_comes_again);
	tcase_add_test(tc, cursors_that_were_not_committed_come_again);
	tcase_add_test(tc, outcomes_go_into_the_next_report_while_one_is_out);
	tcase_add_test(
	    tc, what_is_delivered_is_not_started_before_it_is_committed);
	tcase_add_test(
	    tc, a_report_has_at_most_its_limit_and_destinations_share_it);
	tcase_add_test(tc, rows_of_a_destination_share_the_limit_too);
	tcase_add_test(tc, a_store_that_does_not_answer_stops_the_sending);
	tcase_add_loop_test(
	    tc, a_destination_may_go_while_its_report_is_out, 0, 2);
	tcase_add_test(tc, destinations_may_come_while_a_report_is_out);
	tcase_add_test(tc, rows_are_due_by_their_state);
	tcase_add_test(
	    tc, a_row_written_before_the_clock_was_set_back_waits_as_planned);
	tcase_add_test(tc, rows_that_are_told_again_change_nothing);
	tcase_add_test(tc, a_row_that_is_deleted_does_not_come_back);
	tcase_add_loop_test(
	    tc, what_is_known_to_have_a_row_can_be_deleted, 0, 2);
	tcase_add_test(tc, a_row_that_a_report_may_bring_back_is_not_forgotten);
	tcase_add_test(tc, what_was_set_aside_unreported_is_not_brought_back);
	tcase_add_test(tc, what_was_set_aside_under_way_can_be_retried);
	tcase_add_test(tc, rows_in_memory_have_a_limit);
	tcase_add_test(
	    tc, rows_that_could_not_all_be_told_are_none_the_less_there);
	tcase_add_test(
	    tc, an_operator_that_retries_what_is_under_way_gets_another_one);
	tcase_add_test(tc, what_an_operator_changed_is_not_changed_back);
	tcase_add_test(tc, a_replay_ahead_of_the_cursor_is_sent_once);
	tcase_add_test(tc, many_rows_cost_little);
	srunner_run_all(sr, CK_ENV);
	failed_tests = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed_tests == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
