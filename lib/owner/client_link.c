/* client_link.c: frames to and from the owner, and its silence. */
#include "lib/owner/client_link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/owner/stall.h"

#define ROOM_KEPT 65536 /* bytes of a buffer that stay between frames */
#define STEP_MAX_MS 2000 /* between two looks, more is not counted */
#define SILENT_MS 2000 /* without a sign of life: the owner may be stalled */

void
client_link_init(struct client_link *l, const struct client_options *opt)
{
	memset(l, 0, sizeof(*l));
	l->opt = *opt;
	l->stall_ms = opt->stall_ms > 0 ? opt->stall_ms : STALL_LIMIT_MS;
	l->fd = -1;
	l->in.max = FRAME_MAX + FRAME_HEAD;
	l->launch = (struct launch)LAUNCH_INIT;
}

void
client_link_drop(struct client_link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	buf_wipe(&l->in); /* either may hold a secret */
	buf_wipe(&l->out);
	l->used = l->sent = 0;
}

void
client_link_end(struct client_link *l)
{
	client_link_drop(l);
	launch_forget(&l->launch);
}

/* --- bytes ---------------------------------------------------------------- */

void
client_link_send(struct client_link *l, struct buf *bytes)
{
	buf_wipe(&l->out);
	l->out = *bytes;
	l->sent = 0;
	memset(bytes, 0, sizeof(*bytes));
}

/* What goes next: no frame into another one. */
static struct span
next_bytes(const struct client_link *l)
{
	static const unsigned char ping[FRAME_HEAD] = { 0, 0, 0, 2,
		FRAME_VERSION, FRAME_PING };
	struct span rest = span_of(ping, FRAME_HEAD);

	rest = span_skip(rest, FRAME_HEAD - l->ping_left);
	if (l->sent == l->out.len ||
	    (l->ping_left > 0 && l->ping_left < FRAME_HEAD))
		return rest;
	return span_skip(buf_span(&l->out), l->sent);
}

static void
sent_bytes(struct client_link *l, size_t n)
{
	if (l->sent == l->out.len ||
	    (l->ping_left > 0 && l->ping_left < FRAME_HEAD))
		l->ping_left -= n;
	else
		l->sent += n;
	if (l->sent == l->out.len) {
		buf_wipe(&l->out);
		l->sent = 0;
	}
}

