/*
 * reload.h: a service takes its settings anew (lib/config/conf_live.h): the
 * file is read and judged whole, then each part takes what is its own. What
 * does not load, or would stop an endpoint, changes nothing.
 */
#ifndef EYELET_CGI_RELOAD_H
#define EYELET_CGI_RELOAD_H

#include <pthread.h>

#include "cgi/engine.h"
#include "cgi/log.h"
#include "cgi/pool.h"
#include "lib/config/conf_live.h"

struct reload {
	struct conf_live *settings;
	const char *config; /* as conf_read takes it */
	struct log *log;
	unsigned workers; /* of an option, which goes first; 0: none */
	struct timespec began; /* CLOCK_REALTIME, before the file was read */
	pthread_mutex_t lock; /* one reload at a time; of what follows */
	struct conf_mark mark;
};

/* The members above the lock are set. */
void reload_init(struct reload *rl);
void reload_end(struct reload *rl);

/* Did another process of this store take its settings anew? */
bool reload_is_due(struct reload *rl);

/*
 * Reads the file and puts it in force, for the engine (NULL: another process
 * has the store) and whoever gets the settings from now on; the log says what
 * changed. tell: touches the mark, so that all others do the same. Any thread.
 * ERR_CONFIG "FILE:LINE: why", and as conf_read: nothing was changed.
 */
int
reload_take(struct reload *rl, struct engine *en, bool tell, struct err *err);

/* reload_take, and the log says what is wrong. */
void reload_or_say(struct reload *rl, struct engine *en, bool tell);

/* How many workers these settings ask for. */
unsigned reload_workers(const struct reload *rl, const struct conf *cf);

/*
 * The main thread's: where *mine is in force no more, takes what is, and gives
 * the log and the pool (NULL: none) their part of it. At least so many workers.
 */
void reload_follow(struct reload *rl, const struct conf **mine,
    struct pool *pool, unsigned workers_min);

#endif
