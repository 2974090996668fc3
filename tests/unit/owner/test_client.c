/*
 * test_client.c: whatever an owner says, or leaves unsaid, its client comes
 * back with an answer or an error, in time. An owner that follows a script
 * runs in a thread; how owners come and go is in owner_*.sh.
 */
#include "lib/owner/client.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"
#include "lib/base/version.h"
#include "lib/owner/frame.h"
#include "tests/stand/server_harness.h"

#define LATE_MS 10000 /* what a busy machine may add to a time */

static char program[] = "/bin/false"; /* never starts to own anything */
static struct conf cf = { .store = dir, .program = program };

/* --- an owner that follows a script --------------------------------------- */

struct script {
	struct span welcome; /* what it says to a hello; empty: closes */
	struct span answer; /* to the next frame */
	bool byte_by_byte;
	bool silent; /* closes nothing, says nothing */
};

static struct script script;
static int listen_fd;
static pthread_t script_thread;
static atomic_bool script_ends;

/* Waits for one whole frame, which no script looks at. False: it ended. */
static bool
take_frame(int fd)
{
	unsigned char bytes[65536];
	size_t got = 0, total = 0;
	struct err err;
	ssize_t n;

	while (got < sizeof(bytes) && (total == 0 || got < total)) {
		n = recv(fd, bytes + got, sizeof(bytes) - got, 0);
		if (n <= 0)
			return false;
		got += (size_t)n;
		if (frame_total(span_of(bytes, got), &total, &err) < 0)
			return false;
	}
	return true;
}

static void
say(int fd, struct span bytes)
{
	const char *at = bytes.ptr;
	size_t i;

	for (i = 0; script.byte_by_byte && i < bytes.len; i++) {
		send(fd, at + i, 1, MSG_NOSIGNAL);
		sleep_ms(1);
	}
	if (!script.byte_by_byte && bytes.len > 0)
		send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
}

static void *
follow_script(void *arg)
{
	int fd;

	(void)arg;
	while (!script_ends) {
		fd = accept(listen_fd, NULL, NULL);
		if (fd < 0) {
			sleep_ms(1);
			continue;
		}
		if (take_frame(fd)) {
			say(fd, script.welcome);
			if (script.welcome.len > 0 && take_frame(fd))
				say(fd, script.answer);
		}
		while (script.silent && !script_ends)
			sleep_ms(1);
		close(fd);
	}
	return NULL;
}

static void
start_script(void)
{
	struct err err = ERR_INIT;

	script_ends = false;
	listen_fd = owner_listen(dir, &err);
	ck_assert_int_ge(listen_fd, 0);
	ck_assert_int_eq(
	    pthread_create(&script_thread, NULL, follow_script, NULL), 0);
}

static void
end_script(void)
{
	script_ends = true;
	pthread_join(script_thread, NULL);
	close(listen_fd);
}

/* Puts a whole frame; the span is good until the test ends. */
static struct span
frame_of(enum frame_type type, const char *content)
{
	static struct buf kept[8];
	static size_t nkept;
	struct buf *out = &kept[nkept++];
	struct err err = ERR_INIT;

	ck_assert_uint_le(nkept, NITEMS(kept));
	out->max = FRAME_MAX;
	ck_assert_int_eq(frame_encode(type, span_str(content), out, &err), 0);
	return buf_span(out);
}

static struct span
good_welcome(void)
{
	char text[128];

	snprintf(text, sizeof(text), "version=%s\nrole=fastcgi\npid=1\n",
	    version_release());
	return frame_of(FRAME_WELCOME, text);
}

/* --- greetings ------------------------------------------------------------ */

