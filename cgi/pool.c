/* pool.c: serves FastCGI connections with a few threads. */
#include "cgi/pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgi/conn.h"
#include "cgi/serve.h"
#include "lib/base/clock.h"

/* Keys of epoll that are no connection's (conn_key's index is small). */
#define KEY_LISTEN UINT64_MAX
#define KEY_END (UINT64_MAX - 1)
#define KEY_PARENT (UINT64_MAX - 2)

#define ACCEPTS_MAX 16 /* in a row, before others get their turn */
#define WORKER_STACK (512 * 1024)
#define WATCH_LIVELY_MS                                      \
	20 /* the watchdog's pace while workers are busy ... \
	    */
#define WATCH_QUIET_MS 500 /* ... and when none was for WATCH_LINGER_MS */
#define WATCH_LINGER_MS 1000
#define EXPIRE_EVERY_MS 200
#define IDLE_SPARED_MS 1000 /* a connection idle for less is never evicted */
#define UPLOAD_SPARED_MS 1000 /* nor is an upload that is so young, ... */
#define LINGER_SPARED_MS 200 /* ... nor one that was answered so lately */
#define END_SPARED_MS 1000 /* nor closed in the end */
#define CROWDED_LOOK_MS                                       \
	1000 /* how often an idle worker asks if it may leave \
	      */

struct worker {
	struct pool *pool;
	atomic_bool taken;
	_Atomic int64_t busy_since_ms; /* 0: waits in epoll */
};

struct pool {
	struct pool_options opt;
	struct serving serving;
	int end_fd;

	atomic_bool paused; /* the listening socket is out of epoll */
	atomic_bool orphaned; /* and shut down, as the web server is gone */
	atomic_uint accepted; /* connections */

	atomic_uint waiting; /* workers in epoll_wait */
	atomic_bool crowded; /* more workers run than are wanted */
	atomic_int surplus; /* so many may leave now */
	atomic_bool quiet; /* the watchdog sleeps long: wake it when stuck */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t watch; /* the watchdog's */
	pthread_cond_t left; /* a thread ended */
	unsigned wanted, workers; /* as set, and as running now */
	bool watchdog; /* running */
	bool ending;

	struct worker places[POOL_WORKERS_MAX];
};

/* --- workers ------------------------------------------------------------- */

static void
wake_watchdog(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	if (atomic_exchange(&p->quiet, false))
		pthread_cond_signal(&p->watch);
	pthread_mutex_unlock(&p->lock);
}

static int
listen_in_epoll(struct pool *p, int op)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = KEY_LISTEN };

	return epoll_ctl(p->serving.epoll_fd, op, p->opt.listen_fd, &ev);
}

/* The watchdog takes it up again when there is room. */
static void
pause_accepting(struct pool *p)
{
	if (atomic_exchange(&p->paused, true))
		return;
	listen_in_epoll(p, EPOLL_CTL_DEL);
	wake_watchdog(p);
}

static bool
accept_one(struct pool *p)
{
	struct err err = ERR_INIT;
	struct conn *c;

	c = conn_accept(p->serving.table, p->opt.listen_fd, &err);
	if (c == NULL) {
		if (err.code != ERR_AWAY)
			pause_accepting(p);
		return false;
	}
	atomic_fetch_add(&p->accepted, 1);
	serve(&p->serving, c);
	return true;
}

/*
 * Where a web server opens a connection for each request, asking epoll in
 * between costs more than finding nobody now and then.
 */
static void
accept_some(struct pool *p)
{
	int i = 0;

	while (i < ACCEPTS_MAX && !p->serving.ending && accept_one(p))
		i++;
}

static void
go_on(struct pool *p, uint64_t key)
{
	enum conn_state was;
	struct conn *c = conn_claim(p->serving.table, key, &was);

	if (c == NULL)
		return;
	switch (was) {
	case CONN_IDLE:
	case CONN_READING:
		serve(&p->serving, c);
		break;
	case CONN_SENDING:
		serve_send(&p->serving, c);
		break;
	case CONN_LINGERING:
		serve_drop(&p->serving, c);
		break;
	case CONN_FREE:
	case CONN_BUSY:
		abort(); /* nobody waits in these */
	}
}

