/* schedule_entry.c: deliveries in memory: how they come, end and go. */
#include "lib/deliver/schedule_impl.h"

#include <stdlib.h>
#include <string.h>

void
entry_list_put(struct entry_list *l, struct entry *e)
{
	e->later = NULL;
	if (l->last == NULL)
		l->first = e;
	else
		l->last->later = e;
	l->last = e;
}

struct entry *
entry_list_take(struct entry_list *l)
{
	struct entry *e = l->first;

	l->first = e->later;
	if (l->first == NULL)
		l->last = NULL;
	return e;
}

static uint64_t
seq_hash(const struct schedule *sc, const struct target *t, uint64_t seq)
{
	return table_hash_pair(seq ^ sc->seed, t->set.id);
}

struct entry *
entry_find(const struct schedule *sc, const struct target *t, uint64_t seq)
{
	struct table_node *n = table_find(&sc->entries, seq_hash(sc, t, seq));
	struct entry *e;

	for (; n != NULL; n = table_next(n)) {
		e = ENTRY(n, by_seq);
		if (e->seq == seq && e->target == t)
			return e;
	}
	return NULL;
}

static unsigned char *
put_text(unsigned char *to, struct span s)
{
	if (s.len > 0)
		memcpy(to, s.ptr, s.len);
	return to + s.len;
}

struct entry *
entry_new(struct schedule *sc, struct target *t,
    const struct entry_facts *facts, struct err *err)
{
	size_t room = facts->id.len + facts->type.len + facts->key.len;
	struct entry *e;

	if (lane_spares(sc, 1, err) < 0)
		return NULL;
	e = malloc(sizeof(*e) + room);
	if (e == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a delivery");
		return NULL;
	}
	memset(e, 0, sizeof(*e));
	e->target = t;
	e->seq = facts->seq;
	e->endpoint_id = facts->endpoint_id;
	e->due = INT64_MIN;
	e->id_len = (uint32_t)facts->id.len;
	e->type_len = (uint32_t)facts->type.len;
	e->key_len = (uint32_t)facts->key.len;
	put_text(
	    put_text(put_text(e->text, facts->id), facts->type), facts->key);
	table_put(&sc->entries, &e->by_seq, seq_hash(sc, t, e->seq));
	ring_put(&t->entries, &e->of_target);
	t->nentries++;
	return e;
}

static void
drop_outcomes(struct schedule *sc, struct entry *e)
{
	struct outcome *o;

	while ((o = e->outcomes) != NULL) {
		e->outcomes = o->next;
		free(o);
		sc->noutcomes--;
	}
	e->last_outcome = NULL;
}

void
entry_free(struct schedule *sc, struct entry *e)
{
	drop_outcomes(sc, e);
	if (e->lane != NULL)
		lane_leave(sc, e);
	table_cut(&sc->entries, &e->by_seq);
	ring_cut(&e->of_target);
	e->target->nentries--;
	free(e);
}

void
entry_fresh(struct entry *e)
{
	e->fresh = true;
	entry_list_put(&e->target->window, e);
}

void
entry_queued(struct entry *e, bool queued)
{
	if (e->queued == queued)
		return;
	e->queued = queued;
	if (queued)
		e->target->queued++;
	else
		e->target->queued--;
}

void
entry_outcome(struct schedule *sc, struct entry *e, struct outcome *o)
{
	struct target *t = e->target;

	o->next = NULL;
	if (e->last_outcome == NULL)
		e->outcomes = o;
	else
		e->last_outcome->next = o;
	e->last_outcome = o;
	sc->noutcomes++;
	if (e->fresh) {
		if (e->seq > t->news_seq)
			t->news_seq = e->seq;
	} else if (!e->unreported) {
		e->unreported = true;
		entry_list_put(&t->unreported, e);
	}
	target_news(sc, t);
}

void
entry_settle(struct schedule *sc, struct entry *e)
{
	entry_unplace(e);
	entry_queued(e, false);
	e->settled = true;
	lane_leave(sc, e);
}

void
entry_rest(struct schedule *sc, struct entry *e)
{
	struct target *t = e->target;

	/* While rows are told, an older listing may name it once more. */
	if (!e->settled || e->fresh || e->outcomes != NULL || e->unreported ||
	    e->place != PLACE_NONE || t->telling)
		return;
	if (e->seq >= t->read)
		entry_ahead(e); /* not to be taken from the log either */
	else
		entry_free(sc, e);
}

void
target_reached(struct schedule *sc, struct target *t)
{
	struct entry *e;

	while (t->ahead.first != NULL) {
		e = ENTRY(t->ahead.first, node);
		if (e->seq >= t->read)
			break;
		entry_unplace(e);
		if (e->settled)
			entry_rest(sc, e);
		else
			entry_place(sc, e);
	}
}
