/*
 * test_feed_serve.c: what the store's owner answers to the deliverer: all
 * that it needs, none that it may not have, and never later than it waits.
 */
#include "tests/stand/delivery_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"
#include "lib/ops/feed_serve.h"
#include "lib/owner/feed_impl.h"
#include "lib/owner/frame.h"
#include "lib/store/copy.h"

#define DOC "{\"url\":\"https://example.com/\"}"
#define LONG_MS 20000 /* a wait that nobody here waits for */
#define SOON_MS 10000 /* what is done at once, on a busy machine */

static struct {
	bool gone; /* the peer is */
	atomic_uint waiters;
	struct buf answer;
} owner = { .answer = { .max = FRAME_MAX } };

static bool
is_gone(void *arg)
{
	(void)arg;
	return owner.gone;
}

static int
serve(const struct feed_call *call)
{
	struct feed_peer peer = { .gone = is_gone, .waiters = &owner.waiters };
	struct buf bytes = BUF_INIT(FRAME_MAX);
	int ret;

	buf_clear(&owner.answer);
	ck_assert_int_eq(feed_put_call(call, &bytes, &fx.err), 0);
	ret =
	    feed_serve(fx.st, &peer, buf_span(&bytes), &owner.answer, &fx.err);
	if (ret < 0)
		ck_assert_uint_eq(owner.answer.len, 0);
	buf_free(&bytes);
	return ret;
}

static struct span
served(const struct feed_call *call)
{
	ck_assert_msg(serve(call) == 0, "%s", fx.err.text);
	return buf_span(&owner.answer);
}

static void
setup(void)
{
	fx_setup();
	fx_added("orders", "s3cret-s3cret-s3cret");
}

static void
teardown(void)
{
	buf_wipe(&owner.answer);
	owner.answer.max = FRAME_MAX;
	owner.gone = false;
	fx_teardown();
}

/* --- waiting -------------------------------------------------------------- */

/* What the owner says now. */
static struct feed_told
told(void)
{
	struct feed_call call = { .verb = FEED_WAIT };
	struct feed_told told;

	ck_assert_int_eq(feed_get_told(served(&call), &told, &fx.err), 0);
	return told;
}

START_TEST(a_wait_ends_with_what_it_waits_for)
{
	struct feed_told now;
	struct feed_call call = { .verb = FEED_WAIT, .wait_ms = LONG_MS };
	int64_t began_ms = clock_ms();

	fx_accept("evt_1", "x");
	now = told();
	ck_assert_uint_eq(now.durable_seq, store_durable_seq(fx.st));
	call.seq = now.durable_seq - 1; /* an event is above it */
	call.touched = now.touched;
	served(&call);
	call.seq = now.durable_seq;
	call.touched = now.touched - 1; /* something changed */
	served(&call);
	owner.gone = true;
	call.touched = now.touched;
	served(&call);
	ck_assert_int_lt(clock_ms() - began_ms, SOON_MS);
}
END_TEST

START_TEST(a_wait_takes_as_long_as_it_says)
{
	struct feed_told now = told();
	struct feed_call call = { .verb = FEED_WAIT,
		.seq = now.durable_seq,
		.touched = now.touched,
		.wait_ms = 400 };
	int64_t began_ms = clock_ms();

	served(&call);
	ck_assert_int_ge(clock_ms() - began_ms, 350);
}
END_TEST

START_TEST(more_than_some_do_not_wait)
{
	struct feed_told now = told();
	struct feed_call call = { .verb = FEED_WAIT,
		.seq = now.durable_seq,
		.touched = now.touched,
		.wait_ms = LONG_MS };
	int64_t began_ms = clock_ms();

	atomic_store(&owner.waiters, FEED_WAITERS_MAX);
	served(&call);
	ck_assert_int_lt(clock_ms() - began_ms, SOON_MS);
	ck_assert_uint_eq(atomic_load(&owner.waiters), FEED_WAITERS_MAX);
	atomic_store(&owner.waiters, 0);
}
END_TEST

