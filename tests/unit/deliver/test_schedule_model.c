/*
 * test_schedule_model.c: a schedule in a made-up world that does at random
 * what deliverers, receivers, operators, clocks and kill -9 do, beside a
 * store in memory that applies reports as store/delivery.h says. After every
 * step the promises hold; when the world calms down, all is delivered or
 * dead. A failure prints its seed; SCHEDULE_SEED=N runs that one alone.
 */
#include "lib/deliver/schedule.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

#define SEEDS 150
#define STEPS 1500
#define EVENTS_MAX 400
#define TARGETS 4
#define KEYS 4 /* 0: none */
#define STARTS_MAX 65536
#define NONE SIZE_MAX

/* --- the world ------------------------------------------------------------ */

struct event_model {
	uint64_t seq;
	int key;
	bool removed;
	bool matches[TARGETS];
};

/* A delivery: what really happened, and its row. */
struct pair {
	bool running, taken;
	bool final; /* delivered or dead, as far as anybody may rely on */
	bool delivered; /* at least once */
	bool committed; /* final, and a report said so */
	bool released; /* an operator set it aside, or deleted it */
	bool deleted; /* which a report under way may not know of */
	bool untold; /* an operator's change that the schedule may not know */
	bool again; /* an operator wants it once more */
	unsigned attempts, planned; /* that the schedule knows of */
	uint64_t stamp; /* it runs with */
	int64_t due; /* not before; on w.clock */

	bool has_row;
	struct store_delivery row;
};

struct target_model {
	struct schedule_destination set;
	uint64_t cursor, first; /* committed; where it began */
	size_t running;
	unsigned failures;
	int64_t last_probe; /* fresh start while open; or when it opened */
	bool gone; /* disabled, to be committed */
	bool operated; /* by operators: rows may be anywhere */
	int64_t starts[STARTS_MAX]; /* times */
	size_t nstarts;
	bool stale; /* rows changed since they were told */
	bool telling; /* they are being told */
};

static struct {
	uint64_t seed, random, stamp;
	unsigned step;
	struct schedule *sc;
	int64_t wall, clock; /* clock: nobody sets it */
	struct event_model events[EVENTS_MAX];
	size_t nevents;
	uint64_t next_seq;
	struct target_model targets[TARGETS];
	struct pair pairs[TARGETS][EVENTS_MAX];
	bool out; /* a report is */
	struct store_report report;
	bool calm;
	const char *doing;
} w;

#define must(what, ...)                                                  \
	do {                                                             \
		if (!(what)) {                                           \
			char why_[600];                                  \
			snprintf(why_, sizeof(why_), __VA_ARGS__);       \
			ck_abort_msg("seed %llu, step %u, %s: %s",       \
			    (unsigned long long)w.seed, w.step, w.doing, \
			    why_);                                       \
		}                                                        \
	} while (0)

static uint64_t
draw(uint64_t n)
{
	w.random = w.random * 6364136223846793005U + 1442695040888963407U;
	return (w.random >> 33) % n;
}

static bool
chance(uint64_t percent)
{
	return draw(100) < percent;
}

static size_t
index_of(uint64_t seq)
{
	size_t i;

	for (i = 0; i < w.nevents; i++)
		if (w.events[i].seq == seq)
			return i;
	return NONE;
}

static const char *
key_text(int key)
{
	static const char *const texts[KEYS] = { "", "a", "bb", "ccc" };

	return texts[key];
}

static bool
is_open(const struct target_model *t)
{
	return t->failures >= SCHEDULE_BREAK_AFTER;
}

/* Do two events of a destination go one after the other? */
static bool
ordered(const struct target_model *t, size_t a, size_t b)
{
	if (t->set.order == DESTINATION_ORDER_STRICT)
		return true;
	return t->set.order == DESTINATION_ORDER_KEY && w.events[a].key != 0 &&
	       w.events[a].key == w.events[b].key;
}

/* --- the store ------------------------------------------------------------ */

