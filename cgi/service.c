/* service.c: who owns the store, and what this process does about it. */
#include "cgi/service.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "cgi/deliverer.h"
#include "cgi/engine.h"
#include "cgi/forward.h"
#include "cgi/pool.h"
#include "lib/clock.h"
#include "lib/util.h"

#define SERVICE_WHY_MAX 512 /* as an err's text */
#define FENCED_DRAIN_MS 2000
#define FENCED_PAUSE_MS 1000 /* when the store was open for less than ... */
#define FENCED_SOON_MS 5000

enum mode {
	MODE_OPENING, /* requests wait: this will not take long */
	MODE_OWNING, /* for good: an owner never turns back into another mode */
	MODE_FORWARDING,
	MODE_DOWN /* the store cannot be opened; tried again and again */
};

struct service {
	struct service_options opt;
	enum owner_role role;
	struct forward *forward;
	struct pool *pool; /* NULL for --store */
	int signal_fd, wake_fd;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	enum mode mode;
	int64_t opening_since_ms;
	char down_why[SERVICE_WHY_MAX]; /* "" unless MODE_DOWN */
	char leave_why[128]; /* "": nobody asked */

	_Atomic(struct engine *) engine; /* set with MODE_OWNING */
	struct engine *holding; /* the same, and while its store is down */
	int64_t owning_since_ms, tried_at_ms, greeted_at_ms;
	struct deliverer deliverer; /* while owning */
};

