/* store_place.c: walks a path by descriptors, and makes what is missing. */
#include "admin/store_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/guard.h"

#define LINKS_MAX 40 /* as the kernel follows */
#define FOLDER (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* --- words ---------------------------------------------------------------- */

#define USER_NAME_SIZE 64

static void
name_user(uid_t uid, char name[USER_NAME_SIZE])
{
	char room[4096];
	struct passwd pw, *found = NULL;

	if (getpwuid_r(uid, &pw, room, sizeof(room), &found) == 0 &&
	    found != NULL)
		snprintf(name, USER_NAME_SIZE, "%s", pw.pw_name);
	else
		snprintf(name, USER_NAME_SIZE, "uid %lu", (unsigned long)uid);
}

/* The name of what is below the open folder. */
static int
put_below(const struct place *pl, const char *name, char path[PATH_MAX],
    struct err *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", pl->whole, name) >= PATH_MAX)
		return err_errno(err, ENAMETOOLONG, "folder %s", pl->path);
	return 0;
}

static int
refuse_folder(const struct place *pl, const struct stat *st, struct err *err)
{
	const char *folder = pl->whole[0] == '\0' ? "/" : pl->whole;
	char why[USER_NAME_SIZE + 128], name[USER_NAME_SIZE];

	name_user(st->st_uid, name);
	if (st->st_uid == 0)
		return guard_refuse(folder,
		    "others may write in @, where a store of root's would lie",
		    "chmod go-w @", err);
	snprintf(why, sizeof(why),
	    "@, where a store of root's would lie, belongs to %s", name);
	return guard_refuse(folder, why, "chown root @", err);
}

static int
refuse_making(const struct place *pl, const char *path, struct err *err)
{
	return err_set(err, ERR_DENIED,
	    "%s may not make the folder %s: name another place for it in "
	    "eyelet.conf (path and key_file below [store])",
	    pl->user->pw_name, path);
}

/* --- the last folder ------------------------------------------------------ */

static bool
is_empty(int fd)
{
	int again = openat(fd, ".", O_RDONLY | FOLDER);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;
	size_t n = 0;

	if (d == NULL) {
		if (again >= 0)
			close(again);
		return false;
	}
	while ((entry = readdir(d)) != NULL)
		n += strcmp(entry->d_name, ".") != 0 &&
		     strcmp(entry->d_name, "..") != 0;
	closedir(d);
	return n == 0;
}

/* One that was there: only an empty one may be taken from its user. */
static int
judge(const struct place *pl, int fd, const char *path, struct err *err)
{
	char why[USER_NAME_SIZE + 64], owner[USER_NAME_SIZE];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "folder %s", path);
	if (st.st_uid == pl->user->pw_uid)
		return (st.st_mode & 077) == 0
			   ? 0
			   : guard_refuse(path, "@ is there and open to others",
				 "chmod 700 @", err);
	name_user(st.st_uid, owner);
	snprintf(
	    why, sizeof(why), "@ is there, empty, and belongs to %s", owner);
	if (is_empty(fd))
		return guard_refuse(path, why, "rmdir @", err);
	return err_set(err, ERR_DENIED,
	    "%s holds files of %s: leave them, and name another place for a "
	    "new store in eyelet.conf (path and key_file below [store]); or, "
	    "where %s is to have that store, see \"Another user\" in "
	    "eyelet-store(8)",
	    path, owner, pl->user->pw_name);
}

/* --- walking -------------------------------------------------------------- */

/*
 * May whoever runs this act in that folder? A user with that user's own rights
 * everywhere; root where root alone can rename what is in it.
 */
static bool
may_act(const struct stat *st)
{
	if (geteuid() != 0)
		return true;
	if (st->st_uid != 0)
		return false;
	return (st->st_mode & S_ISVTX) != 0 ||
	       ((st->st_mode & S_IWOTH) == 0 &&
		   ((st->st_mode & S_IWGRP) == 0 || st->st_gid == 0));
}

/* Cuts the first name off the rest. The last one leaves nothing. */
static int
take_name(struct place *pl, char name[NAME_MAX + 1], struct err *err)
{
	const char *at = pl->rest + strspn(pl->rest, "/");
	size_t len = strcspn(at, "/");

	if (len > NAME_MAX)
		return err_errno(err, ENAMETOOLONG, "folder %s", pl->path);
	memcpy(name, at, len);
	name[len] = '\0';
	at += len;
	at += strspn(at, "/");
	memmove(pl->rest, at, strlen(at) + 1);
	return 0;
}