static void
apply_item(const struct store_report_item *item)
{
	const struct store_delivery *d = &item->delivery;
	size_t k = d->destination_id - 1, i = index_of(d->seq);
	struct target_model *t = &w.targets[k];
	struct pair *p = &w.pairs[k][i];

	must(i != NONE && w.events[i].matches[k], "a report of no delivery");
	if (item->has_attempt) {
		must(item->attempt.seq == d->seq, "attempt of another");
		must(item->attempt.no > 0, "attempt 0");
	}
	if (d->stamp != (p->has_row ? p->row.stamp : 0))
		return;
	if (item->kind == STORE_REPORT_DONE) {
		if (item->attempt.result == STORE_ATTEMPT_DELIVERED &&
		    d->stamp == p->stamp && !p->running && !p->again)
			p->final = true;
		p->has_row = false;
	} else {
		must(d->state == STORE_DELIVERY_PENDING ||
			 d->state == STORE_DELIVERY_RETRYING ||
			 d->state == STORE_DELIVERY_DEAD,
		    "a row of state %d", (int)d->state);
		must(span_is(d->id, "evt"), "row without its id");
		must(span_is(d->key, key_text(w.events[i].key)),
		    "row without its key");
		if (span_is(d->reason, DELIVERY_EXHAUSTED))
			must(d->planned > t->set.plan.n, /* more by 410 */
			    "exhausted after %u", d->planned);
		/* One that was deleted meanwhile is back: the schedule did
		 * not know yet. */
		p->released = false;
		if (d->state == STORE_DELIVERY_DEAD)
			p->final = true;
		p->has_row = true;
		p->row = *d;
		p->row.words = p->row.excerpt = SPAN_EMPTY;
		p->row.reason = p->row.id = p->row.type = p->row.key =
		    SPAN_EMPTY;
	}
	if (item->kind == STORE_REPORT_DONE || d->state == STORE_DELIVERY_DEAD)
		p->committed = p->final;
}

static void
apply(const struct store_report *r)
{
	size_t i, k;

	must(r->nitems <= STORE_REPORT_ITEMS_MAX, "a report too large");
	for (i = 0; i < r->nitems; i++)
		apply_item(&r->items[i]);
	for (i = 0; i < r->ncursors; i++) {
		k = r->cursors[i].destination_id - 1;
		/* The same one again: when the last answer was lost. */
		must(r->cursors[i].seq >= w.targets[k].cursor,
		    "a cursor that moves back");
		w.targets[k].cursor = r->cursors[i].seq;
	}
	for (i = 0; i < r->nitems; i++) {
		k = r->items[i].delivery.destination_id - 1;
		must(r->items[i].delivery.seq < w.targets[k].cursor ||
			 w.targets[k].operated,
		    "%llu is reported above the cursor",
		    (unsigned long long)r->items[i].delivery.seq);
	}
}

/* --- promises ------------------------------------------------------------- */

/* Below the cursor, all is delivered, in a row, or an operator's business. */
static void
nothing_is_lost(size_t k)
{
	const struct target_model *t = &w.targets[k];
	const struct pair *p;
	size_t i;

	for (i = 0; i < w.nevents && w.events[i].seq < t->cursor; i++) {
		p = &w.pairs[k][i];
		if (!w.events[i].matches[k] || w.events[i].seq < t->first)
			continue;
		must(p->delivered || p->has_row || p->released,
		    "%zu/%llu is lost", k + 1,
		    (unsigned long long)w.events[i].seq);
	}
}

/* Those that wait for another of their key. */
static void
followers_are_bounded(size_t k)
{
	const struct target_model *t = &w.targets[k];
	int64_t n = 0;
	bool waits[KEYS] = { false };
	size_t i;

	if (t->set.order != DESTINATION_ORDER_KEY || t->operated)
		return;
	for (i = 0; i < w.nevents; i++) {
		const struct pair *p = &w.pairs[k][i];
		int key = w.events[i].key;

		if (!p->taken || p->final || p->released || key == 0)
			continue;
		n += waits[key];
		waits[key] = true;
	}
	must(n <= t->set.park_max, "%lld followers of at most %lld",
	    (long long)n, (long long)t->set.park_max);
}

static void
queue_is_bounded(size_t k)
{
	size_t i, n = 0;

	for (i = 0; i < w.nevents; i++)
		n += w.pairs[k][i].taken && !w.pairs[k][i].final &&
		     !w.pairs[k][i].has_row && !w.pairs[k][i].running;
	must(n <= SCHEDULE_QUEUE_MAX, "a queue of %zu", n);
}

