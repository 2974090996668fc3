/*
 * test_owner.c: one process at a time owns a store, whoever dies and however,
 * and only the right user gets there. Real processes, real folders.
 */
#include "lib/owner/owner.h"

#include <check.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/util.h"
#include "lib/base/version.h"
#include "tests/stand/owner_stand.h"

#define STARTERS 50

/* --- the lock ------------------------------------------------------------- */

START_TEST(a_second_process_learns_who_holds_the_lock)
{
	struct owner_info holder = { 0 }, asked = { 0 };
	pid_t pid = start_holder(OWNER_FASTCGI, NULL);
	struct err err = ERR_INIT;
	bool held = false;

	ck_assert_ptr_null(try_lock(&holder));
	ck_assert_int_eq(holder.pid, pid);
	ck_assert_int_eq(holder.role, OWNER_FASTCGI);
	ck_assert_str_eq(holder.version, version_release());
	ck_assert_str_eq(holder.build, version_build());
	ck_assert_int_eq(owner_holder(dir, &asked, &held, &err), 0);
	ck_assert(held);
	ck_assert(owner_same(&asked, &holder));
	kill_and_reap(pid);
	ck_assert_int_eq(owner_holder(dir, &asked, &held, &err), 0);
	ck_assert(!held);
}
END_TEST

START_TEST(a_killed_holder_leaves_the_lock_to_the_next)
{
	struct owner_lock *lock;
	int i;

	for (i = 0; i < 20; i++) {
		pid_t pid = start_holder(OWNER_STORE, NULL);

		ck_assert_ptr_null(try_lock(NULL));
		kill_and_reap(pid);
		lock = try_lock(NULL);
		ck_assert_ptr_nonnull(lock);
		owner_lock_drop(lock);
	}
}
END_TEST

/* Takes the lock when it can; nobody else may be inside meanwhile. */
static int
starter(void)
{
	struct owner_lock *lock;
	char inside[96];
	int i, fd;

	snprintf(inside, sizeof(inside), "%s/inside", top);
	for (i = 0; i < 20000; i++) {
		lock = try_lock(NULL);
		if (lock == NULL) {
			sleep_ms(1);
			continue;
		}
		fd =
		    open(inside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			return 1; /* two at once */
		sleep_ms(2);
		unlink(inside);
		close(fd);
		owner_lock_drop(lock);
		return 0;
	}
	return 2; /* never got it */
}

START_TEST(of_fifty_starters_one_at_a_time_owns)
{
	pid_t pids[STARTERS];
	int i, status;

	for (i = 0; i < STARTERS; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0)
			_exit(starter());
	}
	for (i = 0; i < STARTERS; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert(WIFEXITED(status));
		ck_assert_int_eq(WEXITSTATUS(status), 0);
	}
}
END_TEST

static void
exec_sleep(void)
{
	execl("/bin/sleep", "sleep", "60", (char *)NULL);
}

START_TEST(an_execve_drops_the_lock)
{
	pid_t pid = start_holder(OWNER_STORE, exec_sleep);
	struct owner_lock *lock = NULL;
	int i;

	for (i = 0; i < 500 && lock == NULL; i++) {
		sleep_ms(10);
		lock = try_lock(NULL);
	}
	ck_assert_ptr_nonnull(lock);
	ck_assert_int_eq(kill(pid, 0), 0);
	owner_lock_drop(lock);
	kill_and_reap(pid);
}
END_TEST

START_TEST(a_removed_lock_file_lets_no_second_owner_in)
{
	pid_t pid = start_holder(OWNER_STORE, NULL);
	char file[96];

	snprintf(file, sizeof(file), "%s/lock", dir);
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_ptr_null(try_lock(NULL));
	kill_and_reap(pid);
}
END_TEST

START_TEST(an_owner_that_gave_up_is_not_named)
{
	struct owner_lock *lock = try_lock(NULL);
	struct owner_info holder = { .pid = 1 };
	struct err err = ERR_INIT;
	bool held = true;

	ck_assert_ptr_nonnull(lock);
	owner_lock_drop(lock);
	ck_assert_int_eq(owner_holder(dir, &holder, &held, &err), 0);
	ck_assert(!held);
}
END_TEST

/* The words of an owner that is gone, while the next has yet to write its. */
START_TEST(old_words_in_the_lock_file_name_nobody)
{
	struct owner_info holder = { .pid = 1 };
	pid_t pid = start_holder(OWNER_STORE, NULL);

	forge(getpid(), 1);
	ck_assert_ptr_null(try_lock(&holder));
	ck_assert_int_eq(holder.pid, 0);
	kill_and_reap(pid);
}
END_TEST

/* --- which folder --------------------------------------------------------- */

static void
as_it_should_be(void)
{
}

static void
missing(void)
{
	ck_assert_int_eq(rmdir(dir), 0);
}

static void
a_link(void)
{
	char other[96];

	snprintf(other, sizeof(other), "%s/other", top);
	ck_assert_int_eq(rename(dir, other), 0);
	ck_assert_int_eq(symlink("other", dir), 0);
}

