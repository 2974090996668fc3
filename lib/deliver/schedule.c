/* schedule.c: a schedule with its destinations, and its clock. */
#include "lib/deliver/schedule.h"

#include <stdlib.h>

#include "lib/deliver/schedule_impl.h"

/* --- the clock ------------------------------------------------------------ */

int64_t
schedule_peek(const struct schedule *sc, int64_t now_ms)
{
	if (!sc->started)
		return now_ms;
	return now_ms > sc->told ? sc->now + (now_ms - sc->told) : sc->now;
}

int64_t
schedule_tick(struct schedule *sc, int64_t now_ms)
{
	int64_t now = schedule_peek(sc, now_ms), gap = now - sc->now;

	if (sc->started)
		sc->seen +=
		    gap > SCHEDULE_GAP_MAX_MS ? SCHEDULE_GAP_MAX_MS : gap;
	sc->started = true;
	sc->now = now;
	sc->told = now_ms;
	return now;
}

/* What the wall clock will show, as it runs now. */
int64_t
schedule_wall(const struct schedule *sc, int64_t at)
{
	return at - (sc->now - sc->told) + sc->ahead;
}

void
schedule_set_wall(struct schedule *sc, int64_t ahead_ms)
{
	sc->ahead = ahead_ms;
}

uint32_t
schedule_chance(struct schedule *sc)
{
	sc->chance++;
	return (uint32_t)table_hash_pair(sc->seed, sc->chance);
}

/* --- targets -------------------------------------------------------------- */

static bool
earlier(struct heap_node *a, struct heap_node *b)
{
	const struct target *x = TARGET(a, timer), *y = TARGET(b, timer);

	return x->wake != y->wake ? x->wake < y->wake : x->set.id < y->set.id;
}

/* A report names each destination at most once. */
int
schedule_room(struct schedule *sc, struct err *err)
{
	size_t room = sc->ntargets + sc->ntargets / 2 + 16;
	struct store_report_cursor *cursors;
	struct store_report_failing *failings;
	struct target **in_report;

	if (sc->ntargets < sc->target_room)
		return 0;
	cursors = realloc(sc->cursors, room * sizeof(*cursors));
	if (cursors != NULL)
		sc->cursors = cursors;
	failings = realloc(sc->failings, room * sizeof(*failings));
	if (failings != NULL)
		sc->failings = failings;
	in_report = realloc(sc->in_report, room * sizeof(*in_report));
	if (in_report != NULL)
		sc->in_report = in_report;
	if (cursors == NULL || failings == NULL || in_report == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a destination");
	sc->target_room = room;
	return 0;
}

static int
target_new(struct schedule *sc, const struct schedule_destination *d,
    uint64_t cursor, struct err *err)
{
	struct target *t;

	/* A report that is out has borrowed the arrays. */
	if (!sc->out && schedule_room(sc, err) < 0)
		return -1;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a destination");
	t->set = *d;
	t->kept = d->failing;
	t->wake = INT64_MAX;
	t->cursor = t->read = cursor;
	target_forgive(t);
	ring_init(&t->active);
	ring_init(&t->news);
	ring_init(&t->to_disable);
	ring_init(&t->entries);
	ring_put(&sc->all, &t->of_schedule);
	target_places(t);
	table_put(&sc->targets, &t->by_id, table_hash_pair(d->id, sc->seed));
	sc->ntargets++;
	return 0;
}

void
target_free(struct schedule *sc, struct target *t)
{
	struct ring *r;

	/* All out of the heaps first: whoever goes may let another one on. */
	for (r = t->entries.next; r != &t->entries; r = r->next)
		if (ENTRY(r, of_target)->place != PLACE_RUNNING)
			entry_unplace(ENTRY(r, of_target));
	while (!ring_empty(&t->entries))
		entry_free(sc, ENTRY(t->entries.next, of_target));
	free(t);
}

int
schedule_put(struct schedule *sc, const struct schedule_destination *d,
    uint64_t cursor, struct err *err)
{
	struct target *t = schedule_target(sc, d->id);
	bool ran;

	if (t == NULL)
		return target_new(sc, d, cursor, err);
	if (d->order != t->set.order &&
	    target_reorder(sc, t, d->order, err) < 0)
		return -1;
	ran = t->set.runs && !t->disabled;
	if (d->generation != t->set.generation) {
		t->disabled = false;
		ring_cut(&t->to_disable);
		target_forgive(t);
	}
	t->set = *d;
	if (!ran)
		target_unfail(sc, t);
	target_kick(sc, t);
	return 0;
}

void
schedule_remove(struct schedule *sc, uint64_t destination_id)
{
	struct target *t = schedule_target(sc, destination_id);

	if (t == NULL)
		return;
	table_cut(&sc->targets, &t->by_id);
	ring_cut(&t->active);
	ring_cut(&t->news);
	ring_cut(&t->to_disable);
	ring_cut(&t->of_schedule);
	target_wake(sc, t, INT64_MAX);
	sc->ntargets--;
	t->removed = true;
	if (!t->in_report) /* else schedule_report_end does */
		target_free(sc, t);
}

size_t
schedule_left(const struct schedule *sc)
{
	struct ring *t, *e;
	size_t n = 0;

	for (t = sc->all.next; t != &sc->all; t = t->next)
		for (e = TARGET(t, of_schedule)->entries.next;
		     e != &TARGET(t, of_schedule)->entries; e = e->next)
			n += !ENTRY(e, of_target)->settled;
	return n;
}

/* --- the schedule --------------------------------------------------------- */

int
schedule_new(uint64_t chance, struct schedule **out, struct err *err)
{
	struct schedule *sc = calloc(1, sizeof(*sc));

	if (sc == NULL)
		goto fail;
	ring_init(&sc->all);
	ring_init(&sc->active);
	ring_init(&sc->news);
	ring_init(&sc->to_disable);
	sc->timers = (struct heap)HEAP_INIT(earlier);
	sc->seed = chance;
	/* Pages that no report ever filled cost nothing. */
	sc->items = calloc(STORE_REPORT_ITEMS_MAX, sizeof(*sc->items));
	sc->reported = calloc(STORE_REPORT_ITEMS_MAX, sizeof(*sc->reported));
	if (sc->items == NULL || sc->reported == NULL)
		goto fail;
	*out = sc;
	return 0;
fail:
	schedule_free(sc);
	return err_set(err, ERR_NOMEM, "no memory for a schedule");
}

void
schedule_free(struct schedule *sc)
{
	struct target *t;
	size_t i;

	if (sc == NULL)
		return;
	for (i = 0; i < sc->nin_report; i++)
		if (sc->in_report[i]->removed)
			target_free(sc, sc->in_report[i]);
	while (!ring_empty(&sc->all)) {
		t = TARGET(sc->all.next, of_schedule);
		ring_cut(&t->of_schedule);
		target_free(sc, t);
	}
	lane_spares_free(sc);
	table_free(&sc->targets);
	table_free(&sc->entries);
	table_free(&sc->lanes);
	free(sc->items);
	free(sc->reported);
	free(sc->cursors);
	free(sc->failings);
	free(sc->in_report);
	free(sc);
}
