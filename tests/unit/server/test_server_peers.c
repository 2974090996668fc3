/*
 * test_server_peers.c: no peer of the owner, however slow, wrong, greedy,
 * many or foreign, disturbs another.
 */
#include "lib/server/server.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"
#include "tests/stand/server_harness.h"

#define MANY 200

START_TEST(a_peer_that_is_gone_harms_nobody)
{
	int i, fd;

	for (i = 0; i < 50; i++) {
		fd = greet();
		send_request(fd, "/later", "hello", 5);
		close(fd);
		fd = greet();
		send_call(fd, "{\"op\":\"rows\",\"n\":100,\"size\":100000}");
		close(fd);
	}
	expect_service();
	sleep_ms(200);
	expect_service();
}
END_TEST

/*
 * As a deliverer that is being started does for a moment, and here for longer:
 * epoll then does not forget what was closed.
 */
START_TEST(a_peer_whose_descriptor_a_child_has_may_go)
{
	int fd = greet();
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_eq(shutdown(fd, SHUT_RDWR), 0);
	sleep_ms(200);
	expect_service();
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	close(fd);
	expect_service();
}
END_TEST

/* --- peers that do wrong -------------------------------------------------- */

static void
send_two_calls(int fd)
{
	send_call(fd, "{\"op\":\"sleep\",\"ms\":300}");
	send_call(fd, "{\"op\":\"echo\"}");
}

static void
send_call_without_id(int fd)
{
	send_frame(fd, FRAME_CALL, "012345678901234", 15);
}

static void
send_feed(int fd)
{
	send_frame(fd, FRAME_FEED, "{\"op\":\"echo\"}", 13);
}

static void
send_two_feeds(int fd)
{
	send_frame(fd, FRAME_FEED, "{\"op\":\"sleep\",\"ms\":300}", 23);
	send_feed(fd);
}

static void
send_second_hello(int fd)
{
	send_hello(fd, "1.2.0");
}

static void
send_welcome(int fd)
{
	send_frame(fd, FRAME_WELCOME, "", 0);
}

static void
send_end(int fd)
{
	send_frame(fd, FRAME_END, "", 0);
}

static void
send_garbage(int fd)
{
	send_bytes(fd, "GET / HTTP/1.0\r\n\r\n", 18);
}

static void
send_too_much(int fd)
{
	send_bytes(fd, "\x7f\xff\xff\xff\1\7", 6);
}

static void
send_later_version(int fd)
{
	send_bytes(fd, "\0\0\0\2\2\7", 6);
}

static void
send_bad_request(int fd)
{
	send_frame(fd, FRAME_REQUEST, "nonsense", 8);
}

static const struct {
	const char *when;
	bool greeted;
	void (*say)(int fd);
	enum err_code code;
} wrongs[] = {
	{ "a call before the greeting", false, send_call_without_id,
	    ERR_USAGE },
	{ "a request before the greeting", false, send_bad_request, ERR_USAGE },
	{ "a feed before the greeting", false, send_feed, ERR_USAGE },
	{ "garbage first", false, send_garbage, ERR_INPUT },
	{ "garbage later", true, send_garbage, ERR_INPUT },
	{ "a length above all", true, send_too_much, ERR_INPUT },
	{ "a frame of a later version", true, send_later_version, ERR_VERSION },
	{ "a second greeting", true, send_second_hello, ERR_USAGE },
	{ "a call without request id", true, send_call_without_id, ERR_INPUT },
	{ "two calls at once", true, send_two_calls, ERR_USAGE },
	{ "two feeds at once", true, send_two_feeds, ERR_USAGE },
	{ "a malformed request", true, send_bad_request, ERR_INPUT },
	{ "an owner's welcome", true, send_welcome, ERR_INPUT },
	{ "an owner's end", true, send_end, ERR_INPUT },
};

