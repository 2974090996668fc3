/*
 * Events of the site's own, on a real store: what goes into the log is what a
 * receiver of the same scheme takes, once, with a record of who said so; what
 * may not go there is refused with words.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/encode.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/json/scan.h"
#include "lib/scheme/sign.h"
#include "tests/stand/ops_stand.h"

#define CALL_MAX 4096

static void
add_endpoint(const char *name, const char *settings)
{
	char call[CALL_MAX];

	snprintf(call, sizeof(call),
	    "{\"op\":\"endpoint.add\",\"endpoint\":\"%s\",\"settings\":{%s},"
	    "\"secret_b64\":\"@%c@\"}",
	    name, settings, name[0]);
	stand_do(call);
}

static void
open_stand(void)
{
	stand_open();
	add_endpoint("shop", "\"scheme\":\"nomos\"");
	add_endpoint("picky",
	    "\"scheme\":\"nomos\",\"events\":\"order.*\",\"body_max\":120");
	add_endpoint("code", "\"scheme\":\"github\"");
	add_endpoint("off", "\"scheme\":\"nomos\"");
	stand_do("{\"op\":\"endpoint.disable\",\"endpoint\":\"off\"}");
}

/* Asks to publish: members are JSON; data goes as base64 (NULL: none). */
static int
publish(
    const char *members, struct span data, struct answer *an, struct err *err)
{
	struct buf call = BUF_INIT(64 * 1024 * 1024);
	int ret;

	ck_assert_int_eq(
	    buf_printf(&call, err, "{\"op\":\"event.publish\",%s", members), 0);
	if (data.len > 0) {
		ck_assert_int_eq(buf_puts(&call, ",\"data_b64\":\"", err), 0);
		ck_assert_int_eq(
		    encode_put(ENCODING_BASE64, data, &call, err), 0);
		ck_assert_int_eq(buf_puts(&call, "\"", err), 0);
	}
	ck_assert_int_eq(buf_put(&call, "}", 2, err), 0);
	ret = stand_ask((const char *)call.ptr, an, err);
	buf_free(&call);
	return ret;
}

/* The newest event; the reader is the caller's to close. */
static void
newest(struct store_reader **rd, struct event *ev)
{
	struct err err = ERR_INIT;
	bool found;

	ck_assert_int_eq(store_reader_open(stand_store(), rd, &err), 0);
	ck_assert_int_eq(store_reader_prev(*rd, ev, &found, &err), 0);
	ck_assert(found);
}

static uint64_t
count_events(void)
{
	struct store_reader *rd = NULL;
	struct err err = ERR_INIT;
	struct event ev;
	uint64_t n = 0;
	bool found;

	ck_assert_int_eq(store_reader_open(stand_store(), &rd, &err), 0);
	do {
		ck_assert_int_eq(store_reader_next(rd, &ev, &found, &err), 0);
		n += found;
	} while (found);
	store_reader_close(rd);
	return n;
}

/* --- what a receiver makes of it ------------------------------------------ */

/* As the documents of the four show their envelopes; %s is the time. */
static const struct {
	const char *scheme, *body, *secret;
	bool has_id; /* the scheme's receivers find an id */
} senders[] = {
	{ "nomos",
	    "{\"id\":\"evt_7\",\"timestamp\":\"%s\",\"topic\":\"order.paid\","
	    "\"context\":{\"n\":1.50}}",
	    "a-secret-of-nomos", true },
	{ "nomod", "{\"type\":\"order.paid\",\"data\":{\"n\":1.50}}",
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true },
	{ "nimbus",
	    "{\"id\":\"evt_7\",\"type\":\"order.paid\",\"createdAt\":\"%s\","
	    "\"data\":{\"n\":1.50}}",
	    "a-secret-of-nimbus", true },
	{ "nolxy",
	    "{\"event\":\"order.paid\",\"data\":{\"n\":1.50},\"timestamp\":"
	    "\"%s\"}",
	    "a-secret-of-nolxy", false },
};

