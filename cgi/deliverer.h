/*
 * deliverer.h: eyelet-deliver as a child of the store's owner, for sites that
 * run it as nothing else (deliver.mode = child). The main thread's.
 */
#ifndef EYELET_CGI_DELIVERER_H
#define EYELET_CGI_DELIVERER_H

#include <sys/types.h>

#include "cgi/log.h"
#include "lib/config/conf.h"

#define DELIVERER_PAUSE_MS 1000 /* before it is started again; doubled ... */
#define DELIVERER_HUNG_MS 10000 /* beyond what store/deliverer.h grants it */
#define DELIVERER_PAUSE_MAX_MS 60000 /* ... up to this while it ends soon */

struct deliverer {
	pid_t pid; /* 0: none runs */
	int64_t started_ms, again_ms; /* clock_ms() */
	int64_t pause_ms;
	int64_t hung_ms; /* since when it hangs; 0: it does not */
	bool killed; /* for that */
	bool told; /* to stop, as it is not wanted any more */
};

/*
 * Starts it where it is wanted and does not run, has it stop where it is not
 * wanted any more, and kills it where it is hung (a pid, or 0) for
 * DELIVERER_HUNG_MS: what was under way is sent again. Called often.
 */
void deliverer_look(
    struct deliverer *dl, const struct conf *cf, pid_t hung, struct log *log);

/* Tells it to stop, and lets it go: it may have something under way. */
void deliverer_end(struct deliverer *dl);

#endif
