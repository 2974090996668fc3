/* conn.c: the table of connections. */
#include "cgi/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/store/store.h"

#define EXPIRED_GRACE_MS 2000 /* for an answer, before all is shut down */

struct conn_table {
	void *owner;
	size_t max;
	pthread_mutex_t lock; /* of free, made and used */
	struct conn *free;
	atomic_size_t made; /* the first so many places hold a conn */
	size_t used;
	struct conn *places[]; /* never freed before the table is */
};

int
conn_table_new(
    void *owner, size_t max, struct conn_table **out, struct err *err)
{
	struct conn_table *t;

	t = calloc(1, sizeof(*t) + max * sizeof(struct conn *));
	if (t == NULL)
		return err_set(err, ERR_NOMEM, "no memory for connections");
	t->owner = owner;
	t->max = max;
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

static void
conn_destroy(struct conn *c)
{
	fcgi_free(c->fcgi);
	intake_free(c->intake);
	if (c->fd >= 0)
		close(c->fd);
	buf_free(&c->rest);
	buf_free(&c->out);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void
conn_table_free(struct conn_table *t)
{
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; i < t->made; i++)
		conn_destroy(t->places[i]);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static struct conn *
conn_new(void *owner, uint32_t index, struct err *err)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a connection");
		return NULL;
	}
	if (fcgi_new(&c->fcgi, err) < 0 ||
	    intake_new(STORE_BODY_MAX, &c->intake, err) < 0) {
		fcgi_free(c->fcgi);
		free(c);
		return NULL;
	}
	c->rest = (struct buf)BUF_INIT(CONN_REST_MAX);
	c->out = (struct buf)BUF_INIT(FCGI_TEXT_MAX);
	c->call.arg = c;
	c->owner = owner;
	c->fd = -1;
	c->index = index;
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

/* A place for a connection, with its objects; NULL when there is none. */
static struct conn *
take_place(struct conn_table *t, struct err *err)
{
	struct conn *c = NULL;

	pthread_mutex_lock(&t->lock);
	if (t->free != NULL) {
		c = t->free;
		t->free = c->next;
		t->used++;
	} else if (t->made == t->max)
		err_set(err, ERR_LIMIT, "more than %zu connections", t->max);
	else {
		c = conn_new(t->owner, (uint32_t)t->made, err);
		if (c != NULL) {
			t->places[t->made] = c;
			atomic_fetch_add(&t->made, 1);
			t->used++;
		}
	}
	pthread_mutex_unlock(&t->lock);
	return c;
}

static void
give_place(struct conn_table *t, struct conn *c)
{
	pthread_mutex_lock(&t->lock);
	c->next = t->free;
	t->free = c;
	t->used--;
	pthread_mutex_unlock(&t->lock);
}

/* Another worker was faster, or the peer is gone again. */
static bool
is_passing(int errnum)
{
	return errnum == EAGAIN || errnum == EINTR || errnum == ECONNABORTED;
}

struct conn *
conn_accept(struct conn_table *t, int listen_fd, struct err *err)
{
	/* The place first: what was accepted must not be turned away. */
	struct conn *c = take_place(t, err);
	int fd;

	if (c == NULL)
		return NULL;
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) {
		if (is_passing(errno))
			err_set(err, ERR_AWAY, "nobody waits any more");
		else
			err_errno(err, errno, "accept a connection");
		give_place(t, c);
		return NULL;
	}
	pthread_mutex_lock(&c->lock);
	assert(c->state == CONN_FREE && c->fd < 0);
	c->state = CONN_BUSY;
	c->fd = fd;
	c->generation++;
	c->in_epoll = false;
	c->deadline_ms = 0;
	c->late = false;
	c->stage = CONN_HEAD;
	pthread_mutex_unlock(&c->lock);
	return c;
}

void
conn_close(struct conn_table *t, struct conn *c)
{
	intake_reset(c->intake);
	buf_free(&c->rest);
	buf_free(&c->out);
	pthread_mutex_lock(&c->lock);
	assert(c->state == CONN_BUSY);
	c->state = CONN_FREE;
	c->deadline_ms = 0;
	close(c->fd);
	c->fd = -1;
	pthread_mutex_unlock(&c->lock);
	give_place(t, c);
}

