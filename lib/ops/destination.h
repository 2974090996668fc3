/* destination.h: destinations as rows, and what changes them. */
#ifndef EYELET_LIB_OPS_DESTINATION_H
#define EYELET_LIB_OPS_DESTINATION_H

#include "lib/model/destination.h"
#include "lib/ops/call.h"

op_run op_destination_add, op_destination_list, op_destination_show,
    op_destination_edit, op_destination_pause, op_destination_resume,
    op_destination_disable, op_destination_remove, op_destination_test;

/* The members of a destination's row, without the braces; no secret. */
void op_destination_write(const struct op_call *call, struct json_write *w,
    const struct store_destination *d, const struct destination *settings);

/*
 * Are the settings right by themselves and for their scheme (*scheme; NULL:
 * nothing is signed)? Puts them into their normal form; begins warnings anew.
 */
int op_destination_judge(const struct op_call *call,
    struct destination *settings, const struct scheme **scheme,
    struct op_warnings *warnings, struct err *err);

/* Warns of valid settings that may not be meant: no signature, no file yet. */
int op_destination_warn(const struct op_call *call, struct store_tx *tx,
    const struct destination *settings, struct op_warnings *warnings,
    struct err *err);

#endif