/* --- settings ------------------------------------------------------------- */

struct adding_secret {
	uint64_t endpoint_id;
	enum secret_state state;
	const char *text;
	int64_t until_ms;
};

static int
add_secret(struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	const struct adding_secret *ad = arg;
	struct secret s = { .endpoint_id = ad->endpoint_id,
		.state = ad->state,
		.until_ms = ad->until_ms };

	(void)result;
	return store_tx_secret(tx, &s, span_str(ad->text), e) < 0
		   ? -1
		   : store_tx_audit(tx, "secret.add", "x", SPAN_EMPTY, e);
}

struct seen {
	size_t destinations, endpoints;
	bool right, removed;
};

static int
see_destination(void *arg, const struct feed_destination *d, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	seen->destinations++;
	if (!span_is(d->name, "crm"))
		return 0;
	seen->right = d->cursor == 1 && d->state == STORE_DESTINATION_ENABLED &&
		      span_is(d->doc, DOC) && d->nsecrets == 2 &&
		      d->secrets[0].state == SECRET_CURRENT &&
		      span_is(d->secrets[0].text, "whsec_current") &&
		      d->secrets[1].state == SECRET_PREVIOUS &&
		      span_is(d->secrets[1].text, "whsec_previous") &&
		      d->rows_touched == store_rows_touched(fx.st, d->id);
	return 0;
}

static int
see_endpoint(void *arg, const struct feed_endpoint *e, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	seen->endpoints++;
	if (span_is(e->name, "orders"))
		seen->removed = e->removed;
	return 0;
}

/* What signs goes out, current first; what verifies alone, or is over, not. */
START_TEST(settings_are_all_that_is_needed)
{
	struct feed_call call = { .verb = FEED_SETTINGS };
	int64_t now_ms = store_now_ms(fx.st);
	struct adding_secret secrets[] = {
		{ 0, SECRET_PREVIOUS, "whsec_previous", now_ms + 3600000 },
		{ 0, SECRET_PREVIOUS, "whsec_expired", now_ms - 1 },
		{ 0, SECRET_STAGED, "whsec_staged", 0 },
		{ 0, SECRET_CURRENT, "whsec_current", 0 },
	};
	uint64_t id = fx_destination("crm", DOC, 1), touched;
	struct seen seen = { 0 };
	size_t i;

	fx_set_state(fx_destination("gone", DOC, 1), STORE_DESTINATION_REMOVED);
	fx_set_state(fx_destination("off", DOC, 1), STORE_DESTINATION_PAUSED);
	for (i = 0; i < NITEMS(secrets); i++) {
		secrets[i].endpoint_id = id;
		fx_change(NULL, add_secret, &secrets[i], NULL);
	}
	ck_assert_int_eq(feed_get_settings(served(&call), &touched,
			     see_destination, see_endpoint, &seen, &fx.err),
	    0);
	ck_assert(seen.right);
	ck_assert_uint_eq(seen.destinations, 2);
	ck_assert_uint_ge(seen.endpoints, 1);
	ck_assert(!seen.removed);
	ck_assert_uint_eq(touched, store_touched(fx.st));
}
END_TEST

/* --- events --------------------------------------------------------------- */

struct found {
	size_t n;
	uint64_t first, last;
	char bodies[256];
};

static int
find_event(void *arg, const struct event *ev, struct err *err)
{
	struct found *f = arg;
	size_t len = strlen(f->bodies);

	(void)err;
	if (f->n++ == 0)
		f->first = ev->seq;
	f->last = ev->seq;
	if (ev->body.len < 8)
		snprintf(f->bodies + len, sizeof(f->bodies) - len, "%.*s",
		    (int)ev->body.len, (const char *)ev->body.ptr);
	return 0;
}

