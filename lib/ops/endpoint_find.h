/* endpoint_find.h: finds the endpoint that a call names. */
#ifndef EYELET_LIB_OPS_ENDPOINT_FIND_H
#define EYELET_LIB_OPS_ENDPOINT_FIND_H

#include "lib/ops/call.h"

/*
 * The endpoint that the call names, not a removed one. ERR_NOTFOUND with the
 * nearest name. ep->doc borrows from doc.
 */
int op_find_endpoint(const struct op_call *call, struct store_tx *tx,
    const char *name, struct store_endpoint *ep, struct buf *doc,
    struct err *err);

/*
 * The same as requests see it, broken ones too; registry_put. ERR_NOTFOUND.
 */
int op_find_ready(const struct op_call *call, const char *name,
    const struct registry_endpoint **out, struct err *err);

#endif
