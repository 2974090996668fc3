/* owner_dir.c: finds the store folder and judges whether it is safe. */
#include "lib/owner_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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
		return err_set(err, ERR_DENIED,
		    "%s is a symbolic link: name the folder itself", dir);
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

/*
 * Others who may write in the folder above could move ours away. A sticky
 * one (/tmp) keeps them from it; members of our own group are no others.
 */
static int
judge_parent(int fd, const char *dir, const struct stat *st, struct err *err)
{
	struct stat above;

	if (fstatat(fd, "..", &above, 0) < 0)
		return err_errno(err, errno, "stat the folder above %s", dir);
	if ((above.st_mode & S_ISVTX) != 0)
		return 0;
	if ((above.st_mode & S_IWOTH) != 0 ||
	    ((above.st_mode & S_IWGRP) != 0 && above.st_gid != 0 &&
		above.st_gid != st->st_gid))
		return err_set(err, ERR_DENIED,
		    "others may write in the folder above %s: \"chmod go-w\" "
		    "it, or move the store",
		    dir);
	return 0;
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
		err_set(err, ERR_DENIED,
		    "others may write in it (mode %04o): use \"chmod go-w "
		    "%s\"",
		    (unsigned)st->st_mode & 07777, dir);
		goto fail;
	}
	if (judge_parent(fd, dir, st, err) < 0)
		goto fail;
	return fd;
fail:
	close(fd);
	return -1;
}
