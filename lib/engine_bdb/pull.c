/* pull.c: the named places of readers that fetch events by themselves. */
#include "lib/engine_bdb/impl.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "pull "
#define KEY_MAX (sizeof(PREFIX) + ENDPOINT_NAME_MAX)
#define ROW_MAX 16384

static struct span
key_of(const char *name, char key[KEY_MAX])
{
	snprintf(key, KEY_MAX, PREFIX "%s", name);
	return span_str(key);
}

static int
get(struct store *st, struct bdb_txn *txn, const char *name,
    struct store_pull *out, struct buf *scratch, bool *found, struct err *err)
{
	char key[KEY_MAX];

	if (bdb_get(st->meta, txn, key_of(name, key), scratch, found, err) < 0)
		return -1;
	if (!*found)
		return 0;
	snprintf(out->name, sizeof(out->name), "%s", name);
	return record_get_pull(buf_span(scratch), out, err);
}

static int
put(struct store *st, struct bdb_txn *txn, const struct store_pull *p,
    struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	char key[KEY_MAX];
	int ret;

	ret = record_put_pull(p, &row, err);
	if (ret == 0)
		ret = bdb_put(
		    st->meta, txn, key_of(p->name, key), buf_span(&row), err);
	buf_free(&row);
	return ret;
}

int
store_pull(struct store *st, struct store_tx *tx, const char *name,
    struct store_pull *out, struct buf *scratch, bool *found, struct err *err)
{
	return get(st, store_txn(tx), name, out, scratch, found, err);
}

int
store_pulls(struct store *st, struct store_tx *tx,
    int (*visit)(void *arg, const struct store_pull *p, struct err *err),
    void *arg, struct err *err)
{
	struct buf key = BUF_INIT(256), row = BUF_INIT(ROW_MAX),
		   at = BUF_INIT(256);
	const size_t skip = sizeof(PREFIX) - 1;
	struct store_pull p;
	bool found;
	int ret = -1;

	if (buf_puts(&at, PREFIX, err) < 0)
		goto out;
	for (;;) {
		if (bdb_find(st->meta, store_txn(tx), BDB_GT, buf_span(&at),
			&key, &row, &found, err) < 0)
			goto out;
		if (!found || !span_starts(buf_span(&key), PREFIX))
			break;
		buf_clear(&at);
		if (buf_put_span(&at, buf_span(&key), err) < 0 ||
		    record_get_pull(buf_span(&row), &p, err) < 0)
			goto out;
		snprintf(p.name, sizeof(p.name), "%.*s", (int)(key.len - skip),
		    (const char *)key.ptr + skip);
		ret = visit(arg, &p, err);
		if (ret != 0)
			goto out;
		ret = -1;
	}
	ret = 0;
out:
	buf_free(&key);
	buf_free(&row);
	buf_free(&at);
	return ret < 0 ? -1 : 0;
}

static int
count_one(void *arg, const struct store_pull *p, struct err *err)
{
	size_t *n = arg;

	(void)p;
	(void)err;
	++*n;
	return 0;
}

int
store_tx_pull(struct store_tx *tx, struct store_pull *p, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	struct store_pull old;
	size_t n = 0;
	bool found;
	int ret;

	ret = get(tx->st, tx->txn, p->name, &old, &row, &found, err);
	buf_free(&row);
	if (ret < 0 || store_pulls(tx->st, tx, count_one, &n, err) < 0)
		return -1;
	if (found)
		return err_set(err, ERR_EXISTS,
		    "there is a cursor \"%s\" already", p->name);
	if (n >= STORE_PULLS_MAX)
		return err_set(err, ERR_LIMIT,
		    "there are %d cursors already: remove those that nobody "
		    "reads by",
		    STORE_PULLS_MAX);
	if (p->seq == 0)
		p->seq = tx->st->next_seq;
	p->created_ms = tx->now_ms;
	p->moved_ms = 0;
	return put(tx->st, tx->txn, p, err);
}

int
store_tx_pull_remove(
    struct store_tx *tx, const char *name, bool *found, struct err *err)
{
	char key[KEY_MAX];

	return bdb_delete(tx->st->meta, tx->txn, key_of(name, key), found, err);
}

/* --- moving --------------------------------------------------------------- */

struct moving {
	struct store *st;
	const char *name;
	uint64_t seq;
};

static int
move(struct moving *mv, struct bdb_txn *txn, struct buf *row, struct err *err)
{
	struct store_pull p;
	bool found;

	if (get(mv->st, txn, mv->name, &p, row, &found, err) < 0)
		return -1;
	if (!found)
		return err_set(
		    err, ERR_NOTFOUND, "there is no cursor \"%s\"", mv->name);
	if (mv->seq <= p.seq) {
		mv->seq = p.seq;
		return 0;
	}
	p.seq = mv->seq;
	p.moved_ms = store_now_ms(mv->st);
	return put(mv->st, txn, &p, err);
}

static int
run_move(void *arg, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	struct moving *mv = arg;
	struct store *st = mv->st;
	struct bdb_txn *txn;
	int ret = -1;

	if (atomic_load(&st->fenced))
		return err_set(err, ERR_AWAY, "the store starts anew");
	if (bdb_begin(st->db, &txn, err) < 0)
		return -1;
	if (move(mv, txn, &row, err) == 0)
		ret = bdb_commit(txn, err);
	else
		bdb_abort(txn);
	if (ret < 0 && bdb_is_fenced(st->db))
		store_wake(st);
	buf_free(&row);
	return ret;
}

int
store_pull_move(
    struct store *st, const char *name, uint64_t *seq, struct err *err)
{
	struct moving mv = { st, name, *seq };

	if (store_loss_refuse(st, err) < 0 ||
	    commit_run(st->commit, run_move, &mv, err) < 0)
		return -1;
	*seq = mv.seq;
	return 0;
}
