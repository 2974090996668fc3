/* rows.c: endpoints, secrets and audit records as rows of tables. */
#include "lib/engine_bdb/impl.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* --- endpoints ----------------------------------------------------------- */

/*
 * Settings may hold what is confidential (params), so they are sealed, and
 * bound to their row.
 */
#define ENDPOINT_AAD_WORD "eyelet endpoint "
#define ENDPOINT_AAD (sizeof(ENDPOINT_AAD_WORD) - 1 + 8)

static struct span
endpoint_aad(uint64_t id, unsigned char aad[ENDPOINT_AAD])
{
	memcpy(aad, ENDPOINT_AAD_WORD, sizeof(ENDPOINT_AAD_WORD) - 1);
	be64_put(aad + sizeof(ENDPOINT_AAD_WORD) - 1, id);
	return span_of(aad, ENDPOINT_AAD);
}

/* Reads a row; out->doc is opened into doc, or empty when doc is NULL. */
static int
read_endpoint(struct store *st, uint64_t id, struct span row,
    struct store_endpoint *out, struct buf *doc, struct err *err)
{
	unsigned char aad[ENDPOINT_AAD];

	if (record_get_endpoint(row, out, err) < 0)
		goto fail;
	out->id = id;
	if (doc == NULL) {
		out->doc = SPAN_EMPTY;
		return 0;
	}
	buf_clear(doc);
	if (unseal(st->key, endpoint_aad(id, aad), out->doc, doc, err) < 0)
		goto fail;
	out->doc = buf_span(doc);
	return 0;
fail:
	return err_wrap(err, "endpoint %llu", (unsigned long long)id);
}

static int
get_endpoint(struct store *st, struct bdb_txn *txn, uint64_t id,
    struct store_endpoint *out, struct buf *doc, bool *found, struct err *err)
{
	struct buf row = BUF_INIT(STORE_ROW_MAX);
	unsigned char key[8];
	int ret;

	be64_put(key, id);
	ret = bdb_get(
	    st->endpoints, txn, span_of(key, sizeof(key)), &row, found, err);
	if (ret == 0 && *found)
		ret = read_endpoint(st, id, buf_span(&row), out, doc, err);
	buf_free(&row);
	return ret;
}

static int
put_endpoint(struct store *st, struct bdb_txn *txn,
    const struct store_endpoint *ep, struct err *err)
{
	struct buf row = BUF_INIT(STORE_ROW_MAX),
		   sealed = BUF_INIT(STORE_ROW_MAX);
	struct store_endpoint closed = *ep;
	unsigned char aad[ENDPOINT_AAD], key[8];
	int ret = -1;

	assert(ep->doc.len <= ENDPOINT_DOC_MAX); /* or nobody can read it */
	be64_put(key, ep->id);
	if (seal(st->key, endpoint_aad(ep->id, aad), ep->doc, &sealed, err) < 0)
		goto out;
	closed.doc = buf_span(&sealed);
	if (record_put_endpoint(&closed, &row, err) < 0)
		goto out;
	ret = bdb_put(
	    st->endpoints, txn, span_of(key, sizeof(key)), buf_span(&row), err);
out:
	buf_free(&row);
	buf_free(&sealed);
	return ret;
}

int
store_tx_endpoint(
    struct store_tx *tx, struct store_endpoint *ep, struct err *err)
{
	struct store_endpoint old;
	bool found, first;

	if (ep->id == 0) {
		if (store_next_id(
			tx->st, tx->txn, STORE_NEXT_OWNER, &ep->id, err) < 0)
			return -1;
		ep->generation = 0;
		ep->created_ms = tx->now_ms;
	} else {
		if (get_endpoint(
			tx->st, tx->txn, ep->id, &old, NULL, &found, err) < 0)
			return -1;
		if (!found)
			return err_set(err, ERR_NOTFOUND, "endpoint %llu",
			    (unsigned long long)ep->id);
		ep->generation = old.generation;
		ep->created_ms = old.created_ms;
	}
	if (store_tx_touch(tx, ep->id, &first, err) < 0)
		return -1;
	if (first)
		ep->generation++;
	ep->changed_ms = tx->now_ms;
	return put_endpoint(tx->st, tx->txn, ep, err);
}

/* The endpoint of eyelet's own events has no row. */
static int
get_self(struct store_endpoint *out, struct buf *doc, struct err *err)
{
	memset(out, 0, sizeof(*out));
	out->id = STORE_SELF;
	out->state = STORE_ENDPOINT_ENABLED;
	snprintf(out->name, sizeof(out->name), STORE_SELF_NAME);
	if (doc == NULL)
		return 0;
	buf_clear(doc);
	if (buf_puts(doc, "{\"scheme\":\"standard-webhooks\"}", err) < 0)
		return -1;
	out->doc = buf_span(doc);
	return 0;
}

int
store_endpoint_by_id(struct store *st, struct store_tx *tx, uint64_t id,
    struct store_endpoint *out, struct buf *doc, bool *found, struct err *err)
{
	*found = true;
	if (id == STORE_SELF)
		return get_self(out, doc, err);
	return get_endpoint(st, store_txn(tx), id, out, doc, found, err);
}

