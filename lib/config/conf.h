/*
 * conf.h: eyelet.conf: every setting, its default and where it came from.
 * One table in conf.c names them all; eyelet.conf(5) describes them.
 */
#ifndef EYELET_LIB_CONFIG_CONF_H
#define EYELET_LIB_CONFIG_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define CONF_ENV "EYELET_CONFIG" /* names the file */
#define CONF_PATHS_MAX 8
#define CONF_SETTINGS_MAX 40
#define CONF_FILE_MAX (64 * 1024) /* bytes of the file */

/* Who runs the deliverer. */
#define CONF_DELIVER_SERVICE "service" /* somebody does: a unit, cron */
#define CONF_DELIVER_CHILD "child" /* whoever owns the store */
#define CONF_DELIVER_OFF "off" /* nobody: events wait in the log */

/* Does a copy of a store deliver? See store/copy.h. */
#define CONF_COPIED_HOLD "hold" /* not before it was adopted */
#define CONF_COPIED_DELIVER "deliver"

/* Where a setting's value came from. */
struct conf_origin {
	char *text; /* as written there */
	int line; /* of the file; 0: the default */
	char *waits; /* what the file has since, for a restart; or NULL */
};

/* All strings are owned by the conf. */
struct conf {
	char *file; /* the file read, or NULL: defaults alone */
	struct conf_origin origins[CONF_SETTINGS_MAX]; /* conf.c's own */

	char *store; /* folder; default LOCALSTATEDIR/lib/eyelet/store */
	char *key_file; /* default LOCALSTATEDIR/lib/eyelet/keys/store.key */
	int64_t horizon_s; /* 35d */
	uint64_t dedupe_max; /* 4g */
	int64_t retain_s; /* 30d */
	uint64_t retain_bytes; /* 10g */
	int64_t hold_s; /* 30d */
	int64_t held_max; /* 10000, of an endpoint */
	uint64_t held_bytes; /* 256m, of an endpoint */
	int64_t ignored_max; /* 100000, of an endpoint */
	uint64_t segment_max; /* 256m */
	int64_t segment_age_s; /* 1d */
	uint64_t floor; /* 64m */
	uint64_t ballast; /* 48m */
	uint64_t cache; /* 64m */
	uint64_t log_keep_max; /* 512m */

	int64_t quarantine_count; /* 100, of an endpoint; 0: off */
	uint64_t quarantine_bytes; /* 1m, of an endpoint; 0: off */
	uint64_t quarantine_total; /* 64m, of all */

	char *schemes[CONF_PATHS_MAX]; /* folders, later ones win */
	size_t nschemes;

	char *mount; /* /hooks */
	int64_t body_max; /* 1m */
	uint64_t bodies_max; /* 256m, of all in hand */
	int64_t upload_s; /* 30: deadline for a body */
	char *trusted_proxies; /* "" */
	int64_t address_rate; /* 0 */
	char *deliver_mode; /* one of CONF_DELIVER_... */
	char *deliver_copied; /* one of CONF_COPIED_... */
	int64_t missing_s; /* 10m: no deliverer for so long is told; 0: never */
	int64_t connections; /* 1024: deliveries under way at once */
	char *deliver_program; /* eyelet-deliver, that an owner starts */
	int64_t workers; /* 0: by cores */
	char *program; /* eyelet.fcgi, started with --store on demand */
	char *log; /* "stderr" or "syslog" */
};

/*
 * Reads path; NULL: $EYELET_CONFIG, else SYSCONFDIR/eyelet/eyelet.conf, which
 * alone may be absent (defaults). ERR_CONFIG "FILE:LINE: why" for an unknown
 * section or key (with the nearest known one), a value that is none, a key
 * given twice. ERR_IO, ERR_NOTFOUND, ERR_DENIED (also: others could change it).
 * out is written on success only.
 */
int conf_read(const char *path, struct conf *out, struct err *err);

/*
 * The same of a file that is wrong: store.path is read, and all else has its
 * default. Fails where a fault of the file hides where the store is.
 */
int conf_read_place(const char *path, struct conf *out, struct err *err);
void conf_free(struct conf *cf);

/* When another value in the file comes into force. */
enum conf_when {
	CONF_LIVE, /* by a reload, see conf_live.h */
	CONF_RESTART /* only when the programs start anew */
};

#define CONF_NAME_MAX 64

struct conf_value {
	const char *name; /* "store.horizon" */
	const char *text;
	const char *from; /* "FILE:LINE" or "default" */
	enum conf_when when;
	const char *waits; /* what the file has, for the next start; or NULL */
};

typedef int
conf_visitor(void *arg, const struct conf_value *value, struct err *err);

/* Visits every setting, in the order of the table. */
int conf_visit(
    const struct conf *cf, conf_visitor *visit, void *arg, struct err *err);

/* Have the two different values, as text, for the setting of this name? */
bool conf_differs(const struct conf *a, const struct conf *b, const char *name);

/*
 * Gives cf, read anew, the values of old for what only a restart changes; its
 * own ones wait. ERR_NOMEM.
 */
int conf_keep(struct conf *cf, const struct conf *old, struct err *err);

#endif