/* "Name: value" lines as a request's headers, names in lower case. */
static size_t
take_headers(char *lines, struct header *out)
{
	char *line, *save = NULL, *value, *p;
	size_t n = 0;

	for (line = strtok_r(lines, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		value = strstr(line, ": ");
		ck_assert_ptr_nonnull(value);
		*value = '\0';
		for (p = line; *p != '\0'; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p + 'a' - 'A');
		out[n].name = span_str(line);
		out[n++].value = span_str(value + 2);
	}
	return n;
}

/* Signed as a destination signs, verified and read as an endpoint does. */
static void
expect_receiver(const struct event *ev, size_t row)
{
	const struct scheme *sc =
	    scheme_set_find(stand_schemes(), senders[row].scheme);
	struct buf lines = BUF_INIT(8192), scratch = BUF_INIT(8192);
	struct header headers[REQUEST_HEADERS_MAX];
	struct request rq = { .method = span_str("POST"),
		.headers = headers,
		.content_length = (int64_t)ev->body.len,
		.body = ev->body,
		.now_ms = ev->received_ms };
	struct verify_input in = {
		.request = &rq, .tolerance_s = -1, .horizon_s = 3600
	};
	struct sign_input si = { .id = ev->id,
		.type = ev->type,
		.body = ev->body,
		.method = rq.method,
		.now_ms = rq.now_ms };
	struct verify_result result;
	struct err err = ERR_INIT;
	struct scheme_key *key;
	struct identity who;

	ck_assert_int_eq(
	    scheme_key_make(sc, span_str(senders[row].secret), &key, &err), 0);
	ck_assert_msg(
	    sign_headers(sc, &key, 1, &si, &lines, &err) == 0, "%s", err.text);
	ck_assert_int_eq(buf_putc(&lines, 0, &err), 0);
	rq.nheaders = take_headers((char *)lines.ptr, headers);
	ck_assert_int_eq(verify_request(sc, &key, 1, &in, &result, &err), 0);
	ck_assert_int_eq(result.verdict, VERIFY_VALID);
	ck_assert_int_eq(verify_identify(sc, &in, &scratch, &who, &err), 0);
	ck_assert_msg(who.outcome == IDENTIFY_OK, "%s", who.why);
	ck_assert(who.has_type && span_is(who.type, "order.paid"));
	ck_assert_int_eq(who.has_id, senders[row].has_id);
	if (who.has_id)
		ck_assert(span_eq(who.id, ev->id));
	scheme_key_free(key);
	buf_free(&lines);
	buf_free(&scratch);
}

START_TEST(envelope_is_what_a_receiver_takes)
{
	struct store_reader *rd = NULL;
	struct err err = ERR_INIT;
	char settings[64], want[512], time[TEXT_TIME_MAX];
	struct answer an;
	struct event ev;
	const char *at;

	snprintf(settings, sizeof(settings), "\"scheme\":\"%s\"",
	    senders[_i].scheme);
	stand_open();
	snprintf(want, sizeof(want),
	    "{\"op\":\"endpoint.add\",\"endpoint\":\"mine\",\"settings\":{%s}}",
	    settings);
	stand_do(want); /* keyless: nobody posts to it */
	ck_assert_msg(
	    publish("\"endpoint\":\"mine\",\"type\":\"order.paid\",\"id\":"
		    "\"evt_7\"",
		span_str("{\"n\":1.50}"), &an, &err) == 0,
	    "%s", err.text);
	ck_assert(stand_has(an.last, "/outcome", "\"accepted\""));
	ck_assert(stand_has(an.last, "/id", "\"evt_7\""));
	ck_assert(stand_has(an.last, "/seq", "1"));
	stand_free(&an);
	newest(&rd, &ev);
	ck_assert_uint_eq(ev.secret_id, 0);
	ck_assert_uint_eq(ev.flags, 0);
	ck_assert(span_is(ev.id, "evt_7"));
	ck_assert(span_is(ev.type, "order.paid"));
	ck_assert(span_is(ev.content_type, "application/json"));
	ck_assert(span_is(ev.headers, "eyelet-published: by uid 1000\n"));
	/* The time is that of the call: taken out of the body for comparing. */
	at = strstr(senders[_i].body, "%s");
	time[0] = '\0';
	if (at != NULL) {
		size_t begin = (size_t)(at - senders[_i].body);

		ck_assert_uint_gt(ev.body.len, begin + 24);
		memcpy(time, (const char *)ev.body.ptr + begin, 24);
		time[24] = '\0';
	}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(want, sizeof(want), senders[_i].body, time);
#pragma GCC diagnostic pop
	ck_assert_msg(span_is(ev.body, want), "%.*s, not %s", (int)ev.body.len,
	    (const char *)ev.body.ptr, want);
	expect_receiver(&ev, (size_t)_i);
	store_reader_close(rd);
	stand_close();
}
END_TEST

/* --- given bytes ---------------------------------------------------------- */

static const struct {
	const char *when, *members;
	struct span body;
	const char *content_type, *type;
	bool warned;
} given[] = {
	{ "JSON", "\"endpoint\":\"code\"", { "{ \"a\" : 1 }\n", 12 },
	    "application/json", "", false },
	{ "any bytes", "\"endpoint\":\"code\",\"type\":\"t\"",
	    { "\0\xff\x80", 3 }, "application/octet-stream", "t", false },
	{ "nothing", "\"endpoint\":\"code\"", { "", 0 },
	    "application/octet-stream", "", false },
	{ "with its content type",
	    "\"endpoint\":\"code\",\"content_type\":\"text/csv\"",
	    { "a,b\n", 4 }, "text/csv", "", false },
	{ "no JSON, where a scheme promises it", "\"endpoint\":\"shop\"",
	    { "{\"a\"", 4 }, "application/octet-stream", "", true },
	{ "JSON, where a scheme promises it", "\"endpoint\":\"shop\"",
	    { "[]", 2 }, "application/json", "", false },
};

START_TEST(raw_is_the_bytes)
{
	struct store_reader *rd = NULL;
	struct err err = ERR_INIT;
	char members[256];
	struct answer an;
	struct event ev;

	snprintf(
	    members, sizeof(members), "%s,\"raw\":true", given[_i].members);
	ck_assert_msg(publish(members, given[_i].body, &an, &err) == 0,
	    "%s: %s", given[_i].when, err.text);
	ck_assert_int_eq(
	    stand_has(an.last, "/warnings/0", NULL), !given[_i].warned);
	newest(&rd, &ev);
	ck_assert(span_eq(ev.body, given[_i].body));
	ck_assert(span_is(ev.content_type, given[_i].content_type));
	ck_assert(span_is(ev.type, given[_i].type));
	ck_assert(span_starts(ev.id, "evt_"));
	ck_assert_uint_eq(ev.id.len, 4 + 32);
	store_reader_close(rd);
	stand_free(&an);
}
END_TEST

/* --- once ----------------------------------------------------------------- */

START_TEST(a_repeat_is_a_duplicate)
{
	static const char *const named =
	    "\"endpoint\":\"shop\",\"type\":\"a.b\",\"id\":\"once\"";
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_int_eq(publish(named, SPAN_EMPTY, &an, &err), 0);
	ck_assert(stand_has(an.last, "/outcome", "\"accepted\""));
	stand_free(&an);
	/* The time in the envelope is another; the event is the same. */
	ck_assert_int_eq(publish(named, span_str("{\"x\":2}"), &an, &err), 0);
	ck_assert(stand_has(an.last, "/outcome", "\"duplicate\""));
	ck_assert(stand_has(an.last, "/seq", "1"));
	stand_free(&an);
	/* Another endpoint has ids of its own. */
	ck_assert_int_eq(publish("\"endpoint\":\"code\",\"id\":\"once\","
				 "\"raw\":true",
			     span_str("one"), &an, &err),
	    0);
	ck_assert(stand_has(an.last, "/outcome", "\"accepted\""));
	stand_free(&an);
	ck_assert_int_eq(publish("\"endpoint\":\"code\",\"id\":\"once\","
				 "\"raw\":true",
			     span_str("one"), &an, &err),
	    0);
	ck_assert(stand_has(an.last, "/outcome", "\"duplicate\""));
	stand_free(&an);
	/* Given bytes are given bytes: others are no repeat. */
	ck_assert_int_eq(publish("\"endpoint\":\"code\",\"id\":\"once\","
				 "\"raw\":true",
			     span_str("two"), &an, &err),
	    -1);
	ck_assert_int_eq(err.code, ERR_EXISTS);
	ck_assert_ptr_nonnull(strstr(err.text, "event 2"));
	stand_free(&an);
	ck_assert_uint_eq(count_events(), 2);
}
END_TEST

/* An owner that died over the call: the same request comes again. */
START_TEST(a_repeated_call_is_one_event)
{
	static const char call[] =
	    "{\"op\":\"event.publish\",\"endpoint\":\"shop\",\"type\":\"a.b\"}";
	struct err err = ERR_INIT;
	struct answer an, again;

	ck_assert_int_eq(stand_ask(call, &an, &err), 0);
	ck_assert_int_eq(stand_ask_again(call, &again, &err), 0);
	ck_assert(span_eq(an.last, again.last));
	ck_assert(stand_has(again.last, "/outcome", "\"accepted\""));
	ck_assert_uint_eq(count_events(), 1);
	stand_free(&an);
	stand_free(&again);
}
END_TEST

START_TEST(test_types_are_tests)
{
	static const char *const test =
	    "\"endpoint\":\"shop\",\"type\":\"test.event\",\"id\":\"t\"";
	struct store_reader *rd = NULL;
	struct err err = ERR_INIT;
	struct answer an;
	struct event ev;

	ck_assert_int_eq(publish(test, SPAN_EMPTY, &an, &err), 0);
	ck_assert(stand_has(an.last, "/status", "\"test\""));
	stand_free(&an);
	ck_assert_int_eq(publish(test, SPAN_EMPTY, &an, &err), 0);
	ck_assert(stand_has(an.last, "/outcome", "\"accepted\""));
	stand_free(&an);
	newest(&rd, &ev);
	ck_assert_uint_eq(ev.seq, 2);
	ck_assert_uint_eq(ev.flags, EVENT_TEST);
	store_reader_close(rd);
}
END_TEST

START_TEST(audit_says_who)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_int_eq(
	    publish("\"endpoint\":\"shop\",\"type\":\"a.b\",\"id\":\"x\"",
		SPAN_EMPTY, &an, &err),
	    0);
	stand_free(&an);
	ck_assert_int_eq(
	    stand_ask("{\"op\":\"store.audit\",\"limit\":1}", &an, &err), 0);
	ck_assert(stand_has(an.last, "/verb", "\"event.publish\""));
	ck_assert(stand_has(an.last, "/target", "\"shop\""));
	ck_assert(stand_has(an.last, "/uid", "1000"));
	ck_assert(stand_has(an.last, "/detail/id", "\"x\""));
	ck_assert(stand_has(an.last, "/detail/seq", "1"));
	ck_assert(stand_has(an.last, "/detail/outcome", "\"accepted\""));
	stand_free(&an);
}
END_TEST

