/* schedule_target.c: finds a destination, and marks that it has work. */
#include "lib/deliver/schedule_impl.h"

struct target *
schedule_target(const struct schedule *sc, uint64_t id)
{
	uint64_t hash = table_hash_pair(id, sc->seed);
	struct table_node *n;

	for (n = table_find(&sc->targets, hash); n != NULL; n = table_next(n))
		if (TARGET(n, by_id)->set.id == id)
			return TARGET(n, by_id);
	return NULL;
}

void
target_wake(struct schedule *sc, struct target *t, int64_t at)
{
	if (t->wake != INT64_MAX)
		heap_cut(&sc->timers, &t->timer);
	t->wake = at;
	if (at != INT64_MAX)
		heap_put(&sc->timers, &t->timer);
}

void
target_kick(struct schedule *sc, struct target *t)
{
	if (!t->removed && ring_empty(&t->active))
		ring_put(&sc->active, &t->active);
}

void
target_news(struct schedule *sc, struct target *t)
{
	if (!t->removed && ring_empty(&t->news))
		ring_put(&sc->news, &t->news);
}

bool
target_runs(const struct target *t)
{
	return t->told && !t->telling && t->set.runs && !t->disabled;
}

void
target_forgive(struct target *t)
{
	t->failures = t->faults = 0;
	t->open = false;
	t->hold = INT64_MIN;
}

void
target_unfail(struct schedule *sc, struct target *t)
{
	t->failing = false;
	if (t->kept.at_ms == 0)
		return;
	t->kept = (struct store_failing){ 0, 0 };
	t->kept_news = sc->moved = true;
}
