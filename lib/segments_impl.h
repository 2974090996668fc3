/*
 * segments_impl.h: what the files of the log share. Nobody else includes it.
 *
 * segments.c	the row of tables, appending, dropping, pins
 * segments_tries.c	attempts, beside the events
 */
#ifndef EYELET_LIB_SEGMENTS_IMPL_H
#define EYELET_LIB_SEGMENTS_IMPL_H

#include <pthread.h>

#include "lib/segments.h"

struct segment {
	struct segment *prev, *next;
	struct bdb_table *table;
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
	/* Guards the list, the pins and the facts; the committer changes them.
	 */
	pthread_mutex_t mutex;
	struct segment *first, *last;
};

/* segments_tries.c */
void segments_tries_file(uint64_t first_seq, char out[BDB_FILE_MAX + 1]);
/* Opens the table of attempts, where there is one. */
int
segments_tries_open(struct segments *sg, struct segment *s, struct err *err);

#endif
