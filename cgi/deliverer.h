/*
 * deliverer.h: eyelet-deliver as a child of the store's owner, for sites that
 * run it as nothing else (deliver.mode = child). The main thread's.
 */
#ifndef EYELET_CGI_DELIVERER_H
#define EYELET_CGI_DELIVERER_H

#include <sys/types.h>

#include "cgi/log.h"
#include "lib/conf.h"

#define DELIVERER_PAUSE_MS 1000 /* before it is started again; doubled ... */
#define DELIVERER_PAUSE_MAX_MS 60000 /* ... up to this while it ends soon */

struct deliverer {
	pid_t pid; /* 0: none runs */
	int64_t started_ms, again_ms; /* clock_ms() */
	int64_t pause_ms;
	bool told; /* to stop, as it is not wanted any more */
};

/*
 * Starts it where it is wanted and does not run, and has it stop where it is
 * not wanted any more. Called often.
 */
void
deliverer_look(struct deliverer *dl, const struct conf *cf, struct log *log);

/* Tells it to stop, and lets it go: it may have something under way. */
void deliverer_end(struct deliverer *dl);

#endif
