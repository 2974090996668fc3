/* schedule_rows.c: takes over the rows of the store. */
#include "lib/deliver/schedule_impl.h"

#include <assert.h>

static bool
lives(const struct store_delivery *d)
{
	return d->state == STORE_DELIVERY_PENDING ||
	       d->state == STORE_DELIVERY_RETRYING;
}

/* a - b, which may be any numbers from a disk. */
static int64_t
between(int64_t a, int64_t b)
{
	int64_t d;

	if (__builtin_sub_overflow(a, b, &d))
		return a < b ? INT64_MIN : INT64_MAX;
	return d;
}

/* When a row is due, on our clock. */
static int64_t
due_of(const struct schedule *sc, const struct store_delivery *d)
{
	int64_t left = between(d->due_ms, schedule_wall(sc, sc->now));
	int64_t planned = between(d->due_ms, d->last_ms);
	int64_t max = RETRY_DELAY_MAX_MS + RETRY_DELAY_MAX_MS / 8;

	if (d->state != STORE_DELIVERY_RETRYING)
		return INT64_MIN;
	/* The clock was set back since: it waits no longer than planned. */
	if (d->last_ms != 0 && left > planned)
		left = planned;
	if (left > max)
		left = max;
	return left <= 0 ? INT64_MIN : sc->now + left;
}

int
schedule_rows_begin(struct schedule *sc, uint64_t destination_id,
    int64_t now_ms, struct err *err)
{
	struct target *t = schedule_target(sc, destination_id);
	struct ring *r;
	struct entry *e;

	if (t == NULL)
		return err_set(err, ERR_NOTFOUND, "destination %llu",
		    (unsigned long long)destination_id);
	schedule_tick(sc, now_ms);
	t->telling = true;
	for (r = t->entries.next; r != &t->entries; r = r->next) {
		e = ENTRY(r, of_target);
		/* A report that is out may bring its row back. */
		e->expected =
		    e->rowed && !(t->in_report && e->outcomes != NULL);
		e->told = false;
	}
	return 0;
}

/*
 * The row is another one by now. A report that was committed, though nobody
 * could say so, is repeated, and must not bring the old one back.
 */
static void
void_outcomes(struct entry *e)
{
	struct outcome *o;

	for (o = e->outcomes; o != NULL; o = o->next)
		o->kind = STORE_REPORT_DONE;
}

/* What an operator made of it counts from now on. */
static void
adopt(struct schedule *sc, struct entry *e, const struct successor *s)
{
	void_outcomes(e);
	entry_unplace(e);
	if (e->settled) {
		e->settled = false;
		lane_join(sc, e);
	}
	e->stamp = s->stamp;
	if (s->attempts > e->attempts) /* of one that was under way, +1 */
		e->attempts = s->attempts;
	e->planned = s->planned;
	e->faults = 0;
	e->dropped = false;
	e->since_ms = s->since_ms;
	e->due = s->due;
	e->rowed = true;
	entry_queued(e, false);
	entry_place(sc, e);
}

void
entry_succeed(struct schedule *sc, struct entry *e)
{
	struct successor s = e->successor;

	e->successor.set = false;
	adopt(sc, e, &s);
}

/* A row that is not known: its entry. */
static int
add(struct schedule *sc, struct target *t, const struct store_delivery *d,
    struct entry **out, struct err *err)
{
	struct entry_facts facts = { d->seq, d->endpoint_id, d->id, d->type,
		d->key };

	*out = entry_new(sc, t, &facts, err);
	if (*out == NULL)
		return -1;
	(*out)->settled = true; /* until it is adopted */
	(*out)->told = true;
	return 0;
}

/* The one row that an entry has, changed by an operator. */
static void
changed(struct schedule *sc, struct entry *e, const struct store_delivery *d)
{
	struct successor s = { true, d->stamp, d->attempts, d->planned,
		d->since_ms, due_of(sc, d) };

	if (e->place == PLACE_RUNNING) {
		e->dropped = !lives(d);
		e->successor = s;
		e->successor.set = lives(d);
	} else if (lives(d)) {
		adopt(sc, e, &s);
	} else {
		void_outcomes(e);
		entry_settle(sc, e);
		e->stamp = d->stamp;
		e->rowed = true;
	}
}

int
schedule_row(
    struct schedule *sc, const struct store_delivery *d, struct err *err)
{
	struct target *t = schedule_target(sc, d->destination_id);
	struct entry *e;

	if (t == NULL || !t->telling)
		return err_set(err, ERR_NOTFOUND, "destination %llu",
		    (unsigned long long)d->destination_id);
	e = entry_find(sc, t, d->seq);
	if (e == NULL) {
		/* Only what was not read yet must be known to be dead. */
		if (!lives(d) && d->seq < t->read)
			return 0;
		if (add(sc, t, d, &e, err) < 0)
			return -1;
		changed(sc, e, d);
		return 0;
	}
	e->told = true;
	if (d->stamp != e->stamp) {
		/* It may join a lane again. */
		if (lane_spares(sc, 1, err) < 0)
			return -1;
		changed(sc, e, d);
	} else if (lives(d) && !e->settled && !e->rowed) {
		/* A report that was not known to be committed. */
		e->rowed = true;
		entry_queued(e, false);
	}
	return 0;
}

/* Its row was deleted. */
static void
forget(struct schedule *sc, struct entry *e)
{
	void_outcomes(e);
	e->rowed = false;
	if (e->place == PLACE_RUNNING) {
		e->dropped = true;
		e->successor.set = false;
	} else {
		entry_settle(sc, e);
	}
}

void
schedule_rows_end(struct schedule *sc, uint64_t destination_id, bool complete)
{
	struct target *t = schedule_target(sc, destination_id);
	struct ring *r, *next;
	struct entry *e;

	if (t == NULL || !t->telling)
		return;
	t->telling = false;
	if (complete)
		t->told = true;
	for (r = t->entries.next; r != &t->entries; r = next) {
		next = r->next;
		e = ENTRY(r, of_target);
		if (complete && e->expected && !e->told)
			forget(sc, e);
		entry_rest(sc, e);
	}
	target_kick(sc, t);
}
