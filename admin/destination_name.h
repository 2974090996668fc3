/*
 * destination_name.h: where does the name in a destination's URL lead? The
 * guard judges the address at each connection; here an operator is warned when
 * the destination is made.
 */
#ifndef EYELET_ADMIN_DESTINATION_NAME_H
#define EYELET_ADMIN_DESTINATION_NAME_H

#include "lib/json/json.h"

/* Where deliveries connect to; starts as zeros. */
struct destination_place {
	char *url; /* of the proxy where there is one; NULL: a command */
	char *allowed; /* the blocks of --allow-net, or NULL */
};

/* Copies it from a destination's row. ERR_NOMEM. */
int destination_place_take(
    struct destination_place *place, const struct json *row, struct err *err);
void destination_place_free(struct destination_place *place);

/*
 * Looks the name up. A warning on stderr has the addresses that the guard
 * refuses. Nothing is said of a name that is not found, or not within 3 s:
 * it may be known later.
 */
void destination_place_warn(
    const struct destination_place *place, const char *program);

#endif
