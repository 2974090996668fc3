/*
 * notify.h: tells systemd how a service is, as sd_notify(3) describes it and
 * without its library: READY=1, WATCHDOG=1 and STOPPING=1.
 *
 * With WatchdogSec= in the unit a thread asks for healthz through the
 * listening socket, as a web server does, and tells of each answer, whatever it
 * says: a full disk is no reason to start again. Where no answer comes, systemd
 * ends the service and starts it anew. Until READY=1 the thread tells without
 * asking: systemd waits for READY=1 as long as the unit allows, but after a
 * start in place (exec) its watchdog runs on from before, and would end a
 * recovery that takes longer.
 */
#ifndef EYELET_CGI_NOTIFY_H
#define EYELET_CGI_NOTIFY_H

#include "cgi/listening.h"
#include "lib/config/conf_live.h"

/* Marks a request of ours: it gets no line in the log where all is well. */
#define NOTIFY_MARK "EYELET_WATCHDOG"

struct notify;

/*
 * *out is NULL where systemd does not want to hear (NOTIFY_SOCKET). settings,
 * which name the mount, must live until notify_close returned true. A thread
 * begins here: block the signals before that it must not take.
 */
int notify_open(const struct listening *ls, struct conf_live *settings,
    struct notify **out, struct err *err);

/* Once requests are answered; from here on it asks. NULL is allowed. */
void notify_ready(struct notify *nt);

/* The end has begun; the watchdog goes on, since requests do. */
void notify_stopping(struct notify *nt);

/*
 * Frees it, unless the watchdog's thread may still ask: then it stays until
 * the process ends, and the answer is false. NULL is allowed.
 */
bool notify_close(struct notify *nt);

#endif
