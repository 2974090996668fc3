/*
 * What administrators see of events, on a real store: which of them a filter
 * lets through, in which order, and that whatever an event holds comes out as
 * strict JSON with nothing in it that drives a terminal.
 */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/encode.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/json/scan.h"
#include "lib/owner/frame.h"
#include "lib/store/store.h"
#include "tests/stand/ops_stand.h"

#define KINDS_MAX 10000 /* kinds that stats tells apart */
#define MANY (KINDS_MAX + 50)
#define HAND_IN_TRIES 30

/* What is in the log, in its order. */
static const struct event_row {
	uint64_t endpoint_id; /* 1 shop, 2 till, 3 gone (removed) */
	const char *type, *id, *body;
	unsigned flags;
} log_rows[] = {
	{ 1, "order.paid", "evt_1", "{\"a\":1}", 0 },
	{ 1, "order.draft", "evt_2", "{\"a\":2}", 0 },
	{ 2, "order.paid", "evt_1", "{\"a\":3}", 0 },
	{ 3, "user.new", "evt_9", "{}", 0 },
	{ 1, "", "sha256:ab", "plain text", EVENT_NO_ID },
	{ 1, "test.event", "evt_t", "{}", EVENT_TEST },
	{ 1, "test.event", "evt_t", "{}", EVENT_TEST },
	{ 2, "user.new", "evt_3", "", 0 },
};

struct waiting {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	size_t left;
};

