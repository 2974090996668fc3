/* key.c: secrets made ready for a scheme's algorithm. */
#include "lib/scheme/impl.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/nfkd.h"
#include "lib/crypto/digest.h"
#include "lib/model/secret.h"

#define SECRET_RANDOM_BYTES 32

/* The secret without the first of the scheme's prefixes that it has. */
static int
strip(const struct scheme *sc, struct span *secret, struct err *err)
{
	size_t i;

	if (secret->len == 0)
		return err_set(err, ERR_INPUT, "the secret is empty");
	for (i = 0; i < sc->nstrip; i++)
		if (span_starts(*secret, sc->strip[i])) {
			*secret = span_skip(*secret, strlen(sc->strip[i]));
			break;
		}
	if (secret->len == 0)
		return err_set(err, ERR_INPUT,
		    "the secret has nothing behind \"%s\"", sc->strip[i]);
	return 0;
}

static const char *
encoding_word(enum encoding enc)
{
	switch (enc) {
	case ENCODING_HEX:
		return "hex";
	case ENCODING_BASE64:
		return "base64 (with its padding)";
	case ENCODING_BASE64URL:
		return "base64url";
	case ENCODING_UTF8:
		break;
	}
	return "text";
}

/* The secret's bytes to memory of the key's own. */
static int
decode(const struct scheme *sc, struct span text, struct scheme_key *key,
    struct err *err)
{
	enum encoding enc = sc->key_enc;
	size_t room;

	/* A PEM is a PEM, whatever its scheme has for others. */
	if (sc->algorithm->kind == ALGORITHM_PUBKEY &&
	    span_starts(text, "-----BEGIN "))
		enc = ENCODING_UTF8;
	room = encode_room(enc, text.len);
	key->bytes = malloc(room);
	if (key->bytes == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a key");
	if (!encode_read(enc, text, key->bytes, room, &key->len)) {
		bytes_wipe(key->bytes, room);
		return err_set(err, ERR_INPUT, "the secret is not %s%s%s%s",
		    encoding_word(enc), sc->nstrip > 0 ? " behind \"" : "",
		    sc->nstrip > 0 ? sc->strip[0] : "",
		    sc->nstrip > 0 ? "\"" : "");
	}
	if (key->len == 0)
		return err_set(err, ERR_INPUT, "the secret is empty");
	return 0;
}

static void
drop_bytes(struct scheme_key *key)
{
	if (key->bytes != NULL)
		bytes_wipe(key->bytes, key->len);
	free(key->bytes);
	key->bytes = NULL;
	key->len = 0;
}

int
scheme_key_make(const struct scheme *sc, struct span secret,
    struct scheme_key **out, struct err *err)
{
	struct scheme_key *key = calloc(1, sizeof(*key));
	struct buf formed = BUF_INIT(8 * SECRET_BYTES_MAX);
	struct span bytes;
	int ret = -1;

	if (key == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a key");
		goto out;
	}
	if (strip(sc, &secret, err) < 0)
		goto out;
	if (sc->key_nfkd) {
		if (nfkd_put(secret, &formed, err) < 0)
			goto out;
		secret = buf_span(&formed);
	}
	if (decode(sc, secret, key, err) < 0)
		goto out;
	bytes = span_of(key->bytes, key->len);
	switch (sc->algorithm->kind) {
	case ALGORITHM_HMAC:
		if (hmac_key_make(sc->algorithm->hash, bytes, &key->hmac, err) <
		    0)
			goto out;
		break;
	case ALGORITHM_PUBKEY:
		if (pubkey_read(
			sc->algorithm->pubkey, bytes, &key->pubkey, err) < 0)
			goto out;
		break;
	case ALGORITHM_DIGEST:
	case ALGORITHM_EQUAL:
		break;
	}
	/* Not needed in clear where the algorithm made its own of it. */
	if (key->hmac != NULL || key->pubkey != NULL)
		drop_bytes(key);
	*out = key;
	key = NULL;
	ret = 0;
out:
	scheme_key_free(key);
	buf_wipe(&formed);
	return ret;
}

void
scheme_key_free(struct scheme_key *key)
{
	if (key == NULL)
		return;
	hmac_key_free(key->hmac);
	pubkey_free(key->pubkey);
	drop_bytes(key);
	free(key);
}

int
scheme_secret_generate(
    const struct scheme *sc, struct buf *out, struct err *err)
{
	unsigned char random[SECRET_RANDOM_BYTES];
	/* Text that is the key itself is written as hex. */
	enum encoding enc =
	    sc->key_enc == ENCODING_UTF8 ? ENCODING_HEX : sc->key_enc;
	int ret = -1;

	if (sc->algorithm->kind == ALGORITHM_PUBKEY)
		return err_set(err, ERR_USAGE,
		    "the scheme \"%s\" takes the provider's public key, which "
		    "cannot be made here",
		    sc->name);
	if (digest_random(random, sizeof(random), err) < 0)
		goto out;
	if (sc->nstrip > 0 && buf_puts(out, sc->strip[0], err) < 0)
		goto out;
	if (encode_put(enc, span_of(random, sizeof(random)), out, err) < 0)
		goto out;
	ret = 0;
out:
	bytes_wipe(random, sizeof(random));
	return ret;
}
