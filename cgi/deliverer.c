/* deliverer.c: starts the deliverer, and again when it ends. */
#include "cgi/deliverer.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "lib/owner/launch.h"

static void
note_end(struct deliverer *dl, struct log *log, int status)
{
	int64_t ran_ms = clock_ms() - dl->started_ms;

	if (WIFSIGNALED(status))
		log_note(log, "the deliverer was ended by signal %d",
		    WTERMSIG(status));
	else
		log_note(log, "the deliverer ended with status %d",
		    WEXITSTATUS(status));
	dl->pid = 0;
	if (ran_ms > DELIVERER_PAUSE_MAX_MS || dl->pause_ms == 0)
		dl->pause_ms = DELIVERER_PAUSE_MS;
	else if (dl->pause_ms < DELIVERER_PAUSE_MAX_MS / 2)
		dl->pause_ms *= 2;
	else
		dl->pause_ms = DELIVERER_PAUSE_MAX_MS;
	dl->again_ms = clock_ms() + dl->pause_ms;
}

static void
reap(struct deliverer *dl, struct log *log)
{
	int status = 0;
	pid_t got;

	/* One that was started before this process executed itself is reaped.
	 */
	while ((got = waitpid(-1, &status, WNOHANG)) > 0 ||
	       (got < 0 && errno == EINTR))
		if (got > 0 && got == dl->pid)
			note_end(dl, log, status);
}

static void
start(struct deliverer *dl, const struct conf *cf, struct log *log)
{
	struct err err = ERR_INIT;

	dl->started_ms = clock_ms();
	dl->told = false;
	dl->hung_ms = 0;
	dl->killed = false;
	if (launch_deliverer(cf, &dl->pid, &err) == 0)
		return;
	log_note(log, "the deliverer could not be started: %s", err.text);
	dl->pid = 0;
	dl->again_ms = clock_ms() + DELIVERER_PAUSE_MAX_MS;
}

/* An owner that was stopped itself hears of a sound child within a second. */
static void
kill_hung(struct deliverer *dl, struct log *log)
{
	if (dl->hung_ms == 0)
		dl->hung_ms = clock_ms();
	if (dl->killed || clock_ms() - dl->hung_ms < DELIVERER_HUNG_MS)
		return;
	log_note(log,
	    "the deliverer, process %ld, hangs: it is killed, and another one "
	    "started",
	    (long)dl->pid);
	kill(dl->pid, SIGKILL);
	dl->killed = true;
}

void
deliverer_look(
    struct deliverer *dl, const struct conf *cf, pid_t hung, struct log *log)
{
	bool wanted = strcmp(cf->deliver_mode, CONF_DELIVER_CHILD) == 0;

	if (dl->pid != 0 && dl->pid == hung)
		kill_hung(dl, log);
	else
		dl->hung_ms = 0;
	reap(dl, log);
	if (dl->pid != 0 && !wanted && !dl->told) {
		kill(dl->pid, SIGTERM);
		dl->told = true;
	}
	if (wanted && dl->pid == 0 && clock_ms() >= dl->again_ms)
		start(dl, cf, log);
}

void
deliverer_end(struct deliverer *dl)
{
	if (dl->pid != 0)
		kill(dl->pid, SIGTERM);
	dl->pid = 0;
}
