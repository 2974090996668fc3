/* Times of text: RFC 3339 in, UTC milliseconds and back; else refused. */
#include "lib/base/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/util.h"

#define UNTOUCHED 4242

/* Seconds by "date -u -d TIME +%s"; a leap second is the one before it. */
static const struct {
	const char *when, *in;
	int64_t want_ms;
} times[] = {
	{ "the epoch", "1970-01-01T00:00:00Z", 0 },
	{ "a second before", "1969-12-31T23:59:59Z", -1000 },
	{ "half a second before", "1969-12-31T23:59:59.5Z", -500 },
	{ "today", "2026-01-15T10:30:00Z", 1768473000000 },
	{ "small letters", "2026-01-15t10:30:00z", 1768473000000 },
	{ "a blank", "2026-01-15 10:30:00Z", 1768473000000 },
	{ "above 32 bits", "2038-01-19T03:14:08Z", 2147483648000 },
	{ "leap day", "2024-02-29T12:00:00Z", 1709208000000 },
	{ "leap day of a 400th year", "2000-02-29T00:00:00Z", 951782400000 },
	{ "leap day in 2400", "2400-02-29T00:00:00Z", 13574563200000 },
	{ "before no leap day", "1900-02-28T23:59:59Z", -2203891201000 },
	{ "after no leap day", "1900-03-01T00:00:00Z", -2203891200000 },
	{ "the first", "0000-01-01T00:00:00Z", -62167219200000 },
	{ "leap day of year 0", "0000-02-29T00:00:00Z", -62162121600000 },
	{ "March of year 0", "0000-03-01T00:00:00Z", -62162035200000 },
	{ "year 1", "0001-01-01T00:00:00Z", -62135596800000 },
	{ "the last", "9999-12-31T23:59:59.999Z", 253402300799999 },
	/* RFC 3339, section 5.8 */
	{ "RFC, fraction", "1985-04-12T23:20:50.52Z", 482196050520 },
	{ "RFC, behind UTC", "1996-12-19T16:39:57-08:00", 851042397000 },
	{ "RFC, leap second", "1990-12-31T23:59:60Z", 662687999000 },
	{ "RFC, the same elsewhere", "1990-12-31T15:59:60-08:00",
	    662687999000 },
	{ "RFC, the Netherlands", "1937-01-01T12:00:27.87+00:20",
	    -1041337172130 },
	/* offsets */
	{ "no known offset", "2026-01-15T10:30:00-00:00", 1768473000000 },
	{ "no offset", "2026-01-15T10:30:00+00:00", 1768473000000 },
	{ "far ahead", "2026-01-01T00:00:00+23:59", 1767139260000 },
	{ "far behind", "2026-01-01T00:00:00-23:59", 1767311940000 },
	/* fraction digits; what is under a millisecond is cut */
	{ "1 digit", "1970-01-01T00:00:01.9Z", 1900 },
	{ "2 digits", "1970-01-01T00:00:01.98Z", 1980 },
	{ "3 digits", "1970-01-01T00:00:01.987Z", 1987 },
	{ "4 digits", "1970-01-01T00:00:01.9876Z", 1987 },
	{ "5 digits", "1970-01-01T00:00:01.98765Z", 1987 },
	{ "6 digits", "1970-01-01T00:00:01.987654Z", 1987 },
	{ "7 digits", "1970-01-01T00:00:01.9876543Z", 1987 },
	{ "8 digits", "1970-01-01T00:00:01.98765432Z", 1987 },
	{ "9 digits", "1970-01-01T00:00:01.987654321Z", 1987 },
	{ "zeros first", "1970-01-01T00:00:01.009Z", 1009 },
	{ "fraction and offset", "1970-01-01T01:00:01.5+01:00", 1500 },
	{ "fraction of a leap second", "1990-12-31T23:59:60.25Z",
	    662687999250 },
};

START_TEST(time_is_read)
{
	struct err err = ERR_INIT;
	int64_t got = UNTOUCHED;

	ck_assert_msg(text_to_time_ms(span_str(times[_i].in), &got, &err) == 0,
	    "%s: %s", times[_i].when, err.text);
	ck_assert_msg(got == times[_i].want_ms, "%s: got %lld", times[_i].when,
	    (long long)got);
	ck_assert_int_eq(err.code, ERR_NONE);
}
END_TEST