/* Frames of a peer until it is told off: what a call sent may come first. */
START_TEST(a_peer_that_does_wrong_is_told_and_ended)
{
	struct buf room = BUF_INIT(FRAME_MAX);
	struct err verdict = ERR_INIT, err = ERR_INIT;
	int fd = wrongs[_i].greeted ? greet() : plug();
	unsigned type;

	wrongs[_i].say(fd);
	do
		type = read_frame(fd, &room);
	while (type == FRAME_ROW || type == FRAME_END || type == FRAME_FED);
	ck_assert_msg(type == FRAME_BUSY, "%s: %u", wrongs[_i].when, type);
	ck_assert_int_eq(frame_get_verdict(buf_span(&room), &verdict, &err), 0);
	ck_assert_msg(verdict.code == wrongs[_i].code, "%s: %d %s",
	    wrongs[_i].when, verdict.code, verdict.text);
	while (read_frame(fd, &room) != 0)
		continue;
	close(fd);
	buf_free(&room);
	expect_service();
}
END_TEST

START_TEST(half_a_frame_and_then_nothing_harms_nobody)
{
	static const char frame[] = "\0\0\0\x1f\1\7"
				    "0123456789abcdef{\"op\":\"echo\"}";
	size_t len;
	int fd;

	for (len = 0; len < sizeof(frame) - 1; len++) {
		fd = greet();
		send_bytes(fd, frame, len);
		close(fd);
	}
	expect_service();
}
END_TEST

START_TEST(a_frame_may_come_byte_by_byte_or_with_the_next)
{
	static const char frame[] = "\0\0\0\x1f\1\7"
				    "0123456789abcdef{\"op\":\"echo\"}";
	int fd = greet();
	size_t i;

	for (i = 0; i < sizeof(frame) - 1; i++) {
		send_bytes(fd, frame + i, 1);
		sleep_ms(1);
	}
	expect_row(fd, "{\"op\":\"echo\"}");
	expect_verdict(fd, FRAME_END, ERR_NONE, "");
	/* Pings before, and behind, in one piece. */
	send_bytes(fd,
	    "\0\0\0\2\1\3\0\0\0\2\1\3"
	    "\0\0\0\x1f\1\7"
	    "0123456789abcdef{\"op\":\"echo\"}"
	    "\0\0\0\2\1\3",
	    6 * 3 + 35);
	expect(fd, FRAME_PONG);
	expect(fd, FRAME_PONG);
	close(fd);
	expect_service();
}
END_TEST

/* Who says nothing, half of something, or takes nothing, is let go. */
START_TEST(idle_peers_are_let_go_in_time)
{
	struct pollfd p = { .events = POLLIN };
	int silent = plug(), half = greet(), deaf = greet();
	int64_t left, before = clock_ms();
	char byte;

	send_bytes(half,
	    "\0\0\0\x1f\1\7"
	    "01234",
	    11);
	send_call(deaf, "{\"op\":\"rows\",\"n\":1000,\"size\":100000}");
	p.fd = silent;
	ck_assert_int_eq(poll(&p, 1, SERVER_HELLO_MS - 500), 0);
	ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
	ck_assert_int_eq(recv(silent, &byte, 1, 0), 0);
	p.fd = half;
	left = before + SERVER_FRAME_MS - 1000 - clock_ms();
	ck_assert_int_eq(poll(&p, 1, left > 0 ? (int)left : 0), 0);
	ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
	ck_assert_int_eq(recv(half, &byte, 1, 0), 0);
	while (clock_ms() - before < SERVER_SEND_MS + 3000)
		sleep_ms(100);
	/* Rows above the limit were never made; the rest stay unread. */
	ck_assert_int_lt(fake_ops.rows, 20);
	for (;;) {
		char rows[65536];
		ssize_t n = recv(deaf, rows, sizeof(rows), 0);

		if (n <= 0) {
			ck_assert_msg(n == 0 || errno == ECONNRESET,
			    "it is connected still");
			break;
		}
	}
	close(silent);
	close(half);
	close(deaf);
	expect_service();
}
END_TEST

/* --- many ----------------------------------------------------------------- */

START_TEST(two_hundred_at_once_are_all_served)
{
	int fds[MANY], i;

	for (i = 0; i < MANY; i++)
		fds[i] = plug();
	for (i = 0; i < MANY; i++)
		send_hello(fds[i], "1.2.0");
	for (i = 0; i < MANY; i++) {
		expect(fds[i], FRAME_WELCOME);
		if (i % 2 == 0)
			send_call(fds[i], "{\"op\":\"sleep\",\"ms\":20}");
		else
			send_request(fds[i], "/later", "hello", 5);
	}
	for (i = 0; i < MANY; i++) {
		if (i % 2 == 0)
			expect_verdict(fds[i], FRAME_END, ERR_NONE, "");
		else
			expect_reply(fds[i], 200, "hello");
		close(fds[i]);
	}
}
END_TEST

