/* guarded.c: holds each connection against the guard. */
#include "lib/outbound/impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/crc32.h"

/* Where the verdict for an address and a pool would stand. */
static struct outbound_verdict *
verdict_at(struct outbound_exchange *ex, const char *address)
{
	uint64_t pool = ex->rq.pool;
	uint32_t sum = crc32_of(span_str(address));

	return &ex->ob->verdicts[(sum ^ pool) % OUTBOUND_VERDICTS];
}

static void
note_allowed(struct outbound_exchange *ex, const char *address)
{
	struct outbound_verdict *v = verdict_at(ex, address);

	snprintf(v->address, sizeof(v->address), "%s", address);
	v->pool = ex->rq.pool;
	v->until_ms = clock_ms() + OUTBOUND_VERDICT_MS;
}

static bool
was_allowed(struct outbound_exchange *ex, const char *address)
{
	const struct outbound_verdict *v = verdict_at(ex, address);

	return v->pool == ex->rq.pool && strcmp(v->address, address) == 0 &&
	       clock_ms() < v->until_ms;
}

static bool
judge(struct outbound_exchange *ex, const struct sockaddr *sa)
{
	char text[OUTBOUND_GUARD_TEXT];

	if (!ex->rq.guarded)
		return true;
	if (!outbound_guard_allows(sa, ex->rq.allow)) {
		/* No descriptor to ask by is no verdict. */
		if (errno == EMFILE || errno == ENFILE)
			ex->no_socket = true;
		else
			ex->blocked = true;
		return false;
	}
	outbound_guard_text(sa, text);
	note_allowed(ex, text);
	return true;
}

/* For each address that is tried; a bad socket makes libcurl try the next. */
curl_socket_t
outbound_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct outbound_exchange *ex = arg;
	int fd;

	(void)purpose;
	if (!judge(ex, &address->addr))
		return CURL_SOCKET_BAD;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
	if (fd >= 0 && outbound_watch_new(ex->ob, fd) < 0) {
		close(fd);
		fd = -1;
	}
	if (fd < 0) {
		ex->no_socket = true;
		return CURL_SOCKET_BAD;
	}
	ex->opened = true;
	return fd;
}

/*
 * Before a request goes out. Its connection may be one that another request
 * opened, by another list or before the list was changed.
 */
int
outbound_before(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct outbound_exchange *ex = arg;
	struct sockaddr_storage ss;

	(void)from;
	(void)to_port;
	(void)from_port;
	ex->sent = true;
	ex->on_own = ex->opened;
	ex->opened = false; /* should libcurl try again by itself */
	if (!ex->rq.guarded || was_allowed(ex, to))
		return CURL_PREREQFUNC_OK;
	if (outbound_guard_read(to, &ss) &&
	    outbound_guard_allows((struct sockaddr *)&ss, ex->rq.allow)) {
		note_allowed(ex, to);
		return CURL_PREREQFUNC_OK;
	}
	ex->sent = false;
	ex->kept_denied = true;
	return CURL_PREREQFUNC_ABORT;
}
