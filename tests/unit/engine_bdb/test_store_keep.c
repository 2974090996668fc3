/* test_store_keep.c: what the store keeps, drops, checks and mends. */
#include "tests/stand/store_fixture.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"
#include "lib/engine_bdb/impl.h"
#include "lib/log/segments.h"

#define LARGE (12 << 20) /* bytes of an event */

/* Pages are of 8 KiB; a record above about 2 KB shares none. */
static const struct {
	const char *when;
	size_t n, size, want;
} groups[] = {
	{ "one small event", 1, 300, 1 },
	{ "small ones share a page as one record", 4, 300, 4 },
	{ "more of them than such a record holds", 9, 300, 6 },
	{ "one of 1 KiB", 1, 1200, 1 },
	{ "two: a record of both would take a page", 2, 1200, 1 },
	{ "five: a quarter of the page would be empty", 5, 1200, 1 },
	{ "six fill a page", 6, 1200, 6 },
	{ "the seventh would begin another page", 7, 1200, 6 },
	{ "thirteen fill two pages", 13, 1200, 13 },
	{ "the fourteenth would begin a third", 14, 1200, 13 },
	{ "a full batch", 256, 1200, 256 },
	{ "one that no page is shared with", 1, 3000, 1 },
	{ "two of them on one page, not on two", 2, 3000, 2 },
	{ "three of 5 KiB fill two pages", 3, 5300, 3 },
	{ "a large one", 1, 1000000, 1 },
};

START_TEST(groups_fill_pages)
{
	size_t sizes[256], i;

	for (i = 0; i < groups[_i].n; i++)
		sizes[i] = groups[_i].size;
	ck_assert_msg(segments_group(sizes, groups[_i].n) == groups[_i].want,
	    "%s: %zu", groups[_i].when, segments_group(sizes, groups[_i].n));
}
END_TEST

START_TEST(old_segments_are_dropped_whole)
{
	struct store_status status;
	struct store_reader *rd;
	struct event ev;
	uint64_t dropped;
	char id[32];
	bool found;
	int i;

	fx_close();
	fx.opt.segment_max = 16 << 10;
	fx.opt.retain_bytes = 128 << 10;
	fx_open();
	fx_added("orders", NULL);
	for (i = 0; i < 400; i++) {
		char body[1024];

		memset(body, 'x', sizeof(body) - 1);
		body[sizeof(body) - 1] = '\0';
		snprintf(id, sizeof(id), "evt_%d", i);
		ck_assert_int_eq(fx_accept(id, body), STORE_ACCEPTED);
	}
	ck_assert_uint_eq(fx_events(), 400);
	/* A reader on the oldest keeps it, and all behind it. */
	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &fx.err), 0);
	ck_assert(found);
	ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	ck_assert_uint_eq(dropped, 0);
	store_reader_close(rd);
	ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	ck_assert_uint_gt(dropped, 10);
	ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
	ck_assert_uint_le(status.bytes_events, 160 << 10);
	ck_assert_uint_eq(fx_events(), status.events);
	ck_assert_uint_gt(status.events, 50);
	ck_assert_uint_eq(status.dedupe_keys, 400);
	/* What was dropped is remembered all the same. */
	ck_assert_int_eq(fx_accept("evt_0", "y"), STORE_DUPLICATE);
	fx_close();
	fx_open();
	ck_assert_uint_eq(fx_events(), status.events);
	ck_assert_int_eq(fx_accept("evt_0", "y"), STORE_DUPLICATE);
	ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
	ck_assert_uint_eq(status.dedupe_keys, 400);
}
END_TEST

