/* clock.c: the two clocks of a store: looked at, saved, accepted. */
#include "lib/engine_bdb/impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/age.h"
#include "lib/base/text.h"
#include "lib/base/version.h"

#define META_CLOCK "clock"
#define RECORD_MAX 256
#define SAVE_EVERY_MS (10 * 60 * 1000)
#define TELL_EVERY_MS 5000 /* of a clock that steps and steps */

/* A look at the clocks; clock_mutex is held. */
static void
look(struct store *st)
{
	struct record_clock *c = &st->clock;
	struct clock_reading now;

	clock_read(st->boot, &now);
	c->age_ms += age_passed_ms(&c->last, &now);
	wall_look(&c->wall, &c->last, &now, version_made_ms());
	c->last = now;
}

static void
fill(const struct record_clock *c, struct store_clock *out)
{
	out->age_ms = c->age_ms;
	out->wall_ms = c->last.wall_ms;
	out->now_ms = wall_now_ms(&c->wall, &c->last);
	out->floor_ms = c->wall.floor_ms;
	out->doubt = c->wall.doubt;
	out->doubted_ms =
	    c->wall.doubt == WALL_SURE ? 0 : c->last.boot_ms - c->wall.doubt_ms;
	out->left_ms = wall_left_ms(&c->wall, &c->last);
	out->step_ms = c->wall.step_ms;
}

void
store_clock(struct store *st, struct store_clock *out)
{
	pthread_mutex_lock(&st->clock_mutex);
	look(st);
	fill(&st->clock, out);
	pthread_mutex_unlock(&st->clock_mutex);
}

int64_t
store_age_ms(struct store *st)
{
	struct store_clock c;

	store_clock(st, &c);
	return c.age_ms;
}

int64_t
store_now_ms(struct store *st)
{
	struct store_clock c;

	store_clock(st, &c);
	return c.now_ms;
}

/* --- words ---------------------------------------------------------------- */

void
store_clock_words(const struct store_clock *c, char *out)
{
	char wall[TEXT_TIME_MAX], before[TEXT_TIME_MAX], by[TEXT_TIME_MAX],
	    left[TEXT_TIME_MAX];
	const char *what = NULL;

	text_time(wall, c->wall_ms);
	text_time(before, c->floor_ms);
	text_duration(left, (c->left_ms + 999) / 1000);
	switch (c->doubt) {
	case WALL_SURE:
		text_duration(by, (c->floor_ms - c->wall_ms) / 1000);
		if (c->floor_ms - c->wall_ms > WALL_STEP_MS)
			snprintf(out, STORE_CLOCK_WORDS_MAX,
			    "is %s behind %s, which it held once and secrets "
			    "are judged by",
			    by, before);
		else
			snprintf(out, STORE_CLOCK_WORDS_MAX, "is right");
		return;
	case WALL_STEPPED:
		text_duration(by, (llabs(c->step_ms) + 500) / 1000);
		snprintf(out, STORE_CLOCK_WORDS_MAX,
		    "was set %s by %s, to %s; it is in doubt until it has "
		    "held for %s",
		    c->step_ms < 0 ? "back" : "ahead", by, wall, left);
		return;
	case WALL_BEHIND:
		what = "before";
		break;
	case WALL_AHEAD:
		what = "more than a day after";
		break;
	case WALL_EARLY:
		text_time(before, version_made_ms());
		snprintf(out, STORE_CLOCK_WORDS_MAX,
		    "shows %s, before this program was made (%s); it is in "
		    "doubt until it %shas held for %s",
		    wall, before,
		    c->wall_ms < version_made_ms() - WALL_FAR_MS
			? "is set right and "
			: "",
		    left);
		return;
	}
	snprintf(out, STORE_CLOCK_WORDS_MAX,
	    "shows %s after a new start of the machine, %s %s when it was "
	    "last sure; it is in doubt until it has held for %s",
	    wall, what, before, left);
}

/* --- on disk -------------------------------------------------------------- */

