/* test_watch.c: what the watch finds in a store, and says once. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/engine_bdb/impl.h"
#include "lib/store/held.h"
#include "lib/watch/watch.h"
#include "tests/stand/delivery_fixture.h"
#include "tests/stand/notice_fixture.h"

#define MIN_MS (60 * INT64_C(1000))
#define HOUR_MS (60 * MIN_MS)
#define DAY_MS (24 * HOUR_MS)

static struct scheme_set *schemes;
static struct watch *wt;

static struct scheme_set *
hold_schemes(void *arg)
{
	(void)arg;
	return scheme_set_hold(schemes);
}

static void
watch_for(int64_t hold_s, int64_t retain_s)
{
	struct watch_options opt;

	watch_options_init(&opt);
	opt.look_ms = 0;
	opt.hold_s = hold_s;
	opt.retain_s = retain_s;
	ck_assert_int_eq(watch_open(fx.st, hold_schemes, NULL, &opt, NULL, NULL,
			     &wt, &fx.err),
	    0);
}

static void
watch(void)
{
	watch_for(30 * 86400, 30 * 86400);
}

static void
setup(void)
{
	const char *top = getenv("top_srcdir"), *dirs[1];
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/conf/schemes", top == NULL ? ".." : top);
	dirs[0] = dir;
	fx_setup();
	ck_assert_int_eq(
	    scheme_set_load(dirs, 1, NULL, NULL, &schemes, &fx.err), 0);
	ck_assert_ptr_nonnull(scheme_set_find(schemes, "github"));
	watch();
}

static void
teardown(void)
{
	watch_close(wt);
	nt_forget();
	scheme_set_free(schemes);
	fx_teardown();
}

static void
restart(void)
{
	watch_close(wt);
	fx_close();
	fx_open();
	watch();
}

/* Looks, and says how many of eyelet's own events there are. */
static size_t
look(void)
{
	ck_assert_msg(watch_look(wt, &fx.err) == 0, "%s", fx.err.text);
	return nt_listen();
}

/* Is a time of the first word what was noted, or what a busy machine adds? */
static bool
is_near(const char *member, int64_t ms)
{
	int64_t at;

	ck_assert_int_eq(
	    text_to_time_ms(span_str(nt_text(0, member)), &at, &fx.err), 0);
	return at - ms > -MIN_MS && at - ms < MIN_MS;
}

static void
expect_last(const char *type)
{
	ck_assert_uint_gt(nt_heard.n, 0);
	ck_assert_str_eq(nt_type(nt_heard.n - 1), type);
}

/* --- endpoints ------------------------------------------------------------ */

struct putting {
	uint64_t id; /* 0: a new one */
	const char *name, *doc;
	enum store_endpoint_state state;
};

static int
put_endpoint(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct putting *p = arg;
	struct store_endpoint ep = { .id = p->id, .state = p->state };

	(void)result;
	snprintf(ep.name, sizeof(ep.name), "%s", p->name);
	ep.doc = span_str(p->doc);
	if (store_tx_endpoint(tx, &ep, err) < 0)
		return -1;
	p->id = ep.id;
	return store_tx_audit(tx, "test", p->name, SPAN_EMPTY, err);
}

#define HOURLY "{\"scheme\":\"nomos\",\"expect_every\":3600}"
#define PLAIN "{\"scheme\":\"nomos\"}"

static uint64_t
endpoint(const char *name, const char *doc)
{
	struct putting p = { 0, name, doc, STORE_ENDPOINT_ENABLED };

	fx_change(NULL, put_endpoint, &p, NULL);
	return p.id;
}

static void
change(uint64_t id, const char *name, const char *doc,
    enum store_endpoint_state state)
{
	struct putting p = { id, name, doc, state };

	fx_change(NULL, put_endpoint, &p, NULL);
}