static struct found
found_by(const struct feed_call *call, uint64_t *next)
{
	struct found f = { 0 };

	ck_assert_int_eq(
	    feed_get_events(served(call), next, find_event, &f, &fx.err), 0);
	return f;
}

START_TEST(the_log_is_read_from_a_seq_on)
{
	struct feed_call call = { .verb = FEED_READ };
	uint64_t next, behind;
	struct found f;

	fx_accept("evt_1", "a");
	fx_accept("evt_2", "b");
	fx_accept("evt_3", "c");
	f = found_by(&call, &next);
	ck_assert_str_eq(f.bodies, "abc");
	ck_assert_uint_eq(next, store_durable_seq(fx.st) + 1);
	call.seq = f.first + 1;
	f = found_by(&call, &next);
	ck_assert_str_eq(f.bodies, "bc");
	/* At the end there is nothing, and nothing is passed over. */
	call.seq = behind = next;
	f = found_by(&call, &next);
	ck_assert_uint_eq(f.n, 0);
	ck_assert_uint_eq(next, behind);
}
END_TEST

START_TEST(an_answer_is_of_bounded_size)
{
	char *big = malloc(FEED_READ_MAX + 1);
	struct feed_call call = { .verb = FEED_READ };
	struct found f;
	uint64_t next;

	memset(big, 'x', FEED_READ_MAX);
	big[FEED_READ_MAX] = '\0';
	fx_accept("evt_1", big); /* the first always fits */
	fx_accept("evt_2", "b");
	f = found_by(&call, &next);
	ck_assert_uint_eq(f.n, 1);
	ck_assert_uint_gt(next, f.last);
	call.seq = next;
	f = found_by(&call, &next);
	ck_assert_str_eq(f.bodies, "b");
	free(big);
}
END_TEST

START_TEST(events_are_found_by_seq)
{
	struct feed_call read = { .verb = FEED_READ };
	struct found all, f;
	uint64_t seqs[3], next;
	struct feed_call call = {
		.verb = FEED_EVENTS, .seqs = seqs, .nseqs = NITEMS(seqs)
	};

	fx_accept("evt_1", "a");
	fx_accept("evt_2", "b");
	fx_accept("evt_3", "c");
	all = found_by(&read, &next);
	seqs[0] = all.first;
	seqs[1] = all.last;
	seqs[2] = all.last + 100; /* there is none */
	f = found_by(&call, &next);
	ck_assert_str_eq(f.bodies, "ac");
	ck_assert_uint_eq(next, all.last + 101);
}
END_TEST

/* --- rows and reports ----------------------------------------------------- */

struct rows {
	size_t n;
	uint64_t last;
	size_t excerpts;
};

static int
see_row(void *arg, const struct store_delivery *d, struct err *err)
{
	struct rows *rows = arg;

	(void)err;
	rows->n++;
	ck_assert_uint_gt(d->seq, rows->last);
	rows->last = d->seq;
	rows->excerpts += d->excerpt.len;
	return 0;
}

START_TEST(rows_come_in_pieces_and_without_what_is_over)
{
	static char excerpt[DELIVERY_EXCERPT_MAX];
	uint64_t id = fx_destination("crm", DOC, 1), next;
	struct feed_call call = { .verb = FEED_ROWS, .destination_id = id };
	struct store_delivery d = fx_row(id, 1, STORE_DELIVERY_RETRYING);
	struct rows rows = { 0 };
	size_t pieces = 0;

	memset(excerpt, 'e', sizeof(excerpt));
	d.excerpt = span_of(excerpt, sizeof(excerpt));
	for (d.seq = 1; d.seq <= 600; d.seq++)
		fx_report_row(&d);
	d.state = STORE_DELIVERY_DEAD;
	d.reason = span_str(DELIVERY_EXHAUSTED);
	fx_report_row(&d); /* above the cursor */
	d.seq = 7;
	fx_report_row(&d);
	fx_report_cursor(id, 601);
	do {
		ck_assert_int_eq(feed_get_rows(served(&call), &next, see_row,
				     &rows, &fx.err),
		    0);
		call.seq = next;
		pieces++;
	} while (next != 0);
	ck_assert_uint_gt(pieces, 1);
	ck_assert_uint_eq(rows.n, 600);
	ck_assert_uint_eq(rows.last, 601);
	call.destination_id = id + 50;
	ck_assert_int_eq(serve(&call), -1);
	ck_assert_int_eq(fx.err.code, ERR_NOTFOUND);
}
END_TEST

