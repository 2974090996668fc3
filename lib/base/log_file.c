/* log_file.c: opens a rotated log file anew under its path. */
#include "lib/base/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define OPEN_TRIES 3 /* of a file that others make and remove meanwhile */
#define ADVICE                                                               \
	"lines still go to the file that was renamed or removed; give this " \
	"user the right to write there, or have logrotate use copytruncate"

struct log_file {
	int fd;
	dev_t dev;
	ino_t ino;
	int64_t looked_ms; /* clock_ms */
	char said[sizeof(((struct err *)NULL)->text)]; /* "": nothing */
	char path[PATH_MAX];
};

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int
log_file_new(int fd, struct log_file **out, struct err *err)
{
	char link[64], path[PATH_MAX];
	struct stat open_file, named;
	int flags = fcntl(fd, F_GETFL);
	ssize_t n;

	*out = NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	if (flags < 0 || (flags & O_APPEND) == 0 ||
	    (flags & O_ACCMODE) == O_RDONLY || n <= 0 ||
	    n >= (ssize_t)sizeof(path))
		return 0;
	path[n] = '\0';
	/* The name of a file that was removed leads nowhere. */
	if (path[0] != '/' || fstat(fd, &open_file) < 0 ||
	    !S_ISREG(open_file.st_mode) || lstat(path, &named) < 0 ||
	    !is_same(&open_file, &named))
		return 0;
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the log file");
	(*out)->fd = fd;
	(*out)->dev = named.st_dev;
	(*out)->ino = named.st_ino;
	(*out)->looked_ms = clock_ms();
	memcpy((*out)->path, path, (size_t)n + 1);
	return 0;
}

void
log_file_free(struct log_file *lf)
{
	free(lf);
}

/* --- opening ------------------------------------------------------------- */

/* Could somebody but root put another file into a folder of root's log? */
static int
judge_folder(int fd, struct err *err)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "look at a folder above it");
	if (st.st_uid != 0 || ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
				  (st.st_mode & S_ISVTX) == 0))
		return err_set(err, ERR_DENIED,
		    "others than root can write in a folder above it");
	return 0;
}

/*
 * The folder that path stands in, each step without symbolic links; *name is
 * the rest. Returns a descriptor or -1.
 */
static int
walk(const char *path, const char **name, struct err *err)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), next;
	char step[NAME_MAX + 1];
	const char *end;
	size_t len;

	if (fd < 0)
		return err_errno(err, errno, "open /");
	for (*name = path + 1; (end = strchr(*name, '/')) != NULL;
	     *name = end + 1) {
		len = (size_t)(end - *name);
		if (len > NAME_MAX) {
			err_errno(err, ENAMETOOLONG, "open a folder above it");
			goto fail;
		}
		memcpy(step, *name, len);
		step[len] = '\0';
		if (judge_folder(fd, err) < 0)
			goto fail;
		next = openat(
		    fd, step, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0) {
			err_errno(err, errno, "open its folder %s", step);
			goto fail;
		}
		close(fd);
		fd = next;
	}
	if (judge_folder(fd, err) < 0)
		goto fail;
	return fd;
fail:
	close(fd);
	return -1;
}

/* Opens what is there, or makes it, as the file before it was. */
static int
open_or_make(int folder_fd, const char *name, const struct stat *before)
{
	static const int how = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK |
			       O_NOCTTY | O_CLOEXEC;
	int fd = -1, tries;

	for (tries = 0; tries < OPEN_TRIES && fd < 0; tries++) {
		fd = openat(folder_fd, name, how);
		if (fd >= 0 || errno != ENOENT)
			break;
		fd = openat(folder_fd, name, how | O_CREAT | O_EXCL, 0600);
		if (fd < 0 && errno != EEXIST)
			break;
		/* Where chown is not permitted, the file stays this user's. */
		if (fd >= 0 &&
		    (fchown(fd, before->st_uid, before->st_gid) == 0 ||
			fchown(fd, (uid_t)-1, before->st_gid) == 0))
			(void)fchmod(fd, before->st_mode & 0666);
	}
	return fd;
}

static int
judge_file(int fd, const struct stat *before, struct stat *st, struct err *err)
{
	if (fstat(fd, st) < 0)
		return err_errno(err, errno, "look at it");
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_DENIED, "it is no regular file");
	if (st->st_nlink != 1)
		return err_set(err, ERR_DENIED, "it has several hard links");
	if (st->st_uid != geteuid() && st->st_uid != before->st_uid)
		return err_set(err, ERR_DENIED,
		    "it belongs to uid %lu, and not to the owner of the file "
		    "before it",
		    (unsigned long)st->st_uid);
	return 0;
}

static int
open_anew(struct log_file *lf, struct err *err)
{
	struct stat before, output, st;
	const char *name = NULL;
	int folder_fd = -1, fd = -1, ret = -1;

	if (fstat(lf->fd, &before) < 0)
		return err_errno(err, errno, "look at the log");
	folder_fd = walk(lf->path, &name, err);
	if (folder_fd < 0)
		goto out;
	fd = open_or_make(folder_fd, name, &before);
	if (fd < 0) {
		err_errno(err, errno, "open it");
		goto out;
	}
	if (judge_file(fd, &before, &st, err) < 0)
		goto out;
	(void)fcntl(fd, F_SETFL, O_APPEND); /* without O_NONBLOCK */
	/* An old file that is open as output would keep its room. */
	if (lf->fd != STDOUT_FILENO && fstat(STDOUT_FILENO, &output) == 0 &&
	    is_same(&output, &before))
		(void)dup2(fd, STDOUT_FILENO);
	if (dup2(fd, lf->fd) < 0) {
		err_errno(err, errno, "put it in the place of the old one");
		goto out;
	}
	lf->dev = st.st_dev;
	lf->ino = st.st_ino;
	ret = 0;
out:
	if (fd >= 0)
		close(fd);
	if (folder_fd >= 0)
		close(folder_fd);
	return ret;
}

int
log_file_look(struct log_file *lf, bool now, struct err *err)
{
	struct stat st;
	int64_t now_ms;

	if (lf == NULL)
		return 0;
	now_ms = clock_ms();
	if (!now && now_ms - lf->looked_ms < LOG_FILE_LOOK_MS)
		return 0;
	lf->looked_ms = now_ms;
	if ((lstat(lf->path, &st) == 0 && st.st_dev == lf->dev &&
		st.st_ino == lf->ino) ||
	    open_anew(lf, err) == 0) {
		lf->said[0] = '\0';
		return 0;
	}
	if (strcmp(lf->said, err->text) == 0)
		return 0;
	memcpy(lf->said, err->text, sizeof(lf->said));
	return err_wrap(err,
	    "the log %.200s was rotated and cannot be opened anew (" ADVICE ")",
	    lf->path);
}
