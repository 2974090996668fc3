/* JSON trees: what is read is what was written, and nothing is guessed. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/json/json.h"

static struct json *
parsed(const char *text)
{
	struct err err = ERR_INIT;
	struct json *j = NULL;

	ck_assert_msg(
	    json_parse(span_str(text), &j, &err) == 0, "%s", err.text);
	return j;
}

static const struct {
	const char *text, *says;
} refused[] = {
	{ "{\"a\":1,\"a\":2}", "byte 7: the object has this key already" },
	{ "{} x", "byte 3: something stands behind the value" },
	{ "{\"a\":\"b\\u0000c\"}", "byte 5: a string with \\u0000 in it" },
	{ "{\"a\\u0000\":1}", "byte 1: a string with \\u0000 in it" },
	{ "\"\\\\\\u0000\"", "byte 0: a string with \\u0000 in it" },
	{ "[\"\\\"\",\"\\ud800\"]", "byte 6: a string with half a character" },
	{ "\"\\ude00\\ud83d\"", "byte 0: a string with half a character" },
};

START_TEST(texts_that_mean_two_things_are_refused)
{
	struct err err = ERR_INIT;
	struct json *j = NULL;

	ck_assert_int_eq(json_parse(span_str(refused[_i].text), &j, &err), -1);
	ck_assert_int_eq(err.code, ERR_INPUT);
	ck_assert_str_eq(err.text, refused[_i].says);
	ck_assert_ptr_null(j);
}
END_TEST

/* Text in, the same text out: order, escapes, numbers, nesting. */
static const char *const same[] = {
	"{}",
	"[]",
	"null",
	"{\"a\":1,\"A\":2,\"\":[true,false,null,{}]}",
	"[0,-1,9007199254740991,-9007199254740991,1767225600000,0.5,1e+300]",
	"[\"\xc3\xa9\",\"\\\"\\\\\",\"\\u000a\",\"/\"]",
	"\"\\\\u0000\"",
	"[\"\xf0\x9f\x98\x80\",\"\\\"\",\"\"]",
};

START_TEST(what_is_read_is_printed)
{
	struct buf out = BUF_INIT(4096);
	struct json *j = parsed(same[_i]);
	struct err err = ERR_INIT;

	ck_assert_int_eq(json_print(j, &out, &err), 0);
	ck_assert_int_eq(buf_putc(&out, '\0', &err), 0);
	ck_assert_str_eq((const char *)out.ptr, same[_i]);
	buf_free(&out);
	json_free(j);
}
END_TEST

START_TEST(members_are_found_by_case)
{
	struct json *j = parsed("{\"Name\":\"x\",\"n\":7,\"t\":true,"
				"\"a\":[1,2,3],\"o\":{\"k\":\"v\"}}");
	const struct json *a;
	int64_t n = 0;
	struct err err = ERR_INIT;

	ck_assert_ptr_null(json_get(j, "name"));
	ck_assert_str_eq(json_text(json_get(j, "Name")), "x");
	ck_assert_ptr_null(json_text(json_get(j, "n")));
	ck_assert(json_true(json_get(j, "t")));
	ck_assert(!json_true(json_get(j, "none")));
	a = json_get(j, "a");
	ck_assert_uint_eq(json_count(a), 3);
	ck_assert_int_eq(json_int(json_next(json_first(a)), &n, &err), 0);
	ck_assert_int_eq(n, 2);
	ck_assert_str_eq(json_name(json_first(json_get(j, "o"))), "k");
	ck_assert_ptr_null(json_get(a, "k"));
	ck_assert_int_eq(json_kind(NULL), JSON_ABSENT);
	json_free(j);
}
END_TEST

static const struct {
	const char *when, *text;
	int want_int, opt_int;
} typed[] = {
	{ "absent", "{}", -1, 0 },
	{ "null", "{\"m\":null}", -1, 0 },
	{ "text", "{\"m\":\"1\"}", -1, -1 },
	{ "int", "{\"m\":1}", 0, 0 },
	{ "part of an int", "{\"m\":1.5}", -1, -1 },
	{ "int too big", "{\"m\":9007199254740993}", -1, -1 },
	{ "endless", "{\"m\":1e999}", -1, -1 },
	{ "bool", "{\"m\":true}", -1, -1 },
	{ "array", "{\"m\":[]}", -1, -1 },
	{ "no object", "[1]", -1, 0 },
};

START_TEST(a_member_has_one_kind)
{
	struct json *j = parsed(typed[_i].text);
	struct err err = ERR_INIT;
	int64_t n = -7;

	ck_assert_msg(json_opt_int(j, "m", &n, &err) == typed[_i].opt_int, "%s",
	    typed[_i].when);
	if (typed[_i].want_int < 0)
		ck_assert_int_eq(n, -7);
	ck_assert_int_eq(json_want_int(j, "m", &n, &err), typed[_i].want_int);
	json_free(j);
}
END_TEST

START_TEST(a_wrong_kind_is_named)
{
	struct json *j = parsed("{\"m\":[]}");
	struct err err = ERR_INIT;
	int64_t n;

	ck_assert_int_eq(json_want_int(j, "m", &n, &err), -1);
	ck_assert_str_eq(err.text, "m: must be a number, not an array");
	ck_assert_int_eq(json_want_int(j, "x", &n, &err), -1);
	ck_assert_str_eq(err.text, "x: is missing");
	json_free(j);
}
END_TEST

START_TEST(trees_are_made)
{
	struct buf out = BUF_INIT(4096);
	struct json *j = NULL, *in = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_eq(json_new_object(&j, &err), 0);
	ck_assert_int_eq(json_put_str(j, "s", "a\"b", &err), 0);
	ck_assert_int_eq(json_put_int(j, "i", -5, &err), 0);
	ck_assert_int_eq(json_put_array(j, "a", &in, &err), 0);
	ck_assert_int_eq(json_put_bool(in, NULL, true, &err), 0);
	ck_assert_int_eq(json_put_object(j, "o", &in, &err), 0);
	ck_assert_int_eq(json_put_array(in, "x", &in, &err), 0);
	ck_assert_int_eq(json_put_text(j, "u", span_of("\xff", 1), &err), -1);
	ck_assert_str_eq(err.text, "u: is not UTF-8 text without NUL");
	ck_assert_int_eq(json_put_text(j, "u", span_of("a\0", 2), &err), -1);
	ck_assert_int_eq(
	    json_put_int(j, "u", (int64_t)JSON_INT_MAX + 1, &err), -1);
	ck_assert_int_eq(json_print(j, &out, &err), 0);
	ck_assert(span_is(buf_span(&out), "{\"s\":\"a\\\"b\",\"i\":-5,"
					  "\"a\":[true],"
					  "\"o\":{\"x\":[]}}"));
	buf_free(&out);
	json_free(j);
	json_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("json");
	TCase *tc = tcase_create("trees");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(
	    tc, texts_that_mean_two_things_are_refused, 0, NITEMS(refused));
	tcase_add_loop_test(tc, what_is_read_is_printed, 0, NITEMS(same));
	tcase_add_test(tc, members_are_found_by_case);
	tcase_add_loop_test(tc, a_member_has_one_kind, 0, NITEMS(typed));
	tcase_add_test(tc, a_wrong_kind_is_named);
	tcase_add_test(tc, trees_are_made);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
