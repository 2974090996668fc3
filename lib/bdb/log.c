/* log.c: checkpoints, log files, copies of tables. */
#include "lib/bdb/impl.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/files.h"

int
bdb_checkpoint(struct bdb *db, struct err *err)
{
	int ret;

	ret = db->env->txn_checkpoint(db->env, 0, 0, DB_FORCE);
	if (ret != 0)
		return bdb_err(db, err, ret, "checkpoint");
	if (bdb_is_fenced(db))
		return err_set(err, ERR_IO, "checkpoint: a flush failed");
	return 0;
}

int
bdb_log_ends(struct bdb *db, uint64_t *put, uint64_t *on_disk, struct err *err)
{
	DB_LOG_STAT *stat = NULL;
	int ret = db->env->log_stat(db->env, &stat, 0);

	if (ret != 0)
		return bdb_err(db, err, ret, "ask where the log ends");
	*put = (uint64_t)stat->st_cur_file * BDB_LOG_FILE_MAX +
	       stat->st_cur_offset;
	*on_disk = (uint64_t)stat->st_disk_file * BDB_LOG_FILE_MAX +
		   stat->st_disk_offset;
	free(stat);
	return 0;
}

uint64_t
bdb_log_since_checkpoint(struct bdb *db)
{
	DB_LOG_STAT *stat = NULL;
	uint64_t n;

	if (db->env->log_stat(db->env, &stat, 0) != 0)
		return 0;
	n = ((uint64_t)stat->st_wc_mbytes << 20) + stat->st_wc_bytes;
	free(stat);
	return n;
}

/* Visits the log files; those below remove_below are unlinked. */
static int
walk_logs(struct bdb *db, uint32_t remove_below, uint32_t *newest,
    uint64_t *bytes, struct err *err)
{
	struct dirent *entry;
	struct stat sb;
	uint32_t number;
	int ret = 0;
	DIR *d = opendir(db->log_dir);

	*newest = 0;
	*bytes = 0;
	if (d == NULL)
		return err_errno(err, errno, "open folder %s", db->log_dir);
	while ((entry = readdir(d)) != NULL) {
		number = bdb_log_number(entry->d_name);
		if (number == 0)
			continue;
		if (number < remove_below) {
			if (unlinkat(dirfd(d), entry->d_name, 0) < 0)
				ret = err_errno(err, errno, "remove %s/%s",
				    db->log_dir, entry->d_name);
			continue;
		}
		if (number > *newest)
			*newest = number;
		if (fstatat(dirfd(d), entry->d_name, &sb, 0) == 0)
			*bytes += (uint64_t)sb.st_size;
	}
	closedir(d);
	return ret;
}

uint64_t
bdb_log_bytes(struct bdb *db)
{
	struct err err;
	uint32_t newest;
	uint64_t bytes = 0;

	walk_logs(db, 0, &newest, &bytes, &err);
	return bytes;
}

int
bdb_log_range(
    struct bdb *db, uint32_t *newest, uint32_t *needed, struct err *err)
{
	char **list = NULL, **at;
	uint32_t last, oldest_unneeded = 0, number;
	uint64_t bytes;
	int ret;

	if (walk_logs(db, 0, &last, &bytes, err) < 0)
		return -1;
	ret = db->env->log_archive(db->env, &list, 0);
	if (ret != 0)
		return bdb_err(db, err, ret, "list the logs");
	/* The library names the files that are no longer needed. */
	for (at = list; at != NULL && *at != NULL; at++) {
		const char *slash = strrchr(*at, '/');

		number = bdb_log_number(slash == NULL ? *at : slash + 1);
		if (number > oldest_unneeded)
			oldest_unneeded = number;
	}
	free(list);
	*newest = last;
	*needed = oldest_unneeded + 1;
	return 0;
}

int
bdb_log_remove(struct bdb *db, uint32_t number, struct err *err)
{
	uint32_t newest;
	uint64_t bytes;

	if (walk_logs(db, number, &newest, &bytes, err) < 0)
		return -1;
	bdb_names_changed();
	return files_sync_folder(db->log_dir, err);
}

int
bdb_table_copy(
    struct bdb *db, const char *file, const char *dir, struct err *err)
{
	int ret;

	bdb_judge_copies(true);
	ret = db->env->dbbackup(db->env, file, dir, 0);
	bdb_judge_copies(false);
	if (ret != 0) {
		bdb_err(db, err, ret, "copy");
		return err_wrap(err, "table %s", file);
	}
	return 0;
}

int
bdb_files(struct bdb *db,
    int (*visit)(void *arg, const char *file, struct err *err), void *arg,
    struct err *err)
{
	return files_visit(db->home, visit, arg, err);
}
