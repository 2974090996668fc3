/* store_status.h: the verb status of eyelet-store. */
#ifndef EYELET_ADMIN_STORE_STATUS_H
#define EYELET_ADMIN_STORE_STATUS_H

#include "admin/command.h"

/* A verdict of 1 where eyelet-store(8) says that something is wrong. */
int store_run_status(struct command_line *line, struct err *err);

#endif
