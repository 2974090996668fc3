/* peer.c: what a peer of the owner says, and whether it may. */
#include "lib/server/parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"
#include "lib/base/version.h"

#define READ_MAX 1048576 /* bytes of one peer before others get a turn */

/* --- saying ----------------------------------------------------------- */

/* Gives bytes to the peer; one that there is no memory for is closed. */
static void
say(struct server_peer *peer, struct buf *bytes)
{
	struct server_chunk *chunk = NULL;

	if (bytes->len > 0)
		chunk = server_chunk(bytes);
	pthread_mutex_lock(&peer->sv->lock);
	peer->ends = peer->ends || chunk == NULL;
	server_send(peer, chunk);
	pthread_mutex_unlock(&peer->sv->lock);
}

void
server_peer_refuse(
    struct server_peer *peer, enum err_code code, const char *fmt, ...)
{
	struct buf out = BUF_INIT(FRAME_TEXT_MAX + FRAME_HEAD);
	struct err verdict = { .code = code }, err;
	va_list ap;
	size_t at;

	va_start(ap, fmt);
	vsnprintf(verdict.text, sizeof(verdict.text), fmt, ap);
	va_end(ap);
	if (frame_begin(FRAME_BUSY, &out, &at, &err) < 0 ||
	    frame_put_verdict(&verdict, &out, &err) < 0 ||
	    frame_finish(&out, at, &err) < 0)
		buf_free(&out);
	peer->deaf = true;
	say(peer, &out);
}

bool
server_disk_hangs(struct server_peer *peer)
{
	struct server *sv = peer->sv;
	const char *what;
	int64_t ms;

	/* The loop's own look: serving was seen under the lock by then. */
	ms = peer->greeted ? ops_stalled_ms(sv->ops, &what) : 0;
	if (ms > 0)
		server_peer_refuse(peer, ERR_TIMEOUT,
		    "%s, for %lld s now: look after the disk of %s, then ask "
		    "again; what was asked for may yet be done",
		    what, (long long)ms / 1000, sv->opt.dir);
	return ms > 0;
}

static void
say_welcome(struct server_peer *peer)
{
	struct buf out = BUF_INIT(FRAME_TEXT_MAX + FRAME_HEAD);
	struct err err;
	size_t at;

	if (frame_begin(FRAME_WELCOME, &out, &at, &err) < 0 ||
	    frame_put_greeting(&peer->sv->self, &out, &err) < 0 ||
	    frame_finish(&out, at, &err) < 0)
		buf_free(&out);
	peer->waits = false;
	peer->greeted = true;
	say(peer, &out);
}

void
server_peer_welcome(struct server_peer *peer)
{
	struct server *sv = peer->sv;
	struct err down;
	bool serving;

	if (!peer->waits || peer->deaf)
		return;
	pthread_mutex_lock(&sv->lock);
	serving = sv->serving;
	down = sv->down;
	pthread_mutex_unlock(&sv->lock);
	if (serving)
		say_welcome(peer);
	else if (down.code != ERR_NONE)
		server_peer_refuse(peer, down.code, "%s", down.text);
}

/* --- what frames ask for -------------------------------------------------- */

static void
give_way(struct server_peer *peer, const char *why)
{
	struct server *sv = peer->sv;
	char words[256];

	snprintf(words, sizeof(words), "%s (pid %ld, uid %lu) %s",
	    peer->hello.program, (long)peer->pid, (unsigned long)peer->uid,
	    why);
	sv->leaving = true;
	sv->opt.leave(sv->opt.arg, words);
	server_peer_refuse(peer, ERR_AWAY, "the owner of the store leaves");
}

