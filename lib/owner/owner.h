/*
 * owner.h: one process at a time owns a store. The lock is an OFD lock on
 * the file "lock" of the store folder, so the kernel drops it when its holder
 * dies, however it dies; the owner's pid, role and version stand in that
 * file. The folder itself is locked too (flock), so that an operator who
 * removes the file lets no second owner in. The owner serves all others over
 * the socket "socket" beside it.
 *
 * The folder must not be a symbolic link, nor writable by others, nor stand
 * in a folder where others may put another one in its place (guard.h); so the
 * lock file.
 */
#ifndef EYELET_LIB_OWNER_OWNER_H
#define EYELET_LIB_OWNER_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/err.h"

/*
 * euid 0 turns into the store folder's owner (uid, gid, groups dropped) for
 * good, before anything is opened; the folder's owner stays what it is; any
 * other uid is refused with what helps: for eyelet.fcgi, which a web server
 * starts, how the store gets another user; else the "sudo -u" line. ERR_DENIED,
 * ERR_NOTFOUND (there is no such folder).
 */
int owner_become_user(const char *dir, struct err *err);

/* The same judgement of an administrator, who stays who he is. */
int owner_check_user(const char *dir, struct err *err);

enum owner_role {
	OWNER_FASTCGI = 1, /* owns for as long as its web server lives */
	OWNER_STORE, /* started on demand; gives way to a FASTCGI process */
	OWNER_OFFLINE /* restore, rebuild: serves nobody, is never killed */
};

const char *owner_role_word(enum owner_role role); /* "fastcgi" */

struct owner_info {
	pid_t pid; /* 0: not known (yet) */
	/*
	 * When that process began, in the kernel's ticks: with the pid, the
	 * name of one process and no later one.
	 */
	unsigned long long started;
	enum owner_role role;
	char version[32];
	char build[48];
};

/* Does a name the same process as b? Never when a is not known. */
bool owner_same(const struct owner_info *a, const struct owner_info *b);

/* To and from what stands in the lock file and goes over the socket. */
struct frame_greeting;
int owner_info_self(
    enum owner_role role, struct frame_greeting *out, struct err *err);
int owner_info_from(const struct frame_greeting *greeting,
    struct owner_info *out, struct err *err);

struct owner_lock;

/*
 * Tries to get the lock, once. *out is NULL (and 0 returned) when somebody
 * else has it; *holder (may be NULL) then says who. ERR_IO, ERR_DENIED (this
 * user is not the folder's owner, or others could get at it), ERR_NOTFOUND.
 * The descriptors are close-on-exec, so an execve drops the lock.
 */
int owner_lock_try(const char *dir, enum owner_role role,
    struct owner_lock **out, struct owner_info *holder, struct err *err);
void owner_lock_drop(struct owner_lock *lock); /* NULL is allowed */

/*
 * Makes the lock file anew when it was renamed, removed or replaced: others
 * read there who holds the lock. The folder's lock holds meanwhile. One thread
 * at a time; true when it was made anew.
 */
bool owner_lock_look(struct owner_lock *lock, enum owner_role role);

/*
 * Who holds the lock now; *held is false when nobody does. Needs to read the
 * lock file: ERR_DENIED for another uid.
 */
int owner_holder(
    const char *dir, struct owner_info *holder, bool *held, struct err *err);

/*
 * A listening socket at DIR/socket, bound through /proc/self/fd so that long
 * paths work, mode 0660 and of the folder's group (what a peer may do is
 * decided by its uid, see server.h). An old socket file is replaced: only the
 * lock's holder calls this. Returns the descriptor (non-blocking) or -1.
 */
int owner_listen(const char *dir, struct err *err);

/*
 * Connects to the owner. ERR_AWAY when nobody listens, ERR_TIMEOUT when
 * somebody does but takes no connections, ERR_DENIED when this user may not,
 * or who listens is not the folder's owner. Returns the descriptor
 * (non-blocking) or -1.
 */
int owner_connect(const char *dir, struct err *err);

#endif
