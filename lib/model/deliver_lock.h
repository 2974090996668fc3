/* deliver_lock.h: one process at a time delivers from a store. */
#ifndef EYELET_LIB_MODEL_DELIVER_LOCK_H
#define EYELET_LIB_MODEL_DELIVER_LOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

/*
 * Takes the lock; the kernel drops it when the descriptor is closed, however
 * the process ends. once: this run ends by itself, as one of cron does; the
 * file says so. Returns the descriptor (close-on-exec) or -1: ERR_EXISTS
 * when another process has it (the message says which), ERR_NOTFOUND (there
 * is no such store), ERR_DENIED, ERR_IO.
 */
int deliver_lock(const char *dir, bool once, struct err *err);

/*
 * Drops the lock, and leaves in the file when that was. fd -1 is allowed.
 */
void deliver_unlock(int fd);

struct deliver_lock_holder {
	bool held; /* a process has the lock */
	/* As the file says, of that process or the last one that had it: */
	pid_t pid; /* 0: not known */
	bool once;
	int64_t written_ms; /* wall clock: its start, or its end; 0: never */
};

/* Looks who has the lock, without taking it. ERR_NOTFOUND, ERR_DENIED, ERR_IO.
 */
int deliver_lock_look(
    const char *dir, struct deliver_lock_holder *out, struct err *err);

#endif
