/*
 * schedule_impl.h: what the files of schedule.h share.
 *
 * An entry is a delivery in memory. It is fresh while the cursor has not
 * passed it: then it stands in its target's window, in order of seq, also
 * when it has ended. Whatever is reported below a fresh entry takes it along,
 * so that the cursor never stands below anything that was reported.
 *
 * Where an entry waits is its place; it is in one at a time. Entries of one
 * lane go one by one: the lowest is its head, the others are behind it.
 *
 * Files call those that stand above them here: schedule_target.c,
 * schedule_order.c, schedule_entry.c, schedule.c; then those that do one thing
 * each, _rows, _end, _read, _send and _report.
 *
 * Times in here ("on our clock") are schedule_tick's: they never go back.
 */
#ifndef EYELET_LIB_DELIVER_SCHEDULE_IMPL_H
#define EYELET_LIB_DELIVER_SCHEDULE_IMPL_H

#include "lib/base/heap.h"
#include "lib/base/rate.h"
#include "lib/base/ring.h"
#include "lib/base/table.h"
#include "lib/base/util.h"
#include "lib/deliver/schedule.h"

enum place {
	PLACE_NONE, /* nothing is to be done with it */
	PLACE_READY, /* rows that are due */
	PLACE_READY_FRESH, /* of the log, never failed */
	PLACE_DUE, /* until its time comes */
	PLACE_BEHIND, /* another one of its lane */
	PLACE_AHEAD, /* a row that was not yet reached in the log */
	PLACE_RUNNING
};

/* What an attempt came to, until it is committed. */
struct outcome {
	struct outcome *next;
	enum store_report_kind kind;
	bool has_attempt;
	struct store_delivery row; /* without what entry knows; its texts are
				      in text, or constants */
	struct store_attempt attempt;
	unsigned char text[];
};

/* What an operator made of a delivery while it was under way. */
struct successor {
	bool set;
	uint64_t stamp;
	unsigned attempts, planned;
	int64_t since_ms, due;
};

struct lane;
struct target;

struct entry {
	struct heap_node node; /* of the place that is a heap */
	struct table_node by_seq;
	struct ring of_target;
	struct entry *later; /* in the window; else among the unreported */
	struct target *target;
	struct lane *lane; /* NULL: goes when it likes */
	struct outcome *outcomes, *last_outcome;
	struct successor successor;
	uint64_t seq, endpoint_id, stamp;
	int64_t since_ms; /* became a row, on the wall; 0: it is none */
	int64_t due;
	unsigned attempts, planned, faults;
	enum place place;
	bool fresh;
	bool rowed; /* the store has a row */
	bool settled; /* nothing is to be done any more */
	bool queued; /* counts for SCHEDULE_QUEUE_MAX */
	bool dropped; /* settled by others while under way */
	bool expected, told; /* while rows are told */
	bool unreported; /* in the target's list */
	uint32_t id_len, type_len, key_len;
	unsigned char text[]; /* id, type, key */
};

/* What goes one by one: all of a target, or what has one key. */
struct lane {
	struct table_node by_key; /* its hash is the identity: two keys that
				     share it wait for each other */
	struct lane *spare;
	struct target *target;
	struct heap behind;
	struct entry *head; /* NULL: none waits, or one is under way */
	size_t members, running;
	size_t ahead; /* members that wait for the log: nobody for them */
	bool stuck; /* its head has failed */
	uint64_t last_fresh; /* the newest that came from the log */
};

struct entry_list {
	struct entry *first, *last;
};

struct target {
	struct table_node by_id;
	struct ring of_schedule;
	struct ring active; /* in the ready ring */
	struct ring news; /* has something to report */
	struct ring to_disable; /* is to be named */
	struct heap_node timer;
	int64_t wake; /* of timer; INT64_MAX: it is in no heap */
	struct schedule_destination set;
	struct ring entries;
	struct heap ready, ready_fresh, due, ahead;
	struct lane *only; /* of strict order; NULL: it is empty */
	struct lane *refused; /* an event of it found park_max reached */
	size_t nentries, running, queued, behind;

	bool told, telling; /* rows */
	uint64_t cursor; /* as committed */
	uint64_t read; /* all below was looked at */
	struct entry_list window;
	uint64_t news_seq; /* up to this the window has news */
	struct entry_list unreported; /* not fresh, with outcomes */

	struct rate rate;
	int64_t hold; /* nothing starts before */
	unsigned faults; /* in a row */
	unsigned failures; /* in a row */
	bool open; /* the breaker is */
	int64_t probe; /* when a fresh one may go, while open */
	int64_t probe_gap;
	bool failing;
	int64_t failing_since; /* on the clock of schedule.seen */
	/* As it is, or will be, written down. at_ms before the first failure of
	 * this life: an earlier one's goes on. */
	struct store_failing kept;
	bool kept_news; /* kept has changed since it was reported */
	bool disabled; /* until a put of another generation */
	char why[DELIVERY_WORDS_MAX];

	/* While a report is out: */
	bool in_report, removed;
	bool kept_reported; /* it has kept */
	uint64_t report_cursor;
	size_t report_unreported;
};

