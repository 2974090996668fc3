/* test_store_loss.c: a log that ends too early is seen, and nothing else is. */
#include "tests/stand/store_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/util.h"
#include "lib/log/durable.h"

#define EVENTS 30
#define SAVED 10 /* the point is put aside behind so many */

/*
 * A process that dies with so many events acknowledged; the point as it was
 * behind SAVED of them is beside the store then.
 */
static void
die_with_events(void)
{
	pid_t pid;
	char id[32], body[2000];
	int i, status;

	fx_added("orders", NULL);
	fx_close();
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		fx_open();
		memset(body, 'x', sizeof(body) - 1);
		body[sizeof(body) - 1] = '\0';
		for (i = 0; i < EVENTS; i++) {
			snprintf(id, sizeof(id), "evt_%d", i);
			if (fx_accept(id, body) != STORE_ACCEPTED)
				_exit(1);
			if (i + 1 == SAVED)
				fx_shell("cp $1/durable $1.point");
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

/* Where in the newest log so many quarters of what is written end. */
#define AT                                                                    \
	"log=$(ls $1/db/log/log.* | tail -1); "                               \
	"end=$(head -c 400000 $log | tr '\\0' 'z' | sed 's/z*$//' | wc -c); " \
	"at() { echo $((end * $1 / 8)); }; "                                  \
	"put() { dd of=$log bs=1 conv=notrunc seek=$2 2>/dev/null; }; "

static const struct {
	const char *when, *script; /* the store folder is $1 */
	bool lost;
} damages[] = {
	{ "nothing", ":", false },
	{ "the point is gone", "rm $1/durable", false },
	{ "the point is an older one", "cp $1.point $1/durable", false },
	{ "the point is garbage", "yes | head -c 8192 >$1/durable", false },
	{ "a damaged record", AT "printf abc | put 3 $(at 6)", true },
	{ "the same behind the point: notes prove it",
	    "cp $1.point $1/durable; " AT "printf abc | put 3 $(at 6)", true },
	{ "the same without a point",
	    "rm $1/durable; " AT "printf abc | put 3 $(at 6)", true },
	{ "a log cut short", AT "truncate -s $(at 6) $log", true },
	{ "a log cut short behind the point: nothing tells",
	    "cp $1.point $1/durable; " AT "truncate -s $(at 7) $log", false },
	{ "zeros", AT "head -c 3000 /dev/zero | put 3 $(at 6)", true },
	{ "no log", "rm $1/db/log/log.*", true },
	{ "a damaged head",
	    "log=$(ls $1/db/log/log.* | tail -1); "
	    "printf abc | dd of=$log bs=1 conv=notrunc seek=8 "
	    "2>/dev/null",
	    false },
};

START_TEST(a_loss_is_seen)
{
	const char *when = damages[_i].when;
	struct buf result = BUF_INIT(4096);
	unsigned char request[STORE_REQUEST_ID] = "accept";
	const char *why = "";
	uint64_t there;

	die_with_events();
	fx_shell(damages[_i].script);
	fx_open();
	there = fx_events();
	ck_assert_msg(
	    store_is_lost(fx.st) == damages[_i].lost, "%s: alarm", when);
	if (!damages[_i].lost) {
		if (strstr(when, "nothing tells") == NULL)
			ck_assert_msg(there == EVENTS, "%s: %llu events", when,
			    (unsigned long long)there);
		ck_assert_int_eq(store_accept_loss(fx.st, &fx_actor, request,
				     &result, &fx.err),
		    -1);
		ck_assert_int_eq(fx.err.code, ERR_NOTFOUND);
		buf_free(&result);
		return;
	}
	ck_assert_msg(there < EVENTS, "%s: nothing is lost", when);
	ck_assert(!store_healthy(fx.st, &why));
	ck_assert_ptr_nonnull(strstr(why, "accept-loss"));
	ck_assert_int_eq(fx_accept("refused", "{}"), STORE_FAILED);
	/* It is so until it is accepted, whoever opens it. */
	fx_close();
	fx_open();
	ck_assert(store_is_lost(fx.st));
	ck_assert_uint_eq(fx_events(), there);
	ck_assert_msg(
	    store_accept_loss(fx.st, &fx_actor, request, &result, &fx.err) == 0,
	    "%s: %s", when, fx.err.text);
	buf_free(&result);
	ck_assert(store_healthy(fx.st, &why));
	fx_close();
	fx_open();
	ck_assert(!store_is_lost(fx.st));
	ck_assert_uint_eq(fx_events(), there);
}
END_TEST

/* A seq that was readable once is never that of another event. */
START_TEST(no_seq_is_given_twice)
{
	struct buf result = BUF_INIT(4096);
	unsigned char request[STORE_REQUEST_ID] = "accept";
	struct store_reader *rd;
	struct event ev;
	bool found;

	die_with_events();
	fx_shell(AT "printf abc | put 3 $(at 4)");
	fx_open();
	ck_assert(store_is_lost(fx.st));
	ck_assert_int_eq(
	    store_accept_loss(fx.st, &fx_actor, request, &result, &fx.err), 0);
	buf_free(&result);
	fx_close();
	fx_open();
	fx_added("again", NULL);
	ck_assert_int_eq(fx_accept("evt_new", "{}"), STORE_ACCEPTED);
	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	ck_assert_int_eq(store_reader_prev(rd, &ev, &found, &fx.err), 0);
	ck_assert(found);
	ck_assert_uint_gt(ev.seq, EVENTS);
	store_reader_close(rd);
}
END_TEST

/* Either slot may be cut off: the other one stands. */
START_TEST(a_torn_point_leaves_the_other)
{
	struct durable_point point = { 0, 0, 0, 0 }, put = { 7, 1, 1000, 1 };
	struct durable *du;
	char path[160];
	bool found;
	FILE *f;

	snprintf(path, sizeof(path), "%s/point", fx.folder);
	ck_assert_int_eq(
	    durable_open(path, "id", &du, &point, &found, &fx.err), 0);
	ck_assert(!found);
	ck_assert_int_eq(durable_put(du, &put, &fx.err), 0);
	ck_assert_int_eq(durable_sync(du, &fx.err), 0);
	put.seq = 8;
	ck_assert_int_eq(durable_put(du, &put, &fx.err), 0);
	durable_close(du);
	ck_assert_int_eq(
	    durable_open(path, "id", &du, &point, &found, &fx.err), 0);
	ck_assert(found);
	ck_assert_uint_eq(point.seq, 8);
	durable_close(du);
	f = fopen(path, "r+");
	ck_assert_ptr_nonnull(f);
	fseek(f, 4096 + 20, SEEK_SET);
	fputc('!', f);
	fclose(f);
	ck_assert_int_eq(
	    durable_open(path, "id", &du, &point, &found, &fx.err), 0);
	ck_assert(found);
	ck_assert_uint_eq(point.seq, 7);
	ck_assert_uint_eq(point.offset, 1000);
	durable_close(du);
	/* And that of another store is none. */
	ck_assert_int_eq(
	    durable_open(path, "other", &du, &point, &found, &fx.err), 0);
	ck_assert(!found);
	durable_close(du);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_loss");
	TCase *tc = tcase_create("loss");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_loss_is_seen, 0, NITEMS(damages));
	tcase_add_test(tc, no_seq_is_given_twice);
	tcase_add_test(tc, a_torn_point_leaves_the_other);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
