/* schedule_order.c: where deliveries wait, and who waits for whom. */
#include "lib/deliver/schedule_impl.h"

#include <assert.h>
#include <stdlib.h>

#define SPARES_KEPT 1024

/* --- heaps ---------------------------------------------------------------- */

static bool
older(struct heap_node *a, struct heap_node *b)
{
	return ENTRY(a, node)->seq < ENTRY(b, node)->seq;
}

static bool
due_sooner(struct heap_node *a, struct heap_node *b)
{
	const struct entry *x = ENTRY(a, node), *y = ENTRY(b, node);

	return x->due != y->due ? x->due < y->due : x->seq < y->seq;
}

void
target_places(struct target *t)
{
	t->ready = t->ready_fresh = t->ahead = (struct heap)HEAP_INIT(older);
	t->due = (struct heap)HEAP_INIT(due_sooner);
}

static struct heap *
heap_of(struct entry *e)
{
	switch (e->place) {
	case PLACE_READY:
		return &e->target->ready;
	case PLACE_READY_FRESH:
		return &e->target->ready_fresh;
	case PLACE_DUE:
		return &e->target->due;
	case PLACE_BEHIND:
		return &e->lane->behind;
	case PLACE_AHEAD:
		return &e->target->ahead;
	case PLACE_NONE:
	case PLACE_RUNNING:
		break;
	}
	return NULL;
}

static void
put(struct entry *e, enum place place)
{
	assert(e->place == PLACE_NONE);
	e->place = place;
	if (place == PLACE_BEHIND)
		e->target->behind++;
	if (place == PLACE_AHEAD && e->lane != NULL)
		e->lane->ahead++;
	heap_put(heap_of(e), &e->node);
}

static void
cut(struct entry *e)
{
	heap_cut(heap_of(e), &e->node);
	if (e->place == PLACE_BEHIND)
		e->target->behind--;
	if (e->place == PLACE_AHEAD && e->lane != NULL)
		e->lane->ahead--;
	e->place = PLACE_NONE;
}

/* To where it can start from, now or when it is due. */
static void
offer(struct schedule *sc, struct entry *e)
{
	if (e->due > sc->now)
		put(e, PLACE_DUE);
	else if (e->fresh && !e->rowed && e->attempts == 0)
		put(e, PLACE_READY_FRESH);
	else
		put(e, PLACE_READY);
	target_kick(sc, e->target);
}

void
target_due(struct schedule *sc, struct target *t)
{
	struct entry *e;

	while (t->due.first != NULL) {
		e = ENTRY(t->due.first, node);
		if (e->due > sc->now)
			break;
		cut(e);
		offer(sc, e);
	}
}

/* --- lanes ---------------------------------------------------------------- */

int
lane_spares(struct schedule *sc, size_t n, struct err *err)
{
	struct lane *lane;

	for (; sc->nspares < n; sc->nspares++) {
		lane = malloc(sizeof(*lane));
		if (lane == NULL)
			return err_set(err, ERR_NOMEM, "no memory for a key");
		lane->spare = sc->spares;
		sc->spares = lane;
	}
	return 0;
}

static void
drop_spares(struct schedule *sc, size_t keep)
{
	struct lane *lane;

	for (; sc->nspares > keep; sc->nspares--) {
		lane = sc->spares;
		sc->spares = lane->spare;
		free(lane);
	}
}

void
lane_spares_free(struct schedule *sc)
{
	drop_spares(sc, 0);
}

static uint64_t
lane_hash(const struct schedule *sc, const struct target *t, struct span key)
{
	return table_hash_pair(table_hash(sc->seed, key), t->set.id);
}

static struct lane *
lane_find(const struct schedule *sc, const struct target *t, struct span key)
{
	uint64_t hash = lane_hash(sc, t, key);
	struct table_node *n = table_find(&sc->lanes, hash);

	return n == NULL ? NULL : CONTAINER_OF(n, struct lane, by_key);
}

static struct lane *
lane_new(struct schedule *sc, struct target *t, struct span key)
{
	struct lane *lane = sc->spares;

	assert(lane != NULL); /* lane_spares saw to it */
	sc->spares = lane->spare;
	sc->nspares--;
	*lane = (struct lane){ .target = t, .behind = HEAP_INIT(older) };
	table_put(&sc->lanes, &lane->by_key, lane_hash(sc, t, key));
	return lane;
}

static struct span
entry_key(const struct entry *e)
{
	return span_of(e->text + e->id_len + e->type_len, e->key_len);
}

void
lane_join(struct schedule *sc, struct entry *e)
{
	struct target *t = e->target;
	bool strict = t->set.order == DESTINATION_ORDER_STRICT;
	struct span key = strict ? SPAN_EMPTY : entry_key(e);
	struct lane *lane;

	if (t->set.order == DESTINATION_ORDER_NONE || (!strict && key.len == 0))
		return;
	lane = lane_find(sc, t, key);
	if (lane == NULL)
		lane = lane_new(sc, t, key);
	if (strict)
		t->only = lane;
	e->lane = lane;
	lane->members++;
	lane->running += e->place == PLACE_RUNNING;
	if (e->fresh && e->seq > lane->last_fresh)
		lane->last_fresh = e->seq;
}

