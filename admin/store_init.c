/* store_init.c: folders with the right owner and mode, then key and store. */
#include "admin/store_init.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/store_place.h"
#include "lib/base/guard.h"
#include "lib/base/harden.h"
#include "lib/crypto/seal.h"
#include "lib/store/store.h"

#define NAME_SIZE 64 /* of a user's name */

/* A store of root's is of no use to a web server, so root has to say whose. */
static int
ask_user(char name[NAME_SIZE], struct err *err)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return err_set(err, ERR_USAGE,
		    "root has to say whose the store is to be: --user www-data "
		    "where the web server starts eyelet, --user eyelet for "
		    "eyelet.service, --user root for root alone");
	fputs("Which user will eyelet run as? www-data where the web server "
	      "starts it,\neyelet for eyelet.service, root for root alone: ",
	    stderr);
	if (fgets(name, NAME_SIZE, stdin) == NULL)
		name[0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return name[0] != '\0'
		   ? 0
		   : err_set(err, ERR_USAGE, "no user was named: give --user");
}

/* The user who runs this, also one without a passwd entry. */
static void
find_self(struct store_made *made, struct passwd *out)
{
	const struct passwd *pw = getpwuid(geteuid());

	if (pw != NULL)
		snprintf(made->user, sizeof(made->user), "%s", pw->pw_name);
	else
		snprintf(made->user, sizeof(made->user), "%lu",
		    (unsigned long)geteuid());
	*out = (struct passwd){
		.pw_name = made->user, .pw_uid = geteuid(), .pw_gid = getegid()
	};
}

static int
find_user(const char *name, const struct conf *cf, struct store_made *made,
    struct passwd *out, struct err *err)
{
	char asked[NAME_SIZE], command[NAME_SIZE + 64];
	const struct passwd *pw;

	if (name == NULL && geteuid() != 0) {
		find_self(made, out);
		return 0;
	}
	if (name == NULL) {
		if (ask_user(asked, err) < 0)
			return -1;
		name = asked;
	}
	pw = getpwnam(name);
	if (pw == NULL)
		return err_set(
		    err, ERR_NOTFOUND, "there is no user \"%s\"", name);
	if (geteuid() != 0 && pw->pw_uid != geteuid()) {
		snprintf(command, sizeof(command),
		    "sudo eyelet-store %sinit --user %s",
		    cf->file == NULL ? "" : "-c @ ", name);
		return guard_refuse(cf->file == NULL ? "" : cf->file,
		    "only root can make a store for another user", command,
		    err);
	}
	snprintf(made->user, sizeof(made->user), "%s", name);
	*out = (struct passwd){ .pw_name = made->user,
		.pw_uid = pw->pw_uid,
		.pw_gid = pw->pw_gid };
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
	struct place places[2] = { PLACE_INIT, PLACE_INIT };
	struct passwd user;
	char *store = NULL, *keys = NULL;
	int ret = -1;

	if (find_user(name, cf, made, &user, err) < 0)
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
	if (place_begin(&places[0], keys, &user, err) < 0 ||
	    place_begin(&places[1], store, &user, err) < 0)
		goto out;
	/* From here on every file is the user's, made with the user's rights.
	 */
	if (geteuid() == 0 && user.pw_uid != 0 &&
	    harden_become(user.pw_name, user.pw_uid, user.pw_gid, err) < 0) {
		err_wrap(err, "become %s", user.pw_name);
		goto out;
	}
	if (place_finish(&places[0], err) < 0 ||
	    place_finish(&places[1], err) < 0 ||
	    make_key(cf->key_file, &made->key_was_there, err) < 0)
		goto out;
	ret = store_create(cf->store, err);
out:
	place_end(&places[0]);
	place_end(&places[1]);
	free(store);
	free(keys);
	return ret;
}
