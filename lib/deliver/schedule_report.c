/*
 * schedule_report.c: what is to be written down. Of a window, all up to its
 * last outcome is: outcomes, and rows for what they overtook; so the cursor
 * passes all that a report names.
 */
#include "lib/deliver/schedule_impl.h"

#include <assert.h>
#include <stdlib.h>

/* --- a report ------------------------------------------------------------- */

/* An item of an entry, with what all of them have. */
static struct store_report_item *
add(struct schedule *sc, struct entry *e, struct outcome *o)
{
	struct store_report_item *item = &sc->items[sc->nitems];
	struct store_delivery *d = &item->delivery;

	sc->reported[sc->nitems++] = (struct reported){ e, o };
	*item = (struct store_report_item){ .kind = STORE_REPORT_ROW };
	if (o != NULL) {
		item->kind = o->kind;
		*d = o->row;
		item->has_attempt = o->has_attempt;
		item->attempt = o->attempt;
	}
	d->destination_id = e->target->set.id;
	d->seq = e->seq;
	d->endpoint_id = e->endpoint_id;
	d->id = span_of(e->text, e->id_len);
	d->type = span_of(e->text + e->id_len, e->type_len);
	d->key = span_of(e->text + e->id_len + e->type_len, e->key_len);
	item->attempt.destination_id = d->destination_id;
	item->attempt.seq = d->seq;
	return item;
}

/* Something above it is reported while it runs or waits. */
static void
add_overtaken(struct schedule *sc, struct entry *e)
{
	struct store_delivery *d = &add(sc, e, NULL)->delivery;

	if (e->since_ms == 0)
		e->since_ms = schedule_wall(sc, sc->now);
	d->stamp = e->stamp;
	d->state = STORE_DELIVERY_PENDING;
	d->attempts = e->attempts;
	d->planned = e->planned;
	d->since_ms = e->since_ms;
}

static size_t
items_of(const struct entry *e)
{
	const struct outcome *o = e->outcomes;
	size_t n = 0;

	if (o == NULL)
		return e->rowed || e->settled ? 0 : 1;
	for (; o != NULL; o = o->next)
		n++;
	return n;
}

static void
add_all(struct schedule *sc, struct entry *e)
{
	struct outcome *o;

	if (e->outcomes == NULL && !e->rowed && !e->settled)
		add_overtaken(sc, e);
	for (o = e->outcomes; o != NULL; o = o->next)
		add(sc, e, o);
}

static bool
fits(const struct schedule *sc, size_t n)
{
	assert(n <= STORE_REPORT_ITEMS_MAX);
	return n <= STORE_REPORT_ITEMS_MAX - sc->nitems;
}

/* How far the window is reported. */
static uint64_t
add_window(struct schedule *sc, struct target *t)
{
	struct entry *e;
	size_t n;

	for (e = t->window.first; e != NULL; e = e->later) {
		n = items_of(e);
		if (n > 0 && (e->seq > t->news_seq || !fits(sc, n)))
			return e->seq;
		add_all(sc, e);
	}
	return t->read;
}

static void
add_target(struct schedule *sc, struct target *t)
{
	struct entry *e;

	t->in_report = true;
	t->report_unreported = 0;
	sc->in_report[sc->nin_report++] = t;
	t->report_cursor = add_window(sc, t);
	for (e = t->unreported.first; e != NULL; e = e->later) {
		if (!fits(sc, items_of(e)))
			break;
		add_all(sc, e);
		t->report_unreported++;
	}
	if (t->kept_news)
		sc->failings[sc->nfailings++] =
		    (struct store_report_failing){ t->set.id, t->kept };
	t->kept_reported = t->kept_news;
	t->kept_news = false;
	if (t->report_cursor > t->cursor)
		sc->cursors[sc->ncursors++] =
		    (struct store_report_cursor){ t->set.id, t->report_cursor };
}

/* Those with outcomes, in turn. */
static void
add_news(struct schedule *sc)
{
	struct ring *r, *next;
	struct target *t;

	for (r = sc->news.next; r != &sc->news; r = next) {
		next = r->next;
		t = TARGET(r, news);
		if (sc->nitems == STORE_REPORT_ITEMS_MAX ||
		    sc->nin_report == sc->target_room)
			break;
		if (!t->telling)
			add_target(sc, t);
	}
}

