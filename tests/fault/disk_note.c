/* disk_note.c: finds the calls below, tells whose files are, keeps the log. */
#include "config.h"

#include "tests/fault/disk_note.h"

#include <sys/file.h>
#include <sys/mman.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct disk {
	struct below below;
	char store[PATH_MAX]; /* with a slash behind; "" when not in use */
	size_t store_len;
	char dir[PATH_MAX];
	int log_fd;
	struct disk_control *control;
	uint64_t graves;
};

/* A preloaded library has no main() to hold its state. */
static struct disk disk;
static pthread_once_t once = PTHREAD_ONCE_INIT;
pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
_Thread_local bool disk_inside;

void
disk_die(const char *what)
{
	dprintf(2, "disk.so: %s: %s\n", what, strerror(errno));
	abort();
}

/* A void * from dlsym() in the type that the member has. */
#define FIND(name)                                         \
	do {                                               \
		void *at = dlsym(RTLD_NEXT, #name);        \
		if (at == NULL)                            \
			disk_die(#name);                   \
		memcpy(&disk.below.name, &at, sizeof(at)); \
	} while (0)

static void
set_up(void)
{
	const char *store = getenv("EYELET_DISK_STORE");
	const char *dir = getenv("EYELET_DISK_LOG");
	char path[PATH_MAX];
	int fd;

	FIND(open);
	FIND(openat);
	FIND(mkdir);
	FIND(unlink);
	FIND(rename);
	FIND(write);
	FIND(writev);
	FIND(pwrite);
	FIND(ftruncate);
	FIND(posix_fallocate);
	FIND(posix_fadvise);
	FIND(fsync);
	FIND(fdatasync);
	if (store == NULL || dir == NULL)
		return;
	snprintf(path, sizeof(path), "%.4000s/control", dir);
	fd = disk.below.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || disk.below.ftruncate(fd, sizeof(struct disk_control)) < 0)
		disk_die(path);
	disk.control = mmap(NULL, sizeof(struct disk_control),
	    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (disk.control == MAP_FAILED)
		disk_die("control");
	close(fd);
	snprintf(disk.dir, sizeof(disk.dir), "%.4000s", dir);
	snprintf(path, sizeof(path), "%.4000s/log", dir);
	disk.log_fd = disk.below.open(
	    path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (disk.log_fd < 0)
		disk_die(path);
	disk.store_len =
	    (size_t)snprintf(disk.store, sizeof(disk.store), "%.4000s/", store);
}

struct below *
disk_below(void)
{
	pthread_once(&once, set_up);
	return &disk.below;
}

const char *
disk_dir(void)
{
	return disk.dir;
}

struct disk_control *
disk_control(void)
{
	disk_below();
	return disk.control;
}

/* --- what is ours --------------------------------------------------------- */

static bool
is_ours(const char *path)
{
	return disk.store_len > 0 &&
	       (strncmp(path, disk.store, disk.store_len) == 0 ||
		   (strncmp(path, disk.store, disk.store_len - 1) == 0 &&
		       path[disk.store_len - 1] == '\0'));
}

static bool
path_of_fd(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	return is_ours(path);
}

bool
disk_our_fd(int fd, char path[PATH_MAX], struct stat *st)
{
	int saved = errno;
	bool ours = disk.store_len > 0 && !disk_inside && fstat(fd, st) == 0 &&
		    (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) &&
		    path_of_fd(fd, path);

	errno = saved;
	return ours;
}

bool
disk_our_file(int fd, char path[PATH_MAX], struct stat *st)
{
	return disk_our_fd(fd, path, st) && S_ISREG(st->st_mode);
}

bool
disk_our_name(int dirfd, const char *name, char path[PATH_MAX])
{
	char dir[PATH_MAX], copy[PATH_MAX];
	const char *base = strrchr(name, '/');
	int saved = errno, n;
	bool ours = false;

	if (disk.store_len == 0 || disk_inside || strlen(name) >= sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%.*s",
	    base == NULL ? 1 : (int)(base - name + 1),
	    base == NULL ? "." : name);
	if (dirfd != AT_FDCWD && copy[0] != '/') {
		char from[PATH_MAX];

		snprintf(from, sizeof(from), "/proc/self/fd/%d/%.4000s", dirfd,
		    copy);
		snprintf(copy, sizeof(copy), "%s", from);
	}
	if (realpath(copy, dir) != NULL) {
		n = snprintf(path, PATH_MAX, "%.2000s/%.2000s", dir,
		    base == NULL ? name : base + 1);
		ours = n > 0 && n < PATH_MAX && is_ours(path);
	}
	errno = saved;
	return ours;
}

static uint64_t
inode_of_folder(const char *path)
{
	char dir[PATH_MAX];
	struct stat st;
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	*slash = '\0';
	if (stat(dir, &st) < 0)
		disk_die(dir);
	return st.st_ino;
}

/* --- the log -------------------------------------------------------------- */

static struct iovec
piece(const void *ptr, size_t len)
{
	struct iovec iov = { .iov_len = len };

	memcpy(&iov.iov_base, &ptr, sizeof(ptr)); /* which is only read */
	return iov;
}

static void
note(struct disk_record *rec, const char *path, const char *other,
    const void *old)
{
	static const char zeros[8];
	struct iovec iov[5];
	size_t total, pad;
	struct stat st;

	rec->magic = DISK_MAGIC;
	rec->path_len = path == NULL ? 0 : (uint32_t)strlen(path);
	rec->other_len = other == NULL ? 0 : (uint32_t)strlen(other);
	total = sizeof(*rec) + rec->path_len + rec->other_len + rec->old_len;
	pad = -total & 7;
	iov[0] = piece(rec, sizeof(*rec));
	iov[1] = piece(path, rec->path_len);
	iov[2] = piece(other, rec->other_len);
	iov[3] = piece(old, rec->old_len);
	iov[4] = piece(zeros, pad);
	/*
	 * A process that died over its note leaves a part of it; the end that
	 * counts moves only once a note is whole.
	 */
	if (flock(disk.log_fd, LOCK_EX) < 0 || fstat(disk.log_fd, &st) < 0 ||
	    ((uint64_t)st.st_size != disk_log_end() &&
		disk.below.ftruncate(disk.log_fd, (off_t)disk_log_end()) < 0) ||
	    disk.below.writev(disk.log_fd, iov, 5) != (ssize_t)(total + pad))
		disk_die("log");
	disk.control->log_end += (int64_t)(total + pad);
	flock(disk.log_fd, LOCK_UN);
}

void
disk_note_sync(enum disk_kind kind, uint64_t ino, uint64_t at)
{
	struct disk_record rec = { .kind = kind, .ino = ino, .offset = at };

	note(&rec, NULL, NULL, NULL);
}

uint64_t
disk_log_end(void)
{
	return (uint64_t)__atomic_load_n(
	    &disk.control->log_end, __ATOMIC_RELAXED);
}

void
disk_note_data(enum disk_kind kind, const char *path, const struct stat *st,
    uint64_t offset, uint64_t len)
{
	struct disk_record rec = { .kind = kind,
		.ino = st->st_ino,
		.offset = offset,
		.len = len,
		.old_size = (uint64_t)st->st_size };
	uint64_t end = kind == DISK_TRUNCATE ? rec.old_size : offset + len;
	char *old = NULL;
	int reader;

	if (end > rec.old_size)
		end = rec.old_size;
	if (offset < end) {
		/* fd may be write-only: the old bytes come by one of ours. */
		reader = disk.below.open(path, O_RDONLY | O_CLOEXEC);
		rec.old_len = end - offset;
		old = malloc(rec.old_len);
		if (reader < 0 || old == NULL ||
		    pread(reader, old, rec.old_len, (off_t)offset) !=
			(ssize_t)rec.old_len)
			disk_die(path);
		close(reader);
	}
	note(&rec, path, NULL, old);
	free(old);
}

uint64_t
disk_bury(const char *path)
{
	char grave[PATH_MAX];
	uint64_t number;

	number = (uint64_t)getpid() << 32 | ++disk.graves;
	snprintf(grave, sizeof(grave), "%.4000s/grave/%llu", disk.dir,
	    (unsigned long long)number);
	if (link(path, grave) == 0)
		return number;
	if (errno != ENOENT && errno != EPERM)
		disk_die(grave);
	return 0;
}

void
disk_note_name(
    enum disk_kind kind, const char *path, const char *other, uint64_t grave)
{
	struct disk_record rec = { .kind = kind,
		.ino = inode_of_folder(other != NULL ? other : path),
		.len = grave };

	note(&rec, path, other, NULL);
}
