/* test_store_delivery.c: destinations, cursors, rows, and reports of them. */
#include "tests/stand/delivery_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/bdb/bdb.h"
#include "lib/crypto/digest.h"
#include "lib/engine_bdb/impl.h"
#include "lib/log/record.h"

#define DOC "{\"url\":\"https://example.com/needle-in-clear\"}"

/* --- destinations --------------------------------------------------------- */

static struct store_destination
destination(uint64_t id, struct buf *doc)
{
	struct store_destination d;
	bool found;

	ck_assert_int_eq(
	    store_destination_by_id(fx.st, NULL, id, &d, doc, &found, &fx.err),
	    0);
	ck_assert(found);
	return d;
}

static bool
is_named(const char *name)
{
	struct buf doc = BUF_INIT(DESTINATION_DOC_MAX);
	struct store_destination d;
	bool found;

	ck_assert_int_eq(store_destination_by_name(
			     fx.st, NULL, name, &d, &doc, &found, &fx.err),
	    0);
	buf_free(&doc);
	return found;
}

static int
count_destination(void *arg, const struct store_destination *d, struct err *err)
{
	(void)d;
	(void)err;
	++*(int *)arg;
	return 0;
}

START_TEST(destinations_are_kept_and_change)
{
	struct buf doc = BUF_INIT(DESTINATION_DOC_MAX);
	struct store_destination d;
	uint64_t id = fx_destination("crm", DOC, 0);
	int n = 0;

	fx_close();
	fx_open();
	d = destination(id, &doc);
	ck_assert_str_eq(d.name, "crm");
	ck_assert(span_is(d.doc, DOC));
	ck_assert_int_eq(d.state, STORE_DESTINATION_ENABLED);
	ck_assert_uint_eq(d.generation, 1);
	fx_set_state(id, STORE_DESTINATION_PAUSED);
	d = destination(id, &doc);
	ck_assert_int_eq(d.state, STORE_DESTINATION_PAUSED);
	ck_assert_uint_eq(d.generation, 2);
	ck_assert(span_is(d.doc, DOC));
	ck_assert(is_named("crm") && !is_named("CRM"));
	fx_set_state(id, STORE_DESTINATION_REMOVED);
	ck_assert(!is_named("crm"));
	ck_assert_uint_gt(fx_destination("crm", DOC, 0), id);
	ck_assert(is_named("crm"));
	ck_assert_int_eq(
	    store_destinations(fx.st, NULL, count_destination, &n, &fx.err), 0);
	ck_assert_int_eq(n, 2);
	fx_shell("! grep -rqs needle-in-clear $1");
	buf_free(&doc);
}
END_TEST

static int
add_secret(struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	struct secret s = { .endpoint_id = *(uint64_t *)arg,
		.state = SECRET_CURRENT };

	(void)result;
	return store_tx_secret(tx, &s, span_str("whsec_needle"), e) < 0
		   ? -1
		   : store_tx_audit(tx, "secret.add", "x", SPAN_EMPTY, e);
}

START_TEST(a_destination_has_secrets_as_an_endpoint_has)
{
	unsigned char request[STORE_REQUEST_ID];
	struct buf doc = BUF_INIT(DESTINATION_DOC_MAX), none = BUF_INIT(1024);
	uint64_t id, nobody = 77;

	fx_added("orders", "s3cret-s3cret-s3cret");
	id = fx_destination("crm", DOC, 0);
	ck_assert_uint_ne(id, fx.endpoint_id); /* or secrets would mix */
	fx_change(NULL, add_secret, &id, NULL);
	ck_assert_uint_eq(destination(id, &doc).generation, 2);
	fx_close();
	fx_open();
	ck_assert_int_eq(store_secrets(fx.st, NULL, id, fx_plain_is,
			     (void *)(uintptr_t) "whsec_needle", &fx.err),
	    0);
	/* The endpoint is verified as before. */
	ck_assert_int_eq(fx_accept("evt_1", "x"), STORE_ACCEPTED);
	ck_assert_int_eq(digest_random(request, sizeof(request), &fx.err), 0);
	ck_assert_int_eq(store_change(fx.st, &fx_actor, request, add_secret,
			     &nobody, &none, &fx.err),
	    -1);
	ck_assert_int_eq(fx.err.code, ERR_NOTFOUND);
	buf_free(&doc);
	buf_free(&none);
}
END_TEST

