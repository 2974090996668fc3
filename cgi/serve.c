/* serve.c: reads one request, has it handled, answers it. */
#include "cgi/serve.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "cgi/env.h"
#include "cgi/answer.h"
#include "lib/clock.h"

#define LINGER_READS 64 /* of LINGER_BYTES, before others get their turn */
#define LINGER_BYTES 16384

/* --- answering (any thread) ---------------------------------------------- */

/* A connection that cannot wait is of no use. */
static void
wait_for(struct serving *s, struct conn *c, uint32_t events,
    enum conn_state state, int64_t deadline_ms)
{
	if (!conn_wait(c, s->epoll_fd, events, state, deadline_ms))
		conn_close(s->table, c);
}

void
serve_idle(struct serving *s, struct conn *c)
{
	wait_for(s, c, EPOLLIN, CONN_IDLE, 0);
}

/*
 * The web server may still be writing a body that nobody will read. Closing now
 * would make that fail, and then it may not look for the answer any more.
 */
static void
linger(struct serving *s, struct conn *c)
{
	fcgi_detach(c->fcgi);
	shutdown(c->fd, SHUT_WR);
	c->linger_until_ms = clock_ms() + SERVE_LINGER_MS;
	wait_for(s, c, EPOLLIN, CONN_LINGERING, c->linger_until_ms);
}

void
serve_send(struct serving *s, struct conn *c)
{
	struct receive_reply *reply = &c->call.reply;
	char text[ANSWER_MAX];
	bool was_read = fcgi_body_was_read(c->fcgi), keep;

	keep = fcgi_answer(c->fcgi, span_of(text, answer_text(reply, text)));
	log_request(s->log, reply, clock_us() - c->began_us);
	if (c->body.room > SERVE_BODY_KEPT)
		buf_free(&c->body);
	if (keep && !s->ending)
		serve_idle(s, c);
	else if (was_read)
		conn_close(s->table, c);
	else
		linger(s, c);
}

/* Answers now when that cannot block, else as soon as it cannot. */
static void
answer(struct serving *s, struct conn *c)
{
	if (fcgi_writable(c->fcgi) ||
	    !conn_wait(c, s->epoll_fd, EPOLLOUT, CONN_SENDING,
		clock_ms() + SERVE_SEND_MS))
		serve_send(s, c);
}

static void
call_done(struct receive_call *call)
{
	struct conn *c = call->arg;

	answer(c->owner, c);
}

/* --- reading (workers) --------------------------------------------------- */

enum body_read {
	BODY_WHOLE,
	BODY_SHORT,
	BODY_NO_MEMORY
};

/* Exactly as many bytes as were declared, and then the end. */
static enum body_read
read_body(struct conn *c)
{
	struct request *rq = &c->call.request;
	size_t want = (size_t)rq->content_length;
	struct err ignored = ERR_INIT;
	unsigned char *at;

	buf_clear(&c->body);
	if (buf_reserve(&c->body, want, &at, &ignored) < 0)
		return BODY_NO_MEMORY;
	c->body.len = fcgi_read_body(c->fcgi, at, want);
	if (c->body.len != want || !fcgi_body_ends(c->fcgi))
		return BODY_SHORT;
	rq->body = buf_span(&c->body);
	return BODY_WHOLE;
}

static void
serve_body(struct serving *s, struct conn *c)
{
	const struct handler *h = &s->handler;
	struct receive_call *call = &c->call;
	enum body_read got = read_body(c);
	bool late = conn_clear_deadline(c);

	if (got != BODY_WHOLE) {
		h->abort(h->arg, call, c->via, late);
		if (got == BODY_NO_MEMORY)
			receive_fault(&call->reply, "no memory for the body");
		answer(s, c);
		return;
	}
	call->request.now_ms = clock_wall_ms();
	if (h->body(h->arg, call, c->via) != 0)
		answer(s, c);
}

/* One request of a connection that has something to read. */
void
serve(struct serving *s, struct conn *c)
{
	const struct handler *h = &s->handler;
	struct receive_call *call = &c->call;
	struct err err = ERR_INIT;
	int64_t body_max = 0, now_ms;
	char **env;

	c->began_us = clock_us();
	now_ms = c->began_us / 1000;
	conn_set_deadline(c, now_ms + SERVE_HEAD_MS);
	if (fcgi_read_head(c->fcgi, &env) != FCGI_HEAD_READY) {
		if (conn_clear_deadline(c))
			log_note(s->log,
			    "a connection was closed: the web server sent no "
			    "whole request within %d s",
			    SERVE_HEAD_MS / 1000);
		conn_close(s->table, c);
		return;
	}
	if (env_request(env, c->headers, &call->request, &err) < 0) {
		env_refuse(&call->reply, &err);
		conn_clear_deadline(c);
		answer(s, c);
		return;
	}
	conn_set_deadline(c, clock_ms() + s->upload_ms);
	call->done = call_done;
	call->has_request_id = false; /* until it is forwarded */
	call->until_ms = 0;
	if (h->begin(h->arg, call, &c->via, &body_max) == 0) {
		assert(call->request.content_length >= 0);
		assert(call->request.content_length <= body_max);
		serve_body(s, c);
		return;
	}
	/* What has no body need not cost the connection. */
	if (call->request.content_length <= 0)
		fcgi_body_ends(c->fcgi);
	conn_clear_deadline(c);
	answer(s, c);
}

/* Throws away what comes, until the peer closes. */
void
serve_drop(struct serving *s, struct conn *c)
{
	char scrap[LINGER_BYTES];
	ssize_t n = 1;
	int i;

	for (i = 0; i < LINGER_READS && n > 0; i++)
		n = recv(c->fd, scrap, sizeof(scrap), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		conn_close(s->table, c);
	else
		wait_for(s, c, EPOLLIN, CONN_LINGERING, c->linger_until_ms);
}
