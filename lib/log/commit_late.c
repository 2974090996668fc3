/* commit_late.c: what waits for a disk that hangs has its answer in time. */
#include "config.h"

#include "lib/log/commit_impl.h"

#include "lib/base/clock.h"
#include "lib/base/util.h"

#define WATCH_MS 100 /* between looks at the items that wait */

/* Moves what is due by now_ms to the finisher; the mutex is held. */
static void
give_up_queue(struct commit *cm, struct commit_queue *q, int64_t now_ms,
    const struct err *err)
{
	struct store_item *item;
	struct commit_queue old;
	size_t i, n = q->n;

	commit_queue_init(&old);
	commit_queue_move(&old, q);
	for (i = 0; i < n; i++) {
		item = commit_queue_take(&old);
		if (item->until_ms > now_ms) {
			commit_queue_put(q, item);
			continue;
		}
		commit_fail(item, err);
		commit_queue_put(&cm->done, item);
	}
}

/*
 * The same wherever items are: in a queue, or as copies in a batch, which goes
 * on without them.
 */
static void
give_up(struct commit *cm, int64_t now_ms, const struct err *err)
{
	struct commit_queue *const queues[] = { &cm->waiting, &cm->unflushed,
		&cm->in_flush };
	struct commit_batch *ba = &cm->batch;
	struct store_item *item;
	size_t i;

	for (i = 0; i < NITEMS(queues); i++)
		if (queues[i]->n > 0)
			give_up_queue(cm, queues[i], now_ms, err);
	for (i = 0; ba->copied && i < ba->n; i++) {
		item = ba->items[i];
		if (item == NULL || item->until_ms > now_ms)
			continue;
		ba->items[i] = NULL;
		commit_fail(item, err);
		commit_queue_put(&cm->done, item);
	}
	if (cm->done.head != NULL)
		pthread_cond_signal(&cm->ended);
}

void
commit_give_up(struct commit *cm, const struct err *err)
{
	pthread_mutex_lock(&cm->mutex);
	give_up(cm, INT64_MAX, err);
	pthread_mutex_unlock(&cm->mutex);
}

static bool
is_outstanding(const struct commit *cm)
{
	return cm->waiting.n + cm->batch.n + cm->unflushed.n + cm->in_flush.n >
	       0;
}

void *
commit_watcher_main(void *arg)
{
	struct commit *cm = arg;
	struct err late = ERR_INIT;
	struct timespec until;

	err_set(&late, ERR_TIMEOUT,
	    "the disk has not confirmed the event in time; it may be stored, "
	    "and then its repeat is a duplicate");
	pthread_mutex_lock(&cm->mutex);
	while (!cm->flusher_gone) {
		cm->watching = is_outstanding(cm);
		if (!cm->watching) {
			pthread_cond_wait(&cm->outstanding, &cm->mutex);
			continue;
		}
		until = clock_in_ms(WATCH_MS);
		pthread_cond_timedwait(&cm->outstanding, &cm->mutex, &until);
		give_up(cm, clock_ms(), &late);
	}
	pthread_mutex_unlock(&cm->mutex);
	return NULL;
}

int64_t
commit_stalled_ms(struct commit *cm, enum commit_step *step)
{
	int64_t since_ms, age_ms, oldest_ms = 0, now_ms = clock_ms();
	int i;

	for (i = 0; i < COMMIT_STEPS; i++) {
		since_ms = atomic_load(&cm->since_ms[i]);
		age_ms = since_ms == 0 ? 0 : now_ms - since_ms;
		if (age_ms > oldest_ms) {
			oldest_ms = age_ms;
			*step = (enum commit_step)i;
		}
	}
	return oldest_ms;
}
