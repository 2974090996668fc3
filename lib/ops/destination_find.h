/* destination_find.h: finds the destination that a call names. */
#ifndef EYELET_LIB_OPS_DESTINATION_FIND_H
#define EYELET_LIB_OPS_DESTINATION_FIND_H

#include "lib/ops/call.h"

/*
 * The destination of this name, not a removed one. ERR_NOTFOUND with the
 * nearest name. d->doc borrows from doc.
 */
int op_find_destination(const struct op_call *call, struct store_tx *tx,
    const char *name, struct store_destination *d, struct buf *doc,
    struct err *err);

#endif
