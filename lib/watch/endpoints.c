/* endpoints.c: endpoints that are silent, or refuse many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/watch/impl.h"

#define MARK_HEARD "heard" /* when it was heard last; n: 1: silence is said */
#define MARK_REFUSING "refusing" /* the age at which it was said last */
#define MARK_TOO_LARGE "too_large" /* the same */

/* --- what is known of it -------------------------------------------------- */

/* Where it stands, or would. */
static size_t
place_of(const struct watch *wt, uint64_t id)
{
	size_t low = 0, high = wt->nendpoints, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (wt->endpoints[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
is_known(const struct watch *wt, size_t at, uint64_t id)
{
	return at < wt->nendpoints && wt->endpoints[at].id == id;
}

/* What is known of it; made where there is nothing. NULL without memory. */
static struct watch_endpoint *
find(struct watch *wt, uint64_t id)
{
	size_t at = place_of(wt, id);
	struct watch_endpoint *grown;

	if (is_known(wt, at, id))
		return &wt->endpoints[at];
	grown = realloc(
	    wt->endpoints, (wt->nendpoints + 1) * sizeof(*wt->endpoints));
	if (grown == NULL)
		return NULL;
	wt->endpoints = grown;
	memmove(&grown[at + 1], &grown[at],
	    (wt->nendpoints++ - at) * sizeof(*grown));
	memset(&grown[at], 0, sizeof(*grown));
	grown[at].id = id;
	return &grown[at];
}

/* It was removed. */
static void
forget(struct watch *wt, uint64_t id)
{
	size_t at = place_of(wt, id);
	struct watch_word *word;

	if (!is_known(wt, at, id))
		return;
	word = watch_word(wt, NULL, MARK_HEARD, id);
	if (word == NULL)
		return;
	word->forget = true;
	memmove(&wt->endpoints[at], &wt->endpoints[at + 1],
	    (--wt->nendpoints - at) * sizeof(*wt->endpoints));
}

/*
 * Settings are read once in a generation. What cannot be read is not watched:
 * whoever serves requests says that it is broken.
 */
static int
learn(
    struct watch_endpoint *en, const struct store_endpoint *ep, struct err *err)
{
	struct endpoint settings;

	if (en->generation == ep->generation)
		return 0;
	endpoint_init(&settings);
	if (endpoint_decode(ep->doc, &settings, err) < 0 &&
	    err->code == ERR_NOMEM)
		return -1;
	en->expect_ms = settings.expect_every_s * 1000;
	if (ep->state != STORE_ENDPOINT_ENABLED)
		en->expect_ms = 0;
	en->generation = ep->generation;
	en->judged = false;
	endpoint_free(&settings);
	return 0;
}

/* --- silence -------------------------------------------------------------- */

static int
say_silent(const struct store_endpoint *ep, const struct watch_hearing *h,
    int64_t quiet_ms, struct watch_word *word, struct err *err)
{
	char silent[TEXT_TIME_MAX], expect[TEXT_TIME_MAX], why[256];
	int64_t since = watch_silent_since(h);
	struct json_write w;

	text_duration(silent, quiet_ms / 1000);
	text_duration(expect, h->expect_ms / 1000);
	snprintf(why, sizeof(why),
	    "no request verified for %s; one is expected every %s", silent,
	    expect);
	watch_data(word, &w, err);
	json_write_str(&w, "endpoint", ep->name);
	json_write_int(&w, "expect_every", h->expect_ms / 1000);
	json_write_time(&w, "heard_at", h->heard_ms);
	json_write_time(&w, "since", since);
	json_write_str(&w, "why", why);
	notice_do(&w,
	    "see whether the provider still has the URL, and with "
	    "eyelet-event quarantine list --endpoint %s whether its "
	    "requests are refused",
	    ep->name);
	return watch_data_end(&w);
}

static int
say_heard(const struct store_endpoint *ep, const struct watch_hearing *h,
    struct watch_word *word, struct err *err)
{
	struct json_write w;

	watch_data(word, &w, err);
	json_write_str(&w, "endpoint", ep->name);
	json_write_time(&w, "since", h->heard_ms);
	json_write_time(&w, "heard_before", h->noted_ms);
	json_write_str(&w, "why", "a request verified again");
	notice_do(&w,
	    "nothing; eyelet-event list --endpoint %s shows what came",
	    ep->name);
	return watch_data_end(&w);
}

static int
say_silence(struct watch *wt, const struct store_endpoint *ep,
    const struct watch_hearing *h, int64_t quiet_ms, struct err *err)
{
	enum watch_silence what =
	    watch_silence(h, watch_silent_since(h) + quiet_ms);
	const char *type = NULL;
	struct watch_word *word;

	if (what == WATCH_SILENCE_NONE)
		return 0;
	if (what == WATCH_SILENCE_BEGAN)
		type = NOTICE_SILENT;
	if (what == WATCH_SILENCE_ENDED)
		type = NOTICE_HEARD;
	word = watch_word(wt, type, MARK_HEARD, ep->id);
	if (word == NULL)
		return 0;
	word->mark.at_ms = h->heard_ms;
	word->mark.n = what == WATCH_SILENCE_BEGAN;
	word->forget = what == WATCH_SILENCE_FORGET;
	if (what == WATCH_SILENCE_BEGAN)
		return say_silent(ep, h, quiet_ms, word, err);
	if (what == WATCH_SILENCE_ENDED)
		return say_heard(ep, h, word, err);
	return 0;
}

static int
newest_use(void *arg, const struct secret *s, struct err *err)
{
	int64_t *ms = arg;

	(void)err;
	if (s->last_used_ms > *ms)
		*ms = s->last_used_ms;
	return 0;
}

/*
 * For how long it has been silent, a start must ask the wall clock (not while
 * that is in doubt: the wait begins anew); from then on it counts by age.
 */
static void
begin_quiet(const struct watch *wt, struct watch_endpoint *en,
    const struct watch_hearing *h)
{
	int64_t ms = wt->sure_ms - watch_silent_since(h);

	en->quiet_age_ms = wt->age_ms;
	if (wt->sure_ms == wt->now_ms && ms > 0)
		en->quiet_age_ms -= ms;
}

static int
judge_silence(struct watch *wt, struct watch_endpoint *en,
    const struct store_endpoint *ep, struct err *err)
{
	struct watch_hearing h = { .expect_ms = en->expect_ms,
		.heard_ms = en->heard_ms,
		.changed_ms = ep->changed_ms };
	struct notice_mark mark;

	/* What is not watched may have been, before its settings changed. */
	if (en->expect_ms == 0 && en->judged)
		return 0;
	if (notice_mark(
		wt->st, NULL, MARK_HEARD, ep->id, &mark, &h.noted, err) < 0 ||
	    store_secrets(wt->st, NULL, ep->id, newest_use, &h.heard_ms, err) <
		0)
		return -1;
	h.noted_ms = mark.at_ms;
	h.said = mark.n != 0;
	if (mark.at_ms > h.heard_ms)
		h.heard_ms = mark.at_ms;
	if (!en->judged)
		begin_quiet(wt, en, &h);
	if (say_silence(wt, ep, &h, wt->age_ms - en->quiet_age_ms, err) < 0)
		return -1;
	en->judged = true;
	return 0;
}

/* --- refusing ------------------------------------------------------------- */

static int
say_refusing(const struct store_endpoint *ep, const struct watch_refusals *r,
    int64_t since_ms, struct watch_word *word, struct err *err)
{
	struct json_write w;
	char why[256];

	snprintf(why, sizeof(why),
	    "%llu requests were refused for their signature, and %llu "
	    "verified, within %d minutes",
	    (unsigned long long)r->refused, (unsigned long long)r->good,
	    (int)(WATCH_REFUSED_MS / 60000));
	watch_data(word, &w, err);
	json_write_str(&w, "endpoint", ep->name);
	json_write_uint(&w, "refused", r->refused);
	json_write_uint(&w, "verified", r->good);
	json_write_time(&w, "since", since_ms);
	json_write_str(&w, "why", why);
	notice_do(&w,
	    "eyelet-event quarantine list --endpoint %s, then "
	    "eyelet-event quarantine explain with a number of it",
	    ep->name);
	return watch_data_end(&w);
}

static int
judge_refusals(struct watch *wt, const struct store_endpoint *ep,
    const struct watch_refusals *r, struct err *err)
{
	struct notice_mark mark;
	struct watch_word *word;
	bool found;

	if (!watch_refuses(r, wt->age_ms, 0))
		return 0;
	if (notice_mark(
		wt->st, NULL, MARK_REFUSING, ep->id, &mark, &found, err) < 0)
		return -1;
	if (!watch_refuses(r, wt->age_ms, mark.at_ms))
		return 0;
	word = watch_word(wt, NOTICE_REFUSING, MARK_REFUSING, ep->id);
	if (word == NULL)
		return 0;
	word->mark.at_ms = wt->age_ms;
	return say_refusing(
	    ep, r, wt->now_ms - (wt->age_ms - r->since_ms), word, err);
}

/* --- too large ------------------------------------------------------------ */

static int
say_too_large(const struct store_endpoint *ep, uint64_t n,
    struct watch_word *word, struct err *err)
{
	struct json_write w;
	char why[256];

	snprintf(why, sizeof(why),
	    "%llu requests were refused with 413: their bodies are larger than "
	    "the endpoint takes",
	    (unsigned long long)n);
	watch_data(word, &w, err);
	json_write_str(&w, "endpoint", ep->name);
	json_write_uint(&w, "refused", n);
	json_write_str(&w, "why", why);
	notice_do(&w,
	    "see what they are with eyelet-event quarantine list --endpoint "
	    "%s; allow larger ones with eyelet-endpoint edit %s --max-body "
	    "SIZE, and with the web server's own limit",
	    ep->name, ep->name);
	return watch_data_end(&w);
}

/* At once, then at most once an hour. */
static int
judge_too_large(struct watch *wt, struct watch_endpoint *en,
    const struct store_endpoint *ep, uint64_t count, struct err *err)
{
	struct notice_mark mark;
	struct watch_word *word;
	uint64_t n = count - en->too_large;
	bool found;

	if (n == 0)
		return 0;
	if (notice_mark(
		wt->st, NULL, MARK_TOO_LARGE, ep->id, &mark, &found, err) < 0)
		return -1;
	if (found && wt->age_ms - mark.at_ms < WATCH_HOUR_MS)
		return 0;
	word = watch_word(wt, NOTICE_TOO_LARGE, MARK_TOO_LARGE, ep->id);
	if (word == NULL)
		return 0;
	word->mark.at_ms = wt->age_ms;
	en->too_large = count;
	return say_too_large(ep, n, word, err);
}

/* --- each ----------------------------------------------------------------- */

static int
look_at(void *arg, const struct store_endpoint *ep, struct err *err)
{
	static const enum store_count verified[] = { STORE_COUNT_ACCEPTED,
		STORE_COUNT_DUPLICATE, STORE_COUNT_HELD, STORE_COUNT_IGNORED,
		STORE_COUNT_TEST };
	uint64_t counts[STORE_COUNTS], good = 0;
	enum watch_missed missed;
	struct watch *wt = arg;
	struct watch_refusals r;
	struct watch_endpoint *en;
	size_t i;

	if (ep->state == STORE_ENDPOINT_REMOVED) {
		forget(wt, ep->id);
		return 0;
	}
	en = find(wt, ep->id);
	if (en == NULL)
		return err_set(err, ERR_NOMEM, "no memory for an endpoint");
	store_counts(wt->st, ep->id, counts);
	for (i = 0; i < NITEMS(verified); i++)
		good += counts[verified[i]];
	/* One that was made since the last look began with nothing. */
	if (en->generation == 0 && wt->looked)
		watch_count(&en->window, wt->age_ms, 0, 0, &r);
	else if (en->generation == 0)
		en->good = good;
	if (good != en->good) {
		en->heard_ms = wt->sure_ms;
		en->quiet_age_ms = wt->age_ms;
	}
	en->good = good;
	if (en->generation == 0 && !wt->looked)
		en->misses = (struct watch_misses){ .good = good,
			.stale = counts[STORE_COUNT_STALE],
			.early = counts[STORE_COUNT_EARLY] };
	if (en->generation == 0 && !wt->looked)
		en->too_large = counts[STORE_COUNT_TOO_LARGE];
	missed = watch_missed(&en->misses, good, counts[STORE_COUNT_STALE],
	    counts[STORE_COUNT_EARLY]);
	watch_count(
	    &en->window, wt->age_ms, counts[STORE_COUNT_MISSIGNED], good, &r);
	if (learn(en, ep, err) < 0 || judge_silence(wt, en, ep, err) < 0)
		return -1;
	if (watch_judge_misses(wt, ep, missed, &en->misses, err) < 0 ||
	    watch_judge_held(wt, en, ep, counts[STORE_COUNT_HELD], err) < 0 ||
	    judge_too_large(wt, en, ep, counts[STORE_COUNT_TOO_LARGE], err) < 0)
		return -1;
	return judge_refusals(wt, ep, &r, err);
}

int
watch_look_at_endpoints(struct watch *wt, struct err *err)
{
	return store_endpoints(wt->st, NULL, look_at, wt, err);
}
