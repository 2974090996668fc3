/* serve.c: reads one request, has it handled, answers it. */
#include "cgi/serve.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "cgi/answer.h"
#include "cgi/env.h"
#include "cgi/notify.h"
#include "lib/base/clock.h"

#define ROLE_RESPONDER 1 /* FastCGI specification, section 6.1 */
#define READ_MAX (64 * 1024) /* bytes at once, of a long body */
#define READS_MAX 32 /* in a row, before others get their turn */
#define CHARGE_STEP (64 * 1024) /* bytes */

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

static bool
is_passing(int errnum)
{
	return errnum == EAGAIN || errnum == EINTR;
}

/* --- memory -------------------------------------------------------------- */

/* Frees the request's memory, except for the buffers the next one will use. */
static void
release(struct serving *s, struct conn *c)
{
	intake_next(c->intake);
	if (c->charged == 0)
		return;
	fcgi_drop(c->fcgi);
	budget_give(s->bodies, c->charged);
	c->charged = 0;
}

static void
give_up(struct serving *s, struct conn *c)
{
	release(s, c);
	conn_close(s->table, c);
}

/* More memory for what the connection needs; false when it must not be. */
static bool
charge(struct serving *s, struct conn *c)
{
	size_t needs = intake_needs(c->intake), more;

	if (needs <= SERVE_SHARE + c->charged)
		return false; /* it was allowed, and there is none */
	more = needs - SERVE_SHARE - c->charged;
	more = (more + CHARGE_STEP - 1) / CHARGE_STEP * CHARGE_STEP;
	while (!budget_take(s->bodies, more))
		if (!serve_evict(s, INT64_MAX, true))
			return false;
	c->charged += more;
	intake_allow(c->intake, SERVE_SHARE + c->charged);
	return true;
}

/* --- answering (any thread) ---------------------------------------------- */

/*
 * The web server may still be writing a body that nobody will read. Closing now
 * would make that fail, and then it may not look for the answer any more.
 */
static void
linger(struct serving *s, struct conn *c)
{
	shutdown(c->fd, SHUT_WR);
	c->until_ms = clock_ms() + SERVE_LINGER_MS;
	wait_for(s, c, EPOLLIN, CONN_LINGERING, c->until_ms);
}

/* The whole answer is sent. */
static void
finish(struct serving *s, struct conn *c)
{
	bool whole = c->stage == CONN_WHOLE;

	c->stage = CONN_HEAD;
	buf_free(&c->out);
	if (!whole)
		linger(s, c);
	else if (!c->keep || s->ending)
		conn_close(s->table, c);
	else if (c->rest.len > 0)
		/* For a thread that reads: at once. */
		wait_for(s, c, EPOLLOUT, CONN_IDLE, 0);
	else
		serve_idle(s, c);
}

/* Sends what can be without waiting; out may be c's own. */
static void
send_out(struct serving *s, struct conn *c, struct span out)
{
	struct buf left = BUF_INIT(FCGI_TEXT_MAX + FCGI_AROUND_MAX);
	struct err ignored;
	ssize_t n;

	n = send(c->fd, out.ptr, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == (ssize_t)out.len) {
		finish(s, c);
		return;
	}
	if ((n < 0 && !is_passing(errno)) ||
	    buf_put_span(
		&left, span_skip(out, n < 0 ? 0 : (size_t)n), &ignored) < 0) {
		conn_close(s->table, c);
		return;
	}
	buf_free(&c->out);
	c->out = left;
	wait_for(s, c, EPOLLOUT, CONN_SENDING, c->until_ms);
}

void
serve_send(struct serving *s, struct conn *c)
{
	send_out(s, c, buf_span(&c->out));
}

static void
answer(struct serving *s, struct conn *c)
{
	struct receive_reply *reply = &c->call.reply;
	unsigned char out[ANSWER_MAX + FCGI_AROUND_MAX];
	char text[ANSWER_MAX];
	size_t len;

	len =
	    fcgi_answer(c->fcgi, span_of(text, answer_text(reply, text)), out);
	if (!c->ours || reply->status != 200)
		log_request(s->log, reply, clock_us() - c->began_us);
	release(s, c);
	c->until_ms = clock_ms() + SERVE_SEND_MS;
	if (len == 0)
		conn_close(s->table, c);
	else
		send_out(s, c, span_of(out, len));
}

static void
call_done(struct receive_call *call)
{
	struct conn *c = call->arg;

	answer(c->owner, c);
}

/* --- a request that does not come whole ---------------------------------- */