static void
ck_refused(struct span in, const char *when)
{
	struct err err = ERR_INIT;
	int64_t got = UNTOUCHED;

	ck_assert_msg(
	    text_to_time_ms(in, &got, &err) == -1, "%s: was taken", when);
	ck_assert_msg(err.code == ERR_INPUT, "%s: %s", when, err.text);
	ck_assert_msg(got == UNTOUCHED, "%s: output touched", when);
}

static const struct {
	const char *when, *in;
} no_times[] = {
	{ "empty", "" },
	{ "seconds", "1768473000" },
	{ "a date alone", "2026-01-15" },
	{ "no offset", "2026-01-15T10:30:00" },
	{ "no seconds", "2026-01-15T10:30Z" },
	{ "no leap day in 2026", "2026-02-29T00:00:00Z" },
	{ "no leap day in 1900", "1900-02-29T00:00:00Z" },
	{ "no leap day in 2100", "2100-02-29T00:00:00Z" },
	{ "February 30", "2024-02-30T00:00:00Z" },
	{ "April 31", "2026-04-31T00:00:00Z" },
	{ "June 31", "2026-06-31T00:00:00Z" },
	{ "September 31", "2026-09-31T00:00:00Z" },
	{ "November 31", "2026-11-31T00:00:00Z" },
	{ "January 32", "2026-01-32T00:00:00Z" },
	{ "day 0", "2026-01-00T00:00:00Z" },
	{ "month 0", "2026-00-15T00:00:00Z" },
	{ "month 13", "2026-13-15T00:00:00Z" },
	{ "hour 24", "2026-01-15T24:00:00Z" },
	{ "minute 60", "2026-01-15T10:60:00Z" },
	{ "second 61", "2026-01-15T10:30:61Z" },
	{ "offset of 24 hours", "2026-01-15T10:30:00+24:00" },
	{ "offset of 60 minutes", "2026-01-15T10:30:00+01:60" },
	{ "offset without colon", "2026-01-15T10:30:00+0100" },
	{ "offset of hours", "2026-01-15T10:30:00+01" },
	{ "offset without sign", "2026-01-15T10:30:0001:00" },
	{ "two offsets", "2026-01-15T10:30:00Z+01:00" },
	{ "a point, no digits", "2026-01-15T10:30:00.Z" },
	{ "10 digits", "2026-01-15T10:30:00.1234567890Z" },
	{ "a comma", "2026-01-15T10:30:00,5Z" },
	{ "two points", "2026-01-15T10:30:00.5.5Z" },
	{ "year of 2 digits", "26-01-15T10:30:00Z" },
	{ "year of 5 digits", "12026-01-15T10:30:00Z" },
	{ "a year with a sign", "-026-01-15T10:30:00Z" },
	{ "a month with a sign", "2026-+1-15T10:30:00Z" },
	{ "a month of 1 digit", "2026-1-15T10:30:00Z" },
	{ "slashes", "2026/01/15T10:30:00Z" },
	{ "no T", "2026-01-1510:30:00Z" },
	{ "an underscore", "2026-01-15_10:30:00Z" },
	{ "a blank before", " 2026-01-15T10:30:00Z" },
	{ "a blank behind", "2026-01-15T10:30:00Z " },
	{ "a line end", "2026-01-15T10:30:00Z\n" },
	{ "basic format", "20260115T103000Z" },
	{ "a week date", "2026-W03-4T10:30:00Z" },
	{ "RFC 1123", "Thu, 15 Jan 2026 10:30:00 GMT" },
};

START_TEST(no_time_is_refused)
{
	ck_refused(span_str(no_times[_i].in), no_times[_i].when);
}
END_TEST

/* Copied to the end of a heap block, so that ASan sees a byte read behind. */
START_TEST(cut_time_is_refused)
{
	static const char *const whole[] = { "2026-01-15T10:30:00Z",
		"2026-01-15T10:30:00.123456789+05:45" };
	char *copy;
	size_t i, len;

	for (i = 0; i < NITEMS(whole); i++)
		for (len = 0; len < strlen(whole[i]); len++) {
			copy = malloc(len + 1);
			ck_assert_ptr_nonnull(copy);
			memcpy(copy + 1, whole[i], len);
			ck_refused(span_of(copy + 1, len), whole[i]);
			free(copy);
		}
	ck_refused(SPAN_EMPTY, "absent");
	ck_refused(span_of("2026-01-15T10:30:00\0Z", 21), "a NUL in it");
	ck_refused(span_of("2026-01-15\00010:30:00Z", 20), "a NUL as T");
	ck_refused(span_of("2026-01-15T10:30:00\0", 20), "a NUL as Z");
}
END_TEST

