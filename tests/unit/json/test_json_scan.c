/*
 * Which texts are JSON, and what stands in them. Rows are in the manner of
 * JSONTestSuite, judged by RFC 8259 (grammar), RFC 3629 (UTF-8) and the three
 * things that RFC 8259 leaves open: duplicate keys, depth and a byte order
 * mark are refused here.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/json/scan.h"

/* A literal with its length, so that rows may hold NUL. */
#define TEXT(s)                  \
	{                        \
		s, sizeof(s) - 1 \
	}

static const struct span good[] = {
	TEXT("[]"),
	TEXT("{}"),
	TEXT("null"),
	TEXT("true"),
	TEXT("false"),
	TEXT("0"),
	TEXT("-0"),
	TEXT("1"),
	TEXT("-1"),
	TEXT("123"),
	TEXT("0.5"),
	TEXT("-0.0"),
	TEXT("1e5"),
	TEXT("1E5"),
	TEXT("1e+5"),
	TEXT("1e-5"),
	TEXT("1.5E+05"),
	TEXT("1e999"),
	TEXT("-1e-999"),
	TEXT("123456789012345678901234567890"),
	TEXT("20e1"),
	TEXT("0e1"),
	TEXT("0E+0"),
	TEXT("\"\""),
	TEXT("\"a\""),
	TEXT(" [] "),
	TEXT("\t\n\r []\r\n\t"),
	TEXT("[1,2,3]"),
	TEXT("[ 1 , 2 ]"),
	TEXT("[[],{},[[]]]"),
	TEXT("[null,1,\"1\",{}]"),
	TEXT("[[] ]"),
	TEXT("{\"a\":1}"),
	TEXT("{\"a\":1,\"b\":2}"),
	TEXT("{\"\":0}"),
	TEXT("{ \"a\" : [ ] , \"b\" : { } }"),
	TEXT("{\"a\":{\"a\":{}}}"),
	TEXT("{\"a\":[{\"a\":1},{\"a\":2}]}"),
	TEXT("{\"a\":1,\"A\":2}"),
	TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	TEXT("\"\\u0041\\u00e9\""),
	TEXT("\"\\u0000\""),
	TEXT("{\"a\\u0000b\":1,\"a\":2}"),
	TEXT("\"\\ud83d\\ude00\""),
	TEXT("\"\\uD83D\\uDE00\""),
	TEXT("\"\\ud800\""),
	TEXT("\"\\udc00\""),
	TEXT("\"\\ud800\\ud800\""),
	TEXT("\"\\uFFFE\\uFFFF\""),
	TEXT("\"\x7f\""),
	TEXT("\"\xc2\x80\""),
	TEXT("\"\xc3\xa9\""),
	TEXT("\"\xe0\xa0\x80\""),
	TEXT("\"\xed\x9f\xbf\xee\x80\x80\""),
	TEXT("\"\xef\xbf\xbf\""),
	TEXT("\"\xf0\x90\x80\x80\""),
	TEXT("\"\xf4\x8f\xbf\xbf\""),
	TEXT("\"\xe2\x80\xa8\""),
	TEXT("\"/\""),
	TEXT("\"\\u005C\""),
	TEXT("\"\\\\u0000\""),
	TEXT("[\"\\\\\",\"\"]"),
	TEXT("\"// no */\""),
};

