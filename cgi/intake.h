/*
 * intake.h: what a web server sends over a connection (FastCGI specification
 * 1.0), checked record by record and put together to requests. Bytes go in as
 * they come; every length of a record and of a name-value pair is held against
 * its limit before anything is done by it. Pure: no input, no output, no clock.
 *
 * One request at a time: another that begins meanwhile is told so
 * (FCGI_CANT_MPX_CONN), and what belongs to other ids is passed over.
 */
#ifndef EYELET_CGI_INTAKE_H
#define EYELET_CGI_INTAKE_H

#include "lib/base/bytes.h"

#define INTAKE_PARAMS_MAX (1024 * 1024) /* bytes of all name-value pairs */
#define INTAKE_PAIRS_MAX 16384 /* of them in a request */
#define INTAKE_PAIR_COST 48 /* bytes that each takes beside its own */
#define INTAKE_VALUES_MAX 512 /* bytes of an FCGI_GET_VALUES record */
#define INTAKE_REPLY_MAX 72 /* bytes of an answer to one record */
#define INTAKE_KEPT 16384 /* bytes of memory that the next request finds */

struct intake; /* the state of one connection; used by one thread at a time */

enum intake_event {
	INTAKE_MORE, /* all bytes were used, more are needed */
	INTAKE_REPLY, /* a record wants an answer: intake_reply */
	INTAKE_CROWDED, /* the memory allowed does not suffice: intake_allow */
	INTAKE_HEAD, /* all parameters are here: intake_head */
	INTAKE_END, /* the body came to its end: intake_body */
	INTAKE_EXCESS, /* there is more of a body than intake_expect said, which
			  is in intake_body */
	INTAKE_ABORTED, /* the web server takes its request back */
	INTAKE_BROKEN /* no FastCGI: nothing more can be read here */
};

int intake_new(size_t body_max, struct intake **out, struct err *err);
void intake_free(struct intake *in); /* NULL is allowed */

/* The connection is no more: it is as new for another. */
void intake_reset(struct intake *in);

/*
 * Takes bytes until something happens, and leaves the others in *bytes. After
 * REPLY, CROWDED and HEAD it can be called again for the same request; after
 * END and EXCESS only once intake_next was; after ABORTED and BROKEN never.
 */
enum intake_event intake_take(struct intake *in, struct span *bytes);

/* Is there no request, nor a part of one? */
bool intake_is_idle(const struct intake *in);

/*
 * How many bytes of memory it may hold, and how many it holds, or needs to go
 * on. What intake_head gave counts until the request's end: libfcgi copies it.
 */
void intake_allow(struct intake *in, size_t bytes);
size_t intake_needs(const struct intake *in);

/* After REPLY: the bytes to write to the web server. Valid until the next take.
 */
struct span intake_reply(const struct intake *in);

/* A request whose parameters are here. */
struct intake_head {
	unsigned id; /* 1 to 65535; 0 before it began */
	unsigned role;
	bool keep; /* the web server wants to use the connection again */
	struct span params; /* whole pairs, until intake_expect */
};

/*
 * After HEAD; after CROWDED, to refuse it. -1 with err: the pairs are too many
 * or too long (ERR_LIMIT; what came after is unread), or one holds a NUL byte
 * (ERR_INPUT), which would end it early in a CGI environment. Then params is
 * empty, the rest is set.
 */
int
intake_head(const struct intake *in, struct intake_head *head, struct err *err);

/* After intake_head, which was copied: so much body may come. */
void intake_expect(struct intake *in, size_t bytes);

/* The part of the body that has arrived. Valid until intake_next. */
struct span intake_body(const struct intake *in);

/* The request is answered. After END the connection's next can be taken. */
void intake_next(struct intake *in);

#endif
