/*
 * handler.h: who answers requests, as the front ends see it: receive() in
 * this process, or the process that owns the store.
 */
#ifndef EYELET_CGI_HANDLER_H
#define EYELET_CGI_HANDLER_H

#include "lib/receive/receive.h"

/*
 * Each as the function of the same name in lib/receive/receive.h; called by any
 * thread. What begin puts into *via comes back with the same request.
 */
struct handler {
	void *arg;
	int (*begin)(void *arg, struct receive_call *call, void **via,
	    int64_t *body_max);
	int (*body)(void *arg, struct receive_call *call, void *via);
	void (*abort)(void *arg, struct receive_call *call, void *via,
	    enum receive_refusal refusal);
};

#endif
