/*
 * service_impl.h: what the files of a service share. Nobody else includes it.
 *
 * service.c	the life of the process
 * route.c	the way of a request to whoever owns the store
 */
#ifndef EYELET_CGI_SERVICE_IMPL_H
#define EYELET_CGI_SERVICE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "cgi/deliverer.h"
#include "cgi/forward.h"
#include "cgi/pool.h"
#include "cgi/service.h"

#define SERVICE_WHY_MAX 512 /* as an err's text */

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

/* Has the main thread look around at once. Any thread. */
void service_wake(struct service *sv);

/* Any thread: the main thread ends the service. why is inert. */
void service_leave(void *sv, const char *why);

/* The handler of the pool; arg is the service. */
int route_begin(
    void *arg, struct receive_call *call, void **via, int64_t *body_max);
int route_body(void *arg, struct receive_call *call, void *via);
void route_abort(void *arg, struct receive_call *call, void *via, bool late);

#endif
