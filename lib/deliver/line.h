/*
 * line.h: a thread that does one blocking call to the store's owner
 * at a time, so that whoever asks is never blocked. Asked and read by one
 * thread, which is woken by outbound_wake.
 */
#ifndef EYELET_LIB_DELIVER_LINE_H
#define EYELET_LIB_DELIVER_LINE_H

#include <pthread.h>

#include "lib/outbound/outbound.h"
#include "lib/owner/client.h"
#include "lib/owner/feed.h"

enum deliver_line_state {
	DELIVER_LINE_IDLE, /* may be asked */
	DELIVER_LINE_ASKED, /* the thread is at it */
	DELIVER_LINE_ANSWERED /* by a result that was not taken yet */
};

struct deliver_line {
	struct client_options how;
	struct outbound *outbound; /* is woken when an answer is there */
	pthread_t thread;
	bool runs;
	struct client *client; /* the thread's; NULL until it is needed */

	/* The asker's while IDLE or ANSWERED, else the thread's. */
	bool json; /* a call of ops.h, not of feed.h */
	struct buf call;
	struct span answer; /* borrowed from client */
	int ret;
	struct err err;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t asked;
	enum deliver_line_state state;
	bool ends;
};

#define DELIVER_LINE_END_MS 3000

/* ERR_NOMEM, ERR_IO. */
int deliver_line_start(struct deliver_line *l, const struct client_options *how,
    struct outbound *ob, struct err *err);
/*
 * Ends a line, also one that was never started. False: its call did not end
 * within DELIVER_LINE_END_MS; then what it stands on has to stay.
 */
bool deliver_line_end(struct deliver_line *l);

/* Only while IDLE. ERR_NOMEM, ERR_LIMIT: nothing was asked. */
int deliver_line_ask(
    struct deliver_line *l, const struct feed_call *call, struct err *err);
int deliver_line_ask_json(
    struct deliver_line *l, struct span json, struct err *err);

enum deliver_line_state deliver_line_state(struct deliver_line *l);

/* The answer was looked at: IDLE, and its bytes are wiped. */
void deliver_line_done(struct deliver_line *l);

#endif
