/*
 * impl.h: a scheme compiled, for the files that load it, verify with it
 * and sign with it. Nobody else includes this; scheme.h is for all others.
 */
#ifndef EYELET_LIB_SCHEME_IMPL_H
#define EYELET_LIB_SCHEME_IMPL_H

#include <stdatomic.h>

#include "lib/base/encode.h"
#include "lib/crypto/hmac.h"
#include "lib/crypto/pubkey.h"
#include "lib/http/url.h"
#include "lib/scheme/scheme.h"
#include "lib/scheme/template.h"

#define SCHEME_LIST_MAX 16 /* members of any list in a scheme file */
#define SCHEME_TEXTS_MAX (SCHEME_LIST_MAX + 1) /* with a NULL behind them */
#define SCHEME_HEADERS_MAX 64

enum algorithm_kind {
	ALGORITHM_HMAC, /* a MAC with a shared secret */
	ALGORITHM_DIGEST, /* a plain digest over content that holds {key} */
	ALGORITHM_PUBKEY, /* a signature of the provider's private key */
	ALGORITHM_EQUAL /* the secret itself is sent */
};

struct algorithm {
	const char *name;
	enum algorithm_kind kind;
	enum hash hash; /* HMAC, DIGEST */
	enum pubkey_kind pubkey; /* PUBKEY */
};

enum time_unit {
	TIME_S,
	TIME_MS,
	TIME_RFC3339
};

/* A piece of an envelope: JSON text as it stands, or one value. */
enum envelope_hole {
	ENVELOPE_TEXT,
	ENVELOPE_ID, /* inside a string */
	ENVELOPE_TYPE, /* inside a string */
	ENVELOPE_TIME, /* RFC 3339, inside a string */
	ENVELOPE_TIME_S,
	ENVELOPE_TIME_MS,
	ENVELOPE_DATA /* a value of its own */
};

struct envelope_piece {
	enum envelope_hole hole;
	char *text; /* of ENVELOPE_TEXT, else NULL */
};

/* How sure it is that a file says what its provider does. */
enum confidence {
	CONFIDENCE_UNSAID,
	CONFIDENCE_DOCUMENTED,
	CONFIDENCE_SECONDARY,
	CONFIDENCE_RECALLED
};

struct requirement {
	struct piece from;
	char *value;
	bool is_param; /* value is the name of a param, whose value counts */
};

/* When a handshake rule applies. */
struct condition {
	struct piece from;
	char *value; /* NULL: it is enough that it is there */
	bool absent; /* it must not be there */
};

/* A member of a reply: a header, or of a JSON object. */
struct handshake_member {
	char *name;
	char *literal; /* of JSON: a number, true or false; else NULL */
	struct template value;
};

enum handshake_method {
	HANDSHAKE_POST,
	HANDSHAKE_GET,
	HANDSHAKE_HEAD,
	HANDSHAKE_OPTIONS
};

struct handshake_rule {
	enum handshake_method method;
	bool is_signed; /* the request is verified first */
	bool any_case; /* names in query and form match in any case */
	struct condition when[SCHEME_LIST_MAX];
	size_t nwhen;
	struct piece check_from; /* must hold the param; */
	char *check_param; /* NULL: nothing is checked */
	int status;
	struct template text; /* of a reply that is text */
	bool is_json;
	struct handshake_member json[SCHEME_LIST_MAX];
	size_t njson;
	struct handshake_member headers[SCHEME_LIST_MAX];
	size_t nheaders;
};

struct scheme {
	atomic_uint holds; /* beside the one of who made it */
	char name[SCHEME_NAME_MAX + 1];
	char *title, *link, *notes;
	char *text; /* the file */
	size_t text_len;
	bool secret_from_provider, body_is_json;
	enum confidence confidence;
	int64_t timeout_s; /* of the provider; -1: not known */

	const struct algorithm *algorithm;
	char *strip[SCHEME_LIST_MAX]; /* prefixes cut from a secret */
	size_t nstrip;
	enum encoding key_enc;
	bool key_nfkd; /* the text is brought to Unicode form NFKD first */

	struct piece sig_from[SCHEME_LIST_MAX];
	size_t nsig_from;
	char split; /* between the items of sig_from; 0: one item */
	char *prefix; /* of the item that is a signature; "" for none */
	enum encoding sig_enc;

	struct template content; /* empty for ALGORITHM_EQUAL */
	/*
	 * What counts where no item begins with prefix: an older version that
	 * the sender still has. Where one does, this is never looked at.
	 */
	struct {
		char *prefix; /* NULL: none */
		struct template content;
	} older;
	struct piece separator_in; /* shown is NULL: {body}, or none */
	bool signs_decoded; /* {body} is unpacked (Content-Encoding) */
	bool covers_body; /* by {body}, or a digest that is signed */

	bool has_time;
	struct piece time_from;
	enum time_unit time_unit;
	int64_t past_s, future_s; /* -1: not checked */

	struct requirement require[SCHEME_LIST_MAX];
	size_t nrequire;

	bool has_digest;
	struct piece digest_from;
	enum hash digest_hash;
	enum encoding digest_enc;

	struct template id[SCHEME_LIST_MAX], type[SCHEME_LIST_MAX];
	size_t nid, ntype;
	/*
	 * The events of a batch: pointers to arrays, "*" in them for every
	 * element of one; what is read of each, relative to it.
	 */
	bool has_each;
	char *each_at[SCHEME_TEXTS_MAX];
	struct template each_id[SCHEME_LIST_MAX], each_type[SCHEME_LIST_MAX];
	size_t neach_at, neach_id, neach_type;
	bool each_signed; /* sig and content are read off each element */

