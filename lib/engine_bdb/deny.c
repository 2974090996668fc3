/* deny.c: at open, what was revoked is revoked. */
#include "lib/engine_bdb/impl.h"

struct denying {
	struct store *st;
	struct store_tx tx;
};

static int
deny_one(void *arg, const struct secret *s, struct err *err)
{
	struct denying *dy = arg;
	struct secret row = *s;

	if (s->state == SECRET_REVOKED)
		return deny_add(dy->st->deny, s->id, err);
	if (!deny_has(dy->st->deny, s->id))
		return 0;
	store_say(dy->st,
	    "secret sec_%llu was revoked before this copy of the store was "
	    "made or restored; it is revoked here too",
	    (unsigned long long)s->id);
	row.state = SECRET_REVOKED;
	row.revoked_ms = dy->tx.now_ms;
	return store_put_secret(dy->st, dy->tx.txn, &row, err);
}

int
store_apply_deny(struct store *st, struct err *err)
{
	struct denying dy = { .st = st, .tx = { .st = st } };
	int ret;

	dy.tx.now_ms = store_now_ms(st);
	if (bdb_begin(st->db, &dy.tx.txn, err) < 0)
		return -1;
	ret = store_secrets(st, &dy.tx, 0, deny_one, &dy, err);
	if (ret < 0) {
		bdb_abort(dy.tx.txn);
		return -1;
	}
	return bdb_commit(dy.tx.txn, err) < 0 ? -1 : bdb_flush(st->db, err);
}