START_TEST(ids_are_remembered_for_the_horizon_and_no_longer)
{
	struct store_status status;
	enum store_outcome outcome;
	int64_t first_ms, second_ms;
	uint64_t dropped;
	bool in_time;

	fx_close();
	fx.opt.horizon_s = 3;
	fx_open();
	fx_added("orders", NULL);
	first_ms = clock_ms();
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	usleep(1500000);
	second_ms = clock_ms();
	ck_assert_int_eq(fx_accept("evt_2", "{}"), STORE_ACCEPTED);
	ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_DUPLICATE);
	usleep(1200000);
	ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	/* A busy machine may come here too late for it to be remembered. */
	outcome = fx_accept("evt_1", "{}");
	in_time = clock_ms() - first_ms < 3000;
	ck_assert(!in_time || outcome == STORE_DUPLICATE);
	outcome = fx_accept("evt_2", "{}");
	in_time = in_time && clock_ms() - second_ms < 3000;
	ck_assert(!in_time || outcome == STORE_DUPLICATE);
	if (!in_time)
		return;
	usleep(2500000);
	ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
	ck_assert_int_eq(status.horizon_now_s, 3);
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	ck_assert_uint_eq(fx_events(), 3);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

START_TEST(dedupe_max_shortens_the_horizon_visibly)
{
	struct store_status status;
	uint64_t dropped;

	fx_close();
	fx.opt.horizon_s = 1000;
	fx.opt.dedupe_max = 1;
	fx_open();
	fx_added("orders", NULL);
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	usleep(1100000);
	ck_assert_int_eq(fx_accept("evt_2", "{}"), STORE_ACCEPTED);
	ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
	ck_assert_int_lt(status.horizon_now_s, 100);
	ck_assert_int_eq(fx_accept("evt_2", "{}"), STORE_DUPLICATE);
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
}
END_TEST

/* Hands an event in; waits for it, and so for all before it, where asked. */
static void
flood(const char *id, bool wait)
{
	static struct waiting all[64];
	static char ids[64][32];
	static unsigned n;
	unsigned i;

	snprintf(ids[n], sizeof(ids[n]), "%s", id);
	fx_begin(&all[n], ids[n], "{}");
	store_submit(fx.st, &all[n].item);
	if (++n < NITEMS(all) && !wait)
		return;
	for (i = 0; i < n; i++)
		ck_assert_int_eq(fx_end(&all[i]), STORE_ACCEPTED);
	n = 0;
}

/*
 * A flood at one endpoint, with little room for what is remembered: it is
 * remembered for less time, and another endpoint's event as long as is set.
 */
START_TEST(dedupe_max_is_shared_fairly)
{
	struct store_horizon flooded, other;
	uint64_t dropped;
	uint64_t other_id, flooded_id, generation;
	char id[32];
	int i, round;

	fx_close();
	fx.opt.horizon_s = 1000;
	fx.opt.dedupe_max = 1 << 20;
	fx_open();
	fx_added("other", NULL);
	other_id = fx.endpoint_id;
	generation = fx.generation;
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	fx_added("flooded", NULL);
	flooded_id = fx.endpoint_id;
	ck_assert_int_eq(fx_accept("flood_first", "{}"), STORE_ACCEPTED);
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 3000; i++) {
			snprintf(id, sizeof(id), "flood_%d_%d", round, i);
			flood(id, i % 500 == 499);
			/* The size of a table is that of its file. */
			if (i % 500 == 499)
				ck_assert_int_eq(
				    bdb_checkpoint(fx.st->db, &fx.err), 0);
		}
		usleep(1100000); /* partitions are named by the second */
		ck_assert_int_eq(store_prune(fx.st, &dropped, &fx.err), 0);
	}
	store_horizon(fx.st, flooded_id, &flooded);
	store_horizon(fx.st, other_id, &other);
	ck_assert_int_lt(flooded.now_s, 100);
	ck_assert_int_eq(other.now_s, 1000);
	ck_assert_int_eq(fx_accept("flood_1_0", "{}"), STORE_ACCEPTED);
	fx.endpoint_id = other_id;
	fx.generation = generation;
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_DUPLICATE);
	fx_close();
	fx_open();
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_DUPLICATE);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