START_TEST(silence_is_said_once_and_its_end)
{
	uint64_t id = endpoint("shop", HOURLY);

	endpoint("quiet", PLAIN);
	ck_assert_uint_eq(look(), 0);
	store_count(fx.st, id, STORE_COUNT_ACCEPTED);
	nt_pass(50 * MIN_MS);
	ck_assert_uint_eq(look(), 0);
	nt_pass(50 * MIN_MS); /* since it was made more than an hour */
	ck_assert_uint_eq(look(), 0);
	nt_pass(11 * MIN_MS);
	ck_assert_uint_eq(look(), 1);
	expect_last(NOTICE_SILENT);
	ck_assert_str_eq(nt_text(0, "endpoint"), "shop");
	ck_assert_int_eq(nt_number(0, "expect_every"), 3600);
	ck_assert_ptr_nonnull(strstr(nt_text(0, "why"), "1h 1m"));
	ck_assert_str_eq(nt_text(0, "since"), nt_text(0, "heard_at"));
	ck_assert_ptr_nonnull(nt_text(0, "do"));
	nt_pass(DAY_MS);
	ck_assert_uint_eq(look(), 1);
	restart();
	ck_assert_uint_eq(look(), 1);
	/* What does not verify is no sign of life. */
	store_count(fx.st, id, STORE_COUNT_REFUSED);
	store_count(fx.st, id, STORE_COUNT_FAILED);
	nt_pass(1);
	ck_assert_uint_eq(look(), 1);
	store_count(fx.st, id, STORE_COUNT_IGNORED);
	nt_pass(1);
	ck_assert_uint_eq(look(), 2);
	expect_last(NOTICE_HEARD);
	ck_assert_str_eq(nt_text(1, "endpoint"), "shop");
	ck_assert_str_eq(nt_text(1, "heard_before"), nt_text(0, "heard_at"));
	ck_assert_uint_eq(look(), 2);
	/* And again. */
	nt_pass(2 * HOUR_MS);
	ck_assert_uint_eq(look(), 3);
	expect_last(NOTICE_SILENT);
}
END_TEST

START_TEST(a_restart_knows_when_it_was_heard)
{
	uint64_t id = endpoint("shop", HOURLY);

	ck_assert_uint_eq(look(), 0);
	nt_pass(50 * MIN_MS);
	store_count(fx.st, id, STORE_COUNT_DUPLICATE);
	ck_assert_uint_eq(look(), 0);
	/* The store's clock, which this test moved, goes with it. */
	nt_pass(30 * MIN_MS);
	fx.endpoint_id = endpoint("other", PLAIN);
	fx.generation = 1;
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	restart();
	ck_assert_uint_eq(look(), 0);
	nt_pass(31 * MIN_MS);
	ck_assert_uint_eq(look(), 1);
	expect_last(NOTICE_SILENT);
}
END_TEST

static const struct {
	const char *when, *doc;
	enum store_endpoint_state state;
} ends[] = {
	{ "expected no more", PLAIN, STORE_ENDPOINT_ENABLED },
	{ "disabled", HOURLY, STORE_ENDPOINT_DISABLED },
	{ "removed", HOURLY, STORE_ENDPOINT_REMOVED },
};

START_TEST(who_is_not_expected_is_not_missed)
{
	uint64_t id = endpoint("shop", HOURLY);
	struct notice_mark mark;
	bool found;

	nt_pass(2 * HOUR_MS);
	ck_assert_uint_eq(look(), 1);
	change(id, "shop", ends[_i].doc, ends[_i].state);
	store_count(fx.st, id, STORE_COUNT_ACCEPTED);
	nt_pass(2 * HOUR_MS);
	ck_assert_msg(look() == 1, "%s", ends[_i].when);
	ck_assert_int_eq(
	    notice_mark(fx.st, NULL, "heard", id, &mark, &found, &fx.err), 0);
	ck_assert_msg(!found, "%s: it is still remembered", ends[_i].when);
	if (ends[_i].state == STORE_ENDPOINT_REMOVED)
		return;
	/* Expected again, the wait begins anew. */
	change(id, "shop", HOURLY, STORE_ENDPOINT_ENABLED);
	ck_assert_uint_eq(look(), 1);
	nt_pass(HOUR_MS + 1);
	ck_assert_uint_eq(look(), 2);
}
END_TEST

