/* bdb.c: Berkeley DB, guarded. */
#include "lib/bdb.h"

#include <db.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util.h"

#define LOG_FILE_MAX (10 * 1024 * 1024)
#define LOG_BUFFER (2 * 1024 * 1024) /* 64 KiB once froze a run for 40 s */
#define MEMORY_GONE 70 /* EX_SOFTWARE: the exit status when malloc fails */
#define TRIES 64 /* a reader that lost a deadlock tries again */
#define LOCKS_MAX 100000
#define KNOWN 16

struct bdb {
	DB_ENV *env;
	char *home, *log_dir;
	void (*log)(void *arg, const char *line);
	void *arg;
	char complaint[256]; /* the library's last words, for messages */
	pthread_mutex_t complaint_mutex;
	atomic_bool panicked;
};

struct bdb_table {
	struct bdb *db;
	DB *handle;
	char file[BDB_FILE_MAX + 1];
};

struct bdb_txn {
	struct bdb *db;
	DB_TXN *handle;
};

/*
 * The library's hooks take no argument, so what they need stands here: the
 * one exception to "no mutable globals". A process has one home open.
 *
 * The hook flushes the folders too before it flushes a file that it has not
 * seen since: a new log file's name must last before anything in it counts,
 * and the library never flushes a folder ([M] 148 of 150 images lost acked
 * events without this).
 */
static struct {
	pthread_mutex_t mutex;
	int home_fd, log_fd; /* -1: no home is open */
	ino_t known[KNOWN]; /* files whose names are known to last */
	unsigned next;
	atomic_bool failed; /* an fsync failed in this process: never again */
} sync_state = { PTHREAD_MUTEX_INITIALIZER, -1, -1, { 0 }, 0, false };

static void
forget_known(void)
{
	pthread_mutex_lock(&sync_state.mutex);
	memset(sync_state.known, 0, sizeof(sync_state.known));
	pthread_mutex_unlock(&sync_state.mutex);
}

static int
sync_names(int fd)
{
	struct stat sb;
	unsigned i;
	int ret = 0;

	if (fstat(fd, &sb) < 0)
		return errno;
	pthread_mutex_lock(&sync_state.mutex);
	for (i = 0; i < KNOWN; i++)
		if (sync_state.known[i] == sb.st_ino)
			goto out;
	if (sync_state.home_fd >= 0 &&
	    (fsync(sync_state.log_fd) < 0 || fsync(sync_state.home_fd) < 0)) {
		ret = errno;
		goto out;
	}
	sync_state.known[sync_state.next++ % KNOWN] = sb.st_ino;
out:
	pthread_mutex_unlock(&sync_state.mutex);
	return ret;
}

/*
 * One try. After a failed fsync the kernel may have dropped the pages, so a
 * second one would succeed and prove nothing; left alone, the library tries
 * 100 times and then reports success.
 */
static int
sync_once(int fd)
{
	int ret;

	if (atomic_load(&sync_state.failed))
		return EIO;
	ret = sync_names(fd);
	if (ret == 0 && fdatasync(fd) < 0)
		ret = errno;
	if (ret != 0)
		atomic_store(&sync_state.failed, true);
	return ret;
}

/*
 * A malloc that fails inside the library's recovery was once swallowed, and
 * made a store that nothing could open again. Leaving is safe at any instant.
 */
static void *
malloc_or_leave(size_t size)
{
	void *p = malloc(size);

	if (p == NULL && size > 0)
		_exit(MEMORY_GONE);
	return p;
}

static void *
realloc_or_leave(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (p == NULL && size > 0)
		_exit(MEMORY_GONE);
	return p;
}

/* --- errors -------------------------------------------------------------- */