/* --- what may not --------------------------------------------------------- */

#define NAME_256                                                           \
	"0123456789012345678901234567890123456789012345678901234567890123" \
	"0123456789012345678901234567890123456789012345678901234567890123" \
	"0123456789012345678901234567890123456789012345678901234567890123" \
	"0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
	const char *when, *members, *data;
	enum err_code want; /* ERR_NONE: it is taken */
	const char *words;
} limits[] = {
	{ "no such endpoint", "\"endpoint\":\"shpo\",\"type\":\"a\"", "",
	    ERR_NOTFOUND, "did you mean \"shop\"" },
	{ "the reserved endpoint", "\"endpoint\":\"eyelet\",\"type\":\"a\"", "",
	    ERR_NOTFOUND, "eyelet" },
	{ "a disabled endpoint", "\"endpoint\":\"off\",\"type\":\"a\"", "",
	    ERR_INPUT, "eyelet-endpoint enable off" },
	{ "no envelope", "\"endpoint\":\"code\",\"type\":\"a\"", "", ERR_USAGE,
	    "--raw" },
	{ "no type", "\"endpoint\":\"shop\"", "", ERR_USAGE, "--type" },
	{ "an empty type", "\"endpoint\":\"shop\",\"type\":\"\"", "", ERR_USAGE,
	    "a type has 1 to 256 bytes" },
	{ "a content type in an envelope",
	    "\"endpoint\":\"shop\",\"type\":\"a\",\"content_type\":\"b/c\"", "",
	    ERR_USAGE, "--raw" },
	{ "data that is no JSON", "\"endpoint\":\"shop\",\"type\":\"a\"",
	    "{\"a\":1,}", ERR_INPUT, "data is not JSON" },
	{ "an id of 256 bytes",
	    "\"endpoint\":\"shop\",\"type\":\"a\",\"id\":\"" NAME_256 "\"", "",
	    ERR_NONE, "" },
	{ "an id of 257",
	    "\"endpoint\":\"shop\",\"type\":\"a\",\"id\":\"1" NAME_256 "\"", "",
	    ERR_USAGE, "an id has 1 to 256 bytes" },
	{ "an id with a line end",
	    "\"endpoint\":\"shop\",\"type\":\"a\",\"id\":\"a\\nb\"", "",
	    ERR_USAGE, "control byte" },
	{ "an id with a blank in front",
	    "\"endpoint\":\"shop\",\"type\":\"a\",\"id\":\" a\"", "", ERR_USAGE,
	    "blank" },
	{ "a type that is not kept", "\"endpoint\":\"picky\",\"type\":\"a\"",
	    "", ERR_INPUT, "keeps no events of this type" },
	{ "a type that is kept",
	    "\"endpoint\":\"picky\",\"type\":\"order.a\",\"id\":\"b\"", "{}",
	    ERR_NONE, "" },
	{ "a test type, kept always",
	    "\"endpoint\":\"picky\",\"type\":\"test.event\",\"id\":\"b\"", "{}",
	    ERR_NONE, "" },
	/* {"id":"b","timestamp":"2026-01-15T10:30:00.000Z","topic":"order.a",
	 * "context":} has 78 bytes. */
	{ "as large as it may be",
	    "\"endpoint\":\"picky\",\"type\":\"order.a\",\"id\":\"b\"",
	    "\"0123456789012345678901234567890123456789\"", ERR_NONE, "" },
	{ "a byte more",
	    "\"endpoint\":\"picky\",\"type\":\"order.a\",\"id\":\"b\"",
	    "\"01234567890123456789012345678901234567890\"", ERR_INPUT,
	    "121 bytes; endpoint \"picky\" takes at most 120" },
};

