/* rebuild.c: snapshot and logs become a store again. */
#include "lib/engine_bdb/impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/files.h"

#define REBUILT "db.rebuilt"
#define DAMAGED "db.damaged"
#define FIRST_LOG "log.0000000001"

struct placing {
	const char *from, *to;
	const char *db_dir; /* that is to be replaced */
};

/* Was it set aside, since nothing brings it back? */
static int
is_aside(const char *db_dir, const char *file, bool *yes, struct err *err)
{
	char aside[BDB_FILE_MAX + sizeof(SEGMENTS_ASIDE)];
	bool has_aside, has_file;

	snprintf(aside, sizeof(aside), SEGMENTS_ASIDE "%s", file);
	if (files_exist(db_dir, aside, &has_aside, err) < 0 ||
	    files_exist(db_dir, file, &has_file, err) < 0)
		return -1;
	*yes = has_aside && !has_file;
	return 0;
}

static int
copy_one(void *arg, const char *file, struct err *err)
{
	struct placing *pl = arg;

	bool aside;

	/* The manifest is the snapshot's own. */
	if (strcmp(file, "MANIFEST") == 0)
		return 0;
	if (is_aside(pl->db_dir, file, &aside, err) < 0)
		return -1;
	return aside ? 0 : files_copy(pl->from, pl->to, file, err);
}

static int
keep_aside(void *arg, const char *file, struct err *err)
{
	struct placing *pl = arg;

	return span_starts(span_str(file), SEGMENTS_ASIDE)
		   ? files_link(pl->from, pl->to, file, err)
		   : 0;
}

/* The log may have made again what is set aside. */
static int
drop_aside(void *arg, const char *file, struct err *err)
{
	struct placing *pl = arg;
	char path[4200];
	bool aside;

	if (is_aside(pl->from, file, &aside, err) < 0)
		return -1;
	if (!aside)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", pl->to, file);
	return unlink(path) < 0 ? err_errno(err, errno, "remove %s", path) : 0;
}

static int
verify_one(void *arg, const char *file, struct err *err)
{
	if (span_starts(span_str(file), SEGMENTS_ASIDE))
		return 0;
	return bdb_table_verify(arg, file, err);
}

/* Recovers what was laid out, and verifies every table of it. */
static int
recover(struct store *st, const char *home, struct err *err)
{
	struct bdb_options opt = {
		.home = home, .cache = st->opt.cache, .fatal = true
	};
	struct placing aside = { st->db_dir, home, st->db_dir };
	struct bdb *db;
	bool there;
	int ret = -1;

	if (bdb_open(&opt, &db, err) < 0)
		return -1;
	if (bdb_table_exists(db, store_table_name(0), &there, err) < 0)
		ret = -1;
	/* A log that is damaged near its beginning leads to no store at all. */
	else if (!there)
		err_set(err, ERR_CORRUPT, "the logs lead to no table \"%s\"",
		    store_table_name(0));
	else if (bdb_checkpoint(db, err) == 0 &&
		 bdb_files(db, drop_aside, &aside, err) == 0)
		ret = bdb_files(db, verify_one, db, err);
	bdb_close(db);
	return ret;
}

int
store_log_is_complete(struct store *st, bool *complete, struct err *err)
{
	char logs[4200];

	snprintf(logs, sizeof(logs), "%s/" STORE_LOG_FOLDER, st->db_dir);
	return files_exist(logs, FIRST_LOG, complete, err);
}

static int
lay_out(struct store *st, const char *home, const char *snapshot,
    bool has_snapshot, struct err *err)
{
	char *logs = NULL, *new_logs = NULL;
	struct placing tables = { snapshot, home, st->db_dir },
		       aside = { st->db_dir, home, st->db_dir }, log;
	bool complete;
	int ret = -1;

	if (asprintf(&logs, "%s/" STORE_LOG_FOLDER, st->db_dir) < 0 ||
	    asprintf(&new_logs, "%s/" STORE_LOG_FOLDER, home) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		goto out;
	}
	log.from = logs;
	log.to = new_logs;
	log.db_dir = logs;
	/* Without a snapshot, the logs must reach back to the beginning. */
	if (store_log_is_complete(st, &complete, err) < 0)
		goto out;
	if (!has_snapshot && !complete) {
		err_set(err, ERR_CORRUPT,
		    "there is no snapshot, and the log does not reach back "
		    "to the beginning: restore a backup");
		goto out;
	}
	if (files_fresh_folder(home, STORE_LOG_FOLDER, err) < 0 ||
	    (has_snapshot &&
		files_visit(snapshot, copy_one, &tables, err) < 0) ||
	    files_visit(logs, copy_one, &log, err) < 0 ||
	    files_visit(st->db_dir, keep_aside, &aside, err) < 0 ||
	    files_sync_folder(new_logs, err) < 0 ||
	    files_sync_folder(home, err) < 0)
		goto out;
	ret = 0;
out:
	free(logs);
	free(new_logs);
	return ret;
}

int
store_rebuild(struct store *st, struct err *err)
{
	char *home = NULL, *snapshot = NULL, *damaged = NULL;
	struct err ignored = ERR_INIT;
	int64_t made_ms;
	bool has_snapshot;
	int ret = -1;

	if (store_snapshot_time(st->opt.dir, &made_ms, err) < 0)
		return err_wrap(err, "rebuild the store");
	has_snapshot = made_ms != 0;
	store_say(st, "the store is damaged; it is rebuilt from %s",
	    has_snapshot ? "the snapshot and the logs since" : "its logs");
	if (asprintf(&home, "%s/" REBUILT, st->opt.dir) < 0 ||
	    asprintf(&snapshot, "%s/" STORE_SNAPSHOT, st->opt.dir) < 0 ||
	    asprintf(&damaged, "%s/" DAMAGED, st->opt.dir) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		goto out;
	}
	if (lay_out(st, home, snapshot, has_snapshot, err) < 0 ||
	    recover(st, home, err) < 0) {
		(void)files_remove_folder(home, STORE_LOG_FOLDER, &ignored);
		goto out;
	}
	/* A crash between the two renames leaves REBUILT: see _finish. */
	if (files_remove_folder(damaged, STORE_LOG_FOLDER, err) < 0 ||
	    files_rename(st->opt.dir, STORE_DB_FOLDER, DAMAGED, err) < 0 ||
	    files_rename(st->opt.dir, REBUILT, STORE_DB_FOLDER, err) < 0)
		goto out;
	store_say(
	    st, "the store is rebuilt; the damaged files are in %s", damaged);
	ret = 0;
out:
	if (ret < 0)
		err_wrap(err, "rebuild the store");
	free(home);
	free(snapshot);
	free(damaged);
	return ret;
}

int
store_rebuild_finish(struct store *st, struct err *err)
{
	bool has_db, has_rebuilt;

	if (files_exist(st->opt.dir, STORE_DB_FOLDER, &has_db, err) < 0 ||
	    files_exist(st->opt.dir, REBUILT, &has_rebuilt, err) < 0)
		return -1;
	if (has_db || !has_rebuilt)
		return 0;
	return files_rename(st->opt.dir, REBUILT, STORE_DB_FOLDER, err);
}