static const struct {
	struct span text;
	const char *says;
} bad[] = {
	/* nothing, and nothing but blanks */
	{ TEXT(""), "byte 0: the text ends where a value is due" },
	{ TEXT(" "), "byte 1: the text ends where a value is due" },
	/* what other languages call a value */
	{ TEXT("True"), "byte 0: not a JSON value" },
	{ TEXT("nul"), "byte 0: not a JSON value" },
	{ TEXT("NaN"), "byte 0: not a JSON value" },
	{ TEXT("Infinity"), "byte 0: not a JSON value" },
	{ TEXT("-Infinity"), "byte 0: no digit in a number" },
	{ TEXT("undefined"), "byte 0: not a JSON value" },
	{ TEXT("'a'"), "byte 0: not a JSON value" },
	{ TEXT("a"), "byte 0: not a JSON value" },
	{ TEXT("*"), "byte 0: not a JSON value" },
	{ TEXT("<null>"), "byte 0: not a JSON value" },
	{ TEXT("[nothing]"), "byte 1: not a JSON value" },
	/* numbers */
	{ TEXT("+1"), "byte 0: not a JSON value" },
	{ TEXT(".5"), "byte 0: not a JSON value" },
	{ TEXT("-"), "byte 0: no digit in a number" },
	{ TEXT("--1"), "byte 0: no digit in a number" },
	{ TEXT("- 1"), "byte 0: no digit in a number" },
	{ TEXT("-.5"), "byte 0: no digit in a number" },
	{ TEXT("1."), "byte 0: no digit behind the point" },
	{ TEXT("1.e5"), "byte 0: no digit behind the point" },
	{ TEXT("-2."), "byte 0: no digit behind the point" },
	{ TEXT("1e"), "byte 0: no digit in the exponent" },
	{ TEXT("1e+"), "byte 0: no digit in the exponent" },
	{ TEXT("1e1.5"), "byte 3: something stands behind the value" },
	{ TEXT("01"), "byte 1: something stands behind the value" },
	{ TEXT("-012"), "byte 2: something stands behind the value" },
	{ TEXT("[01]"), "byte 2: a comma or ] is due here" },
	{ TEXT("0x1f"), "byte 1: something stands behind the value" },
	{ TEXT("1_000"), "byte 1: something stands behind the value" },
	{ TEXT("1 000"), "byte 2: something stands behind the value" },
	{ TEXT("1e5\0"), "byte 3: something stands behind the value" },
	{ TEXT("\xef\xbc\x91"), "byte 0: not a JSON value" },
	/* strings */
	{ TEXT("\""), "byte 0: the string does not end" },
	{ TEXT("\"a"), "byte 0: the string does not end" },
	{ TEXT("\"\\\""), "byte 0: the string does not end" },
	{ TEXT("\"\\"), "byte 1: unknown escape in a string" },
	{ TEXT("\"\\x41\""), "byte 1: unknown escape in a string" },
	{ TEXT("\"\\a\""), "byte 1: unknown escape in a string" },
	{ TEXT("\"\\'\""), "byte 1: unknown escape in a string" },
	{ TEXT("\"\\U0041\""), "byte 1: unknown escape in a string" },
	{ TEXT("\"\\\0\""), "byte 1: unknown escape in a string" },
	{ TEXT("\"\\\n\""), "byte 1: unknown escape in a string" },
	{ TEXT("\"\\u12\""), "byte 1: \\u without four hex digits" },
	{ TEXT("\"\\u12G4\""), "byte 1: \\u without four hex digits" },
	{ TEXT("\"\\u"), "byte 1: \\u without four hex digits" },
	{ TEXT("\"\\ud800\\u1\""), "byte 7: \\u without four hex digits" },
	{ TEXT("\"a\tb\""), "byte 2: control byte in a string" },
	{ TEXT("\"a\nb\""), "byte 2: control byte in a string" },
	{ TEXT("\"\0\""), "byte 1: control byte in a string" },
	{ TEXT("\"\x1f\""), "byte 1: control byte in a string" },
	{ TEXT("\"a\" \"b\""), "byte 4: something stands behind the value" },
	/* UTF-8 */
	{ TEXT("\"\x80\""), "byte 1: not UTF-8" },
	{ TEXT("\"\xc0\x80\""), "byte 1: not UTF-8" },
	{ TEXT("\"\xc1\xbf\""), "byte 1: not UTF-8" },
	{ TEXT("\"\xc3\""), "byte 1: not UTF-8" },
	{ TEXT("\"\xc3"), "byte 1: not UTF-8" },
	{ TEXT("\"\xe0\x9f\xbf\""), "byte 1: not UTF-8" },
	{ TEXT("\"\xe2\x82\""), "byte 1: not UTF-8" },
	{ TEXT("\"\xe2\x82"), "byte 1: not UTF-8" },
	{ TEXT("\"\xed\xa0\x80\""), "byte 1: not UTF-8" },
	{ TEXT("\"\xf0\x8f\xbf\xbf\""), "byte 1: not UTF-8" },
	{ TEXT("\"\xf0\x9f\x98\""), "byte 1: not UTF-8" },
	{ TEXT("\"\xf4\x90\x80\x80\""), "byte 1: not UTF-8" },
	{ TEXT("\"\xf5\x80\x80\x80\""), "byte 1: not UTF-8" },
	{ TEXT("\"\xff\""), "byte 1: not UTF-8" },
	{ TEXT("\"abc\xe9\""), "byte 4: not UTF-8" },
	{ TEXT("\xef\xbb\xbf{}"), "byte 0: not a JSON value" },
	{ TEXT("\xff\xfe[\0]\0"), "byte 0: not a JSON value" },
	{ TEXT("[\0]\0"), "byte 1: not a JSON value" },
	/* blanks that are none */
	{ TEXT("\f[]"), "byte 0: not a JSON value" },
	{ TEXT("[\v]"), "byte 1: not a JSON value" },
	{ TEXT("[\xc2\xa0]"), "byte 1: not a JSON value" },
	{ TEXT("[\xe2\x81\xa0]"), "byte 1: not a JSON value" },
	{ TEXT("[]\0"), "byte 2: something stands behind the value" },
	/* comments */
	{ TEXT("/**/[]"), "byte 0: not a JSON value" },
	{ TEXT("[] // x"), "byte 3: something stands behind the value" },
	{ TEXT("[1/**/]"), "byte 2: a comma or ] is due here" },
	{ TEXT("#\n[]"), "byte 0: not a JSON value" },
	/* arrays */
	{ TEXT("["), "byte 1: the text ends where a value is due" },
	{ TEXT("]"), "byte 0: not a JSON value" },
	{ TEXT("[1"), "byte 2: the text ends too early" },
	{ TEXT("[1,"), "byte 3: the text ends where a value is due" },
	{ TEXT("[1,]"), "byte 3: not a JSON value" },
	{ TEXT("[,1]"), "byte 1: not a JSON value" },
	{ TEXT("[1,,2]"), "byte 3: not a JSON value" },
	{ TEXT("[1 2]"), "byte 3: a comma or ] is due here" },
	{ TEXT("[1:2]"), "byte 2: a comma or ] is due here" },
	{ TEXT("[1}"), "byte 2: a comma or ] is due here" },
	{ TEXT("[1]]"), "byte 3: something stands behind the value" },
	{ TEXT("[1],"), "byte 3: something stands behind the value" },
	{ TEXT("[][]"), "byte 2: something stands behind the value" },
	{ TEXT("[[]"), "byte 3: the text ends too early" },
	{ TEXT("[\"a\",\n4\n,1,"),
	    "byte 11: the text ends where a value is due" },
	/* objects */
	{ TEXT("{"), "byte 1: a key in quotes is due here" },
	{ TEXT("}"), "byte 0: not a JSON value" },
	{ TEXT("{]"), "byte 1: a key in quotes is due here" },
	{ TEXT("{a:1}"), "byte 1: a key in quotes is due here" },
	{ TEXT("{'a':1}"), "byte 1: a key in quotes is due here" },
	{ TEXT("{1:1}"), "byte 1: a key in quotes is due here" },
	{ TEXT("{null:1}"), "byte 1: a key in quotes is due here" },
	{ TEXT("{\"a\"}"), "byte 4: a colon is due behind a key" },
	{ TEXT("{\"a\",\"b\"}"), "byte 4: a colon is due behind a key" },
	{ TEXT("{\"a\"=1}"), "byte 4: a colon is due behind a key" },
	{ TEXT("{\"a\":}"), "byte 5: not a JSON value" },
	{ TEXT("{\"a\""), "byte 4: a colon is due behind a key" },
	{ TEXT("{\"a\":"), "byte 5: the text ends where a value is due" },
	{ TEXT("{\"a\":1"), "byte 6: the text ends too early" },
	{ TEXT("{\"a\":1,}"), "byte 7: a key in quotes is due here" },
	{ TEXT("{,\"a\":1}"), "byte 1: a key in quotes is due here" },
	{ TEXT("{\"a\":1,,\"b\":2}"), "byte 7: a key in quotes is due here" },
	{ TEXT("{\"a\":1 \"b\":2}"), "byte 7: a comma or } is due here" },
	{ TEXT("{\"a\":1]"), "byte 6: a comma or } is due here" },
	{ TEXT("{\"a\":1}}"), "byte 7: something stands behind the value" },
	{ TEXT("{\"a\":1}{}"), "byte 7: something stands behind the value" },
	{ TEXT("{\"a\" \"b\"}"), "byte 5: a colon is due behind a key" },
	{ TEXT("{\"a\"::1}"), "byte 5: not a JSON value" },
	{ TEXT("{\"a\":1#}"), "byte 6: a comma or } is due here" },
	/* keys that are the same once unescaped */
	{ TEXT("{\"a\":1,\"a\":1}"),
	    "byte 7: the object has this key already" },
	{ TEXT("{\"a\":1,\"\\u0061\":2}"),
	    "byte 7: the object has this key already" },
	{ TEXT("{\"\\u00e9\":1,\"\xc3\xa9\":2}"),
	    "byte 12: the object has this key already" },
	{ TEXT("{\"\xf0\x9f\x98\x80\":1,\"\\uD83D\\ude00\":2}"),
	    "byte 10: the object has this key already" },
	{ TEXT("{\"/\":1,\"b\":2,\"\\/\":3}"),
	    "byte 13: the object has this key already" },
	{ TEXT("{\"\":1,\"\":2}"), "byte 6: the object has this key already" },
	{ TEXT("{\"\\u0000\":1,\"\\u0000\":2}"),
	    "byte 12: the object has this key already" },
	{ TEXT("[{\"x\":{\"a\":{},\"a\":1}}]"),
	    "byte 14: the object has this key already" },
	{ TEXT("{\"a\":{\"b\":1},\"a\":1}"),
	    "byte 13: the object has this key already" },
	{ TEXT("{\"k\":1,\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,"
	       "\"g\":1,\"h\":1,\"i\":1,\"\\u006b\":1}"),
	    "byte 61: the object has this key already" },
};