START_TEST(limits_hold)
{
	struct err err = ERR_INIT;
	struct answer an;
	int ret =
	    publish(limits[_i].members, span_str(limits[_i].data), &an, &err);

	ck_assert_msg(ret == (limits[_i].want == ERR_NONE ? 0 : -1), "%s: %s",
	    limits[_i].when, err.text);
	ck_assert_msg(err.code == limits[_i].want, "%s: %s: %s",
	    limits[_i].when, err_word(err.code), err.text);
	ck_assert_msg(strstr(err.text, limits[_i].words) != NULL, "%s: %s",
	    limits[_i].when, err.text);
	ck_assert_uint_eq(count_events(), limits[_i].want == ERR_NONE);
	stand_free(&an);
}
END_TEST

/* The largest body that any endpoint may have passes through a call. */
START_TEST(largest_body_passes)
{
	struct span body = { malloc(STORE_BODY_MAX), STORE_BODY_MAX };
	struct store_reader *rd = NULL;
	struct err err = ERR_INIT;
	struct answer an;
	struct event ev;

	ck_assert_ptr_nonnull(body.ptr);
	memset((void *)(uintptr_t)body.ptr, 'x', body.len);
	add_endpoint("wide", "\"scheme\":\"github\",\"body_max\":33554432");
	ck_assert_msg(
	    publish("\"endpoint\":\"wide\",\"raw\":true", body, &an, &err) == 0,
	    "%s", err.text);
	newest(&rd, &ev);
	ck_assert(span_eq(ev.body, body));
	store_reader_close(rd);
	stand_free(&an);
	free((void *)(uintptr_t)body.ptr);
}
END_TEST

