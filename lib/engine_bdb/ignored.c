/*
 * ignored.c: records of authentic messages that became no event, since
 * their type was not selected or they could not be read: so that nobody posts
 * one again as another message. Of an endpoint ignored_max messages are kept.
 *
 * Keys of the table "ignored", each with 8 bytes of endpoint id behind it:
 *	"k", 16 key			a record (dedupe)
 *	"a", 8 age in ms, 16 key	the keys of one message, 16 bytes each
 *	"n"				8 bytes: how many messages there are
 */
#include "lib/engine_bdb/batch.h"

#include <string.h>

#define ROW_MAX 256
#define KEY_MAX (1 + 8 + 8 + DEDUPE_KEY_SIZE)
#define MAKE_ROOM_AT_ONCE 2 /* messages go; one comes */
#define TELL_EVERY_MS (3600 * 1000LL)

static struct span
record_key(uint64_t endpoint_id, const unsigned char key[DEDUPE_KEY_SIZE],
    unsigned char out[KEY_MAX])
{
	out[0] = 'k';
	be64_put(out + 1, endpoint_id);
	memcpy(out + 9, key, DEDUPE_KEY_SIZE);
	return span_of(out, 9 + DEDUPE_KEY_SIZE);
}

static struct span
count_key(uint64_t endpoint_id, unsigned char out[KEY_MAX])
{
	out[0] = 'n';
	be64_put(out + 1, endpoint_id);
	return span_of(out, 9);
}

static struct span
age_key(uint64_t endpoint_id, int64_t age_ms, const unsigned char *key,
    unsigned char out[KEY_MAX])
{
	out[0] = 'a';
	be64_put(out + 1, endpoint_id);
	be64_put(out + 9, (uint64_t)age_ms);
	memcpy(out + 17, key, DEDUPE_KEY_SIZE);
	return span_of(out, 17 + DEDUPE_KEY_SIZE);
}

int
store_ignored_find(struct store *st, struct bdb_txn *txn, uint64_t endpoint_id,
    const unsigned char key[DEDUPE_KEY_SIZE], struct record_dedupe *out,
    bool *found, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	unsigned char at[KEY_MAX];
	int ret;

	ret = bdb_get(st->ignored, txn, record_key(endpoint_id, key, at), &row,
	    found, err);
	if (ret == 0 && *found)
		ret = record_get_dedupe(buf_span(&row), out, err);
	buf_free(&row);
	return ret;
}

static int
get_count(struct store *st, struct bdb_txn *txn, uint64_t endpoint_id,
    uint64_t *n, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	unsigned char key[KEY_MAX];
	bool found;
	int ret;

	*n = 0;
	ret = bdb_get(
	    st->ignored, txn, count_key(endpoint_id, key), &row, &found, err);
	if (ret == 0 && found && row.len == 8)
		*n = be64_get(row.ptr);
	buf_free(&row);
	return ret;
}

static int
put_count(struct store *st, struct bdb_txn *txn, uint64_t endpoint_id,
    uint64_t n, struct err *err)
{
	unsigned char key[KEY_MAX], value[8];

	be64_put(value, n);
	return bdb_put(st->ignored, txn, count_key(endpoint_id, key),
	    span_of(value, sizeof(value)), err);
}

/* The message of an endpoint that came first: its row of age, and when. */
static int
find_oldest(struct store *st, struct bdb_txn *txn, uint64_t endpoint_id,
    struct buf *key, struct buf *keys, int64_t *age_ms, bool *found,
    struct err *err)
{
	static const unsigned char none[DEDUPE_KEY_SIZE];
	unsigned char from[KEY_MAX];

	if (bdb_find(st->ignored, txn, BDB_GE,
		age_key(endpoint_id, 0, none, from), key, keys, found, err) < 0)
		return -1;
	*found =
	    *found && key->len == KEY_MAX && memcmp(key->ptr, from, 9) == 0;
	if (*found)
		*age_ms = (int64_t)be64_get(key->ptr + 9);
	return 0;
}