struct reported {
	struct entry *entry;
	struct outcome *outcome; /* NULL: a row for what was overtaken */
};

struct schedule {
	struct table targets, entries, lanes;
	struct ring all, active, news, to_disable;
	struct heap timers;
	struct lane *spares;
	size_t ntargets, nspares, noutcomes;
	uint64_t seed, chance;

	bool started;
	int64_t told, now; /* the last one told; on our clock */
	int64_t ahead; /* of told: the wall clock */
	int64_t seen; /* grows by at most SCHEDULE_GAP_MAX_MS a call */

	bool out; /* a report is */
	bool moved; /* a cursor may have, with nothing else to report */
	int64_t cursors_at; /* when such cursors last went out */
	struct store_report_item *items; /* STORE_REPORT_ITEMS_MAX */
	struct reported *reported; /* the same */
	size_t nitems;
	struct store_report_cursor *cursors; /* target_room */
	struct store_report_failing *failings; /* the same */
	struct target **in_report; /* the same */
	size_t ncursors, nfailings, nin_report, target_room;
};

#define ENTRY(ptr, member) CONTAINER_OF(ptr, struct entry, member)
#define TARGET(ptr, member) CONTAINER_OF(ptr, struct target, member)

/* --- schedule_target.c ---------------------------------------------------- */

struct target *schedule_target(const struct schedule *sc, uint64_t id);
void target_kick(struct schedule *sc, struct target *t); /* may start some */
void target_news(struct schedule *sc, struct target *t); /* may report some */
void target_wake(struct schedule *sc, struct target *t, int64_t at);
bool target_runs(const struct target *t);
void target_forgive(struct target *t); /* its failures up to now */
/* It has not been failing, and that is to be written down. */
void target_unfail(struct schedule *sc, struct target *t);

/* --- schedule_order.c: places and lanes ----------------------------------- */

void target_places(struct target *t); /* makes the heaps */
/* Those of PLACE_DUE whose time has come become ready. */
void target_due(struct schedule *sc, struct target *t);
/* Gives all entries their lanes anew. ERR_NOMEM: nothing was changed. */
int target_reorder(struct schedule *sc, struct target *t,
    enum destination_order order, struct err *err);

/* Makes sure of n lanes. ERR_NOMEM. */
int lane_spares(struct schedule *sc, size_t n, struct err *err);
void lane_spares_free(struct schedule *sc);
void lane_join(struct schedule *sc, struct entry *e); /* may use a spare */
void lane_leave(struct schedule *sc, struct entry *e);
/* In keyed order, the lane that an event of this key would have to wait in;
 * NULL: it can go. */
struct lane *
lane_of_key(const struct schedule *sc, const struct target *t, struct span key);

/* Where it waits, by its due time, its lane and what was read. */
void entry_place(struct schedule *sc, struct entry *e);
void entry_ahead(struct entry *e); /* to PLACE_AHEAD, whatever the order */
void entry_unplace(struct entry *e); /* to PLACE_NONE; it does not run */
void entry_run(struct entry *e); /* from a ready place */
void entry_ran(struct entry *e); /* to PLACE_NONE */

/* --- schedule_entry.c: entries -------------------------------------------- */

struct entry_facts {
	uint64_t seq, endpoint_id;
	struct span id, type, key;
};

/* In no place yet. ERR_NOMEM, ERR_LIMIT. */
struct entry *entry_new(struct schedule *sc, struct target *t,
    const struct entry_facts *facts, struct err *err);
struct entry *
entry_find(const struct schedule *sc, const struct target *t, uint64_t seq);
void entry_free(struct schedule *sc, struct entry *e);
void entry_fresh(struct entry *e); /* puts it at the window's end */
void entry_outcome(struct schedule *sc, struct entry *e, struct outcome *o);
/* Nothing is to be done any more. It leaves its lane. */
void entry_settle(struct schedule *sc, struct entry *e);
/* Frees it when nobody needs it. */
void entry_rest(struct schedule *sc, struct entry *e);
void entry_queued(struct entry *e, bool queued);
/* The log was read up to t->read: what is no more ahead of it. */
void target_reached(struct schedule *sc, struct target *t);

void entry_list_put(struct entry_list *l, struct entry *e);
struct entry *entry_list_take(struct entry_list *l);

/* --- schedule.c: the clock and the whole ---------------------------------- */

int64_t schedule_tick(struct schedule *sc, int64_t now_ms);
int64_t schedule_peek(const struct schedule *sc, int64_t now_ms);
int64_t schedule_wall(const struct schedule *sc, int64_t at);
uint32_t schedule_chance(struct schedule *sc);

void target_free(struct schedule *sc, struct target *t);
/* Arrays for a report; what had no room goes into the next one. */
int schedule_room(struct schedule *sc, struct err *err);

/* --- schedule_rows.c ------------------------------------------------------ */

/* A state that an operator set meanwhile counts from now on. */
void entry_succeed(struct schedule *sc, struct entry *e);

/* --- schedule_end.c ------------------------------------------------------- */

/* It is dead without an attempt. It becomes fresh. ERR_NOMEM. */
int entry_dead(struct schedule *sc, struct entry *e, const char *reason,
    struct span words, struct err *err);

#endif