static void
item_done(struct store_item *item)
{
	struct waiting *w = item->arg;

	pthread_mutex_lock(&w->mutex);
	w->left--;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

static uint64_t
generation_of(uint64_t endpoint_id)
{
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct err err = ERR_INIT;
	struct store_endpoint ep;
	bool found;

	ck_assert_int_eq(store_endpoint_by_id(stand_store(), NULL, endpoint_id,
			     &ep, &doc, &found, &err),
	    0);
	ck_assert(found);
	buf_free(&doc);
	return ep.generation;
}

/*
 * Hands one event in; *seq is its place in the log. False: the disk did not
 * confirm it in time.
 */
static bool
try_hand_in(const struct event *ev, enum store_outcome *outcome, uint64_t *seq)
{
	struct waiting w = { PTHREAD_MUTEX_INITIALIZER,
		PTHREAD_COND_INITIALIZER, 1 };
	struct store_item item;
	struct err err = ERR_INIT;

	memset(&item, 0, sizeof(item));
	item.event = *ev;
	ck_assert_int_eq(
	    dedupe_identify_own(ev->body, true, &item.identity, &err), 0);
	item.generation = generation_of(ev->endpoint_id);
	item.done = item_done;
	item.arg = &w;
	store_submit(stand_store(), &item);
	pthread_mutex_lock(&w.mutex);
	while (w.left > 0)
		pthread_cond_wait(&w.cond, &w.mutex);
	pthread_mutex_unlock(&w.mutex);
	*outcome = item.outcome;
	*seq = item.seq;
	if (item.outcome == STORE_FAILED && item.err.code == ERR_TIMEOUT)
		return false;
	ck_assert_msg(item.outcome != STORE_FAILED, "%s", item.err.text);
	return true;
}

/* As a provider does, hands in again what a slow disk confirms late. */
static enum store_outcome
hand_in(const struct event *ev, uint64_t *seq)
{
	enum store_outcome outcome;
	bool late = false;
	int tries = 0;

	while (!try_hand_in(ev, &outcome, seq)) {
		late = true;
		ck_assert_int_lt(++tries, HAND_IN_TRIES);
		sleep(1);
	}
	return late && outcome == STORE_DUPLICATE ? STORE_ACCEPTED : outcome;
}

/* Puts one event into the log; its outcome must be as given. */
static uint64_t
put_event(const struct event *ev, enum store_outcome want)
{
	uint64_t seq = 0;

	ck_assert_int_eq(hand_in(ev, &seq), want);
	return seq;
}

static uint64_t
put_row(const struct event_row *row, enum store_outcome want)
{
	struct event ev = { .endpoint_id = row->endpoint_id,
		.secret_id = row->endpoint_id,
		.flags = row->flags,
		.id = span_str(row->id),
		.type = span_str(row->type),
		.content_type = span_str("application/json"),
		.headers = span_str("x-a: 1\nx-b: two\n"),
		.body = span_str(row->body) };

	return put_event(&ev, want);
}

#define ADD(name, secret)                                            \
	"{\"op\":\"endpoint.add\",\"endpoint\":\"" name              \
	"\",\"settings\":{\"scheme\":\"nimbus\",\"title\":\"T " name \
	"\",\"labels\":{\"k\":\"v\"}},\"secret_b64\":\"@" secret "@\"}"

static void
fill(void)
{
	size_t i;

	stand_open();
	stand_do(ADD("shop", "A"));
	stand_do(ADD("till", "B"));
	stand_do(ADD("gone", "C"));
	for (i = 0; i < NITEMS(log_rows); i++)
		put_row(&log_rows[i], STORE_ACCEPTED);
	stand_do("{\"op\":\"endpoint.remove\",\"endpoint\":\"gone\"}");
}

/* --- which, and in which order -------------------------------------------- */

static const struct {
	const char *when, *members;
	const char *listed; /* the seqs, newest first */
} filters[] = {
	{ "all", "", "8 7 6 5 4 3 2 1" },
	{ "a limit", ",\"limit\":3", "8 7 6" },
	{ "an endpoint", ",\"endpoint\":\"till\"", "8 3" },
	{ "a removed endpoint", ",\"endpoint\":\"gone\"", "4" },
	{ "a type", ",\"type\":\"order.paid\"", "3 1" },
	{ "a pattern", ",\"type\":\"order.*\"", "3 2 1" },
	{ "an exclusion", ",\"type\":\"!order.*,!test.event\"", "8 5 4" },
	{ "types at an endpoint", ",\"type\":\"order.*\",\"endpoint\":\"shop\"",
	    "2 1" },
	{ "an id at two endpoints", ",\"id\":\"evt_1\"", "1 3" },
	{ "an id at one endpoint", ",\"id\":\"evt_1\",\"endpoint\":\"till\"",
	    "3" },
	{ "an id and another type", ",\"id\":\"evt_1\",\"type\":\"user.*\"",
	    "" },
	{ "an id of test events", ",\"id\":\"evt_t\"", "7 6" },
	{ "an id there is not", ",\"id\":\"evt\"", "" },
	{ "a digest as id", ",\"id\":\"sha256:ab\"", "5" },
	{ "an id of a removed endpoint", ",\"id\":\"evt_9\"", "4" },
	{ "accepted ones", ",\"status\":\"accepted\"", "8 5 4 3 2 1" },
	{ "test ones", ",\"status\":\"test\"", "7 6" },
	{ "an id of test events, accepted",
	    ",\"id\":\"evt_t\",\"status\":\"accepted\"", "" },
	{ "an accepted id, as a test", ",\"id\":\"evt_2\",\"status\":\"test\"",
	    "" },
	{ "long ago until now", ",\"since_ms\":1000", "8 7 6 5 4 3 2 1" },
	{ "until long ago", ",\"until_ms\":1000", "" },
	{ "since the far future", ",\"since_ms\":9000000000000", "" },
	{ "an id until long ago", ",\"id\":\"evt_1\",\"until_ms\":1000", "" },
};

/* The seqs of an answer's rows; backwards when asked for. */
static void
seqs_of(const struct answer *an, bool backwards, char *out, size_t room)
{
	struct span rest = buf_span(&an->all), line, raw;
	char one[32], all[256] = "";

	out[0] = '\0';
	while (rest.len > 0) {
		line = span_of(rest.ptr, span_find(rest, '\n'));
		rest = span_skip(rest, line.len + 1);
		ck_assert_int_ne(json_find(line, "/seq", &raw), JSON_ABSENT);
		snprintf(one, sizeof(one), "%.*s", (int)raw.len,
		    (const char *)raw.ptr);
		if (out[0] == '\0')
			snprintf(all, sizeof(all), "%s", one);
		else if (backwards)
			snprintf(all, sizeof(all), "%s %s", one, out);
		else
			snprintf(all, sizeof(all), "%s %s", out, one);
		snprintf(out, room, "%s", all);
	}
}

START_TEST(filter_lets_through)
{
	struct err err = ERR_INIT;
	struct answer an;
	char call[256], got[256];

	snprintf(call, sizeof(call), "{\"op\":\"event.list\"%s}",
	    filters[_i].members);
	ck_assert_msg(stand_ask(call, &an, &err) == 0, "%s: %s",
	    filters[_i].when, err.text);
	seqs_of(&an, false, got, sizeof(got));
	ck_assert_msg(strcmp(got, filters[_i].listed) == 0, "%s: %s, not %s",
	    filters[_i].when, got, filters[_i].listed);
	ck_assert(stand_has(buf_span(&an.progress), "/done", "true"));
	stand_free(&an);
}
END_TEST

/* Export has the same events, the oldest first (by id: as they are found). */
START_TEST(export_is_list_turned_over)
{
	struct err err = ERR_INIT;
	struct answer an;
	char call[256], got[256];
	bool by_id = strstr(filters[_i].members, "\"id\"") != NULL;
	bool limited = strstr(filters[_i].members, "limit") != NULL;

	snprintf(call, sizeof(call), "{\"op\":\"event.export\"%s}",
	    filters[_i].members);
	ck_assert_msg(stand_ask(call, &an, &err) == 0, "%s: %s",
	    filters[_i].when, err.text);
	seqs_of(&an, !(by_id && strstr(filters[_i].listed, "1 3") != NULL), got,
	    sizeof(got));
	ck_assert_msg(strcmp(got, limited ? "3 2 1" : filters[_i].listed) == 0,
	    "%s: %s, not %s", filters[_i].when, got, filters[_i].listed);
	stand_free(&an);
}
END_TEST

START_TEST(status_is_one_of_two)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_int_eq(
	    stand_ask("{\"op\":\"event.list\",\"status\":\"tset\"}", &an, &err),
	    -1);
	ck_assert_int_eq(err.code, ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err.text, "\"tset\""));
	stand_free(&an);
}
END_TEST

