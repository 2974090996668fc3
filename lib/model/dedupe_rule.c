/* dedupe_rule.c: the rules by which an event is new, a duplicate or held. */
#include "lib/model/dedupe_rule.h"

#include <string.h>

#include "lib/base/util.h"

/* An event being judged, with the records that were looked up. */
struct judging {
	const struct dedupe_class *cl;
	const struct dedupe_event *ev;
	dedupe_find *find;
	void *arg;
	struct dedupe_record known[DEDUPE_KEYS];
	unsigned asked; /* keys that were looked up */
	struct dedupe_decision *out;
	struct err *err;
};

/* What a rule says: it decided, the next one is to be asked, or it failed. */
enum rule_outcome {
	RULE_FAILED,
	RULE_DECIDED,
	RULE_NEXT
};

static bool
hash_eq(const unsigned char a[DEDUPE_HASH], const unsigned char b[DEDUPE_HASH])
{
	return memcmp(a, b, DEDUPE_HASH) == 0;
}

/* An id that is incomplete in a batch identifies nothing. */
static bool
event_has_id(const struct dedupe_event *ev)
{
	return ev->has_id && ev->id_complete;
}

unsigned
dedupe_keys(const struct dedupe_class *cl, const struct dedupe_event *ev)
{
	bool has_id = event_has_id(ev);
	unsigned keys = DEDUPE_BIT(DEDUPE_WHOLE);

	keys |= DEDUPE_BIT(has_id ? DEDUPE_ID : DEDUPE_PAYLOAD);
	if (cl->repeats == DEDUPE_REPEATS_TYPES && ev->has_type)
		keys |= DEDUPE_BIT(DEDUPE_CONTENT_TYPE);
	if (cl->signs && !(has_id && cl->id_suffices && cl->covers_body))
		keys |= DEDUPE_BIT(DEDUPE_CONTENT) |
			(cl->has_older ? DEDUPE_BIT(DEDUPE_OLDER) : 0);
	return keys;
}

static bool
is_kept(const struct dedupe_record *rec)
{
	return rec->state == DEDUPE_STORED || rec->state == DEDUPE_HELD;
}

/*
 * The same message as one that was ignored or refused: selection was widened
 * or the scheme was mended since, and the provider sends it again. What was
 * refused since its id or type could not be read has none on record.
 */
static bool
is_same(const struct dedupe_record *rec, const unsigned char was[DEDUPE_HASH],
    const unsigned char now[DEDUPE_HASH])
{
	static const unsigned char none[DEDUPE_HASH];

	return hash_eq(was, now) ||
	       (rec->state == DEDUPE_REFUSED && hash_eq(was, none));
}

static bool
is_judged_afresh(const struct dedupe_event *ev, const struct dedupe_record *rec)
{
	if (ev->admitted && rec->state == DEDUPE_REFUSED)
		return true;
	return !is_kept(rec) && is_same(rec, rec->id, ev->id) &&
	       hash_eq(rec->payload, ev->payload) &&
	       is_same(rec, rec->type, ev->type);
}

/* The record of a key; UNKNOWN where the class has no such key. */
static int
look_up(struct judging *jd, enum dedupe_key key, struct dedupe_record **out)
{
	struct dedupe_record *rec = &jd->known[key];

	*out = rec;
	if ((jd->asked & DEDUPE_BIT(key)) != 0)
		return 0;
	jd->asked |= DEDUPE_BIT(key);
	memset(rec, 0, sizeof(*rec));
	if ((dedupe_keys(jd->cl, jd->ev) & DEDUPE_BIT(key)) == 0)
		return 0;
	if (jd->find(jd->arg, key, rec, jd->err) < 0)
		return -1;
	if (rec->state != DEDUPE_UNKNOWN && is_judged_afresh(jd->ev, rec))
		rec->state = DEDUPE_UNKNOWN;
	return 0;
}

/*
 * The record of the signed content: of a copy that is kept, in either version,
 * before one that was only ignored or refused.
 */
static int
look_up_content(struct judging *jd, struct dedupe_record **out)
{
	struct dedupe_record *older;

	if (look_up(jd, DEDUPE_CONTENT, out) < 0)
		return -1;
	if (is_kept(*out))
		return 0;
	if (look_up(jd, DEDUPE_OLDER, &older) < 0)
		return -1;
	if (is_kept(older) || (*out)->state == DEDUPE_UNKNOWN)
		*out = older;
	return 0;
}

