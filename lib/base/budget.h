/*
 * budget.h: bytes of memory that many holders share, with one limit. Any
 * thread; nothing is allocated here, only counted.
 */
#ifndef EYELET_LIB_BASE_BUDGET_H
#define EYELET_LIB_BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct budget {
	atomic_size_t used;
	atomic_size_t max;
};

/* Takes n more bytes; false, and nothing taken, where max does not allow it. */
bool budget_take(struct budget *b, size_t n);

/* Gives n bytes back that were taken. */
void budget_give(struct budget *b, size_t n);

#endif
