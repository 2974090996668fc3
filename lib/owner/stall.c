/* stall.c: marks an owner as silent, and kills one that was so for long. */
#include "lib/owner/stall.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/owner_dir.h"
#include "lib/base/process.h"

/*
 * A symbolic link, since that is made together with what it says in one step:
 * "PID STARTED SINCE", SINCE by the monotonic clock, which no step of the
 * wall clock moves and all processes share.
 */
#define MARK "silent"
#define MARK_SIZE 96
#define DEATH_MS 5000 /* how long a killed process may take to be gone */

void
stall_clear(int dir_fd)
{
	/* It is seldom there, and a full disk does not keep it there. */
	unlinkat(dir_fd, MARK, 0);
}

/* Since when the mark says that who is silent; false when it does not. */
static bool
read_mark(int dir_fd, const struct owner_info *who, int64_t *since_ms)
{
	unsigned long long started;
	char text[MARK_SIZE];
	long long since;
	long pid;
	ssize_t n = readlinkat(dir_fd, MARK, text, sizeof(text) - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	if (sscanf(text, "%ld %llu %lld", &pid, &started, &since) != 3 ||
	    pid != who->pid || started != who->started || since > clock_ms())
		return false;
	*since_ms = since;
	return true;
}

/*
 * Since when it is silent, by the mark, which is made when there is none for
 * it. Where this process may not (a web server's uid) its own word counts.
 */
static int64_t
silent_since(int dir_fd, const struct owner_info *who, int64_t silent_ms)
{
	int64_t since = clock_ms() - silent_ms;
	char text[MARK_SIZE];
	int64_t marked;

	if (read_mark(dir_fd, who, &marked))
		return marked < since ? marked : since;
	unlinkat(dir_fd, MARK, 0); /* of an owner before this one */
	snprintf(text, sizeof(text), "%ld %llu %lld", (long)who->pid,
	    who->started, (long long)since);
	if (symlinkat(text, dir_fd, MARK) < 0 &&
	    read_mark(dir_fd, who, &marked) && marked < since)
		return marked;
	return since;
}

/*
 * Is it still the holder? The pidfd was opened before, and owner_holder names
 * a process only when its pid's process began when the lock's writer began:
 * so the writer lives, had that pid all the time, and the pidfd is its.
 */
static int
still_holds(const char *dir, const struct owner_info *who, uid_t owner,
    bool *holds, struct err *err)
{
	struct owner_info holder;
	bool held = false, ours = false;

	*holds = false;
	if (owner_holder(dir, &holder, &held, err) < 0)
		return -1;
	if (!held || !owner_same(&holder, who))
		return 0;
	/*
	 * The folder's owner writes the lock file, and root may be the one
	 * who reads it: it must not be led to kill another user's process.
	 */
	if (process_runs_as(who->pid, owner, &ours, err) < 0)
		return err->code == ERR_NOTFOUND ? 0 : -1;
	if (!ours)
		return err_set(err, ERR_DENIED,
		    "process %ld does not run as the folder's owner",
		    (long)who->pid);
	*holds = true;
	return 0;
}

static int
kill_holder(
    const char *dir, const struct owner_info *who, uid_t owner, struct err *err)
{
	struct pollfd gone = { .fd = -1, .events = POLLIN };
	bool holds;
	int ret = -1, n;

	gone.fd = (int)syscall(SYS_pidfd_open, who->pid, 0);
	if (gone.fd < 0) {
		ret = errno == ESRCH
			  ? 0
			  : err_errno(err, errno, "open the process");
		goto out;
	}
	if (still_holds(dir, who, owner, &holds, err) < 0)
		goto out;
	if (holds) {
		if (syscall(SYS_pidfd_send_signal, gone.fd, SIGKILL, NULL, 0) <
			0 &&
		    errno != ESRCH) {
			err_errno(err, errno, "kill it");
			goto out;
		}
		do
			n = poll(&gone, 1, DEATH_MS);
		while (n < 0 && errno == EINTR);
		if (n == 0) {
			err_set(err, ERR_TIMEOUT,
			    "killed, but not gone after %d s: it waits for a "
			    "disk",
			    DEATH_MS / 1000);
			goto out;
		}
	}
	ret = 0;
out:
	if (gone.fd >= 0)
		close(gone.fd);
	return ret;
}

int
stall_report(const char *dir, const struct owner_info *who, int64_t silent_ms,
    int64_t limit_ms, bool *killed, struct err *err)
{
	struct stat st;
	int dir_fd, ret = -1;

	*killed = false;
	if (who->pid == 0 || who->role == OWNER_OFFLINE)
		return 0;
	dir_fd = owner_dir_find(dir, &st, err);
	if (dir_fd < 0)
		return -1;
	if (clock_ms() - silent_since(dir_fd, who, silent_ms) < limit_ms) {
		ret = 0;
		goto out;
	}
	if (kill_holder(dir, who, st.st_uid, err) < 0) {
		err_wrap(err,
		    "the owner of the store %s, process %ld, answers nothing",
		    dir, (long)who->pid);
		goto out;
	}
	stall_clear(dir_fd);
	*killed = true;
	ret = 0;
out:
	close(dir_fd);
	return ret;
}
