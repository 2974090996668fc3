/*
 * become.c: what a started process does before it becomes a command,
 * none of which posix_spawn can do.
 */
#include "lib/command/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/process.h"
#include "lib/command/lock.h"
#include "lib/command/spawn.h"

#define FILES_SOFT 1024 /* as a login has it; what select() can take */

/*
 * No core: it would hold the body. Few files, whatever we gave ourselves, but
 * it may take more. RLIMIT_NPROC is left alone: it counts what the user runs,
 * not what the command does, so that it would keep others from starting.
 */
static int
set_limits(struct err *err)
{
	struct rlimit core = { 0, 0 }, files;

	if (setrlimit(RLIMIT_CORE, &core) < 0)
		return err_errno(err, errno, "switch cores off");
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_errno(err, errno, "read the limit of files");
	if (files.rlim_cur > FILES_SOFT)
		files.rlim_cur = FILES_SOFT;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_errno(err, errno, "set the limit of files");
	return 0;
}

/* Of an execv that failed. */
static int
not_executed(const char *path, int errnum, struct err *err)
{
	struct stat sb;

	if (stat(path, &sb) < 0)
		return err_set(err, ERR_NOTFOUND, "start %s: %s", path,
		    errno == ENOENT ? "no such file" : strerror(errno));
	if (S_ISDIR(sb.st_mode))
		return err_set(
		    err, ERR_DENIED, "start %s: it is a folder", path);
	switch (errnum) {
	case EACCES:
		return err_set(err, ERR_DENIED,
		    "start %s: it is not executable for uid %lu (chmod +x?)",
		    path, (unsigned long)geteuid());
	case ENOENT:
		return err_set(err, ERR_NOTFOUND,
		    "start %s: the program that its first line names (or its "
		    "loader) is not there",
		    path);
	case ENOEXEC:
		return err_set(err, ERR_INPUT,
		    "start %s: it is neither a program of this machine nor "
		    "does its first line begin with #!",
		    path);
	default:
		return err_errno(err, errnum, "start %s", path);
	}
}

/*
 * It dies with its parent. Who died before we asked for that has given us
 * another parent by now.
 */
static int
bind_to_parent(const struct command_record *rec, struct err *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_errno(err, errno, "be killed with the parent");
	if (getppid() != rec->parent)
		return err_set(
		    err, ERR_AWAY, "the deliverer that started this is gone");
	return 0;
}

static int
sign_record(struct command_record *rec, struct err *err)
{
	rec->pid = getpid();
	if (process_started(rec->pid, &rec->started, err) < 0)
		return -1;
	return command_record_write(COMMAND_LOCK_FD, rec, err);
}

static int
become(char *const *argv, struct command_record *rec, struct err *err)
{
	if (bind_to_parent(rec, err) < 0 || sign_record(rec, err) < 0 ||
	    set_limits(err) < 0)
		return -1;
	umask(077);
	if (chdir("/") < 0)
		return err_errno(err, errno, "enter /");
	close_range(COMMAND_STATUS_FD + 1, COMMAND_LOCK_FD - 1, 0);
	close_range(COMMAND_LOCK_FD + 1, UINT_MAX, 0);
	execv(argv[0], argv);
	return not_executed(argv[0], errno, err);
}

/* To the deliverer; a pipe has room for it. */
static void
tell(const char *text)
{
	size_t len = strlen(text);

	while (len > 0 && write(COMMAND_STATUS_FD, text, len) < 0 &&
	       errno == EINTR)
		continue;
}

int
command_become(char *const *argv, struct err *err)
{
	const char begun[] = { COMMAND_BEGUN, '\0' };
	struct command_record rec;

	if (argv[0] == NULL || !command_record_read(COMMAND_LOCK_FD, &rec) ||
	    fcntl(COMMAND_STATUS_FD, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(err, ERR_USAGE,
		    "--become-command is for eyelet-deliver itself, which "
		    "starts commands by it");
	tell(begun);
	if (become(argv, &rec, err) < 0)
		tell(err->text);
	return -1;
}
