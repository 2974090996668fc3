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
#include "tests/store_fixture.h"

static uint64_t seq; /* of what was handed in last */
static const char *reason;
/* Not activated, and verified what is handed in next; 0: an activated one did
 */
static uint64_t pending;

static void
wait_for_activation(struct store_item *item)
{
	item->event.secret_id = pending;
	item->hold = pending != 0 ? "not activated" : NULL;
}

/* As GitHub sends: the body is signed, id and type are not. */
static enum store_outcome
hand_in(const char *id, const char *type, const char *body,
    enum store_wish wish, enum store_on_held on_held)
{
	struct waiting w;
	struct dedupe_identity *who = &w.item.identity;
	enum store_outcome outcome;

	fx_begin(&w, id, body);
	who->class = (struct dedupe_class){
		.signs = true, .covers_body = true, .within_ms = 1000
	};
	who->has_content = who->has_type = true;
	memcpy(who->content, who->payload, sizeof(who->content));
	w.item.event.type = span_str(type);
	w.item.wish = wish;
	w.item.on_held = on_held;
	wait_for_activation(&w.item);
	store_submit(fx.st, &w.item);
	outcome = fx_end(&w);
	seq = w.item.seq;
	reason = w.item.reason;
	fx.err = w.item.err;
	return outcome;
}

static enum store_outcome
send(const char *id, const char *body)
{
	return hand_in(id, "push", body, STORE_WISH_ACCEPT, STORE_ON_HELD_HOLD);
}

static bool
is_shown(uint64_t wanted, bool held)
{
	struct store_reader *rd;
	struct event ev;
	bool found;

	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	if (held)
		store_reader_show_held(rd);
	store_reader_seek(rd, wanted);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &fx.err), 0);
	found = found && ev.seq == wanted;
	store_reader_close(rd);
	return found;
}

static int
change_release(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	uint64_t *no = arg;
	struct store_reader *rd = NULL;
	struct event ev;
	bool found;
	int ret = -1;

	(void)result;
	if (store_reader_open(fx.st, &rd, err) < 0)
		return -1;
	store_reader_show_held(rd);
	store_reader_seek(rd, *no);
	if (store_reader_next(rd, &ev, &found, err) == 0) {
		ck_assert(found && ev.seq == *no);
		ret = store_tx_release(tx, &ev, no, err);
	}
	store_reader_close(rd);
	return ret < 0 ? -1
		       : store_tx_audit(
			     tx, "event.release", "hub", SPAN_EMPTY, err);
}

static int
change_drop(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	uint64_t *no = arg;

	(void)result;
	if (store_tx_drop_held(tx, *no, err) < 0)
		return -1;
	return store_tx_audit(tx, "event.drop", "hub", SPAN_EMPTY, err);
}

static void
check_store(void)
{
	uint64_t problems;

	ck_assert_int_eq(store_check(fx.st, NULL, NULL, &problems, &fx.err), 0);
	ck_assert_uint_eq(problems, 0);
}

static struct store_held
row_of(uint64_t no)
{
	struct buf scratch = BUF_INIT(1024);
	struct store_held h;
	bool found;

	ck_assert_int_eq(
	    store_held_get(fx.st, NULL, no, &h, &scratch, &found, &fx.err), 0);
	ck_assert(found);
	buf_free(&scratch);
	return h;
}

