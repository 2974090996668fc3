/*
 * cgi.h: one request under plain CGI: environment and standard input in,
 * standard output out. The process that owns the store answers it.
 */
#ifndef EYELET_CGI_CGI_H
#define EYELET_CGI_CGI_H

#include "cgi/log.h"
#include "lib/config/conf_live.h"

/*
 * Reads the request, has it answered, writes the answer. env is changed.
 * Returns -1 with err only when the answer could not be written.
 */
int cgi_run(
    struct conf_live *settings, char **env, struct log *log, struct err *err);

/* The answer when there is no configuration to work with: a fault of ours. */
int cgi_fault(const char *why, struct err *err);

#endif
