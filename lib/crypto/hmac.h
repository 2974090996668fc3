/*
 * hmac.h: message authentication (RFC 2104) and plain digests (FIPS 180-4)
 * from OpenSSL. A key is prepared once, so that a request costs two short
 * copies of digest states and the hashing of its own bytes.
 */
#ifndef EYELET_LIB_CRYPTO_HMAC_H
#define EYELET_LIB_CRYPTO_HMAC_H

#include "lib/base/bytes.h"

enum hash {
	HASH_SHA1,
	HASH_SHA256,
	HASH_SHA512
};

#define HASH_SIZE_MAX 64

size_t hash_size(enum hash hash); /* 20, 32 or 64 bytes */

/* The digest of the parts one after another to out. ERR_CRYPTO, ERR_NOMEM. */
int hash_parts(enum hash hash, const struct span *parts, size_t nparts,
    unsigned char *out, struct err *err);

/* A key made ready. Immutable, so that threads may share it. */
struct hmac_key;

int hmac_key_make(
    enum hash hash, struct span key, struct hmac_key **out, struct err *err);
void hmac_key_free(struct hmac_key *key); /* wipes; NULL is fine */

/* The MAC of the parts, hash_size bytes, to out. ERR_CRYPTO, ERR_NOMEM. */
int hmac_parts(const struct hmac_key *key, const struct span *parts,
    size_t nparts, unsigned char *out, struct err *err);

/* Are len bytes the same? Takes the same time whatever they are. */
bool hmac_same(const void *a, const void *b, size_t len);

#endif
