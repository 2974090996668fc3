/* reload.c: settings taken anew while requests go on. */
#include "cgi/reload.h"

#include <unistd.h>

#define WORKERS_LEAST 2 /* by cores; one that waits must not be all */
#define WORKERS_BY_CORES_MAX 16
#define WORDS_MAX 1024

void
reload_init(struct reload *rl)
{
	const struct conf *cf = conf_live_get(rl->settings);

	pthread_mutex_init(&rl->lock, NULL);
	conf_mark_init(&rl->mark, cf->store, &rl->began);
	conf_live_put(cf);
}

void
reload_end(struct reload *rl)
{
	pthread_mutex_destroy(&rl->lock);
}

bool
reload_is_due(struct reload *rl)
{
	const struct conf *cf;
	bool due;

	/* One that is under way has a look at the mark by itself. */
	if (pthread_mutex_trylock(&rl->lock) != 0)
		return false;
	cf = conf_live_get(rl->settings);
	due = conf_mark_look(&rl->mark, cf->store);
	conf_live_put(cf);
	pthread_mutex_unlock(&rl->lock);
	return due;
}

/* --- what changed, in words ----------------------------------------------- */

struct words {
	const struct conf *before, *after;
	struct buf taken, waiting;
};

static void
put_setting(struct buf *out, const char *name, const char *text)
{
	struct err full = ERR_INIT;

	/* Names without room are left out: this is for the log. */
	(void)buf_printf(
	    out, &full, "%s%s=%s", out->len > 0 ? ", " : "", name, text);
}

static int
put_words(void *arg, const struct conf_value *v, struct err *err)
{
	struct words *ws = arg;

	(void)err;
	if (v->waits != NULL)
		put_setting(&ws->waiting, v->name, v->waits);
	else if (conf_differs(ws->before, ws->after, v->name))
		put_setting(&ws->taken, v->name, v->text);
	return 0;
}

static void
say_changes(
    struct log *log, const struct conf *before, const struct conf *after)
{
	struct words ws = { before, after, BUF_INIT(WORDS_MAX),
		BUF_INIT(WORDS_MAX) };
	struct err ignored = ERR_INIT;

	(void)conf_visit(after, put_words, &ws, &ignored);
	log_note(log, "settings reloaded; changed: %.*s",
	    ws.taken.len > 0 ? (int)ws.taken.len : 4,
	    ws.taken.len > 0 ? (const char *)ws.taken.ptr : "none");
	if (ws.waiting.len > 0)
		log_note(log, "these settings need a restart: %.*s",
		    (int)ws.waiting.len, (const char *)ws.waiting.ptr);
	buf_free(&ws.taken);
	buf_free(&ws.waiting);
}

/* --- taking --------------------------------------------------------------- */

/* Holding the lock. */
static int
take(struct reload *rl, struct engine *en, struct err *err)
{
	const struct conf *before = conf_live_get(rl->settings), *after;
	const struct conf *next = NULL;
	struct conf cf;
	int ret = -1;

	/* The engine comes last: nothing fails once it has changed. */
	if (conf_live_read(rl->settings, rl->config, &cf, err) < 0 ||
	    conf_live_make(&cf, &next, err) < 0 ||
	    (en != NULL && engine_reload(en, next, err) < 0))
		goto out;
	conf_live_swap(rl->settings, next);
	next = NULL;
	after = conf_live_get(rl->settings);
	say_changes(rl->log, before, after);
	conf_live_put(after);
	ret = 0;
out:
	conf_live_put(next);
	conf_live_put(before);
	return ret;
}

int
reload_take(struct reload *rl, struct engine *en, bool tell, struct err *err)
{
	const struct conf *cf;
	struct err untold = ERR_INIT;
	int ret;

	pthread_mutex_lock(&rl->lock);
	ret = take(rl, en, err);
	if (ret == 0 && tell) {
		cf = conf_live_get(rl->settings);
		if (conf_mark_touch(&rl->mark, cf->store, &untold) < 0)
			log_note(rl->log,
			    "other processes could not be notified of the new "
			    "settings; send them SIGHUP: %s",
			    untold.text);
		conf_live_put(cf);
	}
	pthread_mutex_unlock(&rl->lock);
	return ret;
}

void
reload_or_say(struct reload *rl, struct engine *en, bool tell)
{
	struct err err = ERR_INIT;

	if (reload_take(rl, en, tell, &err) < 0)
		log_note(rl->log,
		    "the reload failed, the old settings stay in force: %s",
		    err.text);
}

/* --- what the main thread hands on ---------------------------------------- */

unsigned
reload_workers(const struct reload *rl, const struct conf *cf)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (rl->workers > 0)
		return rl->workers;
	if (cf->workers > 0)
		return cf->workers < POOL_WORKERS_MAX ? (unsigned)cf->workers
						      : POOL_WORKERS_MAX - 1;
	if (cores < WORKERS_LEAST)
		return WORKERS_LEAST;
	return cores > WORKERS_BY_CORES_MAX ? WORKERS_BY_CORES_MAX
					    : (unsigned)cores;
}

void
reload_follow(struct reload *rl, const struct conf **mine, struct pool *pool,
    unsigned workers_min)
{
	const struct conf *cf = conf_live_get(rl->settings);
	unsigned workers = reload_workers(rl, cf);

	if (cf == *mine) {
		conf_live_put(cf);
		return;
	}
	conf_live_put(*mine);
	*mine = cf;
	log_set(rl->log, cf->log);
	if (pool == NULL)
		return;
	pool_set_upload(pool, cf->upload_s * 1000);
	pool_set_workers(pool, workers > workers_min ? workers : workers_min);
}
