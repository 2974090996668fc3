/*
 * watch.h: looks every few seconds for what goes wrong slowly, and has it said
 * (notice.h): an endpoint that is silent or refuses many, a secret that ends
 * while it is in use, space, the horizon, what a destination does not take, a
 * copy whose deliveries are held, events that wait for an operator or for a
 * deliverer that does not run.
 *
 * The owner of the store runs it. What was said already stands in the store,
 * so that a restart repeats nothing.
 */
#ifndef EYELET_LIB_WATCH_WATCH_H
#define EYELET_LIB_WATCH_WATCH_H

#include "lib/scheme/scheme.h"
#include "lib/store/delivery.h"

struct watch;

struct watch_options {
	int64_t look_ms; /* between two looks; 0: only watch_look looks */
	int64_t calm_ms; /* above the floor for so long: it is over */
	int64_t hold_s, retain_s; /* store_options' */
};

/* Every member at its default, as store_options_init has them. */
void watch_options_init(struct watch_options *opt);

/*
 * Borrows st until watch_close, which comes before store_close. Each look has
 * schemes hold the ones in force. log as in store_options. ERR_NOMEM, ERR_IO.
 */
int watch_open(struct store *st, struct scheme_set *(*schemes)(void *arg),
    void *schemes_arg, const struct watch_options *opt,
    void (*log)(void *arg, const char *line), void *log_arg, struct watch **out,
    struct err *err);
void watch_close(struct watch *wt); /* NULL is allowed */

/* From the next look on; any thread. */
void watch_configure(struct watch *wt, int64_t hold_s, int64_t retain_s);

/* One look now. What it has to say is durable when it returns 0. */
int watch_look(struct watch *wt, struct err *err);

#endif
