/*
 * deny.h: the revoked secrets, listed outside the store, so that a store
 * restored from a backup revives none. One line each: "STORE-ID SECRET-ID".
 */
#ifndef EYELET_LIB_STORE_DENY_H
#define EYELET_LIB_STORE_DENY_H

#include <stdint.h>

#include "lib/base/bytes.h"

#define DENY_FILE_MAX (16 * 1024 * 1024) /* bytes */

struct deny;

/*
 * Reads the list at path (absent: empty) and keeps the entries of store_id.
 * A last line that is cut short (a crash while appending) is ignored.
 * ERR_INPUT with the line, ERR_DENIED (others could change it), ERR_IO.
 */
int deny_open(
    const char *path, const char *store_id, struct deny **out, struct err *err);
void deny_close(struct deny *dn);

bool deny_has(const struct deny *dn, uint64_t secret_id);

/* Adds one and flushes it; nothing when it is there. Any thread. */
int deny_add(struct deny *dn, uint64_t secret_id, struct err *err);

#endif