static void
count(uint64_t id, enum store_count c, int n)
{
	while (n-- > 0)
		store_count(fx.st, id, c);
}

START_TEST(bodies_that_are_too_large_are_said_hourly)
{
	uint64_t id = endpoint("shop", PLAIN);

	ck_assert_uint_eq(look(), 0);
	count(id, STORE_COUNT_TOO_LARGE, 7);
	ck_assert_uint_eq(look(), 1);
	expect_last(NOTICE_TOO_LARGE);
	ck_assert_str_eq(nt_text(0, "endpoint"), "shop");
	ck_assert_int_eq(nt_number(0, "refused"), 7);
	ck_assert_ptr_nonnull(strstr(nt_text(0, "do"), "--max-body"));
	count(id, STORE_COUNT_TOO_LARGE, 2);
	nt_pass(5000);
	ck_assert_uint_eq(look(), 1);
	nt_pass(HOUR_MS);
	ck_assert_uint_eq(look(), 2);
	ck_assert_int_eq(nt_number(1, "refused"), 2);
	nt_pass(HOUR_MS);
	ck_assert_uint_eq(look(), 2);
	restart();
	ck_assert_uint_eq(look(), 2);
}
END_TEST

START_TEST(many_refused_signatures_are_said_hourly)
{
	uint64_t id = endpoint("shop", PLAIN), busy = endpoint("busy", PLAIN),
		 late;

	ck_assert_uint_eq(look(), 0);
	count(id, STORE_COUNT_MISSIGNED, 19);
	count(id, STORE_COUNT_REFUSED, 500);
	count(busy, STORE_COUNT_MISSIGNED, 50);
	count(busy, STORE_COUNT_ACCEPTED, 50);
	nt_pass(5000);
	ck_assert_uint_eq(look(), 0);
	count(id, STORE_COUNT_MISSIGNED, 1);
	count(id, STORE_COUNT_ACCEPTED, 3);
	nt_pass(5000);
	ck_assert_uint_eq(look(), 1);
	expect_last(NOTICE_REFUSING);
	ck_assert_str_eq(nt_text(0, "endpoint"), "shop");
	ck_assert_int_eq(nt_number(0, "refused"), 20);
	ck_assert_int_eq(nt_number(0, "verified"), 3);
	ck_assert_ptr_nonnull(nt_text(0, "since"));
	ck_assert_ptr_nonnull(strstr(nt_text(0, "do"), "quarantine"));
	count(id, STORE_COUNT_MISSIGNED, 100);
	nt_pass(5000);
	ck_assert_uint_eq(look(), 1);
	restart();
	ck_assert_uint_eq(look(), 1);
	count(id, STORE_COUNT_MISSIGNED, 100);
	nt_pass(5000);
	ck_assert_uint_eq(look(), 1);
	nt_pass(HOUR_MS);
	ck_assert_uint_eq(look(), 1);
	count(id, STORE_COUNT_MISSIGNED, 20);
	nt_pass(5000);
	ck_assert_uint_eq(look(), 2);
	/* One that was made between two looks began with none. */
	late = endpoint("late", PLAIN);
	count(late, STORE_COUNT_MISSIGNED, 20);
	ck_assert_uint_eq(look(), 3);
	ck_assert_str_eq(nt_text(2, "endpoint"), "late");
}
END_TEST

/* --- the clock ------------------------------------------------------------ */

static const struct {
	enum store_count count;
	const char *side, *why;
} sides[] = {
	{ STORE_COUNT_EARLY, "future", "in the future" },
	{ STORE_COUNT_STALE, "past", "too long ago" },
};

