/*
 * feed_impl.h: what the files of the feed share. Nobody else includes it.
 *
 * feed_call.c	calls, to bytes and back
 * feed_row.c	deliveries, attempts and events, to bytes and back
 * feed_get.c	answers, read
 * feed_serve.c	the owner's side: what each verb does, and its answer put
 */
#ifndef EYELET_LIB_OWNER_FEED_IMPL_H
#define EYELET_LIB_OWNER_FEED_IMPL_H

#include "lib/base/pack.h"
#include "lib/owner/feed.h"

/* How many there are of something whose number is not known before. */
int feed_count_begin(struct buf *out, size_t *at, struct err *err);
void feed_count_end(struct buf *out, size_t at, size_t n);

/* Was all of it read? ERR_INPUT: "a feed's WHAT is cut short or malformed". */
int feed_end(const struct pack_reader *rd, const char *what, struct err *err);

/* --- feed_row.c: get marks rd as bad when a value may not be -------------- */

int feed_put_delivery(
    struct buf *out, const struct store_delivery *d, struct err *err);
void feed_get_delivery(struct pack_reader *rd, struct store_delivery *d);

/* All but seq and destination_id. */
int feed_put_attempt(
    struct buf *out, const struct store_attempt *a, struct err *err);
void feed_get_attempt(struct pack_reader *rd, struct store_attempt *a);

int feed_put_failing(
    struct buf *out, const struct store_failing *f, struct err *err);
void feed_get_failing(struct pack_reader *rd, struct store_failing *f);

/* Bytes that feed_put_event appends. */
size_t feed_event_size(const struct event *ev);
int feed_put_event(struct buf *out, const struct event *ev, struct err *err);
void feed_get_event(struct pack_reader *rd, struct event *ev);

/* --- feed_call.c ---------------------------------------------------------- */

/* A call that was read, with the memory of its lists. */
struct feed_got {
	struct feed_call call; /* borrows from the bytes */
	uint64_t *seqs;
	struct store_report_item *items;
	struct store_report_cursor *cursors;
	struct store_report_failing *failings;
};

#define FEED_GOT_INIT                \
	{                            \
		.call = {.verb = 0 } \
	}

/* ERR_INPUT, ERR_NOMEM. Freed by feed_got_free, also on failure. */
int feed_get_call(struct span in, struct feed_got *got, struct err *err);
void feed_got_free(struct feed_got *got);

#endif
