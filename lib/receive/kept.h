/*
 * kept.h: which headers of a request stay with its event: those that some
 * destination forwards or orders by. Others are not written down: most are
 * the web server's talk, and some are confidential.
 */
#ifndef EYELET_LIB_RECEIVE_KEPT_H
#define EYELET_LIB_RECEIVE_KEPT_H

#include "lib/http/request.h"
#include "lib/scheme/scheme.h"
#include "lib/store/store.h"

#define KEPT_MAX 16384 /* bytes of an event's; lines beyond are left out */

struct kept;

/* What the destinations of st want now, but the removed ones. ERR_NOMEM. */
int kept_load(struct store *st, struct kept **out, struct err *err);
void kept_free(struct kept *kp); /* NULL is allowed */

/*
 * Puts them as "name: value\n" lines, as they came, in lower-case names. A
 * header that is the endpoint's secret is never kept. ERR_NOMEM.
 */
int kept_put(const struct kept *kp, const struct scheme *sc,
    const struct request *rq, struct buf *out, struct err *err);

#endif
