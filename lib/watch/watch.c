/* watch.c: the thread that watches, and how what it finds is said. */
#include "lib/watch/watch.h"

#include <stdlib.h>
#include <string.h>

#include "lib/store/deliverer.h"
#include "lib/watch/impl.h"

#define LOOK_MS 5000
#define CALM_MS 60000
#define HOLD_S (30 * 86400)

void
watch_options_init(struct watch_options *opt)
{
	memset(opt, 0, sizeof(*opt));
	opt->look_ms = LOOK_MS;
	opt->calm_ms = CALM_MS;
	opt->hold_s = opt->retain_s = HOLD_S;
}

/* --- words ---------------------------------------------------------------- */

static void
drop_words(struct watch *wt)
{
	while (wt->nwords > 0)
		buf_free(&wt->words[--wt->nwords].data);
}

/* In the committer: what cannot be said is not marked as said. */
static int
say(struct store_tx *tx, void *arg, struct err *err)
{
	struct watch *wt = arg;
	struct watch_word *word;
	bool put;
	size_t i;

	for (i = 0; i < wt->nwords; i++) {
		word = &wt->words[i];
		put = true;
		if (word->type != NULL &&
		    notice_put(
			tx, word->type, buf_span(&word->data), &put, err) < 0)
			return -1;
		if (put && notice_set_mark(tx, word->kind, word->id,
			       word->forget ? NULL : &word->mark, err) < 0)
			return -1;
	}
	return 0;
}

/* --- looking -------------------------------------------------------------- */

/* Where the disk is full, a look writes nothing: what it found stays. */
static bool
may_write(struct watch *wt)
{
	struct store_room room;

	store_room(wt->st, &room);
	return room.free >= room.floor / 2;
}

int
watch_look(struct watch *wt, struct err *err)
{
	struct store_clock clock;
	int ret = -1;

	wt->schemes = wt->hold_schemes(wt->schemes_arg);
	store_clock(wt->st, &clock);
	wt->now_ms = clock.now_ms;
	wt->age_ms = clock.age_ms;
	wt->sure_ms = clock.doubt == WALL_SURE ? clock.now_ms : clock.floor_ms;
	if (watch_look_at_copy(wt, err) < 0 ||
	    watch_look_at_deliverer(wt, err) < 0 ||
	    watch_look_at_store(wt, err) < 0 ||
	    watch_look_at_endpoints(wt, err) < 0 ||
	    watch_look_at_secrets(wt, err) < 0 ||
	    watch_look_at_holds(wt, err) < 0 ||
	    watch_look_at_clock(wt, err) < 0)
		goto out;
	wt->looked = true;
	if (wt->nwords > 0 && may_write(wt) &&
	    store_say_notices(wt->st, say, wt, err) < 0)
		goto out;
	ret = 0;
out:
	drop_words(wt);
	scheme_set_free(wt->schemes);
	wt->schemes = NULL;
	return ret;
}

/* --- the thread ----------------------------------------------------------- */

/* True when the watch closes. */
static bool
rest(struct watch *wt)
{
	struct timespec until = clock_in_ms(wt->opt.look_ms);
	bool closing;

	pthread_mutex_lock(&wt->mutex);
	while (!wt->closing &&
	       pthread_cond_timedwait(&wt->cond, &wt->mutex, &until) == 0)
		continue;
	closing = wt->closing;
	pthread_mutex_unlock(&wt->mutex);
	return closing;
}

static void *
watch_main(void *arg)
{
	struct watch *wt = arg;
	struct err err = ERR_INIT;
	char said[sizeof(err.text)] = "";

	do {
		/* The same fault is told once, not at every look. */
		if (store_is_fenced(wt->st) || watch_look(wt, &err) == 0) {
			said[0] = '\0';
			continue;
		}
		if (strcmp(said, err.text) == 0)
			continue;
		memcpy(said, err.text, sizeof(said));
		err_wrap(&err, "watch");
		wt->log(wt->log_arg, err.text);
	} while (!rest(wt));
	return NULL;
}

void
watch_configure(struct watch *wt, int64_t hold_s, int64_t retain_s)
{
	wt->hold_s = hold_s;
	wt->retain_s = retain_s;
}

static void
ignore(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

int
watch_open(struct store *st, struct scheme_set *(*schemes)(void *arg),
    void *schemes_arg, const struct watch_options *opt,
    void (*log)(void *arg, const char *line), void *log_arg, struct watch **out,
    struct err *err)
{
	struct watch *wt = calloc(1, sizeof(*wt));
	struct store_deliverer dl;
	pthread_condattr_t attr;
	int ret;

	if (wt == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the watch");
	store_deliverer_look(st, &dl); /* known before the first request */
	wt->st = st;
	wt->hold_schemes = schemes;
	wt->schemes_arg = schemes_arg;
	wt->opt = *opt;
	watch_configure(wt, opt->hold_s, opt->retain_s);
	wt->log = log == NULL ? ignore : log;
	wt->log_arg = log_arg;
	pthread_mutex_init(&wt->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&wt->cond, &attr);
	pthread_condattr_destroy(&attr);
	if (opt->look_ms > 0) {
		ret = pthread_create(&wt->thread, NULL, watch_main, wt);
		if (ret != 0) {
			watch_close(wt);
			return err_limit(err, ret, "start the watch");
		}
		pthread_setname_np(wt->thread, "watch");
		wt->runs = true;
	}
	*out = wt;
	return 0;
}

void
watch_close(struct watch *wt)
{
	if (wt == NULL)
		return;
	pthread_mutex_lock(&wt->mutex);
	wt->closing = true;
	pthread_cond_signal(&wt->cond);
	pthread_mutex_unlock(&wt->mutex);
	if (wt->runs)
		pthread_join(wt->thread, NULL);
	pthread_cond_destroy(&wt->cond);
	pthread_mutex_destroy(&wt->mutex);
	free(wt->endpoints);
	free(wt);
}
