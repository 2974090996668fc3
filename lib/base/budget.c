/* budget.c: bytes of memory that many holders share. */
#include "lib/base/budget.h"

#include <assert.h>

bool
budget_take(struct budget *b, size_t n)
{
	size_t used = atomic_load(&b->used), max = atomic_load(&b->max);

	do
		if (used > max || n > max - used)
			return false;
	while (!atomic_compare_exchange_weak(&b->used, &used, used + n));
	return true;
}

void
budget_give(struct budget *b, size_t n)
{
	size_t was = atomic_fetch_sub(&b->used, n);

	assert(was >= n);
	(void)was;
}
