/*
 * limits.h: the limits of a store that may change while it is open. Part
 * of engine_bdb/impl.h.
 */
#ifndef EYELET_LIB_ENGINE_BDB_LIMITS_H
#define EYELET_LIB_ENGINE_BDB_LIMITS_H

#include <stdatomic.h>

#include "lib/store/quarantine.h"
#include "lib/store/store.h"

/* Of the options, what store_configure changes; any thread reads it. */
struct store_limits {
	_Atomic int64_t retain_s, hold_s, missing_s;
	_Atomic(enum store_deliver_mode) deliver_mode;
	_Atomic uint64_t retain_bytes, held_max, held_bytes, ignored_max, floor,
	    log_keep_max;
};

void
store_limits_take(struct store_limits *limits, const struct store_options *opt);
void store_limits_of_quarantine(
    const struct store_options *opt, struct quarantine_limits *out);

#endif