static void
rate_is_kept(struct target_model *t)
{
	size_t i, n = t->nstarts;
	int64_t ms, max;

	if (t->set.rate == 0)
		return;
	for (i = 0; i < n && i < 40; i++) {
		ms = t->starts[n - 1] - t->starts[n - 1 - i];
		max = t->set.rate + t->set.rate * ms / 1000 + 1;
		must((int64_t)i + 1 <= max, "%zu starts in %lld ms", i + 1,
		    (long long)ms);
	}
}

static void
order_is_kept(size_t k, size_t i)
{
	struct target_model *t = &w.targets[k];
	const struct pair *p;
	size_t j;

	for (j = 0; j < w.nevents; j++) {
		p = &w.pairs[k][j];
		if (j == i || !w.events[j].matches[k] || !ordered(t, i, j) ||
		    w.events[j].removed || w.events[j].seq < t->first)
			continue;
		must(!p->running || p->untold || t->operated,
		    "%llu and %llu of one key at once",
		    (unsigned long long)w.events[i].seq,
		    (unsigned long long)w.events[j].seq);
		if (j < i && !p->untold)
			must(p->final || p->released,
			    "%llu before %llu of its key",
			    (unsigned long long)w.events[i].seq,
			    (unsigned long long)w.events[j].seq);
	}
}

static void
check_all(void)
{
	size_t k;

	for (k = 0; k < TARGETS; k++) {
		nothing_is_lost(k);
		followers_are_bounded(k);
		queue_is_bounded(k);
	}
}

/* --- what the deliverer does ---------------------------------------------- */

static void
tell_settings(size_t k)
{
	struct err err = ERR_INIT;

	must(schedule_put(w.sc, &w.targets[k].set, w.targets[k].cursor, &err) ==
		 0,
	    "%s", err.text);
}

/* Attempts end while rows are told. */
static void end_some(unsigned n);
static void start_some(unsigned n);
static void report_begins(void);
static void report_ends(void);

static void
tell_rows(size_t k)
{
	static struct pair listed[EVENTS_MAX];
	struct err err = ERR_INIT;
	size_t i, n = w.nevents;

	w.targets[k].stale = false;
	must(schedule_rows_begin(w.sc, k + 1, w.clock, &err) == 0, "%s",
	    err.text);
	memcpy(listed, w.pairs[k], n * sizeof(listed[0]));
	for (i = 0; i < n; i++)
		w.pairs[k][i].untold = false;
	w.targets[k].telling = true;
	if (!w.calm && chance(30))
		end_some(3);
	if (!w.calm && chance(30))
		report_ends();
	if (!w.calm && chance(30))
		report_begins();
	if (!w.calm && chance(30))
		start_some(3);
	for (i = 0; i < n; i++) {
		if (!listed[i].has_row)
			continue;
		listed[i].row.key = span_str(key_text(w.events[i].key));
		listed[i].row.id = span_str("evt");
		must(schedule_row(w.sc, &listed[i].row, &err) == 0, "%s",
		    err.text);
	}
	w.targets[k].telling = false;
	schedule_rows_end(w.sc, k + 1, true);
}

/* A row of an earlier life falls due by the wall clock, as it runs now. */
static int64_t
due_again(const struct store_delivery *row)
{
	int64_t left = row->due_ms - w.wall, planned;

	if (row->state != STORE_DELIVERY_RETRYING)
		return INT64_MIN;
	planned = row->due_ms - row->last_ms;
	return w.clock + (left < planned ? left : planned);
}

static void
begin_life(void)
{
	struct err err = ERR_INIT;
	size_t k, i;

	must(schedule_new(w.seed + w.step, &w.sc, &err) == 0, "%s", err.text);
	schedule_set_wall(w.sc, w.wall - w.clock);
	for (k = 0; k < TARGETS; k++) {
		struct target_model *t = &w.targets[k];

		t->running = t->failures = 0;
		t->gone = false;
		t->nstarts = 0;
		for (i = 0; i < w.nevents; i++) {
			struct pair *p = &w.pairs[k][i];

			/* Only what was committed counts; and not for the log,
			 * where an operator went ahead of the cursor. */
			if (p->final &&
			    (!p->committed ||
				(w.events[i].seq >= t->cursor && !p->has_row)))
				p->final = false;
			p->running = p->taken = false;
			p->due = p->has_row ? due_again(&p->row) : INT64_MIN;
			p->attempts = p->has_row ? p->row.attempts : 0;
			p->planned = p->has_row ? p->row.planned : 0;
			p->stamp = 0;
			if (p->has_row) {
				p->stamp = p->row.stamp;
				p->taken =
				    p->row.state != STORE_DELIVERY_DEAD &&
				    p->row.state != STORE_DELIVERY_PARKED;
			}
		}
		tell_settings(k);
		tell_rows(k);
	}
}

