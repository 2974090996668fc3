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
