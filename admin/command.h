/*
 * command.h: the frame of every admin program: verbs, options, usage, help,
 * version, exit statuses, all from the same tables.
 */
#ifndef EYELET_ADMIN_COMMAND_H
#define EYELET_ADMIN_COMMAND_H

#include "lib/base/err.h"
#include "lib/config/conf.h"

struct command_line;

/* One option of a verb: "--name VALUE" or, with value NULL, "--name". */
struct option_row {
	const char *name; /* without the dashes */
	const char
	    *value; /* what it takes, for the usage text; NULL: nothing */
	const char *help;
	bool many; /* may be given more than once */
};

struct command {
	const char *verb;
	const char *operands; /* "NAME", "NAME [FILE]", "" */
	int min, max; /* how many operands; max -1: any number */
	const char *help; /* one line */
	const struct option_row *options;
	size_t noptions;
	/* Returns 0 or -1 with err, or a verdict of its own above 0. */
	int (*run)(struct command_line *line, struct err *err);
};

struct program {
	const char *name; /* "eyelet-endpoint" */
	const char *help; /* one line */
	const struct command *commands;
	size_t ncommands;
};

/* What was given. Borrowed from argv. */
struct command_line {
	const struct program *program;
	const struct command *command;
	const char *config; /* -c FILE, or NULL */
	bool json; /* --json, known to every verb */
	const char **operands;
	size_t noperands;
	struct given *given; /* command.c's own */
	size_t ngiven;
};

/*
 * Reads "[-c FILE] VERB [operands and options in any order]", runs the verb
 * and returns the exit status: 0, a verdict, or the sysexits code of err,
 * whose message goes to stderr as "program: verb: message". -h, --help,
 * --version, "help VERB" and --complete (the tables, for conf/eyelet.bash) are
 * answered here. Wrong use names the right use.
 */
int command_main(const struct program *program, int argc, char **argv);

/* The i-th value of an option, or NULL. */
const char *
command_option(const struct command_line *line, const char *name, size_t i);
bool command_has(const struct command_line *line, const char *name);

#endif
