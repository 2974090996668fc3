/* commit.c: the committer, the flusher and the finisher. */
#include "config.h"

#include "lib/commit.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define LINGER_NS 200000 /* fills batches while the flusher is busy */
#define JOB_WAIT_S 5
#define THREADS 3
#define FEW 4 /* answered before another thread would have woken */

enum job_state {
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_COMMITTED,
	JOB_DONE
};

struct job {
	struct job *next;
	int (*run)(void *arg, struct err *err);
	void *arg;
	enum job_state state;
	int ret;
	struct err err;
	pthread_cond_t done;
};

struct queue {
	struct store_item *head, **tail;
	size_t n;
};

struct commit {
	struct commit_hooks hooks;
	pthread_mutex_t mutex;
	pthread_cond_t work; /* for the committer */
	pthread_cond_t committed; /* for the flusher */
	pthread_cond_t ended; /* for the finisher */
	/* Guarded by mutex. */
	struct queue waiting;
	struct job *jobs, **jobs_tail;
	struct queue unflushed;
	struct job *flush_jobs;
	uint64_t flush_seq; /* durable with the next flush */
	bool flushing; /* the flusher is in its system call */
	struct queue done;
	bool closing, committer_gone, flusher_gone;
	pthread_t threads[THREADS];
};

static void
queue_init(struct queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
	q->n = 0;
}

static void
queue_put(struct queue *q, struct store_item *item)
{
	item->next = NULL;
	*q->tail = item;
	q->tail = &item->next;
	q->n++;
}

static struct store_item *
queue_take(struct queue *q)
{
	struct store_item *item = q->head;

	q->head = item->next;
	if (q->head == NULL)
		q->tail = &q->head;
	q->n--;
	return item;
}

/* All of from goes behind what is in to. */
static void
queue_move(struct queue *to, struct queue *from)
{
	if (from->head == NULL)
		return;
	*to->tail = from->head;
	to->tail = from->tail;
	to->n += from->n;
	queue_init(from);
}

static void
deadline_in(struct timespec *ts, int64_t ns)
{
	clock_gettime(CLOCK_MONOTONIC, ts);
	ns += ts->tv_nsec;
	ts->tv_sec += ns / 1000000000;
	ts->tv_nsec = ns % 1000000000;
}

static void
fail(struct store_item *item, const struct err *err)
{
	item->outcome = STORE_FAILED;
	item->err = *err;
}

/* Gives items to the flusher, or to the finisher what needs no flush. */
static void
pass_on(struct commit *cm, struct store_item *const *items, size_t n,
    uint64_t last_seq)
{
	size_t i;

	pthread_mutex_lock(&cm->mutex);
	for (i = 0; i < n; i++)
		queue_put(items[i]->outcome == STORE_FAILED ||
				  items[i]->outcome == STORE_MOVED
			      ? &cm->done
			      : &cm->unflushed,
		    items[i]);
	if (last_seq > cm->flush_seq)
		cm->flush_seq = last_seq;
	if (cm->unflushed.head != NULL)
		pthread_cond_signal(&cm->committed);
	if (cm->done.head != NULL)
		pthread_cond_signal(&cm->ended);
	pthread_mutex_unlock(&cm->mutex);
}

/* A batch that fails is run again one by one: one bad record harms nobody. */
static void
commit_items(struct commit *cm, struct store_item *const *items, size_t n)
{
	struct err err = ERR_INIT;
	uint64_t last_seq = 0;
	size_t i;

	if (cm->hooks.batch(cm->hooks.arg, items, n, &last_seq, &err) == 0) {
		pass_on(cm, items, n, last_seq);
		return;
	}
	if (n == 1) {
		fail(items[0], &err);
		pass_on(cm, items, 1, 0);
		return;
	}
	for (i = 0; i < n; i++)
		commit_items(cm, items + i, 1);
}

static void
commit_job(struct commit *cm, struct job *job)
{
	int ret;

	ret = job->run(job->arg, &job->err);
	pthread_mutex_lock(&cm->mutex);
	job->ret = ret;
	job->state = JOB_COMMITTED;
	job->next = cm->flush_jobs;
	cm->flush_jobs = job;
	pthread_cond_signal(&cm->committed);
	pthread_mutex_unlock(&cm->mutex);
}

/* Takes up to a batch off the queue; the mutex is held. */
static size_t
take_items(struct commit *cm, struct store_item **items)
{
	size_t n = 0, bytes = 0;

	while (cm->waiting.head != NULL && n < COMMIT_BATCH_MAX &&
	       (n == 0 || bytes < COMMIT_BATCH_BYTES)) {
		items[n] = queue_take(&cm->waiting);
		bytes += items[n]->event.body.len;
		n++;
	}
	return n;
}