START_TEST(good_texts_pass)
{
	struct err err = ERR_INIT;

	ck_assert_msg(json_scan(good[_i], &err) == 0, "%.*s: %s",
	    (int)good[_i].len, (const char *)good[_i].ptr, err.text);
}
END_TEST

START_TEST(bad_texts_are_refused_at_their_byte)
{
	struct err err = ERR_INIT;

	ck_assert_msg(json_scan(bad[_i].text, &err) == -1, "%s passed",
	    (const char *)bad[_i].text.ptr);
	ck_assert_int_eq(err.code, ERR_INPUT);
	ck_assert_str_eq(err.text, bad[_i].says);
}
END_TEST

/* --- limits -------------------------------------------------------------- */

static void
put_many(struct buf *b, const char *s, size_t n)
{
	struct err err = ERR_INIT;

	while (n-- > 0)
		ck_assert_int_eq(buf_puts(b, s, &err), 0);
}

static const struct {
	const char *when, *open, *value, *close;
	size_t depth;
	int want;
} depths[] = {
	{ "arrays at the limit", "[", "1", "]", JSON_DEPTH_MAX, 0 },
	{ "arrays beyond", "[", "1", "]", JSON_DEPTH_MAX + 1, -1 },
	{ "objects at the limit", "{\"a\":", "1", "}", JSON_DEPTH_MAX, 0 },
	{ "objects beyond", "{\"a\":", "1", "}", JSON_DEPTH_MAX + 1, -1 },
	{ "a hundred thousand open", "[", "", "", 100000, -1 },
};

