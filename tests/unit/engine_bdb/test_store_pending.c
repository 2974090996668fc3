/*
 * Events of secrets that were sent to the endpoint itself and are not activated
 * yet, in the store: they keep nothing out, and are released once.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/digest.h"
#include "lib/base/util.h"
#include "tests/stand/held_fixture.h"
#include "tests/stand/store_fixture.h"

START_TEST(a_pending_secret_gets_nothing_delivered)
{
	static const enum store_on_held ways[] = { STORE_ON_HELD_HOLD,
		STORE_ON_HELD_DELIVER, STORE_ON_HELD_REFUSE };
	char id[16];
	unsigned i;

	fx_added("hub", NULL);
	ck_assert_int_eq(held_send("a", "one"), STORE_ACCEPTED);
	held_pending = 7;
	for (i = 0; i < NITEMS(ways); i++) {
		snprintf(id, sizeof(id), "new %u", i);
		ck_assert_int_eq(
		    held_hand_in(id, "push", id, STORE_WISH_ACCEPT, ways[i]),
		    STORE_HELD);
		ck_assert_uint_eq(held_row(held_seq).rule, DEDUPE_RULE_SECRET);
		/* The same id, or the same content. */
		snprintf(id, sizeof(id), "evil %u", i);
		ck_assert_int_eq(
		    held_hand_in("a", "push", id, STORE_WISH_ACCEPT, ways[i]),
		    STORE_HELD);
		ck_assert_int_eq(
		    held_hand_in(id, "push", "one", STORE_WISH_ACCEPT, ways[i]),
		    STORE_HELD);
		/* An activation releases what is delivered without it. */
		ck_assert_int_eq(held_row(held_seq).rule == DEDUPE_RULE_SECRET,
		    ways[i] == STORE_ON_HELD_DELIVER);
	}
	held_pending = 0;
	ck_assert_uint_eq(fx_events(), 1);
	held_check_store();
}
END_TEST

static void
expect_refused(uint64_t no)
{
	unsigned char id[STORE_REQUEST_ID];
	struct buf result = BUF_INIT(1024);

	ck_assert_int_eq(digest_random(id, sizeof(id), &fx.err), 0);
	ck_assert_int_eq(store_change(fx.st, &fx_actor, id, held_release, &no,
			     &result, &fx.err),
	    -1);
	ck_assert_int_eq(fx.err.code, ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(fx.err.text, "came again since"));
	fx.err = (struct err)ERR_INIT;
	buf_free(&result);
}