static void
act_hello(struct server_peer *peer, const struct frame *f, size_t used)
{
	struct server *sv = peer->sv;
	struct err err;
	int age;

	(void)used;
	if (frame_get_greeting(f->content, &peer->hello, &err) < 0) {
		server_peer_refuse(peer, err.code, "%s", err.text);
		return;
	}
	if (peer->hello.program[0] == '\0')
		strcpy(peer->hello.program, "unknown");
	age = version_compare(peer->hello.version, sv->self.version);
	if (sv->leaving) {
		server_peer_refuse(
		    peer, ERR_AWAY, "the owner of the store leaves");
	} else if (age > 0 && peer->admin) {
		give_way(peer, "is newer");
	} else if (age < 0) {
		server_peer_refuse(peer, ERR_VERSION,
		    "the owner of the store (process %ld) is eyelet %s, newer "
		    "than this %s %s: use the one that is installed",
		    (long)sv->self.pid, sv->self.version, peer->hello.program,
		    peer->hello.version);
	} else {
		peer->waits = true;
		server_peer_welcome(peer);
	}
}

static void
act_ping(struct server_peer *peer, const struct frame *f, size_t used)
{
	struct buf out = BUF_INIT(FRAME_HEAD);
	size_t waiting;
	struct err err;

	(void)f;
	(void)used;
	pthread_mutex_lock(&peer->sv->lock);
	waiting = peer->out_bytes;
	pthread_mutex_unlock(&peer->sv->lock);
	/* Who takes nothing of so much that waits needs no sign of life. */
	if (waiting > SERVER_BIG)
		return;
	if (frame_encode(FRAME_PONG, SPAN_EMPTY, &out, &err) < 0)
		buf_free(&out);
	say(peer, &out);
}

static void
act_leave(struct server_peer *peer, const struct frame *f, size_t used)
{
	(void)f;
	(void)used;
	give_way(peer, "takes the store over");
}

static void
hand_on(struct server_peer *peer, struct server_pool *pool, size_t used)
{
	struct err err;

	if (server_work(pool, peer, used, &err) < 0)
		server_peer_refuse(peer, err.code, "%s", err.text);
}

static void
act_request(struct server_peer *peer, const struct frame *f, size_t used)
{
	(void)f;
	hand_on(peer, &peer->sv->requests, used);
}

static void
act_call(struct server_peer *peer, const struct frame *f, size_t used)
{
	if (f->content.len < STORE_REQUEST_ID)
		server_peer_refuse(peer, ERR_INPUT,
		    "a call of %zu bytes has no request id", f->content.len);
	else if (!server_disk_hangs(peer))
		hand_on(peer, &peer->sv->calls, used);
}

static void
act_feed(struct server_peer *peer, const struct frame *f, size_t used)
{
	(void)f;
	ops_deliverer_called(peer->sv->ops); /* it is there: it was greeted */
	if (!server_disk_hangs(peer))
		hand_on(peer, &peer->sv->calls, used);
}

/* Who may say what, and when. Other frames are not for an owner. */
static const struct rule {
	enum frame_type type;
	bool greeted; /* only after the welcome */
	bool admin;
	bool takes; /* act takes the frame's bytes; one at a time */
	void (*act)(
	    struct server_peer *peer, const struct frame *f, size_t used);
} rules[] = {
	{ FRAME_HELLO, false, false, false, act_hello },
	{ FRAME_PING, false, false, false, act_ping },
	{ FRAME_REQUEST, true, false, true, act_request },
	{ FRAME_ASK, true, false, true, act_request },
	{ FRAME_CALL, true, true, true, act_call },
	{ FRAME_LEAVE, true, true, false, act_leave },
	{ FRAME_FEED, true, true, true, act_feed },
};

static const struct rule *
rule_of(unsigned type)
{
	size_t i;

	for (i = 0; i < NITEMS(rules); i++)
		if ((unsigned)rules[i].type == type)
			return &rules[i];
	return NULL;
}

/* Judged by its head, before the rest is waited for. NULL: refused. */
static const struct rule *
judge(struct server_peer *peer, unsigned type)
{
	const struct rule *rule = rule_of(type);
	bool busy;

	pthread_mutex_lock(&peer->sv->lock);
	busy = peer->busy;
	pthread_mutex_unlock(&peer->sv->lock);
	if (rule == NULL)
		server_peer_refuse(peer, ERR_INPUT,
		    "a frame of type %u is not for an owner", type);
	else if (rule->greeted && !peer->greeted)
		server_peer_refuse(peer, ERR_USAGE,
		    "a frame of type %u came before the greeting", type);
	else if (rule->type == FRAME_HELLO && (peer->greeted || peer->waits))
		server_peer_refuse(peer, ERR_USAGE, "a second greeting");
	else if (rule->admin && !peer->admin)
		server_peer_refuse(peer, ERR_DENIED,
		    "uid %lu may send requests and nothing else: the store's "
		    "owner and root administer",
		    (unsigned long)peer->uid);
	else if (rule->takes && busy)
		server_peer_refuse(peer, ERR_USAGE,
		    "a frame of type %u came while another is under way", type);
	else
		return rule;
	return NULL;
}

