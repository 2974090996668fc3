/*
 * reply.h: fills the answers of receive.h; what each status says, in one
 * table. Private to the receiving files.
 */
#ifndef EYELET_LIB_RECEIVE_REPLY_H
#define EYELET_LIB_RECEIVE_REPLY_H

#include "lib/receive/receive.h"

/* Why a request is refused, or what became of it: a row in reply.c each. */
enum reply_kind {
	REPLY_NO_REQUEST,
	REPLY_HEADERS,
	REPLY_METHOD,
	REPLY_UNKNOWN, /* no such endpoint, removed, or disabled */
	REPLY_FORWARDED, /* a trusted proxy's header is no address */
	REPLY_PLAIN_HTTP,
	REPLY_ADDRESS,
	REPLY_RATE,
	REPLY_NO_LENGTH,
	REPLY_BAD_LENGTH,
	REPLY_TOO_LARGE,
	REPLY_SHORT_BODY,
	REPLY_LATE_BODY,
	REPLY_DOUBLED,
	REPLY_KEYLESS, /* no live secret, or the endpoint is broken */
	REPLY_SIGNATURE, /* status by the scheme */
	REPLY_STRANGER, /* a handshake whose check does not hold */
	REPLY_NO_HANDSHAKE, /* one that lacks what should be echoed */
	REPLY_HANDSHAKE,
	REPLY_SECRET, /* the endpoint's own, which was waited for */
	REPLY_NOT_JSON,
	REPLY_NOT_TAKEN, /* JSON, but for a key twice and the like */
	REPLY_UNREADABLE, /* a form, or a packed body */
	REPLY_REQUIRED,
	REPLY_TOO_LONG, /* id or type */
	REPLY_FAULT, /* ours */
	REPLY_FULL, /* disk */
	REPLY_BUSY,
	REPLY_CROWDED, /* bodies in hand have all their memory */
	REPLY_CLOCK, /* only the time speaks against it, and it is in doubt */
	REPLY_HEALTHY,
	REPLY_SICK,
	REPLY_ACCEPTED,
	REPLY_DUPLICATE,
	REPLY_HELD,
	REPLY_FORGED, /* authentic, but for another message; by the scheme */
	REPLY_IGNORED,
	REPLY_TEST
};

/*
 * Fills reply but for its log line. status 0 takes the row's own. id may be
 * empty; it is left out where it is not UTF-8. empty: no body at all.
 */
void reply_fill(struct receive_reply *reply, enum reply_kind kind, int status,
    struct span id, bool empty);

/* One more member, a word, in a body that reply_fill made. */
void
reply_add_word(struct receive_reply *reply, const char *name, const char *word);

/* The answer to a handshake, in place of the body that reply has. */
struct handshake_reply;
void
reply_handshake(struct receive_reply *reply, const struct handshake_reply *hs);

/* The status of a verdict: 0 when it is valid. */
int reply_status(const struct scheme *sc, enum verify_verdict verdict);

/* The answer to a request that a front end gives up. */
enum reply_kind reply_refusal(enum receive_refusal refusal);

/* The word for a log line: "accepted", "unknown", ... */
const char *reply_word(enum reply_kind kind);

#endif
