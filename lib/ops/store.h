/* store.h: what can be asked about the store itself. */
#ifndef EYELET_LIB_OPS_STORE_H
#define EYELET_LIB_OPS_STORE_H

#include "lib/ops/call.h"

op_run op_store_status, op_store_check, op_store_audit, op_store_prune,
    op_store_rekey, op_store_accept_loss, op_store_adopt, op_store_clock,
    op_store_reload, op_store_config;

#endif