START_TEST(another_key_seals_destinations_too)
{
	unsigned char request[STORE_REQUEST_ID] = { 1 };
	struct buf doc = BUF_INIT(DESTINATION_DOC_MAX), result = BUF_INIT(4096);
	uint64_t id = fx_destination("crm", DOC, 0);

	ck_assert_msg(
	    store_rekey(fx.st, &fx_actor, request, &result, &fx.err) == 0, "%s",
	    fx.err.text);
	ck_assert_int_eq(buf_putc(&result, '\0', &fx.err), 0);
	ck_assert_ptr_nonnull(strstr((char *)result.ptr, "\"destinations\":1"));
	fx_close();
	fx_open(); /* the old key is gone */
	ck_assert(span_is(destination(id, &doc).doc, DOC));
	buf_free(&doc);
	buf_free(&result);
}
END_TEST

/* --- cursors -------------------------------------------------------------- */

START_TEST(a_cursor_begins_where_it_is_told_and_never_moves_back)
{
	uint64_t now, start;

	fx_added("orders", NULL);
	ck_assert_int_eq(fx_accept("evt_1", "x"), STORE_ACCEPTED);
	ck_assert_int_eq(fx_accept("evt_2", "x"), STORE_ACCEPTED);
	now = fx_destination("now", DOC, 0);
	start = fx_destination("start", DOC, 1);
	ck_assert_uint_eq(fx_cursor(now), 3);
	ck_assert_uint_eq(fx_cursor(start), 1);
	fx_report_cursor(start, 3);
	fx_report_cursor(start, 2);
	fx_report_cursor(99, 2); /* of none: no harm */
	fx_close();
	fx_open();
	ck_assert_uint_eq(fx_cursor(start), 3);
	ck_assert_uint_eq(fx_cursor(now), 3);
}
END_TEST

/* --- rows and stamps ------------------------------------------------------ */

START_TEST(a_row_is_kept_as_it_was_reported)
{
	struct buf scratch = BUF_INIT(65536);
	char words[DELIVERY_WORDS_MAX + 9], excerpt[DELIVERY_EXCERPT_MAX + 9];
	uint64_t id = fx_destination("crm", DOC, 0);
	struct store_delivery d = fx_row(id, 5, STORE_DELIVERY_DEAD), out;
	bool found;

	memset(words, 'w', sizeof(words));
	memset(excerpt, 0, sizeof(excerpt));
	d.attempts = 13;
	d.planned = 12;
	d.due_ms = 4000000000001;
	d.last_ms = 4000000000002;
	d.status = -1;
	d.reason = span_str(DELIVERY_EXHAUSTED);
	d.words = span_of(words, sizeof(words)); /* both are too long */
	d.excerpt = span_of(excerpt, sizeof(excerpt));
	d.id = span_str("evt_5");
	d.type = span_str("order.created");
	d.key = span_str("customer-1");
	fx_report_row(&d);
	fx_close();
	fx_open();
	ck_assert_int_eq(
	    store_delivery(fx.st, NULL, id, 5, &out, &scratch, &found, &fx.err),
	    0);
	ck_assert(found);
	ck_assert_int_eq(out.state, STORE_DELIVERY_DEAD);
	ck_assert_uint_eq(out.attempts, 13);
	ck_assert_uint_eq(out.planned, 12);
	ck_assert_int_eq(out.since_ms, 1000);
	ck_assert_int_eq(out.due_ms, d.due_ms);
	ck_assert_int_eq(out.last_ms, d.last_ms);
	ck_assert_int_eq(out.status, -1);
	ck_assert(span_eq(out.reason, d.reason));
	ck_assert_uint_eq(out.words.len, DELIVERY_WORDS_MAX);
	ck_assert_uint_eq(out.excerpt.len, DELIVERY_EXCERPT_MAX);
	ck_assert(span_eq(out.id, d.id) && span_eq(out.type, d.type) &&
		  span_eq(out.key, d.key));
	buf_free(&scratch);
}
END_TEST