START_TEST(readers_find_a_time_and_a_place)
{
	struct store_reader *rd;
	struct event ev;
	int64_t middle = 0;
	uint64_t middle_seq = 0, at = 0;
	char id[32];
	bool found;
	int i;

	fx_close();
	fx.opt.segment_max = 8 << 10;
	fx_open();
	fx_added("orders", NULL);
	for (i = 0; i < 60; i++) {
		snprintf(id, sizeof(id), "evt_%d", i);
		ck_assert_int_eq(fx_accept(id, "{}"), STORE_ACCEPTED);
		if (i == 30) {
			usleep(5000);
			middle = store_now_ms(fx.st);
			middle_seq = store_durable_seq(fx.st) + 1;
			usleep(5000);
		}
	}
	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	ck_assert_int_eq(store_seq_at(fx.st, middle, &at, &fx.err), 0);
	store_reader_seek(rd, at);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &fx.err), 0);
	ck_assert(found && span_is(ev.id, "evt_31"));
	store_reader_seek(rd, middle_seq);
	ck_assert_int_eq(store_reader_prev(rd, &ev, &found, &fx.err), 0);
	ck_assert(found && span_is(ev.id, "evt_30"));
	ck_assert_int_eq(store_seq_at(fx.st, INT64_MAX, &at, &fx.err), 0);
	store_reader_seek(rd, at);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &fx.err), 0);
	ck_assert(!found);
	ck_assert_int_eq(store_seq_at(fx.st, 0, &at, &fx.err), 0);
	store_reader_seek(rd, at);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &fx.err), 0);
	ck_assert(found && span_is(ev.id, "evt_0"));
	store_reader_close(rd);
}
END_TEST

START_TEST(a_check_finds_what_is_not_there)
{
	char command[512], id[32];
	int i;

	fx_close();
	fx.opt.segment_max = 16 << 10;
	fx_open();
	fx_added("orders", "s3cret-s3cret-s3cret");
	for (i = 0; i < 60; i++) {
		char body[1024] = "";

		memset(body, 'a' + i % 26, sizeof(body) - 1);
		snprintf(id, sizeof(id), "evt_%d", i);
		ck_assert_int_eq(fx_accept(id, body), STORE_ACCEPTED);
	}
	ck_assert_uint_eq(fx_problems(), 0);
	fx_close();
	/* One page of an event segment that is closed, overwritten. */
	snprintf(command, sizeof(command),
	    "set -- %s/db/events-*; printf XXXXXXXX | dd of=$1 bs=1 "
	    "seek=20000 conv=notrunc status=none",
	    fx.dir);
	ck_assert_int_eq(system(command), 0);
	fx_open();
	ck_assert_uint_gt(fx_problems(), 0);
}
END_TEST

/* Accepts evt_FROM to evt_TO - 1 in a process of its own, and kills it. */
static void
accept_and_die(int from, int to)
{
	int status;
	char id[32];
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		fx_open();
		for (; from < to; from++) {
			snprintf(id, sizeof(id), "evt_%d", from);
			if (fx_accept(id, "{}") != STORE_ACCEPTED)
				_exit(1);
		}
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

START_TEST(a_killed_owner_loses_nothing_it_answered)
{
	fx_added("orders", NULL);
	fx_close();
	accept_and_die(0, 300);
	fx_open();
	ck_assert_uint_eq(fx_events(), 300);
	ck_assert_int_eq(fx_accept("evt_299", "{}"), STORE_DUPLICATE);
	ck_assert_int_eq(fx_accept("evt_300", "{}"), STORE_ACCEPTED);
}
END_TEST

/* Overwrites the second half of a page in files of the store. */
static void
tear(const char *files)
{
	char command[512];

	snprintf(command, sizeof(command),
	    "cd %s && for f in %s; do printf %%0512d 7 | dd of=$f bs=1 "
	    "seek=$(($(stat -c %%s $f) - 600)) conv=notrunc status=none; done",
	    fx.dir, files);
	ck_assert_int_eq(system(command), 0);
}

static const struct {
	const char *when;
	uint64_t log_keep_max; /* 1: a snapshot at every checkpoint */
	const char *files; /* torn; relative to the store folder */
} torn[] = {
	{ "log, no snapshot", 1 << 30, "db/events-* db/dedupe-*" },
	{ "log, no snapshot, all", 1 << 30,
	    "db/meta db/secrets db/events-* db/dedupe-* db/audit db/counts" },
	{ "snapshot", 1, "db/events-* db/dedupe-*" },
	{ "snapshot, all", 1,
	    "db/meta db/secrets db/events-* db/dedupe-* db/audit db/counts" },
};

START_TEST(a_torn_page_leads_to_a_rebuild)
{
	struct store_status status;
	char id[32], manifest[160];
	int i;

	fx_close();
	fx.opt.log_keep_max = torn[_i].log_keep_max;
	fx_open();
	fx_added("orders", "s3cret-s3cret-s3cret");
	for (i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "evt_%d", i);
		ck_assert_int_eq(fx_accept(id, "{}"), STORE_ACCEPTED);
	}
	fx_close();
	snprintf(manifest, sizeof(manifest), "%s/snapshot/MANIFEST", fx.dir);
	ck_assert_int_eq(
	    access(manifest, F_OK) == 0, torn[_i].log_keep_max == 1);
	accept_and_die(100, 300);
	tear(torn[_i].files);
	fx_open();
	ck_assert_msg(fx_events() == 300, "%s", torn[_i].when);
	ck_assert_uint_eq(fx_problems(), 0);
	ck_assert_int_eq(fx_accept("evt_50", "{}"), STORE_DUPLICATE);
	ck_assert_int_eq(fx_accept("evt_299", "{}"), STORE_DUPLICATE);
	ck_assert_int_eq(fx_accept("evt_300", "{}"), STORE_ACCEPTED);
	ck_assert_int_eq(
	    store_secrets(fx.st, NULL, 0, fx_plain_is,
		(void *)(uintptr_t) "s3cret-s3cret-s3cret", &fx.err),
	    0);
	fx_close();
	fx_open();
	ck_assert_uint_eq(fx_events(), 301);
	ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
	ck_assert_uint_eq(status.events, 301);
}
END_TEST

