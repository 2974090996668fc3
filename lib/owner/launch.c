/* launch.c: starts an owner, or a deliverer, by posix_spawn. */
#include "lib/owner/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/guard.h"
#include "lib/base/text.h"
#include "lib/base/util.h"

#define ENTRY_MAX 4096 /* bytes of a variable that is passed on */

/*
 * What of the environment is passed on. Who sets the LD_ ones for us runs our
 * programs as he likes anyway; the others say how sanitizers report.
 */
static const char *const passed_on[] = { "TZ", "LD_LIBRARY_PATH", "LD_PRELOAD",
	"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS" };

struct environment {
	char *entries[NITEMS(passed_on) + 2]; /* and PATH, and the end */
	char room[NITEMS(passed_on)][ENTRY_MAX];
};

static void
fill_environment(struct environment *env)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	const char *value;
	size_t i, n = 0;
	int len;

	env->entries[n++] = path;
	for (i = 0; i < NITEMS(passed_on); i++) {
		value = getenv(passed_on[i]);
		if (value == NULL)
			continue;
		len = snprintf(
		    env->room[i], ENTRY_MAX, "%s=%s", passed_on[i], value);
		if (len < ENTRY_MAX)
			env->entries[n++] = env->room[i];
	}
	env->entries[n] = NULL;
}

/* A memory file of a fixed size: no flood of words fills the memory. */
static int
open_words(struct err *err)
{
	int fd = memfd_create("eyelet-words", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && ftruncate(fd, LAUNCH_WORDS_MAX) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) == 0)
		return fd;
	err_errno(err, errno, "make a memory file");
	if (fd >= 0)
		close(fd);
	return -1;
}

/* 0 or an errno. */
static int
set_files(posix_spawn_file_actions_t *files, int stderr_fd)
{
	int ret = posix_spawn_file_actions_adddup2(files, stderr_fd, 2);

	if (ret == 0)
		ret = posix_spawn_file_actions_addopen(
		    files, 0, "/dev/null", O_RDONLY, 0);
	if (ret == 0)
		ret = posix_spawn_file_actions_addopen(
		    files, 1, "/dev/null", O_WRONLY, 0);
	if (ret == 0)
		ret = posix_spawn_file_actions_addclosefrom_np(files, 3);
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
	if (ret == 0)
		ret = posix_spawnattr_setflags(
		    attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
			      POSIX_SPAWN_SETSIGMASK);
	return ret;
}

static int
spawn(char *const argv[], int stderr_fd, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	struct environment env;
	int ret;

	fill_environment(&env);
	ret = posix_spawn_file_actions_init(&files);
	if (ret != 0)
		return ret;
	ret = posix_spawnattr_init(&attr);
	if (ret == 0) {
		ret = set_files(&files, stderr_fd);
		if (ret == 0)
			ret = set_attributes(&attr);
		if (ret == 0)
			ret = posix_spawn(
			    pid, argv[0], &files, &attr, argv, env.entries);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return ret;
}

/* Is the program ours to start? The configuration's full name is in file. */
static int
judge(const struct conf *cf, const char *program, char file[PATH_MAX],
    struct err *err)
{
	if (guard_above(program, err) < 0 ||
	    guard_path(program, GUARD_LINK, err) < 0)
		return -1;
	/* It may be relative, and the program may go elsewhere. */
	if (cf->file != NULL && realpath(cf->file, file) == NULL)
		return err_errno(err, errno, "find %s", cf->file);
	return 0;
}

int
launch_owner(const struct conf *cf, struct launch *l, struct err *err)
{
	char store[] = "--store", c[] = "-c", file[PATH_MAX];
	char *argv[] = { cf->program, store, NULL, NULL, NULL };
	int words_fd, ret;
	pid_t pid;

	if (judge(cf, cf->program, file, err) < 0)
		return -1;
	if (cf->file != NULL) {
		argv[2] = c;
		argv[3] = file;
	}
	words_fd = open_words(err);
	if (words_fd < 0)
		return -1;
	ret = spawn(argv, words_fd, &pid);
	if (ret != 0) {
		close(words_fd);
		return err_limit(err, ret, "start %s --store", cf->program);
	}
	l->pid = pid;
	l->words_fd = words_fd;
	return 0;
}

int
launch_deliverer(const struct conf *cf, pid_t *pid, struct err *err)
{
	char child[] = "--child-of", c[] = "-c", file[PATH_MAX], self[24];
	char *argv[] = { cf->deliver_program, child, self, NULL, NULL, NULL };
	int ret;

	if (judge(cf, cf->deliver_program, file, err) < 0)
		return -1;
	snprintf(self, sizeof(self), "%ld", (long)getpid());
	if (cf->file != NULL) {
		argv[3] = c;
		argv[4] = file;
	}
	ret = spawn(argv, STDERR_FILENO, pid);
	return ret == 0 ? 0
			: err_limit(err, ret, "start %s", cf->deliver_program);
}

/* The last line that it wrote, inert. */
static void
last_words(int fd, char *out, size_t size)
{
	char text[LAUNCH_WORDS_MAX + 1] = "";
	struct buf safe = BUF_INIT(4 * LAUNCH_WORDS_MAX);
	struct err ignored;
	char *line;
	ssize_t n = pread(fd, text, LAUNCH_WORDS_MAX, 0);

	text[n < 0 ? 0 : n] = '\0';
	n = (ssize_t)strlen(text);
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		text[--n] = '\0';
	line = strrchr(text, '\n');
	line = line == NULL ? text : line + 1;
	if (text_put_safe(&safe, span_str(line), &ignored) == 0)
		snprintf(out, size, "%.*s", (int)safe.len,
		    safe.len == 0 ? "" : (const char *)safe.ptr);
	buf_free(&safe);
}

enum launch_state
launch_state(struct launch *l, struct err *words)
{
	char said[sizeof(words->text) - 64] = "";
	int status;
	pid_t got;

	if (l->pid == 0)
		return LAUNCH_NONE;
	do
		got = waitpid(l->pid, &status, WNOHANG);
	while (got < 0 && errno == EINTR);
	/* Without the child's status (somebody reaped it) time will tell. */
	if (got != l->pid)
		return LAUNCH_RUNS;
	last_words(l->words_fd, said, sizeof(said));
	launch_forget(l);
	if (WIFSIGNALED(status)) {
		err_set(words, ERR_AWAY, "it was ended by signal %d%s%s",
		    WTERMSIG(status), said[0] == '\0' ? "" : ": ", said);
		return LAUNCH_KILLED;
	}
	if (WEXITSTATUS(status) == 0)
		return LAUNCH_ENDED;
	if (said[0] != '\0')
		err_set(words, ERR_AWAY, "%s", said);
	else
		err_set(words, ERR_AWAY, "it ended with status %d",
		    WEXITSTATUS(status));
	return LAUNCH_FAILED;
}

void
launch_forget(struct launch *l)
{
	if (l->words_fd >= 0)
		close(l->words_fd);
	l->pid = 0;
	l->words_fd = -1;
}