/* What an operator did, what the deliverer knew, what must be there after. */
static const struct {
	const char *when;
	int operated; /* state; -1: nothing */
	bool knows; /* the deliverer has heard of it */
	bool done; /* and reports success; else a retry */
	int want;
} stamps[] = {
	{ "a first failure", -1, false, false, STORE_DELIVERY_RETRYING },
	{ "a first success", -1, false, true, 0 },
	{ "parked meanwhile, failed", STORE_DELIVERY_PARKED, false, false,
	    STORE_DELIVERY_PARKED },
	{ "skipped meanwhile, delivered", STORE_DELIVERY_DEAD, false, true,
	    STORE_DELIVERY_DEAD },
	{ "retried, failed again", STORE_DELIVERY_PENDING, true, false,
	    STORE_DELIVERY_RETRYING },
	{ "retried, delivered", STORE_DELIVERY_PENDING, true, true, 0 },
	{ "dropped meanwhile, failed under its stamp", 0, true, false, 0 },
};

START_TEST(an_operators_change_beats_a_late_report)
{
	uint64_t id = fx_destination("crm", DOC, 0);
	struct store_delivery d = fx_row(id, 5, STORE_DELIVERY_PENDING);

	fx_report_row(&d);
	if (stamps[_i].operated >= 0) {
		d.state = (enum store_delivery_state)stamps[_i].operated;
		fx_operate(&d);
		ck_assert_uint_gt(d.stamp, 0);
	}
	d.state = STORE_DELIVERY_RETRYING;
	if (!stamps[_i].knows)
		d.stamp = 0;
	if (stamps[_i].done)
		fx_report_done(id, 5, d.stamp);
	else
		fx_report_row(&d);
	ck_assert_msg(fx_state(id, 5) == stamps[_i].want, "%s: %d",
	    stamps[_i].when, fx_state(id, 5));
}
END_TEST

START_TEST(stamps_are_never_given_twice)
{
	uint64_t id = fx_destination("crm", DOC, 0);
	struct store_delivery a = fx_row(id, 1, STORE_DELIVERY_PENDING),
			      b = fx_row(id, 2, STORE_DELIVERY_PENDING);
	uint64_t before;

	fx_operate(&a);
	before = a.stamp;
	fx_operate(&b);
	ck_assert_uint_gt(b.stamp, before);
	fx_close();
	fx_open();
	fx_operate(&a);
	ck_assert_uint_gt(a.stamp, b.stamp);
}
END_TEST

START_TEST(a_removed_destination_takes_nothing_more)
{
	uint64_t id = fx_destination("crm", DOC, 1), cursor = fx_cursor(id);
	struct store_delivery d = fx_row(id, 5, STORE_DELIVERY_RETRYING);

	fx_set_state(id, STORE_DESTINATION_REMOVED);
	fx_report_row(&d);
	fx_report_cursor(id, cursor + 9);
	ck_assert_int_eq(fx_state(id, 5), 0);
	d.destination_id = 99; /* and one that never was */
	fx_report_row(&d);
	ck_assert_int_eq(fx_state(99, 5), 0);
}
END_TEST

START_TEST(the_same_report_twice_is_as_once)
{
	uint64_t id = fx_destination("crm", DOC, 1);
	struct store_delivery d = fx_row(id, 5, STORE_DELIVERY_RETRYING);
	struct store_report_item items[2] = {
		{ .kind = STORE_REPORT_ROW, .delivery = d },
		{ .kind = STORE_REPORT_DONE,
		    .delivery = { .destination_id = id, .seq = 6 } },
	};
	struct store_report_cursor cursor = { id, 7 };
	struct store_report r = {
		.items = items, .nitems = 2, .cursors = &cursor, .ncursors = 1
	};
	int i;

	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(store_report(fx.st, &r, &fx.err), 0);
		ck_assert_int_eq(fx_state(id, 5), STORE_DELIVERY_RETRYING);
		ck_assert_int_eq(fx_state(id, 6), 0);
		ck_assert_uint_eq(fx_cursor(id), 7);
	}
}
END_TEST

