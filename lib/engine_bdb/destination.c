/* destination.c: destinations as rows, and how far each has come. */
#include "lib/engine_bdb/impl.h"

#include <assert.h>
#include <string.h>

/* --- rows ----------------------------------------------------------------- */

/* What binds sealed settings to their row. */
#define AAD_WORD "eyelet destination "
#define AAD (sizeof(AAD_WORD) - 1 + 8)

static struct span
aad_of(uint64_t id, unsigned char aad[AAD])
{
	memcpy(aad, AAD_WORD, sizeof(AAD_WORD) - 1);
	be64_put(aad + sizeof(AAD_WORD) - 1, id);
	return span_of(aad, AAD);
}

/* Reads a row; out->doc is opened into doc, or empty when doc is NULL. */
static int
read_row(struct store *st, uint64_t id, struct span row,
    struct store_destination *out, struct buf *doc, struct err *err)
{
	unsigned char aad[AAD];

	if (record_get_destination(row, out, err) < 0)
		goto fail;
	out->id = id;
	if (doc == NULL) {
		out->doc = SPAN_EMPTY;
		return 0;
	}
	buf_clear(doc);
	if (unseal(st->key, aad_of(id, aad), out->doc, doc, err) < 0)
		goto fail;
	out->doc = buf_span(doc);
	return 0;
fail:
	return err_wrap(err, "destination %llu", (unsigned long long)id);
}

static int
get(struct store *st, struct bdb_txn *txn, uint64_t id,
    struct store_destination *out, struct buf *doc, bool *found,
    struct err *err)
{
	struct buf row = BUF_INIT(STORE_ROW_MAX);
	unsigned char key[8];
	int ret;

	be64_put(key, id);
	ret = bdb_get(
	    st->destinations, txn, span_of(key, sizeof(key)), &row, found, err);
	if (ret == 0 && *found)
		ret = read_row(st, id, buf_span(&row), out, doc, err);
	buf_free(&row);
	return ret;
}

static int
put(struct store *st, struct bdb_txn *txn, const struct store_destination *d,
    struct err *err)
{
	struct buf row = BUF_INIT(STORE_ROW_MAX),
		   sealed = BUF_INIT(STORE_ROW_MAX);
	struct store_destination closed = *d;
	unsigned char aad[AAD], key[8];
	int ret = -1;

	assert(d->doc.len <= DESTINATION_DOC_MAX); /* or nobody can read it */
	be64_put(key, d->id);
	if (seal(st->key, aad_of(d->id, aad), d->doc, &sealed, err) < 0)
		goto out;
	closed.doc = buf_span(&sealed);
	if (record_put_destination(&closed, &row, err) < 0)
		goto out;
	ret = bdb_put(st->destinations, txn, span_of(key, sizeof(key)),
	    buf_span(&row), err);
out:
	buf_free(&row);
	buf_free(&sealed);
	return ret;
}

/* doc NULL: the visitor does not look at settings. */
static int
each(struct store *st, struct store_tx *tx, struct buf *doc,
    int (*visit)(void *arg, const struct store_destination *d, struct err *err),
    void *arg, struct err *err)
{
	struct buf key = BUF_INIT(64), row = BUF_INIT(STORE_ROW_MAX);
	unsigned char after[8] = { 0 };
	struct store_destination d;
	bool found;
	int ret = -1;

	for (;;) {
		if (bdb_find(st->destinations, store_txn(tx), BDB_GT,
			span_of(after, sizeof(after)), &key, &row, &found,
			err) < 0)
			goto out;
		if (!found)
			break;
		if (key.len != sizeof(after)) {
			err_set(err, ERR_CORRUPT,
			    "destination key of %zu bytes", key.len);
			goto out;
		}
		memcpy(after, key.ptr, sizeof(after));
		if (read_row(
			st, be64_get(after), buf_span(&row), &d, doc, err) < 0)
			goto out;
		ret = visit(arg, &d, err);
		if (ret != 0)
			goto out;
	}
	ret = 0;
out:
	buf_free(&key);
	buf_free(&row);
	return ret < 0 ? -1 : 0;
}

int
store_destinations(struct store *st, struct store_tx *tx,
    int (*visit)(void *arg, const struct store_destination *d, struct err *err),
    void *arg, struct err *err)
{
	struct buf doc = BUF_INIT(DESTINATION_DOC_MAX);
	int ret = each(st, tx, &doc, visit, arg, err);

	buf_wipe(&doc);
	return ret;
}

int
store_each_destination(struct store *st,
    int (*visit)(void *arg, const struct store_destination *d, struct err *err),
    void *arg, struct err *err)
{
	return each(st, NULL, NULL, visit, arg, err);
}

int
store_destination_by_id(struct store *st, struct store_tx *tx, uint64_t id,
    struct store_destination *out, struct buf *doc, bool *found,
    struct err *err)
{
	return get(st, store_txn(tx), id, out, doc, found, err);
}

struct by_name {
	const char *name;
	uint64_t id; /* 0: not found */
};

static int
match_name(void *arg, const struct store_destination *d, struct err *err)
{
	struct by_name *want = arg;

	(void)err;
	if (d->state == STORE_DESTINATION_REMOVED ||
	    strcmp(d->name, want->name) != 0)
		return 0;
	want->id = d->id;
	return 1;
}

int
store_destination_by_name(struct store *st, struct store_tx *tx,
    const char *name, struct store_destination *out, struct buf *doc,
    bool *found, struct err *err)
{
	struct by_name want = { name, 0 };

	if (each(st, tx, NULL, match_name, &want, err) < 0)
		return -1;
	*found = want.id != 0;
	return want.id == 0
		   ? 0
		   : get(st, store_txn(tx), want.id, out, doc, found, err);
}

