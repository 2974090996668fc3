/* store_init.c: folders with the right owner and mode, then key and store. */
#include "admin/store_init.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/seal.h"

static int
find_user(const char *name, struct passwd *out, struct err *err)
{
	struct passwd *pw;

	errno = 0;
	pw = name == NULL ? getpwuid(geteuid()) : getpwnam(name);
	if (pw == NULL && name == NULL)
		return err_set(err, ERR_NOTFOUND,
		    "uid %u has no name: give --user", (unsigned)geteuid());
	if (pw == NULL)
		return err_set(
		    err, ERR_NOTFOUND, "there is no user \"%s\"", name);
	if (geteuid() != 0 && pw->pw_uid != geteuid())
		return err_set(err, ERR_DENIED,
		    "only root can make a store for another user: sudo "
		    "eyelet-store init --user %s",
		    name);
	*out = *pw;
	return 0;
}

/* Makes the missing folders above path, for everybody to pass through. */
static int
make_parents(char *path, struct err *err)
{
	char *slash;

	for (slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST) {
			err_errno(err, errno, "make the folder %s", path);
			*slash = '/';
			return -1;
		}
		*slash = '/';
	}
	return 0;
}

/* The folder itself, 0700 and the user's; or one that is so already. */
static int
make_folder(const char *path, const struct passwd *user, struct err *err)
{
	struct stat sb;
	bool made = mkdir(path, 0700) == 0;
	int fd = -1, ret = -1;

	if (!made && errno != EEXIST)
		return err_errno(err, errno, "make the folder %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &sb) < 0) {
		err_errno(err, errno, "folder %s", path);
		goto out;
	}
	if (made && sb.st_uid != user->pw_uid &&
	    fchown(fd, user->pw_uid, user->pw_gid) < 0) {
		err_errno(err, errno, "give %s to %s", path, user->pw_name);
		goto out;
	}
	if (!made && sb.st_uid != user->pw_uid) {
		err_set(err, ERR_DENIED,
		    "%s is there and does not belong to %s: chown %s %s", path,
		    user->pw_name, user->pw_name, path);
		goto out;
	}
	if (!made && (sb.st_mode & 077) != 0) {
		err_set(err, ERR_DENIED,
		    "%s is there and open to others: chmod 700 %s", path, path);
		goto out;
	}
	ret = 0;
out:
	if (fd >= 0)
		close(fd);
	return ret;
}

/* root turns into the user, so that every file is the user's. */
static int
become(const struct passwd *user, struct err *err)
{
	if (geteuid() != 0 || user->pw_uid == 0)
		return 0;
	if (initgroups(user->pw_name, user->pw_gid) < 0 ||
	    setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
		return err_errno(err, errno, "become %s", user->pw_name);
	return 0;
}

static int
make_key(const char *path, bool *was_there, struct err *err)
{
	struct seal_key *key = NULL;

	*was_there = false;
	if (seal_key_create(path, err) == 0)
		return 0;
	if (err->code != ERR_EXISTS)
		return -1;
	/* From an earlier run, or brought from elsewhere: it must be good. */
	if (seal_key_read(path, &key, err) < 0)
		return -1;
	seal_key_free(key);
	*was_there = true;
	return 0;
}

int
store_init(const struct conf *cf, const char *name, struct store_made *made,
    struct err *err)
{
	struct passwd user;
	char *store = NULL, *keys = NULL;
	int ret = -1;

	if (find_user(name, &user, err) < 0)
		goto out;
	store = span_dup(span_str(cf->store), err);
	keys = span_dup(span_str(cf->key_file), err);
	if (store == NULL || keys == NULL)
		goto out;
	*strrchr(keys, '/') = '\0'; /* conf_read lets absolute paths in only */
	if (keys[0] == '\0') {
		err_set(err, ERR_CONFIG,
		    "store.key_file: the key needs a folder of its own");
		goto out;
	}
	if (make_parents(store, err) < 0 || make_parents(keys, err) < 0 ||
	    make_folder(keys, &user, err) < 0 ||
	    make_folder(store, &user, err) < 0)
		goto out;
	snprintf(made->user, sizeof(made->user), "%s", user.pw_name);
	if (become(&user, err) < 0 ||
	    make_key(cf->key_file, &made->key_was_there, err) < 0)
		goto out;
	ret = store_create(cf->store, err);
out:
	free(store);
	free(keys);
	return ret;
}
