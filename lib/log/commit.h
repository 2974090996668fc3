/*
 * commit.h: group commit. One committer thread, the only writer, puts what is
 * waiting into one transaction; one flusher thread makes all commits so far
 * durable while the next batch forms, and then lets the answers go; when they
 * are many, one finisher thread does while the next flush is under way.
 *
 * A write or flush may hang for as long as the disk likes; no item waits for
 * it longer than its until_ms. One watcher thread then ends it as failed
 * (ERR_TIMEOUT), wherever it is, and from its done on the item and all that it
 * borrows is its owner's again: batches are made from copies. What the item
 * asked for may still happen, and is then durable with the flush it was in;
 * its repeat is a duplicate.
 *
 * Private to the store's files.
 */
#ifndef EYELET_LIB_LOG_COMMIT_H
#define EYELET_LIB_LOG_COMMIT_H

#include "lib/model/item.h"

#define COMMIT_BATCH_MAX 256 /* items in one transaction */
#define COMMIT_BATCH_BYTES (4 * 1024 * 1024) /* of events in it, about */
#define COMMIT_QUEUE_MAX 16384 /* items waiting; more are refused */

struct commit;

/* The steps that can hang. */
enum commit_step {
	COMMIT_WRITING, /* a batch or a change */
	COMMIT_FLUSHING
};

#define COMMIT_STEPS 2

struct commit_hooks {
	/*
	 * Commits n items in one transaction and sets each one's outcome (and
	 * err). They are copies: see above. Returns how far the log got: a seq
	 * that becomes durable with the next flush, 0 when the batch has none.
	 * -1 as outcome of the whole batch: nothing was committed, err says
	 * why; it is then run again, one by one.
	 */
	int (*batch)(void *arg, struct store_item *const *items, size_t n,
	    uint64_t *last_seq, struct err *err);
	/* Makes everything committed so far durable, up to seq (0: none). */
	int (*flush)(void *arg, uint64_t seq, struct err *err);
	/* A seq is durable now. */
	void (*durable)(void *arg, uint64_t seq);
	/* How far the log is: a job may have appended, too. NULL: none does. */
	uint64_t (*last_seq)(void *arg);
	void *arg;
};

int commit_start(
    const struct commit_hooks *hooks, struct commit **out, struct err *err);

/* Queues an item; false when the queue is full or closing. */
bool commit_submit(struct commit *cm, struct store_item *item);

/* Ends every item that waits, now, as failed with err. */
void commit_give_up(struct commit *cm, const struct err *err);

/*
 * For how long the write or flush that began first has been under way; 0:
 * there is none. *step is set when there is one.
 */
int64_t commit_stalled_ms(struct commit *cm, enum commit_step *step);

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
