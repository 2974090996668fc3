/* deliverer.h: whether a process delivers, and what waits for it. */
#ifndef EYELET_LIB_OPS_DELIVERER_H
#define EYELET_LIB_OPS_DELIVERER_H

#include "lib/ops/call.h"

/* "oldest_waiting": {"seq","since","for_s","sure"} or null. */
struct store_waiting;
void op_waiting_write(struct json_write *w, const struct store_waiting *wa);

/* A row {"deliver_note": WORDS}, where destinations wait for a deliverer. */
int op_tell_deliverer(const struct op_call *call, struct err *err);
/* "deliverer": a word: runs, none, silent, unknown, off; null: no mode. */
void op_deliverer_write_word(const struct op_call *call, struct json_write *w);
/*
 * The members of a status: "deliverer", "oldest_waiting", "undelivered" (for
 * longer than deliver.missing_after) and "undelivered_why".
 */
int op_deliverer_write_status(
    const struct op_call *call, struct json_write *w, struct err *err);

#endif