START_TEST(others_may_not)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_int_eq(
	    stand_ask_as_other("{\"op\":\"event.publish\",\"endpoint\":"
			       "\"shop\",\"type\":\"a\"}",
		&an, &err),
	    -1);
	ck_assert_int_eq(err.code, ERR_DENIED);
	ck_assert_uint_eq(count_events(), 0);
	stand_free(&an);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ops_publish");
	TCase *senders_tc = tcase_create("senders");
	TCase *tc = tcase_create("publish");
	SRunner *sr;
	int failed;

	tcase_set_timeout(senders_tc, 60);
	tcase_add_loop_test(
	    senders_tc, envelope_is_what_a_receiver_takes, 0, NITEMS(senders));
	suite_add_tcase(s, senders_tc);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, open_stand, stand_close);
	tcase_add_loop_test(tc, raw_is_the_bytes, 0, NITEMS(given));
	tcase_add_test(tc, a_repeat_is_a_duplicate);
	tcase_add_test(tc, a_repeated_call_is_one_event);
	tcase_add_test(tc, test_types_are_tests);
	tcase_add_test(tc, audit_says_who);
	tcase_add_loop_test(tc, limits_hold, 0, NITEMS(limits));
	tcase_add_test(tc, largest_body_passes);
	tcase_add_test(tc, others_may_not);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
