/*
 * quarantine_record.h: a refused request as the bytes that are kept of it:
 *	1 version, 8 time, 2 status, 1 part of the body (enum quarantine_part),
 *	1 length + word, 2 length + why,
 *	then the request as frame.h writes it, with a request id of zeros.
 * Private to the quarantine's files.
 */
#ifndef EYELET_LIB_STORE_QUARANTINE_RECORD_H
#define EYELET_LIB_STORE_QUARANTINE_RECORD_H

#include "lib/store/quarantine.h"

#define QUARANTINE_RECORD_VERSION 1

/*
 * Puts en without its credentials (see quarantine_put), and its body cut to
 * QUARANTINE_CUT_MAX bytes where all of it would be more than max bytes.
 * ERR_LIMIT when even that is too much, ERR_NOMEM.
 */
int quarantine_record_put(const struct quarantine_entry *en,
    const struct scheme *sc, size_t max, struct buf *out, struct err *err);

/*
 * Reads one; out borrows from record and headers (REQUEST_HEADERS_MAX). Its no
 * and endpoint are the caller's to set. ERR_CORRUPT.
 */
int quarantine_record_get(struct span record, struct header *headers,
    struct quarantine_entry *out, struct err *err);

#endif
