/* delivery_part.h: changes of many rows, part by part. */
#ifndef EYELET_LIB_OPS_DELIVERY_PART_H
#define EYELET_LIB_OPS_DELIVERY_PART_H

#include "lib/ops/call.h"
#include "lib/store/delivery.h"

/* Rows that one transaction changes: accepting goes on in between. */
#define OP_PART_MAX 512

/*
 * store_change for a part of what a call does, under an id of its own: done
 * once, however often the call comes again within an hour. The part is named
 * by the call's request id, a destination and a number. Is the store busy, it
 * waits longer than store_change would.
 */
int op_change_part(const struct op_call *call,
    const unsigned char request_id[STORE_REQUEST_ID], uint64_t destination_id,
    uint64_t part,
    int (*change)(
	struct store_tx *tx, void *arg, struct buf *result, struct err *err),
    void *arg, struct buf *result, struct err *err);

/*
 * store_tx_delivery, for one of many: *put is false where the log has the
 * event no more, or the destination is removed since.
 */
int op_put_delivery(struct store_tx *tx, struct store_delivery *row, bool *put,
    struct err *err);

/* A progress row, now and then: said_ms is the caller's, 0 at first. */
int op_say_done(const struct op_call *call, uint64_t done, uint64_t all,
    int64_t *said_ms, struct err *err);

/*
 * The next of the call's "seqs", each once; 0 behind the last. *at is NULL at
 * first. ERR_USAGE.
 */
int op_next_seq(const struct op_call *call, const struct json **at,
    uint64_t *seq, struct err *err);

#endif
