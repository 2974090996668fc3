/* audit.c: the audit trail: who changed what, when. */
#include "lib/engine_bdb/impl.h"

#include <string.h>

int
store_tx_audit(struct store_tx *tx, const char *verb, const char *target,
    struct span detail, struct err *err)
{
	struct buf row = BUF_INIT(STORE_ROW_MAX);
	struct store_audit a = { .at_ms = tx->now_ms,
		.uid = tx->actor->uid,
		.pid = tx->actor->pid,
		.user = tx->actor->user,
		.login = tx->actor->login,
		.claimed = tx->actor->claimed,
		.program = span_str(tx->actor->program),
		.verb = span_str(verb),
		.target = span_str(target),
		.detail = detail };
	unsigned char key[8];
	int ret = -1;

	if (store_next_id(tx->st, tx->txn, "next audit", &a.no, err) < 0)
		goto out;
	be64_put(key, a.no);
	if (record_put_audit(&a, &row, err) < 0 ||
	    bdb_put(tx->st->audit, tx->txn, span_of(key, sizeof(key)),
		buf_span(&row), err) < 0)
		goto out;
	tx->audits++;
	ret = 0;
out:
	buf_free(&row);
	return ret;
}

int
store_audits(struct store *st, int64_t since_ms,
    int (*visit)(void *arg, const struct store_audit *a, struct err *err),
    void *arg, struct err *err)
{
	struct buf key = BUF_INIT(64), row = BUF_INIT(STORE_ROW_MAX);
	unsigned char after[8] = { 0 };
	struct store_audit a;
	bool found;
	int ret = -1;

	for (;;) {
		if (bdb_find(st->audit, NULL, BDB_GT,
			span_of(after, sizeof(after)), &key, &row, &found,
			err) < 0)
			goto out;
		if (!found)
			break;
		if (key.len != sizeof(after)) {
			err_set(err, ERR_CORRUPT, "audit key of %zu bytes",
			    key.len);
			goto out;
		}
		memcpy(after, key.ptr, sizeof(after));
		if (record_get_audit(buf_span(&row), &a, err) < 0)
			goto out;
		a.no = be64_get(after);
		ret = a.at_ms < since_ms ? 0 : visit(arg, &a, err);
		if (ret != 0)
			goto out;
	}
	ret = 0;
out:
	buf_free(&key);
	buf_free(&row);
	return ret < 0 ? -1 : 0;
}
