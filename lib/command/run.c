/* run.c: runs of commands, from their lock to their result. */
#include "lib/command/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/files.h"
#include "lib/base/guard.h"
#include "lib/command/parts.h"

static bool
has_process(const struct command_run *r)
{
	return r->state == RUN_ALIVE || r->state == RUN_ASKED ||
	       r->state == RUN_KILLED || r->state == RUN_STUCK;
}

static struct command_run *
run_new(struct command_runs *cr, const char *lock, struct err *err)
{
	struct command_run *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		err_set(err, ERR_NOMEM, "out of memory");
		return NULL;
	}
	snprintf(r->lock, sizeof(r->lock), "%s", lock);
	r->child = (struct command_child)COMMAND_CHILD_INIT;
	r->state = RUN_CLEARING;
	r->until_ms = clock_ms() + COMMAND_END_MAX_MS;
	r->next = cr->runs;
	cr->runs = r;
	return r;
}

static void
run_free(struct command_runs *cr, struct command_run *r)
{
	struct command_run **at = &cr->runs;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	command_plan_free(r->plan);
	command_child_close(&r->child);
	free(r);
}

static struct command_run *
find(struct command_runs *cr, const char *lock)
{
	struct command_run *r = cr->runs;

	while (
	    r != NULL && (r->state == RUN_DONE || strcmp(r->lock, lock) != 0))
		r = r->next;
	return r;
}

int
command_start(
    struct command_runs *cr, const struct command_request *rq, struct err *err)
{
	struct command_plan *plan;
	struct command_run *r, *other;

	if (!command_lock_name_ok(rq->lock))
		return err_set(err, ERR_USAGE,
		    "the lock of %s is not called as a file", rq->argv[0]);
	if (command_plan_new(cr->trampoline, rq, &plan, err) < 0)
		return err_wrap(err, "%s", rq->argv[0]);
	other = find(cr, rq->lock);
	if (other != NULL && other->state == RUN_CLEARING &&
	    other->plan == NULL)
		r = other; /* it is being cleared for us */
	else
		r = run_new(cr, rq->lock, err);
	if (r == NULL) {
		command_plan_free(plan);
		return -1;
	}
	r->plan = plan;
	r->timeout_ms = rq->timeout_ms;
	r->result.arg = rq->arg;
	r->until_ms = clock_ms() + COMMAND_END_MAX_MS;
	if (other != NULL && r != other) {
		command_run_refuse_busy(r);
	} else if (command_run_clear(cr, r, clock_ms(), err) < 0) {
		run_free(cr, r);
		return err_wrap(err, "%s", rq->argv[0]);
	}
	return 0;
}

void
command_serve(struct command_runs *cr, int64_t now_ms)
{
	struct command_run *r, *next;

	for (r = cr->runs; r != NULL; r = next) {
		next = r->next;
		command_run_serve(cr, r, now_ms);
		if (r->state == RUN_DONE && !r->ready)
			run_free(cr, r);
	}
}

bool
command_next(struct command_runs *cr, struct command_result *out)
{
	struct command_run *r = cr->runs;

	while (r != NULL && !r->ready)
		r = r->next;
	if (r == NULL)
		return false;
	*out = r->result;
	r->ready = false;
	r->told = true;
	if (r->state == RUN_DONE)
		run_free(cr, r);
	return true;
}

size_t
command_busy(const struct command_runs *cr)
{
	const struct command_run *r;
	size_t n = 0;

	for (r = cr->runs; r != NULL; r = r->next)
		n += r->plan != NULL && !r->told;
	return n;
}

/* --- what to wait for -------------------------------------------------------
 */

size_t
command_fds(const struct command_runs *cr, struct pollfd *fds, size_t max)
{
	const struct command_run *r;
	size_t n = 0, i;

	for (r = cr->runs; r != NULL; r = r->next) {
		const int watched[COMMAND_FDS_MAX] = { r->child.pid_fd,
			r->child.out_fd, r->child.status_fd };

		for (i = 0; i < COMMAND_FDS_MAX; i++)
			if (watched[i] >= 0 && n < max)
				fds[n++] = (struct pollfd){ .fd = watched[i],
					.events = POLLIN };
	}
	return n;
}

static int64_t
wake_of(const struct command_run *r, int64_t now_ms)
{
	switch (r->state) {
	case RUN_CLEARING:
	case RUN_ENDING:
		return r->look_ms;
	case RUN_ALIVE:
	case RUN_ASKED:
	case RUN_KILLED:
		return r->until_ms;
	case RUN_DONE:
		return now_ms;
	case RUN_STUCK:
		break;
	}
	return r->ready ? now_ms : -1;
}

int64_t
command_wake_ms(const struct command_runs *cr, int64_t now_ms)
{
	int64_t first = -1, at;
	const struct command_run *r;

	for (r = cr->runs; r != NULL; r = r->next) {
		at = wake_of(r, now_ms);
		if (at >= 0 && (first < 0 || at < first))
			first = at;
	}
	return first;
}

/* --- opening and closing ----------------------------------------------------
 */

static int
clear_left(void *arg, const char *file, struct err *err)
{
	struct command_runs *cr = arg;
	struct command_run *r;

	if (!command_lock_name_ok(file))
		return 0;
	r = run_new(cr, file, err);
	if (r == NULL)
		return -1;
	command_run_serve(cr, r, clock_ms());
	return 0;
}

static int
open_dir(struct command_runs *cr, const char *dir, struct err *err)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_errno(err, errno, "make the folder %s", dir);
	if (guard_path(dir, GUARD_FOLDER | GUARD_PRIVATE, err) < 0)
		return -1;
	cr->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (cr->dir_fd < 0)
		return err_errno(err, errno, "open the folder %s", dir);
	return 0;
}

int
command_runs_open(const char *dir, const char *trampoline,
    struct command_runs **out, struct err *err)
{
	struct command_runs *cr = calloc(1, sizeof(*cr));

	if (cr == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	cr->dir_fd = -1;
	cr->trampoline = span_dup(span_str(trampoline), err);
	if (cr->trampoline == NULL || command_record_mine(&cr->mine, err) < 0 ||
	    open_dir(cr, dir, err) < 0 ||
	    files_visit(dir, clear_left, cr, err) < 0) {
		command_runs_close(cr);
		return -1;
	}
	*out = cr;
	return 0;
}

void
command_runs_close(struct command_runs *cr)
{
	if (cr == NULL)
		return;
	while (cr->runs != NULL) {
		if (has_process(cr->runs))
			command_run_end(cr, cr->runs);
		run_free(cr, cr->runs);
	}
	if (cr->dir_fd >= 0)
		close(cr->dir_fd);
	free(cr->trampoline);
	free(cr);
}
