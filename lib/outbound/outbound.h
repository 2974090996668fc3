/*
 * outbound.h: POST requests over HTTP and HTTPS, many at once: the one door
 * to libcurl. Whoever posts has signed before: nothing here knows a secret
 * (but an Authorization header among the lines).
 *
 * Kept connections, HTTP/2 where offered, no redirects, no protocols but
 * http and https, no proxy of the environment, no .netrc, cookies, Alt-Svc or
 * decompression; certificates are verified, TLS is 1.2 or newer. The address
 * about to be connected to is judged by outbound/guard.h at socket creation,
 * and so is the one of a kept connection before a request goes out on it.
 * One thread's, but for outbound_wake.
 */
#ifndef EYELET_LIB_OUTBOUND_OUTBOUND_H
#define EYELET_LIB_OUTBOUND_OUTBOUND_H

#include <poll.h>
#include <stdint.h>

#include "lib/http/address.h"

#define OUTBOUND_EXCERPT_MAX 2048 /* bytes of a reply's body that are kept */
#define OUTBOUND_READ_MAX (64 * 1024) /* and that are read at all */
#define OUTBOUND_HEADERS_MAX (64 * 1024) /* bytes of a reply's headers */
#define OUTBOUND_LINES_MAX (256 * 1024) /* bytes of a request's headers */
#define OUTBOUND_ADDRESS_MAX 64
#define OUTBOUND_WORDS_MAX 256
#define OUTBOUND_CONNECT_MS 5000

struct outbound;

/* Everything is borrowed until the request's result was taken. */
struct outbound_request {
	const char *url; /* as outbound_url_check made it */
	/*
	 * "Name: value\n" lines. Without a Content-Type none goes out. What
	 * frames the request (Content-Length, Transfer-Encoding, Connection,
	 * Expect, ...) is not the caller's: OUTBOUND_USAGE, as for a line that
	 * is no header or has control bytes in it.
	 */
	struct span headers;
	struct span body;
	int64_t connect_ms, timeout_ms; /* to connect; for all of it */
	const char *ca_file; /* PEM, instead of the system's; or NULL */
	const char *client_cert, *client_key; /* PEM; or NULL */
	/*
	 * Or NULL: none. The guard then judges the proxy's address; where the
	 * proxy connects to it cannot see.
	 */
	const char *proxy;
	bool guarded; /* false: any address (an operator's own test post) */
	const struct address_list *allow; /* blocked ones that are allowed */
	/*
	 * Requests with equal pools have the same allow: what was judged for
	 * one counts for the others for a while. Another allow, another number.
	 */
	uint64_t pool;
	void *arg;
};

enum outbound_class {
	OUTBOUND_ANSWERED, /* any status */
	OUTBOUND_TIMEOUT,
	OUTBOUND_NAME, /* the host's name has no address */
	OUTBOUND_CONNECT, /* refused, unreachable */
	OUTBOUND_BLOCKED, /* the guard; always the same words */
	OUTBOUND_TLS, /* handshake or certificate */
	OUTBOUND_PROTOCOL, /* no HTTP, or it lied or broke off */
	OUTBOUND_USAGE, /* a file that cannot be read, a URL that is none */
	OUTBOUND_FAULT /* of ours: memory, descriptors */
};

struct outbound_result {
	void *arg;
	enum outbound_class class;
	int status; /* ANSWERED */
	int64_t took_us; /* from start to end */
	int64_t retry_after_ms; /* of Retry-After, in seconds or as a date
				   (against now; past: 0); -1: none */
	char address[OUTBOUND_ADDRESS_MAX]; /* who answered, in digits */
	char words[OUTBOUND_WORDS_MAX]; /* inert: why, for all but ANSWERED */
	size_t excerpt_len;
	unsigned char excerpt[OUTBOUND_EXCERPT_MAX]; /* as it came */
	bool cut; /* there was more */
};

/* connections: that are kept at most. ERR_NOMEM. */
int outbound_open(size_t connections, struct outbound **out, struct err *err);
/* Another number of connections than it was opened for. */
void outbound_keep(struct outbound *ob, size_t connections);
void outbound_close(struct outbound *ob); /* ends what is under way; or NULL */

/*
 * Starts a request; its end comes by outbound_next, also for what is wrong
 * with the request itself. ERR_NOMEM: nothing was started.
 */
int outbound_start(
    struct outbound *ob, const struct outbound_request *rq, struct err *err);
size_t outbound_busy(const struct outbound *ob); /* started, not yet taken */

/* A request that has ended; false: none now. */
bool outbound_next(struct outbound *ob, struct outbound_result *out);

/*
 * Sleeps until something can be carried on, a request has ended, one of fds
 * is ready (revents is set), outbound_wake, or timeout_ms (-1: no limit);
 * then carries on what can be. ERR_NOMEM, ERR_IO.
 */
int outbound_poll(struct outbound *ob, struct pollfd *fds, size_t nfds,
    int timeout_ms, struct err *err);
void outbound_wake(struct outbound *ob); /* any thread */

const char *outbound_word(enum outbound_class class); /* "timeout" */

#endif
