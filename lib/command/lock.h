/*
 * lock.h: the lock file of a run of a command. Whoever has it open
 * with the lock runs: the command inherits it, and so does all that it starts.
 * For those who find the file after a deliverer was killed, it names the
 * process that became the command.
 */
#ifndef EYELET_LIB_COMMAND_LOCK_H
#define EYELET_LIB_COMMAND_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"

struct command_record {
	char boot[CLOCK_BOOT_MAX]; /* pids and starts are of this boot */
	pid_t parent; /* who starts it */
	unsigned long long parent_started; /* as process_started */
	pid_t pid; /* its process, group and session; 0: not begun */
	unsigned long long started;
};

/* The id of this boot, and this process as the parent. ERR_IO. */
int command_record_mine(struct command_record *rec, struct err *err);
/* False: there is none that can be read. */
bool command_record_read(int fd, struct command_record *rec);
int
command_record_write(int fd, const struct command_record *rec, struct err *err);

/* May a lock be called so? It is the name of a file. */
bool command_lock_name_ok(const char *name);

/*
 * Opens the file, which is made when there is none, and takes the lock when
 * it is free. An fd may be kept or closed at will; the lock goes with its last
 * copy. ERR_IO.
 */
int command_lock_open(
    int dir_fd, const char *name, int *fd, bool *taken, struct err *err);

/* Removes the file and closes fd, which has the lock. */
void command_lock_remove(int dir_fd, const char *name, int fd);

#endif