/* --- what comes ----------------------------------------------------------- */

static const struct {
	const char *when, *members, *given, *next;
} follows[] = {
	{ "from now on", "", "", "9" },
	{ "the last three", ",\"last\":3", "6 7 8", "9" },
	{ "the last two orders", ",\"last\":2,\"type\":\"order.*\"", "2 3",
	    "9" },
	{ "the last test", ",\"last\":1,\"status\":\"test\"", "7", "9" },
	{ "the last of an endpoint", ",\"last\":1,\"endpoint\":\"gone\"", "4",
	    "9" },
	{ "more than there are", ",\"last\":100", "1 2 3 4 5 6 7 8", "9" },
	{ "behind one", ",\"after\":5", "6 7 8", "9" },
	{ "behind one, whatever the last ones are", ",\"after\":7,\"last\":5",
	    "8", "9" },
	{ "behind the newest", ",\"after\":8", "", "9" },
	{ "behind one that is yet to come", ",\"after\":50", "", "51" },
	{ "since long ago", ",\"since_ms\":1000", "1 2 3 4 5 6 7 8", "9" },
	{ "since the far future", ",\"since_ms\":9000000000000", "", "9" },
};

START_TEST(follow_gives)
{
	struct err err = ERR_INIT;
	struct answer an;
	char call[256], got[256];

	snprintf(call, sizeof(call), "{\"op\":\"event.follow\"%s}",
	    follows[_i].members);
	ck_assert_msg(stand_ask(call, &an, &err) == 0, "%s: %s",
	    follows[_i].when, err.text);
	seqs_of(&an, false, got, sizeof(got));
	ck_assert_msg(strcmp(got, follows[_i].given) == 0, "%s: %s, not %s",
	    follows[_i].when, got, follows[_i].given);
	ck_assert_msg(
	    stand_has(buf_span(&an.progress), "/next", follows[_i].next),
	    "%s: %.*s", follows[_i].when, (int)an.progress.len,
	    (const char *)an.progress.ptr);
	stand_free(&an);
}
END_TEST

/* While a call waits three events come, of which one is asked for. */
static void *
put_later(void *arg)
{
	(void)arg;
	usleep(100000);
	put_row(&(struct event_row){ 1, "late.one", "evt_l1", "{}", 0 },
	    STORE_ACCEPTED);
	put_row(&(struct event_row){ 2, "late.one", "evt_l2", "{}", 0 },
	    STORE_ACCEPTED);
	usleep(100000);
	put_row(&(struct event_row){ 1, "late.two", "evt_l3", "{}", 0 },
	    STORE_ACCEPTED);
	return NULL;
}

START_TEST(follow_waits)
{
	struct err err = ERR_INIT;
	struct answer an;
	char got[256];
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, put_later, NULL), 0);
	ck_assert_int_eq(stand_ask("{\"op\":\"event.follow\",\"endpoint\":"
				   "\"shop\",\"wait_ms\":3000}",
			     &an, &err),
	    0);
	pthread_join(thread, NULL);
	seqs_of(&an, false, got, sizeof(got));
	ck_assert_str_eq(got, "9 11");
	ck_assert(stand_has(buf_span(&an.progress), "/next", "12"));
	ck_assert(stand_has(buf_span(&an.progress), "/looked", "3"));
	stand_free(&an);
}
END_TEST

