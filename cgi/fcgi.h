/*
 * fcgi.h: the door to libfcgi: reads one request of a web server from a
 * connection that somebody else accepted, and writes its answer. Reads block;
 * libfcgi knows no deadline, so whoever wants one shuts the connection down
 * from another thread.
 */
#ifndef EYELET_CGI_FCGI_H
#define EYELET_CGI_FCGI_H

#include "lib/bytes.h"

struct fcgi; /* the state of one connection; used by one thread at a time */

/* Once per process, before anything else here. ERR_IO. */
int fcgi_init(struct err *err);

/* An empty state, for any number of connections one after the other. */
int fcgi_new(struct fcgi **out, struct err *err);
void fcgi_free(struct fcgi *f); /* drops its connection too */

/*
 * Begins with the connection fd. libfcgi closes what it reads from when the
 * peer breaks the protocol, so it gets a duplicate: fd stays the caller's,
 * who may shut it down at any time without hitting a stranger.
 */
int fcgi_attach(struct fcgi *f, int fd, struct err *err);

/*
 * Lets the connection go, but closes not fd itself. What the request held is
 * freed by the next use of f, in a thread that reads: whoever answers has no
 * time for it, and would free what another thread's memory pool gave.
 */
void fcgi_detach(struct fcgi *f);

enum fcgi_head {
	FCGI_HEAD_GONE, /* closed, broken or aborted: no request, no answer */
	FCGI_HEAD_READY
};

/*
 * Reads the head of the next request: its environment as "NAME=value"
 * strings, NULL at the end, in *env. The strings may be changed in place and
 * live until the next fcgi_read_head or fcgi_attach.
 */
enum fcgi_head fcgi_read_head(struct fcgi *f, char ***env);

/* Up to n bytes of body; fewer mean that there will be no more. */
size_t fcgi_read_body(struct fcgi *f, void *to, size_t n);

/* Reads on: does the body end here, in good order, without another byte? */
bool fcgi_body_ends(struct fcgi *f);

/* Did fcgi_body_ends say so of this request? */
bool fcgi_body_was_read(const struct fcgi *f);

/* Would an answer of ordinary size be taken without waiting? */
bool fcgi_writable(const struct fcgi *f);

/*
 * Writes the answer (CGI head and body), which ends the request. True when
 * the web server wants this connection kept and it can be: everything was
 * written and the body was read to its end (fcgi_body_ends said so).
 */
bool fcgi_answer(struct fcgi *f, struct span text);

#endif
