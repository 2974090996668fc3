/*
 * hang.c: a disk that hangs. hang.so is preloaded into the programs under test
 * and makes chosen calls on the store's files sleep, for as long as a file
 * beside the store says: "CALL..." names them, and each call that is about to
 * sleep adds a line to FILE.seen.
 *
 * Environment: EYELET_HANG_STORE, the folder whose files it is about, and
 * EYELET_HANG_FILE. A call sleeps for HANG_MAX_S at most.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HANG_MAX_S 90
#define STEP_NS 10000000

int open64(const char *, int, ...);
int openat64(int, const char *, int, ...);
int statvfs64(const char *, struct statvfs64 *);
int posix_fallocate64(int, off64_t, off64_t);
ssize_t pwrite64(int, const void *, size_t, off64_t);

/* Does the file name this call now? Read by system calls of its own. */
static bool
is_named(const char *call)
{
	const char *file = getenv("EYELET_HANG_FILE");
	char text[256] = " ", word[32];
	long fd, n;

	if (file == NULL)
		return false;
	fd = syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = syscall(SYS_read, fd, text + 1, sizeof(text) - 3);
	syscall(SYS_close, fd);
	if (n <= 0)
		return false;
	strcpy(text + 1 + n, " ");
	snprintf(word, sizeof(word), " %s ", call);
	return strstr(text, word) != NULL;
}

static void
note(const char *call, const char *path)
{
	char line[PATH_MAX + 64];
	long fd;
	int n;

	snprintf(line, sizeof(line), "%s.seen", getenv("EYELET_HANG_FILE"));
	fd = syscall(SYS_openat, AT_FDCWD, line,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		return;
	n = snprintf(line, sizeof(line), "%s %s\n", call, path);
	syscall(SYS_write, fd, line, n);
	syscall(SYS_close, fd);
}

static void
hang_at(const char *call, const char *path)
{
	const char *store = getenv("EYELET_HANG_STORE");
	struct timespec step = { 0, STEP_NS };
	int i, error = errno;

	if (store == NULL || strncmp(path, store, strlen(store)) != 0 ||
	    !is_named(call))
		return;
	note(call, path);
	for (i = 0; i < HANG_MAX_S * 100 && is_named(call); i++)
		nanosleep(&step, NULL);
	errno = error;
}

static void
hang_at_fd(const char *call, int fd)
{
	char name[32], path[PATH_MAX] = "";
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	hang_at(call, path);
}

/* The call below ours. */
#define BELOW(ret, name, ...)             \
	static ret (*below)(__VA_ARGS__); \
	if (below == NULL)                \
	*(void **)(&below) = dlsym(RTLD_NEXT, name)

int
fdatasync(int fd)
{
	BELOW(int, "fdatasync", int);
	hang_at_fd("sync", fd);
	return below(fd);
}

int
fsync(int fd)
{
	BELOW(int, "fsync", int);
	hang_at_fd("sync", fd);
	return below(fd);
}

ssize_t
pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	BELOW(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
	hang_at_fd("pwrite", fd);
	return below(fd, bytes, len, at);
}

ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	return pwrite64(fd, bytes, len, at);
}

ssize_t
write(int fd, const void *bytes, size_t len)
{
	BELOW(ssize_t, "write", int, const void *, size_t);
	hang_at_fd("write", fd);
	return below(fd, bytes, len);
}

int
statvfs64(const char *path, struct statvfs64 *out)
{
	BELOW(int, "statvfs64", const char *, struct statvfs64 *);
	hang_at("statvfs", path);
	return below(path, out);
}

int
statvfs(const char *path, struct statvfs *out)
{
	BELOW(int, "statvfs", const char *, struct statvfs *);
	hang_at("statvfs", path);
	return below(path, out);
}

int
posix_fallocate64(int fd, off64_t at, off64_t len)
{
	BELOW(int, "posix_fallocate64", int, off64_t, off64_t);
	hang_at_fd("fallocate", fd);
	return below(fd, at, len);
}

int
posix_fallocate(int fd, off_t at, off_t len)
{
	return posix_fallocate64(fd, at, len);
}

int
unlink(const char *path)
{
	BELOW(int, "unlink", const char *);
	hang_at("unlink", path);
	return below(path);
}

int
openat64(int dir, const char *path, int flags, ...)
{
	BELOW(int, "openat64", int, const char *, int, ...);
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if ((flags & O_CREAT) != 0)
		mode = (mode_t)va_arg(ap, int);
	va_end(ap);
	if ((flags & O_CREAT) != 0)
		hang_at("create", path);
	return below(dir, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if ((flags & O_CREAT) != 0)
		mode = (mode_t)va_arg(ap, int);
	va_end(ap);
	return openat64(AT_FDCWD, path, flags, mode);
}

int open(const char *, int, ...) __attribute__((alias("open64")));
int openat(int, const char *, int, ...) __attribute__((alias("openat64")));
