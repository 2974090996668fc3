/* clock.c: the wall clock, and requests that speak against it. */
#include <stdio.h>
#include <string.h>

#include "lib/watch/impl.h"

#define MARK_CLOCK "clock" /* since when it is in doubt; n: which doubt */
#define MARK_MISSED "missed" /* when it was said; n: not used */

/* --- in doubt ------------------------------------------------------------- */

static int
say_doubt(
    const struct store_clock *clock, struct watch_word *word, struct err *err)
{
	char words[STORE_CLOCK_WORDS_MAX];
	struct json_write w;

	store_clock_words(clock, words);
	watch_data(word, &w, err);
	json_write_time(&w, "wall_at", clock->wall_ms);
	json_write_time(&w, "floor_at", clock->floor_ms);
	json_write_str(&w, "why", words);
	if (word->forget)
		notice_do(&w, "nothing: the time counts again");
	else
		notice_do(&w,
		    "look at the clock of the machine; when it is right, "
		    "eyelet-store clock --accept, or wait: meanwhile requests "
		    "that only the time speaks against get 503, and no grace "
		    "can be given to a secret");
	return watch_data_end(&w);
}

int
watch_look_at_clock(struct watch *wt, struct err *err)
{
	struct store_clock clock;
	struct notice_mark mark;
	struct watch_word *word;
	bool said;

	if (notice_mark(wt->st, NULL, MARK_CLOCK, 0, &mark, &said, err) < 0)
		return -1;
	store_clock(wt->st, &clock);
	if (said ? mark.n == (uint64_t)clock.doubt : clock.doubt == WALL_SURE)
		return 0;
	word = watch_word(wt,
	    clock.doubt == WALL_SURE ? NOTICE_CLOCK_SURE : NOTICE_CLOCK,
	    MARK_CLOCK, 0);
	if (word == NULL)
		return 0;
	word->mark.at_ms = wt->now_ms;
	word->mark.n = (uint64_t)clock.doubt;
	word->forget = clock.doubt == WALL_SURE;
	return say_doubt(&clock, word, err);
}

/* --- requests that miss their window ---------------------------------------
 */

static int
say_missed(const struct store_endpoint *ep, enum watch_missed missed,
    const struct watch_misses *m, struct watch_word *word, struct err *err)
{
	bool early = missed == WATCH_MISSED_EARLY;
	struct json_write w;
	char why[256];

	snprintf(why, sizeof(why),
	    "%llu authentic requests in a row were signed %s",
	    (unsigned long long)(early ? m->nearly : m->nstale),
	    early ? "in the future" : "too long ago");
	watch_data(word, &w, err);
	json_write_str(&w, "endpoint", ep->name);
	json_write_uint(&w, "missed", early ? m->nearly : m->nstale);
	json_write_str(&w, "side", early ? "future" : "past");
	json_write_str(&w, "why", why);
	notice_do(&w,
	    "hold the clock of this machine against a right one: it is %s, or "
	    "the sender's is %s%s",
	    early ? "slow" : "fast", early ? "fast" : "slow",
	    early ? "" : ", or requests take that long on their way");
	return watch_data_end(&w);
}

int
watch_judge_misses(struct watch *wt, const struct store_endpoint *ep,
    enum watch_missed missed, const struct watch_misses *m, struct err *err)
{
	struct notice_mark mark;
	struct watch_word *word;
	bool found;

	if (missed == WATCH_MISSED_NONE)
		return 0;
	if (notice_mark(wt->st, NULL, MARK_MISSED, ep->id, &mark, &found, err) <
	    0)
		return -1;
	if (found && watch_said_today(mark.at_ms, wt->now_ms))
		return 0;
	word = watch_word(wt, NOTICE_CLOCK_MISSED, MARK_MISSED, ep->id);
	if (word == NULL)
		return 0;
	word->mark.at_ms = wt->now_ms;
	return say_missed(ep, missed, m, word, err);
}
