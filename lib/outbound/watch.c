/*
 * watch.c: which sockets libcurl waits for, kept in an epoll set.
 *
 * libcurl stops to watch a kept connection after each request and begins
 * again with the next. Two system calls a request are saved by leaving the
 * socket in the set until something happens on it that nobody waits for.
 */
#include "lib/outbound/impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define EVENTS_MAX 128 /* taken from epoll at once */
#define WATCHES_STEP 64

/* One for each descriptor number. */
struct outbound_watch {
	uint32_t in_set; /* events it is in the set for */
	uint32_t wanted; /* events libcurl waits for */
	bool lasting; /* a socket of ours: we hear of its end */
};

static struct outbound_watch *
watch_of(struct outbound *ob, int fd)
{
	size_t need = (size_t)fd + 1, n;
	struct outbound_watch *grown;

	if (need > ob->nwatches) {
		n = need + WATCHES_STEP;
		grown = realloc(ob->watches, n * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		memset(grown + ob->nwatches, 0,
		    (n - ob->nwatches) * sizeof(*grown));
		ob->watches = grown;
		ob->nwatches = n;
	}
	return &ob->watches[fd];
}

static int
put_in_set(struct outbound *ob, int fd, struct outbound_watch *w)
{
	struct epoll_event ev = { .events = w->wanted, .data.fd = fd };
	int op = EPOLL_CTL_MOD;

	if (w->in_set == w->wanted)
		return 0;
	if (w->wanted == 0)
		op = EPOLL_CTL_DEL;
	else if (w->in_set == 0)
		op = EPOLL_CTL_ADD;
	if (epoll_ctl(ob->epoll_fd, op, fd, &ev) < 0)
		return -1;
	w->in_set = w->wanted;
	return 0;
}

/* libcurl wants to know of what on fd, or no longer. */
static int
watch(CURL *curl, curl_socket_t fd, int what, void *arg, void *own)
{
	struct outbound *ob = arg;
	struct outbound_watch *w = watch_of(ob, fd);

	(void)curl;
	(void)own;
	if (w == NULL)
		return -1;
	w->wanted = 0;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		w->wanted |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		w->wanted |= EPOLLOUT;
	if (w->wanted == 0 && w->lasting)
		return 0;
	return put_in_set(ob, fd, w);
}

static int
set_timer(CURLM *multi, long ms, void *arg)
{
	struct outbound *ob = arg;

	(void)multi;
	ob->due_us = ms < 0 ? INT64_MAX : clock_us() + ms * INT64_C(1000);
	return 0;
}

int
outbound_watch_new(struct outbound *ob, int fd)
{
	struct outbound_watch *w = watch_of(ob, fd);

	if (w == NULL)
		return -1;
	*w = (struct outbound_watch){ .lasting = true };
	return 0;
}

int
outbound_watch_close(void *arg, curl_socket_t fd)
{
	struct outbound *ob = arg;

	if ((size_t)fd < ob->nwatches)
		ob->watches[fd] = (struct outbound_watch){ .wanted = 0 };
	return close(fd);
}

int
outbound_watch_open(struct outbound *ob, struct err *err)
{
	struct epoll_event ev = { .events = EPOLLIN };

	ob->due_us = INT64_MAX;
	ob->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (ob->epoll_fd < 0)
		return err_errno(err, errno, "epoll");
	ob->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ob->wake_fd < 0)
		return err_errno(err, errno, "eventfd");
	ev.data.fd = ob->wake_fd;
	if (epoll_ctl(ob->epoll_fd, EPOLL_CTL_ADD, ob->wake_fd, &ev) < 0)
		return err_errno(err, errno, "epoll");
	if (curl_multi_setopt(ob->multi, CURLMOPT_SOCKETFUNCTION, watch) !=
		CURLM_OK ||
	    curl_multi_setopt(ob->multi, CURLMOPT_SOCKETDATA, ob) != CURLM_OK ||
	    curl_multi_setopt(ob->multi, CURLMOPT_TIMERFUNCTION, set_timer) !=
		CURLM_OK ||
	    curl_multi_setopt(ob->multi, CURLMOPT_TIMERDATA, ob) != CURLM_OK)
		return err_set(err, ERR_NOMEM, "no memory to post");
	return 0;
}

void
outbound_watch_end(struct outbound *ob)
{
	if (ob->epoll_fd >= 0)
		close(ob->epoll_fd);
	if (ob->wake_fd >= 0)
		close(ob->wake_fd);
	free(ob->watches);
}

/* --- carrying on ---------------------------------------------------------- */

