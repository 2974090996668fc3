/*
 * parts.h: what the files of the server share. server/loop.c is the one
 * thread that reads and writes sockets; server/peer.c judges the frames of a
 * connection; server/work.c has the threads that do what they ask for;
 * server/person.c finds who asked; server/send.c gives a peer bytes and ends
 * it. Each calls only those behind it.
 *
 * Members are the loop's own but for those under "lock", which any thread
 * touches with sv->lock held. Whoever gives bytes to a peer puts it on the
 * woken list; the loop sends them.
 */
#ifndef EYELET_LIB_SERVER_PARTS_H
#define EYELET_LIB_SERVER_PARTS_H

#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/owner/frame.h"
#include "lib/server/server.h"

#define SERVER_POOL_THREADS_MAX SERVER_CALLS_MAX /* of any pool */
#define SERVER_LISTENER NULL /* what epoll hands back for the listener */

/* A frame on its way out. */
struct server_chunk {
	struct server_chunk *next;
	struct buf bytes;
	size_t sent;
};

/* The part of the budget that a frame above SERVER_BIG takes. */
struct server_room {
	size_t bytes;
	bool is_body; /* of opt.bodies, else of sv->big */
};

struct server_peer {
	struct server *sv;
	struct server_peer *prev, *next; /* all that are connected */
	int fd;
	uid_t uid;
	pid_t pid;
	bool admin; /* root or the store's uid */
	bool waits; /* said hello, and the store is not open yet */
	bool greeted;
	bool deaf; /* nothing more is read: it ends once all is sent */
	bool closed;
	bool polls_out; /* epoll tells when it takes more */
	struct frame_greeting hello;
	struct buf in; /* from the start of a frame */
	struct server_room room; /* what the frame coming in holds */
	int64_t since_ms; /* connected */
	int64_t since_boot_ms; /* the same, by clock_boot_ms() */
	/* The job's under way: who asks, for the audit trail, once found. */
	bool person_known;
	struct store_person user, login, claimed;
	int64_t frame_ms; /* when the frame coming in began; 0: none */
	int64_t took_ms; /* when it last took some of what waits for it */
	int64_t began_ms; /* its last call or request */

	/* lock */
	struct server_chunk *out, **out_end;
	size_t out_bytes;
	bool busy; /* a call or request of it is under way */
	bool ends; /* set by a worker: deaf from now on */
	bool gone; /* closed: nothing reaches it any more */
	bool woken; /* stands on the woken list */
	struct server_peer *woken_next;
	unsigned refs; /* the loop's, and one of a job */
};

/* A call or request under way; its frame lies in bytes. */
struct server_job {
	struct server_job *next; /* in its pool's queue */
	struct server_peer *peer;
	struct buf bytes;
	struct span content;
	struct server_room room;
	struct receive_call call; /* of a request */
	struct header headers[REQUEST_HEADERS_MAX];
};

/* Threads that are made when there is work and none is idle. */
struct server_pool {
	struct server *sv;
	void (*run)(struct server_job *job);
	size_t max;
	/* lock */
	struct server_job *first, **last;
	pthread_t threads[SERVER_POOL_THREADS_MAX];
	size_t nthreads, idle, queued;
	bool ends;
	pthread_cond_t work;
};

struct server {
	struct server_options opt;
	struct frame_greeting self; /* for the welcome */
	int dir_fd, epoll_fd, wake_fd;
	pthread_t loop;
	struct server_peer *peers;
	bool accepts; /* the listener stands in epoll */
	struct stat socket; /* what the socket's name leads to */
	int64_t tick_ms; /* of the last tick */
	int64_t names_ms; /* of the last look at names */
	int64_t stop_ms; /* when the loop saw that it stops; 0: not yet */
	bool leaving; /* opt.leave was called: nobody is greeted any more */

	pthread_mutex_t lock;
	pthread_cond_t drained; /* a peer took bytes, or is gone */
	struct server_peer *woken;
	struct receive *receive;
	struct ops *ops;
	size_t npeers, jobs, big;
	int64_t lonely_ms; /* since when there is no peer */
	bool serving; /* receive and ops are there */
	bool heard_front; /* a request came from another process */
	bool welcomes; /* so: greet who waits for that */
	struct err down; /* why there is no store; ERR_NONE: it may open */
	bool stopping;
	struct server_pool calls, requests;
};

/* --- server/loop.c -------------------------------------------------------- */

/* The loop's thread; ends once sv->stopping is dealt with. */
void *server_loop(void *sv);

/* --- server/send.c -------------------------------------------------------- */

/* Makes the loop look at what waits for it. */
void server_wake(struct server *sv);

/* Takes bytes; any thread, sv->lock held. */
void server_send(struct server_peer *peer, struct server_chunk *chunk);

/* NULL when there is no memory; takes (empties) bytes all the same. */
struct server_chunk *server_chunk(struct buf *bytes);
void server_chunk_free(struct server_chunk *chunk);

/* Gives back what a frame held; sv->lock held. */
void server_room_put(struct server *sv, struct server_room *room);

/* Drops a job's or the loop's hold of a peer; sv->lock held. */
void server_peer_put(struct server_peer *peer);

/* The loop's: closes the connection; the peer lives on while a job has it. */
void server_peer_close(struct server_peer *peer);

/* --- server/peer.c: the loop's -------------------------------------------- */

/* There is something to read: reads, and does what the frames say. */
void server_peer_read(struct server_peer *peer);

/* The store is open, or down: a peer that waited for that is told. */
void server_peer_welcome(struct server_peer *peer);

/* Says why, and ends the connection once that is sent. */
void server_peer_refuse(struct server_peer *peer, enum err_code code,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Refuses, or ends, what would wait for a disk that hangs; false: none does. */
bool server_disk_hangs(struct server_peer *peer);

/* --- server/work.c -------------------------------------------------------- */

void server_pool_init(struct server_pool *pool, struct server *sv,
    void (*run)(struct server_job *job), size_t max);

/* Ends the threads, once they have nothing more to do. */
void server_pool_end(struct server_pool *pool);

/*
 * Takes the frame at the start of peer->in, which has used bytes, and leaves
 * what stands behind it. The loop's. ERR_NOMEM.
 */
int server_work(struct server_pool *pool, struct server_peer *peer, size_t used,
    struct err *err);

/* The work of the two pools: a call, a request. */
void server_run_call(struct server_job *job);
void server_run_request(struct server_job *job);

/* pthread_create, with all signals blocked. */
int server_thread(pthread_t *thread, void *(*run)(void *arg), void *arg);

/* --- server/person.c: a call's thread ------------------------------------- */

/* Which people are behind a peer; the loop never waits for their names. */
void server_find_person(struct server_peer *peer);

#endif
