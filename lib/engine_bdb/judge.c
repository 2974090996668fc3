/*
 * judge.c: an item is judged by the rules of dedupe_rule.h, within its
 * batch's transaction, and becomes an event, a record, or nothing.
 */
#include "lib/engine_bdb/batch.h"

#include <string.h>

struct judging {
	struct store_batch *ba;
	struct store_item *item;
	struct record_dedupe known[DEDUPE_KEYS]; /* as they were found */
};

/*
 * The record under a key, unless it is that of a held event whose secret is not
 * activated: anybody may have sent that, so it is known again under the same
 * secret alone, and is in the way of no other event. Once that is activated, by
 * what a rule holds alone, since the rest is released. *waits: it is of an
 * event whose secret is not activated, as this one's is not.
 */
static int
get_record(struct judging *jd, const unsigned char key[DEDUPE_KEY_SIZE],
    struct record_dedupe *out, bool *waits, bool *found, struct err *err)
{
	struct store *st = jd->ba->st;
	const struct store_item *item = jd->item;
	struct buf scratch = BUF_INIT(STORE_ROW_MAX);
	struct store_held h;
	bool has_row;
	int ret;

	*waits = false;
	if (dedupe_get(st->dedupe, jd->ba->txn, item->event.endpoint_id, key,
		out, found, err) < 0)
		return -1;
	if (!*found || out->first.state != DEDUPE_HELD)
		return 0;
	ret = store_held_find(
	    st, jd->ba->txn, out->first.seq, &h, &scratch, &has_row, err);
	if (ret == 0 && has_row && h.secret_id != 0 &&
	    h.state != STORE_HELD_RELEASED) {
		*found = item->event.secret_id == h.secret_id &&
			 (item->hold != NULL || h.rule != DEDUPE_RULE_SECRET);
		*waits = *found && item->hold != NULL &&
			 h.state == STORE_HELD_WAITING;
	}
	if (!*found)
		memset(out, 0, sizeof(*out));
	buf_free(&scratch);
	return ret;
}

/* A record under one of the item's keys: of an event, else of a message. */
static int
find(void *arg, enum dedupe_key key, struct dedupe_record *out, struct err *err)
{
	struct judging *jd = arg;
	struct store *st = jd->ba->st;
	const struct store_item *item = jd->item;
	const unsigned char *k = item->hashes.keys[key];
	int64_t oldest_ms = jd->ba->now.age_ms - st->opt.horizon_s * 1000;
	bool waits, found;

	if (get_record(jd, k, &jd->known[key], &waits, &found, err) < 0)
		return -1;
	if (!found && dedupe_leaves_records(&item->identity.class)) {
		if (store_ignored_find(st, jd->ba->txn, item->event.endpoint_id,
			k, &jd->known[key], &found, err) < 0)
			return -1;
		found = found && jd->known[key].first.age_ms >= oldest_ms;
	}
	if (found)
		*out = jd->known[key].first;
	/* Its repeats are judged as those of an event are. */
	if (waits)
		out->state = DEDUPE_STORED;
	return 0;
}

static void
describe(const struct judging *jd, enum dedupe_state state,
    struct record_dedupe *rec)
{
	const struct store_item *item = jd->item;
	const struct dedupe_event *ev = &item->hashes.event;

	memset(rec, 0, sizeof(*rec));
	rec->first.state = state;
	rec->first.seq = item->seq;
	rec->first.age_ms = jd->ba->now.age_ms;
	memcpy(rec->first.id, ev->id, sizeof(ev->id));
	memcpy(rec->first.payload, ev->payload, sizeof(ev->payload));
	memcpy(rec->first.type, ev->type, sizeof(ev->type));
	rec->first_ms = rec->last_ms = jd->ba->now.wall_ms;
	rec->has_request_id = item->has_request_id;
	memcpy(rec->request_id, item->request_id, sizeof(rec->request_id));
}

/* The keys of the signed elements of a batch, behind that of the whole. */
static size_t
count_elements(const struct store_item *item)
{
	return item->event.contents.len > 0 ? item->elements.len / DIGEST_SHA256
					    : 0;
}

static const unsigned char *
element_key(const struct store_item *item, size_t i)
{
	return (const unsigned char *)item->event.contents.ptr +
	       (1 + i) * DEDUPE_KEY_SIZE;
}

static int
put_records(struct judging *jd, enum dedupe_state state, unsigned writes,
    struct err *err)
{
	struct store_batch *ba = jd->ba;
	const struct store_item *item = jd->item;
	struct record_dedupe rec, old;
	uint64_t id = item->event.endpoint_id;
	size_t i, n = count_elements(item);
	unsigned key;
	bool waits, found;

	describe(jd, state, &rec);
	for (key = 0; key < DEDUPE_KEYS; key++)
		if ((writes & DEDUPE_BIT(key)) != 0 &&
		    dedupe_put(ba->st->dedupe, ba->txn, id,
			item->hashes.keys[key], &rec, err) < 0)
			return -1;
	for (i = 0; i < n; i++) {
		if (get_record(jd, element_key(item, i), &old, &waits, &found,
			err) < 0)
			return -1;
		if (!found && dedupe_put(ba->st->dedupe, ba->txn, id,
				  element_key(item, i), &rec, err) < 0)
			return -1;
	}
	return 0;
}

