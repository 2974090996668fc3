/*
 * run.h: runs commands that events are handed to (P3 for local
 * programs): argv without a shell, the body on stdin, facts in EYELET_*
 * variables, nothing else of our environment but PATH, TZ and LANG; a session
 * (and so a process group) of its own, rlimits, a wall clock limit. Output is
 * read as long as it runs, and all but its end is thrown away.
 *
 * A run ends with the command's own process: what it left in the background
 * is killed then. At its time limit the group gets SIGTERM, COMMAND_GRACE_MS
 * later SIGKILL.
 *
 * Never two runs of one event for one destination, whoever dies: each run
 * holds a lock (flock on a file in dir, inherited by the command and by all
 * that it starts), and dies with its parent where it can (PR_SET_PDEATHSIG).
 * What a killed deliverer's commands left is killed by the next one before it
 * starts the same again. Out of reach is only a process that left the session
 * and closed the lock, or one of another user (setuid).
 *
 * One thread's, which lives as long as the commands are to, in a process that
 * does not ignore SIGCHLD.
 */
#ifndef EYELET_LIB_COMMAND_RUN_H
#define EYELET_LIB_COMMAND_RUN_H

#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/bytes.h"

#define COMMAND_EXCERPT_MAX 2048 /* bytes of stdout and stderr, its last */
#define COMMAND_WORDS_MAX 256
#define COMMAND_ENV_MAX 32
#define COMMAND_FDS_MAX 3 /* that one run adds to a poll */
#define COMMAND_GRACE_MS 2000 /* from SIGTERM to SIGKILL */
#define COMMAND_END_MAX_MS 5000 /* from SIGKILL until nothing is left */

struct command_runs;

/* Borrowed until command_start returns. */
struct command_request {
	const char *const *argv; /* [0] is an absolute path */
	const char *const *env; /* "EYELET_ID=evt_1", NULL-terminated */
	const char *lock; /* file name of the lock: "12-345"; no dot first */
	struct span body;
	int64_t timeout_ms;
	void *arg;
};

enum command_class {
	COMMAND_EXIT, /* code is its status */
	COMMAND_SIGNAL, /* code is the signal */
	COMMAND_TIMEOUT, /* it was killed, with its group; code: the signal
			    that ended it, or 0 */
	COMMAND_NOT_STARTED, /* missing, not executable: words say */
	COMMAND_BUSY /* an earlier run of it lives and cannot be ended yet */
};

struct command_result {
	void *arg;
	enum command_class class;
	int code;
	int64_t took_us; /* from its start */
	char words[COMMAND_WORDS_MAX]; /* "exit status 3"; inert */
	size_t excerpt_len;
	unsigned char excerpt[COMMAND_EXCERPT_MAX]; /* as it came */
	bool cut; /* there was more before it */
};

/*
 * dir: where the locks are (made, 0700). trampoline: the program that is
 * executed to become the command, as "trampoline --become-command ARGV...";
 * it calls command_become. What runs that left a lock there is killed, unless
 * the process that started them lives. ERR_IO, ERR_DENIED, ERR_NOMEM.
 */
int command_runs_open(const char *dir, const char *trampoline,
    struct command_runs **out, struct err *err);
/* Kills (with their groups) what still runs. NULL is allowed. */
void command_runs_close(struct command_runs *cr);

/*
 * Starts a run; its end comes by command_next. A run of the same lock that a
 * killed parent left behind is killed first, and waited for: COMMAND_BUSY
 * when it does not go, or is one of ours. ERR_NOMEM, ERR_IO, ERR_LIMIT,
 * ERR_USAGE: nothing was started.
 */
int command_start(
    struct command_runs *cr, const struct command_request *rq, struct err *err);
/* Runs whose result has not been taken. */
size_t command_busy(const struct command_runs *cr);

/* What to poll for; at most COMMAND_FDS_MAX for each run. */
size_t
command_fds(const struct command_runs *cr, struct pollfd *fds, size_t max);
/* The time at which command_serve is to be called though nothing came; -1:
 * never. clock_ms() time, here and below. */
int64_t command_wake_ms(const struct command_runs *cr, int64_t now_ms);

/* Takes output, reaps, keeps time; never waits. */
void command_serve(struct command_runs *cr, int64_t now_ms);
bool command_next(struct command_runs *cr, struct command_result *out);

/*
 * In the trampoline, before it opens or starts anything: sets limits and
 * becomes argv. Returns -1, on failure only, of which the parent knows then.
 */
int command_become(char *const *argv, struct err *err);

const char *command_word(enum command_class class); /* "exit" */

#endif
