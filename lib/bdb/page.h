/*
 * page.h: pages of the library's B-tree files, as bytes. What the library
 * itself cannot read any more, since one page of a file is damaged, is read
 * page by page with this; and each page that the library reads is judged with
 * it first. Pure.
 *
 * Berkeley DB 5.3 (dbinc/db_page.h): numbers in the machine's byte order; a
 * sum of each page (DB_CHKSUM) that the library computes and we compare. It
 * takes a page of zeros for one that was never written, whatever leads there.
 */
#ifndef EYELET_LIB_BDB_PAGE_H
#define EYELET_LIB_BDB_PAGE_H

#include <stdint.h>

#include "lib/base/bytes.h"

#define PAGE_SIZE_MIN 512
#define PAGE_SIZE_MAX 65536
#define PAGE_AT_SIZE 20 /* in page 0, 4 bytes: the size of pages */

enum page_state {
	PAGE_DAMAGED, /* zero: its sum is wrong, or it is another page */
	PAGE_ZERO, /* zeros alone */
	PAGE_WHOLE
};

/* One page of size bytes, a power of two; no is its place in the file. */
enum page_state page_judge(const unsigned char *page, size_t size, uint32_t no);

/* Of page 0, when it is whole: the greatest page number in use. */
uint32_t page_last_no(const unsigned char *page);

/* Is it a leaf of a tree, so that it holds records? */
bool page_is_leaf(const unsigned char *page);
/* How many. */
unsigned page_records(const unsigned char *page);

/* A key or a value: in the page, or on a chain of pages of its own. */
struct page_item {
	struct span bytes; /* borrowed from the page */
	uint32_t chain; /* first page; 0: it is in bytes */
	uint32_t len; /* of all of the chain */
};

/* Record i of a leaf; false for one that was deleted or is none. */
bool page_record(const unsigned char *page, size_t size, unsigned i,
    struct page_item *key, struct page_item *value);

/* The bytes in a page of a chain, and the next page (0: there is none). */
bool page_chained(
    const unsigned char *page, size_t size, struct span *bytes, uint32_t *next);

#endif
