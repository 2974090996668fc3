/*
 * settings.h: which destinations and endpoints there are, as the owner told.
 */
#ifndef EYELET_LIB_DELIVER_SETTINGS_H
#define EYELET_LIB_DELIVER_SETTINGS_H

#include "lib/deliver/core.h"

struct deliver_destination *deliver_find(struct deliver *dv, uint64_t id);
/* NULL: not known (yet). */
const struct deliver_endpoint *
deliver_find_endpoint(const struct deliver *dv, uint64_t id);

int deliver_take_settings(struct deliver *dv, struct span in, struct err *err);
/* Rows of dv->asked_id. *next: where they go on; 0: that was all. */
int deliver_take_rows(
    struct deliver *dv, struct span in, uint64_t *next, struct err *err);
void deliver_rows_failed(struct deliver *dv);
/* dv->live is another one: each destination is made anew. ERR_NOMEM. */
int deliver_take_live(struct deliver *dv, struct err *err);
/* As if there were no destinations, until settings come. */
void deliver_forget_settings(struct deliver *dv);
void deliver_free_settings(struct deliver *dv);

#endif
