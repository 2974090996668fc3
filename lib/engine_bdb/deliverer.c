/* deliverer.c: does a process deliver? */
#include "lib/store/deliverer.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/engine_bdb/impl.h"
#include "lib/model/deliver_lock.h"

static const struct {
	enum store_deliverer_state state;
	const char *word;
} words[] = {
	{ STORE_DELIVERER_UNKNOWN, "unknown" },
	{ STORE_DELIVERER_NONE, "none" },
	{ STORE_DELIVERER_RUNS, "runs" },
	{ STORE_DELIVERER_SILENT, "silent" },
};

const char *
store_deliverer_word(enum store_deliverer_state state)
{
	size_t i;

	for (i = 0; i < NITEMS(words); i++)
		if (words[i].state == state)
			return words[i].word;
	return words[0].word;
}

void
store_deliverer_called(struct store *st)
{
	atomic_store(&st->deliverer.called_ms, clock_ms());
	atomic_store(&st->deliverer.called_age_ms, store_age_ms(st));
}

int64_t
store_deliverer_called_age_ms(struct store *st)
{
	return atomic_load(&st->deliverer.called_age_ms);
}

/* After how long without a call does a deliverer hang? */
static int64_t
silent_limit_ms(const struct store *st, bool once)
{
	int64_t told_ms = st->limits.missing_s * 1000;

	if (once)
		return STORE_DELIVERER_ONCE_MS;
	if (told_ms == 0 || told_ms > STORE_DELIVERER_SILENT_MS)
		return STORE_DELIVERER_SILENT_MS;
	return told_ms < STORE_DELIVERER_SILENT_MIN_MS
		   ? STORE_DELIVERER_SILENT_MIN_MS
		   : told_ms;
}

/* The lock's state, compared with the age of the last call. */
static void
judge(struct store *st, const struct deliver_lock_holder *holder, bool known,
    struct store_deliverer *out)
{
	int64_t since_ms = atomic_load(&st->deliverer.called_ms);
	int64_t ran_ms, limit_ms;

	if (since_ms == 0)
		since_ms = atomic_load(&st->deliverer.opened_ms);
	memset(out, 0, sizeof(*out));
	out->mode = st->limits.deliver_mode;
	out->pid = holder->held ? holder->pid : 0;
	out->once = holder->once;
	out->silent_ms = clock_ms() - since_ms;
	ran_ms = store_wall_ms() - holder->written_ms;
	/* One that has just begun has not had the time to call. */
	if (holder->held && ran_ms >= 0 && ran_ms < out->silent_ms)
		out->silent_ms = ran_ms;
	out->ran_ms = holder->held ? 0 : holder->written_ms;
	out->ran_ago_ms = store_wall_ms() - out->ran_ms;
	out->missing_s = st->limits.missing_s;
	limit_ms = silent_limit_ms(st, holder->once);
	if (!known)
		out->state = STORE_DELIVERER_UNKNOWN;
	else if (!holder->held)
		out->state = STORE_DELIVERER_NONE;
	else if (out->silent_ms >= limit_ms)
		out->state = STORE_DELIVERER_SILENT;
	else
		out->state = STORE_DELIVERER_RUNS;
}

void
store_deliverer_look(struct store *st, struct store_deliverer *out)
{
	struct deliver_lock_holder holder;
	struct err ignored = ERR_INIT;
	bool known;

	known = deliver_lock_look(st->opt.dir, &holder, &ignored) == 0;
	pthread_mutex_lock(&st->deliverer.mutex);
	st->deliverer.holder = holder;
	st->deliverer.known = known;
	pthread_mutex_unlock(&st->deliverer.mutex);
	judge(st, &holder, known, out);
}

void
store_deliverer(struct store *st, struct store_deliverer *out)
{
	struct deliver_lock_holder holder;
	bool known;

	pthread_mutex_lock(&st->deliverer.mutex);
	holder = st->deliverer.holder;
	known = st->deliverer.known;
	pthread_mutex_unlock(&st->deliverer.mutex);
	judge(st, &holder, known, out);
}

bool
store_deliverer_lacks(const struct store_deliverer *dl)
{
	return (dl->mode == STORE_DELIVER_SERVICE ||
		   dl->mode == STORE_DELIVER_CHILD) &&
	       (dl->state == STORE_DELIVERER_NONE ||
		   dl->state == STORE_DELIVERER_SILENT);
}

static const char *
words_for_none(enum store_deliver_mode mode)
{
	switch (mode) {
	case STORE_DELIVER_UNSET:
		break;
	case STORE_DELIVER_SERVICE:
		return "nothing is delivered: no eyelet-deliver runs; start "
		       "it: systemctl start eyelet-deliver, or eyelet-deliver "
		       "itself";
	case STORE_DELIVER_CHILD:
		return "nothing is delivered: no eyelet-deliver runs; as "
		       "deliver.mode is child, the next request of a web "
		       "server has it started, and the log of eyelet.fcgi says "
		       "why when that fails";
	case STORE_DELIVER_OFF:
		return "nothing is delivered: deliver.mode is off in "
		       "eyelet.conf";
	}
	return "";
}

void
store_deliverer_words(
    const struct store_deliverer *dl, char out[STORE_DELIVERER_WORDS_MAX])
{
	char silent[TEXT_TIME_MAX];

	out[0] = '\0';
	if (dl->mode == STORE_DELIVER_UNSET)
		return;
	if (dl->mode == STORE_DELIVER_OFF) {
		snprintf(out, STORE_DELIVERER_WORDS_MAX, "%s",
		    words_for_none(dl->mode));
		return;
	}
	if (dl->state == STORE_DELIVERER_NONE && dl->once &&
	    dl->ran_ago_ms >= 0 && dl->ran_ago_ms < dl->missing_s * 1000)
		return;
	if (dl->state == STORE_DELIVERER_NONE) {
		snprintf(out, STORE_DELIVERER_WORDS_MAX, "%s",
		    words_for_none(dl->mode));
	} else if (dl->state == STORE_DELIVERER_SILENT) {
		text_duration(silent, dl->silent_ms / 1000);
		snprintf(out, STORE_DELIVERER_WORDS_MAX,
		    "nothing is delivered: eyelet-deliver, process %ld, has "
		    "asked for nothing for %s: it hangs or was stopped; kill "
		    "-CONT %ld lets a stopped one go on, else kill -KILL %ld "
		    "and start it again",
		    (long)dl->pid, silent, (long)dl->pid, (long)dl->pid);
	}
}
