/* algorithm.c: algorithms by name. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/util.h"
#include "lib/scheme/impl.h"

/* The algorithms that a scheme file may name in "alg". */
static const struct algorithm algorithms[] = {
	/* name, kind, hash, public key */
	{ "hmac-sha256", ALGORITHM_HMAC, HASH_SHA256, 0 },
	{ "hmac-sha1", ALGORITHM_HMAC, HASH_SHA1, 0 },
	{ "hmac-sha512", ALGORITHM_HMAC, HASH_SHA512, 0 },
	{ "sha256", ALGORITHM_DIGEST, HASH_SHA256, 0 },
	{ "ed25519", ALGORITHM_PUBKEY, 0, PUBKEY_ED25519 },
	{ "ecdsa-p256-sha256", ALGORITHM_PUBKEY, 0, PUBKEY_P256 },
	{ "rsa-sha256", ALGORITHM_PUBKEY, 0, PUBKEY_RSA_SHA256 },
	{ "rsa-sha1", ALGORITHM_PUBKEY, 0, PUBKEY_RSA_SHA1 },
	{ "equal", ALGORITHM_EQUAL, 0, 0 },
};

const struct algorithm *
algorithm_find(const char *name)
{
	size_t i;

	for (i = 0; i < NITEMS(algorithms); i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	return NULL;
}

const char *
algorithm_name(size_t i)
{
	return i < NITEMS(algorithms) ? algorithms[i].name : NULL;
}
