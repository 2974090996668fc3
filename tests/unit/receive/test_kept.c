/* test_kept.c: of a request's headers, those stay that are asked for. */
#include "lib/receive/kept.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "tests/stand/delivery_fixture.h"

static struct scheme_set *schemes;

static void
setup(void)
{
	const char *dirs[] = { NULL };
	char dir[512];

	fx_setup();
	snprintf(dir, sizeof(dir), "%s/conf/schemes", getenv("top_srcdir"));
	dirs[0] = dir;
	ck_assert_msg(
	    scheme_set_load(dirs, 1, NULL, NULL, &schemes, &fx.err) == 0, "%s",
	    fx.err.text);
}

static void
teardown(void)
{
	scheme_set_free(schemes);
	fx_teardown();
}

static const struct header headers[] = {
	{ { "x-region", 8 }, { "eu", 2 } },
	{ { "x-other", 7 }, { "1", 1 } },
	{ { "x-customer", 10 }, { "c 7", 3 } },
	{ { "x-gitlab-token", 14 }, { "the secret", 10 } },
	{ { "x-split", 7 }, { "a\nb: c", 6 } },
	{ { "x-region", 8 }, { "us", 2 } },
};

/* What stays of them, with the destinations that there are. */
static const char *
kept_lines(const char *scheme)
{
	static char lines[1024];
	struct request rq = { .headers = headers, .nheaders = NITEMS(headers) };
	struct buf out = BUF_INIT(KEPT_MAX);
	struct kept *kp;

	ck_assert_int_eq(kept_load(fx.st, &kp, &fx.err), 0);
	ck_assert_int_eq(
	    kept_put(kp, scheme_set_find(schemes, scheme), &rq, &out, &fx.err),
	    0);
	snprintf(lines, sizeof(lines), "%.*s", (int)out.len,
	    out.len == 0 ? "" : (const char *)out.ptr);
	buf_free(&out);
	kept_free(kp);
	return lines;
}

#define URL "\"url\":\"https://example.com/\""
#define FORWARD "\"forward\":[\"x-region\",\"x-gitlab-token\",\"x-split\"]"

START_TEST(what_destinations_want_is_kept)
{
	uint64_t id;

	ck_assert_str_eq(kept_lines("nomos"), "");
	fx_destination("plain", "{" URL "}", 0);
	ck_assert_str_eq(kept_lines("nomos"), "");
	id = fx_destination("crm", "{" URL "," FORWARD "}", 0);
	/* All values of a name; none that would end its line. */
	ck_assert_str_eq(kept_lines("nomos"),
	    "x-region: eu\nx-gitlab-token: the secret\nx-region: us\n");
	/* Where it is the secret it is not written down. */
	ck_assert_str_eq(kept_lines("gitlab"), "x-region: eu\nx-region: us\n");
	fx_set_state(id, STORE_DESTINATION_PAUSED);
	ck_assert_str_eq(kept_lines("gitlab"), "x-region: eu\nx-region: us\n");
	fx_set_state(id, STORE_DESTINATION_REMOVED);
	ck_assert_str_eq(kept_lines("nomos"), "");
	fx_destination(
	    "keyed", "{" URL ",\"order\":\"key:header:X-Customer\"}", 0);
	ck_assert_str_eq(kept_lines("nomos"), "x-customer: c 7\n");
}
END_TEST

START_TEST(what_is_too_long_is_left_out)
{
	static char long_value[KEPT_MAX];
	struct header many[] = { headers[0], headers[0], headers[0] };
	struct request rq = { .headers = many, .nheaders = NITEMS(many) };
	struct buf out = BUF_INIT(KEPT_MAX);
	struct kept *kp;

	memset(long_value, 'x', sizeof(long_value));
	many[1].value = span_of(long_value, sizeof(long_value) - 20);
	fx_destination("crm", "{" URL "," FORWARD "}", 0);
	ck_assert_int_eq(kept_load(fx.st, &kp, &fx.err), 0);
	ck_assert_int_eq(
	    kept_put(kp, scheme_set_find(schemes, "nomos"), &rq, &out, &fx.err),
	    0);
	ck_assert(span_is(buf_span(&out), "x-region: eu\nx-region: eu\n"));
	buf_free(&out);
	kept_free(kp);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("kept");
	TCase *tc = tcase_create("kept");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_destinations_want_is_kept);
	tcase_add_test(tc, what_is_too_long_is_left_out);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