static void
lose_parent(struct pool *p)
{
	if (atomic_exchange(&p->orphaned, true))
		return;
	/* connect() is refused from here on, and others' accept() fails. */
	shutdown(p->opt.listen_fd, SHUT_RDWR);
	listen_in_epoll(p, EPOLL_CTL_DEL);
	epoll_ctl(p->serving.epoll_fd, EPOLL_CTL_DEL, p->opt.parent_fd, NULL);
}

/* May this worker leave? Each place of the surplus is taken once. */
static bool
take_surplus(struct pool *p)
{
	int n = p->surplus;

	while (n > 0)
		if (atomic_compare_exchange_weak(&p->surplus, &n, n - 1))
			return true;
	return false;
}

static void *
work(void *arg)
{
	struct worker *self = arg;
	struct pool *p = self->pool;
	struct epoll_event ev;
	int n;

	pthread_setname_np(pthread_self(), "fcgi-worker");
	for (;;) {
		atomic_fetch_add(&p->waiting, 1);
		self->busy_since_ms = 0;
		n = epoll_wait(p->serving.epoll_fd, &ev, 1,
		    p->crowded ? CROWDED_LOOK_MS : -1);
		self->busy_since_ms = clock_ms();
		if (atomic_fetch_sub(&p->waiting, 1) == 1 && p->quiet)
			wake_watchdog(p);
		if (n == 1 && ev.data.u64 == KEY_END)
			break;
		if (n == 1 && ev.data.u64 == KEY_PARENT)
			lose_parent(p);
		else if (n == 1 && ev.data.u64 == KEY_LISTEN)
			accept_some(p);
		else if (n == 1)
			go_on(p, ev.data.u64);
		if (take_surplus(p))
			break;
	}
	pthread_mutex_lock(&p->lock);
	self->taken = false;
	p->workers--;
	pthread_cond_broadcast(&p->left);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int
start_thread(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	int failed;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	failed = pthread_create(&thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return failed;
}

/* Holding lock. Returns 0 or an errno. */
static int
add_worker(struct pool *p)
{
	struct worker *w = p->places;
	int failed;

	assert(p->workers < POOL_WORKERS_MAX);
	while (w->taken)
		w++;
	w->pool = p;
	w->busy_since_ms = 0;
	w->taken = true;
	failed = start_thread(work, w);
	if (failed != 0)
		w->taken = false;
	else
		p->workers++;
	return failed;
}

/* --- the watchdog -------------------------------------------------------- */

/* Workers that have been at one request for longer than one should take. */
static unsigned
count_stuck(struct pool *p, int64_t now_ms)
{
	unsigned i, n = 0;
	int64_t since;

	for (i = 0; i < POOL_WORKERS_MAX; i++) {
		since = p->places[i].taken ? p->places[i].busy_since_ms : 0;
		if (since != 0 && now_ms - since >= POOL_STUCK_MS)
			n++;
	}
	return n;
}

/*
 * Holding lock. While all are stuck their number doubles at each look, so that
 * hundreds of requests that wait for the store's owner do not wait for each
 * other. What is not needed any more leaves of itself, see take_surplus.
 */
static void
balance(struct pool *p, int64_t now_ms)
{
	unsigned stuck = count_stuck(p, now_ms), wanted = p->wanted, able, aim;

	able = p->workers - (stuck < p->workers ? stuck : p->workers);
	aim = able == 0 && p->workers >= wanted ? 2 * p->workers : wanted;
	if (aim > POOL_WORKERS_MAX)
		aim = POOL_WORKERS_MAX;
	while (p->workers < aim && add_worker(p) == 0)
		continue;
	p->surplus = able > wanted ? (int)(able - wanted) : 0;
	p->crowded = p->workers > wanted;
}

static bool
has_input(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/*
 * Closes what has waited longest for a request, if it waits still. True when
 * there was one that had waited since idle_before_ms.
 */
static bool
close_idle(struct pool *p, int64_t idle_before_ms)
{
	struct conn *c = conn_claim_oldest(
	    p->serving.table, CONN_IDLE, idle_before_ms, false);

	if (c == NULL)
		return false;
	if (has_input(c->fd))
		serve_idle(&p->serving, c); /* a worker takes it at once */
	else
		conn_close(p->serving.table, c);
	return true;
}

/* Closes what is answered, and only waits for its web server to close. */
static bool
close_lingering(struct pool *p, int64_t before_ms)
{
	struct conn *c;

	c = conn_claim_oldest(
	    p->serving.table, CONN_LINGERING, before_ms, false);
	if (c != NULL)
		conn_close(p->serving.table, c);
	return c != NULL;
}

/* The least harm first: an upload has to be sent again. */
static bool
make_place(struct pool *p, int64_t now_ms)
{
	return close_lingering(p, now_ms - LINGER_SPARED_MS) ||
	       close_idle(p, now_ms - IDLE_SPARED_MS) ||
	       serve_evict(&p->serving, now_ms - UPLOAD_SPARED_MS, false);
}

static void
resume_accepting(struct pool *p, int64_t now_ms)
{
	int n;

	if (!p->paused)
		return;
	/* Without a descriptor there may be places enough: one at a time. */
	n = conn_table_full(p->serving.table) ? ACCEPTS_MAX : 1;
	while (n-- > 0 && make_place(p, now_ms))
		continue;
	if (conn_table_full(p->serving.table))
		return;
	p->paused = false;
	if (!p->serving.ending && !p->orphaned)
		listen_in_epoll(p, EPOLL_CTL_ADD);
}

static void *
watch(void *arg)
{
	struct pool *p = arg;
	int64_t now_ms, expired_at_ms = 0, lively_at_ms = 0;
	struct timespec until;

	pthread_setname_np(pthread_self(), "fcgi-watchdog");
	pthread_mutex_lock(&p->lock);
	while (!p->ending) {
		now_ms = clock_ms();
		balance(p, now_ms);
		if (p->waiting < p->workers || p->paused)
			lively_at_ms = now_ms;
		if (now_ms - expired_at_ms >= EXPIRE_EVERY_MS) {
			expired_at_ms = now_ms;
			conn_expire(p->serving.table, now_ms);
		}
		resume_accepting(p, now_ms);
		p->quiet = now_ms - lively_at_ms > WATCH_LINGER_MS;
		until =
		    clock_in_ms(p->quiet ? WATCH_QUIET_MS : WATCH_LIVELY_MS);
		pthread_cond_timedwait(&p->watch, &p->lock, &until);
	}
	p->watchdog = false;
	pthread_cond_broadcast(&p->left);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* --- starting, ending ---------------------------------------------------- */

static void
init_locks(struct pool *p)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->watch, &monotonic);
	pthread_cond_init(&p->left, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

static int
open_epoll(struct pool *p, struct err *err)
{
	struct epoll_event end = { .events = EPOLLIN, .data.u64 = KEY_END };
	struct epoll_event gone = { .events = EPOLLIN, .data.u64 = KEY_PARENT };
	int flags = fcntl(p->opt.listen_fd, F_GETFL);

	p->serving.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	p->end_fd = eventfd(0, EFD_CLOEXEC);
	if (p->serving.epoll_fd < 0 || p->end_fd < 0 ||
	    epoll_ctl(p->serving.epoll_fd, EPOLL_CTL_ADD, p->end_fd, &end) <
		0 ||
	    (p->opt.parent_fd >= 0 &&
		epoll_ctl(p->serving.epoll_fd, EPOLL_CTL_ADD, p->opt.parent_fd,
		    &gone) < 0))
		return err_errno(err, errno, "make an epoll");
	/* Shared with whoever else accepts there, which does no harm. */
	if (flags < 0 ||
	    fcntl(p->opt.listen_fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    listen_in_epoll(p, EPOLL_CTL_ADD) < 0)
		return err_errno(err, errno, "wait for connections");
	return 0;
}

static int
start_threads(struct pool *p, struct err *err)
{
	int failed = 0;

	pthread_mutex_lock(&p->lock);
	while (failed == 0 && p->workers < p->wanted)
		failed = add_worker(p);
	if (failed == 0) {
		failed = start_thread(watch, p);
		p->watchdog = failed == 0;
	}
	pthread_mutex_unlock(&p->lock);
	return failed == 0 ? 0 : err_limit(err, failed, "start a thread");
}

int
pool_start(const struct pool_options *opt, struct pool **out, struct err *err)
{
	struct pool *p = calloc(1, sizeof(*p));

	assert(opt->workers >= 1 && opt->workers < POOL_WORKERS_MAX);
	assert(opt->connections >= 1);
	if (p == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a pool");
	p->opt = *opt;
	p->wanted = opt->workers;
	p->serving.handler = opt->handler;
	p->serving.log = opt->log;
	p->serving.upload_ms = opt->upload_ms;
	p->serving.bodies = opt->bodies;
	p->serving.epoll_fd = p->end_fd = -1;
	init_locks(p);
	if (conn_table_new(
		&p->serving, opt->connections, &p->serving.table, err) < 0 ||
	    open_epoll(p, err) < 0 || start_threads(p, err) < 0) {
		pool_free(p);
		return -1;
	}
	*out = p;
	return 0;
}

void
pool_set_workers(struct pool *p, unsigned workers)
{
	assert(workers >= 1 && workers < POOL_WORKERS_MAX);
	pthread_mutex_lock(&p->lock);
	p->wanted = workers;
	pthread_cond_signal(&p->watch);
	pthread_mutex_unlock(&p->lock);
}

void
pool_set_upload(struct pool *p, int64_t upload_ms)
{
	p->serving.upload_ms = upload_ms;
}

void
pool_linger(struct pool *p, int64_t quiet_ms, int64_t most_ms)
{
	int64_t now_ms = clock_ms(), until_ms = now_ms + most_ms;
	int64_t quiet_at_ms = now_ms + quiet_ms;
	struct pollfd waiting = { p->opt.listen_fd, POLLIN, 0 };
	struct timespec nap = { 0, 2000000 };
	unsigned seen = p->accepted;

	while (!p->orphaned && now_ms < quiet_at_ms && now_ms < until_ms) {
		nanosleep(&nap, NULL);
		now_ms = clock_ms();
		if (p->accepted != seen || poll(&waiting, 1, 0) == 1)
			quiet_at_ms = now_ms + quiet_ms;
		seen = p->accepted;
	}
}

/* No more are accepted; those who are at it are done when none is in hand. */
static void
stop_accepting(struct pool *p)
{
	p->serving.ending = true;
	if (!p->orphaned)
		listen_in_epoll(p, EPOLL_CTL_DEL);
}

/* No request is in hand, and no worker is about to accept one. */
static bool
is_calm(struct pool *p)
{
	bool all_wait;

	pthread_mutex_lock(&p->lock);
	all_wait = p->waiting >= p->workers;
	pthread_mutex_unlock(&p->lock);
	return all_wait && conn_in_hand(p->serving.table) == 0;
}

/* Until no request is in hand; false when the time is up. */
static bool
wait_for_calm(struct pool *p, int64_t timeout_ms)
{
	int64_t until_ms = clock_ms() + timeout_ms;
	struct timespec nap = { 0, 5000000 };

	while (!is_calm(p)) {
		if (clock_ms() >= until_ms)
			return false;
		/* Whoever has only just connected is about to send. */
		while (close_idle(p, clock_ms() - END_SPARED_MS))
			continue;
		nanosleep(&nap, NULL);
	}
	return true;
}

bool
pool_quiesce(struct pool *p, int64_t timeout_ms)
{
	stop_accepting(p);
	if (wait_for_calm(p, timeout_ms))
		return true;
	p->serving.ending = false;
	if (!p->orphaned && !p->paused)
		listen_in_epoll(p, EPOLL_CTL_ADD);
	return false;
}

bool
pool_drain(struct pool *p, int64_t timeout_ms)
{
	stop_accepting(p);
	return wait_for_calm(p, timeout_ms);
}

void
pool_free(struct pool *p)
{
	uint64_t one = 1;

	if (p == NULL)
		return;
	if (p->end_fd >= 0 && write(p->end_fd, &one, sizeof(one)) < 0)
		abort();
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_signal(&p->watch);
	while (p->workers > 0 || p->watchdog)
		pthread_cond_wait(&p->left, &p->lock);
	pthread_mutex_unlock(&p->lock);
	conn_table_free(p->serving.table);
	if (p->serving.epoll_fd >= 0)
		close(p->serving.epoll_fd);
	if (p->end_fd >= 0)
		close(p->end_fd);
	pthread_cond_destroy(&p->watch);
	pthread_cond_destroy(&p->left);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
