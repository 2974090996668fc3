/* commit.c: the committer, the flusher, the finisher and the watcher. */
#include "config.h"

#include "lib/log/commit.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/log/commit_impl.h"

#define LINGER_NS 200000 /* fills batches while the flusher is busy */
#define JOB_WAIT_S 5
#define ARENA_MAX (COMMIT_BATCH_BYTES + 2 * STORE_BODY_MAX)
#define FEW 4 /* answered before another thread would have woken */

static void
deadline_in(struct timespec *ts, int64_t ns)
{
	clock_gettime(CLOCK_MONOTONIC, ts);
	ns += ts->tv_nsec;
	ts->tv_sec += ns / 1000000000;
	ts->tv_nsec = ns % 1000000000;
}

/* --- the committer -------------------------------------------------------- */

static void
run_job(struct commit *cm, struct commit_job *job)
{
	uint64_t seq = 0;
	int ret;

	atomic_store(&cm->since_ms[COMMIT_WRITING], clock_ms());
	ret = job->run(job->arg, &job->err);
	atomic_store(&cm->since_ms[COMMIT_WRITING], 0);
	if (ret == 0 && cm->hooks.last_seq != NULL)
		seq = cm->hooks.last_seq(cm->hooks.arg);
	pthread_mutex_lock(&cm->mutex);
	if (seq > cm->flush_seq)
		cm->flush_seq = seq;
	job->ret = ret;
	job->state = JOB_COMMITTED;
	job->next = cm->flush_jobs;
	cm->flush_jobs = job;
	pthread_cond_signal(&cm->committed);
	pthread_mutex_unlock(&cm->mutex);
}

/* Takes up to a batch off the queue; the mutex is held. */
static void
take_items(struct commit *cm)
{
	struct commit_batch *ba = &cm->batch;
	size_t bytes = 0;

	ba->n = 0;
	ba->copied = false;
	while (cm->waiting.head != NULL && ba->n < COMMIT_BATCH_MAX &&
	       (ba->n == 0 || bytes < COMMIT_BATCH_BYTES)) {
		ba->items[ba->n] = commit_queue_take(&cm->waiting);
		bytes += ba->items[ba->n]->event.body.len;
		ba->n++;
	}
}

static void *
committer_main(void *arg)
{
	struct commit *cm = arg;
	struct timespec until;
	struct commit_job *job;

	pthread_mutex_lock(&cm->mutex);
	for (;;) {
		while (cm->waiting.head == NULL && cm->jobs == NULL &&
		       !cm->closing)
			pthread_cond_wait(&cm->work, &cm->mutex);
		if (cm->jobs != NULL) {
			job = cm->jobs;
			cm->jobs = job->next;
			if (cm->jobs == NULL)
				cm->jobs_tail = &cm->jobs;
			job->state = JOB_RUNNING;
			pthread_mutex_unlock(&cm->mutex);
			run_job(cm, job);
			pthread_mutex_lock(&cm->mutex);
			continue;
		}
		if (cm->waiting.head == NULL)
			break; /* closing, and nothing is left */
		if (cm->flushing && cm->waiting.n < COMMIT_BATCH_MAX / 4) {
			deadline_in(&until, LINGER_NS);
			while (cm->flushing &&
			       cm->waiting.n < COMMIT_BATCH_MAX / 4 &&
			       cm->jobs == NULL && !cm->closing &&
			       pthread_cond_timedwait(
				   &cm->work, &cm->mutex, &until) != ETIMEDOUT)
				;
		}
		take_items(cm);
		pthread_mutex_unlock(&cm->mutex);
		if (cm->batch.n > 0)
			commit_run_batch(cm);
		pthread_mutex_lock(&cm->mutex);
		cm->batch.n = 0;
	}
	cm->committer_gone = true;
	pthread_cond_signal(&cm->committed);
	pthread_mutex_unlock(&cm->mutex);
	return NULL;
}

static void
end_jobs(struct commit *cm, struct commit_job *jobs, int flushed,
    const struct err *err)
{
	struct commit_job *next;

	pthread_mutex_lock(&cm->mutex);
	for (; jobs != NULL; jobs = next) {
		next = jobs->next;
		if (jobs->ret == 0 && flushed < 0) {
			jobs->ret = -1;
			jobs->err = *err;
		}
		jobs->state = JOB_DONE;
		pthread_cond_signal(&jobs->done);
	}
	pthread_mutex_unlock(&cm->mutex);
}