/* --- what a row says ------------------------------------------------------ */

static const struct {
	const char *when, *call, *at, *want;
} shown[] = {
	{ "seq", "{\"op\":\"event.show\",\"seq\":1}", "/seq", "1" },
	{ "endpoint", "{\"op\":\"event.show\",\"seq\":1}", "/endpoint",
	    "\"shop\"" },
	{ "id", "{\"op\":\"event.show\",\"seq\":1}", "/id", "\"evt_1\"" },
	{ "type", "{\"op\":\"event.show\",\"seq\":1}", "/type",
	    "\"order.paid\"" },
	{ "no type", "{\"op\":\"event.show\",\"seq\":5}", "/type", "null" },
	{ "secret", "{\"op\":\"event.show\",\"seq\":1}", "/secret",
	    "\"sec_1\"" },
	{ "size", "{\"op\":\"event.show\",\"seq\":5}", "/size", "10" },
	{ "accepted", "{\"op\":\"event.show\",\"seq\":1}", "/status",
	    "\"accepted\"" },
	{ "test", "{\"op\":\"event.show\",\"seq\":6}", "/status", "\"test\"" },
	{ "digest as id", "{\"op\":\"event.show\",\"seq\":5}", "/id_is_digest",
	    "true" },
	{ "id of its own", "{\"op\":\"event.show\",\"seq\":1}", "/id_is_digest",
	    "false" },
	{ "content type", "{\"op\":\"event.show\",\"seq\":1}", "/content_type",
	    "\"application/json\"" },
	{ "first header", "{\"op\":\"event.show\",\"seq\":1}", "/headers/0",
	    "\"x-a: 1\"" },
	{ "second header", "{\"op\":\"event.show\",\"seq\":1}", "/headers/1",
	    "\"x-b: two\"" },
	{ "body", "{\"op\":\"event.show\",\"seq\":1}", "/body",
	    "\"{\\\"a\\\":1}\"" },
	{ "empty body", "{\"op\":\"event.show\",\"seq\":8}", "/body", "\"\"" },
	{ "body as bytes", "{\"op\":\"event.show\",\"seq\":1,\"raw\":true}",
	    "/body_b64", "\"eyJhIjoxfQ==\"" },
	{ "then not as text", "{\"op\":\"event.show\",\"seq\":1,\"raw\":true}",
	    "/body", NULL },
	{ "title", "{\"op\":\"event.show\",\"seq\":1}", "/title",
	    "\"T shop\"" },
	{ "labels", "{\"op\":\"event.show\",\"seq\":1}", "/labels",
	    "{\"k\":\"v\"}" },
	{ "endpoint there is", "{\"op\":\"event.show\",\"seq\":1}",
	    "/endpoint_removed", "false" },
	{ "endpoint there was", "{\"op\":\"event.show\",\"seq\":4}",
	    "/endpoint_removed", "true" },
	{ "its name", "{\"op\":\"event.show\",\"seq\":4}", "/endpoint",
	    "\"gone\"" },
	{ "by id", "{\"op\":\"event.show\",\"id\":\"evt_2\"}", "/seq", "2" },
	{ "by id and endpoint",
	    "{\"op\":\"event.show\",\"id\":\"evt_1\",\"endpoint\":\"till\"}",
	    "/seq", "3" },
	{ "by id, the newest", "{\"op\":\"event.show\",\"id\":\"evt_t\"}",
	    "/seq", "7" },
	{ "list has no body", "{\"op\":\"event.list\",\"limit\":1}", "/body",
	    NULL },
	{ "list has the id", "{\"op\":\"event.list\",\"limit\":1}", "/id",
	    "\"evt_3\"" },
	{ "export has the body", "{\"op\":\"event.export\",\"limit\":1}",
	    "/body", "\"{\\\"a\\\":1}\"" },
};

START_TEST(row_says)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_msg(stand_ask(shown[_i].call, &an, &err) == 0, "%s: %s",
	    shown[_i].when, err.text);
	ck_assert_uint_eq(an.n, 1);
	ck_assert_msg(stand_has(an.last, shown[_i].at, shown[_i].want),
	    "%s: %.*s", shown[_i].when, (int)an.last.len,
	    (const char *)an.last.ptr);
	stand_free(&an);
}
END_TEST

