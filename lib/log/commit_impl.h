/*
 * commit_impl.h: what the files of group commit share. Nobody else includes it.
 *
 * commit.c	the committer, the flusher, the finisher; jobs
 * commit_batch.c	a batch from copies of the items
 * commit_late.c	the watcher: items whose time is up
 */
#ifndef EYELET_LIB_LOG_COMMIT_IMPL_H
#define EYELET_LIB_LOG_COMMIT_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/log/commit.h"

#define COMMIT_THREADS 4

enum commit_job_state {
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_COMMITTED,
	JOB_DONE
};

struct commit_job {
	struct commit_job *next;
	int (*run)(void *arg, struct err *err);
	void *arg;
	enum commit_job_state state;
	int ret;
	struct err err;
	pthread_cond_t done;
};

struct commit_queue {
	struct store_item *head, **tail;
	size_t n;
};

/*
 * The batch under way. It is made from copies, so that an item whose time is
 * up can be answered, and freed by its owner, while a write hangs.
 */
struct commit_batch {
	struct store_item copies[COMMIT_BATCH_MAX];
	struct store_item *items[COMMIT_BATCH_MAX]; /* NULL: answered */
	size_t n;
	bool copied;
	struct buf arena; /* what the copies borrow */
};

struct commit {
	struct commit_hooks hooks;
	pthread_mutex_t mutex;
	pthread_cond_t work; /* for the committer */
	pthread_cond_t committed; /* for the flusher */
	pthread_cond_t ended; /* for the finisher */
	pthread_cond_t outstanding; /* for the watcher */
	_Atomic int64_t since_ms[COMMIT_STEPS]; /* clock_ms; 0: not under way */
	struct commit_batch
	    batch; /* items, n and copied are guarded by mutex */
	/* Guarded by mutex. */
	struct commit_queue waiting;
	struct commit_job *jobs, **jobs_tail;
	struct commit_queue unflushed;
	struct commit_job *flush_jobs;
	uint64_t flush_seq; /* durable with the next flush */
	bool flush_due; /* something was committed since the last one began */
	bool flushing; /* the flusher is in its system call */
	struct commit_queue in_flush; /* what it makes durable */
	struct commit_queue done;
	bool watching; /* the watcher looks every WATCH_MS */
	bool closing, committer_gone, flusher_gone;
	pthread_t threads[COMMIT_THREADS];
};

static inline void
commit_queue_init(struct commit_queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
	q->n = 0;
}

static inline void
commit_queue_put(struct commit_queue *q, struct store_item *item)
{
	item->next = NULL;
	*q->tail = item;
	q->tail = &item->next;
	q->n++;
}

static inline struct store_item *
commit_queue_take(struct commit_queue *q)
{
	struct store_item *item = q->head;

	q->head = item->next;
	if (q->head == NULL)
		q->tail = &q->head;
	q->n--;
	return item;
}

/* All of from goes behind what is in to. */
static inline void
commit_queue_move(struct commit_queue *to, struct commit_queue *from)
{
	if (from->head == NULL)
		return;
	*to->tail = from->head;
	to->tail = from->tail;
	to->n += from->n;
	commit_queue_init(from);
}

static inline void
commit_fail(struct store_item *item, const struct err *err)
{
	item->outcome = STORE_FAILED;
	item->err = *err;
}

/* commit_batch.c */
/* Commits what is in cm->batch, and passes it on. The committer's. */
void commit_run_batch(struct commit *cm);

/* commit_late.c */
void *commit_watcher_main(void *commit);

#endif
