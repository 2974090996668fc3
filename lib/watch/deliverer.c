/* deliverer.c: events wait, and no process delivers them. */
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/store/copy.h"
#include "lib/store/deliverer.h"
#include "lib/watch/impl.h"

#define LOG_EVERY_MS 600000

/* A notice is not delivered either: so the log has it, too, and again. */
static void
put_log(struct watch *wt, const struct store_deliverer *dl, bool now)
{
	char words[STORE_DELIVERER_WORDS_MAX];

	if (!now && wt->undelivered_said_ms != 0 &&
	    clock_ms() - wt->undelivered_said_ms < LOG_EVERY_MS)
		return;
	wt->undelivered_said_ms = clock_ms();
	store_deliverer_words(dl, words);
	if (words[0] != '\0')
		wt->log(wt->log_arg, words);
}

static int
say_missing(struct watch *wt, const struct store_deliverer *dl,
    const struct store_waiting *wa, int64_t begin_ms, struct err *err)
{
	char words[STORE_DELIVERER_WORDS_MAX];
	struct watch_word *word;
	struct json_write w;

	word = watch_word(wt, NOTICE_UNDELIVERED, NOTICE_MARK_DELIVERER, 0);
	if (word == NULL)
		return 0;
	word->mark.at_ms = begin_ms;
	word->mark.n = 1;
	store_deliverer_words(dl, words);
	watch_data(word, &w, err);
	json_write_str(&w, "deliverer", store_deliverer_word(dl->state));
	json_write_time(&w, "since", wt->now_ms - (wt->age_ms - begin_ms));
	json_write_uint(&w, "seq", wa->seq);
	json_write_time(&w, "waiting_since", wa->since_ms);
	json_write_str(&w, "why", words);
	notice_do(&w, "eyelet-store status says what lacks, and the cure");
	return watch_data_end(&w);
}

static int
say_over(struct watch *wt, const struct notice_mark *mark,
    const struct store_deliverer *dl, struct err *err)
{
	struct watch_word *word;
	struct json_write w;

	word = watch_word(wt, mark->n != 0 ? NOTICE_DELIVERED : NULL,
	    NOTICE_MARK_DELIVERER, 0);
	if (word == NULL)
		return 0;
	word->forget = true;
	if (word->type == NULL)
		return 0;
	watch_data(word, &w, err);
	json_write_str(&w, "deliverer", store_deliverer_word(dl->state));
	json_write_time(&w, "since", wt->now_ms - (wt->age_ms - mark->at_ms));
	json_write_str(&w, "why",
	    dl->state == STORE_DELIVERER_RUNS
		? "a deliverer works again"
		: "no event waits for a deliverer any more, or deliveries "
		  "are switched off or held");
	notice_do(&w, dl->state == STORE_DELIVERER_RUNS
			  ? "nothing: the events that waited are delivered now"
			  : "look at eyelet-store status");
	return watch_data_end(&w);
}

/* It lacks for now: since when, and is it time to say so? */
static int
judge(struct watch *wt, const struct store_deliverer *dl,
    const struct store_waiting *wa, struct notice_mark *mark, bool found,
    struct err *err)
{
	int64_t called_ms = store_deliverer_called_age_ms(wt->st);
	struct watch_word *word;

	if (mark->n != 0) {
		put_log(wt, dl, false);
		return 0;
	}
	/* One that came and went since then begins the wait anew. */
	if (!found || called_ms > mark->at_ms) {
		word = watch_word(wt, NULL, NOTICE_MARK_DELIVERER, 0);
		if (word != NULL)
			word->mark.at_ms = found ? called_ms : wt->age_ms;
		return 0;
	}
	if (dl->missing_s == 0 ||
	    wt->age_ms - mark->at_ms < dl->missing_s * 1000)
		return 0;
	put_log(wt, dl, true);
	return say_missing(wt, dl, wa, mark->at_ms, err);
}

int
watch_look_at_deliverer(struct watch *wt, struct err *err)
{
	struct notice_mark mark = { 0 };
	struct store_waiting wa = { .seq = 0 };
	struct store_deliverer dl;
	bool found, some;

	store_deliverer_look(wt->st, &dl);
	if (notice_mark(
		wt->st, NULL, NOTICE_MARK_DELIVERER, 0, &mark, &found, err) < 0)
		return -1;
	if (store_deliverer_lacks(&dl) && !store_holds_deliveries(wt->st) &&
	    store_waiting_longest(wt->st, &wa, &some, err) < 0)
		return -1;
	if (wa.seq != 0)
		return judge(wt, &dl, &wa, &mark, found, err);
	return found ? say_over(wt, &mark, &dl, err) : 0;
}
