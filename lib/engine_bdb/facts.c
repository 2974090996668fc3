/* facts.c: numbers of endpoints and secrets that live in memory. */
#include "lib/engine_bdb/impl.h"

#include <stdlib.h>
#include <string.h>

#define FACTS_MAX (1 << 20) /* endpoints and destinations ever made */

struct store_endpoint_facts *
store_facts(struct store *st, uint64_t id)
{
	struct store_endpoint_facts **grown, *facts = NULL;
	size_t room;

	if (id >= FACTS_MAX)
		return NULL;
	pthread_mutex_lock(&st->facts_mutex);
	if (id >= st->nfacts) {
		room = (size_t)id + 64;
		grown = realloc(st->facts, room * sizeof(*grown));
		if (grown == NULL)
			goto out;
		memset(grown + st->nfacts, 0,
		    (room - st->nfacts) * sizeof(*grown));
		st->facts = grown;
		st->nfacts = room;
	}
	if (st->facts[id] == NULL)
		st->facts[id] = calloc(1, sizeof(*st->facts[id]));
	facts = st->facts[id];
out:
	pthread_mutex_unlock(&st->facts_mutex);
	return facts;
}

void
store_used(struct store *st, uint64_t secret_id, int64_t ms)
{
	int64_t *grown;
	size_t room;

	if (secret_id >= FACTS_MAX)
		return;
	pthread_mutex_lock(&st->facts_mutex);
	if (secret_id >= st->nused) {
		room = (size_t)secret_id + 64;
		grown = realloc(st->used_ms, room * sizeof(*grown));
		if (grown == NULL) /* it is a hint for operators, no more */
			goto out;
		memset(
		    grown + st->nused, 0, (room - st->nused) * sizeof(*grown));
		st->used_ms = grown;
		st->nused = room;
	}
	st->used_ms[secret_id] = ms;
	st->facts_changed = true;
out:
	pthread_mutex_unlock(&st->facts_mutex);
}

int64_t
store_used_ms(struct store *st, uint64_t secret_id)
{
	int64_t ms = 0;

	pthread_mutex_lock(&st->facts_mutex);
	if (secret_id < st->nused)
		ms = st->used_ms[secret_id];
	pthread_mutex_unlock(&st->facts_mutex);
	return ms;
}

void
store_count(struct store *st, uint64_t endpoint_id, enum store_count c)
{
	struct store_endpoint_facts *facts = store_facts(st, endpoint_id);

	if (facts != NULL)
		atomic_fetch_add(&facts->counts[c], 1);
	pthread_mutex_lock(&st->facts_mutex);
	st->facts_changed = true;
	pthread_mutex_unlock(&st->facts_mutex);
}

void
store_counts(struct store *st, uint64_t endpoint_id, uint64_t out[STORE_COUNTS])
{
	struct store_endpoint_facts *facts = store_facts(st, endpoint_id);
	size_t i;

	for (i = 0; i < STORE_COUNTS; i++)
		out[i] = facts == NULL ? 0 : atomic_load(&facts->counts[i]);
}

/* --- on disk ------------------------------------------------------------- */

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
