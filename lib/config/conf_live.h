/*
 * conf_live.h: the configuration in force in a program that runs for long.
 *
 * Each configuration is immutable and counted. A reload reads the file anew,
 * checks all that is to come into force, and puts the new one in the place of
 * the old one at once; a request, a call or a connection keeps the one it
 * began with. Settings that only a restart changes (conf.h's table says which)
 * keep their value.
 *
 * Who reloads: the process that gets SIGHUP, or the owner of the store when
 * "eyelet-store reload" asks it. It touches the file CONF_LIVE_MARK of the
 * store folder then. Every process of eyelet that runs for long looks at that
 * file several times a second, and reads its own configuration anew when it
 * was touched.
 */
#ifndef EYELET_LIB_CONFIG_CONF_LIVE_H
#define EYELET_LIB_CONFIG_CONF_LIVE_H

#include <time.h>

#include "lib/config/conf.h"

#define CONF_LIVE_MARK "reload"

struct conf_live;

/* Takes what cf has, and empties it, also when it fails. ERR_NOMEM. */
int conf_live_new(struct conf *cf, struct conf_live **out, struct err *err);
/* Once each configuration was put back. NULL is allowed. */
void conf_live_free(struct conf_live *cl);

/* The one in force now, until conf_live_put. Any thread. */
const struct conf *conf_live_get(struct conf_live *cl);
void conf_live_put(const struct conf *cf); /* NULL is allowed */

/*
 * Reads the file of the configuration in force anew, for conf_live_set or
 * conf_free. What only a restart changes has its old value in out. path as in
 * conf_read, whose errors it has. ERR_NOTFOUND, too, where there was a file at
 * the default path and is none now: its settings do not turn into defaults.
 */
int conf_live_read(
    struct conf_live *cl, const char *path, struct conf *out, struct err *err);

/*
 * What may fail of conf_live_set, for the time before other parts change: next
 * has what cf had, and is for conf_live_swap, or conf_live_put. ERR_NOMEM.
 */
int conf_live_make(struct conf *cf, const struct conf **next, struct err *err);
void conf_live_swap(struct conf_live *cl, const struct conf *next);

/* Both: takes what cf has, as conf_live_new; from now on it is in force. */
int conf_live_set(struct conf_live *cl, struct conf *cf, struct err *err);

/* --- the mark --------------------------------------------------------------
 */

/* When the mark of a store folder was touched last, as its process saw it. */
struct conf_mark {
	struct timespec at;
};

/*
 * At the start: what was touched before began, which is a time before the
 * configuration was read, is known.
 */
void conf_mark_init(
    struct conf_mark *mark, const char *dir, const struct timespec *began);

/* Was it touched since? Once for each time. */
bool conf_mark_look(struct conf_mark *mark, const char *dir);

/*
 * Touches it, for all other processes; mark sees no change of it. The file is
 * made where it is missing. Takes no room but that once. ERR_IO.
 */
int conf_mark_touch(struct conf_mark *mark, const char *dir, struct err *err);

#endif
