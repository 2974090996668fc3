/* waiting.c: the oldest event that a destination is still to get. */
#include "lib/store/deliverer.h"

#include <string.h>

#include "lib/engine_bdb/impl.h"
#include "lib/model/destination.h"

struct looking {
	struct store *st;
	struct store_waiting *out;
	struct destination_match *match;
	/* The endpoint that was looked up last. */
	uint64_t endpoint_id;
	bool named, removed;
	char name[ENDPOINT_NAME_MAX + 1];
};

static int
take_row(void *arg, const struct store_delivery *d, struct err *err)
{
	struct looking *lk = arg;

	(void)err;
	if (d->state != STORE_DELIVERY_PENDING &&
	    d->state != STORE_DELIVERY_RETRYING)
		return 0;
	lk->out->seq = d->seq;
	lk->out->since_ms = d->since_ms;
	lk->out->old_ms = store_age_ms(lk->st) - d->age_ms;
	return 1;
}

static int
find_endpoint(struct looking *lk, uint64_t id, struct err *err)
{
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store_endpoint ep;
	bool found = false;
	int ret;

	if (lk->named && lk->endpoint_id == id)
		return 0;
	ret = store_endpoint_by_id(lk->st, NULL, id, &ep, &doc, &found, err);
	if (ret == 0) {
		lk->endpoint_id = id;
		lk->named = true;
		lk->removed = !found || ep.state == STORE_ENDPOINT_REMOVED;
		memcpy(lk->name, found ? ep.name : "",
		    found ? sizeof(ep.name) : 1);
	}
	buf_wipe(&doc);
	return ret;
}

static void
take_event(struct looking *lk, const struct event *ev, bool sure)
{
	lk->out->seq = ev->seq;
	lk->out->since_ms = ev->received_ms;
	lk->out->old_ms = store_age_ms(lk->st) - ev->age_ms;
	lk->out->sure = sure;
}

/* From the cursor on: what no deliverer has looked at yet. */
static int
look_at_log(struct looking *lk, uint64_t seq, struct err *err)
{
	struct store_reader *rd = NULL;
	struct event ev;
	size_t n = 0, bytes = 0;
	bool found = false;
	int ret = -1;

	if (store_reader_open(lk->st, &rd, err) < 0)
		return -1;
	store_reader_seek(rd, seq);
	while (lk->out->seq == 0) {
		if (store_reader_next(rd, &ev, &found, err) < 0)
			goto out;
		if (!found)
			break;
		if (n++ == STORE_WAITING_EVENTS ||
		    bytes > STORE_WAITING_BYTES) {
			take_event(lk, &ev, false);
			break;
		}
		bytes += ev.body.len;
		if (find_endpoint(lk, ev.endpoint_id, err) < 0)
			goto out;
		if (!lk->removed && destination_selects(lk->match, lk->name,
					&ev) != SELECTION_NO)
			take_event(lk, &ev, true);
	}
	ret = 0;
out:
	store_reader_close(rd);
	return ret;
}

/* When the event of a row was received; the row's own time where it is gone. */
static int
date_row(struct looking *lk, struct err *err)
{
	struct store_reader *rd = NULL;
	struct event ev;
	bool found = false;
	int ret;

	if (store_reader_open(lk->st, &rd, err) < 0)
		return -1;
	store_reader_seek(rd, lk->out->seq);
	ret = store_reader_next(rd, &ev, &found, err);
	if (ret == 0 && found && ev.seq == lk->out->seq)
		take_event(lk, &ev, true);
	store_reader_close(rd);
	return ret;
}

static int
look(struct looking *lk, const struct store_destination *d, struct err *err)
{
	struct destination settings;
	uint64_t cursor = 0;
	bool found = false;
	int ret = -1;

	destination_init(&settings);
	if (store_walk_deliveries(lk->st, NULL, d->id, 0, take_row, lk, err) <
	    0)
		goto out;
	/* Replays apart, what has a row came before what the cursor shows. */
	if (lk->out->seq != 0) {
		ret = date_row(lk, err);
		goto out;
	}
	if (store_cursor(lk->st, d->id, &cursor, &found, err) < 0 ||
	    destination_decode(d->doc, &settings, err) < 0 ||
	    destination_match_new(&settings, &lk->match, err) < 0)
		goto out;
	ret = found ? look_at_log(lk, cursor, err) : 0;
out:
	destination_match_free(lk->match);
	destination_free(&settings);
	return ret;
}

int
store_waiting(struct store *st, const struct store_destination *d,
    struct store_waiting *out, struct err *err)
{
	struct looking lk = { .st = st, .out = out };

	memset(out, 0, sizeof(*out));
	out->sure = true;
	if (d->state == STORE_DESTINATION_REMOVED)
		return 0;
	return look(&lk, d, err);
}

struct longest {
	struct store *st;
	struct store_waiting *out;
	bool some;
};

static int
take_destination(void *arg, const struct store_destination *d, struct err *err)
{
	struct longest *lg = arg;
	struct store_waiting one;

	if (d->state != STORE_DESTINATION_ENABLED)
		return 0;
	lg->some = true;
	if (store_waiting(lg->st, d, &one, err) < 0)
		return -1;
	if (one.seq != 0 && (lg->out->seq == 0 || one.old_ms > lg->out->old_ms))
		*lg->out = one;
	return 0;
}

int
store_waiting_longest(
    struct store *st, struct store_waiting *out, bool *some, struct err *err)
{
	struct longest lg = { .st = st, .out = out };

	memset(out, 0, sizeof(*out));
	if (store_destinations(st, NULL, take_destination, &lg, err) < 0)
		return -1;
	*some = lg.some;
	return 0;
}
