/*
 * folders.c: the folders of the open home. Their names are flushed together
 * with the files in them.
 */
#include "lib/bdb/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KNOWN 16

/*
 * The library's hooks take no argument, so what they need stands here: the
 * one exception to "no mutable globals". A process has one home open.
 *
 * The hook flushes the folders too before it flushes a file that it has not
 * seen since: a new log file's name must last before anything in it counts,
 * and the library never flushes a folder ([M] 148 of 150 images lost acked
 * events without this).
 */
static struct {
	pthread_mutex_t mutex;
	int home_fd, log_fd; /* -1: no home is open */
	ino_t known[KNOWN]; /* files whose names are known to last */
	unsigned next;
} folders = { PTHREAD_MUTEX_INITIALIZER, -1, -1, { 0 }, 0 };

int
bdb_folders_open(const char *home_dir, const char *log_dir, struct err *err)
{
	int home, log;

	home = open(home_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log = open(log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (home < 0 || log < 0) {
		err_errno(err, errno, "open folder %s", home_dir);
		if (home >= 0)
			close(home);
		if (log >= 0)
			close(log);
		return -1;
	}
	pthread_mutex_lock(&folders.mutex);
	folders.home_fd = home;
	folders.log_fd = log;
	memset(folders.known, 0, sizeof(folders.known));
	pthread_mutex_unlock(&folders.mutex);
	return 0;
}

void
bdb_folders_close(void)
{
	pthread_mutex_lock(&folders.mutex);
	if (folders.home_fd >= 0) {
		close(folders.home_fd);
		close(folders.log_fd);
		folders.home_fd = folders.log_fd = -1;
	}
	pthread_mutex_unlock(&folders.mutex);
}

void
bdb_names_changed(void)
{
	pthread_mutex_lock(&folders.mutex);
	memset(folders.known, 0, sizeof(folders.known));
	pthread_mutex_unlock(&folders.mutex);
}

int
bdb_folders_flush(int fd)
{
	struct stat sb;
	unsigned i;
	int ret = 0;

	if (fstat(fd, &sb) < 0)
		return errno;
	pthread_mutex_lock(&folders.mutex);
	for (i = 0; i < KNOWN; i++)
		if (folders.known[i] == sb.st_ino)
			goto out;
	if (folders.home_fd >= 0 &&
	    (fsync(folders.log_fd) < 0 || fsync(folders.home_fd) < 0)) {
		ret = errno;
		goto out;
	}
	folders.known[folders.next++ % KNOWN] = sb.st_ino;
out:
	pthread_mutex_unlock(&folders.mutex);
	return ret;
}

void
bdb_folders(int *home_fd, int *log_fd)
{
	pthread_mutex_lock(&folders.mutex);
	*home_fd = folders.home_fd;
	*log_fd = folders.log_fd;
	pthread_mutex_unlock(&folders.mutex);
}
