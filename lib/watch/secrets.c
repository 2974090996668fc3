/* secrets.c: secrets that end while they are in use. */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/scheme/sign.h"
#include "lib/watch/impl.h"

#define MARK_ENDING "ending" /* at: of its end; n: what was said */

/* The live secrets of one owner, an endpoint or a destination. */
struct owner {
	struct watch *wt;
	uint64_t id;
	size_t n;
	struct secret secrets[SECRET_LIVE_MAX + 1];
	struct buf doc;
};

/* Who it is, once there is something to say. */
struct named {
	const char *noun; /* NULL: nobody any more */
	char name[ENDPOINT_NAME_MAX + 1];
	bool signs; /* a previous secret of it, alone */
};

static int
name_destination(struct owner *ow, struct named *out, struct err *err)
{
	struct store_destination d;
	struct destination settings;
	const struct scheme *sc;
	bool found;

	if (store_destination_by_id(
		ow->wt->st, NULL, ow->id, &d, &ow->doc, &found, err) < 0)
		return -1;
	if (!found || d.state == STORE_DESTINATION_REMOVED)
		return 0;
	out->noun = "destination";
	memcpy(out->name, d.name, sizeof(out->name));
	destination_init(&settings);
	if (destination_decode(d.doc, &settings, err) < 0)
		return -1;
	sc = scheme_set_find(ow->wt->schemes, settings.sign);
	out->signs = sc != NULL && sign_room(sc, 2) < 2;
	destination_free(&settings);
	return 0;
}

static int
name_owner(struct owner *ow, struct named *out, struct err *err)
{
	struct store_endpoint ep;
	bool found;

	memset(out, 0, sizeof(*out));
	if (store_endpoint_by_id(
		ow->wt->st, NULL, ow->id, &ep, &ow->doc, &found, err) < 0)
		return -1;
	if (!found)
		return name_destination(ow, out, err);
	if (ep.state == STORE_ENDPOINT_REMOVED)
		return 0;
	out->noun = "endpoint";
	memcpy(out->name, ep.name, sizeof(out->name));
	return 0;
}

/* --- in words ------------------------------------------------------------- */

static int
say_ending(const struct watch *wt, const struct named *who,
    const struct secret *s, const struct watch_secret *ws,
    struct watch_word *word, struct err *err)
{
	char left[TEXT_TIME_MAX], ago[TEXT_TIME_MAX], why[256];
	struct json_write w;

	text_duration(left, (s->until_ms - wt->now_ms) / 1000);
	text_duration(ago, (wt->now_ms - s->last_used_ms) / 1000);
	if (who->signs)
		snprintf(why, sizeof(why),
		    "it ends in %s, and until then it alone signs what goes "
		    "out",
		    left);
	else
		snprintf(why, sizeof(why),
		    "it ends in %s, and verified an event %s ago", left, ago);
	watch_data(word, &w, err);
	json_write_str(&w, who->noun, who->name);
	json_write_secret_id(&w, "secret", s->id);
	json_write_time(&w, "until", s->until_ms);
	json_write_time(&w, "since", ws->previous_ms);
	json_write_time(&w, "last_used_at", s->last_used_ms);
	json_write_str(&w, "why", why);
	if (who->signs)
		notice_do(&w, "see that the receiver has the current secret by "
			      "then");
	else
		notice_do(&w,
		    "see that the provider uses the current secret, "
		    "or eyelet-secret extend %s sec_%llu",
		    who->name, (unsigned long long)s->id);
	return watch_data_end(&w);
}

/* --- each ----------------------------------------------------------------- */

static void
facts_of(const struct owner *ow, const struct secret *s, bool signs,
    struct watch_secret *out)
{
	const struct secret *other;
	size_t i;

	memset(out, 0, sizeof(*out));
	out->until_ms = s->until_ms;
	out->used_ms = s->last_used_ms;
	out->signs = signs;
	for (i = 0; i < ow->n; i++) {
		other = &ow->secrets[i];
		if (other->id == s->id)
			continue;
		if (other->last_used_ms > out->other_used_ms)
			out->other_used_ms = other->last_used_ms;
		/* The next one that became current made it a previous one. */
		if (other->activated_ms > s->activated_ms &&
		    (out->previous_ms == 0 ||
			other->activated_ms < out->previous_ms))
			out->previous_ms = other->activated_ms;
	}
}

static int
judge(struct owner *ow, const struct named *who, const struct secret *s,
    struct err *err)
{
	struct watch *wt = ow->wt;
	struct watch_word *word;
	struct watch_secret ws;
	struct notice_mark mark;
	enum watch_ending ending;
	bool found;

	facts_of(ow, s, who->signs, &ws);
	ending = watch_ending(&ws, wt->now_ms);
	if (ending == WATCH_ENDING_NONE)
		return 0;
	if (notice_mark(wt->st, NULL, MARK_ENDING, s->id, &mark, &found, err) <
	    0)
		return -1;
	/* An end that was put off is another one. */
	if (found && mark.at_ms == s->until_ms && mark.n >= ending)
		return 0;
	word = watch_word(wt, NOTICE_SECRET, MARK_ENDING, s->id);
	if (word == NULL)
		return 0;
	word->mark.at_ms = s->until_ms;
	word->mark.n = ending;
	return say_ending(wt, who, s, &ws, word, err);
}

/* All live ones of an owner are here. */
static int
judge_owner(struct owner *ow, struct err *err)
{
	struct named who = { .noun = NULL };
	bool named = false;
	size_t i;

	for (i = 0; i < ow->n; i++) {
		if (ow->secrets[i].state != SECRET_PREVIOUS)
			continue;
		if (!named && name_owner(ow, &who, err) < 0)
			return -1;
		named = true;
		if (who.noun != NULL &&
		    judge(ow, &who, &ow->secrets[i], err) < 0)
			return -1;
	}
	ow->n = 0;
	return 0;
}

/* What was said of one that ended is not needed any more. */
static int
forget(struct watch *wt, const struct secret *s, struct err *err)
{
	struct notice_mark mark;
	struct watch_word *word;
	bool found;

	if (s->until_ms == 0 || wt->now_ms - s->until_ms > WATCH_HOUR_MS)
		return 0;
	if (notice_mark(wt->st, NULL, MARK_ENDING, s->id, &mark, &found, err) <
	    0)
		return -1;
	word = found ? watch_word(wt, NULL, MARK_ENDING, s->id) : NULL;
	if (word != NULL)
		word->forget = true;
	return 0;
}

static int
look_at(void *arg, const struct secret *s, struct err *err)
{
	struct owner *ow = arg;

	if (s->endpoint_id != ow->id && judge_owner(ow, err) < 0)
		return -1;
	ow->id = s->endpoint_id;
	if (!secret_is_live(s, ow->wt->now_ms))
		return forget(ow->wt, s, err);
	if (ow->n < NITEMS(ow->secrets))
		ow->secrets[ow->n++] = *s;
	return 0;
}

int
watch_look_at_secrets(struct watch *wt, struct err *err)
{
	struct owner ow = { .wt = wt, .doc = BUF_INIT(2 * ENDPOINT_DOC_MAX) };
	int ret = store_secrets(wt->st, NULL, 0, look_at, &ow, err);

	if (ret == 0)
		ret = judge_owner(&ow, err);
	buf_wipe(&ow.doc);
	return ret;
}