START_TEST(a_report_is_taken_whole_or_not_at_all)
{
	static const char long_id[70000];
	uint64_t id = fx_destination("crm", DOC, 1);
	struct store_report_item items[2] = {
		{ .kind = STORE_REPORT_ROW,
		    .delivery = fx_row(id, 5, STORE_DELIVERY_PENDING) },
		{ .kind = STORE_REPORT_ROW,
		    .delivery = fx_row(id, 6, STORE_DELIVERY_PENDING) },
	};
	struct store_report_cursor cursor = { id, 7 };
	struct store_report r = {
		.items = items, .nitems = 2, .cursors = &cursor, .ncursors = 1
	};

	items[1].delivery.id = span_of(long_id, sizeof(long_id));
	ck_assert_int_eq(store_report(fx.st, &r, &fx.err), -1);
	ck_assert_int_eq(fx.err.code, ERR_LIMIT);
	ck_assert_int_eq(fx_state(id, 5), 0);
	ck_assert_uint_eq(fx_cursor(id), 1);
	r.nitems = STORE_REPORT_ITEMS_MAX + 1;
	ck_assert_int_eq(store_report(fx.st, &r, &fx.err), -1);
	ck_assert_int_eq(fx.err.code, ERR_LIMIT);
}
END_TEST

START_TEST(a_report_of_what_is_nothing_is_refused)
{
	uint64_t id = fx_destination("crm", DOC, 1);
	struct store_report_item good = { .kind = STORE_REPORT_ROW,
		.delivery = fx_row(id, 5, STORE_DELIVERY_PENDING),
		.has_attempt = true,
		.attempt = { .no = 1, .result = STORE_ATTEMPT_FAILED } };
	struct store_report_item bad[4] = { good, good, good, good };
	struct store_report r = { .nitems = 1 };
	size_t i;

	bad[0].kind = (enum store_report_kind)0;
	bad[1].delivery.state = (enum store_delivery_state)0;
	bad[2].delivery.state = (enum store_delivery_state)9;
	bad[3].attempt.result = (enum store_attempt_result)0;
	for (i = 0; i < NITEMS(bad); i++) {
		r.items = &bad[i];
		ck_assert_int_eq(store_report(fx.st, &r, &fx.err), -1);
		ck_assert_int_eq(fx.err.code, ERR_INPUT);
	}
	ck_assert_int_eq(fx_state(id, 5), 0);
	r.items = &good;
	ck_assert_int_eq(store_report(fx.st, &r, &fx.err), 0);
}
END_TEST

START_TEST(rows_are_counted_by_state)
{
	static const enum store_delivery_state states[] = {
		STORE_DELIVERY_DEAD,
		STORE_DELIVERY_DEAD,
		STORE_DELIVERY_PARKED,
		STORE_DELIVERY_RETRYING,
		STORE_DELIVERY_PENDING,
		STORE_DELIVERY_PENDING,
		STORE_DELIVERY_PENDING,
	};
	struct store_delivery_counts n;
	uint64_t id = fx_destination("crm", DOC, 1),
		 other = fx_destination("other", DOC, 1);
	struct store_delivery d = fx_row(other, 1, STORE_DELIVERY_PENDING);
	size_t i;

	fx_report_row(&d);
	for (i = 0; i < NITEMS(states); i++) {
		d = fx_row(id, 10 + i, states[i]);
		fx_report_row(&d);
	}
	ck_assert_int_eq(store_delivery_count(fx.st, id, &n, &fx.err), 0);
	ck_assert_uint_eq(n.dead, 2);
	ck_assert_uint_eq(n.parked, 1);
	ck_assert_uint_eq(n.retrying, 1);
	ck_assert_uint_eq(n.pending, 3);
	ck_assert_uint_eq(n.oldest_seq, 12);
	ck_assert_int_eq(store_delivery_count(fx.st, 0, &n, &fx.err), 0);
	ck_assert_uint_eq(n.pending, 4);
}
END_TEST