START_TEST(requests_that_miss_their_window_are_said_daily)
{
	uint64_t id = endpoint("shop", PLAIN), mixed = endpoint("mixed", PLAIN),
		 good = endpoint("good", PLAIN);

	ck_assert_uint_eq(look(), 0);
	count(id, sides[_i].count, 9);
	count(mixed, STORE_COUNT_EARLY, 20);
	count(mixed, STORE_COUNT_STALE, 1);
	count(good, sides[_i].count, 20);
	count(good, STORE_COUNT_ACCEPTED, 1);
	nt_pass(5000);
	ck_assert_uint_eq(look(), 0);
	count(id, sides[_i].count, 1);
	nt_pass(5000);
	ck_assert_uint_eq(look(), 1);
	expect_last(NOTICE_CLOCK_MISSED);
	ck_assert_str_eq(nt_text(0, "endpoint"), "shop");
	ck_assert_str_eq(nt_text(0, "side"), sides[_i].side);
	ck_assert_int_eq(nt_number(0, "missed"), 10);
	ck_assert_ptr_nonnull(strstr(nt_text(0, "why"), sides[_i].why));
	ck_assert_ptr_nonnull(strstr(nt_text(0, "do"), "clock"));
	count(id, sides[_i].count, 100);
	nt_pass(HOUR_MS);
	ck_assert_uint_eq(look(), 1);
	nt_pass(24 * HOUR_MS);
	ck_assert_uint_eq(look(), 2);
	/* One within its window: it was not the clock. */
	count(id, STORE_COUNT_ACCEPTED, 1);
	nt_pass(25 * HOUR_MS);
	ck_assert_uint_eq(look(), 2);
	/* What was counted before a start says nothing of the clock now. */
	count(id, sides[_i].count, 100);
	restart();
	nt_pass(25 * HOUR_MS);
	ck_assert_uint_eq(look(), 2);
}
END_TEST

/* --- secrets -------------------------------------------------------------- */

struct rotating {
	uint64_t owner_id;
	int64_t until_ms; /* of the old one */
	uint64_t was, is; /* ids */
	struct secret row;
};

static int
rotate(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct rotating *ro = arg;
	int64_t now = store_tx_now_ms(tx);
	struct secret old = { .endpoint_id = ro->owner_id,
		.state = SECRET_PREVIOUS,
		.activated_ms = now - DAY_MS,
		.until_ms = ro->until_ms };
	struct secret new = { .endpoint_id = ro->owner_id,
		.state = SECRET_CURRENT,
		.activated_ms = now };

	(void)result;
	if (store_tx_secret(tx, &old, span_str("old-old-old-old-old"), err) <
		0 ||
	    store_tx_secret(tx, &new, span_str("new-new-new-new-new"), err) < 0)
		return -1;
	ro->was = old.id;
	ro->is = new.id;
	return store_tx_audit(tx, "test", "x", SPAN_EMPTY, err);
}

static struct rotating
rotated(uint64_t owner_id, int64_t grace_ms)
{
	struct rotating ro = { .owner_id = owner_id,
		.until_ms = store_now_ms(fx.st) + grace_ms };

	fx_change(NULL, rotate, &ro, NULL);
	return ro;
}

static int
extend_one(void *arg, const struct secret *s, struct err *err)
{
	(void)err;
	if (s->id != ((struct rotating *)arg)->was)
		return 0;
	((struct rotating *)arg)->row = *s;
	return 1;
}

static int
extend(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct rotating *ro = arg;

	(void)result;
	if (store_secrets(fx.st, tx, ro->owner_id, extend_one, ro, err) < 0)
		return -1;
	ro->row.until_ms = ro->until_ms;
	if (store_tx_secret(
		tx, &ro->row, span_str("old-old-old-old-old"), err) < 0)
		return -1;
	return store_tx_audit(tx, "test", "x", SPAN_EMPTY, err);
}

static bool
is_remembered(uint64_t secret_id)
{
	struct notice_mark mark;
	bool found;

	ck_assert_int_eq(notice_mark(fx.st, NULL, "ending", secret_id, &mark,
			     &found, &fx.err),
	    0);
	return found;
}

