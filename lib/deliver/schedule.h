/*
 * schedule.h: which delivery goes out when: concurrency, rates, retries,
 * order, breakers, and what is to be written down. Pure: reads no clock and
 * no store, sends nothing; time and chance come in, so that a test can play
 * years. One thread's.
 *
 * The deliverer feeds it destinations, rows and events, starts what
 * schedule_next names, tells how it ended, and commits what
 * schedule_report_begin hands out. It knows events by seq alone: bodies are
 * the deliverer's business. A destination does nothing until its rows were
 * told for the first time (begin and end, also when it has none).
 *
 * now_ms is milliseconds of a clock that nobody sets (clock_boot_ms): by it
 * all waits, so no step of the wall clock makes a retry early or late. It is
 * the time as it is: one that is made up stays in here, and all that waits
 * goes out too early by it. Should it go back, time stands still in here until
 * it goes on. What is written down is of the wall clock, as schedule_set_wall
 * says that it runs, and rows of an earlier life fall due by that: at once
 * where it was set forward meanwhile, and never later than they were planned.
 * Gaps between two calls count at most SCHEDULE_GAP_MAX_MS towards
 * disable_after_ms, so that a machine that slept disables no destination.
 */
#ifndef EYELET_LIB_DELIVER_SCHEDULE_H
#define EYELET_LIB_DELIVER_SCHEDULE_H

#include "lib/model/delivery.h"
#include "lib/model/destination.h"
#include "lib/model/retry_plan.h"

/* Fresh events that wait in memory for one destination: then it reads no
 * further. */
#define SCHEDULE_QUEUE_MAX 1024
/* Deliveries of one destination in memory: likewise. */
#define SCHEDULE_ROWS_MAX 200000
#define SCHEDULE_BREAK_AFTER 5 /* failures in a row that open a breaker */
#define SCHEDULE_PROBE_FIRST_MS 5000 /* between fresh probes while open ... */
#define SCHEDULE_PROBE_MAX_MS 300000 /* ... doubling up to this */
#define SCHEDULE_FAULT_FIRST_MS 1000 /* after a fault of ours, likewise */
#define SCHEDULE_FAULT_MAX_MS 60000
#define SCHEDULE_GAP_MAX_MS 3600000
/* Cursors that move with nothing else to write down go out this seldom. */
#define SCHEDULE_CURSOR_MS 1000
/* Outcomes that wait to be committed: then nothing more is started. */
#define SCHEDULE_UNREPORTED_MAX 16384

struct schedule;

/* What the schedule knows of a destination's settings; plain values. */
struct schedule_destination {
	uint64_t id; /* not 0 */
	/* Of the settings: one that schedule_next_disabled named runs again
	 * only by a put of another generation (store_destination's). */
	uint64_t generation;
	bool runs; /* enabled; else nothing new is started */
	struct retry_plan plan;
	int64_t concurrency;
	int64_t rate; /* a second; 0: no limit */
	enum destination_order order;
	int64_t park_max; /* of keyed order */
	int64_t disable_after_ms; /* 0: never */
	/* What the store has of an earlier life, when it is put first. */
	struct store_failing failing;
};

/* chance: seeds the jitter. ERR_NOMEM. */
int schedule_new(uint64_t chance, struct schedule **out, struct err *err);
void schedule_free(struct schedule *sc); /* NULL is allowed */

/*
 * What the wall clock shows beyond now_ms, from the next call on: told before
 * the first rows are, and whenever it may have changed. 0 until then.
 */
void schedule_set_wall(struct schedule *sc, int64_t ahead_ms);

/*
 * Adds a destination whose cursor stands at seq, or changes the settings of a
 * known one (its cursor then stays as it is). What is under way goes on.
 * Another generation closes the breaker: the receiver may be another one.
 * ERR_NOMEM: nothing was changed.
 */
int schedule_put(struct schedule *sc, const struct schedule_destination *d,
    uint64_t cursor, struct err *err);
/* Forgets it, for good; outcomes of what is under way are dropped. */
void schedule_remove(struct schedule *sc, uint64_t destination_id);

/*
 * The rows of a destination as the store has them: at the start and each
 * time its operators touched them: begin, then ask the store, one call a row,
 * end. Rows that were known and are there no more are forgotten; what is
 * under way goes on, and its outcome is reported with the stamp it began
 * with. In between, nothing of the destination is started, read or reported.
 * ERR_NOTFOUND: no such destination. ERR_NOMEM: end it, and tell all again.
 */
int schedule_rows_begin(struct schedule *sc, uint64_t destination_id,
    int64_t now_ms, struct err *err);
int schedule_row(
    struct schedule *sc, const struct store_delivery *d, struct err *err);