static void
crash(void)
{
	if (w.out && chance(50))
		apply(&w.report);
	w.out = false;
	schedule_free(w.sc);
	begin_life();
}

static void
take(size_t k, size_t i, bool *taken)
{
	const struct event_model *ev = &w.events[i];
	struct schedule_event told = { ev->seq, 7, span_str("evt"),
		span_str("t"), span_str(key_text(ev->key)),
		ev->removed ? DELIVERY_REMOVED : NULL, SPAN_EMPTY };
	struct pair *p = &w.pairs[k][i];
	struct err err = ERR_INIT;

	must(schedule_take(w.sc, k + 1, &told, w.clock, taken, &err) == 0, "%s",
	    err.text);
	if (!*taken || p->taken || p->has_row)
		return;
	if (ev->removed)
		p->final = true;
	else
		p->taken = true;
}

static void
read_log(size_t k)
{
	uint64_t seq;
	bool taken;
	size_t i;

	if (!schedule_wants(w.sc, k + 1, w.clock, &seq))
		return;
	must(w.targets[k].set.runs && !w.targets[k].gone,
	    "a destination that does not run wants %llu",
	    (unsigned long long)seq);
	for (i = 0; i < w.nevents; i++) {
		if (w.events[i].seq < seq)
			continue;
		if (!w.calm && chance(3))
			return;
		if (w.events[i].matches[k]) {
			take(k, i, &taken);
			if (!taken)
				return;
		} else {
			schedule_passed(w.sc, k + 1, w.events[i].seq + 1);
		}
	}
	schedule_passed(w.sc, k + 1, w.next_seq);
}

static void
check_start(const struct schedule_start *s)
{
	size_t k = s->destination_id - 1, i = index_of(s->seq);
	struct target_model *t = &w.targets[k];
	struct pair *p = &w.pairs[k][i];
	bool fresh = p->attempts == 0 && !p->has_row && !p->untold;

	must(i != NONE && w.events[i].matches[k], "start of no delivery");
	must(t->set.runs && !t->gone, "a start of one that does not run");
	must(!t->telling, "a start while rows are told");
	must(!p->running, "%llu twice at once", (unsigned long long)s->seq);
	must(p->untold || !p->final || p->again, "%llu again",
	    (unsigned long long)s->seq);
	must(p->untold || !p->released || p->deleted, "%llu was set aside",
	    (unsigned long long)s->seq);
	must(p->untold || w.clock >= p->due, "%llu early by %lld",
	    (unsigned long long)s->seq, (long long)(p->due - w.clock));
	must(t->running < (is_open(t) ? 1 : (size_t)t->set.concurrency),
	    "%zu at once", t->running + 1);
	must(s->attempt == p->attempts + 1 || t->operated,
	    "attempt %u after %u", s->attempt, p->attempts);
	if (is_open(t) && fresh) {
		must(w.clock - t->last_probe >= SCHEDULE_PROBE_FIRST_MS,
		    "a probe after %lld ms",
		    (long long)(w.clock - t->last_probe));
		t->last_probe = w.clock;
	}
	order_is_kept(k, i);
	must(t->nstarts < STARTS_MAX, "too long a test");
	t->starts[t->nstarts++] = w.clock;
	rate_is_kept(t);
	p->running = true;
	p->taken = true;
	p->again = false;
	if (s->stamp != p->stamp) /* another life of it */
		p->planned = p->has_row ? p->row.planned : 0;
	p->stamp = s->stamp;
	p->attempts = s->attempt - 1;
	t->running++;
}

static void
start_some(unsigned n)
{
	struct schedule_start s;

	while (n-- > 0 && schedule_next(w.sc, w.clock, &s))
		check_start(&s);
}

