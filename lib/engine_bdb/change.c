/* change.c: changes by operators, each one transaction, once. */
#include "lib/engine_bdb/impl.h"

#include <assert.h>
#include <string.h>

struct change {
	struct store *st;
	const struct store_actor *actor;
	const unsigned char *request_id;
	int (*change)(struct store_tx *tx, void *arg, struct buf *result,
	    struct err *err);
	void *arg;
	struct buf *result;
	/* What is to follow once it is durable. */
	uint64_t revoked[STORE_TX_TOUCH_MAX];
	size_t nrevoked;
};

/* Was this request done before? Then its result is the answer again. */
static int
find_request(
    struct change *ch, struct bdb_txn *txn, bool *done, struct err *err)
{
	struct span key = span_of(ch->request_id, STORE_REQUEST_ID);
	struct buf value = BUF_INIT(STORE_RESULT_MAX + 1024);
	struct record_request rec;
	int ret = -1;

	if (bdb_get(ch->st->requests, txn, key, &value, done, err) < 0)
		goto out;
	if (*done &&
	    (record_get_request(buf_span(&value), &rec, err) < 0 ||
		unseal(ch->st->key, key, rec.result, ch->result, err) < 0))
		goto out;
	ret = 0;
out:
	buf_free(&value);
	return ret;
}

static int
keep_request(struct change *ch, struct store_tx *tx, struct err *err)
{
	struct span key = span_of(ch->request_id, STORE_REQUEST_ID);
	struct buf sealed = BUF_INIT(STORE_RESULT_MAX + 1024);
	struct buf value = BUF_INIT(STORE_RESULT_MAX + 2048);
	struct record_request rec;
	int ret = -1;

	if (seal(ch->st->key, key, buf_span(ch->result), &sealed, err) < 0)
		goto out;
	rec.age_ms = store_age_ms(tx->st);
	rec.result = buf_span(&sealed);
	if (record_put_request(&rec, &value, err) < 0)
		goto out;
	ret = bdb_put(ch->st->requests, tx->txn, key, buf_span(&value), err);
out:
	buf_free(&sealed);
	buf_free(&value);
	return ret;
}

int
store_tx_append(struct store_tx *tx, struct event *ev,
    const struct store_clock *now, struct err *err)
{
	struct store *st = tx->st;

	if (store_check_room(st, record_event_size(ev), 1, false, err) < 0)
		return -1;
	ev->seq = st->next_seq + tx->nevents;
	ev->received_ms = now->wall_ms;
	ev->age_ms = now->age_ms;
	if (record_group_begin(&st->group, now->age_ms,
		segments_highest_ms(st->segments, now->wall_ms), err) < 0 ||
	    record_group_add(&st->group, ev->seq, ev, err) < 0 ||
	    segments_append(
		st->segments, tx->txn, ev->seq, buf_span(&st->group), err) < 0)
		return -1;
	tx->event_bytes += segments_group_bytes(st->group.len);
	tx->appended = *now;
	tx->nevents++;
	return 0;
}

/* Room for an event that the change may append, before it begins. */
static int
prepare(struct store *st, struct err *err)
{
	struct store_clock now;

	store_clock(st, &now);
	if (dedupe_prepare(st->dedupe, now.age_ms, err) < 0)
		return -1;
	return segments_prepare(st->segments, st->next_seq, &now, err);
}

/* Committed: from here on the committer judges by the new state. */
static void
put_in_force(struct store *st, const struct store_tx *tx)
{
	struct store_endpoint_facts *facts;
	uint64_t last;
	size_t i;

	if (tx->nevents > 0) {
		last = st->next_seq + tx->nevents - 1;
		segments_appended(st->segments, st->next_seq, last,
		    (uint32_t)tx->nevents, &tx->appended, tx->event_bytes);
		st->next_seq = last + 1;
	}

	for (i = 0; i < tx->ntouched; i++) {
		facts = store_facts(st, tx->touched[i]);
		assert(facts != NULL); /* store_tx_endpoint made it */
		facts->generation++;
		if (st->changed != NULL)
			st->changed(st->changed_arg, tx->touched[i]);
	}
	if (tx->leaves_rest)
		atomic_store(&st->settle_due, true);
	if (tx->accepts_clock)
		store_clock_accepted(st, tx);
	store_tell_deliverer(st, tx);
}