START_TEST(a_secret_in_use_is_said_a_day_and_an_hour_before)
{
	struct rotating ro = rotated(endpoint("shop", PLAIN), 3 * DAY_MS);
	char id[32];

	snprintf(id, sizeof(id), "sec_%llu", (unsigned long long)ro.was);
	nt_pass(2 * DAY_MS);
	ck_assert_uint_eq(look(), 0); /* nobody uses it */
	store_used(fx.st, ro.was, store_now_ms(fx.st));
	nt_pass(MIN_MS);
	ck_assert_uint_eq(look(), 1);
	expect_last(NOTICE_SECRET);
	ck_assert_str_eq(nt_text(0, "endpoint"), "shop");
	ck_assert_str_eq(nt_text(0, "secret"), id);
	ck_assert_ptr_nonnull(strstr(nt_text(0, "why"), "1m ago"));
	ck_assert_ptr_nonnull(strstr(nt_text(0, "do"), "extend shop"));
	ck_assert_ptr_nonnull(nt_text(0, "until"));
	ck_assert_ptr_nonnull(nt_text(0, "since"));
	ck_assert_ptr_nonnull(nt_text(0, "last_used_at"));
	ck_assert_uint_eq(look(), 1);
	restart();
	ck_assert_uint_eq(look(), 1);
	/* It is not used any more ... */
	nt_pass(DAY_MS - 30 * MIN_MS);
	store_used(fx.st, ro.is, store_now_ms(fx.st));
	ck_assert_uint_eq(look(), 1);
	/* ... it is. */
	store_used(fx.st, ro.was, store_now_ms(fx.st));
	ck_assert_uint_eq(look(), 2);
	ck_assert(is_remembered(ro.was));
	/* Put off, it ends again. */
	ro.until_ms += DAY_MS;
	fx_change(NULL, extend, &ro, NULL);
	ck_assert_uint_eq(look(), 2);
	nt_pass(DAY_MS);
	ck_assert_uint_eq(look(), 3);
	nt_pass(HOUR_MS);
	ck_assert_uint_eq(look(), 3);
	ck_assert(!is_remembered(ro.was));
}
END_TEST

static const struct {
	const char *sign, *doc;
	bool alone; /* does one of several secrets sign? */
} signs[] = {
	{ "one signature",
	    "{\"url\":\"https://a.example/\","
	    "\"sign\":\"github\"}",
	    true },
	{ "all signatures",
	    "{\"url\":\"https://a.example/\","
	    "\"sign\":\"standard-webhooks\"}",
	    false },
};

START_TEST(a_secret_that_signs_alone_is_said)
{
	uint64_t id = fx_destination("crm", signs[_i].doc, 0);

	rotated(id, 3 * DAY_MS);
	nt_pass(2 * DAY_MS);
	ck_assert_msg(
	    look() == (signs[_i].alone ? 1 : 0), "%s", signs[_i].sign);
	if (!signs[_i].alone)
		return;
	expect_last(NOTICE_SECRET);
	ck_assert_str_eq(nt_text(0, "destination"), "crm");
	ck_assert_ptr_nonnull(strstr(nt_text(0, "do"), "receiver"));
	nt_pass(DAY_MS - 30 * MIN_MS);
	ck_assert_uint_eq(look(), 2);
	/* Who is removed has no secrets that matter. */
	id = fx_destination("erp", signs[_i].doc, 0);
	rotated(id, 3 * DAY_MS);
	fx_set_state(id, STORE_DESTINATION_REMOVED);
	nt_pass(2 * DAY_MS);
	ck_assert_uint_eq(look(), 2);
}
END_TEST

/* --- space and the horizon ------------------------------------------------ */

static void
floor_at(unsigned percent)
{
	struct store_room room;

	store_room(fx.st, &room);
	watch_close(wt);
	fx_close();
	fx.opt.floor = percent == 0 ? 0 : room.free / percent * 100;
	fx_open();
	watch();
}

START_TEST(space_is_said_when_it_is_short_and_when_it_was)
{
	ck_assert_uint_eq(look(), 0);
	floor_at(75);
	ck_assert_uint_eq(look(), 1);
	expect_last(NOTICE_FLOOR);
	ck_assert_int_lt(nt_number(0, "free"), nt_number(0, "floor"));
	ck_assert_ptr_nonnull(nt_text(0, "since"));
	ck_assert_ptr_nonnull(strstr(nt_text(0, "do"), "ballast"));
	nt_pass(5000);
	ck_assert_uint_eq(look(), 1);
	/* A restart above it: over, but for how long? */
	floor_at(0);
	ck_assert_uint_eq(look(), 1);
	nt_pass(61000);
	ck_assert_uint_eq(look(), 2);
	expect_last(NOTICE_FLOOR_PASSED);
	ck_assert_int_ge(nt_number(1, "free"), nt_number(1, "floor"));
	ck_assert_uint_eq(look(), 2);
}
END_TEST

