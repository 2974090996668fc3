/*
 * stall.h: what is done about an owner that answers nobody: stopped by a
 * signal, stuck in a system call. It still holds the lock, and connect()
 * still succeeds.
 *
 * A client that gets no answer leaves a mark in the store folder: which
 * process is silent, and since when. An owner that runs takes the mark away,
 * so an old mark means that nobody was answered all that time, though each
 * client (a CGI run) waits for a few seconds only. Whoever finds the mark
 * STALL_LIMIT_MS old kills the process that it names.
 */
#ifndef EYELET_LIB_OWNER_STALL_H
#define EYELET_LIB_OWNER_STALL_H

#include <stdint.h>

#include "lib/owner/owner.h"

#define STALL_LIMIT_MS 30000

/*
 * who has answered this process nothing for silent_ms. *killed: it was silent
 * for limit_ms in all, was killed (SIGKILL), and is gone together with its
 * lock. The kill goes through a pidfd to the very process that wrote the lock
 * file and still stands in it, and runs under the folder owner's uid:
 * so never to a stranger, nor to an owner that came since. ERR_DENIED,
 * ERR_IO, ERR_TIMEOUT (killed, but not gone yet).
 */
int stall_report(const char *dir, const struct owner_info *who,
    int64_t silent_ms, int64_t limit_ms, bool *killed, struct err *err);

/*
 * The owner runs: takes the mark away. dir_fd is the folder's; cheap enough
 * to be called each second.
 */
void stall_clear(int dir_fd);

#endif
