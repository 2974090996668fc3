/*
 * test_store_hold.c: what destinations need outlives retention for a while;
 * what goes all the same, or is removed, becomes a dead letter.
 */
#include "tests/stand/delivery_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/util.h"
#include "lib/bdb/bdb.h"
#include "lib/log/record.h"

#define DOC "{\"url\":\"https://example.com/\"}"
#define DOC_ORDERS "{\"url\":\"https://example.com/\",\"events\":\"order.*\"}"

#define WAIT_MS 30000 /* for the keeper */

static void
accept_many(int from, int to)
{
	struct waiting w;
	char id[32];

	for (; from <= to; from++) {
		snprintf(id, sizeof(id), "evt_%d", from);
		fx_begin(&w, id, "x");
		if (from % 2 == 0)
			w.item.event.type = span_str("customer.created");
		store_submit(fx.st, &w.item);
		ck_assert_int_eq(fx_end(&w), STORE_ACCEPTED);
	}
}

/* All that is there so far, in closed segments, is older than retention. */
static void
let_it_grow_old(int64_t hold_s)
{
	fx_close();
	fx.opt.retain_s = 0;
	fx.opt.hold_s = hold_s;
	fx.opt.segment_age_s = 0;
	usleep(5000);
	fx_open();
}

static uint64_t
prune(void)
{
	uint64_t dropped;

	ck_assert_msg(
	    store_prune(fx.st, &dropped, &fx.err) == 0, "%s", fx.err.text);
	return dropped;
}

static struct store_hold
hold(uint64_t id)
{
	struct store_hold h;

	ck_assert_msg(
	    store_hold(fx.st, id, &h, &fx.err) == 0, "%s", fx.err.text);
	return h;
}

/* --- holding -------------------------------------------------------------- */

/* What holds the log of 4 events, and what lets go of it. */
static const struct {
	const char *when;
	uint64_t cursor;
	int row; /* state of a row of event 2; 0: none */
	enum store_destination_state state;
	bool held;
	uint64_t needs;
} holds[] = {
	{ "nothing is passed", 1, 0, STORE_DESTINATION_ENABLED, true, 1 },
	{ "some is", 3, 0, STORE_DESTINATION_ENABLED, true, 3 },
	{ "all is", 5, 0, STORE_DESTINATION_ENABLED, false, 0 },
	{ "a failure waits", 5, STORE_DELIVERY_RETRYING,
	    STORE_DESTINATION_ENABLED, true, 2 },
	{ "one is parked", 5, STORE_DELIVERY_PARKED, STORE_DESTINATION_ENABLED,
	    true, 2 },
	{ "a failure waits before what is not passed", 4,
	    STORE_DELIVERY_PENDING, STORE_DESTINATION_ENABLED, true, 2 },
	{ "one is dead", 5, STORE_DELIVERY_DEAD, STORE_DESTINATION_ENABLED,
	    false, 0 },
	{ "paused", 2, 0, STORE_DESTINATION_PAUSED, true, 2 },
	{ "disabled", 2, 0, STORE_DESTINATION_DISABLED, true, 2 },
	{ "removed", 2, 0, STORE_DESTINATION_REMOVED, false, 0 },
};

