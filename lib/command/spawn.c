/* spawn.c: starts the process that becomes a command. */
#include "lib/command/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/process.h"
#include "lib/base/util.h"

/* What of our environment a command sees. */
static const struct {
	const char *name, *otherwise;
} passed_on[] = {
	{ "PATH",
	    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
	{ "TZ", NULL },
	{ "LANG", NULL },
};

#define BECOME_ARGS 2 /* the program and its option, before the command's */

static size_t
count(const char *const *list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

static int
put_argv(struct command_plan *plan, const char *trampoline,
    const char *const *argv, struct err *err)
{
	size_t n = count(argv), i;

	plan->argv = calloc(BECOME_ARGS + n + 1, sizeof(char *));
	if (plan->argv == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (i = 0; i < BECOME_ARGS + n; i++) {
		plan->argv[i] = strdup(i == 0   ? trampoline
				       : i == 1 ? "--become-command"
						: argv[i - BECOME_ARGS]);
		if (plan->argv[i] == NULL)
			return err_set(err, ERR_NOMEM, "out of memory");
	}
	return 0;
}

/* "NAME=VALUE", or NULL. */
static char *
joined(const char *name, const char *value)
{
	size_t len = strlen(name), more = strlen(value);
	char *pair = malloc(len + 1 + more + 1);

	if (pair == NULL)
		return NULL;
	memcpy(pair, name, len);
	pair[len] = '=';
	memcpy(pair + len + 1, value, more + 1);
	return pair;
}

static int
put_env(struct command_plan *plan, const char *const *env, struct err *err)
{
	size_t n = count(env), at = 0, i;
	const char *value;

	if (n > COMMAND_ENV_MAX)
		return err_set(err, ERR_LIMIT,
		    "a command has %zu variables, more than %d", n,
		    COMMAND_ENV_MAX);
	plan->env = calloc(n + NITEMS(passed_on) + 1, sizeof(char *));
	if (plan->env == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (i = 0; i < n; i++) {
		plan->env[at] = strdup(env[i]);
		if (plan->env[at++] == NULL)
			return err_set(err, ERR_NOMEM, "out of memory");
	}
	for (i = 0; i < NITEMS(passed_on); i++) {
		value = getenv(passed_on[i].name);
		if (value == NULL)
			value = passed_on[i].otherwise;
		if (value == NULL)
			continue;
		plan->env[at] = joined(passed_on[i].name, value);
		if (plan->env[at++] == NULL)
			return err_set(err, ERR_NOMEM, "out of memory");
	}
	return 0;
}

static int
fill(int fd, struct span body)
{
	const char *p = body.ptr;
	size_t done = 0;
	ssize_t n;

	while (done < body.len) {
		n = pwrite(fd, p + done, body.len - done, (off_t)done);
		if (n < 0 && errno != EINTR)
			return -1;
		done += n < 0 ? 0 : (size_t)n;
	}
	return fcntl(fd, F_ADD_SEALS,
	    F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
}

/*
 * The child's ends go above the numbers that it is given them under, so that
 * putting one there closes no other.
 */
static int
raise_fd(int fd)
{
	int raised =
	    fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, COMMAND_LOCK_FD + 1);
	int errnum = errno;

	if (fd >= 0)
		close(fd);
	errno = errnum;
	return raised;
}

static int
put_body(struct command_plan *plan, struct span body, struct err *err)
{
	plan->body_fd = raise_fd(
	    memfd_create("eyelet-body", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	if (plan->body_fd < 0 || fill(plan->body_fd, body) < 0)
		return err_errno(err, errno, "keep a body for a command");
	return 0;
}

int
command_plan_new(const char *trampoline, const struct command_request *rq,
    struct command_plan **out, struct err *err)
{
	struct command_plan *plan = calloc(1, sizeof(*plan));

	if (plan == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	plan->body_fd = -1;
	if (put_argv(plan, trampoline, rq->argv, err) < 0 ||
	    put_env(plan, rq->env, err) < 0 ||
	    put_body(plan, rq->body, err) < 0) {
		command_plan_free(plan);
		return -1;
	}
	*out = plan;
	return 0;
}

static void
free_list(char **list)
{
	size_t i;

	for (i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

void
command_plan_free(struct command_plan *plan)
{
	if (plan == NULL)
		return;
	free_list(plan->argv);
	free_list(plan->env);
	if (plan->body_fd >= 0)
		close(plan->body_fd);
	free(plan);
}

const char *
command_plan_name(const struct command_plan *plan)
{
	return plan->argv[BECOME_ARGS];
}

/* 0 or an errno. */
static int
set_files(
    posix_spawn_file_actions_t *files, int body, int out, int status, int lock)
{
	const struct {
		int from, to;
	} given[] = { { body, 0 }, { out, 1 }, { out, 2 },
		{ status, COMMAND_STATUS_FD }, { lock, COMMAND_LOCK_FD } };
	size_t i;
	int ret = 0;

	for (i = 0; i < NITEMS(given) && ret == 0; i++)
		ret = posix_spawn_file_actions_adddup2(
		    files, given[i].from, given[i].to);
	return ret;
}

static int
set_attributes(posix_spawnattr_t *attr)
{
	sigset_t all, none;
	int ret;

	sigfillset(&all);
	sigemptyset(&none);
	ret = posix_spawnattr_setsigdefault(attr, &all);
	if (ret == 0)
		ret = posix_spawnattr_setsigmask(attr, &none);
	if (ret == 0) /* a session is a group of its own, too */
		ret = posix_spawnattr_setflags(
		    attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
			      POSIX_SPAWN_SETSIGMASK);
	return ret;
}

static int
spawn(
    const struct command_plan *plan, int out, int status, int lock, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int ret = posix_spawn_file_actions_init(&files);

	if (ret != 0)
		return ret;
	ret = posix_spawnattr_init(&attr);
	if (ret == 0) {
		ret = set_files(&files, plan->body_fd, out, status, lock);
		if (ret == 0)
			ret = set_attributes(&attr);
		if (ret == 0)
			ret = posix_spawn(pid, plan->argv[0], &files, &attr,
			    plan->argv, plan->env);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return ret;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
command_child_close(struct command_child *child)
{
	close_fd(&child->pid_fd);
	close_fd(&child->out_fd);
	close_fd(&child->status_fd);
}

/* What we need to watch it; without that, it is not to live. */
static int
watch(struct command_child *child, struct err *err)
{
	child->pid_fd = pidfd_open(child->pid, 0);
	if (child->pid_fd >= 0 &&
	    process_started(child->pid, &child->started, err) == 0)
		return 0;
	if (child->pid_fd < 0)
		err_errno(err, errno, "watch process %d", child->pid);
	close_fd(&child->pid_fd);
	kill(-child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return -1;
}

static int
make_pipe(int *read_end, int *write_end, struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, errno, "make a pipe");
	*read_end = fds[0];
	*write_end = raise_fd(fds[1]);
	/* Our end alone: the command's own writes wait as it expects. */
	if (*write_end >= 0 && fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	return err_errno(err, errno, "make a pipe");
}

int
command_spawn(const struct command_plan *plan, int lock_fd,
    struct command_child *child, struct err *err)
{
	struct command_child c = COMMAND_CHILD_INIT;
	int out = -1, status = -1, lock = -1, made, ret = -1;

	if (make_pipe(&c.out_fd, &out, err) < 0 ||
	    make_pipe(&c.status_fd, &status, err) < 0)
		goto out;
	lock = fcntl(lock_fd, F_DUPFD_CLOEXEC, COMMAND_LOCK_FD + 1);
	if (lock < 0) {
		err_errno(err, errno, "pass on the lock of a command");
		goto out;
	}
	made = spawn(plan, out, status, lock, &c.pid);
	if (made != 0) {
		err_limit(err, made, "start %s", plan->argv[0]);
		goto out;
	}
	if (watch(&c, err) < 0)
		goto out;
	*child = c;
	ret = 0;
out:
	close_fd(&out);
	close_fd(&status);
	close_fd(&lock);
	if (ret < 0)
		command_child_close(&c);
	return ret;
}