START_TEST(a_report_is_written_down)
{
	uint64_t id = fx_destination("crm", DOC, 1);
	struct store_report_item item = { .kind = STORE_REPORT_ROW,
		.delivery = fx_row(id, 1, STORE_DELIVERY_RETRYING) };
	struct store_report_cursor cursor = { id, 2 };
	struct store_report_failing failing = { id, { 5, 6 } };
	struct store_failing kept;
	struct feed_call call = { .verb = FEED_REPORT,
		.report = { .items = &item,
		    .nitems = 1,
		    .cursors = &cursor,
		    .ncursors = 1,
		    .failings = &failing,
		    .nfailings = 1 } };

	served(&call);
	ck_assert_int_eq(fx_state(id, 1), STORE_DELIVERY_RETRYING);
	ck_assert_uint_eq(fx_cursor(id), 2);
	ck_assert_int_eq(store_failing(fx.st, id, &kept, &fx.err), 0);
	ck_assert_int_eq(kept.for_ms, 5);
	ck_assert_int_eq(kept.at_ms, 6);
	item.kind = STORE_REPORT_DONE;
	served(&call);
	ck_assert_int_eq(fx_state(id, 1), 0);
}
END_TEST

/* A copy: nothing that a delivery is made of is handed out. */
START_TEST(a_copy_hands_nothing_out)
{
	uint64_t id = fx_destination("crm", DOC, 1), seqs[] = { 1 };
	struct store_report_cursor cursor = { id, 1 };
	const struct feed_call calls[] = {
		{ .verb = FEED_SETTINGS },
		{ .verb = FEED_ROWS, .destination_id = id },
		{ .verb = FEED_READ, .seq = 1 },
		{ .verb = FEED_EVENTS, .seqs = seqs, .nseqs = 1 },
	};
	struct feed_call report = { .verb = FEED_REPORT,
		.report = { .cursors = &cursor, .ncursors = 1 } };
	size_t i;

	fx_accept("evt_1", "{}");
	fx_close();
	fx_shell("rm \"$1/store.id\""); /* as in a copy */
	fx_open();
	for (i = 0; i < NITEMS(calls); i++) {
		ck_assert_int_eq(serve(&calls[i]), -1);
		ck_assert_int_eq(fx.err.code, ERR_HELD);
		ck_assert_ptr_nonnull(
		    strstr(fx.err.text, "eyelet-store adopt"));
	}
	served(&report);
	told();
	ck_assert_int_eq(store_adopt(fx.st, &fx.err), 0);
	for (i = 0; i < NITEMS(calls); i++)
		served(&calls[i]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("feed_serve");
	TCase *tc = tcase_create("feed_serve");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_wait_ends_with_what_it_waits_for);
	tcase_add_test(tc, a_wait_takes_as_long_as_it_says);
	tcase_add_test(tc, more_than_some_do_not_wait);
	tcase_add_test(tc, settings_are_all_that_is_needed);
	tcase_add_test(tc, the_log_is_read_from_a_seq_on);
	tcase_add_test(tc, an_answer_is_of_bounded_size);
	tcase_add_test(tc, events_are_found_by_seq);
	tcase_add_test(tc, rows_come_in_pieces_and_without_what_is_over);
	tcase_add_test(tc, a_report_is_written_down);
	tcase_add_test(tc, a_copy_hands_nothing_out);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
