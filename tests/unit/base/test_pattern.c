/* Which event types a list of patterns selects. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/pattern.h"
#include "lib/base/util.h"

static const struct {
	const char *when, *list, *type;
	bool want;
	const char *rule; /* NULL: none */
} rows[] = {
	{ "star selects all", "*", "order.paid", true, "*" },
	{ "star selects an event without a type", "*", "", true, "*" },
	{ "exact", "order.paid", "order.paid", true, "order.paid" },
	{ "exact is not a prefix", "order", "order.paid", false, NULL },
	{ "exact does not take less", "order.paid", "order.pai", false, NULL },
	{ "case matters", "Order.Paid", "order.paid", false, NULL },
	{ "prefix", "order.*", "order.paid", true, "order.*" },
	{ "prefix takes deeper levels", "order.*", "order.item.added", true,
	    "order.*" },
	{ "prefix alone, nothing behind", "order.*", "order.", true,
	    "order.*" },
	{ "prefix wants its dot", "order.*", "orders.paid", false, NULL },
	{ "prefix within a word", "ord*", "order.paid", true, "ord*" },
	{ "no type is no match of a prefix", "order.*", "", false, NULL },
	{ "second of a list", "a.b, order.paid", "order.paid", true,
	    "order.paid" },
	{ "blanks and commas divide", " a.b,,\tc.d ", "c.d", true, "c.d" },
	{ "exclusion wins behind", "*,!order.*", "order.paid", false,
	    "!order.*" },
	{ "exclusion wins before", "!order.*,*", "order.paid", false,
	    "!order.*" },
	{ "exclusion wins over exact", "order.paid,!order.*", "order.paid",
	    false, "!order.*" },
	{ "not excluded", "*,!order.*", "user.new", true, "*" },
	{ "only exclusions select the rest", "!order.*", "user.new", true,
	    NULL },
	{ "only exclusions, without a type", "!order.*", "", true, NULL },
	{ "only exclusions, excluded", "!order.paid", "order.paid", false,
	    "!order.paid" },
	{ "everything excluded", "*,!*", "order.paid", false, "!*" },
	{ "the rule is the first that matches", "order.*,order.paid",
	    "order.paid", true, "order.*" },
};

START_TEST(list_decides)
{
	struct err err = ERR_INIT;
	struct pattern_list *list = NULL;
	const char *rule = "unset";
	bool got;

	ck_assert_msg(pattern_parse(span_str(rows[_i].list), &list, &err) == 0,
	    "%s: %s", rows[_i].when, err.text);
	got = pattern_selects(list, span_str(rows[_i].type), &rule);
	ck_assert_msg(got == rows[_i].want, "%s", rows[_i].when);
	if (rows[_i].rule == NULL)
		ck_assert_msg(rule == NULL, "%s: by %s", rows[_i].when, rule);
	else
		ck_assert_str_eq(rule, rows[_i].rule);
	ck_assert(pattern_selects(list, span_str(rows[_i].type), NULL) == got);
	pattern_free(list);
}
END_TEST

static const struct {
	const char *when, *list, *says;
} refused[] = {
	{ "nothing", "", "empty" },
	{ "only dividers", " ,, ", "empty" },
	{ "star in front", "*.paid", "\"*.paid\"" },
	{ "star in the middle", "a.*.b", "last letter" },
	{ "two stars", "a**", "last letter" },
	{ "excludes nothing", "a,!", "behind the \"!\"" },
	{ "excludes twice", "!!a", "one \"!\"" },
	{ "escape byte", "a\033b", "0x1b" },
	{ "line end", "a\nb", "0x0a" },
	{ "not UTF-8", "a\xff", "UTF-8" },
};

START_TEST(list_is_refused)
{
	struct err err = ERR_INIT;
	struct pattern_list *list = NULL;

	ck_assert_msg(
	    pattern_parse(span_str(refused[_i].list), &list, &err) == -1, "%s",
	    refused[_i].when);
	ck_assert_int_eq(err.code, ERR_INPUT);
	ck_assert_ptr_null(list);
	ck_assert_msg(strstr(err.text, refused[_i].says) != NULL, "%s: %s",
	    refused[_i].when, err.text);
}
END_TEST

START_TEST(list_has_a_limit)
{
	struct err err = ERR_INIT;
	struct pattern_list *list = NULL;
	char *text = malloc(PATTERN_LIST_MAX + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, 'a', PATTERN_LIST_MAX + 1);
	ck_assert_int_eq(
	    pattern_parse(span_of(text, PATTERN_LIST_MAX), &list, &err), 0);
	pattern_free(list);
	ck_assert_int_eq(
	    pattern_parse(span_of(text, PATTERN_LIST_MAX + 1), &list, &err),
	    -1);
	ck_assert_int_eq(err.code, ERR_INPUT);
	free(text);
}
END_TEST

/* A NUL in a type is a byte like any other. */
START_TEST(type_may_hold_nul)
{
	struct err err = ERR_INIT;
	struct pattern_list *list = NULL;

	ck_assert_int_eq(pattern_parse(span_str("a"), &list, &err), 0);
	ck_assert(!pattern_selects(list, span_of("a\0b", 3), NULL));
	pattern_free(list);
	pattern_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pattern");
	TCase *tc = tcase_create("pattern");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, list_decides, 0, NITEMS(rows));
	tcase_add_loop_test(tc, list_is_refused, 0, NITEMS(refused));
	tcase_add_test(tc, list_has_a_limit);
	tcase_add_test(tc, type_may_hold_nul);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
