/*
 * test_store_deliverer.c: does a process deliver, and what waits for it? As a
 * store tells it, without a deliverer but with its lock.
 */
#include "lib/store/deliverer.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/util.h"
#include "lib/model/deliver_lock.h"
#include "tests/stand/delivery_fixture.h"

#define DOC "{\"url\":\"https://example.com/\"}"
#define OTHERS "{\"url\":\"https://example.com/\",\"endpoints\":\"others\"}"

static void
setup(void)
{
	fx_setup();
	fx_added("orders", NULL);
}

/* --- does a process deliver? ---------------------------------------------- */

START_TEST(the_lock_tells)
{
	struct store_deliverer dl;
	int fd;

	store_deliverer_look(fx.st, &dl);
	ck_assert_int_eq(dl.state, STORE_DELIVERER_NONE);
	ck_assert_int_eq(dl.pid, 0);
	ck_assert_int_eq(dl.ran_ms, 0);
	fd = deliver_lock(fx.dir, true, &fx.err);
	ck_assert_int_ge(fd, 0);
	/* The lock was not looked at since. */
	store_deliverer(fx.st, &dl);
	ck_assert_int_eq(dl.state, STORE_DELIVERER_NONE);
	store_deliverer_look(fx.st, &dl);
	ck_assert_int_eq(dl.state, STORE_DELIVERER_RUNS);
	ck_assert_int_eq(dl.pid, getpid());
	ck_assert(dl.once);
	deliver_unlock(fd);
	store_deliverer_look(fx.st, &dl);
	ck_assert_int_eq(dl.state, STORE_DELIVERER_NONE);
	ck_assert_int_gt(dl.ran_ms, 0);
	ck_assert(dl.once);
}
END_TEST

START_TEST(a_call_is_remembered)
{
	ck_assert_int_eq(store_deliverer_called_age_ms(fx.st), 0);
	usleep(2000); /* of the store's age, which begins at 0 */
	store_deliverer_called(fx.st);
	ck_assert_int_gt(store_deliverer_called_age_ms(fx.st), 0);
}
END_TEST

#define NONE STORE_DELIVERER_NONE
#define RUNS STORE_DELIVERER_RUNS
#define SILENT STORE_DELIVERER_SILENT
#define UNKNOWN STORE_DELIVERER_UNKNOWN

static const struct {
	const char *when;
	struct store_deliverer dl;
	bool lacks;
	const char *words; /* among those said; "": nothing is */
} cases[] = {
	{ "a store without a configuration", { .state = NONE }, false, "" },
	{ "none, a service", { .state = NONE, .mode = STORE_DELIVER_SERVICE },
	    true, "systemctl start eyelet-deliver" },
	{ "none, a child", { .state = NONE, .mode = STORE_DELIVER_CHILD }, true,
	    "the next request of a web server" },
	{ "none, off", { .state = NONE, .mode = STORE_DELIVER_OFF }, false,
	    "deliver.mode is off" },
	{ "one that works", { .state = RUNS, .mode = STORE_DELIVER_SERVICE },
	    false, "" },
	{ "a lock that cannot be looked at",
	    { .state = UNKNOWN, .mode = STORE_DELIVER_SERVICE }, false, "" },
	{ "one that hangs",
	    { .state = SILENT,
		.mode = STORE_DELIVER_SERVICE,
		.pid = 4711,
		.silent_ms = 90000 },
	    true, "kill -CONT 4711" },
	{ "one of cron was here",
	    { .state = NONE,
		.mode = STORE_DELIVER_SERVICE,
		.once = true,
		.ran_ago_ms = 599999,
		.missing_s = 600 },
	    true, "" },
	{ "one of cron was here long ago",
	    { .state = NONE,
		.mode = STORE_DELIVER_SERVICE,
		.once = true,
		.ran_ago_ms = 600000,
		.missing_s = 600 },
	    true, "no eyelet-deliver runs" },
};

START_TEST(what_lacks_is_said_with_its_cure)
{
	const char *words = cases[_i].words;
	char said[STORE_DELIVERER_WORDS_MAX];

	ck_assert_msg(store_deliverer_lacks(&cases[_i].dl) == cases[_i].lacks,
	    "%s", cases[_i].when);
	store_deliverer_words(&cases[_i].dl, said);
	ck_assert_msg(
	    words[0] == '\0' ? said[0] == '\0' : strstr(said, words) != NULL,
	    "%s: %s", cases[_i].when, said);
}
END_TEST

