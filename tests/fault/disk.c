/*
 * disk.c: what disk.so puts before the system's file calls: each change below
 * the store folder is noted with what it replaces before it is made, each
 * sync after it ended. See disk.h.
 *
 * One lock a process keeps note and change together. Processes share the log
 * by O_APPEND; the store has one owner, so that their notes do not cross.
 */
#include "config.h"

#include "tests/fault/disk_note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* --- writing -------------------------------------------------------------- */

/*
 * Is the disk full for a write that ends at end? Then errno says how. Counts it
 * otherwise.
 */
static bool
no_room(const struct stat *st, uint64_t end, uint64_t len)
{
	struct disk_control *c = disk_control();
	int64_t full = __atomic_load_n(&c->full, __ATOMIC_RELAXED);

	if (full != 0 && end > (uint64_t)st->st_size) {
		__atomic_add_fetch(&c->failed_writes, 1, __ATOMIC_RELAXED);
		errno = (int)full;
		return true;
	}
	__atomic_add_fetch(&c->writes, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&c->bytes, (int64_t)len, __ATOMIC_RELAXED);
	return false;
}

ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	struct below *b = disk_below();
	char path[PATH_MAX];
	struct stat st;
	ssize_t ret = -1;

	if (!disk_our_file(fd, path, &st))
		return b->pwrite(fd, bytes, len, offset);
	pthread_mutex_lock(&disk_lock);
	if (fstat(fd, &st) == 0 && !no_room(&st, (uint64_t)offset + len, len)) {
		disk_note_data(DISK_WRITE, path, &st, (uint64_t)offset, len);
		ret = b->pwrite(fd, bytes, len, offset);
	}
	pthread_mutex_unlock(&disk_lock);
	return ret;
}

