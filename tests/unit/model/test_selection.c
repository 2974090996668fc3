/* Whether patterns select an event by any of its types, read or not. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/pack.h"
#include "lib/base/util.h"
#include "lib/model/selection.h"
#include "lib/scheme/verify.h"

#define YES SELECTION_YES
#define NO SELECTION_NO
#define UNKNOWN SELECTION_UNKNOWN

static const struct {
	const char *when, *patterns; /* NULL: there are none */
	const char *types; /* divided by blanks */
	bool complete;
	enum selection want;
} rows[] = {
	{ "no patterns", NULL, "push", true, YES },
	{ "no patterns, no type", NULL, "", false, YES },
	{ "the only type", "order.*", "order.paid", true, YES },
	{ "another type", "order.*", "user.new", true, NO },
	{ "the second type", "order.*", "user.new order.paid", true, YES },
	{ "the last of three", "c", "a b c", true, YES },
	{ "none of two", "order.*", "user.new user.gone", true, NO },
	{ "one that is excluded, and one that is not", "*,!user.*",
	    "user.new order.paid", true, YES },
	{ "all are excluded", "!user.*", "user.new user.gone", true, NO },
	{ "no type", "order.*", "", true, UNKNOWN },
	{ "no type, and exclusions alone", "!order.*", "", true, UNKNOWN },
	{ "no type, and all but", "*,!order.*", "", true, UNKNOWN },
	{ "no type, and all", "*", "", true, YES },
	{ "no type, and all among others", "order.*,*", "", false, YES },
	{ "no type, and nothing", "order.*,!*", "", true, NO },
	{ "a type, and nothing", "!*", "order.paid", true, NO },
	{ "not all types, one selected", "order.*", "order.paid", false, YES },
	{ "not all types, none selected", "order.*", "user.new", false,
	    UNKNOWN },
	{ "not all types, one excluded", "!user.*", "user.new", false,
	    UNKNOWN },
	{ "not all types, and all", "*", "user.new", false, YES },
};

static size_t
split(const char *text, struct span out[EVENT_TYPES_MAX])
{
	size_t n, len;

	for (n = 0; *text != '\0'; n++) {
		len = strcspn(text, " ");
		out[n] = span_of(text, len);
		text += len + (text[len] == ' ');
	}
	return n;
}

/* As an event of the log has them. */
static void
pack(const struct span *types, size_t n, struct buf *out)
{
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < n; i++)
		ck_assert_int_eq(pack_put_bytes(out, 2, types[i], &err), 0);
}

START_TEST(any_type_selects)
{
	struct span types[EVENT_TYPES_MAX];
	size_t n = split(rows[_i].types, types), i;
	unsigned flags = rows[_i].complete ? 0 : EVENT_TYPES_PARTIAL;
	struct identity who = { .ntypes = n,
		.types_complete = rows[_i].complete };
	struct pattern_list *list = NULL;
	struct buf packed = BUF_INIT(1024);
	struct event ev = { .flags = flags };
	struct err err = ERR_INIT;

	if (rows[_i].patterns != NULL)
		ck_assert_int_eq(
		    pattern_parse(span_str(rows[_i].patterns), &list, &err), 0);
	ck_assert_msg(
	    selection_of(list, types, n, rows[_i].complete) == rows[_i].want,
	    "%s", rows[_i].when);
	for (i = 0; i < n; i++)
		who.types[i] = types[i];
	ck_assert_msg(selection_of_identity(list, &who) == rows[_i].want,
	    "%s, of a request", rows[_i].when);
	if (n > 0)
		ev.type = types[0];
	if (n > 1)
		pack(types, n, &packed);
	ev.types = buf_span(&packed);
	ck_assert_msg(selection_of_event(list, &ev) == rows[_i].want,
	    "%s, of an event", rows[_i].when);
	buf_free(&packed);
	pattern_free(list);
}
END_TEST

START_TEST(an_empty_type_was_not_read)
{
	struct span types[] = { SPAN_EMPTY, span_str("user.new") };
	struct pattern_list *list = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_eq(pattern_parse(span_str("order.*"), &list, &err), 0);
	ck_assert(selection_of(list, types, 1, true) == SELECTION_UNKNOWN);
	ck_assert(selection_of(list, types, 2, true) == SELECTION_UNKNOWN);
	ck_assert(selection_of(list, types + 1, 1, true) == SELECTION_NO);
	pattern_free(list);
}
END_TEST

