/*
 * notice_rows.c: rows of notices: those that are due, and marks of
 * those that were put.
 */
#include "lib/engine_bdb/notice_rows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define ID_RANDOM 12 /* bytes */
#define KEY_DUE 'd'
#define KEY_MARK 'm'
#define MARK_WORD_MAX (NOTICE_KEY_MAX - 1 - 8)

struct span
notice_due_key(uint64_t no, unsigned char key[NOTICE_KEY_MAX])
{
	key[0] = KEY_DUE;
	be64_put(key + 1, no);
	return span_of(key, 9);
}

int
notice_find_due(struct store *st, struct bdb_txn *txn, enum bdb_seek seek,
    uint64_t from, struct buf *key, struct buf *row, uint64_t *no,
    struct err *err)
{
	unsigned char at[NOTICE_KEY_MAX];
	bool found;

	if (bdb_find(st->notices, txn, seek, notice_due_key(from, at), key, row,
		&found, err) < 0)
		return -1;
	*no = 0;
	if (found && key->len == 9 && key->ptr[0] == KEY_DUE)
		*no = be64_get(key->ptr + 1);
	return 0;
}

/* The number behind the last one; 0: too many wait. */
static int
next_due(struct store_tx *tx, uint64_t *no, struct err *err)
{
	struct buf key = BUF_INIT(NOTICE_KEY_MAX),
		   row = BUF_INIT(NOTICE_ROW_MAX);
	uint64_t first, last;
	int ret = -1;

	if (notice_find_due(
		tx->st, tx->txn, BDB_GE, 0, &key, &row, &first, err) < 0 ||
	    notice_find_due(tx->st, tx->txn, BDB_LE, UINT64_MAX, &key, &row,
		&last, err) < 0)
		goto out;
	*no = first != 0 && last - first + 1 >= NOTICE_DUE_MAX ? 0 : last + 1;
	ret = 0;
out:
	buf_free(&key);
	buf_free(&row);
	return ret;
}

/* Never one that was given before, not even before a backup was restored. */
static int
make_id(char id[NOTICE_ID_MAX], struct err *err)
{
	unsigned char random[ID_RANDOM];
	size_t i, len = sizeof(NOTICE_ID_PREFIX) - 1;

	if (digest_random(random, sizeof(random), err) < 0)
		return -1;
	memcpy(id, NOTICE_ID_PREFIX, len);
	for (i = 0; i < sizeof(random); i++)
		snprintf(id + len + 2 * i, 3, "%02x", random[i]);
	return 0;
}

int
notice_put(struct store_tx *tx, const char *type, struct span data, bool *put,
    struct err *err)
{
	struct buf row = BUF_INIT(NOTICE_ROW_MAX);
	struct record_notice n = {
		.at_ms = tx->now_ms, .type = span_str(type), .data = data
	};
	unsigned char key[NOTICE_KEY_MAX];
	char id[NOTICE_ID_MAX];
	uint64_t no;
	int ret = -1;

	if (next_due(tx, &no, err) < 0)
		goto out;
	*put = no != 0;
	if (no == 0) {
		ret = 0;
		goto out;
	}
	if (make_id(id, err) < 0)
		goto out;
	n.id = span_str(id);
	if (record_put_notice(&n, &row, err) < 0 ||
	    bdb_put(tx->st->notices, tx->txn, notice_due_key(no, key),
		buf_span(&row), err) < 0)
		goto out;
	atomic_store(&tx->st->notices_due, true);
	ret = 0;
out:
	buf_free(&row);
	return ret < 0 ? err_wrap(err, "notice %s", type) : 0;
}

static struct span
mark_key(const char *kind, uint64_t id, unsigned char key[NOTICE_KEY_MAX])
{
	size_t len = strlen(kind);

	assert(len <= MARK_WORD_MAX);
	key[0] = KEY_MARK;
	memcpy(key + 1, kind, len);
	be64_put(key + 1 + len, id);
	return span_of(key, 1 + len + 8);
}

int
notice_mark(struct store *st, struct store_tx *tx, const char *kind,
    uint64_t id, struct notice_mark *out, bool *found, struct err *err)
{
	struct buf row = BUF_INIT(64);
	unsigned char key[NOTICE_KEY_MAX];
	int ret;

	memset(out, 0, sizeof(*out));
	ret = bdb_get(st->notices, store_txn(tx), mark_key(kind, id, key), &row,
	    found, err);
	if (ret == 0 && *found)
		ret = record_get_mark(buf_span(&row), out, err);
	buf_free(&row);
	return ret;
}

int
notice_set_mark(struct store_tx *tx, const char *kind, uint64_t id,
    const struct notice_mark *mark, struct err *err)
{
	struct buf row = BUF_INIT(64);
	unsigned char key[NOTICE_KEY_MAX];
	bool found;
	int ret = -1;

	if (mark == NULL)
		return bdb_delete(tx->st->notices, tx->txn,
		    mark_key(kind, id, key), &found, err);
	if (record_put_mark(mark, &row, err) == 0)
		ret = bdb_put(tx->st->notices, tx->txn, mark_key(kind, id, key),
		    buf_span(&row), err);
	buf_free(&row);
	return ret;
}
