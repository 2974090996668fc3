/*
 * impl.h: what the files of the door to libcurl share: one exchange,
 * a request with the handle that carries it and what came back so far.
 */
#ifndef EYELET_LIB_OUTBOUND_IMPL_H
#define EYELET_LIB_OUTBOUND_IMPL_H

#include <curl/curl.h>

#include "lib/outbound/guard.h"
#include "lib/outbound/outbound.h"

#if LIBCURL_VERSION_NUM < 0x075800
#error "libcurl 7.88 is needed: the one before has no CURLU_PUNYCODE"
#endif

#define OUTBOUND_VERDICTS 64 /* a power of two */
#define OUTBOUND_VERDICT_MS 60000 /* this long a verdict counts */

/* For pool's requests this address was allowed. */
struct outbound_verdict {
	char address[OUTBOUND_GUARD_TEXT];
	uint64_t pool;
	int64_t until_ms; /* clock_ms() */
};

struct outbound_watch;

struct outbound_exchange {
	struct outbound *ob;
	struct outbound_exchange *all_next;
	struct outbound_exchange *next; /* of the idle, or of those that end */
	CURL *curl;
	struct outbound_request rq;
	struct buf lines; /* of headers, each with a NUL behind */
	struct curl_slist *nodes; /* one a line; nothing is allocated twice */
	size_t nodes_room;
	int64_t started_us;
	size_t read, headers; /* bytes that came */
	bool answered; /* by a final status line */
	bool over; /* more body than is read */
	bool headers_over;
	bool blocked; /* the guard said no at a socket */
	bool no_socket; /* the system had none */
	bool opened; /* it made a socket of its own, which was judged */
	bool on_own; /* and went out on it */
	bool sent; /* the guard let the request out */
	bool kept_denied; /* the guard said no to a kept connection */
	bool fresh; /* asked for a connection of its own */
	char words[CURL_ERROR_SIZE]; /* libcurl's own, on failure */
	struct outbound_result result;
};

struct outbound {
	CURLM *multi;
	struct outbound_exchange *all, *idle, *done, **done_tail;
	size_t busy;
	size_t connections; /* that are kept, beside those in use */
	int epoll_fd, wake_fd;
	int64_t due_us; /* clock_us(): libcurl is to be asked; INT64_MAX */
	struct outbound_watch *watches; /* by descriptor */
	size_t nwatches;
	struct pollfd *polls; /* a caller's descriptors, and epoll_fd */
	size_t polls_room;
	const char *system_ca, *system_ca_folder; /* libcurl's, or NULL */
	char agent[64];
	struct outbound_verdict verdicts[OUTBOUND_VERDICTS];
};

/* --- outbound/watch.c: which sockets are waited for ----------------------- */

int outbound_watch_open(struct outbound *ob, struct err *err);
void outbound_watch_end(struct outbound *ob);
int outbound_watch_new(struct outbound *ob, int fd); /* a socket is made */
int outbound_watch_close(void *arg, curl_socket_t fd); /* and closed */
/* As outbound_poll: lets libcurl act on what has come. ERR_NOMEM, ERR_IO. */
int outbound_watch_wait(struct outbound *ob, struct pollfd *fds, size_t nfds,
    int timeout_ms, struct err *err);

/* --- outbound/lines.c: what goes out -------------------------------------- */

/*
 * Makes the header list of ex->rq in ex; false: the words are in the result.
 * *list lives until the lines are wiped. ERR_NOMEM.
 */
int outbound_lines(struct outbound_exchange *ex, bool *good,
    struct curl_slist **list, struct err *err);

/* --- outbound/options.c: what a handle is told ---------------------------- */

/* A handle with all that is the same for every request. ERR_NOMEM. */
int outbound_handle(struct outbound_exchange *ex, struct err *err);
/* And what differs. libcurl's own code. */
CURLcode
outbound_options(struct outbound_exchange *ex, struct curl_slist *headers);

/* --- outbound/guarded.c: whom it may go to -------------------------------- */

curl_socket_t
outbound_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address);
int
outbound_before(void *arg, char *to, char *from, int to_port, int from_port);

/* --- outbound/reply.c: what comes back ------------------------------------ */

size_t outbound_take_header(char *ptr, size_t size, size_t n, void *arg);
size_t outbound_take_body(char *ptr, size_t size, size_t n, void *arg);
/* The result of an exchange that libcurl ended with code. */
void outbound_conclude(struct outbound_exchange *ex, CURLcode code);
/* One that libcurl never saw. */
void outbound_refuse(
    struct outbound_exchange *ex, enum outbound_class class, const char *words);

#endif