static int
run_change(void *arg, struct err *err)
{
	struct change *ch = arg;
	struct store *st = ch->st;
	struct store_tx tx = { .st = st, .actor = ch->actor };
	bool done = false;
	int ret = -1;

	if (atomic_load(&st->fenced))
		return err_set(err, ERR_AWAY, "the store starts anew");
	tx.now_ms = store_now_ms(st);
	if (prepare(st, err) < 0 || bdb_begin(st->db, &tx.txn, err) < 0)
		return -1;
	if (find_request(ch, tx.txn, &done, err) < 0)
		goto out;
	if (done) {
		ret = 0;
		goto out;
	}
	if (ch->change(&tx, ch->arg, ch->result, err) < 0)
		goto out;
	assert(tx.audits == 1); /* each change leaves one record of itself */
	if (keep_request(ch, &tx, err) < 0)
		goto out;
	ret = bdb_commit(tx.txn, err);
	tx.txn = NULL;
	if (ret < 0)
		goto out;
	put_in_force(st, &tx);
	memcpy(ch->revoked, tx.revoked, sizeof(ch->revoked));
	ch->nrevoked = tx.nrevoked;
out:
	bdb_abort(tx.txn);
	/* In this thread, before anything else is sealed. */
	if (ret < 0 && tx.rekeyed)
		seal_key_use(st->key, tx.key_was);
	if (ret < 0)
		buf_wipe(ch->result);
	if (ret < 0 && bdb_is_fenced(st->db))
		store_wake(st);
	return ret;
}

int
store_change_lost(struct store *st, const struct store_actor *actor,
    const unsigned char request_id[STORE_REQUEST_ID],
    int (*change)(
	struct store_tx *tx, void *arg, struct buf *result, struct err *err),
    void *arg, struct buf *result, struct err *err)
{
	struct change ch = { .st = st,
		.actor = actor,
		.request_id = request_id,
		.change = change,
		.arg = arg,
		.result = result };
	size_t i;

	if (commit_run(st->commit, run_change, &ch, err) < 0)
		return -1;
	/*
	 * Only what is durable goes to the deny list, and before revoke
	 * returns: a backup restored later finds it there.
	 */
	for (i = 0; i < ch.nrevoked; i++)
		if (deny_add(st->deny, ch.revoked[i], err) < 0)
			return err_wrap(err,
			    "the secret is revoked here, but a restored "
			    "backup would not know");
	return 0;
}

int
store_change(struct store *st, const struct store_actor *actor,
    const unsigned char request_id[STORE_REQUEST_ID],
    int (*change)(
	struct store_tx *tx, void *arg, struct buf *result, struct err *err),
    void *arg, struct buf *result, struct err *err)
{
	if (store_loss_refuse(st, err) < 0)
		return -1;
	return store_change_lost(
	    st, actor, request_id, change, arg, result, err);
}

int
store_look(struct store *st, int (*look)(void *arg, struct err *err), void *arg,
    struct err *err)
{
	return commit_run(st->commit, look, arg, err);
}

/* --- changes that nobody asked for ---------------------------------------- */

struct running {
	struct store *st;
	int (*run)(struct store_tx *tx, void *arg, struct err *err);
	void *arg;
};

static int
run_own(void *arg, struct err *err)
{
	struct running *rn = arg;
	struct store *st = rn->st;
	struct store_tx tx = { .st = st };
	int ret = -1;

	if (atomic_load(&st->fenced))
		return err_set(err, ERR_AWAY, "the store starts anew");
	tx.now_ms = store_now_ms(st);
	if (bdb_begin(st->db, &tx.txn, err) < 0)
		return -1;
	if (rn->run(&tx, rn->arg, err) == 0)
		ret = bdb_commit(tx.txn, err);
	else
		bdb_abort(tx.txn);
	if (ret == 0) {
		put_in_force(st, &tx);
	} else if (bdb_is_fenced(st->db)) {
		store_wake(st);
	}
	return ret;
}

int
store_run(struct store *st,
    int (*run)(struct store_tx *tx, void *arg, struct err *err), void *arg,
    struct err *err)
{
	struct running rn = { st, run, arg };

	if (store_loss_refuse(st, err) < 0)
		return -1;
	return commit_run(st->commit, run_own, &rn, err);
}

int
store_say_notices(struct store *st,
    int (*say)(struct store_tx *tx, void *arg, struct err *err), void *arg,
    struct err *err)
{
	return store_run(st, say, arg, err);
}
