/* read.h: from the JSON of a scheme file to the fields of a scheme. */
#ifndef EYELET_LIB_SCHEME_READ_H
#define EYELET_LIB_SCHEME_READ_H

#include "lib/json/json.h"
#include "lib/scheme/impl.h"

/*
 * Fills sc, which is zeroed, from the members of root; what was not given
 * gets its default. ERR_CONFIG "/PATH: why", also for a member that no scheme
 * has; ERR_NOMEM. Half filled then: scheme_free takes it.
 */
int scheme_read(struct scheme *sc, const struct json *root, struct err *err);

#endif