START_TEST(a_full_disk_is_written_to_when_there_is_room)
{
	floor_at(25);
	ck_assert_int_eq(watch_look(wt, &fx.err), 0);
	ck_assert_uint_eq(nt_due(), 0);
	floor_at(0);
	ck_assert_uint_eq(look(), 0);
}
END_TEST

START_TEST(a_shortened_horizon_is_said)
{
	uint64_t dropped;

	watch_close(wt);
	fx_close();
	fx.opt.horizon_s = 1000;
	fx.opt.dedupe_max = 1;
	fx_open();
	watch();
	fx_added("orders", NULL);
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	ck_assert_uint_eq(look(), 0);
	usleep(1100000);
	ck_assert_int_eq(fx_accept("evt_2", "{}"), STORE_ACCEPTED);
	ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	ck_assert_uint_eq(look(), 1);
	ck_assert_uint_eq(look(), 1);
	expect_last(NOTICE_HORIZON);
	ck_assert_int_lt(nt_number(0, "horizon"), 1000);
	ck_assert_int_eq(nt_number(0, "horizon_set"), 1000);
	ck_assert_ptr_nonnull(strstr(nt_text(0, "do"), "dedupe_max"));
}
END_TEST

/* --- what a destination does not take ------------------------------------- */

#define TO_CRM "{\"url\":\"https://a.example/\"}"

START_TEST(what_outlives_retention_is_said_once)
{
	uint64_t id = fx_destination("crm", TO_CRM, 0);
	int64_t at, received;

	fx_destination("erp", TO_CRM, 0);
	fx_added("orders", NULL);
	received = clock_wall_ms();
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	at = store_now_ms(fx.st);
	ck_assert_uint_eq(look(), 0);
	watch_close(wt);
	fx_close();
	fx.opt.retain_s = 0;
	fx.opt.segment_age_s = 0;
	usleep(5000);
	fx_open();
	watch_for(5 * 86400, 10 * 86400); /* as if it were its bytes */
	nt_pass(1000);
	/* Another segment, so that the first is closed. */
	ck_assert_int_eq(fx_accept("evt_2", "{}"), STORE_ACCEPTED);
	fx_report_cursor(id, 2);
	ck_assert_uint_eq(look(), 1);
	expect_last(NOTICE_HELD);
	ck_assert_str_eq(nt_text(0, "destination"), "erp");
	ck_assert_int_eq(nt_number(0, "seq"), 1);
	ck_assert_int_gt(nt_number(0, "bytes"), 0);
	ck_assert(is_near("since", received));
	ck_assert(is_near("until", at + 5 * DAY_MS));
	ck_assert_ptr_nonnull(strstr(nt_text(0, "do"), "show erp"));
	fx_report_cursor(id, store_durable_seq(fx.st) + 1);
	nt_pass(2 * DAY_MS);
	ck_assert_uint_eq(look(), 1);
}
END_TEST

/* A time that both let something go at, in days. */
static const struct {
	const char *when;
	int64_t hold, retain, until;
} expiries[] = {
	{ "held as long as retained", 10, 10, 10 },
	{ "held for longer", 10, 5, 10 },
	{ "retained for longer", 5, 10, 10 },
};

