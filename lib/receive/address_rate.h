/*
 * address_rate.h: at most so many requests a second from one client. A client
 * is an IPv4 address, however it is written, or the /64 of an IPv6 address,
 * which is what one customer has at least; all that is no address is one
 * client.
 *
 * Clients stand in a table of fixed size, in buckets chosen by a hash with a
 * key of this process: nobody can choose whom he shares a bucket with, and
 * clients of one bucket share no rate. In a full bucket a new client takes the
 * place of the one that has used the least of its second; a client at its
 * limit keeps its place, so that no flood of others frees it. Where all places
 * of a bucket are held by such, a new client is let through uncounted: 32,768
 * clients at their limit at once cost what they cost, but shut nobody out.
 */
#ifndef EYELET_LIB_RECEIVE_ADDRESS_RATE_H
#define EYELET_LIB_RECEIVE_ADDRESS_RATE_H

#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

#define ADDRESS_RATE_BUCKETS 4096
#define ADDRESS_RATE_PLACES 8 /* of a bucket */

struct address_rate;

/* per_s > 0, nbuckets > 0. ERR_CRYPTO, ERR_NOMEM. */
int address_rate_make(
    int64_t per_s, size_t nbuckets, struct address_rate **out, struct err *err);
void address_rate_free(struct address_rate *t); /* NULL is fine */

/*
 * Takes one for this address; *taken is false when it is one too many. Any
 * thread. ERR_CRYPTO.
 */
int address_rate_take(struct address_rate *t, struct span address,
    int64_t now_ms, bool *taken, struct err *err);

#endif
