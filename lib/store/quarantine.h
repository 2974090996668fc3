/*
 * quarantine.h: requests that were refused, kept so that somebody can find out
 * why: a ring an endpoint, bounded by count and bytes, and all rings together
 * by bytes. No part of the event log, and nothing is ever delivered from here.
 *
 * Keeping one costs the thread that refuses a copy in memory and a short lock;
 * the disk is the business of quarantine_write, which the store's keeper calls
 * now and then. Each request is a file of its own, sealed (a sender may have
 * put a secret where none belongs). Nothing is flushed: what a kill or a power
 * cut takes is gone, and a file that is not whole counts as not there.
 */
#ifndef EYELET_LIB_STORE_QUARANTINE_H
#define EYELET_LIB_STORE_QUARANTINE_H

#include "lib/crypto/seal.h"
#include "lib/http/request.h"
#include "lib/scheme/scheme.h"

/* More than this in one second is refused unkept: of one endpoint, of all. */
#define QUARANTINE_RATE 20
#define QUARANTINE_RATE_ALL 100
/* Requests and bytes that wait in memory for the next write. */
#define QUARANTINE_WAITING_MAX 256
#define QUARANTINE_WAITING_BYTES (1024 * 1024)
#define QUARANTINE_RECORD_MAX (1024 * 1024) /* bytes of one, all told */
#define QUARANTINE_CUT_MAX 4096 /* bytes kept of a body that is not whole */
#define QUARANTINE_WORD_MAX 32 /* bytes of a verdict's word */
#define QUARANTINE_WHY_MAX 256 /* bytes of a reason; more is cut */
/* Stands for the value of a header that is a credential. */
#define QUARANTINE_HIDDEN "[not kept]"

struct quarantine;

struct quarantine_limits {
	uint64_t count, bytes; /* of one endpoint; 0: nothing is kept */
	uint64_t total; /* bytes of all; 0: nothing is kept */
	int64_t retain_s; /* older ones go, by age (age.h) */
};

/* How much of its body is kept; its numbers are the record's. */
enum quarantine_part {
	/* It was never read, or carries the secret itself. */
	QUARANTINE_NO_BODY = 0,
	QUARANTINE_WHOLE = 1,
	/* Its first bytes: all of it is above a limit, body_max or bytes. */
	QUARANTINE_CUT = 2
};

/* A request that was refused; content_length is that of the whole body. */
struct quarantine_entry {
	uint64_t no; /* given by quarantine_put; grows */
	uint64_t endpoint_id;
	int status; /* of the answer */
	struct span word, why; /* "signature", "no signature matches ..." */
	enum quarantine_part part;
	struct request request; /* now_ms is when it came */
};

/*
 * Finds what an earlier process left in dir, which need not exist. key is
 * borrowed until quarantine_close. ERR_IO, ERR_NOMEM.
 */
int quarantine_open(const char *dir, const struct seal_key *key,
    const struct quarantine_limits *limits, struct quarantine **out,
    struct err *err);

/* Other limits from now on; what they leave no room for goes. Any thread. */
void quarantine_configure(
    struct quarantine *q, const struct quarantine_limits *limits);

/* Writes what waits, unless it is told to drop it. NULL is fine. */
void quarantine_close(struct quarantine *q, bool write);

/*
 * Keeps a copy of en (no is not looked at), without what is a credential
 * anywhere (Authorization, Cookie, ...) or to the scheme, which may be NULL.
 * False when it is not kept: off, more than the rate, no room or memory. Any
 * thread; never waits for the disk.
 */
bool quarantine_put(struct quarantine *q, const struct quarantine_entry *en,
    const struct scheme *sc);

/*
 * Writes what waits, removes what the limits let go. One thread at a time.
 * ERR_IO, ERR_FULL: what could not be written is dropped.
 */
int quarantine_write(struct quarantine *q, int64_t age_ms, struct err *err);

/*
 * The entry of this number into out, which borrows from memory and headers
 * (REQUEST_HEADERS_MAX of them). *found is false when it is not there (any
 * more). ERR_IO, ERR_NOMEM. Any thread.
 */
int quarantine_get(struct quarantine *q, uint64_t no, struct buf *memory,
    struct header *headers, struct quarantine_entry *out, bool *found,
    struct err *err);

/*
 * The numbers of all that is kept (of one endpoint; 0: of all), the newest
 * first, in memory of the caller's (free()). ERR_NOMEM.
 */
int quarantine_list(struct quarantine *q, uint64_t endpoint_id, uint64_t **nos,
    size_t *n, struct err *err);

/* What is kept now, and what was refused unkept since the store was opened. */
struct quarantine_totals {
	uint64_t count, bytes, unkept;
};

void quarantine_totals(struct quarantine *q, struct quarantine_totals *out);

#endif
