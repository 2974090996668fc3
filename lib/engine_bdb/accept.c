/* accept.c: a batch of events becomes one transaction. */
#include "lib/engine_bdb/batch.h"

#include "lib/engine_bdb/loss.h"

/* That space is short must be said while it is; half of the floor is left. */
static bool
may_pass_floor(struct store *st, const struct event *ev)
{
	return ev->endpoint_id == STORE_SELF &&
	       atomic_load(&st->bytes_free) >= st->limits.floor / 2;
}

/* What was signed is known again by the event's own keys. */
static int
keep_contents(const struct store *st, struct store_item *item)
{
	const unsigned char *digest = item->elements.ptr;
	unsigned char key[DEDUPE_KEY_SIZE];
	struct event *ev = &item->event;
	struct buf *b = item->contents;
	size_t at;

	ev->contents = SPAN_EMPTY;
	if ((dedupe_keys(&item->identity.class, &item->hashes.event) &
		DEDUPE_BIT(DEDUPE_CONTENT)) == 0)
		return 0;
	ev->contents =
	    span_of(item->hashes.keys[DEDUPE_CONTENT], DEDUPE_KEY_SIZE);
	if (item->elements.len == 0 && !item->identity.class.has_older)
		return 0;
	buf_clear(b);
	if (buf_put_span(b, ev->contents, &item->err) < 0 ||
	    (item->identity.class.has_older &&
		buf_put(b, item->hashes.keys[DEDUPE_OLDER], DEDUPE_KEY_SIZE,
		    &item->err) < 0))
		return -1;
	for (at = 0; at < item->elements.len; at += DIGEST_SHA256)
		if (dedupe_hash_element(st->dedupe_secret, ev->endpoint_id,
			digest + at, key, &item->err) < 0 ||
		    buf_put(b, key, sizeof(key), &item->err) < 0)
			return -1;
	ev->contents = buf_span(b);
	return 0;
}

static int
hash_item(const struct store *st, struct store_item *item)
{
	const struct event *ev = &item->event;

	if (ev->flags & EVENT_TEST)
		return dedupe_hash_test(st->dedupe_secret, ev->endpoint_id,
		    item->identity.content, &item->hashes, &item->err);
	if (dedupe_hash(st->dedupe_secret, ev->endpoint_id, &item->identity,
		ev->id, ev->type, &item->hashes, &item->err) < 0)
		return -1;
	return keep_contents(st, item);
}

void
store_submit(struct store *st, struct store_item *item)
{
	const struct event *ev = &item->event;
	const char *what;

	item->rule = 0;
	item->reason = NULL;

	item->outcome = STORE_FAILED;
	item->seq = 0;
	item->err.code = ERR_NONE;
	if (atomic_load(&st->fenced)) {
		err_set(&item->err, ERR_AWAY, "the store starts anew");
		goto refuse;
	}
	if (store_stalled_ms(st, &what) > 0) {
		err_set(&item->err, ERR_TIMEOUT, "%s", what);
		goto refuse;
	}
	if (store_loss_refuse(st, &item->err) < 0)
		goto refuse;
	if (atomic_load(&st->below_floor) && !may_pass_floor(st, ev)) {
		store_refuse_full(st, &item->err);
		goto refuse;
	}
	/* Hashed here, in the caller's thread: the committer is one alone. */
	if (hash_item(st, item) < 0)
		goto refuse;
	if (commit_submit(st->commit, item))
		return;
	err_set(&item->err, ERR_LIMIT, "%d events are waiting already",
	    COMMIT_QUEUE_MAX);
refuse:
	item->done(item);
}

static int
put_group(struct store_batch *ba, const struct event *const *events, size_t n,
    struct err *err)
{
	struct store *st = ba->st;
	uint64_t first_seq = events[0]->seq;
	size_t i;

	if (record_group_begin(&st->group, ba->now.age_ms,
		segments_highest_ms(st->segments, ba->now.wall_ms), err) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (record_group_add(&st->group, first_seq, events[i], err) < 0)
			return -1;
	ba->bytes += segments_group_bytes(st->group.len);
	return segments_append(
	    st->segments, ba->txn, first_seq, buf_span(&st->group), err);
}

/* The batch's events go to the log, in groups that fill pages. */
static int
put_events(struct store_batch *ba, struct err *err)
{
	size_t sizes[COMMIT_BATCH_MAX], i, n;

	for (i = 0; i < ba->nevents; i++)
		sizes[i] = record_event_size(ba->events[i]);
	for (i = 0; i < ba->nevents; i += n) {
		n = segments_group(sizes + i, ba->nevents - i);
		if (put_group(ba, ba->events + i, n, err) < 0)
			return -1;
	}
	return 0;
}

static int
accept_one(struct store_batch *ba, struct store_item *item, struct err *err)
{
	struct store *st = ba->st;
	struct store_endpoint_facts *facts =
	    store_facts(st, item->event.endpoint_id);

	if (facts == NULL)
		return err_set(err, ERR_NOMEM, "no memory for an endpoint");
	/* A change that returned always wins: verified under it, or again. */
	if (facts->generation != item->generation) {
		item->outcome = STORE_MOVED;
		return 0;
	}
	return item->event.flags & EVENT_TEST ? store_test(ba, item, err)
					      : store_judge(ba, item, err);
}

/* Between two looks at the disk, too; all of a batch or none of it. */
static int
check_room(struct store *st, struct store_item *const *items, size_t n,
    struct err *err)
{
	uint64_t bytes = 0;
	bool own = true;
	size_t i;