/* Strings are looked at eight bytes at a time: every byte at every place. */
START_TEST(each_byte_counts_wherever_it_stands)
{
	char text[20];
	struct err err = ERR_INIT;
	size_t at;
	bool good_byte = _i >= 0x20 && _i < 0x80 && _i != '"' && _i != '\\';

	for (at = 1; at < sizeof(text) - 1; at++) {
		memset(text, 'a', sizeof(text));
		text[0] = text[sizeof(text) - 1] = '"';
		text[at] = (char)_i;
		ck_assert_msg((json_scan(span_of(text, sizeof(text)), &err) ==
				  0) == good_byte,
		    "byte %02x at %zu", (unsigned)_i, at);
	}
}
END_TEST

START_TEST(depth_is_limited)
{
	struct buf b = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;

	put_many(&b, depths[_i].open, depths[_i].depth);
	put_many(&b, depths[_i].value, 1);
	put_many(&b, depths[_i].close, depths[_i].depth);
	ck_assert_msg(json_scan(buf_span(&b), &err) == depths[_i].want,
	    "%s: %s", depths[_i].when, err.text);
	if (depths[_i].want < 0)
		ck_assert_ptr_nonnull(strstr(err.text, "nested more than 64"));
	buf_free(&b);
}
END_TEST

START_TEST(tokens_are_limited)
{
	struct buf b = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;

	put_many(&b, "[1", 1);
	put_many(&b, ",1", JSON_TOKENS_MAX - 2);
	put_many(&b, "]", 1);
	ck_assert_int_eq(json_scan(buf_span(&b), &err), 0);
	b.len--;
	put_many(&b, ",1]", 1);
	ck_assert_int_eq(json_scan(buf_span(&b), &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "more than 100000 values"));
	buf_free(&b);
}
END_TEST

