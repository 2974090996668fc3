/* scheme_try.h: verifies or signs one request given on the command line. */
#ifndef EYELET_ADMIN_SCHEME_TRY_H
#define EYELET_ADMIN_SCHEME_TRY_H

#include "admin/command.h"

/* Run functions of struct command. */
int scheme_try_verify(struct command_line *line, struct err *err);
int scheme_try_sign(struct command_line *line, struct err *err);

#endif