	for (i = 0; i < n; i++) {
		if (items[i]->wish == STORE_WISH_ACCEPT)
			bytes += record_event_size(&items[i]->event);
		own = own && items[i]->event.endpoint_id == STORE_SELF;
	}
	return store_check_room(st, bytes, n, own, err);
}

static int
prepare(struct store_batch *ba, struct err *err)
{
	struct store *st = ba->st;

	if (atomic_load(&st->fenced))
		return err_set(err, ERR_AWAY, "the store starts anew");
	store_clock(st, &ba->now);
	if (dedupe_prepare(st->dedupe, ba->now.age_ms, err) < 0 ||
	    segments_prepare(st->segments, ba->next_seq, &ba->now, err) < 0)
		return -1;
	return bdb_begin(st->db, &ba->txn, err);
}

int
store_batch(void *arg, struct store_item *const *items, size_t n,
    uint64_t *last_seq, struct err *err)
{
	struct store *st = arg;
	struct store_batch ba;
	size_t i;
	bool wrote = false;
	int ret = -1;

	ba.st = st;
	ba.txn = NULL;
	ba.next_seq = st->next_seq;
	ba.nevents = ba.bytes = 0;

	if (check_room(st, items, n, err) < 0)
		goto out;
	wrote = true;
	if (prepare(&ba, err) < 0)
		goto out;
	for (i = 0; i < n; i++)
		if (accept_one(&ba, items[i], err) < 0)
			goto out;
	if (put_events(&ba, err) < 0)
		goto out;
	ret = bdb_commit(ba.txn, err);
	ba.txn = NULL;
	if (ret < 0)
		goto out;
	if (ba.nevents > 0) {
		*last_seq = ba.next_seq - 1;
		segments_appended(st->segments, st->next_seq, *last_seq,
		    (uint32_t)ba.nevents, &ba.now, ba.bytes);
		st->next_seq = ba.next_seq;
	}
	for (i = 0; i < n; i++)
		if ((items[i]->outcome == STORE_ACCEPTED ||
			items[i]->outcome == STORE_HELD) &&
		    items[i]->event.secret_id != 0)
			store_used(
			    st, items[i]->event.secret_id, ba.now.now_ms);
out:
	bdb_abort(ba.txn);
	if (wrote && (ret < 0 || ba.nevents > 0))
		store_note_write(st, STORE_WRITE_BATCH, ret < 0 ? err : NULL);
	if (ret < 0)
		err_wrap(err, "store %zu event%s", n, n == 1 ? "" : "s");
	if (st->group.room > COMMIT_BATCH_BYTES)
		buf_free(&st->group);
	/* A batch that failed may have lost the store, not only itself. */
	if (ret < 0 && bdb_is_fenced(st->db))
		store_wake(st);
	return ret;
}

int
store_flush(void *arg, uint64_t seq, struct err *err)
{
	struct store *st = arg;
	struct err ignored = ERR_INIT;

	if (atomic_load(&st->fenced))
		return err_set(err, ERR_AWAY, "the store starts anew");
	if (bdb_flush(st->db, err) < 0) {
		store_note_write(st, STORE_WRITE_FLUSH, err);
		store_wake(st);
		return err_wrap(err, "make events durable");
	}
	store_note_write(st, STORE_WRITE_FLUSH, NULL);
	/* Before any answer leaves. An older point is a lower bound, too. */
	if (!atomic_load(&st->lost))
		(void)store_put_durable(st, seq, &ignored);
	atomic_store(&st->last_flush_ms, store_wall_ms());
	return 0;
}

uint64_t
store_last_seq(void *arg)
{
	struct store *st = arg;

	return st->next_seq - 1;
}

void
store_durable(void *arg, uint64_t seq)
{
	struct store *st = arg;

	atomic_store(&st->durable_seq, seq);
	pthread_mutex_lock(&st->wait_mutex);
	pthread_cond_broadcast(&st->wait_cond);
	pthread_mutex_unlock(&st->wait_mutex);
}
