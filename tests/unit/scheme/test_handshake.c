/* What a rule answers, and what it must never be made to answer. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/http/body.h"
#include "lib/scheme/handshake.h"

#define HMAC                                                                \
	"\"alg\":\"hmac-sha256\",\"content\":\"{body}\",\"body\":\"json\"," \
	"\"sig\":{\"from\":\"header:s\",\"enc\":\"hex\"},"
#define TEXT(t)                                                             \
	"{\"signed\":false,\"when\":\"json:/ask\",\"reply\":{\"text\":\"" t \
	"\"}}"
#define JSON(j) \
	"{\"signed\":false,\"when\":\"json:/ask\",\"reply\":{\"json\":" j "}}"
#define HEADER(h)                                                           \
	"{\"signed\":false,\"when\":\"json:/ask\",\"reply\":{\"headers\":{" \
	"\"X-A\":\"" h "\"}}}"
#define WHEN(w) "{\"signed\":false,\"when\":" w ",\"reply\":{\"text\":\"yes\"}}"

/*
 * A token of letters that a token may have, and zlib data: a dynamic block of
 * Huffman's codes, found by trial: python3 zlib.decompress reads 48 bytes.
 */
#define ZLIB_END                                                     \
	"hCE0Up0IZUnnnnnnnnnnnnnnnnnnnUU5nnnnnn3SZjjFSW6E53XZac16-=" \
	"wnLVS89I478ruZD1EH4muS-/+"
#define ZLIB ZLIB_END "j"
#define OTHER ZLIB_END "k" /* its checksum is another */

