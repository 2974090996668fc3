/*
 * Events that are held and messages that are ignored, in the store: what is
 * kept of them, what an operator makes of them, and what survives a restart.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/util.h"
#include "lib/crypto/digest.h"
#include "lib/engine_bdb/impl.h"
#include "lib/store/held.h"
#include "tests/stand/held_fixture.h"
#include "tests/stand/store_fixture.h"

START_TEST(a_repeat_under_another_id_is_held)
{
	uint64_t first, held;

	fx_added("hub", NULL);
	ck_assert_int_eq(held_send("a", "one"), STORE_ACCEPTED);
	first = held_seq;
	ck_assert_int_eq(held_send("b", "one"), STORE_HELD);
	held = held_seq;
	ck_assert_str_eq(held_reason, "same content under another id");
	ck_assert_uint_eq(held_row(held).first_seq, first);
	ck_assert_int_eq(held_send("b", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(held_seq, held);
	ck_assert_int_eq(held_send("a", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(held_seq, first);
	ck_assert(!held_is_shown(held, false));
	ck_assert(held_is_shown(held, true));
	ck_assert_uint_eq(fx_events(), 1);
	fx_close();
	fx_open();
	ck_assert_int_eq(held_send("b", "one"), STORE_DUPLICATE);
	ck_assert(!held_is_shown(held, false));
	held_check_store();
}
END_TEST

START_TEST(a_released_event_is_an_event_once)
{
	uint64_t held, no;

	fx_added("hub", NULL);
	ck_assert_int_eq(held_send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send("b", "one"), STORE_HELD);
	held = no = held_seq;
	fx_change(NULL, held_release, &no, NULL);
	ck_assert_uint_gt(no, held);
	ck_assert_uint_ge(store_durable_seq(fx.st), no);
	ck_assert(held_is_shown(no, false) && !held_is_shown(held, false));
	ck_assert_int_eq(held_row(held).state, STORE_HELD_RELEASED);
	ck_assert_uint_eq(held_row(held).released_seq, no);
	ck_assert_int_eq(held_send("b", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(held_seq, no);
	ck_assert_int_eq(held_send("c", "two"), STORE_ACCEPTED);
	ck_assert_uint_eq(held_seq, no + 1);
	ck_assert_uint_eq(fx_events(), 3);
	fx_close();
	fx_open();
	ck_assert_int_eq(held_send("b", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(fx_events(), 3);
	held_check_store();
}
END_TEST

START_TEST(a_dropped_event_stays_a_duplicate)
{
	struct store_held_totals t;
	uint64_t no;

	fx_added("hub", NULL);
	ck_assert_int_eq(held_send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send("b", "one"), STORE_HELD);
	no = held_seq;
	fx_change(NULL, held_drop, &no, NULL);
	ck_assert_int_eq(held_send("b", "one"), STORE_DUPLICATE);
	ck_assert_int_eq(
	    store_held_totals(fx.st, fx.endpoint_id, &t, &fx.err), 0);
	ck_assert_uint_eq(t.count, 0);
	ck_assert_uint_eq(t.bytes, 0);
	ck_assert(!held_is_shown(no, false));
	held_check_store();
}
END_TEST

static void
count_problem(void *arg, const char *words)
{
	unsigned *n = arg;

	ck_assert_msg(strstr(words, "is held, and the row that says why is "
				    "missing") != NULL,
	    "%s", words);
	++*n;
}

static int
lose_row(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	unsigned char key[9] = { 'e' };
	bool found;

	(void)result;
	be64_put(key + 1, *(uint64_t *)arg);
	if (bdb_delete(tx->st->held, tx->txn, span_of(key, sizeof(key)), &found,
		err) < 0)
		return -1;
	ck_assert(found);
	return store_tx_audit(tx, "test", "hub", SPAN_EMPTY, err);
}

START_TEST(a_check_finds_what_lost_its_row)
{
	uint64_t no, problems;
	unsigned n = 0;

	fx_added("hub", NULL);
	ck_assert_int_eq(held_send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send("b", "one"), STORE_HELD);
	no = held_seq;
	fx_change(NULL, lose_row, &no, NULL);
	ck_assert_int_eq(
	    store_check(fx.st, count_problem, &n, &problems, &fx.err), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(problems, 1);
	fx_change(NULL, held_release, &no, NULL);
	ck_assert(held_is_shown(no, false));
	held_check_store();
}
END_TEST

START_TEST(repeats_beyond_the_limit_are_counted)
{
	struct store_held_repeats rp;
	struct store_held h;
	char id[16];
	unsigned i;

	fx_added("hub", NULL);
	ck_assert_int_eq(held_send("a", "one"), STORE_ACCEPTED);
	for (i = 0; i < STORE_HELD_REPEATS + 5; i++) {
		snprintf(id, sizeof(id), "copy-%u", i);
		ck_assert_int_eq(held_send(id, "one"), STORE_HELD);
		ck_assert_int_eq(held_seq == 0, i >= STORE_HELD_REPEATS);
		if (held_seq != 0)
			h = held_row(held_seq);
	}
	ck_assert_int_eq(store_held_repeats(fx.st, &h, &rp, &fx.err), 0);
	ck_assert_uint_eq(rp.kept, STORE_HELD_REPEATS);
	ck_assert_uint_eq(rp.counted, 5);
}
END_TEST

START_TEST(other_held_events_beyond_the_limit_fail_alone)
{
	fx.opt.held_max = 2;
	fx_close();
	fx_open();
	fx_added("hub", NULL);
	ck_assert_int_eq(held_send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send("b", "two"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send("a", "three"), STORE_HELD);
	ck_assert_str_eq(held_reason, "id reused with another payload");
	ck_assert_int_eq(held_send("b", "four"), STORE_HELD);
	ck_assert_int_eq(held_send("b", "five"), STORE_FAILED);
	ck_assert_int_eq(fx.err.code, ERR_LIMIT);
	ck_assert_int_eq(held_send("c", "six"), STORE_ACCEPTED);
}
END_TEST

START_TEST(an_endpoint_may_deliver_or_refuse_them)
{
	fx_added("hub", NULL);
	ck_assert_int_eq(held_send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(held_hand_in("b", "push", "one", STORE_WISH_ACCEPT,
			     STORE_ON_HELD_DELIVER),
	    STORE_ACCEPTED);
	ck_assert_int_eq(held_hand_in("b", "push", "one", STORE_WISH_ACCEPT,
			     STORE_ON_HELD_DELIVER),
	    STORE_DUPLICATE);
	ck_assert_int_eq(held_hand_in("c", "push", "one", STORE_WISH_ACCEPT,
			     STORE_ON_HELD_REFUSE),
	    STORE_FORGED);
	ck_assert_uint_eq(fx_events(), 2);
}
END_TEST

/* Ignored; the selection is widened; the provider sends it again. */
START_TEST(an_ignored_message_is_judged_afresh)
{
	fx_added("hub", NULL);
	ck_assert_int_eq(held_hand_in("a", "ping", "one", STORE_WISH_IGNORE,
			     STORE_ON_HELD_HOLD),
	    STORE_RECORDED);
	fx_close();
	fx_open();
	/* Under another type it is not what the provider sent. */
	ck_assert_int_eq(held_send("a", "one"), STORE_HELD);
	ck_assert_int_eq(held_hand_in("a", "ping", "one", STORE_WISH_ACCEPT,
			     STORE_ON_HELD_HOLD),
	    STORE_ACCEPTED);
	ck_assert_int_eq(held_hand_in("a", "ping", "one", STORE_WISH_ACCEPT,
			     STORE_ON_HELD_HOLD),
	    STORE_DUPLICATE);
	ck_assert_uint_eq(fx_events(), 1);
	held_check_store();
}
END_TEST

