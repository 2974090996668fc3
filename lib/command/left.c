/*
 * left.c: looks for the processes of a run in /proc.
 *
 * Their group is most of them, but not all: a shell with job control gives
 * each job a group of its own, and setsid takes a process out of the session.
 * Those are found by the lock that they inherited. Only a process that left
 * the session and closed the lock is no longer of the run.
 */
#include "lib/command/left.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/process.h"

struct look {
	const struct command_record *rec;
	bool by_group; /* rec's pid is still its own */
	bool by_lock;
	struct stat lock;
};

static int
holds_lock(const struct look *l, pid_t pid, bool *holds, struct err *err)
{
	struct dirent *entry;
	char path[64];
	struct stat sb;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	d = opendir(path);
	if (d == NULL &&
	    (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return err_errno(err, errno, "open the folder %s", path);
	/* Without its folder it is gone, or another user's. */
	while (d != NULL && !found && (entry = readdir(d)) != NULL)
		found = fstatat(dirfd(d), entry->d_name, &sb, 0) == 0 &&
			sb.st_dev == l->lock.st_dev &&
			sb.st_ino == l->lock.st_ino;
	if (d != NULL)
		closedir(d);
	*holds = found;
	return 0;
}

static int
is_of_run(const struct look *l, pid_t pid, struct process_facts *facts,
    bool *yes, struct err *err)
{
	struct err why;

	*yes = false;
	if (process_facts(pid, facts, &why) < 0) {
		if (why.code == ERR_NOTFOUND || why.code == ERR_DENIED)
			return 0;
		*err = why;
		return -1;
	}
	if (facts->state == 'Z' || facts->state == 'X')
		return 0;
	*yes = l->by_group && facts->started >= l->rec->started &&
	       (facts->group == l->rec->pid || facts->session == l->rec->pid);
	return *yes || !l->by_lock || facts->started < l->rec->parent_started
		   ? 0
		   : holds_lock(l, pid, yes, err);
}

/* That process and no later one of its number. */
static void
kill_it(pid_t pid, unsigned long long started)
{
	int fd = pidfd_open(pid, 0);
	unsigned long long now;
	struct err ignored;

	if (fd < 0)
		return;
	if (process_started(pid, &now, &ignored) == 0 && now == started)
		pidfd_send_signal(fd, SIGKILL, NULL, 0);
	close(fd);
}

/*
 * A number stays taken as long as a process, group or session has it. When a
 * process of another start has it now, nothing of the run's group is left.
 */
static int
number_is_its_own(const struct command_record *rec, bool *own, struct err *err)
{
	unsigned long long started;
	struct err why;

	*own = rec->pid != 0;
	if (!*own)
		return 0;
	if (process_started(rec->pid, &started, &why) == 0)
		*own = started == rec->started;
	else if (why.code != ERR_NOTFOUND) {
		*err = why;
		return -1;
	}
	return 0;
}

static bool
group_is_empty(const struct command_record *rec)
{
	return rec->pid == 0 || (kill(-rec->pid, 0) < 0 && errno == ESRCH);
}

static int
look_through(struct look *l, size_t *alive, struct err *err)
{
	struct process_facts facts;
	struct dirent *entry;
	size_t found = 0;
	DIR *d = opendir("/proc");
	pid_t pid;
	bool yes;
	int ret = 0;

	if (d == NULL)
		return err_errno(err, errno, "open the folder /proc");
	while (ret == 0 && (entry = readdir(d)) != NULL) {
		pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid <= 0 || pid == getpid())
			continue;
		ret = is_of_run(l, pid, &facts, &yes, err);
		if (ret < 0 || !yes)
			continue;
		found++;
		kill_it(pid, facts.started);
	}
	closedir(d);
	if (ret == 0)
		*alive = found;
	return ret;
}

int
command_left_kill(const struct command_record *rec, int lock_fd, size_t *alive,
    struct err *err)
{
	struct look l = { .rec = rec, .by_lock = lock_fd >= 0 };
	bool empty = group_is_empty(rec);

	if (!l.by_lock && empty) {
		*alive = 0;
		return 0;
	}
	if (l.by_lock && fstat(lock_fd, &l.lock) < 0)
		return err_errno(err, errno, "stat the lock of a command");
	if (!empty && number_is_its_own(rec, &l.by_group, err) < 0)
		return -1;
	/*
	 * All of the group at once, since one that forks and ends as fast as
	 * it can is never met below: no fork gets past a signal to its group.
	 */
	if (l.by_group)
		kill(-rec->pid, SIGKILL);
	return look_through(&l, alive, err);
}