static int
accept(struct judging *jd, unsigned writes, struct err *err)
{
	store_batch_append(jd->ba, jd->item);
	jd->item->outcome = STORE_ACCEPTED;
	return put_records(jd, DEDUPE_STORED, writes, err);
}

/* The copy that came first is rec, under key. */
static int
repeat(struct judging *jd, const unsigned char *key, struct record_dedupe *rec,
    const char *reason, struct err *err)
{
	struct store_batch *ba = jd->ba;
	struct store_item *item = jd->item;

	item->seq = rec->first.seq;
	if (item->has_request_id && rec->has_request_id &&
	    memcmp(item->request_id, rec->request_id, STORE_REQUEST_ID) == 0) {
		/* Our own repeat: the first answer was lost on its way. */
		item->outcome = rec->first.state == DEDUPE_HELD
				    ? STORE_HELD
				    : STORE_ACCEPTED;
		return 0;
	}
	item->outcome = STORE_DUPLICATE;
	item->reason = reason;
	rec->last_ms = ba->now.wall_ms;
	if (rec->duplicates < UINT32_MAX)
		rec->duplicates++;
	return dedupe_update(
	    ba->st->dedupe, ba->txn, item->event.endpoint_id, key, rec, err);
}

/* --- held ------------------------------------------------------------------
 */

static void
fill_held(const struct judging *jd, const struct dedupe_decision *d,
    struct store_held *h)
{
	const struct store_item *item = jd->item;
	const struct dedupe_identity *who = &item->identity;
	enum dedupe_key content =
	    who->has_content ? DEDUPE_CONTENT : DEDUPE_PAYLOAD;

	memset(h, 0, sizeof(*h));
	h->endpoint_id = item->event.endpoint_id;
	h->state = STORE_HELD_WAITING;
	h->age_ms = jd->ba->now.age_ms;
	h->first_seq = d->seq;
	h->secret_id = item->hold != NULL ? item->event.secret_id : 0;
	h->rule = d->rule;
	h->bytes = (uint32_t)record_event_size(&item->event);
	h->reason = span_str(d->reason);
	h->own_keys = d->writes;
	memcpy(h->keys, item->hashes.keys, sizeof(h->keys));
	memcpy(h->content, item->hashes.keys[content], sizeof(h->content));
	memcpy(h->id, item->hashes.event.id, sizeof(h->id));
	memcpy(h->payload, item->hashes.event.payload, sizeof(h->payload));
	memcpy(h->type, item->hashes.event.type, sizeof(h->type));
}

static int
keep_held(struct judging *jd, const struct dedupe_decision *d, struct err *err)
{
	struct store_batch *ba = jd->ba;
	struct store_item *item = jd->item;
	struct store_held h;
	enum store_held_fit how;

	fill_held(jd, d, &h);
	h.seq = ba->next_seq;
	/* Only what repeats a content may be counted instead of kept. */
	if (store_held_put(ba->st, ba->txn, &h, d->key != DEDUPE_ID,
		ba->now.wall_ms, &how, err) < 0)
		return -1;
	item->reason = d->reason;
	item->outcome = STORE_HELD;
	switch (how) {
	case STORE_HELD_FULL:
		item->outcome = STORE_FAILED;
		err_set(&item->err, ERR_LIMIT,
		    "the endpoint has as many held events as it may "
		    "(held_max, held_bytes): release or drop some");
		return 0;
	case STORE_HELD_COUNTED:
		item->seq = 0;
		return 0;
	case STORE_HELD_KEPT:
		break;
	}
	item->event.flags |= EVENT_HELD;
	store_batch_append(ba, item);
	return put_records(jd, DEDUPE_HELD, d->writes, err);
}

static int
hold(struct judging *jd, const struct dedupe_decision *d, struct err *err)
{
	struct store_item *item = jd->item;

	switch (item->on_held) {
	case STORE_ON_HELD_HOLD:
		return keep_held(jd, d, err);
	case STORE_ON_HELD_DELIVER:
		return accept(jd, d->writes, err);
	case STORE_ON_HELD_REFUSE:
		item->seq = d->seq;
		item->outcome = STORE_FORGED;
		item->reason = d->reason;
		break;
	}
	return 0;
}

/*
 * Its secret is not activated: it is held, whatever becomes of others that are.
 * An activation releases it, unless the rules and the endpoint hold it as well.
 */
