/* marker.c: what makes a folder a store, and one fit to be opened. */
#include "lib/engine_bdb/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/base/guard.h"
#include "lib/base/util.h"
#include "lib/crypto/digest.h"

#define MARKER_WORD "eyelet-store"

/*
 * The marker says that a folder is a store and which one, so that an empty
 * folder (a disk that is not mounted) is never taken for a new store.
 */
int
store_write_marker(const char *dir, const char *id, const char *state,
    bool exclusive, struct err *err)
{
	char *path = NULL, *temp = NULL, line[128];
	int fd = -1, len, ret = -1;
	bool there;

	if (asprintf(&path, "%s/" STORE_MARKER, dir) < 0 ||
	    asprintf(&temp, "%s/" STORE_MARKER ".new", dir) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		goto out;
	}
	if (files_exist(dir, STORE_MARKER, &there, err) < 0)
		goto out;
	if (exclusive && there) {
		err_set(err, ERR_EXISTS, "%s is a store already", dir);
		goto out;
	}
	len = snprintf(line, sizeof(line), MARKER_WORD " %d %s %s\n",
	    RECORD_STORE_FORMAT, id, state);
	fd = open(
	    temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	errno = fd < 0 ? errno : ENOSPC;
	if (fd < 0 || write(fd, line, (size_t)len) != len || fsync(fd) < 0 ||
	    rename(temp, path) < 0) {
		err_errno(err, errno, "write %s", path);
		goto out;
	}
	ret = files_sync_folder(dir, err);
out:
	if (fd >= 0)
		close(fd);
	free(path);
	free(temp);
	return ret;
}

int
store_read_marker(struct store *st, bool *is_new, struct err *err)
{
	char *path = NULL, line[128] = "", state[16] = "";
	unsigned format = 0;
	ssize_t n;
	int fd, ret = -1;

	if (asprintf(&path, "%s/" STORE_MARKER, st->opt.dir) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		if (errno == ENOENT)
			err_set(err, ERR_NOTFOUND,
			    "%s is no store: make one with \"eyelet-store "
			    "init\", or mount the disk that holds it",
			    st->opt.dir);
		else
			err_errno(err, errno, "open %s", path);
		goto out;
	}
	n = read(fd, line, sizeof(line) - 1);
	if (n < 0) {
		err_errno(err, errno, "read %s", path);
		goto out;
	}
	if (sscanf(line, MARKER_WORD " %u %32[0-9a-f] %15[a-z]", &format,
		st->id, state) != 3) {
		err_set(err, ERR_CORRUPT, "%s is not what it should be", path);
		goto out;
	}
	if (format > RECORD_STORE_FORMAT) {
		err_set(err, ERR_VERSION,
		    "store %s has format %u, this release reads up to %d",
		    st->opt.dir, format, RECORD_STORE_FORMAT);
		goto out;
	}
	if (format < RECORD_STORE_FORMAT) {
		err_set(err, ERR_VERSION,
		    "store %s has format %u, of an older release; this one "
		    "reads format %d: keep it for the release that made it, "
		    "set store.path to another folder, and make a store there "
		    "with \"eyelet-store init\"",
		    st->opt.dir, format, RECORD_STORE_FORMAT);
		goto out;
	}
	*is_new = strcmp(state, "new") == 0;
	ret = 0;
out:
	if (fd >= 0)
		close(fd);
	free(path);
	return ret;
}

int
store_check_folder(const char *dir, struct err *err)
{
	static const struct {
		const char *name;
		unsigned flags; /* of guard_path */
		bool obeyed; /* by the library */
	} inside[] = {
		{ STORE_MARKER, 0, false },
		{ STORE_DB_FOLDER, GUARD_FOLDER | GUARD_PRIVATE, false },
		{ "DB_CONFIG", 0, true },
		{ STORE_DB_FOLDER "/DB_CONFIG", 0, true },
	};
	char *path;
	struct stat sb;
	bool there;
	size_t i;
	int ret = 0;

	if (lstat(dir, &sb) < 0) {
		if (errno == ENOENT)
			return err_set(err, ERR_NOTFOUND,
			    "store folder %s is not there: make it with "
			    "\"eyelet-store init\"",
			    dir);
		return err_errno(err, errno, "store folder %s", dir);
	}
	if (!S_ISDIR(sb.st_mode))
		return err_set(err, ERR_DENIED, "%s is not a folder", dir);
	if (sb.st_uid != geteuid())
		return err_set(err, ERR_DENIED,
		    "store folder %s belongs to uid %lu, and this runs as uid "
		    "%lu: give the store to that user, as eyelet-store(8) "
		    "shows under \"Another user\"",
		    dir, (unsigned long)sb.st_uid, (unsigned long)geteuid());
	if ((sb.st_mode & 027) != 0)
		return guard_refuse(dir, "store folder @ is open to others",
		    "chmod g-w,o-rwx @", err);
	for (i = 0; ret == 0 && i < NITEMS(inside); i++) {
		if (asprintf(&path, "%s/%s", dir, inside[i].name) < 0)
			return err_set(err, ERR_NOMEM, "no memory for a path");
		if (!inside[i].obeyed)
			ret = guard_path(path, inside[i].flags, err);
		else if (files_exist(dir, inside[i].name, &there, err) < 0)
			ret = -1;
		else if (there)
			ret = guard_refuse(path,
			    "@ must not be there, it could turn durability off",
			    "rm @", err);
		free(path);
	}
	return ret;
}

int
store_create(const char *dir, struct err *err)
{
	unsigned char random[16];
	char id[33];
	bool there;
	size_t i;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_errno(err, errno, "make store folder %s", dir);
	if (store_check_folder(dir, err) < 0 ||
	    digest_random(random, sizeof(random), err) < 0)
		return -1;
	for (i = 0; i < sizeof(random); i++)
		snprintf(id + 2 * i, 3, "%02x", random[i]);
	/* Before the marker: a store has one from the start. */
	if (files_exist(dir, STORE_MARKER, &there, err) < 0 ||
	    (!there && store_write_id(dir, id, err) < 0))
		return -1;
	return store_write_marker(dir, id, "new", true, err);
}
