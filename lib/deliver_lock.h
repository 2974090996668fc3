/* deliver_lock.h: one process at a time delivers from a store. */
#ifndef EYELET_LIB_DELIVER_LOCK_H
#define EYELET_LIB_DELIVER_LOCK_H

#include "lib/err.h"

/*
 * Takes the lock; the kernel drops it when the descriptor is closed, however
 * the process ends. Returns the descriptor (close-on-exec) or -1: ERR_EXISTS
 * when another process has it (the message says which), ERR_NOTFOUND (there
 * is no such store), ERR_DENIED, ERR_IO.
 */
int deliver_lock(const char *dir, struct err *err);

#endif
