/* What spans and bufs promise: limits, growth, wiping, big-endian integers. */
#include "lib/base/bytes.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

/* No string literal: a NUL and bytes above 0x7f stand in the middle. */
static const unsigned char odd[] = { 'a', 0, 0xff, 'b' };

/* --- spans --- */

static const struct {
	const char *when, *a, *s;
	bool is, is_nocase, starts;
} compared[] = {
	{ "equal", "abc", "abc", true, true, true },
	{ "other case", "aBC", "Abc", false, true, false },
	{ "longer", "abcd", "abc", false, false, true },
	{ "shorter", "ab", "abc", false, false, false },
	{ "both empty", "", "", true, true, true },
	{ "empty start", "abc", "", false, false, true },
	{ "before A and a", "@", "`", false, false, false },
	{ "behind Z and z", "[", "{", false, false, false },
	{ "letters of Latin-1", "\xc9", "\xe9", false, false, false },
};

START_TEST(span_is_compared)
{
	struct span a = span_str(compared[_i].a);
	const char *when = compared[_i].when, *s = compared[_i].s;

	ck_assert_msg(span_is(a, s) == compared[_i].is, "%s", when);
	ck_assert_msg(span_eq(a, span_str(s)) == compared[_i].is, "%s", when);
	ck_assert_msg(
	    span_is_nocase(a, s) == compared[_i].is_nocase, "%s", when);
	ck_assert_msg(span_starts(a, s) == compared[_i].starts, "%s", when);
}
END_TEST

static const struct {
	const char *when, *in, *want;
} trimmed[] = {
	{ "nothing to cut", "a b", "a b" },
	{ "blanks and tabs", " \t a\tb \t", "a\tb" },
	{ "blanks alone", " \t ", "" },
	{ "empty", "", "" },
	{ "line ends stay", "\r\na\n", "\r\na\n" },
};

START_TEST(span_is_trimmed)
{
	ck_assert_msg(
	    span_is(span_trim(span_str(trimmed[_i].in)), trimmed[_i].want),
	    "%s", trimmed[_i].when);
}
END_TEST

START_TEST(span_may_be_absent)
{
	struct err err = ERR_INIT;
	char *copy;

	ck_assert_uint_eq(span_str(NULL).len, 0);
	ck_assert(span_eq(SPAN_EMPTY, span_str("")));
	ck_assert(span_is(SPAN_EMPTY, ""));
	ck_assert(!span_is(SPAN_EMPTY, "a"));
	ck_assert(span_is_nocase(SPAN_EMPTY, ""));
	ck_assert(span_starts(SPAN_EMPTY, ""));
	ck_assert(!span_starts(SPAN_EMPTY, "a"));
	ck_assert_uint_eq(span_skip(SPAN_EMPTY, 0).len, 0);
	ck_assert_uint_eq(span_trim(SPAN_EMPTY).len, 0);
	ck_assert_uint_eq(span_find(SPAN_EMPTY, 'a'), 0);
	copy = span_dup(SPAN_EMPTY, &err);
	ck_assert_str_eq(copy, "");
	free(copy);
}
END_TEST

START_TEST(span_holds_any_byte)
{
	static const unsigned char other[] = { 'a', 0, 0xff, 'c' };
	struct span a = span_of(odd, sizeof(odd));
	struct err err = ERR_INIT;
	char *copy;

	ck_assert(!span_is(a, "a"));
	ck_assert(!span_eq(a, span_of(other, sizeof(other))));
	ck_assert(!span_eq(a, span_of(odd, sizeof(odd) - 1)));
	ck_assert(!span_eq(span_of(odd, sizeof(odd) - 1), a));
	ck_assert_uint_eq(span_find(a, 0), 1);
	ck_assert_uint_eq(span_find(a, 0xff), 2);
	ck_assert_uint_eq(span_find(a, 'x'), sizeof(odd));
	ck_assert(span_is(span_skip(a, 3), "b"));
	ck_assert_uint_eq(span_skip(a, 4).len, 0);
	ck_assert_uint_eq(span_skip(a, 5).len, 0);
	ck_assert_uint_eq(span_skip(a, SIZE_MAX).len, 0);
	copy = span_dup(a, &err);
	ck_assert_mem_eq(copy, odd, sizeof(odd));
	ck_assert_int_eq(copy[sizeof(odd)], '\0');
	free(copy);
}
END_TEST

/* --- limits and growth --- */