/* Those that only read on. */
static void
add_cursors(struct schedule *sc)
{
	struct ring *r;
	struct target *t;

	for (r = sc->all.next; r != &sc->all; r = r->next) {
		t = TARGET(r, of_schedule);
		if (t->in_report || t->telling ||
		    sc->nin_report == sc->target_room)
			continue;
		if (t->kept_news || (t->window.first == NULL
					    ? t->read > t->cursor
					    : t->window.first->seq > t->cursor))
			add_target(sc, t);
	}
	sc->moved = false;
	sc->cursors_at = sc->now;
}

bool
schedule_report_begin(
    struct schedule *sc, int64_t now_ms, bool all, struct store_report *out)
{
	schedule_tick(sc, now_ms);
	if (sc->out)
		return false;
	add_news(sc);
	if (sc->moved &&
	    (all || sc->now - sc->cursors_at >= SCHEDULE_CURSOR_MS))
		add_cursors(sc);
	sc->out = true;
	if (sc->nitems == 0 && sc->ncursors == 0 && sc->nfailings == 0) {
		schedule_report_end(sc, true);
		return false;
	}
	*out = (struct store_report){ sc->items, sc->nitems, sc->cursors,
		sc->ncursors, sc->failings, sc->nfailings };
	return true;
}

/* --- its end -------------------------------------------------------------- */

/* One item is committed. */
static void
commit(struct schedule *sc, size_t i)
{
	const struct store_delivery *d = &sc->items[i].delivery;
	struct entry *e = sc->reported[i].entry;
	struct outcome *o = sc->reported[i].outcome;

	/* An operator's row may stand there by now, unless it is this one. */
	if (d->stamp == e->stamp)
		e->rowed = sc->items[i].kind == STORE_REPORT_ROW &&
			   d->state != STORE_DELIVERY_DEAD;
	if (e->rowed)
		entry_queued(e, false);
	if (o == NULL)
		return;
	assert(e->outcomes == o);
	e->outcomes = o->next;
	if (e->outcomes == NULL)
		e->last_outcome = NULL;
	sc->noutcomes--;
	free(o);
}

/* Still has outcomes, or can go. */
static void
carry_on(struct schedule *sc, struct entry *e)
{
	if (e->outcomes == NULL) {
		entry_rest(sc, e);
		return;
	}
	e->unreported = true;
	entry_list_put(&e->target->unreported, e);
}

static void
committed(struct schedule *sc, struct target *t)
{
	struct entry *e;

	for (; t->report_unreported > 0; t->report_unreported--) {
		e = entry_list_take(&t->unreported);
		e->unreported = false;
		carry_on(sc, e);
	}
	while ((e = t->window.first) != NULL && e->seq < t->report_cursor) {
		entry_list_take(&t->window);
		e->fresh = false;
		carry_on(sc, e);
	}
	if (t->report_cursor > t->cursor)
		t->cursor = t->report_cursor;
	ring_cut(&t->news);
	if (t->unreported.first != NULL ||
	    (t->window.first != NULL && t->window.first->seq <= t->news_seq))
		target_news(sc, t); /* behind the others */
}

void
schedule_report_end(struct schedule *sc, bool ok)
{
	struct err ignored = ERR_INIT; /* the next put says it again */
	struct target *t;
	size_t i;

	if (!sc->out)
		return;
	for (i = 0; ok && i < sc->nitems; i++)
		commit(sc, i);
	for (i = 0; i < sc->nin_report; i++) {
		t = sc->in_report[i];
		t->in_report = false;
		if (t->removed)
			target_free(sc, t);
		else if (ok)
			committed(sc, t);
		else {
			t->kept_news = t->kept_news || t->kept_reported;
			sc->moved = true;
		}
	}
	sc->out = false;
	sc->nitems = sc->ncursors = sc->nfailings = sc->nin_report = 0;
	(void)schedule_room(sc, &ignored);
}
