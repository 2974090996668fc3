/* digest.h: SHA-256 and random bytes from OpenSSL, for identities and ids. */
#ifndef EYELET_LIB_CRYPTO_DIGEST_H
#define EYELET_LIB_CRYPTO_DIGEST_H

#include "lib/base/bytes.h"

#define DIGEST_SHA256 32

/* SHA-256 (FIPS 180-4) over the parts one after another. ERR_CRYPTO. */
int digest_sha256(const struct span *parts, size_t nparts,
    unsigned char out[DIGEST_SHA256], struct err *err);

/*
 * SHA-256 over digests that stand behind each other in all, which are sorted
 * there first: the same for any order of them. ERR_CRYPTO.
 */
int digest_of_set(
    struct buf *all, unsigned char out[DIGEST_SHA256], struct err *err);

/* Unpredictable bytes. ERR_CRYPTO. */
int digest_random(void *out, size_t len, struct err *err);

#endif
