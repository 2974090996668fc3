/* event.h: the verbs of eyelet-event, one file each, and what they share. */
#ifndef EYELET_ADMIN_EVENT_H
#define EYELET_ADMIN_EVENT_H

#include "admin/call.h"

/* event_filter.c: puts the filters that were given. ERR_USAGE. */
int event_put_filter(struct call *c, struct err *err);

/* Run functions of struct command. */
int event_list(struct command_line *line, struct err *err);
int event_tail(struct command_line *line, struct err *err);
int event_show(struct command_line *line, struct err *err);
int event_export(struct command_line *line, struct err *err);
int event_stats(struct command_line *line, struct err *err);
int event_publish(struct command_line *line, struct err *err);
int event_read(struct command_line *line, struct err *err);
int event_cursor(struct command_line *line, struct err *err);
int event_prune(struct command_line *line, struct err *err);

#define CURSOR_OPERANDS "list | ack NAME SEQ | remove NAME"

/* Shows the event SEQ, or of an id; raw is its payload alone. */
int event_show_one(struct command_line *line, bool raw, struct err *err);

#endif
