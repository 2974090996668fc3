/*
 * serve.h: one request of a connection, from its first byte to its answer,
 * whoever completes it. What waits is left to epoll; see conn.h for who has a
 * connection when. Each function gives the connection away.
 */
#ifndef EYELET_CGI_SERVE_H
#define EYELET_CGI_SERVE_H

#include <stdatomic.h>

#include "cgi/conn.h"
#include "cgi/handler.h"
#include "cgi/log.h"

#define SERVE_HEAD_MS                                           \
	10000 /* from a request's first byte to its last header \
	       */
#define SERVE_SEND_MS 10000 /* for a web server to take an answer */
#define SERVE_LINGER_MS 2000 /* to close after one it did not wait for */
#define SERVE_BODY_KEPT (16 * 1024) /* memory of a body, kept for the next */

/* What all connections of a pool share. */
struct serving {
	struct conn_table *table; /* its owner is this struct */
	int epoll_fd;
	struct handler handler;
	struct log *log;
	int64_t upload_ms; /* for a body, from the end of its head */
	atomic_bool ending; /* connections are closed instead of kept */
};

/* A connection that has something to read: reads and handles a request. */
void serve(struct serving *s, struct conn *c);

/* One that was SENDING and can be written to now. */
void serve_send(struct serving *s, struct conn *c);

/* One that was LINGERING: throws away what came. */
void serve_drop(struct serving *s, struct conn *c);

/* One that has nothing to read yet. */
void serve_idle(struct serving *s, struct conn *c);

#endif
