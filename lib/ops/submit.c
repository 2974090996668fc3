/* submit.c: a call hands one event in and waits until it is durable. */
#include "lib/ops/submit.h"

#include <pthread.h>
#include <string.h>

struct waiting {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
};

static void
on_done(struct store_item *item)
{
	struct waiting *w = item->arg;

	pthread_mutex_lock(&w->mutex);
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

int
op_submit(const struct op_call *call, struct store_item *item, struct err *err)
{
	struct waiting w = { .done = false };

	pthread_mutex_init(&w.mutex, NULL);
	pthread_cond_init(&w.cond, NULL);
	item->has_request_id = true;
	memcpy(item->request_id, call->request_id, sizeof(item->request_id));
	item->done = on_done;
	item->arg = &w;
	store_submit(call->ops->store, item);
	pthread_mutex_lock(&w.mutex);
	while (!w.done)
		pthread_cond_wait(&w.cond, &w.mutex);
	pthread_mutex_unlock(&w.mutex);
	pthread_mutex_destroy(&w.mutex);
	pthread_cond_destroy(&w.cond);
	switch (item->outcome) {
	case STORE_ACCEPTED:
	case STORE_DUPLICATE:
	case STORE_HELD:
	case STORE_RECORDED:
		return 0;
	case STORE_FORGED:
		return err_set(err, ERR_CONFLICT, "%s", item->reason);
	case STORE_MOVED:
		return err_set(err, ERR_CONFLICT,
		    "the endpoint was changed meanwhile: ask again");
	case STORE_FAILED:
		break;
	}
	*err = item->err;
	return -1;
}

const char *
op_outcome_word(enum store_outcome outcome)
{
	static const char *const words[] = { [STORE_FAILED] = "failed",
		[STORE_ACCEPTED] = "accepted",
		[STORE_DUPLICATE] = "duplicate",
		[STORE_HELD] = "held",
		[STORE_RECORDED] = "recorded",
		[STORE_FORGED] = "forged",
		[STORE_MOVED] = "moved" };

	return words[outcome];
}