enum cut {
	CUT_OFF, /* by the web server */
	CUT_LATE,
	CUT_CROWDED
};

static const enum receive_refusal refusals[] = {
	[CUT_OFF] = RECEIVE_SHORT_BODY,
	[CUT_LATE] = RECEIVE_LATE_BODY,
	[CUT_CROWDED] = RECEIVE_CROWDED,
};

/* Others need the memory, or the place. */
static void
refuse_crowded(struct serving *s, struct conn *c)
{
	struct intake_head head;
	struct err err = ERR_INIT;
	char **env;

	if (c->stage == CONN_HEAD) {
		intake_head(c->intake, &head, &err);
		if (head.id == 0 ||
		    fcgi_begin(c->fcgi, head.id, SPAN_EMPTY, &env, &err) < 0) {
			give_up(s, c);
			return;
		}
	}
	if (c->stage != CONN_BODY) /* else the handler gave it up */
		receive_refuse(&c->call.reply, RECEIVE_CROWDED, NULL);
	answer(s, c);
}

static void
end_early(struct serving *s, struct conn *c, enum cut cut)
{
	const struct handler *h = &s->handler;

	if (c->stage == CONN_HEAD && cut == CUT_LATE)
		log_note(s->log,
		    "a connection was closed: the web server sent no whole "
		    "request within %d s",
		    SERVE_HEAD_MS / 1000);
	if (c->stage == CONN_BODY)
		h->abort(h->arg, &c->call, c->via, refusals[cut]);
	if (cut == CUT_CROWDED)
		refuse_crowded(s, c);
	else if (c->stage == CONN_HEAD)
		give_up(s, c);
	else
		answer(s, c);
}

bool
serve_evict(struct serving *s, int64_t before_ms, bool charged)
{
	struct conn *c;

	c = conn_claim_oldest(s->table, CONN_READING, before_ms, charged);
	if (c == NULL)
		return false;
	end_early(s, c, CUT_CROWDED);
	return true;
}

/* --- reading (workers) --------------------------------------------------- */

/* No header that a client sends becomes a variable of this name. */
static bool
is_ours(char **env)
{
	while (*env != NULL && strcmp(*env, NOTIFY_MARK "=1") != 0)
		env++;
	return *env != NULL;
}

/*
 * The parameters are here. True while the connection is still the caller's, as
 * in what follows.
 */
static bool
take_head(struct serving *s, struct conn *c)
{
	const struct handler *h = &s->handler;
	struct receive_call *call = &c->call;
	struct err err = ERR_INIT, failed = ERR_INIT;
	struct intake_head head;
	int64_t body_max = 0;
	bool good = intake_head(c->intake, &head, &err) == 0;
	char **env;

	if (head.role != ROLE_RESPONDER) {
		give_up(s, c);
		return false;
	}
	if (fcgi_begin(c->fcgi, head.id, head.params, &env, &failed) < 0) {
		log_note(s->log, "a connection was closed: %s", failed.text);
		give_up(s, c);
		return false;
	}
	c->keep = head.keep;
	c->ours = is_ours(env);
	if (!good || env_request(env, c->headers, &call->request, &err) < 0) {
		env_refuse(&call->reply, &err);
		answer(s, c);
		return false;
	}
	call->done = call_done;
	call->has_request_id = false; /* until it is forwarded */
	call->until_ms = 0;
	if (h->begin(h->arg, call, &c->via, &body_max) == 0) {
		assert(call->request.content_length >= 0 && body_max >= 0);
		c->stage = CONN_BODY;
		if (call->request.content_length < body_max)
			body_max = call->request.content_length;
		c->want = (size_t)body_max;
	} else if (call->request.content_length > 0) {
		answer(s, c);
		return false;
	} else
		/* A request without a body leaves the connection usable. */
		c->stage = CONN_ANSWER;
	intake_expect(c->intake, c->stage == CONN_BODY ? c->want : 0);
	c->until_ms = clock_ms() + s->upload_ms;
	return true;
}

static void
take_end(struct serving *s, struct conn *c)
{
	const struct handler *h = &s->handler;
	struct request *rq = &c->call.request;

	if (c->stage == CONN_ANSWER) {
		c->stage = CONN_WHOLE;
		answer(s, c);
		return;
	}
	rq->body = intake_body(c->intake);
	if (rq->body.len != (size_t)rq->content_length) {
		end_early(s, c, CUT_OFF);
		return;
	}
	c->stage = CONN_WHOLE;
	rq->now_ms = clock_wall_ms();
	if (h->body(h->arg, &c->call, c->via) != 0)
		answer(s, c);
}

