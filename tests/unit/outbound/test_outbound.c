/* Posts as a caller sees them: what is refused before it goes out, waiting,
 * waking, ending. What servers do to it: outbound_hostile.py. */
#include "lib/outbound/outbound.h"

#include <arpa/inet.h>
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"
#include "lib/outbound/url.h"

#define PATIENCE_MS 20000

/* Takes connections into its backlog, and never says a word. */
struct silent {
	int fd;
	char url[64];
};

static struct silent
silent_open(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	struct silent s;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(s.fd, 0);
	ck_assert_int_eq(bind(s.fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(s.fd, 64), 0);
	ck_assert_int_eq(getsockname(s.fd, (struct sockaddr *)&at, &len), 0);
	snprintf(
	    s.url, sizeof(s.url), "http://127.0.0.1:%u/", ntohs(at.sin_port));
	return s;
}

static struct outbound *
opened(void)
{
	struct outbound *ob = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(outbound_open(4, &ob, &err) == 0, "%s", err.text);
	return ob;
}

static struct outbound_request
request(const char *url)
{
	return (struct outbound_request){ .url = url,
		.body = span_str("{}"),
		.connect_ms = PATIENCE_MS,
		.timeout_ms = PATIENCE_MS };
}

/* Until something has ended; fails when nothing does. */
static struct outbound_result
ended(struct outbound *ob)
{
	int64_t end = clock_ms() + 2 * PATIENCE_MS;
	struct outbound_result r;
	struct err err = ERR_INIT;

	while (!outbound_next(ob, &r)) {
		ck_assert_int_lt(clock_ms(), end);
		ck_assert_msg(outbound_poll(ob, NULL, 0, 1000, &err) == 0, "%s",
		    err.text);
	}
	return r;
}

static const struct {
	const char *when, *lines;
	enum outbound_class want;
	const char *says;
} headers[] = {
	{ "none", "", OUTBOUND_TIMEOUT, "" },
	{ "one", "A: b\n", OUTBOUND_TIMEOUT, "" },
	{ "without its end", "A: b", OUTBOUND_TIMEOUT, "" },
	{ "empty lines between", "A: b\n\nC: d\n\n", OUTBOUND_TIMEOUT, "" },
	{ "without a value", "A:\nB: \n", OUTBOUND_TIMEOUT, "" },
	{ "a tab in the value", "A: b\tc\n", OUTBOUND_TIMEOUT, "" },
	{ "bytes of UTF-8", "A: \xc3\xa4\n", OUTBOUND_TIMEOUT, "" },
	{ "carriage return at its end", "A: b\r\n", OUTBOUND_USAGE, "control" },
	{ "carriage return within", "A: b\rC: d\n", OUTBOUND_USAGE, "control" },
	{ "escape", "A: \033[2J\n", OUTBOUND_USAGE, "control" },
	{ "delete", "A: \x7f\n", OUTBOUND_USAGE, "control" },
	{ "no colon", "A b\n", OUTBOUND_USAGE, "Name: value" },
	{ "only \";\"", "A;\n", OUTBOUND_USAGE, "Name: value" },
	{ "no name", ": b\n", OUTBOUND_USAGE, "Name: value" },
	{ "blank in the name", "A b: c\n", OUTBOUND_USAGE, "Name: value" },
	{ "blank before the name", " A: c\n", OUTBOUND_USAGE, "Name: value" },
	{ "the second is wrong", "A: b\nC\n", OUTBOUND_USAGE, "Name: value" },
	{ "length", "Content-Length: 5\n", OUTBOUND_USAGE, "frames" },
	{ "length, in small", "content-length: 5\n", OUTBOUND_USAGE, "frames" },
	{ "chunks", "Transfer-Encoding: chunked\n", OUTBOUND_USAGE, "frames" },
	{ "connection", "Connection: close\n", OUTBOUND_USAGE, "frames" },
	{ "upgrade", "Upgrade: h2c\n", OUTBOUND_USAGE, "frames" },
	{ "expect", "Expect: 100-continue\n", OUTBOUND_USAGE, "frames" },
	{ "trailer", "Trailer: X\n", OUTBOUND_USAGE, "frames" },
};

START_TEST(header_lines_are_judged)
{
	struct silent server = silent_open();
	struct outbound *ob = opened();
	struct outbound_request rq = request(server.url);
	struct outbound_result r;
	struct err err = ERR_INIT;

	rq.headers = span_str(headers[_i].lines);
	rq.timeout_ms = 50;
	ck_assert_int_eq(outbound_start(ob, &rq, &err), 0);
	ck_assert_uint_eq(outbound_busy(ob), 1);
	r = ended(ob);
	ck_assert_uint_eq(outbound_busy(ob), 0);
	ck_assert_msg(r.class == headers[_i].want, "%s: %s, %s",
	    headers[_i].when, outbound_word(r.class), r.words);
	ck_assert_msg(strstr(r.words, headers[_i].says) != NULL, "%s: %s",
	    headers[_i].when, r.words);
	outbound_close(ob);
	close(server.fd);
}
END_TEST

START_TEST(nul_ends_no_header)
{
	static const char lines[] = "A: b\0C: d\n";
	struct outbound *ob = opened();
	struct outbound_request rq = request("http://127.0.0.1:1/");
	struct err err = ERR_INIT;

	rq.headers = span_of(lines, sizeof(lines) - 1);
	ck_assert_int_eq(outbound_start(ob, &rq, &err), 0);
	ck_assert_int_eq(ended(ob).class, OUTBOUND_USAGE);
	outbound_close(ob);
}
END_TEST

START_TEST(header_lines_have_a_limit)
{
	struct silent server = silent_open();
	struct outbound *ob = opened();
	struct outbound_request rq = request(server.url);
	struct buf lines = BUF_INIT(2 * OUTBOUND_LINES_MAX);
	struct err err = ERR_INIT;

	while (lines.len < OUTBOUND_LINES_MAX)
		ck_assert_int_eq(buf_puts(&lines, "A: bcde\n", &err), 0);
	rq.timeout_ms = 50;
	rq.headers = span_of(lines.ptr, OUTBOUND_LINES_MAX);
	ck_assert_int_eq(outbound_start(ob, &rq, &err), 0);
	ck_assert_int_eq(ended(ob).class, OUTBOUND_TIMEOUT);
	ck_assert_int_eq(buf_puts(&lines, "A: bcde\n", &err), 0);
	rq.headers = buf_span(&lines);
	ck_assert_int_eq(outbound_start(ob, &rq, &err), 0);
	ck_assert_int_eq(ended(ob).class, OUTBOUND_USAGE);
	buf_free(&lines);
	outbound_close(ob);
	close(server.fd);
}
END_TEST

static const struct {
	const char *when, *url;
	bool guarded;
	enum outbound_class want;
} targets[] = {
	{ "nobody listens", "http://127.0.0.1:1/", false, OUTBOUND_CONNECT },
	{ "guarded", "http://127.0.0.1:1/", true, OUTBOUND_BLOCKED },
	{ "guarded, by name", "http://localhost:1/", true, OUTBOUND_BLOCKED },
	{ "no such name", "http://no-such-host.invalid/", true, OUTBOUND_NAME },
	{ "a file", "file:///etc/passwd", false, OUTBOUND_USAGE },
	{ "gopher", "gopher://127.0.0.1/", false, OUTBOUND_USAGE },
	{ "nothing", "", false, OUTBOUND_USAGE },
	{ "no host", "http://", false, OUTBOUND_USAGE },
	{ "half a host", "http://[::", false, OUTBOUND_USAGE },
	{ "a user", "http://u:p@127.0.0.1:1/", false, OUTBOUND_USAGE },
};

START_TEST(what_cannot_be_reached)
{
	struct outbound *ob = opened();
	struct outbound_request rq = request(targets[_i].url);
	struct outbound_result r;
	struct err err = ERR_INIT;
	int here;

	rq.guarded = targets[_i].guarded;
	rq.arg = &here;
	ck_assert_int_eq(outbound_start(ob, &rq, &err), 0);
	r = ended(ob);
	ck_assert_msg(r.class == targets[_i].want, "%s: %s, %s",
	    targets[_i].when, outbound_word(r.class), r.words);
	ck_assert_ptr_eq(r.arg, &here);
	ck_assert_str_ne(r.words, "");
	ck_assert_int_eq(r.status, 0);
	ck_assert_int_eq(r.retry_after_ms, -1);
	outbound_close(ob);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_named)
{
	struct outbound *ob = opened();
	struct outbound_request rq = request("https://127.0.0.1:1/");
	struct silent server = silent_open();
	struct outbound_result r;
	struct err err = ERR_INIT;
	char url[80];

	snprintf(url, sizeof(url), "https%s", server.url + strlen("http"));
	rq.url = url;
	rq.ca_file = "/no/such/ca.pem";
	ck_assert_int_eq(outbound_start(ob, &rq, &err), 0);
	r = ended(ob);
	ck_assert_int_eq(r.class, OUTBOUND_USAGE);
	ck_assert_ptr_nonnull(strstr(r.words, "/no/such/ca.pem"));
	rq.ca_file = NULL;
	rq.client_cert = "/no/such/cert.pem";
	ck_assert_int_eq(outbound_start(ob, &rq, &err), 0);
	r = ended(ob);
	ck_assert_int_eq(r.class, OUTBOUND_USAGE);
	ck_assert_ptr_nonnull(strstr(r.words, "/no/such/cert.pem"));
	outbound_close(ob);
	close(server.fd);
}
END_TEST

START_TEST(time_to_connect_and_time_for_all)
{
	struct silent server = silent_open();
	struct outbound *ob = opened();
	struct outbound_request rq = request(server.url);
	struct outbound_result r;
	struct err err = ERR_INIT;

	rq.timeout_ms = 300;
	ck_assert_int_eq(outbound_start(ob, &rq, &err), 0);
	r = ended(ob);
	ck_assert_int_eq(r.class, OUTBOUND_TIMEOUT);
	ck_assert_int_ge(r.took_us, 290 * 1000);
	/* It was reached, and silent: who it was is known. */
	ck_assert_str_eq(r.address, "127.0.0.1");
	outbound_close(ob);
	close(server.fd);
}
END_TEST

START_TEST(a_close_ends_what_is_under_way)
{
	struct silent server = silent_open();
	struct outbound *ob = opened();
	struct outbound_request rq = request(server.url);
	int64_t began = clock_ms();
	struct err err = ERR_INIT;
	int i;

	for (i = 0; i < 40; i++)
		ck_assert_int_eq(outbound_start(ob, &rq, &err), 0);
	ck_assert_int_eq(outbound_poll(ob, NULL, 0, 100, &err), 0);
	ck_assert_uint_eq(outbound_busy(ob), 40);
	outbound_close(ob);
	ck_assert_int_lt(clock_ms() - began, PATIENCE_MS / 2);
	close(server.fd);
	outbound_close(NULL);
}
END_TEST

/* --- waiting -------------------------------------------------------------- */

static void *
wake_soon(void *arg)
{
	usleep(50 * 1000);
	outbound_wake(arg);
	return NULL;
}

START_TEST(a_wake_ends_the_sleep)
{
	struct outbound *ob = opened();
	int64_t began = clock_ms();
	struct err err = ERR_INIT;
	struct pollfd pfd = { .events = POLLIN };
	int pipes[2], i;
	pthread_t thread;

	ck_assert_int_eq(pipe(pipes), 0);
	pfd.fd = pipes[0];
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(
		    pthread_create(&thread, NULL, wake_soon, ob), 0);
		ck_assert_int_eq(outbound_poll(ob, &pfd, (size_t)i,
				     i == 0 ? -1 : PATIENCE_MS, &err),
		    0);
		ck_assert_int_eq(pfd.revents, 0);
		pthread_join(thread, NULL);
	}
	/* One before the sleep counts too, and once. */
	outbound_wake(ob);
	outbound_wake(ob);
	ck_assert_int_eq(outbound_poll(ob, NULL, 0, PATIENCE_MS, &err), 0);
	ck_assert_int_lt(clock_ms() - began, PATIENCE_MS / 2);
	began = clock_ms();
	ck_assert_int_eq(outbound_poll(ob, NULL, 0, 100, &err), 0);
	ck_assert_int_ge(clock_ms() - began, 90);
	close(pipes[0]);
	close(pipes[1]);
	outbound_close(ob);
}
END_TEST

