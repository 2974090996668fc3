/*
 * damage.c: tables whose files are damaged: noted on disk as soon as
 * somebody notices, mended once at the next open, or set aside.
 *
 * STORE_DAMAGED names them, a file a line (none: not known which). What is
 * rebuilt stands in STORE_MENDED, a line each: file, time (ms), and "begun" or
 * "done". So a table that rebuilds do not mend is set aside in the end, while a
 * rebuild that a kill cut short is begun anew.
 */
#include "lib/engine_bdb/damage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/bdb/salvage.h"
#include "lib/engine_bdb/loss.h"

#define STORE_MENDED "mended"
#define BEGUN "begun"
#define DONE "done"
/* A rebuild that kills the process, or mends nothing, is not tried for ever. */
#define MENDED_MAX 3
#define DONE_MS (3600 * INT64_C(1000)) /* rebuilds before that do not count */
#define BEGUN_MS (24 * DONE_MS)
#define ANY "*" /* stands for a file that is not known */
#define TELL_MS 1000 /* by then the call that found it is answered */

/* --- while the store is open ---------------------------------------------- */

void
store_damage_found(struct store *st, const char *file)
{
	pthread_mutex_lock(&st->keeper_mutex);
	if (st->damage_ms == 0) {
		snprintf(st->damage, sizeof(st->damage), "%s", file);
		st->damage_ms = clock_ms() + TELL_MS;
	}
	pthread_mutex_unlock(&st->keeper_mutex);
}

void
store_damage_act(struct store *st)
{
	pthread_mutex_lock(&st->keeper_mutex);
	if (st->damage_ms != 0 && clock_ms() >= st->damage_ms)
		bdb_note_damaged(st->db, st->damage);
	pthread_mutex_unlock(&st->keeper_mutex);
}

/* --- rebuilds so far ------------------------------------------------------ */

/* Do rebuilds of a table come to no end, or leave it damaged? */
static int
was_mended(struct store *st, const char *file, bool *out, struct err *err)
{
	char line[512], name[256], how[16];
	unsigned begun = 0, done = 0;
	int64_t now_ms = store_wall_ms();
	long long at_ms = 0;
	FILE *f;

	if (store_note_open(st, STORE_MENDED, &f, err) < 0)
		return -1;
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%255s %lld %15s", name, &at_ms, how) != 3 ||
		    strcmp(name, file) != 0)
			continue;
		if (strcmp(how, BEGUN) == 0)
			begun += now_ms - at_ms < BEGUN_MS;
		else
			done += now_ms - at_ms < DONE_MS;
	}
	if (f != NULL)
		fclose(f);
	*out = begun >= MENDED_MAX || done >= MENDED_MAX;
	return 0;
}

static bool
is_rebuilt(const struct store_mending *md, const char *file)
{
	size_t i;

	for (i = 0; i < md->n; i++)
		if (!md->files[i].aside && strcmp(md->files[i].name, file) == 0)
			return true;
	return false;
}

/* Does a line of STORE_MENDED say no more than the one that is added? */
static bool
is_outdated(const struct store_mending *md, const char *line, const char *how)
{
	char name[256], was[16];
	long long at_ms = 0;

	if (sscanf(line, "%255s %lld %15s", name, &at_ms, was) != 3)
		return true;
	if (strcmp(was, DONE) == 0)
		return store_wall_ms() - at_ms >= DONE_MS;
	return strcmp(how, DONE) == 0 && is_rebuilt(md, name);
}

/*
 * Adds BEGUN before a rebuild, so that a crash within is not met for ever, and
 * DONE when it has ended, well or not, in place of BEGUN.
 */
static int
note_mending(struct store_mending *md, const char *how, struct err *err)
{
	FILE *old, *f;
	char line[512];
	size_t i;

	if (store_note_open(md->st, STORE_MENDED, &old, err) < 0)
		return -1;
	f = store_note_make(md->st, STORE_MENDED STORE_NOTE_NEW);
	while (
	    f != NULL && old != NULL && fgets(line, sizeof(line), old) != NULL)
		if (!is_outdated(md, line, how))
			fputs(line, f);
	if (f != NULL)
		md->noted = ftello(f);
	for (i = 0; f != NULL && i < md->n; i++)
		if (!md->files[i].aside)
			fprintf(f, "%s %lld %s\n", md->files[i].name,
			    (long long)store_wall_ms(), how);
	if (old != NULL)
		fclose(old);
	return store_note_put(md->st, f, STORE_MENDED, err);
}

/* --- which files ---------------------------------------------------------- */

static int
look_at(void *arg, const char *file, struct err *err)
{
	struct store_mending *md = arg;
	struct salvage_pages pages;
	char path[4096];

	if (strncmp(file, "__db", 4) == 0 ||
	    span_starts(span_str(file), SEGMENTS_ASIDE))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", md->st->db_dir, file);
	if (salvage_judge(path, SALVAGE_PAGE_SIZE(file), &pages, err) < 0)
		return -1;
	/* There was no checkpoint perhaps, so zeros say nothing. */
	pages.zero = 0;
	if (!salvage_is_whole(&pages))
		store_mending_add(md, file);
	return 0;
}

/* Recovery failed, and did not say of which file. */
static int
find_damaged(struct store_mending *md, struct err *err)
{
	store_say(md->st, "looking for damaged pages");
	if (files_visit(md->st->db_dir, look_at, md, err) < 0)
		return -1;
	if (md->n == 0)
		store_mending_add(md, ANY);
	return 0;
}