START_TEST(some_patterns_need_types)
{
	ck_assert(!selection_needs_types(NULL));
	ck_assert(!selection_needs_types("*"));
	ck_assert(!selection_needs_types("order.*,*"));
	ck_assert(!selection_needs_types("order.*,!*"));
	ck_assert(!selection_needs_types("a*b"));
	ck_assert(selection_needs_types("order.*"));
	ck_assert(selection_needs_types("*,!order.*"));
	ck_assert(selection_needs_types("!order.*"));
}
END_TEST

START_TEST(types_are_a_list)
{
	struct span types[EVENT_TYPES_MAX + 1], got[EVENT_TYPES_MAX];
	struct buf packed = BUF_INIT(65536);
	struct event ev = { .type = span_str("t") };
	size_t i, n = EVENT_TYPES_MAX;

	for (i = 0; i <= n; i++)
		types[i] = span_str("one.type");
	ck_assert(event_types_ok(SPAN_EMPTY));
	ck_assert_uint_eq(event_types(&ev, got), 1);
	ck_assert(span_is(got[0], "t"));
	pack(types, n, &packed);
	ck_assert(event_types_ok(buf_span(&packed)));
	ev.types = buf_span(&packed);
	ck_assert_uint_eq(event_types(&ev, got), n);
	ck_assert(span_is(got[n - 1], "one.type"));
	/* Cut anywhere but behind a type, it is none. */
	for (i = 1; i < packed.len; i++)
		ck_assert_msg(
		    event_types_ok(span_of(packed.ptr, i)) == (i % 10 == 0),
		    "cut at %zu", i);
	/* Of what is none, the type is left. */
	ev.types.len--;
	ck_assert_uint_eq(event_types(&ev, got), 1);
	ck_assert(span_is(got[0], "t"));
	pack(types, 1, &packed);
	ck_assert(!event_types_ok(buf_span(&packed)));
	buf_free(&packed);
}
END_TEST

/* What identify.c says and an event keeps are the same. */
START_TEST(a_batch_is_a_test_where_all_is)
{
	static const struct {
		const char *body;
		bool is_test;
		const char *types;
	} batches[] = {
		{ "[{\"t\":\"test.event\"}]", true, "test.event" },
		{ "[{\"t\":\"test.event\"},{\"t\":\"a\"}]", false,
		    "test.event a" },
		{ "[{\"t\":\"test.event\"},{\"u\":1}]", false, "test.event" },
		{ "[{\"t\":\"a\"},{\"t\":\"bc\"},{\"t\":\"a\"}]", false,
		    "a bc" },
		{ "[]", false, "" },
	};
	struct request request = { .body = span_str(batches[_i].body) };
	struct verify_input in = { .request = &request };
	struct span want[EVENT_TYPES_MAX], got[EVENT_TYPES_MAX];
	struct buf scratch = BUF_INIT(16384);
	struct err err = ERR_INIT;
	struct scheme *sc = NULL;
	struct identity who;
	struct event ev = { .seq = 1 };
	size_t i, n = split(batches[_i].types, want);

	ck_assert_msg(scheme_parse("x.json",
			  span_str("{\"alg\":\"hmac-sha256\",\"sig\":{\"from\":"
				   "\"header:S\",\"enc\":\"hex\"},\"content\":"
				   "\"{body}\",\"each\":{\"at\":\"\",\"type\":"
				   "\"{json:/t}\"}}"),
			  &sc, NULL, &err) == 0,
	    "%s", err.text);
	ck_assert_int_eq(verify_identify(sc, &in, &scratch, &who, &err), 0);
	ck_assert_int_eq(selection_is_test(sc, &who), batches[_i].is_test);
	ck_assert(event_types_ok(who.packed_types));
	ev.types = who.packed_types;
	ck_assert_uint_eq(event_types(&ev, got), n);
	for (i = 0; i < n; i++)
		ck_assert(span_eq(got[i], want[i]));
	buf_free(&scratch);
	scheme_free(sc);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("selection");
	TCase *tc = tcase_create("selection");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, any_type_selects, 0, NITEMS(rows));
	tcase_add_test(tc, an_empty_type_was_not_read);
	tcase_add_test(tc, some_patterns_need_types);
	tcase_add_test(tc, types_are_a_list);
	tcase_add_loop_test(tc, a_batch_is_a_test_where_all_is, 0, 5);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
