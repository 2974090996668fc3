/*
 * client_link.h: a client's connection to the owner: gets one, whatever that
 * takes (waiting, starting, taking over, killing), and carries frames.
 */
#ifndef EYELET_LIB_OWNER_CLIENT_LINK_H
#define EYELET_LIB_OWNER_CLIENT_LINK_H

#include "lib/owner/client.h"
#include "lib/owner/frame.h"
#include "lib/owner/launch.h"

struct client_link {
	struct client_options opt;
	int64_t stall_ms;
	int fd; /* -1: not connected */
	bool deaf; /* it takes no more bytes, but may have left some */
	struct buf in; /* from the frame handed out last, or the next one */
	size_t used; /* of in: the frame handed out last */
	struct buf out;
	size_t sent; /* of out */
	size_t ping_left; /* bytes of a ping to send yet */
	bool killed; /* a silent owner was: set here, cleared by who asks */
	struct owner_info owner; /* pid 0: not known */
	int64_t silent_ms; /* for so long it was listened to in vain */
	int64_t looked_ms; /* until when that was counted */
	int64_t pinged_ms, reported_ms; /* when we last did that */
	struct launch launch;
};

void client_link_init(struct client_link *l, const struct client_options *opt);

/*
 * Connects and is welcomed, unless it is so already. For errors see
 * client_open.
 */
int
client_link_open(struct client_link *l, int64_t deadline_ms, struct err *err);

/* Ends the connection; a next _open makes a new one. */
void client_link_drop(struct client_link *l);

/* Drops, and lets go of what was started. */
void client_link_end(struct client_link *l);

/* Sends bytes (taken, and emptied); the answer to what was sent is here. */
void client_link_send(struct client_link *l, struct buf *bytes);

enum client_link_got {
	CLIENT_LINK_FRAME,
	CLIENT_LINK_LOST, /* the owner ended, or ended this connection */
	CLIENT_LINK_FAILED /* see err */
};

/*
 * The next frame, other than a pong; it borrows from l until the next call.
 * ERR_TIMEOUT at deadline_ms (0: none), or when the owner answered nothing
 * for CLIENT_WAIT_MS; an administrator waits on until a silent one was
 * replaced.
 */
enum client_link_got client_link_frame(struct client_link *l,
    int64_t deadline_ms, struct frame *f, struct err *err);

/* Wipes the frame that was handed out last. */
void client_link_forget(struct client_link *l);

/* Begins to listen: silence counts from here. */
void client_link_listen(struct client_link *l);

/*
 * What the owner's silence means now: FRAME: wait on, LOST: it was killed,
 * FAILED: see client_link_frame.
 */
enum client_link_got client_link_silence(
    struct client_link *l, int64_t deadline_ms, struct err *err);

#endif
