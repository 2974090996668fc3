/* guard.c: owners and modes of what is trusted. */
#include "lib/base/guard.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/bytes.h"

#define REFUSAL_MAX 400 /* bytes: room is left for what callers put before */
#define UNMEND " (its name is too long to show what mends that)"

/* --- refusing ------------------------------------------------------------- */

static bool
is_plain(const char *path)
{
	return path[strspn(path,
		   "abcdefghijklmnopqrstuvwxyz"
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-")] == '\0' &&
	       path[0] != '-';
}

/*
 * In single quotes where a shell would see more than a word in it, and without
 * a backslash, which messages show doubled.
 */
static int
put_quoted(struct buf *out, const char *path, struct err *err)
{
	const char *p;

	if (is_plain(path))
		return buf_puts(out, path, err);
	if (buf_putc(out, '\'', err) < 0)
		return -1;
	for (p = path; *p != '\0'; p++)
		if (*p == '\'' ? buf_puts(out, "'\"'\"'", err) < 0
			       : buf_putc(out, (unsigned char)*p, err) < 0)
			return -1;
	return buf_putc(out, '\'', err);
}

static int
put_words(struct buf *out, const char *words, const char *path, bool quoted,
    struct err *err)
{
	for (; *words != '\0'; words++)
		if (*words != '@') {
			if (buf_putc(out, (unsigned char)*words, err) < 0)
				return -1;
		} else if ((quoted ? put_quoted(out, path, err)
				   : buf_puts(out, path, err)) < 0) {
			return -1;
		}
	return 0;
}

int
guard_refuse(
    const char *path, const char *why, const char *command, struct err *err)
{
	struct buf text = BUF_INIT(REFUSAL_MAX);
	struct err ignored = ERR_INIT;

	if (put_words(&text, why, path, false, &ignored) == 0 &&
	    buf_puts(&text, ": ", &ignored) == 0 &&
	    put_words(&text, command, path, true, &ignored) == 0)
		err_set(err, ERR_DENIED, "%.*s", (int)text.len,
		    (const char *)text.ptr);
	else
		err_set(err, ERR_DENIED, "%.300s...: %s" UNMEND, path, why);
	buf_free(&text);
	return -1;
}

/* --- judging -------------------------------------------------------------- */

static bool
read_program(struct stat *st)
{
	return stat("/proc/self/exe", st) == 0;
}

static bool
trusts_owner(uid_t uid)
{
	struct stat program;

	return uid == 0 || uid == geteuid() ||
	       (read_program(&program) && uid == program.st_uid);
}

static bool
trusts_group(gid_t gid)
{
	struct stat program;

	return gid == 0 || gid == getegid() ||
	       (read_program(&program) && gid == program.st_gid &&
		   (program.st_mode & S_IWGRP) != 0);
}

static bool
others_write(const struct stat *st)
{
	return (st->st_mode & S_IWOTH) != 0 ||
	       ((st->st_mode & S_IWGRP) != 0 && !trusts_group(st->st_gid));
}

/* "chown NAME @", for this user. */
static void
chown_command(char *out, size_t size)
{
	char room[4096];
	struct passwd pw, *found = NULL;

	if (getpwuid_r(geteuid(), &pw, room, sizeof(room), &found) == 0 &&
	    found != NULL && is_plain(pw.pw_name))
		snprintf(out, size, "chown %s @", pw.pw_name);
	else
		snprintf(out, size, "chown %u @", (unsigned)geteuid());
}

static int
judge(const char *path, const struct stat *st, unsigned flags, struct err *err)
{
	bool folder = (flags & GUARD_FOLDER) != 0;
	char why[128], command[128];

	if (folder ? !S_ISDIR(st->st_mode) : !S_ISREG(st->st_mode))
		return guard_refuse(path,
		    folder ? "@ is no folder" : "@ is no plain file",
		    S_ISDIR(st->st_mode) ? "mv @ @.moved" : "rm @", err);
	if (!trusts_owner(st->st_uid)) {
		snprintf(why, sizeof(why),
		    "@ belongs to uid %lu, who could change it",
		    (unsigned long)st->st_uid);
		chown_command(command, sizeof(command));
		return guard_refuse(path, why, command, err);
	}
	if (others_write(st) && !(folder && (st->st_mode & S_ISVTX) != 0))
		return guard_refuse(
		    path, "others may write in @", "chmod go-w @", err);
	if ((flags & GUARD_PRIVATE) != 0 && (st->st_mode & 077) != 0)
		return guard_refuse(
		    path, "others may read @", "chmod go-rwx @", err);
	return 0;
}

int
guard_path(const char *path, unsigned flags, struct err *err)
{
	struct stat st;
	int got =
	    (flags & GUARD_LINK) != 0 ? stat(path, &st) : lstat(path, &st);

	if (got < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (got < 0)
		return err_errno(err, errno, "look at %s", path);
	if (S_ISLNK(st.st_mode))
		return guard_refuse(path,
		    "@ is a symbolic link, which is not followed",
		    (flags & GUARD_SPARE) != 0
			? "rm @"
			: "t=$(readlink -f @) && rm @ && mv \"$t\" @",
		    err);
	return judge(path, &st, flags, err);
}

int
guard_open_file(int fd, const char *path, struct err *err)
{
	struct stat st, input;

	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "look at %s", path);
	/* The input may be a file that a web server keeps a body in. */
	if (!S_ISREG(st.st_mode) || st.st_nlink == 0 ||
	    (fd != STDIN_FILENO && fstat(STDIN_FILENO, &input) == 0 &&
		input.st_dev == st.st_dev && input.st_ino == st.st_ino))
		return err_set(err, ERR_CONFIG,
		    "%s is no regular file, or it is this program's input: "
		    "name a file that is kept on a disk",
		    path);
	return judge(path, &st, 0, err);
}

/* One of the folders above. */
static int
judge_above(const char *folder, struct err *err)
{
	struct stat st;
	char why[128];

	if (stat(folder, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR
			   ? 0
			   : err_errno(err, errno, "look at %s", folder);
	/* Its owner can put another thing in the place of what root reads. */
	if (geteuid() == 0 && !trusts_owner(st.st_uid)) {
		snprintf(why, sizeof(why),
		    "@ belongs to uid %lu, who could change what root uses "
		    "below it",
		    (unsigned long)st.st_uid);
		return guard_refuse(folder, why, "chown root @", err);
	}
	/* One for all, as /tmp, has to stay so. */
	if ((st.st_mode & S_ISVTX) == 0 && others_write(&st))
		return guard_refuse(folder, "others may write in @",
		    (st.st_mode & 0777) == 0777 ? "chmod +t @" : "chmod go-w @",
		    err);
	return 0;
}

/* Those in the name as it is written. */
static int
judge_all_above(const char *path, struct err *err)
{
	char whole[PATH_MAX], *slash;

	if (strlen(path) >= sizeof(whole))
		return 0; /* nobody opens such a path */
	strcpy(whole, path);
	while ((slash = strrchr(whole, '/')) != NULL) {
		slash[slash == whole] = '\0';
		if (judge_above(whole, err) < 0)
			return -1;
		if (slash == whole)
			break;
	}
	return 0;
}

int
guard_above(const char *path, struct err *err)
{
	char real[PATH_MAX];

	if (path[0] == '/' && judge_all_above(path, err) < 0)
		return -1;
	/* And those that symbolic links in it lead through. */
	return realpath(path, real) == NULL ? 0 : judge_all_above(real, err);
}

int
guard_folder_of(const char *folder, const char *ending, struct err *err)
{
	size_t len, end = strlen(ending);
	const struct dirent *entry;
	char path[PATH_MAX];
	DIR *d;
	int ret;

	if (guard_above(folder, err) < 0 ||
	    guard_path(folder, GUARD_FOLDER | GUARD_LINK, err) < 0)
		return -1;
	d = opendir(folder);
	if (d == NULL)
		return errno == ENOENT
			   ? 0
			   : err_errno(err, errno, "open folder %s", folder);
	for (ret = 0; ret == 0 && (entry = readdir(d)) != NULL;) {
		len = strlen(entry->d_name);
		if (len > end &&
		    strcmp(entry->d_name + len - end, ending) == 0 &&
		    snprintf(path, sizeof(path), "%s/%s", folder,
			entry->d_name) < (int)sizeof(path))
			ret = guard_path(path, GUARD_LINK, err);
	}
	closedir(d);
	return ret;
}