static enum rule_outcome
decide(struct judging *jd, enum dedupe_verdict verdict,
    const struct dedupe_record *first, const char *reason)
{
	jd->out->verdict = verdict;
	jd->out->reason = reason;
	jd->out->seq = first != NULL && is_kept(first) ? first->seq : 0;
	jd->out->of_held = first != NULL && first->state == DEDUPE_HELD;
	if (first != NULL)
		jd->out->key = (enum dedupe_key)(first - jd->known);
	return RULE_DECIDED;
}

/* Holds the message, unless it is held already. */
static enum rule_outcome
hold(struct judging *jd, const struct dedupe_record *first, const char *reason)
{
	struct dedupe_record *own;

	if (look_up(jd, DEDUPE_WHOLE, &own) < 0)
		return RULE_FAILED;
	if (is_kept(own))
		return decide(jd, DEDUPE_DUPLICATE, own,
		    "the same message is held already");
	return decide(jd, DEDUPE_HOLD, first, reason);
}

/* --- the rules, in their order ------------------------------------------- */

/*
 * 0: the body is not signed. A signature is good for one message, so another
 * body under it is a forgery, whoever posts it.
 */
static enum rule_outcome
rule_body_uncovered(struct judging *jd)
{
	struct dedupe_record *content;

	if (jd->cl->covers_body)
		return RULE_NEXT;
	if (look_up_content(jd, &content) < 0)
		return RULE_FAILED;
	if (content->state == DEDUPE_UNKNOWN)
		return RULE_NEXT;
	if (is_kept(content) && hash_eq(content->id, jd->ev->id))
		return decide(jd, DEDUPE_DUPLICATE, content, "same signature");
	return decide(jd, DEDUPE_REFUSE, content,
	    "the signature was used for another message, and it does not "
	    "cover the body");
}

/*
 * 1: the id is known. A held message claims its id only together with its
 * payload and type, or a forger could keep a genuine event out.
 */
static enum rule_outcome
rule_id_known(struct judging *jd)
{
	struct dedupe_record *id;

	if (!event_has_id(jd->ev))
		return RULE_NEXT;
	if (look_up(jd, DEDUPE_ID, &id) < 0)
		return RULE_FAILED;
	if (!is_kept(id))
		return RULE_NEXT;
	if (hash_eq(id->payload, jd->ev->payload) &&
	    (id->state == DEDUPE_STORED || hash_eq(id->type, jd->ev->type)))
		return decide(jd, DEDUPE_DUPLICATE, id, "same id and payload");
	if (id->state == DEDUPE_HELD || jd->cl->id_ambiguous)
		return RULE_NEXT;
	if (jd->cl->body_varies)
		return decide(jd, DEDUPE_DUPLICATE, id, "same id");
	return hold(jd, id, "id reused with another payload");
}

/* 2: the id can be cut in more than one way, so the content is the identity. */
static enum rule_outcome
rule_id_ambiguous(struct judging *jd)
{
	struct dedupe_record *content;

	if (!event_has_id(jd->ev) || !jd->cl->id_ambiguous)
		return RULE_NEXT;
	if (look_up_content(jd, &content) < 0)
		return RULE_FAILED;
	if (is_kept(content))
		return decide(jd, DEDUPE_DUPLICATE, content, "same content");
	if (content->state == DEDUPE_UNKNOWN)
		return decide(jd, DEDUPE_ACCEPT, NULL, NULL);
	return RULE_NEXT;
}

/*
 * Is it of a type that repeats, and its provider sends no ids? Where it sends
 * some that are not signed, somebody has left this one out.
 */
static bool
repeats_without_id(const struct judging *jd)
{
	return jd->cl->type_repeats && jd->ev->has_type && jd->cl->id_signed;
}

/* Only the content tells a repeat then, since the time is in it. */
static bool
payload_repeats(const struct judging *jd)
{
	return jd->cl->repeats == DEDUPE_REPEATS_ALWAYS ||
	       (repeats_without_id(jd) && jd->cl->time_signed);
}

/*
 * The copy that a message without a usable id may repeat: by content, else by
 * payload, unless that comes again as another event; one that is kept before
 * one that was only ignored.
 */
static int
find_first(struct judging *jd, struct dedupe_record **out)
{
	struct dedupe_record *content, *payload;

	if (look_up_content(jd, &content) < 0)
		return -1;
	*out = content;
	if (is_kept(content) || event_has_id(jd->ev) ||
	    (payload_repeats(jd) && jd->cl->signs))
		return 0;
	if (look_up(jd, DEDUPE_PAYLOAD, &payload) < 0)
		return -1;
	if (is_kept(payload) || content->state == DEDUPE_UNKNOWN)
		*out = payload;
	return 0;
}