int
store_begin_clock(struct store *st, struct err *err)
{
	struct buf value = BUF_INIT(RECORD_MAX);
	struct store_clock now;
	bool found;
	int ret = -1;

	clock_boot(st->boot);
	if (bdb_get(st->meta, NULL, span_str(META_CLOCK), &value, &found, err) <
	    0)
		goto out;
	if (found) {
		if (record_get_clock(buf_span(&value), &st->clock, err) < 0)
			goto out;
	} else {
		clock_read(st->boot, &st->clock.last);
		wall_begin(&st->clock.wall, &st->clock.last, version_made_ms());
	}
	store_clock(st, &now);
	ret = 0;
out:
	buf_free(&value);
	return ret;
}

void
store_clock_at_least(struct store *st, int64_t age_ms)
{
	pthread_mutex_lock(&st->clock_mutex);
	if (st->clock.age_ms < age_ms)
		st->clock.age_ms = age_ms;
	pthread_mutex_unlock(&st->clock_mutex);
}

static int
put(struct store *st, struct bdb_txn *txn, const struct record_clock *c,
    struct err *err)
{
	struct buf value = BUF_INIT(RECORD_MAX);
	int ret = record_put_clock(c, &value, err);

	if (ret == 0)
		ret = bdb_put(
		    st->meta, txn, span_str(META_CLOCK), buf_span(&value), err);
	buf_free(&value);
	return ret;
}

int
store_save_clock(struct store *st, struct bdb_txn *txn, struct err *err)
{
	struct record_clock c;

	pthread_mutex_lock(&st->clock_mutex);
	look(st);
	st->clock_saved_ms = st->clock.last.boot_ms;
	c = st->clock;
	pthread_mutex_unlock(&st->clock_mutex);
	return put(st, txn, &c, err);
}

/* Is there a doubt, or a step, that was not told yet? clock_mutex is held. */
static bool
is_news(const struct store *st)
{
	const struct wall *w = &st->clock.wall;

	if (st->clock_told_ms != 0 &&
	    st->clock.last.boot_ms - st->clock_told_ms < TELL_EVERY_MS)
		return false;
	return w->doubt != st->clock_told ||
	       (w->doubt != WALL_SURE &&
		   w->offset_ms != st->clock_told_offset_ms);
}

static void
note_told(struct store *st)
{
	st->clock_told = st->clock.wall.doubt;
	st->clock_told_offset_ms = st->clock.wall.offset_ms;
	st->clock_told_ms = st->clock.last.boot_ms;
}

bool
store_clock_is_due(struct store *st)
{
	char words[STORE_CLOCK_WORDS_MAX];
	struct store_clock now;
	bool changed, due;

	pthread_mutex_lock(&st->clock_mutex);
	look(st);
	fill(&st->clock, &now);
	changed = is_news(st);
	due = changed ||
	      st->clock.last.boot_ms - st->clock_saved_ms >= SAVE_EVERY_MS;
	if (changed)
		note_told(st);
	/* A save that fails is not tried again at every tick. */
	if (due)
		st->clock_saved_ms = st->clock.last.boot_ms;
	pthread_mutex_unlock(&st->clock_mutex);
	if (changed) {
		store_clock_words(&now, words);
		store_say(st, "the wall clock %s", words);
	}
	return due;
}

/* --- accepting ------------------------------------------------------------ */

int
store_tx_accept_clock(struct store_tx *tx, struct store_clock *was,
    struct store_clock *now, struct err *err)
{
	struct record_clock c;

	assert(!tx->accepts_clock);
	pthread_mutex_lock(&tx->st->clock_mutex);
	look(tx->st);
	c = tx->st->clock;
	pthread_mutex_unlock(&tx->st->clock_mutex);
	fill(&c, was);
	tx->accepts_clock = true;
	tx->accepted = c.last;
	wall_accept(&c.wall, &c.last);
	fill(&c, now);
	return put(tx->st, tx->txn, &c, err);
}

void
store_clock_accepted(struct store *st, const struct store_tx *tx)
{
	pthread_mutex_lock(&st->clock_mutex);
	wall_accept(&st->clock.wall, &tx->accepted);
	pthread_mutex_unlock(&st->clock_mutex);
}
