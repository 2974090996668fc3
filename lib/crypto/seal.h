/*
 * seal.h: secrets at rest: AES-256-GCM (NIST SP 800-38D) under a key that
 * lives in a file outside the store, with the owner and the secret's id as
 * associated data, so that a sealed value moved to another row opens nowhere.
 */
#ifndef EYELET_LIB_CRYPTO_SEAL_H
#define EYELET_LIB_CRYPTO_SEAL_H

#include <stdint.h>

#include "lib/base/bytes.h"

#define SEAL_KEY_BYTES 32
#define SEAL_OVERHEAD 33 /* version 1, key id 4, nonce 12, tag 16 */

#define SEAL_KEYS_MAX 16 /* in one seal_key */

/*
 * Wiped and kept out of core files. It opens what any of its keys sealed, and
 * seals with the one in use. While it is used by several threads one of them
 * may add keys and choose.
 */
struct seal_key;

/*
 * Reads a key file: "eyelet-key 1 HEX64\n", a regular file, owned by this
 * user or root, no access for others (root's may be read by its group), no
 * symlink. ERR_NOTFOUND, ERR_DENIED, ERR_INPUT with what mends it.
 */
int seal_key_read(const char *path, struct seal_key **out, struct err *err);
void seal_key_free(struct seal_key *key);

/* Makes a new key file (mode 0600, fsynced, never replaces one). */
int seal_key_create(const char *path, struct err *err);

/*
 * Adds the one that more has in use, without using it; there already is fine.
 * ERR_LIMIT: SEAL_KEYS_MAX are there.
 */
int seal_key_add(
    struct seal_key *key, const struct seal_key *more, struct err *err);
/* Seals with the one of this id, which is there, from now on. */
void seal_key_use(struct seal_key *key, uint32_t id);

/* The one in use: first 4 bytes of SHA-256 over the key: which key sealed a
 * record. */
uint32_t seal_key_id(const struct seal_key *key);

/* Appends the sealed form of plain; aad is not stored. */
int seal(const struct seal_key *key, struct span aad, struct span plain,
    struct buf *out, struct err *err);

/* Appends the plain bytes. ERR_CORRUPT: altered, other row, or other key. */
int unseal(const struct seal_key *key, struct span aad, struct span sealed,
    struct buf *out, struct err *err);

/* Keyed fingerprint (HMAC-SHA-256, cut to 16 bytes) to find equal values. */
int seal_fingerprint(const struct seal_key *key, struct span plain,
    unsigned char out[16], struct err *err);

#endif