static void
note_end(size_t k, size_t i, enum schedule_verdict verdict, int64_t after_ms)
{
	struct target_model *t = &w.targets[k];
	struct pair *p = &w.pairs[k][i];
	bool current = !p->has_row || p->row.stamp == p->stamp;
	unsigned planned = p->planned;
	int64_t delay;

	p->running = false;
	t->running--;
	if (verdict == SCHEDULE_FAULT)
		return;
	p->attempts++;
	p->planned++;
	if (verdict == SCHEDULE_DELIVERED) {
		p->delivered = true;
		t->failures = 0;
		t->last_probe = w.clock;
	} else if (verdict != SCHEDULE_REFUSED) {
		if (++t->failures == SCHEDULE_BREAK_AFTER)
			t->last_probe = w.clock;
	} else {
		t->failures = 0; /* "rejected" */
		t->last_probe = w.clock;
	}
	if (verdict == SCHEDULE_GONE)
		t->gone = true;
	if (p->again || !current) /* an operator's row stands there by now */
		return;
	if (verdict == SCHEDULE_DELIVERED || verdict == SCHEDULE_REFUSED ||
	    (verdict == SCHEDULE_FAILED && planned >= t->set.plan.n)) {
		p->final = true;
		p->committed = false;
		return;
	}
	if (verdict == SCHEDULE_FAILED && planned < t->set.plan.n) {
		delay = t->set.plan.delay_ms[planned] / 10 * 9;
		p->due = w.clock + (after_ms > delay ? after_ms : delay);
	}
}

static void
end_one(size_t k, size_t i)
{
	struct schedule_end end = { .destination_id = k + 1,
		.seq = w.events[i].seq,
		.reason = DELIVERY_REJECTED,
		.at_ms = w.wall,
		.took_us = 5,
		.status = 500,
		.retry_after_ms = -1,
		.words = span_str("words"),
		.excerpt = span_str("excerpt") };
	struct err err = ERR_INIT;
	uint64_t dice = w.calm ? 0 : draw(100);
	/* Some receivers are bad for a while. */
	bool bad = !w.calm && (w.step / 100 + k) % 3 == 0;

	if (dice < (bad ? 10 : 70))
		end.verdict = SCHEDULE_DELIVERED;
	else if (dice < 90)
		end.verdict = SCHEDULE_FAILED;
	else if (dice < 96)
		end.verdict = SCHEDULE_FAULT;
	else if (dice < 98)
		end.verdict = SCHEDULE_REFUSED;
	else if (dice == 98)
		end.verdict = SCHEDULE_GONE;
	else
		end.retry_after_ms = 7000;
	must(schedule_ended(w.sc, &end, w.clock, &err) == 0, "%s", err.text);
	note_end(k, i, end.verdict, end.retry_after_ms);
}

static void
end_some(unsigned n)
{
	size_t k, i, skip;

	for (; n > 0; n--) {
		k = draw(TARGETS);
		if (w.targets[k].running == 0)
			continue;
		skip = draw(w.targets[k].running);
		for (i = 0; i < w.nevents; i++) {
			if (w.pairs[k][i].running && skip-- == 0) {
				end_one(k, i);
				break;
			}
		}
	}
}

static void
report_begins(void)
{
	size_t i, k;

	if (w.out)
		return;
	/* Each way, as before an end and in the middle. */
	w.out = schedule_report_begin(w.sc, w.clock, chance(50), &w.report);
	if (!w.out)
		return;
	must(w.report.nitems + w.report.ncursors + w.report.nfailings > 0,
	    "no report");
	for (i = 0; i < w.report.nitems; i++) {
		k = w.report.items[i].delivery.destination_id - 1;
		must(!w.targets[k].telling, "a report while rows are told");
	}
}

/* The answer may be lost though it was committed. */
static void
report_ends(void)
{
	bool applied = w.calm || chance(80), told = applied && !chance(10);

	if (!w.out)
		return;
	if (applied)
		apply(&w.report);
	w.out = false;
	schedule_report_end(w.sc, told || (applied && w.calm));
}