static void
allow_descriptors(rlim_t n)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < n)
		limit.rlim_cur = n;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

START_TEST(above_the_limit_a_peer_is_told)
{
	int fds[SERVER_PEERS_MAX], i, fd;
	int64_t idle_s = 99;

	allow_descriptors(SERVER_PEERS_MAX * 2 + 100);
	for (i = 0; i < SERVER_PEERS_MAX; i++)
		fds[i] = greet();
	ck_assert_uint_eq(server_clients(server, &idle_s), SERVER_PEERS_MAX);
	ck_assert_int_eq(idle_s, 0);
	fd = plug();
	expect_refusal(fd, ERR_LIMIT, "512 connections");
	for (i = 0; i < SERVER_PEERS_MAX; i++)
		close(fds[i]);
	for (i = 0; i < 100 && server_clients(server, &idle_s) > 0; i++)
		sleep_ms(10);
	ck_assert_uint_eq(server_clients(server, &idle_s), 0);
	sleep_ms(1100);
	server_clients(server, &idle_s);
	ck_assert_int_ge(idle_s, 1);
	ck_assert_int_lt(idle_s, 30);
	expect_service();
}
END_TEST

/* Announced sizes alone use the room up, before a byte of content came. */
START_TEST(large_frames_have_a_limit_together)
{
	static const char head[] = "\1\x80\0\0\1\7";
	int fds[6], i;

	for (i = 0; i < 6; i++) {
		fds[i] = greet();
		send_bytes(fds[i], head, 6);
		if (i < 5) {
			send_bytes(fds[i], "x", 1);
			sleep_ms(100); /* it is read before the next one */
		}
	}
	expect_refusal(fds[5], ERR_LIMIT, "134217728");
	expect_service(); /* small ones are not concerned */
	for (i = 0; i < 5; i++)
		close(fds[i]);
	for (i = 0; i < 100; i++) {
		struct pollfd p = { .events = POLLIN };

		fds[0] = greet();
		p.fd = fds[0];
		send_bytes(fds[0], head, 6);
		if (poll(&p, 1, 100) == 0)
			break; /* there is room again */
		close(fds[0]);
	}
	ck_assert_int_lt(i, 100);
	close(fds[0]);
}
END_TEST

/* Requests share the memory for bodies, and leave that of calls alone. */
START_TEST(large_requests_have_a_limit_together)
{
	static const char head[] = "\1\x80\0\0\1\5";
	int first, second;

	atomic_store(&server_bodies.max, 30 << 20);
	first = greet();
	second = greet();
	send_bytes(first, head, 6);
	send_bytes(first, "x", 1);
	sleep_ms(100); /* it is read before the next one */
	ck_assert_uint_eq(atomic_load(&server_bodies.used), (24 << 20) + 4);
	send_bytes(second, head, 6);
	expect_refusal(
	    second, ERR_LIMIT, "receive.bodies_max (31457280 bytes)");
	send_bytes(greet(), "\1\x80\0\0\1\7x", 7); /* a call */
	expect_service();
	close(first);
	while (atomic_load(&server_bodies.used) > 0)
		sleep_ms(10);
	atomic_store(&server_bodies.max, SERVER_BIG_MAX);
}
END_TEST

/* --- the deliverer -------------------------------------------------------- */

START_TEST(a_feed_is_answered_or_fails)
{
	struct buf room = BUF_INIT(FRAME_MAX);
	int fd = greet();

	send_feed(fd);
	ck_assert_uint_eq(read_frame(fd, &room), FRAME_FED);
	ck_assert(span_is(buf_span(&room), "{\"op\":\"echo\"}"));
	send_frame(fd, FRAME_FEED, "nonsense", 8);
	expect_verdict(fd, FRAME_END, ERR_USAGE, "there is no such op");
	send_feed(fd); /* the connection is as good as before */
	ck_assert_uint_eq(read_frame(fd, &room), FRAME_FED);
	buf_free(&room);
	close(fd);
}
END_TEST

