/*
 * test_captured.c: requests that people saved, and JSON as other programs
 * write it.
 */
#include "lib/http/captured.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/json/style.h"

static const struct {
	const char *when, *text;
	const char *path, *query, *name, *value, *body; /* NULL path: refused */
	bool longer, shorter;
} saved[] = {
	{ "raw", "POST /h/a?b=c HTTP/1.1\r\nX-A: 1\r\n\r\n{}\n", "/h/a", "b=c",
	    "x-a", "1", "{}\n", false, false },
	{ "cut at its length",
	    "POST /h HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\nmore", "/h", "",
	    "content-length", "2", "{}", true, false },
	{ "shorter than its length",
	    "POST /h HTTP/1.1\nContent-Length: 9\n\n{}", "/h", "",
	    "content-length", "9", "{}", false, true },
	{ "a length that is none", "POST /h\nContent-Length: 2x\n\n{}z", "/h",
	    "", "content-length", "2x", "{}z", false, false },
	{ "an editor's",
	    "### one\n// two\n@v = 3\n\nPOST https://x.y/h?q#f\nA:  b \n\n"
	    "{}\n\n###\nGET /no\n",
	    "/h", "q", "a", "b", "{}\n", false, false },
	{ "curl's",
	    "* Trying\n> POST /h HTTP/2\n> A: b\n>\n} [2 bytes data]\n< "
	    "HTTP/2 401\n< x: y\n<\n{}",
	    "/h", "", "a", "b", "{}", false, false },
	{ "curl's, asides between", "> POST /h HTTP/1.1\n* so\n> A: b\n> \n{}",
	    "/h", "", "a", "b", "{}", false, false },
	{ "no body", "POST /h HTTP/1.1\nA: b", "/h", "", "a", "b", "", false,
	    false },
	{ "nothing", "", NULL, NULL, NULL, NULL, NULL, false, false },
	{ "no method", "hello /x\n\n", NULL, NULL, NULL, NULL, NULL, false,
	    false },
	{ "no target", "POST\n\n", NULL, NULL, NULL, NULL, NULL, false, false },
	{ "no header", "POST /h\nnone\n\n", NULL, NULL, NULL, NULL, NULL, false,
	    false },
	{ "a header without name", "POST /h\n: b\n\n", NULL, NULL, NULL, NULL,
	    NULL, false, false },
};

START_TEST(saved_requests_are_read)
{
	struct captured got = { .nheaders = 0 };
	struct err err = ERR_INIT;
	const char *when = saved[_i].when;

	if (saved[_i].path == NULL) {
		ck_assert_msg(
		    captured_read(span_str(saved[_i].text), &got, &err) == -1,
		    "%s", when);
		ck_assert_int_eq(err.code, ERR_INPUT);
		ck_assert_ptr_nonnull(strstr(err.text, "line "));
		captured_free(&got);
		return;
	}
	ck_assert_msg(captured_read(span_str(saved[_i].text), &got, &err) == 0,
	    "%s: %s", when, err.text);
	ck_assert_msg(span_is(got.method, "POST"), "%s", when);
	ck_assert_msg(span_is(got.path, saved[_i].path), "%s", when);
	ck_assert_msg(span_is(got.query, saved[_i].query), "%s", when);
	ck_assert_uint_eq(got.nheaders, 1);
	ck_assert_msg(span_is(got.headers[0].name, saved[_i].name), "%s", when);
	ck_assert_msg(
	    span_is(got.headers[0].value, saved[_i].value), "%s", when);
	ck_assert_msg(span_is(got.body, saved[_i].body), "%s: \"%.*s\"", when,
	    (int)got.body.len, (const char *)got.body.ptr);
	ck_assert_int_eq(got.longer, saved[_i].longer);
	ck_assert_int_eq(got.shorter, saved[_i].shorter);
	captured_free(&got);
}
END_TEST