static int
forget(struct store *st, struct bdb_txn *txn, uint64_t endpoint_id,
    const struct buf *key, const struct buf *keys, struct err *err)
{
	unsigned char at[KEY_MAX];
	size_t i;
	bool found;

	for (i = 0; i + DEDUPE_KEY_SIZE <= keys->len; i += DEDUPE_KEY_SIZE)
		if (bdb_delete(st->ignored, txn,
			record_key(endpoint_id, keys->ptr + i, at), &found,
			err) < 0)
			return -1;
	return bdb_delete(st->ignored, txn, buf_span(key), &found, err);
}

static void
tell(struct store *st, uint64_t endpoint_id)
{
	struct store_endpoint_facts *facts = store_facts(st, endpoint_id);

	if (facts == NULL ||
	    (facts->told_ignored_ms != 0 &&
		store_age_ms(st) - facts->told_ignored_ms < TELL_EVERY_MS))
		return;
	facts->told_ignored_ms = store_age_ms(st);
	store_say(st,
	    "endpoint number %llu has ignored_max (%llu) records of messages "
	    "that were ignored or refused: the oldest are forgotten, so that "
	    "somebody who has captured one can post it as another",
	    (unsigned long long)endpoint_id,
	    (unsigned long long)st->limits.ignored_max);
}

/* The oldest go: those past the horizon, and those above the limit. */
static int
make_room(struct store *st, struct bdb_txn *txn, uint64_t endpoint_id,
    int64_t age_ms, int64_t window_ms, uint64_t *n, struct err *err)
{
	struct buf key = BUF_INIT(64), keys = BUF_INIT(ROW_MAX);
	int64_t old_ms = 0;
	unsigned i;
	bool found, full;
	int ret = -1;

	for (i = 0; i < MAKE_ROOM_AT_ONCE; i++) {
		if (find_oldest(st, txn, endpoint_id, &key, &keys, &old_ms,
			&found, err) < 0)
			goto out;
		full = *n >= st->limits.ignored_max;
		if (!found ||
		    (!full && age_ms - old_ms <= st->opt.horizon_s * 1000))
			break;
		if (full && age_ms - old_ms < window_ms) {
			err_set(err, ERR_LIMIT,
			    "%llu messages were ignored or refused within the "
			    "time window of the scheme (ignored_max)",
			    (unsigned long long)*n);
			goto out;
		}
		if (full)
			tell(st, endpoint_id);
		if (forget(st, txn, endpoint_id, &key, &keys, err) < 0)
			goto out;
		*n -= *n > 0 ? 1 : 0;
	}
	ret = 0;
out:
	buf_free(&key);
	buf_free(&keys);
	return ret;
}

int
store_ignored_put(struct store *st, struct bdb_txn *txn, uint64_t endpoint_id,
    const struct dedupe_hashes *hashes, unsigned writes,
    const struct record_dedupe *rec, int64_t window_ms, struct err *err)
{
	struct buf keys = BUF_INIT(ROW_MAX), row = BUF_INIT(ROW_MAX);
	unsigned char at[KEY_MAX];
	uint64_t n;
	unsigned key;
	int ret = -1;

	if (get_count(st, txn, endpoint_id, &n, err) < 0 ||
	    make_room(st, txn, endpoint_id, rec->first.age_ms, window_ms, &n,
		err) < 0 ||
	    record_put_dedupe(rec, &row, err) < 0)
		goto out;
	for (key = 0; key < DEDUPE_KEYS; key++) {
		if ((writes & DEDUPE_BIT(key)) == 0)
			continue;
		if (buf_put(&keys, hashes->keys[key], DEDUPE_KEY_SIZE, err) <
			0 ||
		    bdb_put(st->ignored, txn,
			record_key(endpoint_id, hashes->keys[key], at),
			buf_span(&row), err) < 0)
			goto out;
	}
	if (bdb_put(st->ignored, txn,
		age_key(endpoint_id, rec->first.age_ms, keys.ptr, at),
		buf_span(&keys), err) < 0)
		goto out;
	ret = put_count(st, txn, endpoint_id, n + 1, err);
out:
	buf_free(&keys);
	buf_free(&row);
	return ret;
}
