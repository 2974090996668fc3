/*
 * cache.h: events in memory, until all who want them have sent them.
 */
#ifndef EYELET_LIB_DELIVER_CACHE_H
#define EYELET_LIB_DELIVER_CACHE_H

#include "lib/model/event.h"

struct deliver_event {
	struct deliver_event *next; /* of its bucket */
	struct event event; /* borrows from what stands behind this */
	unsigned refs; /* being sent */
	unsigned wanted; /* destinations that took it and did not send it yet */
	size_t bytes;
	int64_t used_ms; /* clock_ms() */
};

struct deliver_cache {
	struct deliver_event **buckets;
	size_t bytes, n;
	int64_t swept_ms;
};

int deliver_cache_open(struct deliver_cache *ca, struct err *err);
void deliver_cache_close(struct deliver_cache *ca);

/*
 * One more destination wants the event. A full cache does not take it, and
 * nor does one without memory: it is read again when its turn has come. So
 * those stay whose turn comes first.
 */
void deliver_cache_want(struct deliver_cache *ca, const struct event *ev);
/* Holds an event; NULL: it is not there. */
struct deliver_event *deliver_cache_get(struct deliver_cache *ca, uint64_t seq);
/* Puts one that is to be held, full or not. ERR_NOMEM. */
int deliver_cache_add(
    struct deliver_cache *ca, const struct event *ev, struct err *err);
/* Drops the hold; sent: and the wish, for who took it. */
void deliver_cache_put(
    struct deliver_cache *ca, struct deliver_event *de, bool sent);
void deliver_cache_sweep(struct deliver_cache *ca);

#endif
