/* bdb.c: the environment: recovery, flushing, transactions. */
#include "lib/bdb/bdb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/bdb/impl.h"

#define LOG_BUFFER (2 * 1024 * 1024) /* 64 KiB once froze a run for 40 s */
#define LOCKS_MAX 100000
#define RECENT_S 120 /* what was written to within this of the last write */
#define FETCH_MAX (32 * 1024 * 1024) /* of each such table */

/*
 * An fsync failed in this process: none is tried again. Global for the same
 * reason as the folders in folders.c: the library's hooks take no argument.
 */
static atomic_bool flush_failed;

/*
 * One try. After a failed fsync the kernel may have dropped the pages, so a
 * second one would succeed and prove nothing; left alone, the library tries
 * 100 times and then reports success.
 */
static int
sync_once(int fd, bool names)
{
	int ret;

	if (atomic_load(&flush_failed))
		return EIO;
	ret = names ? bdb_folders_flush(fd) : 0;
	if (ret == 0 && fdatasync(fd) < 0)
		ret = errno;
	bdb_lack_note(ret);
	if (ret != 0)
		atomic_store(&flush_failed, true);
	return ret;
}

/* Flushes one file, once, as everything is flushed here. An errno or 0. */
static int
sync_file(int fd)
{
	int ret = sync_once(fd, true);

	if (ret == 0)
		bdb_names_flushed(fd);
	return ret;
}

/* --- errors -------------------------------------------------------------- */

static void
take_complaint(const DB_ENV *env, const char *prefix, const char *msg)
{
	struct bdb *db = env->app_private;

	(void)prefix;
	if (db == NULL)
		return;
	bdb_lack_note_words(msg);
	pthread_mutex_lock(&db->complaint_mutex);
	snprintf(db->complaint, sizeof(db->complaint), "%s", msg);
	if (strstr(msg, "checksum error") != NULL)
		atomic_store(&db->damaged, true);
	pthread_mutex_unlock(&db->complaint_mutex);
	if (db->log != NULL)
		db->log(db->arg, msg);
}

static void
take_event(DB_ENV *env, u_int32_t event, void *info)
{
	struct bdb *db = env->app_private;

	(void)info;
	if (event == DB_EVENT_PANIC && db != NULL)
		atomic_store(&db->panicked, true);
}

bool
bdb_is_damaged(const struct bdb *db)
{
	return atomic_load(&db->damaged) ||
	       (!db->beside && bdb_damaged(NULL, 0) > 0);
}

bool
bdb_is_fenced(const struct bdb *db)
{
	return atomic_load(&flush_failed) || atomic_load(&db->panicked) ||
	       bdb_is_astray(db) || bdb_is_damaged(db);
}

void
bdb_spend_process(void)
{
	atomic_store(&flush_failed, true);
}

bool
bdb_process_is_spent(void)
{
	return atomic_load(&flush_failed);
}

/* --- the environment ----------------------------------------------------- */

/*
 * Lets go of what the kernel has cached of a folder's files: after a failed
 * fsync the cache may hold bytes that the disk does not, and recovery must
 * see what the disk holds.
 */
static int
drop_cached(const char *dir, struct err *err)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	int fd, ret = 0;

	if (d == NULL)
		return err_errno(err, errno, "open folder %s", dir);
	while (ret == 0 && (entry = readdir(d)) != NULL) {
		fd = openat(
		    dirfd(d), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0) {
			(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
			close(fd);
		} else if (bdb_lack_is(errno)) {
			ret = err_errno(
			    err, errno, "open %s/%s", dir, entry->d_name);
		}
	}
	closedir(d);
	return ret;
}

static int
make_folder(const char *path, const char *parent, struct err *err)
{
	if (mkdir(path, 0700) == 0)
		return files_sync_folder(parent, err);
	if (errno != EEXIST)
		return err_errno(err, errno, "make folder %s", path);
	return 0;
}

/* A DB_CONFIG is obeyed by the library and can turn durability off. */
static int
refuse_db_config(const char *home, struct err *err)
{
	bool there;

	if (files_exist(home, "DB_CONFIG", &there, err) < 0)
		return -1;
	if (there)
		return err_set(err, ERR_DENIED,
		    "%s/DB_CONFIG must not be there: it could turn durability "
		    "off; remove it",
		    home);
	return 0;
}

/*
 * The process before us may have died, and the machine not: then files hold
 * in the kernel's cache alone what recovery is about to build upon. It takes
 * a page that has a change for one that needs none, and writes pages on the
 * word of log records; so all of it must be on the disk before.
 */
