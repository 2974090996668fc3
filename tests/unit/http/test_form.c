/* Forms and URLs, taken apart and put together. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/http/form.h"
#include "lib/http/url.h"

static const struct {
	const char *text;
	enum form_answer want;
	const char *value; /* of the name "a b" */
} found[] = {
	{ "", FORM_ABSENT, "" }, { "x=1", FORM_ABSENT, "" },
	{ "a+b=1", FORM_FOUND, "1" }, { "a%20b=1", FORM_FOUND, "1" },
	{ "x&a+b", FORM_FOUND, "" }, { "a+b=", FORM_FOUND, "" },
	{ "a+b==&", FORM_FOUND, "=" },
	{ "&&a+b=%c3%A9+%2B", FORM_FOUND, "\xc3\xa9 +" },
	{ "x=%zz", FORM_BROKEN, "" }, { "x=%zz&a+b=1", FORM_FOUND, "1" },
	{ "A+B=1", FORM_ABSENT, "" }, { "a b=1", FORM_FOUND, "1" },
	{ "a+b=1&a+b=1", FORM_FOUND, "1" },
	{ "a+b=%31&x=2&a%20b=1", FORM_FOUND, "1" },
	{ "a+b=&a+b=", FORM_FOUND, "" }, { "a+b=1&a+b=", FORM_BROKEN, "" },
	{ "a+b=1&a+b=11", FORM_BROKEN, "" },
	{ "a+b=1&a+b=1&a+b=2", FORM_BROKEN, "" },
	{ "a+b=1&a%20b=2", FORM_BROKEN, "" }, { "a+b=%", FORM_BROKEN, "" },
	{ "a+b=%4", FORM_BROKEN, "" }, { "a+b=%4g", FORM_BROKEN, "" },
	{ "a+b=1&%zz=1", FORM_BROKEN, "" },
	{ "a+b=%00", FORM_FOUND, NULL }, /* a NUL of its own */
};

START_TEST(names_have_one_value)
{
	struct buf out = BUF_INIT(256);
	struct err err = ERR_INIT;
	enum form_answer answer;

	ck_assert_int_eq(buf_puts(&out, ">", &err), 0);
	ck_assert_int_eq(form_find(span_str(found[_i].text), "a b", FORM_EXACT,
			     &out, &answer, &err),
	    0);
	ck_assert_msg(answer == found[_i].want, "%s", found[_i].text);
	if (found[_i].value == NULL)
		ck_assert(span_eq(buf_span(&out), span_of(">\0", 2)));
	else
		ck_assert_msg(
		    span_is(span_skip(buf_span(&out), 1), found[_i].value),
		    "%s", found[_i].text);
	buf_free(&out);
}
END_TEST

START_TEST(names_match_in_any_case_where_asked)
{
	struct buf out = BUF_INIT(256);
	struct err err = ERR_INIT;
	enum form_answer answer;

	ck_assert_int_eq(
	    form_find(span_str("x=1&validationtoken=t"), "validationToken",
		FORM_ANY_CASE, &out, &answer, &err),
	    0);
	ck_assert_int_eq(answer, FORM_FOUND);
	ck_assert(span_is(buf_span(&out), "t"));
	buf_clear(&out);
	ck_assert_int_eq(form_find(span_str("A=1&a=2"), "a", FORM_ANY_CASE,
			     &out, &answer, &err),
	    0);
	ck_assert_int_eq(answer, FORM_BROKEN);
	buf_free(&out);
}
END_TEST

static const struct {
	const char *text;
	enum form_answer want;
	const char *sorted;
} sorted[] = {
	{ "", FORM_FOUND, "" },
	{ "&&", FORM_FOUND, "" },
	{ "a", FORM_FOUND, "a" },
	{ "=x", FORM_FOUND, "x" },
	{ "b=1&a=2", FORM_FOUND, "a2b1" },
	{ "a=2&a=1&a=2", FORM_FOUND, "a1a2" },
	{ "B=1&a=1&A=1", FORM_FOUND, "A1B1a1" },
	{ "ab=1&a=2", FORM_FOUND, "a2ab1" },
	{ "%C3%A9=1&z=2", FORM_FOUND,
	    "z2\xc3\xa9"
	    "1" },
	{ "a=%2B+", FORM_FOUND, "a+ " },
	{ "a=%", FORM_BROKEN, "" },
};

