/* secret_from.h: of secrets that were sent to the endpoint itself. */
#ifndef EYELET_LIB_OPS_SECRET_FROM_H
#define EYELET_LIB_OPS_SECRET_FROM_H

#include "lib/ops/call.h"

/*
 * Members from, pending and fingerprint: of a secret that was sent to the
 * endpoint the address, and the first bytes of its SHA-256, by which it is told
 * from the one that the provider made; else null.
 */
int op_secret_write_from(const struct op_call *call, struct json_write *w,
    const struct secret *s, struct err *err);

/*
 * ERR_EXISTS: one that was sent to the endpoint itself is not activated, and
 * while it is not, no other one is waited for. So what one event is known by is
 * of one secret at a time, and an activation releases it once.
 */
int
op_secret_check_none_pending(const struct op_call *call, struct store_tx *tx,
    uint64_t endpoint_id, const char *name, struct err *err);

#endif
