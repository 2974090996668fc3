/*
 * pubkey.h: signatures that are checked with a public key: Ed25519 (RFC 8032),
 * ECDSA on P-256 with SHA-256 (FIPS 186-5) and RSA (RFC 8017, PKCS #1 v1.5),
 * from OpenSSL. A key that would accept forged signatures is refused when it
 * is read.
 */
#ifndef EYELET_LIB_CRYPTO_PUBKEY_H
#define EYELET_LIB_CRYPTO_PUBKEY_H

#include "lib/base/bytes.h"

enum pubkey_kind {
	PUBKEY_ED25519,
	PUBKEY_P256,
	PUBKEY_RSA_SHA256,
	PUBKEY_RSA_SHA1 /* for those who still sign so */
};

#define PUBKEY_RSA_BITS_MIN 2048
#define PUBKEY_RSA_BITS_MAX 4096
#define PUBKEY_SIGNATURE_MAX (PUBKEY_RSA_BITS_MAX / 8) /* bytes */

/* Immutable, so that threads may share it. */
struct pubkey;

/*
 * Reads a key: the 32 raw bytes (Ed25519 alone), a SubjectPublicKeyInfo in
 * DER (RFC 5280, RFC 8410), or that as PEM; for RSA, a certificate as PEM as
 * well, of which the key alone counts: it is pinned, so nobody asks who issued
 * it and until when. ERR_INPUT with the reason: other kinds and curves, bytes
 * behind the key, no point of the curve, an Ed25519 key of small order or in
 * a form that is not canonical, an RSA key of a size outside the limits.
 * ERR_NOMEM.
 */
int pubkey_read(enum pubkey_kind kind, struct span bytes, struct pubkey **out,
    struct err *err);
void pubkey_free(struct pubkey *key); /* NULL is fine */

/*
 * Did the holder of the private key sign the parts one after another? The
 * signature is 64 bytes (Ed25519), strict DER (ECDSA) or as long as the key
 * (RSA); anything else is *good false. ERR_CRYPTO, ERR_NOMEM when no answer
 * could be had.
 */
int pubkey_check(const struct pubkey *key, struct span signature,
    const struct span *parts, size_t nparts, bool *good, struct err *err);

#endif