/* Is all here that is read of a body which is too large? */
static bool
has_enough(const struct conn *c)
{
	return c->stage == CONN_BODY &&
	       c->want < (size_t)c->call.request.content_length &&
	       intake_body(c->intake).len == c->want;
}

/* It is answered, and the rest of its body thrown away. */
static void
take_enough(struct serving *s, struct conn *c)
{
	const struct handler *h = &s->handler;
	struct request *rq = &c->call.request;

	rq->body = intake_body(c->intake);
	rq->now_ms = clock_wall_ms();
	if (h->body(h->arg, &c->call, c->via) != 0)
		answer(s, c);
}

/* A few bytes; a web server that does not take them is none. */
static bool
send_reply(struct conn *c)
{
	struct span out = intake_reply(c->intake);

	return send(c->fd, out.ptr, out.len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	       (ssize_t)out.len;
}

static bool
take(struct serving *s, struct conn *c, struct span bytes)
{
	enum intake_event ev;
	struct err ignored;
	bool ours = true;

	if (c->stage == CONN_HEAD && intake_is_idle(c->intake)) {
		c->began_us = clock_us();
		c->until_ms = c->began_us / 1000 + SERVE_HEAD_MS;
		intake_allow(c->intake, SERVE_SHARE);
	}
	do {
		ev = intake_take(c->intake, &bytes);
		switch (ev) {
		case INTAKE_MORE:
			break;
		case INTAKE_REPLY:
			if (send_reply(c))
				break;
			end_early(s, c, CUT_OFF);
			return false;
		case INTAKE_CROWDED:
			if (charge(s, c))
				break;
			end_early(s, c, CUT_CROWDED);
			return false;
		case INTAKE_HEAD:
			ours = take_head(s, c);
			break;
		case INTAKE_END:
			if (buf_put_span(&c->rest, bytes, &ignored) < 0)
				c->keep = false;
			take_end(s, c);
			return false;
		case INTAKE_EXCESS:
			if (has_enough(c))
				take_enough(s, c);
			else
				end_early(s, c, CUT_OFF);
			return false;
		case INTAKE_ABORTED:
		case INTAKE_BROKEN:
			end_early(s, c, CUT_OFF);
			return false;
		}
	} while (ours && ev != INTAKE_MORE);
	if (!ours || !has_enough(c))
		return ours;
	take_enough(s, c);
	return false;
}

/* Takes the bytes that arrived together with the end of the last request. */
static bool
take_rest(struct serving *s, struct conn *c)
{
	struct buf rest = c->rest;
	bool ours;

	c->rest = (struct buf)BUF_INIT(CONN_REST_MAX);
	ours = take(s, c, buf_span(&rest));
	buf_free(&rest);
	return ours;
}

/* How much to read: little beyond the request's end, which may be near. */
static size_t
read_size(const struct conn *c)
{
	size_t missing = 0;

	if (c->stage == CONN_BODY)
		missing = (size_t)c->call.request.content_length -
			  intake_body(c->intake).len;
	if (missing > READ_MAX)
		return READ_MAX;
	return missing > CONN_REST_MAX ? missing : CONN_REST_MAX;
}

void
serve(struct serving *s, struct conn *c)
{
	unsigned char room[READ_MAX];
	size_t size;
	ssize_t n;
	int i = 0;

	if (c->late) {
		end_early(s, c, CUT_LATE);
		return;
	}
	if (c->rest.len > 0 && !take_rest(s, c))
		return;
	do {
		size = read_size(c);
		n = recv(c->fd, room, size, MSG_DONTWAIT);
		if (n > 0 && !take(s, c, span_of(room, (size_t)n)))
			return;
	} while (n == (ssize_t)size && ++i < READS_MAX);
	if (n == 0 || (n < 0 && !is_passing(errno)))
		end_early(s, c, CUT_OFF);
	else if (c->stage == CONN_HEAD && intake_is_idle(c->intake))
		serve_idle(s, c);
	else
		wait_for(s, c, EPOLLIN, CONN_READING, c->until_ms);
}

/* Throws away what comes, until the peer closes. */
void
serve_drop(struct serving *s, struct conn *c)
{
	char scrap[CONN_REST_MAX];
	ssize_t n = 1;
	int i;

	for (i = 0; i < READS_MAX && n > 0; i++)
		n = recv(c->fd, scrap, sizeof(scrap), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && !is_passing(errno)))
		conn_close(s->table, c);
	else
		wait_for(s, c, EPOLLIN, CONN_LINGERING, c->until_ms);
}
