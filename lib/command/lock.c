/* lock.c: takes, fills and removes the lock files of commands. */
#include "lib/command/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/process.h"

#define RECORD_MAX 256

int
command_record_mine(struct command_record *rec, struct err *err)
{
	memset(rec, 0, sizeof(*rec));
	rec->parent = getpid();
	clock_boot(rec->boot);
	if (rec->boot[0] == '\0')
		return err_set(err, ERR_IO,
		    "the id of this boot cannot be read: is /proc mounted?");
	return process_started(rec->parent, &rec->parent_started, err);
}

bool
command_record_read(int fd, struct command_record *rec)
{
	char text[RECORD_MAX];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	memset(rec, 0, sizeof(*rec));
	if (n <= 0)
		return false;
	text[n] = '\0';
	return sscanf(text, "eyelet-command 1 %39s %d %llu %d %llu", rec->boot,
		   &rec->parent, &rec->parent_started, &rec->pid,
		   &rec->started) == 5 &&
	       rec->parent > 0 && rec->pid >= 0;
}

int
command_record_write(int fd, const struct command_record *rec, struct err *err)
{
	char text[RECORD_MAX];
	int len = snprintf(text, sizeof(text),
	    "eyelet-command 1 %s %d %llu %d %llu\n", rec->boot, rec->parent,
	    rec->parent_started, rec->pid, rec->started);

	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) == len)
		return 0;
	return err_errno(err, errno, "write the lock of a command");
}

bool
command_lock_name_ok(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX && name[0] != '.' &&
	       strchr(name, '/') == NULL;
}

/* Is fd still the file of that name? Whoever ends a run removes it. */
static bool
still_there(int dir_fd, const char *name, int fd)
{
	struct stat named, opened;

	return fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(fd, &opened) == 0 && named.st_dev == opened.st_dev &&
	       named.st_ino == opened.st_ino;
}

int
command_lock_open(
    int dir_fd, const char *name, int *fd, bool *taken, struct err *err)
{
	int got;

	for (;;) {
		got = openat(dir_fd, name,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (got < 0)
			return err_errno(
			    err, errno, "open the lock %s of a command", name);
		*taken = flock(got, LOCK_EX | LOCK_NB) == 0;
		if (!*taken && errno != EWOULDBLOCK) {
			err_errno(err, errno, "lock %s of a command", name);
			close(got);
			return -1;
		}
		if (!*taken || still_there(dir_fd, name, got))
			break;
		close(got);
	}
	*fd = got;
	return 0;
}

void
command_lock_remove(int dir_fd, const char *name, int fd)
{
	unlinkat(dir_fd, name, 0);
	close(fd);
}
