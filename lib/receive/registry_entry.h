/*
 * registry_entry.h: entries of the registry, and lists of them. registry.c
 * alone includes it.
 */
#ifndef EYELET_LIB_RECEIVE_REGISTRY_ENTRY_H
#define EYELET_LIB_RECEIVE_REGISTRY_ENTRY_H

#include <stdatomic.h>

#include "lib/base/rate.h"
#include "lib/receive/registry.h"

struct entry {
	struct registry_endpoint pub; /* first: readers hold its address */
	atomic_uint refs;
	struct scheme *scheme; /* held, also where pub.scheme is NULL */
	struct rate rate, repeats;
};

/* Not of the removed ones; sorted by name. */
struct entries {
	struct entry **at;
	size_t n, room;
};

struct entry *entry_of(const struct registry_endpoint *ep);

/*
 * An entry for a row. What is wrong with one endpoint is that endpoint's
 * trouble: it answers 503 and says why, the others serve. ERR_NOMEM.
 */
int entry_make(struct store *st, const struct scheme_set *schemes,
    const struct store_endpoint *row, struct entry **out, struct err *err);
void entry_put(struct entry *e); /* drops a hold; NULL is allowed */

/* The new one goes on with what requests have used up. */
void entry_keep_rates(struct entry *e, struct entry *old);

/* Takes e. ERR_NOMEM. */
int entries_add(struct entries *es, struct entry *e, struct err *err);
void entries_sort(struct entries *es);
void entries_free(struct entries *es); /* drops each hold */

/* NULL: there is none. By name only where they are sorted. */
struct entry **entries_find_id(struct entries *es, uint64_t id);
struct entry **entries_find_name(struct entries *es, struct entry *named);

#endif
