/* work.c: the threads that do what peers of the owner ask for. */
#include "lib/server/parts.h"

#include <signal.h>
#include <stdlib.h>

#include "lib/base/clock.h"

/* --- pools ---------------------------------------------------------------- */

int
server_thread(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	sigset_t all, before;
	int ret;

	/* Signals are for the thread of main() that waits for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

void
server_pool_init(struct server_pool *pool, struct server *sv,
    void (*run)(struct server_job *job), size_t max)
{
	pool->sv = sv;
	pool->run = run;
	pool->max = max;
	pool->last = &pool->first;
	pthread_cond_init(&pool->work, NULL);
}

void
server_pool_end(struct server_pool *pool)
{
	size_t i;

	pthread_mutex_lock(&pool->sv->lock);
	pool->ends = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->sv->lock);
	for (i = 0; i < pool->nthreads; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->work);
}

static void *
work(void *arg)
{
	struct server_pool *pool = arg;
	struct server *sv = pool->sv;
	struct server_job *job;

	pthread_mutex_lock(&sv->lock);
	for (;;) {
		while (pool->first == NULL && !pool->ends) {
			pool->idle++;
			pthread_cond_wait(&pool->work, &sv->lock);
			pool->idle--;
		}
		job = pool->first;
		if (job == NULL)
			break;
		pool->first = job->next;
		if (pool->first == NULL)
			pool->last = &pool->first;
		pool->queued--;
		pthread_mutex_unlock(&sv->lock);
		pool->run(job);
		pthread_mutex_lock(&sv->lock);
	}
	pthread_mutex_unlock(&sv->lock);
	return NULL;
}

static void
free_job(struct server_job *job)
{
	buf_wipe(&job->bytes); /* a call may carry a secret */
	free(job);
}

/* Cuts the frame off the peer's bytes; what stands behind it stays. */
static int
take_frame(struct server_peer *peer, size_t used, struct server_job *job,
    struct err *err)
{
	struct buf rest = BUF_INIT(peer->in.max);

	if (peer->in.len > used &&
	    buf_put(&rest, peer->in.ptr + used, peer->in.len - used, err) < 0)
		return -1;
	job->bytes = peer->in;
	job->bytes.len = used;
	job->content = span_skip(buf_span(&job->bytes), FRAME_HEAD);
	peer->in = rest;
	return 0;
}

int
server_work(struct server_pool *pool, struct server_peer *peer, size_t used,
    struct err *err)
{
	struct server_job *job = calloc(1, sizeof(*job));
	struct server *sv = pool->sv;
	int ret = 0;

	if (job == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a call");
	if (take_frame(peer, used, job, err) < 0) {
		free(job);
		return -1;
	}
	job->peer = peer;
	peer->began_ms = clock_ms();
	pthread_mutex_lock(&sv->lock);
	if (pool->queued >= pool->idle && pool->nthreads < pool->max) {
		ret = server_thread(&pool->threads[pool->nthreads], work, pool);
		if (ret == 0)
			pool->nthreads++;
	}
	/* Without a new thread the others will come to it, if there are any. */
	if (pool->nthreads > 0) {
		job->room = peer->room;
		peer->room = (struct server_room){ .bytes = 0 };
		peer->busy = true;
		peer->refs++;
		*pool->last = job;
		pool->last = &job->next;
		pool->queued++;
		sv->jobs++;
		pthread_cond_signal(&pool->work);
		job = NULL;
	}
	pthread_mutex_unlock(&sv->lock);
	if (job == NULL)
		return 0;
	free_job(job);
	return err_errno(err, ret, "start a thread for a call");
}

/* --- ending a job: any thread --------------------------------------------- */

/* Sends the last frame, or ends the connection when there is none. */
static void
end_job(struct server_job *job, struct buf *last, bool ends)
{
	struct server_chunk *chunk = NULL;
	struct server_peer *peer = job->peer;
	struct server *sv = peer->sv;

	if (last->len > 0)
		chunk = server_chunk(last);
	pthread_mutex_lock(&sv->lock);
	peer->busy = false;
	peer->ends = peer->ends || ends || chunk == NULL;
	server_room_put(sv, &job->room);
	sv->jobs--;
	server_send(peer, chunk);
	server_peer_put(peer);
	if (sv->stopping && sv->jobs == 0) {
		server_wake(sv);
		pthread_cond_broadcast(&sv->drained);
	}
	pthread_mutex_unlock(&sv->lock);
	buf_free(last);
	free_job(job);
}

static void
end_with_verdict(
    struct server_job *job, enum frame_type type, const struct err *verdict)
{
	struct buf out = BUF_INIT(FRAME_TEXT_MAX + FRAME_HEAD);
	struct err err;
	size_t at;