/* --- reading -------------------------------------------------------------- */

/*
 * Takes a big frame's bytes out of what all may have together: requests share
 * receive.bodies_max with what this process has of web servers itself.
 */
static int
take_room(struct server_peer *peer, size_t total)
{
	struct server *sv = peer->sv;
	struct server_room room = { total,
		peer->in.ptr[FRAME_HEAD - 1] == FRAME_REQUEST ||
		    peer->in.ptr[FRAME_HEAD - 1] == FRAME_ASK };
	bool fits;

	pthread_mutex_lock(&sv->lock);
	fits = room.is_body ? budget_take(sv->opt.bodies, total)
			    : total <= SERVER_BIG_MAX - sv->big;
	if (fits && !room.is_body)
		sv->big += total;
	if (fits)
		peer->room = room;
	pthread_mutex_unlock(&sv->lock);
	if (fits)
		return 0;
	if (room.is_body)
		server_peer_refuse(peer, ERR_LIMIT,
		    "crowded: bodies that are being received take all of "
		    "receive.bodies_max (%zu bytes) in the owner of the store",
		    atomic_load(&sv->opt.bodies->max));
	else
		server_peer_refuse(peer, ERR_LIMIT,
		    "the owner of the store has %d bytes of large calls in "
		    "hand already",
		    SERVER_BIG_MAX);
	return -1;
}

static int
make_room(struct server_peer *peer, size_t total)
{
	struct err err;

	if (total > SERVER_BIG && peer->room.bytes == 0 &&
	    take_room(peer, total) < 0)
		return -1;
	if (frame_room(&peer->in, total, &err) == 0)
		return 0;
	server_peer_refuse(peer, err.code, "%s", err.text);
	return -1;
}

/* Does what a whole frame asks for, and takes it off the bytes. */
static void
take_frame(struct server_peer *peer, const struct rule *rule, size_t total)
{
	struct buf *in = &peer->in;
	struct frame f;
	struct err err;
	size_t used;

	if (frame_decode(span_of(in->ptr, total), &f, &used, &err) < 0) {
		server_peer_refuse(peer, err.code, "%s", err.text);
		return;
	}
	rule->act(peer, &f, total);
	if (rule->takes)
		return;
	in->len -= total;
	memmove(in->ptr, in->ptr + total, in->len);
}

/* All whole frames; then there is room for what the next one still lacks. */
static void
take_frames(struct server_peer *peer)
{
	const struct rule *rule;
	struct err err;
	size_t total;

	while (!peer->deaf) {
		if (frame_total(buf_span(&peer->in), &total, &err) < 0) {
			server_peer_refuse(peer, err.code, "%s", err.text);
			return;
		}
		if (total > 0) {
			rule = judge(peer, peer->in.ptr[5]);
			if (rule == NULL)
				return;
		}
		if (total == 0 || peer->in.len < total) {
			make_room(peer, total);
			return;
		}
		take_frame(peer, rule, total);
		peer->frame_ms = peer->in.len == 0 ? 0 : clock_ms();
	}
}

void
server_peer_read(struct server_peer *peer)
{
	struct buf *in = &peer->in;
	size_t room, taken = 0;
	ssize_t n;

	if (in->room == 0 && make_room(peer, 0) < 0)
		return;
	while (!peer->deaf && taken < READ_MAX) {
		room = in->room - in->len;
		n = recv(peer->fd, in->ptr + in->len, room, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			server_peer_close(peer);
			return;
		}
		if (in->len == 0)
			peer->frame_ms = clock_ms();
		in->len += (size_t)n;
		taken += (size_t)n;
		take_frames(peer);
		if ((size_t)n < room)
			return;
	}
}