/* Sends what it takes at once. */
static void
send_some(struct client_link *l)
{
	struct span next;
	ssize_t n;

	while (!l->deaf && (next = next_bytes(l)).len > 0) {
		n = send(l->fd, next.ptr, next.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		/* It may have said why before it closed: that is read yet. */
		if (n < 0)
			l->deaf = true;
		else
			sent_bytes(l, (size_t)n);
	}
}

/* Reads what is there. 1; 0: the connection has ended; -1. */
static int
read_some(struct client_link *l, struct err *err)
{
	size_t total;
	ssize_t n;

	if (frame_total(buf_span(&l->in), &total, err) < 0 ||
	    frame_room(&l->in, total, err) < 0)
		return -1;
	do
		n = recv(
		    l->fd, l->in.ptr + l->in.len, l->in.room - l->in.len, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 1;
	if (n <= 0)
		return 0;
	l->in.len += (size_t)n;
	l->silent_ms = 0;
	return 1;
}

void
client_link_forget(struct client_link *l)
{
	if (l->used == 0)
		return;
	l->in.len -= l->used;
	memmove(l->in.ptr, l->in.ptr + l->used, l->in.len);
	bytes_wipe(l->in.ptr + l->in.len, l->used);
	if (l->in.len == 0 && l->in.room > ROOM_KEPT)
		buf_free(&l->in);
	l->used = 0;
}

/* --- silence -------------------------------------------------------------- */

/* How long a silent owner is waited for. */
static int64_t
patience_ms(const struct client_link *l)
{
	return l->opt.role == CLIENT_ADMIN ? l->stall_ms + CLIENT_WAIT_MS
					   : CLIENT_WAIT_MS;
}

void
client_link_listen(struct client_link *l)
{
	l->silent_ms = 0;
	l->looked_ms = clock_ms();
}

/*
 * Only time that this process watched counts: when it was stopped itself, or
 * its caller took a while over a row, that is no silence of the owner's.
 */
static void
count_silence(struct client_link *l, int64_t now_ms)
{
	int64_t step_ms = now_ms - l->looked_ms;

	l->silent_ms += step_ms < STEP_MAX_MS ? step_ms : STEP_MAX_MS;
	l->looked_ms = now_ms;
}

enum client_link_got
client_link_silence(struct client_link *l, int64_t deadline_ms, struct err *err)
{
	int64_t now_ms = clock_ms();
	bool waits, killed = false;

	count_silence(l, now_ms);
	waits = l->opt.role == CLIENT_ADMIN && l->silent_ms >= SILENT_MS;
	if (l->silent_ms >= SILENT_MS &&
	    now_ms - l->reported_ms >= CLIENT_PING_MS) {
		l->reported_ms = now_ms;
		if (stall_report(l->opt.conf->store, &l->owner, l->silent_ms,
			l->stall_ms, &killed, err) < 0)
			return CLIENT_LINK_FAILED;
		if (killed) {
			l->killed = true;
			return CLIENT_LINK_LOST;
		}
	}
	if (l->silent_ms >= patience_ms(l)) {
		err_set(err, ERR_TIMEOUT,
		    "the owner of the store %s, process %ld, answers nothing",
		    l->opt.conf->store, (long)l->owner.pid);
		return CLIENT_LINK_FAILED;
	}
	if (deadline_ms != 0 && now_ms >= deadline_ms && !waits) {
		err_set(err, ERR_TIMEOUT,
		    "no answer of the owner of the store %s within %d s",
		    l->opt.conf->store, CLIENT_WAIT_MS / 1000);
		return CLIENT_LINK_FAILED;
	}
	return CLIENT_LINK_FRAME;
}

/* A ping, when nothing was heard for a while and none was sent lately. */
static void
ping(struct client_link *l)
{
	int64_t now_ms = clock_ms();

	if (l->silent_ms < CLIENT_PING_MS ||
	    now_ms - l->pinged_ms < CLIENT_PING_MS || l->ping_left > 0)
		return;
	l->pinged_ms = now_ms;
	l->ping_left = FRAME_HEAD;
}

/* --- frames --------------------------------------------------------------- */

/* 1 when a whole frame is there and no pong, 0 when not, -1. */
static int
frame_there(struct client_link *l, struct frame *f, struct err *err)
{
	for (;;) {
		if (frame_decode(buf_span(&l->in), f, &l->used, err) < 0)
			return -1;
		if (l->used == 0 || f->type != FRAME_PONG)
			return l->used > 0;
		client_link_forget(l);
	}
}

/* Sends and reads what goes, waiting for it a while. As read_some. */
static int
carry(struct client_link *l, int64_t deadline_ms, struct err *err)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	int64_t wait_ms = CLIENT_PING_MS, left_ms = deadline_ms - clock_ms();

	send_some(l);
	if (!l->deaf && next_bytes(l).len > 0)
		p.events |= POLLOUT;
	if (deadline_ms != 0 && left_ms < wait_ms)
		wait_ms = left_ms > 0 ? left_ms : 0;
	/* At a deadline that does not count (see silence) it sleeps still. */
	if (poll(&p, 1, (int)(wait_ms > 0 ? wait_ms : CLIENT_PING_MS)) < 0 &&
	    errno != EINTR)
		return err_errno(err, errno, "wait for the owner");
	if ((p.revents & ~POLLOUT) == 0)
		return 1;
	return read_some(l, err);
}

enum client_link_got
client_link_frame(struct client_link *l, int64_t deadline_ms, struct frame *f,
    struct err *err)
{
	enum client_link_got got;
	int ret;

	client_link_forget(l);
	client_link_listen(l);
	for (;;) {
		ret = frame_there(l, f, err);
		if (ret != 0)
			return ret > 0 ? CLIENT_LINK_FRAME : CLIENT_LINK_FAILED;
		got = client_link_silence(l, deadline_ms, err);
		if (got != CLIENT_LINK_FRAME)
			return got;
		ping(l);
		ret = carry(l, deadline_ms, err);
		if (ret <= 0)
			return ret < 0 ? CLIENT_LINK_FAILED : CLIENT_LINK_LOST;
	}
}
