/*
 * damage.h: tables whose files are damaged: noted on disk, mended at the next
 * open, set aside and then incomplete. Private to the store's files.
 */
#ifndef EYELET_LIB_ENGINE_BDB_DAMAGE_H
#define EYELET_LIB_ENGINE_BDB_DAMAGE_H

#include <stdio.h>

#include "lib/engine_bdb/impl.h"

#define STORE_DAMAGED "damaged" /* a page was: the next open rebuilds */

/* engine_bdb/damage_note.c */
/* A note is written under its name and this, and renamed at its end. */
#define STORE_NOTE_NEW ".new"
/* To write one anew. NULL with errno. */
FILE *store_note_make(struct store *st, const char *name);
/* To read one; *f is NULL when there is none. */
int
store_note_open(struct store *st, const char *name, FILE **f, struct err *err);
/* Ends what was written under its name and STORE_NOTE_NEW; f may be NULL. */
int
store_note_put(struct store *st, FILE *f, const char *name, struct err *err);

struct damaged_file {
	char name[BDB_FILE_MAX + 1];
	bool aside; /* a rebuild does not bring it back */
};

struct store_mending {
	struct store *st;
	struct damaged_file files[BDB_DAMAGED_MAX];
	size_t n;
	off_t noted; /* of the file STORE_MENDED, before this time */
};

/* Adds a file, unless it is there. */
void store_mending_add(struct store_mending *md, const char *file);
/* Adds the names in the note. One with a slash is left out. */
int store_mending_read(struct store_mending *md, struct err *err);
/* Notes on disk which tables are damaged (bdb_damaged). Any thread. */
int store_mark_damaged(struct store *st, struct err *err);
int store_is_marked(struct store *st, bool *marked, struct err *err);

/* engine_bdb/incomplete.c */
/* May a table begin anew? *without says what is missing then, for the log. */
bool store_table_may_go(const char *file, const char **without);
/*
 * Notes that a table is set aside. Lost events are known one by one; of other
 * tables only that some may be.
 */
int store_note_incomplete(struct store *st, const char *file, struct err *err);
/* Forgets which tables are incomplete (store_each_incomplete). */
int store_forget_incomplete(struct store *st, struct err *err);

/* engine_bdb/damage.c */
/* A check found a damaged table: it is mended in a second, by a new start. */
void store_damage_found(struct store *st, const char *file);
void store_damage_act(struct store *st); /* the keeper's, every tick */
/*
 * Mends what is noted: from snapshot and logs, once, where they may help;
 * else the file is set aside (SEGMENTS_ASIDE). Nothing is open. ERR_CORRUPT:
 * neither will do, only a backup.
 */
int store_mend(struct store *st, struct err *err);

#endif
