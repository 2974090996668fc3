/* deliver_lock.c: the lock that says who delivers. */
#include "lib/model/deliver_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/owner_dir.h"

#define LOCK_FILE "deliver.lock"
#define LOCK_TRIES 3 /* how often the file may be removed under us */
#define RECORD_SIZE 16 /* a pid, ONCE, and line ends; always as many bytes */
#define ONCE " once" /* behind the pid of a process that ends by itself */

static void
name_holder(int fd, bool once)
{
	char record[RECORD_SIZE], pid[RECORD_SIZE];
	int n = snprintf(
	    pid, sizeof(pid), "%ld%s", (long)getpid(), once ? ONCE : "");

	memset(record, '\n', sizeof(record));
	if (n > 0 && n < RECORD_SIZE)
		memcpy(record, pid, (size_t)n);
	/* A process that cannot write there delivers all the same. */
	if (pwrite(fd, record, sizeof(record), 0) < 0)
		return;
}

/* The pid in the file, or 0. */
static pid_t
read_record(int fd, bool *once)
{
	char record[RECORD_SIZE + 1] = "";
	ssize_t n = pread(fd, record, RECORD_SIZE, 0);
	int pid = 0;

	record[n > 0 ? n : 0] = '\0';
	*once = strstr(record, ONCE) != NULL;
	return sscanf(record, "%9d", &pid) == 1 && pid > 0 ? pid : 0;
}

static int
refuse(int fd, struct err *err)
{
	bool once;
	pid_t pid = read_record(fd, &once);

	if (pid > 0)
		return err_set(err, ERR_EXISTS,
		    "process %d delivers from this store already", pid);
	return err_set(err, ERR_EXISTS,
	    "another process delivers from this store already");
}

/* The descriptor, -1, or -2 when the file was removed meanwhile. */
static int
try_lock(int dir_fd, bool once, struct err *err)
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
			name_holder(fd, once);
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
deliver_lock(const char *dir, bool once, struct err *err)
{
	int dir_fd, fd = -2, tries;
	struct stat st;

	dir_fd = owner_dir_open(dir, &st, err);
	if (dir_fd < 0)
		return -1;
	for (tries = 0; tries < LOCK_TRIES && fd == -2; tries++)
		fd = try_lock(dir_fd, once, err);
	close(dir_fd);
	if (fd >= 0)
		return fd;
	if (fd == -2)
		err_set(
		    err, ERR_IO, "somebody keeps removing \"" LOCK_FILE "\"");
	return err_wrap(err, "deliver from the store %s", dir);
}

void
deliver_unlock(int fd)
{
	if (fd < 0)
		return;
	/* Where this fails, the file says when this process began. */
	(void)futimens(fd, NULL);
	close(fd);
}

/* --- looking -------------------------------------------------------------- */

static int
look_at(int fd, struct deliver_lock_holder *out, struct err *err)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct stat st;

	if (fcntl(fd, F_OFD_GETLK, &whole) < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "look at \"" LOCK_FILE "\"");
	out->held = whole.l_type != F_UNLCK;
	out->written_ms =
	    st.st_mtim.tv_sec * INT64_C(1000) + st.st_mtim.tv_nsec / 1000000;
	out->pid = read_record(fd, &out->once);
	return 0;
}

int
deliver_lock_look(
    const char *dir, struct deliver_lock_holder *out, struct err *err)
{
	struct stat st;
	int dir_fd = owner_dir_find(dir, &st, err), fd, ret = -1;

	memset(out, 0, sizeof(*out));
	if (dir_fd < 0)
		return -1;
	fd = openat(
	    dir_fd, LOCK_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	close(dir_fd);
	if (fd >= 0)
		ret = look_at(fd, out, err);
	else if (errno == ENOENT)
		ret = 0; /* none ever ran */
	else
		err_errno(err, errno, "open \"" LOCK_FILE "\"");
	if (fd >= 0)
		close(fd);
	return ret;
}
