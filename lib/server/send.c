/*
 * send.c: gives a peer bytes, wakes the loop that sends them, and ends a peer.
 */
#include "lib/server/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/clock.h"

struct server_chunk *
server_chunk(struct buf *bytes)
{
	struct server_chunk *chunk = calloc(1, sizeof(*chunk));

	if (chunk == NULL)
		buf_wipe(bytes);
	else
		chunk->bytes = *bytes;
	memset(bytes, 0, sizeof(*bytes));
	return chunk;
}

void
server_chunk_free(struct server_chunk *chunk)
{
	if (chunk == NULL)
		return;
	buf_wipe(
	    &chunk->bytes); /* a row may hold a secret that was asked for */
	free(chunk);
}

void
server_wake(struct server *sv)
{
	uint64_t one = 1;
	ssize_t n;

	/* It fails only when the counter is full: the loop is awake then. */
	do
		n = write(sv->wake_fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

static void
wake_for(struct server_peer *peer)
{
	struct server *sv = peer->sv;

	if (peer->woken)
		return;
	peer->woken = true;
	peer->woken_next = sv->woken;
	if (sv->woken == NULL)
		server_wake(sv);
	sv->woken = peer;
}

void
server_send(struct server_peer *peer, struct server_chunk *chunk)
{
	if (chunk != NULL && !peer->gone) {
		chunk->next = NULL;
		*peer->out_end = chunk;
		peer->out_end = &chunk->next;
		peer->out_bytes += chunk->bytes.len;
		chunk = NULL;
	}
	server_chunk_free(chunk);
	if (!peer->gone)
		wake_for(peer);
}

void
server_room_put(struct server *sv, struct server_room *room)
{
	if (room->is_body)
		budget_give(sv->opt.bodies, room->bytes);
	else
		sv->big -= room->bytes;
	room->bytes = 0;
	room->is_body = false;
}

void
server_peer_put(struct server_peer *peer)
{
	struct server_chunk *chunk;

	if (--peer->refs > 0)
		return;
	while ((chunk = peer->out) != NULL) {
		peer->out = chunk->next;
		server_chunk_free(chunk);
	}
	buf_wipe(&peer->in);
	free(peer);
}

void
server_peer_close(struct server_peer *peer)
{
	struct server *sv = peer->sv;

	if (peer->closed)
		return;
	peer->closed = true;
	/*
	 * A child that is being spawned has the descriptor until it executes
	 * its program, and so long epoll would tell of a peer that is freed.
	 */
	epoll_ctl(sv->epoll_fd, EPOLL_CTL_DEL, peer->fd, NULL);
	close(peer->fd);
	if (peer->prev != NULL)
		peer->prev->next = peer->next;
	else
		sv->peers = peer->next;
	if (peer->next != NULL)
		peer->next->prev = peer->prev;
	pthread_mutex_lock(&sv->lock);
	peer->gone = true;
	server_room_put(sv, &peer->room);
	if (--sv->npeers == 0)
		sv->lonely_ms = clock_ms();
	pthread_cond_broadcast(&sv->drained);
	/*
	 * Events for it may be in hand, so the loop's hold is dropped by way
	 * of the woken list, behind them.
	 */
	wake_for(peer);
	pthread_mutex_unlock(&sv->lock);
}
