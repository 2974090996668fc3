/* schedule_read.c: what is wanted of the log, and what comes from it. */
#include "lib/deliver/schedule_impl.h"

/* Do as many wait behind others of their key as may? */
static bool
full(const struct target *t)
{
	return t->behind >= (size_t)t->set.park_max;
}

static bool
wants(const struct schedule *sc, const struct target *t, int64_t now)
{
	if (!target_runs(t) || t->queued >= SCHEDULE_QUEUE_MAX ||
	    t->nentries >= SCHEDULE_ROWS_MAX ||
	    sc->noutcomes >= SCHEDULE_UNREPORTED_MAX)
		return false;
	if (t->only != NULL && t->only->stuck)
		return false;
	if (t->refused != NULL && full(t))
		return false;
	return !t->open || (t->ready_fresh.first == NULL && t->running == 0 &&
			       now >= t->probe);
}

bool
schedule_wants(const struct schedule *sc, uint64_t destination_id,
    int64_t now_ms, uint64_t *seq)
{
	const struct target *t = schedule_target(sc, destination_id);

	if (t == NULL || !wants(sc, t, schedule_peek(sc, now_ms)))
		return false;
	*seq = t->read;
	return true;
}

static void
reached(struct schedule *sc, struct target *t, uint64_t seq)
{
	t->read = seq;
	sc->moved = true;
	target_reached(sc, t);
}

static int
take(struct schedule *sc, struct target *t, const struct schedule_event *ev,
    struct err *err)
{
	struct entry_facts facts = { ev->seq, ev->endpoint_id, ev->id, ev->type,
		ev->key };
	struct entry *e = entry_new(sc, t, &facts, err);

	if (e == NULL)
		return -1;
	if (ev->dead != NULL) {
		if (entry_dead(sc, e, ev->dead, ev->words, err) < 0) {
			entry_free(sc, e);
			return -1;
		}
		reached(sc, t, ev->seq + 1);
		return 0;
	}
	entry_fresh(e);
	entry_queued(e, true);
	reached(sc, t, ev->seq + 1);
	lane_join(sc, e);
	entry_place(sc, e);
	return 0;
}

int
schedule_take(struct schedule *sc, uint64_t destination_id,
    const struct schedule_event *ev, int64_t now_ms, bool *taken,
    struct err *err)
{
	struct target *t = schedule_target(sc, destination_id);
	int64_t now = schedule_tick(sc, now_ms);
	struct lane *lane;

	*taken = false;
	if (t == NULL || !target_runs(t))
		return 0;
	if (ev->seq < t->read) {
		*taken = true;
		return 0;
	}
	if (entry_find(sc, t, ev->seq) != NULL) {
		reached(sc, t, ev->seq + 1);
		*taken = true;
		return 0;
	}
	if (!wants(sc, t, now))
		return 0;
	lane = ev->dead != NULL ? NULL : lane_of_key(sc, t, ev->key);
	if (lane != NULL && full(t)) {
		t->refused = lane;
		return 0;
	}
	if (take(sc, t, ev, err) < 0)
		return -1;
	*taken = true;
	return 0;
}

void
schedule_passed(struct schedule *sc, uint64_t destination_id, uint64_t seq)
{
	struct target *t = schedule_target(sc, destination_id);

	if (t != NULL && seq > t->read)
		reached(sc, t, seq);
}
