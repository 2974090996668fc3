/*
 * parts.h: what the files of command_run.h share: a run, and what
 * command/watch.c does with one.
 */
#ifndef EYELET_LIB_COMMAND_PARTS_H
#define EYELET_LIB_COMMAND_PARTS_H

#include <limits.h>

#include "lib/command/lock.h"
#include "lib/command/run.h"
#include "lib/command/spawn.h"

#define COMMAND_PIECE (64 * 1024) /* bytes of output read by one call */

enum command_state {
	RUN_CLEARING, /* what an earlier run left is ended; then it starts */
	RUN_ALIVE,
	RUN_ASKED, /* to end, by SIGTERM */
	RUN_KILLED,
	RUN_ENDING, /* its process ended; what it left is ended */
	RUN_DONE,
	RUN_STUCK /* it was killed and does not die */
};

struct command_run {
	struct command_run *next;
	enum command_state state;
	char lock[NAME_MAX + 1];
	struct command_plan *plan; /* NULL: only what was left is ended */
	int64_t timeout_ms;
	int64_t until_ms; /* when the state is given up */
	int64_t look_ms, pause_ms; /* when to look again at what is left */
	int64_t began_us;
	struct command_child child;
	char said[1 + COMMAND_WORDS_MAX]; /* by the trampoline */
	size_t nsaid;
	struct command_result result;
	bool ready, told; /* the result waits to be taken; it was taken */
};

struct command_runs {
	int dir_fd;
	char *trampoline;
	struct command_record mine; /* this boot, this process */
	struct command_run *runs;
	unsigned char piece[COMMAND_PIECE];
};

/*
 * Ends what an earlier run left, as far as it goes now, and starts the run's
 * command when nothing is left. -1: it cannot be started, and never was.
 */
int command_run_clear(struct command_runs *cr, struct command_run *r,
    int64_t now_ms, struct err *err);
void command_run_refuse_busy(struct command_run *r);

/* Takes a run as far as it goes now. */
void command_run_serve(
    struct command_runs *cr, struct command_run *r, int64_t now_ms);

/* Kills it and waits for that, but not for ever. */
void command_run_end(struct command_runs *cr, struct command_run *r);

#endif