ssize_t
write(int fd, const void *bytes, size_t len)
{
	struct below *b = disk_below();
	char path[PATH_MAX];
	struct stat st;
	ssize_t ret = -1;
	off_t at;

	if (!disk_our_file(fd, path, &st))
		return b->write(fd, bytes, len);
	pthread_mutex_lock(&disk_lock);
	at = (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? -1 : lseek(fd, 0, SEEK_CUR);
	if (fstat(fd, &st) == 0) {
		if (at < 0)
			at = st.st_size;
		if (!no_room(&st, (uint64_t)at + len, len)) {
			disk_note_data(
			    DISK_WRITE, path, &st, (uint64_t)at, len);
			ret = b->write(fd, bytes, len);
		}
	}
	pthread_mutex_unlock(&disk_lock);
	return ret;
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	struct below *b = disk_below();
	char path[PATH_MAX];
	struct stat st;
	ssize_t done = 0, got;
	int i;

	if (!disk_our_file(fd, path, &st))
		return b->writev(fd, iov, n);
	for (i = 0; i < n; i++) {
		got = write(fd, iov[i].iov_base, iov[i].iov_len);
		if (got < 0)
			return done > 0 ? done : -1;
		done += got;
		if ((size_t)got < iov[i].iov_len)
			break;
	}
	return done;
}

int
ftruncate(int fd, off_t len)
{
	struct below *b = disk_below();
	char path[PATH_MAX];
	struct stat st;
	int ret = -1;

	if (!disk_our_file(fd, path, &st))
		return b->ftruncate(fd, len);
	pthread_mutex_lock(&disk_lock);
	if (fstat(fd, &st) == 0) {
		disk_note_data(DISK_TRUNCATE, path, &st, (uint64_t)len, 0);
		ret = b->ftruncate(fd, len);
	}
	pthread_mutex_unlock(&disk_lock);
	return ret;
}

int
posix_fallocate(int fd, off_t offset, off_t len)
{
	struct below *b = disk_below();
	char path[PATH_MAX];
	struct stat st;
	int ret = EIO;

	if (!disk_our_file(fd, path, &st))
		return b->posix_fallocate(fd, offset, len);
	pthread_mutex_lock(&disk_lock);
	if (fstat(fd, &st) == 0) {
		if (no_room(&st, (uint64_t)(offset + len), 0)) {
			ret = errno;
		} else {
			/* Only what grows the file changes anything. */
			if (offset + len > st.st_size)
				disk_note_data(DISK_WRITE, path, &st,
				    (uint64_t)st.st_size,
				    (uint64_t)(offset + len - st.st_size));
			ret = b->posix_fallocate(fd, offset, len);
		}
	}
	pthread_mutex_unlock(&disk_lock);
	return ret;
}

/* --- syncing -------------------------------------------------------------- */

static int
sync_with(int fd, int (*sync)(int))
{
	struct disk_control *c = disk_control();
	char path[PATH_MAX];
	struct stat st;
	int64_t left, delay;
	uint64_t began;
	int ret;

	if (!disk_our_fd(fd, path, &st))
		return sync(fd);
	pthread_mutex_lock(&disk_lock);
	began = disk_log_end();
	left = c->fail_syncs;
	if (left > 0)
		c->fail_syncs = left - 1;
	pthread_mutex_unlock(&disk_lock);
	delay = __atomic_load_n(&c->sync_delay_us, __ATOMIC_RELAXED);
	if (delay > 0)
		usleep((useconds_t)delay);
	ret = left == 0 ? sync(fd) : -1;
	pthread_mutex_lock(&disk_lock);
	disk_note_sync(ret < 0 ? DISK_LOST : DISK_SYNC, st.st_ino, began);
	if (ret < 0)
		c->failed_syncs++;
	else
		c->syncs++;
	pthread_mutex_unlock(&disk_lock);
	if (left != 0)
		errno = EIO;
	return ret;
}

int
fsync(int fd)
{
	return sync_with(fd, disk_below()->fsync);
}

int
fdatasync(int fd)
{
	return sync_with(fd, disk_below()->fdatasync);
}

/* Who drops the cache sees what the disk holds: not what was lost. */
int
posix_fadvise(int fd, off_t offset, off_t len, int advice)
{
	struct below *b = disk_below();
	struct disk_undo undo = { .model = DISK_NONE };
	char path[PATH_MAX];
	struct stat st;

	if (advice == POSIX_FADV_DONTNEED && disk_our_file(fd, path, &st)) {
		pthread_mutex_lock(&disk_lock);
		disk_inside = true;
		undo.only_lost = st.st_ino;
		if (!disk_log_undo(disk_dir(), &undo))
			disk_die("log");
		disk_inside = false;
		disk_note_sync(DISK_DROPPED, st.st_ino, disk_log_end());
		pthread_mutex_unlock(&disk_lock);
	}
	return b->posix_fadvise(fd, offset, len, advice);
}

/* --- names ---------------------------------------------------------------- */

static int
open_with(int dirfd, const char *name, int flags, mode_t mode)
{
	struct below *b = disk_below();
	char path[PATH_MAX];
	struct stat st;
	int fd, cut;

	if ((flags & (O_CREAT | O_TRUNC)) == 0 ||
	    !disk_our_name(dirfd, name, path))
		return b->openat(dirfd, name, flags, mode);
	pthread_mutex_lock(&disk_lock);
	if ((flags & O_CREAT) != 0 && lstat(path, &st) < 0 && errno == ENOENT)
		disk_note_name(DISK_CREATE, path, NULL, 0);
	fd = b->openat(dirfd, name, flags & ~O_TRUNC, mode);
	pthread_mutex_unlock(&disk_lock);
	cut = (flags & O_TRUNC) != 0 && fd >= 0 ? ftruncate(fd, 0) : 0;
	if (cut < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static mode_t
mode_of(int flags, va_list ap)
{
	return (flags & O_CREAT) != 0 ? (mode_t)va_arg(ap, int) : 0;
}

int
open(const char *name, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return open_with(AT_FDCWD, name, flags, mode);
}

int
openat(int dirfd, const char *name, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return open_with(dirfd, name, flags, mode);
}

int
mkdir(const char *name, mode_t mode)
{
	struct below *b = disk_below();
	char path[PATH_MAX];
	struct stat st;
	int ret;

	if (!disk_our_name(AT_FDCWD, name, path))
		return b->mkdir(name, mode);
	pthread_mutex_lock(&disk_lock);
	if (lstat(path, &st) < 0 && errno == ENOENT)
		disk_note_name(DISK_CREATE, path, NULL, 0);
	ret = b->mkdir(name, mode);
	pthread_mutex_unlock(&disk_lock);
	return ret;
}

int
unlink(const char *name)
{
	struct below *b = disk_below();
	char path[PATH_MAX];
	uint64_t grave;
	int ret;

	if (!disk_our_name(AT_FDCWD, name, path))
		return b->unlink(name);
	pthread_mutex_lock(&disk_lock);
	grave = disk_bury(path);
	if (grave != 0)
		disk_note_name(DISK_UNLINK, path, NULL, grave);
	ret = b->unlink(name);
	pthread_mutex_unlock(&disk_lock);
	return ret;
}

int
rename(const char *from, const char *to)
{
	struct below *b = disk_below();
	char path[PATH_MAX], other[PATH_MAX];
	int ret;

	if (!disk_our_name(AT_FDCWD, from, path) ||
	    !disk_our_name(AT_FDCWD, to, other))
		return b->rename(from, to);
	pthread_mutex_lock(&disk_lock);
	disk_note_name(DISK_RENAME, path, other, disk_bury(other));
	ret = b->rename(from, to);
	pthread_mutex_unlock(&disk_lock);
	return ret;
}

/* Other names of the same calls, for programs built with or without them. */
int open64(const char *, int, ...) __attribute__((alias("open")));
int openat64(int, const char *, int, ...) __attribute__((alias("openat")));
ssize_t
pwrite64(int, const void *, size_t, off_t) __attribute__((alias("pwrite")));
int ftruncate64(int, off_t) __attribute__((alias("ftruncate")));
int
posix_fallocate64(int, off_t, off_t) __attribute__((alias("posix_fallocate")));
int
posix_fadvise64(int, off_t, off_t, int) __attribute__((alias("posix_fadvise")));