START_TEST(descriptors_of_the_caller_end_it_too)
{
	struct outbound *ob = opened();
	struct silent server = silent_open();
	struct outbound_request rq = request(server.url);
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	struct err err = ERR_INIT;
	int64_t end = clock_ms() + PATIENCE_MS / 2;
	int a[2], b[2];

	ck_assert_int_eq(pipe(a), 0);
	ck_assert_int_eq(pipe(b), 0);
	fds[0].fd = a[0];
	fds[1].fd = b[0];
	ck_assert_int_eq(outbound_start(ob, &rq, &err), 0);
	ck_assert_int_eq(write(b[1], "x", 1), 1);
	ck_assert_int_eq(outbound_poll(ob, fds, 2, PATIENCE_MS, &err), 0);
	ck_assert_int_eq(fds[0].revents, 0);
	ck_assert_int_eq(fds[1].revents, POLLIN);
	/* A hang-up is told, too: nobody waits for a pipe without an end. */
	close(a[1]);
	fds[1].events = 0;
	do
		ck_assert_int_eq(
		    outbound_poll(ob, fds, 2, PATIENCE_MS, &err), 0);
	while (fds[0].revents == 0 && clock_ms() < end);
	ck_assert_int_eq(fds[0].revents, POLLHUP);
	ck_assert_int_lt(clock_ms(), end);
	close(a[0]);
	close(b[0]);
	close(b[1]);
	outbound_close(ob);
	close(server.fd);
}
END_TEST

