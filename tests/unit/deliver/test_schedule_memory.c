/*
 * test_schedule_memory.c: a schedule that finds no memory says so, is as it
 * was, and goes on when there is some: each allocation of a short life fails
 * once, and the life comes out the same.
 */
#include "lib/deliver/schedule.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES_MAX 3

/* The linker's names: see --wrap in Makefile.am. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static bool counting;
static long until; /* the failing one */

static bool
fails(void)
{
	return counting && until-- == 0;
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

static struct schedule *sc;
static char story[16384];
static size_t story_len;

static void
tell(const char *what, uint64_t id, uint64_t seq)
{
	int n = snprintf(story + story_len, sizeof(story) - story_len,
	    "%s %d/%d\n", what, (int)id, (int)seq);

	ck_assert(n > 0 && (size_t)n < sizeof(story) - story_len);
	story_len += (size_t)n;
}

/* Does it again while it is memory that lacks. */
#define again(call)                                                   \
	do {                                                          \
		struct err err = ERR_INIT;                            \
		int tries = 0, ret;                                   \
                                                                      \
		do {                                                  \
			counting = true;                              \
			ret = (call);                                 \
			counting = false;                             \
			ck_assert(ret == 0 || err.code == ERR_NOMEM); \
		} while (ret < 0 && ++tries < TRIES_MAX);             \
		ck_assert_msg(ret == 0, "%s", #call);                 \
	} while (0)

static void
rows(uint64_t id, uint64_t first, uint64_t last)
{
	struct store_delivery d = { .destination_id = id,
		.seq = first,
		.state = STORE_DELIVERY_PENDING,
		.id = span_str("evt"),
		.key = span_str("a") };

	again(schedule_rows_begin(sc, id, 1000, &err));
	for (; d.seq <= last; d.seq++)
		again(schedule_row(sc, &d, &err));
	schedule_rows_end(sc, id, true);
}

static void
take(uint64_t id, uint64_t seq, bool removed)
{
	struct schedule_event ev = { .seq = seq,
		.id = span_str("evt"),
		.key = span_str(seq % 2 == 0 ? "a" : "b"),
		.dead = removed ? DELIVERY_REMOVED : NULL };
	bool taken = false;

	again(schedule_take(sc, id, &ev, 1000, &taken, &err));
	ck_assert(taken);
}

static void
send_all(int64_t now_ms)
{
	struct schedule_start s;

	for (;;) {
		counting = true;
		if (!schedule_next(sc, now_ms, &s))
			break;
		counting = false;
		tell("start", s.destination_id, s.seq);
		struct schedule_end end = { .destination_id = s.destination_id,
			.seq = s.seq,
			.verdict = s.seq % 3 == 0 && s.attempt == 1
				       ? SCHEDULE_FAILED
				       : SCHEDULE_DELIVERED,
			.retry_after_ms = -1,
			.words = span_str("words") };
		again(schedule_ended(sc, &end, now_ms, &err));
	}
	counting = false;
}

static void
report(int64_t now_ms)
{
	struct store_report r;
	size_t i;

	counting = true;
	while (schedule_report_begin(sc, now_ms, false, &r)) {
		counting = false;
		for (i = 0; i < r.nitems; i++)
			tell(r.items[i].kind == STORE_REPORT_ROW ? "row"
								 : "done",
			    r.items[i].delivery.destination_id,
			    r.items[i].delivery.seq);
		for (i = 0; i < r.ncursors; i++)
			tell("cursor", r.cursors[i].destination_id,
			    r.cursors[i].seq);
		counting = true;
		schedule_report_end(sc, true);
	}
	counting = false;
}

/* The n-th allocation fails. Was there one? */
static bool
live(long n)
{
	struct schedule_destination d = { .id = 1,
		.generation = 1,
		.runs = true,
		.plan = { 1, { 1000 } },
		.concurrency = 4,
		.order = DESTINATION_ORDER_KEY,
		.park_max = 100 };
	uint64_t seq;

	until = n;
	story_len = 0;
	again(schedule_new(1, &sc, &err));
	for (d.id = 1; d.id <= 20; d.id++) {
		again(schedule_put(sc, &d, 10, &err));
		rows(d.id, 1, d.id == 1 ? 3 : 0);
	}
	for (seq = 10; seq < 20; seq++)
		take(1, seq, seq == 14);
	send_all(1000);
	report(1000);
	d.id = 1;
	d.order = DESTINATION_ORDER_STRICT;
	again(schedule_put(sc, &d, 0, &err));
	send_all(10000);
	d.order = DESTINATION_ORDER_KEY;
	again(schedule_put(sc, &d, 0, &err));
	rows(1, 1, 0);
	take(2, 10, false);
	send_all(20000);
	report(30000);
	schedule_free(sc);
	return until < 0;
}

START_TEST(a_life_that_lacks_memory_once_comes_out_the_same)
{
	char whole[sizeof(story)];
	long n;

	ck_assert(!live(1000000));
	memcpy(whole, story, sizeof(story));
	ck_assert_uint_gt(story_len, 200);
	for (n = 0; live(n); n++)
		ck_assert_msg(strcmp(story, whole) == 0,
		    "allocation %ld:\n%s\nbut:\n%s", n, story, whole);
	ck_assert_int_gt(n, 50);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("schedule_memory");
	TCase *tc = tcase_create("schedule_memory");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_life_that_lacks_memory_once_comes_out_the_same);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
