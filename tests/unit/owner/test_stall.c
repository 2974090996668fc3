/*
 * test_stall.c: an owner that answers nothing is killed once it was silent
 * long enough, and nobody else ever is. Real processes.
 */
#include "lib/owner/stall.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/process.h"
#include "tests/stand/owner_stand.h"

static void
holder_now(struct owner_info *holder)
{
	struct err err = ERR_INIT;
	bool held = false;

	ck_assert_int_eq(owner_holder(dir, holder, &held, &err), 0);
	ck_assert(held);
	ck_assert_int_ne(holder->pid, 0);
}

static bool
report(const struct owner_info *who, int64_t silent_ms, int64_t limit_ms)
{
	struct err err = ERR_INIT;
	bool killed = false;

	ck_assert_msg(
	    stall_report(dir, who, silent_ms, limit_ms, &killed, &err) == 0,
	    "%s", err.text);
	return killed;
}

static bool
marked(void)
{
	char path[96];
	struct stat st;

	snprintf(path, sizeof(path), "%s/silent", dir);
	return lstat(path, &st) == 0;
}

START_TEST(a_stopped_owner_is_killed_when_it_was_silent_long_enough)
{
	pid_t pid = start_holder(OWNER_STORE, NULL);
	struct owner_info holder;
	struct owner_lock *lock;

	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	holder_now(&holder);
	ck_assert(!report(&holder, 0, 2000));
	ck_assert(marked());
	ck_assert(!report(&holder, 0, 2000));
	ck_assert_int_eq(kill(pid, 0), 0);
	sleep_ms(2050);
	/* This one was here for no time at all: the mark says the rest. */
	ck_assert(report(&holder, 0, 2000));
	ck_assert(!marked());
	lock = try_lock(NULL);
	ck_assert_ptr_nonnull(lock);
	owner_lock_drop(lock);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(the_limit_is_thirty_seconds)
{
	pid_t pid = start_holder(OWNER_STORE, NULL);
	struct owner_info holder;

	ck_assert_int_eq(STALL_LIMIT_MS, 30000);
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	holder_now(&holder);
	ck_assert(!report(&holder, 29000, STALL_LIMIT_MS));
	ck_assert_int_eq(kill(pid, 0), 0);
	ck_assert(report(&holder, 30000, STALL_LIMIT_MS));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(an_owner_that_runs_again_takes_the_mark_away)
{
	pid_t pid = start_holder(OWNER_STORE, NULL);
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct owner_info holder;

	holder_now(&holder);
	ck_assert(!report(&holder, 200, 300));
	stall_clear(fd);
	ck_assert(!marked());
	sleep_ms(150);
	ck_assert(!report(&holder, 0, 300));
	ck_assert_int_eq(kill(pid, 0), 0);
	close(fd);
	kill_and_reap(pid);
}
END_TEST

START_TEST(a_mark_for_the_owner_before_counts_for_nothing)
{
	pid_t pid = start_holder(OWNER_STORE, NULL);
	struct owner_info first, second;

	holder_now(&first);
	ck_assert(!report(&first, 200, 300));
	kill_and_reap(pid);
	pid = start_holder(OWNER_STORE, NULL);
	holder_now(&second);
	sleep_ms(150);
	ck_assert(!report(&second, 0, 300));
	/* Nor is the new one killed by who waited for the old one. */
	ck_assert(report(&first, 1000, 300));
	ck_assert_int_eq(kill(pid, 0), 0);
	kill_and_reap(pid);
}
END_TEST

START_TEST(an_offline_tool_is_never_killed)
{
	pid_t pid = start_holder(OWNER_OFFLINE, NULL);
	struct owner_info holder;

	holder_now(&holder);
	ck_assert(!report(&holder, 1000000, 1));
	ck_assert_int_eq(kill(pid, 0), 0);
	kill_and_reap(pid);
}
END_TEST

/* A process that has nothing to do with the store, and runs as uid by then. */
static pid_t
start_stranger(uid_t uid)
{
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (uid != geteuid() && setuid(uid) < 0)
			_exit(1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

START_TEST(a_pid_that_was_used_again_is_not_killed)
{
	pid_t holder_pid = start_holder(OWNER_STORE, NULL);
	pid_t stranger = start_stranger(geteuid());
	struct owner_info named = { .pid = stranger, .role = OWNER_STORE };
	struct err err = ERR_INIT;

	ck_assert_int_eq(process_started(stranger, &named.started, &err), 0);
	named.started -= 1; /* what had this pid began earlier */
	forge(stranger, named.started);
	ck_assert(report(&named, 1000, 1)); /* that one is gone */
	ck_assert_int_eq(kill(stranger, 0), 0);
	ck_assert_int_eq(waitpid(stranger, NULL, WNOHANG), 0);
	kill_and_reap(stranger);
	kill_and_reap(holder_pid);
}
END_TEST

START_TEST(root_is_not_led_to_kill_another_users_process)
{
	pid_t holder_pid = start_holder(OWNER_STORE, NULL);
	pid_t stranger = start_stranger(FOREIGN_UID);
	struct owner_info named = { .pid = stranger, .role = OWNER_STORE };
	struct err err = ERR_INIT;
	bool killed = true;

	ck_assert_int_eq(process_started(stranger, &named.started, &err), 0);
	forge(stranger, named.started);
	ck_assert_int_eq(stall_report(dir, &named, 1000, 1, &killed, &err), -1);
	ck_assert_int_eq(err.code, ERR_DENIED);
	ck_assert(!killed);
	ck_assert_int_eq(waitpid(stranger, NULL, WNOHANG), 0);
	kill_and_reap(stranger);
	kill_and_reap(holder_pid);
}
END_TEST

static int
is_more_than_its_user(void)
{
	struct err err = ERR_INIT;
	bool yes = true;

	if (setresuid(FOREIGN_UID, 0, 0) < 0 ||
	    process_runs_as(getpid(), FOREIGN_UID, &yes, &err) < 0 || yes)
		return 1;
	if (setresuid(FOREIGN_UID, FOREIGN_UID, 0) < 0 ||
	    process_runs_as(getpid(), FOREIGN_UID, &yes, &err) < 0 || yes)
		return 2;
	if (setresuid(FOREIGN_UID, FOREIGN_UID, FOREIGN_UID) < 0 ||
	    process_runs_as(getpid(), FOREIGN_UID, &yes, &err) < 0 || !yes)
		return 3;
	return 0;
}

START_TEST(a_program_with_more_rights_is_not_its_users)
{
	ck_assert_int_eq(in_child(is_more_than_its_user), 0);
}
END_TEST

START_TEST(a_process_is_told_by_its_start_whatever_its_name)
{
	unsigned long long before, after, of_parent;
	struct err err = ERR_INIT;

	ck_assert_int_eq(process_started(getpid(), &before, &err), 0);
	prctl(PR_SET_NAME, "x) R 1 2 3 (");
	ck_assert_int_eq(process_started(getpid(), &after, &err), 0);
	ck_assert_uint_eq(before, after);
	ck_assert_int_eq(process_started(1, &of_parent, &err), 0);
	ck_assert_uint_lt(of_parent, after);
	ck_assert_int_eq(process_started(4194304, &after, &err), -1);
	ck_assert_int_eq(err.code, ERR_NOTFOUND);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("stall");
	TCase *tc = tcase_create("stall"), *root = tcase_create("root");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, make_dir, remove_dir);
	tcase_set_timeout(tc, 60);
	tcase_add_test(
	    tc, a_stopped_owner_is_killed_when_it_was_silent_long_enough);
	tcase_add_test(tc, the_limit_is_thirty_seconds);
	tcase_add_test(tc, an_owner_that_runs_again_takes_the_mark_away);
	tcase_add_test(tc, a_mark_for_the_owner_before_counts_for_nothing);
	tcase_add_test(tc, an_offline_tool_is_never_killed);
	tcase_add_test(tc, a_pid_that_was_used_again_is_not_killed);
	tcase_add_test(tc, a_process_is_told_by_its_start_whatever_its_name);
	suite_add_tcase(s, tc);

	tcase_add_checked_fixture(root, make_dir, remove_dir);
	tcase_add_test(root, root_is_not_led_to_kill_another_users_process);
	tcase_add_test(root, a_program_with_more_rights_is_not_its_users);
	if (geteuid() == 0)
		suite_add_tcase(s, root);
	else
		printf("not root: what other users may do is not tested\n");

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
