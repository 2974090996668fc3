/* secret.h: secrets as rows, and what changes them. */
#ifndef EYELET_LIB_OPS_SECRET_H
#define EYELET_LIB_OPS_SECRET_H

#include "lib/ops/call.h"

op_run op_secret_show, op_secret_reveal, op_secret_stage, op_secret_activate,
    op_secret_rotate, op_secret_revoke, op_secret_extend, op_secret_expire;

/* A secret that verified an event since then is one that is still in use. */
#define OP_SECRET_RECENT_MS (3600 * 1000LL)

/* Is the secret that the call names one of its endpoint's? ERR_NOTFOUND. */
int op_secret_check_named(const struct op_call *call, struct err *err);

/* How many secrets of an endpoint are live now. */
int op_secret_count(const struct op_call *call, struct store_tx *tx,
    uint64_t endpoint_id, int64_t now_ms, size_t *live, struct err *err);

/* Writes "value" (or "value_b64") of a secret. */
void op_secret_write(struct json_write *w, struct span text);

/* An array "secrets" of all that its owner has or had. */
int op_secret_write_all(const struct op_call *call, struct json_write *w,
    uint64_t owner_id, struct err *err);

#endif