START_TEST(id_at_two_endpoints_needs_one)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_int_eq(
	    stand_ask("{\"op\":\"event.show\",\"id\":\"evt_1\"}", &an, &err),
	    -1);
	ck_assert_int_eq(err.code, ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err.text, "--endpoint"));
	stand_free(&an);
}
END_TEST

START_TEST(duplicates_are_counted)
{
	struct err err = ERR_INIT;
	struct answer an;

	put_row(&log_rows[0], STORE_DUPLICATE);
	put_row(&log_rows[0], STORE_DUPLICATE);
	ck_assert_int_eq(
	    stand_ask("{\"op\":\"event.show\",\"seq\":1}", &an, &err), 0);
	ck_assert(stand_has(an.last, "/duplicates", "2"));
	ck_assert(!stand_has(an.last, "/last_duplicate_at", "null"));
	stand_free(&an);
	/* The same id elsewhere has none. */
	ck_assert_int_eq(
	    stand_ask("{\"op\":\"event.show\",\"seq\":3}", &an, &err), 0);
	ck_assert(stand_has(an.last, "/duplicates", "0"));
	ck_assert(stand_has(an.last, "/last_duplicate_at", "null"));
	stand_free(&an);
}
END_TEST

/* How often seq was sent again, and when last, as event.show has it. */
static void
expect_repeats(uint64_t seq, const char *duplicates, bool when)
{
	struct err err = ERR_INIT;
	struct answer an;
	char call[64];

	snprintf(call, sizeof(call), "{\"op\":\"event.show\",\"seq\":%llu}",
	    (unsigned long long)seq);
	ck_assert_msg(stand_ask(call, &an, &err) == 0, "%s", err.text);
	ck_assert(stand_has(an.last, "/duplicates", duplicates));
	ck_assert_int_eq(
	    stand_has(an.last, "/last_duplicate_at", "null"), !when);
	stand_free(&an);
}

/*
 * Behind the horizon an id is accepted anew, and what is remembered of it is
 * then of the new event: its repeats are none of the old one's.
 */
START_TEST(a_forgotten_event_has_no_part_in_the_next_of_its_id)
{
	struct event ev = {
		.endpoint_id = 1, .id = span_str("evt_1"), .type = span_str("x")
	};
	uint64_t first, second = 0, seq;
	struct err err = ERR_INIT;
	int tries;

	stand_open_for(2);
	stand_do(ADD("shop", "A"));
	first = put_event(&ev, STORE_ACCEPTED);
	for (tries = 0; tries < 600; tries++) {
		usleep(100000);
		ck_assert_int_eq(store_prune(stand_store(), &seq, &err), 0);
		if (hand_in(&ev, &second) == STORE_ACCEPTED)
			break;
	}
	ck_assert_uint_gt(second, first);
	/* Unless the machine is so busy that it is forgotten once more. */
	if (hand_in(&ev, &seq) == STORE_DUPLICATE) {
		expect_repeats(first, "0", false);
		expect_repeats(second, "1", true);
	}
	stand_close();
}
END_TEST

/* since is from, until is before: one instant, both ways. */
START_TEST(times_have_edges)
{
	struct event ev = {
		.endpoint_id = 1, .id = span_str("late"), .type = span_str("x")
	};
	struct err err = ERR_INIT;
	struct answer an;
	struct store_seen seen;
	char call[128];
	bool found;

	usleep(5000);
	put_event(&ev, STORE_ACCEPTED);
	ck_assert_int_eq(
	    store_seen(stand_store(), 1, span_str("late"), &seen, &found, &err),
	    0);
	ck_assert(found);
	snprintf(call, sizeof(call),
	    "{\"op\":\"event.list\",\"since_ms\":%lld}",
	    (long long)seen.first_ms);
	ck_assert_int_eq(stand_ask(call, &an, &err), 0);
	ck_assert_uint_eq(an.n, 1);
	stand_free(&an);
	snprintf(call, sizeof(call),
	    "{\"op\":\"event.list\",\"since_ms\":%lld}",
	    (long long)seen.first_ms + 1);
	ck_assert_int_eq(stand_ask(call, &an, &err), 0);
	ck_assert_uint_eq(an.n, 0);
	stand_free(&an);
	snprintf(call, sizeof(call),
	    "{\"op\":\"event.export\",\"until_ms\":%lld}",
	    (long long)seen.first_ms);
	ck_assert_int_eq(stand_ask(call, &an, &err), 0);
	ck_assert_uint_eq(an.n, NITEMS(log_rows));
	stand_free(&an);
	snprintf(call, sizeof(call),
	    "{\"op\":\"event.list\",\"until_ms\":%lld}",
	    (long long)seen.first_ms + 1);
	ck_assert_int_eq(stand_ask(call, &an, &err), 0);
	ck_assert_uint_eq(an.n, NITEMS(log_rows) + 1);
	stand_free(&an);
}
END_TEST

