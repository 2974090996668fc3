/*
 * log.h: the log of a running program: lines gather in memory and a thread of
 * its own writes them, so that no request waits for a disk or a terminal.
 */
#ifndef EYELET_CGI_LOG_H
#define EYELET_CGI_LOG_H

#include "lib/receive/receive.h"

#define LOG_ROOM (256 * 1024) /* bytes that may wait; more are dropped */
#define LOG_WRITE_AT (64 * 1024) /* written when so many wait, ... */
#define LOG_WRITE_MS 100 /* ... or the first of them has waited so long */
#define LOG_END_MS 1000 /* for a log that takes nothing, at the end */
#define LOG_LINE_MAX 2048

struct log;

/*
 * to is "stderr" (lines then begin with the time, RFC 3339) or "syslog"
 * (facility daemon; its daemon stamps). ERR_USAGE, ERR_NOMEM, ERR_IO.
 */
int log_open(const char *to, struct log **out, struct err *err);

/* Lines go there from now on: see log_open. Any thread. */
void log_set(struct log *lg, const char *to);

/*
 * Opens standard error anew where its file was rotated, see log_file.h; `now`
 * without waiting for the time of the next look. One thread's.
 */
void log_look(struct log *lg, bool now);

/*
 * Writes what waits, for at most LOG_END_MS, and writes no more; the log stays,
 * since threads may have lines for it still. False when some were not written.
 */
bool log_end(struct log *lg);

/* The same, and frees it: once no other thread uses it. NULL is allowed. */
void log_close(struct log *lg);

/*
 * One line for a request: reply->log and the milliseconds it took. Any thread;
 * never blocks. When there is no room the line is dropped and counted; the
 * count is a line of its own as soon as there is.
 */
void
log_request(struct log *lg, const struct receive_reply *reply, int64_t took_us);

/* One line for the operator: words (made inert here) as note="...". */
void log_note(struct log *lg, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* log_note in the shape of store_options.log; arg is the log. */
void log_words(void *arg, const char *words);

#endif
