/*
 * test_server.c: what the owner answers over its socket: greetings, calls,
 * requests, and how it ends. What it does about peers that do wrong is in
 * test_server_peers.c.
 */
#include "lib/server/server.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"
#include "lib/base/version.h"
#include "tests/stand/server_harness.h"

/* --- greeting ------------------------------------------------------------- */

START_TEST(the_welcome_says_who_owns)
{
	struct buf room = BUF_INIT(FRAME_MAX);
	struct frame_greeting owner;
	struct err err = ERR_INIT;
	int fd = plug();

	send_hello(fd, "1.2.0");
	ck_assert_uint_eq(read_frame(fd, &room), FRAME_WELCOME);
	ck_assert_int_eq(frame_get_greeting(buf_span(&room), &owner, &err), 0);
	ck_assert_str_eq(owner.version, "1.2.0");
	ck_assert_str_eq(owner.build, version_build());
	ck_assert_str_eq(owner.role, "store");
	ck_assert_int_eq(owner.pid, getpid());
	buf_free(&room);
	close(fd);
}
END_TEST

START_TEST(a_newer_peer_makes_the_owner_leave)
{
	int fd = plug(), late = plug();

	send_hello(fd, "1.10.0");
	expect_refusal(fd, ERR_AWAY, "leaves");
	ck_assert_int_eq(leaves, 1);
	/* Nobody is greeted from now on. */
	send_hello(late, "1.2.0");
	expect_refusal(late, ERR_AWAY, "leaves");
}
END_TEST

START_TEST(an_older_peer_is_told)
{
	int fd = plug();

	send_hello(fd, "1.1.9");
	expect_refusal(fd, ERR_VERSION, "eyelet 1.2.0, newer than this tester");
	ck_assert_int_eq(leaves, 0);
	expect_service();
}
END_TEST

START_TEST(an_owner_may_be_asked_to_leave)
{
	int fd = greet();

	send_frame(fd, FRAME_LEAVE, "", 0);
	expect_refusal(fd, ERR_AWAY, "leaves");
	ck_assert_int_eq(leaves, 1);
}
END_TEST

START_TEST(while_the_store_opens_pings_are_answered_and_greetings_wait)
{
	struct pollfd p = { .fd = plug(), .events = POLLIN };

	send_hello(p.fd, "1.2.0");
	send_frame(p.fd, FRAME_PING, "", 0);
	expect(p.fd, FRAME_PONG);
	ck_assert_int_eq(poll(&p, 1, 100), 0);
	server_serve(server, &fake_receive, &fake_ops);
	expect(p.fd, FRAME_WELCOME);
	close(p.fd);
	expect_service();
}
END_TEST

/* --- calls ---------------------------------------------------------------- */

START_TEST(a_call_brings_its_rows_in_order_and_its_end)
{
	int i, fd = greet();
	char want[32];

	send_call(fd, "{\"op\":\"rows\",\"n\":1000}");
	for (i = 0; i < 1000; i++) {
		snprintf(want, sizeof(want), "{\"row\":%d}", i);
		expect_row(fd, want);
	}
	expect_verdict(fd, FRAME_END, ERR_NONE, "");
	/* And the next call on the same connection. */
	send_call(fd, "{\"op\":\"id\"}");
	expect_row(fd, "30313233343536373839616263646566");
	expect_verdict(fd, FRAME_END, ERR_NONE, "");
	send_call(fd, "{\"op\":\"fail\"}");
	expect_verdict(fd, FRAME_END, ERR_CONFLICT, "as asked");
	send_call(fd, "{\"op\":\"nonsense\"}");
	expect_verdict(fd, FRAME_END, ERR_USAGE, "no such op");
	close(fd);
}
END_TEST

START_TEST(a_call_knows_who_asks)
{
	char want[128];
	int fd = greet();

	send_call(fd, "{\"op\":\"whoami\"}");
	snprintf(want, sizeof(want),
	    "{\"uid\":%u,\"pid\":%ld,\"program\":\"tester\",\"owner\":%ld}",
	    getuid(), (long)getpid(), (long)getpid());
	expect_row(fd, want);
	close(fd);
}
END_TEST

START_TEST(a_ping_is_answered_while_a_call_runs)
{
	int i, fd = greet();

	send_call(fd, "{\"op\":\"sleep\",\"ms\":1500}");
	for (i = 0; i < 3; i++) {
		send_frame(fd, FRAME_PING, "", 0);
		expect(fd, FRAME_PONG);
	}
	expect_verdict(fd, FRAME_END, ERR_NONE, "");
	close(fd);
}
END_TEST

