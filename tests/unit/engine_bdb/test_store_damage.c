/*
 * test_store_damage.c: pages, files and what is lost with them: found, mended
 * where snapshot and logs allow it, else every event is readable or a dead
 * letter, and the store goes on.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/util.h"
#include "lib/bdb/salvage.h"
#include "tests/stand/delivery_fixture.h"

#define EVENTS 120
#define ROUNDS 4 /* of opening; more would be an outage */

/*
 * In each script $f is the file, $p its page size, $n its number of pages and
 * $at the page that is damaged.
 */
#define ZERO                                                         \
	"dd if=/dev/zero of=$f bs=$p seek=$at count=1 conv=notrunc " \
	"status=none"
#define FLIP                                                                \
	"printf '\\377\\001' | dd of=$f bs=1 seek=$((at * p + p / 2 + 7)) " \
	"conv=notrunc status=none"
#define CUT "truncate -s $((at * p)) $f"
#define CUT_WITHIN "truncate -s $((at * p + p / 3)) $f"
#define GONE "rm $f"

#define BOTH(damage) damage "; f=$1/snapshot/${f##*/}; " damage

#define IDS "$(ls $1/db/dedupe-*)"
#define TRIES "$(ls $1/db/tries-* | head -n 1)"
#define FIRST "$(ls $1/db/events-* | head -n 1)"
#define LAST "$(ls $1/db/events-* | tail -n 1)"

static const struct {
	const char *when, *file, *damage;
	const char *at; /* page */
	bool log_gone;
	bool lossy; /* some may be lost; what they are is known */
} cases[] = {
	{ "zero page, closed, log there", FIRST, ZERO, "2", false, false },
	{ "flip, closed, log there", FIRST, FLIP, "3", false, false },
	{ "cut, closed, log there", FIRST, CUT, "n / 2", false, false },
	{ "gone, closed, log there", FIRST, GONE, "0", false, false },
	{ "zero root, closed, log there", FIRST, ZERO, "1", false, false },
	{ "zero page 0, closed, log there", FIRST, ZERO, "0", false, false },
	{ "flip page 0, closed, log there", FIRST, FLIP, "0", false, false },
	{ "zero page, open, log there", LAST, ZERO, "1", false, false },
	{ "flip, open, log there", LAST, FLIP, "1", false, false },
	{ "cut, open, log there", LAST, CUT, "1", false, false },
	{ "gone, open, log there", LAST, GONE, "0", false, false },

	{ "zero page, closed, log gone", FIRST, ZERO, "2", true, true },
	{ "zero page in the middle, closed, log gone", FIRST, ZERO, "n / 2",
	    true, true },
	{ "zero last page, closed, log gone", FIRST, ZERO, "n - 1", true,
	    true },
	{ "flip, closed, log gone", FIRST, FLIP, "3", true, true },
	{ "flip in the last, closed, log gone", FIRST, FLIP, "n - 1", true,
	    true },
	{ "cut, closed, log gone", FIRST, CUT, "n / 2", true, true },
	{ "cut to nothing, closed, log gone", FIRST, CUT, "0", true, true },
	{ "zero root, closed, log gone", FIRST, ZERO, "1", true, false },
	{ "zero page 0, closed, log gone", FIRST, ZERO, "0", true, false },
	{ "flip page 0, closed, log gone", FIRST, FLIP, "0", true, false },
	{ "gone, closed, log gone", FIRST, "rm $f $1/snapshot/${f##*/}", "0",
	    true, true },
	{ "two segments, log gone", FIRST,
	    ZERO "; f=$(ls $1/db/events-* | sed -n 3p); " FLIP, "2", true,
	    true },
	{ "zero page, ids, log there", IDS, ZERO, "1", false, false },
	{ "cut, ids, log there", IDS, CUT, "1", false, false },
	{ "gone, ids, log there", IDS, GONE, "0", false, false },
	{ "flip, ids, snapshot too", IDS, BOTH(FLIP), "1", true, false },
	{ "gone, ids, snapshot too", IDS, BOTH(GONE), "0", true, false },
	{ "gone, attempts, log there", TRIES, GONE, "0", false, false },
	{ "flip, attempts, snapshot too", TRIES, BOTH(FLIP), "1", true, false },
	{ "flip, audit, snapshot too", "$1/db/audit", BOTH(FLIP), "1", true,
	    false },
	{ "flip, deliveries, snapshot too", "$1/db/deliveries", BOTH(FLIP), "1",
	    true, false },
	{ "gone, notices, snapshot too", "$1/db/notices", BOTH(GONE), "0", true,
	    false },
	{ "zero page, endpoints, log gone", "$1/db/endpoints", ZERO, "1", true,
	    false },
	{ "gone, meta, log gone", "$1/db/meta", GONE, "0", true, false },
	/* The snapshot has copies of what is not closed. */
	{ "zero page, open, log gone", LAST, ZERO, "1", true, false },
	{ "flip, open, log gone", LAST, FLIP, "1", true, false },
	{ "gone, open, log gone", LAST, GONE, "0", true, false },
};

