/* copy.c: a copy of a store, whose deliveries are held. */
#include "lib/base/clock.h"
#include "lib/store/copy.h"
#include "lib/watch/impl.h"

#define MARK_COPIED "copied" /* n: of the copy that was said to be one */
#define LOG_EVERY_MS 60000

/* Looks again, and puts a line a minute into the log. */
static void
look_again(struct watch *wt, struct store_copy *copy)
{
	struct err words = ERR_INIT;
	bool was_held = copy->held;

	if (wt->copy_said_ms != 0 &&
	    clock_ms() - wt->copy_said_ms < LOG_EVERY_MS)
		return;
	wt->copy_said_ms = clock_ms();
	store_copy_look(wt->st);
	store_copy(wt->st, copy);
	if (copy->held) {
		store_refuse_held(wt->st, &words);
		wt->log(wt->log_arg, words.text);
	} else if (was_held) {
		wt->log(wt->log_arg, "deliveries are held no longer");
	}
}

static int
say_copied(struct watch *wt, const struct store_copy *copy, struct err *err)
{
	struct watch_word *word;
	struct json_write w;

	word = watch_word(wt, NOTICE_COPIED, MARK_COPIED, 0);
	if (word == NULL)
		return 0;
	word->mark.at_ms = wt->now_ms;
	word->mark.n = copy->mark;
	watch_data(word, &w, err);
	json_write_time(&w, "since", wt->now_ms);
	json_write_str(&w, "why", copy->why);
	notice_do(&w,
	    "deliveries are held, so that the original's are not repeated: "
	    "where this store takes the place of the original, eyelet-store "
	    "adopt");
	return watch_data_end(&w);
}

int
watch_look_at_copy(struct watch *wt, struct err *err)
{
	struct notice_mark mark;
	struct store_copy copy;
	bool found;

	store_copy(wt->st, &copy);
	if (copy.state != STORE_COPY_NO)
		look_again(wt, &copy);
	if (!copy.held)
		return 0;
	if (notice_mark(wt->st, NULL, MARK_COPIED, 0, &mark, &found, err) < 0)
		return -1;
	return found && mark.n == copy.mark ? 0 : say_copied(wt, &copy, err);
}
