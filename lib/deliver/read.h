/*
 * read.h: asks the owner for what is needed most.
 */
#ifndef EYELET_LIB_DELIVER_READ_H
#define EYELET_LIB_DELIVER_READ_H

#include "lib/deliver/core.h"

/* Takes the reader's answers, and asks for what is needed most, unless off. */
int deliver_read(struct deliver *dv, struct err *err);
/* Has all that is durable been looked at, for those that want it? */
bool deliver_read_all(struct deliver *dv);

#endif
