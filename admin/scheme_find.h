/*
 * scheme_find.h: the schemes that a command line means: those of the folders
 * given by --schemes, or else of the configuration.
 */
#ifndef EYELET_ADMIN_SCHEME_FIND_H
#define EYELET_ADMIN_SCHEME_FIND_H

#include "admin/command.h"
#include "lib/scheme/scheme.h"

/* Borrowed from the command line or from conf. */
struct scheme_folders {
	struct conf conf;
	bool has_conf;
	const char *at[CONF_PATHS_MAX];
	size_t n;
};

/* ERR_USAGE: too many; else as conf_read. scheme_folders_free in any case. */
int scheme_folders_read(const struct command_line *line,
    struct scheme_folders *folders, struct err *err);
void scheme_folders_free(struct scheme_folders *folders);

/* All that load; a warning to stderr for each that does not. */
int scheme_find_all(const struct command_line *line,
    const struct scheme_folders *folders, struct scheme_set **out,
    struct err *err);

/*
 * The one of that name. ERR_NOTFOUND names the nearest; a file that does not
 * load is reported as scheme_load does.
 */
int scheme_find(const struct command_line *line, const char *name,
    struct scheme **out, struct err *err);

#endif
