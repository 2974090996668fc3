/*
 * env.h: a CGI environment (RFC 3875), however it came, as a struct request.
 */
#ifndef EYELET_CGI_ENV_H
#define EYELET_CGI_ENV_H

#include "lib/receive/receive.h"

/*
 * Walks env ("NAME=value" strings, NULL at the end) once and fills rq, all
 * but body and now_ms. The strings are changed in place (names to lower case,
 * REQUEST_URI decoded) and stay borrowed; headers has room for
 * REQUEST_HEADERS_MAX. Path is the first of PATH_INFO, SCRIPT_NAME and
 * REQUEST_URI that is not empty.
 *
 * ERR_LIMIT: too many headers. ERR_INPUT: no REQUEST_METHOD (so this is no
 * request: an empty environment is never an empty webhook), or a variable of
 * the web server itself came twice with different values.
 */
int env_request(
    char **env, struct header *headers, struct request *rq, struct err *err);

/* The reply to what env_request could not take. */
void env_refuse(struct receive_reply *reply, const struct err *err);

#endif