/*
 * May it be another event, though an older version of the scheme signs the same
 * of both? By what the newer signs they differ, and only that tells a repeat.
 */
static bool
is_another(const struct judging *jd, const struct dedupe_record *first)
{
	return first == &jd->known[DEDUPE_OLDER] && payload_repeats(jd) &&
	       jd->cl->time_signed;
}

/* 3: there is no id. */
static enum rule_outcome
rule_no_id(struct judging *jd)
{
	const struct dedupe_class *cl = jd->cl;
	struct dedupe_record *first;

	if (event_has_id(jd->ev))
		return RULE_NEXT;
	if (cl->repeats == DEDUPE_REPEATS_ALWAYS && !cl->time_signed)
		return decide(jd, DEDUPE_ACCEPT, NULL, NULL);
	if (find_first(jd, &first) < 0)
		return RULE_FAILED;
	if (first->state == DEDUPE_UNKNOWN)
		return decide(jd, DEDUPE_ACCEPT, NULL, NULL);
	if (!is_kept(first) || is_another(jd, first) ||
	    (jd->ev->has_type && !hash_eq(first->type, jd->ev->type)))
		return RULE_NEXT;
	if (repeats_without_id(jd) && !cl->time_signed)
		return decide(jd, DEDUPE_ACCEPT, NULL, NULL);
	return decide(jd, DEDUPE_DUPLICATE, first, "same content, and no id");
}

static bool
has_type(const struct dedupe_record *rec)
{
	static const unsigned char none[DEDUPE_HASH];

	return !hash_eq(rec->type, none);
}

/*
 * May the content come once more under a type that it has not had? Where only
 * the newer version's is known it was cut in another way.
 */
static bool
is_other_type(const struct judging *jd, const struct dedupe_record *first,
    const struct dedupe_record *older, const struct dedupe_record *same_type)
{
	if (jd->cl->has_older && older->state == DEDUPE_UNKNOWN)
		return false;
	return jd->cl->repeats == DEDUPE_REPEATS_TYPES && jd->ev->has_type &&
	       has_type(first) && !hash_eq(first->type, jd->ev->type) &&
	       !is_kept(same_type) &&
	       jd->ev->age_ms - first->age_ms <= jd->cl->within_ms;
}

/* 4: the content is known, under an id that anybody could have written. */
static enum rule_outcome
rule_content_repeats(struct judging *jd)
{
	const struct dedupe_class *cl = jd->cl;
	struct dedupe_record *first, *older, *same_type;

	if (event_has_id(jd->ev) && cl->id_signed)
		return RULE_NEXT;
	if (find_first(jd, &first) < 0)
		return RULE_FAILED;
	if (first->state == DEDUPE_UNKNOWN)
		return RULE_NEXT;
	if (is_another(jd, first))
		return hold(jd, first,
		    "same content, by an older version of the scheme");
	if (cl->repeats == DEDUPE_REPEATS_ALWAYS)
		return cl->time_signed ? decide(jd, DEDUPE_DUPLICATE, first,
					     "same content and time")
				       : decide(jd, DEDUPE_ACCEPT, NULL, NULL);
	if (cl->type_repeats && jd->ev->has_type &&
	    hash_eq(first->type, jd->ev->type))
		return decide(jd, DEDUPE_ACCEPT, NULL, NULL);
	if (look_up(jd, DEDUPE_CONTENT_TYPE, &same_type) < 0 ||
	    look_up(jd, DEDUPE_OLDER, &older) < 0)
		return RULE_FAILED;
	/* Without an id, content and type are all that a retry repeats. */
	if (!event_has_id(jd->ev) && is_kept(same_type))
		return decide(jd, DEDUPE_DUPLICATE, same_type,
		    "same content and type, and no id");
	if (is_other_type(jd, first, older, same_type))
		return decide(jd, DEDUPE_ACCEPT, NULL, NULL);
	return hold(jd, first,
	    event_has_id(jd->ev) ? "same content under another id"
				 : "same content under another type");
}

/* 5: the content is known under another id, though the id is signed. */
static enum rule_outcome
rule_content_recut(struct judging *jd)
{
	struct dedupe_record *content;

	if (look_up_content(jd, &content) < 0)
		return RULE_FAILED;
	if (content->state == DEDUPE_UNKNOWN)
		return RULE_NEXT;
	if (is_kept(content) && hash_eq(content->id, jd->ev->id))
		return decide(jd, DEDUPE_DUPLICATE, content, "same content");
	return hold(jd, content, "same content, read as another id");
}

