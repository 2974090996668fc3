/*
 * sign.h: the headers that a scheme's provider would send with a body: the
 * other direction of verify.h, from the same scheme file.
 */
#ifndef EYELET_LIB_SCHEME_SIGN_H
#define EYELET_LIB_SCHEME_SIGN_H

#include "lib/model/secret.h"
#include "lib/scheme/verify.h"

struct sign_input {
	struct span id, type; /* empty: none */
	struct span body;
	struct span coding; /* its Content-Encoding; empty: it is not packed */
	struct span method; /* usually "POST" */
	const char *url; /* or NULL */
	const struct verify_param *params;
	size_t nparams;
	int64_t now_ms;
};

/*
 * Puts "Name: value\n" lines into out, one a header, for nkeys keys (the
 * current one first); where the scheme carries several signatures all are
 * put, otherwise only the first key's. ERR_USAGE when the scheme cannot sign
 * (public keys, signatures inside the body) or needs a url, id or param that
 * in does not have; ERR_CRYPTO, ERR_NOMEM, ERR_LIMIT.
 */
int sign_headers(const struct scheme *sc, struct scheme_key *const *keys,
    size_t nkeys, const struct sign_input *in, struct buf *out,
    struct err *err);

/* A secret of a destination, made ready. */
struct sign_key {
	struct scheme_key *key;
	uint64_t secret_id;
	enum secret_state state; /* as stored: CURRENT or PREVIOUS */
	int64_t until_ms;
};

/*
 * Which of n keys (current first) sign at now_ms: chosen gets them (room for
 * n) in the order that sign_headers takes. Where all have room that is the
 * current one and each that is live; else the one alone that ends first:
 * whoever verifies has it until then. 0: none is live.
 */
size_t sign_choose(const struct scheme *sc, const struct sign_key *keys,
    size_t n, int64_t now_ms, const struct sign_key **chosen);

/* How many of nkeys signatures a request of the scheme can carry. */
size_t sign_room(const struct scheme *sc, size_t nkeys);

/*
 * Fills the scheme's envelope template: a body in the shape the provider's
 * documents show. data is JSON text (empty: {}). ERR_USAGE when the scheme
 * has no envelope.
 */
int sign_envelope(const struct scheme *sc, struct span id, struct span type,
    int64_t now_ms, struct span data, struct buf *out, struct err *err);

#endif