START_TEST(forms_are_sorted)
{
	struct buf out = BUF_INIT(256);
	struct err err = ERR_INIT;
	enum form_answer answer;

	ck_assert_int_eq(
	    form_put_sorted(span_str(sorted[_i].text), &out, &answer, &err), 0);
	ck_assert_int_eq(answer, sorted[_i].want);
	ck_assert_msg(
	    span_is(buf_span(&out), sorted[_i].sorted), "%s", sorted[_i].text);
	buf_free(&out);
}
END_TEST

/* What stands behind the text is not part of an escape in it. */
START_TEST(an_escape_ends_with_the_text)
{
	struct buf out = BUF_INIT(256);
	struct err err = ERR_INIT;
	enum form_answer answer;
	size_t len;

	for (len = 3; len < 5; len++) {
		ck_assert_int_eq(form_find(span_of("a=%41", len), "a",
				     FORM_EXACT, &out, &answer, &err),
		    0);
		ck_assert_int_eq(answer, FORM_BROKEN);
	}
	buf_free(&out);
}
END_TEST

/* As many pairs as may be, falling; then one more. */
START_TEST(pairs_are_limited)
{
	struct buf text = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	enum form_answer answer;
	int i;

	for (i = FORM_PAIRS_MAX; i > 0; i--)
		ck_assert_int_eq(buf_printf(&text, &err, "k%05d=v&", i), 0);
	ck_assert_int_eq(
	    form_put_sorted(buf_span(&text), &out, &answer, &err), 0);
	ck_assert_int_eq(answer, FORM_FOUND);
	ck_assert(span_starts(buf_span(&out), "k00001vk00002v"));
	ck_assert_int_eq(buf_puts(&text, "one=more", &err), 0);
	buf_clear(&out);
	ck_assert_int_eq(
	    form_put_sorted(buf_span(&text), &out, &answer, &err), 0);
	ck_assert_int_eq(answer, FORM_BROKEN);
	ck_assert_int_eq(
	    form_find(buf_span(&text), "x", FORM_EXACT, &out, &answer, &err),
	    0);
	ck_assert_int_eq(answer, FORM_BROKEN);
	buf_free(&text);
	buf_free(&out);
}
END_TEST

static const struct {
	const char *url, *query, *given, *other; /* with either port */
} urls[] = {
	{ "https://h/p", "", "https://h/p", "https://h:443/p" },
	{ "http://h/p", "", "http://h/p", "http://h:80/p" },
	{ "HTTPS://h/p", "", "HTTPS://h/p", "HTTPS://h:443/p" },
	{ "https://h:8443/p", "", "https://h:8443/p", "https://h/p" },
	{ "https://h", "", "https://h", "https://h:443" },
	{ "https://h?a=1", "", "https://h?a=1", "https://h:443?a=1" },
	{ "https://h/p?a=1", "", "https://h/p?a=1", "https://h:443/p?a=1" },
	{ "https://h/p?a=1", "b=2", "https://h/p?b=2", "https://h:443/p?b=2" },
	{ "https://h/p", "b=2", "https://h/p?b=2", "https://h:443/p?b=2" },
	{ "https://h/p?", "", "https://h/p?", "https://h:443/p?" },
	{ "https://h/p?a#f", "", "https://h/p?a", "https://h:443/p?a" },
	{ "https://h/p#f?a", "", "https://h/p", "https://h:443/p" },
	{ "https://h/p:9/q", "", "https://h/p:9/q", "https://h:443/p:9/q" },
	{ "https://h/p?u=x:9", "", "https://h/p?u=x:9",
	    "https://h:443/p?u=x:9" },
	{ "https://[::1]/p", "", "https://[::1]/p", "https://[::1]:443/p" },
	{ "https://[::1]:9/p", "", "https://[::1]:9/p", "https://[::1]/p" },
	{ "https://u:w@h/p", "", "https://u:w@h/p", "https://u:w@h:443/p" },
	{ "https://u:w@h:9/p", "", "https://u:w@h:9/p", "https://u:w@h/p" },
	{ "ftp://h/p", "", "ftp://h/p", "ftp://h/p" },
	{ "h/p", "", "h/p", "h/p" },
	{ "", "", "", "" },
};