static void
a_file(void)
{
	ck_assert_int_eq(rmdir(dir), 0);
	ck_assert_int_ge(open(dir, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0);
}

static void
group_writes(void)
{
	ck_assert_int_eq(chmod(dir, 0770), 0);
}

static void
others_write(void)
{
	ck_assert_int_eq(chmod(dir, 0702), 0);
}

static void
group_passes(void)
{
	ck_assert_int_eq(chmod(dir, 0710), 0);
}

static void
others_write_above(void)
{
	ck_assert_int_eq(chmod(top, 0777), 0);
}

static void
others_write_above_but_sticky(void)
{
	ck_assert_int_eq(chmod(top, 01777), 0);
}

static void
a_folder_as_lock(void)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/lock", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void
a_link_as_lock(void)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/lock", dir);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
}

static const struct {
	const char *when;
	void (*make)(void);
	enum err_code want;
} folders[] = {
	{ "as it should be", as_it_should_be, ERR_NONE },
	{ "missing", missing, ERR_NOTFOUND },
	{ "a symbolic link", a_link, ERR_DENIED },
	{ "a file", a_file, ERR_IO },
	{ "writable by its group", group_writes, ERR_DENIED },
	{ "writable by others", others_write, ERR_DENIED },
	{ "its group may pass through", group_passes, ERR_NONE },
	{ "others may write above", others_write_above, ERR_DENIED },
	{ "so, but sticky", others_write_above_but_sticky, ERR_NONE },
	{ "the lock is a folder", a_folder_as_lock, ERR_DENIED },
	{ "the lock is a link", a_link_as_lock, ERR_DENIED },
};

START_TEST(an_unsafe_folder_is_refused)
{
	struct owner_lock *lock = NULL;
	struct err err = ERR_INIT;
	int ret;

	folders[_i].make();
	ret = owner_lock_try(dir, OWNER_STORE, &lock, NULL, &err);
	ck_assert_msg(ret == (folders[_i].want == ERR_NONE ? 0 : -1) &&
			  err.code == folders[_i].want,
	    "%s: %s", folders[_i].when, err.text);
	owner_lock_drop(lock);
}
END_TEST

/* --- the socket ----------------------------------------------------------- */

START_TEST(a_path_of_any_length_is_served)
{
	char path[3000];
	size_t len;
	struct err err = ERR_INIT;
	struct stat st;
	int served, fd;

	snprintf(path, sizeof(path), "%s", dir);
	for (len = strlen(path); len + 210 < sizeof(path); len += 201) {
		memset(path + len, 'd', 201);
		path[len] = '/';
		path[len + 201] = '\0';
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	ck_assert_uint_gt(len, 2700);
	served = owner_listen(path, &err);
	ck_assert_msg(served >= 0, "%s", err.text);
	fd = owner_connect(path, &err);
	ck_assert_msg(fd >= 0, "%s", err.text);
	close(fd);
	close(served);
	memcpy(path + len, "/socket", 8);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0660);
}
END_TEST

START_TEST(a_socket_that_nobody_serves_is_replaced)
{
	struct err err = ERR_INIT;
	int fd;

	ck_assert_int_eq(owner_connect(dir, &err), -1);
	ck_assert_int_eq(err.code, ERR_AWAY);
	fd = owner_listen(dir, &err);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(owner_connect(dir, &err), -1);
	ck_assert_int_eq(err.code, ERR_AWAY);
	ck_assert_int_ge(owner_listen(dir, &err), 0);
	ck_assert_int_ge(owner_connect(dir, &err), 0);
}
END_TEST

START_TEST(an_owner_that_takes_no_connection_is_not_away)
{
	struct err err = ERR_INIT;
	int i, fd, served = owner_listen(dir, &err);

	ck_assert_int_ge(served, 0);
	ck_assert_int_eq(listen(served, 3), 0);
	for (i = 0; i < 100; i++) {
		fd = owner_connect(dir, &err);
		if (fd < 0)
			break;
	}
	ck_assert_int_lt(i, 100);
	ck_assert_int_eq(err.code, ERR_TIMEOUT);
}
END_TEST

/* --- which user (these need root) ----------------------------------------- */

static int
becomes_and_stays(void)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;
	gid_t group = 4;
	struct err err = ERR_INIT;

	if (setgroups(1, &group) < 0 || owner_become_user(dir, &err) < 0)
		return 1;
	if (getresuid(&r, &e, &s) < 0 || r != FOREIGN_UID || e != FOREIGN_UID ||
	    s != FOREIGN_UID)
		return 2;
	if (getresgid(&rg, &eg, &sg) < 0 || rg != FOREIGN_GID ||
	    eg != FOREIGN_GID || sg != FOREIGN_GID)
		return 3;
	if (getgroups(0, NULL) != 0)
		return 4;
	if (setuid(0) == 0 || setgid(0) == 0)
		return 5;
	/* Once more changes nothing, and the lock can be had. */
	if (owner_become_user(dir, &err) < 0 || owner_check_user(dir, &err) < 0)
		return 6;
	return try_lock(NULL) != NULL ? 0 : 7;
}

