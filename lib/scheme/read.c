/*
 * read.c: reads a scheme file. The tables are all the fields there are:
 * their names, what they take, where it goes.
 */
#include "lib/scheme/read.h"

#include "lib/scheme/field.h"

#define WINDOW_MAX_S (10L * 366 * 86400) /* of a time window */
#define TIMEOUT_MAX_S 3600 /* of a provider */

#define NO_FETCHING                                                           \
	"keys are never fetched from the network: pin the provider's public " \
	"key or certificate, which is given as the secret"

/* clang-format off */
#define AT(member) FIELD_AT(scheme, member)
#define LIST(member) FIELD_LIST(scheme, member)
#define WORDS FIELD_WORDS
#define INNER FIELD_INNER
#define NOWHERE FIELD_NOWHERE

/* What may be read where. */
#define VALUES \
	(PIECE_BIT(PIECE_HEADER) | PIECE_BIT(PIECE_ITEM) | \
	    PIECE_BIT(PIECE_JSON) | PIECE_BIT(PIECE_QUERY) | \
	    PIECE_BIT(PIECE_FORM))
#define NAMES (VALUES | PIECE_BIT(PIECE_PARAM))
#define SIGNATURES \
	(PIECE_BIT(PIECE_HEADER) | PIECE_BIT(PIECE_JSON) | \
	    PIECE_BIT(PIECE_QUERY) | PIECE_BIT(PIECE_FORM) | PIECE_NUMBERED)

static const struct word encodings[] = {
	{ "hex", ENCODING_HEX },
	{ "base64", ENCODING_BASE64 },
	{ "base64url", ENCODING_BASE64URL },
};

static const struct word key_encodings[] = {
	{ "utf8", ENCODING_UTF8 },
	{ "base64", ENCODING_BASE64 },
	{ "hex", ENCODING_HEX },
};

static const struct word splits[] = { { ",", ',' }, { ";", ';' }, { " ", ' ' } };

static const struct word units[] = {
	{ "s", TIME_S },
	{ "ms", TIME_MS },
	{ "rfc3339", TIME_RFC3339 },
};

static const struct word hashes[] = {
	{ "sha256", HASH_SHA256 },
	{ "sha512", HASH_SHA512 },
	{ "sha1", HASH_SHA1 },
};

static const struct word confidences[] = {
	{ "documented", CONFIDENCE_DOCUMENTED },
	{ "secondary", CONFIDENCE_SECONDARY },
	{ "recalled", CONFIDENCE_RECALLED },
};

static const struct word makers[] = { { "provider", 1 }, { "operator", 0 } };
static const struct word retries[] = {
	{ "same", SCHEME_RETRY_SAME },
	{ "varies", SCHEME_RETRY_VARIES },
	{ "unknown", SCHEME_RETRY_UNKNOWN },
};

static const struct word repeats[] = {
	{ "never", SCHEME_REPEATS_NEVER },
	{ "types", SCHEME_REPEATS_TYPES },
	{ "always", SCHEME_REPEATS_ALWAYS },
};

static const struct word bodies[] = { { "json", 1 }, { "any", 0 } };
static const struct word signed_bodies[] = { { "decoded", 1 }, { "wire", 0 } };
static const struct word ports[] = { { "both", 1 }, { "given", 0 } };

static const struct word forms[] = { { "nfkd", 1 }, { "given", 0 } };

static const struct field key_fields[] = {
	{ "strip", FIELD_TEXTS, LIST(strip) },
	{ "enc", FIELD_WORD, AT(key_enc), WORDS(key_encodings) },
	{ "form", FIELD_SWITCH, AT(key_nfkd), WORDS(forms) },
	{ "url", FIELD_REFUSED, .at = NOWHERE, .why = NO_FETCHING },
	{ "jwks", FIELD_REFUSED, .at = NOWHERE, .why = NO_FETCHING },
};

static const struct field older_fields[] = {
	{ "prefix", FIELD_TEXT, AT(older.prefix), .needed = true },
	{ "content", FIELD_TEMPLATE, AT(older.content),
	    .allowed = PIECE_ALL | PIECE_GROUPS, .needed = true },
};

static const struct field sig_fields[] = {
	{ "from", FIELD_SOURCES, LIST(sig_from), .allowed = SIGNATURES,
	    .needed = true },
	{ "split", FIELD_CHAR, AT(split), WORDS(splits) },
	{ "prefix", FIELD_TEXT, AT(prefix) },
	{ "enc", FIELD_WORD, AT(sig_enc), WORDS(encodings) },
};

static const struct field time_fields[] = {
	{ "from", FIELD_SOURCE, AT(time_from), .allowed = VALUES,
	    .needed = true },
	{ "unit", FIELD_WORD, AT(time_unit), WORDS(units), .needed = true },
	{ "past", FIELD_INT, AT(past_s), .most = WINDOW_MAX_S },
	{ "future", FIELD_INT, AT(future_s), .most = WINDOW_MAX_S },
};

static const struct field digest_fields[] = {
	{ "from", FIELD_SOURCE, AT(digest_from), .allowed = VALUES,
	    .needed = true },
	{ "alg", FIELD_WORD, AT(digest_hash), WORDS(hashes), .needed = true },
	{ "enc", FIELD_WORD, AT(digest_enc), WORDS(encodings),
	    .needed = true },
};

static const struct field url_fields[] = {
	{ "ports", FIELD_SWITCH, AT(ports_both), WORDS(ports) },
	{ "decode", FIELD_CALL, .at = NOWHERE,
	    .read = scheme_url_decode_parse },
};