struct walking {
	uint64_t seen[16];
	size_t n, stop_after;
};

static int
walk(void *arg, const struct store_delivery *d, struct err *err)
{
	struct walking *wk = arg;

	(void)err;
	wk->seen[wk->n++] = d->destination_id * 100 + d->seq;
	return wk->n == wk->stop_after ? 1 : 0;
}

START_TEST(rows_are_visited_in_order_from_a_seq_on)
{
	uint64_t a = fx_destination("a", DOC, 1),
		 b = fx_destination("b", DOC, 1);
	struct store_delivery d;
	struct walking wk = { .n = 0 };
	uint64_t seq;

	for (seq = 1; seq <= 3; seq++) {
		d = fx_row(b, seq, STORE_DELIVERY_PENDING);
		fx_report_row(&d);
		d.destination_id = a;
		fx_report_row(&d);
	}
	ck_assert_int_eq(
	    store_deliveries(fx.st, NULL, a, 2, walk, &wk, &fx.err), 0);
	ck_assert_uint_eq(wk.n, 2);
	ck_assert_uint_eq(wk.seen[0], a * 100 + 2);
	ck_assert_uint_eq(wk.seen[1], a * 100 + 3);
	wk.n = 0;
	ck_assert_int_eq(
	    store_deliveries(fx.st, NULL, 0, 3, walk, &wk, &fx.err), 0);
	ck_assert_uint_eq(wk.n, 2);
	ck_assert_uint_eq(wk.seen[1], b * 100 + 3);
	wk.n = 0;
	wk.stop_after = 1;
	ck_assert_int_eq(
	    store_deliveries(fx.st, NULL, 0, 1, walk, &wk, &fx.err), 0);
	ck_assert_uint_eq(wk.n, 1);
}
END_TEST

/* --- being told ----------------------------------------------------------- */

START_TEST(what_matters_to_the_deliverer_is_told)
{
	uint64_t was, rows, id, other;
	struct store_delivery d;

	was = store_touched(fx.st);
	fx_added("orders", NULL);
	ck_assert_uint_gt(store_touched(fx.st), was);
	was = store_touched(fx.st);
	id = fx_destination("crm", DOC, 1);
	other = fx_destination("other", DOC, 1);
	ck_assert_uint_gt(store_touched(fx.st), was);
	was = store_touched(fx.st);
	fx_change(NULL, add_secret, &id, NULL);
	ck_assert_uint_gt(store_touched(fx.st), was);
	/* What it reported itself is no news. */
	was = store_touched(fx.st);
	rows = store_rows_touched(fx.st, id);
	d = fx_row(id, 1, STORE_DELIVERY_RETRYING);
	fx_report_row(&d);
	ck_assert_uint_eq(store_touched(fx.st), was);
	ck_assert_uint_eq(store_rows_touched(fx.st, id), rows);
	was = store_rows_touched(fx.st, other);
	fx_operate(&d);
	ck_assert_uint_gt(store_touched(fx.st), rows);
	ck_assert_uint_gt(store_rows_touched(fx.st, id), rows);
	ck_assert_uint_eq(store_rows_touched(fx.st, other), was);
	/* And the next owner says nothing that this one said. */
	was = store_touched(fx.st);
	fx_close();
	fx_open();
	ck_assert_uint_gt(store_touched(fx.st), was);
	ck_assert_uint_gt(store_rows_touched(fx.st, id), was);
}
END_TEST

struct sleeping {
	uint64_t seq, touched;
	int timeout_ms;
};

static void *
sleep_for_news(void *arg)
{
	struct sleeping *sl = arg;

	store_wait_delivery(fx.st, sl->seq, sl->touched, sl->timeout_ms);
	return NULL;
}

