/* snapshot.c: a copy from which a damaged store can be rebuilt. */
#include "lib/engine_bdb/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/bdb/salvage.h"

#define NEW STORE_SNAPSHOT ".new"
#define OLD STORE_SNAPSHOT ".old"
#define TRIAL STORE_SNAPSHOT ".trial"
#define MANIFEST "MANIFEST" /* the last file written: without it, no copy */

struct copying {
	struct store *st;
	const char *to;
};

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

/*
 * What is closed never changes, so a second name for it is copy enough: a
 * page tears only while it is written.
 */
static int
copy_segment(void *arg, const char *file, bool closed, struct err *err)
{
	struct copying *cp = arg;

	if (closed)
		return files_link(cp->st->db_dir, cp->to, file, err);
	return bdb_table_copy(cp->st->db, file, cp->to, err);
}

static int
copy_tables(struct store *st, const char *to, struct err *err)
{
	struct copying cp = { st, to };
	size_t i;

	for (i = 0; store_table_name(i) != NULL; i++)
		if (bdb_table_copy(st->db, store_table_name(i), to, err) < 0)
			return -1;
	if (segments_files(st->segments, copy_segment, &cp, err) < 0)
		return -1;
	return dedupe_files(st->dedupe, copy_segment, &cp, err);
}

/* --- whole, or not -------------------------------------------------------- */

struct judging {
	struct store *st;
	const char *folder, *before; /* the new copy, the one there is */
};

static int
judge(const char *folder, const char *file, struct salvage_pages *out,
    struct err *err)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	return salvage_judge(path, SALVAGE_PAGE_SIZE(file), out, err);
}

static bool
is_same_file(const char *a, const char *b, const char *file)
{
	char x[4200], y[4200];
	struct stat sx, sy;

	snprintf(x, sizeof(x), "%s/%s", a, file);
	snprintf(y, sizeof(y), "%s/%s", b, file);
	return stat(x, &sx) == 0 && stat(y, &sy) == 0 &&
	       sx.st_ino == sy.st_ino && sx.st_dev == sy.st_dev;
}

/*
 * The log that could mend a damaged page goes once the copy is in its place;
 * so a copy that is not whole is none. What is damaged in the store itself is
 * mended from the copy before. A segment that is closed is judged once.
 */
static int
judge_one(void *arg, const char *file, struct err *err)
{
	struct judging *jd = arg;
	/* A second name, not a copy, has what is closed. */
	bool closed = is_same_file(jd->folder, jd->st->db_dir, file);
	struct salvage_pages pages;

	if (closed && is_same_file(jd->folder, jd->before, file))
		return 0;
	if (judge(jd->folder, file, &pages, err) < 0)
		return -1;
	if (!closed)
		pages.zero = 0;
	if (salvage_is_whole(&pages))
		return 0;
	/* A page may be written while it is read, but not each time. */
	if (judge(jd->st->db_dir, file, &pages, err) == 0 &&
	    !salvage_is_whole(&pages))
		bdb_note_damaged(jd->st->db, file);
	return err_set(err, ERR_CORRUPT, "table %s is damaged", file);
}

static int
judge_all(struct store *st, const char *folder, struct err *err)
{
	char *before = path_of(st, STORE_SNAPSHOT, err);
	struct judging jd = { st, folder, before };
	int ret;

	if (before == NULL)
		return -1;
	ret = files_visit(folder, judge_one, &jd, err);
	free(before);
	return ret;
}

/* --- logs ----------------------------------------------------------------- */

struct log_copying {
	const char *from, *to;
	uint32_t needed;
};

static int
copy_log(void *arg, const char *file, struct err *err)
{
	struct log_copying *lc = arg;

	if (bdb_log_number(file) < lc->needed)
		return 0;
	return files_copy(lc->from, lc->to, file, err);
}

static int
copy_logs(struct store *st, const char *home, uint32_t needed, struct err *err)
{
	struct log_copying lc = { .needed = needed };
	char *from = NULL, *to = NULL;
	int ret = -1;

	if (asprintf(&from, "%s/" STORE_LOG_FOLDER, st->db_dir) < 0 ||
	    asprintf(&to, "%s/" STORE_LOG_FOLDER, home) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		goto out;
	}
	lc.from = from;
	lc.to = to;
	ret = files_visit(from, copy_log, &lc, err);
out:
	free(from);
	free(to);
	return ret;
}

struct placing {
	const char *from, *to;
};

/* Recovery writes to what it recovers, so the trial has its own copies. */
static int
copy_for_trial(void *arg, const char *file, struct err *err)
{
	struct placing *pl = arg;

	return files_copy(pl->from, pl->to, file, err);
}

