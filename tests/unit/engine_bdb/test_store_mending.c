/* test_store_mending.c: a rebuild that is cut short by a kill (P4). */
#include "tests/stand/store_fixture.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/util.h"
#include "lib/bdb/bdb.h"

#define EVENTS 24

static bool killed_within, killed_after; /* set in a child alone */

int __real_bdb_table_verify(struct bdb *db, const char *file, struct err *err);
int __wrap_bdb_table_verify(struct bdb *db, const char *file, struct err *err);

/* Of a rebuild, one of the last steps. */
int
__wrap_bdb_table_verify(struct bdb *db, const char *file, struct err *err)
{
	if (killed_within)
		raise(SIGKILL);
	return __real_bdb_table_verify(db, file, err);
}

static void
die_when_rebuilt(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "store: %s\n", line);
	if (killed_after && strstr(line, "the store is rebuilt;") != NULL)
		raise(SIGKILL);
}

static const struct {
	const char *when;
	int kills;
	bool after; /* the rebuild, and before it is noted */
	int again; /* times that it is damaged once more when it is rebuilt */
	bool given_up;
} cuts[] = {
	{ "killed in a rebuild", 1, false, 0, false },
	{ "killed in two rebuilds", 2, false, 0, false },
	{ "killed in three rebuilds", 3, false, 0, true },
	{ "killed after a rebuild", 1, true, 0, false },
	{ "killed after two rebuilds", 2, true, 0, false },
	{ "damaged twice", 0, false, 1, false },
	{ "damaged three times", 0, false, 2, false },
	{ "damaged four times", 0, false, 3, true },
	{ "killed, and damaged twice", 1, false, 1, false },
	{ "killed, and damaged four times", 1, false, 3, true },
};

static void
open_and_die(size_t i)
{
	int status = 0;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		killed_within = !cuts[i].after;
		killed_after = cuts[i].after;
		fx.opt.log = die_when_rebuilt;
		_exit(store_open(&fx.opt, &fx.st, &fx.err) == 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	    "%s: it ended by itself", cuts[i].when);
	/* The new folder is there when it dies within. */
	fx_shell(cuts[i].after ? "! test -e $1/db.rebuilt"
			       : "test -d $1/db.rebuilt");
}

/* As the process that noticed it leaves the store. */
static void
damage(void)
{
	fx_shell("f=$(ls $1/db/events-* | head -n 1); "
		 "dd if=/dev/zero of=$f bs=8192 seek=2 count=1 conv=notrunc "
		 "status=none; basename $f >$1/damaged");
}

static uint64_t
count_events(void)
{
	struct store_reader *rd;
	struct event ev;
	bool found = true;
	uint64_t n = 0;

	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	for (;;) {
		ck_assert_msg(store_reader_next(rd, &ev, &found, &fx.err) == 0,
		    "%s", fx.err.text);
		if (!found)
			break;
		n++;
	}
	store_reader_close(rd);
	return n;
}

START_TEST(P4_a_rebuild_that_is_killed_is_begun_anew)
{
	struct store_status status;
	char id[32], body[1400];
	int i;

	fx_close();
	fx.opt.segment_max = 16 << 10;
	fx_open();
	fx_added("orders", NULL);
	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	for (i = 0; i < EVENTS; i++) {
		snprintf(id, sizeof(id), "evt_%d", i);
		ck_assert_int_eq(fx_accept(id, body), STORE_ACCEPTED);
	}
	fx_close();
	damage();
	for (i = 0; i < cuts[_i].kills; i++)
		open_and_die((size_t)_i);
	fx_open();
	for (i = 0; i < cuts[_i].again; i++) {
		ck_assert_uint_eq(count_events(), EVENTS);
		fx_close();
		damage();
		fx_open();
	}
	ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
	ck_assert_msg((status.lost > 0) == cuts[_i].given_up, "%s: %d lost",
	    cuts[_i].when, (int)status.lost);
	ck_assert_uint_eq(count_events() + status.lost, EVENTS);
	ck_assert_int_eq(fx_accept("evt_3", body), STORE_DUPLICATE);
	ck_assert_int_eq(fx_accept("new", body), STORE_ACCEPTED);
}
END_TEST

static void
setup(void)
{
	fx_setup_below(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

int
main(void)
{
	Suite *s = suite_create("store_mending");
	TCase *tc = tcase_create("mending");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, fx_teardown);
	tcase_add_loop_test(tc, P4_a_rebuild_that_is_killed_is_begun_anew, 0,
	    (int)NITEMS(cuts));
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
