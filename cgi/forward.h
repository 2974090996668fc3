/*
 * forward.h: requests handed on to the process that owns the store. Each call
 * takes a client of its own for as long as it lasts, so any number of threads
 * may forward at once.
 */
#ifndef EYELET_CGI_FORWARD_H
#define EYELET_CGI_FORWARD_H

#include "lib/config/conf_live.h"
#include "lib/owner/client.h"
#include "lib/receive/receive.h"

#define FORWARD_WORDS_MAX 64 /* different content types that owners answer */
#define FORWARD_WHY_MAX 200 /* bytes of a reason that the log shows */

struct forward;

/*
 * Borrows settings until forward_close; replies borrow words from it until
 * then.
 */
int forward_open(struct conf_live *settings, enum client_role role,
    struct forward **out, struct err *err);
void forward_close(struct forward *fw); /* NULL is allowed */

/* Connects once, which makes an owner that should give way do so. */
int forward_greet(struct forward *fw, struct err *err);

/*
 * What receive_begin is to the owner, who is asked where the body is above
 * receive.body_max: an endpoint may take more. Returns 0 when a body is to be
 * read; 1 when call->reply is the owner's answer; -1 with err when no owner
 * could be reached, and the call can be begun anew. deadline_ms is of
 * clock_ms: no owner is waited for any longer.
 */
int forward_begin(struct forward *fw, struct receive_call *call,
    int64_t *body_max, int64_t deadline_ms, struct err *err);

/* The whole request. Returns 1 or -1, as above. */
int forward_body(struct forward *fw, struct receive_call *call,
    int64_t deadline_ms, struct err *err);

/* The refusal of a request whose body did not come whole. */
void forward_abort(struct receive_call *call, enum receive_refusal refusal);

/* The answer when no owner could be reached; why may hold any words. */
void forward_fault(struct receive_reply *reply, const char *why);

#endif
