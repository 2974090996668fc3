/* deliver_lock.c: the lock that says who delivers. */
#include "lib/deliver_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/owner_dir.h"

#define LOCK_FILE "deliver.lock"
#define LOCK_TRIES 3 /* how often the file may be removed under us */
#define RECORD_SIZE 16 /* a pid, and line ends; always as many bytes */

static void
name_holder(int fd)
{
	char record[RECORD_SIZE], pid[RECORD_SIZE];
	int n = snprintf(pid, sizeof(pid), "%ld", (long)getpid());

	memset(record, '\n', sizeof(record));
	if (n > 0 && n < RECORD_SIZE)
		memcpy(record, pid, (size_t)n);
	/* Who cannot write there delivers all the same. */
	if (pwrite(fd, record, sizeof(record), 0) < 0)
		return;
}

static int
refuse(int fd, struct err *err)
{
	char record[RECORD_SIZE + 1] = "";
	ssize_t n = pread(fd, record, RECORD_SIZE, 0);
	int pid = 0;

	record[n > 0 ? n : 0] = '\0';
	if (sscanf(record, "%9d", &pid) == 1 && pid > 0)
		return err_set(err, ERR_EXISTS,
		    "process %d delivers from this store already", pid);
	return err_set(err, ERR_EXISTS,
	    "another process delivers from this store already");
}

/* The descriptor, -1, or -2 when the file was removed meanwhile. */
static int
lock_once(int dir_fd, struct err *err)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct stat st;
	int fd;

	fd = openat(dir_fd, LOCK_FILE,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno, "open \"" LOCK_FILE "\"");
	if (fcntl(fd, F_OFD_SETLK, &whole) == 0) {
		if (fstat(fd, &st) == 0 && st.st_nlink > 0) {
			name_holder(fd);
			return fd;
		}
		close(fd);
		return -2;
	}
	if (errno == EAGAIN || errno == EACCES)
		refuse(fd, err);
	else
		err_errno(err, errno, "lock \"" LOCK_FILE "\"");
	close(fd);
	return -1;
}

int
deliver_lock(const char *dir, struct err *err)
{
	int dir_fd, fd = -2, tries;
	struct stat st;

	dir_fd = owner_dir_open(dir, &st, err);
	if (dir_fd < 0)
		return -1;
	for (tries = 0; tries < LOCK_TRIES && fd == -2; tries++)
		fd = lock_once(dir_fd, err);
	close(dir_fd);
	if (fd >= 0)
		return fd;
	if (fd == -2)
		err_set(
		    err, ERR_IO, "somebody keeps removing \"" LOCK_FILE "\"");
	return err_wrap(err, "deliver from the store %s", dir);
}