/* complete: false when not all of them could be told: none is forgotten, and
 * a destination that waits for its first rows goes on waiting. */
void
schedule_rows_end(struct schedule *sc, uint64_t destination_id, bool complete);

/* --- reading the log -------------------------------------------------------
 */

/*
 * From which seq on does this destination want events now? False: from none
 * (it does not run, its queue is full, a head blocks it, its breaker is
 * open). Call again after anything was told.
 */
bool schedule_wants(const struct schedule *sc, uint64_t destination_id,
    int64_t now_ms, uint64_t *seq);

/* An event that was read for it and matches; all strings are copied. */
struct schedule_event {
	uint64_t seq, endpoint_id;
	struct span id, type, key; /* key: empty where there is none */
	const char *dead; /* at once, for this reason: DELIVERY_...; or NULL */
	struct span words; /* of one that is dead; may be empty */
};

/*
 * Events come in order of seq from what schedule_wants said; what was taken
 * or passed before, or has a row, is taken and left as it is. *taken is false
 * when it takes no more: the event, and those behind it, are to be read again
 * later. ERR_NOMEM: as if it were not taken.
 */
int schedule_take(struct schedule *sc, uint64_t destination_id,
    const struct schedule_event *ev, int64_t now_ms, bool *taken,
    struct err *err);

/* All below seq was looked at for it: what matched was taken. Idle cursors
 * advance, too. */
void
schedule_passed(struct schedule *sc, uint64_t destination_id, uint64_t seq);

/* --- sending ----------------------------------------------------------------
 */

struct schedule_start {
	uint64_t destination_id, seq, endpoint_id;
	uint64_t stamp;
	unsigned attempt; /* number of this attempt, from 1 */
};

/*
 * What goes out now; it counts as under way until schedule_ended. False: none
 * now. Destinations take turns.
 */
bool
schedule_next(struct schedule *sc, int64_t now_ms, struct schedule_start *out);

/* Deliveries that are in its hands and not done: due, later, or behind others.
 */
size_t schedule_left(const struct schedule *sc);

/* When schedule_wants, schedule_next or schedule_report_begin may have
 * something though nothing was told; INT64_MAX: never. */
int64_t schedule_wake_ms(const struct schedule *sc, int64_t now_ms);

enum schedule_verdict {
	SCHEDULE_FAILED, /* by plan */
	SCHEDULE_DELIVERED,
	SCHEDULE_REFUSED, /* dead at once, with the reason that is given */
	SCHEDULE_GONE, /* failed, and the destination is to be disabled (410);
			  the delivery waits until that runs again */
	SCHEDULE_FAULT /* ours: nothing was sent; again soon, not counted; no
			  record is made of it */
};

struct schedule_end {
	uint64_t destination_id, seq;
	enum schedule_verdict verdict;
	const char *reason; /* REFUSED: DELIVERY_..., a constant */
	int64_t at_ms, took_us; /* when it began, how long it took */
	int status;
	int64_t retry_after_ms; /* -1: none */
	struct span words, excerpt; /* copied, up to DELIVERY_..._MAX */
};

/*
 * Of what is not under way (its destination was removed), nothing is noted.
 * ERR_NOMEM: it still is under way; tell it again.
 */
int schedule_ended(struct schedule *sc, const struct schedule_end *end,
    int64_t now_ms, struct err *err);

/* A destination that is to be disabled now, and why (inert); false: none. It
 * is named once, and does not run from then on (see generation). */
bool schedule_next_disabled(struct schedule *sc, uint64_t *destination_id,
    char why[DELIVERY_WORDS_MAX]);

/* --- writing down -----------------------------------------------------------
 */

/*
 * What is to be committed now: outcomes since the last one, rows for what
 * they overtook, and each SCHEDULE_CURSOR_MS (all: now, since the caller is
 * about to end) the cursors that have moved with nothing else. False: nothing,
 * or one is out. One report at a time; it borrows from sc until
 * schedule_report_end says whether it was committed (false: the next one has it
 * again, which is harmless). Outcomes that come while it is out go into the
 * next one; everything else may be called meanwhile, but schedule_free. It is
 * for the caller to gather some milliseconds' outcomes where many come: one
 * that is asked for at once is as right, but costs more.
 *
 * With every outcome committed, all of the log below a cursor is delivered,
 * dead, unmatched or in a row; and nothing that was reported stands above it,
 * so that a restart repeats only what was under way or not yet reported.
 */
bool schedule_report_begin(
    struct schedule *sc, int64_t now_ms, bool all, struct store_report *out);
void schedule_report_end(struct schedule *sc, bool committed);

#endif
