/* names.c: files that were taken away from a store that is open. */
#include "lib/engine_bdb/impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/files.h"

#define LOOK_MS 10000
#define ASIDE "found-" /* and a time: what stood in the place of our files */

static char *
path_of(const struct store *st, const char *name, struct err *err)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", st->opt.dir, name) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		return NULL;
	}
	return path;
}

int
store_names_begin(struct store *st, struct err *err)
{
	if (stat(st->opt.dir, &st->folder) < 0)
		return err_errno(err, errno, "look at %s", st->opt.dir);
	return 0;
}

static bool
folder_stands(const struct store *st)
{
	struct stat sb;

	return stat(st->opt.dir, &sb) == 0 && sb.st_dev == st->folder.st_dev &&
	       sb.st_ino == st->folder.st_ino;
}

static int
bring_small_files(struct store *st, struct err *err)
{
	struct durable_point point;
	struct durable *anew = NULL;
	char *path;
	bool found, has_marker, has_durable;
	int ret = 0;

	if (files_exist(st->opt.dir, STORE_MARKER, &has_marker, err) < 0 ||
	    files_exist(st->opt.dir, STORE_DURABLE, &has_durable, err) < 0)
		return -1;
	if (!has_marker &&
	    store_write_marker(st->opt.dir, st->id, "ready", false, err) < 0)
		return -1;
	if (has_durable)
		return 0;
	path = path_of(st, STORE_DURABLE, err);
	if (path == NULL)
		return -1;
	/* The flusher may be at the old one: it is closed with the store. */
	ret = durable_open(path, st->id, &anew, &point, &found, err);
	if (ret == 0)
		ret = durable_move(anew, st->durable, err);
	durable_close(anew);
	free(path);
	return ret;
}

/*
 * Writes the files that were taken away anew under their names, from their
 * descriptors, which alone lead to acknowledged events while this process
 * lives. A new start then recovers them.
 */
void
store_bring_back(struct store *st)
{
	char name[32], *aside = NULL;
	struct err err = ERR_INIT;
	struct tm tm;
	time_t now = time(NULL);
	bool moved;
	unsigned n = 0;

	/* A second caller waits here: the store is fenced only after this. */
	pthread_mutex_lock(&st->names_mutex);
	if (st->brought_back)
		goto out;
	st->brought_back = true;
	store_say(st,
	    "a file of the store was renamed, removed or replaced while it is "
	    "open; nothing is acknowledged until it is back");
	gmtime_r(&now, &tm);
	strftime(name, sizeof(name), ASIDE "%Y%m%dT%H%M%SZ", &tm);
	aside = path_of(st, name, &err);
	if (aside == NULL)
		goto out;
	if (!folder_stands(st)) {
		err_set(&err, ERR_AWAY,
		    "%s is not the folder that was opened: put that one back",
		    st->opt.dir);
		goto out;
	}
	if (bdb_bring_back(st->db, aside, &n, &err) < 0 ||
	    bring_small_files(st, &err) < 0 ||
	    files_exist(st->opt.dir, name, &moved, &err) < 0)
		goto out;
	store_say(st,
	    "%u files and folders of the store are under their "
	    "names again; what stood there is in %s",
	    n, moved ? name : "no folder, for it was nothing");
out:
	if (err.code != ERR_NONE)
		store_say(st, "bring files back: %s", err.text);
	pthread_mutex_unlock(&st->names_mutex);
	free(aside);
}

/* Its loss harms nobody before the next start, so it is told in time. */
static void
look_at_key(struct store *st)
{
	struct stat sb;
	bool gone = stat(st->opt.key_file, &sb) < 0 && errno == ENOENT;

	if (gone && !st->key_gone)
		store_say(st,
		    "the key file %s is gone: restore it from its backup, or "
		    "make a new key with \"eyelet-store rekey\", before this "
		    "process ends: without it no secret can be read",
		    st->opt.key_file);
	st->key_gone = gone;
}

/* A file of which it cannot be told is not taken for gone. */
static bool
stands(const struct store *st, const char *name)
{
	struct err ignored = ERR_INIT;
	bool there = true;

	return files_exist(st->opt.dir, name, &there, &ignored) < 0 || there;
}

bool
store_look_at_names(struct store *st)
{
	int64_t now = clock_ms();

	if (now - st->names_looked_ms < LOOK_MS)
		return true;
	st->names_looked_ms = now;
	look_at_key(st);
	if (bdb_look_at_names(st->db) && folder_stands(st) &&
	    stands(st, STORE_MARKER) && stands(st, STORE_DURABLE))
		return true;
	atomic_store(&st->astray, true);
	return false;
}
