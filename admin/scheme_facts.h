/*
 * scheme_facts.h: how a scheme tells events apart, for people and for scripts:
 * its ids, what a retry changes, what repeats, and where it was read.
 */
#ifndef EYELET_ADMIN_SCHEME_FACTS_H
#define EYELET_ADMIN_SCHEME_FACTS_H

#include "admin/output.h"
#include "lib/json/write.h"
#include "lib/scheme/scheme.h"

/* "list --identity": a line a scheme. ERR_NOMEM. */
int scheme_facts_list(const struct scheme_set *set, struct err *err);

/* Two cells a fact, behind those of "show". ERR_NOMEM. */
int scheme_facts_put(struct table *t, const struct scheme *sc, struct err *err);

/* The same as members of an object. */
void scheme_facts_write(struct json_write *w, const struct scheme *sc);

#endif