/*
 * An object with as many keys as a text may have, all with a long common
 * beginning, falling: sorted in a moment, and a twin of the first is found.
 */
START_TEST(many_keys_are_compared_in_little_time)
{
	struct buf b = BUF_INIT(8 << 20);
	struct err err = ERR_INIT;
	int i, n = JSON_TOKENS_MAX / 2 - 2;

	put_many(&b, "{", 1);
	for (i = n; i > 0; i--)
		ck_assert_int_eq(
		    buf_printf(&b, &err, "\"a key that is long %06d\":0,", i),
		    0);
	put_many(&b, "\"last\":0}", 1);
	ck_assert_msg(json_scan(buf_span(&b), &err) == 0, "%s", err.text);
	b.len -= strlen("\"last\":0}");
	put_many(&b, "\"a key that is long \\u0030", 1);
	ck_assert_int_eq(buf_printf(&b, &err, "%05d\":0}", n), 0);
	ck_assert_int_eq(json_scan(buf_span(&b), &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "has this key already"));
	buf_free(&b);
}
END_TEST

/* --- truncated and changed ----------------------------------------------- */

#define SAMPLE                                                             \
	"{\"id\":\"evt_1\",\"n\":[-1.5e+3,0,true,false,null,\"\\u00e9\xc3" \
	"\xa9\\n\"],\"o\":{\"\":{},\"id\":[[]]},\"e\":\"\\ud83d\\ude00\"}"

/* An exact copy on the heap, so that a sanitizer sees a read behind it. */
static unsigned char *
exact(const char *s, size_t len)
{
	unsigned char *p = malloc(len > 0 ? len : 1);

	ck_assert_ptr_nonnull(p);
	memcpy(p, s, len);
	return p;
}

START_TEST(every_truncation_is_refused)
{
	static const char *const pointers[] = { "", "/id", "/n/5", "/o/id/0",
		"/e", "/none", "/n/9", "/o//x" };
	struct err err = ERR_INIT;
	struct span raw, text;
	unsigned char *p;
	size_t len, i;

	ck_assert_int_eq(json_scan(span_str(SAMPLE), &err), 0);
	for (len = 0; len < strlen(SAMPLE); len++) {
		p = exact(SAMPLE, len);
		text = span_of(p, len);
		ck_assert_int_eq(json_scan(text, &err), -1);
		for (i = 0; i < NITEMS(pointers); i++)
			json_find(text, pointers[i], &raw);
		free(p);
	}
}
END_TEST

START_TEST(no_changed_bit_leads_outside)
{
	struct buf out = BUF_INIT(4096);
	struct err err = ERR_INIT;
	struct span raw, text;
	unsigned char *p;
	size_t i, len = strlen(SAMPLE), passed = 0;

	for (i = 0; i < len * 8; i++) {
		p = exact(SAMPLE, len);
		p[i / 8] ^= (unsigned char)(1 << i % 8);
		text = span_of(p, len);
		if (json_scan(text, &err) == 0)
			passed++;
		if (json_find(text, "/n/5", &raw) != JSON_ABSENT) {
			ck_assert(raw.ptr >= text.ptr);
			ck_assert((const unsigned char *)raw.ptr + raw.len <=
				  p + len);
			json_scalar(raw, &out, &err);
			buf_clear(&out);
		}
		free(p);
	}
	/* "evt_1" may become "evt_3"; a brace may not become a letter. */
	ck_assert(passed > 0 && passed < len * 8 / 2);
	buf_free(&out);
}
END_TEST

/* --- finding ------------------------------------------------------------- */

#define DOC                                                                \
	"{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"m~n\":8," \
	"\"Id\":\"no\",\"id\" : \"a\\u0062\" ,\"o\":{\"p\":[ ]},"          \
	"\"k\\u0065y\":true,\"n\":null,\"skip\":\"}{[]\\\"\",\"last\":-1.50}"

