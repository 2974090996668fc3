/* endpoint_test.h: posts a test event to an endpoint, as its provider would. */
#ifndef EYELET_ADMIN_ENDPOINT_TEST_H
#define EYELET_ADMIN_ENDPOINT_TEST_H

#include "admin/command.h"

/* A run function of struct command: NAME; 1 when the status is not 2xx. */
int endpoint_test(struct command_line *line, struct err *err);

#endif
