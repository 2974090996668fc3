/*
 * reply.h: a struct receive_reply as the head and body that a CGI program
 * writes (RFC 3875, section 6), and the few replies that the front end gives
 * by itself because the request is none.
 */
#ifndef EYELET_CGI_REPLY_H
#define EYELET_CGI_REPLY_H

#include "lib/receive.h"

/* Room for any reply: the longest head and the longest body. */
#define REPLY_TEXT_MAX (RECEIVE_REPLY_MAX + 512)

/* Writes head and body to out, which has REPLY_TEXT_MAX; returns the length. */
size_t reply_text(const struct receive_reply *reply, char *out);

/*
 * A refusal in the form that lib/receive gives them. what is constant, inert
 * text; the connection is to be closed, since nothing read a body.
 */
void reply_refuse(struct receive_reply *reply, int status, const char *what);

/* The refusal for what env_request could not take. */
void reply_no_request(struct receive_reply *reply, const struct err *err);

#endif