static const bool none[URL_BYTES];

START_TEST(urls_have_two_forms)
{
	struct buf out = BUF_INIT(256);
	struct err err = ERR_INIT;
	struct span url = span_str(urls[_i].url);
	struct span query = span_str(urls[_i].query);

	ck_assert_int_eq(
	    url_put(url, query, URL_PORT_GIVEN, none, &out, &err), 0);
	ck_assert_msg(span_is(buf_span(&out), urls[_i].given), "%.*s",
	    (int)out.len, (const char *)out.ptr);
	buf_clear(&out);
	ck_assert_int_eq(
	    url_put(url, query, URL_PORT_OTHER, none, &out, &err), 0);
	ck_assert_msg(span_is(buf_span(&out), urls[_i].other), "%.*s",
	    (int)out.len, (const char *)out.ptr);
	buf_free(&out);
}
END_TEST

/* ":" and "/" are decoded, wherever they stand; nothing else is, nor twice. */
static const struct {
	const char *url, *query, *want;
} escapes[] = {
	{ "https://h/a%3Ab", "", "https://h/a:b" },
	{ "https://h/a%3ab%3A", "x=1%3a2%2F", "https://h/a:b:?x=1:2/" },
	{ "https://h/p?q=%3A", "", "https://h/p?q=:" },
	{ "https://h/p", "a=%26b%3D%25", "https://h/p?a=%26b%3D%25" },
	{ "https://h/p", "a=%253A", "https://h/p?a=%253A" },
	{ "https://h/p", "a=%", "https://h/p?a=%" },
	{ "https://h/p", "a=%3", "https://h/p?a=%3" },
	{ "https://h/p", "%%3A%zz%3g", "https://h/p?%:%zz%3g" },
};

START_TEST(escapes_are_decoded_as_the_provider_does)
{
	bool decode[URL_BYTES] = { [':'] = true, ['/'] = true };
	struct buf out = BUF_INIT(256);
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    url_put(span_str(escapes[_i].url), span_str(escapes[_i].query),
		URL_PORT_GIVEN, decode, &out, &err),
	    0);
	ck_assert_msg(span_is(buf_span(&out), escapes[_i].want), "%.*s",
	    (int)out.len, (const char *)out.ptr);
	buf_free(&out);
}
END_TEST

START_TEST(a_query_ends_at_the_fragment)
{
	ck_assert(
	    span_is(url_query(span_str("https://h/p?a=1&b#c?d")), "a=1&b"));
	ck_assert(span_is(url_query(span_str("https://h/p#c?d")), ""));
	ck_assert(span_is(url_query(SPAN_EMPTY), ""));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("form");
	TCase *tc = tcase_create("texts");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, names_have_one_value, 0, NITEMS(found));
	tcase_add_loop_test(tc, forms_are_sorted, 0, NITEMS(sorted));
	tcase_add_test(tc, an_escape_ends_with_the_text);
	tcase_add_test(tc, pairs_are_limited);
	tcase_add_loop_test(tc, urls_have_two_forms, 0, NITEMS(urls));
	tcase_add_loop_test(
	    tc, escapes_are_decoded_as_the_provider_does, 0, NITEMS(escapes));
	tcase_add_test(tc, names_match_in_any_case_where_asked);
	tcase_add_test(tc, a_query_ends_at_the_fragment);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
