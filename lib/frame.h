/*
 * frame.h: what passes over the owner's socket. Every frame is
 *	4 bytes length of what follows (big-endian, at most FRAME_MAX)
 *	1 byte  version (FRAME_VERSION)
 *	1 byte  type (enum frame_type)
 * and its content. Texts are JSON; a request is binary, see frame_put_request.
 */
#ifndef EYELET_LIB_FRAME_H
#define EYELET_LIB_FRAME_H

#include "lib/receive.h"

#define FRAME_VERSION 1
#define FRAME_MAX (24 * 1024 * 1024) /* room for STORE_BODY_MAX and headers */

enum frame_type {
	FRAME_HELLO = 1, /* JSON: version, build, role, program, pid */
	FRAME_WELCOME, /* JSON: the owner's version, build, role, pid */
	FRAME_PING, /* empty; answered at once, whatever else is going on */
	FRAME_PONG,
	FRAME_REQUEST, /* a webhook request */
	FRAME_REPLY, /* its answer */
	FRAME_CALL, /* 16-byte request id, then JSON: see ops.h */
	FRAME_ROW, /* JSON: one row of a call's answer */
	FRAME_END, /* JSON: how the call ended */
	FRAME_LEAVE, /* empty: give the store up (take-over) */
	FRAME_BUSY /* JSON: code and message; the connection ends */
};

struct frame {
	enum frame_type type;
	struct span content;
};

/*
 * Decodes the frame at the start of in. *used is 0 when more bytes are
 * needed. ERR_INPUT: too long, unknown type; ERR_VERSION: other version.
 */
int
frame_decode(struct span in, struct frame *out, size_t *used, struct err *err);
int frame_encode(enum frame_type type, struct span content, struct buf *out,
    struct err *err);

/*
 * A request: 16 bytes request id, then fields, each 4 bytes length + bytes:
 * method, path, query, peer, flags (1 byte: https), 8-byte content length,
 * 8-byte now_ms, header count (2 bytes) with name and value each, body.
 */
int frame_put_request(const struct request *rq,
    const unsigned char request_id[STORE_REQUEST_ID], struct buf *out,
    struct err *err);
/* Borrows from in; headers has REQUEST_HEADERS_MAX entries. ERR_INPUT. */
int
frame_get_request(struct span in, struct request *rq, struct header *headers,
    unsigned char request_id[STORE_REQUEST_ID], struct err *err);

int frame_put_reply(
    const struct receive_reply *reply, struct buf *out, struct err *err);
int
frame_get_reply(struct span in, struct receive_reply *reply, struct err *err);

#endif