START_TEST(who_waits_is_woken_by_an_event_and_by_a_change)
{
	struct sleeping sl = { 0, 0, 600000 };
	pthread_t thread;
	uint64_t id;

	fx_added("orders", NULL);
	sl.touched = store_touched(fx.st);
	ck_assert_int_eq(pthread_create(&thread, NULL, sleep_for_news, &sl), 0);
	ck_assert_int_eq(fx_accept("evt_1", "x"), STORE_ACCEPTED);
	pthread_join(thread, NULL);
	sl.seq = store_durable_seq(fx.st);
	ck_assert_int_eq(pthread_create(&thread, NULL, sleep_for_news, &sl), 0);
	id = fx_destination("crm", DOC, 1);
	pthread_join(thread, NULL);
	/* What has happened already keeps nobody waiting. */
	store_wait_delivery(fx.st, sl.seq, sl.touched, 600000);
	store_wait_delivery(fx.st, 0, store_touched(fx.st), 600000);
	/* Nothing comes: the time ends it. */
	store_wait_delivery(fx.st, sl.seq, store_touched(fx.st), 50);
	ck_assert_uint_gt(id, 0);
}
END_TEST

/* --- the log -------------------------------------------------------------- */

START_TEST(a_time_has_its_seq)
{
	int64_t before = store_now_ms(fx.st);
	uint64_t seq = 0;

	ck_assert_int_eq(store_seq_at(fx.st, 0, &seq, &fx.err), 0);
	ck_assert_uint_eq(seq, 1);
	fx_added("orders", NULL);
	ck_assert_int_eq(fx_accept("evt_1", "x"), STORE_ACCEPTED);
	ck_assert_int_eq(fx_accept("evt_2", "x"), STORE_ACCEPTED);
	ck_assert_int_eq(store_seq_at(fx.st, before, &seq, &fx.err), 0);
	ck_assert_uint_eq(seq, 1);
	ck_assert_int_eq(
	    store_seq_at(fx.st, store_now_ms(fx.st) + 1, &seq, &fx.err), 0);
	ck_assert_uint_eq(seq, 3);
}
END_TEST

static int
find_self(void *arg, const struct store_endpoint *ep, struct err *err)
{
	(void)arg;
	(void)err;
	ck_assert_uint_ne(ep->id, STORE_SELF);
	return 0;
}

START_TEST(eyelets_own_endpoint_takes_events)
{
	struct buf doc = BUF_INIT(ENDPOINT_DOC_MAX);
	struct store_endpoint ep;
	uint64_t counts[STORE_COUNTS];
	struct endpoint settings;
	bool found;
	int i;

	for (i = 0; i < 2; i++) {
		fx.endpoint_id = STORE_SELF;
		fx.generation = 0;
		ck_assert_int_eq(fx_accept("evt_1", "x"),
		    i == 0 ? STORE_ACCEPTED : STORE_DUPLICATE);
		ck_assert_int_eq(store_endpoint_by_id(fx.st, NULL, STORE_SELF,
				     &ep, &doc, &found, &fx.err),
		    0);
		ck_assert(found && strcmp(ep.name, STORE_SELF_NAME) == 0);
		ck_assert_int_eq(store_endpoint_by_id(fx.st, NULL, STORE_SELF,
				     &ep, NULL, &found, &fx.err),
		    0); /* only its name is wanted */
		ck_assert_int_eq(store_endpoint_by_id(fx.st, NULL, STORE_SELF,
				     &ep, &doc, &found, &fx.err),
		    0);
		ck_assert_int_eq(
		    endpoint_decode(ep.doc, &settings, &fx.err), 0);
		ck_assert_str_eq(settings.scheme, "standard-webhooks");
		endpoint_free(&settings);
		store_count(fx.st, STORE_SELF, STORE_COUNT_ACCEPTED);
		fx_close();
		fx_open();
	}
	store_counts(fx.st, STORE_SELF, counts);
	ck_assert_uint_eq(counts[STORE_COUNT_ACCEPTED], 2);
	fx_added("orders", NULL);
	ck_assert_int_eq(
	    store_endpoints(fx.st, NULL, find_self, NULL, &fx.err), 0);
	buf_free(&doc);
}
END_TEST

/* --- records ----------------------------------------------------------------
 */