/* Is the snapshot's file a hard link to ours, as for a closed segment? */
static bool
is_second_name(struct store *st, const char *folder, const char *file)
{
	char path[4200];
	struct stat a, b;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	if (stat(path, &a) < 0)
		return false;
	snprintf(path, sizeof(path), "%s/%s", st->db_dir, file);
	return stat(path, &b) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

/* Could snapshot and logs bring it back? */
static int
may_rebuild(struct store *st, const char *file, bool *may, struct err *err)
{
	struct salvage_pages pages;
	char folder[4096], path[4200];
	int64_t made_ms;
	bool was, there;

	if (was_mended(st, file, &was, err) < 0 ||
	    store_snapshot_time(st->opt.dir, &made_ms, err) < 0)
		return -1;
	*may = false;
	if (was)
		return 0;
	if (made_ms == 0)
		return store_log_is_complete(st, may, err);
	snprintf(folder, sizeof(folder), "%s/" STORE_SNAPSHOT, st->opt.dir);
	if (files_exist(folder, file, &there, err) < 0)
		return -1;
	/* A file made after the snapshot is in the logs. */
	*may = !there;
	if (!there)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	if (salvage_judge(path, SALVAGE_PAGE_SIZE(file), &pages, err) < 0)
		return err->code == ERR_IO ? 0 : -1; /* the disk gives none */
	/* A copy may be older than the writing of a page; the log has it. */
	if (!is_second_name(st, folder, file))
		pages.zero = 0;
	*may = salvage_is_whole(&pages);
	return 0;
}

/* --- setting aside -------------------------------------------------------- */

static int
set_aside(struct store *st, const char *file, struct err *err)
{
	char aside[BDB_FILE_MAX + sizeof(SEGMENTS_ASIDE)], path[4200];
	const char *without;
	bool may_go = store_table_may_go(file, &without), has_file, has_aside;
	int fd;

	/* Of a log that is lost, no more can be asked. */
	if (strcmp(file, ANY) == 0 && atomic_load(&st->lost))
		return store_loss_new_log(st, err);
	if (!may_go)
		return err_set(err, ERR_CORRUPT,
		    "table %s is damaged, and neither the snapshot nor the "
		    "logs bring it back: restore a backup",
		    strcmp(file, ANY) == 0 ? "(not known which)" : file);
	if (store_note_incomplete(st, file, err) < 0)
		return -1;
	snprintf(aside, sizeof(aside), SEGMENTS_ASIDE "%s", file);
	if (files_exist(st->db_dir, file, &has_file, err) < 0 ||
	    files_exist(st->db_dir, aside, &has_aside, err) < 0)
		return -1;
	if (has_file) {
		if (files_rename(st->db_dir, file, aside, err) < 0)
			return -1;
	} else if (!has_aside) {
		/* It was gone: empty, it says so. */
		snprintf(path, sizeof(path), "%s/%s", st->db_dir, aside);
		fd = open(path,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return err_errno(err, errno, "make %s", path);
		close(fd);
		if (files_sync_folder(st->db_dir, err) < 0)
			return -1;
	}
	store_say(st,
	    "table %s cannot be mended; it is set aside as %s/%s, and what is "
	    "whole in it is used: %s",
	    file, st->db_dir, aside, without);
	return 0;
}

/* --- mending -------------------------------------------------------------- */

static int
set_all_aside(struct store_mending *md, bool hopeless, struct err *err)
{
	size_t i;

	for (i = 0; i < md->n; i++)
		if (md->files[i].aside == hopeless &&
		    set_aside(md->st, md->files[i].name, err) < 0)
			return -1;
	return 0;
}

/* A rebuild that is tried again has not been; needs no room. */
static void
forget_mending(const struct store_mending *md)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/" STORE_MENDED, md->st->opt.dir);
	if (md->noted < 0 || truncate(path, md->noted) < 0)
		store_say(md->st, "%s cannot be set back", path);
}

static int
rebuild(struct store_mending *md, struct err *err)
{
	struct err why = ERR_INIT;

	if (note_mending(md, BEGUN, err) < 0)
		return -1;
	if (store_rebuild(md->st, &why) == 0)
		return 0;
	store_say(md->st, "%s", why.text);
	/* These pass; the store is tried again, and mended then. */
	if (why.code == ERR_FULL || why.code == ERR_NOMEM ||
	    why.code == ERR_DENIED) {
		forget_mending(md);
		*err = why;
		return -1;
	}
	if (note_mending(md, DONE, err) < 0)
		return -1;
	return set_all_aside(md, false, err);
}

int
store_mend(struct store *st, struct err *err)
{
	struct store_mending *md = calloc(1, sizeof(*md));
	struct err why = ERR_INIT;
	char path[4096];
	bool any = false, may;
	size_t i;
	int ret = -1;

	if (md == NULL)
		return err_set(err, ERR_NOMEM, "no memory to mend the store");
	md->st = st;
	if (store_rebuild_finish(st, err) < 0)
		goto out;
	if (store_mending_read(md, err) < 0 ||
	    (md->n == 0 && find_damaged(md, err) < 0))
		goto out;
	for (i = 0; i < md->n; i++) {
		if (may_rebuild(st, md->files[i].name, &may, err) < 0)
			goto out;
		md->files[i].aside = !may;
		any = any || may;
	}
	if (set_all_aside(md, true, err) < 0 || (any && rebuild(md, err) < 0))
		goto out;
	snprintf(path, sizeof(path), "%s/" STORE_DAMAGED, st->opt.dir);
	if (unlink(path) < 0 && errno != ENOENT) {
		err_errno(err, errno, "remove %s", path);
		goto out;
	}
	ret = files_sync_folder(st->opt.dir, err);
	/* Last: of a segment that is marked still, it would mean to give up. */
	if (ret == 0 && any && note_mending(md, DONE, &why) < 0)
		store_say(st, "%s", why.text);
out:
	free(md);
	return ret;
}
