/* owner_dir.c: finds the store folder and judges whether it is safe. */
#include "lib/base/owner_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/guard.h"

/* Opens without following a link; says so when it is one. */
static int
open_folder(const char *dir, int flags, struct stat *st, struct err *err)
{
	struct stat link;
	int fd = open(dir, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int errnum = errno;

	if (fd < 0 && errnum == ENOENT)
		return err_set(err, ERR_NOTFOUND,
		    "there is no folder %s: make the store with "
		    "\"eyelet-store init\"",
		    dir);
	if (fd < 0 && lstat(dir, &link) == 0 && S_ISLNK(link.st_mode))
		return guard_path(dir, GUARD_FOLDER, err);
	if (fd < 0)
		return err_errno(err, errnum, "open the folder %s", dir);
	if (fstat(fd, st) < 0) {
		err_errno(err, errno, "stat %s", dir);
		close(fd);
		return -1;
	}
	return fd;
}

int
owner_dir_find(const char *dir, struct stat *st, struct err *err)
{
	return open_folder(dir, O_PATH, st, err);
}

int
owner_dir_open(const char *dir, struct stat *st, struct err *err)
{
	int fd = open_folder(dir, O_RDONLY, st, err);

	if (fd < 0)
		return -1;
	if (st->st_uid != geteuid()) {
		err_set(err, ERR_DENIED,
		    "it belongs to uid %lu, and this runs as uid %lu",
		    (unsigned long)st->st_uid, (unsigned long)geteuid());
		goto fail;
	}
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		guard_refuse(
		    dir, "others may write in it", "chmod g-w,o-rwx @", err);
		goto fail;
	}
	if (guard_above(dir, err) < 0)
		goto fail;
	return fd;
fail:
	close(fd);
	return -1;
}
