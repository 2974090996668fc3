/* deliverer.c: does a process deliver, and what waits for it? */
#include "lib/ops/deliverer.h"

#include "lib/store/copy.h"
#include "lib/store/deliverer.h"
#include "lib/store/notice.h"

void
op_waiting_write(struct json_write *w, const struct store_waiting *wa)
{
	if (wa->seq == 0) {
		json_write_null(w, "oldest_waiting");
		return;
	}
	json_write_object(w, "oldest_waiting");
	json_write_uint(w, "seq", wa->seq);
	json_write_time(w, "since", wa->since_ms);
	json_write_int(w, "for_s", wa->old_ms < 0 ? 0 : wa->old_ms / 1000);
	json_write_bool(w, "sure", wa->sure);
	json_write_close(w);
}

static const char *
word_of(const struct store_deliverer *dl)
{
	switch (dl->mode) {
	case STORE_DELIVER_UNSET:
		return NULL;
	case STORE_DELIVER_OFF:
		return "off";
	case STORE_DELIVER_SERVICE:
	case STORE_DELIVER_CHILD:
		break;
	}
	return store_deliverer_word(dl->state);
}

void
op_deliverer_write_word(const struct op_call *call, struct json_write *w)
{
	struct store_deliverer dl;

	store_deliverer_look(call->ops->store, &dl);
	json_write_str(w, "deliverer", word_of(&dl));
}

/* Has it lasted for missing_after? The watch has marked when it began. */
static int
is_told(const struct op_call *call, const struct store_deliverer *dl,
    const struct store_waiting *wa, bool *told, struct err *err)
{
	struct store *st = call->ops->store;
	struct notice_mark mark;
	bool found;

	*told = false;
	if (!store_deliverer_lacks(dl) || dl->missing_s == 0 || wa->seq == 0 ||
	    store_holds_deliveries(st))
		return 0;
	if (notice_mark(
		st, NULL, NOTICE_MARK_DELIVERER, 0, &mark, &found, err) < 0)
		return -1;
	*told = found && (mark.n != 0 || store_age_ms(st) - mark.at_ms >=
					     dl->missing_s * 1000);
	return 0;
}

int
op_deliverer_write_status(
    const struct op_call *call, struct json_write *w, struct err *err)
{
	char why[STORE_DELIVERER_WORDS_MAX];
	struct store_deliverer dl;
	struct store_waiting wa;
	bool some, told;

	store_deliverer_look(call->ops->store, &dl);
	store_deliverer_words(&dl, why);
	if (store_waiting_longest(call->ops->store, &wa, &some, err) < 0 ||
	    is_told(call, &dl, &wa, &told, err) < 0)
		return -1;
	json_write_object(w, "deliverer");
	json_write_str(w, "state", word_of(&dl));
	if (dl.pid == 0)
		json_write_null(w, "pid");
	else
		json_write_int(w, "pid", dl.pid);
	json_write_bool(w, "once", dl.once);
	json_write_int(w, "silent_s", dl.silent_ms / 1000);
	json_write_time(w, "ran_at", dl.ran_ms);
	json_write_close(w);
	op_waiting_write(w, &wa);
	json_write_bool(w, "undelivered", told);
	json_write_str(
	    w, "undelivered_why", some && why[0] != '\0' ? why : NULL);
	return 0;
}

/* --- telling -------------------------------------------------------------- */

static int
find_enabled(void *arg, const struct store_destination *d, struct err *err)
{
	bool *some = arg;

	(void)err;
	*some = *some || d->state == STORE_DESTINATION_ENABLED;
	return *some ? 1 : 0;
}

int
op_tell_deliverer(const struct op_call *call, struct err *err)
{
	char text[STORE_DELIVERER_WORDS_MAX];
	struct store_deliverer dl;
	bool some = false;

	store_deliverer_look(call->ops->store, &dl);
	store_deliverer_words(&dl, text);
	if (text[0] == '\0')
		return 0;
	if (store_destinations(
		call->ops->store, NULL, find_enabled, &some, err) < 0)
		return -1;
	return some ? op_put_note(call, "deliver_note", text, err) : 0;
}
