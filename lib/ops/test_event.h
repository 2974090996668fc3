/* test_event.h: what test events for endpoints and destinations share. */
#ifndef EYELET_LIB_OPS_TEST_EVENT_H
#define EYELET_LIB_OPS_TEST_EVENT_H

#include "lib/ops/call.h"

#define OP_TEST_ID_MAX 64
#define OP_TEST_TYPE "test.event" /* where a scheme names none */
#define OP_TEST_BODY_MAX (64 * 1024) /* bytes: of an envelope */
#define OP_TEST_HEADERS_MAX (64 * 1024) /* bytes: of all together */

/* An id for the call's event; a repeat of the call gives the same. */
void op_test_id(const struct op_call *call, char out[OP_TEST_ID_MAX]);
/* In the envelope of the scheme; a plain one where that has none, or NULL. */
int op_test_body(const struct scheme *scheme, struct span id, struct span type,
    int64_t now_ms, struct buf *out, struct err *err);
/* An array "headers" of "Name: value\n" lines. */
void op_test_write_headers(struct json_write *w, struct span lines);

#endif