static const struct {
	const char *when;
	enum frame_type type; /* 0: raw bytes */
	const char *content;
	size_t len;
	enum err_code want;
	const char *words;
} greetings[] = {
	{ "a newer owner", FRAME_WELCOME, "version=99\nrole=store\n", 0,
	    ERR_VERSION, "eyelet 99, newer than this" },
	{ "no version", FRAME_WELCOME, "role=store\n", 0, ERR_INPUT, NULL },
	{ "an unknown role", FRAME_WELCOME, "version=0\nrole=king\n", 0,
	    ERR_INPUT, "king" },
	{ "busy: denied", FRAME_BUSY, "code=denied\nmessage=not you\n", 0,
	    ERR_DENIED, "not you" },
	{ "busy: limit", FRAME_BUSY, "code=limit\nmessage=full house\n", 0,
	    ERR_LIMIT, "full house" },
	{ "busy: version", FRAME_BUSY, "code=version\nmessage=old\n", 0,
	    ERR_VERSION, "old" },
	{ "busy without words", FRAME_BUSY, "", 0, ERR_INPUT, NULL },
	{ "an end", FRAME_END, "code=none\n", 0, ERR_INPUT, "type 9" },
	{ "garbage", 0, "HTTP/1.0 200 OK\r\n", 17, ERR_INPUT, NULL },
	{ "a frame of a later version", 0, "\0\0\0\2\2\6", 6, ERR_VERSION,
	    "version 2" },
	{ "more than there may be", 0, "\x7f\0\0\0\1\2", 6, ERR_INPUT, NULL },
};

START_TEST(a_greeting_that_is_none_is_an_error_at_once)
{
	int64_t before = clock_ms();
	struct client *cl = NULL;
	struct err err = ERR_INIT;

	script.welcome =
	    greetings[_i].type == 0
		? span_of(greetings[_i].content, greetings[_i].len)
		: frame_of(greetings[_i].type, greetings[_i].content);
	start_script();
	ck_assert_int_eq(client_open(&cf, CLIENT_CGI, "tester", &cl, &err), -1);
	ck_assert_msg(err.code == greetings[_i].want, "%s: %s",
	    greetings[_i].when, err.text);
	ck_assert_msg(greetings[_i].words == NULL ||
			  strstr(err.text, greetings[_i].words) != NULL,
	    "%s", err.text);
	ck_assert_int_lt(clock_ms() - before, CLIENT_WAIT_MS);
	end_script();
}
END_TEST

START_TEST(an_owner_that_only_hangs_up_is_away)
{
	int64_t before = clock_ms();
	struct client *cl = NULL;
	struct err err = ERR_INIT;

	start_script();
	ck_assert_int_eq(
	    client_open(&cf, CLIENT_ADMIN, "tester", &cl, &err), -1);
	ck_assert_msg(err.code == ERR_AWAY, "%s", err.text);
	ck_assert_int_ge(clock_ms() - before, CLIENT_WAIT_MS);
	ck_assert_int_lt(clock_ms() - before, CLIENT_WAIT_MS + LATE_MS);
	end_script();
}
END_TEST

START_TEST(an_owner_that_says_nothing_is_waited_for_five_seconds)
{
	int64_t before = clock_ms();
	struct client *cl = NULL;
	struct err err = ERR_INIT;

	script.silent = true;
	start_script();
	ck_assert_int_eq(client_open(&cf, CLIENT_CGI, "tester", &cl, &err), -1);
	ck_assert_msg(err.code == ERR_TIMEOUT, "%s", err.text);
	ck_assert_int_ge(clock_ms() - before, CLIENT_WAIT_MS - 100);
	ck_assert_int_lt(clock_ms() - before, CLIENT_WAIT_MS + LATE_MS);
	end_script();
}
END_TEST

/* --- answers -------------------------------------------------------------- */

#define ROW "\0\0\0\4\1\10{}"
#define PONG "\0\0\0\2\1\4"
#define END_OK "\0\0\0\14\1\11code=none\n"

