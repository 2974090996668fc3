/* reply.h: one HTTP reply as eyelet gives it, whoever carries it. */
#ifndef EYELET_LIB_HTTP_REPLY_H
#define EYELET_LIB_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#define RECEIVE_REPLY_MAX 2048
#define RECEIVE_LOG_MAX 1024
#define RECEIVE_HEADERS_MAX 1024

/* An answer as plain values: copied, kept, sent whenever it suits. */
struct receive_reply {
	int status;
	const char *content_type; /* constant, or NULL: no body */
	const char *allow; /* constant for 405, else NULL */
	int retry_after_s; /* 0: no such header */
	/* Further headers, "Name: value\r\n" each: a handshake's. */
	size_t headers_len;
	char headers[RECEIVE_HEADERS_MAX];
	bool close; /* the body was not read: the connection cannot be kept */
	size_t body_len;
	char body[RECEIVE_REPLY_MAX];
	/* One inert key=value line for the log, without a line end. */
	char log[RECEIVE_LOG_MAX];
};

#endif
