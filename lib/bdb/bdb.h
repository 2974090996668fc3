/*
 * bdb.h: the one door to Berkeley DB: ordered tables of bytes in one private
 * environment, with transactions that are made durable by a flush of the log.
 * Everything that was measured to go wrong with the library is guarded here:
 * checksums and page sizes, one try for a failed fsync, folders flushed after
 * a file came or went, leaving when memory ends, a DB_CONFIG refused.
 *
 * One process at a time opens a home (owner.h sees to it), and one home at a
 * time is open in a process, copies that are looked at beside it aside: the
 * library's fsync hook knows no environment.
 * One thread writes (transactions never wait for each other); any may read.
 */
#ifndef EYELET_LIB_BDB_BDB_H
#define EYELET_LIB_BDB_BDB_H

#include <stdint.h>

#include "lib/base/bytes.h"

struct bdb;
struct bdb_table;
struct bdb_txn;

#define BDB_RECORD_MAX (48 * 1024 * 1024) /* bytes of a value: a batch */
#define BDB_FILE_MAX 64 /* bytes of a table's file name */

struct bdb_options {
	const char *home; /* folder of the tables; logs in its "log" folder */
	uint64_t cache; /* bytes */
	bool fatal; /* recover from all logs there are */
	bool beside; /* a copy, beside the home that is open; not kept */
	void (*log)(void *arg, const char *line); /* the library's words */
	void *arg;
};

/*
 * Makes the folders where they are missing, recovers, opens. ERR_DENIED when
 * a DB_CONFIG is there, ERR_CORRUPT when recovery fails, ERR_FULL, ERR_IO.
 */
int bdb_open(const struct bdb_options *opt, struct bdb **out, struct err *err);

/* Closes without a checkpoint; tables must be closed before. NULL is fine. */
void bdb_close(struct bdb *db);

/*
 * Did a flush fail, or does the library want recovery? From then on nothing
 * may be acknowledged, and only a new process may try again.
 * bdb_is_damaged: because a page's sum was wrong, so that recovery alone will
 * not do.
 */
bool bdb_is_damaged(const struct bdb *db);
bool bdb_is_fenced(const struct bdb *db);
/* Did a flush fail in this process, so that it may open no home any more? */
bool bdb_process_is_spent(void);
/* A flush of a file beside the home failed: it counts as one in the home. */
void bdb_spend_process(void);

/*
 * Was the name of an open file taken away, or given to another one? Seen with
 * every flush for the log, and by bdb_look_at_names (true: all is well) for
 * the other files. Nothing may be acknowledged from then on: the files are
 * brought back, and the process starts anew.
 */
bool bdb_is_astray(const struct bdb *db);
bool bdb_look_at_names(struct bdb *db);

/*
 * Writes each file whose name does not lead to it anew under that name, from
 * its descriptor; *n counts them. Folders are renamed back, or made. What
 * stands in their place goes to the folder aside, made if need be. No
 * transaction begins afterwards.
 */
int
bdb_bring_back(struct bdb *db, const char *aside, unsigned *n, struct err *err);

/*
 * Which tables' files are damaged, as far as it was noticed since bdb_open: a
 * page's sum was wrong, one was zeros that must not be, a file ended early.
 * Each such read fails with ERR_CORRUPT, before the library takes zeros for
 * a page that was never written; it would answer that nothing is there. Any
 * thread notes what it notices by itself. At most max are named.
 */
#define BDB_DAMAGED_MAX 64
size_t bdb_damaged(char files[][BDB_FILE_MAX + 1], size_t max);
void bdb_note_damaged(struct bdb *db, const char *file);

/* --- tables -------------------------------------------------------------- */

/*
 * Opens a table; with create, makes it within txn. page_size 0 takes the
 * one it has; it is checked otherwise. ERR_NOTFOUND, ERR_CORRUPT, ERR_IO.
 */
int bdb_table_open(struct bdb *db, struct bdb_txn *txn, const char *file,
    unsigned page_size, bool create, struct bdb_table **out, struct err *err);
void bdb_table_close(struct bdb_table *t); /* no user left; NULL is fine */

