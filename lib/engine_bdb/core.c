/*
 * core.c: what any file asks of an open store: its messages, the time, where
 * its log begins and ends.
 */
#include "lib/engine_bdb/impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

int64_t
store_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
store_say(struct store *st, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (st->opt.log == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	st->opt.log(st->opt.log_arg, line);
}

bool
store_is_fenced(struct store *st)
{
	return atomic_load(&st->fenced);
}

void
store_deadline_in(struct timespec *until, int timeout_ms)
{
	clock_gettime(CLOCK_MONOTONIC, until);
	until->tv_sec += timeout_ms / 1000;
	until->tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until->tv_nsec >= 1000000000) {
		until->tv_sec++;
		until->tv_nsec -= 1000000000;
	}
}

uint64_t
store_durable_seq(const struct store *st)
{
	return atomic_load(&st->durable_seq);
}

uint64_t
store_oldest_seq(struct store *st)
{
	uint64_t first = segments_first_seq(st->segments);

	return first == 0 ? st->next_seq : first;
}
