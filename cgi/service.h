/*
 * service.h: a long-lived eyelet.fcgi: owns the store or finds who does, and
 * changes from one to the other; ends when it is told to, when its web server
 * is gone, or when nobody needs it.
 */
#ifndef EYELET_CGI_SERVICE_H
#define EYELET_CGI_SERVICE_H

#include <signal.h>

#include "cgi/listening.h"
#include "cgi/log.h"
#include "cgi/notify.h"
#include "cgi/reload.h"

#define SERVICE_WAIT_MS 5000 /* for an owner, before a request gets 503 */
#define SERVICE_LOOK_MS 250 /* how often the main thread looks around */
#define SERVICE_RETRY_MS 1000 /* after the store could not be opened */
#define SERVICE_IDLE_S 60 /* --store leaves after so long without clients */
#define SERVICE_FORWARDERS 16 /* workers while another process owns */
#define SERVICE_DRAIN_MS 5000 /* above the upload deadline, to end in */
#define SERVICE_CALM_MS 200 /* that connections wait for a moment to end in */
#define SERVICE_QUIET_MS 100 /* without a connection, before the end */
#define SERVICE_PARENT_QUIET_MS                                            \
	1000 /* the same, where a web server that ends us serves on itself \
	      */
#define SERVICE_LINGER_MS 4000 /* mod_fcgid kills after 8 s */
#define SERVICE_CLOSE_MS 15000 /* for closing the store when leaving */

struct service_options {
	struct reload *reload; /* settings, and what takes them anew */
	struct listening *listening; /* from NONE: --store, no FastCGI */
	size_t connections;
	int parent_fd; /* a pidfd: its death ends the service; -1: nobody's */
	char **argv; /* to execute itself anew with */
	struct log *log;
	struct notify *notify; /* or NULL */
};

/*
 * The signals that end a service, and the one that has it take its settings
 * anew (SIGHUP); blocked by the caller in every thread.
 */
void service_signals(sigset_t *set);

/*
 * Serves until the end. Returns 0 when it ended well, 1 when requests were
 * still under way at the end of all patience (only _exit is left), -1 with err
 * when it cannot serve.
 */
int service_run(const struct service_options *opt, struct err *err);

#endif
