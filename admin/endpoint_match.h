/* endpoint_match.h: which event types an endpoint keeps, and by which rule. */
#ifndef EYELET_ADMIN_ENDPOINT_MATCH_H
#define EYELET_ADMIN_ENDPOINT_MATCH_H

#include "admin/command.h"

/* A run function of struct command: NAME TYPE...; 1 when one is not kept. */
int endpoint_match(struct command_line *line, struct err *err);

#endif
