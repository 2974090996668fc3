/*
 * request_pack.h: requests and replies as bytes: in frames, and where refused
 * requests are kept. Integers are big-endian.
 */
#ifndef EYELET_LIB_HTTP_REQUEST_PACK_H
#define EYELET_LIB_HTTP_REQUEST_PACK_H

#include "lib/http/reply.h"
#include "lib/http/request.h"

/* STORE_BODY_MAX as base64, and more. */
#define REQUEST_PACK_MAX (48 * 1024 * 1024)

/*
 * A request: 16 bytes request id, then method, path, query and peer (each 4
 * bytes length + bytes), flags (1 byte; bit 0: https), 8 bytes declared
 * length, 2 bytes header count with name and value each (4 + bytes), body
 * (4 + bytes). The time is not sent: the owner's clock decides.
 */
int frame_put_request(const struct request *rq,
    const unsigned char request_id[STORE_REQUEST_ID], struct buf *out,
    struct err *err);
/*
 * Borrows from in; headers has REQUEST_HEADERS_MAX entries; now_ms is 0.
 * ERR_INPUT.
 */
int
frame_get_request(struct span in, struct request *rq, struct header *headers,
    unsigned char request_id[STORE_REQUEST_ID], struct err *err);

int frame_put_reply(
    const struct receive_reply *reply, struct buf *out, struct err *err);
/* content_type and allow are borrowed from in. ERR_INPUT. */
int
frame_get_reply(struct span in, struct receive_reply *reply, struct err *err);

#endif
