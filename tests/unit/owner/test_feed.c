/*
 * test_feed.c: what the deliverer asks and is told comes out as it went in,
 * and whatever else comes in is refused without a byte read outside it, and
 * without a visitor that saw some of it. Inputs stand in memory of exactly
 * their size, so AddressSanitizer sees such a read.
 */
#include "lib/owner/feed_impl.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

#define ROOM 65536

static const uint64_t some_seqs[] = { 3, 7, 1ull << 40 };

static struct store_delivery
a_delivery(void)
{
	struct store_delivery d = { .destination_id = 4,
		.seq = 77,
		.endpoint_id = 2,
		.stamp = 9,
		.state = STORE_DELIVERY_RETRYING,
		.attempts = 6,
		.planned = 5,
		.since_ms = 1700000000000,
		.due_ms = 1700000060000,
		.last_ms = 1700000000500,
		.status = 503,
		.reason = span_str(DELIVERY_EXHAUSTED),
		.words = span_str("503 Service Unavailable"),
		.excerpt = span_of("\0<html>\xff", 8),
		.id = span_str("evt_1"),
		.type = span_str("order.paid"),
		.key = span_str("customer-7") };

	return d;
}

static const struct store_attempt an_attempt = { .seq = 77,
	.destination_id = 4,
	.no = 6,
	.result = STORE_ATTEMPT_FAILED,
	.at_ms = 1700000000500,
	.took_us = 12345,
	.next_ms = 1700000060000,
	.status = 503,
	.words = { "busy", 4 } };

static const struct store_report_cursor some_cursors[] = { { 4, 78 },
	{ 5, 1 } };
static const struct store_report_failing some_failings[] = { { 4,
    { 1000, 1700000000000 } } };

/* A call of each kind; the report's items are the caller's. */
static struct feed_call
a_call(enum feed_verb verb, struct store_report_item items[3])
{
	struct feed_call call = { .verb = verb,
		.seq = 12,
		.touched = 34,
		.wait_ms = FEED_WAIT_MAX_MS,
		.destination_id = 4,
		.seqs = some_seqs,
		.nseqs = NITEMS(some_seqs) };

	memset(items, 0, 3 * sizeof(items[0]));
	items[0].kind = STORE_REPORT_ROW;
	items[0].delivery = a_delivery();
	items[0].has_attempt = true;
	items[0].attempt = an_attempt;
	items[1].kind = STORE_REPORT_DONE;
	items[1].delivery.destination_id = 4;
	items[1].delivery.seq = 76;
	items[2].kind = STORE_REPORT_ROW;
	items[2].delivery = a_delivery();
	call.report.items = items;
	call.report.nitems = 3;
	call.report.cursors = some_cursors;
	call.report.ncursors = NITEMS(some_cursors);
	call.report.failings = some_failings;
	call.report.nfailings = NITEMS(some_failings);
	return call;
}

static void
put_call(enum feed_verb verb, struct buf *out)
{
	struct store_report_item items[3];
	struct feed_call call = a_call(verb, items);
	struct err err = ERR_INIT;

	ck_assert_msg(feed_put_call(&call, out, &err) == 0, "%s", err.text);
}

/* --- calls ---------------------------------------------------------------- */

static bool
same_delivery(const struct store_delivery *a, const struct store_delivery *b)
{
	return a->destination_id == b->destination_id && a->seq == b->seq &&
	       a->endpoint_id == b->endpoint_id && a->stamp == b->stamp &&
	       a->state == b->state && a->attempts == b->attempts &&
	       a->planned == b->planned && a->since_ms == b->since_ms &&
	       a->due_ms == b->due_ms && a->last_ms == b->last_ms &&
	       a->status == b->status && span_eq(a->reason, b->reason) &&
	       span_eq(a->words, b->words) && span_eq(a->excerpt, b->excerpt) &&
	       span_eq(a->id, b->id) && span_eq(a->type, b->type) &&
	       span_eq(a->key, b->key);
}

