/*
 * harden.h: keeps what a process holds from files and from other processes of
 * its user. Every program here may hold a secret or a payload, so the first
 * statement of each main() is harden_process() (tests/tree/programs_harden.py
 * runs each program that is installed, and fails for one that lacks it).
 */
#ifndef EYELET_LIB_BASE_HARDEN_H
#define EYELET_LIB_BASE_HARDEN_H

#include <sys/types.h>

#include "lib/base/err.h"

/*
 * No core file, and none through a pipe either (prctl(2), PR_SET_DUMPABLE);
 * /proc/PID is root's, and no ptrace by the same user; files that are made are
 * the user's alone (umask 077). A closed 0, 1 or 2 is opened on /dev/null, so
 * that no socket or database takes its number; reading 0 then finds the end,
 * writing to 1 fails, writing to 2 is lost. ERR_IO.
 */
int harden_process(struct err *err);

/*
 * Gives root up for this uid, gid and, unless user is NULL, the groups of that
 * user; with NULL there are none. Hardened again, as the change of user may
 * make a process dumpable (proc(5), suid_dumpable). ERR_IO.
 */
int harden_become(const char *user, uid_t uid, gid_t gid, struct err *err);

#endif