static void
name_disabled(void)
{
	char why[DELIVERY_WORDS_MAX];
	uint64_t id;

	while (schedule_next_disabled(w.sc, &id, why)) {
		must(w.targets[id - 1].gone, "%s", why);
		w.targets[id - 1].set.runs = false;
		w.targets[id - 1].set.generation++;
		tell_settings(id - 1);
	}
}

/* --- what others do ------------------------------------------------------- */

static void
new_events(size_t n)
{
	for (; n > 0 && w.nevents < EVENTS_MAX; n--) {
		struct event_model *ev = &w.events[w.nevents++];
		size_t k;

		w.next_seq += draw(3); /* gaps */
		ev->seq = w.next_seq++;
		ev->key = (int)draw(KEYS);
		ev->removed = chance(3);
		for (k = 0; k < TARGETS; k++)
			ev->matches[k] = chance(70);
	}
}

/* An operator changes a row, or makes one. */
static void
operate(void)
{
	size_t k = draw(TARGETS), i;
	struct target_model *t = &w.targets[k];
	struct pair *p;
	uint64_t what = draw(5);

	if (w.nevents == 0)
		return;
	i = draw(w.nevents);
	p = &w.pairs[k][i];
	if (!w.events[i].matches[k] || w.events[i].removed ||
	    w.events[i].seq < t->first)
		return;
	if (what == 4 && (!p->has_row || w.events[i].seq >= t->cursor))
		return;
	t->operated = t->stale = true;
	p->untold = true;
	p->has_row = true;
	p->row.destination_id = k + 1;
	p->row.seq = w.events[i].seq;
	p->row.stamp = ++w.stamp;
	p->row.planned = 0;
	p->row.due_ms = 0;
	p->due = INT64_MIN;
	p->committed = p->final = false;
	p->released = what > 1;
	p->deleted = what == 4;
	p->again = what <= 1;
	switch (what) {
	case 0: /* retry, replay */
	case 1:
		p->row.state = STORE_DELIVERY_PENDING;
		break;
	case 2:
		p->row.state = STORE_DELIVERY_PARKED;
		break;
	case 3:
		p->row.state = STORE_DELIVERY_DEAD;
		break;
	default:
		p->has_row = false;
		break;
	}
	if (chance(50))
		tell_rows(k);
}

static void
change_settings(void)
{
	struct target_model *t;
	size_t k = draw(TARGETS);

	t = &w.targets[k];
	t->set.generation++;
	switch (draw(3)) {
	case 0:
		t->set.runs = !t->set.runs;
		break;
	case 1:
		t->set.concurrency = 1 + (int64_t)draw(6);
		break;
	default:
		break;
	}
	t->gone = false;
	t->failures = 0;
	tell_settings(k);
}

static void
set_clock(void)
{
	static const int64_t leaps[] = { -1, 1, -1000, 1000, -3600000, 3600000,
		-86400000, 86400000, -3456000000, 3456000000, -315360000000,
		315360000000 };
	int64_t leap = leaps[draw(NITEMS(leaps))];

	if (w.wall + leap < 1000000)
		return;
	w.wall += leap;
	schedule_set_wall(w.sc, w.wall - w.clock);
}

static void
pass_time(int64_t ms)
{
	w.wall += ms;
	w.clock += ms;
}

/* --- runs ----------------------------------------------------------------- */

static void
begin_world(uint64_t seed)
{
	size_t k;

	memset(&w, 0, sizeof(w));
	w.seed = seed;
	w.random = seed * 0x9e3779b97f4a7c15U + 1;
	w.doing = "begin";
	w.wall = 1790000000000;
	w.clock = 5000;
	w.next_seq = 1;
	for (k = 0; k < TARGETS; k++) {
		struct target_model *t = &w.targets[k];

		t->cursor = t->first = 1;
		t->set = (struct schedule_destination){ .id = k + 1,
			.generation = 1,
			.runs = true,
			.plan = { 3, { 1000, 5000, 60000 } },
			.concurrency = 1 + (int64_t)draw(6),
			.rate = chance(40) ? 1 + (int64_t)draw(20) : 0,
			.order = (enum destination_order)draw(3),
			.park_max = (int64_t)draw(7) };
	}
	begin_life();
}

