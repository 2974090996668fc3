/* hmac.c: the door to OpenSSL's digests: MACs of requests, and hashes. */
#include "lib/crypto/hmac.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib/base/util.h"

#define BLOCK_MAX 128 /* of SHA-512 */

static const struct {
	const EVP_MD *(*md)(void);
	size_t size, block;
} hashes[] = {
	[HASH_SHA1] = { EVP_sha1, 20, 64 },
	[HASH_SHA256] = { EVP_sha256, 32, 64 },
	[HASH_SHA512] = { EVP_sha512, 64, 128 },
};

/* The digest states behind the padded key: inner and outer (RFC 2104). */
struct hmac_key {
	enum hash hash;
	EVP_MD_CTX *inner, *outer;
};

static int
crypto_failed(struct err *err, const char *what)
{
	unsigned long code = ERR_get_error();

	ERR_clear_error();
	if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
		return err_set(err, ERR_NOMEM, "no memory to %s", what);
	return err_set(err, ERR_CRYPTO, "%s: OpenSSL: %s", what,
	    code == 0 ? "no reason given" : ERR_reason_error_string(code));
}

/*
 * OpenSSL sets itself up on first use; when memory ends in the middle of it,
 * it goes on with a NULL of its own.
 */
static int
check_set_up(struct err *err)
{
	if (OSSL_LIB_CTX_get0_global_default() != NULL)
		return 0;
	return err_set(err, ERR_NOMEM, "no memory to set OpenSSL up");
}

size_t
hash_size(enum hash hash)
{
	return hashes[hash].size;
}

static bool
update(EVP_MD_CTX *ctx, const struct span *parts, size_t nparts)
{
	size_t i;

	for (i = 0; i < nparts; i++)
		if (EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len) != 1)
			return false;
	return true;
}

int
hash_parts(enum hash hash, const struct span *parts, size_t nparts,
    unsigned char *out, struct err *err)
{
	EVP_MD_CTX *ctx = NULL;
	int ret = -1;

	if (check_set_up(err) < 0)
		goto out;
	ctx = EVP_MD_CTX_new();
	if (ctx == NULL ||
	    EVP_DigestInit_ex(ctx, hashes[hash].md(), NULL) != 1 ||
	    !update(ctx, parts, nparts) ||
	    EVP_DigestFinal_ex(ctx, out, NULL) != 1) {
		crypto_failed(err, "hash");
		goto out;
	}
	ret = 0;
out:
	EVP_MD_CTX_free(ctx);
	return ret;
}

/* A state that has read the key's block, each byte changed by pad. */
static EVP_MD_CTX *
state_of(enum hash hash, const unsigned char *key, unsigned char pad)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char block[BLOCK_MAX];
	size_t i, len = hashes[hash].block;

	for (i = 0; i < len; i++)
		block[i] = key[i] ^ pad;
	if (ctx != NULL &&
	    (EVP_DigestInit_ex(ctx, hashes[hash].md(), NULL) != 1 ||
		EVP_DigestUpdate(ctx, block, len) != 1)) {
		EVP_MD_CTX_free(ctx);
		ctx = NULL;
	}
	bytes_wipe(block, sizeof(block));
	return ctx;
}

int
hmac_key_make(
    enum hash hash, struct span key, struct hmac_key **out, struct err *err)
{
	unsigned char block[BLOCK_MAX] = { 0 };
	struct hmac_key *k = calloc(1, sizeof(*k));
	int ret = -1;

	if (k == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a key");
		goto out;
	}
	if (check_set_up(err) < 0)
		goto out;
	k->hash = hash;
	if (key.len > hashes[hash].block) {
		if (hash_parts(hash, &key, 1, block, err) < 0)
			goto out;
	} else if (key.len > 0) {
		memcpy(block, key.ptr, key.len);
	}
	k->inner = state_of(hash, block, 0x36);
	k->outer = state_of(hash, block, 0x5c);
	if (k->inner == NULL || k->outer == NULL) {
		crypto_failed(err, "prepare a key");
		goto out;
	}
	*out = k;
	k = NULL;
	ret = 0;
out:
	hmac_key_free(k);
	bytes_wipe(block, sizeof(block));
	return ret;
}

void
hmac_key_free(struct hmac_key *key)
{
	if (key == NULL)
		return;
	EVP_MD_CTX_free(key->inner); /* OpenSSL wipes the states */
	EVP_MD_CTX_free(key->outer);
	free(key);
}

int
hmac_parts(const struct hmac_key *key, const struct span *parts, size_t nparts,
    unsigned char *out, struct err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char mid[HASH_SIZE_MAX];
	int ret = -1;

	if (ctx == NULL || EVP_MD_CTX_copy_ex(ctx, key->inner) != 1 ||
	    !update(ctx, parts, nparts) ||
	    EVP_DigestFinal_ex(ctx, mid, NULL) != 1 ||
	    EVP_MD_CTX_copy_ex(ctx, key->outer) != 1 ||
	    EVP_DigestUpdate(ctx, mid, hashes[key->hash].size) != 1 ||
	    EVP_DigestFinal_ex(ctx, out, NULL) != 1) {
		crypto_failed(err, "compute a MAC");
		goto out;
	}
	ret = 0;
out:
	EVP_MD_CTX_free(ctx);
	bytes_wipe(mid, sizeof(mid));
	return ret;
}

bool
hmac_same(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