static void *
committer_main(void *arg)
{
	struct store_item *items[COMMIT_BATCH_MAX];
	struct commit *cm = arg;
	struct timespec until;
	struct job *job;
	size_t n;

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
			commit_job(cm, job);
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
		n = take_items(cm, items);
		pthread_mutex_unlock(&cm->mutex);
		commit_items(cm, items, n);
		pthread_mutex_lock(&cm->mutex);
	}
	cm->committer_gone = true;
	pthread_cond_signal(&cm->committed);
	pthread_mutex_unlock(&cm->mutex);
	return NULL;
}

static void
end_jobs(
    struct commit *cm, struct job *jobs, int flushed, const struct err *err)
{
	struct job *next;

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
finish(struct queue *items)
{
	struct store_item *item;

	while (items->head != NULL) {
		item = queue_take(items);
		item->next = NULL;
		item->done(item);
	}
}

static void *
flusher_main(void *arg)
{
	struct commit *cm = arg;
	struct store_item *item;
	struct queue items;
	struct job *jobs;
	struct err err;
	uint64_t seq;
	int ret;

	queue_init(&items);
	pthread_mutex_lock(&cm->mutex);
	for (;;) {
		while (cm->unflushed.head == NULL && cm->flush_jobs == NULL &&
		       !cm->committer_gone)
			pthread_cond_wait(&cm->committed, &cm->mutex);
		if (cm->unflushed.head == NULL && cm->flush_jobs == NULL)
			break;
		queue_move(&items, &cm->unflushed);
		jobs = cm->flush_jobs;
		seq = cm->flush_seq;
		cm->flush_jobs = NULL;
		cm->flushing = true;
#ifdef PLANTED_EARLY_ACK
		queue_move(&cm->done, &items);
		pthread_cond_signal(&cm->ended);
#endif
		pthread_mutex_unlock(&cm->mutex);

		ret = cm->hooks.flush(cm->hooks.arg, &err);
		if (ret == 0 && seq > 0)
			cm->hooks.durable(cm->hooks.arg, seq);
		if (ret < 0)
			for (item = items.head; item != NULL; item = item->next)
				fail(item, &err);
		end_jobs(cm, jobs, ret, &err);

		pthread_mutex_lock(&cm->mutex);
		cm->flushing = false;
		pthread_cond_signal(&cm->work);
		if (items.n > FEW) {
			queue_move(&cm->done, &items);
			pthread_cond_signal(&cm->ended);
		} else if (items.n > 0) {
			pthread_mutex_unlock(&cm->mutex);
			finish(&items);
			pthread_mutex_lock(&cm->mutex);
		}
	}
	cm->flusher_gone = true;
	pthread_cond_signal(&cm->ended);
	pthread_mutex_unlock(&cm->mutex);
	return NULL;
}

/* Answering takes time in which the next flush is under way. */
static void *
finisher_main(void *arg)
{
	struct commit *cm = arg;
	struct queue items;

	queue_init(&items);
	pthread_mutex_lock(&cm->mutex);
	for (;;) {
		while (cm->done.head == NULL && !cm->flusher_gone)
			pthread_cond_wait(&cm->ended, &cm->mutex);
		if (cm->done.head == NULL)
			break;
		queue_move(&items, &cm->done);
		pthread_mutex_unlock(&cm->mutex);
		finish(&items);
		pthread_mutex_lock(&cm->mutex);
	}
	pthread_mutex_unlock(&cm->mutex);
	return NULL;
}

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
} threads[THREADS] = {
	{ "store-commit", committer_main },
	{ "store-flush", flusher_main },
	{ "store-finish", finisher_main },
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
	pthread_mutex_destroy(&cm->mutex);
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
	queue_init(&cm->waiting);
	queue_init(&cm->unflushed);
	queue_init(&cm->done);
	cm->jobs_tail = &cm->jobs;
	for (i = 0; i < THREADS; i++) {
		ret =
		    pthread_create(&cm->threads[i], NULL, threads[i].main, cm);
		if (ret != 0) {
			stop(cm, i);
			return err_errno(
			    err, ret, "start thread %s", threads[i].name);
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

	pthread_mutex_lock(&cm->mutex);
	if (!cm->closing && cm->waiting.n < COMMIT_QUEUE_MAX) {
		queue_put(&cm->waiting, item);
		/* A lingering committer is woken by a full batch alone. */
		if (cm->waiting.n == 1 || cm->waiting.n >= COMMIT_BATCH_MAX / 4)
			pthread_cond_signal(&cm->work);
		taken = true;
	}
	pthread_mutex_unlock(&cm->mutex);
	return taken;
}

/* Takes a job that has not begun off the queue; the mutex is held. */
static void
take_back(struct commit *cm, struct job *job)
{
	struct job **at;

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
	struct job job = { .run = run, .arg = arg, .state = JOB_QUEUED };
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
		stop(cm, THREADS);
}