	enum scheme_retry retry_body;
	enum scheme_repeats repeats;
	/* All lists that scheme.h hands out end with NULL. */
	char *repeat_types[SCHEME_TEXTS_MAX];
	char *retry_changes[SCHEME_TEXTS_MAX]; /* pointers, with "*" */
	char *sources[SCHEME_TEXTS_MAX];
	size_t nrepeat_types, nretry_changes, nsources;

	char *required[SCHEME_LIST_MAX]; /* JSON pointers */
	size_t nrequired;
	char *test_types[SCHEME_LIST_MAX];
	size_t ntest_types;
	bool default_tests; /* the file says nothing of them */

	bool ports_both;
	bool url_decode[URL_BYTES]; /* escapes that {url} has undone */
	struct piece json_in; /* a form value; shown is NULL: the body alone */
	bool by_post, by_get; /* methods that events come by */
	struct scheme_status status;

	struct handshake_rule *handshake;
	size_t nhandshake;
	/* How the provider sends the secret to the address itself. */
	bool has_secret_in;
	struct piece secret_in;
	bool secret_echo; /* answered in the same header */

	struct envelope_piece *envelope;
	size_t nenvelope;

	/* Found out when it was loaded. */
	struct scheme_id ids[2 * SCHEME_LIST_MAX]; /* of id, then each_id */
	size_t nids;
	bool type_signed; /* each template of it; it has one */
	const char *headers[SCHEME_HEADERS_MAX]; /* borrowed, "x-*" owned */
	size_t nheaders;
	char *numbered[SCHEME_LIST_MAX]; /* the "x-*" among headers */
	size_t nnumbered;
};

struct scheme_key {
	struct hmac_key *hmac; /* ALGORITHM_HMAC */
	struct pubkey *pubkey; /* ALGORITHM_PUBKEY */
	unsigned char *bytes; /* the others */
	size_t len;
};

/* A time as a scheme writes it, in milliseconds. False: it is none. */
bool scheme_read_time(enum time_unit unit, struct span text, int64_t *ms);

/*
 * Why a time of this age is outside of what is allowed; NULL: it is not. Limits
 * below 0 are none. A constant.
 */
const char *scheme_time_outside(
    int64_t age_ms, int64_t past_s, int64_t future_s, int64_t horizon_s);

/* The row of a name, or NULL. Words of the names, for "was X meant?". */
const struct algorithm *algorithm_find(const char *name);
const char *algorithm_name(size_t i); /* NULL behind the last */

/* Finds what the signature covers: sets covers_body for those below. */
void scheme_find_coverage(struct scheme *sc);
bool scheme_covers(const struct scheme *sc, const struct piece *source);
/* All that the template reads; all that each of n templates reads (n > 0). */
bool scheme_covers_all(const struct scheme *sc, const struct template *t);
bool
scheme_covers_each(const struct scheme *sc, const struct template *t, size_t n);

/*
 * Does a template read a form, or JSON in one? Which value that has depends on
 * the Content-Type, unless the very same value is part of what is signed.
 */
bool scheme_reads_form(const struct scheme *sc, const struct template *t);

/*
 * Can the signed bytes be divided into the values of content in one way alone?
 * scheme_join_check sets "bounded" for the pieces whose values must not hold
 * what divides them from their neighbours, and *unique. ERR_CONFIG "/FIELD:
 * why". scheme_join_holds: do the values of a request keep to that?
 */
int scheme_join_check(struct scheme *sc, bool *unique, struct err *err);
bool scheme_join_holds(const struct template *t, const struct span *values);

/*
 * Of a batch whose elements are signed one by one: has rs read JSON off the
 * first, to say what is signed. Of others: does nothing. ERR_NOMEM.
 */
struct resolver;
int scheme_first_element(
    const struct scheme *sc, struct resolver *rs, struct err *err);

/* What id, type, each, retry_body and repeats say fits together; fills ids. */
int scheme_identity_check(struct scheme *sc, bool unique, struct err *err);
struct json;
/* "methods" and "url/decode": lists of words. */
/* Do methods, url, signs and json_in fit to the rest? */
int scheme_body_check(const struct scheme *sc, struct err *err);
int scheme_methods_parse(const struct json *value, void *base, struct err *err);
int
scheme_url_decode_parse(const struct json *value, void *base, struct err *err);
/* "each/at": pointers, "" for the root; "each/signed" and the rest by table. */
int scheme_each_at_parse(const struct json *value, void *base, struct err *err);

/*
 * What one field cannot see: do the fields of a compiled scheme fit together?
 * Sets what is found out on the way. ERR_CONFIG "/FIELD: why".
 */
int scheme_check(
    struct scheme *sc, struct scheme_warnings *warnings, struct err *err);

/*
 * Compile what has a form of its own into base, a struct scheme. ERR_CONFIG
 * "/MEMBER: why", from the member down.
 */
int
scheme_envelope_parse(const struct json *value, void *base, struct err *err);
int
scheme_handshake_parse(const struct json *value, void *base, struct err *err);
/* Do its rules fit together, and to the rest? "/handshake/0/FIELD: why". */
int handshake_check(const struct scheme *sc, struct err *err);
/* A name that is none, or one that is ours to send, would break the reply. */
int handshake_check_name(const char *name, struct err *err);
void handshake_rule_free(struct handshake_rule *rule);

#endif