static const struct field status_fields[] = {
	{ "missing", FIELD_STATUS, AT(status.missing), .least = 400,
	    .most = 599 },
	{ "invalid", FIELD_STATUS, AT(status.invalid), .least = 400,
	    .most = 599 },
	{ "expired", FIELD_STATUS, AT(status.expired), .least = 400,
	    .most = 599 },
};

static const struct field secret_fields[] = {
	{ "from", FIELD_SOURCE, AT(secret_in),
	    .allowed = PIECE_BIT(PIECE_HEADER) | PIECE_BIT(PIECE_JSON),
	    .needed = true },
	{ "echo", FIELD_BOOL, AT(secret_echo) },
};

static const struct field reply_fields[] = {
	{ "status", FIELD_STATUS, AT(status.success), .least = 200,
	    .most = 299 },
	{ "empty", FIELD_BOOL, AT(status.empty_reply) },
};

static const struct field each_fields[] = {
	{ "at", FIELD_CALL, .at = NOWHERE, .read = scheme_each_at_parse,
	    .needed = true },
	{ "id", FIELD_TEMPLATES, LIST(each_id),
	    .allowed = PIECE_BIT(PIECE_JSON) },
	{ "type", FIELD_TEMPLATES, LIST(each_type),
	    .allowed = PIECE_BIT(PIECE_JSON) },
	{ "signed", FIELD_BOOL, AT(each_signed) },
};

static const struct field scheme_fields[] = {
	{ "title", FIELD_TEXT, AT(title) },
	{ "link", FIELD_LINK, AT(link) },
	{ "notes", FIELD_TEXT, AT(notes) },
	{ "confidence", FIELD_WORD, AT(confidence), WORDS(confidences) },
	{ "timeout", FIELD_INT, AT(timeout_s), .least = 1,
	    .most = TIMEOUT_MAX_S },
	{ "secret_from", FIELD_SWITCH, AT(secret_from_provider),
	    WORDS(makers) },
	{ "alg", FIELD_ALGORITHM, AT(algorithm), .needed = true },
	{ "key", FIELD_OBJECT, .at = NOWHERE, INNER(key_fields) },
	{ "sig", FIELD_OBJECT, .at = NOWHERE, INNER(sig_fields),
	    .needed = true },
	{ "content", FIELD_TEMPLATE, AT(content),
	    .allowed = PIECE_ALL | PIECE_GROUPS },
	{ "separator_in", FIELD_SOURCE, AT(separator_in), .allowed = VALUES },
	{ "signs", FIELD_SWITCH, AT(signs_decoded), WORDS(signed_bodies) },
	{ "older", FIELD_OBJECT, .at = NOWHERE, INNER(older_fields) },
	{ "jwt", FIELD_REFUSED, .at = NOWHERE, .why = FIELD_NO_TOKENS },
	{ "time", FIELD_OBJECT, AT(has_time), INNER(time_fields) },
	{ "require", FIELD_REQUIRE, LIST(require), .allowed = VALUES },
	{ "digest", FIELD_OBJECT, AT(has_digest), INNER(digest_fields) },
	{ "url", FIELD_OBJECT, .at = NOWHERE, INNER(url_fields) },
	{ "methods", FIELD_CALL, .at = NOWHERE, .read = scheme_methods_parse },
	{ "json_in", FIELD_SOURCE, AT(json_in),
	    .allowed = PIECE_BIT(PIECE_FORM) },
	{ "id", FIELD_TEMPLATES, LIST(id), .allowed = NAMES },
	{ "type", FIELD_TEMPLATES, LIST(type), .allowed = NAMES },
	{ "required", FIELD_POINTERS, LIST(required) },
	{ "test_types", FIELD_TEXTS, LIST(test_types) },
	{ "each", FIELD_OBJECT, AT(has_each), INNER(each_fields) },
	{ "retry_body", FIELD_WORD, AT(retry_body), WORDS(retries) },
	{ "retry_changes", FIELD_POINTERS, LIST(retry_changes) },
	{ "repeats", FIELD_WORD, AT(repeats), WORDS(repeats) },
	{ "repeat_types", FIELD_TEXTS, LIST(repeat_types) },
	{ "source", FIELD_TEXTS, LIST(sources) },
	{ "body", FIELD_SWITCH, AT(body_is_json), WORDS(bodies) },
	{ "status", FIELD_OBJECT, .at = NOWHERE, INNER(status_fields) },
	/* A reply of the scheme's own is empty unless it says otherwise. */
	{ "reply", FIELD_OBJECT, AT(status.empty_reply),
	    INNER(reply_fields) },
	{ "handshake", FIELD_CALL, .at = NOWHERE,
	    .read = scheme_handshake_parse },
	{ "secret_in", FIELD_OBJECT, AT(has_secret_in),
	    INNER(secret_fields) },
	{ "envelope", FIELD_CALL, .at = NOWHERE,
	    .read = scheme_envelope_parse },
};
/* clang-format on */

int
scheme_read(struct scheme *sc, const struct json *root, struct err *err)
{
	sc->secret_from_provider = sc->by_post = true;
	sc->key_enc = ENCODING_UTF8;
	sc->sig_enc = ENCODING_UTF8; /* not given */
	sc->past_s = sc->future_s = sc->timeout_s = -1;
	sc->status.missing = sc->status.invalid = sc->status.expired = 401;
	sc->status.success = 200;
	sc->default_tests = json_get(root, "test_types") == NULL;
	return field_read_object(
	    sc, root, scheme_fields, NITEMS(scheme_fields), err);
}
