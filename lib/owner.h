/*
 * owner.h: one process at a time owns a store. The lock is an OFD lock on
 * the file "lock" of the store folder, so the kernel drops it when its holder
 * dies, however it dies; the owner's pid, role and version stand in that
 * file. The owner serves all others over the socket "socket" beside it.
 */
#ifndef EYELET_LIB_OWNER_H
#define EYELET_LIB_OWNER_H

#include <sys/types.h>

#include "lib/err.h"

/*
 * euid 0 turns into the store folder's owner (uid, gid, groups dropped) for
 * good, before anything is opened; the folder's owner stays what it is; any
 * other uid is refused with the "sudo -u" line to use. ERR_DENIED,
 * ERR_NOTFOUND.
 */
int owner_become_user(const char *dir, struct err *err);

enum owner_role {
	OWNER_FASTCGI, /* owns for as long as its web server lives */
	OWNER_STORE /* started on demand; gives way to a FASTCGI process */
};

struct owner_info {
	pid_t pid;
	enum owner_role role;
	char version[32];
};

struct owner_lock;

/*
 * Tries to get the lock, once. *out is NULL (and 0 returned) when somebody
 * else has it; *holder (may be NULL) then says who. ERR_IO, ERR_DENIED,
 * ERR_NOTFOUND. The descriptor is close-on-exec.
 */
int owner_lock_try(const char *dir, enum owner_role role,
    struct owner_lock **out, struct owner_info *holder, struct err *err);
void owner_lock_drop(struct owner_lock *lock);

/*
 * A listening socket at DIR/socket, bound through /proc/self/fd so that long
 * paths work, mode 0660 (what a peer may do is decided by its uid, see
 * server.h). An old socket file is replaced: only the lock's holder calls
 * this. Returns the descriptor or -1.
 */
int owner_listen(const char *dir, struct err *err);

/* Connects to the owner. ERR_AWAY when nobody listens. -1 or the descriptor. */
int owner_connect(const char *dir, struct err *err);

/*
 * Kills (SIGKILL, through a pidfd, so never a stranger) a holder of the lock
 * that has answered nothing for 30 s; waits until the lock is free.
 */
int owner_kill_stalled(const char *dir, struct err *err);

#endif
