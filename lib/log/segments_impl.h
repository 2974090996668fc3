/*
 * segments_impl.h: what the files of the log share. Nobody else includes it.
 *
 * segments.c	the row of tables, appending, dropping
 * segments_table.c	the tables' names, totals on disk, groups
 * segments_pin.c	pins, facts
 * segments_tries.c	attempts, beside the events
 * segments_totals.c	what they come to, which files they are
 * segments_damage.c	groups that are not where they must be
 */
#ifndef EYELET_LIB_LOG_SEGMENTS_IMPL_H
#define EYELET_LIB_LOG_SEGMENTS_IMPL_H

#include <pthread.h>

#include "lib/bdb/salvage.h"
#include "lib/log/segments.h"

struct segment {
	struct segment *prev, *next;
	struct bdb_table *table; /* or, when the file was set aside: */
	struct salvage *salvage;
	struct segments_lost *lost; /* what that lacks, upwards */
	size_t nlost;
	uint64_t events_lost;
	struct record_segment facts;
	size_t bytes; /* appended to it, about; the file's size when opened */
	/*
	 * The attempts of its events; NULL before the first. fresh is made in
	 * a transaction that has not ended, and nobody but the committer's.
	 */
	struct bdb_table *tries, *fresh;
	size_t tries_bytes;
	unsigned pins;
};

struct segments {
	struct bdb *db;
	struct bdb_table *meta;
	struct segments_options opt;
	_Atomic uint64_t size_max; /* opt's, or segments_configure's */
	_Atomic int64_t age_s;
	/* Guards the list, the pins and the facts; the committer changes them.
	 */
	pthread_mutex_t mutex;
	struct segment *first, *last;
};

/* segments_table.c */
#define SEGMENTS_FACTS "segment " /* keys of meta begin so */
void segments_file(uint64_t first_seq, char out[BDB_FILE_MAX + 1]);
void segments_tries_file(uint64_t first_seq, char out[BDB_FILE_MAX + 1]);
int segments_save_facts(struct segments *sg, struct bdb_txn *txn,
    const struct record_segment *facts, struct err *err);
/* Deletes the saved totals of a segment that is dropped. */
int segments_forget_facts(struct segments *sg, struct bdb_txn *txn,
    uint64_t first_seq, struct err *err);
/* The raw look into a segment's table. See bdb_find. */
int segments_find(struct segment *s, enum bdb_seek seek, uint64_t seq,
    struct buf *key, struct buf *group, bool *found, struct err *err);

/* segments_damage.c */
/* Was the file set aside? */
int segments_is_aside(
    const struct segments *sg, const char *file, bool *aside, struct err *err);
/* It, instead of its table: reads it, and notes what it lacks. */
int segments_salvage(struct segments *sg, struct segment *s, struct err *err);
/* Notes the segment as damaged. Always -1, ERR_CORRUPT. */
int segments_damaged(struct segments *sg, const struct segment *s,
    const char *words, struct err *err);
/* Does what was opened end where its facts say? */
int segments_look(struct segments *sg, struct segment *s, struct err *err);
void segments_remove_aside(const struct segments *sg, const char *file);

/* segments_tries.c */
/* Opens the table of attempts, where there is one. */
int
segments_tries_open(struct segments *sg, struct segment *s, struct err *err);

#endif
