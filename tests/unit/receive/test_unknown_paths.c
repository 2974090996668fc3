/* test_unknown_paths.c: which paths keep their place. */
#include "lib/receive/unknown_paths.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS (24 * 3600 * INT64_C(1000))

static struct unknown_paths *up;
static struct unknown_paths_seen seen;

static void
open_it(void)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(unknown_paths_new(7, &up, &err), 0);
}

static void
close_it(void)
{
	unknown_paths_free(up);
}

static void
ask(const char *path, int64_t now_ms)
{
	struct unknown_request rq = { .path = span_str(path),
		.method = span_str("POST"),
		.address = span_str("192.0.2.7"),
		.why = "why",
		.now_ms = now_ms };

	unknown_paths_count(up, &rq);
}

/* Where it stands in seen, or NULL. */
static const struct unknown_path *
look_for(const char *path)
{
	size_t i;

	unknown_paths_see(up, &seen);
	for (i = 0; i < seen.n; i++)
		if (span_is(span_of(seen.paths[i].path, seen.paths[i].path_len),
			path))
			return &seen.paths[i];
	return NULL;
}

/* A scanner: many paths, each once. */
static void
scan(int n, int64_t now_ms)
{
	char path[32];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/scan/%d", i);
		ask(path, now_ms + i);
	}
}

START_TEST(a_path_is_counted)
{
	const struct unknown_path *p;

	ask("/hook/shop", 1000);
	ask("/hook/shop", 3000);
	ask("/other", 2000);
	p = look_for("/hook/shop");
	ck_assert_ptr_eq(p, &seen.paths[0]); /* the last first */
	ck_assert_uint_eq(p->count, 2);
	ck_assert_int_eq(p->first_ms, 1000);
	ck_assert_int_eq(p->last_ms, 3000);
	ck_assert(span_is(span_of(p->method, p->method_len), "POST"));
	ck_assert(span_is(span_of(p->address, p->address_len), "192.0.2.7"));
	ck_assert_str_eq(p->why, "why");
	ck_assert_uint_eq(seen.count, 3);
	ck_assert_int_eq(seen.since_ms, 7);
	ck_assert_uint_eq(seen.n, 2);
}
END_TEST

START_TEST(the_last_ones_are_kept)
{
	scan(100, 1000);
	ck_assert_ptr_nonnull(look_for("/scan/99"));
	ck_assert_ptr_nonnull(look_for("/scan/80"));
	ck_assert_ptr_null(look_for("/scan/79"));
	ck_assert_uint_eq(seen.n, UNKNOWN_PATHS_MAX);
	ck_assert_uint_eq(seen.count, 100);
}
END_TEST

START_TEST(one_that_comes_again_outlasts_a_scan)
{
	ask("/hook/shop", 1000);
	ask("/hook/shop", 1001);
	scan(1000, 2000);
	ck_assert_ptr_nonnull(look_for("/hook/shop"));
	/* For a day. */
	scan(UNKNOWN_PATHS_MAX, 1001 + DAY_MS);
	ck_assert_ptr_null(look_for("/hook/shop"));
}
END_TEST

START_TEST(where_all_came_again_the_oldest_goes)
{
	char path[32];
	int i;

	for (i = 0; i < UNKNOWN_PATHS_MAX; i++) {
		snprintf(path, sizeof(path), "/twice/%d", i);
		ask(path, 1000 + i);
		ask(path, 1000 + i);
	}
	ask("/new", 5000);
	ck_assert_ptr_nonnull(look_for("/new"));
	ck_assert_ptr_null(look_for("/twice/0"));
	ck_assert_ptr_nonnull(look_for("/twice/1"));
}
END_TEST

START_TEST(what_is_long_is_cut)
{
	char path[UNKNOWN_PATH_BYTES + 2];

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	ask(path, 1000);
	ask(path, 1001);
	path[UNKNOWN_PATH_BYTES] = '\0';
	ask(path, 1002); /* as long as there is room for: another path */
	unknown_paths_see(up, &seen);
	ck_assert_uint_eq(seen.n, 2);
	ck_assert(!seen.paths[0].cut);
	ck_assert(seen.paths[1].cut);
	ck_assert_uint_eq(seen.paths[1].count, 2);
	ck_assert_uint_eq(seen.paths[1].path_len, UNKNOWN_PATH_BYTES);
}
END_TEST

START_TEST(nothing_is_a_path_too)
{
	struct unknown_request rq = { .why = "" };

	unknown_paths_count(up, &rq);
	unknown_paths_count(up, &rq);
	unknown_paths_see(up, &seen);
	ck_assert_uint_eq(seen.n, 1);
	ck_assert_uint_eq(seen.paths[0].count, 2);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("unknown_paths");
	TCase *tc = tcase_create("unknown_paths");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, open_it, close_it);
	tcase_add_test(tc, a_path_is_counted);
	tcase_add_test(tc, the_last_ones_are_kept);
	tcase_add_test(tc, one_that_comes_again_outlasts_a_scan);
	tcase_add_test(tc, where_all_came_again_the_oldest_goes);
	tcase_add_test(tc, what_is_long_is_cut);
	tcase_add_test(tc, nothing_is_a_path_too);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