/* --- what waits ----------------------------------------------------------- */

/* The seq that waits for the destination, 0: none; is it sure? */
static uint64_t
waits(uint64_t id, bool sure)
{
	struct buf doc = BUF_INIT(DESTINATION_DOC_MAX);
	struct store_destination d;
	struct store_waiting w;
	bool found;

	ck_assert_int_eq(
	    store_destination_by_id(fx.st, NULL, id, &d, &doc, &found, &fx.err),
	    0);
	ck_assert(found);
	ck_assert_msg(
	    store_waiting(fx.st, &d, &w, &fx.err) == 0, "%s", fx.err.text);
	ck_assert_int_eq(w.sure, sure);
	ck_assert_int_eq(w.since_ms != 0, w.seq != 0);
	buf_free(&doc);
	return w.seq;
}

START_TEST(the_oldest_event_waits)
{
	uint64_t all = fx_destination("all", DOC, 1);
	uint64_t others = fx_destination("others", OTHERS, 1);
	uint64_t later = fx_destination("later", DOC, 2);

	ck_assert_uint_eq(waits(all, true), 0);
	fx_accept("evt_1", "x");
	fx_accept("evt_2", "x");
	ck_assert_uint_eq(waits(all, true), 1);
	ck_assert_uint_eq(waits(later, true), 2);
	ck_assert_uint_eq(waits(others, true), 0);
	fx_report_cursor(all, 3);
	ck_assert_uint_eq(waits(all, true), 0);
}
END_TEST

static const struct {
	enum store_delivery_state state;
	uint64_t waits;
} rows[] = {
	{ STORE_DELIVERY_PENDING, 1 },
	{ STORE_DELIVERY_RETRYING, 1 },
	{ STORE_DELIVERY_PARKED, 0 },
	{ STORE_DELIVERY_DEAD, 0 },
};

START_TEST(a_row_waits_where_it_is_to_be_tried)
{
	uint64_t id = fx_destination("crm", DOC, 1);
	struct store_delivery d = fx_row(id, 1, rows[_i].state);

	fx_accept("evt_1", "x");
	d.since_ms = 1;
	d.reason = span_str("x");
	fx_report_row(&d);
	fx_report_cursor(id, 2);
	ck_assert_uint_eq(waits(id, true), rows[_i].waits);
}
END_TEST

START_TEST(the_longest_wait_is_of_an_enabled_one)
{
	uint64_t first = fx_destination("first", DOC, 1), id;
	struct store_waiting w;
	bool some;

	fx_accept("evt_1", "x");
	fx_accept("evt_2", "x");
	id = fx_destination("second", DOC, 2);
	ck_assert_int_eq(store_waiting_longest(fx.st, &w, &some, &fx.err), 0);
	ck_assert(some);
	ck_assert_uint_eq(w.seq, 1);
	fx_set_state(first, STORE_DESTINATION_PAUSED);
	ck_assert_int_eq(store_waiting_longest(fx.st, &w, &some, &fx.err), 0);
	ck_assert(some);
	ck_assert_uint_eq(w.seq, 2);
	fx_set_state(id, STORE_DESTINATION_REMOVED);
	ck_assert_int_eq(store_waiting_longest(fx.st, &w, &some, &fx.err), 0);
	ck_assert(!some);
	ck_assert_uint_eq(w.seq, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store deliverer");
	TCase *tc = tcase_create("deliverer");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, fx_teardown);
	tcase_add_test(tc, the_lock_tells);
	tcase_add_test(tc, a_call_is_remembered);
	tcase_add_loop_test(
	    tc, what_lacks_is_said_with_its_cure, 0, NITEMS(cases));
	tcase_add_test(tc, the_oldest_event_waits);
	tcase_add_loop_test(
	    tc, a_row_waits_where_it_is_to_be_tried, 0, NITEMS(rows));
	tcase_add_test(tc, the_longest_wait_is_of_an_enabled_one);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
