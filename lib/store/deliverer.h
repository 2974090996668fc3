/*
 * deliverer.h: does a process deliver what the store accepts? And if
 * none does: what waits for it? A part of store.h.
 *
 * Two facts tell: the deliverer's lock (deliver_lock.h), which the kernel
 * drops when its process ends, and the deliverer's calls (feed.h), which come
 * about once a second from one that works and not at all from one that hangs
 * or was stopped by a signal.
 */
#ifndef EYELET_LIB_STORE_DELIVERER_H
#define EYELET_LIB_STORE_DELIVERER_H

#include "lib/store/delivery.h"

/*
 * A deliverer that has asked for nothing for so long hangs; it may take
 * DELIVER_STOP_MS to stop, and asks for nothing then. Where missing_s is
 * less, that counts, but no less than the minimum.
 */
#define STORE_DELIVERER_SILENT_MS 60000
#define STORE_DELIVERER_SILENT_MIN_MS 10000
/* One that ends by itself asks for nothing while a long command runs. */
#define STORE_DELIVERER_ONCE_MS 3600000

enum store_deliverer_state {
	STORE_DELIVERER_UNKNOWN, /* the lock cannot be looked at */
	STORE_DELIVERER_NONE,
	STORE_DELIVERER_RUNS,
	STORE_DELIVERER_SILENT /* it has the lock, and asks for nothing */
};

struct store_deliverer {
	enum store_deliverer_state state;
	enum store_deliver_mode mode; /* the store's option */
	pid_t pid; /* of the one that has the lock; 0: not known, or none */
	bool once; /* it ends by itself, or the last one did */
	int64_t silent_ms; /* since its last call, or the store was opened */
	int64_t ran_ms; /* NONE: wall clock, when the last one was here; or 0 */
	int64_t ran_ago_ms; /* the same, from now */
	int64_t missing_s; /* the store's option */
};

/* "unknown", "none", "runs", "silent" */
const char *store_deliverer_word(enum store_deliverer_state state);

/* As store_deliverer_look found it last; memory only. */
void store_deliverer(struct store *st, struct store_deliverer *out);

/* Looks at the lock: the disk of the store folder may keep it waiting. */
void store_deliverer_look(struct store *st, struct store_deliverer *out);

/* The deliverer made a call; any thread. */
void store_deliverer_called(struct store *st);
/* The store's age at its last call since the store was opened; 0: none. */
int64_t store_deliverer_called_age_ms(struct store *st);

/* Should there be one, and is there none that works? */
bool store_deliverer_lacks(const struct store_deliverer *dl);

#define STORE_DELIVERER_WORDS_MAX 256

/*
 * What an administrator should know, with the cure, inert. Empty when all is
 * well, or a store without a configuration has no mode, or one that ends by
 * itself (of cron, say) was here within missing_s.
 */
void store_deliverer_words(
    const struct store_deliverer *dl, char out[STORE_DELIVERER_WORDS_MAX]);

/* --- what waits ----------------------------------------------------------- */

#define STORE_WAITING_EVENTS 2000 /* of the log are looked at, ... */
#define STORE_WAITING_BYTES (16 * 1024 * 1024) /* ... or as many bytes */

/* The oldest event that a destination is still to get. */
struct store_waiting {
	uint64_t seq; /* 0: nothing waits */
	int64_t since_ms; /* when it was received: wall clock */
	int64_t old_ms; /* for so long it has been here (age.h) */
	/*
	 * False: all that was looked at from the cursor on is not for this
	 * destination; what stands behind it was not looked at, and may be.
	 */
	bool sure;
};

/*
 * Dead and parked deliveries wait for nothing; held events and those of removed
 * endpoints neither. The destination may be paused or disabled.
 */
int store_waiting(struct store *st, const struct store_destination *d,
    struct store_waiting *out, struct err *err);

/* The longest wait at any enabled destination. *some: is there any enabled? */
int store_waiting_longest(
    struct store *st, struct store_waiting *out, bool *some, struct err *err);

#endif
