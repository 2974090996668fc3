/*
 * server.h: the owner's side of its socket: greets, tells by SO_PEERCRED who
 * may do what, and hands requests and calls on. Runs in threads of its own.
 *
 * One thread holds all connections and answers pings; calls, which may take
 * as long as they take, run in threads of theirs, as does the verifying of
 * requests. While the disk of the store hangs (ops_stalled_ms), new calls are
 * refused and those under way for SERVER_DISK_MS are answered ERR_TIMEOUT by
 * that one thread; what they asked for may still be done. root and owner_uid
 * may administer; any other uid that can open
 * the socket may greet, ping and send requests.
 *
 * Every SERVER_NAMES_MS it looks whether the names of the socket and of the
 * lock still lead to its own, and makes anew what was taken away; who connects
 * meanwhile finds nobody there.
 */
#ifndef EYELET_LIB_SERVER_SERVER_H
#define EYELET_LIB_SERVER_SERVER_H

#include "lib/base/budget.h"
#include "lib/ops/ops.h"
#include "lib/owner/owner.h"
#include "lib/receive/receive.h"

#define SERVER_PEERS_MAX 512 /* connections at once ... */
#define SERVER_PEERS_KEPT 32 /* ... of which these are for administrators */
#define SERVER_HELLO_MS 5000 /* from connect to a whole hello */
#define SERVER_FRAME_MS 10000 /* from a frame's first byte to its last */
#define SERVER_SEND_MS 10000 /* a peer that takes nothing of its answer */
#define SERVER_PAGER_MS 600000 /* an administrator, who may page through it */
#define SERVER_DISK_MS 5000 /* a call that a disk which hangs holds up */
#define SERVER_NAMES_MS 5000 /* between looks at the names of the two files */
#define SERVER_STOP_MS 5000 /* for what is under way when told to stop */
#define SERVER_BIG 65536 /* bytes: frames above it are counted, ... */
#define SERVER_BIG_MAX 134217728 /* ... administrators' up to this together */
#define SERVER_ROWS_MAX 1048576 /* bytes of rows waiting for one peer */
#define SERVER_CALLS_MAX 32 /* threads for calls, made when needed */
#define SERVER_REQUESTS_MAX 4 /* threads that verify requests */

struct server;

struct server_options {
	const char *dir; /* the store folder */
	int listen_fd; /* of owner_listen; the server closes it */
	struct owner_lock *lock; /* its file is looked after; may be NULL */
	enum owner_role role;
	uid_t owner_uid; /* may administer, as may root */
	struct budget *bodies; /* of requests above SERVER_BIG; shared */
	/*
	 * Both may be NULL while the store is opened (recovery can take a
	 * while): pings are answered, greetings wait for server_serve.
	 */
	struct receive *receive;
	struct ops *ops;
	/*
	 * Asked by a peer that may: a FASTCGI process wants the store, or a
	 * newer version is here. why is inert. The server's thread, perhaps
	 * more than once; must not block. The process drains and leaves.
	 */
	void (*leave)(void *arg, const char *why);
	void *arg;
	const char *version; /* NULL: this release's; tests set others */
	int64_t pager_ms; /* 0: SERVER_PAGER_MS; tests set less */
};

/* The socket is closed when it fails, too. ERR_IO, ERR_NOMEM. */
int server_start(
    const struct server_options *opt, struct server **out, struct err *err);

/* The store is open now. Once, and only where _start got none. */
void server_serve(struct server *sv, struct receive *receive, struct ops *ops);

/*
 * The store could not be opened, and is tried again: who greets, or waits for
 * that, is told err, until server_serve. Any number of times.
 */
void server_down(struct server *sv, const struct err *err);

/* Peers connected now; for how many seconds there was none (0 when some). */
size_t server_clients(struct server *sv, int64_t *idle_s);

/* Did another process send a request that it had from a web server? */
bool server_heard_front(struct server *sv);

/*
 * Takes no new work, finishes what is under way (at most SERVER_STOP_MS),
 * ends. False when something still is under way then: its thread may be in
 * receive, ops or the store, so these must not be closed, and the process can
 * only _exit. NULL is allowed.
 */
bool server_stop(struct server *sv);

#endif