static void
step(void)
{
	static const struct {
		const char *name;
		unsigned weight;
	} kinds[] = { { "events", 8 }, { "read", 16 }, { "start", 20 },
		{ "end", 25 }, { "report", 10 }, { "answer", 10 },
		{ "time", 6 }, { "rows", 2 }, { "operator", 2 },
		{ "settings", 2 }, { "crash", 1 }, { "clock", 1 } };
	uint64_t dice = draw(103);
	/* Half of the worlds have no operators: there, all is exact. */
	bool operators = w.seed % 2 == 0;
	size_t kind = 0;

	while (dice >= kinds[kind].weight)
		dice -= kinds[kind++].weight;
	w.doing = kinds[kind].name;
	switch (kind) {
	case 0:
		new_events(draw(4));
		break;
	case 1:
		read_log(draw(TARGETS));
		break;
	case 2:
		start_some((unsigned)draw(8));
		break;
	case 3:
		end_some(1 + (unsigned)draw(4));
		break;
	case 4:
		report_begins();
		break;
	case 5:
		report_ends();
		break;
	case 6:
		pass_time((int64_t)draw(chance(20) ? 30000 : 500));
		break;
	case 7:
		tell_rows(draw(TARGETS));
		break;
	case 8:
		if (operators)
			operate();
		break;
	case 9:
		change_settings();
		break;
	case 10:
		if (chance(40))
			crash();
		break;
	default:
		set_clock();
		break;
	}
	name_disabled();
	check_all();
}

/* Is there anything that is neither delivered, dead nor set aside? */
static bool
is_done(void)
{
	size_t k, i;

	if (w.out)
		return false;
	for (k = 0; k < TARGETS; k++) {
		if (w.targets[k].cursor != w.next_seq)
			return false;
		for (i = 0; i < w.nevents; i++) {
			const struct pair *p = &w.pairs[k][i];

			if (p->running ||
			    (p->has_row &&
				(p->row.state == STORE_DELIVERY_PENDING ||
				    p->row.state == STORE_DELIVERY_RETRYING)))
				return false;
		}
	}
	return true;
}

/* All goes well, and time passes only when the schedule asks for it. */
static void
calm_down(void)
{
	unsigned turns;
	int64_t wake;
	size_t k, i;

	w.calm = true;
	w.doing = "calm";
	report_ends();
	for (k = 0; k < TARGETS; k++) {
		w.targets[k].set.runs = true;
		w.targets[k].set.generation++;
		w.targets[k].gone = false;
		w.targets[k].failures = 0;
		tell_settings(k);
		if (w.targets[k].stale)
			tell_rows(k);
	}
	for (turns = 0; !is_done(); turns++) {
		must(turns < 20000, "no end");
		for (k = 0; k < TARGETS; k++)
			read_log(k);
		start_some(UINT32_MAX);
		for (k = 0; k < TARGETS; k++)
			for (i = 0; i < w.nevents; i++)
				if (w.pairs[k][i].running)
					end_one(k, i);
		report_begins();
		report_ends();
		check_all();
		wake = schedule_wake_ms(w.sc, w.clock);
		if (is_done())
			break;
		for (k = 0; k < TARGETS; k++)
			read_log(k);
		wake = schedule_wake_ms(w.sc, w.clock);
		must(wake != INT64_MAX, "it sleeps for ever");
		if (wake > w.clock)
			pass_time(wake - w.clock);
	}
	for (k = 0; k < TARGETS; k++)
		for (i = 0; i < w.nevents; i++)
			if (w.events[i].matches[k])
				must(w.pairs[k][i].delivered ||
					 w.pairs[k][i].released ||
					 w.pairs[k][i].has_row,
				    "%zu/%llu never came", k + 1,
				    (unsigned long long)w.events[i].seq);
}

static void
run(uint64_t seed)
{
	begin_world(seed);
	for (w.step = 0; w.step < STEPS; w.step++)
		step();
	calm_down();
	schedule_free(w.sc);
}

START_TEST(every_promise_holds_in_every_world)
{
	const char *one = getenv("SCHEDULE_SEED");
	uint64_t seed;

	if (one != NULL) {
		run(strtoull(one, NULL, 10));
		return;
	}
	for (seed = 1; seed <= SEEDS; seed++)
		run(seed);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("schedule_model");
	TCase *tc = tcase_create("schedule_model");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, every_promise_holds_in_every_world);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
