/*
 * dedupe_impl.h: what the files of dedupe.h share. Nobody else includes it.
 *
 * dedupe.c	the partitions: made, asked, written, dropped
 * dedupe_share.c	which endpoints have partitions of their own
 * dedupe_visit.c	all of them, for counting, saving, copying, checking
 */
#ifndef EYELET_LIB_LOG_DEDUPE_IMPL_H
#define EYELET_LIB_LOG_DEDUPE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/log/dedupe.h"

#define DEDUPE_PARTS_MAX 128
#define DEDUPE_PARTS_A_HORIZON 5 /* a look-up asks each, so they are few */
#define DEDUPE_OWN_MAX 8 /* endpoints with partitions of their own */
#define DEDUPE_VALUE_MAX 128
#define DEDUPE_SHARED 0 /* in the place of an endpoint's id */

/*
 * Named by the age of the store, in seconds, at which it was begun, and by the
 * endpoint when it is one's own; its time ends where the next one of the same
 * row begins, so that another horizon tomorrow changes nothing that is there.
 */
struct dedupe_part {
	uint64_t start_s;
	uint64_t endpoint_id; /* or DEDUPE_SHARED */
	struct bdb_table *table;
	_Atomic uint64_t keys; /* about; the committer counts */
};

/*
 * Which endpoints write most to the newest shared partition: a summary of
 * Misra and Gries, in which each with more than 1/DEDUPE_LOADS of the keys is.
 */
#define DEDUPE_LOADS 16
struct dedupe_load {
	uint64_t endpoint_id;
	uint64_t keys; /* at most so many fewer than it wrote, see dropped */
};

struct dedupe {
	struct bdb *db;
	struct bdb_table *meta; /* file name: number of keys */
	int64_t horizon_s, width_s;
	uint64_t max;
	/* Written by the committer alone, so it reads without the lock. */
	pthread_rwlock_t lock;
	struct dedupe_part parts[DEDUPE_PARTS_MAX]; /* oldest first */
	size_t nparts;
	/* Rows of which max made a partition go before its time. */
	uint64_t cut[DEDUPE_OWN_MAX + 1];
	size_t ncut;
	unsigned walkers; /* who need the partitions to stay */

	/* The committer's. */
	struct dedupe_load loads[DEDUPE_LOADS];
	uint64_t load_keys; /* that the summary has seen */
	bool several; /* endpoints wrote to shared partitions, perhaps */
};

/* dedupe.c */
void dedupe_file_of(const struct dedupe_part *part, char out[BDB_FILE_MAX + 1]);

/* dedupe_share.c: the committer's */
/* The newest partition of a row; NULL: it has none. */
struct dedupe_part *dedupe_newest(struct dedupe *dd, uint64_t endpoint_id);
/* Counts a key that an endpoint put into the shared partition. */
void dedupe_count_load(struct dedupe *dd, uint64_t endpoint_id);
void dedupe_forget_loads(struct dedupe *dd);
/* An endpoint that is to have partitions of its own; DEDUPE_SHARED: none. */
uint64_t dedupe_heaviest(struct dedupe *dd);
/* The row whose oldest partition goes next for want of room. */
bool dedupe_choose_row(struct dedupe *dd, uint64_t *endpoint_id);
/* How many rows there are, the shared one included. */
size_t dedupe_rows(const struct dedupe *dd);
size_t dedupe_row_parts(const struct dedupe *dd, uint64_t endpoint_id);

#endif
