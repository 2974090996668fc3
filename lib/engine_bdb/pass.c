/*
 * pass.c: deliveries that nobody will make any more become dead rows,
 * bit by bit, so that accepting goes on meanwhile.
 */
#include "lib/engine_bdb/impl.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/model/destination.h"

#define LOOK_MAX 4000 /* rows or events that one bit looks at ... */
#define DEAD_MAX 500 /* ... and makes dead */
#define NAMES 64 /* of endpoints, remembered for one bit */

struct pass {
	struct store_tx *tx;
	struct store_passing *ps;
	unsigned looked, dead;
	struct destination_match *match;
	struct {
		uint64_t id; /* its name is there when name is not empty */
		char name[ENDPOINT_NAME_MAX + 1];
	} names[NAMES];
};

static bool
is_enough(const struct pass *pa)
{
	return pa->looked >= LOOK_MAX || pa->dead >= DEAD_MAX;
}

static int
make_dead(struct pass *pa, const struct store_delivery *d, struct err *err)
{
	pa->dead++;
	pa->ps->dead++;
	return store_tx_dead(pa->tx, d, pa->ps->reason, err);
}

/* --- rows ----------------------------------------------------------------- */

static int
pass_row(void *arg, const struct store_delivery *d, struct err *err)
{
	struct pass *pa = arg;

	if (d->seq >= pa->ps->below)
		return 1;
	if (is_enough(pa)) {
		pa->ps->more = true;
		return 1;
	}
	pa->looked++;
	pa->ps->row = d->seq + 1;
	return d->state == STORE_DELIVERY_DEAD ? 0 : make_dead(pa, d, err);
}

/* --- the log -------------------------------------------------------------- */

static int
name_of(struct pass *pa, uint64_t id, const char **name, struct err *err)
{
	size_t slot = id % NAMES;
	struct store_endpoint ep;
	bool found;

	*name = pa->names[slot].name;
	if (pa->names[slot].id == id && (*name)[0] != '\0')
		return 0;
	if (store_endpoint_by_id(
		pa->tx->st, pa->tx, id, &ep, NULL, &found, err) < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_CORRUPT,
		    "an event names endpoint %llu, which there never was",
		    (unsigned long long)id);
	pa->names[slot].id = id;
	memcpy(pa->names[slot].name, ep.name, sizeof(ep.name));
	return 0;
}

/* An event that is the destination's, and has no row yet, gets a dead one. */
static int
pass_event(struct pass *pa, const struct event *ev, struct err *err)
{
	struct store_delivery d = { .destination_id = pa->ps->destination_id,
		.seq = ev->seq,
		.endpoint_id = ev->endpoint_id,
		.since_ms = pa->tx->now_ms,
		.id = ev->id,
		.type = ev->type };
	struct buf scratch = BUF_INIT(STORE_ROW_MAX);
	struct store_delivery row;
	const char *name;
	bool found;
	int ret;

	if (name_of(pa, ev->endpoint_id, &name, err) < 0)
		return -1;
	if (destination_selects(pa->match, name, ev) == SELECTION_NO)
		return 0;
	ret = store_get_delivery(pa->tx->st, pa->tx->txn, d.destination_id,
	    d.seq, &row, &scratch, &found, err);
	if (ret == 0 && !found)
		ret = make_dead(pa, &d, err);
	buf_free(&scratch);
	return ret;
}

static int
load_match(struct pass *pa, struct err *err)
{
	struct buf doc = BUF_INIT(DESTINATION_DOC_MAX);
	struct store_destination row;
	struct destination settings;
	bool found;
	int ret = -1;

	destination_init(&settings);
	if (store_destination_by_id(pa->tx->st, pa->tx, pa->ps->destination_id,
		&row, &doc, &found, err) < 0 ||
	    destination_decode(row.doc, &settings, err) < 0)
		goto out;
	ret = destination_match_new(&settings, &pa->match, err);
out:
	destination_free(&settings);
	buf_wipe(&doc);
	return ret;
}

static int
pass_events(struct pass *pa, struct record_cursor *c, struct err *err)
{
	struct store_passing *ps = pa->ps;
	struct store_reader *rd = NULL;
	struct event ev;
	bool found;
	int ret = -1;

	if (load_match(pa, err) < 0 ||
	    store_reader_open(pa->tx->st, &rd, err) < 0)
		goto out;
	store_reader_seek(rd, c->seq);
	while (!(ps->more = is_enough(pa))) {
		if (store_reader_next(rd, &ev, &found, err) < 0)
			goto out;
		if (!found || ev.seq >= ps->below) {
			c->seq = ps->below;
			break;
		}
		pa->looked++;
		c->seq = ev.seq + 1;
		if (pass_event(pa, &ev, err) < 0)
			goto out;
	}
	ret = 0;
out:
	store_reader_close(rd);
	destination_match_free(pa->match);
	return ret;
}

int
store_pass(struct store_tx *tx, void *passing, struct err *err)
{
	struct store_passing *ps = passing;
	struct pass *pa = calloc(1, sizeof(*pa));
	struct record_cursor c;
	bool found;
	int ret = -1;

	if (pa == NULL)
		return err_set(err, ERR_NOMEM, "no memory for deliveries");
	pa->tx = tx;
	pa->ps = ps;
	ps->more = false;
	if (store_deliveries(
		tx->st, tx, ps->destination_id, ps->row, pass_row, pa, err) < 0)
		goto out;
	ret = 0;
	/* What is not durable yet, readers do not see: the next bit will. */
	ps->more = ps->more || store_durable_seq(tx->st) + 1 < ps->below;
	if (ps->more)
		goto out;
	ret = store_get_cursor(
	    tx->st, tx->txn, ps->destination_id, &c, &found, err);
	if (ret < 0 || !found || c.seq >= ps->below)
		goto out;
	ret = pass_events(pa, &c, err);
	if (ret == 0)
		ret = store_put_cursor(
		    tx->st, tx->txn, ps->destination_id, &c, err);
out:
	free(pa);
	return ret;
}