START_TEST(progress_says_how_far)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_int_eq(
	    stand_ask(
		"{\"op\":\"event.list\",\"type\":\"user.new\"}", &an, &err),
	    0);
	ck_assert(stand_has(buf_span(&an.progress), "/looked", "8"));
	ck_assert(stand_has(buf_span(&an.progress), "/matched", "2"));
	stand_free(&an);
	/* A limit that is reached ends the search. */
	ck_assert_int_eq(
	    stand_ask("{\"op\":\"event.list\",\"type\":\"user.new\","
		      "\"limit\":1}",
		&an, &err),
	    0);
	ck_assert(stand_has(buf_span(&an.progress), "/looked", "1"));
	stand_free(&an);
	/* The memory of ids needs no search. */
	ck_assert_int_eq(
	    stand_ask("{\"op\":\"event.list\",\"id\":\"evt_2\"}", &an, &err),
	    0);
	ck_assert(stand_has(buf_span(&an.progress), "/looked", "1"));
	stand_free(&an);
}
END_TEST

/* --- hostile events ------------------------------------------------------- */

#define S(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}

static const struct span hostile[] = {
	S("\033[2J\033]52;c;aGk=\a"), S("a\0b"), S("\xff\xfe"),
	S("caf\xc3\xa9"),
	S("\xe2\x80\xae gnp.exe"), /* right to left override */
	S("\xc2\x9b"
	  "31m"), /* C1 control, as UTF-8 */
	S("line\nend\r"), S("quote\"back\\slash"), S("\x7f"),
	S("<script>alert(1)</script>"), S("\xed\xa0\x80"), /* a surrogate */
	S("\xf4\x90\x80\x80"), /* beyond Unicode */
};

/* Bytes that reach a terminal as they are must not drive it. */
static void
check_inert(struct span s)
{
	const unsigned char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++) {
		ck_assert_msg(p[i] >= 0x20 && p[i] != 0x7f,
		    "byte 0x%02x in %.*s", p[i], (int)s.len, (const char *)p);
		ck_assert_msg(
		    !(p[i] == 0xc2 && i + 1 < s.len && p[i + 1] < 0xa0),
		    "C1 control");
		ck_assert_msg(
		    !(p[i] == 0xe2 && i + 2 < s.len && p[i + 1] == 0x80 &&
			p[i + 2] >= 0xa8 && p[i + 2] <= 0xae),
		    "bidi control");
	}
}

static const char *const views[] = { "{\"op\":\"event.list\",\"limit\":1}",
	"{\"op\":\"event.show\",\"seq\":9}",
	"{\"op\":\"event.export\",\"since_ms\":1}",
	"{\"op\":\"event.stats\",\"endpoint\":\"shop\"}" };

START_TEST(hostile_bytes_come_out_inert)
{
	struct span h = hostile[_i];
	struct event ev = { .endpoint_id = 1,
		.id = h,
		.type = h,
		.content_type = h,
		.body = h };
	struct err err = ERR_INIT;
	struct answer an;
	struct span rest, line;
	size_t i;

	put_event(&ev, STORE_ACCEPTED);
	for (i = 0; i < NITEMS(views); i++) {
		/* The stand holds every row against RFC 8259. */
		ck_assert_msg(stand_ask(views[i], &an, &err) == 0, "%s: %s",
		    views[i], err.text);
		ck_assert_uint_gt(an.n, 0);
		for (rest = buf_span(&an.all); rest.len > 0;
		     rest = span_skip(rest, line.len + 1)) {
			line = span_of(rest.ptr, span_find(rest, '\n'));
			check_inert(line);
			ck_assert(text_is_utf8(line));
		}
		stand_free(&an);
	}
}
END_TEST