START_TEST(what_will_expire_is_said_daily)
{
	uint64_t id = fx_destination("crm", TO_CRM, 0);
	int64_t at, received;

	watch_close(wt);
	watch_for(expiries[_i].hold * 86400, expiries[_i].retain * 86400);
	fx_added("orders", NULL);
	received = clock_wall_ms();
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	at = store_now_ms(fx.st);
	nt_pass((expiries[_i].until - 1) * DAY_MS - MIN_MS);
	ck_assert_msg(look() == 0, "%s", expiries[_i].when);
	nt_pass(MIN_MS);
	ck_assert_msg(look() == 1, "%s", expiries[_i].when);
	expect_last(NOTICE_EXPIRING);
	ck_assert_str_eq(nt_text(0, "destination"), "crm");
	ck_assert(is_near("since", received));
	ck_assert(is_near("until", at + expiries[_i].until * DAY_MS));
	nt_pass(DAY_MS - MIN_MS);
	ck_assert_uint_eq(look(), 1);
	nt_pass(MIN_MS);
	ck_assert_uint_eq(look(), 2);
	/* What was taken expires no more. */
	fx_report_cursor(id, store_durable_seq(fx.st) + 1);
	nt_pass(2 * DAY_MS);
	ck_assert_uint_ge(look(), 2);
	ck_assert_str_eq(nt_type(nt_heard.n - 1), NOTICE_EXPIRING);
}
END_TEST

/* --- events that are held ------------------------------------------------- */

/* As GitHub sends: the body is signed, id and type are not. */
static enum store_outcome
post(const char *id, const char *body)
{
	struct waiting w;
	struct dedupe_identity *who = &w.item.identity;
	enum store_outcome outcome;

	fx_begin(&w, id, body);
	who->class = (struct dedupe_class){
		.signs = true, .covers_body = true, .within_ms = 1000
	};
	who->has_content = who->has_type = true;
	memcpy(who->content, who->payload, sizeof(who->content));
	w.item.event.type = span_str("push");
	store_submit(fx.st, &w.item);
	outcome = fx_end(&w);
	if (outcome == STORE_HELD)
		store_count(fx.st, fx.endpoint_id, STORE_COUNT_HELD);
	return outcome;
}

static int
drop_held(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	(void)result;
	if (store_tx_drop_held(tx, *(uint64_t *)arg, err) < 0)
		return -1;
	return store_tx_audit(tx, "event.drop", "hub", SPAN_EMPTY, err);
}

START_TEST(held_events_are_said_every_ten_minutes)
{
	fx_added("hub", NULL);
	ck_assert_int_eq(post("a", "one"), STORE_ACCEPTED);
	ck_assert_uint_eq(look(), 0);
	ck_assert_int_eq(post("b", "one"), STORE_HELD);
	ck_assert_int_eq(post("c", "one"), STORE_HELD);
	ck_assert_uint_eq(look(), 1);
	expect_last(NOTICE_EVENT_HELD);
	ck_assert_str_eq(nt_text(0, "endpoint"), "hub");
	ck_assert_int_eq(nt_number(0, "seq"), 2);
	ck_assert_int_eq(nt_number(0, "new"), 2);
	ck_assert_int_eq(nt_number(0, "waiting"), 2);
	ck_assert_ptr_nonnull(strstr(nt_text(0, "why"), "under another id"));
	ck_assert_ptr_nonnull(strstr(nt_text(0, "do"), "--endpoint hub"));
	ck_assert_int_eq(post("d", "one"), STORE_HELD);
	nt_pass(9 * MIN_MS);
	ck_assert_uint_eq(look(), 1);
	restart();
	ck_assert_uint_eq(look(), 1);
	nt_pass(MIN_MS);
	ck_assert_uint_eq(look(), 2);
	expect_last(NOTICE_EVENT_HELD);
	ck_assert_int_eq(nt_number(1, "new"), 1);
	ck_assert_int_eq(nt_number(1, "waiting"), 3);
	/* What waits already is no news. */
	nt_pass(HOUR_MS);
	ck_assert_uint_eq(look(), 2);
	restart();
	ck_assert_uint_eq(look(), 2);
}
END_TEST

