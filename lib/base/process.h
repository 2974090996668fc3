/* process.h: facts about a process, from /proc. */
#ifndef EYELET_LIB_BASE_PROCESS_H
#define EYELET_LIB_BASE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/err.h"

/*
 * When a process began, in the kernel's ticks since boot. A pid is used
 * again, a pid with its start is not. ERR_NOTFOUND when it is gone.
 */
int process_started(pid_t pid, unsigned long long *started, struct err *err);

struct process_facts {
	char state; /* 'R', 'S', ...; 'Z': ended, but not yet waited for */
	pid_t parent, group, session;
	unsigned long long started;
};
/* The same, with where it belongs. ERR_NOTFOUND. */
int process_facts(pid_t pid, struct process_facts *facts, struct err *err);

/*
 * Are its real, effective and saved uid all this one? A program that was
 * executed with more rights is not one of the user's. ERR_NOTFOUND.
 */
int process_runs_as(pid_t pid, uid_t uid, bool *yes, struct err *err);

/*
 * The user who logged in, as the kernel's audit keeps it; *set is false where
 * it has none. ERR_NOTFOUND.
 */
int process_login_uid(pid_t pid, uid_t *uid, bool *set, struct err *err);
/* ERR_NOTFOUND. */
int process_real_uid(pid_t pid, uid_t *uid, struct err *err);

#endif
