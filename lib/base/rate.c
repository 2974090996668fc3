/* rate.c: the generic cell rate algorithm. */
#include "lib/base/rate.h"

#define SECOND_US 1000000

/* From one to the next, rounded up. */
static int64_t
interval_us(int64_t per_s)
{
	return SECOND_US / per_s + (SECOND_US % per_s != 0);
}

/* How far ahead the next one may be due: a burst is all of a second's. */
static int64_t
burst_us(int64_t per_s)
{
	return per_s * interval_us(per_s);
}

/* When the one after this is on time. */
static int64_t
next_due(int64_t due_us, int64_t per_s, int64_t now_us)
{
	/* A clock that was set back must not close the door for long. */
	if (due_us < now_us || due_us - now_us > burst_us(per_s))
		due_us = now_us;
	return due_us + interval_us(per_s);
}

bool
rate_take(struct rate *r, int64_t per_s, int64_t now_ms)
{
	int64_t now_us = now_ms * 1000, due, next;

	due = atomic_load(&r->due_us);
	do {
		next = next_due(due, per_s, now_us);
		if (next - now_us > burst_us(per_s))
			return false;
	} while (!atomic_compare_exchange_weak(&r->due_us, &due, next));
	return true;
}

int64_t
rate_wait_ms(const struct rate *r, int64_t per_s, int64_t now_ms)
{
	int64_t now_us = now_ms * 1000;
	int64_t next = next_due(atomic_load(&r->due_us), per_s, now_us);
	int64_t over_us = next - now_us - burst_us(per_s);

	return over_us <= 0 ? 0 : (over_us + 999) / 1000;
}