static bool
same_attempt(const struct store_attempt *a, const struct store_attempt *b)
{
	return a->seq == b->seq && a->destination_id == b->destination_id &&
	       a->no == b->no && a->result == b->result &&
	       a->at_ms == b->at_ms && a->took_us == b->took_us &&
	       a->next_ms == b->next_ms && a->status == b->status &&
	       span_eq(a->words, b->words);
}

static bool
same_report(const struct store_report *a, const struct store_report *b)
{
	size_t i;

	if (a->nitems != b->nitems || a->ncursors != b->ncursors ||
	    a->nfailings != b->nfailings)
		return false;
	for (i = 0; i < a->nitems; i++)
		if (a->items[i].kind != b->items[i].kind ||
		    a->items[i].has_attempt != b->items[i].has_attempt ||
		    !same_delivery(
			&a->items[i].delivery, &b->items[i].delivery) ||
		    (a->items[i].has_attempt &&
			!same_attempt(
			    &a->items[i].attempt, &b->items[i].attempt)))
			return false;
	for (i = 0; i < a->ncursors; i++)
		if (a->cursors[i].destination_id !=
			b->cursors[i].destination_id ||
		    a->cursors[i].seq != b->cursors[i].seq)
			return false;
	for (i = 0; i < a->nfailings; i++)
		if (a->failings[i].destination_id !=
			b->failings[i].destination_id ||
		    a->failings[i].failing.for_ms !=
			b->failings[i].failing.for_ms ||
		    a->failings[i].failing.at_ms !=
			b->failings[i].failing.at_ms)
			return false;
	return true;
}

/* Reads a call that stands in memory of exactly its size. */
static int
read_call(const unsigned char *bytes, size_t len, struct err *err)
{
	unsigned char *copy = malloc(len == 0 ? 1 : len);
	struct feed_got got = FEED_GOT_INIT;
	int ret;

	ck_assert_ptr_nonnull(copy);
	if (len > 0)
		memcpy(copy, bytes, len);
	ret = feed_get_call(span_of(copy, len), &got, err);
	feed_got_free(&got);
	free(copy);
	return ret;
}

static const enum feed_verb verbs[] = { FEED_WAIT, FEED_SETTINGS, FEED_ROWS,
	FEED_READ, FEED_EVENTS, FEED_REPORT };

START_TEST(a_call_comes_back_as_it_went)
{
	struct store_report_item items[3];
	struct feed_call sent = a_call(verbs[_i], items), *call;
	struct feed_got got = FEED_GOT_INIT;
	struct buf out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;

	call = &got.call;
	ck_assert_int_eq(feed_put_call(&sent, &out, &err), 0);
	ck_assert_msg(
	    feed_get_call(buf_span(&out), &got, &err) == 0, "%s", err.text);
	ck_assert_int_eq(call->verb, sent.verb);
	if (sent.verb == FEED_WAIT || sent.verb == FEED_ROWS ||
	    sent.verb == FEED_READ)
		ck_assert_uint_eq(call->seq, 12);
	if (sent.verb == FEED_WAIT) {
		ck_assert_uint_eq(call->touched, 34);
		ck_assert_int_eq(call->wait_ms, FEED_WAIT_MAX_MS);
	}
	if (sent.verb == FEED_ROWS)
		ck_assert_uint_eq(call->destination_id, 4);
	if (sent.verb == FEED_EVENTS) {
		ck_assert_uint_eq(call->nseqs, NITEMS(some_seqs));
		ck_assert_mem_eq(call->seqs, some_seqs, sizeof(some_seqs));
	}
	if (sent.verb == FEED_REPORT)
		ck_assert(same_report(&call->report, &sent.report));
	feed_got_free(&got);
	buf_free(&out);
}
END_TEST

START_TEST(no_part_of_a_call_is_one)
{
	struct buf out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;
	size_t len;

	put_call(verbs[_i], &out);
	for (len = 0; len < out.len; len++) {
		ck_assert_int_eq(read_call(out.ptr, len, &err), -1);
		ck_assert_int_eq(err.code, ERR_INPUT);
	}
	ck_assert_int_eq(buf_putc(&out, 0, &err), 0);
	ck_assert_int_eq(read_call(out.ptr, out.len, &err), -1);
	ck_assert_int_eq(err.code, ERR_INPUT);
	buf_free(&out);
}
END_TEST

