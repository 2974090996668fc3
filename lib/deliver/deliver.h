/*
 * deliver.h: delivers what the store's log holds to its destinations, until
 * it is told to stop: reads and reports through the store's owner (feed.h),
 * sends by outbound.h and command/run.h when schedule.h says so.
 *
 * Whatever dies, at any time: no event is lost, and only what was under way
 * is sent twice. One process at a time delivers from a store: its lock is
 * an OFD lock on the file "deliver.lock" of the store folder.
 */
#ifndef EYELET_LIB_DELIVER_DELIVER_H
#define EYELET_LIB_DELIVER_DELIVER_H

#include "lib/config/conf.h"
#include "lib/scheme/scheme.h"

#define DELIVER_STOP_MS 55000 /* for what is under way when told to stop */

/* The settings that a reload may change. */
struct deliver_live {
	const struct scheme_set *schemes;
	size_t connections; /* at most this many under way */
	bool off; /* what is under way ends, and nothing more is begun */
};

struct deliver_options {
	const struct conf *conf; /* for the places of store and owner */
	struct deliver_live live; /* as it begins */
	const char *program; /* for the greeting and for --become-command */
	const char *self; /* the path of this program: command/run.h */
	int stop_fd; /* readable: told to stop */
	bool once; /* what is due now, and no more */
	bool child; /* of the store's owner: it starts no other one */
	bool verbose; /* a line for what went well, too */
	/* One inert key=value line without a line end. */
	void (*log)(void *arg, const char *line);
	/*
	 * Called once a second at least, for what the program looks after; may
	 * be NULL. True: *live has changed, and the schemes that stood there
	 * may be gone.
	 */
	bool (*look)(void *arg, struct deliver_live *live);
	/*
	 * A destination wants a scheme that is not there. True: there are
	 * others now, as above.
	 */
	bool (*learn)(void *arg, const char *scheme, struct deliver_live *live);
	void *arg;
};

/* Attempts, by how they ended; and what was dead without one. */
struct deliver_totals {
	uint64_t delivered, failed, dead;
	uint64_t left; /* deliveries that were begun, or read, and wait */
	bool hangs; /* a thread still waits for the owner: only _exit is left */
};

/*
 * Runs until told to stop (or, once, until nothing is due). ERR_EXISTS when
 * another process delivers (the message says which), ERR_DENIED, ERR_NOTFOUND
 * (no store), ERR_VERSION (the owner is newer than this program), ERR_NOMEM.
 * An owner that is away, or holds deliveries, is waited for; once: ERR_AWAY,
 * ERR_TIMEOUT, ERR_HELD.
 * *totals is written in any case.
 */
int deliver_run(const struct deliver_options *opt,
    struct deliver_totals *totals, struct err *err);

#endif
