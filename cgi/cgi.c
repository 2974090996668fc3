/* cgi.c: one request under plain CGI. */
#include "cgi/cgi.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "cgi/env.h"
#include "cgi/forward.h"
#include "cgi/answer.h"
#include "lib/clock.h"

bool
cgi_is(void)
{
	return getenv("GATEWAY_INTERFACE") != NULL;
}

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

/* Fills call->reply, whatever happens. */
static void
handle(const struct conf *cf, char **env, struct header *headers,
    struct receive_call *call, struct buf *body)
{
	struct forward *fw = NULL;
	struct err err = ERR_INIT;
	unsigned char *at;
	int64_t body_max;
	size_t want;
	bool late;
	int done;

	if (env_request(env, headers, &call->request, &err) < 0) {
		env_refuse(&call->reply, &err);
		return;
	}
	done = forward_open(cf, CLIENT_CGI, &fw, &err);
	if (done == 0)
		done = forward_begin(fw, call, &body_max, &err);
	if (done == 0) {
		want = (size_t)call->request.content_length;
		done = buf_reserve(body, want, &at, &err);
		if (done == 0 && !read_input(at, want,
				     clock_ms() + cf->upload_s * 1000, &late)) {
			forward_abort(call, late);
			done = 1;
		}
	}
	if (done == 0) {
		body->len = want;
		call->request.body = buf_span(body);
		call->request.now_ms = clock_wall_ms();
		done = forward_body(fw, call, &err);
	}
	if (done < 0)
		forward_fault(&call->reply, err.text);
	forward_close(fw);
}

int
cgi_run(const struct conf *cf, char **env, struct log *log, struct err *err)
{
	struct header headers[REQUEST_HEADERS_MAX];
	struct receive_call call = { .arg = NULL };
	struct buf body = BUF_INIT(STORE_BODY_MAX);
	int64_t began_us = clock_us();
	int ret;

	handle(cf, env, headers, &call, &body);
	ret = write_answer(&call.reply, err);
	log_request(log, &call.reply, clock_us() - began_us);
	buf_free(&body);
	return ret;
}

int
cgi_fault(const char *why, struct err *err)
{
	struct receive_reply reply;

	forward_fault(&reply, why);
	return write_answer(&reply, err);
}
