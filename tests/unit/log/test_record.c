/*
 * test_record.c: audit records keep the people of their time, and those of a
 * release that knew none are read.
 */
#include "lib/log/record.h"

#include <check.h>
#include <string.h>

/* at_ms 1, uid 2, pid 3, "p", "v", "t", {}: as record.h says. */
static const unsigned char old[] = { 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0,
	0, 0, 3, 1, 'p', 1, 'v', 0, 1, 't', 0, 0, 0, 2, '{', '}' };

static struct err err;

START_TEST(people_come_back)
{
	struct store_audit a = { .at_ms = 1,
		.uid = 0,
		.pid = 3,
		.program = span_str("p"),
		.verb = span_str("v"),
		.target = span_str("t"),
		.detail = span_str("{}"),
		.user = { true, 0, "root" },
		.login = { true, 1000, "anna" },
		.claimed = { true, 4294967294u, "" } };
	struct store_audit got;
	struct buf b = BUF_INIT(1024);
	size_t i;

	ck_assert_int_eq(record_put_audit(&a, &b, &err), 0);
	ck_assert_int_eq(record_get_audit(buf_span(&b), &got, &err), 0);
	ck_assert(got.user.known && got.login.known && got.claimed.known);
	ck_assert_str_eq(got.user.name, "root");
	ck_assert_uint_eq(got.login.uid, 1000);
	ck_assert_str_eq(got.login.name, "anna");
	ck_assert_uint_eq(got.claimed.uid, 4294967294u);
	ck_assert_str_eq(got.claimed.name, "");
	ck_assert(span_is(got.detail, "{}"));
	for (i = 0; i < b.len; i++)
		ck_assert_int_eq(
		    record_get_audit(span_of(b.ptr, i), &got, &err), -1);
	buf_free(&b);
}
END_TEST

START_TEST(records_without_people_are_read)
{
	struct store_audit got;

	memset(&got, 0xff, sizeof(got));
	ck_assert_int_eq(
	    record_get_audit(span_of(old, sizeof(old)), &got, &err), 0);
	ck_assert_uint_eq(got.uid, 2);
	ck_assert(span_is(got.target, "t"));
	ck_assert(!got.user.known && !got.login.known && !got.claimed.known);
	ck_assert_str_eq(got.login.name, "");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("record");
	TCase *tc = tcase_create("record");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, people_come_back);
	tcase_add_test(tc, records_without_people_are_read);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