/* --- other users (these need root) ---------------------------------------- */

static int
foreign_peer(void)
{
	int fd;

	if (setgid(FOREIGN_UID) < 0 || setuid(FOREIGN_UID) < 0)
		return 1;
	fd = greet();
	send_request(fd, "/x", "hello", 5);
	expect_reply(fd, 200, "hello");
	send_frame(fd, FRAME_PING, "", 0);
	expect(fd, FRAME_PONG);
	send_call(fd, "{\"op\":\"echo\"}");
	expect_refusal(fd, ERR_DENIED, "uid 64321 may send requests");
	fd = greet();
	send_feed(fd);
	expect_refusal(fd, ERR_DENIED, NULL);
	fd = greet();
	send_frame(fd, FRAME_LEAVE, "", 0);
	expect_refusal(fd, ERR_DENIED, NULL);
	/* Its version makes nobody leave either. */
	fd = plug();
	send_hello(fd, "99.0");
	expect(fd, FRAME_WELCOME);
	close(fd);
	return 0;
}

static void
open_to_all(void)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/..", dir);
	ck_assert_int_eq(chmod(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/socket", dir);
	ck_assert_int_eq(chmod(dir, 0711), 0);
	ck_assert_int_eq(chmod(path, 0666), 0);
}

static void
run_in_child(int (*act)(void))
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(act());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

START_TEST(another_user_may_send_requests_and_nothing_else)
{
	open_to_all();
	run_in_child(foreign_peer);
	ck_assert_int_eq(leaves, 0);
	expect_service();
}
END_TEST

/* Takes all places it can get; an administrator still finds one. */
static int
foreign_crowd(void)
{
	int i;

	if (setgid(FOREIGN_UID) < 0 || setuid(FOREIGN_UID) < 0)
		return 1;
	for (i = 0; i < SERVER_PEERS_MAX - SERVER_PEERS_KEPT; i++)
		greet();
	expect_refusal(plug(), ERR_LIMIT, "480 connections");
	if (setuid(0) == 0)
		return 2;
	return 0;
}

static int
crowd_and_admin(void)
{
	int pipes[2];
	char c;
	pid_t pid;

	if (pipe(pipes) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		int ret = foreign_crowd();

		if (write(pipes[1], ret == 0 ? "y" : "n", 1) != 1)
			_exit(1);
		sleep_ms(WAIT_MS);
		_exit(0);
	}
	if (read(pipes[0], &c, 1) != 1 || c != 'y')
		return 2;
	expect_service();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}

START_TEST(other_users_leave_room_for_administrators)
{
	allow_descriptors(SERVER_PEERS_MAX * 2 + 100);
	open_to_all();
	ck_assert_int_eq(crowd_and_admin(), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("server peers");
	TCase *tc = tcase_create("peers"), *root = tcase_create("root");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_peer_that_is_gone_harms_nobody);
	tcase_add_test(tc, a_peer_whose_descriptor_a_child_has_may_go);
	tcase_add_test(tc, a_feed_is_answered_or_fails);
	tcase_add_loop_test(
	    tc, a_peer_that_does_wrong_is_told_and_ended, 0, NITEMS(wrongs));
	tcase_add_test(tc, half_a_frame_and_then_nothing_harms_nobody);
	tcase_add_test(tc, a_frame_may_come_byte_by_byte_or_with_the_next);
	tcase_add_test(tc, idle_peers_are_let_go_in_time);
	tcase_add_test(tc, two_hundred_at_once_are_all_served);
	tcase_add_test(tc, above_the_limit_a_peer_is_told);
	tcase_add_test(tc, large_frames_have_a_limit_together);
	tcase_add_test(tc, large_requests_have_a_limit_together);
	suite_add_tcase(s, tc);

	tcase_add_checked_fixture(root, set_up, tear_down);
	tcase_set_timeout(root, 60);
	tcase_add_test(root, another_user_may_send_requests_and_nothing_else);
	tcase_add_test(root, other_users_leave_room_for_administrators);
	if (geteuid() == 0)
		suite_add_tcase(s, root);
	else
		printf("not root: what other users may do is not tested\n");

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