/* The forms are those of Unicode's UTS #46 (and of idn2(1)). */
static const struct {
	const char *when, *url, *want;
} hosts[] = {
	{ "ASCII", "https://Example.com:8443/A?b#c",
	    "https://Example.com:8443/A?b#c" },
	{ "ASCII that is no URL", "http//[", "http//[" },
	{ "umlaut",
	    "https://b\xc3\xbc"
	    "cher.example/x",
	    "https://xn--bcher-kva.example/x" },
	{ "capital umlaut",
	    "https://B\xc3\x9c"
	    "CHER.example:8443?a=b",
	    "https://xn--bcher-kva.example:8443?a=b" },
	{ "sharp s", "https://fa\xc3\x9f.example/",
	    "https://xn--fa-hia.example/" },
	{ "fullwidth digits",
	    "https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/",
	    "https://127.0.0.1/" },
	{ "ideographic full stop",
	    "https://127\xe3\x80\x82"
	    "0.0.1/",
	    "https://127.0.0.1/" },
	{ "the path stays",
	    "https://example.com/b\xc3\xbc"
	    "cher",
	    "https://example.com/b\xc3\xbc"
	    "cher" },
	{ "not UTF-8", "https://b\xff.example/", NULL },
	{ "a user", "https://u@\xc3\xbc.example/", NULL },
	{ "no host", "https:///\xc3\xbc", "https:///\xc3\xbc" },
};

