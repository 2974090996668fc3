/*
 * service_wake.c: has the main thread of a service look around, or end it.
 * Called by any thread.
 */
#include "cgi/service_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

void
service_wake(struct service *sv)
{
	uint64_t one = 1;

	if (write(sv->wake_fd, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN); /* woken often enough already */
}

void
service_leave(void *arg, const char *why)
{
	struct service *sv = arg;

	pthread_mutex_lock(&sv->lock);
	if (sv->leave_why[0] == '\0')
		snprintf(sv->leave_why, sizeof(sv->leave_why), "%s", why);
	pthread_mutex_unlock(&sv->lock);
	service_wake(sv);
}