/*
 * Events that fill several log files: a checkpoint makes a snapshot, and tries
 * it, with logs of the same names in a folder of their own.
 */
START_TEST(snapshots_of_large_events_are_tried_in_service)
{
	char id[32], manifest[160], *body = malloc(LARGE + 1);
	int i;

	fx_close();
	fx.opt.log_keep_max = 1;
	fx.opt.floor = fx.opt.ballast = 0;
	fx_open();
	fx_added("orders", "s3cret-s3cret-s3cret");
	snprintf(manifest, sizeof(manifest), "%s/snapshot/MANIFEST", fx.dir);
	ck_assert_ptr_nonnull(body);
	memset(body, ' ', LARGE);
	body[LARGE] = '\0';
	for (i = 0; i < 6; i++) {
		snprintf(id, sizeof(id), "evt_%d", i);
		ck_assert_int_eq(fx_accept(id, body), STORE_ACCEPTED);
		poll(NULL, 0, 100); /* for a snapshot beside them */
	}
	for (i = 0; i < 6000 && access(manifest, F_OK) < 0; i++)
		poll(NULL, 0, 10);
	ck_assert_int_eq(access(manifest, F_OK), 0);
	ck_assert(!store_is_fenced(fx.st));
	ck_assert_int_eq(fx_accept("evt_last", body), STORE_ACCEPTED);
	fx_close();
	fx_open();
	ck_assert_uint_eq(fx_events(), 7);
	free(body);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_keep");
	TCase *tc = tcase_create("keep"), *pages = tcase_create("pages");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_test(tc, old_segments_are_dropped_whole);
	tcase_add_test(tc, ids_are_remembered_for_the_horizon_and_no_longer);
	tcase_add_test(tc, dedupe_max_shortens_the_horizon_visibly);
	tcase_add_test(tc, dedupe_max_is_shared_fairly);
	tcase_add_test(tc, readers_find_a_time_and_a_place);
	tcase_add_test(tc, a_check_finds_what_is_not_there);
	tcase_add_test(tc, a_killed_owner_loses_nothing_it_answered);
	tcase_add_loop_test(tc, a_torn_page_leads_to_a_rebuild, 0,
	    (int)(sizeof(torn) / sizeof(torn[0])));
	tcase_add_test(tc, snapshots_of_large_events_are_tried_in_service);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(pages, groups_fill_pages, 0, NITEMS(groups));
	suite_add_tcase(s, pages);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
