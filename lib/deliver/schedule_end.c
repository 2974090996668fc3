/* schedule_end.c: how attempts ended, and what that says of a receiver. */
#include "lib/deliver/schedule_impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

/* --- receivers ------------------------------------------------------------ */

static void
disable(struct schedule *sc, struct target *t, const char *why)
{
	if (t->disabled)
		return;
	t->disabled = true;
	snprintf(t->why, sizeof(t->why), "%s", why);
	ring_put(&sc->to_disable, &t->to_disable);
}

/* How long it had been failing when this life began; the gap is bounded. */
static int64_t
failed_before(const struct schedule *sc, const struct target *t)
{
	int64_t gap = schedule_wall(sc, sc->now) - t->kept.at_ms;

	if (t->kept.at_ms == 0)
		return 0;
	if (gap < 0)
		gap = 0;
	return t->kept.for_ms +
	       (gap < SCHEDULE_GAP_MAX_MS ? gap : SCHEDULE_GAP_MAX_MS);
}

static void
target_failed(struct schedule *sc, struct target *t)
{
	char words[DELIVERY_WORDS_MAX], length[TEXT_TIME_MAX];
	int64_t after_ms = t->set.disable_after_ms;

	t->faults = 0;
	if (++t->failures >= SCHEDULE_BREAK_AFTER && !t->open) {
		t->open = true;
		t->probe = sc->now + SCHEDULE_PROBE_FIRST_MS;
		t->probe_gap = 2 * SCHEDULE_PROBE_FIRST_MS;
	}
	if (!t->failing) {
		t->failing = true;
		t->failing_since = sc->seen - failed_before(sc, t);
	}
	if (after_ms > 0) {
		t->kept.for_ms = sc->seen - t->failing_since;
		t->kept.at_ms = schedule_wall(sc, sc->now);
		t->kept_news = true;
	}
	if (after_ms > 0 && sc->seen - t->failing_since >= after_ms) {
		text_duration(length, after_ms / 1000);
		snprintf(words, sizeof(words), "nothing but failures for %s",
		    length);
		disable(sc, t, words);
	}
}

static void
target_answered(struct schedule *sc, struct target *t)
{
	target_forgive(t);
	target_unfail(sc, t);
}

/* The next start waits, the longer the more faults there were. */
static int64_t
fault_delay(unsigned faults)
{
	int64_t delay = SCHEDULE_FAULT_FIRST_MS;

	for (; faults > 1 && delay < SCHEDULE_FAULT_MAX_MS; faults--)
		delay *= 2;
	return delay < SCHEDULE_FAULT_MAX_MS ? delay : SCHEDULE_FAULT_MAX_MS;
}

static void
fault(struct schedule *sc, struct entry *e)
{
	struct target *t = e->target;

	e->faults++;
	e->due = sc->now + fault_delay(e->faults);
	/* What is under way together fails together: one step for all. */
	if (t->hold <= sc->now) {
		t->faults++;
		t->hold = sc->now + fault_delay(t->faults);
	}
}

static void
judge(struct schedule *sc, struct target *t, const struct schedule_end *end)
{
	switch (end->verdict) {
	case SCHEDULE_DELIVERED:
		target_answered(sc, t);
		break;
	case SCHEDULE_FAILED:
		target_failed(sc, t);
		break;
	case SCHEDULE_GONE:
		target_failed(sc, t);
		disable(sc, t, "it answered that it is gone (410)");
		break;
	case SCHEDULE_REFUSED:
		/* Who judges an event works; other reasons say nothing. */
		if (strcmp(end->reason, DELIVERY_REJECTED) == 0)
			target_answered(sc, t);
		break;
	case SCHEDULE_FAULT:
		break;
	}
}

bool
schedule_next_disabled(
    struct schedule *sc, uint64_t *destination_id, char why[DELIVERY_WORDS_MAX])
{
	struct target *t;

	if (ring_empty(&sc->to_disable))
		return false;
	t = TARGET(sc->to_disable.next, to_disable);
	ring_cut(&t->to_disable);
	*destination_id = t->set.id;
	memcpy(why, t->why, sizeof(t->why));
	return true;
}

/* --- outcomes ------------------------------------------------------------- */

static struct span
cut(struct span s, size_t max)
{
	return s.len > max ? span_of(s.ptr, max) : s;
}

/* With room for the texts, and what is the same for all of an entry. */
static struct outcome *
outcome_new(const struct entry *e, struct span words, struct span excerpt,
    struct err *err)
{
	struct outcome *o;