static void
take_complaint(const DB_ENV *env, const char *prefix, const char *msg)
{
	struct bdb *db = env->app_private;

	(void)prefix;
	if (db == NULL)
		return;
	pthread_mutex_lock(&db->complaint_mutex);
	snprintf(db->complaint, sizeof(db->complaint), "%s", msg);
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

static int
err_db(struct bdb *db, struct err *err, int code, const char *doing)
{
	char words[sizeof(db->complaint)];

	pthread_mutex_lock(&db->complaint_mutex);
	memcpy(words, db->complaint, sizeof(words));
	db->complaint[0] = '\0';
	pthread_mutex_unlock(&db->complaint_mutex);
	if (code > 0) {
		err_errno(err, code, "%s", doing);
	} else {
		err_set(err,
		    code == DB_RUNRECOVERY || code == DB_VERIFY_BAD
			? ERR_CORRUPT
			: ERR_IO,
		    "%s: %s", doing, db_strerror(code));
	}
	if (code == DB_RUNRECOVERY)
		atomic_store(&db->panicked, true);
	if (words[0] != '\0') {
		size_t used = strlen(err->text);

		snprintf(
		    err->text + used, sizeof(err->text) - used, " (%s)", words);
	}
	return -1;
}

bool
bdb_is_fenced(const struct bdb *db)
{
	return atomic_load(&sync_state.failed) || atomic_load(&db->panicked);
}

/* --- the environment ----------------------------------------------------- */

int
bdb_sync_folder(const char *path, struct err *err)
{
	int fd, ret = 0;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "open folder %s", path);
	if (fsync(fd) < 0)
		ret = err_errno(err, errno, "flush folder %s", path);
	close(fd);
	return ret;
}

static char *
join(const char *dir, const char *name, struct err *err)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		return NULL;
	}
	return path;
}

/*
 * Lets go of what the kernel has cached of a folder's files: after a failed
 * fsync the cache may hold bytes that the disk does not, and recovery must
 * see what the disk holds.
 */
