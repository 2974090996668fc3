/*
 * send.h: what is under way, from its start to its end.
 */
#ifndef EYELET_LIB_DELIVER_SEND_H
#define EYELET_LIB_DELIVER_SEND_H

#include "lib/deliver/core.h"

/* Takes what has ended; then starts what is due. */
int deliver_send(struct deliver *dv, struct err *err);
/*
 * The events that are waited for and now asked for, up from *seqs; how many:
 * none while there is no room for more.
 */
size_t deliver_wanted_events(struct deliver *dv, uint64_t seqs[FEED_SEQS_MAX]);
/*
 * Those that were asked for and stand below next were looked for, and those
 * found are in the cache.
 */
int deliver_fetched(struct deliver *dv, uint64_t next, struct err *err);
void deliver_free_sends(struct deliver *dv);

#endif