/* A changed bit makes another time, of the same length, or none. */
START_TEST(changed_time_is_another_or_none)
{
	static const char whole[] = "2026-01-15T10:30:00.000Z";
	char in[sizeof(whole)], back[TEXT_TIME_MAX];
	struct err err = ERR_INIT;
	size_t bit, taken = 0;
	int64_t got;

	for (bit = 0; bit < 8 * (sizeof(whole) - 1); bit++) {
		memcpy(in, whole, sizeof(whole));
		in[bit / 8] = (char)(in[bit / 8] ^ 1 << bit % 8);
		got = UNTOUCHED;
		if (text_to_time_ms(span_of(in, sizeof(in) - 1), &got, &err) <
		    0) {
			ck_assert(got == UNTOUCHED);
			continue;
		}
		taken++;
		text_time(back, got);
		/* The letters' case, and 'T' for ' ', are what gets lost. */
		in[10] = 'T', in[23] = 'Z';
		ck_assert_str_eq(back, in);
	}
	ck_assert_uint_gt(taken, 20);
}
END_TEST

/* A day as the C library's timegm() has it: there, or moved to another. */
static void
ck_day(int year, int month, int day)
{
	struct tm tm = {
		.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day
	};
	time_t t = timegm(&tm);
	bool there = tm.tm_mday == day;
	struct err err = ERR_INIT;
	char in[64], back[TEXT_TIME_MAX];
	int64_t got = UNTOUCHED;

	/* Compared by hand: half a million of ck_assert take their time. */
	snprintf(
	    in, sizeof(in), "%04d-%02d-%02dT00:00:00.000Z", year, month, day);
	if ((text_to_time_ms(span_str(in), &got, &err) == 0) != there)
		ck_abort_msg("%s: %s", in, there ? "refused" : "taken");
	if (got != (there ? (int64_t)t * 1000 : UNTOUCHED))
		ck_abort_msg("%s: got %lld", in, (long long)got);
	if (!there)
		return;
	text_time(back, got);
	if (strcmp(back, in) != 0)
		ck_abort_msg("%s: written %s", in, back);
}

START_TEST(every_month_is_as_long_as_it_is)
{
	int year, month, day;

	for (year = 0; year <= 9999; year++)
		for (month = 1; month <= 12; month++) {
			ck_day(year, month, 1);
			for (day = 28; day <= 32; day++)
				ck_day(year, month, day);
		}
}
END_TEST

/* By "date -u -d @SECONDS". */
static const struct {
	int64_t ms;
	const char *want;
} written[] = {
	{ 0, "1970-01-01T00:00:00.000Z" },
	{ -1, "1969-12-31T23:59:59.999Z" },
	{ -1000, "1969-12-31T23:59:59.000Z" },
	{ 1768473000007, "2026-01-15T10:30:00.007Z" },
	{ 1709208000120, "2024-02-29T12:00:00.120Z" },
	{ 253402300799999, "9999-12-31T23:59:59.999Z" },
	{ 253402300800000, "253402300800000 ms" },
	{ -62167219200000, "0000-01-01T00:00:00.000Z" },
	{ -62167219200001, "-62167219200001 ms" },
	{ INT64_MAX, "9223372036854775807 ms" },
	{ INT64_MIN, "-9223372036854775808 ms" },
};

START_TEST(time_is_written)
{
	char got[TEXT_TIME_MAX];

	setenv("TZ", "Asia/Kathmandu", 1); /* asked by nobody */
	tzset();
	text_time(got, written[_i].ms);
	ck_assert_str_eq(got, written[_i].want);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("text_time");
	TCase *tc = tcase_create("text_time");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, time_is_read, 0, NITEMS(times));
	tcase_add_loop_test(tc, no_time_is_refused, 0, NITEMS(no_times));
	tcase_add_test(tc, cut_time_is_refused);
	tcase_add_test(tc, changed_time_is_another_or_none);
	tcase_add_test(tc, every_month_is_as_long_as_it_is);
	tcase_add_loop_test(tc, time_is_written, 0, NITEMS(written));
	tcase_set_timeout(tc, 60); /* the sweep, under sanitizers */
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