/* A held event keeps its part of the log until hold_max, and no longer. */
START_TEST(a_held_event_expires_with_hold_max)
{
	struct store_held_totals t;
	struct buf scratch = BUF_INIT(1024);
	struct store_held h;
	uint64_t dropped, held;
	bool found;

	fx.opt.retain_s = fx.opt.segment_age_s = 1;
	fx.opt.hold_s = 5;
	fx_close();
	fx_open();
	fx_added("hub", NULL);
	ck_assert_int_eq(held_send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send("b", "one"), STORE_HELD);
	held = held_seq;
	usleep(2500000);
	ck_assert_int_eq(held_send("c", "two"), STORE_ACCEPTED);
	ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	ck_assert_uint_eq(dropped, 0);
	ck_assert(held_is_shown(held, true));
	usleep(3000000);
	ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	ck_assert_uint_ge(dropped, 1);
	ck_assert(!held_is_shown(held, true));
	ck_assert_int_eq(
	    store_held_get(fx.st, NULL, held, &h, &scratch, &found, &fx.err),
	    0);
	ck_assert(!found);
	ck_assert_int_eq(
	    store_held_totals(fx.st, fx.endpoint_id, &t, &fx.err), 0);
	ck_assert_uint_eq(t.count, 0);
	/* It is still known, so that a retry of it is no news. */
	ck_assert_int_eq(held_send("b", "one"), STORE_DUPLICATE);
	buf_free(&scratch);
}
END_TEST

START_TEST(a_batch_is_new_when_an_element_is)
{
	fx_added("payments", NULL);
	ck_assert_int_eq(held_send_batch("A"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send_batch("BC"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send_batch("AB"), STORE_DUPLICATE);
	ck_assert_int_eq(held_send_batch("C"), STORE_DUPLICATE);
	ck_assert_int_eq(held_send_batch("AD"), STORE_ACCEPTED);
	fx_close();
	fx_open();
	ck_assert_int_eq(held_send_batch("DC"), STORE_DUPLICATE);
	ck_assert_uint_eq(fx_events(), 3);
	held_check_store();
}
END_TEST

START_TEST(the_oldest_ignored_message_goes)
{
	char id[24];
	int i;

	fx.opt.ignored_max = 3;
	fx_close();
	fx_open();
	fx_added("hub", NULL);
	for (i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "ping-%d", i);
		ck_assert_int_eq(held_hand_in(id, "ping", id, STORE_WISH_IGNORE,
				     STORE_ON_HELD_HOLD),
		    STORE_RECORDED);
		usleep(2000); /* the oldest is told by its millisecond */
	}
	ck_assert_int_eq(
	    held_send("x", "ping-0"), STORE_ACCEPTED); /* forgotten */
	ck_assert_int_eq(held_send("y", "ping-4"), STORE_HELD);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_held");
	TCase *tc = tcase_create("store_held");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_test(tc, a_repeat_under_another_id_is_held);
	tcase_add_test(tc, a_released_event_is_an_event_once);
	tcase_add_test(tc, a_dropped_event_stays_a_duplicate);
	tcase_add_test(tc, a_check_finds_what_lost_its_row);
	tcase_add_test(tc, repeats_beyond_the_limit_are_counted);
	tcase_add_test(tc, other_held_events_beyond_the_limit_fail_alone);
	tcase_add_test(tc, an_endpoint_may_deliver_or_refuse_them);
	tcase_add_test(tc, an_ignored_message_is_judged_afresh);
	tcase_add_test(tc, a_held_event_expires_with_hold_max);
	tcase_add_test(tc, a_batch_is_new_when_an_element_is);
	tcase_add_test(tc, the_oldest_ignored_message_goes);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