/* A new folder, open. Another one cannot have taken its place: see may_act. */
static int
make(const struct place *pl, const char *name, bool last, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;
	int fd = -1;

	if (put_below(pl, name, path, err) < 0)
		return -1;
	if (mkdirat(pl->fd, name, 0700) < 0)
		return errno == EACCES || errno == EPERM
			   ? refuse_making(pl, path, err)
			   : err_errno(err, errno, "make the folder %s", path);
	fd = openat(pl->fd, name, O_RDONLY | FOLDER);
	if (fd < 0 || fstat(fd, &st) < 0)
		err_errno(err, errno, "folder %s", path);
	else if (st.st_uid != geteuid())
		err_set(err, ERR_DENIED,
		    "another folder was put in the place of %s", path);
	else if (!last && fchmod(fd, 0755) < 0)
		err_errno(err, errno, "open %s to others", path);
	else if (last && st.st_uid != pl->user->pw_uid &&
		 fchown(fd, pl->user->pw_uid, pl->user->pw_gid) < 0)
		err_errno(err, errno, "give %s to %s", path, pl->user->pw_name);
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int
open_root(struct place *pl, struct err *err)
{
	place_end(pl);
	pl->whole[0] = '\0';
	pl->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return pl->fd < 0 ? err_errno(err, errno, "open /") : 0;
}

/* Puts what a symbolic link names before the rest. */
static int
follow(struct place *pl, const char *name, bool last, struct err *err)
{
	char path[PATH_MAX], target[PATH_MAX], rest[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (put_below(pl, name, path, err) < 0)
		return -1;
	if (fstatat(pl->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, errno, "folder %s", path);
	if (!S_ISLNK(st.st_mode) || last)
		return guard_path(path, GUARD_FOLDER, err) < 0
			   ? -1
			   : err_set(err, ERR_DENIED, "%s was changed", path);
	if (geteuid() == 0 && st.st_uid != 0)
		return guard_refuse(path,
		    "@ is a symbolic link that is not root's, which root does "
		    "not follow",
		    "rm @", err);
	n = readlinkat(pl->fd, name, target, sizeof(target) - 1);
	if (n < 0)
		return err_errno(err, errno, "read the link %s", path);
	target[n] = '\0';
	if (snprintf(rest, sizeof(rest), "%s/%s", target, pl->rest) >=
	    (int)sizeof(rest))
		return err_errno(err, ENAMETOOLONG, "folder %s", path);
	strcpy(pl->rest, rest);
	return target[0] == '/' ? open_root(pl, err) : 0;
}

/* One name further down: 1 when that was by way of a link. */
static int
descend(struct place *pl, struct err *err)
{
	char name[NAME_MAX + 1], path[PATH_MAX];
	bool last;
	int fd;

	if (take_name(pl, name, err) < 0 || put_below(pl, name, path, err) < 0)
		return -1;
	last = pl->rest[0] == '\0';
	fd = openat(pl->fd, name, O_PATH | FOLDER);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return follow(pl, name, last, err) < 0 ? -1 : 1;
	if (fd < 0 && errno != ENOENT)
		return err_errno(err, errno, "folder %s", path);
	if (fd < 0)
		fd = make(pl, name, last, err);
	else if (last && judge(pl, fd, path, err) < 0) {
		close(fd);
		return -1;
	}
	if (fd < 0)
		return -1;
	close(pl->fd);
	pl->fd = fd;
	strcpy(pl->whole, path);
	pl->done = last;
	return 0;
}

static int
walk(struct place *pl, struct err *err)
{
	struct stat st;
	int links = 0, got;

	while (!pl->done) {
		if (fstat(pl->fd, &st) < 0)
			return err_errno(err, errno, "folder %s", pl->path);
		if (!may_act(&st))
			return pl->user->pw_uid == 0
				   ? refuse_folder(pl, &st, err)
				   : 0;
		got = descend(pl, err);
		if (got < 0)
			return -1;
		links += got;
		if (links > LINKS_MAX)
			return err_errno(err, ELOOP, "folder %s", pl->path);
	}
	return 0;
}

int
place_begin(struct place *pl, const char *path, const struct passwd *user,
    struct err *err)
{
	pl->path = path;
	pl->user = user;
	pl->done = false;
	if (snprintf(pl->rest, sizeof(pl->rest), "%s", path) >=
	    (int)sizeof(pl->rest))
		return err_errno(err, ENAMETOOLONG, "folder %s", path);
	return open_root(pl, err) < 0 ? -1 : walk(pl, err);
}

int
place_finish(struct place *pl, struct err *err)
{
	return walk(pl, err);
}

void
place_end(struct place *pl)
{
	if (pl->fd >= 0)
		close(pl->fd);
	pl->fd = -1;
}