static const struct {
	const char *when;
	size_t max, have, put;
	int want;
} limits[] = {
	{ "up to the limit", 8, 3, 5, 0 },
	{ "one byte above it", 8, 3, 6, -1 },
	{ "nothing into a full one", 8, 8, 0, 0 },
	{ "a byte into a full one", 8, 8, 1, -1 },
	{ "nothing where nothing may be", 0, 0, 0, 0 },
	{ "a byte where nothing may be", 0, 0, 1, -1 },
	{ "the first allocation and one", 257, 256, 1, 0 },
	{ "up to a limit that doubling passes", 700, 600, 100, 0 },
	{ "one above such a limit", 700, 600, 101, -1 },
};

/* Every way to put, so that none has a limit of its own. */
static int
put_bytes(struct buf *b, const char *s, struct err *err)
{
	return buf_put(b, s, strlen(s), err);
}

static int
put_span(struct buf *b, const char *s, struct err *err)
{
	return buf_put_span(b, span_str(s), err);
}

static int
put_each(struct buf *b, const char *s, struct err *err)
{
	unsigned char *at; /* so that all of them are refused, or none */

	if (buf_reserve(b, strlen(s), &at, err) < 0)
		return -1;
	for (; *s != '\0'; s++)
		if (buf_putc(b, (unsigned char)*s, err) < 0)
			return -1;
	return 0;
}

static int
put_printf(struct buf *b, const char *s, struct err *err)
{
	return buf_printf(b, err, "%s", s);
}

static const struct {
	const char *name;
	int (*put)(struct buf *, const char *, struct err *);
} ways[] = {
	{ "buf_put", put_bytes },
	{ "buf_put_span", put_span },
	{ "buf_puts", buf_puts },
	{ "buf_putc", put_each },
	{ "buf_printf", put_printf },
};

/* The limits again, over memory of ours: nothing is written behind them. */
START_TEST(buf_over_keeps_its_limit)
{
	const char *name = ways[_i].name;
	char mem[10] = { [9] = 'x' };
	struct buf b = BUF_OVER(mem, 9);
	struct err err = ERR_INIT;

	ck_assert_msg(ways[_i].put(&b, "abcd", &err) == 0, "%s", name);
	ck_assert_msg(ways[_i].put(&b, "efghi", &err) == -1, "%s", name);
	ck_assert_msg(err.code == ERR_LIMIT, "%s", name);
	ck_assert_msg(ways[_i].put(&b, "efgh", &err) == 0, "%s", name);
	ck_assert_msg(span_is(buf_span(&b), "abcdefgh"), "%s", name);
	ck_assert_msg(b.ptr == (unsigned char *)mem, "%s", name);
	ck_assert_msg(mem[9] == 'x', "%s", name);
}
END_TEST

static const struct {
	unsigned long long n;
	const char *want;
} numbers[] = {
	{ 0, "0" },
	{ 7, "7" },
	{ 10, "10" },
	{ 4096, "4096" },
	{ 18446744073709551615ULL, "18446744073709551615" },
};

START_TEST(buf_puts_numbers)
{
	struct buf b = BUF_INIT(20);
	struct err err = ERR_INIT;

	ck_assert_int_eq(buf_put_u64(&b, numbers[_i].n, &err), 0);
	ck_assert(span_is(buf_span(&b), numbers[_i].want));
	ck_assert_int_eq(buf_put_u64(&b, 18446744073709551615ULL, &err), -1);
	ck_assert(span_is(buf_span(&b), numbers[_i].want));
	buf_free(&b);
}
END_TEST

START_TEST(buf_keeps_its_limit)
{
	const char *when = limits[_i].when;
	char have[1024], more[1024], want[2048];
	struct err err;
	size_t i, len;

	memset(have, 'a', sizeof(have));
	memset(more, 'b', sizeof(more));
	have[limits[_i].have] = more[limits[_i].put] = '\0';
	strcpy(want, have);
	if (limits[_i].want == 0)
		strcat(want, more);
	len = strlen(want);
	for (i = 0; i < NITEMS(ways); i++) {
		struct buf b = BUF_INIT(limits[_i].max);
		const char *name = ways[i].name;

		err = (struct err)ERR_INIT;
		ck_assert_msg(
		    ways[i].put(&b, have, &err) == 0, "%s: %s", name, when);
		ck_assert_msg(ways[i].put(&b, more, &err) == limits[_i].want,
		    "%s: %s", name, when);
		ck_assert_msg(
		    err.code == (limits[_i].want == 0 ? ERR_NONE : ERR_LIMIT),
		    "%s: %s: %s", name, when, err.text);
		ck_assert_msg(
		    b.len == len && b.room <= b.max, "%s: %s", name, when);
		ck_assert_msg(
		    span_is(buf_span(&b), want), "%s: %s", name, when);
		buf_free(&b);
	}
}
END_TEST

