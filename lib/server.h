/*
 * server.h: the owner's side of its socket: greets, tells by SO_PEERCRED who
 * may do what, and hands requests and calls on. Runs in threads of its own.
 */
#ifndef EYELET_LIB_SERVER_H
#define EYELET_LIB_SERVER_H

#include "lib/ops.h"
#include "lib/owner.h"
#include "lib/receive.h"

struct server;

struct server_options {
	int listen_fd; /* of owner_listen; the server closes it */
	enum owner_role role;
	uid_t owner_uid; /* may administer, as may root */
	struct receive *receive;
	struct ops *ops;
	/*
	 * Asked by a peer that may: a FASTCGI process wants the store, or a
	 * newer version is here. Any thread; the process drains and leaves.
	 */
	void (*leave)(void *arg, const char *why);
	void *arg;
};

int server_start(
    const struct server_options *opt, struct server **out, struct err *err);

/* Peers connected now; for how many seconds there was none (0 when some). */
size_t server_clients(struct server *sv, int64_t *idle_s);

/* Takes no new work, finishes what is under way (at most 5 s), ends. */
void server_stop(struct server *sv);

#endif
