/* server_harness.c: a server over fakes, and a peer of it. */
#include "tests/stand/server_harness.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char top[] = "/tmp/test_server.XXXXXX";
char dir[64];
struct receive fake_receive;
struct ops fake_ops = { .dir = dir };
struct server *server;
atomic_int leaves;
struct budget server_bodies = { 0, SERVER_BIG_MAX };

static void
leave(void *arg, const char *why)
{
	ck_assert_ptr_eq(arg, &leaves);
	ck_assert_ptr_nonnull(strstr(why, "tester (pid "));
	leaves++;
}

void
start_server(bool opening)
{
	struct server_options opt = { .bodies = &server_bodies };
	struct err err = ERR_INIT;

	opt.dir = dir;
	opt.role = OWNER_STORE;
	opt.owner_uid = getuid();
	opt.receive = opening ? NULL : &fake_receive;
	opt.ops = opening ? NULL : &fake_ops;
	opt.leave = leave;
	opt.arg = &leaves;
	opt.version = "1.2.0";
	opt.pager_ms = SERVER_SEND_MS;
	opt.listen_fd = owner_listen(dir, &err);
	ck_assert_msg(opt.listen_fd >= 0, "%s", err.text);
	ck_assert_msg(server_start(&opt, &server, &err) == 0, "%s", err.text);
}

void
make_dir(void)
{
	strcpy(top + sizeof(top) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%s/store", top);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	leaves = 0;
}

void
set_up(void)
{
	make_dir();
	start_server(false);
}

void
set_up_opening(void)
{
	make_dir();
	start_server(true);
}

void
tear_down(void)
{
	char command[128];

	server_stop(server);
	server = NULL;
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	ck_assert_int_eq(system(command), 0);
}

void
sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		continue;
}

/* --- a peer --------------------------------------------------------------- */

int
plug(void)
{
	struct err err = ERR_INIT;
	int fd = owner_connect(dir, &err);

	ck_assert_msg(fd >= 0, "%s", err.text);
	return fd;
}

void
send_bytes(int fd, const void *bytes, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	const char *at = bytes;
	ssize_t n;

	while (len > 0) {
		ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
		n = send(fd, at, len, MSG_NOSIGNAL);
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return; /* the test reads why */
		ck_assert_int_gt(n, 0);
		at += n;
		len -= (size_t)n;
	}
}

void
send_frame(int fd, enum frame_type type, const void *bytes, size_t len)
{
	struct buf out = BUF_INIT(FRAME_MAX + FRAME_HEAD);
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    frame_encode(type, span_of(bytes, len), &out, &err), 0);
	send_bytes(fd, out.ptr, out.len);
	buf_free(&out);
}

void
send_hello(int fd, const char *version)
{
	struct frame_greeting hello = {
		.role = "admin", .program = "tester", .pid = getpid()
	};
	struct buf out = BUF_INIT(FRAME_TEXT_MAX);
	struct err err = ERR_INIT;

	snprintf(hello.version, sizeof(hello.version), "%s", version);
	ck_assert_int_eq(frame_put_greeting(&hello, &out, &err), 0);
	send_frame(fd, FRAME_HELLO, out.ptr, out.len);
	buf_free(&out);
}