/* As its owner polls it. */
static bool
fences_within(int ms)
{
	for (; !store_is_fenced(fx.st) && ms > 0; ms -= 10)
		usleep(10000);
	return store_is_fenced(fx.st);
}

static void
accept_all(int from, int to)
{
	static struct waiting all[EVENTS];
	static char ids[EVENTS][32], bodies[EVENTS][1400];
	int i, n = 0;

	/* A few at a time, so that there are groups. */
	for (; from < to; from += n) {
		for (n = 0; n < 5 && from + n < to; n++) {
			i = from + n;
			/* Some have a page of their own. */
			memset(bodies[i], 'a' + i % 26, sizeof(bodies[i]) - 1);
			bodies[i][i % 7 == 0 ? sizeof(bodies[i]) - 1 : 200] =
			    '\0';
			snprintf(ids[i], sizeof(ids[i]), "evt_%d", i);
			fx_begin(&all[i], ids[i], bodies[i]);
			store_submit(fx.st, &all[i].item);
		}
		for (i = from; i < from + n; i++)
			ck_assert_int_eq(fx_end(&all[i]), STORE_ACCEPTED);
	}
}

/* An attempt at event 3 by a destination that never got it. */
static void
report_attempt(uint64_t id)
{
	struct store_report_item item = { .kind = STORE_REPORT_DONE,
		.delivery = { .destination_id = id, .seq = 3 },
		.has_attempt = true,
		.attempt = { .no = 1,
		    .result = STORE_ATTEMPT_DELIVERED,
		    .at_ms = 1000 } };
	struct store_report r = { .items = &item, .nitems = 1 };

	ck_assert_msg(store_report(fx.st, &r, &fx.err) == 0, "%s", fx.err.text);
}

static bool
try_open(void)
{
	fx.err.code = ERR_NONE;
	if (store_open(&fx.opt, &fx.st, &fx.err) == 0)
		return true;
	fprintf(stderr, "open: %s\n", fx.err.text);
	return false;
}

/* Reads all; which are there is noted. False: the store is to be opened anew.
 */
static bool
read_all(bool there[EVENTS + 2], bool upwards)
{
	struct store_reader *rd;
	struct event ev;
	bool found, good = true;

	memset(there, 0, EVENTS + 2);
	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	for (;;) {
		good = (upwards ? store_reader_next(rd, &ev, &found, &fx.err)
				: store_reader_prev(
				      rd, &ev, &found, &fx.err)) == 0;
		if (!good || !found)
			break;
		if (ev.seq <= EVENTS)
			there[ev.seq] = true;
	}
	if (!good)
		fprintf(stderr, "read: %s\n", fx.err.text);
	store_reader_close(rd);
	return good;
}

/*
 * Events of another kind fill the log file that the first ones are in; the
 * next checkpoint makes a snapshot, and lets it go.
 */
static void
let_the_log_go(void)
{
	static char body[1 << 20];
	char id[32];
	int i;

	fx_open();
	memset(body, 'x', sizeof(body) - 1);
	for (i = 0; i < 12; i++) {
		snprintf(id, sizeof(id), "large_%d", i);
		ck_assert_int_eq(fx_accept(id, body), STORE_ACCEPTED);
	}
	fx_close();
	fx_open();
	fx_close();
	fx_shell("! test -e $1/db/log/log.0000000001");
}

