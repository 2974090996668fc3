/*
 * names.c: does the name of each open file still lead to it? A file whose
 * name was taken away takes writes as before, and nobody finds it again.
 */
#include "lib/bdb/impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/files.h"

#define ANEW "anew" /* a file that is being written anew */
#define LINK_MAX_BYTES 4096
#define GONE " (deleted)" /* the kernel's word, behind a name */
#define PIECE (1 << 20)

/* How many links may lead to it says nothing: snapshots give second names. */
static bool
leads_to(const char *path, const struct stat *file)
{
	struct stat sb;

	if (lstat(path, &sb) < 0)
		return errno != ENOENT && errno != ENOTDIR; /* not told */
	return sb.st_dev == file->st_dev && sb.st_ino == file->st_ino;
}

/* Where a descriptor's file is now; "" when it has no name any more. */
static void
place_of(int fd, char place[LINK_MAX_BYTES])
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, place, LINK_MAX_BYTES - 1);
	place[n < 0 ? 0 : n] = '\0';
}

uint32_t
bdb_log_number(const char *name)
{
	unsigned long n;
	char *end;

	if (strncmp(name, "log.", 4) != 0 || strlen(name) != 14)
		return 0;
	n = strtoul(name + 4, &end, 10);
	return *end == '\0' ? (uint32_t)n : 0;
}

/* --- the log, with every flush -------------------------------------------- */

/* As the folders in folders.c: the library's hook takes no argument. */
static struct {
	pthread_mutex_t mutex;
	char dir[LINK_MAX_BYTES]; /* of the logs; "": no home is open */
	char path[LINK_MAX_BYTES + 32]; /* of the one flushed last */
	struct stat file; /* that one */
	atomic_bool astray;
} log_state = { .mutex = PTHREAD_MUTEX_INITIALIZER };

void
bdb_names_begin(const char *log_dir)
{
	pthread_mutex_lock(&log_state.mutex);
	memset(&log_state.file, 0, sizeof(log_state.file));
	log_state.path[0] = '\0';
	snprintf(log_state.dir, sizeof(log_state.dir), "%s",
	    log_dir == NULL ? "" : log_dir);
	/* A new start, in the same process. */
	if (log_dir != NULL)
		atomic_store(&log_state.astray, false);
	pthread_mutex_unlock(&log_state.mutex);
}

/*
 * Is this folder the one that the logs were opened in, whatever its name is
 * now? A snapshot that is tried has logs of the same names in its own.
 */
static bool
is_log_folder(const char *path)
{
	struct stat named, ours;
	int home_fd, log_fd;

	bdb_folders(&home_fd, &log_fd);
	return log_fd < 0 || fstat(log_fd, &ours) < 0 ||
	       (stat(path, &named) == 0 && named.st_dev == ours.st_dev &&
		   named.st_ino == ours.st_ino);
}

/* Is fd a log of the home? Then it is looked at from now on. */
static bool
take_log(int fd, const struct stat *file)
{
	char place[LINK_MAX_BYTES], *name;
	size_t len;

	place_of(fd, place);
	len = strlen(place);
	if (len > strlen(GONE) && strcmp(place + len - strlen(GONE), GONE) == 0)
		place[len - strlen(GONE)] = '\0';
	name = strrchr(place, '/');
	if (name == NULL || bdb_log_number(name + 1) == 0)
		return false;
	*name = '\0';
	if (!is_log_folder(place))
		return false;
	snprintf(log_state.path, sizeof(log_state.path), "%s/%s", log_state.dir,
	    name + 1);
	log_state.file = *file;
	return true;
}

void
bdb_names_flushed(int fd)
{
	struct stat file;

	if (fstat(fd, &file) < 0)
		return;
	pthread_mutex_lock(&log_state.mutex);
	if (log_state.dir[0] != '\0' &&
	    ((file.st_ino == log_state.file.st_ino &&
		 file.st_dev == log_state.file.st_dev) ||
		take_log(fd, &file)) &&
	    !leads_to(log_state.path, &file))
		atomic_store(&log_state.astray, true);
	pthread_mutex_unlock(&log_state.mutex);
}

bool
bdb_is_astray(const struct bdb *db)
{
	return !db->beside && atomic_load(&log_state.astray);
}

/* --- everything, now and then --------------------------------------------- */

/* The descriptor of an open table; -1: it has none. */
static int
fd_of(struct bdb_table *t)
{
	int fd = -1;

	return t->handle->fd(t->handle, &fd) == 0 ? fd : -1;
}

static bool
table_is_astray(struct bdb_table *t)
{
	struct stat file;
	struct err ignored = ERR_INIT;
	char *path;
	int fd = fd_of(t);
	bool astray;

	if (fd < 0 || fstat(fd, &file) < 0 ||
	    (path = bdb_path(t->db->home, t->file, &ignored)) == NULL)
		return false;
	astray = !leads_to(path, &file);
	free(path);
	return astray;
}

bool
bdb_look_at_names(struct bdb *db)
{
	struct bdb_table *t;

	pthread_mutex_lock(&log_state.mutex);
	if (log_state.path[0] != '\0' &&
	    !leads_to(log_state.path, &log_state.file))
		atomic_store(&log_state.astray, true);
	pthread_mutex_unlock(&log_state.mutex);
	pthread_mutex_lock(&db->tables_mutex);
	for (t = db->tables; t != NULL; t = t->next)
		if (table_is_astray(t))
			atomic_store(&log_state.astray, true);
	pthread_mutex_unlock(&db->tables_mutex);
	return !bdb_is_astray(db);
}

/* --- bringing back -------------------------------------------------------- */

