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

#include "cgi/engine.h"
#include "cgi/service_impl.h"
#include "lib/base/clock.h"
#include "lib/base/util.h"

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

/* The thread of an administrator's call. */
static int
asked_to_reload(void *arg, struct err *err)
{
	struct timespec settled = { 0, (SERVICE_LOOK_MS + 50) * 1000000L };
	struct service *sv = arg;
	int ret =
	    reload_take(sv->opt.reload, atomic_load(&sv->engine), true, err);

	service_wake(sv);
	/* Each other eyelet.fcgi has looked once by then. */
	if (ret == 0)
		nanosleep(&settled, NULL);
	return ret;
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

/* Those that hand requests on wait for the owner meanwhile. */
static unsigned
count_workers(const struct service *sv, bool forwards)
{
	unsigned n = reload_workers(sv->opt.reload, sv->conf);

	return forwards && n < SERVICE_FORWARDERS ? SERVICE_FORWARDERS : n;
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
		pool_set_workers(sv->pool, count_workers(sv, false));
	log_note(
	    sv->opt.log, "this process owns the store %s", sv->conf->store);
	return 0;
}

static int
own(struct service *sv, struct owner_lock *lock, struct err *err)
{
	struct engine_options eo = {
		.settings = sv->opt.reload->settings,
		.role = sv->role,
		.log = sv->opt.log,
		.bodies = &sv->bodies,
		.leave = service_leave,
		.reload = asked_to_reload,
		.arg = sv,
	};

	set_mode(sv, MODE_OPENING, "");
	return take_state(sv, engine_open(&eo, lock, &sv->holding, err), err);
}

/* Another process has the store; its pid is 0 until it has written it down. */
static void
forward_to(struct service *sv, const struct owner_info *holder)
{
	struct err err = ERR_INIT;
	char who[32] = "another process";

	if (sv->mode != MODE_FORWARDING) {
		if (holder->pid != 0)
			snprintf(
			    who, sizeof(who), "process %ld", (long)holder->pid);
		log_note(sv->opt.log, "%s owns the store %s: requests go there",
		    who, sv->conf->store);
		if (sv->pool != NULL)
			pool_set_workers(sv->pool, count_workers(sv, true));
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
		    sv->conf->store, sv->role, &lock, &holder, err);
	while (ret < 0 && engine_make_room(sv->conf, sv->opt.log, err));
	if (ret < 0) {
		if (!engine_may_pass(err->code))
			return -1;
		stay_down(sv, err);
		return 0;
	}
	if (lock != NULL)
		return own(sv, lock, err);
	if (sv->role == OWNER_STORE)
		service_leave(sv, "another process owns the store");
	else
		forward_to(sv, &holder);
	return 0;
}

/* --- the main thread's loop ---------------------------------------------- */

/* Why to end, or NULL. *way: how, where there is a reason. */
static const char *
reason_to_end(struct service *sv, int timeout_ms, enum end_way *way)
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
	*way = service_way_to_end(sv, false, p[2].revents != 0);
	if (p[0].revents != 0 &&
	    read(sv->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo != SIGHUP) {
			service_look_at_sender(sv, &si);
			*way = service_way_to_end(sv, true, p[2].revents != 0);
			if (*way != END_ANEW || service_may_start_anew(sv))
				return strsignal((int)si.ssi_signo);
			*way = END_LAST; /* for what follows */
		} else {
			log_look(sv->opt.log, true);
			reload_or_say(sv->opt.reload, en, true);
		}
	}
	if (p[1].revents != 0 && read(sv->wake_fd, &n, sizeof(n)) < 0)
		assert(errno == EAGAIN);
	if (p[2].revents != 0)
		return "the web server is gone";
	pthread_mutex_lock(&sv->lock);
	asked = sv->leave_why[0] != '\0';
	pthread_mutex_unlock(&sv->lock);
	if (asked)
		return sv->leave_why; /* written once */
	if (listening_is_replaced(sv->opt.listening))
		return "another process has taken over the socket";
	if (sv->role == OWNER_STORE && en != NULL &&
	    engine_idle_s(en) >= SERVICE_IDLE_S)
		return "nobody needs the store";
	return NULL;
}

/* Answered with 503 or not, nobody has to wait any more. */
static int
get_ready(struct service *sv, struct err *err)
{
	if (listening_take_place(sv->opt.listening, err) < 0)
		return -1;
	notify_ready(sv->opt.notify);
	sv->ready = true;
	return 0;
}

static int
loop(struct service *sv, struct err *err)
{
	struct engine *en;
	enum end_way way = END_LAST;
	const char *why = NULL;
	int64_t wait_ms;

	while (why == NULL) {
		en = sv->engine;
		if (sv->holding != NULL && engine_is_fenced(sv->holding))
			service_start_anew(sv);
		wait_ms = sv->mode == MODE_DOWN ? SERVICE_RETRY_MS : 0;
		if (en == NULL && clock_ms() - sv->tried_at_ms >= wait_ms &&
		    look_for_owner(sv, err) < 0)
			return -1;
		if (sv->mode == MODE_OWNING && engine_delivers(sv->engine))
			deliverer_look(&sv->deliverer, sv->conf,
			    engine_hung_deliverer(sv->engine), sv->opt.log);
		log_look(sv->opt.log, false);
		if (reload_is_due(sv->opt.reload))
			reload_or_say(sv->opt.reload, sv->holding, false);
		reload_follow(sv->opt.reload, &sv->conf, sv->pool,
		    sv->mode == MODE_FORWARDING ? SERVICE_FORWARDERS : 0);
		if (!sv->ready && sv->mode != MODE_OPENING &&
		    get_ready(sv, err) < 0)
			return -1;
		why = reason_to_end(sv, SERVICE_LOOK_MS, &way);
	}
	log_note(sv->opt.log, "%s: %s",
	    way == END_ANEW ? "starting anew" : "leaving", why);
	return service_end(sv, way);
}

/* --- starting ------------------------------------------------------------ */

void
service_signals(sigset_t *set)
{
	static const int taken[] = { SIGTERM, SIGUSR1, SIGINT, SIGHUP };
	size_t i;

	sigemptyset(set);
	for (i = 0; i < NITEMS(taken); i++)
		sigaddset(set, taken[i]);
}

static int
start(struct service *sv, struct err *err)
{
	const struct service_options *opt = &sv->opt;
	struct pool_options po = {
		.listen_fd = opt->listening->fd,
		.parent_fd = opt->parent_fd,
		.workers = reload_workers(opt->reload, sv->conf),
		.connections = opt->connections,
		.upload_ms = sv->conf->upload_s * 1000,
		.bodies = &sv->bodies,
		.handler = { sv, route_begin, route_body, route_abort },
		.log = opt->log,
	};
	sigset_t signals;

	service_signals(&signals);
	sv->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	sv->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sv->signal_fd < 0 || sv->wake_fd < 0)
		return err_errno(err, errno, "wait for signals");
	if (forward_open(
		opt->reload->settings, CLIENT_FASTCGI, &sv->forward, err) < 0)
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
	sv->conf = conf_live_get(opt->reload->settings);
	atomic_init(&sv->bodies.max, sv->conf->bodies_max);
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
	conf_live_put(sv->conf);
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
		pool_drain(sv->pool, SERVICE_FENCED_MS);
	/* After anything but a good end, threads may still use it. */
	if (ret == 0)
		service_free(sv);
	return ret;
}
