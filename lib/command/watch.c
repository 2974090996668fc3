/* watch.c: one run, from its lock to its result. */
#include "lib/command/parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/process.h"
#include "lib/command/end.h"
#include "lib/command/left.h"

#define TURN_MAX \
	(4 * COMMAND_PIECE) /* and of one run before others have a turn */
#define DRAIN_MAX (1024 * 1024) /* what a pipe may hold when a run ends */
#define CLOSE_MAX_MS 1000 /* that closing waits for a killed process */
#define LOOK_FIRST_MS 2 /* between looks at what is left, doubling ... */
#define LOOK_MAX_MS 50 /* ... up to this */

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- what is left of a run --------------------------------------------------
 */

static bool
lives(pid_t pid, unsigned long long started)
{
	struct process_facts facts;
	struct err ignored;

	return process_facts(pid, &facts, &ignored) == 0 &&
	       facts.started == started && facts.state != 'Z' &&
	       facts.state != 'X';
}

/*
 * Is the run of that lock file over? Then *lock_fd has its lock. What lives of
 * it is killed, but not the run of another deliverer that lives itself.
 */
static int
look(struct command_runs *cr, struct command_run *r, int *lock_fd,
    struct err *err)
{
	struct command_record rec;
	size_t alive = 0;
	bool taken, known;
	int fd, ret = 0;

	*lock_fd = -1;
	if (command_lock_open(cr->dir_fd, r->lock, &fd, &taken, err) < 0)
		return -1;
	known = command_record_read(fd, &rec);
	/* Numbers of another boot are nobody's. */
	if (known && strcmp(rec.boot, cr->mine.boot) != 0)
		memset(&rec, 0, sizeof(rec));
	if (r->state == RUN_ENDING) { /* we know, whatever the file says */
		rec.pid = r->child.pid;
		rec.started = r->child.started;
	}
	if (rec.parent != 0 && rec.parent != cr->mine.parent &&
	    lives(rec.parent, rec.parent_started))
		taken = false;
	else
		ret = command_left_kill(&rec, taken ? -1 : fd, &alive, err);
	if (ret == 0 && taken && alive == 0)
		*lock_fd = fd;
	else
		close(fd);
	return ret;
}

static void
go_to(struct command_run *r, enum command_state state, int64_t until_ms)
{
	r->state = state;
	r->until_ms = until_ms;
	r->look_ms = r->pause_ms = 0;
}

static void
finish(struct command_run *r)
{
	go_to(r, RUN_DONE, 0);
	r->ready = r->plan != NULL && !r->told;
}

static void
look_later(struct command_run *r, int64_t now_ms)
{
	r->pause_ms = r->pause_ms == 0 ? LOOK_FIRST_MS : 2 * r->pause_ms;
	if (r->pause_ms > LOOK_MAX_MS)
		r->pause_ms = LOOK_MAX_MS;
	r->look_ms = now_ms + r->pause_ms;
}

/* --- starting ---------------------------------------------------------------
 */

/* With the lock, which goes to the command. */
static int
begin(struct command_runs *cr, struct command_run *r, int lock_fd,
    struct err *err)
{
	if (command_record_write(lock_fd, &cr->mine, err) < 0 ||
	    command_spawn(r->plan, lock_fd, &r->child, err) < 0) {
		command_lock_remove(cr->dir_fd, r->lock, lock_fd);
		return -1;
	}
	close(lock_fd);
	r->began_us = clock_us();
	go_to(r, RUN_ALIVE, r->began_us / 1000 + r->timeout_ms);
	return 0;
}

static void
refuse(struct command_run *r, enum command_class class, const char *words)
{
	r->result.class = class;
	command_result_words(&r->result, words);
	finish(r);
}

void
command_run_refuse_busy(struct command_run *r)
{
	char words[COMMAND_WORDS_MAX];

	snprintf(words, sizeof(words),
	    "%s: an earlier run for the same event lives, and does not end",
	    command_plan_name(r->plan));
	refuse(r, COMMAND_BUSY, words);
}

/* -1: it cannot be started, and is no more. */
int
command_run_clear(struct command_runs *cr, struct command_run *r,
    int64_t now_ms, struct err *err)
{
	int lock_fd;

	if (look(cr, r, &lock_fd, err) < 0)
		return -1;
	if (lock_fd >= 0 && r->plan != NULL)
		return begin(cr, r, lock_fd, err);
	if (lock_fd >= 0) {
		command_lock_remove(cr->dir_fd, r->lock, lock_fd);
		finish(r);
	} else if (now_ms < r->until_ms) {
		look_later(r, now_ms);
	} else if (r->plan != NULL) {
		command_run_refuse_busy(r);
	} else {
		finish(r);
	}
	return 0;
}

/* --- while it runs ----------------------------------------------------------
 */

