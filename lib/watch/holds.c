/* holds.c: what a destination does not take, and so is held. */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/watch/impl.h"

#define MARK_HELD "held" /* the age at which it was said */
#define MARK_EXPIRING "expiring" /* the same */
#define LOOK_MS 60000

/*
 * When its oldest event goes: not before both retention and hold_max let it;
 * what retention wants to be gone for its bytes waits for hold_max alone.
 */
static int64_t
keep_ms(const struct watch *wt, const struct store_hold *hold)
{
	int64_t s = wt->hold_s, retain_s = wt->retain_s;

	if (hold->bytes == 0 && retain_s > s)
		s = retain_s;
	return s * 1000;
}

static int
say_hold(const struct watch *wt, const struct store_destination *d,
    const struct store_hold *hold, struct watch_word *word, struct err *err)
{
	int64_t left_ms = keep_ms(wt, hold) - hold->old_ms;
	char size[TEXT_TIME_MAX], left[TEXT_TIME_MAX], why[256];
	bool held = strcmp(word->type, NOTICE_HELD) == 0;
	struct json_write w;

	text_size(size, hold->bytes);
	text_duration(left, left_ms <= 0 ? 0 : left_ms / 1000);
	if (held)
		snprintf(why, sizeof(why),
		    "it has not taken what was received since then, so %s of "
		    "the log outlive retention",
		    size);
	else
		snprintf(why, sizeof(why),
		    "what it has not taken turns dead in %s, with reason "
		    "\"expired\"",
		    left);
	watch_data(word, &w, err);
	json_write_str(&w, "destination", d->name);
	json_write_uint(&w, "seq", hold->seq);
	json_write_time(&w, "since", hold->since_ms);
	json_write_time(&w, "until", wt->now_ms + left_ms);
	json_write_uint(&w, "bytes", hold->bytes);
	json_write_str(&w, "why", why);
	notice_do(
	    &w, "eyelet-destination show %s says what it waits for", d->name);
	return watch_data_end(&w);
}

/* is: what the type says is so now. often: said daily for as long as it is. */
static int
judge(struct watch *wt, const struct store_destination *d,
    const struct store_hold *hold, bool is, bool often, const char *type,
    const char *kind, struct err *err)
{
	struct notice_mark mark;
	struct watch_word *word;
	bool found;

	if (notice_mark(wt->st, NULL, kind, d->id, &mark, &found, err) < 0)
		return -1;
	/* What comes and goes within a day is said once all the same. */
	if (watch_said_today(mark.at_ms, wt->age_ms) || (!is && !found) ||
	    (is && found && !often))
		return 0;
	word = watch_word(wt, is ? type : NULL, kind, d->id);
	if (word == NULL)
		return 0;
	word->mark.at_ms = wt->age_ms;
	word->forget = !is;
	return is ? say_hold(wt, d, hold, word, err) : 0;
}

static int
look_at(void *arg, const struct store_destination *d, struct err *err)
{
	struct watch *wt = arg;
	struct store_hold hold;
	bool expires;

	/* Nothing of one that is removed. */
	if (store_hold(wt->st, d->id, &hold, err) < 0)
		return -1;
	expires = hold.seq != 0 && watch_expires(wt->age_ms - hold.old_ms,
				       keep_ms(wt, &hold), wt->age_ms);
	if (judge(wt, d, &hold, hold.bytes > 0, false, NOTICE_HELD, MARK_HELD,
		err) < 0)
		return -1;
	return judge(
	    wt, d, &hold, expires, true, NOTICE_EXPIRING, MARK_EXPIRING, err);
}

int
watch_look_at_holds(struct watch *wt, struct err *err)
{
	/* It may have to walk many rows, and is a matter of days. */
	if (wt->looked && wt->age_ms - wt->held_age_ms < LOOK_MS)
		return 0;
	wt->held_age_ms = wt->age_ms;
	if (store_destinations(wt->st, NULL, look_at, wt, err) < 0)
		return -1;
	return watch_look_at_held(wt, err);
}