/* Whatever the body is, show gives it back byte for byte. */
START_TEST(bodies_come_back)
{
	struct event ev = { .endpoint_id = 1,
		.id = span_str("b"),
		.type = span_str("b"),
		.body = hostile[_i] };
	struct buf body = BUF_INIT(4096);
	struct err err = ERR_INIT;
	unsigned char decoded[256];
	struct answer an;
	struct span raw;
	size_t len;

	put_event(&ev, STORE_ACCEPTED);
	ck_assert_int_eq(
	    stand_ask("{\"op\":\"event.show\",\"seq\":9}", &an, &err), 0);
	if (json_find(an.last, "/body", &raw) == JSON_STRING) {
		ck_assert_int_eq(json_scalar(raw, &body, &err), 0);
		ck_assert(json_find(an.last, "/body_b64", &raw) == JSON_ABSENT);
	} else {
		ck_assert_int_eq(
		    json_find(an.last, "/body_b64", &raw), JSON_STRING);
		ck_assert(encode_read(ENCODING_BASE64,
		    span_of((const char *)raw.ptr + 1, raw.len - 2), decoded,
		    sizeof(decoded), &len));
		ck_assert_int_eq(buf_put(&body, decoded, len, &err), 0);
	}
	ck_assert(span_eq(buf_span(&body), ev.body));
	buf_free(&body);
	stand_free(&an);
}
END_TEST

/* The largest body, of bytes that JSON writes with six each. */
START_TEST(largest_body_passes)
{
	struct err err = ERR_INIT;
	struct event ev = {
		.endpoint_id = 1, .id = span_str("big"), .type = span_str("b")
	};
	struct answer an;
	struct span raw;
	char *body = malloc(STORE_BODY_MAX);

	ck_assert_ptr_nonnull(body);
	memset(body, 1, STORE_BODY_MAX);
	ev.body = span_of(body, STORE_BODY_MAX);
	put_event(&ev, STORE_ACCEPTED);
	ck_assert_msg(
	    stand_ask("{\"op\":\"event.show\",\"seq\":9}", &an, &err) == 0,
	    "%s", err.text);
	ck_assert_int_eq(json_find(an.last, "/body_b64", &raw), JSON_STRING);
	ck_assert_uint_eq(raw.len, 2 + ((size_t)STORE_BODY_MAX + 2) / 3 * 4);
	ck_assert_uint_lt(an.last.len, FRAME_MAX);
	stand_free(&an);
	free(body);
}
END_TEST

/* --- stats ---------------------------------------------------------------- */

START_TEST(stats_count)
{
	struct err err = ERR_INIT;
	struct answer an;
	struct span rest, line;
	size_t kinds = 0, counts = 0;

	ck_assert_int_eq(stand_ask("{\"op\":\"event.stats\"}", &an, &err), 0);
	for (rest = buf_span(&an.all); rest.len > 0;
	     rest = span_skip(rest, line.len + 1)) {
		line = span_of(rest.ptr, span_find(rest, '\n'));
		if (!stand_has(line, "/counts", NULL)) {
			counts++;
			continue;
		}
		kinds++;
		if (stand_has(line, "/type", "\"test.event\"")) {
			ck_assert(stand_has(line, "/events", "2"));
			ck_assert(stand_has(line, "/tests", "2"));
			ck_assert(stand_has(line, "/bytes", "4"));
		} else {
			ck_assert(stand_has(line, "/events", "1"));
			ck_assert(stand_has(line, "/tests", "0"));
		}
	}
	ck_assert_uint_eq(kinds, 7); /* pairs of endpoint and type */
	ck_assert_uint_eq(counts, 2); /* endpoints there are */
	stand_free(&an);
	ck_assert_int_eq(
	    stand_ask(
		"{\"op\":\"event.stats\",\"endpoint\":\"gone\"}", &an, &err),
	    0);
	ck_assert_uint_eq(an.n, 2);
	stand_free(&an);
}
END_TEST

