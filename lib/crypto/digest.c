/* digest.c: SHA-256 and random bytes; OpenSSL's door for identities. */
#include "lib/crypto/digest.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

int
digest_sha256(const struct span *parts, size_t nparts,
    unsigned char out[DIGEST_SHA256], struct err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t i;
	int ok;

	ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	for (i = 0; ok && i < nparts; i++)
		ok = EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return err_set(err, ERR_CRYPTO, "SHA-256 failed");
	return 0;
}

static int
compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SHA256);
}

int
digest_of_set(
    struct buf *all, unsigned char out[DIGEST_SHA256], struct err *err)
{
	struct span bytes = buf_span(all);

	if (all->len > 0)
		qsort(all->ptr, all->len / DIGEST_SHA256, DIGEST_SHA256,
		    compare_digests);
	return digest_sha256(&bytes, 1, out, err);
}

int
digest_random(void *out, size_t len, struct err *err)
{
	if (len > 1 << 20 || RAND_bytes(out, (int)len) != 1)
		return err_set(err, ERR_CRYPTO, "no random bytes to be had");
	return 0;
}
