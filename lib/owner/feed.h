/*
 * feed.h: what the deliverer asks of the store's owner, in binary: the calls
 * of ops.h are JSON, which would cost more than the deliveries. One frame
 * FRAME_FEED there (a verb and its fields), one FRAME_FED back; who may
 * administer may feed. Integers are big-endian, texts have their length in
 * front; nothing here trusts what it decodes.
 */
#ifndef EYELET_LIB_OWNER_FEED_H
#define EYELET_LIB_OWNER_FEED_H

#include "lib/model/delivery.h"
#include "lib/model/destination.h"
#include "lib/model/event.h"
#include "lib/model/rows.h"
#include "lib/model/secret.h"

#define FEED_READ_MAX (256 * 1024) /* bytes of events in an answer, about */
#define FEED_WAIT_MAX_MS 30000

enum feed_verb {
	FEED_WAIT = 1, /* until something came or changed */
	FEED_SETTINGS, /* all destinations, with secrets; all endpoints */
	FEED_ROWS, /* of one destination, from a seq on */
	FEED_READ, /* the log, from a seq on */
	FEED_EVENTS, /* some events, by seq */
	FEED_REPORT /* outcomes */
};

/* A call; which members count depends on the verb. */
struct feed_call {
	enum feed_verb verb;
	uint64_t seq, touched; /* WAIT: both; READ, ROWS: from this seq on */
	int wait_ms; /* WAIT */
	uint64_t destination_id; /* ROWS */
	const uint64_t *seqs; /* EVENTS; each above the one before */
	size_t nseqs;
	struct store_report report; /* REPORT */
};

#define FEED_SEQS_MAX 4096
#define FEED_CURSORS_MAX 4096
#define FEED_SECRETS_MAX (SECRET_LIVE_MAX + 1) /* of a destination */
#define FEED_WAITERS_MAX 8 /* WAITs at once; more are answered at once */

int
feed_put_call(const struct feed_call *call, struct buf *out, struct err *err);

/*
 * --- answers, decoded: they borrow from in. All of an answer is judged before
 * a visitor sees any of it. ERR_INPUT, and what visitors fail with.
 */

struct feed_told { /* WAIT */
	uint64_t durable_seq, touched;
};
int feed_get_told(struct span in, struct feed_told *out, struct err *err);

struct feed_secret {
	uint64_t id;
	enum secret_state state; /* as stored: CURRENT or PREVIOUS */
	int64_t until_ms;
	struct span text; /* plain: whoever copies it wipes it */
};
struct feed_destination {
	uint64_t id, generation, cursor, rows_touched;
	struct store_failing failing;
	enum store_destination_state state;
	struct span name, doc;
	size_t nsecrets;
	struct feed_secret secrets[FEED_SECRETS_MAX]; /* current first */
};
struct feed_endpoint {
	uint64_t id;
	bool removed;
	struct span name;
};
/* SETTINGS: touched first, so that nothing is missed; then each. */
int feed_get_settings(struct span in, uint64_t *touched,
    int (*destination)(
	void *arg, const struct feed_destination *d, struct err *err),
    int (*endpoint)(void *arg, const struct feed_endpoint *e, struct err *err),
    void *arg, struct err *err);

/*
 * ROWS: *next is the seq to go on from; 0: that was all. Dead ones that the
 * cursor has passed are left out: nobody needs them to deliver.
 */
int feed_get_rows(struct span in, uint64_t *next,
    int (*visit)(void *arg, const struct store_delivery *d, struct err *err),
    void *arg, struct err *err);

/*
 * READ and EVENTS: events in order; all below *next was looked at, so that
 * one asked for below it which did not come is there no more.
 */
int feed_get_events(struct span in, uint64_t *next,
    int (*visit)(void *arg, const struct event *ev, struct err *err), void *arg,
    struct err *err);
/* *next alone, which stands in front; the rest is not judged. */
int feed_get_next(struct span in, uint64_t *next, struct err *err);

#endif
