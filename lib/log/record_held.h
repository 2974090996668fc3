/* record_held.h: rows of the table "held", as record.h describes them. */
#ifndef EYELET_LIB_LOG_RECORD_HELD_H
#define EYELET_LIB_LOG_RECORD_HELD_H

#include "lib/log/record.h"

/* The seq is the key's business. out->reason borrows from value. */
int record_put_held(const struct store_held *h, struct buf *b, struct err *err);
int record_get_held(struct span value, struct store_held *out, struct err *err);

int record_put_held_totals(
    const struct store_held_totals *t, struct buf *b, struct err *err);
int record_get_held_totals(
    struct span value, struct store_held_totals *out, struct err *err);

int record_put_held_repeats(
    const struct store_held_repeats *rp, struct buf *b, struct err *err);
int record_get_held_repeats(
    struct span value, struct store_held_repeats *out, struct err *err);

#endif
