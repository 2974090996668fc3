/* loop.c: the loop that holds the owner's connections. */
#include "lib/server/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/owner_dir.h"
#include "lib/owner/stall.h"

#define TICK_MS 1000 /* between looks at the clock */
#define EVENTS_MAX 64 /* taken from epoll at once */
#define ACCEPTS_MAX 64 /* connections taken before others get their turn */

/* --- the loop: connections ------------------------------------------------ */

static void
watch(struct server_peer *peer, bool out)
{
	struct epoll_event ev = { .data.ptr = peer };

	ev.events = (peer->deaf ? 0 : EPOLLIN) | (out ? EPOLLOUT : 0);
	epoll_ctl(peer->sv->epoll_fd, EPOLL_CTL_MOD, peer->fd, &ev);
	peer->polls_out = out;
}

/* *idle: nothing more is to come for it unless it asks. */
static struct server_chunk *
first_chunk(struct server_peer *peer, bool *idle)
{
	struct server_chunk *chunk;

	pthread_mutex_lock(&peer->sv->lock);
	chunk = peer->out;
	*idle = chunk == NULL && !peer->busy;
	pthread_mutex_unlock(&peer->sv->lock);
	return chunk;
}

/* The first chunk is sent. */
static void
drop_chunk(struct server_peer *peer)
{
	struct server *sv = peer->sv;
	struct server_chunk *chunk;

	pthread_mutex_lock(&sv->lock);
	chunk = peer->out;
	peer->out = chunk->next;
	if (peer->out == NULL)
		peer->out_end = &peer->out;
	peer->out_bytes -= chunk->bytes.len;
	pthread_cond_broadcast(&sv->drained);
	pthread_mutex_unlock(&sv->lock);
	server_chunk_free(chunk);
}

/*
 * Sends what waits, as far as the peer takes it. Only the loop takes chunks
 * off, so the first one stays while it is sent without the lock.
 */
static void
flush(struct server_peer *peer)
{
	struct server_chunk *chunk;
	bool idle;
	ssize_t n;

	while ((chunk = first_chunk(peer, &idle)) != NULL) {
		n = send(peer->fd, chunk->bytes.ptr + chunk->sent,
		    chunk->bytes.len - chunk->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0) {
			server_peer_close(peer);
			return;
		}
		peer->took_ms = clock_ms();
		chunk->sent += (size_t)n;
		if (chunk->sent == chunk->bytes.len)
			drop_chunk(peer);
	}
	if (idle && peer->deaf)
		server_peer_close(peer);
	else if (peer->polls_out != (chunk != NULL) || peer->deaf)
		watch(peer, chunk != NULL);
}

static struct server_peer *
new_peer(struct server *sv, int fd)
{
	struct server_peer *peer = calloc(1, sizeof(*peer));
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = peer };
	struct ucred who;
	socklen_t len = sizeof(who);

	if (peer == NULL ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 ||
	    epoll_ctl(sv->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(peer);
		return NULL;
	}
	peer->sv = sv;
	peer->fd = fd;
	peer->uid = who.uid;
	peer->pid = who.pid;
	peer->admin = who.uid == 0 || who.uid == sv->opt.owner_uid;
	peer->in.max = FRAME_MAX + FRAME_HEAD;
	peer->since_ms = peer->took_ms = clock_ms();
	peer->since_boot_ms = clock_boot_ms();
	peer->out_end = &peer->out;
	peer->refs = 1;
	peer->next = sv->peers;
	if (sv->peers != NULL)
		sv->peers->prev = peer;
	sv->peers = peer;
	return peer;
}

static void
watch_listener(struct server *sv, bool accepts)
{
	struct epoll_event ev = { .data.ptr = SERVER_LISTENER };

	ev.events = accepts ? EPOLLIN : 0;
	epoll_ctl(sv->epoll_fd, EPOLL_CTL_MOD, sv->opt.listen_fd, &ev);
	sv->accepts = accepts;
}