/* doc NULL: the visitor does not look at settings. */
static int
each_endpoint(struct store *st, struct store_tx *tx, struct buf *doc,
    int (*visit)(void *arg, const struct store_endpoint *ep, struct err *err),
    void *arg, struct err *err)
{
	struct buf key = BUF_INIT(64), row = BUF_INIT(STORE_ROW_MAX);
	unsigned char after[8] = { 0 };
	struct store_endpoint ep;
	bool found;
	int ret = -1;

	for (;;) {
		if (bdb_find(st->endpoints, store_txn(tx), BDB_GT,
			span_of(after, sizeof(after)), &key, &row, &found,
			err) < 0)
			goto out;
		if (!found)
			break;
		if (key.len != sizeof(after)) {
			err_set(err, ERR_CORRUPT, "endpoint key of %zu bytes",
			    key.len);
			goto out;
		}
		memcpy(after, key.ptr, sizeof(after));
		if (read_endpoint(
			st, be64_get(after), buf_span(&row), &ep, doc, err) < 0)
			goto out;
		ret = visit(arg, &ep, err);
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
store_endpoints(struct store *st, struct store_tx *tx,
    int (*visit)(void *arg, const struct store_endpoint *ep, struct err *err),
    void *arg, struct err *err)
{
	struct buf doc = BUF_INIT(ENDPOINT_DOC_MAX);
	int ret = each_endpoint(st, tx, &doc, visit, arg, err);

	buf_wipe(&doc);
	return ret;
}

struct by_name {
	const char *name;
	uint64_t id; /* 0: not found */
};

static int
match_name(void *arg, const struct store_endpoint *ep, struct err *err)
{
	struct by_name *want = arg;

	(void)err;
	if (ep->state == STORE_ENDPOINT_REMOVED ||
	    strcmp(ep->name, want->name) != 0)
		return 0;
	want->id = ep->id;
	return 1;
}

int
store_endpoint_by_name(struct store *st, struct store_tx *tx, const char *name,
    struct store_endpoint *out, struct buf *doc, bool *found, struct err *err)
{
	struct by_name want = { name, 0 };

	if (each_endpoint(st, tx, NULL, match_name, &want, err) < 0)
		return -1;
	*found = want.id != 0;
	return want.id == 0 ? 0
			    : get_endpoint(st, store_txn(tx), want.id, out, doc,
				  found, err);
}

/* --- secrets ------------------------------------------------------------- */

#define SECRET_KEY 16

static void
secret_key(const struct secret *s, unsigned char key[SECRET_KEY])
{
	be64_put(key, s->endpoint_id);
	be64_put(key + 8, s->id);
}

/* What binds a sealed value to its row. */
#define AAD_WORD "eyelet secret "
#define AAD (sizeof(AAD_WORD) - 1 + SECRET_KEY)

static void
secret_aad(const struct secret *s, unsigned char aad[AAD])
{
	memcpy(aad, AAD_WORD, sizeof(AAD_WORD) - 1);
	secret_key(s, aad + sizeof(AAD_WORD) - 1);
}

int
store_put_secret(struct store *st, struct bdb_txn *txn, const struct secret *s,
    struct err *err)
{
	struct buf row = BUF_INIT(STORE_ROW_MAX);
	unsigned char key[SECRET_KEY];
	int ret;

	secret_key(s, key);
	ret = record_put_secret(s, &row, err);
	if (ret == 0)
		ret = bdb_put(st->secrets, txn, span_of(key, sizeof(key)),
		    buf_span(&row), err);
	buf_free(&row);
	return ret;
}

/* Bumps the generation of a secret's endpoint or destination. */
static int
touch_owner(struct store_tx *tx, uint64_t endpoint_id, struct err *err)
{
	struct buf doc = BUF_INIT(STORE_ROW_MAX);
	struct store_endpoint ep;
	bool found, first;
	int ret = -1;

	if (store_tx_touch(tx, endpoint_id, &first, err) < 0)
		goto out;
	if (!first) {
		ret = 0;
		goto out;
	}
	if (get_endpoint(tx->st, tx->txn, endpoint_id, &ep, &doc, &found, err) <
	    0)
		goto out;
	if (found) {
		ep.generation++;
		ret = put_endpoint(tx->st, tx->txn, &ep, err);
		goto out;
	}
	ret = store_bump_destination(tx, endpoint_id, &found, err);
	if (ret == 0 && !found)
		ret = err_set(err, ERR_NOTFOUND,
		    "neither an endpoint nor a destination is %llu",
		    (unsigned long long)endpoint_id);
out:
	buf_wipe(&doc);
	return ret;
}

int
store_tx_secret(
    struct store_tx *tx, struct secret *s, struct span plain, struct err *err)
{
	struct buf sealed = BUF_INIT(SECRET_BYTES_MAX + SEAL_OVERHEAD);
	unsigned char aad[AAD];
	int ret = -1;

	if (s->id == 0) {
		if (store_next_id(tx->st, tx->txn, "next secret", &s->id, err) <
		    0)
			goto out;
		s->created_ms = tx->now_ms;
	}
	if (plain.len > 0) {
		secret_aad(s, aad);
		if (seal(tx->st->key, span_of(aad, sizeof(aad)), plain, &sealed,
			err) < 0 ||
		    seal_fingerprint(tx->st->key, plain, s->fingerprint, err) <
			0)
			goto out;
		s->sealed = buf_span(&sealed);
	}
	if (s->state == SECRET_REVOKED) {
		if (tx->nrevoked == STORE_TX_TOUCH_MAX) {
			err_set(err, ERR_LIMIT,
			    "more than %d secrets in one change",
			    STORE_TX_TOUCH_MAX);
			goto out;
		}
		tx->revoked[tx->nrevoked++] = s->id;
	}
	if (touch_owner(tx, s->endpoint_id, err) < 0)
		goto out;
	ret = store_put_secret(tx->st, tx->txn, s, err);
out:
	/* The sealed bytes end here; the row has its own copy. */
	if (plain.len > 0)
		s->sealed = SPAN_EMPTY;
	buf_free(&sealed);
	return ret;
}

int
store_secrets(struct store *st, struct store_tx *tx, uint64_t endpoint_id,
    int (*visit)(void *arg, const struct secret *s, struct err *err), void *arg,
    struct err *err)
{
	struct buf key = BUF_INIT(64), row = BUF_INIT(STORE_ROW_MAX);
	unsigned char after[SECRET_KEY] = { 0 };
	struct secret s;
	int64_t used;
	bool found;
	int ret = -1;

	be64_put(after, endpoint_id);
	for (;;) {
		if (bdb_find(st->secrets, store_txn(tx), BDB_GT,
			span_of(after, sizeof(after)), &key, &row, &found,
			err) < 0)
			goto out;
		if (!found)
			break;
		if (key.len != sizeof(after)) {
			err_set(err, ERR_CORRUPT, "secret key of %zu bytes",
			    key.len);
			goto out;
		}
		memcpy(after, key.ptr, sizeof(after));
		s.endpoint_id = be64_get(after);
		s.id = be64_get(after + 8);
		if (endpoint_id != 0 && s.endpoint_id != endpoint_id)
			break;
		if (record_get_secret(buf_span(&row), &s, err) < 0)
			goto out;
		used = store_used_ms(st, s.id);
		if (used > s.last_used_ms)
			s.last_used_ms = used;
		ret = visit(arg, &s, err);
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
store_secret_plain(struct store *st, const struct secret *s, struct buf *plain,
    struct err *err)
{
	unsigned char aad[AAD];

	secret_aad(s, aad);
	if (unseal(st->key, span_of(aad, sizeof(aad)), s->sealed, plain, err) <
	    0)
		return err_wrap(
		    err, "secret sec_%llu", (unsigned long long)s->id);
	return 0;
}

int
store_fingerprint(struct store *st, struct span plain,
    unsigned char out[SECRET_FINGERPRINT], struct err *err)
{
	return seal_fingerprint(st->key, plain, out, err);
}

/* --- another key ---------------------------------------------------------- */

struct resealing {
	struct store_tx *tx;
	uint64_t n;
};

static int
reseal_endpoint(void *arg, const struct store_endpoint *ep, struct err *err)
{
	struct resealing *rs = arg;

	rs->n++;
	return put_endpoint(rs->tx->st, rs->tx->txn, ep, err);
}

/* The fingerprint is keyed too. */
static int
reseal_secret(void *arg, const struct secret *s, struct err *err)
{
	struct buf plain = BUF_INIT(SECRET_BYTES_MAX + SEAL_OVERHEAD),
		   sealed = BUF_INIT(SECRET_BYTES_MAX + SEAL_OVERHEAD);
	struct resealing *rs = arg;
	struct store *st = rs->tx->st;
	struct secret row = *s;
	unsigned char aad[AAD];
	int ret = -1;

	secret_aad(s, aad);
	if (store_secret_plain(st, s, &plain, err) < 0 ||
	    seal(st->key, span_of(aad, sizeof(aad)), buf_span(&plain), &sealed,
		err) < 0 ||
	    seal_fingerprint(st->key, buf_span(&plain), row.fingerprint, err) <
		0)
		goto out;
	row.sealed = buf_span(&sealed);
	rs->n++;
	ret = store_put_secret(st, rs->tx->txn, &row, err);
out:
	buf_wipe(&plain);
	buf_free(&sealed);
	return ret;
}

int
store_reseal_rows(struct store_tx *tx, uint64_t *endpoints, uint64_t *secrets,
    struct err *err)
{
	struct resealing of_endpoints = { tx, 0 }, of_secrets = { tx, 0 };

	if (store_endpoints(tx->st, tx, reseal_endpoint, &of_endpoints, err) <
		0 ||
	    store_secrets(tx->st, tx, 0, reseal_secret, &of_secrets, err) < 0)
		return -1;
	*endpoints = of_endpoints.n;
	*secrets = of_secrets.n;
	return 0;
}
