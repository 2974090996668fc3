/*
 * durable.h: how far the log was durable, at least: a small file beside it, so
 * that a log that ends too early is seen for what it is.
 *
 * Two slots, each in a block of its own. A point goes into one of them behind
 * every flush of the log, so it is never ahead of what is durable; it costs a
 * write to the kernel's cache, and a process that is killed leaves the very
 * last one. durable_sync makes it last through a power cut, and turns to the
 * other slot: a write that is cut off never harms the point that lasts. So
 * after a power cut the point may be as old as the last durable_sync.
 *
 * File: two slots, at 0 and 4096, of 48 bytes, big-endian: 8 "eyeldur1",
 * 8 number of the write, 8 seq, 4 log file, 4 offset in it, 4 log file that
 * recovery needs, 4 zero, 8 first bytes of the SHA-256 of the 40 before and
 * the store's id.
 */
#ifndef EYELET_LIB_LOG_DURABLE_H
#define EYELET_LIB_LOG_DURABLE_H

#include <stdint.h>

#include "lib/base/bytes.h"

struct durable;

struct durable_point {
	uint64_t seq; /* no event above it was promised; none up to it is new */
	uint32_t file, offset; /* all log before this place is durable */
	uint32_t needed; /* the log file in which recovery begins, or before */
};

/*
 * Opens the file, made when it is not there; *found is false when it holds no
 * point of this store. ERR_IO, ERR_FULL, ERR_DENIED.
 */
int durable_open(const char *path, const char *store_id, struct durable **out,
    struct durable_point *point, bool *found, struct err *err);
void durable_close(struct durable *du); /* NULL is fine */

/* One thread at a time. What is not written leaves the point before it. */
int durable_put(
    struct durable *du, const struct durable_point *point, struct err *err);

/* to, which is new, says what from says, and it lasts. */
int durable_move(struct durable *to, struct durable *from, struct err *err);

/* Any thread. Nothing when nothing was put since. */
int durable_sync(struct durable *du, struct err *err);

#endif