/* The bytes that answer a call, or (asks) a request. */
static const struct {
	const char *when;
	bool asks;
	const char *bytes;
	size_t len;
	enum err_code want;
	int rows;
} answers[] = {
	{ "an end", false, END_OK, 16, ERR_NONE, 0 },
	{ "rows and an end", false, ROW ROW END_OK, 32, ERR_NONE, 2 },
	{ "pongs between", false, PONG ROW PONG PONG END_OK, 42, ERR_NONE, 1 },
	{ "an error", false, "\0\0\0\14\1\11code=full\n", 16, ERR_FULL, 0 },
	{ "an error behind rows", false, ROW "\0\0\0\14\1\11code=full\n", 24,
	    ERR_FULL, 1 },
	{ "an end without code", false, "\0\0\0\4\1\11{}", 8, ERR_INPUT, 0 },
	{ "a reply", false, "\0\0\0\2\1\6", 6, ERR_INPUT, 0 },
	{ "a row, and garbage", false, ROW "garbage!", 16, ERR_INPUT, 1 },
	{ "a row, and nothing more", false, ROW, 8, ERR_AWAY, 1 },
	{ "a row that is too long", false, "\3\0\0\1\1\10", 6, ERR_INPUT, 0 },
	{ "busy", false, "\0\0\0\16\1\13code=denied\n", 18, ERR_DENIED, 0 },
	{ "a second welcome", false, "\0\0\0\2\1\2", 6, ERR_INPUT, 0 },
	{ "no reply but an end", true, END_OK, 16, ERR_INPUT, 0 },
	{ "a row that reads like a reply", true,
	    "\0\0\0\x19\1\10\0\xc8\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	    29, ERR_INPUT, 0 },
	{ "a reply that is none", true, "\0\0\0\4\1\6{}", 8, ERR_INPUT, 0 },
	{ "a request: busy", true, "\0\0\0\15\1\13code=limit\n", 17, ERR_LIMIT,
	    0 },
};

static int
count_row(void *arg, struct span json, struct err *err)
{
	(void)err;
	ck_assert(span_is(json, "{}"));
	++*(int *)arg;
	return 0;
}

static int
ask(struct client *cl, bool request, int *rows, struct err *err)
{
	struct receive_reply reply;
	struct request rq = { 0 };

	if (!request)
		return client_call(cl, span_str("{}"), count_row, rows, err);
	return client_receive(
	    cl, &rq, NULL, clock_ms() + CLIENT_WAIT_MS, &reply, err);
}

START_TEST(an_answer_is_what_it_is_or_an_error_at_once)
{
	struct client *cl = NULL;
	struct err err = ERR_INIT;
	int64_t before = clock_ms();
	int ret, rows = 0;

	script.welcome = good_welcome();
	script.answer = span_of(answers[_i].bytes, answers[_i].len);
	script.byte_by_byte = _i % 2 == 0;
	start_script();
	ck_assert_msg(client_open(&cf, CLIENT_CGI, "tester", &cl, &err) == 0,
	    "%s", err.text);
	ret = ask(cl, answers[_i].asks, &rows, &err);
	ck_assert_msg(
	    err.code == answers[_i].want, "%s: %s", answers[_i].when, err.text);
	ck_assert_int_eq(ret, answers[_i].want == ERR_NONE ? 0 : -1);
	ck_assert_int_eq(rows, answers[_i].rows);
	ck_assert_int_lt(clock_ms() - before, CLIENT_WAIT_MS);
	client_close(cl);
	end_script();
}
END_TEST

/* It answers no pings either: that is what makes it silent. */
START_TEST(a_call_that_is_not_answered_ends_after_five_seconds)
{
	struct client *cl = NULL;
	struct err err = ERR_INIT;
	int64_t before;
	int rows = 0;

	script.welcome = good_welcome();
	script.silent = true;
	start_script();
	ck_assert_int_eq(client_open(&cf, CLIENT_CGI, "tester", &cl, &err), 0);
	before = clock_ms();
	ck_assert_int_eq(ask(cl, _i == 1, &rows, &err), -1);
	ck_assert_msg(err.code == ERR_TIMEOUT, "%s", err.text);
	ck_assert_int_ge(clock_ms() - before, CLIENT_WAIT_MS - 100);
	ck_assert_int_lt(clock_ms() - before, CLIENT_WAIT_MS + LATE_MS);
	client_close(cl);
	end_script();
}
END_TEST

/* --- with a real server --------------------------------------------------- */

static struct client *
open_client(void)
{
	struct client_options opt = {
		.conf = &cf, .program = "tester", .version = "1.2.0"
	};
	struct client *cl = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(client_open_with(&opt, &cl, &err) == 0, "%s", err.text);
	return cl;
}

static int
keep_row(void *arg, struct span json, struct err *err)
{
	return buf_put_span(arg, json, err);
}

/* The owner answers pings meanwhile, so nobody thinks it is stalled. */
START_TEST(a_call_may_take_its_time)
{
	struct client *cl = open_client();
	struct err err = ERR_INIT;

	ck_assert_msg(
	    client_call(cl, span_str("{\"op\":\"sleep\",\"ms\":7000}"), NULL,
		NULL, &err) == 0,
	    "%s", err.text);
	client_close(cl);
}
END_TEST

/* But a webhook's sender waits no longer than that. */
START_TEST(a_request_may_take_five_seconds)
{
	struct client *cl = open_client();
	struct receive_reply reply;
	struct request rq = { .path = span_str("/never") };
	int64_t before = clock_ms();
	struct err err = ERR_INIT;

	ck_assert_int_eq(client_receive(cl, &rq, NULL,
			     clock_ms() + CLIENT_WAIT_MS, &reply, &err),
	    -1);
	ck_assert_msg(err.code == ERR_TIMEOUT, "%s", err.text);
	ck_assert_int_ge(clock_ms() - before, CLIENT_WAIT_MS - 100);
	ck_assert_int_lt(clock_ms() - before, CLIENT_WAIT_MS + LATE_MS);
	/* Its late answer would not be taken for that of the next one. */
	rq.path = span_str("/x");
	rq.body = span_str("next");
	rq.content_length = 4;
	ck_assert_int_eq(client_receive(cl, &rq, NULL,
			     clock_ms() + CLIENT_WAIT_MS, &reply, &err),
	    0);
	ck_assert(span_is(span_of(reply.body, reply.body_len), "next"));
	client_close(cl);
	/* The server cannot end with that under way. */
	fake_answer_never(&fake_receive);
}
END_TEST

START_TEST(large_calls_and_bodies_pass)
{
	const size_t size = STORE_BODY_MAX;
	struct buf big = BUF_INIT(2 * STORE_BODY_MAX);
	struct buf row = BUF_INIT(2 * STORE_BODY_MAX);
	struct client *cl = open_client();
	struct receive_reply reply;
	struct request rq = { 0 };
	struct err err = ERR_INIT;
	unsigned char *at;

	ck_assert_int_eq(buf_puts(&big, "{\"op\":\"echo\"", &err), 0);
	ck_assert_int_eq(buf_reserve(&big, size, &at, &err), 0);
	memset(at, ' ', size);
	big.len += size;
	ck_assert_msg(
	    client_call(cl, buf_span(&big), keep_row, &row, &err) == 0, "%s",
	    err.text);
	ck_assert(span_eq(buf_span(&row), buf_span(&big)));

	rq.path = span_str("/x");
	rq.body = span_of(big.ptr, size);
	rq.content_length = (int64_t)size;
	ck_assert_msg(client_receive(cl, &rq, NULL, clock_ms() + CLIENT_WAIT_MS,
			  &reply, &err) == 0,
	    "%s", err.text);
	ck_assert_int_eq(reply.status, 200);
	ck_assert_uint_eq(reply.body_len, RECEIVE_REPLY_MAX);

	rq.body.len++;
	ck_assert_int_eq(client_receive(cl, &rq, NULL,
			     clock_ms() + CLIENT_WAIT_MS, &reply, &err),
	    -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	buf_free(&big);
	buf_free(&row);
	client_close(cl);
}
END_TEST

START_TEST(a_large_body_is_asked_for_first)
{
	static char body[1024];
	struct client *cl = open_client();
	struct receive_reply reply;
	struct request rq = { .path = span_str("/small"),
		.body = span_of(body, sizeof(body)),
		.content_length = 10 };
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    client_ask(cl, &rq, clock_ms() + CLIENT_WAIT_MS, &reply, &err), 0);
	ck_assert_int_eq(reply.status, RECEIVE_GO_ON);
	ck_assert(span_is(span_of(reply.body, reply.body_len), "10"));
	rq.path = span_str("/now");
	ck_assert_int_eq(
	    client_ask(cl, &rq, clock_ms() + CLIENT_WAIT_MS, &reply, &err), 0);
	ck_assert_int_eq(reply.status, 404);
	client_close(cl);
}
END_TEST

static int
refuse_row(void *arg, struct span json, struct err *err)
{
	(void)json;
	++*(int *)arg;
	return err_set(err, ERR_FULL, "the terminal is gone");
}

START_TEST(a_row_that_is_refused_ends_the_call_and_not_the_client)
{
	struct client *cl = open_client();
	struct buf row = BUF_INIT(1024);
	struct err err = ERR_INIT;
	int rows = 0;

	ck_assert_int_eq(client_call(cl, span_str("{\"op\":\"rows\",\"n\":5}"),
			     refuse_row, &rows, &err),
	    -1);
	ck_assert_int_eq(err.code, ERR_FULL);
	ck_assert_str_eq(err.text, "the terminal is gone");
	ck_assert_int_eq(rows, 1);
	ck_assert_int_eq(client_call(cl, span_str("{\"op\":\"echo\"}"),
			     keep_row, &row, &err),
	    0);
	ck_assert(span_is(buf_span(&row), "{\"op\":\"echo\"}"));
	buf_free(&row);
	client_close(cl);
}
END_TEST

static int
page_row(void *arg, struct span json, struct err *err)
{
	(void)json;
	(void)err;
	if (++*(int *)arg == 1)
		sleep_ms(4000);
	return 0;
}

/*
 * Somebody pages through the rows: the client says nothing, and hears nothing,
 * for longer than an owner may be silent. This process is the owner.
 */
START_TEST(who_takes_a_while_over_a_row_kills_nobody)
{
	struct client_options opt = { .conf = &cf,
		.program = "tester",
		.version = "1.2.0",
		.stall_ms = 3000 };
	struct client *cl = NULL;
	struct err err = ERR_INIT;
	int rows = 0;

	ck_assert_int_eq(client_open_with(&opt, &cl, &err), 0);
	ck_assert_msg(
	    client_call(cl, span_str("{\"op\":\"rows\",\"n\":100,\"ms\":60}"),
		page_row, &rows, &err) == 0,
	    "%s", err.text);
	ck_assert_int_eq(rows, 100);
	client_close(cl);
}
END_TEST

START_TEST(each_call_has_an_id_of_its_own)
{
	struct buf first = BUF_INIT(64), second = BUF_INIT(64);
	struct client *cl = open_client();
	struct err err = ERR_INIT;

	ck_assert_int_eq(client_call(cl, span_str("{\"op\":\"id\"}"), keep_row,
			     &first, &err),
	    0);
	ck_assert_int_eq(client_call(cl, span_str("{\"op\":\"id\"}"), keep_row,
			     &second, &err),
	    0);
	ck_assert_uint_eq(first.len, 32);
	ck_assert(!span_eq(buf_span(&first), buf_span(&second)));
	buf_free(&first);
	buf_free(&second);
	client_close(cl);
}
END_TEST

START_TEST(the_owner_is_known)
{
	struct client *cl = open_client();

	ck_assert_int_eq(client_owner(cl)->pid, getpid());
	ck_assert_int_eq(client_owner(cl)->role, OWNER_STORE);
	ck_assert_str_eq(client_owner(cl)->version, "1.2.0");
	client_close(cl);
}
END_TEST

static void
make_script_dir(void)
{
	make_dir();
	memset(&script, 0, sizeof(script));
}

int
main(void)
{
	Suite *s = suite_create("client");
	TCase *scripts = tcase_create("scripts"), *real = tcase_create("real");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(scripts, make_script_dir, tear_down);
	tcase_set_timeout(scripts, 60);
	tcase_add_loop_test(scripts,
	    a_greeting_that_is_none_is_an_error_at_once, 0, NITEMS(greetings));
	tcase_add_test(scripts, an_owner_that_only_hangs_up_is_away);
	tcase_add_test(
	    scripts, an_owner_that_says_nothing_is_waited_for_five_seconds);
	tcase_add_loop_test(scripts,
	    an_answer_is_what_it_is_or_an_error_at_once, 0, NITEMS(answers));
	tcase_add_loop_test(
	    scripts, a_call_that_is_not_answered_ends_after_five_seconds, 0, 2);
	suite_add_tcase(s, scripts);

	tcase_add_checked_fixture(real, set_up, tear_down);
	tcase_set_timeout(real, 60);
	tcase_add_test(real, a_call_may_take_its_time);
	tcase_add_test(real, a_request_may_take_five_seconds);
	tcase_add_test(real, large_calls_and_bodies_pass);
	tcase_add_test(real, a_large_body_is_asked_for_first);
	tcase_add_test(
	    real, a_row_that_is_refused_ends_the_call_and_not_the_client);
	tcase_add_test(real, who_takes_a_while_over_a_row_kills_nobody);
	tcase_add_test(real, each_call_has_an_id_of_its_own);
	tcase_add_test(real, the_owner_is_known);
	suite_add_tcase(s, real);

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