START_TEST(what_is_needed_outlives_retention)
{
	uint64_t id = fx_destination("crm", DOC, 1);
	struct store_delivery d = fx_row(id, 2, STORE_DELIVERY_PENDING);
	struct store_hold h;

	fx_added("orders", NULL);
	accept_many(1, 4);
	fx_report_cursor(id, holds[_i].cursor);
	d.state = (enum store_delivery_state)holds[_i].row;
	if (holds[_i].row != 0)
		fx_report_row(&d);
	fx_set_state(id, holds[_i].state);
	h = hold(id);
	ck_assert_msg(h.seq == holds[_i].needs, "%s", holds[_i].when);
	ck_assert(h.bytes == 0); /* retention would not touch it yet */
	ck_assert(h.seq == 0 || h.since_ms > 0);
	let_it_grow_old(1000);
	prune();
	ck_assert_msg(
	    (fx_events() == 4) == holds[_i].held, "%s", holds[_i].when);
	h = hold(id);
	ck_assert_msg((h.bytes > 0) == holds[_i].held, "%s", holds[_i].when);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

/* --- expiring ------------------------------------------------------------- */

START_TEST(what_is_held_too_long_becomes_a_dead_letter)
{
	uint64_t id = fx_destination("crm", DOC_ORDERS, 1),
		 other = fx_destination("other", DOC, 1);
	struct store_delivery d = fx_row(id, 1, STORE_DELIVERY_RETRYING);
	struct store_delivery_counts n;
	uint64_t touched;

	fx_added("orders", NULL);
	accept_many(1, 6);
	fx_report_row(&d);
	d.seq = 3;
	d.state = STORE_DELIVERY_PARKED;
	fx_report_row(&d);
	fx_report_cursor(id, 4);
	fx_report_cursor(other, 7);
	let_it_grow_old(0);
	touched = store_rows_touched(fx.st, id);
	prune();
	ck_assert_uint_eq(fx_cursor(id), 7);
	ck_assert_uint_gt(store_rows_touched(fx.st, id), touched);
	/* With retain_s 0, dead ones are too old at once; see below. */
	ck_assert_int_eq(store_delivery_count(fx.st, 0, &n, &fx.err), 0);
	ck_assert_uint_eq(n.pending + n.retrying + n.parked, 0);
}
END_TEST

/* Bytes, not age, are what these segments have too many of. */
static void
make_it_too_much(int64_t hold_s)
{
	fx_close();
	fx.opt.retain_bytes = 0;
	fx.opt.hold_s = hold_s;
	fx.opt.segment_age_s = 0;
	usleep(5000);
	fx_open();
	/* It closes the segment. */
	fx_accept("last", "x");
}

/*
 * What was accepted behind it may be gone as well: eyelet's own events begin a
 * segment each, and the keeper moves them when it gets to it.
 */
static uint64_t
oldest_seq(void)
{
	struct store_status status;

	ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
	return status.events == 0 ? UINT64_MAX : status.oldest_seq;
}

START_TEST(what_expires_says_so)
{
	uint64_t id = fx_destination("crm", DOC_ORDERS, 1);
	struct store_delivery d = fx_row(id, 1, STORE_DELIVERY_RETRYING);
	struct buf scratch = BUF_INIT(65536);
	bool found;

	fx_added("orders", NULL);
	accept_many(1, 8);
	fx_report_row(&d);
	d.seq = 3;
	d.state = STORE_DELIVERY_DEAD;
	d.reason = span_str(DELIVERY_EXHAUSTED);
	d.last_ms = store_now_ms(fx.st);
	fx_report_row(&d);
	d.seq = 5; /* by replay, before the cursor came there */
	fx_report_row(&d);
	fx_report_cursor(id, 4);
	make_it_too_much(0);
	d = fx_row(id, 9, STORE_DELIVERY_RETRYING); /* in the next segment */
	fx_report_row(&d);
	prune();
	ck_assert_int_eq(fx_state(id, 9), STORE_DELIVERY_RETRYING);
	ck_assert_int_eq(fx_state(id, 1), STORE_DELIVERY_DEAD);
	ck_assert_str_eq(fx_reason, DELIVERY_EXPIRED);
	ck_assert_int_eq(fx_state(id, 3), STORE_DELIVERY_DEAD);
	ck_assert_str_eq(fx_reason, DELIVERY_EXHAUSTED);
	ck_assert_int_eq(fx_state(id, 4), 0); /* not of a type it wants */
	ck_assert_int_eq(fx_state(id, 5), STORE_DELIVERY_DEAD);
	ck_assert_str_eq(fx_reason, DELIVERY_EXHAUSTED);
	ck_assert_int_eq(fx_state(id, 6), 0);
	ck_assert_int_eq(fx_state(id, 7), STORE_DELIVERY_DEAD);
	ck_assert_str_eq(fx_reason, DELIVERY_EXPIRED);
	ck_assert_int_eq(
	    store_delivery(fx.st, NULL, id, 7, &d, &scratch, &found, &fx.err),
	    0);
	ck_assert(span_is(d.id, "evt_7") && span_is(d.type, "order.created"));
	ck_assert(d.endpoint_id == fx.endpoint_id && d.stamp > 0);
	ck_assert_int_ge(d.last_ms, d.since_ms);
	/* What was under way may end as it likes: the row has a new life. */
	fx_report_done(id, 1, 0);
	ck_assert_int_eq(fx_state(id, 1), STORE_DELIVERY_DEAD);
	/* And nothing can wait for what is gone. */
	d = fx_row(id, 4, STORE_DELIVERY_RETRYING);
	fx_report_row(&d);
	ck_assert_int_eq(fx_state(id, 4), STORE_DELIVERY_DEAD);
	ck_assert_str_eq(fx_reason, DELIVERY_EXPIRED);
	ck_assert_uint_eq(fx_problems(), 0);
	buf_free(&scratch);
}
END_TEST

START_TEST(near_the_floor_nothing_is_held)
{
	uint64_t id = fx_destination("crm", DOC, 1);
	struct store_status status;

	fx_added("orders", NULL);
	accept_many(1, 4);
	make_it_too_much(100000);
	prune();
	ck_assert_uint_eq(fx_events(), 5);
	ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
	/* Above the floor, and not by much. */
	fx.opt.floor = status.bytes_free / 4 * 3;
	fx_close();
	fx_open();
	prune();
	ck_assert_uint_gt(oldest_seq(), 4);
	ck_assert_int_eq(fx_state(id, 1), STORE_DELIVERY_DEAD);
	ck_assert_str_eq(fx_reason, DELIVERY_EXPIRED);
}
END_TEST

START_TEST(many_expire_bit_by_bit)
{
	uint64_t id = fx_destination("crm", DOC_ORDERS, 1);
	struct store_delivery_counts n;

	fx_added("orders", NULL);
	accept_many(1, 3000);
	make_it_too_much(0);
	prune();
	ck_assert_uint_gt(oldest_seq(), 3000);
	ck_assert_int_eq(store_delivery_count(fx.st, id, &n, &fx.err), 0);
	/* And the one that closed the segment, where it is gone as well. */
	ck_assert(n.dead == 1500 || n.dead == 1501);
	ck_assert_uint_ge(fx_cursor(id), 3001);
}
END_TEST

/* --- removing ------------------------------------------------------------- */

static void
wait_until_settled(uint64_t id, uint64_t dead)
{
	struct store_delivery_counts n;
	int64_t ms;

	for (ms = 0;; ms += 10) {
		ck_assert_int_eq(
		    store_delivery_count(fx.st, id, &n, &fx.err), 0);
		if (n.dead == dead && n.pending + n.retrying + n.parked == 0)
			return;
		ck_assert_msg(
		    ms < WAIT_MS, "%llu are dead", (unsigned long long)n.dead);
		usleep(10000);
	}
}

START_TEST(removing_a_destination_ends_what_is_pending)
{
	uint64_t id = fx_destination("crm", DOC_ORDERS, 1), seq;
	struct store_delivery d = fx_row(id, 1, STORE_DELIVERY_RETRYING);
	bool found = true;
	int i;

	fx_added("orders", NULL);
	accept_many(1, 2400);
	fx_report_row(&d);
	d.seq = 2; /* by replay: not of a type that it would get */
	fx_operate(&d);
	fx_report_cursor(id, 3);
	fx_set_state(id, STORE_DESTINATION_REMOVED);
	/* What comes later is not its any more. */
	ck_assert_int_eq(fx_accept("later", "x"), STORE_ACCEPTED);
	if (_i == 1) { /* and it goes on where it was when the store opens */
		fx_close();
		fx_open();
	}
	wait_until_settled(id, 1201);
	ck_assert_int_eq(fx_state(id, 1), STORE_DELIVERY_DEAD);
	ck_assert_str_eq(fx_reason, DELIVERY_REMOVED);
	ck_assert_int_eq(fx_state(id, 2399), STORE_DELIVERY_DEAD);
	ck_assert_str_eq(fx_reason, DELIVERY_REMOVED);
	ck_assert_int_eq(fx_state(id, 2401), 0);
	/* It is done with: nothing is left that a restart would look at. */
	for (i = 0; i < WAIT_MS && found; i += 10) {
		ck_assert_int_eq(
		    store_cursor(fx.st, id, &seq, &found, &fx.err), 0);
		usleep(10000);
	}
	ck_assert(!found);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

static int
remove_endpoint(
    struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	(void)arg;
	(void)result;
	return store_tx_endpoint_removed(tx, fx.endpoint_id, e) < 0
		   ? -1
		   : store_tx_audit(tx, "endpoint.remove", "x", SPAN_EMPTY, e);
}

START_TEST(removing_an_endpoint_ends_what_is_pending_of_it)
{
	uint64_t id = fx_destination("crm", DOC, 1),
		 other = fx_destination("other", DOC, 1), touched;
	struct store_delivery d = fx_row(id, 1, STORE_DELIVERY_RETRYING);

	fx_added("orders", NULL);
	accept_many(1, 3);
	d.endpoint_id = fx.endpoint_id;
	fx_report_row(&d);
	d.destination_id = other;
	d.state = STORE_DELIVERY_DEAD;
	d.reason = span_str(DELIVERY_EXHAUSTED);
	fx_report_row(&d);
	d.seq = 2;
	d.state = STORE_DELIVERY_PARKED;
	fx_report_row(&d);
	d.seq = 3;
	d.endpoint_id = STORE_SELF;
	fx_report_row(&d);
	touched = store_rows_touched(fx.st, id);
	fx_change(NULL, remove_endpoint, NULL, NULL);
	ck_assert_uint_gt(store_rows_touched(fx.st, id), touched);
	ck_assert_int_eq(fx_state(id, 1), STORE_DELIVERY_DEAD);
	ck_assert_str_eq(fx_reason, DELIVERY_REMOVED);
	ck_assert_int_eq(fx_state(other, 1), STORE_DELIVERY_DEAD);
	ck_assert_str_eq(fx_reason, DELIVERY_EXHAUSTED);
	ck_assert_int_eq(fx_state(other, 2), STORE_DELIVERY_DEAD);
	ck_assert_str_eq(fx_reason, DELIVERY_REMOVED);
	ck_assert_int_eq(fx_state(other, 3), STORE_DELIVERY_PARKED);
}
END_TEST

#define MANY 12000 /* rows, of two destinations */

/* Rows that wait for an operator, as many replays would leave them. */
static void
park_many(uint64_t id)
{
	static struct store_report_item items[MANY / 4];
	struct store_report report = { .items = items,
		.nitems = NITEMS(items) };
	size_t i, half;

	for (half = 0; half < 2; half++) {
		for (i = 0; i < NITEMS(items); i++) {
			items[i].kind = STORE_REPORT_ROW;
			items[i].delivery =
			    fx_row(id, half * NITEMS(items) + i + 1,
				STORE_DELIVERY_PARKED);
		}
		ck_assert_msg(store_report(fx.st, &report, &fx.err) == 0, "%s",
		    fx.err.text);
	}
}

static int
count_dead(void *arg, const struct store_delivery *d, struct err *e)
{
	uint64_t *n = arg;

	(void)e;
	*n += d->state == STORE_DELIVERY_DEAD;
	return 0;
}

static int
remove_and_count(
    struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	return remove_endpoint(tx, NULL, result, e) < 0
		   ? -1
		   : store_deliveries(fx.st, tx, 0, 0, count_dead, arg, e);
}

/* So that accepting goes on meanwhile; 1: and over a restart. */
START_TEST(removing_an_endpoint_ends_many_bit_by_bit)
{
	uint64_t id = fx_destination("crm", DOC, 1),
		 other = fx_destination("other", DOC, 1), at_once = 0, dead = 0;
	int i;

	fx_added("orders", NULL);
	accept_many(1, 1);
	park_many(id);
	park_many(other);
	fx_change(NULL, remove_and_count, &at_once, NULL);
	ck_assert_uint_gt(at_once, 0);
	ck_assert_uint_lt(at_once, MANY / 4);
	if (_i == 1) {
		fx_close();
		fx_open();
	}
	for (i = 0; i < WAIT_MS && dead < MANY; i += 50) {
		usleep(50000);
		dead = 0;
		ck_assert_int_eq(store_deliveries(fx.st, NULL, 0, 0, count_dead,
				     &dead, &fx.err),
		    0);
	}
	ck_assert_uint_eq(dead, MANY);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

/* --- dead rows ------------------------------------------------------------ */

START_TEST(dead_letters_have_a_limit)
{
	uint64_t id = fx_destination("crm", DOC, 1), seq = 0;
	const uint64_t all = STORE_DEAD_MAX + 700;
	struct store_report r = { .nitems = 0 };
	struct store_report_item *items;
	struct store_delivery_counts n;

	items = calloc(STORE_REPORT_ITEMS_MAX, sizeof(*items));
	ck_assert_ptr_nonnull(items);
	r.items = items;
	while (seq < all) {
		for (r.nitems = 0;
		     r.nitems < STORE_REPORT_ITEMS_MAX && seq < all;
		     r.nitems++) {
			items[r.nitems].kind = STORE_REPORT_ROW;
			items[r.nitems].delivery =
			    fx_row(id, ++seq, STORE_DELIVERY_DEAD);
			items[r.nitems].delivery.last_ms = store_now_ms(fx.st);
		}
		ck_assert_int_eq(store_report(fx.st, &r, &fx.err), 0);
	}
	free(items);
	prune();
	ck_assert_int_eq(store_delivery_count(fx.st, id, &n, &fx.err), 0);
	ck_assert_uint_eq(n.dead, STORE_DEAD_MAX);
	ck_assert_int_eq(fx_state(id, 700), 0);
	ck_assert_int_eq(fx_state(id, 701), STORE_DELIVERY_DEAD);
}
END_TEST

/* Puts a row that the store itself never would, and takes a cursor away. */
static void
spoil(uint64_t id, uint64_t unknown)
{
	char home[128];
	struct bdb_options opt = { .home = home, .cache = 1 << 20 };
	struct store_delivery d = { .state = STORE_DELIVERY_PENDING };
	struct buf row = BUF_INIT(4096);
	struct bdb_table *rows, *cursors;
	unsigned char key[16] = { 0 };
	struct bdb_txn *txn;
	struct bdb *db;
	bool found;

	snprintf(home, sizeof(home), "%s/db", fx.dir);
	ck_assert_int_eq(bdb_open(&opt, &db, &fx.err), 0);
	ck_assert_int_eq(
	    bdb_table_open(db, NULL, "deliveries", 0, false, &rows, &fx.err),
	    0);
	ck_assert_int_eq(
	    bdb_table_open(db, NULL, "cursors", 0, false, &cursors, &fx.err),
	    0);
	ck_assert_int_eq(record_put_delivery(&d, &row, &fx.err), 0);
	ck_assert_int_eq(bdb_begin(db, &txn, &fx.err), 0);
	be64_put(key, id);
	ck_assert_int_eq(bdb_put(rows, txn, span_of(key, sizeof(key)),
			     buf_span(&row), &fx.err),
	    0);
	ck_assert_int_eq(
	    bdb_delete(cursors, txn, span_of(key, 8), &found, &fx.err), 0);
	be64_put(key, unknown);
	ck_assert_int_eq(bdb_put(rows, txn, span_of(key, sizeof(key)),
			     buf_span(&row), &fx.err),
	    0);
	ck_assert_int_eq(bdb_commit(txn, &fx.err), 0);
	bdb_table_close(rows);
	bdb_table_close(cursors);
	ck_assert_int_eq(bdb_checkpoint(db, &fx.err), 0);
	bdb_close(db);
	buf_free(&row);
}

START_TEST(a_check_finds_what_cannot_be_delivered)
{
	uint64_t id = fx_destination("crm", DOC, 1);
	struct store_delivery d = fx_row(id, 2, STORE_DELIVERY_PENDING);

	fx_added("orders", NULL);
	accept_many(1, 2);
	fx_report_row(&d);
	ck_assert_uint_eq(fx_problems(), 0);
	fx_close();
	spoil(id, 99);
	fx_open();
	ck_assert_uint_eq(fx_problems(), 3);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_hold");
	TCase *tc = tcase_create("store_hold");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_loop_test(
	    tc, what_is_needed_outlives_retention, 0, (int)NITEMS(holds));
	tcase_add_test(tc, what_is_held_too_long_becomes_a_dead_letter);
	tcase_add_test(tc, what_expires_says_so);
	tcase_add_test(tc, near_the_floor_nothing_is_held);
	tcase_add_test(tc, many_expire_bit_by_bit);
	tcase_add_loop_test(
	    tc, removing_a_destination_ends_what_is_pending, 0, 2);
	tcase_add_test(tc, removing_an_endpoint_ends_what_is_pending_of_it);
	tcase_add_loop_test(
	    tc, removing_an_endpoint_ends_many_bit_by_bit, 0, 2);
	tcase_add_test(tc, dead_letters_have_a_limit);
	tcase_add_test(tc, a_check_finds_what_cannot_be_delivered);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
