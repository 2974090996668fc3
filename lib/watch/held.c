/* held.c: events that are held for an operator (store_held.h). */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/store/held.h"
#include "lib/watch/impl.h"

/* The age at which it was said; n: the seq of the last one that was meant. */
#define MARK_EVENT "event_held"
#define MARK_EXPIRING "held_expiring" /* the age at which it was said */
#define EVERY_MS (600 * INT64_C(1000))

/* --- new ones ------------------------------------------------------------- */

struct newest {
	uint64_t count, first_seq, last_seq;
	int64_t age_ms; /* of the first */
	char reason[STORE_HELD_REASON_MAX + 1];
};

static int
add_new(void *arg, const struct store_held *h, struct err *err)
{
	struct newest *nw = arg;

	(void)err;
	if (h->state != STORE_HELD_WAITING)
		return 0;
	if (nw->count++ == 0) {
		nw->first_seq = h->seq;
		nw->age_ms = h->age_ms;
		snprintf(nw->reason, sizeof(nw->reason), "%.*s",
		    (int)h->reason.len, (const char *)h->reason.ptr);
	}
	nw->last_seq = h->seq;
	return 0;
}

static int
say_new(struct watch *wt, const struct store_endpoint *ep,
    const struct newest *nw, const struct store_held_totals *all,
    struct err *err)
{
	struct watch_word *word;
	struct json_write w;
	char why[256];

	word = watch_word(wt, NOTICE_EVENT_HELD, MARK_EVENT, ep->id);
	if (word == NULL)
		return 0;
	word->mark.at_ms = wt->age_ms;
	word->mark.n = nw->last_seq;
	snprintf(why, sizeof(why),
	    "%llu more events were held (the first: %s); "
	    "none of them is delivered before it is released",
	    (unsigned long long)nw->count, nw->reason);
	watch_data(word, &w, err);
	json_write_str(&w, "endpoint", ep->name);
	json_write_uint(&w, "seq", nw->first_seq);
	json_write_uint(&w, "new", nw->count);
	json_write_uint(&w, "waiting", all->count);
	json_write_uint(&w, "bytes", all->bytes);
	json_write_time(&w, "since", wt->now_ms - (wt->age_ms - nw->age_ms));
	json_write_str(&w, "why", why);
	notice_do(&w,
	    "eyelet-event list --status held --endpoint %s, then eyelet-event "
	    "show with a number of it",
	    ep->name);
	return watch_data_end(&w);
}

int
watch_judge_held(struct watch *wt, struct watch_endpoint *en,
    const struct store_endpoint *ep, uint64_t count, struct err *err)
{
	struct newest nw = { .count = 0 };
	struct store_held_totals all;
	struct notice_mark mark;
	bool found;

	if (en->held_judged && en->held == count)
		return 0;
	if (store_held_totals(wt->st, ep->id, &all, err) < 0)
		return -1;
	en->held_judged = all.count == 0;
	en->held = count;
	if (en->held_judged)
		return 0;
	if (notice_mark(wt->st, NULL, MARK_EVENT, ep->id, &mark, &found, err) <
	    0)
		return -1;
	if (found && wt->age_ms - mark.at_ms < EVERY_MS)
		return 0;
	if (store_held_visit(
		wt->st, NULL, ep->id, mark.n + 1, add_new, &nw, err) < 0)
		return -1;
	if (nw.count > 0)
		return say_new(wt, ep, &nw, &all, err);
	en->held_judged = true;
	return 0;
}

/* --- those that go soon --------------------------------------------------- */

struct expiring {
	struct watch *wt;
	uint64_t count; /* of one endpoint */
};

/* Not before both retention and hold_max let their part of the log go. */
static int64_t
keep_ms(const struct watch *wt)
{
	int64_t retain_s = wt->retain_s, hold_s = wt->hold_s;

	return 1000 * (retain_s > hold_s ? retain_s : hold_s);
}

static bool
expires(const struct watch *wt, const struct store_held *h)
{
	return watch_expires(h->age_ms, keep_ms(wt), wt->age_ms);
}

static int
count_one(void *arg, const struct store_held *h, struct err *err)
{
	struct expiring *ex = arg;

	(void)err;
	if (!expires(ex->wt, h))
		return 1;
	ex->count += h->state == STORE_HELD_WAITING;
	return 0;
}

static bool
is_said(const struct watch *wt, uint64_t id)
{
	size_t i;

	for (i = 0; i < wt->nwords; i++)
		if (wt->words[i].id == id &&
		    strcmp(wt->words[i].kind, MARK_EXPIRING) == 0)
			return true;
	return false;
}

static int
say_expiring(struct watch *wt, const struct store_endpoint *ep,
    const struct store_held *h, struct err *err)
{
	struct expiring ex = { wt, 0 };
	int64_t old_ms = wt->age_ms - h->age_ms, left_ms = keep_ms(wt) - old_ms;
	char left[TEXT_TIME_MAX], why[256];
	struct watch_word *word;
	struct json_write w;

	if (store_held_visit(
		wt->st, NULL, ep->id, h->seq, count_one, &ex, err) < 0)
		return -1;
	word = watch_word(wt, NOTICE_HELD_EXPIRING, MARK_EXPIRING, ep->id);
	if (word == NULL)
		return 0;
	word->mark.at_ms = wt->age_ms;
	text_duration(left, left_ms <= 0 ? 0 : left_ms / 1000);
	snprintf(why, sizeof(why),
	    "%llu held events are dropped from the log, undelivered, the first "
	    "in %s",
	    (unsigned long long)ex.count, left);
	watch_data(word, &w, err);
	json_write_str(&w, "endpoint", ep->name);
	json_write_uint(&w, "seq", h->seq);
	json_write_uint(&w, "count", ex.count);
	json_write_time(&w, "since", wt->now_ms - old_ms);
	json_write_time(&w, "until", wt->now_ms + left_ms);
	json_write_str(&w, "why", why);
	notice_do(&w,
	    "eyelet-event list --status held --endpoint %s, then eyelet-event "
	    "release or drop",
	    ep->name);
	return watch_data_end(&w);
}

/* They come by age: what is behind the first that stays, stays. */
static int
look_at(void *arg, const struct store_held *h, struct err *err)
{
	struct watch *wt = arg;
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store_endpoint ep;
	struct notice_mark mark;
	bool found;
	int ret = -1;

	if (!expires(wt, h))
		return 1;
	if (h->state != STORE_HELD_WAITING || is_said(wt, h->endpoint_id))
		return 0;
	if (notice_mark(wt->st, NULL, MARK_EXPIRING, h->endpoint_id, &mark,
		&found, err) < 0)
		return -1;
	if (watch_said_today(mark.at_ms, wt->age_ms))
		return 0;
	if (store_endpoint_by_id(
		wt->st, NULL, h->endpoint_id, &ep, &doc, &found, err) == 0)
		ret = found ? say_expiring(wt, &ep, h, err) : 0;
	buf_wipe(&doc);
	return ret;
}

int
watch_look_at_held(struct watch *wt, struct err *err)
{
	return store_held_visit(wt->st, NULL, 0, 0, look_at, wt, err);
}