/* n bytes; fewer when the connection ended before. */
static size_t
read_bytes(int fd, unsigned char *bytes, size_t len, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		ck_assert_msg(poll(&p, 1, wait_ms) == 1, "no answer came");
		n = recv(fd, bytes + got, len - got, 0);
		if (n < 0)
			ck_assert_int_eq(errno, ECONNRESET);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

/* The next frame, its content in room; type 0: the connection ended. */
unsigned
read_frame(int fd, struct buf *room)
{
	unsigned char head[FRAME_HEAD], *at;
	struct err err = ERR_INIT;
	size_t total;

	buf_clear(room);
	if (read_bytes(fd, head, sizeof(head), WAIT_MS) < sizeof(head))
		return 0;
	ck_assert_int_eq(
	    frame_total(span_of(head, sizeof(head)), &total, &err), 0);
	total -= FRAME_HEAD;
	if (total > 0) {
		ck_assert_int_eq(buf_reserve(room, total, &at, &err), 0);
		ck_assert_uint_eq(read_bytes(fd, at, total, WAIT_MS), total);
		room->len = total;
	}
	return head[5];
}

void
expect(int fd, enum frame_type type)
{
	struct buf room = BUF_INIT(FRAME_MAX);

	ck_assert_uint_eq(read_frame(fd, &room), type);
	buf_free(&room);
}

void
expect_row(int fd, const char *json)
{
	struct buf room = BUF_INIT(FRAME_MAX);

	ck_assert_uint_eq(read_frame(fd, &room), FRAME_ROW);
	ck_assert_msg(span_is(buf_span(&room), json), "%.*s", (int)room.len,
	    (const char *)room.ptr);
	buf_free(&room);
}

void
expect_verdict(
    int fd, enum frame_type type, enum err_code code, const char *words)
{
	struct buf room = BUF_INIT(FRAME_MAX);
	struct err verdict = ERR_INIT, err = ERR_INIT;

	ck_assert_uint_eq(read_frame(fd, &room), type);
	ck_assert_int_eq(frame_get_verdict(buf_span(&room), &verdict, &err), 0);
	ck_assert_msg(
	    verdict.code == code, "%d: %s", verdict.code, verdict.text);
	ck_assert_msg(words == NULL || strstr(verdict.text, words) != NULL,
	    "%s", verdict.text);
	buf_free(&room);
}

void
expect_end_of_connection(int fd)
{
	struct buf room = BUF_INIT(FRAME_MAX);

	ck_assert_uint_eq(read_frame(fd, &room), 0);
	buf_free(&room);
	close(fd);
}

void
expect_refusal(int fd, enum err_code code, const char *words)
{
	expect_verdict(fd, FRAME_BUSY, code, words);
	expect_end_of_connection(fd);
}

int
greet(void)
{
	int fd = plug();

	send_hello(fd, "1.2.0");
	expect(fd, FRAME_WELCOME);
	return fd;
}

void
send_call(int fd, const char *json)
{
	char text[512] = "0123456789abcdef";

	snprintf(text + 16, sizeof(text) - 16, "%s", json);
	send_frame(fd, FRAME_CALL, text, strlen(text));
}

void
send_request(int fd, const char *path, const char *body, int64_t declared)
{
	static const unsigned char id[STORE_REQUEST_ID];
	struct buf out = BUF_INIT(FRAME_MAX);
	struct request rq = { 0 };
	struct err err = ERR_INIT;

	rq.method = span_str("POST");
	rq.path = span_str(path);
	rq.content_length = declared;
	rq.body = span_str(body);
	rq.now_ms = 1;
	ck_assert_int_eq(frame_put_request(&rq, id, &out, &err), 0);
	send_frame(fd, FRAME_REQUEST, out.ptr, out.len);
	buf_free(&out);
}

void
expect_reply(int fd, int status, const char *body)
{
	struct buf room = BUF_INIT(FRAME_MAX);
	struct receive_reply reply;
	struct err err = ERR_INIT;

	ck_assert_uint_eq(read_frame(fd, &room), FRAME_REPLY);
	ck_assert_int_eq(frame_get_reply(buf_span(&room), &reply, &err), 0);
	ck_assert_int_eq(reply.status, status);
	ck_assert(span_is(span_of(reply.body, reply.body_len), body));
	if (status == 200)
		ck_assert_str_eq(reply.log, "clock=right");
	buf_free(&room);
}

/* The server lives, and serves others. */
void
expect_service(void)
{
	int fd = greet();

	send_call(fd, "{\"op\":\"echo\"}");
	expect_row(fd, "{\"op\":\"echo\"}");
	expect_verdict(fd, FRAME_END, ERR_NONE, "");
	close(fd);
}
