/* files.c: whole files and flat folders. */
#include "lib/base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (16 * 1024 * 1024) /* bytes copied by one call */

static int
open_folder(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err_errno(err, errno, "open folder %s", path);
	return fd;
}

int
files_visit(const char *folder,
    int (*visit)(void *arg, const char *file, struct err *err), void *arg,
    struct err *err)
{
	struct dirent *entry;
	struct stat sb;
	DIR *d = opendir(folder);
	int ret = 0;

	if (d == NULL)
		return err_errno(err, errno, "open folder %s", folder);
	while (ret == 0 && (entry = readdir(d)) != NULL)
		if (fstatat(dirfd(d), entry->d_name, &sb,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(sb.st_mode))
			ret = visit(arg, entry->d_name, err);
	closedir(d);
	return ret;
}

static int
copy_bytes(int from, int to)
{
	ssize_t n;

	do {
		n = sendfile(to, from, NULL, PIECE);
	} while (n > 0);
	return n < 0 || fsync(to) < 0 ? -1 : 0;
}

int
files_copy(const char *from, const char *to, const char *name, struct err *err)
{
	int from_dir, to_dir = -1, in = -1, out = -1, ret = -1;

	from_dir = open_folder(from, err);
	if (from_dir < 0 || (to_dir = open_folder(to, err)) < 0)
		goto out;
	in = openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (in >= 0)
		out = openat(to_dir, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (in < 0 || out < 0 || copy_bytes(in, out) < 0) {
		err_errno(err, errno, "copy %s/%s to %s", from, name, to);
		goto out;
	}
	ret = 0;
out:
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	if (from_dir >= 0)
		close(from_dir);
	if (to_dir >= 0)
		close(to_dir);
	return ret;
}

int
files_link(const char *from, const char *to, const char *name, struct err *err)
{
	int from_dir, to_dir = -1, ret = -1;

	from_dir = open_folder(from, err);
	if (from_dir < 0 || (to_dir = open_folder(to, err)) < 0)
		goto out;
	if (linkat(from_dir, name, to_dir, name, 0) < 0) {
		err_errno(err, errno, "link %s/%s to %s", from, name, to);
		goto out;
	}
	ret = 0;
out:
	if (from_dir >= 0)
		close(from_dir);
	if (to_dir >= 0)
		close(to_dir);
	return ret;
}

static int
unlink_one(void *arg, const char *file, struct err *err)
{
	const int *dir = arg;

	if (unlinkat(*dir, file, 0) < 0)
		return err_errno(err, errno, "remove %s", file);
	return 0;
}

int
files_remove_folder(const char *path, const char *sub, struct err *err)
{
	char *below = NULL;
	int fd, ret;

	if (sub != NULL) {
		if (asprintf(&below, "%s/%s", path, sub) < 0)
			return err_set(err, ERR_NOMEM, "no memory for a path");
		ret = files_remove_folder(below, NULL, err);
		free(below);
		if (ret < 0)
			return -1;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT
			   ? 0
			   : err_errno(err, errno, "open folder %s", path);
	ret = files_visit(path, unlink_one, &fd, err);
	close(fd);
	if (ret == 0 && rmdir(path) < 0)
		ret = err_errno(err, errno, "remove folder %s", path);
	return ret;
}

int
files_fresh_folder(const char *path, const char *sub, struct err *err)
{
	char *below = NULL;
	int ret = 0;

	if (files_remove_folder(path, sub, err) < 0)
		return -1;
	if (mkdir(path, 0700) < 0)
		return err_errno(err, errno, "make folder %s", path);
	if (sub == NULL)
		return 0;
	if (asprintf(&below, "%s/%s", path, sub) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	if (mkdir(below, 0700) < 0)
		ret = err_errno(err, errno, "make folder %s", below);
	free(below);
	return ret;
}

int
files_sync_folder(const char *path, struct err *err)
{
	int fd = open_folder(path, err), ret = 0;

	if (fd < 0)
		return -1;
	if (fsync(fd) < 0)
		ret = err_errno(err, errno, "flush folder %s", path);
	close(fd);
	return ret;
}

int
files_rename(
    const char *folder, const char *from, const char *to, struct err *err)
{
	int fd = open_folder(folder, err), ret = 0;

	if (fd < 0)
		return -1;
	if (renameat(fd, from, fd, to) < 0 || fsync(fd) < 0)
		ret = err_errno(
		    err, errno, "rename %s/%s to %s", folder, from, to);
	close(fd);
	return ret;
}

int
files_exist(const char *folder, const char *name, bool *there, struct err *err)
{
	char path[PATH_MAX];
	struct stat sb;
	int got;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >=
	    (int)sizeof(path))
		return err_errno(err, ENAMETOOLONG, "look for %s", name);
	got = lstat(path, &sb);
	if (got < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_errno(err, errno, "look for %s", path);
	*there = got == 0;
	return 0;
}
