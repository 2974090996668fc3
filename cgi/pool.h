/*
 * pool.h: the threads that serve FastCGI. epoll holds the listening socket
 * and every connection that waits; a few workers read requests and hand them
 * to the handler, and whoever completes a request answers it and gives the
 * connection back. So no thread waits for a disk or for a web server, and
 * hundreds of kept connections, or of slow uploads, need two threads.
 *
 * The handler does occupy a thread while no owner of the store answers. A
 * watchdog adds workers while all of them are stuck there, and ends what takes
 * a web server too long.
 */
#ifndef EYELET_CGI_POOL_H
#define EYELET_CGI_POOL_H

#include "cgi/handler.h"
#include "cgi/log.h"

#define POOL_CONNECTIONS_MAX 4096 /* nobody needs more */
#define POOL_WORKERS_MAX 512 /* with those added while others are stuck */
#define POOL_STUCK_MS 50 /* a worker that is busy so long counts as stuck */

struct pool;

struct pool_options {
	int listen_fd; /* stays the caller's; made non-blocking */
	/*
	 * A pidfd of the web server, -1: of none. As soon as that is gone,
	 * nothing can connect any more: its successor looks whether somebody
	 * listens there, and would wait for ever for one who is about to leave.
	 */
	int parent_fd;
	unsigned workers; /* at least 1 */
	size_t connections; /* at once; each takes a descriptor */
	int64_t upload_ms; /* for a body, from the end of its head */
	struct budget *bodies; /* see serve.h; shared with other ways in */
	struct handler handler;
	struct log *log;
};

int
pool_start(const struct pool_options *opt, struct pool **out, struct err *err);

/* From now on; within a second. */
void pool_set_workers(struct pool *p, unsigned workers);

/* The deadline of bodies whose head comes from now on. */
void pool_set_upload(struct pool *p, int64_t upload_ms);

/*
 * Serves on until no connection has come for quiet_ms, or for most_ms, or
 * until the web server is gone.
 */
void pool_linger(struct pool *p, int64_t quiet_ms, int64_t most_ms);

/*
 * Takes no connection until none has a request in hand, for the next program
 * to take those that wait. Where that is not so within timeout_ms it takes them
 * again: false. A slow upload in hand must not hold up all others.
 */
bool pool_quiesce(struct pool *p, int64_t timeout_ms);

/*
 * Ends gracefully: takes no more connections; returns when every request is
 * answered or timeout_ms passed, true when all are. Closes idle connections.
 */
bool pool_drain(struct pool *p, int64_t timeout_ms);

/* Ends the threads. Only after pool_drain said true. NULL is allowed. */
void pool_free(struct pool *p);

#endif
