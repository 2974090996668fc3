/*
 * pubkey.h: signatures that are checked with a public key: Ed25519 (RFC 8032)
 * and ECDSA on P-256 with SHA-256 (FIPS 186-5), from OpenSSL. A key that
 * would accept forged signatures is refused when it is read.
 */
#ifndef EYELET_LIB_PUBKEY_H
#define EYELET_LIB_PUBKEY_H

#include "lib/bytes.h"

enum pubkey_kind {
	PUBKEY_ED25519,
	PUBKEY_P256
};

#define PUBKEY_SIGNATURE_MAX 72 /* bytes: DER of two 32-byte numbers */

/* Immutable, so that threads may share it. */
struct pubkey;

/*
 * Reads a key: the 32 raw bytes (Ed25519 alone), a SubjectPublicKeyInfo in
 * DER (RFC 5280, RFC 8410), or that as PEM. ERR_INPUT with the reason: other
 * kinds and curves, bytes behind the key, no point of the curve, an Ed25519
 * key of small order or in a form that is not canonical. ERR_NOMEM.
 */
int pubkey_read(enum pubkey_kind kind, struct span bytes, struct pubkey **out,
    struct err *err);
void pubkey_free(struct pubkey *key); /* NULL is fine */

/*
 * Did the holder of the private key sign the parts one after another? The
 * signature is 64 bytes (Ed25519) or strict DER (ECDSA); anything else is
 * *good false. ERR_CRYPTO, ERR_NOMEM when no answer could be had.
 */
int pubkey_check(const struct pubkey *key, struct span signature,
    const struct span *parts, size_t nparts, bool *good, struct err *err);

#endif
