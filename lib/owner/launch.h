/*
 * launch.h: starts an owner for a client that found none: conf's program with
 * --store, in a session of its own, so that neither a terminal nor a web
 * server that ends takes it along. It gets a clean environment (a CGI run's
 * is full of what a stranger sent) and no descriptor but 0, 1 and 2. So the
 * deliverer that an owner starts.
 */
#ifndef EYELET_LIB_OWNER_LAUNCH_H
#define EYELET_LIB_OWNER_LAUNCH_H

#include <sys/types.h>

#include "lib/config/conf.h"

struct launch {
	pid_t pid; /* 0: nothing was started */
	/*
	 * What it writes to stderr, its first LAUNCH_WORDS_MAX bytes: a memory
	 * file, so that nothing breaks when either end goes first.
	 */
	int words_fd;
};

#define LAUNCH_WORDS_MAX 4096

#define LAUNCH_INIT   \
	{             \
		0, -1 \
	}

/* *l is LAUNCH_INIT or ended. ERR_IO, ERR_NOTFOUND, ERR_DENIED. */
int launch_owner(const struct conf *cf, struct launch *l, struct err *err);

enum launch_state {
	LAUNCH_NONE, /* nothing was started */
	LAUNCH_RUNS,
	LAUNCH_ENDED, /* well: another process has the store */
	LAUNCH_KILLED, /* by a signal: the next one may do better */
	LAUNCH_FAILED /* and said why: its last words are in words */
};

/* What became of it. From ENDED on, *l is LAUNCH_INIT. */
enum launch_state launch_state(struct launch *l, struct err *words);

/* Lets it go; it runs on. */
void launch_forget(struct launch *l);

/*
 * Starts conf's deliverer in the same way, but with our stderr. It ends when
 * this thread does. ERR_IO, ERR_NOTFOUND, ERR_DENIED.
 */
int launch_deliverer(const struct conf *cf, pid_t *pid, struct err *err);

#endif
