/* owner_stand.c: a store folder, and processes that own it. */
#include "tests/stand/owner_stand.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

char top[] = "/tmp/test_owner.XXXXXX";
char dir[64];

void
make_dir(void)
{
	strcpy(top + sizeof(top) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%s/store", top);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
}

void
remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	ck_assert_int_eq(system(command), 0);
}

void
sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		continue;
}

struct owner_lock *
try_lock(struct owner_info *holder)
{
	struct owner_lock *lock = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(
	    owner_lock_try(dir, OWNER_STORE, &lock, holder, &err) == 0, "%s",
	    err.text);
	return lock;
}

pid_t
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

void
kill_and_reap(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

void
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

void
give_away(const char *path)
{
	ck_assert_int_eq(chown(path, FOREIGN_UID, FOREIGN_GID), 0);
}

int
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