/* The last places are for administrators: requests cannot lock them out. */
static void
admit(struct server *sv, int fd)
{
	struct server_peer *peer = new_peer(sv, fd);
	size_t n, max;

	if (peer == NULL) {
		close(fd);
		return;
	}
	pthread_mutex_lock(&sv->lock);
	n = ++sv->npeers;
	pthread_mutex_unlock(&sv->lock);
	max = SERVER_PEERS_MAX - (peer->admin ? 0 : SERVER_PEERS_KEPT);
	if (n > max)
		server_peer_refuse(peer, ERR_LIMIT,
		    "the owner of the store has %zu connections already", max);
}

static void
accept_peers(struct server *sv)
{
	int i, fd;

	for (i = 0; i < ACCEPTS_MAX; i++) {
		fd = accept4(sv->opt.listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			admit(sv, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		/* No descriptors or memory: not again before the next tick. */
		watch_listener(sv, false);
		break;
	}
}

/* --- the loop ------------------------------------------------------------- */

static void
serve_woken(struct server_peer *peer, bool ends)
{
	struct server *sv = peer->sv;

	if (peer->closed) {
		pthread_mutex_lock(&sv->lock);
		server_peer_put(peer);
		pthread_mutex_unlock(&sv->lock);
		return;
	}
	peer->deaf = peer->deaf || ends;
	flush(peer);
}

/* Peers that threads gave bytes to; a few at a time, others want a turn. */
static void
take_woken(struct server *sv)
{
	struct server_peer *peer = NULL;
	uint64_t count;
	ssize_t n;
	bool ends;
	int i;

	do
		n = read(sv->wake_fd, &count, sizeof(count));
	while (n < 0 && errno == EINTR);
	for (i = 0; i < 2 * SERVER_PEERS_MAX; i++) {
		pthread_mutex_lock(&sv->lock);
		peer = sv->woken;
		ends = peer != NULL && peer->ends;
		if (peer != NULL) {
			sv->woken = peer->woken_next;
			peer->woken = false;
		}
		pthread_mutex_unlock(&sv->lock);
		if (peer == NULL)
			return;
		serve_woken(peer, ends);
	}
	server_wake(sv);
}

/* No new work from it; what is under way gets its answer. */
static void
see_off(struct server_peer *peer)
{
	bool busy;

	pthread_mutex_lock(&peer->sv->lock);
	busy = peer->busy;
	pthread_mutex_unlock(&peer->sv->lock);
	if (busy) {
		peer->deaf = true;
		watch(peer, peer->polls_out);
	} else {
		server_peer_refuse(
		    peer, ERR_AWAY, "the owner of the store leaves");
	}
}

/* What the other threads want of the loop. */
static void
see_flags(struct server *sv)
{
	struct server_peer *peer, *next;
	bool welcomes, stops;

	pthread_mutex_lock(&sv->lock);
	welcomes = sv->welcomes;
	sv->welcomes = false;
	stops = sv->stopping && sv->stop_ms == 0;
	pthread_mutex_unlock(&sv->lock);
	for (peer = sv->peers; welcomes && peer != NULL; peer = next) {
		next = peer->next;
		server_peer_welcome(peer);
	}
	if (!stops)
		return;
	sv->stop_ms = clock_ms();
	close(sv->opt.listen_fd);
	for (peer = sv->peers; peer != NULL; peer = next) {
		next = peer->next;
		see_off(peer);
	}
}

/* A call of it that began SERVER_DISK_MS ago may wait for the disk. */
static void
see_disk(struct server_peer *peer, int64_t now_ms)
{
	bool busy;

	pthread_mutex_lock(&peer->sv->lock);
	busy = peer->busy;
	pthread_mutex_unlock(&peer->sv->lock);
	if (busy && !peer->deaf && now_ms - peer->began_ms >= SERVER_DISK_MS)
		server_disk_hangs(peer);
}

static bool
is_late(const struct server_peer *peer, int64_t now_ms)
{
	int64_t send_ms = peer->admin ? peer->sv->opt.pager_ms : SERVER_SEND_MS;

	if (!peer->greeted && !peer->waits &&
	    now_ms - peer->since_ms > SERVER_HELLO_MS)
		return true;
	if (peer->frame_ms != 0 && now_ms - peer->frame_ms > SERVER_FRAME_MS)
		return true;
	return peer->polls_out && now_ms - peer->took_ms > send_ms;
}

/* Is the folder of that name still the one that is served? */
static bool
folder_stands(const struct server *sv)
{
	struct stat named, ours;

	return stat(sv->opt.dir, &named) == 0 &&
	       fstat(sv->dir_fd, &ours) == 0 && named.st_dev == ours.st_dev &&
	       named.st_ino == ours.st_ino;
}

/* Connections stay; the new listener takes the old one's place. */
static void
listen_anew(struct server *sv)
{
	struct epoll_event ev = { .events = EPOLLIN,
		.data.ptr = SERVER_LISTENER };
	struct err ignored = ERR_INIT;
	struct stat made;
	int fd;

	fd = owner_listen(sv->opt.dir, &ignored);
	if (fd < 0)
		return;
	if (fstatat(sv->dir_fd, OWNER_SOCKET, &made, AT_SYMLINK_NOFOLLOW) < 0 ||
	    epoll_ctl(sv->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		close(fd);
		return;
	}
	close(sv->opt.listen_fd);
	sv->opt.listen_fd = fd;
	sv->socket = made;
	sv->accepts = true;
}

static void
see_names(struct server *sv, int64_t now_ms)
{
	struct stat named;

	if (now_ms - sv->names_ms < SERVER_NAMES_MS || sv->stop_ms != 0)
		return;
	sv->names_ms = now_ms;
	if (!folder_stands(sv))
		return; /* another one's, perhaps */
	if (sv->opt.lock != NULL)
		owner_lock_look(sv->opt.lock, sv->opt.role);
	if (fstatat(sv->dir_fd, OWNER_SOCKET, &named, AT_SYMLINK_NOFOLLOW) <
		0 ||
	    named.st_dev != sv->socket.st_dev ||
	    named.st_ino != sv->socket.st_ino)
		listen_anew(sv);
}

static void
tick(struct server *sv, int64_t now_ms)
{
	struct server_peer *peer, *next;

	if (now_ms - sv->tick_ms < TICK_MS)
		return;
	sv->tick_ms = now_ms;
	stall_clear(sv->dir_fd);
	if (!sv->accepts && sv->stop_ms == 0)
		watch_listener(sv, true);
	for (peer = sv->peers; peer != NULL; peer = next) {
		next = peer->next;
		if (is_late(peer, now_ms))
			server_peer_close(peer);
		else
			see_disk(peer, now_ms);
	}
}

/* Is there nothing more to wait for? */
static bool
is_over(struct server *sv, int64_t now_ms)
{
	size_t jobs;

	if (sv->stop_ms == 0)
		return false;
	if (now_ms - sv->stop_ms > SERVER_STOP_MS)
		return true;
	pthread_mutex_lock(&sv->lock);
	jobs = sv->jobs;
	pthread_mutex_unlock(&sv->lock);
	return jobs == 0 && sv->peers == NULL;
}

static void
serve_event(struct server_peer *peer, uint32_t events)
{
	if (!peer->closed && (events & EPOLLOUT) != 0)
		flush(peer);
	if (peer->closed)
		return;
	if (!peer->deaf && (events & ~(uint32_t)EPOLLOUT) != 0)
		server_peer_read(peer);
	else if (peer->deaf && (events & (EPOLLHUP | EPOLLERR)) != 0)
		server_peer_close(peer);
}

void *
server_loop(void *arg)
{
	struct epoll_event events[EVENTS_MAX];
	struct server *sv = arg;
	bool sleeps;
	int i, n;

	while (!is_over(sv, clock_ms())) {
		/* Alone it sleeps longer: nobody is late or leaves a mark. */
		sleeps = sv->peers == NULL && sv->accepts && sv->stop_ms == 0;
		n = epoll_wait(sv->epoll_fd, events, EVENTS_MAX,
		    sleeps ? SERVER_NAMES_MS : TICK_MS);
		for (i = 0; i < n; i++)
			if (events[i].data.ptr == SERVER_LISTENER)
				accept_peers(sv);
			else if (events[i].data.ptr != sv)
				serve_event(
				    events[i].data.ptr, events[i].events);
		take_woken(sv);
		see_flags(sv);
		tick(sv, clock_ms());
		see_names(sv, clock_ms());
	}
	while (sv->peers != NULL)
		server_peer_close(sv->peers);
	take_woken(sv);
	return NULL;
}
