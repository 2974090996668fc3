/* left.h: ends what a run of a command left behind. */
#ifndef EYELET_LIB_COMMAND_LEFT_H
#define EYELET_LIB_COMMAND_LEFT_H

#include <stddef.h>

#include "lib/command/lock.h"

/*
 * Kills every process of the run: those of rec's group or session, and those
 * that have its lock file open, which is lock_fd (-1: the lock is free). Waits
 * for nobody: *alive says how many were there, and 0 that the run is over.
 * Nobody is killed for a number that was used again. ERR_IO.
 */
int command_left_kill(const struct command_record *rec, int lock_fd,
    size_t *alive, struct err *err);

#endif
