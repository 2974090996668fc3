/* pubkey.c: the door to OpenSSL's public keys. */
#include "lib/crypto/pubkey.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/base/util.h"

#define ED25519_BYTES 32
#define SPKI_MAX 4096 /* bytes of a key file worth looking at */

struct pubkey {
	enum pubkey_kind kind;
	EVP_PKEY *pkey;
};

/* Empties OpenSSL's list of errors; did memory end? */
static bool
was_memory(void)
{
	unsigned long code;
	bool found = false;

	while ((code = ERR_get_error()) != 0)
		found |= ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
	return found;
}

/* --- which points of the Edwards curve are keys -------------------------- */

/* The prime 2^255 - 19, little-endian as RFC 8032 writes numbers. */
static const unsigned char prime[ED25519_BYTES] = { 0xed, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0x7f };

/* The y of the eight points whose order divides 8, without the sign of x. */
static const unsigned char small_order[][ED25519_BYTES] = {
	{ 0 }, /* order 4 */
	{ 1 }, /* order 1 */
	{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
	    0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
	    0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
	{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
	    0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
	    0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
};

/* Is y (sign bit cleared) below the prime? */
static bool
is_canonical(const unsigned char y[ED25519_BYTES])
{
	size_t i;

	for (i = ED25519_BYTES; i-- > 0;)
		if (y[i] != prime[i])
			return y[i] < prime[i];
	return false;
}

/*
 * Does some x belong to y? x^2 = (y^2 - 1) / (d y^2 + 1), d = -121665/121666,
 * has a solution when (y^2 - 1) 121666 (121665 y^2 - 121666) is a square: the
 * denominators were multiplied by their squares, and -1 is a square itself.
 * Euler's criterion decides.
 */
static int
is_on_curve(
    const unsigned char y[ED25519_BYTES], bool *on_curve, struct err *err)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p = BN_lebin2bn(prime, ED25519_BYTES, NULL);
	BIGNUM *u = BN_lebin2bn(y, ED25519_BYTES, NULL);
	BIGNUM *v = BN_new(), *half = BN_new();
	int ret = -1;

	if (ctx == NULL || p == NULL || u == NULL || v == NULL ||
	    half == NULL || !BN_rshift1(half, p) || !BN_mod_sqr(u, u, p, ctx) ||
	    !BN_copy(v, u) || !BN_mul_word(v, 121665) ||
	    !BN_sub_word(v, 121666) || !BN_sub_word(u, 1) ||
	    !BN_mul_word(u, 121666) || !BN_mod_mul(u, u, v, p, ctx) ||
	    !BN_mod_exp(v, u, half, p, ctx)) {
		err_set(err, ERR_NOMEM, "no memory to check a public key");
		goto out;
	}
	*on_curve = BN_is_one(v) || BN_is_zero(v);
	ret = 0;
out:
	BN_free(half);
	BN_free(v);
	BN_free(u);
	BN_free(p);
	BN_CTX_free(ctx);
	return ret;
}

static int
check_ed25519(const unsigned char raw[ED25519_BYTES], struct err *err)
{
	unsigned char y[ED25519_BYTES];
	bool on_curve;
	size_t i;

	memcpy(y, raw, sizeof(y));
	y[ED25519_BYTES - 1] &= 0x7f;
	if (!is_canonical(y))
		return err_set(err, ERR_INPUT,
		    "an Ed25519 key in a form that is not canonical");
	for (i = 0; i < NITEMS(small_order); i++)
		if (memcmp(y, small_order[i], sizeof(y)) == 0)
			return err_set(err, ERR_INPUT,
			    "an Ed25519 key of small order, for which anybody "
			    "can sign");
	if (is_on_curve(y, &on_curve, err) < 0)
		return -1;
	if (!on_curve)
		return err_set(err, ERR_INPUT,
		    "not an Ed25519 key: no point of the curve");
	return 0;
}

/* --- reading ------------------------------------------------------------- */

/* The key of a certificate. */
static EVP_PKEY *
read_certificate(BIO *bio)
{
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	EVP_PKEY *pkey = cert == NULL ? NULL : X509_get_pubkey(cert);

	X509_free(cert);
	return pkey;
}

static EVP_PKEY *
read_pem(struct span text, bool certificate)
{
	BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
	EVP_PKEY *pkey = NULL;
	char rest[1];

	if (bio != NULL)
		pkey = certificate ? read_certificate(bio)
				   : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	if (pkey != NULL && BIO_read(bio, rest, sizeof(rest)) > 0) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	BIO_free(bio);
	return pkey;
}

static EVP_PKEY *
read_spki(struct span der)
{
	const unsigned char *at = der.ptr, *end = at + der.len;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)der.len);

	if (pkey != NULL && at != end) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return pkey;
}