	if (frame_begin(type, &out, &at, &err) < 0 ||
	    frame_put_verdict(verdict, &out, &err) < 0 ||
	    frame_finish(&out, at, &err) < 0)
		buf_free(&out);
	end_job(job, &out, type == FRAME_BUSY);
}

/* --- calls ---------------------------------------------------------------- */

/* Waits until the peer took enough of what it has; the lock is held. */
static int
wait_for_room(struct server_peer *peer, struct err *err)
{
	struct server *sv = peer->sv;

	/* The loop closes a peer that takes nothing, so this ends. */
	while (!peer->gone && peer->out_bytes > SERVER_ROWS_MAX)
		pthread_cond_wait(&sv->drained, &sv->lock);
	if (peer->gone)
		return err_set(err, ERR_AWAY, "the caller is gone");
	return 0;
}

static int
put_row(void *arg, struct span json, struct err *err)
{
	struct server_peer *peer = ((struct server_job *)arg)->peer;
	struct buf out = BUF_INIT(FRAME_MAX + FRAME_HEAD);
	struct server_chunk *chunk = NULL;
	int ret = -1;

	if (frame_encode(FRAME_ROW, json, &out, err) < 0)
		goto out;
	chunk = server_chunk(&out);
	if (chunk == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a row");
		goto out;
	}
	pthread_mutex_lock(&peer->sv->lock);
	ret = wait_for_room(peer, err);
	if (ret == 0) {
		server_send(peer, chunk);
		chunk = NULL;
	}
	pthread_mutex_unlock(&peer->sv->lock);
out:
	server_chunk_free(chunk);
	buf_wipe(&out);
	return ret;
}

static bool
waits_in_vain(void *arg)
{
	const struct server_job *job = arg;
	struct server *sv = job->peer->sv;
	bool gone;

	pthread_mutex_lock(&sv->lock);
	gone = job->peer->gone || sv->stopping;
	pthread_mutex_unlock(&sv->lock);
	return gone;
}

static void
feed(struct server_job *job, const struct ops_peer *who)
{
	struct buf out = BUF_INIT(FRAME_MAX + FRAME_HEAD);
	struct server *sv = job->peer->sv;
	struct err verdict = ERR_INIT;
	size_t at;
	int ret;

	/* Who takes no answers is given no more of them. */
	pthread_mutex_lock(&sv->lock);
	ret = wait_for_room(job->peer, &verdict);
	pthread_mutex_unlock(&sv->lock);
	if (ret == 0 && frame_begin(FRAME_FED, &out, &at, &verdict) == 0 &&
	    ops_feed(sv->ops, who, job->content, &out, &verdict) == 0 &&
	    frame_finish(&out, at, &verdict) == 0) {
		end_job(job, &out, false);
		return;
	}
	buf_wipe(&out); /* some of its secrets may be there */
	end_with_verdict(job, FRAME_END, &verdict);
}

void
server_run_call(struct server_job *job)
{
	struct server_peer *peer = job->peer;
	struct ops_peer who = { 0 };
	struct err verdict = ERR_INIT;

	who.actor.uid = peer->uid;
	who.actor.pid = (unsigned)peer->pid;
	who.actor.program = peer->hello.program;
	who.may_administer = peer->admin;
	who.gone = waits_in_vain;
	who.arg = job;
	if (job->bytes.ptr[FRAME_HEAD - 1] == FRAME_FEED) {
		feed(job, &who);
		return;
	}
	server_find_person(peer);
	who.actor.user = peer->user;
	who.actor.login = peer->login;
	who.actor.claimed = peer->claimed;
	/* The length was checked before: see server/peer.c. */
	if (ops_call(peer->sv->ops, &who, job->content.ptr,
		span_skip(job->content, STORE_REQUEST_ID), put_row, job,
		&verdict) == 0)
		verdict.code = ERR_NONE;
	end_with_verdict(job, FRAME_END, &verdict);
}

/* --- requests ------------------------------------------------------------- */

static void
reply(struct server_job *job)
{
	struct buf out = BUF_INIT(FRAME_MAX + FRAME_HEAD);
	struct err err;
	size_t at;

	if (frame_begin(FRAME_REPLY, &out, &at, &err) < 0 ||
	    frame_put_reply(&job->call.reply, &out, &err) < 0 ||
	    frame_finish(&out, at, &err) < 0)
		buf_free(&out);
	end_job(job, &out, false);
}

static void
request_done(struct receive_call *call)
{
	reply(call->arg);
}

void
server_run_request(struct server_job *job)
{
	struct server *sv = job->peer->sv;
	struct receive *rc = sv->receive;
	struct receive_call *call = &job->call;
	struct err verdict = ERR_INIT;
	struct span body;
	int64_t body_max;

	if (frame_get_request(job->content, &call->request, job->headers,
		call->request_id, &verdict) < 0) {
		end_with_verdict(job, FRAME_BUSY, &verdict);
		return;
	}
	pthread_mutex_lock(&sv->lock);
	sv->heard_front = true;
	pthread_mutex_unlock(&sv->lock);
	body = call->request.body;
	call->request.body = SPAN_EMPTY;
	call->has_request_id = true;
	call->done = request_done;
	call->arg = job;
	if (receive_begin(rc, call, &body_max) == 1) {
		reply(job);
		return;
	}
	if (job->bytes.ptr[FRAME_HEAD - 1] == FRAME_ASK) {
		receive_go_on(rc, call, body_max);
		reply(job);
		return;
	}
	/* Of a body that is too large its head is enough. */
	if (call->request.content_length <= body_max &&
	    body.len != (uint64_t)call->request.content_length) {
		receive_abort(rc, call, RECEIVE_SHORT_BODY);
		reply(job);
		return;
	}
	call->request.body = body;
	call->request.now_ms = clock_wall_ms();
	if (receive_body(rc, call) == 1)
		reply(job);
}