static int
sync_all(const char *dir, struct err *err)
{
	struct dirent *entry;
	struct stat sb;
	DIR *d = opendir(dir);
	int fd, failed = 0;

	if (d == NULL)
		return err_errno(err, errno, "open folder %s", dir);
	while (failed == 0 && (entry = readdir(d)) != NULL) {
		if (fstatat(dirfd(d), entry->d_name, &sb, AT_SYMLINK_NOFOLLOW) <
			0 ||
		    !S_ISREG(sb.st_mode))
			continue;
		fd = openat(
		    dirfd(d), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0) {
			failed = errno;
		} else {
			failed = sync_once(fd, false);
			close(fd);
		}
	}
	/* All names with one flush, behind the files. */
	if (failed == 0 && fsync(dirfd(d)) < 0) {
		failed = errno;
		atomic_store(&flush_failed, true);
	}
	closedir(d);
	return failed == 0 ? 0 : err_errno(err, failed, "flush folder %s", dir);
}

/*
 * Recovery asks for the pages that changed last one after the other, those of
 * remembered ids in no order at all. They are fetched here all at once: the
 * ends of the tables that were written to shortly before the last of them.
 */
static void
fetch_recent(const char *dir)
{
	struct dirent *entry;
	struct stat sb;
	time_t newest = 0;
	DIR *d = opendir(dir);
	int fd, pass;

	for (pass = 0; d != NULL && pass < 2; pass++, rewinddir(d))
		while ((entry = readdir(d)) != NULL) {
			if (fstatat(dirfd(d), entry->d_name, &sb,
				AT_SYMLINK_NOFOLLOW) < 0 ||
			    !S_ISREG(sb.st_mode))
				continue;
			if (pass == 0 && sb.st_mtime > newest)
				newest = sb.st_mtime;
			if (pass == 0 || sb.st_mtime < newest - RECENT_S)
				continue;
			fd = openat(dirfd(d), entry->d_name,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
			if (fd < 0)
				continue;
			(void)posix_fadvise(fd,
			    sb.st_size > FETCH_MAX ? sb.st_size - FETCH_MAX : 0,
			    FETCH_MAX, POSIX_FADV_WILLNEED);
			close(fd);
		}
	if (d != NULL)
		closedir(d);
}

static int
configure(struct bdb *db, const struct bdb_options *opt, struct err *err)
{
	DB_ENV *env = db->env;
	int ret;

	env->app_private = db;
	env->set_errcall(env, take_complaint);
	env->set_errpfx(env, NULL);
	if ((ret = env->set_event_notify(env, take_event)) != 0 ||
	    (ret = env->set_lg_dir(env, "log")) != 0 ||
	    (ret = env->set_lg_max(env, BDB_LOG_FILE_MAX)) != 0 ||
	    (ret = env->set_lg_bsize(env, LOG_BUFFER)) != 0 ||
	    (ret = env->set_lk_detect(env, DB_LOCK_MINWRITE)) != 0 ||
	    (ret = env->set_lk_max_locks(env, LOCKS_MAX)) != 0 ||
	    (ret = env->set_lk_max_objects(env, LOCKS_MAX)) != 0 ||
	    (ret = env->set_lk_max_lockers(env, LOCKS_MAX)) != 0 ||
	    (ret = env->set_cachesize(env, (u_int32_t)(opt->cache >> 30),
		 (u_int32_t)(opt->cache & ((1U << 30) - 1)), 1)) != 0)
		return bdb_err(db, err, ret, "configure Berkeley DB");
	return 0;
}

int
bdb_open(const struct bdb_options *opt, struct bdb **out, struct err *err)
{
	struct bdb *db;
	int ret, result = -1;

	db = calloc(1, sizeof(*db));
	if (db == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the database");
	pthread_mutex_init(&db->complaint_mutex, NULL);
	pthread_mutex_init(&db->writing, NULL);
	pthread_mutex_init(&db->tables_mutex, NULL);
	db->beside = opt->beside;
	db->log = opt->log;
	db->arg = opt->arg;
	db->home = strdup(opt->home);
	db->log_dir = bdb_path(opt->home, "log", err);
	if (db->home == NULL || db->log_dir == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		goto out;
	}
	if (make_folder(db->log_dir, db->home, err) < 0 ||
	    refuse_db_config(opt->home, err) < 0)
		goto out;
	if (!opt->beside &&
	    (drop_cached(db->home, err) < 0 ||
		drop_cached(db->log_dir, err) < 0 ||
		bdb_folders_open(db->home, db->log_dir, err) < 0))
		goto out;
	if (sync_all(db->home, err) < 0 || sync_all(db->log_dir, err) < 0)
		goto out;
	fetch_recent(db->home);
	bdb_lack_begin();
	db_env_set_func_fsync(sync_file);
	db_env_set_func_malloc(bdb_malloc_or_leave);
	db_env_set_func_realloc(bdb_realloc_or_leave);
	if (!db->beside)
		bdb_judge(BDB_JUDGE_RECOVERY, db->home);
	ret = db_env_create(&db->env, 0);
	if (ret != 0) {
		bdb_err(db, err, ret, "create the environment");
		goto out;
	}
	if (configure(db, opt, err) < 0)
		goto out;
	ret = db->env->open(db->env, opt->home,
	    DB_CREATE | DB_PRIVATE | DB_THREAD | DB_INIT_MPOOL | DB_INIT_LOG |
		DB_INIT_LOCK | DB_INIT_TXN |
		(opt->fatal ? DB_RECOVER_FATAL : DB_RECOVER),
	    0600);
	if (ret != 0) {
		bdb_err(db, err, ret, "recover");
		if (bdb_lack_errno() != 0)
			err_errno(err, bdb_lack_errno(), "recover");
		else if (err->code == ERR_IO || err->code == ERR_NOTFOUND)
			err->code = ERR_CORRUPT;
		goto out;
	}
	if (!db->beside)
		bdb_names_begin(db->log_dir);
	if (!db->beside)
		bdb_judge(BDB_JUDGE_SERVICE, db->home);
	*out = db;
	db = NULL;
	result = 0;
out:
	bdb_close(db);
	return result;
}

void
bdb_close(struct bdb *db)
{
	if (db == NULL)
		return;
	if (db->env != NULL) {
		if (!db->beside)
			bdb_names_begin(NULL);
		db->env->close(db->env, 0);
		if (!db->beside) {
			bdb_judge(BDB_JUDGE_NOTHING, NULL);
			bdb_folders_close();
		}
	}
	pthread_mutex_destroy(&db->complaint_mutex);
	pthread_mutex_destroy(&db->writing);
	pthread_mutex_destroy(&db->tables_mutex);
	free(db->home);
	free(db->log_dir);
	free(db);
}

/* --- transactions -------------------------------------------------------- */

int
bdb_begin(struct bdb *db, struct bdb_txn **out, struct err *err)
{
	struct bdb_txn *txn = calloc(1, sizeof(*txn));
	int ret;

	if (txn == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a transaction");
	txn->db = db;
	pthread_mutex_lock(&db->writing);
	if (bdb_is_astray(db)) {
		err_set(err, ERR_AWAY, "a file was taken away from the store");
		goto failed;
	}
	ret = db->env->txn_begin(db->env, NULL, &txn->handle, DB_TXN_NOSYNC);
	if (ret != 0) {
		bdb_err(db, err, ret, "begin");
		goto failed;
	}
	*out = txn;
	return 0;
failed:
	pthread_mutex_unlock(&db->writing);
	free(txn);
	return -1;
}

int
bdb_commit(struct bdb_txn *txn, struct err *err)
{
	struct bdb *db = txn->db;
	int ret;

	ret = txn->handle->commit(txn->handle, DB_TXN_NOSYNC);
	pthread_mutex_unlock(&db->writing);
	free(txn);
	return ret == 0 ? 0 : bdb_err(db, err, ret, "commit");
}

void
bdb_abort(struct bdb_txn *txn)
{
	if (txn == NULL)
		return;
	txn->handle->abort(txn->handle);
	pthread_mutex_unlock(&txn->db->writing);
	free(txn);
}

int
bdb_flush(struct bdb *db, struct err *err)
{
	int ret;

	if (!bdb_is_fenced(db)) {
		ret = db->env->log_flush(db->env, NULL);
		if (ret != 0)
			return bdb_err(db, err, ret, "flush the log");
	}
	if (bdb_is_astray(db))
		return err_set(err, ERR_IO,
		    "the log is not where its name leads any more");
	/* Another thread's failed fsync may have been for our bytes too. */
	if (bdb_is_fenced(db))
		return err_set(err, ERR_IO,
		    "a flush failed earlier; only a new start helps");
	return 0;
}
