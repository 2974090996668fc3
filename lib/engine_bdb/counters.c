/*
 * counters.c: saves generations, counters and last uses, and loads them at
 * open.
 */
#include "lib/engine_bdb/impl.h"

static int
load_endpoint(void *arg, const struct store_endpoint *ep, struct err *err)
{
	struct store *st = arg;
	struct store_endpoint_facts *facts = store_facts(st, ep->id);
	struct buf value = BUF_INIT(256);
	unsigned char key[8];
	bool found;
	size_t i;
	int ret = -1;

	if (facts == NULL)
		return err_set(err, ERR_NOMEM, "no memory for an endpoint");
	facts->generation = ep->generation;
	be64_put(key, ep->id);
	if (bdb_get(st->counts, NULL, span_of(key, sizeof(key)), &value, &found,
		err) < 0)
		goto out;
	/* An older release counted fewer things. */
	if (found && value.len % 8 != 0) {
		err_set(err, ERR_CORRUPT, "counters of endpoint %s", ep->name);
		goto out;
	}
	for (i = 0; i < value.len / 8 && i < STORE_COUNTS; i++)
		atomic_store(&facts->counts[i], be64_get(value.ptr + 8 * i));
	ret = 0;
out:
	buf_free(&value);
	return ret;
}

static int
load_destination(void *arg, const struct store_destination *d, struct err *err)
{
	struct store_endpoint_facts *facts = store_facts(arg, d->id);

	if (facts == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a destination");
	facts->generation = d->generation;
	return 0;
}

int
store_load_facts(struct store *st, struct err *err)
{
	struct store_endpoint self = { .id = STORE_SELF,
		.name = STORE_SELF_NAME };

	if (load_endpoint(st, &self, err) < 0 ||
	    store_endpoints(st, NULL, load_endpoint, st, err) < 0)
		return -1;
	return store_each_destination(st, load_destination, st, err);
}

struct saving {
	struct store *st;
	struct bdb_txn *txn;
};

static int
save_used(void *arg, const struct secret *s, struct err *err)
{
	struct saving *sv = arg;

	/* store_secrets has put the memory's value in already. */
	if (store_used_ms(sv->st, s->id) == 0)
		return 0;
	return store_put_secret(sv->st, sv->txn, s, err);
}

int
store_save_facts(struct store *st, struct bdb_txn *txn, struct err *err)
{
	struct saving sv = { st, txn };
	struct store_tx tx = { .st = st, .txn = txn };
	unsigned char key[8], value[8 * STORE_COUNTS];
	struct store_endpoint_facts *facts;
	size_t id, i, n;

	bool changed;

	pthread_mutex_lock(&st->facts_mutex);
	n = st->nfacts;
	changed = st->facts_changed;
	st->facts_changed = false;
	pthread_mutex_unlock(&st->facts_mutex);
	if (!changed)
		return 0;
	for (id = 0; id < n; id++) {
		pthread_mutex_lock(&st->facts_mutex);
		facts = st->facts[id];
		pthread_mutex_unlock(&st->facts_mutex);
		if (facts == NULL)
			continue;
		be64_put(key, id);
		for (i = 0; i < STORE_COUNTS; i++)
			be64_put(value + 8 * i, atomic_load(&facts->counts[i]));
		if (bdb_put(st->counts, txn, span_of(key, sizeof(key)),
			span_of(value, sizeof(value)), err) < 0)
			return -1;
	}
	return store_secrets(st, &tx, 0, save_used, &sv, err);
}