/* A record that is cut short, or goes on, is none. */
START_TEST(a_record_is_whole_or_none)
{
	struct store_delivery d = fx_row(1, 5, STORE_DELIVERY_DEAD), d_out;
	struct record_cursor c = { .seq = 3, .end_seq = 4 }, c_out;
	struct store_attempt a = { .result = STORE_ATTEMPT_DEAD,
		.words = span_str("status 500") },
			     a_out;
	struct store_destination to = { .state = STORE_DESTINATION_PAUSED,
		.name = "crm",
		.doc = span_str(DOC) },
				 to_out;
	struct buf b[4] = { BUF_INIT(4096), BUF_INIT(4096), BUF_INIT(4096),
		BUF_INIT(4096) };
	size_t i, n;
	int ret = 0;

	d.reason = span_str(DELIVERY_EXHAUSTED);
	d.id = d.type = d.key = d.words = d.excerpt = span_str("x");
	ck_assert_int_eq(record_put_delivery(&d, &b[0], &fx.err), 0);
	ck_assert_int_eq(record_put_cursor(&c, &b[1], &fx.err), 0);
	ck_assert_int_eq(record_put_attempt(&a, &b[2], &fx.err), 0);
	ck_assert_int_eq(record_put_destination(&to, &b[3], &fx.err), 0);
	for (i = 0; i < NITEMS(b); i++) {
		ck_assert_int_eq(buf_putc(&b[i], 0, &fx.err), 0);
		for (n = 0; n <= b[i].len; n++) {
			struct span s = span_of(b[i].ptr, n);

			if (i == 0)
				ret = record_get_delivery(s, &d_out, &fx.err);
			else if (i == 1)
				ret = record_get_cursor(s, &c_out, &fx.err);
			else if (i == 2)
				ret = record_get_attempt(s, &a_out, &fx.err);
			else
				ret =
				    record_get_destination(s, &to_out, &fx.err);
			ck_assert_msg((ret == 0) == (n == b[i].len - 1),
			    "record %zu of %zu bytes", i, n);
		}
		b[i].ptr[1] = 9; /* no state, no result */
		b[i].len--;
		if (i != 1)
			ck_assert_int_eq(
			    i == 0 ? record_get_delivery(
					 buf_span(&b[i]), &d_out, &fx.err)
			    : i == 2 ? record_get_attempt(
					   buf_span(&b[i]), &a_out, &fx.err)
				     : record_get_destination(
					   buf_span(&b[i]), &to_out, &fx.err),
			    -1);
		buf_free(&b[i]);
	}
}
END_TEST

/* --- stores of older releases --------------------------------------------- */

static void
remove_tables(const char *const *names, size_t n, bool and_level)
{
	char home[128];
	struct bdb_options opt = { .home = home, .cache = 1 << 20 };
	struct bdb *db;
	struct bdb_table *meta;
	struct bdb_txn *txn;
	bool found;
	size_t i;

	fx_close();
	snprintf(home, sizeof(home), "%s/db", fx.dir);
	ck_assert_int_eq(bdb_open(&opt, &db, &fx.err), 0);
	ck_assert_int_eq(
	    bdb_table_open(db, NULL, "meta", 0, false, &meta, &fx.err), 0);
	ck_assert_int_eq(bdb_begin(db, &txn, &fx.err), 0);
	for (i = 0; i < n; i++)
		ck_assert_int_eq(
		    bdb_table_remove(db, txn, names[i], &fx.err), 0);
	if (and_level)
		ck_assert_int_eq(
		    bdb_delete(meta, txn, span_str("tables"), &found, &fx.err),
		    0);
	ck_assert_int_eq(bdb_commit(txn, &fx.err), 0);
	bdb_table_close(meta);
	ck_assert_int_eq(bdb_checkpoint(db, &fx.err), 0);
	bdb_close(db);
}

static const char *const newer[] = { "destinations", "cursors", "deliveries",
	"notices", "held", "ignored" };

