/*
 * client.h: the way of every process that does not own the store. Finds the
 * owner or starts one (conf's program with --store, detached), and repeats
 * what was in flight when an owner died: request ids make that harmless.
 * A client belongs to one thread at a time.
 */
#ifndef EYELET_LIB_OWNER_CLIENT_H
#define EYELET_LIB_OWNER_CLIENT_H

#include "lib/config/conf.h"
#include "lib/owner/frame.h"
#include "lib/owner/owner.h"

#define CLIENT_WAIT_MS 5000 /* for an owner, for any frame, for a reply */
#define CLIENT_PING_MS 1000 /* between pings while nothing comes */
#define CLIENT_TRIES 5 /* how often a call is sent when owners die over it */

struct client;

enum client_role {
	CLIENT_ADMIN, /* waits for a stalled owner to be replaced */
	CLIENT_CGI,
	/*
	 * Would own the store itself: starts nobody, and asks an owner that
	 * runs as --store to leave. ERR_AWAY then means that nobody owns the
	 * store now: owner_lock_try is next.
	 */
	CLIENT_FASTCGI
};

/*
 * Connects and greets. An older owner is made to leave, and a newer one is
 * started in its stead (by CLIENT_FASTCGI: see there); a stalled one is
 * killed, see stall.h. ERR_AWAY when no owner can be had within
 * CLIENT_WAIT_MS (its own words are in the message), ERR_TIMEOUT when there
 * is one that answers nothing, ERR_DENIED, ERR_VERSION when the owner is
 * newer than this program. Borrows cf until client_close.
 */
int client_open(const struct conf *cf, enum client_role role,
    const char *program, struct client **out, struct err *err);
void client_close(struct client *cl); /* NULL is allowed */

/* What client_open leaves at its defaults. */
struct client_options {
	const struct conf *conf;
	enum client_role role;
	const char *program;
	const char *version; /* NULL: this release's */
	int64_t stall_ms; /* 0: STALL_LIMIT_MS */
	bool starts_nobody; /* ERR_AWAY where there is no owner */
	int64_t deadline_ms; /* clock_ms; 0: CLIENT_WAIT_MS from now */
};

int client_open_with(
    const struct client_options *opt, struct client **out, struct err *err);

/*
 * One call, see ops.h. row may be NULL. It may take as long as it takes while
 * the owner answers pings; ERR_TIMEOUT when it does not for CLIENT_WAIT_MS.
 * When the owner dies or leaves, the call is repeated with the same request
 * id; rows that were handed out before are passed over, and must be the same
 * (ERR_AWAY). An error of the op, or of row, comes back as it was.
 */
int client_call(struct client *cl, struct span json, ops_row *row, void *arg,
    struct err *err);

/*
 * One webhook request with its body, until deadline_ms (clock_ms), repeated as
 * above. request_id is the caller's, who may send the same request again by
 * another way; NULL: one is made. reply borrows from cl until its next use.
 * ERR_AWAY, ERR_TIMEOUT and all else: a fault of ours, answer 503.
 */
int client_receive(struct client *cl, const struct request *rq,
    const unsigned char *request_id, int64_t deadline_ms,
    struct receive_reply *reply, struct err *err);

/*
 * Asks, before a body is read, whether the owner would take it: reply is the
 * answer that makes it needless, or RECEIVE_GO_ON (see receive_go_on). As
 * client_receive else.
 */
int client_ask(struct client *cl, const struct request *rq, int64_t deadline_ms,
    struct receive_reply *reply, struct err *err);

/*
 * One call of the deliverer's, as feed_put_call made it; repeated as above,
 * which harms none of them. *answer borrows from cl until its next use, and
 * may hold secrets. Errors as client_call's.
 */
int client_feed(struct client *cl, const struct buf *call, struct span *answer,
    struct err *err);
void client_forget(struct client *cl); /* wipes the answer */

/* Who serves: for eyelet-store status. Borrowed until client_close. */
const struct owner_info *client_owner(const struct client *cl);

#endif
