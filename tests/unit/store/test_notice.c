/* test_notice.c: eyelet's own events: put, moved into the log, each once. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/util.h"
#include "lib/engine_bdb/impl.h"
#include "tests/stand/delivery_fixture.h"
#include "tests/stand/notice_fixture.h"

#define HOUR_MS (3600 * INT64_C(1000))
#define URL "{\"url\":\"https://example.com/\"}"

/* --- dead letters --------------------------------------------------------- */

static void
die_of(uint64_t id, uint64_t seq, const char *reason)
{
	struct store_delivery d = fx_row(id, seq, STORE_DELIVERY_DEAD);

	d.endpoint_id = fx.endpoint_id;
	d.attempts = 4;
	d.status = 503;
	d.reason = span_str(reason);
	d.words = span_str("busy");
	d.id = span_str("evt_1");
	d.type = span_str("order.paid");
	d.since_ms = 1700000000000;
	fx_report_row(&d);
}

static void
die(uint64_t id, uint64_t seq)
{
	die_of(id, seq, DELIVERY_EXHAUSTED);
}

START_TEST(a_dead_letter_is_said)
{
	uint64_t id;

	fx_added("orders", NULL);
	id = fx_destination("crm", URL, 0);
	die(id, 7);
	ck_assert_uint_eq(nt_listen(), 1);
	ck_assert_str_eq(nt_type(0), NOTICE_DEAD);
	ck_assert_str_eq(nt_text(0, "destination"), "crm");
	ck_assert_str_eq(nt_text(0, "endpoint"), "orders");
	ck_assert_str_eq(nt_text(0, "id"), "evt_1");
	ck_assert_str_eq(nt_text(0, "event_type"), "order.paid");
	ck_assert_str_eq(nt_text(0, "reason"), "exhausted");
	ck_assert_str_eq(nt_text(0, "why"), "busy");
	ck_assert_str_eq(nt_text(0, "since"), "2023-11-14T22:13:20.000Z");
	ck_assert_ptr_nonnull(strstr(nt_text(0, "do"), "crm"));
	ck_assert_int_eq(nt_number(0, "seq"), 7);
	ck_assert_int_eq(nt_number(0, "count"), 1);
	ck_assert_int_eq(nt_number(0, "status"), 503);
	ck_assert_int_eq(nt_number(0, "attempts"), 4);
	/* The same report, repeated, is the same death. */
	die(id, 7);
	ck_assert_uint_eq(nt_listen(), 1);
	die(id, 8);
	ck_assert_uint_eq(nt_listen(), 2);
	ck_assert_str_ne(nt_heard.id[0], nt_heard.id[1]);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

START_TEST(a_dead_notice_makes_no_other)
{
	uint64_t id;

	fx_added("orders", NULL);
	id = fx_destination("crm", URL, 0);
	fx.endpoint_id = STORE_SELF;
	die(id, 7);
	ck_assert_int_eq(fx_state(id, 7), STORE_DELIVERY_DEAD);
	ck_assert_uint_eq(nt_listen(), 0);
}
END_TEST

/* Whoever removes an endpoint knows; the deliverer finds its events later. */
START_TEST(what_a_removal_ends_makes_none)
{
	uint64_t id;

	fx_added("orders", NULL);
	id = fx_destination("crm", URL, 0);
	die_of(id, 7, DELIVERY_REMOVED);
	ck_assert_int_eq(fx_state(id, 7), STORE_DELIVERY_DEAD);
	ck_assert_uint_eq(nt_listen(), 0);
}
END_TEST

START_TEST(many_dead_letters_are_summed_up)
{
	uint64_t id, other, seq;

	fx_added("orders", NULL);
	id = fx_destination("crm", URL, 0);
	other = fx_destination("erp", URL, 0);
	for (seq = 1; seq <= NOTICE_DEAD_HOURLY + 40; seq++)
		die(id, seq);
	ck_assert_uint_eq(nt_listen(), NOTICE_DEAD_HOURLY);
	/* Another destination has an hour of its own. */
	die(other, 1);
	ck_assert_uint_eq(nt_listen(), NOTICE_DEAD_HOURLY + 1);
	fx_close();
	fx_open();
	ck_assert_uint_eq(nt_listen(), NOTICE_DEAD_HOURLY + 1);
	nt_pass(HOUR_MS);
	for (seq = 0; nt_listen() == NOTICE_DEAD_HOURLY + 1; seq++) {
		ck_assert_uint_lt(seq, NT_TRIES);
		usleep(25000);
	}
	ck_assert_uint_eq(nt_heard.n, NOTICE_DEAD_HOURLY + 2);
	ck_assert_int_eq(nt_number(NOTICE_DEAD_HOURLY + 1, "count"), 40);
	ck_assert_int_eq(
	    nt_number(NOTICE_DEAD_HOURLY + 1, "seq"), NOTICE_DEAD_HOURLY + 40);
	ck_assert_str_eq(nt_text(NOTICE_DEAD_HOURLY + 1, "destination"), "crm");
	ck_assert_str_eq(nt_text(NOTICE_DEAD_HOURLY + 1, "why"), "busy");
	/* A new hour, each again; and nothing is left to be summed up. */
	die(id, 1000);
	nt_pass(2 * HOUR_MS);
	ck_assert_uint_eq(nt_listen(), NOTICE_DEAD_HOURLY + 3);
}
END_TEST

/* --- disabled ------------------------------------------------------------- */

static int
disable(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct buf doc = BUF_INIT(DESTINATION_DOC_MAX);
	struct store_destination d;
	bool found;
	int ret = -1;

	(void)result;
	if (store_destination_by_id(
		fx.st, tx, *(uint64_t *)arg, &d, &doc, &found, err) < 0)
		goto out;
	d.state = STORE_DESTINATION_DISABLED;
	if (store_tx_destination(tx, &d, 0, err) < 0 ||
	    notice_disabled(tx, &d, "gone", "status 410", err) < 0)
		goto out;
	ret =
	    store_tx_audit(tx, "destination.disable", d.name, SPAN_EMPTY, err);
out:
	buf_free(&doc);
	return ret;
}

static int
disable_in_vain(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	if (disable(tx, arg, result, err) < 0)
		return -1;
	return err_set(err, ERR_CONFLICT, "no");
}

START_TEST(a_disabled_destination_is_said_with_it)
{
	static const unsigned char request[STORE_REQUEST_ID] = { 1 };
	uint64_t id = fx_destination("crm", URL, 0);
	struct buf none = BUF_INIT(64);

	ck_assert_int_eq(store_change(fx.st, &fx_actor, request,
			     disable_in_vain, &id, &none, &fx.err),
	    -1);
	ck_assert_uint_eq(nt_listen(), 0);
	fx_change(NULL, disable, &id, NULL);
	ck_assert_uint_eq(nt_listen(), 1);
	ck_assert_str_eq(nt_type(0), NOTICE_DISABLED);
	ck_assert_str_eq(nt_text(0, "destination"), "crm");
	ck_assert_str_eq(nt_text(0, "by"), "gone");
	ck_assert_str_eq(nt_text(0, "why"), "status 410");
	ck_assert_ptr_nonnull(strstr(nt_text(0, "do"), "resume crm"));
	ck_assert_ptr_nonnull(nt_text(0, "since"));
	buf_free(&none);
}
END_TEST

/* --- what dies meanwhile -------------------------------------------------- */

START_TEST(a_killed_owner_loses_no_notice)
{
	uint64_t id = fx_destination("crm", URL, 0);
	int status, round;
	pid_t pid;

	/* Before, while and after the keeper moves it. */
	for (round = 0; round < 8; round++) {
		fx_close();
		pid = fork();
		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			fx_open();
			fx_change(NULL, disable, &id, NULL);
			usleep((useconds_t)round * 60000);
			kill(getpid(), SIGKILL);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		fx_open();
		ck_assert_uint_eq(nt_listen(), (size_t)round + 1);
	}
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

/* As after a kill between the log and the table. */
static int
put_again(struct store_tx *tx, void *arg, struct err *err)
{
	static const unsigned char key[] = { 'd', 0, 0, 0, 0, 0, 0, 0, 1 };
	struct buf row = BUF_INIT(1024);
	struct record_notice n = { .at_ms = 1,
		.id = span_str(arg),
		.type = span_str(NOTICE_DEAD),
		.data = span_str("{}") };
	int ret = record_put_notice(&n, &row, err);

	if (ret == 0)
		ret = bdb_put(tx->st->notices, tx->txn,
		    span_of(key, sizeof(key)), buf_span(&row), err);
	atomic_store(&tx->st->notices_due, true);
	buf_free(&row);
	return ret;
}

START_TEST(what_is_in_the_log_is_not_put_there_again)
{
	uint64_t id = fx_destination("crm", URL, 0);
	char known[NOTICE_ID_MAX];

	fx_change(NULL, disable, &id, NULL);
	ck_assert_uint_eq(nt_listen(), 1);
	memcpy(known, nt_heard.id[0], sizeof(known));
	ck_assert_int_eq(
	    store_say_notices(fx.st, put_again, known, &fx.err), 0);
	ck_assert_uint_eq(nt_listen(), 1);
}
END_TEST

/* --- limits --------------------------------------------------------------- */

START_TEST(what_waits_is_bounded)
{
	nt_fill();
	nt_release();
	ck_assert_uint_eq(nt_listen(), NOTICE_DUE_MAX);
}
END_TEST

START_TEST(a_dead_letter_that_finds_no_room_is_counted)
{
	uint64_t id;
	int i;

	fx_added("orders", NULL);
	id = fx_destination("crm", URL, 0);
	nt_fill();
	die(id, 8);
	/* Nor is it lost when the hour is over, and there still is none. */
	nt_pass(HOUR_MS);
	die(id, 9);
	nt_release();
	ck_assert_uint_ge(nt_listen(), NOTICE_DUE_MAX);
	for (i = 0; nt_listen() == NOTICE_DUE_MAX; i++) {
		ck_assert_int_lt(i, NT_TRIES);
		usleep(25000);
	}
	ck_assert_int_eq(nt_number(NOTICE_DUE_MAX, "count"), 2);
	ck_assert_int_eq(nt_number(NOTICE_DUE_MAX, "seq"), 9);
}
END_TEST

/* Floors by how much of it is free, in percent. */
static const struct {
	const char *when;
	unsigned free;
	bool passes;
} floors[] = {
	{ "three quarters of the floor are free", 75, true },
	{ "a quarter", 25, false },
};

START_TEST(half_of_the_floor_is_for_eyelet)
{
	uint64_t id = fx_destination("crm", URL, 0);
	struct store_room room;
	int i;

	fx_added("orders", NULL);
	store_room(fx.st, &room);
	fx_close();
	fx.opt.floor = room.free / floors[_i].free * 100;
	fx_open();
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_FAILED);
	fx_change(NULL, disable, &id, NULL);
	if (floors[_i].passes) {
		ck_assert_uint_eq(nt_listen(), 1);
		return;
	}
	for (i = 0; i < 6; i++) {
		usleep(250000);
		ck_assert_msg(nt_due() == 1, "%s", floors[_i].when);
	}
	/* It waits for room. */
	fx_close();
	fx.opt.floor = 0;
	fx_open();
	ck_assert_uint_eq(nt_listen(), 1);
}
END_TEST

/* --- marks ---------------------------------------------------------------- */

static int
set_marks(struct store_tx *tx, void *arg, struct err *err)
{
	struct notice_mark one = { 7, 1 }, two = { 8, 2 };

	(void)arg;
	if (notice_set_mark(tx, "held", 1, &one, err) < 0 ||
	    notice_set_mark(tx, "held", 2, &two, err) < 0)
		return -1;
	return notice_set_mark(tx, "heard", 1, &two, err);
}

static int
forget_mark(struct store_tx *tx, void *arg, struct err *err)
{
	(void)arg;
	if (notice_set_mark(tx, "held", 3, NULL, err) < 0)
		return -1;
	return notice_set_mark(tx, "held", 1, NULL, err);
}

static void
expect_mark(const char *kind, uint64_t id, int64_t at_ms, uint64_t n)
{
	struct notice_mark mark;
	bool found;

	ck_assert_int_eq(
	    notice_mark(fx.st, NULL, kind, id, &mark, &found, &fx.err), 0);
	ck_assert_int_eq(found, n != 0);
	ck_assert_int_eq(mark.at_ms, at_ms);
	ck_assert_uint_eq(mark.n, n);
}

START_TEST(what_was_said_is_known_after_a_restart)
{
	ck_assert_int_eq(store_say_notices(fx.st, set_marks, NULL, &fx.err), 0);
	fx_close();
	fx_open();
	expect_mark("held", 1, 7, 1);
	expect_mark("held", 2, 8, 2);
	expect_mark("held", 3, 0, 0);
	expect_mark("heard", 1, 8, 2);
	ck_assert_int_eq(
	    store_say_notices(fx.st, forget_mark, NULL, &fx.err), 0);
	expect_mark("held", 1, 0, 0);
	expect_mark("held", 2, 8, 2);
	ck_assert_uint_eq(nt_listen(), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("notice");
	TCase *tc = tcase_create("notice");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_checked_fixture(tc, NULL, nt_forget);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_dead_letter_is_said);
	tcase_add_test(tc, a_dead_notice_makes_no_other);
	tcase_add_test(tc, what_a_removal_ends_makes_none);
	tcase_add_test(tc, many_dead_letters_are_summed_up);
	tcase_add_test(tc, a_disabled_destination_is_said_with_it);
	tcase_add_test(tc, a_killed_owner_loses_no_notice);
	tcase_add_test(tc, what_is_in_the_log_is_not_put_there_again);
	tcase_add_test(tc, what_waits_is_bounded);
	tcase_add_test(tc, a_dead_letter_that_finds_no_room_is_counted);
	tcase_add_loop_test(
	    tc, half_of_the_floor_is_for_eyelet, 0, NITEMS(floors));
	tcase_add_test(tc, what_was_said_is_known_after_a_restart);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
