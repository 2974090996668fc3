/* process.c: reads /proc/PID. */
#include "lib/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROC_TEXT_MAX 4096 /* /proc/PID/status has about 1500 bytes */

/* The first bytes of a file of /proc, as a string. */
static int
read_proc(pid_t pid, const char *name, char *text, size_t size, struct err *err)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, text, size - 1);
	if (n < 0) {
		/* A process that ends between open and read gives ESRCH. */
		if (errno == ESRCH)
			errno = ENOENT;
		err_errno(err, errno, "read %s", path);
	} else {
		text[n] = '\0';
	}
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

int
process_facts(pid_t pid, struct process_facts *facts, struct err *err)
{
	char text[PROC_TEXT_MAX];
	const char *p;

	if (read_proc(pid, "stat", text, sizeof(text), err) < 0)
		return -1;
	/*
	 * proc(5): the second field is the name, in parentheses, which may
	 * hold any byte; the 22nd is the start, so the 20th behind the name.
	 */
	p = strrchr(text, ')');
	if (p == NULL || sscanf(p + 1,
			     " %c %d %d %d %*s %*s %*s %*s %*s %*s"
			     " %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
			     &facts->state, &facts->parent, &facts->group,
			     &facts->session, &facts->started) != 5)
		return err_set(err, ERR_IO,
		    "/proc/%ld/stat does not look like one", (long)pid);
	return 0;
}

int
process_started(pid_t pid, unsigned long long *started, struct err *err)
{
	struct process_facts facts;

	if (process_facts(pid, &facts, err) < 0)
		return -1;
	*started = facts.started;
	return 0;
}

/* The uids of /proc/PID/status. */
static int
read_uids(pid_t pid, unsigned *real, unsigned *effective, unsigned *saved,
    struct err *err)
{
	char text[PROC_TEXT_MAX];
	const char *p;

	if (read_proc(pid, "status", text, sizeof(text), err) < 0)
		return -1;
	p = strstr(text, "\nUid:");
	if (p == NULL ||
	    sscanf(p, " Uid: %u %u %u", real, effective, saved) != 3)
		return err_set(
		    err, ERR_IO, "/proc/%ld/status names no uids", (long)pid);
	return 0;
}

int
process_runs_as(pid_t pid, uid_t uid, bool *yes, struct err *err)
{
	unsigned real, effective, saved;

	if (read_uids(pid, &real, &effective, &saved, err) < 0)
		return -1;
	*yes = real == uid && effective == uid && saved == uid;
	return 0;
}

int
process_real_uid(pid_t pid, uid_t *uid, struct err *err)
{
	unsigned real, effective, saved;

	if (read_uids(pid, &real, &effective, &saved, err) < 0)
		return -1;
	*uid = real;
	return 0;
}

int
process_login_uid(pid_t pid, uid_t *uid, bool *set, struct err *err)
{
	char text[64];
	unsigned long long n;

	if (read_proc(pid, "loginuid", text, sizeof(text), err) < 0)
		return -1;
	if (sscanf(text, "%20llu", &n) != 1)
		return err_set(
		    err, ERR_IO, "/proc/%ld/loginuid is no number", (long)pid);
	*set = n < (uid_t)-1;
	*uid = *set ? (uid_t)n : (uid_t)-1;
	return 0;
}
