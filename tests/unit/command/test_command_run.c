/*
 * test_command_run.c: commands are real programs here; what becomes them is
 * command_helper.
 */
#include "lib/command/run.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/process.h"
#include "lib/base/util.h"
#include "lib/command/lock.h"
#include "lib/command/spawn.h"

#define LONG_MS 100000
#define RUNS_MAX 16

static char top[64], locks[96], helper[PATH_MAX];
static struct command_runs *cr;

static void
make_top(void)
{
	const char *build = getenv("top_builddir");
	char path[PATH_MAX];
	struct err err = ERR_INIT;

	strcpy(top, "/tmp/test_command.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(locks, sizeof(locks), "%s/locks", top);
	snprintf(path, sizeof(path), "%s/tests/stand/command_helper",
	    build == NULL ? "." : build);
	ck_assert_ptr_nonnull(realpath(path, helper));
	ck_assert_msg(
	    command_runs_open(locks, helper, &cr, &err) == 0, "%s", err.text);
}

static void
remove_top(void)
{
	char command[128];

	command_runs_close(cr);
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	ck_assert_int_eq(system(command), 0);
}

static void
start(const char *const *argv, const char *const *env, const char *lock,
    struct span body, int64_t timeout_ms, void *arg)
{
	static const char *const nothing[] = { NULL };
	struct command_request rq = { .argv = argv,
		.env = env == NULL ? nothing : env,
		.lock = lock,
		.body = body,
		.timeout_ms = timeout_ms,
		.arg = arg };
	struct err err = ERR_INIT;

	ck_assert_msg(command_start(cr, &rq, &err) == 0, "%s", err.text);
}

static void
start_sh(const char *script, const char *lock, int64_t timeout_ms)
{
	const char *argv[] = { "/bin/sh", "-c", script, NULL };

	start(argv, NULL, lock, SPAN_EMPTY, timeout_ms, NULL);
}

/* Serves until one ended, as a deliverer does. */
static void
take(struct command_result *res)
{
	struct pollfd fds[RUNS_MAX * COMMAND_FDS_MAX];
	int64_t until = clock_ms() + LONG_MS, at, now;
	size_t n;

	while (!command_next(cr, res)) {
		now = clock_ms();
		ck_assert_int_lt(now, until);
		at = command_wake_ms(cr, now);
		n = command_fds(cr, fds, NITEMS(fds));
		at = at < 0 || at > now + LONG_MS ? LONG_MS : at - now;
		poll(fds, n, at < 0 ? 0 : (int)at);
		command_serve(cr, clock_ms());
	}
}

static struct command_result
run(const char *const *argv, const char *const *env, struct span body,
    int64_t timeout_ms)
{
	struct command_result res;

	start(argv, env, "1-1", body, timeout_ms, &res);
	take(&res);
	ck_assert_ptr_eq(res.arg, &res);
	ck_assert_uint_eq(command_busy(cr), 0);
	ck_assert_int_eq(command_wake_ms(cr, clock_ms()), -1);
	ck_assert_uint_eq(command_fds(cr, NULL, 0), 0);
	return res;
}

static struct command_result
run_sh(const char *script, struct span body, int64_t timeout_ms)
{
	const char *argv[] = { "/bin/sh", "-c", script, NULL };

	return run(argv, NULL, body, timeout_ms);
}

static const char *
said(const struct command_result *res)
{
	static char text[COMMAND_EXCERPT_MAX + 1];

	memcpy(text, res->excerpt, res->excerpt_len);
	text[res->excerpt_len] = '\0';
	return text;
}

static void
ended_with(const struct command_result *res, enum command_class class, int code)
{
	ck_assert_msg(res->class == class && res->code == code, "%s %d: %s: %s",
	    command_word(res->class), res->code, res->words, said(res));
	ck_assert_int_ge(res->took_us, 0);
}

static bool
lock_is_there(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", locks, name);
	return access(path, F_OK) == 0;
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static bool
lives(pid_t pid)
{
	struct process_facts facts;
	struct err ignored;

	return process_facts(pid, &facts, &ignored) == 0 && facts.state != 'Z';
}

static void
await_file(const char *path)
{
	int64_t until = clock_ms() + LONG_MS;

	while (access(path, F_OK) < 0) {
		ck_assert_int_lt(clock_ms(), until);
		usleep(2000);
	}
}

/* --- how runs end -----------------------------------------------------------
 */

/* Each has its number in arg; some at a time. */
static void
run_each(int first, int last, const char *script, enum command_class class)
{
	char text[64], lock[16];
	const char *argv[] = { "/bin/sh", "-c", text, NULL };
	struct command_result res;
	static int numbers[300];
	int next = first, ended = 0;

	while (ended <= last - first) {
		if (next <= last && command_busy(cr) < 8) {
			numbers[next] = next;
			snprintf(text, sizeof(text), "%s%d%s", script, next,
			    class == COMMAND_SIGNAL ? " $$" : "");
			snprintf(lock, sizeof(lock), "1-%d", next);
			start(argv, NULL, lock, SPAN_EMPTY, LONG_MS,
			    &numbers[next]);
			next++;
			continue;
		}
		take(&res);
		ended++;
		ended_with(&res, class, *(int *)res.arg);
	}
}

START_TEST(every_exit_status_is_told)
{
	run_each(0, 255, "exit ", COMMAND_EXIT);
}
END_TEST

START_TEST(every_signal_is_told)
{
	/* But those that by default stop a process, or do nothing to it. */
	run_each(SIGHUP, SIGTERM, "kill -", COMMAND_SIGNAL);
	run_each(SIGXCPU, SIGPROF, "kill -", COMMAND_SIGNAL);
	run_each(SIGIO, SIGSYS, "kill -", COMMAND_SIGNAL);
	run_each(SIGRTMIN, SIGRTMAX, "kill -", COMMAND_SIGNAL);
}
END_TEST

static const struct {
	const char *when, *script;
	int64_t timeout_ms;
	enum command_class class;
	int code;
	const char *words; /* among those of the result */
} rows[] = {
	{ "done", "exit 0", LONG_MS, COMMAND_EXIT, 0, "exit status 0" },
	{ "retry", "exit 75", LONG_MS, COMMAND_EXIT, 75, "/bin/sh: exit" },
	{ "too long", "sleep 1000", 300, COMMAND_TIMEOUT, SIGTERM,
	    "/bin/sh ran longer than 300 ms: killed by SIGTERM" },
	{ "too long, in seconds", "sleep 1000", 1000, COMMAND_TIMEOUT, SIGTERM,
	    "longer than 1s: " },
	{ "too long, and takes no SIGTERM",
	    "trap '' TERM; while :; do sleep 1000; done", 300, COMMAND_TIMEOUT,
	    SIGKILL, "SIGKILL" },
	{ "too long, and ends well when asked",
	    "trap 'exit 0' TERM; sleep 1000 & wait", 300, COMMAND_TIMEOUT, 0,
	    "exit status 0" },
	{ "too long, and stopped", "kill -STOP $$", 300, COMMAND_TIMEOUT,
	    SIGTERM, "SIGTERM" },
	{ "closes its output", "exec >&- 2>&-; sleep 0.1; exit 3", LONG_MS,
	    COMMAND_EXIT, 3, "exit status 3" },
};

START_TEST(a_run_ends_as_it_does)
{
	struct command_result res =
	    run_sh(rows[_i].script, SPAN_EMPTY, rows[_i].timeout_ms);

	ck_assert_msg(res.class == rows[_i].class && res.code == rows[_i].code,
	    "%s: %s %d: %s", rows[_i].when, command_word(res.class), res.code,
	    res.words);
	ck_assert_msg(strstr(res.words, rows[_i].words) != NULL, "%s: %s",
	    rows[_i].when, res.words);
	if (res.class == COMMAND_TIMEOUT)
		ck_assert_int_gt(res.took_us, (rows[_i].timeout_ms - 1) * 1000);
	ck_assert(!lock_is_there("1-1"));
}
END_TEST

static const struct {
	const char *when, *file, *text; /* NULL: a folder */
	mode_t mode;
	const char *words;
} refused[] = {
	{ "missing", "../missing", "", 0700, "missing: no such file" },
	{ "not executable", "plain", "#!/bin/sh\n", 0600,
	    "plain: it is not executable" },
	{ "a folder", "folder", NULL, 0700, "folder: it is a folder" },
	{ "in what is no folder", "plain/x", "", 0700,
	    "plain/x: Not a directory" },
	{ "no program", "text", "exit 0\n", 0700,
	    "text: it is neither a program" },
	{ "no interpreter", "script", "#!/nowhere/sh\n", 0700,
	    "script: the program that its first line names" },
	{ "a name for terminals", "\033[2J", NULL, 0700, "\\x1b[2J: it is" },
};

START_TEST(what_cannot_be_started_is_told_from_what_fails)
{
	char path[160], plain[160];
	const char *argv[] = { path, "x", NULL };
	struct command_result res;

	snprintf(path, sizeof(path), "%s/%s", top, refused[_i].file);
	snprintf(plain, sizeof(plain), "%s/plain", top);
	write_file(plain, "", 0600);
	if (refused[_i].text == NULL)
		ck_assert_int_eq(mkdir(path, 0700), 0);
	else if (strchr(refused[_i].file, '/') == NULL)
		write_file(path, refused[_i].text, refused[_i].mode);
	res = run(argv, NULL, SPAN_EMPTY, LONG_MS);
	ended_with(&res, COMMAND_NOT_STARTED, 0);
	ck_assert_msg(strstr(res.words, refused[_i].words) != NULL, "%s: %s",
	    refused[_i].when, res.words);
	ck_assert(!lock_is_there("1-1"));
}
END_TEST

START_TEST(a_deliverer_that_does_not_become_it_is_told)
{
	const char *argv[] = { "/bin/false", NULL };
	const char *env[] = { NULL };
	struct command_request rq = {
		.argv = argv, .env = env, .lock = "1-1", .timeout_ms = LONG_MS
	};
	struct command_result res;
	struct err err = ERR_INIT;

	command_runs_close(cr);
	ck_assert_int_eq(command_runs_open(locks, "/bin/true", &cr, &err), 0);
	res = run_sh("exit 0", SPAN_EMPTY, LONG_MS);
	ended_with(&res, COMMAND_NOT_STARTED, 0);
	command_runs_close(cr);
	ck_assert_int_eq(
	    command_runs_open(locks, "/nowhere/eyelet", &cr, &err), 0);
	ck_assert_int_eq(command_start(cr, &rq, &err), -1);
	ck_assert_str_eq(err.text,
	    "/bin/false: start /nowhere/eyelet: No such file or directory");
	ck_assert(!lock_is_there("1-1"));
	ck_assert_uint_eq(command_busy(cr), 0);
	rq.lock = "../x";
	ck_assert_int_eq(command_start(cr, &rq, &err), -1);
	ck_assert_int_eq(err.code, ERR_USAGE);
}
END_TEST

START_TEST(nobody_else_becomes_a_command)
{
	char script[PATH_MAX + 100];

	snprintf(script, sizeof(script),
	    "%s --become-command /bin/echo 2>&1 | grep -q 'for eyelet-deliver "
	    "itself'",
	    helper);
	ck_assert_int_eq(system(script), 0);
}
END_TEST

/* --- what a command is given ------------------------------------------------
 */

START_TEST(the_environment_is_what_was_given)
{
	const char *argv[] = { "/usr/bin/env", NULL };
	const char *env[] = { "EYELET_ID=evt 1\xc3\xa9", "EYELET_TYPE=", NULL };
	struct command_result res;

	ck_assert_int_eq(setenv("PATH", "/bin:/usr/bin", 1), 0);
	ck_assert_int_eq(setenv("LANG", "C.UTF-8", 1), 0);
	ck_assert_int_eq(setenv("SECRET", "x", 1), 0);
	ck_assert_int_eq(unsetenv("TZ"), 0);
	res = run(argv, env, SPAN_EMPTY, LONG_MS);
	ended_with(&res, COMMAND_EXIT, 0);
	ck_assert_str_eq(said(&res),
	    "EYELET_ID=evt 1\xc3\xa9\nEYELET_TYPE=\nPATH=/bin:/usr/bin\n"
	    "LANG=C.UTF-8\n");
	ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
	ck_assert_int_eq(unsetenv("LANG"), 0);
	ck_assert_int_eq(unsetenv("PATH"), 0);
	res = run(argv, env + 2, SPAN_EMPTY, LONG_MS);
	ck_assert_str_eq(said(&res),
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	    "\nTZ=UTC\n");
}
END_TEST

START_TEST(too_many_variables_are_refused)
{
	const char *argv[] = { "/bin/true", NULL }, *env[COMMAND_ENV_MAX + 2];
	struct command_request rq = {
		.argv = argv, .env = env, .lock = "1-1", .timeout_ms = LONG_MS
	};
	struct command_result res;
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i <= COMMAND_ENV_MAX; i++)
		env[i] = "A=B";
	env[i] = NULL;
	ck_assert_int_eq(command_start(cr, &rq, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	env[COMMAND_ENV_MAX] = NULL;
	res = run(argv, env, SPAN_EMPTY, LONG_MS);
	ended_with(&res, COMMAND_EXIT, 0);
}
END_TEST

START_TEST(arguments_pass_no_shell)
{
	const char *argv[] = { "/usr/bin/printf", "%s|", "$HOME", "a b", "",
		"--become-command", "`id`", NULL };
	struct command_result res = run(argv, NULL, SPAN_EMPTY, LONG_MS);

	ck_assert_str_eq(said(&res), "$HOME|a b||--become-command|`id`|");
}
END_TEST

START_TEST(its_process_is_as_for_a_service)
{
	struct command_result res;
	static const struct {
		const char *script, *says;
	} facts[] = {
		{ "pwd; umask", "/\n0077\n" },
		{ "ulimit -c; ulimit -n", "0\n1024\n" },
		/* 3 is what the shell reads the folder by. */
		{ "cd /proc/self/fd; echo *", "0 1 100 2 3\n" },
		{ "read p c s pp g i x </proc/$$/stat; "
		  "test $$ = $g -a $$ = $i && echo own",
		    "own\n" },
	};
	size_t i;
	int fd = open("/dev/null", O_RDONLY); /* open over exec */

	ck_assert_int_ge(fd, 0);
	for (i = 0; i < NITEMS(facts); i++) {
		res = run_sh(facts[i].script, SPAN_EMPTY, LONG_MS);
		ck_assert_str_eq(said(&res), facts[i].says);
	}
	close(fd);
}
END_TEST

START_TEST(signals_are_as_they_were_never_touched)
{
	struct command_result res;
	sigset_t term;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	res = run_sh("kill -s PIPE $$", SPAN_EMPTY, LONG_MS);
	ended_with(&res, COMMAND_SIGNAL, SIGPIPE);
	res = run_sh("kill -s TERM $$", SPAN_EMPTY, LONG_MS);
	ended_with(&res, COMMAND_SIGNAL, SIGTERM);
}
END_TEST

static const struct {
	const char *when;
	size_t len;
} bodies[] = {
	{ "none", 0 },
	{ "a byte, NUL", 1 },
	{ "more than a pipe holds", 70000 },
	{ "8 MiB", 8 * 1024 * 1024 },
};

START_TEST(the_body_is_on_stdin)
{
	size_t len = bodies[_i].len, i;
	unsigned char *body = malloc(len + 1);
	struct command_result res;
	char path[128], script[512];
	FILE *f;

	ck_assert_ptr_nonnull(body);
	for (i = 0; i < len; i++)
		body[i] = (unsigned char)(i * 131 + i / 251);
	snprintf(path, sizeof(path), "%s/body", top);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(body, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
	/* Read twice: by another process, and by name. Nobody may write it. */
	snprintf(script, sizeof(script),
	    "cat | cmp - %s && cat /dev/stdin | cmp - %s && "
	    "! { echo x >/dev/stdin; } 2>/dev/null",
	    path, path);
	res = run_sh(script, span_of(body, len), LONG_MS);
	ended_with(&res, COMMAND_EXIT, 0);
	ck_assert_str_eq(said(&res), "");
	/* And by one who does not want it. */
	res = run_sh("exec <&-; exit 0", span_of(body, len), LONG_MS);
	ended_with(&res, COMMAND_EXIT, 0);
	free(body);
}
END_TEST

/* --- output -----------------------------------------------------------------
 */

START_TEST(output_is_kept)
{
	struct command_result res = run_sh(
	    "printf 'a\\0b'; echo err >&2; echo out", SPAN_EMPTY, LONG_MS);

	ck_assert_uint_eq(res.excerpt_len, 11);
	ck_assert_mem_eq(res.excerpt, "a\0berr\nout\n", 11);
	ck_assert(!res.cut);
	res = run_sh("printf '%02048d' 7", SPAN_EMPTY, LONG_MS);
	ck_assert_uint_eq(res.excerpt_len, COMMAND_EXCERPT_MAX);
	ck_assert(!res.cut);
	res = run_sh(
	    "printf 1; sleep 0.1; printf '%02048d' 7", SPAN_EMPTY, LONG_MS);
	ck_assert_uint_eq(res.excerpt_len, COMMAND_EXCERPT_MAX);
	ck_assert_int_eq(res.excerpt[0], '0');
	ck_assert(res.cut);
}
END_TEST

START_TEST(of_a_flood_of_output_the_end_is_kept)
{
	struct command_result res = run_sh(
	    "head -c 1073741824 /dev/zero; echo the end", SPAN_EMPTY, LONG_MS);

	ended_with(&res, COMMAND_EXIT, 0);
	ck_assert_uint_eq(res.excerpt_len, COMMAND_EXCERPT_MAX);
	ck_assert(res.cut);
	ck_assert_mem_eq(
	    res.excerpt + COMMAND_EXCERPT_MAX - 9, "\0the end\n", 9);
}
END_TEST

START_TEST(a_flood_for_ever_ends_at_the_limit_and_slows_nobody)
{
	struct command_result first, second;

	start_sh("exec cat /dev/zero", "1-1", 2000);
	start_sh("sleep 0.2; echo b", "1-2", LONG_MS);
	take(&first);
	ended_with(&first, COMMAND_EXIT, 0);
	take(&second);
	ended_with(&second, COMMAND_TIMEOUT, SIGTERM);
}
END_TEST

/* --- what a command leaves --------------------------------------------------
 */

static const struct {
	const char *when, *script;
} leavers[] = {
	{ "keeps the output", "sleep 1000 & echo $!; exit 3" },
	{ "took another session", "setsid sleep 1000 & echo $!; exit 3" },
	{ "took another group",
	    "exec bash -c 'set -m; sleep 1000 & echo $!; exit 3'" },
	{ "closed the lock",
	    "bash -c 'exec 100>&- sleep 1000' & echo $!; exit 3" },
	{ "ignores what it can",
	    "sh -c 'trap \"\" TERM HUP; echo; while :; do sleep 1; done' & "
	    "echo $!; sleep 0.2; exit 3" },
};

START_TEST(what_is_left_in_the_background_is_killed)
{
	struct command_result res;
	const char *line;
	pid_t pid;

	res = run_sh(leavers[_i].script, SPAN_EMPTY, LONG_MS);
	ended_with(&res, COMMAND_EXIT, 3);
	line = strpbrk(said(&res), "123456789");
	ck_assert_ptr_nonnull(line);
	pid = (pid_t)strtol(line, NULL, 10);
	ck_assert_msg(!lives(pid), "%s: it lives", leavers[_i].when);
	ck_assert(!lock_is_there("1-1"));
}
END_TEST

START_TEST(processes_that_fork_for_ever_are_ended)
{
	const char *argv[] = { helper, "forks", "4", NULL };
	struct command_result res = run(argv, NULL, SPAN_EMPTY, 1000);

	ended_with(&res, COMMAND_TIMEOUT, SIGTERM);
	ck_assert(!lock_is_there("1-1"));
	ck_assert_ptr_null(strstr(res.words, "left"));
}
END_TEST

/* --- several ----------------------------------------------------------------
 */

START_TEST(two_run_at_once)
{
	struct command_result res;
	char script[512];

	snprintf(script, sizeof(script),
	    "touch %s/a; while [ ! -e %s/b ]; do sleep 0.01; done", top, top);
	start_sh(script, "1-1", LONG_MS);
	snprintf(script, sizeof(script),
	    "touch %s/b; while [ ! -e %s/a ]; do sleep 0.01; done", top, top);
	start_sh(script, "1-2", LONG_MS);
	ck_assert_uint_eq(command_busy(cr), 2);
	take(&res);
	ended_with(&res, COMMAND_EXIT, 0);
	take(&res);
	ended_with(&res, COMMAND_EXIT, 0);
	ck_assert_uint_eq(command_busy(cr), 0);
}
END_TEST

START_TEST(one_event_never_runs_twice_at_once)
{
	struct command_result res;

	start_sh("sleep 0.3; exit 4", "1-1", LONG_MS);
	start_sh("exit 5", "1-1", LONG_MS);
	take(&res);
	ended_with(&res, COMMAND_BUSY, 0);
	ck_assert_ptr_nonnull(strstr(res.words, "/bin/sh: an earlier run"));
	take(&res);
	ended_with(&res, COMMAND_EXIT, 4);
	/* It may when the first has ended, though nobody took its result. */
	start_sh("exit 6", "1-1", LONG_MS);
	while (lock_is_there("1-1")) {
		command_serve(cr, clock_ms());
		usleep(1000);
	}
	start_sh("exit 7", "1-1", LONG_MS);
	take(&res);
	take(&res);
	ck_assert_int_ge(res.code, 6);
}
END_TEST

START_TEST(closing_kills)
{
	char script[512], path[128];
	struct err err = ERR_INIT;
	pid_t pid;
	FILE *f;

	snprintf(path, sizeof(path), "%s/pid", top);
	snprintf(script, sizeof(script),
	    "sleep 1000 & echo $! >%s.new; mv %s.new %s; wait", path, path,
	    path);
	start_sh(script, "1-1", LONG_MS);
	await_file(path);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%d", &pid), 1);
	fclose(f);
	ck_assert(lives(pid));
	command_runs_close(cr);
	while (lives(pid)) /* it was sent the signal */
		usleep(1000);
	ck_assert_int_eq(command_runs_open(locks, helper, &cr, &err), 0);
	ck_assert(!lock_is_there("1-1"));
}
END_TEST

START_TEST(a_command_dies_with_its_deliverer)
{
	char script[512], path[128];
	struct pollfd fd = { .events = POLLIN };
	struct err err = ERR_INIT;
	pid_t deliverer, pid;
	FILE *f;

	snprintf(path, sizeof(path), "%s/pid", top);
	snprintf(script, sizeof(script),
	    "echo $$ >%s.new; mv %s.new %s; exec sleep 1000", path, path, path);
	deliverer = fork();
	if (deliverer == 0) {
		if (command_runs_open(locks, helper, &cr, &err) < 0)
			_exit(1);
		start_sh(script, "1-1", LONG_MS);
		for (;;)
			pause();
	}
	await_file(path);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%d", &pid), 1);
	fclose(f);
	fd.fd = pidfd_open(pid, 0);
	ck_assert_int_ge(fd.fd, 0);
	ck_assert_int_eq(poll(&fd, 1, 0), 0);
	ck_assert_int_eq(kill(deliverer, SIGKILL), 0);
	ck_assert_int_eq(poll(&fd, 1, LONG_MS), 1);
	close(fd.fd);
	ck_assert_int_eq(waitpid(deliverer, NULL, 0), deliverer);
}
END_TEST

/* --- locks that were found --------------------------------------------------
 */

static void
put_record(const struct command_record *rec)
{
	struct err err = ERR_INIT;
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/1-1", locks);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(command_record_write(fd, rec, &err), 0);
	close(fd);
}

static void
reopen(void)
{
	struct err err = ERR_INIT;

	command_runs_close(cr);
	ck_assert_int_eq(command_runs_open(locks, helper, &cr, &err), 0);
}

/* Of a deliverer that is gone. */
static struct command_record
record_of(pid_t pid)
{
	struct command_record rec;
	struct err err = ERR_INIT;

	ck_assert_int_eq(command_record_mine(&rec, &err), 0);
	rec.parent_started = 1;
	rec.pid = pid;
	ck_assert_int_eq(process_started(pid, &rec.started, &err), 0);
	return rec;
}

/* A child that leads a session, as a command does. */
static pid_t
start_leader(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		for (;;)
			pause();
	}
	ck_assert_int_gt(pid, 0);
	while (getsid(pid) != pid)
		usleep(1000);
	return pid;
}

START_TEST(a_lock_that_nobody_holds_is_removed)
{
	struct command_record rec = { .parent = 1 };
	char path[160];

	snprintf(path, sizeof(path), "%s/1-1", locks);
	write_file(path, "", 0600);
	reopen();
	ck_assert(!lock_is_there("1-1"));
	write_file(path, "eyelet-command 2 \377", 0600);
	reopen();
	ck_assert(!lock_is_there("1-1"));
	strcpy(rec.boot, "another-boot");
	put_record(&rec);
	reopen();
	ck_assert(!lock_is_there("1-1"));
	ck_assert_uint_eq(command_busy(cr), 0);
}
END_TEST

START_TEST(what_a_killed_deliverer_left_is_killed_at_the_start)
{
	pid_t pid = start_leader();
	struct command_record rec = record_of(pid);
	struct command_result res;
	int status;

	put_record(&rec);
	reopen();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/* Its event runs again at once. */
	res = run_sh("exit 0", SPAN_EMPTY, LONG_MS);
	ended_with(&res, COMMAND_EXIT, 0);
	ck_assert(!lock_is_there("1-1"));
}
END_TEST

START_TEST(a_number_that_was_used_again_is_nobodys)
{
	pid_t pid = start_leader();
	struct command_record rec = record_of(pid);

	rec.started--;
	put_record(&rec);
	reopen();
	ck_assert(lives(pid));
	rec.started++;
	strcpy(rec.boot, "another-boot");
	put_record(&rec);
	reopen();
	ck_assert(lives(pid));
	ck_assert(!lock_is_there("1-1"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(the_run_of_a_deliverer_that_lives_is_left_alone)
{
	pid_t pid = start_leader(), other = start_leader();
	struct command_record rec = record_of(pid);
	struct command_result res;
	struct err err = ERR_INIT;

	rec.parent = other;
	ck_assert_int_eq(process_started(other, &rec.parent_started, &err), 0);
	put_record(&rec);
	reopen();
	start_sh("exit 0", "1-1", LONG_MS);
	command_serve(cr, clock_ms());
	ck_assert(!command_next(cr, &res));
	command_serve(cr, clock_ms() + COMMAND_END_MAX_MS);
	ck_assert(command_next(cr, &res));
	ended_with(&res, COMMAND_BUSY, 0);
	ck_assert(lives(pid));
	/* Until that deliverer is gone. */
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	res = run_sh("exit 0", SPAN_EMPTY, LONG_MS);
	ended_with(&res, COMMAND_EXIT, 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

/* --- suite ------------------------------------------------------------------
 */

int
main(void)
{
	Suite *s = suite_create("command_run");
	TCase *tc = tcase_create("command_run");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, make_top, remove_top);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_exit_status_is_told);
	tcase_add_test(tc, every_signal_is_told);
	tcase_add_loop_test(tc, a_run_ends_as_it_does, 0, NITEMS(rows));
	tcase_add_loop_test(tc, what_cannot_be_started_is_told_from_what_fails,
	    0, NITEMS(refused));
	tcase_add_test(tc, a_deliverer_that_does_not_become_it_is_told);
	tcase_add_test(tc, nobody_else_becomes_a_command);
	tcase_add_test(tc, the_environment_is_what_was_given);
	tcase_add_test(tc, too_many_variables_are_refused);
	tcase_add_test(tc, arguments_pass_no_shell);
	tcase_add_test(tc, its_process_is_as_for_a_service);
	tcase_add_test(tc, signals_are_as_they_were_never_touched);
	tcase_add_loop_test(tc, the_body_is_on_stdin, 0, NITEMS(bodies));
	tcase_add_test(tc, output_is_kept);
	tcase_add_test(tc, of_a_flood_of_output_the_end_is_kept);
	tcase_add_test(tc, a_flood_for_ever_ends_at_the_limit_and_slows_nobody);
	tcase_add_loop_test(
	    tc, what_is_left_in_the_background_is_killed, 0, NITEMS(leavers));
	tcase_add_test(tc, processes_that_fork_for_ever_are_ended);
	tcase_add_test(tc, two_run_at_once);
	tcase_add_test(tc, one_event_never_runs_twice_at_once);
	tcase_add_test(tc, closing_kills);
	tcase_add_test(tc, a_command_dies_with_its_deliverer);
	tcase_add_test(tc, a_lock_that_nobody_holds_is_removed);
	tcase_add_test(tc, what_a_killed_deliverer_left_is_killed_at_the_start);
	tcase_add_test(tc, a_number_that_was_used_again_is_nobodys);
	tcase_add_test(tc, the_run_of_a_deliverer_that_lives_is_left_alone);
	suite_add_tcase(s, tc);

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
