/* event.h: events as rows, published, read by a cursor, counted. */
#ifndef EYELET_LIB_OPS_EVENT_H
#define EYELET_LIB_OPS_EVENT_H

#include "lib/ops/call.h"

op_run op_event_list, op_event_show, op_event_export, op_event_follow,
    op_event_stats, op_event_publish;

op_run op_event_read, op_cursor_list, op_cursor_ack, op_cursor_remove;

/* Lists the events that a secret verified. */
op_run op_secret_suspects;

/* An event with its payload, as event.export has it. */
int op_event_emit(const struct op_call *call, const struct event *ev,
    const char *endpoint, struct buf *row, struct err *err);

#endif
