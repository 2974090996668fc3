/* commit.c: the committer and the flusher. */
#include "config.h"

#include "lib/commit.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define LINGER_NS 200000 /* fills batches while the flusher is busy */
#define JOB_WAIT_S 5

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

struct commit {
	struct commit_hooks hooks;
	pthread_mutex_t mutex;
	pthread_cond_t work; /* for the committer */
	pthread_cond_t committed; /* for the flusher */
	/* Guarded by mutex. */
	struct store_item *head, **tail;
	size_t queued;
	struct job *jobs, **jobs_tail;
	struct store_item *flush_head, **flush_tail; /* wait for a flush */
	struct job *flush_jobs;
	uint64_t flush_seq; /* durable with the next flush */
	bool flushing; /* the flusher is in its system call */
	bool closing, committer_gone;
	pthread_t committer, flusher;
};

static void
deadline_in(struct timespec *ts, int64_t ns)
{
	clock_gettime(CLOCK_MONOTONIC, ts);
	ns += ts->tv_nsec;
	ts->tv_sec += ns / 1000000000;
	ts->tv_nsec = ns % 1000000000;
}

static void
finish(struct store_item *item)
{
	item->next = NULL;
	item->done(item);
}

static void
fail_all(struct store_item *const *items, size_t n, const struct err *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		items[i]->outcome = STORE_FAILED;
		items[i]->err = *err;
	}
}

/* Gives items to the flusher, or ends those that need no flush. */
static void
pass_on(struct commit *cm, struct store_item *const *items, size_t n,
    uint64_t last_seq)
{
	struct store_item *now = NULL, *item;
	size_t i;

	pthread_mutex_lock(&cm->mutex);
	for (i = 0; i < n; i++) {
		item = items[i];
		item->next = NULL;
		if (item->outcome != STORE_FAILED &&
		    item->outcome != STORE_MOVED) {
			*cm->flush_tail = item;
			cm->flush_tail = &item->next;
			continue;
		}
		item->next = now;
		now = item;
	}
	if (last_seq > cm->flush_seq)
		cm->flush_seq = last_seq;
	pthread_cond_signal(&cm->committed);
	pthread_mutex_unlock(&cm->mutex);
	while ((item = now) != NULL) {
		now = item->next;
		finish(item);
	}
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
		fail_all(items, 1, &err);
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

	while (cm->head != NULL && n < COMMIT_BATCH_MAX &&
	       (n == 0 || bytes < COMMIT_BATCH_BYTES)) {
		items[n] = cm->head;
		bytes += items[n]->event.body.len;
		cm->head = items[n]->next;
		n++;
	}
	if (cm->head == NULL)
		cm->tail = &cm->head;
	cm->queued -= n;
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
		while (cm->head == NULL && cm->jobs == NULL && !cm->closing)
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
		if (cm->head == NULL)
			break; /* closing, and nothing is left */
		if (cm->flushing && cm->queued < COMMIT_BATCH_MAX / 4) {
			deadline_in(&until, LINGER_NS);
			while (cm->flushing &&
			       cm->queued < COMMIT_BATCH_MAX / 4 &&
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
finish_all(struct store_item *items, int flushed, const struct err *err)
{
	struct store_item *item;

	while ((item = items) != NULL) {
		items = item->next;
		if (flushed < 0)
			fail_all(&item, 1, err);
		finish(item);
	}
}

static void *
flusher_main(void *arg)
{
	struct commit *cm = arg;
	struct store_item *items;
	struct job *jobs;
	struct err err;
	uint64_t seq;
	int ret;

	pthread_mutex_lock(&cm->mutex);
	for (;;) {
		while (cm->flush_head == NULL && cm->flush_jobs == NULL &&
		       !cm->committer_gone)
			pthread_cond_wait(&cm->committed, &cm->mutex);
		if (cm->flush_head == NULL && cm->flush_jobs == NULL)
			break;
		items = cm->flush_head;
		jobs = cm->flush_jobs;
		seq = cm->flush_seq;
		cm->flush_head = NULL;
		cm->flush_tail = &cm->flush_head;
		cm->flush_jobs = NULL;
		cm->flushing = true;
		pthread_mutex_unlock(&cm->mutex);

#ifdef PLANTED_EARLY_ACK
		finish_all(items, 0, &err);
		items = NULL;
#endif
		ret = cm->hooks.flush(cm->hooks.arg, &err);
		if (ret == 0 && seq > 0)
			cm->hooks.durable(cm->hooks.arg, seq);

		pthread_mutex_lock(&cm->mutex);
		cm->flushing = false;
		pthread_cond_signal(&cm->work);
		pthread_mutex_unlock(&cm->mutex);
		finish_all(items, ret, &err);
		end_jobs(cm, jobs, ret, &err);
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

int
commit_start(
    const struct commit_hooks *hooks, struct commit **out, struct err *err)
{
	struct commit *cm = calloc(1, sizeof(*cm));
	int ret;

	if (cm == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the committer");
	cm->hooks = *hooks;
	pthread_mutex_init(&cm->mutex, NULL);
	cond_init_monotonic(&cm->work);
	cond_init_monotonic(&cm->committed);
	cm->tail = &cm->head;
	cm->jobs_tail = &cm->jobs;
	cm->flush_tail = &cm->flush_head;
	ret = pthread_create(&cm->committer, NULL, committer_main, cm);
	if (ret != 0) {
		free(cm);
		return err_errno(err, ret, "start the committer");
	}
	pthread_setname_np(cm->committer, "store-commit");
	ret = pthread_create(&cm->flusher, NULL, flusher_main, cm);
	if (ret != 0) {
		pthread_mutex_lock(&cm->mutex);
		cm->closing = true;
		pthread_cond_signal(&cm->work);
		pthread_mutex_unlock(&cm->mutex);
		pthread_join(cm->committer, NULL);
		free(cm);
		return err_errno(err, ret, "start the flusher");
	}
	pthread_setname_np(cm->flusher, "store-flush");
	*out = cm;
	return 0;
}

bool
commit_submit(struct commit *cm, struct store_item *item)
{
	bool taken = false;

	item->next = NULL;
	pthread_mutex_lock(&cm->mutex);
	if (!cm->closing && cm->queued < COMMIT_QUEUE_MAX) {
		*cm->tail = item;
		cm->tail = &item->next;
		/* A lingering committer is woken by a full batch alone. */
		if (cm->queued++ == 0 || cm->queued >= COMMIT_BATCH_MAX / 4)
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
	if (cm == NULL)
		return;
	pthread_mutex_lock(&cm->mutex);
	cm->closing = true;
	pthread_cond_signal(&cm->work);
	pthread_mutex_unlock(&cm->mutex);
	pthread_join(cm->committer, NULL);
	pthread_join(cm->flusher, NULL);
	pthread_cond_destroy(&cm->work);
	pthread_cond_destroy(&cm->committed);
	pthread_mutex_destroy(&cm->mutex);
	free(cm);
}