/* 6: it is new. */
static enum rule_outcome
rule_new(struct judging *jd)
{
	return decide(jd, DEDUPE_ACCEPT, NULL, NULL);
}

static enum rule_outcome (*const rules[])(struct judging *jd) = {
	rule_body_uncovered,
	rule_id_known,
	rule_id_ambiguous,
	rule_no_id,
	rule_content_repeats,
	rule_content_recut,
	rule_new,
};

/* --- what is written ----------------------------------------------------- */

/* The keys that most events have; WHOLE and CONTENT_TYPE are for few. */
static unsigned
common_keys(const struct judging *jd)
{
	return dedupe_keys(jd->cl, jd->ev) &
	       ~(DEDUPE_BIT(DEDUPE_WHOLE) | DEDUPE_BIT(DEDUPE_CONTENT_TYPE));
}

/*
 * An accepted event has a record under every key of its own that no stored
 * copy has. A held one leaves those of ignored messages as they are, so that
 * the provider's next try of one of these is still judged afresh.
 */
static int
choose_writes(struct judging *jd)
{
	bool accepted = jd->out->verdict == DEDUPE_ACCEPT;
	unsigned keys = common_keys(jd), key;
	struct dedupe_record *rec;

	if (!accepted)
		keys |= DEDUPE_BIT(DEDUPE_WHOLE);
	/* The first type of a content stands in the content's own record. */
	else if ((jd->asked & DEDUPE_BIT(DEDUPE_CONTENT_TYPE)) != 0)
		keys |= dedupe_keys(jd->cl, jd->ev) &
			DEDUPE_BIT(DEDUPE_CONTENT_TYPE);
	for (key = 0; key < DEDUPE_KEYS; key++) {
		if ((keys & DEDUPE_BIT(key)) == 0)
			continue;
		if (look_up(jd, key, &rec) < 0)
			return -1;
		if (rec->state == DEDUPE_UNKNOWN ||
		    (accepted && !is_kept(rec)) ||
		    (accepted && key == DEDUPE_ID && rec->state == DEDUPE_HELD))
			jd->out->writes |= DEDUPE_BIT(key);
	}
	return 0;
}

int
dedupe_judge(const struct dedupe_class *cl, const struct dedupe_event *ev,
    dedupe_find *find, void *arg, struct dedupe_decision *out, struct err *err)
{
	struct judging jd = { .cl = cl,
		.ev = ev,
		.find = find,
		.arg = arg,
		.out = out,
		.err = err };
	enum rule_outcome how = RULE_NEXT;
	unsigned rule;

	memset(out, 0, sizeof(*out));
	for (rule = 0; rule < NITEMS(rules) && how == RULE_NEXT; rule++) {
		out->rule = rule;
		how = rules[rule](&jd);
	}
	/* Whether it is selected cannot be told: an operator says. */
	if (how == RULE_DECIDED && out->verdict == DEDUPE_ACCEPT &&
	    ev->type_unreadable && !ev->admitted) {
		out->rule = NITEMS(rules) - 1;
		how = hold(&jd, NULL, "its type cannot be read");
	}
	if (how != RULE_DECIDED)
		return -1;
	if (out->verdict != DEDUPE_ACCEPT && out->verdict != DEDUPE_HOLD)
		return 0;
	return choose_writes(&jd);
}

bool
dedupe_leaves_records(const struct dedupe_class *cl)
{
	return cl->signs &&
	       !(cl->covers_body && cl->type_signed && cl->id_signed);
}

int
dedupe_judge_unselected(const struct dedupe_class *cl,
    const struct dedupe_event *ev, dedupe_find *find, void *arg,
    unsigned *writes, struct err *err)
{
	struct dedupe_decision out;
	struct judging jd = { .cl = cl,
		.ev = ev,
		.find = find,
		.arg = arg,
		.out = &out,
		.err = err };
	unsigned keys = common_keys(&jd), key;
	struct dedupe_record *rec;

	*writes = 0;
	if (!dedupe_leaves_records(cl))
		return 0;
	for (key = 0; key < DEDUPE_KEYS; key++) {
		if ((keys & DEDUPE_BIT(key)) == 0)
			continue;
		if (look_up(&jd, key, &rec) < 0)
			return -1;
		if (rec->state == DEDUPE_UNKNOWN)
			*writes |= DEDUPE_BIT(key);
	}
	return 0;
}
