/*
 * conn.h: the connections of web servers: a table of them with a limit, who
 * has each one at the moment, and its deadline. Everything that a request
 * needs hangs from its connection and is used again for the next.
 */
#ifndef EYELET_CGI_CONN_H
#define EYELET_CGI_CONN_H

#include <pthread.h>

#include "cgi/fcgi.h"
#include "cgi/intake.h"
#include "lib/receive/receive.h"

#define CONN_REST_MAX 16384 /* bytes that may be read beyond a request */

enum conn_state {
	CONN_FREE,
	CONN_IDLE, /* epoll has it until the next request's first byte */
	CONN_READING, /* epoll has it until there is more of a request */
	CONN_BUSY, /* a worker, or whoever completes the call, has it */
	CONN_SENDING, /* epoll has it until its answer would be taken */
	CONN_LINGERING /* answered; epoll has it until the peer is gone */
};

/* How far the request of a connection came. */
enum conn_stage {
	CONN_HEAD, /* not all of its parameters, perhaps not a byte, are here */
	CONN_BODY, /* the handler waits for its body, or for want bytes of it */
	CONN_ANSWER, /* it is answered as soon as its body has ended */
	CONN_WHOLE /* all of it was read */
};

struct conn {
	/* Whoever has the connection uses these. */
	struct receive_call call; /* call.arg is the connection */
	struct header headers[REQUEST_HEADERS_MAX];
	struct intake *intake;
	struct fcgi *fcgi;
	struct buf rest; /* bytes behind the request's end */
	struct buf out; /* bytes of its answer that wait to be taken */
	enum conn_stage stage;
	size_t want; /* bytes of its body; less than all when it is too large */
	bool keep; /* the web server wants to use it again */
	bool ours; /* it is the watchdog's */
	void *via; /* what the handler's begin made of the request */
	int64_t began_us; /* when the request's first byte was there */
	int64_t until_ms; /* the end of what it is at */
	void *owner; /* the pool */

	/* Under lock: others look at them, or come from epoll too late. */
	pthread_mutex_t lock;
	enum conn_state state;
	int fd;
	bool in_epoll;
	uint32_t generation; /* tells the connections of one place apart */
	int64_t since_ms; /* in this state since then; at this request */
	size_t charged; /* bytes of memory above its own share */
	int64_t deadline_ms; /* 0: none */
	bool late; /* it passed, and reading was shut down */

	uint32_t index; /* its place in the table; never changes */
	struct conn *next; /* in the list of free ones */
};

struct conn_table;

int conn_table_new(
    void *owner, size_t max, struct conn_table **out, struct err *err);
void conn_table_free(struct conn_table *t); /* closes all; NULL is allowed */

/*
 * Accepts a connection, BUSY for the caller. NULL with err: ERR_AWAY when
 * nobody waits there, else there is no room (ERR_LIMIT) or no descriptor.
 */
struct conn *conn_accept(struct conn_table *t, int listen_fd, struct err *err);
/* The caller has it. Closes its socket; the place is free for another. */
void conn_close(struct conn_table *t, struct conn *c);

bool conn_table_full(struct conn_table *t);

/*
 * The connection of a key, BUSY for the caller; *was is what it waited for.
 * NULL when somebody else has it, or it is another one by now.
 */
struct conn *
conn_claim(struct conn_table *t, uint64_t key, enum conn_state *was);

/*
 * Hands the connection to epoll until events come, as state says; the caller
 * has it no more. deadline_ms 0: it may wait for ever. False when the kernel
 * has no room: the caller still has it, and closes it. late is set from the
 * deadline until the next conn_wait.
 */
bool conn_wait(struct conn *c, int epoll_fd, uint32_t events,
    enum conn_state state, int64_t deadline_ms);

/*
 * Shuts down what is past its deadline: what is READING first for reading, so
 * that an answer can still be given, the others whole. Returns how many.
 */
size_t conn_expire(struct conn_table *t, int64_t now_ms);

/*
 * Of the connections in this state the one that has been longest (READING: that
 * has been at its request longest), BUSY for the caller: it was at all before
 * before_ms. charged: only one that is charged for memory. NULL when there is
 * none.
 */
struct conn *conn_claim_oldest(struct conn_table *t, enum conn_state state,
    int64_t before_ms, bool charged);

/*
 * How many have a request that is not answered yet, or may have one soon. At
 * 0 nobody is in a function of this file any more, but for new connections.
 */
size_t conn_in_hand(struct conn_table *t);

#endif
