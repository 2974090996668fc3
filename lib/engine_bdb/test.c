/*
 * test.c: test events, which are acknowledged each time and kept in the
 * log so far as store.h says.
 *
 * Two records are remembered as those of other events are, under keys of their
 * own: of a signed content, with the seq of its last copy in the log; and of
 * the endpoint's repeats, with how many ("duplicates") a day has kept and when
 * that day began ("age_ms").
 */
#include "lib/engine_bdb/batch.h"

#include <string.h>

static const char enough[] =
    "not kept: the same test came before, and a day keeps no more repeats";

static int
get(struct store_batch *ba, const struct store_item *item, enum dedupe_key key,
    struct record_dedupe *rec, bool *found, struct err *err)
{
	memset(rec, 0, sizeof(*rec));
	return dedupe_get(ba->st->dedupe, ba->txn, item->event.endpoint_id,
	    item->hashes.keys[key], rec, found, err);
}

static int
put(struct store_batch *ba, const struct store_item *item, enum dedupe_key key,
    struct record_dedupe *rec, struct err *err)
{
	rec->first.state = DEDUPE_STORED;
	rec->first.seq = item->seq;
	rec->last_ms = ba->now.wall_ms;
	return dedupe_put(ba->st->dedupe, ba->txn, item->event.endpoint_id,
	    item->hashes.keys[key], rec, err);
}

/* The event goes to the log, and its content is remembered. */
static int
keep(struct store_batch *ba, struct store_item *item, struct err *err)
{
	struct record_dedupe rec = { .first_ms = ba->now.wall_ms };

	store_batch_append(ba, item);
	item->outcome = STORE_ACCEPTED;
	if (!item->identity.has_content)
		return 0;
	rec.first.age_ms = ba->now.age_ms;
	rec.has_request_id = item->has_request_id;
	memcpy(rec.request_id, item->request_id, sizeof(rec.request_id));
	return put(ba, item, DEDUPE_CONTENT, &rec, err);
}

/* Another repeat of the endpoint's, unless a day has kept enough of them. */
static int
keep_repeat(struct store_batch *ba, struct store_item *item, struct err *err)
{
	struct record_dedupe day;
	bool found;

	if (get(ba, item, DEDUPE_WHOLE, &day, &found, err) < 0)
		return -1;
	if (!found || ba->now.age_ms - day.first.age_ms >= STORE_TEST_DAY_MS) {
		day.first.age_ms = ba->now.age_ms;
		day.first_ms = ba->now.wall_ms;
		day.duplicates = 0;
	}
	if (day.duplicates == STORE_TEST_REPEATS) {
		item->outcome = STORE_DUPLICATE;
		item->reason = enough;
		return 0;
	}
	day.duplicates++;
	if (keep(ba, item, err) < 0)
		return -1;
	return put(ba, item, DEDUPE_WHOLE, &day, err);
}

int
store_test(struct store_batch *ba, struct store_item *item, struct err *err)
{
	struct record_dedupe rec;
	bool found;

	if (!item->identity.has_content || item->identity.admitted)
		return keep(ba, item, err);
	if (get(ba, item, DEDUPE_CONTENT, &rec, &found, err) < 0)
		return -1;
	if (!found)
		return keep(ba, item, err);
	item->seq = rec.first.seq;
	if (item->has_request_id && rec.has_request_id &&
	    memcmp(item->request_id, rec.request_id, STORE_REQUEST_ID) == 0) {
		/* Our own repeat: the first answer was lost on its way. */
		item->outcome = STORE_ACCEPTED;
		return 0;
	}
	return keep_repeat(ba, item, err);
}

int
store_test_repeats(struct store *st, const struct store_item *item,
    bool *repeats, struct err *err)
{
	struct dedupe_hashes hashes;
	struct record_dedupe rec;

	*repeats = false;
	if (!item->identity.has_content)
		return 0;
	if (dedupe_hash_test(st->dedupe_secret, item->event.endpoint_id,
		item->identity.content, &hashes, err) < 0)
		return -1;
	return dedupe_get(st->dedupe, NULL, item->event.endpoint_id,
	    hashes.keys[DEDUPE_CONTENT], &rec, repeats, err);
}