/* No byte behind a text is read, wherever it ends or whatever it holds. */
START_TEST(damaged_ones_are_read_or_refused)
{
	struct captured got;
	struct err err;
	size_t len = strlen(saved[_i].text), cut;
	unsigned bit;
	char *text;

	for (cut = 0; cut <= len; cut++)
		for (bit = 0; bit < 9; bit++) {
			text = malloc(cut + 1);
			ck_assert_ptr_nonnull(text);
			memcpy(text, saved[_i].text, cut);
			if (cut > 0 && bit < 8)
				text[cut - 1] ^= (char)(1U << bit);
			text = realloc(text, cut > 0 ? cut : 1);
			memset(&got, 0, sizeof(got));
			(void)captured_read(span_of(text, cut), &got, &err);
			ck_assert_uint_le(got.body.len, cut);
			captured_free(&got);
			free(text);
		}
}
END_TEST

/*
 * {"a/b": "<é\n😀>", "n": [1.50, {}, []], "c": true} as the programs write it
 * that the style is named for. Node 20 and Python 3.11 were asked (with 1.5: we
 * leave numbers alone); PHP's and Go's are as their manuals have it.
 */
#define TEXT                                                  \
	" { \"a\\/b\" :\t\"<\\u00e9\\n\\ud83d\\ude00>\",\r\n" \
	"\"n\": [1.50 , { } , [ ] ] , \"c\":true } "

static const struct {
	const char *style, *want;
} styles[] = {
	{ "without its blanks",
	    "{\"a\\/b\":\"<\\u00e9\\n\\ud83d\\ude00>\",\"n\":[1.50,{},[]],"
	    "\"c\":true}" },
	{ "as JSON.stringify writes it",
	    "{\"a/b\":\"<\xc3\xa9\\n\xf0\x9f\x98\x80>\",\"n\":[1.50,{},[]],"
	    "\"c\":true}" },
	{ "as Python's json.dumps writes it",
	    "{\"a/b\": \"<\\u00e9\\n\\ud83d\\ude00>\", \"n\": [1.50, {}, []], "
	    "\"c\": true}" },
	{ "as Python's json.dumps without ensure_ascii writes it",
	    "{\"a/b\": \"<\xc3\xa9\\n\xf0\x9f\x98\x80>\", \"n\": [1.50, {}, "
	    "[]], \"c\": true}" },
	{ "as Python's json.dumps with compact separators writes it",
	    "{\"a/b\":\"<\\u00e9\\n\\ud83d\\ude00>\",\"n\":[1.50,{},[]],"
	    "\"c\":true}" },
	{ "as PHP's json_encode writes it",
	    "{\"a\\/b\":\"<\\u00e9\\n\\ud83d\\ude00>\",\"n\":[1.50,{},[]],"
	    "\"c\":true}" },
	{ "as Go's json.Marshal writes it",
	    "{\"a/b\":\"\\u003c\xc3\xa9\\n\xf0\x9f\x98\x80\\u003e\",\"n\":"
	    "[1.50,{},[]],\"c\":true}" },
	{ "indented by two blanks",
	    "{\n  \"a/b\": \"<\xc3\xa9\\n\xf0\x9f\x98\x80>\",\n  \"n\": [\n"
	    "    1.50,\n    {},\n    []\n  ],\n  \"c\": true\n}" },
	{ "indented by tabs",
	    "{\n\t\"a/b\": \"<\xc3\xa9\\n\xf0\x9f\x98\x80>\",\n\t\"n\": [\n"
	    "\t\t1.50,\n\t\t{},\n\t\t[]\n\t],\n\t\"c\": true\n}" },
};

START_TEST(json_is_written_as_others_write_it)
{
	struct buf out = BUF_INIT(4096);
	const struct json_style *style;
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; (style = json_style_at(i)) != NULL; i++)
		if (strcmp(json_style_words(style), styles[_i].style) == 0)
			break;
	ck_assert_msg(style != NULL, "%s", styles[_i].style);
	ck_assert_int_eq(json_style_put(style, span_str(TEXT), &out, &err), 0);
	ck_assert_msg(span_is(buf_span(&out), styles[_i].want), "%s: %.*s",
	    styles[_i].style, (int)out.len, (const char *)out.ptr);
	buf_free(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("captured");
	TCase *tc = tcase_create("captured");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, saved_requests_are_read, 0, NITEMS(saved));
	tcase_add_loop_test(
	    tc, damaged_ones_are_read_or_refused, 0, NITEMS(saved));
	tcase_add_loop_test(
	    tc, json_is_written_as_others_write_it, 0, NITEMS(styles));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