/* More sleepers than there are threads: all get their turn. */
START_TEST(long_calls_do_not_keep_requests_waiting)
{
	int fds[SERVER_CALLS_MAX + 8], fd = greet();
	int64_t before;
	size_t i;

	for (i = 0; i < NITEMS(fds); i++) {
		fds[i] = greet();
		send_call(fds[i], "{\"op\":\"sleep\",\"ms\":2000}");
	}
	before = clock_ms();
	send_request(fd, "/x", "hello", 5);
	expect_reply(fd, 200, "hello");
	ck_assert_int_lt(clock_ms() - before, 1900);
	for (i = 0; i < NITEMS(fds); i++) {
		expect_verdict(fds[i], FRAME_END, ERR_NONE, "");
		close(fds[i]);
	}
	ck_assert_int_lt(clock_ms() - before, 20000); /* side by side */
	close(fd);
}
END_TEST

START_TEST(a_big_row_comes_through)
{
	struct buf room = BUF_INIT(FRAME_MAX);
	int fd = greet();

	send_call(fd, "{\"op\":\"rows\",\"n\":3,\"size\":20000000}");
	ck_assert_uint_eq(read_frame(fd, &room), FRAME_ROW);
	ck_assert_uint_eq(room.len, 20000000);
	ck_assert_uint_eq(read_frame(fd, &room), FRAME_ROW);
	ck_assert_uint_eq(read_frame(fd, &room), FRAME_ROW);
	expect_verdict(fd, FRAME_END, ERR_NONE, "");
	send_call(fd, "{\"op\":\"rows\",\"n\":3,\"size\":52000000}");
	expect_verdict(fd, FRAME_END, ERR_LIMIT, NULL);
	buf_free(&room);
	close(fd);
}
END_TEST

/* --- requests ------------------------------------------------------------- */

static const struct {
	const char *path, *body;
	int64_t declared;
	int status;
	const char *reply;
} requests[] = {
	{ "/x", "hello", 5, 200, "hello" },
	{ "/x", "", 0, 200, "" },
	{ "/later", "hello", 5, 200, "hello" },
	{ "/early", "hello", 5, 200, "hello" },
	{ "/now", "hello", 5, 404, "" },
	{ "/small", "0123456789", 10, 200, "0123456789" },
	{ "/small", "0123456789a", 11, 413, "" },
	{ "/small", "0123456789a", 10, 400, "" },
	{ "/x", "hell", 5, 400, "" },
	{ "/x", "hello!", 5, 400, "" },
	{ "/x", "hello", -1, 411, "" },
	{ "/x", "hello", -2, 411, "" },
};

START_TEST(a_request_is_answered)
{
	int i, fd = greet();

	for (i = 0; i < 2; i++) {
		send_request(fd, requests[_i].path, requests[_i].body,
		    requests[_i].declared);
		expect_reply(fd, requests[_i].status, requests[_i].reply);
	}
	ck_assert_int_eq(fake_receive.begun, 2);
	ck_assert_int_eq(
	    fake_receive.aborted, requests[_i].status == 400 ? 2 : 0);
	close(fd);
}
END_TEST

/* --- the mark of a stall -------------------------------------------------- */

START_TEST(a_running_owner_takes_the_mark_away)
{
	char path[96];
	struct stat st;
	int i, fd = plug();

	snprintf(path, sizeof(path), "%s/silent", dir);
	ck_assert_int_eq(symlink("1 1 1", path), 0);
	for (i = 0; i < 300 && lstat(path, &st) == 0; i++)
		sleep_ms(10);
	ck_assert_int_eq(lstat(path, &st), -1);
	close(fd);
}
END_TEST

/* --- stopping ------------------------------------------------------------- */

static void
wait_until_begun(int received, int calls)
{
	int ms;

	for (ms = 0; ms < WAIT_MS; ms++) {
		if (fake_receive.begun >= received && fake_ops.calls >= calls)
			break;
		sleep_ms(1);
	}
}

