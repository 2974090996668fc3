/*
 * held.h: events that are stored and not delivered: dedupe_rule.h found
 * that they repeat what is signed in another event, and nothing signed tells
 * whether the provider or somebody else repeats it. An operator releases or
 * drops them.
 *
 * A held event stands in the log with EVENT_HELD, where readers pass it over
 * (store_reader_show_held), and has a row here until retention drops it from
 * the log. Of one content STORE_HELD_REPEATS are kept, of
 * an endpoint held_max events and held_bytes; what repeats beyond is counted.
 */
#ifndef EYELET_LIB_STORE_HELD_H
#define EYELET_LIB_STORE_HELD_H

#include "lib/store/store.h"

#define STORE_HELD_REPEATS 20 /* kept of one content */

/*
 * By seq, from one on; endpoint_id 0: of all. A visitor returns 0 to go on, 1
 * to stop, -1 with err to fail. tx NULL: what is committed.
 */
int store_held_visit(struct store *st, struct store_tx *tx,
    uint64_t endpoint_id, uint64_t from_seq,
    int (*visit)(void *arg, const struct store_held *h, struct err *err),
    void *arg, struct err *err);

/* scratch owns the bytes of out->reason. */
int store_held_get(struct store *st, struct store_tx *tx, uint64_t seq,
    struct store_held *out, struct buf *scratch, bool *found, struct err *err);

int store_held_totals(struct store *st, uint64_t endpoint_id,
    struct store_held_totals *out, struct err *err);
int store_held_repeats(struct store *st, const struct store_held *h,
    struct store_held_repeats *out, struct err *err);

/*
 * In a change: appends a copy of the held event ev (read from the log by the
 * caller, who may have added to its headers) under a new seq, *seq. It is
 * deduped as an accepted event from then on, under its keys and those of its
 * elements, whether a copy that is held under another secret had them since or
 * they had expired. An event whose row is lost is
 * released as well. ERR_NOTFOUND: it is not held; ERR_CONFLICT: it was dropped
 * or released already, or has a secret_id, and came again under a secret that
 * is activated; ERR_FULL.
 */
int store_tx_release(struct store_tx *tx, const struct event *ev, uint64_t *seq,
    struct err *err);

/* In a change: it is never delivered. ERR_NOTFOUND, ERR_CONFLICT. */
int store_tx_drop_held(struct store_tx *tx, uint64_t seq, struct err *err);

#endif
