/*
 * answer.h: a struct receive_reply as the text that a CGI program writes
 * (RFC 3875, section 6).
 */
#ifndef EYELET_CGI_ANSWER_H
#define EYELET_CGI_ANSWER_H

#include "lib/receive/receive.h"

/* Room for any reply: the longest head and the longest body. */
#define ANSWER_MAX (RECEIVE_REPLY_MAX + RECEIVE_HEADERS_MAX + 512)

/* Writes head and body to out, which has ANSWER_MAX; returns the length. */
size_t answer_text(const struct receive_reply *reply, char *out);

#endif
