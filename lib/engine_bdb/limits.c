/* limits.c: limits that change while the store is open. */
#include "lib/engine_bdb/limits.h"

#include "lib/engine_bdb/impl.h"

void
store_limits_take(struct store_limits *lm, const struct store_options *opt)
{
	lm->retain_s = opt->retain_s;
	lm->retain_bytes = opt->retain_bytes;
	lm->hold_s = opt->hold_s;
	lm->missing_s = opt->missing_s;
	lm->deliver_mode = opt->deliver_mode;
	lm->held_max = opt->held_max;
	lm->held_bytes = opt->held_bytes;
	lm->ignored_max = opt->ignored_max;
	lm->floor = opt->floor;
	lm->log_keep_max = opt->log_keep_max;
}

void
store_limits_of_quarantine(
    const struct store_options *opt, struct quarantine_limits *out)
{
	out->count = opt->quarantine_count;
	out->bytes = opt->quarantine_bytes;
	out->total = opt->quarantine_total;
	out->retain_s = opt->retain_s;
}

void
store_configure(struct store *st, const struct store_options *opt)
{
	struct quarantine_limits limits;

	store_limits_take(&st->limits, opt);
	segments_configure(st->segments, opt->segment_max, opt->segment_age_s);
	store_limits_of_quarantine(opt, &limits);
	quarantine_configure(st->quarantine, &limits);
}
