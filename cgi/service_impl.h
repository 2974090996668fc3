/*
 * service_impl.h: what the files of a service share. Nobody else includes it.
 *
 * service.c	the life of the process
 * service_end.c	how it ends, or starts anew
 * route.c	the way of a request to whoever owns the store
 * service_wake.c	other threads ask the main thread to look, or to end
 */
#ifndef EYELET_CGI_SERVICE_IMPL_H
#define EYELET_CGI_SERVICE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/signalfd.h>

#include "cgi/deliverer.h"
#include "cgi/engine.h"
#include "cgi/forward.h"
#include "cgi/pool.h"
#include "cgi/service.h"

#define SERVICE_WHY_MAX 512 /* as an err's text */
#define SERVICE_FENCED_MS 2000 /* for requests in hand after a failed write */

/* How the listening socket is treated when the service ends. */
enum end_way {
	END_LAST, /* nobody comes after us: all who have connected are served */
	END_NEXT, /* it stays open, and the next process takes the backlog */
	END_ANEW /* the same, and the next process is this one */
};

enum mode {
	MODE_OPENING, /* requests wait: this will not take long */
	MODE_OWNING, /* for good: an owner never turns back into another mode */
	MODE_FORWARDING,
	MODE_DOWN /* the store cannot be opened; tried again and again */
};

struct service {
	struct service_options opt;
	const struct conf *conf; /* the main thread's; held */
	enum owner_role role;
	struct forward *forward;
	struct pool *pool; /* NULL for --store */
	int signal_fd, wake_fd;
	struct budget bodies; /* of this process, whichever way they come */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	enum mode mode;
	int64_t opening_since_ms;
	char down_why[SERVICE_WHY_MAX]; /* "" unless MODE_DOWN */
	char leave_why[128]; /* "": nobody asked */

	bool parent_ends_us; /* it sent a signal to end */
	bool ready; /* has its socket's path; systemd was told */

	_Atomic(struct engine *) engine; /* set with MODE_OWNING */
	struct engine *holding; /* the same, and while its store is down */
	int64_t owning_since_ms, tried_at_ms, greeted_at_ms;
	struct deliverer deliverer; /* while owning */
};

/* service_wake.c: has the main thread look around at once. Any thread. */
void service_wake(struct service *sv);

/* Any thread: the main thread ends the service. why is inert. */
void service_leave(void *sv, const char *why);

/* service_end.c; all of it is for the main thread. */

/* A signal to end came: did the web server itself send it? */
void
service_look_at_sender(struct service *sv, const struct signalfd_siginfo *si);

/* signalled: by such a signal. orphaned: the web server is gone. */
enum end_way
service_way_to_end(const struct service *sv, bool signalled, bool orphaned);

/* Is the configuration as a new process takes it? Else the log says why not. */
bool service_may_start_anew(struct service *sv);

/* Ends. 0, or 1 when something still uses what would be closed. */
int service_end(struct service *sv, enum end_way way);

/* After a write that was lost; does not return. */
void service_start_anew(struct service *sv);

/* The handler of the pool; arg is the service. */
int route_begin(
    void *arg, struct receive_call *call, void **via, int64_t *body_max);
int route_body(void *arg, struct receive_call *call, void *via);
void route_abort(void *arg, struct receive_call *call, void *via,
    enum receive_refusal refusal);

#endif
