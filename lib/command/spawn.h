/*
 * spawn.h: starts the process that becomes a command, by posix_spawn
 * (a fork of ours would keep our locks), in a session of its own.
 */
#ifndef EYELET_LIB_COMMAND_SPAWN_H
#define EYELET_LIB_COMMAND_SPAWN_H

#include "lib/command/run.h"

/*
 * What the process has beside 0, 1 and 2. The lock stays open in the command,
 * above the numbers that scripts use.
 */
#define COMMAND_STATUS_FD 3 /* says how far it came; closed by exec */
#define COMMAND_LOCK_FD 100

#define COMMAND_BEGUN '+' /* the first byte there; then why not further */

/* A request's argv, environment and body, as the process takes them. */
struct command_plan {
	char **argv, **env;
	int body_fd; /* a sealed memory file */
};

/*
 * ERR_NOMEM, ERR_IO, ERR_LIMIT. Copies; a body in a memory file needs nobody
 * who feeds it, and breaks nothing when it is not read.
 */
int command_plan_new(const char *trampoline, const struct command_request *rq,
    struct command_plan **out, struct err *err);
void command_plan_free(struct command_plan *plan); /* or NULL */
const char *command_plan_name(const struct command_plan *plan);

struct command_child {
	pid_t pid;
	unsigned long long started; /* as process_started */
	int pid_fd, out_fd, status_fd; /* non-blocking; -1: closed */
};

#define COMMAND_CHILD_INIT                                  \
	{                                                   \
		.pid_fd = -1, .out_fd = -1, .status_fd = -1 \
	}

/* lock_fd has the lock, and stays the caller's. ERR_IO, ERR_NOTFOUND, ... */
int command_spawn(const struct command_plan *plan, int lock_fd,
    struct command_child *child, struct err *err);
void command_child_close(struct command_child *child); /* what is open of it */

#endif
