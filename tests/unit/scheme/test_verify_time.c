/* Times at and beyond their limits, authentic and not. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "tests/stand/trial.h"

/* Authentic times at NOW_MS, in seconds, and what becomes of them. */
static const struct {
	const char *when, *time;
	enum verify_verdict want;
} times[] = {
	{ "now", T, VERIFY_VALID },
	{ "noughts before", "00" T, VERIFY_VALID },
	{ "at the limit", "1699999700", VERIFY_VALID },
	{ "beyond it", "1699999699", VERIFY_EXPIRED },
	{ "ahead at the limit", "1700000300", VERIFY_VALID },
	{ "ahead beyond it", "1700000301", VERIFY_EXPIRED },
	{ "the first second of all", "0", VERIFY_EXPIRED },
	{ "the year 9999", "253402300799", VERIFY_EXPIRED },
	{ "beyond it", "253402300800", VERIFY_INVALID },
	{ "milliseconds", "1700000000000", VERIFY_INVALID },
	{ "26 digits", "17000000000000000000000000", VERIFY_INVALID },
	{ "26 noughts and digits", "00000000000000001700000000",
	    VERIFY_INVALID },
	{ "2^64 and now", "18446745773709551616", VERIFY_INVALID },
	{ "below nothing", "-" T, VERIFY_INVALID },
	{ "a plus", "+" T, VERIFY_INVALID },
	{ "a fraction", T ".0", VERIFY_INVALID },
	{ "an exponent", "17e8", VERIFY_INVALID },
	{ "hex", "0x6553f100", VERIFY_INVALID },
	{ "a letter behind", T "s", VERIFY_INVALID },
	{ "digits of elsewhere", "\xef\xbc\x91" T, VERIFY_INVALID },
};

START_TEST(times_are_digits_and_near)
{
	char sig[128], header[256];
	struct trial t;

	trial_mac(sig, sizeof(sig), ENCODING_HEX, times[_i].time, ".", "{}");
	snprintf(header, sizeof(header), "t=%s,v1=%s", times[_i].time, sig);
	trial_begin(&t, scheme_of("nomos"), "{}");
	trial_add(&t, "x-nomos-signature", span_str(header));
	trial_judge(&t);
	trial_ck(times[_i].when, &t, times[_i].want);
	trial_end(&t);
}
END_TEST

/* Windows: age is how old the signature is, in milliseconds. */
static const struct {
	const char *when, *scheme;
	int64_t age_ms, tolerance_s, horizon_s;
	enum verify_verdict want;
} windows[] = {
	{ "part of a second more", "nomos", 300999, -1, -1, VERIFY_VALID },
	{ "a second more", "nomos", 301000, -1, -1, VERIFY_EXPIRED },
	{ "part of a second ahead", "nomos", -300001, -1, -1, VERIFY_EXPIRED },
	{ "ahead at the limit", "nomos", -300000, -1, -1, VERIFY_VALID },
	{ "wider by the endpoint", "nomos", 3600000, 3600, -1, VERIFY_VALID },
	{ "wider, and beyond", "nomos", 3601000, 3600, -1, VERIFY_EXPIRED },
	{ "wider ahead", "nomos", -3600000, 3600, -1, VERIFY_VALID },
	{ "narrower", "nomos", 11000, 10, -1, VERIFY_EXPIRED },
	{ "narrower ahead", "nomos", -11000, 10, -1, VERIFY_EXPIRED },
	{ "none at all", "nomos", 0, 0, -1, VERIFY_VALID },
	{ "none at all, and a second", "nomos", 1000, 0, -1, VERIFY_EXPIRED },
	{ "wider than is remembered", "nomos", 86401000, INT64_MAX, 86400,
	    VERIFY_EXPIRED },
	{ "as wide as is remembered", "nomos", 86400000, INT64_MAX, 86400,
	    VERIFY_VALID },
	{ "for ever", "nomos", NOW_MS - 1000, INT64_MAX, -1, VERIFY_VALID },
	{ "past only: at the limit", "stripe", 300000, -1, -1, VERIFY_VALID },
	{ "past only: beyond", "stripe", 301000, -1, -1, VERIFY_EXPIRED },
	{ "past only: far ahead", "stripe", -1000000000, -1, -1, VERIFY_VALID },
	{ "past only: far ahead, narrower", "stripe", -1000000000, 10, -1,
	    VERIFY_VALID },
	{ "past only: narrower", "stripe", 11000, 10, -1, VERIFY_EXPIRED },
};

