/* store_config.h: the settings in force, shown and taken anew. */
#ifndef EYELET_ADMIN_STORE_CONFIG_H
#define EYELET_ADMIN_STORE_CONFIG_H

#include "admin/command.h"

/* The verbs config and reload of eyelet-store. */
int store_config(struct command_line *line, struct err *err);
int store_reload(struct command_line *line, struct err *err);

#endif
