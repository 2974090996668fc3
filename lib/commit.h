/*
 * commit.h: group commit. One committer thread, the only writer, puts what is
 * waiting into one transaction; one flusher thread makes all commits so far
 * durable while the next batch forms, and then lets the answers go; when they
 * are many, one finisher thread does while the next flush is under way.
 *
 * Private to the store's files.
 */
#ifndef EYELET_LIB_COMMIT_H
#define EYELET_LIB_COMMIT_H

#include "lib/store.h"

#define COMMIT_BATCH_MAX 256 /* items in one transaction */
#define COMMIT_BATCH_BYTES (4 * 1024 * 1024) /* of events in it, about */
#define COMMIT_QUEUE_MAX 16384 /* items waiting; more are refused */

struct commit;

struct commit_hooks {
	/*
	 * Commits n items in one transaction and sets each one's outcome (and
	 * err). Returns how far the log got: a seq that becomes durable with
	 * the next flush, 0 when the batch has none. -1 as outcome of the
	 * whole batch: nothing was committed, err says why; it is then run
	 * again, one by one.
	 */
	int (*batch)(void *arg, struct store_item *const *items, size_t n,
	    uint64_t *last_seq, struct err *err);
	/* Makes everything committed so far durable. */
	int (*flush)(void *arg, struct err *err);
	/* A seq is durable now. */
	void (*durable)(void *arg, uint64_t seq);
	void *arg;
};

int commit_start(
    const struct commit_hooks *hooks, struct commit **out, struct err *err);

/* Queues an item; false when the queue is full or closing. */
bool commit_submit(struct commit *cm, struct store_item *item);

/*
 * Runs job(arg, err) in the committer, between batches, and returns what it
 * returned once all that it committed is durable. When 5 s pass before it
 * began, it is taken back: ERR_TIMEOUT, nothing happened. Once begun it is
 * waited for. Jobs go before items.
 */
int commit_run(struct commit *cm, int (*job)(void *arg, struct err *err),
    void *arg, struct err *err);

/* Finishes what is queued, ends the threads. NULL is fine. */
void commit_stop(struct commit *cm);

#endif