static void
finish(struct commit_queue *items)
{
	struct store_item *item;

	while (items->head != NULL) {
		item = commit_queue_take(items);
		item->next = NULL;
		item->done(item);
	}
}

/* Passes on the items whose flush ended, well or not; the mutex is held. */
static void
end_flush(struct commit *cm, int flushed, const struct err *err,
    struct commit_queue *few)
{
	struct store_item *item;

	if (flushed < 0)
		for (item = cm->in_flush.head; item != NULL; item = item->next)
			commit_fail(item, err);
	cm->flushing = false;
	pthread_cond_signal(&cm->work);
	if (cm->in_flush.n <= FEW) {
		commit_queue_move(few, &cm->in_flush);
		return;
	}
	commit_queue_move(&cm->done, &cm->in_flush);
	pthread_cond_signal(&cm->ended);
}

static void *
flusher_main(void *arg)
{
	struct commit *cm = arg;
	struct commit_queue few;
	struct commit_job *jobs;
	struct err err;
	uint64_t seq;
	int ret;

	commit_queue_init(&few);
	pthread_mutex_lock(&cm->mutex);
	for (;;) {
		while (cm->unflushed.head == NULL && cm->flush_jobs == NULL &&
		       !cm->flush_due && !cm->committer_gone)
			pthread_cond_wait(&cm->committed, &cm->mutex);
		if (cm->unflushed.head == NULL && cm->flush_jobs == NULL &&
		    !cm->flush_due)
			break;
		commit_queue_move(&cm->in_flush, &cm->unflushed);
		jobs = cm->flush_jobs;
		seq = cm->flush_seq;
		cm->flush_jobs = NULL;
		cm->flush_due = false;
		cm->flushing = true;
		pthread_mutex_unlock(&cm->mutex);

		atomic_store(&cm->since_ms[COMMIT_FLUSHING], clock_ms());
		ret = cm->hooks.flush(cm->hooks.arg, seq, &err);
		atomic_store(&cm->since_ms[COMMIT_FLUSHING], 0);
		if (ret == 0 && seq > 0)
			cm->hooks.durable(cm->hooks.arg, seq);
		end_jobs(cm, jobs, ret, &err);

		pthread_mutex_lock(&cm->mutex);
		end_flush(cm, ret, &err, &few);
		if (few.n > 0) {
			pthread_mutex_unlock(&cm->mutex);
			finish(&few);
			pthread_mutex_lock(&cm->mutex);
		}
	}
	cm->flusher_gone = true;
	pthread_cond_signal(&cm->ended);
	pthread_cond_signal(&cm->outstanding);
	pthread_mutex_unlock(&cm->mutex);
	return NULL;
}

/* Answering takes time in which the next flush is under way. */
static void *
finisher_main(void *arg)
{
	struct commit *cm = arg;
	struct commit_queue items;

	commit_queue_init(&items);
	pthread_mutex_lock(&cm->mutex);
	for (;;) {
		while (cm->done.head == NULL && !cm->flusher_gone)
			pthread_cond_wait(&cm->ended, &cm->mutex);
		if (cm->done.head == NULL)
			break;
		commit_queue_move(&items, &cm->done);
		pthread_mutex_unlock(&cm->mutex);
		finish(&items);
		pthread_mutex_lock(&cm->mutex);
	}
	pthread_mutex_unlock(&cm->mutex);
	return NULL;
}

/* --- starting, stopping --------------------------------------------------- */

