/*
 * test_owner.c: one process at a time owns a store, whoever dies and however;
 * only the right user gets there; and an owner that answers nothing is
 * killed, but never anybody else. Real processes, real folders.
 */
#include "lib/owner.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/process.h"
#include "lib/stall.h"
#include "lib/util.h"
#include "lib/version.h"

#define FOREIGN_UID 64321 /* in nobody's passwd */
#define FOREIGN_GID 64322
#define STARTERS 50

static char top[] = "/tmp/test_owner.XXXXXX";
static char dir[64];

static void
make_dir(void)
{
	strcpy(top + sizeof(top) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%s/store", top);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
}

static void
remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	ck_assert_int_eq(system(command), 0);
}

static void
sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		continue;
}

/* The lock, or NULL; never a failure. */
static struct owner_lock *
try_lock(struct owner_info *holder)
{
	struct owner_lock *lock = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(
	    owner_lock_try(dir, OWNER_STORE, &lock, holder, &err) == 0, "%s",
	    err.text);
	return lock;
}

/* A child that takes the lock, listens, does act, and waits to be killed. */
static pid_t
start_holder(enum owner_role role, void (*act)(void))
{
	struct owner_lock *lock = NULL;
	struct err err = ERR_INIT;
	int ready[2];
	char c = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (owner_lock_try(dir, role, &lock, NULL, &err) < 0 ||
		    lock == NULL || owner_listen(dir, &err) < 0)
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		if (act != NULL)
			act();
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void
kill_and_reap(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

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

/* Writes who into the lock file, as the folder's owner could. */
static void
forge(pid_t pid, unsigned long long started)
{
	char file[96], text[256];
	int fd, n;

	memset(text, '\n', sizeof(text));
	n = snprintf(text, sizeof(text),
	    "version=0.1.0\nrole=store\npid=%ld\nstarted=%llu\n", (long)pid,
	    started);
	text[n] = '\n';
	snprintf(file, sizeof(file), "%s/lock", dir);
	fd = open(file, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
	    pwrite(fd, text, sizeof(text), 0), (ssize_t)sizeof(text));
	close(fd);
}

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
	{ "the lock is a folder", a_folder_as_lock, ERR_IO },
	{ "the lock is a link", a_link_as_lock, ERR_IO },
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

static void
give_away(const char *path)
{
	ck_assert_int_eq(chown(path, FOREIGN_UID, FOREIGN_GID), 0);
}

/* Runs act in a child; what it returns is the child's exit status. */
static int
in_child(int (*act)(void))
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(act());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

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
	ck_assert_int_eq(chown(dir, 0, FOREIGN_GID), 0);
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

/* --- an owner that answers nothing ---------------------------------------- */

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
	ck_assert(!report(&holder, 0, 300));
	ck_assert(marked());
	ck_assert(!report(&holder, 0, 300));
	ck_assert_int_eq(kill(pid, 0), 0);
	sleep_ms(350);
	/* This one was here for no time at all: the mark says the rest. */
	ck_assert(report(&holder, 0, 300));
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

/* A process that has nothing to do with the store. */
static pid_t
start_stranger(uid_t uid)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (uid != geteuid() && setuid(uid) < 0)
			_exit(1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	sleep_ms(20);
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

/* --- what these stand on -------------------------------------------------- */

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

static const struct {
	const char *older, *newer;
} releases[] = {
	{ "0.1.0", "0.1.1" },
	{ "0.9.0", "0.10.0" },
	{ "0.9", "0.9.0" },
	{ "1.0-rc1", "1.0" },
	{ "1.0~git1", "1.0" },
	{ "1.0-rc1", "1.0-rc2" },
	{ "1.0", "1.0+deb1" },
	{ "99999999999999999998", "99999999999999999999" },
	{ "2", "10" },
	{ "", "0" },
};

START_TEST(a_newer_release_is_known)
{
	ck_assert_int_lt(
	    version_compare(releases[_i].older, releases[_i].newer), 0);
	ck_assert_int_gt(
	    version_compare(releases[_i].newer, releases[_i].older), 0);
	ck_assert_int_eq(
	    version_compare(releases[_i].newer, releases[_i].newer), 0);
}
END_TEST

START_TEST(leading_zeros_say_nothing)
{
	ck_assert_int_eq(version_compare("1.02", "1.2"), 0);
	ck_assert_int_eq(version_compare("1.00", "1.0"), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("owner");
	TCase *lock = tcase_create("lock"), *stall = tcase_create("stall");
	TCase *root = tcase_create("root"), *facts = tcase_create("facts");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(lock, make_dir, remove_dir);
	tcase_set_timeout(lock, 60);
	tcase_add_test(lock, a_second_process_learns_who_holds_the_lock);
	tcase_add_test(lock, a_killed_holder_leaves_the_lock_to_the_next);
	tcase_add_test(lock, of_fifty_starters_one_at_a_time_owns);
	tcase_add_test(lock, an_execve_drops_the_lock);
	tcase_add_test(lock, a_removed_lock_file_lets_no_second_owner_in);
	tcase_add_test(lock, an_owner_that_gave_up_is_not_named);
	tcase_add_test(lock, old_words_in_the_lock_file_name_nobody);
	tcase_add_loop_test(
	    lock, an_unsafe_folder_is_refused, 0, NITEMS(folders));
	tcase_add_test(lock, a_path_of_any_length_is_served);
	tcase_add_test(lock, a_socket_that_nobody_serves_is_replaced);
	tcase_add_test(lock, an_owner_that_takes_no_connection_is_not_away);
	suite_add_tcase(s, lock);

	tcase_add_checked_fixture(stall, make_dir, remove_dir);
	tcase_set_timeout(stall, 60);
	tcase_add_test(
	    stall, a_stopped_owner_is_killed_when_it_was_silent_long_enough);
	tcase_add_test(stall, the_limit_is_thirty_seconds);
	tcase_add_test(stall, an_owner_that_runs_again_takes_the_mark_away);
	tcase_add_test(stall, a_mark_for_the_owner_before_counts_for_nothing);
	tcase_add_test(stall, an_offline_tool_is_never_killed);
	tcase_add_test(stall, a_pid_that_was_used_again_is_not_killed);
	suite_add_tcase(s, stall);

	tcase_add_checked_fixture(root, make_dir, remove_dir);
	tcase_add_test(root, root_becomes_the_owner_for_good);
	tcase_add_test(root, another_user_is_told_what_to_run);
	tcase_add_test(root, root_that_stayed_root_leaves_no_lock_file);
	tcase_add_test(root, the_folders_group_may_connect);
	tcase_add_test(root, a_foreign_group_may_not_write_above);
	tcase_add_test(root, a_socket_of_somebody_else_is_not_trusted);
	tcase_add_test(root, root_is_not_led_to_kill_another_users_process);
	tcase_add_test(root, a_program_with_more_rights_is_not_its_users);
	if (geteuid() == 0)
		suite_add_tcase(s, root);
	else
		printf("not root: what other users may do is not tested\n");

	tcase_add_test(facts, a_process_is_told_by_its_start_whatever_its_name);
	tcase_add_loop_test(
	    facts, a_newer_release_is_known, 0, NITEMS(releases));
	tcase_add_test(facts, leading_zeros_say_nothing);
	suite_add_tcase(s, facts);

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
