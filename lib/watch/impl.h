/*
 * impl.h: what the files of the watch share. Nobody else includes it.
 *
 * watch.c	the thread, and what a look has to say
 * watch/rules.c	when there is something to say
 * watch/endpoints.c	endpoints that are silent or refuse many
 * watch/secrets.c	secrets that end while they are in use
 * watch/store.c	space, and the horizon
 * watch/copy.c	a copy of a store, whose deliveries are held
 * watch/deliverer.c	events wait, and no process delivers them
 * watch/clock.c	the wall clock, and what speaks against it
 * watch/holds.c	what a destination does not take
 * watch/held.c	events that are held for an operator
 */
#ifndef EYELET_LIB_WATCH_IMPL_H
#define EYELET_LIB_WATCH_IMPL_H

#include <pthread.h>

#include "lib/store/notice.h"
#include "lib/watch/rules.h"
#include "lib/watch/watch.h"

/* What is known of an endpoint between two looks. */
struct watch_endpoint {
	uint64_t id, generation;
	int64_t expect_ms;
	uint64_t good; /* requests that verified, as they were counted last */
	int64_t heard_ms; /* when that changed; 0: not since the start */
	int64_t quiet_age_ms; /* since then: for as long it is silent */
	bool judged; /* once in this generation */
	uint64_t too_large; /* counter, as all of it was said last */
	uint64_t held; /* the same */
	bool held_judged; /* once */
	struct watch_window window;
	struct watch_misses misses;
};

#define WATCH_WORDS_MAX 64 /* in one look; the rest waits for the next */

/* Something to say, to remember, or both. */
struct watch_word {
	const char *type; /* NULL: nothing is said */
	struct buf data;
	const char *kind; /* of the mark, with id */
	uint64_t id;
	struct notice_mark mark;
	bool forget;
};

struct watch {
	struct store *st;
	struct scheme_set *(*hold_schemes)(void *arg);
	void *schemes_arg;
	struct scheme_set *schemes; /* of one look, held */
	struct watch_options opt;
	_Atomic int64_t hold_s, retain_s; /* and not opt's */
	void (*log)(void *arg, const char *line);
	void *log_arg;

	struct watch_endpoint *endpoints; /* by id */
	size_t nendpoints;
	bool looked; /* once */
	struct watch_space space;
	int64_t copy_said_ms; /* in the log, last; clock_ms */
	int64_t undelivered_said_ms; /* the same */
	int64_t held_age_ms; /* when holds were looked at last */

	/*
	 * Of one look. How long something lasts, and when it was said, counts
	 * by age_ms, which no step of the wall clock moves (age.h).
	 */
	int64_t now_ms, age_ms;
	int64_t sure_ms; /* the last wall clock that was not in doubt */
	struct watch_word words[WATCH_WORDS_MAX];
	size_t nwords;

	pthread_t thread;
	bool runs;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool closing;
};

/* The next word, or NULL when there are too many. */
struct watch_word *
watch_word(struct watch *wt, const char *type, const char *kind, uint64_t id);

/* Begins the object of a word's data, and ends it. */
void watch_data(struct watch_word *word, struct json_write *w, struct err *err);
int watch_data_end(struct json_write *w);

int watch_look_at_endpoints(struct watch *wt, struct err *err);
int watch_look_at_secrets(struct watch *wt, struct err *err);
int watch_look_at_store(struct watch *wt, struct err *err);
int watch_look_at_copy(struct watch *wt, struct err *err);
int watch_look_at_deliverer(struct watch *wt, struct err *err);
int watch_look_at_holds(struct watch *wt, struct err *err);
int watch_look_at_held(struct watch *wt, struct err *err);
int watch_look_at_clock(struct watch *wt, struct err *err);

/* count: the endpoint's STORE_COUNT_HELD. */
int watch_judge_held(struct watch *wt, struct watch_endpoint *en,
    const struct store_endpoint *ep, uint64_t count, struct err *err);

/* Do requests to an endpoint speak against the clock? */
int watch_judge_misses(struct watch *wt, const struct store_endpoint *ep,
    enum watch_missed missed, const struct watch_misses *m, struct err *err);

#endif