static const struct {
	const char *when, *rules, *body;
	enum handshake_outcome want;
	const char *reply; /* of ANSWERED */
} rows[] = {
	{ "an echo", TEXT("{json:/a}"), "{\"ask\":1,\"a\":\"b\\u0041\"}",
	    HANDSHAKE_ANSWERED, "bA" },
	{ "a number is echoed as it stands", TEXT("{json:/a}"),
	    "{\"ask\":1,\"a\":1.50}", HANDSHAKE_ANSWERED, "1.50" },
	{ "nothing to echo", TEXT("{json:/a}"), "{\"ask\":1}", HANDSHAKE_BROKEN,
	    NULL },
	{ "an optional echo of nothing", TEXT("a{json:/a?}b"), "{\"ask\":1}",
	    HANDSHAKE_ANSWERED, "ab" },
	{ "an object to echo", TEXT("{json:/a}"), "{\"ask\":1,\"a\":{}}",
	    HANDSHAKE_BROKEN, NULL },
	{ "what is quoted in JSON stays one string",
	    JSON("{\"r\":\"<{json:/a}>\",\"n\":2,\"t\":true}"),
	    "{\"ask\":1,\"a\":\"\\\",\\\"x\\\":\\\"\\n\"}", HANDSHAKE_ANSWERED,
	    "{\"r\":\"<\\\",\\\"x\\\":\\\"\\u000a>\",\"n\":2,\"t\":true}" },
	{ "no members", JSON("{}"), "{\"ask\":1}", HANDSHAKE_ANSWERED, "{}" },
	{ "no JSON, no rule", TEXT("a"), "ask", HANDSHAKE_NONE, NULL },
	{ "a key twice is no JSON", TEXT("a"), "{\"ask\":1,\"ask\":2}",
	    HANDSHAKE_NONE, NULL },

	{ "a header", HEADER("<{json:/a}>"), "{\"ask\":1,\"a\":\"b\"}",
	    HANDSHAKE_ANSWERED, "X-A: <b>\r\n" },
	{ "a header that nobody asked for", HEADER("{json:/a}"), "{\"ask\":1}",
	    HANDSHAKE_ANSWERED, "" },
	{ "a header that would be two", HEADER("{json:/a}"),
	    "{\"ask\":1,\"a\":\"b\\r\\nSet-Cookie: c\"}", HANDSHAKE_BROKEN,
	    NULL },
	{ "a header beyond ASCII", HEADER("{json:/a}"),
	    "{\"ask\":1,\"a\":\"\\u00e4\"}", HANDSHAKE_BROKEN, NULL },

	/* printf '%s' abc | openssl dgst -sha256 -hmac key */
	{ "a MAC in hex", TEXT("v={hex(hmac(json:/a))}"),
	    "{\"ask\":1,\"a\":\"abc\"}", HANDSHAKE_ANSWERED,
	    "v=9c196e32dc0175f86f4b1cb89289d6619de6bee699e4c378e68309ed97a1a6"
	    "ab" },
	{ "a MAC in base64", TEXT("{base64(hmac(json:/a))}"),
	    "{\"ask\":1,\"a\":\"abc\"}", HANDSHAKE_ANSWERED,
	    "nBluMtwBdfhvSxy4konWYZ3mvuaZ5MN45oMJ7Zehpqs=" },
	{ "a MAC of an event", TEXT("{hex(hmac(json:/a))}"),
	    "{\"ask\":1,\"a\":\"{\\\"id\\\":1}\"}", HANDSHAKE_BROKEN, NULL },
	{ "a MAC of a number", TEXT("{hex(hmac(json:/a))}"),
	    "{\"ask\":1,\"a\":\"12\"}", HANDSHAKE_BROKEN, NULL },
	{ "a MAC of a word of JSON", TEXT("{hex(hmac(json:/a))}"),
	    "{\"ask\":1,\"a\":\"null\"}", HANDSHAKE_BROKEN, NULL },
	{ "a MAC of zlib data", TEXT("{hex(hmac(json:/a))}"),
	    "{\"ask\":1,\"a\":\"" ZLIB "\"}", HANDSHAKE_BROKEN, NULL },
	/* printf '%s' TOKEN | openssl dgst -sha256 -hmac key */
	{ "a MAC of nearly zlib data", TEXT("{hex(hmac(json:/a))}"),
	    "{\"ask\":1,\"a\":\"" OTHER "\"}", HANDSHAKE_ANSWERED,
	    "c297d460610b7a729431e1cd8030756e2238d74fb552040e5ea704fbe08cc7d"
	    "e" },
	{ "a MAC of nothing", TEXT("{hex(hmac(json:/a))}"), "{\"ask\":1}",
	    HANDSHAKE_BROKEN, NULL },

	{ "another value", WHEN("\"json:/a = 1\""), "{\"a\":2}", HANDSHAKE_NONE,
	    NULL },
	{ "the value", WHEN("\"json:/a = 1\""), "{\"a\":1}", HANDSHAKE_ANSWERED,
	    "yes" },
	{ "two conditions, one holds", WHEN("[\"json:/a = 1\",\"json:/b\"]"),
	    "{\"a\":1}", HANDSHAKE_NONE, NULL },
	{ "an object is there", WHEN("\"json:/a\""), "{\"a\":{}}",
	    HANDSHAKE_ANSWERED, "yes" },
	{ "what must be absent is", WHEN("[\"json:/a\",\"!json:/a/0\"]"),
	    "{\"a\":[]}", HANDSHAKE_ANSWERED, "yes" },
	{ "what must be absent is not", WHEN("[\"json:/a\",\"!json:/a/0\"]"),
	    "{\"a\":[0]}", HANDSHAKE_NONE, NULL },
	{ "the first that applies",
	    WHEN("\"json:/b\"") "," TEXT("first") "," TEXT("second"),
	    "{\"ask\":1}", HANDSHAKE_ANSWERED, "first" },
};

/* Asks a scheme that has these rules; the caller frees reply. */
static enum handshake_outcome
ask(const char *rules, struct span body, bool has_key,
    struct handshake_reply *reply)
{
	struct request rq = { .method = span_str("POST"), .body = body };
	struct verify_input in = { .request = &rq };
	enum handshake_outcome outcome = HANDSHAKE_KEYLESS;
	struct scheme_key *key = NULL;
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;
	char text[2048];

	snprintf(text, sizeof(text), "{" HMAC "\"handshake\":[%s]}", rules);
	ck_assert_msg(
	    scheme_parse("x.json", span_str(text), &sc, NULL, &err) == 0, "%s",
	    err.text);
	ck_assert_int_eq(scheme_key_make(sc, span_str("key"), &key, &err), 0);
	ck_assert_msg(handshake_answer(sc, HANDSHAKE_UNSIGNED, &in,
			  has_key ? key : NULL, &outcome, reply, &err) == 0,
	    "%s", err.text);
	scheme_key_free(key);
	scheme_free(sc);
	return outcome;
}

