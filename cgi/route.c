/* route.c: the way of a request to whoever owns the store. */
#include "cgi/service_impl.h"

#include <stdio.h>

#include "lib/base/clock.h"

/*
 * Waits while the store is being opened, until a request that came now must
 * get its 503: at once where opening has taken SERVICE_WAIT_MS already (the
 * disk hangs, or recovery is long). Returns the mode then.
 */
static enum mode
settled_mode(struct service *sv, int64_t deadline_ms)
{
	int64_t left_ms;
	struct timespec until;
	enum mode mode;

	pthread_mutex_lock(&sv->lock);
	if (sv->opening_since_ms + SERVICE_WAIT_MS < deadline_ms)
		deadline_ms = sv->opening_since_ms + SERVICE_WAIT_MS;
	while (sv->mode == MODE_OPENING &&
	       (left_ms = deadline_ms - clock_ms()) > 0) {
		until = clock_in_ms(left_ms);
		pthread_cond_timedwait(&sv->changed, &sv->lock, &until);
	}
	mode = sv->mode;
	pthread_mutex_unlock(&sv->lock);
	return mode;
}

/*
 * No owner could be reached: has the main thread look, and waits for what it
 * finds. False when the time is up.
 */
static bool
wait_for_change(struct service *sv, int64_t deadline_ms)
{
	struct timespec soon = clock_in_ms(SERVICE_LOOK_MS);

	service_wake(sv);
	pthread_mutex_lock(&sv->lock);
	if (sv->mode == MODE_FORWARDING)
		pthread_cond_timedwait(&sv->changed, &sv->lock, &soon);
	pthread_mutex_unlock(&sv->lock);
	return clock_ms() < deadline_ms;
}

static int
answer_fault(struct service *sv, struct receive_call *call, const char *why)
{
	char words[SERVICE_WHY_MAX];

	pthread_mutex_lock(&sv->lock);
	snprintf(words, sizeof(words), "%s",
	    sv->down_why[0] != '\0' ? sv->down_why
	    : why[0] != '\0'        ? why
				    : "the store is still being opened");
	pthread_mutex_unlock(&sv->lock);
	forward_fault(&call->reply, words);
	return 1;
}

/*
 * The owner could not be had. True when the next one may be: not when this one
 * refuses, nor when it is of a newer release, which makes room for that.
 */
static bool
may_try_again(struct service *sv, const struct err *err)
{
	if (err->code == ERR_VERSION)
		service_leave(sv, "the owner of the store is a newer release");
	return err->code == ERR_AWAY || err->code == ERR_TIMEOUT;
}

/*
 * begin and body are the same walk: whoever can answers; nobody for
 * SERVICE_WAIT_MS is 503.
 */
int
route_begin(void *arg, struct receive_call *call, void **via, int64_t *body_max)
{
	struct service *sv = arg;
	int64_t deadline_ms = clock_ms() + SERVICE_WAIT_MS;
	struct err err = ERR_INIT;
	struct engine *en;
	enum mode mode;
	int done;

	do {
		*via = en = atomic_load(&sv->engine);
		if (en != NULL)
			return receive_begin(
			    engine_receive(en), call, body_max);
		mode = settled_mode(sv, deadline_ms);
		if (mode == MODE_FORWARDING) {
			done = forward_begin(
			    sv->forward, call, body_max, deadline_ms, &err);
			if (done >= 0)
				return done;
			if (!may_try_again(sv, &err))
				break;
		}
	} while (mode != MODE_DOWN && wait_for_change(sv, deadline_ms));
	return answer_fault(sv, call, err.text);
}

/* A request begun with another process may find this one the owner by now. */
static int
begin_again(struct engine *en, struct receive_call *call)
{
	int64_t body_max;

	if (receive_begin(engine_receive(en), call, &body_max) != 0)
		return 1;
	/* Its head was enough for that one; a setting changed. */
	if (call->request.content_length <= body_max &&
	    call->request.body.len != (uint64_t)call->request.content_length) {
		receive_abort(engine_receive(en), call, RECEIVE_CROWDED);
		return 1;
	}
	return receive_body(engine_receive(en), call);
}

int
route_body(void *arg, struct receive_call *call, void *via)
{
	struct service *sv = arg;
	int64_t deadline_ms = clock_ms() + SERVICE_WAIT_MS;
	struct err err = ERR_INIT;
	struct engine *en;
	enum mode mode;
	int done;

	if (via != NULL)
		return receive_body(engine_receive(via), call);
	call->until_ms = clock_ms() + STORE_WAIT_MS;
	do {
		en = atomic_load(&sv->engine);
		if (en != NULL)
			return begin_again(en, call);
		mode = settled_mode(sv, deadline_ms);
		if (mode == MODE_FORWARDING) {
			done =
			    forward_body(sv->forward, call, deadline_ms, &err);
			if (done >= 0)
				return done;
			if (!may_try_again(sv, &err))
				break;
		}
	} while (mode != MODE_DOWN && wait_for_change(sv, deadline_ms));
	return answer_fault(sv, call, err.text);
}

void
route_abort(void *arg, struct receive_call *call, void *via,
    enum receive_refusal refusal)
{
	(void)arg;
	if (via != NULL)
		receive_abort(engine_receive(via), call, refusal);
	else
		forward_abort(call, refusal);
}
