/* schedule_send.c: what goes out now, and when something may. */
#include "lib/deliver/schedule_impl.h"

static bool
has_slot(const struct target *t)
{
	return target_runs(t) &&
	       t->running < (t->open ? 1 : (size_t)t->set.concurrency);
}

/* Of what is ready, what comes first; NULL: none. */
static struct entry *
ready(const struct schedule *sc, const struct target *t)
{
	struct heap_node *row = t->ready.first, *fresh = t->ready_fresh.first;

	if (t->open) {
		if (row == NULL && fresh != NULL && sc->now >= t->probe)
			row = fresh;
		fresh = NULL;
	}
	if (row == NULL || fresh == NULL) {
		if (row == NULL)
			row = fresh;
		return row == NULL ? NULL : ENTRY(row, node);
	}
	return ENTRY(row, node)->seq < ENTRY(fresh, node)->seq
		   ? ENTRY(row, node)
		   : ENTRY(fresh, node);
}

/* When a target that can start nothing is to be looked at again. */
static int64_t
next_wake(const struct schedule *sc, const struct target *t)
{
	int64_t at = INT64_MAX, due;

	if (!has_slot(t))
		return INT64_MAX;
	if (t->hold > sc->now)
		return t->hold;
	if (t->due.first != NULL)
		at = ENTRY(t->due.first, node)->due;
	if (ready(sc, t) != NULL) { /* then it is the rate */
		due = sc->now + rate_wait_ms(&t->rate, t->set.rate, sc->now);
		at = due < at ? due : at;
	}
	if (t->open && t->running == 0 && t->probe > sc->now && t->probe < at)
		at = t->probe;
	return at;
}

static struct entry *
choose(struct schedule *sc, struct target *t)
{
	struct entry *e;

	target_due(sc, t);
	if (!has_slot(t) || t->hold > sc->now)
		return NULL;
	e = ready(sc, t);
	if (e == NULL ||
	    (t->set.rate > 0 && !rate_take(&t->rate, t->set.rate, sc->now)))
		return NULL;
	return e;
}

static void
start(struct schedule *sc, struct entry *e, struct schedule_start *out)
{
	struct target *t = e->target;

	if (t->open && e->place == PLACE_READY_FRESH) {
		t->probe = sc->now + t->probe_gap;
		t->probe_gap *= 2;
		if (t->probe_gap > SCHEDULE_PROBE_MAX_MS)
			t->probe_gap = SCHEDULE_PROBE_MAX_MS;
	}
	entry_run(e);
	entry_queued(e, false);
	*out = (struct schedule_start){ t->set.id, e->seq, e->endpoint_id,
		e->stamp, e->attempts + 1 };
}

/* Targets whose time has come get their turn. */
static void
wake(struct schedule *sc)
{
	struct target *t;

	while (sc->timers.first != NULL) {
		t = TARGET(sc->timers.first, timer);
		if (t->wake > sc->now)
			break;
		target_wake(sc, t, INT64_MAX);
		target_kick(sc, t);
	}
}

bool
schedule_next(struct schedule *sc, int64_t now_ms, struct schedule_start *out)
{
	struct target *t;
	struct entry *e;

	schedule_tick(sc, now_ms);
	if (sc->noutcomes >= SCHEDULE_UNREPORTED_MAX)
		return false;
	wake(sc);
	while (!ring_empty(&sc->active)) {
		t = TARGET(sc->active.next, active);
		ring_cut(&t->active);
		e = choose(sc, t);
		if (e != NULL) {
			start(sc, e, out);
			target_kick(sc, t); /* behind the others */
			return true;
		}
		target_wake(sc, t, next_wake(sc, t));
	}
	return false;
}

int64_t
schedule_wake_ms(const struct schedule *sc, int64_t now_ms)
{
	int64_t now = schedule_peek(sc, now_ms), at = INT64_MAX;

	if (sc->moved && !sc->out)
		at = sc->cursors_at + SCHEDULE_CURSOR_MS;
	if (sc->noutcomes < SCHEDULE_UNREPORTED_MAX) {
		if (!ring_empty(&sc->active))
			return now_ms;
		if (sc->timers.first != NULL &&
		    TARGET(sc->timers.first, timer)->wake < at)
			at = TARGET(sc->timers.first, timer)->wake;
	}
	if (at == INT64_MAX)
		return INT64_MAX;
	return at <= now ? now_ms : now_ms + (at - now);
}
