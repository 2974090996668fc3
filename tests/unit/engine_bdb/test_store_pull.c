/*
 * test_store_pull.c: named places of readers that fetch: they move forward
 * alone, outlive the owner, and what they did not acknowledge outlives
 * retention for a while.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/store/delivery.h"
#include "tests/stand/store_fixture.h"

struct making {
	const char *name;
	uint64_t seq;
	enum err_code want;
};

static int
make(struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	struct making *mk = arg;
	struct store_pull p = { .seq = mk->seq,
		.endpoint = span_str("shop"),
		.types = span_str("order.*,!order.draft") };

	(void)result;
	snprintf(p.name, sizeof(p.name), "%s", mk->name);
	if (store_tx_pull(tx, &p, e) < 0) {
		ck_assert_int_eq(e->code, mk->want);
		return store_tx_audit(tx, "x", mk->name, SPAN_EMPTY, e);
	}
	ck_assert_int_eq(mk->want, ERR_NONE);
	mk->seq = p.seq;
	return store_tx_audit(tx, "x", mk->name, SPAN_EMPTY, e);
}

static uint64_t
add_pull(const char *name, uint64_t seq)
{
	struct making mk = { name, seq, ERR_NONE };

	fx_change(NULL, make, &mk, NULL);
	return mk.seq;
}

/* Where it stands; 0: there is none. */
static uint64_t
place_of(const char *name)
{
	struct buf scratch = BUF_INIT(65536);
	struct store_pull p;
	bool found;

	ck_assert_msg(
	    store_pull(fx.st, NULL, name, &p, &scratch, &found, &fx.err) == 0,
	    "%s", fx.err.text);
	if (found) {
		ck_assert_str_eq(p.name, name);
		ck_assert(span_is(p.endpoint, "shop"));
		ck_assert(span_is(p.types, "order.*,!order.draft"));
	}
	buf_free(&scratch);
	return found ? p.seq : 0;
}

static uint64_t
move(const char *name, uint64_t seq)
{
	ck_assert_msg(store_pull_move(fx.st, name, &seq, &fx.err) == 0, "%s",
	    fx.err.text);
	return seq;
}

static void
accept_some(int from, int to)
{
	char id[32];

	for (; from <= to; from++) {
		snprintf(id, sizeof(id), "evt_%d", from);
		ck_assert_int_eq(fx_accept(id, "x"), STORE_ACCEPTED);
	}
}

