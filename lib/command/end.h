/* end.h: what a run said, and how it ended, as a result. */
#ifndef EYELET_LIB_COMMAND_END_H
#define EYELET_LIB_COMMAND_END_H

#include <stdbool.h>

#include "lib/command/run.h"

/* Puts output behind what there was; its last COMMAND_EXCERPT_MAX are kept. */
void command_result_put(
    struct command_result *res, const unsigned char *ptr, size_t len);

/* Words, made inert and cut to their room. */
void command_result_words(struct command_result *res, const char *words);

struct command_end {
	bool begun; /* the trampoline came to command_become */
	const char *refused; /* what it said then; "": it is the command */
	bool overdue; /* it was asked to end */
	int64_t timeout_ms;
	bool exited; /* code is its status; else a signal */
	int code;
};
void command_result_end(struct command_result *res, const char *name,
    const struct command_end *end);

#endif