/* Types without end take no room without end: the rest is one row. */
START_TEST(stats_have_a_limit)
{
	struct waiting w = { PTHREAD_MUTEX_INITIALIZER,
		PTHREAD_COND_INITIALIZER, MANY };
	struct store_item *items = calloc(MANY, sizeof(*items));
	char(*types)[16] = calloc(MANY, sizeof(*types));
	struct span rest, line, raw;
	struct err err = ERR_INIT;
	struct answer an;
	size_t i, others = 0;
	struct store_reader *rd = NULL;
	struct event ev;
	uint64_t at;
	bool found;
	char seq[32];

	ck_assert(items != NULL && types != NULL);
	for (i = 0; i < MANY; i++) {
		snprintf(types[i], sizeof(types[i]), "many.%zu", i);
		items[i].event.endpoint_id = 1;
		items[i].event.id = items[i].event.type = span_str(types[i]);
		items[i].generation = generation_of(1);
		ck_assert_int_eq(dedupe_identify_own(SPAN_EMPTY, true,
				     &items[i].identity, &err),
		    0);
		items[i].done = item_done;
		items[i].arg = &w;
		store_submit(stand_store(), &items[i]);
	}
	pthread_mutex_lock(&w.mutex);
	while (w.left > 0)
		pthread_cond_wait(&w.cond, &w.mutex);
	pthread_mutex_unlock(&w.mutex);
	for (i = 0; i < MANY; i++)
		ck_assert_int_eq(items[i].outcome, STORE_ACCEPTED);
	ck_assert_int_eq(
	    stand_ask(
		"{\"op\":\"event.stats\",\"type\":\"many.*\"}", &an, &err),
	    0);
	/* The kinds there is room for, the rest, and two rows of counters. */
	ck_assert_uint_eq(an.n, KINDS_MAX + 1 + 2);
	for (rest = buf_span(&an.all); rest.len > 0;
	     rest = span_skip(rest, line.len + 1)) {
		line = span_of(rest.ptr, span_find(rest, '\n'));
		if (!stand_has(line, "/other_types", "true"))
			continue;
		others++;
		json_find(line, "/events", &raw);
		ck_assert(span_is(raw, "50"));
	}
	ck_assert_uint_eq(others, 1);
	stand_free(&an);
	/* They lie in groups of many; the newest first means all the same. */
	ck_assert_int_eq(stand_ask("{\"op\":\"event.list\"}", &an, &err), 0);
	ck_assert_uint_eq(an.n, NITEMS(log_rows) + MANY);
	for (rest = buf_span(&an.all); rest.len > 0;
	     rest = span_skip(rest, line.len + 1)) {
		line = span_of(rest.ptr, span_find(rest, '\n'));
		snprintf(seq, sizeof(seq), "%zu", an.n--);
		ck_assert_msg(stand_has(line, "/seq", seq), "%.*s, not %s",
		    (int)line.len, (const char *)line.ptr, seq);
	}
	stand_free(&an);
	/* Back and forth is the same, wherever a group ends. */
	ck_assert_int_eq(store_reader_open(stand_store(), &rd, &err), 0);
	for (i = 0; i < 500; i++) {
		for (at = 0; at < 3; at++)
			ck_assert_int_eq(
			    store_reader_prev(rd, &ev, &found, &err), 0);
		at = ev.seq;
		ck_assert_int_eq(store_reader_next(rd, &ev, &found, &err), 0);
		ck_assert(found && ev.seq == at + 1);
		ck_assert_int_eq(store_reader_next(rd, &ev, &found, &err), 0);
		ck_assert(found && ev.seq == at + 2);
		ck_assert_int_eq(store_reader_prev(rd, &ev, &found, &err), 0);
		ck_assert(found && ev.seq == at + 1);
	}
	store_reader_close(rd);
	free(items);
	free(types);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ops_event");
	TCase *tc = tcase_create("ops_event");
	TCase *forgetful = tcase_create("a short horizon");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, fill, stand_close);
	tcase_add_loop_test(tc, filter_lets_through, 0, NITEMS(filters));
	tcase_add_loop_test(tc, export_is_list_turned_over, 0, NITEMS(filters));
	tcase_add_test(tc, status_is_one_of_two);
	tcase_add_loop_test(tc, follow_gives, 0, NITEMS(follows));
	tcase_add_test(tc, follow_waits);
	tcase_add_loop_test(tc, row_says, 0, NITEMS(shown));
	tcase_add_test(tc, id_at_two_endpoints_needs_one);
	tcase_add_test(tc, duplicates_are_counted);
	tcase_add_test(tc, times_have_edges);
	tcase_add_test(tc, progress_says_how_far);
	tcase_add_loop_test(
	    tc, hostile_bytes_come_out_inert, 0, NITEMS(hostile));
	tcase_add_loop_test(tc, bodies_come_back, 0, NITEMS(hostile));
	tcase_add_test(tc, largest_body_passes);
	tcase_add_test(tc, stats_count);
	tcase_add_test(tc, stats_have_a_limit);
	suite_add_tcase(s, tc);
	tcase_set_timeout(forgetful, 120);
	tcase_add_test(
	    forgetful, a_forgotten_event_has_no_part_in_the_next_of_its_id);
	suite_add_tcase(s, forgetful);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