static void
damage(size_t i)
{
	char script[900];

	snprintf(script, sizeof(script),
	    "f=%s; p=4096; case $f in */events-*) p=8192;; esac; "
	    "n=$(($(stat -c %%s $f) / p)); at=$((%s)); %s",
	    cases[i].file, cases[i].at, cases[i].damage);
	fx_shell(script);
}

/* What nobody reads, a check finds. */
static int
count_table(void *arg, const struct store_incomplete *t, struct err *err)
{
	uint64_t *n = arg;

	(void)err;
	ck_assert_str_ne(t->without, "");
	++*n;
	return 0;
}

/* The tables that could not be mended. */
static uint64_t
incomplete(void)
{
	uint64_t n = 0;

	ck_assert_int_eq(
	    store_each_incomplete(fx.st, count_table, &n, &fx.err), 0);
	return n;
}

static bool
is_well_or_lossy(void)
{
	struct store_status status;

	ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
	return status.lost > 0 || fx_problems() == incomplete();
}

static void
check_lost(uint64_t id, const bool there[EVENTS + 2], size_t i)
{
	uint64_t seq, lost = 0;
	struct store_status status;

	for (seq = 1; seq <= EVENTS; seq++) {
		if (there[seq]) {
			ck_assert_msg(fx_state(id, seq) == 0, "%s: %d",
			    cases[i].when, (int)seq);
			continue;
		}
		lost++;
		ck_assert_msg(fx_state(id, seq) == STORE_DELIVERY_DEAD,
		    "%s: %d is neither there nor dead", cases[i].when,
		    (int)seq);
		ck_assert_str_eq(fx_reason, DELIVERY_DAMAGED);
	}
	ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
	ck_assert_uint_eq(status.lost, lost);
	ck_assert_msg(lost == 0 || cases[i].lossy, "%s: %d lost", cases[i].when,
	    (int)lost);
	fprintf(stderr, "%s: %d lost\n", cases[i].when, (int)lost);
}

START_TEST(P3_an_event_is_readable_or_a_dead_letter)
{
	bool there[EVENTS + 2], back[EVENTS + 2];
	struct store_status status;
	uint64_t id, late, problems;
	int round;

	fx_close();
	fx.opt.segment_max = 16 << 10;
	fx.opt.log_keep_max = cases[_i].log_gone ? 1 : 1 << 30;
	fx_open();
	fx_added("orders", NULL);
	id = fx_destination("crm", "{\"url\":\"https://crm.example/\"}", 1);
	late = fx_destination(
	    "late", "{\"url\":\"https://crm.example/\"}", EVENTS + 1);
	accept_all(0, EVENTS);
	report_attempt(late);
	fx_close();
	if (cases[_i].log_gone)
		let_the_log_go();
	damage((size_t)_i);
	for (round = 0; round < ROUNDS; round++) {
		if (!try_open())
			continue;
		if (read_all(there, true) && read_all(back, false) &&
		    fx_accept("evt_3", "{}") == STORE_DUPLICATE &&
		    is_well_or_lossy())
			break;
		ck_assert_msg(fences_within(2000), "%s", cases[_i].when);
		fx_close();
	}
	ck_assert_msg(round < ROUNDS, "%s: %s", cases[_i].when, fx.err.text);
	ck_assert_int_eq(memcmp(there, back, sizeof(there)), 0);
	check_lost(id, there, (size_t)_i);
	ck_assert_int_eq(fx_state(late, 3), 0);
	/* It is told, as long as it is so. */
	ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
	problems = fx_problems() - incomplete();
	ck_assert_msg((problems > 0) == (status.lost > 0), "%s: %d problems",
	    cases[_i].when, (int)problems);
	/* And the store goes on, also the next time. */
	ck_assert_int_eq(fx_accept("evt_77", "{}"), STORE_DUPLICATE);
	ck_assert_int_eq(fx_accept("new", "{}"), STORE_ACCEPTED);
	fx_close();
	fx_open();
	ck_assert(read_all(back, true));
	ck_assert_int_eq(memcmp(there, back, sizeof(there)), 0);
	check_lost(id, there, (size_t)_i);
	ck_assert_int_eq(fx_accept("new2", "{}"), STORE_ACCEPTED);
	ck_assert(!store_is_fenced(fx.st));
}
END_TEST

