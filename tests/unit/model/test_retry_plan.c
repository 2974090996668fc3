/* test_retry_plan.c: plans of the providers, lists, jitter, Retry-After. */
#include "lib/model/retry_plan.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

#define S INT64_C(1000)
#define M (60 * S)
#define H (60 * M)
#define MIDDLE 0x80000000U /* no jitter */

/* What the providers' documents say, and what a list means. */
static const struct {
	const char *text;
	size_t n;
	int64_t delay_ms[24];
} good[] = {
	{ "nomos", 12,
	    { M, 2 * M, 4 * M, 8 * M, 16 * M, 32 * M, H, 2 * H, 4 * H, 8 * H,
		16 * H, 32 * H } },
	{ "nimbus", 4, { S, 2 * S, 4 * S, 8 * S } },
	{ "nolxy", 3, { 5 * S, 10 * S, 20 * S } },
	{ "svix", 7, { 5 * S, 5 * M, 30 * M, 2 * H, 5 * H, 10 * H, 10 * H } },
	{ "none", 0, { 0 } },
	{ "5s,5m,30m,2h", 4, { 5 * S, 5 * M, 30 * M, 2 * H } },
	{ "90", 1, { 90 * S } },
	{ " 1s , 2s\t", 2, { S, 2 * S } },
	{ "30d", 1, { 720 * H } },
	{ "1w", 1, { 168 * H } },
};

START_TEST(a_plan_has_these_delays)
{
	struct retry_plan plan;
	struct err err = ERR_INIT;
	size_t i;

	ck_assert_msg(
	    retry_plan_parse(span_str(good[_i].text), &plan, &err) == 0,
	    "%s: %s", good[_i].text, err.text);
	ck_assert_uint_eq(plan.n, good[_i].n);
	for (i = 0; i < plan.n; i++)
		ck_assert_msg(plan.delay_ms[i] == good[_i].delay_ms[i],
		    "%s: delay %zu is %lld", good[_i].text, i,
		    (long long)plan.delay_ms[i]);
}
END_TEST

START_TEST(days3_doubles_to_six_hours_until_three_days_are_over)
{
	struct retry_plan plan;
	struct err err = ERR_INIT;
	int64_t sum = 0, delay = M;
	size_t i;

	ck_assert_int_eq(retry_plan_parse(span_str("days3"), &plan, &err), 0);
	for (i = 0; i < plan.n; i++) {
		ck_assert_int_eq(plan.delay_ms[i], delay);
		ck_assert_int_lt(sum, 72 * H);
		sum += delay;
		delay = delay * 2 > 6 * H ? 6 * H : delay * 2;
	}
	ck_assert_int_ge(sum, 72 * H);
}
END_TEST

static const struct {
	const char *text, *named;
} bad[] = {
	{ "", "\"\"" },
	{ "nomo", "nomo" },
	{ "NOMOS", "NOMOS" },
	{ "5s,", "\"\"" },
	{ ",5s", "\"\"" },
	{ "5s,,5m", "\"\"" },
	{ "5s;5m", "5s;5m" },
	{ "5s,nomos", "nomos" },
	{ "0", "0" },
	{ "0s", "0s" },
	{ "5s,31d", "31d" },
	{ "-5s", "-5s" },
	{ "1.5h", "1.5h" },
	{ "5 s", "\"5 s\"" },
	{ "\x1b[31m", "\\x1b[31m" },
	{ "99999999999999999999s", "99999999999999999999s" },
};

START_TEST(what_is_no_plan_is_named)
{
	struct retry_plan plan = { 77, { 0 } };
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    retry_plan_parse(span_str(bad[_i].text), &plan, &err), -1);
	ck_assert_int_eq(err.code, ERR_INPUT);
	ck_assert_msg(strstr(err.text, bad[_i].named) != NULL, "%s", err.text);
	ck_assert_msg(strstr(err.text, "days3, nimbus, nolxy, nomos, none, "
				       "svix") != NULL,
	    "%s", err.text);
	ck_assert_uint_eq(plan.n, 77);
}
END_TEST

/* All bytes escaped, and long ones: cut, never an empty message. */
START_TEST(a_long_item_is_cut)
{
	struct retry_plan plan;
	struct err err = ERR_INIT;
	char text[300];

	memset(text, '\x01', sizeof(text));
	ck_assert_int_eq(
	    retry_plan_parse(span_of(text, sizeof(text)), &plan, &err), -1);
	ck_assert_msg(strstr(err.text, "\\x01...") != NULL, "%s", err.text);
}
END_TEST