START_TEST(international_hosts_have_an_ascii_form)
{
	struct buf out = BUF_INIT(1024);
	struct err err = ERR_INIT;
	int got = outbound_url_ascii(span_str(hosts[_i].url), &out, &err);

	if (hosts[_i].want != NULL) {
		ck_assert_msg(got == 0, "%s: %s", hosts[_i].when, err.text);
		ck_assert_msg(span_is(buf_span(&out), hosts[_i].want),
		    "%s: %.*s", hosts[_i].when, (int)out.len, out.ptr);
	} else {
		ck_assert_msg(got < 0, "%s", hosts[_i].when);
		ck_assert_int_eq(err.code, ERR_INPUT);
		ck_assert_uint_eq(out.len, 0);
	}
	buf_free(&out);
}
END_TEST

START_TEST(words_for_classes)
{
	static const struct {
		enum outbound_class class;
		const char *want;
	} words[] = {
		{ OUTBOUND_ANSWERED, "answered" },
		{ OUTBOUND_TIMEOUT, "timeout" },
		{ OUTBOUND_NAME, "name" },
		{ OUTBOUND_CONNECT, "connect" },
		{ OUTBOUND_BLOCKED, "blocked" },
		{ OUTBOUND_TLS, "tls" },
		{ OUTBOUND_PROTOCOL, "protocol" },
		{ OUTBOUND_USAGE, "usage" },
		{ OUTBOUND_FAULT, "fault" },
	};
	size_t i;

	for (i = 0; i < NITEMS(words); i++)
		ck_assert_str_eq(outbound_word(words[i].class), words[i].want);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("outbound");
	TCase *tc = tcase_create("outbound");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 2.0 * PATIENCE_MS / 1000);
	tcase_add_loop_test(tc, header_lines_are_judged, 0, NITEMS(headers));
	tcase_add_test(tc, nul_ends_no_header);
	tcase_add_test(tc, header_lines_have_a_limit);
	tcase_add_loop_test(tc, what_cannot_be_reached, 0, NITEMS(targets));
	tcase_add_test(tc, a_file_that_cannot_be_read_is_named);
	tcase_add_test(tc, time_to_connect_and_time_for_all);
	tcase_add_test(tc, a_close_ends_what_is_under_way);
	tcase_add_test(tc, a_wake_ends_the_sleep);
	tcase_add_test(tc, descriptors_of_the_caller_end_it_too);
	tcase_add_loop_test(
	    tc, international_hosts_have_an_ascii_form, 0, NITEMS(hosts));
	tcase_add_test(tc, words_for_classes);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