START_TEST(a_changed_bit_of_a_call_is_never_read_outside)
{
	struct buf out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;
	size_t bit;

	put_call(verbs[_i], &out);
	for (bit = 0; bit < out.len * 8; bit++) {
		out.ptr[bit / 8] ^= (unsigned char)(1u << bit % 8);
		if (read_call(out.ptr, out.len, &err) < 0)
			ck_assert_int_eq(err.code, ERR_INPUT);
		out.ptr[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	buf_free(&out);
}
END_TEST

/* Calls that say what may not be. */
#define LONG_0 "\0\0\0\0\0\0\0\0"
static const struct {
	const char *when, *bytes;
	size_t len;
	int want;
} calls[] = {
	{ "nothing", "", 0, -1 },
	{ "verb 0", "\0", 1, -1 },
	{ "settings", "\2", 1, 0 },
	{ "a verb above", "\7", 1, -1 },
	{ "a wait of the longest time", "\1" LONG_0 LONG_0 "\0\0\x75\x30", 21,
	    0 },
	{ "a wait above", "\1" LONG_0 LONG_0 "\0\0\x75\x31", 21, -1 },
	{ "no events", "\5\0\0\0\0", 5, -1 },
	{ "one event", "\5\0\0\0\1\0\0\0\0\0\0\0\2", 13, 0 },
	{ "one event twice", "\5\0\0\0\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\2", 21,
	    -1 },
	{ "events that go down", "\5\0\0\0\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1",
	    21, -1 },
	{ "events by the billion", "\5\xff\xff\xff\xff\0\0\0\0\0\0\0\2", 13,
	    -1 },
	{ "an empty report", "\6\0\0\0\0\0\0\0\0\0\0\0\0", 13, 0 },
	{ "failings by the billion", "\6\0\0\0\0\0\0\0\0\xff\xff\xff\xff", 13,
	    -1 },
	{ "a failing since before 1970",
	    "\6\0\0\0\0\0\0\0\0\0\0\0\1" LONG_0 LONG_0 "\xff\0\0\0\0\0\0\0", 37,
	    -1 },
	{ "items by the billion", "\6\xff\xff\xff\xff\0\0\0\0", 9, -1 },
	{ "cursors by the billion", "\6\0\0\0\0\xff\xff\xff\xff", 9, -1 },
	{ "an item of a kind there is not",
	    "\6\0\0\0\1\3\0" LONG_0 LONG_0 LONG_0 "\0\0\0\0", 35, -1 },
	{ "a done one",
	    "\6\0\0\0\1\2\0" LONG_0 LONG_0 LONG_0 "\0\0\0\0\0\0\0\0", 39, 0 },
};

START_TEST(a_call_keeps_to_its_limits)
{
	struct err err = ERR_INIT;

	ck_assert_msg(read_call((const unsigned char *)calls[_i].bytes,
			  calls[_i].len, &err) == calls[_i].want,
	    "%s: %s", calls[_i].when, err.text);
}
END_TEST

/* What a row may hold at most, and one byte more. */
static const struct {
	const char *when;
	size_t id, type, key, words, excerpt, reason;
	int want;
} rows[] = {
	{ "the longest of all", 256, 256, DESTINATION_KEY_MAX,
	    DELIVERY_WORDS_MAX, DELIVERY_EXCERPT_MAX, 32, 0 },
	{ "an id above", 257, 0, 0, 0, 0, 0, -1 },
	{ "a type above", 0, 257, 0, 0, 0, 0, -1 },
	{ "a key above", 0, 0, DESTINATION_KEY_MAX + 1, 0, 0, 0, -1 },
	{ "words above", 0, 0, 0, DELIVERY_WORDS_MAX + 1, 0, 0, -1 },
	{ "an excerpt above", 0, 0, 0, 0, DELIVERY_EXCERPT_MAX + 1, 0, -1 },
	{ "a reason above", 0, 0, 0, 0, 0, 33, -1 },
};

START_TEST(a_row_keeps_to_its_limits)
{
	static char as[DELIVERY_EXCERPT_MAX + 1];
	struct store_report_item item = { .kind = STORE_REPORT_ROW,
		.delivery = a_delivery() };
	struct feed_call call = { .verb = FEED_REPORT,
		.report = { .items = &item, .nitems = 1 } };
	struct buf out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;

	memset(as, 'a', sizeof(as));
	item.delivery.id = span_of(as, rows[_i].id);
	item.delivery.type = span_of(as, rows[_i].type);
	item.delivery.key = span_of(as, rows[_i].key);
	item.delivery.words = span_of(as, rows[_i].words);
	item.delivery.excerpt = span_of(as, rows[_i].excerpt);
	item.delivery.reason = span_of(as, rows[_i].reason);
	ck_assert_int_eq(feed_put_call(&call, &out, &err), 0);
	ck_assert_msg(read_call(out.ptr, out.len, &err) == rows[_i].want,
	    "%s: %s", rows[_i].when, err.text);
	buf_free(&out);
}
END_TEST

START_TEST(more_than_a_call_holds_is_not_sent)
{
	static struct store_report_item items[STORE_REPORT_ITEMS_MAX + 1];
	struct feed_call call = { .verb = FEED_REPORT,
		.report = { .items = items, .nitems = NITEMS(items) } };
	struct buf out = BUF_INIT(1024 * 1024);
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(items); i++)
		items[i].kind = STORE_REPORT_DONE;
	ck_assert_int_eq(feed_put_call(&call, &out, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	buf_clear(&out);
	call.report.nitems--;
	ck_assert_int_eq(feed_put_call(&call, &out, &err), 0);
	ck_assert_int_eq(read_call(out.ptr, out.len, &err), 0);
	buf_free(&out);
}
END_TEST

/* --- answers -------------------------------------------------------------- */

static const struct event events[] = {
	{ .seq = 5,
	    .endpoint_id = 2,
	    .secret_id = 3,
	    .received_ms = 1700000000000,
	    .flags = EVENT_TEST | EVENT_TYPES_PARTIAL,
	    .id = { "evt_5", 5 },
	    .type = { "order.paid", 10 },
	    .types = { "\0\1a\0\12order.paid", 15 },
	    .content_type = { "application/json", 16 },
	    .headers = { "a: 1\n", 5 },
	    .body = { "{\0}\xff", 4 } },
	{ .seq = (1ull << 40) + 1, .endpoint_id = 2, .id = { "x", 1 } },
};

static bool
same_event(const struct event *a, const struct event *b)
{
	return a->seq == b->seq && a->endpoint_id == b->endpoint_id &&
	       a->secret_id == b->secret_id &&
	       a->received_ms == b->received_ms && a->flags == b->flags &&
	       span_eq(a->id, b->id) && span_eq(a->type, b->type) &&
	       span_eq(a->types, b->types) &&
	       span_eq(a->content_type, b->content_type) &&
	       span_eq(a->headers, b->headers) && span_eq(a->body, b->body);
}

enum answer {
	TOLD,
	SETTINGS,
	ROWS,
	EVENTS,
	ANSWERS
};

#define PUT(put) ck_assert_int_eq((put), 0)

static void
put_secret(struct buf *out, uint64_t id, enum secret_state state,
    int64_t until_ms, const char *text)
{
	struct err err = ERR_INIT;

	PUT(pack_put64(out, id, &err));
	PUT(pack_put8(out, state, &err));
	PUT(pack_put_ms(out, until_ms, &err));
	PUT(pack_put_bytes(out, 4, span_str(text), &err));
}

static void
put_settings(struct buf *out)
{
	struct err err = ERR_INIT;
	uint64_t n;

	PUT(pack_put32(out, 1, &err));
	/* id, generation, cursor, rows touched, failing for, failed at */
	for (n = 4; n < 10; n++)
		PUT(pack_put64(out, n, &err));
	PUT(pack_put8(out, STORE_DESTINATION_PAUSED, &err));
	PUT(pack_put_bytes(out, 1, span_str("crm"), &err));
	PUT(pack_put_bytes(out, 4, span_str("{\"url\":1}"), &err));
	PUT(pack_put8(out, 2, &err));
	put_secret(out, 11, SECRET_CURRENT, 0, "whsec_new");
	put_secret(out, 10, SECRET_PREVIOUS, 1700000000000, "whsec_old");
	PUT(pack_put32(out, 1, &err));
	PUT(pack_put64(out, 2, &err));
	PUT(pack_put8(out, 1, &err));
	PUT(pack_put_bytes(out, 1, span_str("shop"), &err));
}

/* An answer of each kind, put as the owner does. */
static void
put_answer(enum answer kind, struct buf *out)
{
	struct store_delivery d = a_delivery();
	struct err err = ERR_INIT;
	size_t i;

	PUT(pack_put64(out, 99, &err));
	if (kind == TOLD)
		PUT(pack_put64(out, 34, &err));
	if (kind == SETTINGS)
		put_settings(out);
	if (kind == ROWS) {
		PUT(pack_put32(out, 1, &err));
		PUT(feed_put_delivery(out, &d, &err));
	}
	if (kind == EVENTS) {
		PUT(pack_put32(out, NITEMS(events), &err));
		for (i = 0; i < NITEMS(events); i++)
			PUT(feed_put_event(out, &events[i], &err));
	}
}

/* What visitors saw. */
struct seen {
	struct span all; /* what they were shown must lie in it */
	size_t destinations, endpoints, rows, events;
	bool right;
};

static bool
lies_in(struct span inner, struct span outer)
{
	const unsigned char *i = inner.ptr, *o = outer.ptr;

	return inner.len == 0 || (i >= o && i + inner.len <= o + outer.len);
}

static int
see_destination(void *arg, const struct feed_destination *d, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	seen->destinations++;
	ck_assert(lies_in(d->name, seen->all) && lies_in(d->doc, seen->all));
	seen->right =
	    d->id == 4 && d->generation == 5 && d->cursor == 6 &&
	    d->rows_touched == 7 && d->failing.for_ms == 8 &&
	    d->failing.at_ms == 9 && d->state == STORE_DESTINATION_PAUSED &&
	    span_is(d->name, "crm") && span_is(d->doc, "{\"url\":1}") &&
	    d->nsecrets == 2 && d->secrets[0].id == 11 &&
	    d->secrets[0].state == SECRET_CURRENT &&
	    span_is(d->secrets[0].text, "whsec_new") &&
	    d->secrets[1].state == SECRET_PREVIOUS &&
	    d->secrets[1].until_ms == 1700000000000 &&
	    span_is(d->secrets[1].text, "whsec_old");
	return 0;
}

static int
see_endpoint(void *arg, const struct feed_endpoint *e, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	seen->endpoints++;
	ck_assert(lies_in(e->name, seen->all));
	seen->right =
	    seen->right && e->id == 2 && e->removed && span_is(e->name, "shop");
	return 0;
}

static int
see_row(void *arg, const struct store_delivery *d, struct err *err)
{
	struct store_delivery want = a_delivery();
	struct seen *seen = arg;

	(void)err;
	seen->rows++;
	ck_assert(lies_in(d->excerpt, seen->all));
	seen->right = same_delivery(d, &want);
	return 0;
}

static int
see_event(void *arg, const struct event *ev, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	ck_assert(lies_in(ev->body, seen->all));
	seen->right = seen->events < NITEMS(events) &&
		      same_event(ev, &events[seen->events]);
	seen->events++;
	return 0;
}

/* Reads an answer that stands in memory of exactly its size. */
static int
read_answer(enum answer kind, const unsigned char *bytes, size_t len,
    struct seen *seen, struct err *err)
{
	unsigned char *copy = malloc(len == 0 ? 1 : len);
	struct feed_told told = { 0 };
	uint64_t number = 0;
	struct span in;
	int ret = -1;

	ck_assert_ptr_nonnull(copy);
	if (len > 0)
		memcpy(copy, bytes, len);
	in = span_of(copy, len);
	memset(seen, 0, sizeof(*seen));
	seen->all = in;
	if (kind == TOLD) {
		ret = feed_get_told(in, &told, err);
		number = told.durable_seq;
		seen->right = told.touched == 34;
	} else if (kind == SETTINGS) {
		ret = feed_get_settings(
		    in, &number, see_destination, see_endpoint, seen, err);
	} else if (kind == ROWS) {
		ret = feed_get_rows(in, &number, see_row, seen, err);
	} else {
		ret = feed_get_events(in, &number, see_event, seen, err);
	}
	seen->right = seen->right && number == 99;
	free(copy);
	return ret;
}

START_TEST(an_answer_comes_back_as_it_went)
{
	struct buf out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;
	struct seen seen;

	put_answer((enum answer)_i, &out);
	ck_assert_msg(
	    read_answer((enum answer)_i, out.ptr, out.len, &seen, &err) == 0,
	    "%s", err.text);
	ck_assert(seen.right);
	ck_assert_uint_eq(seen.destinations, _i == SETTINGS ? 1 : 0);
	ck_assert_uint_eq(seen.endpoints, _i == SETTINGS ? 1 : 0);
	ck_assert_uint_eq(seen.rows, _i == ROWS ? 1 : 0);
	ck_assert_uint_eq(seen.events, _i == EVENTS ? NITEMS(events) : 0);
	buf_free(&out);
}
END_TEST

START_TEST(nobody_sees_part_of_an_answer)
{
	struct buf out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;
	struct seen seen;
	size_t len;

	put_answer((enum answer)_i, &out);
	for (len = 0; len < out.len; len++) {
		ck_assert_int_eq(
		    read_answer((enum answer)_i, out.ptr, len, &seen, &err),
		    -1);
		ck_assert_int_eq(err.code, ERR_INPUT);
		ck_assert_uint_eq(seen.destinations + seen.endpoints +
				      seen.rows + seen.events,
		    0);
	}
	buf_free(&out);
}
END_TEST

START_TEST(a_changed_bit_of_an_answer_is_never_read_outside)
{
	struct buf out = BUF_INIT(ROOM);
	struct err err = ERR_INIT;
	struct seen seen;
	size_t bit;

	put_answer((enum answer)_i, &out);
	for (bit = 0; bit < out.len * 8; bit++) {
		out.ptr[bit / 8] ^= (unsigned char)(1u << bit % 8);
		if (read_answer(
			(enum answer)_i, out.ptr, out.len, &seen, &err) < 0)
			ck_assert_uint_eq(seen.destinations + seen.endpoints +
					      seen.rows + seen.events,
			    0);
		out.ptr[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	buf_free(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("feed");
	TCase *tc = tcase_create("feed");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_call_comes_back_as_it_went, 0, NITEMS(verbs));
	tcase_add_loop_test(tc, no_part_of_a_call_is_one, 0, NITEMS(verbs));
	tcase_add_loop_test(tc, a_changed_bit_of_a_call_is_never_read_outside,
	    0, NITEMS(verbs));
	tcase_add_loop_test(tc, a_call_keeps_to_its_limits, 0, NITEMS(calls));
	tcase_add_loop_test(tc, a_row_keeps_to_its_limits, 0, NITEMS(rows));
	tcase_add_test(tc, more_than_a_call_holds_is_not_sent);
	tcase_add_loop_test(tc, an_answer_comes_back_as_it_went, 0, ANSWERS);
	tcase_add_loop_test(tc, nobody_sees_part_of_an_answer, 0, ANSWERS);
	tcase_add_loop_test(
	    tc, a_changed_bit_of_an_answer_is_never_read_outside, 0, ANSWERS);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
