/* requests.c: what is kept of requests, so that each is done once. */
#include "lib/engine_bdb/impl.h"

#define REQUEST_KEPT_MS (3600 * 1000LL)

int
store_forget_requests(
    struct store *st, struct bdb_txn *txn, int64_t age_ms, struct err *err)
{
	struct buf key = BUF_INIT(64), at = BUF_INIT(64),
		   value = BUF_INIT(STORE_RESULT_MAX + 2048);
	struct record_request rec;
	bool found, deleted;
	int ret = -1;

	if (bdb_find(st->requests, txn, BDB_FIRST, SPAN_EMPTY, &key, &value,
		&found, err) < 0)
		goto out;
	while (found) {
		if (record_get_request(buf_span(&value), &rec, err) < 0)
			goto out;
		if (rec.age_ms < age_ms - REQUEST_KEPT_MS &&
		    bdb_delete(
			st->requests, txn, buf_span(&key), &deleted, err) < 0)
			goto out;
		buf_clear(&at);
		if (buf_put_span(&at, buf_span(&key), err) < 0 ||
		    bdb_find(st->requests, txn, BDB_GT, buf_span(&at), &key,
			&value, &found, err) < 0)
			goto out;
	}
	ret = 0;
out:
	buf_free(&key);
	buf_free(&at);
	buf_free(&value);
	return ret;
}

int
store_reseal_requests(struct store_tx *tx, struct err *err)
{
	struct store *st = tx->st;
	struct buf key = BUF_INIT(64), after = BUF_INIT(64),
		   value = BUF_INIT(STORE_RESULT_MAX + 2048),
		   plain = BUF_INIT(STORE_RESULT_MAX + 1024),
		   sealed = BUF_INIT(STORE_RESULT_MAX + 2048);
	struct record_request rec;
	bool found;
	int ret = -1;

	if (bdb_find(st->requests, tx->txn, BDB_FIRST, SPAN_EMPTY, &key, &value,
		&found, err) < 0)
		goto out;
	while (found) {
		buf_wipe(&plain);
		buf_clear(&sealed);
		buf_clear(&after);
		if (record_get_request(buf_span(&value), &rec, err) < 0 ||
		    unseal(st->key, buf_span(&key), rec.result, &plain, err) <
			0 ||
		    seal(st->key, buf_span(&key), buf_span(&plain), &sealed,
			err) < 0)
			goto out;
		rec.result = buf_span(&sealed);
		buf_clear(&value);
		if (record_put_request(&rec, &value, err) < 0 ||
		    bdb_put(st->requests, tx->txn, buf_span(&key),
			buf_span(&value), err) < 0 ||
		    buf_put_span(&after, buf_span(&key), err) < 0 ||
		    bdb_find(st->requests, tx->txn, BDB_GT, buf_span(&after),
			&key, &value, &found, err) < 0)
			goto out;
	}
	ret = 0;
out:
	buf_free(&key);
	buf_free(&after);
	buf_free(&value);
	buf_wipe(&plain);
	buf_free(&sealed);
	return ret;
}
