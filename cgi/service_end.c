/* service_end.c: ends a service, or has it start anew. */
#include "cgi/service_impl.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define FENCED_PAUSE_MS 1000 /* when the store was open for less than ... */
#define FENCED_SOON_MS 5000

/* How long requests in hand may take when the end has come. */
static int64_t
patience_ms(const struct service *sv)
{
	return sv->conf->upload_s * 1000 + SERVICE_DRAIN_MS;
}

/*
 * Ends the process when closing hangs in a flush or a write. That is safe at
 * any instant: the next owner recovers.
 */
static void *
leave_anyway(void *arg)
{
	struct timespec patience = { SERVICE_CLOSE_MS / 1000, 0 };

	(void)arg;
	nanosleep(&patience, NULL);
	dprintf(STDERR_FILENO,
	    "eyelet.fcgi: the store could not be closed within %d s: its disk "
	    "hangs; leaving\n",
	    SERVICE_CLOSE_MS / 1000);
	_exit(EX_SOFTWARE);
}

static void
close_in_time(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, leave_anyway, NULL) == 0)
		pthread_detach(thread);
}

/*
 * Those who connect meanwhile wait for the next process. So this is for a
 * moment in which no request is in hand, and a slow upload is waited for
 * before, while all others are served.
 */
static bool
hand_over(struct service *sv)
{
	int64_t until_ms = clock_ms() + patience_ms(sv);
	struct timespec nap = { 0, 50000000 };

	while (!pool_quiesce(sv->pool, SERVICE_CALM_MS)) {
		if (clock_ms() >= until_ms)
			return pool_drain(sv->pool, SERVICE_CALM_MS);
		nanosleep(&nap, NULL);
	}
	return true;
}

/*
 * Those who have connected are served. A web server that ends us may still
 * send what it had given to us before (mod_fcgid).
 */
static bool
serve_the_last(struct service *sv)
{
	listening_hide(sv->opt.listening);
	pool_linger(sv->pool,
	    sv->parent_ends_us ? SERVICE_PARENT_QUIET_MS : SERVICE_QUIET_MS,
	    SERVICE_LINGER_MS);
	return pool_drain(sv->pool, patience_ms(sv));
}

/* 0, or 1 when something still uses what would be closed. */
static int
end(struct service *sv, enum end_way way)
{
	deliverer_end(&sv->deliverer);
	notify_stopping(way == END_ANEW ? NULL : sv->opt.notify);
	if (sv->pool != NULL &&
	    !(way == END_LAST ? serve_the_last(sv) : hand_over(sv))) {
		log_note(sv->opt.log, "requests are still under way; leaving");
		return 1;
	}
	close_in_time();
	pool_free(sv->pool);
	sv->pool = NULL;
	if (!engine_close(sv->holding)) {
		log_note(sv->opt.log, "calls are still under way; leaving");
		return 1;
	}
	sv->engine = sv->holding = NULL;
	forward_close(sv->forward);
	sv->forward = NULL;
	return 0;
}

/*
 * Executes this program anew: the one that stands at its path now, which may
 * be a newer one, else the same. The lock falls with this image; the socket
 * and its backlog stay. Returns when it cannot be executed; without a log.
 */
static void
execute_anew(struct service *sv, struct err *err)
{
	log_look(sv->opt.log, true); /* its path is read anew, too */
	/* Threads may run until then, and have lines for it: it is not freed.
	 */
	log_end(sv->opt.log);
	if (listening_keep(sv->opt.listening, err) < 0)
		return;
	if (strchr(sv->opt.argv[0], '/') != NULL)
		execv(sv->opt.argv[0], sv->opt.argv);
	execv("/proc/self/exe", sv->opt.argv);
	err_errno(err, errno, "execute this program anew");
}

/*
 * A write was lost, and only a program that reads the disk anew can tell what
 * is there.
 */
void
service_start_anew(struct service *sv)
{
	struct timespec pause = { FENCED_PAUSE_MS / 1000, 0 };
	struct err err = ERR_INIT;

	log_note(sv->opt.log, "a write to the store failed: starting anew");
	deliverer_end(&sv->deliverer);
	if (sv->pool != NULL)
		pool_drain(sv->pool, SERVICE_FENCED_MS);
	if (clock_ms() - sv->owning_since_ms < FENCED_SOON_MS)
		nanosleep(&pause, NULL);
	execute_anew(sv, &err);
	dprintf(STDERR_FILENO, "eyelet.fcgi: %s\n", err.text);
	_exit(EX_OSERR);
}

/*
 * A signal to end. Web servers start a child that has ended again, but only
 * after they have refused requests for a while (lighttpd: some seconds); so
 * one that the web server itself did not send starts this process anew.
 */
void
service_look_at_sender(struct service *sv, const struct signalfd_siginfo *si)
{
	if (si->ssi_signo != SIGHUP && sv->opt.parent_fd >= 0 &&
	    (pid_t)si->ssi_pid == getppid())
		sv->parent_ends_us = true;
}

enum end_way
service_way_to_end(const struct service *sv, bool signalled, bool orphaned)
{
	switch (sv->opt.listening->from) {
	case LISTENING_ACTIVATED:
		return END_NEXT;
	case LISTENING_PARENT:
		return signalled && sv->opt.parent_fd >= 0 && !orphaned &&
			       !sv->parent_ends_us
			   ? END_ANEW
			   : END_LAST;
	case LISTENING_NONE:
	case LISTENING_OPENED:
		break;
	}
	return END_LAST;
}

/*
 * One that is executed anew over a configuration that it cannot read ends, and
 * the web server has none for some seconds.
 */
bool
service_may_start_anew(struct service *sv)
{
	const struct reload *rl = sv->opt.reload;
	struct err err = ERR_INIT;
	struct conf cf;

	if (conf_live_read(rl->settings, rl->config, &cf, &err) == 0) {
		conf_free(&cf);
		return true;
	}
	log_note(sv->opt.log,
	    "a signal to start anew is not followed, as a new process would "
	    "not start; mend the configuration, then send it again: %s",
	    err.text);
	return false;
}

/* Ends; as END_ANEW it returns only when the web server wants no more. */
int
service_end(struct service *sv, enum end_way way)
{
	struct signalfd_siginfo si;
	struct err err = ERR_INIT;
	int ret = end(sv, way);

	if (way != END_ANEW)
		return ret;
	/* Each comes twice perhaps, or the web server has had enough now. */
	while (read(sv->signal_fd, &si, sizeof(si)) == sizeof(si))
		service_look_at_sender(sv, &si);
	if (sv->parent_ends_us)
		return ret;
	execute_anew(sv, &err);
	dprintf(STDERR_FILENO, "eyelet.fcgi: %s\n", err.text);
	_exit(EX_OSERR); /* the log has ended */
}
