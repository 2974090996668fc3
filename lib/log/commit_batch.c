/* commit_batch.c: a batch is made from copies of the items that wait. */
#include "lib/log/commit_impl.h"

#include <assert.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"

/* Copies into the arena all bytes that a copy still borrows. */
static int
copy_borrowed(struct buf *arena, struct store_item *copy, struct err *err)
{
	struct event *ev = &copy->event;
	struct span *const spans[] = { &ev->id, &ev->type, &ev->types,
		&ev->content_type, &ev->headers, &ev->body, &ev->contents };
	size_t i, at;

	for (i = 0; i < NITEMS(spans); i++) {
		at = arena->len;
		if (buf_put_span(arena, *spans[i], err) < 0)
			return -1;
		spans[i]->ptr = arena->ptr + at;
	}
	return 0;
}

static size_t
borrowed_size(const struct store_item *item)
{
	const struct event *ev = &item->event;

	return ev->id.len + ev->type.len + ev->types.len +
	       ev->content_type.len + ev->headers.len + ev->body.len +
	       ev->contents.len;
}

/*
 * Fills the copies. Nothing answers an item before copied is set, so the
 * originals are there all the time. All room at once: the arena must not move.
 */
static int
batch_copy(struct commit_batch *ba, struct err *err)
{
	unsigned char *room;
	size_t i, size = 0;

	buf_clear(&ba->arena);
	for (i = 0; i < ba->n; i++)
		size += borrowed_size(ba->items[i]);
	if (buf_reserve(&ba->arena, size + 1, &room, err) < 0)
		return -1;
	for (i = 0; i < ba->n; i++) {
		ba->copies[i] = *ba->items[i];
		if (copy_borrowed(&ba->arena, &ba->copies[i], err) < 0)
			return -1;
	}
	return 0;
}

/* Tells the item, if it still waits, what became of its copy. */
static struct store_item *
batch_settle(struct commit_batch *ba, size_t i)
{
	const struct store_item *copy = &ba->copies[i];
	struct store_item *item = ba->items[i];

	ba->items[i] = NULL;
	if (item == NULL)
		return NULL;
	item->outcome = copy->outcome;
	item->seq = copy->seq;
	item->rule = copy->rule;
	item->reason = copy->reason;
	item->event.seq = copy->event.seq;
	item->event.received_ms = copy->event.received_ms;
	if (copy->outcome == STORE_FAILED)
		item->err = copy->err;
	return item;
}

/*
 * Gives n items from a place on to the flusher, or to the finisher what needs
 * no flush.
 */
static void
pass_on(struct commit *cm, size_t from, size_t n, uint64_t last_seq)
{
	struct store_item *item;
	size_t i;

	pthread_mutex_lock(&cm->mutex);
	for (i = from; i < from + n; i++) {
		item = batch_settle(&cm->batch, i);
		if (item != NULL)
			commit_queue_put(item->outcome == STORE_FAILED ||
						 item->outcome == STORE_MOVED
					     ? &cm->done
					     : &cm->unflushed,
			    item);
	}
	if (last_seq > cm->flush_seq)
		cm->flush_seq = last_seq;
	/* Answered or not: what was committed becomes durable. */
	cm->flush_due = cm->flush_due || last_seq > 0;
	if (cm->unflushed.head != NULL || cm->flush_due)
		pthread_cond_signal(&cm->committed);
	if (cm->done.head != NULL)
		pthread_cond_signal(&cm->ended);
	pthread_mutex_unlock(&cm->mutex);
}

/* A batch that fails is run again one by one: one bad record harms nobody. */
static void
commit_items(struct commit *cm, size_t from, size_t n)
{
	struct store_item *copies[COMMIT_BATCH_MAX];
	struct err err = ERR_INIT;
	uint64_t last_seq = 0;
	size_t i;

	assert(n >= 1);
	for (i = 0; i < n; i++)
		copies[i] = &cm->batch.copies[from + i];
	if (cm->hooks.batch(cm->hooks.arg, copies, n, &last_seq, &err) == 0) {
		pass_on(cm, from, n, last_seq);
		return;
	}
	if (n == 1) {
		commit_fail(copies[0], &err);
		pass_on(cm, from, 1, 0);
		return;
	}
	for (i = 0; i < n; i++)
		commit_items(cm, from + i, 1);
}

void
commit_run_batch(struct commit *cm)
{
	struct commit_batch *ba = &cm->batch;
	struct err err = ERR_INIT;
	size_t i;
	int ret;

	ret = batch_copy(ba, &err);
	for (i = 0; ret < 0 && i < ba->n; i++) {
		ba->copies[i] = *ba->items[i];
		commit_fail(&ba->copies[i], &err);
	}
	pthread_mutex_lock(&cm->mutex);
	ba->copied = true;
	pthread_mutex_unlock(&cm->mutex);
	atomic_store(&cm->since_ms[COMMIT_WRITING], clock_ms());
	if (ret == 0)
		commit_items(cm, 0, ba->n);
	else
		pass_on(cm, 0, ba->n, 0);
	atomic_store(&cm->since_ms[COMMIT_WRITING], 0);
	if (ba->arena.room > COMMIT_BATCH_BYTES)
		buf_free(&ba->arena);
}
