/*
 * verify.h: did someone who holds one of the endpoint's secrets send this
 * request, and which event is it? Pure: reads no clock, file or environment,
 * so a test can replay any verdict.
 */
#ifndef EYELET_LIB_SCHEME_VERIFY_H
#define EYELET_LIB_SCHEME_VERIFY_H

#include "lib/crypto/digest.h"
#include "lib/http/body.h"
#include "lib/http/request.h"
#include "lib/model/event.h"
#include "lib/model/selection.h"
#include "lib/scheme/scheme.h"

enum verify_verdict {
	VERIFY_INVALID, /* zero: a verdict nobody set admits nobody */
	VERIFY_MISSING, /* what the scheme needs is absent or empty */
	/* The form, packed body or JSON that has it cannot be read. */
	VERIFY_UNREADABLE,
	VERIFY_EXPIRED, /* authentic, but outside the time window */
	VERIFY_VALID
};

/* A constant of the endpoint, for {param:NAME}. */
struct verify_param {
	const char *name, *value;
};

struct verify_input {
	const struct request *request; /* body read, now_ms set */
	const char
	    *url; /* public URL as registered with the provider, or NULL */
	const struct verify_param *params;
	size_t nparams;
	int64_t
	    tolerance_s; /* overrides the scheme's window; -1: scheme's own */
	int64_t horizon_s; /* age limit of any signed time; -1: none */
	/*
	 * The request's body, unpacked once for all that read it; NULL: each
	 * unpacks it for itself.
	 */
	struct body *body;
	bool digests_content; /* the result is to have the digest of it */
	/*
	 * Where not NULL, and scheme_each_signed, gets the digests of all
	 * elements' contents, sorted, DIGEST_SHA256 bytes each.
	 */
	struct buf *element_contents;
};

struct verify_result {
	enum verify_verdict verdict;
	int key; /* index of the key that matched, -1 when none did */
	/* For the operator; lives as long as the scheme. */
	const char *reason;
	bool ahead; /* of EXPIRED: it was signed in the future */
	/*
	 * SHA-256 of the content of the version that verified, {key} left out:
	 * requests that are cut or encoded in another way under one signature
	 * have it in common. Of {url} it has the form that is registered,
	 * whichever matched ("url.ports"). Of VALID and EXPIRED where
	 * digests_content asks for it; not of "equal". Where each element of a
	 * batch is signed, SHA-256 of theirs, sorted.
	 */
	bool has_content;
	unsigned char content[DIGEST_SHA256];
	/*
	 * The same of "older", where the newer version verified: a sender may
	 * send signatures of both, and whoever has such a request can take
	 * either away. The newer signs all that the older does (the lint
	 * refuses others), so that nobody without the secret can choose it, and
	 * it is there whether or not an older signature came along.
	 */
	bool has_older;
	unsigned char older[DIGEST_SHA256];
};

#define VERIFY_RESULT_INIT                                         \
	{                                                          \
		.verdict = VERIFY_INVALID, .key = -1, .reason = "" \
	}

/*
 * Judges one request against nkeys keys of scheme (0 keys: INVALID). Returns 0
 * once result is known: a bad signature is an answer, no error. -1 with err
 * when none could be reached: ERR_CRYPTO, ERR_NOMEM, or ERR_CONFIG when the
 * scheme needs a url or a param that the input does not have.
 * A time is read off an authentic request only; where the scheme sets no
 * window, a body may lack it ("required" is for those who want it there).
 * Every key is tried against every signature, whatever matches, and compared
 * in constant time; of a public key's at most nkeys + 1 signatures, since each
 * costs more than a request should. Spec: RFC 2104, RFC 8032, FIPS 186-5; what
 * each provider signs stands in its scheme file. Order: require, signature,
 * digest, time; what a packed body must hold comes behind the signature.
 */
int verify_request(const struct scheme *sc, struct scheme_key *const *keys,
    size_t nkeys, const struct verify_input *in, struct verify_result *result,
    struct err *err);

const char *verify_word(enum verify_verdict verdict); /* "valid" */

/*
 * The body as it was verified ("signs"), as far as a retry repeats it: without
 * the values that "retry_changes" names, for which a packed one is unpacked.
 * Of a GET, the query. Borrowed from the request, its body, or scratch, whose
 * limit must be BODY_UNPACKED_MAX. ERR_NOMEM, ERR_LIMIT.
 */
int verify_payload(const struct scheme *sc, const struct verify_input *in,
    struct buf *scratch, struct span *payload, struct err *err);

#define EVENT_ID_MAX 256
#define EVENT_TYPE_MAX 256

enum identify_outcome {
	IDENTIFY_OK,
	IDENTIFY_NOT_JSON, /* the scheme promises JSON, and it is not RFC 8259
			    */
	/* RFC 8259 has it, and it is not taken: a key twice, a needed \u0000 */
	IDENTIFY_NOT_TAKEN,
	IDENTIFY_REQUIRED, /* a field of "required" is absent; tests may */
	IDENTIFY_TOO_LONG /* id or type above its limit */
};

struct identity {
	enum identify_outcome outcome;
	bool has_id, has_type;
	struct span id, type; /* borrowed from scratch */
	/*
	 * The template that the id was read by; NULL: there is none. In a batch
	 * the least safe of those that its elements were read by.
	 */
	const struct scheme_id *id_facts;
	bool id_complete; /* every element of a batch has its id */
	bool type_signed; /* the signature covers what the type was read from */
	/*
	 * All types, each once: of the request, and of each element of a batch.
	 * type is the first that is no test's, if there is one. Not complete:
	 * some element's could not be read, or there are more than fit.
	 */
	struct span types[EVENT_TYPES_MAX];
	size_t ntypes;
	bool types_complete;
	struct span packed_types; /* the same, as struct event has them */
	/*
	 * Of OK: the scheme has types, and that of this request would stand in
	 * a body that cannot be read, or in JSON that is none. It has none
	 * then.
	 */
	bool type_unreadable;
	bool by_header; /* Content-Encoding has a part in how it was read */
	char why[128]; /* inert, unless OK; of OK where type_unreadable */
};

/*
 * Reads id and types off a request that was verified. scratch owns the bytes
 * of what out borrows; its limit must be at least 16 KiB.
 * An id of several values has "%XX" in them for the first letter of what
 * divides them, and for "%", so that no two events have the same by chance.
 * The id of a batch of one element is that element's; of more, "batch:" and
 * the SHA-256 of their ids' SHA-256s, sorted. An empty batch has none.
 */
int verify_identify(const struct scheme *sc, const struct verify_input *in,
    struct buf *scratch, struct identity *out, struct err *err);

/* As selection_of, of the types that were read of a request. */
enum selection selection_of_identity(
    const struct pattern_list *patterns, const struct identity *who);

/*
 * Is it a test event of the scheme? Only where every type was read and is a
 * test's: an element of a batch that cannot be read may be no test.
 */
bool selection_is_test(const struct scheme *sc, const struct identity *who);

#endif