START_TEST(a_list_has_at_most_its_limit)
{
	struct retry_plan plan;
	struct err err = ERR_INIT;
	char text[2 * (RETRY_PLAN_MAX + 1) + 1];
	size_t i;

	for (i = 0; i <= RETRY_PLAN_MAX; i++)
		memcpy(text + 2 * i, "7,", 2);
	ck_assert_int_eq(retry_plan_parse(span_of(text, 2 * RETRY_PLAN_MAX - 1),
			     &plan, &err),
	    0);
	ck_assert_uint_eq(plan.n, RETRY_PLAN_MAX);
	ck_assert_int_eq(retry_plan_parse(span_of(text, 2 * RETRY_PLAN_MAX + 1),
			     &plan, &err),
	    -1);
	ck_assert_msg(strstr(err.text, "more than 64") != NULL, "%s", err.text);
}
END_TEST

START_TEST(every_name_is_a_plan)
{
	static const char *const names[] = { "days3", "nimbus", "nolxy",
		"nomos", "none", "svix" };
	struct retry_plan plan;
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(names); i++)
		ck_assert_int_eq(
		    retry_plan_parse(span_str(names[i]), &plan, &err), 0);
}
END_TEST

static const struct {
	const char *when;
	unsigned made;
	int64_t after_ms;
	uint32_t chance;
	int64_t want;
} delays[] = {
	{ "the first", 1, -1, MIDDLE, 5 * S },
	{ "the second", 2, -1, MIDDLE, 10 * S },
	{ "the last", 3, -1, MIDDLE, 20 * S },
	{ "behind the last", 4, -1, MIDDLE, -1 },
	{ "far behind it", UINT32_MAX, -1, MIDDLE, -1 },
	{ "a tenth less", 2, -1, 0, 9 * S },
	{ "a tenth more", 2, -1, UINT32_MAX, 11 * S },
	{ "asked for more", 1, 7 * S, MIDDLE, 7 * S },
	{ "asked for less", 1, 3 * S, MIDDLE, 5 * S },
	{ "asked for nothing", 1, 0, MIDDLE, 5 * S },
	{ "never earlier than asked", 1, 5200, UINT32_MAX, 5500 },
	{ "never earlier than asked, low", 1, 5 * S, 0, 5 * S },
	{ "asked for a day", 1, 24 * H, MIDDLE, 24 * H },
	{ "asked for more than a day", 1, 24 * H + 1, MIDDLE, 24 * H },
	{ "asked for ages", 1, INT64_MAX, MIDDLE, 24 * H },
	{ "asked, but there is none", 4, 7 * S, MIDDLE, -1 },
};

START_TEST(a_delay_follows_attempts_jitter_and_what_is_asked_for)
{
	static const struct retry_plan plan = { 3, { 5 * S, 10 * S, 20 * S } };
	int64_t got = retry_plan_delay_ms(
	    &plan, delays[_i].made, delays[_i].after_ms, delays[_i].chance);

	ck_assert_msg(got == delays[_i].want, "%s: %lld", delays[_i].when,
	    (long long)got);
}
END_TEST

START_TEST(the_longest_delay_stays_within_a_tenth)
{
	static const struct retry_plan plan = { 1, { RETRY_DELAY_MAX_MS } };

	ck_assert_int_eq(
	    retry_plan_delay_ms(&plan, 1, -1, 0), RETRY_DELAY_MAX_MS / 10 * 9);
	ck_assert_int_eq(retry_plan_delay_ms(&plan, 1, -1, UINT32_MAX),
	    RETRY_DELAY_MAX_MS / 10 * 11);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("retry_plan");
	TCase *tc = tcase_create("retry_plan");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, a_plan_has_these_delays, 0, NITEMS(good));
	tcase_add_test(
	    tc, days3_doubles_to_six_hours_until_three_days_are_over);
	tcase_add_loop_test(tc, what_is_no_plan_is_named, 0, NITEMS(bad));
	tcase_add_test(tc, a_long_item_is_cut);
	tcase_add_test(tc, a_list_has_at_most_its_limit);
	tcase_add_test(tc, every_name_is_a_plan);
	tcase_add_loop_test(tc,
	    a_delay_follows_attempts_jitter_and_what_is_asked_for, 0,
	    NITEMS(delays));
	tcase_add_test(tc, the_longest_delay_stays_within_a_tenth);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
