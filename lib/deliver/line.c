/* line.c: calls to the store's owner, each waited for by a thread. */
#include "lib/deliver/line.h"

#include <signal.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/owner/frame.h"

static int
perform(struct deliver_line *l)
{
	l->answer = SPAN_EMPTY;
	if (l->client == NULL &&
	    client_open_with(&l->how, &l->client, &l->err) < 0)
		return -1;
	if (l->json)
		return client_call(
		    l->client, buf_span(&l->call), NULL, NULL, &l->err);
	return client_feed(l->client, &l->call, &l->answer, &l->err);
}

static void *
work(void *arg)
{
	struct deliver_line *l = arg;

	pthread_mutex_lock(&l->lock);
	for (;;) {
		while (l->state != DELIVER_LINE_ASKED && !l->ends)
			pthread_cond_wait(&l->asked, &l->lock);
		if (l->state != DELIVER_LINE_ASKED)
			break;
		pthread_mutex_unlock(&l->lock);
		l->ret = perform(l);
		pthread_mutex_lock(&l->lock);
		l->state = DELIVER_LINE_ANSWERED;
		outbound_wake(l->outbound);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

int
deliver_line_start(struct deliver_line *l, const struct client_options *how,
    struct outbound *ob, struct err *err)
{
	sigset_t all, before;
	int ret;

	memset(l, 0, sizeof(*l));
	l->how = *how;
	l->outbound = ob;
	l->call.max = FRAME_MAX - FRAME_HEAD;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->asked, NULL);
	/* Signals are for the thread of main(). */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&l->thread, NULL, work, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret != 0)
		return err_limit(err, ret, "start a thread");
	l->runs = true;
	return 0;
}

bool
deliver_line_end(struct deliver_line *l)
{
	struct timespec until = clock_in_ms(DELIVER_LINE_END_MS);

	if (!l->runs)
		return true;
	pthread_mutex_lock(&l->lock);
	l->ends = true;
	pthread_cond_signal(&l->asked);
	pthread_mutex_unlock(&l->lock);
	if (pthread_clockjoin_np(l->thread, NULL, CLOCK_MONOTONIC, &until) != 0)
		return false;
	client_close(l->client);
	buf_free(&l->call);
	pthread_cond_destroy(&l->asked);
	pthread_mutex_destroy(&l->lock);
	l->runs = false;
	return true;
}

static void
set_asked(struct deliver_line *l)
{
	pthread_mutex_lock(&l->lock);
	l->state = DELIVER_LINE_ASKED;
	pthread_cond_signal(&l->asked);
	pthread_mutex_unlock(&l->lock);
}

int
deliver_line_ask(
    struct deliver_line *l, const struct feed_call *call, struct err *err)
{
	buf_clear(&l->call);
	if (feed_put_call(call, &l->call, err) < 0)
		return -1;
	l->json = false;
	set_asked(l);
	return 0;
}

int
deliver_line_ask_json(struct deliver_line *l, struct span json, struct err *err)
{
	buf_clear(&l->call);
	if (buf_put_span(&l->call, json, err) < 0)
		return -1;
	l->json = true;
	set_asked(l);
	return 0;
}

enum deliver_line_state
deliver_line_state(struct deliver_line *l)
{
	enum deliver_line_state state;

	pthread_mutex_lock(&l->lock);
	state = l->state;
	pthread_mutex_unlock(&l->lock);
	return state;
}

void
deliver_line_done(struct deliver_line *l)
{
	if (l->client != NULL)
		client_forget(l->client);
	pthread_mutex_lock(&l->lock);
	l->state = DELIVER_LINE_IDLE;
	pthread_mutex_unlock(&l->lock);
}
