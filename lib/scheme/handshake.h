/*
 * handshake.h: what a provider asks of an address before it sends events
 * there, or now and then while it does, answered by rules of the scheme file:
 * "handshake" in eyelet-scheme(5). Nothing is stored for it. Pure, as
 * verify.h is.
 */
#ifndef EYELET_LIB_SCHEME_HANDSHAKE_H
#define EYELET_LIB_SCHEME_HANDSHAKE_H

#include "lib/scheme/verify.h"

#define HANDSHAKE_RULES_MAX 16 /* in one scheme */
#define HANDSHAKE_BODY_MAX 65536 /* a longer body is an event */
#define HANDSHAKE_REPLY_MAX 2048 /* bytes of a reply's body */
#define HANDSHAKE_HEADERS_MAX 1024 /* bytes of a reply's own headers */

/* Which rules are asked: those for anybody, or for who signed. */
enum handshake_stage {
	HANDSHAKE_UNSIGNED,
	HANDSHAKE_SIGNED
};

enum handshake_outcome {
	HANDSHAKE_NONE, /* no rule applies: the request is another */
	HANDSHAKE_ANSWERED,
	HANDSHAKE_FAILED, /* "check" does not hold: 403 */
	HANDSHAKE_BROKEN, /* what should be echoed is absent or unusable: 400 */
	HANDSHAKE_KEYLESS /* the reply needs a secret and there is none: 503 */
};

/* The caller sets the limits of the bufs, and frees them in any case. */
struct handshake_reply {
	int status;
	const char *content_type; /* constant; NULL: no body */
	struct buf headers; /* "Name: value\r\n" lines */
	struct buf body;
	const char *why; /* of an outcome that refuses; lives as the scheme */
};

#define HANDSHAKE_REPLY_INIT                              \
	{                                                 \
		0, NULL, BUF_INIT(HANDSHAKE_HEADERS_MAX), \
		    BUF_INIT(HANDSHAKE_REPLY_MAX), NULL   \
	}

/* Does the scheme answer requests of this method without a signature? */
bool handshake_is_asked(const struct scheme *sc, struct span method);

/*
 * Finds the first rule of stage that applies to the request and fills reply.
 * in as for verify_request; key (for MACs) may be NULL. A text is always sent
 * so that no browser takes it for a page. ERR_CRYPTO, ERR_NOMEM.
 */
int handshake_answer(const struct scheme *sc, enum handshake_stage stage,
    const struct verify_input *in, const struct scheme_key *key,
    enum handshake_outcome *outcome, struct handshake_reply *reply,
    struct err *err);

/*
 * The secret that a request brings, by "secret_in" of the scheme, appended to
 * out; *echo is the header that answers it, or NULL. Returns 1, or 0 when the
 * request brings none; -1: ERR_NOMEM, ERR_LIMIT (of out).
 */
int handshake_secret(const struct scheme *sc, const struct verify_input *in,
    struct buf *out, const char **echo, struct err *err);

void handshake_reply_free(struct handshake_reply *reply);

#endif
