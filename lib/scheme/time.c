/* time.c: reads a time as a scheme writes it, and judges its age. */
#include "lib/base/text.h"
#include "lib/scheme/impl.h"

#define TIME_DIGITS_MAX 16

bool
scheme_read_time(enum time_unit unit, struct span text, int64_t *ms)
{
	struct err ignored = ERR_INIT;
	/* Up to the year 9999, as RFC 3339 has it. */
	const uint64_t last_s = 253402300799;
	uint64_t n;

	switch (unit) {
	case TIME_S:
		if (text.len > TIME_DIGITS_MAX ||
		    text_to_u64(text, last_s, &n, &ignored) < 0)
			return false;
		*ms = (int64_t)n * 1000;
		return true;
	case TIME_MS:
		if (text.len > TIME_DIGITS_MAX ||
		    text_to_u64(text, last_s * 1000 + 999, &n, &ignored) < 0)
			return false;
		*ms = (int64_t)n;
		return true;
	case TIME_RFC3339:
		return text_to_time_ms(text, ms, &ignored) == 0;
	}
	return false;
}

/* Is more than limit_s between them? No limit is below 0. */
static bool
beyond(int64_t ms, int64_t limit_s)
{
	return limit_s >= 0 && limit_s < INT64_MAX / 1000 &&
	       ms > limit_s * 1000;
}

const char *
scheme_time_outside(
    int64_t age_ms, int64_t past_s, int64_t future_s, int64_t horizon_s)
{
	if (beyond(age_ms, past_s))
		return "signed too long ago";
	if (beyond(-age_ms, future_s))
		return "signed in the future";
	if (beyond(age_ms, horizon_s))
		return "signed longer ago than events are remembered";
	/* A date far ahead would outlive the memory of it just as well. */
	if (beyond(-age_ms, horizon_s))
		return "dated further ahead than events are remembered";
	return NULL;
}
