/*
 * frame.h: what passes over the owner's socket. Every frame is
 *	4 bytes length of what follows (big-endian, at most FRAME_MAX)
 *	1 byte  version (FRAME_VERSION)
 *	1 byte  type (enum frame_type)
 * and its content, at most what its type allows. A greeting or a verdict is
 * "name=value" lines, a call and its rows are JSON, a request and its reply
 * are binary, as is what the deliverer asks and is told. Nothing here trusts
 *what it decodes: no byte outside the given ones is read, and what comes out
 *keeps to the limits below.
 */
#ifndef EYELET_LIB_OWNER_FRAME_H
#define EYELET_LIB_OWNER_FRAME_H

#include <sys/types.h>

#include "lib/http/request_pack.h"

#define FRAME_VERSION 1
#define FRAME_HEAD 6 /* length, version and type */
#define FRAME_MAX REQUEST_PACK_MAX
#define FRAME_ROOM 4096 /* bytes that are made room for without a head */
#define FRAME_TEXT_MAX 1024 /* a greeting or a verdict */

/* Their numbers are the wire's: never given to another type. */
enum frame_type {
	FRAME_HELLO = 1, /* a greeting: who calls */
	FRAME_WELCOME, /* a greeting: who owns */
	FRAME_PING, /* empty; answered at once, whatever else is going on */
	FRAME_PONG, /* empty */
	FRAME_REQUEST, /* a webhook request */
	FRAME_REPLY, /* its answer */
	FRAME_CALL, /* 16-byte request id, then JSON: see ops.h */
	FRAME_ROW, /* JSON: one row of a call's answer */
	FRAME_END, /* a verdict: how the call ended (ERR_NONE: well) */
	FRAME_LEAVE, /* empty: give the store up (take-over) */
	FRAME_BUSY, /* a verdict; the connection ends */
	FRAME_FEED, /* the deliverer's call: see feed.h */
	FRAME_FED, /* its answer; FRAME_END where it failed */
	FRAME_ASK /* a request without its body: may it come? FRAME_REPLY */
};

/* Takes one row: a JSON object without a line end. -1 stops the call. */
typedef int ops_row(void *arg, struct span json, struct err *err);

struct frame {
	enum frame_type type;
	struct span content; /* borrowed from what was decoded */
};

/*
 * How long the whole frame at the start of in is, its head included; *total
 * is 0 while its head is not there yet. So room can be made, or refused,
 * before more is read. ERR_INPUT: unknown type, or longer than that type may
 * be; ERR_VERSION: a version that this release does not speak. Greetings,
 * pings, LEAVE and verdicts read the same in every version, so that releases
 * can always tell each other who they are.
 */
int frame_total(struct span in, size_t *total, struct err *err);

/*
 * Gives in, bytes as they come, room for the whole frame at its start (total
 * as frame_total says; 0: for a common one). What it has moves, and is wiped
 * where it was: it may be the first half of a secret. ERR_NOMEM, ERR_LIMIT.
 */
int frame_room(struct buf *in, size_t total, struct err *err);

/*
 * Decodes the frame at the start of in. *used is 0 when more bytes are
 * needed. Errors as frame_total.
 */
int
frame_decode(struct span in, struct frame *out, size_t *used, struct err *err);

/*
 * Puts one frame; out->max has to leave room for FRAME_HEAD more bytes.
 * ERR_LIMIT when content is longer than the type allows.
 */
int frame_encode(enum frame_type type, struct span content, struct buf *out,
    struct err *err);

/*
 * The same for content that is put straight behind its head: frame_begin
 * puts the head and says where it stands, frame_finish fills its length in.
 */
int
frame_begin(enum frame_type type, struct buf *out, size_t *at, struct err *err);
int frame_finish(struct buf *out, size_t at, struct err *err);

/* Who speaks. Texts are words of letters, digits and "._+~-". */
struct frame_greeting {
	char version[32]; /* of the release: "0.1.0" */
	char build[48]; /* tells two builds of one release apart */
	char role[16];
	char program[48]; /* "eyelet-secret" */
	pid_t pid;
	unsigned long long started; /* owner_info's */
	/* SUDO_UID of an administrator: a claim that the owner judges. */
	bool has_sudo;
	unsigned sudo_uid;
};

int frame_put_greeting(
    const struct frame_greeting *greeting, struct buf *out, struct err *err);
int frame_get_greeting(
    struct span in, struct frame_greeting *greeting, struct err *err);

/* An error on its way to another process: its code and its words. */
int
frame_put_verdict(const struct err *verdict, struct buf *out, struct err *err);
int frame_get_verdict(struct span in, struct err *verdict, struct err *err);

#endif