/* Its sender had the same bytes; no genuine event is refused for it. */
START_TEST(a_pending_secret_claims_no_id)
{
	uint64_t dropped, other, waiting;

	fx_added("hub", NULL);
	held_pending = 7;
	ck_assert_int_eq(held_send("a", "one"), STORE_HELD);
	dropped = held_seq;
	ck_assert_int_eq(held_send("a", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(held_seq, dropped);
	ck_assert_int_eq(held_send("b", "two"), STORE_HELD);
	waiting = held_seq;
	fx_change(NULL, held_drop, &dropped, NULL);
	ck_assert_int_eq(held_send("a", "one"), STORE_DUPLICATE);
	held_pending = 8;
	ck_assert_int_eq(held_send("b", "two"), STORE_HELD);
	other = held_seq;
	ck_assert_int_eq(held_send("b", "two"), STORE_DUPLICATE);
	ck_assert_uint_eq(held_seq, other);
	fx_close();
	fx_open();
	held_pending = 0;
	ck_assert_int_eq(held_send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send("a", "one"), STORE_DUPLICATE);
	ck_assert_int_eq(held_send("b", "two"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send("b", "two"), STORE_DUPLICATE);
	/* It is delivered once: what waits of it stays where it is. */
	expect_refused(waiting);
	expect_refused(other);
	ck_assert_uint_eq(fx_events(), 2);
	fx_change(NULL, held_drop, &waiting, NULL);
	held_check_store();
}
END_TEST

/* Held under each, the first is released; the rest is known by that one. */
START_TEST(what_came_under_two_is_released_once)
{
	uint64_t first, second;

	fx_added("hub", NULL);
	held_pending = 7;
	ck_assert_int_eq(held_send("a", "one"), STORE_HELD);
	first = held_seq;
	held_pending = 8;
	ck_assert_int_eq(held_send("a", "one"), STORE_HELD);
	second = held_seq;
	fx_change(NULL, held_release, &first, NULL);
	ck_assert_int_eq(held_send("a", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(held_seq, first);
	held_pending = 0;
	ck_assert_int_eq(held_send("a", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(held_seq, first);
	expect_refused(second);
	ck_assert_uint_eq(fx_events(), 1);
	held_check_store();
}
END_TEST

START_TEST(what_an_activation_releases_is_known)
{
	uint64_t no;

	fx_added("hub", NULL);
	held_pending = 7;
	ck_assert_int_eq(held_send("a", "one"), STORE_HELD);
	no = held_seq;
	fx_change(NULL, held_release, &no, NULL);
	held_pending = 0;
	ck_assert_int_eq(held_send("a", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(held_seq, no);
	ck_assert_int_eq(held_send("b", "one"), STORE_HELD);
	held_pending = 9;
	ck_assert_int_eq(held_send("a", "one"), STORE_DUPLICATE);
	/* The id of a held event is that one's, and each is known again. */
	ck_assert_int_eq(held_send("b", "three"), STORE_HELD);
	ck_assert_int_eq(held_send("b", "three"), STORE_DUPLICATE);
	held_pending = 0;
	ck_assert_int_eq(held_send("b", "one"), STORE_DUPLICATE);
	ck_assert_int_eq(held_send("b", "three"), STORE_ACCEPTED);
	ck_assert_uint_eq(fx_events(), 2);
	held_check_store();
}
END_TEST

START_TEST(a_pending_secret_claims_no_element)
{
	fx_added("payments", NULL);
	held_pending = 7;
	ck_assert_int_eq(held_send_batch("AB"), STORE_HELD);
	ck_assert_int_eq(held_send_batch("A"), STORE_DUPLICATE);
	held_pending = 0;
	ck_assert_int_eq(held_send_batch("A"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send_batch("AB"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send_batch("B"), STORE_DUPLICATE);
	held_check_store();
}
END_TEST

START_TEST(a_batch_that_came_under_two_is_released_once)
{
	uint64_t first, second;

	fx_added("payments", NULL);
	held_pending = 7;
	ck_assert_int_eq(held_send_batch("AB"), STORE_HELD);
	first = held_seq;
	held_pending = 8;
	ck_assert_int_eq(held_send_batch("BA"), STORE_HELD);
	second = held_seq;
	fx_change(NULL, held_release, &first, NULL);
	held_pending = 0;
	ck_assert_int_eq(held_send_batch("A"), STORE_DUPLICATE);
	ck_assert_int_eq(held_send_batch("BA"), STORE_DUPLICATE);
	expect_refused(second);
	held_pending = 7;
	ck_assert_int_eq(held_send_batch("CD"), STORE_HELD);
	second = held_seq;
	held_pending = 0;
	ck_assert_int_eq(held_send_batch("C"), STORE_ACCEPTED);
	ck_assert_int_eq(held_send_batch("D"), STORE_ACCEPTED);
	expect_refused(second);
	ck_assert_uint_eq(fx_events(), 3);
	held_check_store();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_pending");
	TCase *tc = tcase_create("store_pending");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_test(tc, a_pending_secret_gets_nothing_delivered);
	tcase_add_test(tc, a_pending_secret_claims_no_id);
	tcase_add_test(tc, what_came_under_two_is_released_once);
	tcase_add_test(tc, what_an_activation_releases_is_known);
	tcase_add_test(tc, a_pending_secret_claims_no_element);
	tcase_add_test(tc, a_batch_that_came_under_two_is_released_once);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