/* Damage in a file and in its copy in the snapshot. */
static const struct {
	const char *when, *script;
	bool table; /* it becomes incomplete; else events are lost */
} acceptable[] = {
	{ "deliveries",
	    "for f in $1/db/deliveries $1/snapshot/deliveries; do "
	    "printf '\\377\\001' | dd of=$f bs=1 seek=6151 conv=notrunc "
	    "status=none; done",
	    true },
	{ "audit",
	    "for f in $1/db/audit $1/snapshot/audit; do "
	    "printf '\\377\\001' | dd of=$f bs=1 seek=6151 conv=notrunc "
	    "status=none; done",
	    true },
	{ "a segment", "f=" FIRST "; rm $f $1/snapshot/${f##*/}", false },
};

/* Also over opens, and only what is new is told afterwards. */
START_TEST(damage_is_told_until_it_is_accepted)
{
	const char *when = acceptable[_i].when;
	unsigned char request[STORE_REQUEST_ID] = "accept";
	struct buf result = BUF_INIT(4096);
	struct store_status status;
	int round;

	fx_close();
	fx.opt.segment_max = 16 << 10;
	fx.opt.log_keep_max = 1;
	fx_open();
	fx_added("orders", NULL);
	accept_all(0, EVENTS);
	fx_close();
	let_the_log_go();
	fx_shell(acceptable[_i].script);
	/* A check finds it where no open does, and the next open mends it. */
	for (round = 0; round < ROUNDS; round++) {
		if (!try_open())
			continue;
		if (fx_problems() == 0 || !fences_within(3000))
			break;
		fx_close();
	}
	ck_assert_msg(round < ROUNDS, "%s: %s", when, fx.err.text);
	for (round = 0; round < 2; round++) {
		ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
		ck_assert_uint_eq(incomplete(), acceptable[_i].table ? 1 : 0);
		ck_assert_int_eq(status.lost > 0, !acceptable[_i].table);
		ck_assert_msg(fx_problems() > 0, "%s: check is silent", when);
		fx_close();
		fx_open();
	}
	ck_assert_msg(
	    store_accept_loss(fx.st, &fx_actor, request, &result, &fx.err) == 0,
	    "%s: %s", when, fx.err.text);
	for (round = 0; round < 2; round++) {
		ck_assert_uint_eq(incomplete(), 0);
		ck_assert_msg(fx_problems() == 0, "%s: still a problem", when);
		ck_assert_int_eq(fx_accept("evt_77", "{}"), STORE_DUPLICATE);
		fx_close();
		fx_open();
	}
	request[0]++;
	buf_clear(&result);
	ck_assert_int_eq(
	    store_accept_loss(fx.st, &fx_actor, request, &result, &fx.err), -1);
	ck_assert_int_eq(fx.err.code, ERR_NOTFOUND);
	buf_free(&result);
}
END_TEST

/* A check finds it before anybody reads there. */
START_TEST(a_check_that_finds_damage_has_it_mended)
{
	bool there[EVENTS + 2];

	fx_close();
	fx.opt.segment_max = 16 << 10;
	fx.opt.log_keep_max = cases[_i].log_gone ? 1 : 1 << 30;
	fx_open();
	fx_added("orders", NULL);
	accept_all(0, EVENTS);
	fx_close();
	damage((size_t)_i);
	if (!try_open())
		return;
	/* What the open did not find by itself. */
	if (fx_problems() > 0 && fences_within(5000)) {
		fx_close();
		fx_open();
	}
	ck_assert_msg(
	    read_all(there, true), "%s: %s", cases[_i].when, fx.err.text);
	ck_assert(!store_is_fenced(fx.st));
}
END_TEST