START_TEST(places_move_forward_alone)
{
	uint64_t seq = 9;

	fx_added("orders", NULL);
	accept_some(1, 4);
	ck_assert_uint_eq(add_pull("a", 2), 2);
	ck_assert_uint_eq(add_pull("b", 0), 5); /* behind the newest */
	ck_assert_uint_eq(move("a", 3), 3);
	ck_assert_uint_eq(move("a", 2), 3);
	ck_assert_uint_eq(place_of("a"), 3);
	ck_assert_uint_eq(place_of("b"), 5);
	ck_assert_uint_eq(place_of("c"), 0);
	ck_assert_int_eq(store_pull_move(fx.st, "c", &seq, &fx.err), -1);
	ck_assert_int_eq(fx.err.code, ERR_NOTFOUND);
	fx_close();
	fx_open();
	ck_assert_uint_eq(place_of("a"), 3);
	ck_assert_uint_eq(place_of("b"), 5);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

START_TEST(a_name_is_one_place)
{
	struct making again = { "a", 1, ERR_EXISTS };

	add_pull("a", 1);
	fx_change(NULL, make, &again, NULL);
}
END_TEST

struct names {
	char text[256];
	size_t n;
};

static int
note_name(void *arg, const struct store_pull *p, struct err *err)
{
	struct names *nm = arg;

	(void)err;
	nm->n++;
	if (strlen(nm->text) < 200)
		strcat(strcat(nm->text, p->name), " ");
	return 0;
}

static int
drop(struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	bool found;

	(void)result;
	ck_assert_int_eq(store_tx_pull_remove(tx, arg, &found, e), 0);
	ck_assert(found);
	return store_tx_audit(tx, "x", arg, SPAN_EMPTY, e);
}

START_TEST(they_are_listed_by_name)
{
	struct names nm = { "", 0 };
	char name[] = "b";

	add_pull("c", 1);
	add_pull("a", 1);
	add_pull("b", 1);
	ck_assert_int_eq(store_pulls(fx.st, NULL, note_name, &nm, &fx.err), 0);
	ck_assert_str_eq(nm.text, "a b c ");
	fx_change(NULL, drop, name, NULL);
	nm = (struct names){ "", 0 };
	ck_assert_int_eq(store_pulls(fx.st, NULL, note_name, &nm, &fx.err), 0);
	ck_assert_str_eq(nm.text, "a c ");
	ck_assert_uint_eq(place_of("b"), 0);
}
END_TEST

static int
make_many(struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	struct store_pull p = { .seq = 1 };
	int i;

	(void)arg;
	(void)result;
	for (i = 0; i < STORE_PULLS_MAX; i++) {
		snprintf(p.name, sizeof(p.name), "n%d", i);
		if (store_tx_pull(tx, &p, e) < 0)
			return -1;
	}
	return store_tx_audit(tx, "x", "many", SPAN_EMPTY, e);
}

START_TEST(there_is_a_limit)
{
	struct making more = { "more", 1, ERR_LIMIT };

	fx_change(NULL, make_many, NULL, NULL);
	fx_change(NULL, make, &more, NULL);
}
END_TEST

/* --- holding -------------------------------------------------------------- */

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

static struct store_hold
hold_of(const char *name)
{
	struct buf scratch = BUF_INIT(65536);
	struct store_pull p;
	struct store_hold h;
	bool found;

	ck_assert_int_eq(
	    store_pull(fx.st, NULL, name, &p, &scratch, &found, &fx.err), 0);
	ck_assert(found);
	ck_assert_int_eq(store_pull_hold(fx.st, &p, &h, &fx.err), 0);
	buf_free(&scratch);
	return h;
}

static void
prune(void)
{
	uint64_t dropped;

	ck_assert_msg(
	    store_prune(fx.st, &dropped, &fx.err) == 0, "%s", fx.err.text);
}

START_TEST(what_is_not_acknowledged_outlives_retention)
{
	struct store_hold h;

	fx_added("orders", NULL);
	accept_some(1, 4);
	add_pull("a", 2);
	let_it_grow_old(1000);
	prune();
	ck_assert_uint_eq(fx_events(), 4);
	h = hold_of("a");
	ck_assert_uint_eq(h.seq, 2);
	ck_assert_uint_gt(h.bytes, 0);
	ck_assert_int_gt(h.since_ms, 0);
	move("a", 4);
	prune();
	ck_assert_uint_eq(fx_events(), 4); /* a whole segment, or nothing */
	move("a", 5);
	prune();
	ck_assert_uint_eq(fx_events(), 0);
	h = hold_of("a");
	ck_assert_uint_eq(h.seq, 0);
	ck_assert_uint_eq(h.bytes, 0);
}
END_TEST

START_TEST(nothing_is_held_for_ever)
{
	fx_added("orders", NULL);
	accept_some(1, 4);
	add_pull("a", 2);
	let_it_grow_old(0);
	prune();
	ck_assert_uint_eq(fx_events(), 0);
	ck_assert_uint_eq(place_of("a"), 2);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_pull");
	TCase *tc = tcase_create("pull queues");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_test(tc, places_move_forward_alone);
	tcase_add_test(tc, a_name_is_one_place);
	tcase_add_test(tc, they_are_listed_by_name);
	tcase_add_test(tc, there_is_a_limit);
	tcase_add_test(tc, what_is_not_acknowledged_outlives_retention);
	tcase_add_test(tc, nothing_is_held_for_ever);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
