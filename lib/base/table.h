/*
 * table.h: finding one of many by a hash. Nodes are members of the caller's
 * structs, and a table that cannot grow becomes slower, so that putting and
 * cutting never fail.
 */
#ifndef EYELET_LIB_BASE_TABLE_H
#define EYELET_LIB_BASE_TABLE_H

#include <stdint.h>

#include "lib/base/bytes.h"

struct table_node {
	struct table_node *next;
	uint64_t hash;
};

/* All zero: empty. */
struct table {
	struct table_node **slots; /* NULL: all hang from the only one */
	struct table_node *only;
	size_t bits, n; /* two to the bits slots; nodes */
};

void table_free(struct table *t); /* the slots; nodes are their owner's */

void table_put(struct table *t, struct table_node *n, uint64_t hash);
void table_cut(struct table *t, struct table_node *n); /* n is in t */

/* The first node with a hash, then those behind it; NULL: no more. */
struct table_node *table_find(const struct table *t, uint64_t hash);
struct table_node *table_next(const struct table_node *n);

/*
 * SipHash-1-3 of bytes, with a seed that whoever chooses the bytes does not
 * know: then nobody can make them meet in one slot.
 */
uint64_t table_hash(uint64_t seed, struct span bytes);
/* Of two numbers that are ours. */
uint64_t table_hash_pair(uint64_t a, uint64_t b);

#endif