bool
conn_table_full(struct conn_table *t)
{
	bool full;

	pthread_mutex_lock(&t->lock);
	full = t->used == t->max;
	pthread_mutex_unlock(&t->lock);
	return full;
}

/* epoll is told this of a connection, and gives it back. */
static uint64_t
conn_key(const struct conn *c)
{
	return (uint64_t)c->index << 32 | c->generation;
}

struct conn *
conn_claim(struct conn_table *t, uint64_t key, enum conn_state *was)
{
	struct conn *c;
	bool mine;

	assert(key >> 32 < t->made);
	c = t->places[key >> 32];
	pthread_mutex_lock(&c->lock);
	mine = c->generation == (uint32_t)key && c->state != CONN_FREE &&
	       c->state != CONN_BUSY;
	if (mine) {
		*was = c->state;
		c->state = CONN_BUSY;
		c->deadline_ms = 0;
	}
	pthread_mutex_unlock(&c->lock);
	return mine ? c : NULL;
}

bool
conn_wait(struct conn *c, int epoll_fd, uint32_t events, enum conn_state state,
    int64_t deadline_ms)
{
	struct epoll_event ev = { .events = events | EPOLLONESHOT };
	bool waits;

	/* Under the lock: as soon as epoll has it, it may be claimed. */
	pthread_mutex_lock(&c->lock);
	assert(c->state == CONN_BUSY);
	ev.data.u64 = conn_key(c);
	waits = epoll_ctl(epoll_fd, c->in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
		    c->fd, &ev) == 0;
	if (waits) {
		c->in_epoll = true;
		c->state = state;
		c->deadline_ms = deadline_ms;
		c->late = false;
		c->since_ms =
		    state == CONN_READING ? c->began_us / 1000 : clock_ms();
	}
	pthread_mutex_unlock(&c->lock);
	return waits;
}

static void
expire(struct conn *c, int64_t now_ms)
{
	bool reading = c->state == CONN_READING && !c->late;

	shutdown(c->fd, reading ? SHUT_RD : SHUT_RDWR);
	c->late = true;
	c->deadline_ms = reading ? now_ms + EXPIRED_GRACE_MS : 0;
}

size_t
conn_expire(struct conn_table *t, int64_t now_ms)
{
	size_t i, made = t->made, n = 0;
	struct conn *c;

	for (i = 0; i < made; i++) {
		c = t->places[i];
		pthread_mutex_lock(&c->lock);
		if (c->deadline_ms != 0 && now_ms >= c->deadline_ms) {
			expire(c, now_ms);
			n++;
		}
		pthread_mutex_unlock(&c->lock);
	}
	return n;
}

static bool
is_older(const struct conn *c, enum conn_state state, int64_t before_ms,
    bool charged)
{
	return c->state == state && c->since_ms <= before_ms &&
	       (c->charged > 0 || !charged);
}

struct conn *
conn_claim_oldest(struct conn_table *t, enum conn_state state,
    int64_t before_ms, bool charged)
{
	size_t i, made = t->made;
	struct conn *c, *oldest = NULL;
	int64_t oldest_ms = before_ms;

	for (i = 0; i < made; i++) {
		c = t->places[i];
		pthread_mutex_lock(&c->lock);
		if (is_older(c, state, oldest_ms, charged)) {
			oldest_ms = c->since_ms;
			oldest = c;
		}
		pthread_mutex_unlock(&c->lock);
	}
	if (oldest == NULL)
		return NULL;
	/* Somebody may have been faster. */
	pthread_mutex_lock(&oldest->lock);
	c = is_older(oldest, state, before_ms, charged) ? oldest : NULL;
	if (c != NULL) {
		c->state = CONN_BUSY;
		c->deadline_ms = 0;
	}
	pthread_mutex_unlock(&oldest->lock);
	return c;
}

size_t
conn_in_hand(struct conn_table *t)
{
	size_t i, n;
	struct conn *c;

	/*
	 * By the places in use, not by states: who closes a connection touches
	 * the table last of all.
	 */
	pthread_mutex_lock(&t->lock);
	n = t->used;
	for (i = 0; i < t->made; i++) {
		c = t->places[i];
		pthread_mutex_lock(&c->lock);
		if (c->state == CONN_LINGERING)
			n--;
		pthread_mutex_unlock(&c->lock);
	}
	pthread_mutex_unlock(&t->lock);
	return n;
}