static void
drop_cached(const char *dir)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	int fd;

	if (d == NULL)
		return;
	while ((entry = readdir(d)) != NULL) {
		fd = openat(
		    dirfd(d), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			continue;
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
	closedir(d);
}

static int
make_folder(const char *path, const char *parent, struct err *err)
{
	if (mkdir(path, 0700) == 0)
		return bdb_sync_folder(parent, err);
	if (errno != EEXIST)
		return err_errno(err, errno, "make folder %s", path);
	return 0;
}

/* A DB_CONFIG is obeyed by the library and can turn durability off. */
static int
refuse_db_config(const char *home, struct err *err)
{
	char *path = join(home, "DB_CONFIG", err);
	struct stat sb;
	int ret = 0;

	if (path == NULL)
		return -1;
	if (lstat(path, &sb) == 0)
		ret = err_set(err, ERR_DENIED,
		    "%s must not be there: it could turn durability off; "
		    "remove it",
		    path);
	free(path);
	return ret;
}

static int
open_sync_folders(struct bdb *db, struct err *err)
{
	int home, log;

	home = open(db->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log = open(db->log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (home < 0 || log < 0) {
		err_errno(err, errno, "open folder %s", db->home);
		if (home >= 0)
			close(home);
		if (log >= 0)
			close(log);
		return -1;
	}
	pthread_mutex_lock(&sync_state.mutex);
	sync_state.home_fd = home;
	sync_state.log_fd = log;
	memset(sync_state.known, 0, sizeof(sync_state.known));
	pthread_mutex_unlock(&sync_state.mutex);
	return 0;
}

static void
close_sync_folders(void)
{
	pthread_mutex_lock(&sync_state.mutex);
	if (sync_state.home_fd >= 0) {
		close(sync_state.home_fd);
		close(sync_state.log_fd);
		sync_state.home_fd = sync_state.log_fd = -1;
	}
	pthread_mutex_unlock(&sync_state.mutex);
}

/* "log.0000000012" to 12; 0 for other names. */
static uint32_t
log_number(const char *name)
{
	unsigned long n;
	char *end;

	if (strncmp(name, "log.", 4) != 0 || strlen(name) != 14)
		return 0;
	n = strtoul(name + 4, &end, 10);
	return *end == '\0' ? (uint32_t)n : 0;
}

static int
sync_logs(struct bdb *db, struct err *err)
{
	struct dirent *entry;
	DIR *d = opendir(db->log_dir);
	int fd, failed = 0;

	if (d == NULL)
		return err_errno(err, errno, "open folder %s", db->log_dir);
	while (failed == 0 && (entry = readdir(d)) != NULL) {
		if (log_number(entry->d_name) == 0)
			continue;
		fd = openat(
		    dirfd(d), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0) {
			failed = errno;
		} else {
			failed = sync_once(fd);
			close(fd);
		}
	}
	closedir(d);
	return failed == 0 ? 0 : err_errno(err, failed, "flush the log");
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
	    (ret = env->set_lg_max(env, LOG_FILE_MAX)) != 0 ||
	    (ret = env->set_lg_bsize(env, LOG_BUFFER)) != 0 ||
	    (ret = env->set_lk_detect(env, DB_LOCK_MINWRITE)) != 0 ||
	    (ret = env->set_lk_max_locks(env, LOCKS_MAX)) != 0 ||
	    (ret = env->set_lk_max_objects(env, LOCKS_MAX)) != 0 ||
	    (ret = env->set_lk_max_lockers(env, LOCKS_MAX)) != 0 ||
	    (ret = env->set_cachesize(env, (u_int32_t)(opt->cache >> 30),
		 (u_int32_t)(opt->cache & ((1U << 30) - 1)), 1)) != 0)
		return err_db(db, err, ret, "configure Berkeley DB");
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
	db->log = opt->log;
	db->arg = opt->arg;
	db->home = join(opt->home, ".", err);
	db->log_dir = join(opt->home, "log", err);
	if (db->home == NULL || db->log_dir == NULL)
		goto out;
	if (make_folder(db->log_dir, db->home, err) < 0 ||
	    refuse_db_config(opt->home, err) < 0)
		goto out;
	drop_cached(db->home);
	drop_cached(db->log_dir);
	if (open_sync_folders(db, err) < 0)
		goto out;
	db_env_set_func_fsync(sync_once);
	db_env_set_func_malloc(malloc_or_leave);
	db_env_set_func_realloc(realloc_or_leave);
	ret = db_env_create(&db->env, 0);
	if (ret != 0) {
		err_db(db, err, ret, "create the environment");
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
		err_db(db, err, ret, "recover");
		if (err->code == ERR_IO || err->code == ERR_NOTFOUND)
			err->code = ERR_CORRUPT;
		goto out;
	}
	/*
	 * What recovery read may be in the kernel's cache alone (the process
	 * before us died, the machine did not); from here on it is answered
	 * from, so it must be on the disk.
	 */
	if (sync_logs(db, err) < 0)
		goto out;
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
		db->env->close(db->env, 0);
		close_sync_folders();
	}
	pthread_mutex_destroy(&db->complaint_mutex);
	free(db->home);
	free(db->log_dir);
	free(db);
}

/* --- tables -------------------------------------------------------------- */

int
bdb_table_open(struct bdb *db, struct bdb_txn *txn, const char *file,
    unsigned page_size, bool create, struct bdb_table **out, struct err *err)
{
	struct bdb_table *t;
	char doing[BDB_FILE_MAX + 16];
	u_int32_t flags = 0, has = 0;
	int ret;

	snprintf(doing, sizeof(doing), "table %s", file);
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a table");
	t->db = db;
	snprintf(t->file, sizeof(t->file), "%s", file);
	ret = db_create(&t->handle, db->env, 0);
	if (ret != 0) {
		err_db(db, err, ret, doing);
		goto fail;
	}
	if ((ret = t->handle->set_flags(t->handle, DB_CHKSUM)) != 0 ||
	    (page_size != 0 &&
		(ret = t->handle->set_pagesize(t->handle, page_size)) != 0) ||
	    (ret = t->handle->open(t->handle, txn == NULL ? NULL : txn->handle,
		 file, NULL, DB_BTREE,
		 DB_THREAD | (txn == NULL ? DB_AUTO_COMMIT : 0) |
		     (create ? DB_CREATE | DB_EXCL : 0),
		 0600)) != 0) {
		err_db(db, err, ret, doing);
		goto fail;
	}
	t->handle->get_flags(t->handle, &flags);
	t->handle->get_pagesize(t->handle, &has);
	if ((flags & DB_CHKSUM) == 0 || (page_size != 0 && has != page_size)) {
		err_set(err, ERR_CORRUPT,
		    "table %s has %s checksums and pages of %u bytes, not "
		    "what it was made with",
		    file, (flags & DB_CHKSUM) == 0 ? "no" : "its",
		    (unsigned)has);
		goto fail;
	}
	if (create)
		forget_known();
	*out = t;
	return 0;
fail:
	if (t->handle != NULL)
		t->handle->close(t->handle, DB_NOSYNC);
	free(t);
	return -1;
}

void
bdb_table_close(struct bdb_table *t)
{
	if (t == NULL)
		return;
	t->handle->close(t->handle, DB_NOSYNC);
	free(t);
}

int
bdb_table_remove(
    struct bdb *db, struct bdb_txn *txn, const char *file, struct err *err)
{
	int ret;

	ret = db->env->dbremove(db->env, txn->handle, file, NULL, 0);
	if (ret != 0) {
		err_db(db, err, ret, "remove a table");
		return err_wrap(err, "%s", file);
	}
	forget_known();
	return 0;
}

uint64_t
bdb_table_bytes(const struct bdb_table *t)
{
	struct stat sb;
	struct err err;
	char *path = join(t->db->home, t->file, &err);
	uint64_t n = 0;

	if (path != NULL && stat(path, &sb) == 0)
		n = (uint64_t)sb.st_size;
	free(path);
	return n;
}

int
bdb_table_verify(struct bdb *db, const char *file, struct err *err)
{
	DB *handle;
	int ret;

	ret = db_create(&handle, db->env, 0);
	if (ret != 0)
		return err_db(db, err, ret, "verify");
	/* verify() ends the handle, whatever it finds. */
	ret = handle->verify(handle, file, NULL, NULL, 0);
	if (ret != 0) {
		err_db(db, err, ret, "verify");
		return err_wrap(err, "table %s", file);
	}
	return 0;
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
	ret = db->env->txn_begin(db->env, NULL, &txn->handle, DB_TXN_NOSYNC);
	if (ret != 0) {
		free(txn);
		return err_db(db, err, ret, "begin");
	}
	*out = txn;
	return 0;
}

int
bdb_commit(struct bdb_txn *txn, struct err *err)
{
	struct bdb *db = txn->db;
	int ret;

	ret = txn->handle->commit(txn->handle, DB_TXN_NOSYNC);
	free(txn);
	return ret == 0 ? 0 : err_db(db, err, ret, "commit");
}

void
bdb_abort(struct bdb_txn *txn)
{
	if (txn == NULL)
		return;
	txn->handle->abort(txn->handle);
	free(txn);
}

int
bdb_flush(struct bdb *db, struct err *err)
{
	int ret;

	if (!bdb_is_fenced(db)) {
		ret = db->env->log_flush(db->env, NULL);
		if (ret != 0)
			return err_db(db, err, ret, "flush the log");
	}
	/* Another thread's failed fsync may have been for our bytes too. */
	if (bdb_is_fenced(db))
		return err_set(err, ERR_IO,
		    "a flush failed earlier; only a new start helps");
	return 0;
}

/* --- records ------------------------------------------------------------- */

static DBT
dbt_from(struct span s)
{
	DBT d;

	memset(&d, 0, sizeof(d));
	d.data = (void *)(uintptr_t)s.ptr; /* the library only reads it */
	d.size = (u_int32_t)s.len;
	return d;
}

static DB_TXN *
txn_of(struct bdb_txn *txn)
{
	return txn == NULL ? NULL : txn->handle;
}

static int
fail_on(struct bdb_table *t, int ret, const char *doing, struct err *err)
{
	err_db(t->db, err, ret, doing);
	return err_wrap(err, "table %s", t->file);
}

int
bdb_put(struct bdb_table *t, struct bdb_txn *txn, struct span key,
    struct span value, struct err *err)
{
	DBT k = dbt_from(key), v = dbt_from(value);
	int ret;

	if (value.len > BDB_RECORD_MAX)
		return err_set(err, ERR_LIMIT,
		    "record of %zu bytes is too long", value.len);
	ret = t->handle->put(t->handle, txn_of(txn), &k, &v, 0);
	return ret == 0 ? 0 : fail_on(t, ret, "put", err);
}

int
bdb_add(struct bdb_table *t, struct bdb_txn *txn, struct span key,
    struct span value, bool *added, struct err *err)
{
	DBT k = dbt_from(key), v = dbt_from(value);
	int ret;

	ret = t->handle->put(t->handle, txn_of(txn), &k, &v, DB_NOOVERWRITE);
	if (ret != 0 && ret != DB_KEYEXIST)
		return fail_on(t, ret, "add", err);
	*added = ret == 0;
	return 0;
}

int
bdb_delete(struct bdb_table *t, struct bdb_txn *txn, struct span key,
    bool *found, struct err *err)
{
	DBT k = dbt_from(key);
	int ret;

	ret = t->handle->del(t->handle, txn_of(txn), &k, 0);
	if (ret != 0 && ret != DB_NOTFOUND)
		return fail_on(t, ret, "delete", err);
	*found = ret == 0;
	return 0;
}

/* A buffer of ours for the library to fill; grows when it says so. */
static DBT
dbt_into(struct buf *b)
{
	DBT d;

	memset(&d, 0, sizeof(d));
	d.data = b->ptr;
	d.ulen = (u_int32_t)b->room;
	d.flags = DB_DBT_USERMEM;
	return d;
}

static int
grow_for(struct buf *b, const DBT *d, struct err *err)
{
	unsigned char *at;

	b->len = 0;
	return d->size <= b->room ? 0 : buf_reserve(b, d->size, &at, err);
}

static int
first_room(struct buf *b, struct err *err)
{
	unsigned char *at;

	b->len = 0;
	return buf_reserve(b, b->max < 64 ? b->max : 64, &at, err);
}

int
bdb_get(struct bdb_table *t, struct bdb_txn *txn, struct span key,
    struct buf *value, bool *found, struct err *err)
{
	DBT k = dbt_from(key), v;
	int ret, tries = 0;

	if (first_room(value, err) < 0)
		return -1;
	do {
		v = dbt_into(value);
		ret = t->handle->get(t->handle, txn_of(txn), &k, &v, 0);
		if (ret == DB_BUFFER_SMALL && grow_for(value, &v, err) < 0)
			return err_wrap(err, "table %s", t->file);
	} while (ret == DB_BUFFER_SMALL ||
		 (ret == DB_LOCK_DEADLOCK && txn == NULL && ++tries < TRIES));
	if (ret != 0 && ret != DB_NOTFOUND)
		return fail_on(t, ret, "get", err);
	*found = ret == 0;
	value->len = ret == 0 ? v.size : 0;
	return 0;
}

/* One try at a place; the key in k is what is sought, and then what it is. */
static int
seek_once(DBC *c, enum bdb_seek seek, struct span key, DBT *k, DBT *v)
{
	int ret;

	switch (seek) {
	case BDB_FIRST:
		return c->get(c, k, v, DB_FIRST);
	case BDB_LAST:
		return c->get(c, k, v, DB_LAST);
	case BDB_GE:
		return c->get(c, k, v, DB_SET_RANGE);
	case BDB_GT:
		ret = c->get(c, k, v, DB_SET_RANGE);
		if (ret == 0 && span_eq(span_of(k->data, k->size), key))
			ret = c->get(c, k, v, DB_NEXT);
		return ret;
	case BDB_LE:
		ret = c->get(c, k, v, DB_SET_RANGE);
		if (ret == 0 && span_eq(span_of(k->data, k->size), key))
			return 0;
		if (ret == 0)
			return c->get(c, k, v, DB_PREV);
		return ret == DB_NOTFOUND ? c->get(c, k, v, DB_LAST) : ret;
	case BDB_LT:
		ret = c->get(c, k, v, DB_SET_RANGE);
		if (ret == 0)
			return c->get(c, k, v, DB_PREV);
		return ret == DB_NOTFOUND ? c->get(c, k, v, DB_LAST) : ret;
	}
	return DB_NOTFOUND;
}

int
bdb_find(struct bdb_table *t, struct bdb_txn *txn, enum bdb_seek seek,
    struct span key, struct buf *found_key, struct buf *value, bool *found,
    struct err *err)
{
	DBC *c;
	DBT k, v;
	int ret, tries = 0;

	if (first_room(found_key, err) < 0 || first_room(value, err) < 0)
		return -1;
	for (;;) {
		ret = t->handle->cursor(t->handle, txn_of(txn), &c, 0);
		if (ret != 0)
			return fail_on(t, ret, "cursor", err);
		/* The cursor wants the key in the buffer that it fills. */
		found_key->len = 0;
		if (buf_put_span(found_key, key, err) < 0) {
			c->close(c);
			return -1;
		}
		k = dbt_into(found_key);
		k.size = (u_int32_t)key.len;
		v = dbt_into(value);
		ret = seek_once(c, seek, key, &k, &v);
		/* No lock may stay: the writer would wait for it. */
		c->close(c);
		if (ret == DB_BUFFER_SMALL) {
			if (grow_for(value, &v, err) < 0 ||
			    grow_for(found_key, &k, err) < 0)
				return err_wrap(err, "table %s", t->file);
			continue;
		}
		if (ret == DB_LOCK_DEADLOCK && txn == NULL && ++tries < TRIES)
			continue;
		break;
	}
	if (ret != 0 && ret != DB_NOTFOUND)
		return fail_on(t, ret, "find", err);
	*found = ret == 0;
	found_key->len = ret == 0 ? k.size : 0;
	value->len = ret == 0 ? v.size : 0;
	return 0;
}

int
bdb_count(struct bdb_table *t, bool estimate, uint64_t *out, struct err *err)
{
	DB_BTREE_STAT *stat = NULL;
	int ret;

	ret = t->handle->stat(t->handle, NULL, &stat,
	    estimate ? DB_FAST_STAT : DB_READ_COMMITTED);
	if (ret != 0)
		return fail_on(t, ret, "count", err);
	*out = stat->bt_nkeys;
	free(stat);
	return 0;
}

/* --- upkeep -------------------------------------------------------------- */

int
bdb_checkpoint(struct bdb *db, struct err *err)
{
	int ret;

	ret = db->env->txn_checkpoint(db->env, 0, 0, DB_FORCE);
	if (ret != 0)
		return err_db(db, err, ret, "checkpoint");
	if (bdb_is_fenced(db))
		return err_set(err, ERR_IO, "checkpoint: a flush failed");
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
		number = log_number(entry->d_name);
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
		return err_db(db, err, ret, "list the logs");
	/* The library names the files that are no longer needed. */
	for (at = list; at != NULL && *at != NULL; at++) {
		const char *slash = strrchr(*at, '/');

		number = log_number(slash == NULL ? *at : slash + 1);
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
	forget_known();
	return bdb_sync_folder(db->log_dir, err);
}

int
bdb_table_copy(
    struct bdb *db, const char *file, const char *dir, struct err *err)
{
	int ret;

	ret = db->env->dbbackup(db->env, file, dir, 0);
	if (ret != 0) {
		err_db(db, err, ret, "copy");
		return err_wrap(err, "table %s", file);
	}
	return 0;
}

int
bdb_folder_files(const char *folder,
    int (*visit)(void *arg, const char *file, struct err *err), void *arg,
    struct err *err)
{
	struct dirent *entry;
	struct stat sb;
	DIR *d = opendir(folder);
	int ret = 0;

	if (d == NULL)
		return err_errno(err, errno, "open folder %s", folder);
	while (ret == 0 && (entry = readdir(d)) != NULL)
		if (fstatat(dirfd(d), entry->d_name, &sb,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(sb.st_mode))
			ret = visit(arg, entry->d_name, err);
	closedir(d);
	return ret;
}

int
bdb_files(struct bdb *db,
    int (*visit)(void *arg, const char *file, struct err *err), void *arg,
    struct err *err)
{
	return bdb_folder_files(db->home, visit, arg, err);
}