/* The examples of RFC 6901 section 5 are among them. */
static const struct {
	const char *pointer;
	enum json_kind kind;
	const char *raw;
} found[] = {
	{ "", JSON_OBJECT, DOC },
	{ "/foo", JSON_ARRAY, "[\"bar\",\"baz\"]" },
	{ "/foo/0", JSON_STRING, "\"bar\"" },
	{ "/foo/1", JSON_STRING, "\"baz\"" },
	{ "/foo/2", JSON_ABSENT, "" },
	{ "/foo/00", JSON_ABSENT, "" },
	{ "/foo/01", JSON_ABSENT, "" },
	{ "/foo/-", JSON_ABSENT, "" },
	{ "/foo/", JSON_ABSENT, "" },
	{ "/foo/99999999999999999999", JSON_ABSENT, "" },
	{ "/foo/bar", JSON_ABSENT, "" },
	{ "/", JSON_NUMBER, "0" },
	{ "/a~1b", JSON_NUMBER, "1" },
	{ "/c%d", JSON_NUMBER, "2" },
	{ "/m~0n", JSON_NUMBER, "8" },
	{ "/id", JSON_STRING, "\"a\\u0062\"" },
	{ "/ID", JSON_ABSENT, "" },
	{ "/Id", JSON_STRING, "\"no\"" },
	{ "/o/p", JSON_ARRAY, "[ ]" },
	{ "/o/p/0", JSON_ABSENT, "" },
	{ "/o/p/0/x", JSON_ABSENT, "" },
	{ "/key", JSON_BOOL, "true" },
	{ "/k", JSON_ABSENT, "" },
	{ "/keys", JSON_ABSENT, "" },
	{ "/n", JSON_NULL, "null" },
	{ "/n/x", JSON_ABSENT, "" },
	{ "/skip", JSON_STRING, "\"}{[]\\\"\"" },
	{ "/last", JSON_NUMBER, "-1.50" },
	{ "last", JSON_ABSENT, "" },
};

START_TEST(pointers_find)
{
	struct err err = ERR_INIT;
	struct span raw;

	ck_assert_msg(json_scan(span_str(DOC), &err) == 0, "%s", err.text);
	ck_assert_msg(
	    json_find(span_str(DOC), found[_i].pointer, &raw) == found[_i].kind,
	    "%s", found[_i].pointer);
	ck_assert_msg(span_is(raw, found[_i].raw), "%s", found[_i].pointer);
}
END_TEST

static const struct {
	const char *raw;
	int want;
	const char *value;
} scalars[] = {
	{ "\"\"", 0, "" },
	{ "\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", 0, "a\"\\/\b\f\n\r\tz" },
	{ "\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", 0,
	    "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ "12", 0, "12" },
	{ "-1.50e3", 0, "-1.50e3" },
	{ "12345678901234567890123", 0, "12345678901234567890123" },
	{ "true", 0, "true" },
	{ "null", 0, "null" },
	{ "\"a\\u0000b\"", -1, "the string holds \\u0000" },
	{ "\"\\ud800\"", -1, "the string holds a lone surrogate" },
	{ "\"\\ude00\\ud83d\"", -1, "the string holds a lone surrogate" },
	{ "{}", -1, "an array or object where a value is due" },
	{ "[1]", -1, "an array or object where a value is due" },
	{ "", -1, "an array or object where a value is due" },
};

START_TEST(scalars_are_unescaped)
{
	struct buf out = BUF_INIT(4096);
	struct err err = ERR_INIT;

	ck_assert_int_eq(buf_puts(&out, "x", &err), 0);
	ck_assert_msg(json_scalar(span_str(scalars[_i].raw), &out, &err) ==
			  scalars[_i].want,
	    "%s: %s", scalars[_i].raw, err.text);
	if (scalars[_i].want == 0) {
		ck_assert(
		    span_is(span_skip(buf_span(&out), 1), scalars[_i].value));
	} else {
		ck_assert_str_eq(err.text, scalars[_i].value);
		ck_assert_uint_eq(out.len, 1);
	}
	buf_free(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("json_scan");
	TCase *tc = tcase_create("rows");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, good_texts_pass, 0, NITEMS(good));
	tcase_add_loop_test(
	    tc, bad_texts_are_refused_at_their_byte, 0, NITEMS(bad));
	tcase_add_loop_test(tc, each_byte_counts_wherever_it_stands, 0, 256);
	tcase_add_loop_test(tc, depth_is_limited, 0, NITEMS(depths));
	tcase_add_test(tc, tokens_are_limited);
	tcase_add_test(tc, many_keys_are_compared_in_little_time);
	tcase_add_test(tc, every_truncation_is_refused);
	tcase_add_test(tc, no_changed_bit_leads_outside);
	tcase_add_loop_test(tc, pointers_find, 0, NITEMS(found));
	tcase_add_loop_test(tc, scalars_are_unescaped, 0, NITEMS(scalars));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