START_TEST(buf_grows_byte_by_byte)
{
	struct buf b = BUF_INIT(100000);
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < 100000; i++)
		if (buf_putc(&b, (unsigned char)(i % 251), &err) < 0)
			ck_abort_msg("byte %zu: %s", i, err.text);
	ck_assert_int_eq(buf_putc(&b, 0, &err), -1);
	ck_assert_uint_eq(b.len, 100000);
	for (i = 0; i < 100000; i++)
		if (b.ptr[i] != i % 251)
			ck_abort_msg("byte %zu", i);
	buf_free(&b);
}
END_TEST

START_TEST(buf_refuses_what_would_wrap)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	struct err err = ERR_INIT;
	unsigned char *at = NULL;

	ck_assert_int_eq(buf_reserve(&b, SIZE_MAX, &at, &err), -1);
	ck_assert_int_eq(err.code, ERR_NOMEM);
	ck_assert_int_eq(buf_puts(&b, "abc", &err), 0);
	ck_assert_int_eq(buf_reserve(&b, SIZE_MAX - 1, &at, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_int_eq(buf_reserve(&b, SIZE_MAX - 3, &at, &err), -1);
	ck_assert_int_eq(err.code, ERR_NOMEM);
	ck_assert_ptr_null(at);
	ck_assert(span_is(buf_span(&b), "abc"));
	buf_free(&b);
}
END_TEST

START_TEST(buf_reserve_gives_room)
{
	struct buf b = BUF_INIT(1000), none = BUF_INIT(0);
	struct err err = ERR_INIT;
	unsigned char *at = NULL;

	ck_assert_int_eq(buf_reserve(&none, 0, &at, &err), 0);
	ck_assert_ptr_nonnull(at);
	buf_free(&none);

	ck_assert_int_eq(buf_puts(&b, "abc", &err), 0);
	ck_assert_int_eq(buf_reserve(&b, 997, &at, &err), 0);
	memset(at, 'd', 997);
	ck_assert_uint_eq(b.len, 3);
	b.len += 997;
	ck_assert_uint_eq(span_find(buf_span(&b), 'd'), 3);
	ck_assert_uint_eq(b.ptr[999], 'd');
	buf_free(&b);
}
END_TEST

START_TEST(buf_holds_any_byte)
{
	struct buf b = BUF_INIT(64);
	struct err err = ERR_INIT;

	ck_assert_int_eq(buf_put(&b, odd, sizeof(odd), &err), 0);
	ck_assert_int_eq(buf_printf(&b, &err, "%d%%", 7), 0);
	ck_assert_uint_eq(b.len, 6);
	ck_assert_mem_eq(b.ptr,
	    "a\0\xff"
	    "b7%",
	    6);
	buf_free(&b);
}
END_TEST

START_TEST(buf_is_usable_again)
{
	struct buf b = BUF_INIT(8);
	struct err err = ERR_INIT;

	buf_free(&b); /* an empty one */
	buf_wipe(&b);
	buf_clear(&b);
	ck_assert_int_eq(buf_puts(&b, "12345678", &err), 0);
	buf_clear(&b);
	ck_assert_uint_eq(buf_span(&b).len, 0);
	ck_assert_int_eq(buf_puts(&b, "abcdefgh", &err), 0);
	buf_free(&b);
	ck_assert_uint_eq(buf_span(&b).len, 0);
	ck_assert_int_eq(buf_puts(&b, "a", &err), 0);
	buf_wipe(&b);
	ck_assert_ptr_null(b.ptr);
	ck_assert_int_eq(buf_puts(&b, "b", &err), 0);
	ck_assert(span_is(buf_span(&b), "b"));
	buf_free(&b);
}
END_TEST

/* --- wiping --- */

/*
 * The linker sends each free() and realloc() of this program here, for a look
 * at the memory that is given back: the secret must not be in it.
 */
#define SECRET "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
#define SECRET_LEN (sizeof(SECRET) - 1)

static const void *watched; /* the allocation that began with it */
static int seen_free, seen_secret;

void __real_free(void *ptr);
void __wrap_free(void *ptr);
void *__real_realloc(void *ptr, size_t len);
void *__wrap_realloc(void *ptr, size_t len);

static void
look(const void *ptr)
{
	if (ptr == NULL || ptr != watched)
		return;
	seen_free++;
	if (memcmp(ptr, SECRET, SECRET_LEN) == 0)
		seen_secret++;
	watched = NULL;
}

void
__wrap_free(void *ptr)
{
	look(ptr);
	__real_free(ptr);
}

void *
__wrap_realloc(void *ptr, size_t len)
{
	look(ptr);
	return __real_realloc(ptr, len);
}

static void
watch(const struct buf *b)
{
	ck_assert(span_starts(buf_span(b), SECRET));
	watched = b->ptr;
	seen_free = seen_secret = 0;
}

START_TEST(buf_wipe_leaves_no_secret)
{
	struct buf b = BUF_INIT(1000);
	struct err err = ERR_INIT;

	ck_assert_int_eq(buf_puts(&b, SECRET, &err), 0);
	watch(&b);
	buf_clear(&b); /* what was in it before is wiped too */
	buf_wipe(&b);
	ck_assert_int_eq(seen_free, 1);
	ck_assert_int_eq(seen_secret, 0);
}
END_TEST

START_TEST(growing_leaves_no_secret)
{
	struct buf b = BUF_INIT(100000);
	struct err err = ERR_INIT;
	unsigned char *at;

	ck_assert_int_eq(buf_puts(&b, SECRET, &err), 0);
	watch(&b);
	ck_assert_int_eq(buf_reserve(&b, 90000, &at, &err), 0);
	ck_assert_int_eq(seen_free, 1);
	ck_assert_int_eq(seen_secret, 0);
	ck_assert(span_is(buf_span(&b), SECRET));

	watch(&b);
	buf_free(&b); /* frees only: the look does find what is left */
	ck_assert_int_eq(seen_secret, 1);
}
END_TEST

START_TEST(bytes_wipe_overwrites)
{
	static const char zeros[SECRET_LEN];
	char copy[] = SECRET;

	bytes_wipe(copy + 1, SECRET_LEN - 1);
	ck_assert_mem_eq(copy + 1, zeros, SECRET_LEN - 1);
	ck_assert_int_eq(copy[0], 'w');
	bytes_wipe(NULL, 0);
}
END_TEST

/* --- big-endian integers --- */

static const struct {
	const char *when;
	unsigned long long v;
	size_t width;
	unsigned char want[8];
} integers[] = {
	{ "16: zero", 0, 2, { 0, 0 } },
	{ "16: order", 0x0102, 2, { 1, 2 } },
	{ "16: all ones", 0xffff, 2, { 255, 255 } },
	{ "16: top bit", 0x8000, 2, { 128, 0 } },
	{ "32: order", 0x01020304, 4, { 1, 2, 3, 4 } },
	{ "32: all ones", 0xffffffff, 4, { 255, 255, 255, 255 } },
	{ "32: top bit", 0x80000000, 4, { 128, 0, 0, 0 } },
	{ "64: order", 0x0102030405060708, 8, { 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ "64: all ones", UINT64_MAX, 8,
	    { 255, 255, 255, 255, 255, 255, 255, 255 } },
	{ "64: top bit", 1ULL << 63, 8, { 128, 0, 0, 0, 0, 0, 0, 0 } },
};

START_TEST(integer_is_big_endian)
{
	unsigned char got[10] = { 'x' };
	unsigned long long v = integers[_i].v, back = 0;
	size_t width = integers[_i].width;

	got[width + 1] = 'x';
	switch (width) {
	case 2:
		be16_put(got + 1, (unsigned)v);
		back = be16_get(integers[_i].want);
		break;
	case 4:
		be32_put(got + 1, (unsigned long)v);
		back = be32_get(integers[_i].want);
		break;
	default:
		be64_put(got + 1, v);
		back = be64_get(integers[_i].want);
	}
	ck_assert_msg(back == v, "%s: got back %llx", integers[_i].when, back);
	ck_assert_msg(memcmp(got + 1, integers[_i].want, width) == 0, "%s",
	    integers[_i].when);
	ck_assert_msg(got[0] == 'x' && got[width + 1] == 'x',
	    "%s: wrote beside its place", integers[_i].when);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("bytes");
	TCase *tc = tcase_create("bytes");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, span_is_compared, 0, NITEMS(compared));
	tcase_add_loop_test(tc, span_is_trimmed, 0, NITEMS(trimmed));
	tcase_add_test(tc, span_may_be_absent);
	tcase_add_test(tc, span_holds_any_byte);
	tcase_add_loop_test(tc, buf_keeps_its_limit, 0, NITEMS(limits));
	tcase_add_loop_test(tc, buf_over_keeps_its_limit, 0, NITEMS(ways));
	tcase_add_loop_test(tc, buf_puts_numbers, 0, NITEMS(numbers));
	tcase_add_test(tc, buf_grows_byte_by_byte);
	tcase_add_test(tc, buf_refuses_what_would_wrap);
	tcase_add_test(tc, buf_reserve_gives_room);
	tcase_add_test(tc, buf_holds_any_byte);
	tcase_add_test(tc, buf_is_usable_again);
	tcase_add_test(tc, buf_wipe_leaves_no_secret);
	tcase_add_test(tc, growing_leaves_no_secret);
	tcase_add_test(tc, bytes_wipe_overwrites);
	tcase_add_loop_test(tc, integer_is_big_endian, 0, NITEMS(integers));
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
