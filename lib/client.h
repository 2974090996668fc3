/*
 * client.h: the way of every process that does not own the store. Finds the
 * owner or starts one (conf's program with --store, detached), and repeats
 * what was in flight when an owner died: request ids make that harmless.
 * A client belongs to one thread at a time.
 */
#ifndef EYELET_LIB_CLIENT_H
#define EYELET_LIB_CLIENT_H

#include "lib/conf.h"
#include "lib/ops.h"
#include "lib/receive.h"

struct client;

enum client_role {
	CLIENT_ADMIN,
	CLIENT_CGI,
	CLIENT_FASTCGI /* asks an owner that runs as --store to leave */
};

/*
 * Connects and greets. An older owner is made to leave, and a newer one is
 * started in its stead; a stalled one is killed after 30 s. ERR_AWAY when no
 * owner can be had within 5 s (its own words are in the message), ERR_DENIED,
 * ERR_VERSION when the owner is newer than this program.
 */
int client_open(const struct conf *cf, enum client_role role,
    const char *program, struct client **out, struct err *err);
void client_close(struct client *cl);

/*
 * One call, see ops.h. row may be NULL. When the owner dies, the call is
 * repeated with the same request id, unless rows were already handed out.
 * No frame for 5 s: ERR_TIMEOUT. An error of the op comes back as it was.
 */
int client_call(struct client *cl, struct span json, ops_row *row, void *arg,
    struct err *err);

/* One webhook request with its body; 5 s, repeated as above. */
int client_receive(struct client *cl, const struct request *rq,
    struct receive_reply *reply, struct err *err);

/* Who serves: for eyelet-store status. Borrowed until client_close. */
const struct owner_info *client_owner(const struct client *cl);

#endif