START_TEST(a_repeat_under_another_id_is_held)
{
	uint64_t first, held;

	fx_added("hub", NULL);
	ck_assert_int_eq(send("a", "one"), STORE_ACCEPTED);
	first = seq;
	ck_assert_int_eq(send("b", "one"), STORE_HELD);
	held = seq;
	ck_assert_str_eq(reason, "same content under another id");
	ck_assert_uint_eq(row_of(held).first_seq, first);
	ck_assert_int_eq(send("b", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(seq, held);
	ck_assert_int_eq(send("a", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(seq, first);
	ck_assert(!is_shown(held, false));
	ck_assert(is_shown(held, true));
	ck_assert_uint_eq(fx_events(), 1);
	fx_close();
	fx_open();
	ck_assert_int_eq(send("b", "one"), STORE_DUPLICATE);
	ck_assert(!is_shown(held, false));
	check_store();
}
END_TEST

START_TEST(a_released_event_is_an_event_once)
{
	uint64_t held, no;

	fx_added("hub", NULL);
	ck_assert_int_eq(send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(send("b", "one"), STORE_HELD);
	held = no = seq;
	fx_change(NULL, change_release, &no, NULL);
	ck_assert_uint_gt(no, held);
	ck_assert_uint_ge(store_durable_seq(fx.st), no);
	ck_assert(is_shown(no, false) && !is_shown(held, false));
	ck_assert_int_eq(row_of(held).state, STORE_HELD_RELEASED);
	ck_assert_uint_eq(row_of(held).released_seq, no);
	ck_assert_int_eq(send("b", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(seq, no);
	ck_assert_int_eq(send("c", "two"), STORE_ACCEPTED);
	ck_assert_uint_eq(seq, no + 1);
	ck_assert_uint_eq(fx_events(), 3);
	fx_close();
	fx_open();
	ck_assert_int_eq(send("b", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(fx_events(), 3);
	check_store();
}
END_TEST

START_TEST(a_dropped_event_stays_a_duplicate)
{
	struct store_held_totals t;
	uint64_t no;

	fx_added("hub", NULL);
	ck_assert_int_eq(send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(send("b", "one"), STORE_HELD);
	no = seq;
	fx_change(NULL, change_drop, &no, NULL);
	ck_assert_int_eq(send("b", "one"), STORE_DUPLICATE);
	ck_assert_int_eq(
	    store_held_totals(fx.st, fx.endpoint_id, &t, &fx.err), 0);
	ck_assert_uint_eq(t.count, 0);
	ck_assert_uint_eq(t.bytes, 0);
	ck_assert(!is_shown(no, false));
	check_store();
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
	ck_assert_int_eq(send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(send("b", "one"), STORE_HELD);
	no = seq;
	fx_change(NULL, lose_row, &no, NULL);
	ck_assert_int_eq(
	    store_check(fx.st, count_problem, &n, &problems, &fx.err), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(problems, 1);
	fx_change(NULL, change_release, &no, NULL);
	ck_assert(is_shown(no, false));
	check_store();
}
END_TEST

START_TEST(repeats_beyond_the_limit_are_counted)
{
	struct store_held_repeats rp;
	struct store_held h;
	char id[16];
	unsigned i;

	fx_added("hub", NULL);
	ck_assert_int_eq(send("a", "one"), STORE_ACCEPTED);
	for (i = 0; i < STORE_HELD_REPEATS + 5; i++) {
		snprintf(id, sizeof(id), "copy-%u", i);
		ck_assert_int_eq(send(id, "one"), STORE_HELD);
		ck_assert_int_eq(seq == 0, i >= STORE_HELD_REPEATS);
		if (seq != 0)
			h = row_of(seq);
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
	ck_assert_int_eq(send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(send("b", "two"), STORE_ACCEPTED);
	ck_assert_int_eq(send("a", "three"), STORE_HELD);
	ck_assert_str_eq(reason, "id reused with another payload");
	ck_assert_int_eq(send("b", "four"), STORE_HELD);
	ck_assert_int_eq(send("b", "five"), STORE_FAILED);
	ck_assert_int_eq(fx.err.code, ERR_LIMIT);
	ck_assert_int_eq(send("c", "six"), STORE_ACCEPTED);
}
END_TEST

START_TEST(an_endpoint_may_deliver_or_refuse_them)
{
	fx_added("hub", NULL);
	ck_assert_int_eq(send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(hand_in("b", "push", "one", STORE_WISH_ACCEPT,
			     STORE_ON_HELD_DELIVER),
	    STORE_ACCEPTED);
	ck_assert_int_eq(hand_in("b", "push", "one", STORE_WISH_ACCEPT,
			     STORE_ON_HELD_DELIVER),
	    STORE_DUPLICATE);
	ck_assert_int_eq(hand_in("c", "push", "one", STORE_WISH_ACCEPT,
			     STORE_ON_HELD_REFUSE),
	    STORE_FORGED);
	ck_assert_uint_eq(fx_events(), 2);
}
END_TEST

START_TEST(a_pending_secret_gets_nothing_delivered)
{
	static const enum store_on_held ways[] = { STORE_ON_HELD_HOLD,
		STORE_ON_HELD_DELIVER, STORE_ON_HELD_REFUSE };
	char id[16];
	unsigned i;

	fx_added("hub", NULL);
	ck_assert_int_eq(send("a", "one"), STORE_ACCEPTED);
	pending = 7;
	for (i = 0; i < NITEMS(ways); i++) {
		snprintf(id, sizeof(id), "new %u", i);
		ck_assert_int_eq(
		    hand_in(id, "push", id, STORE_WISH_ACCEPT, ways[i]),
		    STORE_HELD);
		ck_assert_uint_eq(row_of(seq).rule, DEDUPE_RULE_SECRET);
		/* The same id, or the same content. */
		snprintf(id, sizeof(id), "evil %u", i);
		ck_assert_int_eq(
		    hand_in("a", "push", id, STORE_WISH_ACCEPT, ways[i]),
		    STORE_HELD);
		ck_assert_int_eq(
		    hand_in(id, "push", "one", STORE_WISH_ACCEPT, ways[i]),
		    STORE_HELD);
		/* An activation releases what is delivered without it. */
		ck_assert_int_eq(row_of(seq).rule == DEDUPE_RULE_SECRET,
		    ways[i] == STORE_ON_HELD_DELIVER);
	}
	pending = 0;
	ck_assert_uint_eq(fx_events(), 1);
	check_store();
}
END_TEST

static void
expect_refused(uint64_t no)
{
	unsigned char id[STORE_REQUEST_ID];
	struct buf result = BUF_INIT(1024);

	ck_assert_int_eq(digest_random(id, sizeof(id), &fx.err), 0);
	ck_assert_int_eq(store_change(fx.st, &fx_actor, id, change_release, &no,
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
	pending = 7;
	ck_assert_int_eq(send("a", "one"), STORE_HELD);
	dropped = seq;
	ck_assert_int_eq(send("a", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(seq, dropped);
	ck_assert_int_eq(send("b", "two"), STORE_HELD);
	waiting = seq;
	fx_change(NULL, change_drop, &dropped, NULL);
	ck_assert_int_eq(send("a", "one"), STORE_DUPLICATE);
	pending = 8;
	ck_assert_int_eq(send("b", "two"), STORE_HELD);
	other = seq;
	ck_assert_int_eq(send("b", "two"), STORE_DUPLICATE);
	ck_assert_uint_eq(seq, other);
	fx_close();
	fx_open();
	pending = 0;
	ck_assert_int_eq(send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(send("a", "one"), STORE_DUPLICATE);
	ck_assert_int_eq(send("b", "two"), STORE_ACCEPTED);
	ck_assert_int_eq(send("b", "two"), STORE_DUPLICATE);
	/* It is delivered once: what waits of it stays where it is. */
	expect_refused(waiting);
	expect_refused(other);
	ck_assert_uint_eq(fx_events(), 2);
	fx_change(NULL, change_drop, &waiting, NULL);
	check_store();
}
END_TEST

START_TEST(what_an_activation_releases_is_known)
{
	uint64_t no;

	fx_added("hub", NULL);
	pending = 7;
	ck_assert_int_eq(send("a", "one"), STORE_HELD);
	no = seq;
	fx_change(NULL, change_release, &no, NULL);
	pending = 0;
	ck_assert_int_eq(send("a", "one"), STORE_DUPLICATE);
	ck_assert_uint_eq(seq, no);
	ck_assert_int_eq(send("b", "one"), STORE_HELD);
	pending = 9;
	ck_assert_int_eq(send("a", "one"), STORE_DUPLICATE);
	/* The id of a held event is that one's, and each is known again. */
	ck_assert_int_eq(send("b", "three"), STORE_HELD);
	ck_assert_int_eq(send("b", "three"), STORE_DUPLICATE);
	pending = 0;
	ck_assert_int_eq(send("b", "one"), STORE_DUPLICATE);
	ck_assert_int_eq(send("b", "three"), STORE_ACCEPTED);
	ck_assert_uint_eq(fx_events(), 2);
	check_store();
}
END_TEST

/* Ignored; the selection is widened; the provider sends it again. */
START_TEST(an_ignored_message_is_judged_afresh)
{
	fx_added("hub", NULL);
	ck_assert_int_eq(
	    hand_in("a", "ping", "one", STORE_WISH_IGNORE, STORE_ON_HELD_HOLD),
	    STORE_RECORDED);
	fx_close();
	fx_open();
	/* Under another type it is not what the provider sent. */
	ck_assert_int_eq(send("a", "one"), STORE_HELD);
	ck_assert_int_eq(
	    hand_in("a", "ping", "one", STORE_WISH_ACCEPT, STORE_ON_HELD_HOLD),
	    STORE_ACCEPTED);
	ck_assert_int_eq(
	    hand_in("a", "ping", "one", STORE_WISH_ACCEPT, STORE_ON_HELD_HOLD),
	    STORE_DUPLICATE);
	ck_assert_uint_eq(fx_events(), 1);
	check_store();
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
	ck_assert_int_eq(send("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(send("b", "one"), STORE_HELD);
	held = seq;
	usleep(2500000);
	ck_assert_int_eq(send("c", "two"), STORE_ACCEPTED);
	ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	ck_assert_uint_eq(dropped, 0);
	ck_assert(is_shown(held, true));
	usleep(3000000);
	ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	ck_assert_uint_ge(dropped, 1);
	ck_assert(!is_shown(held, true));
	ck_assert_int_eq(
	    store_held_get(fx.st, NULL, held, &h, &scratch, &found, &fx.err),
	    0);
	ck_assert(!found);
	ck_assert_int_eq(
	    store_held_totals(fx.st, fx.endpoint_id, &t, &fx.err), 0);
	ck_assert_uint_eq(t.count, 0);
	/* It is still known, so that a retry of it is no news. */
	ck_assert_int_eq(send("b", "one"), STORE_DUPLICATE);
	buf_free(&scratch);
}
END_TEST

/* As Adyen sends: each element is signed by itself, and the whole is not. */
static enum store_outcome
send_batch(const char *elements)
{
	struct buf contents = BUF_INIT(1024), digests = BUF_INIT(1024);
	unsigned char digest[DIGEST_SHA256] = { 0 };
	struct waiting w;
	struct dedupe_identity *who = &w.item.identity;
	enum store_outcome outcome;
	size_t i;

	fx_begin(&w, elements, elements);
	who->class = (struct dedupe_class){ .signs = true };
	who->has_content = true;
	for (i = 0; elements[i] != '\0'; i++) {
		digest[0] = (unsigned char)elements[i];
		ck_assert_int_eq(
		    buf_put(&digests, digest, sizeof(digest), &fx.err), 0);
		who->content[i] = digest[0];
	}
	w.item.elements = buf_span(&digests);
	w.item.contents = &contents;
	wait_for_activation(&w.item);
	store_submit(fx.st, &w.item);
	outcome = fx_end(&w);
	buf_free(&contents);
	buf_free(&digests);
	return outcome;
}

START_TEST(a_pending_secret_claims_no_element)
{
	fx_added("payments", NULL);
	pending = 7;
	ck_assert_int_eq(send_batch("AB"), STORE_HELD);
	ck_assert_int_eq(send_batch("A"), STORE_DUPLICATE);
	pending = 0;
	ck_assert_int_eq(send_batch("A"), STORE_ACCEPTED);
	ck_assert_int_eq(send_batch("AB"), STORE_ACCEPTED);
	ck_assert_int_eq(send_batch("B"), STORE_DUPLICATE);
	check_store();
}
END_TEST

START_TEST(a_batch_is_new_when_an_element_is)
{
	fx_added("payments", NULL);
	ck_assert_int_eq(send_batch("A"), STORE_ACCEPTED);
	ck_assert_int_eq(send_batch("BC"), STORE_ACCEPTED);
	ck_assert_int_eq(send_batch("AB"), STORE_DUPLICATE);
	ck_assert_int_eq(send_batch("C"), STORE_DUPLICATE);
	ck_assert_int_eq(send_batch("AD"), STORE_ACCEPTED);
	fx_close();
	fx_open();
	ck_assert_int_eq(send_batch("DC"), STORE_DUPLICATE);
	ck_assert_uint_eq(fx_events(), 3);
	check_store();
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
		ck_assert_int_eq(hand_in(id, "ping", id, STORE_WISH_IGNORE,
				     STORE_ON_HELD_HOLD),
		    STORE_RECORDED);
		usleep(2000); /* the oldest is told by its millisecond */
	}
	ck_assert_int_eq(send("x", "ping-0"), STORE_ACCEPTED); /* forgotten */
	ck_assert_int_eq(send("y", "ping-4"), STORE_HELD);
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
	tcase_add_test(tc, a_pending_secret_gets_nothing_delivered);
	tcase_add_test(tc, a_pending_secret_claims_no_id);
	tcase_add_test(tc, what_an_activation_releases_is_known);
	tcase_add_test(tc, a_pending_secret_claims_no_element);
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