static int
check_p256(EVP_PKEY *pkey, struct err *err)
{
	EVP_PKEY_CTX *ctx;
	char group[32];
	int on_curve;

	if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1 ||
	    strcmp(group, "prime256v1") != 0)
		return err_set(
		    err, ERR_INPUT, "a key of another curve; P-256 is needed");
	ctx = EVP_PKEY_CTX_new(pkey, NULL);
	if (ctx == NULL)
		return err_set(
		    err, ERR_NOMEM, "no memory to check a public key");
	on_curve = EVP_PKEY_public_check(ctx);
	EVP_PKEY_CTX_free(ctx);
	if (on_curve != 1)
		return err_set(err, ERR_INPUT, "no point of the curve P-256");
	return 0;
}

/* An exponent of 1, or an even one, would let anybody sign. */
static int
check_rsa(EVP_PKEY *pkey, struct err *err)
{
	int bits = EVP_PKEY_get_bits(pkey);
	BIGNUM *e = NULL;
	bool good;

	if (EVP_PKEY_is_a(pkey, "RSA") != 1)
		return err_set(
		    err, ERR_INPUT, "a key of another kind; RSA is needed");
	if (bits < PUBKEY_RSA_BITS_MIN || bits > PUBKEY_RSA_BITS_MAX)
		return err_set(err, ERR_INPUT,
		    "an RSA key of %d bits; %d to %d are taken", bits,
		    PUBKEY_RSA_BITS_MIN, PUBKEY_RSA_BITS_MAX);
	if (EVP_PKEY_get_bn_param(pkey, "e", &e) != 1)
		return err_set(
		    err, ERR_NOMEM, "no memory to check a public key");
	good = BN_is_odd(e) && !BN_is_one(e);
	BN_free(e);
	if (!good)
		return err_set(err, ERR_INPUT,
		    "an RSA key whose exponent lets anybody sign");
	return 0;
}

static int
check_kind(enum pubkey_kind kind, EVP_PKEY *pkey, struct err *err)
{
	unsigned char raw[ED25519_BYTES];
	size_t len = sizeof(raw);

	switch (kind) {
	case PUBKEY_ED25519:
		if (EVP_PKEY_is_a(pkey, "ED25519") != 1 ||
		    EVP_PKEY_get_raw_public_key(pkey, raw, &len) != 1)
			return err_set(err, ERR_INPUT,
			    "a key of another kind; Ed25519 is needed");
		return check_ed25519(raw, err);
	case PUBKEY_P256:
		if (EVP_PKEY_is_a(pkey, "EC") != 1)
			return err_set(err, ERR_INPUT,
			    "a key of another kind; ECDSA is needed");
		return check_p256(pkey, err);
	case PUBKEY_RSA_SHA256:
	case PUBKEY_RSA_SHA1:
		return check_rsa(pkey, err);
	}
	return err_set(err, ERR_INPUT, "a key of an unknown kind");
}

int
pubkey_read(enum pubkey_kind kind, struct span bytes, struct pubkey **out,
    struct err *err)
{
	struct pubkey *key = calloc(1, sizeof(*key));
	bool rsa = kind == PUBKEY_RSA_SHA256 || kind == PUBKEY_RSA_SHA1;
	bool certificate =
	    rsa && span_starts(bytes, "-----BEGIN CERTIFICATE-----");
	int ret = -1;