START_TEST(P12_a_store_from_before_delivery_opens_and_delivers)
{
	struct store_delivery d;
	uint64_t id;

	fx_added("orders", "s3cret-s3cret-s3cret");
	ck_assert_int_eq(fx_accept("evt_1", "x"), STORE_ACCEPTED);
	remove_tables(newer, NITEMS(newer), true);
	fx_open();
	ck_assert_uint_eq(fx_events(), 1);
	ck_assert_int_eq(fx_accept("evt_1", "x"), STORE_DUPLICATE);
	id = fx_destination("crm", DOC, 1);
	d = fx_row(id, 1, STORE_DELIVERY_RETRYING);
	fx_report_row(&d);
	fx_close();
	fx_open();
	ck_assert_int_eq(fx_state(id, 1), STORE_DELIVERY_RETRYING);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

static int
put_short_counts(struct store_tx *tx, void *arg, struct err *err)
{
	unsigned char key[8], value[8 * 2];

	(void)arg;
	be64_put(key, fx.endpoint_id);
	be64_put(value + 8 * STORE_COUNT_ACCEPTED, 11);
	be64_put(value + 8 * STORE_COUNT_DUPLICATE, 12);
	return bdb_put(fx.st->counts, tx->txn, span_of(key, sizeof(key)),
	    span_of(value, sizeof(value)), err);
}

START_TEST(P12_what_an_older_release_did_not_count_is_none)
{
	uint64_t counts[STORE_COUNTS];
	size_t i;

	fx_added("orders", NULL);
	fx_close();
	fx_open();
	ck_assert_int_eq(
	    store_say_notices(fx.st, put_short_counts, NULL, &fx.err), 0);
	fx_close();
	fx_open();
	store_counts(fx.st, fx.endpoint_id, counts);
	ck_assert_uint_eq(counts[STORE_COUNT_ACCEPTED], 11);
	ck_assert_uint_eq(counts[STORE_COUNT_DUPLICATE], 12);
	for (i = 2; i < STORE_COUNTS; i++)
		ck_assert_uint_eq(counts[i], 0);
}
END_TEST

START_TEST(a_table_that_is_lost_is_not_made_anew)
{
	struct store *st = NULL;

	remove_tables(newer, 1, false);
	ck_assert_int_eq(store_open(&fx.opt, &st, &fx.err), -1);
	ck_assert_int_eq(fx.err.code, ERR_CORRUPT);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_delivery");
	TCase *tc = tcase_create("store_delivery");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_test(tc, destinations_are_kept_and_change);
	tcase_add_test(tc, a_destination_has_secrets_as_an_endpoint_has);
	tcase_add_test(tc, another_key_seals_destinations_too);
	tcase_add_test(
	    tc, a_cursor_begins_where_it_is_told_and_never_moves_back);
	tcase_add_test(tc, a_row_is_kept_as_it_was_reported);
	tcase_add_loop_test(tc, an_operators_change_beats_a_late_report, 0,
	    (int)NITEMS(stamps));
	tcase_add_test(tc, stamps_are_never_given_twice);
	tcase_add_test(tc, a_removed_destination_takes_nothing_more);
	tcase_add_test(tc, the_same_report_twice_is_as_once);
	tcase_add_test(tc, a_report_is_taken_whole_or_not_at_all);
	tcase_add_test(tc, a_report_of_what_is_nothing_is_refused);
	tcase_add_test(tc, rows_are_counted_by_state);
	tcase_add_test(tc, rows_are_visited_in_order_from_a_seq_on);
	tcase_add_test(tc, what_matters_to_the_deliverer_is_told);
	tcase_add_test(tc, who_waits_is_woken_by_an_event_and_by_a_change);
	tcase_add_test(tc, a_time_has_its_seq);
	tcase_add_test(tc, eyelets_own_endpoint_takes_events);
	tcase_add_test(tc, P12_what_an_older_release_did_not_count_is_none);
	tcase_add_test(tc, a_record_is_whole_or_none);
	tcase_add_test(tc, P12_a_store_from_before_delivery_opens_and_delivers);
	tcase_add_test(tc, a_table_that_is_lost_is_not_made_anew);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