struct bringing {
	struct bdb *db;
	const char *aside; /* a folder for what stands in the place of ours */
	char last[BDB_FILE_MAX + 1]; /* what was brought back, for people */
	unsigned n;
};

/* Moves a file that is not ours out of the way. It is never removed. */
static int
move_aside(const struct bringing *br, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *to = NULL;
	struct stat sb;
	int ret = 0;

	if (lstat(path, &sb) < 0)
		return 0;
	if (mkdir(br->aside, 0700) < 0 && errno != EEXIST)
		return err_errno(err, errno, "make folder %s", br->aside);
	to = bdb_path(br->aside, slash == NULL ? path : slash + 1, err);
	if (to == NULL)
		return -1;
	if (rename(path, to) < 0)
		ret = err_errno(err, errno, "rename %s to %s", path, to);
	free(to);
	return ret;
}

/* The folder under its name again, or a new one. */
static int
bring_folder(struct bringing *br, int fd, const char *path, struct err *err)
{
	char place[LINK_MAX_BYTES];
	struct stat folder;

	if (fstat(fd, &folder) < 0)
		return err_errno(err, errno, "look at folder %s", path);
	if (leads_to(path, &folder))
		return 0;
	if (move_aside(br, path, err) < 0)
		return -1;
	place_of(fd, place);
	br->n++;
	if (leads_to(place, &folder) && rename(place, path) == 0)
		return 0;
	if (mkdir(path, 0700) < 0)
		return err_errno(err, errno, "make folder %s", path);
	return 0;
}

static int
copy_descriptor(int fd, const char *path, struct err *err)
{
	char *piece = malloc(PIECE);
	off_t at = 0;
	ssize_t n = -1;
	int out = -1, ret = -1;

	if (piece == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a copy");
	out = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out < 0)
		goto out;
	while ((n = pread(fd, piece, PIECE, at)) > 0) {
		errno = ENOSPC;
		if (pwrite(out, piece, (size_t)n, at) != n)
			goto out;
		at += n;
	}
	if (n == 0 && fsync(out) == 0)
		ret = 0;
out:
	if (ret < 0)
		err_errno(err, errno, "write %s anew", path);
	if (out >= 0)
		close(out);
	free(piece);
	return ret;
}

static int
bring_file(struct bringing *br, int fd, const char *dir, const char *name,
    struct err *err)
{
	char *path = bdb_path(dir, name, err), *anew = NULL;
	struct stat file;
	int ret = -1;

	if (path == NULL || (anew = bdb_path(dir, ANEW, err)) == NULL)
		goto out;
	ret = 0;
	if (fstat(fd, &file) == 0 && leads_to(path, &file))
		goto out;
	ret = -1;
	if (copy_descriptor(fd, anew, err) < 0 || move_aside(br, path, err) < 0)
		goto out;
	if (rename(anew, path) < 0) {
		err_errno(err, errno, "rename %s to %s", anew, path);
		goto out;
	}
	br->n++;
	snprintf(br->last, sizeof(br->last), "%s", name);
	ret = 0;
out:
	free(path);
	free(anew);
	return ret;
}

/* The library keeps the log's descriptor to itself. */
static int
bring_log(struct bringing *br, struct err *err)
{
	const char *name = strrchr(log_state.path, '/');
	struct dirent *entry;
	struct stat file;
	DIR *d = opendir("/proc/self/fd");
	int fd, ret = 0;
	bool found = false;

	if (d == NULL)
		return err_errno(err, errno, "look for the log's descriptor");
	if (name == NULL) {
		closedir(d);
		return 0;
	}
	while (!found && (entry = readdir(d)) != NULL) {
		fd = atoi(entry->d_name);
		if (entry->d_name[0] == '.' || fstat(fd, &file) < 0 ||
		    file.st_ino != log_state.file.st_ino ||
		    file.st_dev != log_state.file.st_dev)
			continue;
		found = true;
		ret = bring_file(br, fd, br->db->log_dir, name + 1, err);
	}
	closedir(d);
	return ret;
}

static int
bring_all(struct bringing *br, struct err *err)
{
	struct bdb *db = br->db;
	struct bdb_table *t;
	int home_fd, log_fd, fd, ret = 0;

	bdb_folders(&home_fd, &log_fd);
	if (bring_folder(br, home_fd, db->home, err) < 0 ||
	    bring_folder(br, log_fd, db->log_dir, err) < 0)
		return -1;
	pthread_mutex_lock(&db->tables_mutex);
	for (t = db->tables; ret == 0 && t != NULL; t = t->next)
		if ((fd = fd_of(t)) >= 0)
			ret = bring_file(br, fd, db->home, t->file, err);
	pthread_mutex_unlock(&db->tables_mutex);
	/* Last: it may not be older than what tables hold. */
	if (ret < 0 || bring_log(br, err) < 0)
		return -1;
	if (files_sync_folder(db->log_dir, err) < 0 ||
	    files_sync_folder(db->home, err) < 0)
		return -1;
	return 0;
}

int
bdb_bring_back(struct bdb *db, const char *aside, unsigned *n, struct err *err)
{
	struct bringing br = { .db = db, .aside = aside };
	int ret;

	/* No transaction is under way, and none will be. */
	pthread_mutex_lock(&db->writing);
	/*
	 * All that is in memory goes to the tables: older logs may be out of
	 * reach, so recovery must need the newest alone.
	 */
	ret = db->env->txn_checkpoint(db->env, 0, 0, DB_FORCE);
	if (ret == 0)
		ret = db->env->txn_checkpoint(db->env, 0, 0, DB_FORCE);
	if (ret != 0)
		ret = bdb_err(db, err, ret, "checkpoint");
	else
		ret = bring_all(&br, err);
	pthread_mutex_unlock(&db->writing);
	*n = br.n;
	return ret;
}
