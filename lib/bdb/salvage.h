/*
 * salvage.h: the records of a table whose file is damaged, as far as they are
 * whole: each page is judged by itself, without the library, which would take
 * one bad page for the end of everything. Nothing is written; any thread may
 * read once it is open.
 */
#ifndef EYELET_LIB_BDB_SALVAGE_H
#define EYELET_LIB_BDB_SALVAGE_H

#include <stdint.h>

#include "lib/base/bytes.h"

#define SALVAGE_KEY_MAX 32 /* bytes; records with longer keys are left out */

struct salvage;

/*
 * Reads the whole file and notes where each whole record is, by key. A file
 * that is not there has none. page_size counts where page 0 does not tell it.
 * ERR_NOMEM, ERR_IO.
 */
int salvage_open(
    const char *path, size_t page_size, struct salvage **out, struct err *err);
void salvage_close(struct salvage *sv); /* NULL is fine */

/* How many whole records there are, in the order of their keys from 0 on. */
size_t salvage_count(const struct salvage *sv);

/* The first whose key is key or above; salvage_count when there is none. */
size_t salvage_seek(const struct salvage *sv, struct span key);

/* The key of record i, borrowed. */
struct span salvage_key(const struct salvage *sv, size_t i);

/*
 * Reads record i into value. *found is false when it is whole no more: the
 * file was changed, or its disk reads other bytes now.
 */
int salvage_get(const struct salvage *sv, size_t i, struct buf *value,
    bool *found, struct err *err);

/* --- judging files ---------------------------------------------------------
 */

/*
 * Of the pages that page 0 says are in use. Each of them was written once a
 * checkpoint has followed: then a page of zeros is as bad as a damaged one.
 */
struct salvage_pages {
	uint64_t whole, zero, damaged;
	bool cut; /* it ends before the last of them */
};

bool salvage_is_whole(const struct salvage_pages *pages);

/* The page size that each of our tables was made with. */
#define SALVAGE_PAGE_SIZE(file) \
	((size_t)(strncmp(file, "events-", 7) == 0 ? 8192 : 4096))

/* Judges each page of a file. ERR_NOTFOUND, ERR_IO, ERR_NOMEM. */
int salvage_judge(const char *path, size_t page_size, struct salvage_pages *out,
    struct err *err);

#endif
