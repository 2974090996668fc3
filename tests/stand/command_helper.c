/*
 * command_helper.c: for the tests of commands. In one small program:
 *
 *	command_helper --become-command ARGV...	as eyelet-deliver does
 *	command_helper drive DIR JOURNAL KIND	a deliverer of one event: runs
 *		"work JOURNAL KIND" under one lock, again and again
 *	command_helper work JOURNAL KIND [MS]	writes "begin PID", works a
 *		moment (or so long), writes "end PID"; "twice PID" when another
 *		works
 *	command_helper forks N	N lines of processes of which each forks the
 *		next and ends, for ever
 * The KIND of work says who does it: "main" the command itself, "child" its
 * child, "bare" a child that closed the lock, "away" one in a session of its
 * own, "job" one in a group of its own, "late" one that the command leaves.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/command/run.h"
#include "lib/command/spawn.h"

#define RESULT_MAX_MS 60000
/*
 * A process that ends lets go of its locks from the highest number down: this
 * one before that of the run.
 */
#define PROOF_FD (COMMAND_LOCK_FD + 100)

static int
fail(const struct err *err)
{
	fprintf(
	    stderr, "command_helper: %s: %s\n", err_word(err->code), err->text);
	return EX_SOFTWARE;
}

static void
note(int journal, const char *word)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "%s %d\n", word, getpid());

	if (write(journal, line, (size_t)len) != len)
		_exit(EX_IOERR);
}

static void
sleep_us(long us)
{
	struct timespec ts = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&ts, NULL);
}

/* Who holds the proof works; the kernel takes it from the dead. */
static void
do_work(const char *path, long ms)
{
	char proof[4096];
	int journal, fd;

	snprintf(proof, sizeof(proof), "%s.proof", path);
	journal = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	fd = open(proof, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (journal < 0 || fd < 0 || dup3(fd, PROOF_FD, O_CLOEXEC) < 0)
		_exit(EX_IOERR);
	close(fd);
	if (flock(PROOF_FD, LOCK_EX | LOCK_NB) < 0) {
		note(journal, "twice");
		_exit(1);
	}
	note(journal, "begin");
	sleep_us(ms > 0 ? ms * 1000 : 10000 + (long)(clock_us() % 70000));
	note(journal, "end");
	_exit(0);
}

static int
work(const char *path, const char *kind, long ms)
{
	pid_t pid;

	if (strcmp(kind, "main") == 0)
		do_work(path, ms);
	pid = fork();
	if (pid == 0) {
		if (strcmp(kind, "bare") == 0)
			close(COMMAND_LOCK_FD);
		else if (strcmp(kind, "away") == 0)
			setsid();
		else if (strcmp(kind, "job") == 0)
			setpgid(0, 0);
		do_work(path, ms);
	}
	if (strcmp(kind, "late") == 0)
		sleep_us(10000);
	else
		waitpid(pid, NULL, 0);
	return 0;
}

static int
forks(int lines)
{
	struct timespec pause = { 3600, 0 };

	while (lines-- > 0)
		if (fork() == 0)
			while (fork() != 0)
				_exit(0);
	nanosleep(&pause, NULL);
	return 0;
}

static int
take_result(struct command_runs *cr, struct command_result *res)
{
	int64_t until = clock_ms() + RESULT_MAX_MS, at;
	struct pollfd fds[COMMAND_FDS_MAX];
	size_t n;

	while (!command_next(cr, res)) {
		if (clock_ms() > until)
			return -1;
		at = command_wake_ms(cr, clock_ms());
		n = command_fds(cr, fds, COMMAND_FDS_MAX);
		at = at < 0 ? RESULT_MAX_MS : at - clock_ms();
		poll(fds, n, at < 0 ? 0 : (int)at);
		command_serve(cr, clock_ms());
	}
	return 0;
}

static int
drive(const char *self, const char *dir, const char *journal, const char *kind)
{
	const char *argv[] = { self, "work", journal, kind, NULL };
	const char *env[] = { "EYELET_ID=evt_1", NULL };
	struct command_request rq = { .argv = argv,
		.env = env,
		.lock = "1-1",
		.timeout_ms = RESULT_MAX_MS };
	int fd = open(journal, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	struct command_result res;
	struct err err = ERR_INIT;
	struct command_runs *cr;

	if (fd < 0 || command_runs_open(dir, self, &cr, &err) < 0)
		return fail(&err);
	for (;;) {
		if (command_start(cr, &rq, &err) < 0)
			return fail(&err);
		if (take_result(cr, &res) < 0)
			return EX_SOFTWARE;
		if (res.class != COMMAND_EXIT)
			fprintf(stderr, "command_helper: %s\n", res.words);
		note(fd, command_word(res.class));
	}
}

int
main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (argc > 2 && strcmp(argv[1], "--become-command") == 0) {
		command_become(argv + 2, &err);
		return fail(&err);
	}
	if (argc == 5 && strcmp(argv[1], "drive") == 0)
		return drive(argv[0], argv[2], argv[3], argv[4]);
	if ((argc == 4 || argc == 5) && strcmp(argv[1], "work") == 0)
		return work(argv[2], argv[3], argc < 5 ? 0 : atol(argv[4]));
	if (argc == 3 && strcmp(argv[1], "forks") == 0)
		return forks(atoi(argv[2]));
	return EX_USAGE;
}