	/* Set up in the middle of a lack of memory, OpenSSL has a NULL in it.
	 */
	if (key == NULL || OSSL_LIB_CTX_get0_global_default() == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a key");
		goto out;
	}
	key->kind = kind;
	if (bytes.len == 0 || bytes.len > SPKI_MAX)
		key->pkey = NULL;
	else if (span_starts(bytes, "-----BEGIN "))
		key->pkey = read_pem(bytes, certificate);
	else if (kind == PUBKEY_ED25519 && bytes.len == ED25519_BYTES)
		key->pkey = EVP_PKEY_new_raw_public_key(
		    EVP_PKEY_ED25519, NULL, bytes.ptr, bytes.len);
	else
		key->pkey = read_spki(bytes);
	if (key->pkey == NULL && was_memory()) {
		err_set(err, ERR_NOMEM, "no memory to read a public key");
		goto out;
	}
	if (key->pkey == NULL) {
		err_set(err, ERR_INPUT, "not a public key%s",
		    kind == PUBKEY_ED25519
			? " (32 bytes, SubjectPublicKeyInfo or PEM)"
		    : rsa ? " (SubjectPublicKeyInfo, PEM or a certificate)"
			  : " (SubjectPublicKeyInfo or PEM)");
		goto out;
	}
	if (check_kind(kind, key->pkey, err) < 0)
		goto out;
	*out = key;
	key = NULL;
	ret = 0;
out:
	ERR_clear_error();
	pubkey_free(key);
	return ret;
}

void
pubkey_free(struct pubkey *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

/* --- checking ------------------------------------------------------------ */

/* The parts in one piece, for Ed25519, which reads its message twice. */
static int
join(const struct span *parts, size_t nparts, unsigned char **out, size_t *len,
    struct err *err)
{
	size_t i, n = 0;
	unsigned char *p;

	for (i = 0; i < nparts; i++)
		n += parts[i].len;
	p = malloc(n > 0 ? n : 1);
	if (p == NULL)
		return err_set(err, ERR_NOMEM, "no memory for %zu bytes", n);
	*out = p;
	*len = n;
	for (i = 0; i < nparts; i++) {
		if (parts[i].len > 0)
			memcpy(p, parts[i].ptr, parts[i].len);
		p += parts[i].len;
	}
	return 0;
}

static const EVP_MD *
digest_of(enum pubkey_kind kind)
{
	switch (kind) {
	case PUBKEY_P256:
	case PUBKEY_RSA_SHA256:
		return EVP_sha256();
	case PUBKEY_RSA_SHA1:
		return EVP_sha1();
	case PUBKEY_ED25519:
		break;
	}
	return NULL;
}

int
pubkey_check(const struct pubkey *key, struct span signature,
    const struct span *parts, size_t nparts, bool *good, struct err *err)
{
	const EVP_MD *md = digest_of(key->kind);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *whole = NULL;
	size_t len = 0;
	int said, ret = -1;

	if (ctx == NULL ||
	    EVP_DigestVerifyInit(ctx, NULL, md, NULL, key->pkey) != 1) {
		err_set(err, was_memory() ? ERR_NOMEM : ERR_CRYPTO,
		    "OpenSSL cannot check a signature");
		goto out;
	}
	if (join(parts, nparts, &whole, &len, err) < 0)
		goto out;
	said = EVP_DigestVerify(ctx, signature.ptr, signature.len, whole, len);
	/* Below 1 is "no", also for bytes that are no signature at all. */
	if (was_memory() && said != 1) {
		err_set(err, ERR_NOMEM, "no memory to check a signature");
		goto out;
	}
	*good = said == 1;
	ret = 0;
out:
	EVP_MD_CTX_free(ctx);
	free(whole);
	return ret;
}
