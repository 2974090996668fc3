/* test_version.c: which of two releases is newer. */
#include "lib/base/version.h"

#include <check.h>

#include "lib/base/util.h"

static const struct {
	const char *older, *newer;
} releases[] = {
	{ "0.1.0", "0.1.1" },
	{ "0.9.0", "0.10.0" },
	{ "0.9", "0.9.0" },
	{ "1.0-rc1", "1.0" },
	{ "1.0~git1", "1.0" },
	{ "1.0-rc1", "1.0-rc2" },
	{ "1.0", "1.0+deb1" },
	{ "99999999999999999998", "99999999999999999999" },
	{ "2", "10" },
	{ "", "0" },
};

START_TEST(a_newer_release_is_known)
{
	ck_assert_int_lt(
	    version_compare(releases[_i].older, releases[_i].newer), 0);
	ck_assert_int_gt(
	    version_compare(releases[_i].newer, releases[_i].older), 0);
	ck_assert_int_eq(
	    version_compare(releases[_i].newer, releases[_i].newer), 0);
}
END_TEST

START_TEST(leading_zeros_say_nothing)
{
	ck_assert_int_eq(version_compare("1.02", "1.2"), 0);
	ck_assert_int_eq(version_compare("1.00", "1.0"), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("version");
	TCase *tc = tcase_create("version");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, a_newer_release_is_known, 0, NITEMS(releases));
	tcase_add_test(tc, leading_zeros_say_nothing);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