/* Does the copy, with the logs since, recover? Only then is it one. */
static int
prove(struct store *st, const char *snapshot, uint32_t needed, struct err *err)
{
	char *trial = path_of(st, TRIAL, err);
	struct bdb_options opt = {
		.cache = 8 << 20, .fatal = true, .beside = true
	};
	struct placing all = { snapshot, trial };
	struct bdb *db = NULL;
	struct err ignored = ERR_INIT;
	int ret = -1;

	if (trial == NULL)
		return -1;
	opt.home = trial;
	if (files_fresh_folder(trial, STORE_LOG_FOLDER, err) < 0 ||
	    files_visit(snapshot, copy_for_trial, &all, err) < 0 ||
	    copy_logs(st, trial, needed, err) < 0 ||
	    bdb_open(&opt, &db, err) < 0)
		goto out;
	ret = 0;
out:
	bdb_close(db);
	if (ret < 0)
		err_wrap(err, "the snapshot does not recover");
	(void)files_remove_folder(trial, STORE_LOG_FOLDER, &ignored);
	free(trial);
	return ret;
}

static int
write_manifest(const char *folder, uint32_t needed, int64_t ms, struct err *err)
{
	char *path = NULL, line[128];
	int fd, len, ret = 0;

	if (asprintf(&path, "%s/" MANIFEST, folder) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	len = snprintf(line, sizeof(line),
	    "eyelet-snapshot 1 first-log %lu made-ms %lld\n",
	    (unsigned long)needed, (long long)ms);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	errno = fd < 0 ? errno : ENOSPC;
	if (fd < 0 || write(fd, line, (size_t)len) != len || fsync(fd) < 0)
		ret = err_errno(err, errno, "write %s", path);
	if (fd >= 0)
		close(fd);
	free(path);
	return ret;
}

/* The old copy goes only once the new one is in its place. */
static int
put_in_place(struct store *st, const char *old, struct err *err)
{
	bool there;

	if (files_remove_folder(old, NULL, err) < 0 ||
	    files_exist(st->opt.dir, STORE_SNAPSHOT, &there, err) < 0)
		return -1;
	if (there && files_rename(st->opt.dir, STORE_SNAPSHOT, OLD, err) < 0)
		return -1;
	if (files_rename(st->opt.dir, NEW, STORE_SNAPSHOT, err) < 0)
		return -1;
	return files_remove_folder(old, NULL, err);
}

static int
make(struct store *st, struct err *err)
{
	char *folder = path_of(st, NEW, err), *old = path_of(st, OLD, err);
	uint32_t newest, needed;
	int64_t now = store_wall_ms();
	struct err ignored = ERR_INIT;
	int ret = -1;

	if (folder == NULL || old == NULL ||
	    files_fresh_folder(folder, NULL, err) < 0)
		goto out;
	/* Recovery of the copy begins where it would begin now. */
	if (bdb_log_range(st->db, &newest, &needed, err) < 0 ||
	    copy_tables(st, folder, err) < 0 ||
	    judge_all(st, folder, err) < 0 ||
	    prove(st, folder, needed, err) < 0 ||
	    write_manifest(folder, needed, now, err) < 0 ||
	    files_sync_folder(folder, err) < 0 ||
	    put_in_place(st, old, err) < 0 ||
	    bdb_log_remove(st->db, needed, err) < 0)
		goto out;
	atomic_store(&st->snapshot_ms, now);
	ret = 0;
out:
	if (ret < 0 && folder != NULL)
		(void)files_remove_folder(folder, NULL, &ignored);
	free(folder);
	free(old);
	return ret;
}

/*
 * The size that is kept counts from the last snapshot; one that failed is not
 * tried again before as much log again has come.
 */
int
store_snapshot_keep(struct store *st, struct err *err)
{
	uint64_t bytes = bdb_log_bytes(st->db);

	if (!atomic_exchange(&st->snapshot_due, false) &&
	    (bytes <= st->limits.log_keep_max ||
		bytes < st->snapshot_retry_bytes))
		return 0;
	if (make(st, err) < 0) {
		st->snapshot_retry_bytes = bytes + st->limits.log_keep_max;
		return -1;
	}
	st->snapshot_retry_bytes = 0;
	return 0;
}

int
store_snapshot_time(const char *dir, int64_t *ms, struct err *err)
{
	unsigned long first;
	long long made_ms = 0;
	char *path = NULL;
	FILE *f;
	int ret = 0;

	if (asprintf(&path, "%s/" STORE_SNAPSHOT "/" MANIFEST, dir) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	f = fopen(path, "re");
	if (f == NULL && errno != ENOENT && errno != ENOTDIR)
		ret = err_errno(err, errno, "read %s", path);
	if (f != NULL &&
	    fscanf(f, "eyelet-snapshot 1 first-log %lu made-ms %lld", &first,
		&made_ms) != 2)
		made_ms = 0;
	if (f != NULL)
		fclose(f);
	free(path);
	*ms = made_ms;
	return ret;
}