static void
wake(struct service *sv)
{
	uint64_t one = 1;

	if (write(sv->wake_fd, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN); /* woken often enough already */
}

static void
set_mode(struct service *sv, enum mode mode, const char *down_why)
{
	pthread_mutex_lock(&sv->lock);
	if (mode == MODE_OPENING && sv->mode != MODE_OPENING)
		sv->opening_since_ms = clock_ms();
	sv->mode = mode;
	snprintf(sv->down_why, sizeof(sv->down_why), "%s", down_why);
	pthread_cond_broadcast(&sv->changed);
	pthread_mutex_unlock(&sv->lock);
}

/* Any thread: the main thread ends the service. why is inert. */
static void
asked_to_leave(void *arg, const char *why)
{
	struct service *sv = arg;

	pthread_mutex_lock(&sv->lock);
	if (sv->leave_why[0] == '\0')
		snprintf(sv->leave_why, sizeof(sv->leave_why), "%s", why);
	pthread_mutex_unlock(&sv->lock);
	wake(sv);
}

/* --- requests (the pool's threads) --------------------------------------- */

/*
 * Waits while the store is being opened, until a request that came now must
 * get its 503: at once where opening has taken SERVICE_WAIT_MS already (the
 * disk hangs, or recovery is long). Returns the mode then.
 */
static enum mode
settled_mode(struct service *sv, int64_t deadline_ms)
{
	int64_t left_ms;
	struct timespec until;
	enum mode mode;

	pthread_mutex_lock(&sv->lock);
	if (sv->opening_since_ms + SERVICE_WAIT_MS < deadline_ms)
		deadline_ms = sv->opening_since_ms + SERVICE_WAIT_MS;
	while (sv->mode == MODE_OPENING &&
	       (left_ms = deadline_ms - clock_ms()) > 0) {
		until = clock_in_ms(left_ms);
		pthread_cond_timedwait(&sv->changed, &sv->lock, &until);
	}
	mode = sv->mode;
	pthread_mutex_unlock(&sv->lock);
	return mode;
}

/*
 * No owner could be reached: has the main thread look, and waits for what it
 * finds. False when the time is up.
 */
static bool
wait_for_change(struct service *sv, int64_t deadline_ms)
{
	struct timespec soon = clock_in_ms(SERVICE_LOOK_MS);

	wake(sv);
	pthread_mutex_lock(&sv->lock);
	if (sv->mode == MODE_FORWARDING)
		pthread_cond_timedwait(&sv->changed, &sv->lock, &soon);
	pthread_mutex_unlock(&sv->lock);
	return clock_ms() < deadline_ms;
}

static int
answer_fault(struct service *sv, struct receive_call *call, const char *why)
{
	char words[SERVICE_WHY_MAX];

	pthread_mutex_lock(&sv->lock);
	snprintf(words, sizeof(words), "%s",
	    sv->down_why[0] != '\0' ? sv->down_why
	    : why[0] != '\0'        ? why
				    : "the store is still being opened");
	pthread_mutex_unlock(&sv->lock);
	forward_fault(&call->reply, words);
	return 1;
}

/*
 * The owner could not be had. True when the next one may be: not when this one
 * refuses, nor when it is of a newer release, which makes room for that.
 */
static bool
may_try_again(struct service *sv, const struct err *err)
{
	if (err->code == ERR_VERSION)
		asked_to_leave(sv, "the owner of the store is a newer release");
	return err->code == ERR_AWAY || err->code == ERR_TIMEOUT;
}

/*
 * begin and body are the same walk: whoever can answers; nobody for
 * SERVICE_WAIT_MS is 503.
 */
static int
begin(void *arg, struct receive_call *call, void **via, int64_t *body_max)
{
	struct service *sv = arg;
	int64_t deadline_ms = clock_ms() + SERVICE_WAIT_MS;
	struct err err = ERR_INIT;
	struct engine *en;
	enum mode mode;
	int done;

	do {
		*via = en = atomic_load(&sv->engine);
		if (en != NULL)
			return receive_begin(
			    engine_receive(en), call, body_max);
		mode = settled_mode(sv, deadline_ms);
		if (mode == MODE_FORWARDING) {
			done = forward_begin(
			    sv->forward, call, body_max, deadline_ms, &err);
			if (done >= 0)
				return done;
			if (!may_try_again(sv, &err))
				break;
		}
	} while (mode != MODE_DOWN && wait_for_change(sv, deadline_ms));
	return answer_fault(sv, call, err.text);
}

/* A request begun with another process may find this one the owner by now. */
static int
begin_again(struct engine *en, struct receive_call *call)
{
	int64_t body_max;

	if (receive_begin(engine_receive(en), call, &body_max) != 0)
		return 1;
	return receive_body(engine_receive(en), call);
}

static int
body(void *arg, struct receive_call *call, void *via)
{
	struct service *sv = arg;
	int64_t deadline_ms = clock_ms() + SERVICE_WAIT_MS;
	struct err err = ERR_INIT;
	struct engine *en;
	enum mode mode;
	int done;

	if (via != NULL)
		return receive_body(engine_receive(via), call);
	call->until_ms = clock_ms() + STORE_WAIT_MS;
	do {
		en = atomic_load(&sv->engine);
		if (en != NULL)
			return begin_again(en, call);
		mode = settled_mode(sv, deadline_ms);
		if (mode == MODE_FORWARDING) {
			done =
			    forward_body(sv->forward, call, deadline_ms, &err);
			if (done >= 0)
				return done;
			if (!may_try_again(sv, &err))
				break;
		}
	} while (mode != MODE_DOWN && wait_for_change(sv, deadline_ms));
	return answer_fault(sv, call, err.text);
}

static void
abort_call(void *arg, struct receive_call *call, void *via, bool late)
{
	(void)arg;
	if (via != NULL)
		receive_abort(engine_receive(via), call, late);
	else
		forward_abort(call, late);
}

/* --- owning (the main thread) -------------------------------------------- */

static void
stay_down(struct service *sv, const struct err *err)
{
	/* Once for each reason, not once a second. */
	if (sv->mode != MODE_DOWN || strcmp(sv->down_why, err->text) != 0)
		log_note(sv->opt.log,
		    "the store is not open, requests get 503: %s", err->text);
	set_mode(sv, MODE_DOWN, err->text);
}

/* Acts on the result of opening the store. -1: this process cannot go on. */
static int
take_state(struct service *sv, enum engine_state state, const struct err *err)
{
	switch (state) {
	case ENGINE_FAILED:
		if (!engine_may_pass(err->code))
			return -1;
		stay_down(sv, err); /* not even a socket: all of it again */
		return 0;
	case ENGINE_DOWN:
		stay_down(sv, err);
		return 0;
	case ENGINE_OPEN:
		break;
	}
	sv->owning_since_ms = clock_ms();
	atomic_store(&sv->engine, sv->holding);
	set_mode(sv, MODE_OWNING, "");
	if (sv->pool != NULL)
		pool_set_workers(sv->pool, sv->opt.workers);
	log_note(
	    sv->opt.log, "this process owns the store %s", sv->opt.conf->store);
	return 0;
}

static int
own(struct service *sv, struct owner_lock *lock, struct err *err)
{
	struct engine_options eo = {
		.conf = sv->opt.conf,
		.role = sv->role,
		.log = sv->opt.log,
		.leave = asked_to_leave,
		.arg = sv,
	};

	set_mode(sv, MODE_OPENING, "");
	return take_state(sv, engine_open(&eo, lock, &sv->holding, err), err);
}

/* Somebody else has the store. */
static void
forward_to(struct service *sv, const struct owner_info *holder)
{
	struct err err = ERR_INIT;

	if (sv->mode != MODE_FORWARDING) {
		log_note(sv->opt.log,
		    "process %ld owns the store %s: requests go there",
		    (long)holder->pid, sv->opt.conf->store);
		if (sv->pool != NULL && sv->opt.workers < SERVICE_FORWARDERS)
			pool_set_workers(sv->pool, SERVICE_FORWARDERS);
		set_mode(sv, MODE_FORWARDING, "");
	}
	/* One that was only started on demand gives way when greeted. */
	if (holder->role == OWNER_STORE &&
	    clock_ms() - sv->greeted_at_ms >= SERVICE_RETRY_MS) {
		sv->greeted_at_ms = clock_ms();
		if (forward_greet(sv->forward, &err) < 0 &&
		    err.code != ERR_AWAY)
			log_note(sv->opt.log, "%s", err.text);
	}
}

/* Owns the store if nobody does. */
static int
look_for_owner(struct service *sv, struct err *err)
{
	struct owner_info holder = { .pid = 0 };
	struct owner_lock *lock = NULL;
	int ret;

	sv->tried_at_ms = clock_ms();
	if (sv->holding != NULL)
		return take_state(sv, engine_try(sv->holding, err), err);
	do
		ret = owner_lock_try(
		    sv->opt.conf->store, sv->role, &lock, &holder, err);
	while (ret < 0 && engine_make_room(sv->opt.conf, sv->opt.log, err));
	if (ret < 0) {
		if (!engine_may_pass(err->code))
			return -1;
		stay_down(sv, err);
		return 0;
	}
	if (lock != NULL)
		return own(sv, lock, err);
	if (sv->role == OWNER_STORE)
		asked_to_leave(sv, "another process owns the store");
	else
		forward_to(sv, &holder);
	return 0;
}

/* --- the end ------------------------------------------------------------- */

/* How long requests in hand may take when the end has come. */
static int64_t
patience_ms(const struct service *sv)
{
	return sv->opt.conf->upload_s * 1000 + SERVICE_DRAIN_MS;
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

/* 0, or 1 when something still uses what would be closed. */
static int
end(struct service *sv)
{
	deliverer_end(&sv->deliverer);
	if (sv->pool != NULL && !pool_drain(sv->pool, false, patience_ms(sv))) {
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
 * A write was lost, and only a program that reads the disk anew can tell what
 * is there. The lock falls with this image; the socket and its backlog stay.
 */
static void
start_anew(struct service *sv)
{
	struct timespec pause = { FENCED_PAUSE_MS / 1000, 0 };
	struct err err = ERR_INIT;

	log_note(sv->opt.log, "a write to the store failed: starting anew");
	deliverer_end(&sv->deliverer);
	if (sv->pool != NULL)
		pool_drain(sv->pool, true, FENCED_DRAIN_MS);
	if (clock_ms() - sv->owning_since_ms < FENCED_SOON_MS)
		nanosleep(&pause, NULL);
	log_look(sv->opt.log, true); /* its path is read anew, too */
	log_close(sv->opt.log);
	if (listening_keep(sv->opt.listening, &err) == 0) {
		execv("/proc/self/exe", sv->opt.argv);
		err_errno(&err, errno, "execute this program anew");
	}
	dprintf(STDERR_FILENO, "eyelet.fcgi: %s\n", err.text);
	_exit(EX_OSERR);
}

/* --- the main thread's loop ---------------------------------------------- */

/* Why to end, or NULL. */
static const char *
reason_to_end(struct service *sv, int timeout_ms)
{
	struct pollfd p[] = {
		{ sv->signal_fd, POLLIN, 0 },
		{ sv->wake_fd, POLLIN, 0 },
		{ sv->opt.parent_fd, POLLIN, 0 },
	};
	struct signalfd_siginfo si;
	struct engine *en = sv->holding;
	bool asked;
	uint64_t n;

	if (poll(p, NITEMS(p), timeout_ms) < 0 && errno != EINTR)
		return "poll failed";
	if (p[0].revents != 0 &&
	    read(sv->signal_fd, &si, sizeof(si)) == sizeof(si))
		return strsignal((int)si.ssi_signo);
	if (p[1].revents != 0 && read(sv->wake_fd, &n, sizeof(n)) < 0)
		assert(errno == EAGAIN);
	if (p[2].revents != 0)
		return "the web server is gone";
	pthread_mutex_lock(&sv->lock);
	asked = sv->leave_why[0] != '\0';
	pthread_mutex_unlock(&sv->lock);
	if (asked)
		return sv->leave_why; /* written once */
	if (sv->role == OWNER_STORE && en != NULL &&
	    engine_idle_s(en) >= SERVICE_IDLE_S)
		return "nobody needs the store";
	return NULL;
}

static int
loop(struct service *sv, struct err *err)
{
	struct engine *en;
	const char *why = NULL;
	int64_t wait_ms;

	while (why == NULL) {
		en = sv->engine;
		if (sv->holding != NULL && engine_is_fenced(sv->holding))
			start_anew(sv);
		wait_ms = sv->mode == MODE_DOWN ? SERVICE_RETRY_MS : 0;
		if (en == NULL && clock_ms() - sv->tried_at_ms >= wait_ms &&
		    look_for_owner(sv, err) < 0)
			return -1;
		if (sv->mode == MODE_OWNING && engine_delivers(sv->engine))
			deliverer_look(
			    &sv->deliverer, sv->opt.conf, sv->opt.log);
		log_look(sv->opt.log, false);
		why = reason_to_end(sv, SERVICE_LOOK_MS);
	}
	log_note(sv->opt.log, "leaving: %s", why);
	return end(sv);
}

/* --- starting ------------------------------------------------------------ */

void
service_signals(sigset_t *set)
{
	static const int ends[] = { SIGTERM, SIGUSR1, SIGINT, SIGHUP };
	size_t i;

	sigemptyset(set);
	for (i = 0; i < NITEMS(ends); i++)
		sigaddset(set, ends[i]);
}

static int
start(struct service *sv, struct err *err)
{
	const struct service_options *opt = &sv->opt;
	struct pool_options po = {
		.listen_fd = opt->listening->fd,
		.workers = opt->workers,
		.connections = opt->connections,
		.upload_ms = opt->conf->upload_s * 1000,
		.handler = { sv, begin, body, abort_call },
		.log = opt->log,
	};
	sigset_t signals;

	service_signals(&signals);
	sv->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	sv->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sv->signal_fd < 0 || sv->wake_fd < 0)
		return err_errno(err, errno, "wait for signals");
	if (forward_open(opt->conf, CLIENT_FASTCGI, &sv->forward, err) < 0)
		return -1;
	if (opt->listening->from == LISTENING_NONE)
		return 0;
	return pool_start(&po, &sv->pool, err);
}

static struct service *
service_new(const struct service_options *opt)
{
	struct service *sv = calloc(1, sizeof(*sv));
	pthread_condattr_t monotonic;

	if (sv == NULL)
		return NULL;
	sv->opt = *opt;
	sv->role = opt->listening->from == LISTENING_NONE ? OWNER_STORE
							  : OWNER_FASTCGI;
	sv->signal_fd = sv->wake_fd = -1;
	sv->mode = MODE_OPENING;
	sv->opening_since_ms = clock_ms();
	pthread_mutex_init(&sv->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&sv->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return sv;
}

static void
service_free(struct service *sv)
{
	if (sv->signal_fd >= 0)
		close(sv->signal_fd);
	if (sv->wake_fd >= 0)
		close(sv->wake_fd);
	pthread_cond_destroy(&sv->changed);
	pthread_mutex_destroy(&sv->lock);
	free(sv);
}

int
service_run(const struct service_options *opt, struct err *err)
{
	struct service *sv = service_new(opt);
	int ret = -1;

	if (sv == NULL)
		return err_set(err, ERR_NOMEM, "no memory to serve");
	if (start(sv, err) == 0)
		ret = loop(sv, err);
	if (ret < 0 && sv->pool != NULL)
		pool_drain(sv->pool, true, FENCED_DRAIN_MS);
	/* After anything but a good end, threads may still use it. */
	if (ret == 0)
		service_free(sv);
	return ret;
}
