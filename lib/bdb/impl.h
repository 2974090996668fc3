/*
 * impl.h: what the files of the door to Berkeley DB share, and the one
 * place that knows <db.h>. Nobody else includes it.
 *
 * bdb.c	environment, recovery, the fsync hook, transactions
 * bdb/error.c	its errors in our words
 * bdb/folders.c	the folders of the home, flushed with new files in them
 * bdb/table.c	tables and records
 * bdb/log.c	checkpoints, log files, copies
 * bdb/names.c	files whose names were taken away
 * bdb/scan.c	the log files read without the library
 * bdb/lack.c	what the system refused first: room, a descriptor, memory
 * bdb/judge.c	each page that the library reads is judged first
 */
#ifndef EYELET_LIB_BDB_IMPL_H
#define EYELET_LIB_BDB_IMPL_H

#include <db.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/bdb/bdb.h"

#define BDB_LOG_FILE_MAX (10 * 1024 * 1024)

struct bdb {
	DB_ENV *env;
	char *home, *log_dir;
	void (*log)(void *arg, const char *line);
	void *arg;
	char complaint[256]; /* the library's last words, for messages */
	pthread_mutex_t complaint_mutex;
	atomic_bool panicked, damaged;
	bool beside;
	pthread_mutex_t writing; /* held while a transaction is under way */
	pthread_mutex_t tables_mutex;
	struct bdb_table *tables; /* those that are open */
};

struct bdb_table {
	struct bdb *db;
	DB *handle;
	char file[BDB_FILE_MAX + 1];
	struct bdb_table *next; /* of the open ones */
};

struct bdb_txn {
	struct bdb *db;
	DB_TXN *handle;
};

/* bdb/lack.c */
/* Does it say that the system has none to give, and nothing about the files? */
bool bdb_lack_is(int error);
void bdb_lack_begin(void); /* what was noted is forgotten */
void bdb_lack_note(int error); /* any errno */
void bdb_lack_note_words(const char *words); /* any complaint */
/* The first such errno that was noted since; else 0. */
int bdb_lack_errno(void);
/* For the library: they end the process where there is no memory. */
void *bdb_malloc_or_leave(size_t size);
void *bdb_realloc_or_leave(void *old, size_t size);

/* bdb/error.c */
/* Is the library's code its word for damage? */
bool bdb_says_damaged(int code);
/* Sets err for a code of the library; its last complaint stands behind. */
int bdb_err(struct bdb *db, struct err *err, int code, const char *doing);
/* dir/name, to be freed; NULL with ERR_NOMEM. */
char *bdb_path(const char *dir, const char *name, struct err *err);

/* bdb/folders.c */
int
bdb_folders_open(const char *home_dir, const char *log_dir, struct err *err);
void bdb_folders_close(void);
/* Flushes them, before the first flush of the file fd. An errno or 0. */
int bdb_folders_flush(int fd);
/* Names in the folders changed: they are flushed before the next flush. */
void bdb_names_changed(void);
/* Descriptors of the folders that are open; -1: none. */
void bdb_folders(int *home_fd, int *log_fd);

/* bdb/names.c */
void bdb_names_begin(const char *log_dir); /* NULL: no home is open */
void bdb_names_flushed(int fd); /* the hook's, behind each flush */

/* bdb/judge.c */
/* How a page that is not whole is treated. */
enum bdb_judging {
	BDB_JUDGE_NOTHING,
	BDB_JUDGE_RECOVERY, /* pages may never have been written: noted only */
	BDB_JUDGE_SERVICE /* a read of such a page fails with BDB_PAGE_BAD */
};
#define BDB_PAGE_BAD EBADMSG /* none of those that the library tries again */

/* Before an environment is made, and as it goes on; home is its folder. */
void bdb_judge(enum bdb_judging what, const char *home);
/* This thread reads files outside the environment, and judges by itself. */
void bdb_judge_apart(bool apart);
/* This thread copies a table of the home: a page may be in memory alone. */
void bdb_judge_copies(bool begins);

#endif
