/* cgi.c: one request under plain CGI. */
#include "cgi/cgi.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgi/env.h"
#include "cgi/forward.h"
#include "cgi/answer.h"
#include "lib/base/clock.h"

#define CGI_DROP_MS 2000 /* for a web server to end what nobody reads */

/*
 * Reads want bytes, until a time of clock_ms. A web server need not close the
 * input behind the body, so nothing more is read. *late: the time ran out.
 */
static bool
read_input(unsigned char *to, size_t want, int64_t until_ms, bool *late)
{
	struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
	int64_t left_ms;
	ssize_t n;

	*late = false;
	while (want > 0) {
		left_ms = until_ms - clock_ms();
		*late = left_ms <= 0 || poll(&p, 1, (int)left_ms) == 0;
		if (*late)
			return false;
		n = read(STDIN_FILENO, to, want);
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			return false;
		if (n > 0) {
			to += n;
			want -= (size_t)n;
		}
	}
	return true;
}

static int
write_answer(const struct receive_reply *reply, struct err *err)
{
	char text[ANSWER_MAX], *at = text;
	size_t len = answer_text(reply, text);
	ssize_t n;

	while (len > 0) {
		n = write(STDOUT_FILENO, at, len);
		if (n < 0 && errno != EINTR)
			return err_errno(err, errno, "write the answer");
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Reads the body; 0, or 1 when it did not come and call->reply says so. */
static int
read_body(const struct conf *cf, struct receive_call *call, int64_t body_max,
    struct buf *body, struct err *err)
{
	int64_t length = call->request.content_length;
	size_t want = (size_t)(length < body_max ? length : body_max);
	int64_t until_ms = clock_ms() + cf->upload_s * 1000;
	unsigned char *at;
	bool late;

	if (buf_reserve(body, want, &at, err) < 0)
		return -1;
	if (!read_input(at, want, until_ms, &late)) {
		forward_abort(
		    call, late ? RECEIVE_LATE_BODY : RECEIVE_SHORT_BODY);
		return 1;
	}
	body->len = want;
	call->request.body = buf_span(body);
	call->request.now_ms = clock_wall_ms();
	return 0;
}

/* Fills call->reply, whatever happens; it borrows from fw. */
static void
handle(const struct conf *cf, struct forward *fw, struct receive_call *call,
    struct buf *body)
{
	struct err err = ERR_INIT;
	int64_t body_max = 0;
	int done;

	done = forward_begin(
	    fw, call, &body_max, clock_ms() + CLIENT_WAIT_MS, &err);
	if (done == 0)
		done = read_body(cf, call, body_max, body, &err);
	if (done == 0)
		done =
		    forward_body(fw, call, clock_ms() + CLIENT_WAIT_MS, &err);
	if (done < 0)
		forward_fault(&call->reply, err.text);
}

/*
 * A body that nobody read: a web server with one socket for input and answer
 * (mod_cgid) loses the answer if that closes with something in it.
 */
static void
drop_input(void)
{
	int64_t until_ms = clock_ms() + CGI_DROP_MS;
	struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
	char scrap[16384];
	ssize_t n = 1;

	/* Who waits for the end of the answer need not wait for this. */
	shutdown(STDOUT_FILENO, SHUT_WR);
	close(STDOUT_FILENO);
	while (n > 0 && clock_ms() < until_ms &&
	       poll(&p, 1, (int)(until_ms - clock_ms())) == 1)
		n = read(STDIN_FILENO, scrap, sizeof(scrap));
}

int
cgi_run(
    struct conf_live *settings, char **env, struct log *log, struct err *err)
{
	const struct conf *cf = conf_live_get(settings);
	struct header headers[REQUEST_HEADERS_MAX];
	struct receive_call call = { .arg = NULL };
	struct buf body = BUF_INIT(STORE_BODY_MAX);
	struct err wrong = ERR_INIT;
	struct forward *fw = NULL;
	int64_t began_us = clock_us();
	int ret;

	if (env_request(env, headers, &call.request, &wrong) < 0)
		env_refuse(&call.reply, &wrong);
	else if (forward_open(settings, CLIENT_CGI, &fw, &wrong) < 0)
		forward_fault(&call.reply, wrong.text);
	else
		handle(cf, fw, &call, &body);
	ret = write_answer(&call.reply, err);
	log_request(log, &call.reply, clock_us() - began_us);
	if (call.request.content_length != (int64_t)body.len)
		drop_input();
	buf_free(&body);
	forward_close(fw);
	conf_live_put(cf);
	return ret;
}

int
cgi_fault(const char *why, struct err *err)
{
	struct receive_reply reply;
	int ret;

	forward_fault(&reply, why);
	ret = write_answer(&reply, err);
	drop_input();
	return ret;
}