static void
cond_init_monotonic(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

/* In the order in which items pass them; each ends after the one before. */
static const struct {
	const char *name;
	void *(*main)(void *arg);
} threads[COMMIT_THREADS] = {
	{ "store-commit", committer_main },
	{ "store-flush", flusher_main },
	{ "store-finish", finisher_main },
	{ "store-watch", commit_watcher_main },
};

/* Ends the first n threads, with all that they still have to do. */
static void
stop(struct commit *cm, size_t n)
{
	size_t i;

	pthread_mutex_lock(&cm->mutex);
	cm->closing = true;
	pthread_cond_signal(&cm->work);
	pthread_mutex_unlock(&cm->mutex);
	for (i = 0; i < n; i++)
		pthread_join(cm->threads[i], NULL);
	pthread_cond_destroy(&cm->work);
	pthread_cond_destroy(&cm->committed);
	pthread_cond_destroy(&cm->ended);
	pthread_cond_destroy(&cm->outstanding);
	pthread_mutex_destroy(&cm->mutex);
	buf_free(&cm->batch.arena);
	free(cm);
}

int
commit_start(
    const struct commit_hooks *hooks, struct commit **out, struct err *err)
{
	struct commit *cm = calloc(1, sizeof(*cm));
	size_t i;
	int ret;

	if (cm == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the committer");
	cm->hooks = *hooks;
	pthread_mutex_init(&cm->mutex, NULL);
	cond_init_monotonic(&cm->work);
	cond_init_monotonic(&cm->committed);
	cond_init_monotonic(&cm->ended);
	cond_init_monotonic(&cm->outstanding);
	cm->batch.arena.max = ARENA_MAX;
	commit_queue_init(&cm->waiting);
	commit_queue_init(&cm->unflushed);
	commit_queue_init(&cm->in_flush);
	commit_queue_init(&cm->done);
	cm->jobs_tail = &cm->jobs;
	for (i = 0; i < COMMIT_THREADS; i++) {
		ret =
		    pthread_create(&cm->threads[i], NULL, threads[i].main, cm);
		if (ret != 0) {
			stop(cm, i);
			return err_limit(err, ret, "start a thread");
		}
		pthread_setname_np(cm->threads[i], threads[i].name);
	}
	*out = cm;
	return 0;
}

bool
commit_submit(struct commit *cm, struct store_item *item)
{
	bool taken = false;

	if (item->until_ms == 0)
		item->until_ms = clock_ms() + STORE_WAIT_MS;
	pthread_mutex_lock(&cm->mutex);
	if (!cm->closing && cm->waiting.n < COMMIT_QUEUE_MAX) {
		commit_queue_put(&cm->waiting, item);
		/* A lingering committer is woken by a full batch alone. */
		if (cm->waiting.n == 1 || cm->waiting.n >= COMMIT_BATCH_MAX / 4)
			pthread_cond_signal(&cm->work);
		if (!cm->watching)
			pthread_cond_signal(&cm->outstanding);
		taken = true;
	}
	pthread_mutex_unlock(&cm->mutex);
	return taken;
}

/* Takes a job that has not begun off the queue; the mutex is held. */
static void
take_back(struct commit *cm, struct commit_job *job)
{
	struct commit_job **at;

	for (at = &cm->jobs; *at != job; at = &(*at)->next)
		assert(*at != NULL);
	*at = job->next;
	if (cm->jobs_tail == &job->next)
		cm->jobs_tail = at;
}

int
commit_run(struct commit *cm, int (*run)(void *arg, struct err *err), void *arg,
    struct err *err)
{
	struct commit_job job = { .run = run, .arg = arg, .state = JOB_QUEUED };
	struct timespec until;
	bool late = false;
	int ret = -1;

	cond_init_monotonic(&job.done);
	deadline_in(&until, JOB_WAIT_S * 1000000000LL);
	pthread_mutex_lock(&cm->mutex);
	if (cm->closing) {
		err_set(err, ERR_AWAY, "the store is closing");
		goto out;
	}
	*cm->jobs_tail = &job;
	cm->jobs_tail = &job.next;
	pthread_cond_signal(&cm->work);
	while (job.state != JOB_DONE) {
		if (late || job.state != JOB_QUEUED) {
			pthread_cond_wait(&job.done, &cm->mutex);
			continue;
		}
		late = pthread_cond_timedwait(&job.done, &cm->mutex, &until) ==
		       ETIMEDOUT;
		if (late && job.state == JOB_QUEUED) {
			take_back(cm, &job);
			err_set(err, ERR_TIMEOUT,
			    "the store was busy for %d s; nothing was changed",
			    JOB_WAIT_S);
			goto out;
		}
	}
	ret = job.ret;
	if (ret < 0)
		*err = job.err;
out:
	pthread_mutex_unlock(&cm->mutex);
	pthread_cond_destroy(&job.done);
	return ret;
}

void
commit_stop(struct commit *cm)
{
	if (cm != NULL)
		stop(cm, COMMIT_THREADS);
}