	words = cut(words, DELIVERY_WORDS_MAX);
	excerpt = cut(excerpt, DELIVERY_EXCERPT_MAX);
	o = malloc(sizeof(*o) + words.len + excerpt.len);
	if (o == NULL) {
		err_set(err, ERR_NOMEM, "no memory for an outcome");
		return NULL;
	}
	memset(o, 0, sizeof(*o));
	if (words.len > 0)
		memcpy(o->text, words.ptr, words.len);
	if (excerpt.len > 0)
		memcpy(o->text + words.len, excerpt.ptr, excerpt.len);
	o->kind = STORE_REPORT_ROW;
	o->row.stamp = e->stamp;
	o->row.words = span_of(o->text, words.len);
	o->row.excerpt = span_of(o->text + words.len, excerpt.len);
	return o;
}

static void
die(struct outcome *o, const char *reason)
{
	o->row.state = STORE_DELIVERY_DEAD;
	o->row.reason = span_str(reason);
	o->attempt.result = STORE_ATTEMPT_DEAD;
}

/* By the plan: again at e->due, or dead. */
static void
retry(struct schedule *sc, struct entry *e, struct outcome *o,
    int64_t retry_after_ms)
{
	int64_t delay = retry_plan_delay_ms(&e->target->set.plan, e->planned,
	    retry_after_ms, schedule_chance(sc));

	if (delay < 0) {
		die(o, DELIVERY_EXHAUSTED);
		return;
	}
	e->due = sc->now + delay;
	o->row.state = STORE_DELIVERY_RETRYING;
	o->row.due_ms = o->attempt.next_ms = schedule_wall(sc, e->due);
	o->attempt.result = STORE_ATTEMPT_FAILED;
}

/* What becomes of an entry by an attempt. */
static void
conclude(struct schedule *sc, struct entry *e, struct outcome *o,
    const struct schedule_end *end)
{
	switch (end->verdict) {
	case SCHEDULE_DELIVERED:
		o->kind = STORE_REPORT_DONE;
		o->attempt.result = STORE_ATTEMPT_DELIVERED;
		break;
	case SCHEDULE_FAILED:
		retry(sc, e, o, end->retry_after_ms);
		break;
	case SCHEDULE_GONE:
		e->due = INT64_MIN;
		o->row.state = STORE_DELIVERY_PENDING;
		o->attempt.result = STORE_ATTEMPT_FAILED;
		break;
	case SCHEDULE_REFUSED:
		die(o, end->reason);
		break;
	case SCHEDULE_FAULT:
		assert(false);
		break;
	}
}

/* Notes an attempt. Is it over with the delivery? */
static bool
note(struct schedule *sc, struct entry *e, struct outcome *o,
    const struct schedule_end *end)
{
	e->attempts++;
	e->planned++;
	e->faults = 0;
	conclude(sc, e, o, end);
	o->row.last_ms = end->at_ms;
	o->row.status = end->status;
	o->has_attempt = true;
	o->attempt.no = e->attempts;
	o->attempt.at_ms = end->at_ms;
	o->attempt.took_us = end->took_us;
	o->attempt.status = end->status;
	o->attempt.words = o->row.words;
	o->row.attempts = e->attempts;
	o->row.planned = e->planned;
	if (e->dropped) /* its row is another one by now, or gone */
		o->kind = STORE_REPORT_DONE;
	if (e->since_ms == 0 && o->kind == STORE_REPORT_ROW)
		e->since_ms = schedule_wall(sc, sc->now);
	o->row.since_ms = e->since_ms;
	entry_outcome(sc, e, o);
	return o->attempt.result != STORE_ATTEMPT_FAILED;
}

int
schedule_ended(struct schedule *sc, const struct schedule_end *end,
    int64_t now_ms, struct err *err)
{
	struct target *t = schedule_target(sc, end->destination_id);
	struct entry *e = t == NULL ? NULL : entry_find(sc, t, end->seq);
	struct outcome *o = NULL;
	bool over = false;

	schedule_tick(sc, now_ms);
	if (e == NULL || e->place != PLACE_RUNNING)
		return 0;
	if (end->verdict != SCHEDULE_FAULT) {
		o = outcome_new(e, end->words, end->excerpt, err);
		if (o == NULL)
			return -1;
	}
	judge(sc, t, end);
	entry_ran(e);
	if (o == NULL)
		fault(sc, e);
	else
		over = note(sc, e, o, end);
	if (e->successor.set) {
		entry_succeed(sc, e);
	} else if (over || e->dropped) {
		entry_settle(sc, e);
		entry_rest(sc, e);
	} else {
		entry_queued(e, e->fresh && !e->rowed);
		entry_place(sc, e);
	}
	target_kick(sc, t);
	return 0;
}

int
entry_dead(struct schedule *sc, struct entry *e, const char *reason,
    struct span words, struct err *err)
{
	struct outcome *o = outcome_new(e, words, SPAN_EMPTY, err);

	if (o == NULL)
		return -1;
	die(o, reason);
	o->row.since_ms = e->since_ms = o->row.last_ms =
	    schedule_wall(sc, sc->now);
	e->settled = true;
	entry_fresh(e);
	entry_outcome(sc, e, o);
	return 0;
}