/* Removes a table (closed before) within txn; its bytes come back at commit. */
int bdb_table_remove(
    struct bdb *db, struct bdb_txn *txn, const char *file, struct err *err);

/* Is there a table of this name? */
int bdb_table_exists(
    struct bdb *db, const char *file, bool *there, struct err *err);

/* Bytes of the table's file on disk. */
uint64_t bdb_table_bytes(const struct bdb_table *t);

/*
 * Verifies a table's file on disk, structure, order and checksums. A
 * checkpoint comes first, and no transaction may write the table meanwhile.
 * ERR_CORRUPT.
 */
int bdb_table_verify(struct bdb *db, const char *file, struct err *err);

/* --- transactions -------------------------------------------------------- */

int bdb_begin(struct bdb *db, struct bdb_txn **out, struct err *err);

/* Ends txn, also when it fails. Durable only after the next bdb_flush. */
int bdb_commit(struct bdb_txn *txn, struct err *err);
void bdb_abort(struct bdb_txn *txn); /* NULL is fine */

/* Everything committed before the call is on disk once this returns 0. */
int bdb_flush(struct bdb *db, struct err *err);

/* A place in the log. */
struct bdb_lsn {
	uint32_t file, offset;
};

/* How far the log is on disk. */
int bdb_durable(struct bdb *db, struct bdb_lsn *out, struct err *err);

/* Puts into the log what was durable, for bdb/scan.h; with the next flush. */
void bdb_note(struct bdb *db, uint64_t seq, struct bdb_lsn durable);

/* --- records ------------------------------------------------------------- */

int bdb_put(struct bdb_table *t, struct bdb_txn *txn, struct span key,
    struct span value, struct err *err);

/* Puts unless the key is there: then *added is false and nothing is changed. */
int bdb_add(struct bdb_table *t, struct bdb_txn *txn, struct span key,
    struct span value, bool *added, struct err *err);

int bdb_delete(struct bdb_table *t, struct bdb_txn *txn, struct span key,
    bool *found, struct err *err);

/*
 * Reading: value and found_key are emptied, then filled. txn may be NULL: what
 * is committed. No lock outlives the call.
 */
int bdb_get(struct bdb_table *t, struct bdb_txn *txn, struct span key,
    struct buf *value, bool *found, struct err *err);

enum bdb_seek {
	BDB_FIRST, /* key is not looked at */
	BDB_LAST,
	BDB_GE, /* the smallest key >= key */
	BDB_GT,
	BDB_LE, /* the greatest key <= key */
	BDB_LT
};

int bdb_find(struct bdb_table *t, struct bdb_txn *txn, enum bdb_seek seek,
    struct span key, struct buf *found_key, struct buf *value, bool *found,
    struct err *err);

/* --- upkeep -------------------------------------------------------------- */

/* Writes all changed pages back, so that recovery starts here. */
int bdb_checkpoint(struct bdb *db, struct err *err);

/*
 * Where the log ends, counted in bytes from its very beginning: what was put
 * into it, and what of that is on disk.
 */
int
bdb_log_ends(struct bdb *db, uint64_t *put, uint64_t *on_disk, struct err *err);

/* Bytes of log written since the last checkpoint; of all log files kept. */
uint64_t bdb_log_since_checkpoint(struct bdb *db);
uint64_t bdb_log_bytes(struct bdb *db);

/*
 * The number of the newest log file, and of the oldest that recovery would
 * need now.
 */
int bdb_log_range(
    struct bdb *db, uint32_t *newest, uint32_t *needed, struct err *err);

/* "log.0000000012" to 12; 0 for names of other files. */
uint32_t bdb_log_number(const char *name);

/* Removes the log files below number. They must not be needed. */
int bdb_log_remove(struct bdb *db, uint32_t number, struct err *err);

/* Copies one table's file, page by page, while it is in use. */
int bdb_table_copy(
    struct bdb *db, const char *file, const char *dir, struct err *err);

/* Visits the names of all tables' files in the home. */
int bdb_files(struct bdb *db,
    int (*visit)(void *arg, const char *file, struct err *err), void *arg,
    struct err *err);

#endif