/* --- cursors -------------------------------------------------------------- */

int
store_get_cursor(struct store *st, struct bdb_txn *txn, uint64_t id,
    struct record_cursor *out, bool *found, struct err *err)
{
	struct buf row = BUF_INIT(256);
	unsigned char key[8];
	int ret;

	be64_put(key, id);
	ret = bdb_get(
	    st->cursors, txn, span_of(key, sizeof(key)), &row, found, err);
	if (ret == 0 && *found)
		ret = record_get_cursor(buf_span(&row), out, err);
	buf_free(&row);
	return ret;
}

int
store_put_cursor(struct store *st, struct bdb_txn *txn, uint64_t id,
    const struct record_cursor *c, struct err *err)
{
	struct buf row = BUF_INIT(256);
	unsigned char key[8];
	int ret;

	be64_put(key, id);
	ret = record_put_cursor(c, &row, err);
	if (ret == 0)
		ret = bdb_put(st->cursors, txn, span_of(key, sizeof(key)),
		    buf_span(&row), err);
	buf_free(&row);
	return ret;
}

int
store_delete_cursor(
    struct store *st, struct bdb_txn *txn, uint64_t id, struct err *err)
{
	unsigned char key[8];
	bool found;

	be64_put(key, id);
	return bdb_delete(
	    st->cursors, txn, span_of(key, sizeof(key)), &found, err);
}

int
store_cursor(struct store *st, uint64_t destination_id, uint64_t *seq,
    bool *found, struct err *err)
{
	struct record_cursor c;

	if (store_get_cursor(st, NULL, destination_id, &c, found, err) < 0)
		return -1;
	if (*found)
		*seq = c.seq;
	return 0;
}

int
store_failing(struct store *st, uint64_t destination_id,
    struct store_failing *out, struct err *err)
{
	struct record_cursor c = { .seq = 0 };
	bool found;

	if (store_get_cursor(st, NULL, destination_id, &c, &found, err) < 0)
		return -1;
	*out = c.failing;
	return 0;
}

/* --- changes -------------------------------------------------------------- */

static int
add(struct store_tx *tx, struct store_destination *d, uint64_t cursor,
    struct err *err)
{
	/* This is the committer: nothing comes between. */
	struct record_cursor c = { .seq = cursor == 0 ? tx->st->next_seq
						      : cursor };

	if (store_next_id(tx->st, tx->txn, STORE_NEXT_OWNER, &d->id, err) < 0)
		return -1;
	d->generation = 0;
	d->created_ms = tx->now_ms;
	return store_put_cursor(tx->st, tx->txn, d->id, &c, err);
}

/* One that runs again has all its time. */
static int
forget_failing(struct store_tx *tx, uint64_t id, struct err *err)
{
	struct record_cursor c;
	bool found;

	if (store_get_cursor(tx->st, tx->txn, id, &c, &found, err) < 0)
		return -1;
	if (!found || c.failing.at_ms == 0)
		return 0;
	c.failing = (struct store_failing){ 0, 0 };
	return store_put_cursor(tx->st, tx->txn, id, &c, err);
}

static int
replace(struct store_tx *tx, struct store_destination *d, struct err *err)
{
	struct store_destination old;
	struct record_cursor c;
	bool found;

	if (get(tx->st, tx->txn, d->id, &old, NULL, &found, err) < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_NOTFOUND, "destination %llu",
		    (unsigned long long)d->id);
	d->generation = old.generation;
	d->created_ms = old.created_ms;
	if (d->state == STORE_DESTINATION_ENABLED &&
	    old.state != STORE_DESTINATION_ENABLED)
		return forget_failing(tx, d->id, err);
	if (d->state != STORE_DESTINATION_REMOVED ||
	    old.state == STORE_DESTINATION_REMOVED)
		return 0;
	/* What it had not passed is settled by the keeper, up to here. */
	if (store_get_cursor(tx->st, tx->txn, d->id, &c, &found, err) < 0)
		return -1;
	if (!found)
		c = (struct record_cursor){ .seq = tx->st->next_seq };
	c.end_seq = tx->st->next_seq;
	tx->leaves_rest = true;
	return store_put_cursor(tx->st, tx->txn, d->id, &c, err);
}

int
store_tx_destination(struct store_tx *tx, struct store_destination *d,
    uint64_t cursor, struct err *err)
{
	bool first;

	if ((d->id == 0 ? add(tx, d, cursor, err) : replace(tx, d, err)) < 0 ||
	    store_tx_touch(tx, d->id, &first, err) < 0)
		return -1;
	if (first)
		d->generation++;
	d->changed_ms = tx->now_ms;
	return put(tx->st, tx->txn, d, err);
}

int
store_bump_destination(
    struct store_tx *tx, uint64_t id, bool *found, struct err *err)
{
	struct buf doc = BUF_INIT(STORE_ROW_MAX);
	struct store_destination d;
	int ret;

	ret = get(tx->st, tx->txn, id, &d, &doc, found, err);
	if (ret == 0 && *found) {
		d.generation++;
		ret = put(tx->st, tx->txn, &d, err);
	}
	buf_wipe(&doc);
	return ret;
}

/* --- another key ---------------------------------------------------------- */

struct resealing {
	struct store_tx *tx;
	uint64_t n;
};

static int
reseal(void *arg, const struct store_destination *d, struct err *err)
{
	struct resealing *rs = arg;

	rs->n++;
	return put(rs->tx->st, rs->tx->txn, d, err);
}

int
store_reseal_destinations(
    struct store_tx *tx, uint64_t *destinations, struct err *err)
{
	struct resealing rs = { tx, 0 };

	if (store_destinations(tx->st, tx, reseal, &rs, err) < 0)
		return -1;
	*destinations = rs.n;
	return 0;
}
