/*
 * endpoint_explain.h: the verb "explain" of eyelet-endpoint: a request that
 * somebody saved, held against an endpoint.
 */
#ifndef EYELET_ADMIN_ENDPOINT_EXPLAIN_H
#define EYELET_ADMIN_ENDPOINT_EXPLAIN_H

#include "admin/command.h"

/*
 * A run function of struct command: the request on stdin, with the options
 * secret-file, body-file and at. Its verdict is 1 unless the request is right.
 */
int endpoint_explain(struct command_line *line, struct err *err);

#endif