START_TEST(what_is_under_way_is_finished)
{
	int busy = greet(), rows = greet(), asked = greet(), idle = greet();
	struct err err = ERR_INIT;

	send_call(busy, "{\"op\":\"sleep\",\"ms\":500}");
	send_call(rows, "{\"op\":\"rows\",\"n\":3,\"ms\":100}");
	send_request(asked, "/later", "hello", 5);
	wait_until_begun(1, 2);
	ck_assert(server_stop(server));
	server = NULL;
	expect_verdict(busy, FRAME_END, ERR_NONE, "");
	expect_end_of_connection(busy);
	expect_row(rows, "{\"row\":0}");
	expect_row(rows, "{\"row\":1}");
	expect_row(rows, "{\"row\":2}");
	expect_verdict(rows, FRAME_END, ERR_NONE, "");
	expect_end_of_connection(rows);
	expect_reply(asked, 200, "hello");
	expect_end_of_connection(asked);
	expect_refusal(idle, ERR_AWAY, "leaves");
	ck_assert_int_eq(owner_connect(dir, &err), -1);
	ck_assert_int_eq(err.code, ERR_AWAY);
}
END_TEST

/* Nobody takes its rows, so it waits in the middle of them. */
START_TEST(a_call_that_waits_for_its_peer_ends_with_the_owner)
{
	int fd = greet();

	send_call(fd, "{\"op\":\"rows\",\"n\":1000,\"size\":100000}");
	sleep_ms(200);
	ck_assert(server_stop(server));
	server = NULL;
	close(fd);
}
END_TEST

/* It would wait for ever for what may come. */
START_TEST(a_call_that_waits_ends_with_the_owner)
{
	struct buf room = BUF_INIT(FRAME_MAX);
	int fd = greet(), gone = greet();
	unsigned type;

	send_call(fd, "{\"op\":\"wait\"}");
	send_call(gone, "{\"op\":\"wait\"}");
	sleep_ms(50);
	close(gone);
	ck_assert(server_stop(server));
	server = NULL;
	expect_verdict(fd, FRAME_END, ERR_NONE, "");
	/* A peer whose call has ended by then is told that there is no more. */
	type = read_frame(fd, &room);
	if (type == FRAME_BUSY)
		type = read_frame(fd, &room);
	ck_assert_uint_eq(type, 0);
	buf_free(&room);
	close(fd);
}
END_TEST

static int
stops_in_vain(void)
{
	int64_t before = clock_ms();
	int fd;

	start_server(false);
	fd = greet();
	send_request(fd, "/never", "hello", 5);
	wait_until_begun(1, 0);
	if (server_stop(server))
		return 1;
	if (clock_ms() - before < SERVER_STOP_MS ||
	    clock_ms() - before > SERVER_STOP_MS + WAIT_MS)
		return 2;
	expect_end_of_connection(fd);
	return 0;
}

/* In a process of its own, which can only _exit then. */
START_TEST(what_does_not_end_is_not_waited_for)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(stops_in_vain());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("server");
	TCase *tc = tcase_create("server"), *own = tcase_create("own");
	TCase *opening = tcase_create("opening");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_welcome_says_who_owns);
	tcase_add_test(tc, a_newer_peer_makes_the_owner_leave);
	tcase_add_test(tc, an_older_peer_is_told);
	tcase_add_test(tc, an_owner_may_be_asked_to_leave);
	tcase_add_test(tc, a_call_brings_its_rows_in_order_and_its_end);
	tcase_add_test(tc, a_call_knows_who_asks);
	tcase_add_test(tc, a_ping_is_answered_while_a_call_runs);
	tcase_add_test(tc, long_calls_do_not_keep_requests_waiting);
	tcase_add_test(tc, a_big_row_comes_through);
	tcase_add_loop_test(tc, a_request_is_answered, 0, NITEMS(requests));
	tcase_add_test(tc, a_running_owner_takes_the_mark_away);
	tcase_add_test(tc, what_is_under_way_is_finished);
	tcase_add_test(tc, a_call_that_waits_for_its_peer_ends_with_the_owner);
	tcase_add_test(tc, a_call_that_waits_ends_with_the_owner);
	suite_add_tcase(s, tc);

	tcase_add_checked_fixture(opening, set_up_opening, tear_down);
	tcase_add_test(opening,
	    while_the_store_opens_pings_are_answered_and_greetings_wait);
	suite_add_tcase(s, opening);

	tcase_add_checked_fixture(own, make_dir, tear_down);
	tcase_set_timeout(own, 60);
	tcase_add_test(own, what_does_not_end_is_not_waited_for);
	suite_add_tcase(s, own);

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