static int
is_refused_with_the_line_to_use(void)
{
	struct err err = ERR_INIT;

	if (setuid(FOREIGN_UID + 5) < 0)
		return 1;
	if (owner_become_user(dir, &err) == 0 || err.code != ERR_DENIED)
		return 2;
	if (strstr(err.text, "\"sudo -u '#64321' test_owner ...\"") == NULL)
		return 3;
	if (owner_check_user(dir, &err) == 0 || err.code != ERR_DENIED)
		return 4;
	return getuid() == FOREIGN_UID + 5 ? 0 : 5;
}

static int
may_not_lock_what_is_not_its(void)
{
	struct owner_lock *lock;
	struct err err = ERR_INIT;

	/* Root itself: it has to become the owner first. */
	return owner_lock_try(dir, OWNER_STORE, &lock, NULL, &err) < 0 &&
		       err.code == ERR_DENIED
		   ? 0
		   : 1;
}

START_TEST(root_becomes_the_owner_for_good)
{
	give_away(dir);
	ck_assert_int_eq(chmod(top, 0755), 0);
	ck_assert_int_eq(in_child(becomes_and_stays), 0);
}
END_TEST

START_TEST(another_user_is_told_what_to_run)
{
	give_away(dir);
	ck_assert_int_eq(chmod(top, 0755), 0);
	ck_assert_int_eq(in_child(is_refused_with_the_line_to_use), 0);
}
END_TEST

START_TEST(root_that_stayed_root_leaves_no_lock_file)
{
	char file[96];

	give_away(dir);
	ck_assert_int_eq(in_child(may_not_lock_what_is_not_its), 0);
	snprintf(file, sizeof(file), "%s/lock", dir);
	ck_assert_int_eq(access(file, F_OK), -1);
}
END_TEST

START_TEST(the_folders_group_may_connect)
{
	struct err err = ERR_INIT;
	char path[96];
	struct stat st;

	ck_assert_int_eq(chown(dir, 0, FOREIGN_GID), 0);
	ck_assert_int_ge(owner_listen(dir, &err), 0);
	snprintf(path, sizeof(path), "%s/socket", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_gid, FOREIGN_GID);
}
END_TEST

/* Groups that may write above: our own may, others may not. */
START_TEST(a_foreign_group_may_not_write_above)
{
	struct owner_lock *lock = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_eq(chown(top, 0, FOREIGN_GID), 0);
	ck_assert_int_eq(chmod(top, 0775), 0);
	ck_assert_int_eq(
	    owner_lock_try(dir, OWNER_STORE, &lock, NULL, &err), -1);
	ck_assert_int_eq(err.code, ERR_DENIED);
	ck_assert_int_eq(setegid(FOREIGN_GID), 0);
	ck_assert_int_eq(
	    owner_lock_try(dir, OWNER_STORE, &lock, NULL, &err), 0);
	owner_lock_drop(lock);
}
END_TEST

START_TEST(a_socket_of_somebody_else_is_not_trusted)
{
	struct err err = ERR_INIT;
	int fd = owner_listen(dir, &err);

	ck_assert_int_ge(fd, 0);
	give_away(dir);
	ck_assert_int_eq(owner_connect(dir, &err), -1);
	ck_assert_int_eq(err.code, ERR_DENIED);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("owner");
	TCase *tc = tcase_create("owner"), *root = tcase_create("root");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, make_dir, remove_dir);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_second_process_learns_who_holds_the_lock);
	tcase_add_test(tc, a_killed_holder_leaves_the_lock_to_the_next);
	tcase_add_test(tc, of_fifty_starters_one_at_a_time_owns);
	tcase_add_test(tc, an_execve_drops_the_lock);
	tcase_add_test(tc, a_removed_lock_file_lets_no_second_owner_in);
	tcase_add_test(tc, an_owner_that_gave_up_is_not_named);
	tcase_add_test(tc, old_words_in_the_lock_file_name_nobody);
	tcase_add_loop_test(
	    tc, an_unsafe_folder_is_refused, 0, NITEMS(folders));
	tcase_add_test(tc, a_path_of_any_length_is_served);
	tcase_add_test(tc, a_socket_that_nobody_serves_is_replaced);
	tcase_add_test(tc, an_owner_that_takes_no_connection_is_not_away);
	suite_add_tcase(s, tc);

	tcase_add_checked_fixture(root, make_dir, remove_dir);
	tcase_add_test(root, root_becomes_the_owner_for_good);
	tcase_add_test(root, another_user_is_told_what_to_run);
	tcase_add_test(root, root_that_stayed_root_leaves_no_lock_file);
	tcase_add_test(root, the_folders_group_may_connect);
	tcase_add_test(root, a_foreign_group_may_not_write_above);
	tcase_add_test(root, a_socket_of_somebody_else_is_not_trusted);
	if (geteuid() == 0)
		suite_add_tcase(s, root);
	else
		printf("not root: what other users may do is not tested\n");

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