START_TEST(windows_are_inclusive)
{
	char sig[128], header[256];
	struct trial t;

	trial_mac(sig, sizeof(sig), ENCODING_HEX, T, ".", "{}");
	snprintf(header, sizeof(header), "t=" T ",v1=%s", sig);
	trial_begin(&t, scheme_of(windows[_i].scheme), "{}");
	trial_add(&t,
	    windows[_i].scheme[0] == 'n' ? "x-nomos-signature"
					 : "stripe-signature",
	    span_str(header));
	t.request.now_ms = NOW_MS + windows[_i].age_ms;
	t.in.tolerance_s = windows[_i].tolerance_s;
	t.in.horizon_s = windows[_i].horizon_s;
	trial_judge(&t);
	trial_ck(windows[_i].when, &t, windows[_i].want);
	trial_end(&t);
}
END_TEST

#define DAY 86400

/* Nimbus: the time is in the signed body alone, and there is no window. */
static const struct {
	const char *when, *body;
	int64_t tolerance_s, horizon_s;
	enum verify_verdict want;
} bodies[] = {
	{ "now", "{\"createdAt\":\"2023-11-14T22:13:20Z\"}", -1, 35 * DAY,
	    VERIFY_VALID },
	{ "a far offset", "{\"createdAt\":\"2023-11-15T00:13:20+02:00\"}", -1,
	    0, VERIFY_VALID },
	{ "as old as is remembered", "{\"createdAt\":\"2023-10-10T22:13:20Z\"}",
	    -1, 35 * DAY, VERIFY_VALID },
	{ "a thousandth older", "{\"createdAt\":\"2023-10-10T22:13:19.999Z\"}",
	    -1, 35 * DAY, VERIFY_EXPIRED },
	{ "older, and nothing is forgotten",
	    "{\"createdAt\":\"2001-01-01T00:00:00Z\"}", -1, -1, VERIFY_VALID },
	{ "far ahead", "{\"createdAt\":\"2999-01-01T00:00:00Z\"}", -1, 35 * DAY,
	    VERIFY_EXPIRED },
	{ "as far ahead as is remembered",
	    "{\"createdAt\":\"2023-12-19T22:13:20Z\"}", -1, 35 * DAY,
	    VERIFY_VALID },
	{ "far ahead, and nothing is forgotten",
	    "{\"createdAt\":\"2999-01-01T00:00:00Z\"}", -1, -1, VERIFY_VALID },
	{ "no time", "{}", -1, 35 * DAY, VERIFY_VALID },
	{ "no JSON", "x", -1, 35 * DAY, VERIFY_VALID },
	{ "null", "{\"createdAt\":null}", -1, 35 * DAY, VERIFY_VALID },
	{ "no time, where one is due", "{}", 300, -1, VERIFY_MISSING },
	{ "a day without its hours", "{\"createdAt\":\"2023-11-14\"}", -1,
	    35 * DAY, VERIFY_INVALID },
	{ "a number", "{\"createdAt\":1700000000}", -1, 35 * DAY,
	    VERIFY_INVALID },
	{ "an object", "{\"createdAt\":{}}", -1, 35 * DAY, VERIFY_INVALID },
	{ "a window of the endpoint's",
	    "{\"createdAt\":\"2023-11-14T22:08:20Z\"}", 300, -1, VERIFY_VALID },
	{ "and beyond it", "{\"createdAt\":\"2023-11-14T22:08:19.999Z\"}", 300,
	    -1, VERIFY_EXPIRED },
};

START_TEST(times_in_bodies_are_read)
{
	char sig[128];
	struct trial t;

	trial_mac(sig, sizeof(sig), ENCODING_HEX, bodies[_i].body, "", "");
	trial_begin(&t, scheme_of("nimbus"), bodies[_i].body);
	trial_add(&t, "x-webhook-signature", span_str(sig));
	t.in.tolerance_s = bodies[_i].tolerance_s;
	t.in.horizon_s = bodies[_i].horizon_s;
	trial_judge(&t);
	trial_ck(bodies[_i].when, &t, bodies[_i].want);
	/* A wrong signature is wrong before it is old. */
	t.headers[0].value = span_str(WRONG);
	ck_assert_int_eq(trial_judge(&t), VERIFY_INVALID);
	trial_end(&t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("verify_time");
	TCase *tc = tcase_create("verdicts");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, times_are_digits_and_near, 0, NITEMS(times));
	tcase_add_loop_test(tc, windows_are_inclusive, 0, NITEMS(windows));
	tcase_add_loop_test(tc, times_in_bodies_are_read, 0, NITEMS(bodies));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
