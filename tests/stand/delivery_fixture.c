/* delivery_fixture.c: destinations and rows in a store of its own. */
#include "tests/stand/delivery_fixture.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

char fx_reason[32];

struct setting {
	uint64_t id, cursor;
	const char *name, *doc;
	enum store_destination_state state;
};

static int
set(struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	struct setting *se = arg;
	struct store_destination d = { .id = se->id, .state = se->state };
	struct buf doc = BUF_INIT(DESTINATION_DOC_MAX);
	bool found = true;
	int ret = -1;

	(void)result;
	if (se->id != 0) {
		if (store_destination_by_id(
			fx.st, tx, se->id, &d, &doc, &found, e) < 0)
			goto out;
		ck_assert(found);
	} else {
		snprintf(d.name, sizeof(d.name), "%s", se->name);
		d.doc = span_str(se->doc);
	}
	d.state = se->state;
	if (store_tx_destination(tx, &d, se->cursor, e) < 0)
		goto out;
	se->id = d.id;
	ret = store_tx_audit(tx, "destination.set", d.name, SPAN_EMPTY, e);
out:
	buf_free(&doc);
	return ret;
}

uint64_t
fx_destination(const char *name, const char *doc, uint64_t cursor)
{
	struct setting se = { 0, cursor, name, doc, STORE_DESTINATION_ENABLED };

	fx_change(NULL, set, &se, NULL);
	return se.id;
}

void
fx_set_state(uint64_t id, enum store_destination_state state)
{
	struct setting se = { .id = id, .state = state };

	fx_change(NULL, set, &se, NULL);
}

uint64_t
fx_cursor(uint64_t id)
{
	uint64_t seq = 0;
	bool found;

	ck_assert_int_eq(store_cursor(fx.st, id, &seq, &found, &fx.err), 0);
	ck_assert(found);
	return seq;
}

struct store_delivery
fx_row(uint64_t id, uint64_t seq, enum store_delivery_state state)
{
	struct store_delivery d = { .destination_id = id,
		.seq = seq,
		.endpoint_id = fx.endpoint_id,
		.state = state,
		.attempts = 1,
		.planned = 1,
		.since_ms = 1000 };

	return d;
}

static void
report(const struct store_report *r)
{
	ck_assert_msg(store_report(fx.st, r, &fx.err) == 0, "%s", fx.err.text);
}

void
fx_report_row(const struct store_delivery *d)
{
	struct store_report_item item = { .kind = STORE_REPORT_ROW,
		.delivery = *d };

	report(&(struct store_report){ .items = &item, .nitems = 1 });
}

void
fx_report_done(uint64_t id, uint64_t seq, uint64_t stamp)
{
	struct store_report_item item = { .kind = STORE_REPORT_DONE,
		.delivery = {
		    .destination_id = id, .seq = seq, .stamp = stamp } };

	report(&(struct store_report){ .items = &item, .nitems = 1 });
}

void
fx_report_cursor(uint64_t id, uint64_t seq)
{
	struct store_report_cursor c = { id, seq };

	report(&(struct store_report){ .cursors = &c, .ncursors = 1 });
}

static int
operate(struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	(void)result;
	return store_tx_delivery(tx, arg, e) < 0
		   ? -1
		   : store_tx_audit(tx, "event.retry", "x", SPAN_EMPTY, e);
}

void
fx_operate(struct store_delivery *d)
{
	fx_change(NULL, operate, d, NULL);
}

int
fx_state(uint64_t id, uint64_t seq)
{
	struct buf row = BUF_INIT(65536);
	struct store_delivery d;
	bool found;
	int state = 0;

	fx_reason[0] = '\0';
	ck_assert_msg(store_delivery(
			  fx.st, NULL, id, seq, &d, &row, &found, &fx.err) == 0,
	    "%s", fx.err.text);
	if (found) {
		state = (int)d.state;
		snprintf(fx_reason, sizeof(fx_reason), "%.*s",
		    (int)d.reason.len, (const char *)d.reason.ptr);
	}
	buf_free(&row);
	return state;
}