struct lane *
lane_of_key(const struct schedule *sc, const struct target *t, struct span key)
{
	struct lane *lane;

	if (t->set.order != DESTINATION_ORDER_KEY || key.len == 0)
		return NULL;
	lane = lane_find(sc, t, key);
	return lane == NULL || lane->members == lane->ahead ? NULL : lane;
}

/*
 * Followers of a head that has failed are to become rows, so that reading
 * can go on behind them. In strict order nothing is read then.
 */
static void
lane_stuck(struct schedule *sc, struct lane *lane)
{
	struct target *t = lane->target;

	if (lane->members < 2 || t->set.order != DESTINATION_ORDER_KEY ||
	    t->window.first == NULL || lane->last_fresh < t->window.first->seq)
		return;
	if (lane->last_fresh > t->news_seq)
		t->news_seq = lane->last_fresh;
	target_news(sc, t);
}

/* The lowest that waits becomes the head. */
static void
lane_advance(struct schedule *sc, struct lane *lane)
{
	struct entry *first;

	if (lane->running > 0 || lane->behind.first == NULL)
		return;
	first = ENTRY(lane->behind.first, node);
	if (lane->head != NULL) {
		if (lane->head->seq < first->seq)
			return;
		cut(lane->head);
		put(lane->head, PLACE_BEHIND);
	}
	cut(first);
	lane->head = first;
	lane->stuck = first->attempts > 0 || first->faults > 0;
	offer(sc, first);
	if (lane->stuck)
		lane_stuck(sc, lane);
}

static void
leave(struct schedule *sc, struct entry *e)
{
	struct lane *lane = e->lane;

	if (lane == NULL)
		return;
	e->lane = NULL;
	lane->running -= e->place == PLACE_RUNNING;
	if (--lane->members == lane->ahead) { /* nobody to wait for */
		lane->stuck = false;
		if (lane->target->refused == lane)
			lane->target->refused = NULL;
	}
	if (lane->members > 0) {
		lane_advance(sc, lane);
		return;
	}
	if (lane->target->only == lane)
		lane->target->only = NULL;
	table_cut(&sc->lanes, &lane->by_key);
	lane->spare = sc->spares;
	sc->spares = lane;
	sc->nspares++;
}

void
lane_leave(struct schedule *sc, struct entry *e)
{
	leave(sc, e);
	drop_spares(sc, SPARES_KEPT);
}

int
target_reorder(struct schedule *sc, struct target *t,
    enum destination_order order, struct err *err)
{
	struct ring *r;
	struct entry *e;

	if (lane_spares(sc, t->nentries, err) < 0)
		return -1;
	/* First out of the lanes, so that none moves on in between. */
	for (r = t->entries.next; r != &t->entries; r = r->next) {
		e = ENTRY(r, of_target);
		if (!e->settled && e->place != PLACE_RUNNING)
			entry_unplace(e);
	}
	for (r = t->entries.next; r != &t->entries; r = r->next)
		leave(sc, ENTRY(r, of_target));
	t->set.order = order;
	for (r = t->entries.next; r != &t->entries; r = r->next)
		if (!ENTRY(r, of_target)->settled)
			lane_join(sc, ENTRY(r, of_target));
	for (r = t->entries.next; r != &t->entries; r = r->next) {
		e = ENTRY(r, of_target);
		if (!e->settled && e->place == PLACE_NONE)
			entry_place(sc, e);
	}
	drop_spares(sc, SPARES_KEPT);
	return 0;
}

/* --- entries -------------------------------------------------------------- */

void
entry_place(struct schedule *sc, struct entry *e)
{
	struct target *t = e->target;

	if (t->set.order != DESTINATION_ORDER_NONE && e->seq >= t->read) {
		put(e, PLACE_AHEAD);
	} else if (e->lane == NULL) {
		offer(sc, e);
	} else {
		put(e, PLACE_BEHIND);
		lane_advance(sc, e->lane);
		if (e->place == PLACE_BEHIND && e->lane->stuck)
			lane_stuck(sc, e->lane);
	}
}

void
entry_ahead(struct entry *e)
{
	put(e, PLACE_AHEAD);
}

void
entry_unplace(struct entry *e)
{
	if (e->place == PLACE_NONE)
		return;
	cut(e);
	if (e->lane != NULL && e->lane->head == e)
		e->lane->head = NULL;
}

void
entry_run(struct entry *e)
{
	cut(e);
	e->place = PLACE_RUNNING;
	e->target->running++;
	if (e->lane != NULL) {
		e->lane->head = NULL;
		e->lane->running++;
	}
}

void
entry_ran(struct entry *e)
{
	e->place = PLACE_NONE;
	e->target->running--;
	if (e->lane != NULL)
		e->lane->running--;
}
