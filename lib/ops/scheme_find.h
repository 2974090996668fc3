/* scheme_find.h: finds the scheme that a call names. */
#ifndef EYELET_LIB_OPS_SCHEME_FIND_H
#define EYELET_LIB_OPS_SCHEME_FIND_H

#include "lib/ops/call.h"

/* The scheme of this name; ERR_INPUT with the nearest one. */
int op_find_scheme(const struct op_call *call, const char *name,
    const struct scheme **out, struct err *err);

/*
 * Where the settings of a call name a scheme that is not known, files that came
 * since are read, and it is. ERR_CONFIG: its file does not load.
 */
int op_learn_schemes(struct op_call *call, struct err *err);

#endif
