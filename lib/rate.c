/* rate.c: the generic cell rate algorithm. */
#include "lib/rate.h"

#define SECOND_US 1000000

bool
rate_take(struct rate *r, int64_t per_s, int64_t now_ms)
{
	int64_t now_us = now_ms * 1000, due, next;

	due = atomic_load(&r->due_us);
	do {
		/* A clock that was set back must not close the door for long.
		 */
		next = due > now_us && due - now_us <= SECOND_US ? due : now_us;
		next += SECOND_US / per_s + (SECOND_US % per_s != 0);
		if (next - now_us > SECOND_US)
			return false;
	} while (!atomic_compare_exchange_weak(&r->due_us, &due, next));
	return true;
}

size_t
rate_slot(struct span address, size_t n)
{
	const unsigned char *p = address.ptr;
	uint32_t hash = 2166136261U; /* FNV-1a */
	size_t i;

	for (i = 0; i < address.len; i++)
		hash = (hash ^ p[i]) * 16777619U;
	return hash % n;
}
