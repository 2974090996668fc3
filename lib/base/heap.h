/*
 * heap.h: which of many comes first. A pairing heap of nodes that are members
 * of the caller's structs, so that putting and cutting never fail; cutting
 * is O(log n) (amortised), the rest O(1).
 */
#ifndef EYELET_LIB_BASE_HEAP_H
#define EYELET_LIB_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap_node {
	struct heap_node *child, *next;
	struct heap_node *prev; /* the one before it, or its parent */
};

struct heap {
	struct heap_node *first; /* NULL: empty */
	/* Does a come before b? Must be a total order. */
	bool (*before)(struct heap_node *a, struct heap_node *b);
};

#define HEAP_INIT(before)      \
	{                      \
		NULL, (before) \
	}

void heap_put(struct heap *h, struct heap_node *n);
void heap_cut(struct heap *h, struct heap_node *n); /* n is in h */

#endif
