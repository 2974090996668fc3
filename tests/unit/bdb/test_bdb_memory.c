/*
 * test_bdb_memory.c: memory runs out while a store is opened and recovered.
 * The process leaves, or says so; and the store can be opened by the next one
 * with all that was in it.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/stand/store_fixture.h"

#define LEFT 71 /* EX_OSERR: how lib/bdb/bdb.c leaves */
#define CHILD_S 120

enum end {
	OPENED = 0,
	NO_MEMORY = 1,
	OTHER = 2
};

/* Calls of malloc and realloc, which the linker hands to us. */
static _Atomic long calls;
static _Atomic long fails_at; /* 0: none fails */

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);

void *
__wrap_malloc(size_t size)
{
	return ++calls == fails_at ? NULL : __real_malloc(size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return ++calls == fails_at ? NULL : __real_realloc(old, size);
}

/* Runs act in a process of its own, and returns how that ended. */
static int
in_child(int (*act)(long), long arg)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		alarm(CHILD_S);
		_exit(act(arg));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(
	    WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* Leaves work to a recovery: an event, and no end. */
static int
fill(long number)
{
	char id[32];

	if (store_open(&fx.opt, &fx.st, &fx.err) < 0)
		return OTHER;
	snprintf(id, sizeof(id), "evt_%ld", number);
	return fx_accept(id, "{}") == STORE_ACCEPTED ? OPENED : OTHER;
}

static long *counted; /* shared with the children */

static int
open_failing(long at)
{
	int ret;

	calls = 0;
	fails_at = at;
	ret = store_open(&fx.opt, &fx.st, &fx.err);
	fails_at = 0;
	*counted = calls;
	if (ret == 0)
		return OPENED;
	if (fx.err.code == ERR_NOMEM)
		return NO_MEMORY;
	fprintf(stderr, "call %ld: %s\n", at, fx.err.text);
	return OTHER;
}

static long
steps(void)
{
	const char *effort = getenv("EYELET_EFFORT");

	if (effort != NULL && strcmp(effort, "short") == 0)
		return 15;
	return effort != NULL && strcmp(effort, "long") == 0 ? 1000 : 30;
}

START_TEST(memory_that_runs_out_costs_a_process_and_no_store)
{
	long i, total, n = steps(), left = 0, said = 0;
	int end;

	counted = mmap(NULL, sizeof(*counted), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(counted, MAP_FAILED);
	fx_added("shop", NULL);
	fx_close();
	ck_assert_int_eq(in_child(fill, 0), OPENED);
	ck_assert_int_eq(in_child(open_failing, 0), OPENED);
	total = *counted;
	ck_assert_int_gt(total, n);
	for (i = 1; i <= n; i++) {
		ck_assert_int_eq(in_child(fill, i), OPENED);
		end = in_child(open_failing, 1 + i * (total - 1) / n);
		ck_assert_msg(end == OPENED || end == NO_MEMORY || end == LEFT,
		    "call %ld of %ld: ended with %d", 1 + i * (total - 1) / n,
		    total, end);
		left += end == LEFT;
		said += end == NO_MEMORY;
	}
	printf("%ld calls; of %ld that failed %ld made it leave\n", total, n,
	    left);
	ck_assert_msg(left > n / 4,
	    "%ld of %ld left, %ld said that there is no memory", left, n, said);
	fx_open();
	ck_assert_uint_eq(fx_events(), (uint64_t)n + 1);
	ck_assert_uint_eq(fx_problems(), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("bdb_memory");
	TCase *tc = tcase_create("bdb_memory");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_test(tc, memory_that_runs_out_costs_a_process_and_no_store);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