/* Secrets that nothing brings back: each open says so, and none tries again. */
START_TEST(what_cannot_go_on_says_so)
{
	int i;

	fx_close();
	fx.opt.log_keep_max = 1;
	fx_open();
	fx_added("orders", "s3cret-s3cret-s3cret");
	fx_close();
	let_the_log_go();
	fx_shell("for f in $1/db/secrets $1/snapshot/secrets; do "
		 "truncate -s 4096 $f; done");
	for (i = 0; i < 3; i++) {
		ck_assert(!try_open());
		ck_assert_int_eq(fx.err.code, ERR_CORRUPT);
		ck_assert_ptr_nonnull(
		    strstr(fx.err.text, "table secrets is damaged"));
		ck_assert_ptr_nonnull(strstr(fx.err.text, "restore a backup"));
	}
}
END_TEST

/* --- page by page --------------------------------------------------------- */

#define SALVAGED "%s/salvaged"

static void
write_whole(const char *path, const unsigned char *bytes, size_t len)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
}

/*
 * Whatever is done to a file: each record that is given is one of those that
 * were in it, byte by byte.
 */
START_TEST(what_is_salvaged_is_what_was_there)
{
	static unsigned char file[1 << 20], bad[1 << 20];
	struct buf was = BUF_INIT(1 << 20), now = BUF_INIT(1 << 20);
	struct salvage *whole, *sv;
	char path[160];
	size_t len, i, at, n;
	bool found;
	FILE *f;

	fx_added("orders", NULL);
	accept_all(0, EVENTS);
	fx_close();
	fx_shell("cp $1/db/events-* $1/salvaged");
	snprintf(path, sizeof(path), SALVAGED, fx.dir);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	len = fread(file, 1, sizeof(file), f);
	fclose(f);
	ck_assert_uint_gt(len, 4 * 8192);
	snprintf(path, sizeof(path), "%s/db/events-0000000000000001", fx.dir);
	ck_assert_int_eq(salvage_open(path, 8192, &whole, &fx.err), 0);
	ck_assert_uint_gt(salvage_count(whole), 10);
	snprintf(path, sizeof(path), SALVAGED, fx.dir);
	srand(7);
	for (n = 0; n < 200; n++) {
		memcpy(bad, file, len);
		at = (size_t)rand() % len;
		bad[at] ^= (unsigned char)(1 + rand() % 255);
		write_whole(path, bad, n % 4 == 0 ? at : len);
		ck_assert_int_eq(salvage_open(path, 8192, &sv, &fx.err), 0);
		for (i = 0; i < salvage_count(sv); i++) {
			at = salvage_seek(whole, salvage_key(sv, i));
			ck_assert_uint_lt(at, salvage_count(whole));
			ck_assert(span_eq(
			    salvage_key(whole, at), salvage_key(sv, i)));
			ck_assert_int_eq(
			    salvage_get(sv, i, &now, &found, &fx.err), 0);
			ck_assert(found);
			ck_assert_int_eq(
			    salvage_get(whole, at, &was, &found, &fx.err), 0);
			ck_assert(span_eq(buf_span(&was), buf_span(&now)));
		}
		/* One byte harms the records of one page, or of one chain. */
		ck_assert(n % 4 == 0 ||
			  salvage_count(sv) + 40 > salvage_count(whole));
		salvage_close(sv);
	}
	salvage_close(whole);
	buf_free(&was);
	buf_free(&now);
	fx_open();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_damage");
	TCase *tc = tcase_create("damage");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_loop_test(tc, P3_an_event_is_readable_or_a_dead_letter, 0,
	    (int)NITEMS(cases));
	tcase_add_loop_test(tc, a_check_that_finds_damage_has_it_mended, 0, 2);
	tcase_add_loop_test(
	    tc, a_check_that_finds_damage_has_it_mended, 11, 12);
	tcase_add_test(tc, what_cannot_go_on_says_so);
	tcase_add_test(tc, what_is_salvaged_is_what_was_there);
	suite_add_tcase(s, tc);
	tc = tcase_create("accepted");
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_loop_test(tc, damage_is_told_until_it_is_accepted, 0,
	    (int)NITEMS(acceptable));
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
