/*
 * serve.h: one request of a connection, from its first byte to its answer,
 * whoever completes it. Nothing here waits for a web server: what has to is
 * left to epoll; see conn.h for who has a connection when. Each function gives
 * the connection away.
 *
 * Memory: each connection has its share, in which an ordinary webhook fits;
 * what is above all shares together has one limit (receive.bodies_max), which
 * counts until the request is answered. A request that would pass it has the
 * upload that began longest ago end with 503, and goes on.
 */
#ifndef EYELET_CGI_SERVE_H
#define EYELET_CGI_SERVE_H

#include <stdatomic.h>

#include "cgi/conn.h"
#include "cgi/handler.h"
#include "cgi/log.h"
#include "lib/base/budget.h"

#define SERVE_HEAD_MS                                           \
	10000 /* from a request's first byte to its last header \
	       */
#define SERVE_SEND_MS 10000 /* for a web server to take an answer */
#define SERVE_LINGER_MS 2000 /* to close after one it did not wait for */
#define SERVE_SHARE (64 * 1024) /* bytes for each connection's request */

/* What all connections of a pool share. */
struct serving {
	struct conn_table *table; /* its owner is this struct */
	int epoll_fd;
	struct handler handler;
	struct log *log;
	_Atomic int64_t upload_ms; /* for a body, from the end of its head */
	struct budget *bodies; /* bytes charged to connections */
	atomic_bool ending; /* connections are closed instead of kept */
};

/* A connection that may have something to read: reads and handles it. */
void serve(struct serving *s, struct conn *c);

/* One that was SENDING and can be written to now. */
void serve_send(struct serving *s, struct conn *c);

/* One that was LINGERING: throws away what came. */
void serve_drop(struct serving *s, struct conn *c);

/* One that has nothing to read yet. */
void serve_idle(struct serving *s, struct conn *c);

/*
 * Ends the request that is being READ since longest, if it is since before_ms:
 * others need its room. charged: only one that has more memory than its share.
 * False when there is none. Answers it with 503 where that can be.
 */
bool serve_evict(struct serving *s, int64_t before_ms, bool charged);

#endif
