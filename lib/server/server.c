/* server.c: starts and stops the owner's side of its socket. */
#include "lib/server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/owner_dir.h"
#include "lib/server/parts.h"

#define GRACE_MS 500 /* for calls to see that their peers are gone */

/* Frees what no thread uses any more. */
static void
free_server(struct server *sv)
{
	if (sv->dir_fd >= 0)
		close(sv->dir_fd);
	if (sv->epoll_fd >= 0)
		close(sv->epoll_fd);
	if (sv->wake_fd >= 0)
		close(sv->wake_fd);
	pthread_cond_destroy(&sv->drained);
	pthread_mutex_destroy(&sv->lock);
	free(sv);
}

static int
open_descriptors(struct server *sv, struct err *err)
{
	struct epoll_event listener = { .events = EPOLLIN,
		.data.ptr = SERVER_LISTENER };
	struct epoll_event wake = { .events = EPOLLIN, .data.ptr = sv };
	struct stat st;

	sv->dir_fd = owner_dir_find(sv->opt.dir, &st, err);
	if (sv->dir_fd < 0)
		return -1;
	if (fstatat(
		sv->dir_fd, OWNER_SOCKET, &sv->socket, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, errno, "look at the socket");
	sv->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sv->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sv->epoll_fd < 0 || sv->wake_fd < 0 ||
	    epoll_ctl(sv->epoll_fd, EPOLL_CTL_ADD, sv->opt.listen_fd,
		&listener) < 0 ||
	    epoll_ctl(sv->epoll_fd, EPOLL_CTL_ADD, sv->wake_fd, &wake) < 0)
		return err_errno(err, errno, "serve the store");
	return 0;
}

int
server_start(
    const struct server_options *opt, struct server **out, struct err *err)
{
	struct server *sv = calloc(1, sizeof(*sv));
	pthread_condattr_t monotonic;
	int ret;

	if (sv == NULL) {
		close(opt->listen_fd);
		return err_set(err, ERR_NOMEM, "no memory for the server");
	}
	sv->opt = *opt;
	if (opt->pager_ms == 0)
		sv->opt.pager_ms = SERVER_PAGER_MS;
	sv->dir_fd = sv->epoll_fd = sv->wake_fd = -1;
	sv->accepts = true;
	sv->receive = opt->receive;
	sv->ops = opt->ops;
	sv->serving = opt->receive != NULL && opt->ops != NULL;
	sv->lonely_ms = clock_ms();
	pthread_mutex_init(&sv->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&sv->drained, &monotonic);
	pthread_condattr_destroy(&monotonic);
	server_pool_init(&sv->calls, sv, server_run_call, SERVER_CALLS_MAX);
	server_pool_init(
	    &sv->requests, sv, server_run_request, SERVER_REQUESTS_MAX);
	if (owner_info_self(opt->role, &sv->self, err) < 0 ||
	    open_descriptors(sv, err) < 0)
		goto fail;
	if (opt->version != NULL)
		snprintf(sv->self.version, sizeof(sv->self.version), "%s",
		    opt->version);
	ret = server_thread(&sv->loop, server_loop, sv);
	if (ret != 0) {
		err_limit(err, ret, "start the server's thread");
		goto fail;
	}
	*out = sv;
	return 0;
fail:
	close(opt->listen_fd);
	server_pool_end(&sv->calls);
	server_pool_end(&sv->requests);
	free_server(sv);
	return -1;
}

void
server_serve(struct server *sv, struct receive *receive, struct ops *ops)
{
	pthread_mutex_lock(&sv->lock);
	sv->receive = receive;
	sv->ops = ops;
	sv->serving = sv->welcomes = true;
	sv->down.code = ERR_NONE;
	server_wake(sv);
	pthread_mutex_unlock(&sv->lock);
}

void
server_down(struct server *sv, const struct err *err)
{
	pthread_mutex_lock(&sv->lock);
	sv->down = *err;
	sv->welcomes = true;
	server_wake(sv);
	pthread_mutex_unlock(&sv->lock);
}

bool
server_heard_front(struct server *sv)
{
	bool heard;

	pthread_mutex_lock(&sv->lock);
	heard = sv->heard_front;
	pthread_mutex_unlock(&sv->lock);
	return heard;
}

size_t
server_clients(struct server *sv, int64_t *idle_s)
{
	size_t n;

	pthread_mutex_lock(&sv->lock);
	n = sv->npeers;
	*idle_s = n > 0 ? 0 : (clock_ms() - sv->lonely_ms) / 1000;
	pthread_mutex_unlock(&sv->lock);
	return n;
}

/* Calls that waited for their peers end now that these are gone. */
static bool
jobs_end(struct server *sv)
{
	struct timespec until = clock_in_ms(GRACE_MS);
	bool done;

	pthread_mutex_lock(&sv->lock);
	while (sv->jobs > 0 &&
	       pthread_cond_timedwait(&sv->drained, &sv->lock, &until) == 0)
		continue;
	done = sv->jobs == 0;
	pthread_mutex_unlock(&sv->lock);
	return done;
}

bool
server_stop(struct server *sv)
{
	if (sv == NULL)
		return true;
	pthread_mutex_lock(&sv->lock);
	sv->stopping = true;
	server_wake(sv);
	pthread_mutex_unlock(&sv->lock);
	pthread_join(sv->loop, NULL);
	if (!jobs_end(sv))
		return false; /* what the jobs stand on has to stay */
	server_pool_end(&sv->calls);
	server_pool_end(&sv->requests);
	free_server(sv);
	return true;
}
