/*
 * receive.h: a request in, a reply out: the receiving half of eyelet, step by
 * step as eyelet(7) lists them. Knows HTTP's words, but no web server.
 */
#ifndef EYELET_LIB_RECEIVE_RECEIVE_H
#define EYELET_LIB_RECEIVE_RECEIVE_H

#include "lib/http/reply.h"
#include "lib/http/request.h"
#include "lib/receive/registry.h"

#define RECEIVE_HEAD_MAX 4096 /* bytes read of a body that is too large */

struct receive_options {
	const char *mount; /* "/hooks"; the endpoint's name follows it */
	int64_t body_max; /* bytes, where the endpoint sets none */
	const char *trusted_proxies; /* a list of address.h; NULL or "": none */
	int64_t address_rate; /* requests a second and address; 0: no limit */
	/*
	 * Bytes that packed bodies may unpack to, all that are judged at a
	 * time together; 0: no limit. Stays as it was opened.
	 */
	size_t unpacked_max;
};

struct receive; /* shared by all threads */

int receive_open(const struct receive_options *opt, struct store *st,
    struct registry *rg, struct receive **out, struct err *err);
void receive_close(struct receive *rc); /* no request may be under way */

/*
 * What may fail of a change of options: for receive_configure, which takes it,
 * or receive_limits_put. ERR_INPUT, ERR_NOMEM, ERR_CRYPTO.
 */
struct receive_limits;
int receive_limits_make(const struct receive_options *opt,
    struct receive_limits **out, struct err *err);
void receive_limits_put(struct receive_limits *lm); /* NULL is allowed */

/* For requests that begin from now on, all at once. */
void receive_configure(struct receive *rc, struct receive_limits *lm);

/*
 * One request under way. The front end owns it together with what rq
 * borrows, from receive_begin until done was called (or receive_begin
 * answered at once). done comes in time whatever the disk does, see
 * store_item; nothing of the call is in use afterwards.
 */
struct receive_call {
	/* set by the front end */
	struct request request; /* all but body and now_ms */
	bool has_request_id;
	unsigned char request_id[STORE_REQUEST_ID];
	/* Called once, in any thread, unless _begin or _body said 1. */
	void (*done)(struct receive_call *call);
	void *arg;
	/*
	 * When the store's part is over, clock_ms; 0: STORE_WAIT_MS after
	 * receive_body. A front end that has waited already sets less.
	 */
	int64_t until_ms;

	struct receive_reply reply; /* the answer */

	struct receive_state *state; /* receive's own; NULL between requests */
};

/*
 * Steps 1 and 2: method, path, address, TLS, rates, declared length, doubled
 * headers; and the handshakes that come without a body. Returns 1 when the
 * answer stands in call->reply already; 0 when the body is to be read and
 * receive_body called: request.content_length bytes of it, but *body_max where
 * that is less. Then the body is too large, and what is read of it goes into
 * the quarantine.
 */
int
receive_begin(struct receive *rc, struct receive_call *call, int64_t *body_max);

/*
 * Steps 4 to 7, with request.body read and now_ms set to the time after its
 * last byte. Returns 1 when call->reply is complete; 0 when done will be
 * called (perhaps before this returns).
 */
int receive_body(struct receive *rc, struct receive_call *call);

/* What a front end refuses by itself. */
enum receive_refusal {
	RECEIVE_NO_REQUEST, /* not what a web server sends: 400 */
	RECEIVE_HEADERS, /* more than REQUEST_HEADERS_MAX: 431 */
	RECEIVE_TOO_LARGE, /* more than this process holds: 413 */
	RECEIVE_SHORT_BODY, /* 400 */
	RECEIVE_LATE_BODY, /* 408 */
	RECEIVE_CROWDED /* bodies in hand have all their memory: 503 */
};

/*
 * Instead of receive_body, when the body did not come: ends the call with the
 * reply to one of the last three. One that is too large gets 413 all the same.
 */
void receive_abort(struct receive *rc, struct receive_call *call,
    enum receive_refusal refusal);

/*
 * Instead of receive_body, for another process that has the body: the reply of
 * status RECEIVE_GO_ON has so many bytes as its body, in decimal. The call
 * ends, and is begun anew with the body.
 */
#define RECEIVE_GO_ON 100
void
receive_go_on(struct receive *rc, struct receive_call *call, int64_t body_max);

/*
 * Fills reply for a request that never came as far as receive_begin. why goes
 * to the log alone (made inert here) and may be NULL.
 */
void receive_refuse(
    struct receive_reply *reply, enum receive_refusal refusal, const char *why);

/*
 * Fills reply for a fault of ours (503, Retry-After) that has no request
 * state: the store's owner cannot be reached. log_why is inert.
 */
void receive_fault(struct receive_reply *reply, const char *log_why);

#endif