START_TEST(rules_answer_what_they_say)
{
	struct handshake_reply reply = HANDSHAKE_REPLY_INIT;
	enum handshake_outcome got;
	struct span all;

	got = ask(rows[_i].rules, span_str(rows[_i].body), true, &reply);
	ck_assert_msg(got == rows[_i].want, "%s: %d", rows[_i].when, (int)got);
	if (got == HANDSHAKE_ANSWERED) {
		all = reply.content_type == NULL ? buf_span(&reply.headers)
						 : buf_span(&reply.body);
		ck_assert_msg(span_is(all, rows[_i].reply), "%s: %.*s",
		    rows[_i].when, (int)all.len, (const char *)all.ptr);
		ck_assert_int_eq(reply.status, 200);
	}
	handshake_reply_free(&reply);
}
END_TEST

START_TEST(a_text_is_no_page)
{
	struct handshake_reply reply = HANDSHAKE_REPLY_INIT;

	ck_assert_int_eq(
	    ask(TEXT("{json:/a}"), span_str("{\"ask\":1,\"a\":\"<script>\"}"),
		true, &reply),
	    HANDSHAKE_ANSWERED);
	ck_assert_str_eq(reply.content_type, "text/plain; charset=utf-8");
	ck_assert(span_is(
	    buf_span(&reply.headers), "X-Content-Type-Options: nosniff\r\n"));
	handshake_reply_free(&reply);
}
END_TEST

START_TEST(a_mac_needs_a_secret)
{
	struct handshake_reply reply = HANDSHAKE_REPLY_INIT;

	ck_assert_int_eq(
	    ask(TEXT("{hex(hmac(json:/a))}"),
		span_str("{\"ask\":1,\"a\":\"abc\"}"), false, &reply),
	    HANDSHAKE_KEYLESS);
	handshake_reply_free(&reply);
}
END_TEST

START_TEST(a_token_may_be_zlib_data)
{
	struct body b = { .state = BODY_CLOSED };
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    body_unpack(&b, span_str(ZLIB), span_str("deflate"), &err), 0);
	ck_assert_msg(b.why == NULL, "%s", b.why);
	ck_assert_uint_eq(b.bytes.len, 48);
	body_close(&b);
}
END_TEST

/* An echo is a reply's size at most; a large body is no question. */
START_TEST(what_is_echoed_has_a_limit)
{
	static char body[HANDSHAKE_BODY_MAX + 64];
	static const struct {
		size_t len;
		enum handshake_outcome want;
	} sizes[] = {
		{ HANDSHAKE_REPLY_MAX, HANDSHAKE_ANSWERED },
		{ HANDSHAKE_REPLY_MAX + 1, HANDSHAKE_BROKEN },
		{ HANDSHAKE_BODY_MAX - 16, HANDSHAKE_BROKEN },
		{ HANDSHAKE_BODY_MAX - 15, HANDSHAKE_NONE },
	};
	struct handshake_reply reply;
	size_t i;
	int n;

	for (i = 0; i < NITEMS(sizes); i++) {
		n = snprintf(body, sizeof(body), "{\"ask\":1,\"a\":\"%*s\"}",
		    (int)sizes[i].len, "x");
		reply = (struct handshake_reply)HANDSHAKE_REPLY_INIT;
		ck_assert_msg(ask(TEXT("{json:/a}"), span_of(body, (size_t)n),
				  true, &reply) == sizes[i].want,
		    "%zu: %d bytes", sizes[i].len, n);
		handshake_reply_free(&reply);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("handshake");
	TCase *tc = tcase_create("rules");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, rules_answer_what_they_say, 0, NITEMS(rows));
	tcase_add_test(tc, a_text_is_no_page);
	tcase_add_test(tc, a_mac_needs_a_secret);
	tcase_add_test(tc, a_token_may_be_zlib_data);
	tcase_add_test(tc, what_is_echoed_has_a_limit);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