static void
take_output(struct command_runs *cr, struct command_run *r, size_t most)
{
	size_t took = 0;
	ssize_t n;

	while (r->child.out_fd >= 0 && took < most) {
		n = read(r->child.out_fd, cr->piece, sizeof(cr->piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_fd(&r->child.out_fd);
			return;
		}
		command_result_put(&r->result, cr->piece, (size_t)n);
		took += (size_t)n;
	}
}

static void
take_status(struct command_run *r)
{
	size_t room;
	ssize_t n;

	while (r->child.status_fd >= 0) {
		room = sizeof(r->said) - 1 - r->nsaid;
		n = room == 0
			? 0
			: read(r->child.status_fd, r->said + r->nsaid, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			close_fd(&r->child.status_fd);
		else
			r->nsaid += (size_t)n;
	}
}

/* Has its process ended? It stays a zombie, so that its number stays its. */
static bool
ended(const struct command_run *r, siginfo_t *how)
{
	int got;

	do {
		how->si_pid = 0;
		got = waitid(P_PIDFD, (id_t)r->child.pid_fd, how,
		    WEXITED | WNOHANG | WNOWAIT);
	} while (got < 0 && errno == EINTR);
	return got == 0 && how->si_pid != 0;
}

static void
reap(struct command_run *r)
{
	siginfo_t how;

	while (waitid(P_PIDFD, (id_t)r->child.pid_fd, &how, WEXITED) < 0 &&
	       errno == EINTR)
		continue;
	close_fd(&r->child.pid_fd);
}

static void
judge(struct command_run *r, const siginfo_t *how)
{
	struct command_end e = {
		.overdue = r->state != RUN_ALIVE,
		.timeout_ms = r->timeout_ms,
		.exited = how->si_code == CLD_EXITED,
		.code = how->si_status,
	};

	r->result.took_us = clock_us() - r->began_us;
	r->said[r->nsaid] = '\0';
	e.begun = r->said[0] == COMMAND_BEGUN;
	e.refused = e.begun ? r->said + 1 : "";
	command_result_end(&r->result, command_plan_name(r->plan), &e);
}

/* Its process has ended: so does its group. */
static void
end(struct command_runs *cr, struct command_run *r, const siginfo_t *how,
    int64_t now_ms)
{
	kill(-r->child.pid, SIGKILL);
	take_status(r);
	take_output(cr, r, DRAIN_MAX);
	close_fd(&r->child.status_fd);
	close_fd(&r->child.out_fd);
	reap(r);
	if (r->state != RUN_STUCK)
		judge(r, how);
	go_to(r, RUN_ENDING, now_ms + COMMAND_END_MAX_MS);
}

/* Killed, and still there: a process that waits for a disk may be. */
static void
give_up(struct command_run *r)
{
	struct command_end e = {
		.overdue = true,
		.timeout_ms = r->timeout_ms,
		.code = SIGKILL,
	};

	r->result.took_us = clock_us() - r->began_us;
	command_result_end(&r->result, command_plan_name(r->plan), &e);
	go_to(r, RUN_STUCK, 0);
	r->ready = true;
}

static void
escalate(struct command_run *r, int64_t now_ms)
{
	if (r->state == RUN_ALIVE) {
		kill(-r->child.pid, SIGTERM);
		/* One that is stopped takes it, too. */
		kill(-r->child.pid, SIGCONT);
		go_to(r, RUN_ASKED, now_ms + COMMAND_GRACE_MS);
	} else if (r->state == RUN_ASKED) {
		kill(-r->child.pid, SIGKILL);
		go_to(r, RUN_KILLED, now_ms + COMMAND_END_MAX_MS);
	} else if (r->state == RUN_KILLED) {
		give_up(r);
	}
}

static void
watch(struct command_runs *cr, struct command_run *r, int64_t now_ms)
{
	siginfo_t how;

	take_output(cr, r, TURN_MAX);
	take_status(r);
	if (ended(r, &how))
		end(cr, r, &how, now_ms);
	else if (r->state != RUN_STUCK && now_ms >= r->until_ms)
		escalate(r, now_ms);
}

/* Nothing of it may live when its result is given: a retry may follow. */
static void
end_rest(struct command_runs *cr, struct command_run *r, int64_t now_ms)
{
	char words[sizeof(r->result.words)];
	struct err ignored;
	int lock_fd;

	if (look(cr, r, &lock_fd, &ignored) == 0 && lock_fd >= 0) {
		command_lock_remove(cr->dir_fd, r->lock, lock_fd);
		finish(r);
	} else if (now_ms < r->until_ms) {
		look_later(r, now_ms);
	} else {
		memcpy(words, r->result.words, sizeof(words));
		snprintf(r->result.words, sizeof(r->result.words),
		    "%.180s; what it left behind does not end", words);
		finish(r);
	}
}

static void
clear_or_refuse(struct command_runs *cr, struct command_run *r, int64_t now_ms)
{
	struct err err = ERR_INIT;

	if (command_run_clear(cr, r, now_ms, &err) == 0)
		return;
	if (r->plan != NULL)
		refuse(r, COMMAND_NOT_STARTED, err.text);
	else
		finish(r);
}

void
command_run_serve(
    struct command_runs *cr, struct command_run *r, int64_t now_ms)
{
	switch (r->state) {
	case RUN_CLEARING:
		if (now_ms >= r->look_ms)
			clear_or_refuse(cr, r, now_ms);
		break;
	case RUN_ALIVE:
	case RUN_ASKED:
	case RUN_KILLED:
	case RUN_STUCK:
		watch(cr, r, now_ms);
		break;
	case RUN_ENDING:
	case RUN_DONE:
		break;
	}
	/* In the same turn: most leave nothing. */
	if (r->state == RUN_ENDING && now_ms >= r->look_ms)
		end_rest(cr, r, now_ms);
}

void
command_run_end(struct command_runs *cr, struct command_run *r)
{
	struct pollfd fd = { .fd = r->child.pid_fd, .events = POLLIN };
	struct err ignored;
	int lock_fd;

	kill(-r->child.pid, SIGKILL);
	if (poll(&fd, 1, CLOSE_MAX_MS) != 1)
		return;
	reap(r);
	go_to(r, RUN_ENDING, 0);
	if (look(cr, r, &lock_fd, &ignored) == 0 && lock_fd >= 0)
		command_lock_remove(cr->dir_fd, r->lock, lock_fd);
}