static CURLMcode
act(struct outbound *ob, int fd, uint32_t events)
{
	struct outbound_watch *w = &ob->watches[fd];
	int running, what = 0;

	if (w->wanted == 0) {
		/* A kept connection: libcurl looks when it uses it again. */
		return put_in_set(ob, fd, w) < 0 ? CURLM_INTERNAL_ERROR
						 : CURLM_OK;
	}
	if ((events & EPOLLIN) != 0)
		what |= CURL_CSELECT_IN;
	if ((events & EPOLLOUT) != 0)
		what |= CURL_CSELECT_OUT;
	if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		what |= CURL_CSELECT_ERR;
	return curl_multi_socket_action(ob->multi, fd, what, &running);
}

static void
drain(struct outbound *ob)
{
	uint64_t count;

	while (read(ob->wake_fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

/* Up to timeout_ms; how many there are goes to the caller's array. */
static int
wait_for_events(
    struct outbound *ob, struct epoll_event *events, int timeout_ms, int *n)
{
	*n = epoll_wait(ob->epoll_fd, events, EVENTS_MAX, timeout_ms);
	if (*n < 0 && errno != EINTR)
		return -1;
	if (*n < 0)
		*n = 0;
	return 0;
}

static int
carry_on(struct outbound *ob, int timeout_ms, struct err *err)
{
	struct epoll_event events[EVENTS_MAX];
	CURLMcode code = CURLM_OK;
	int n, i, running;

	if (wait_for_events(ob, events, timeout_ms, &n) < 0)
		return err_errno(err, errno, "wait for replies");
	for (i = 0; i < n && code == CURLM_OK; i++) {
		if (events[i].data.fd == ob->wake_fd)
			drain(ob);
		else
			code = act(ob, events[i].data.fd, events[i].events);
	}
	if (code == CURLM_OK && clock_us() >= ob->due_us) {
		/* Used up: libcurl says when there is another, not if none. */
		ob->due_us = INT64_MAX;
		code = curl_multi_socket_action(
		    ob->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	if (code == CURLM_OK)
		return 0;
	return err_set(err, code == CURLM_OUT_OF_MEMORY ? ERR_NOMEM : ERR_IO,
	    "carry on posts: %s", curl_multi_strerror(code));
}

/* --- sleeping ------------------------------------------------------------- */

/* The time until libcurl wants to be asked, at most timeout_ms; -1: never. */
static int
until_due(const struct outbound *ob, int timeout_ms)
{
	int64_t ms;

	if (ob->done != NULL)
		return 0;
	if (ob->due_us == INT64_MAX)
		return timeout_ms;
	ms = (ob->due_us - clock_us() + 999) / 1000;
	if (ms < 0)
		ms = 0;
	return timeout_ms < 0 || ms < timeout_ms ? (int)ms : timeout_ms;
}

static int
poll_all(struct outbound *ob, struct pollfd *fds, size_t nfds, int timeout_ms,
    struct err *err)
{
	struct pollfd *grown;
	size_t i;

	if (nfds + 1 > ob->polls_room) {
		grown = realloc(ob->polls, (nfds + 1) * sizeof(*grown));
		if (grown == NULL)
			return err_set(
			    err, ERR_NOMEM, "no memory to wait for %zu", nfds);
		ob->polls = grown;
		ob->polls_room = nfds + 1;
	}
	memcpy(ob->polls, fds, nfds * sizeof(*fds));
	ob->polls[nfds] =
	    (struct pollfd){ .fd = ob->epoll_fd, .events = POLLIN };
	if (poll(ob->polls, nfds + 1, timeout_ms) < 0) {
		if (errno != EINTR)
			return err_errno(err, errno, "poll");
		for (i = 0; i < nfds; i++)
			ob->polls[i].revents = 0;
	}
	for (i = 0; i < nfds; i++)
		fds[i].revents = ob->polls[i].revents;
	return 0;
}

int
outbound_watch_wait(struct outbound *ob, struct pollfd *fds, size_t nfds,
    int timeout_ms, struct err *err)
{
	timeout_ms = until_due(ob, timeout_ms);
	if (nfds > 0) {
		if (poll_all(ob, fds, nfds, timeout_ms, err) < 0)
			return -1;
		timeout_ms = 0;
	}
	return carry_on(ob, timeout_ms, err);
}

void
outbound_wake(struct outbound *ob)
{
	uint64_t one = 1;
	ssize_t n;

	/* It fails only when the counter is full: the loop is awake then. */
	do
		n = write(ob->wake_fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}
