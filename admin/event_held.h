/* event_held.h: events that are held: listed, released, dropped. */
#ifndef EYELET_ADMIN_EVENT_HELD_H
#define EYELET_ADMIN_EVENT_HELD_H

#include "admin/call.h"

/* Run functions of struct command. */
int event_release(struct command_line *line, struct err *err);
int event_drop(struct command_line *line, struct err *err);

/* Is this the status of events that are or were held? */
bool event_held_wanted(const struct command_line *line);

/* Sends event.list, and shows held events as lines. */
int event_held(struct call *c, struct err *err);

/* What an operator can do about the held event of a row of event.show. */
void event_held_print_ways(const struct json *row);

#endif
