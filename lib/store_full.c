/* store_full.c: opening a store whose volume has no room. */
#include "lib/store_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MIB (1024 * 1024)

bool
store_give_up_ballast(const struct store_options *opt)
{
	static const char words[] =
	    "no space is left: the ballast file makes way";
	char *path = NULL;
	bool gone;

	if (asprintf(&path, "%s/" STORE_BALLAST, opt->dir) < 0)
		return false;
	gone = unlink(path) == 0;
	free(path);
	if (gone && opt->log != NULL)
		opt->log(opt->log_arg, words);
	return gone;
}

/* Puts what to do behind what happened. */
static void
explain(const char *dir, struct err *err)
{
	char words[256];
	struct statvfs vfs;
	unsigned long long room;
	size_t used;

	if (statvfs(dir, &vfs) < 0)
		return;
	room = (unsigned long long)vfs.f_bavail * vfs.f_frsize;
	if (vfs.f_files > 0 && vfs.f_favail == 0)
		snprintf(words, sizeof(words),
		    "no inode is free on the volume of %.120s: remove files "
		    "there",
		    dir);
	else if (room < STORE_RECOVERY_ROOM)
		snprintf(words, sizeof(words),
		    "%llu KiB are free on the volume of %.120s, and recovery "
		    "may need %d MiB: make room there",
		    room / 1024, dir, STORE_RECOVERY_ROOM / MIB);
	else
		snprintf(words, sizeof(words),
		    "%llu MiB are free on the volume of %.120s: make more "
		    "room there, or raise the quota, or the limit on file "
		    "sizes (ulimit -f)",
		    room / MIB, dir);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used,
	    ": %s; the store opens by itself then", words);
}

bool
store_make_room(const struct store_options *opt, struct err *err)
{
	if (err->code != ERR_FULL)
		return false;
	if (store_give_up_ballast(opt))
		return true;
	explain(opt->dir, err);
	return false;
}

int
store_open(const struct store_options *opt, struct store **out, struct err *err)
{
	int ret;

	do
		ret = store_open_once(opt, out, err);
	while (ret < 0 && store_make_room(opt, err));
	return ret;
}
