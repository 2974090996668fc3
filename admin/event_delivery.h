/* event_delivery.h: the verbs of eyelet-event that are about deliveries. */
#ifndef EYELET_ADMIN_EVENT_DELIVERY_H
#define EYELET_ADMIN_EVENT_DELIVERY_H

#include "admin/call.h"

#define DEAD_OPERANDS "list | retry [SEQ...] | drop [SEQ...]"

/* Run functions of struct command. */
int event_retry(struct command_line *line, struct err *err);
int event_skip(struct command_line *line, struct err *err);
int event_park(struct command_line *line, struct err *err);
int event_dead(struct command_line *line, struct err *err);
int event_replay(struct command_line *line, struct err *err);

/*
 * Asks on the terminal before something is dropped. 0: yes; a verdict of 1: no.
 * ERR_USAGE without a terminal.
 */
int event_ask(const char *question, struct err *err);

/* Deliveries as lines, by a call of event.list that is filled already. */
int event_deliveries(struct call *c, struct err *err);

/* The operands from the first-th on as "seqs"; nothing where there are none. */
int event_put_seqs(struct call *c, size_t first, struct err *err);

/* The row's "deliveries", for people. */
int event_print_deliveries(const struct json *row, struct err *err);

#endif
