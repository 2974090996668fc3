/* quarantine.h: the verb "quarantine" of eyelet-event: refused requests. */
#ifndef EYELET_ADMIN_QUARANTINE_H
#define EYELET_ADMIN_QUARANTINE_H

#include "admin/command.h"
#include "lib/json/json.h"

/* The operands that it takes, for the usage text. */
#define QUARANTINE_OPERANDS "list | show NO | explain NO | admit NO"

/* A run function of struct command, with the options endpoint and limit. */
int quarantine_run(struct command_line *line, struct err *err);

#endif