static int
hold_pending(struct judging *jd, struct dedupe_decision *d, struct err *err)
{
	struct store_item *item = jd->item;
	struct dedupe_record own = { .state = DEDUPE_UNKNOWN };

	if (d->verdict == DEDUPE_HOLD && item->on_held != STORE_ON_HELD_DELIVER)
		return keep_held(jd, d, err);
	/* The id is another's that is held: it is known again by the whole. */
	if ((d->writes & DEDUPE_BIT(DEDUPE_ID)) != 0 &&
	    jd->known[DEDUPE_ID].first.state == DEDUPE_HELD) {
		d->writes &= ~DEDUPE_BIT(DEDUPE_ID);
		d->writes |= DEDUPE_BIT(DEDUPE_WHOLE);
		if (find(jd, DEDUPE_WHOLE, &own, err) < 0)
			return -1;
		if (own.state == DEDUPE_HELD || own.state == DEDUPE_STORED)
			return repeat(jd, item->hashes.keys[DEDUPE_WHOLE],
			    &jd->known[DEDUPE_WHOLE],
			    "the same message is held already", err);
	}
	item->rule = d->rule = DEDUPE_RULE_SECRET;
	d->reason = item->hold;
	d->seq = 0;
	d->key = DEDUPE_ID; /* it repeats nothing */
	return keep_held(jd, d, err);
}

/* --- judging ---------------------------------------------------------------
 */

/* A batch whose elements are signed one by one is new when one of them is. */
static int
judge_elements(struct judging *jd, bool *done, struct err *err)
{
	struct record_dedupe rec;
	size_t i, n = count_elements(jd->item);
	bool waits, found = n > 0;

	for (i = 0; i < n && found; i++)
		if (get_record(jd, element_key(jd->item, i), &rec, &waits,
			&found, err) < 0)
			return -1;
	*done = found;
	return found ? repeat(jd, element_key(jd->item, n - 1), &rec,
			   "each element of the batch came before", err)
		     : 0;
}

static int
judge_selected(
    struct judging *jd, const struct dedupe_event *ev, struct err *err)
{
	struct store_item *item = jd->item;
	struct dedupe_decision d;
	bool done;

	if (judge_elements(jd, &done, err) < 0)
		return -1;
	if (done)
		return 0;
	if (dedupe_judge(&item->identity.class, ev, find, jd, &d, err) < 0)
		return -1;
	item->rule = d.rule;
	if (item->hold != NULL &&
	    (d.verdict == DEDUPE_ACCEPT || d.verdict == DEDUPE_HOLD))
		return hold_pending(jd, &d, err);
	switch (d.verdict) {
	case DEDUPE_ACCEPT:
		return accept(jd, d.writes, err);
	case DEDUPE_DUPLICATE:
		return repeat(jd, item->hashes.keys[d.key], &jd->known[d.key],
		    d.reason, err);
	case DEDUPE_HOLD:
		return hold(jd, &d, err);
	case DEDUPE_REFUSE:
		item->seq = d.seq;
		item->outcome = STORE_FORGED;
		item->reason = d.reason;
		break;
	}
	return 0;
}

static int
record_unselected(
    struct judging *jd, const struct dedupe_event *ev, struct err *err)
{
	struct store_item *item = jd->item;
	struct record_dedupe rec;
	unsigned writes;

	item->outcome = STORE_RECORDED;
	if (dedupe_judge_unselected(
		&item->identity.class, ev, find, jd, &writes, err) < 0)
		return -1;
	if (writes == 0)
		return 0;
	describe(jd,
	    item->wish == STORE_WISH_IGNORE ? DEDUPE_IGNORED : DEDUPE_REFUSED,
	    &rec);
	if (store_ignored_put(jd->ba->st, jd->ba->txn, item->event.endpoint_id,
		&item->hashes, writes, &rec, item->window_ms, err) < 0) {
		if (err->code != ERR_LIMIT)
			return -1;
		item->outcome = STORE_FAILED;
		item->err = *err;
	}
	return 0;
}

int
store_judge(struct store_batch *ba, struct store_item *item, struct err *err)
{
	struct judging jd = { .ba = ba, .item = item };
	struct dedupe_event ev = item->hashes.event;

	ev.age_ms = ba->now.age_ms;
	return item->wish == STORE_WISH_ACCEPT
		   ? judge_selected(&jd, &ev, err)
		   : record_unselected(&jd, &ev, err);
}

int
store_is_repeat(struct store *st, const struct store_item *item, bool *repeat,
    struct err *err)
{
	struct store_batch ba = { .st = st };
	struct store_item copy = *item;
	struct judging jd = { .ba = &ba, .item = &copy };
	struct dedupe_decision d;

	*repeat = false;
	if (item->event.flags & EVENT_TEST)
		return store_test_repeats(st, item, repeat, err);
	store_clock(st, &ba.now);
	if (dedupe_hash(st->dedupe_secret, item->event.endpoint_id,
		&item->identity, item->event.id, item->event.type, &copy.hashes,
		err) < 0)
		return -1;
	copy.hashes.event.age_ms = ba.now.age_ms;
	if (dedupe_judge(&item->identity.class, &copy.hashes.event, find, &jd,
		&d, err) < 0)
		return -1;
	*repeat = d.verdict == DEDUPE_DUPLICATE || d.verdict == DEDUPE_REFUSE;
	return 0;
}