START_TEST(held_events_that_will_expire_are_said_daily)
{
	uint64_t seq = 2;
	int64_t at, until;

	watch_close(wt);
	watch_for(10 * 86400, 5 * 86400);
	fx_added("hub", NULL);
	ck_assert_int_eq(post("a", "one"), STORE_ACCEPTED);
	ck_assert_int_eq(post("b", "one"), STORE_HELD);
	at = store_now_ms(fx.st);
	ck_assert_uint_eq(look(), 1);
	nt_pass(9 * DAY_MS - MIN_MS);
	ck_assert_uint_eq(look(), 1);
	nt_pass(MIN_MS);
	ck_assert_uint_eq(look(), 2);
	expect_last(NOTICE_HELD_EXPIRING);
	ck_assert_str_eq(nt_text(1, "endpoint"), "hub");
	ck_assert_int_eq(nt_number(1, "seq"), 2);
	ck_assert_int_eq(nt_number(1, "count"), 1);
	ck_assert_int_eq(
	    text_to_time_ms(span_str(nt_text(1, "until")), &until, &fx.err), 0);
	ck_assert_int_lt(llabs(until - at - 10 * DAY_MS), MIN_MS);
	nt_pass(DAY_MS - MIN_MS);
	ck_assert_uint_eq(look(), 2);
	nt_pass(MIN_MS);
	ck_assert_uint_eq(look(), 3);
	/* What is dropped expires no more. */
	fx_change(NULL, drop_held, &seq, NULL);
	nt_pass(DAY_MS);
	ck_assert_uint_eq(look(), 3);
}
END_TEST

/* --- when nothing more may wait ------------------------------------------- */

START_TEST(what_finds_no_room_is_said_later)
{
	endpoint("shop", HOURLY);
	nt_pass(2 * HOUR_MS);
	nt_fill();
	ck_assert_int_eq(watch_look(wt, &fx.err), 0);
	nt_release();
	ck_assert_uint_eq(nt_listen(), NOTICE_DUE_MAX);
	ck_assert_uint_eq(look(), NOTICE_DUE_MAX + 1);
	expect_last(NOTICE_SILENT);
}
END_TEST

/* --- the thread ----------------------------------------------------------- */

START_TEST(it_looks_by_itself)
{
	struct watch_options opt;
	int i;

	watch_close(wt);
	endpoint("shop", HOURLY);
	nt_pass(2 * HOUR_MS);
	watch_options_init(&opt);
	opt.look_ms = 20;
	ck_assert_int_eq(watch_open(fx.st, hold_schemes, NULL, &opt, NULL, NULL,
			     &wt, &fx.err),
	    0);
	for (i = 0; nt_listen() == 0; i++) {
		ck_assert_int_lt(i, NT_TRIES);
		usleep(25000);
	}
	expect_last(NOTICE_SILENT);
	usleep(200000);
	ck_assert_uint_eq(nt_listen(), 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("watch");
	TCase *tc = tcase_create("watch");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, silence_is_said_once_and_its_end);
	tcase_add_test(tc, a_restart_knows_when_it_was_heard);
	tcase_add_loop_test(
	    tc, who_is_not_expected_is_not_missed, 0, NITEMS(ends));
	tcase_add_test(tc, many_refused_signatures_are_said_hourly);
	tcase_add_test(tc, bodies_that_are_too_large_are_said_hourly);
	tcase_add_loop_test(tc, requests_that_miss_their_window_are_said_daily,
	    0, NITEMS(sides));
	tcase_add_test(tc, a_secret_in_use_is_said_a_day_and_an_hour_before);
	tcase_add_loop_test(
	    tc, a_secret_that_signs_alone_is_said, 0, NITEMS(signs));
	tcase_add_test(tc, space_is_said_when_it_is_short_and_when_it_was);
	tcase_add_test(tc, a_full_disk_is_written_to_when_there_is_room);
	tcase_add_test(tc, a_shortened_horizon_is_said);
	tcase_add_test(tc, what_outlives_retention_is_said_once);
	tcase_add_loop_test(
	    tc, what_will_expire_is_said_daily, 0, NITEMS(expiries));
	tcase_add_test(tc, held_events_are_said_every_ten_minutes);
	tcase_add_test(tc, held_events_that_will_expire_are_said_daily);
	tcase_add_test(tc, what_finds_no_room_is_said_later);
	tcase_add_test(tc, it_looks_by_itself);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
