/*
 * scheme_read.c: reads the fields of a scheme file. The tables at the end are
 * all the fields there are: their names, what they take, where it goes.
 */
#include "lib/scheme_read.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/near.h"
#include "lib/util.h"

#define WINDOW_MAX_S (10L * 366 * 86400) /* of a time window */
#define TIMEOUT_MAX_S 3600 /* of a provider */

#define NO_TOKENS                                                            \
	"JSON Web Tokens are not supported: their keys must be fetched, or " \
	"leave the body unsigned"
#define NO_FETCHING                                                           \
	"keys are never fetched from the network: pin the provider's public " \
	"key or certificate, which is given as the secret"

enum field_kind {
	FIELD_TEXT, /* char * */
	FIELD_TEXTS, /* char *[], one text or a list */
	FIELD_POINTERS, /* the same, JSON pointers each */
	FIELD_LINK, /* char *, a web address */
	FIELD_INT, /* int64_t */
	FIELD_STATUS, /* int, an HTTP status */
	FIELD_BOOL, /* bool, true or false */
	FIELD_WORD, /* an enum, by words */
	FIELD_SWITCH, /* bool, by words */
	FIELD_CHAR, /* char, by words */
	FIELD_ALGORITHM, /* const struct algorithm * */
	FIELD_SOURCE, /* struct piece */
	FIELD_SOURCES, /* struct piece[], one text or a list */
	FIELD_TEMPLATE, /* struct template */
	FIELD_TEMPLATES, /* struct template[], one text or a list */
	FIELD_REQUIRE, /* struct requirement[] */
	FIELD_ENVELOPE,
	FIELD_REFUSED, /* one that is asked for and not had; why says why */
	FIELD_OBJECT /* more fields; at: a bool that it is given, or none */
};

/* A word out of a few, and what it means. */
struct word {
	const char *word;
	int means;
};

struct field {
	const char *name;
	enum field_kind kind;
	size_t at; /* where in struct scheme */
	size_t n_at; /* and how many of them, for lists */
	unsigned allowed; /* kinds of pieces */
	int64_t least, most;
	const struct word *words;
	const struct field *inner;
	size_t nrows; /* of words or inner */
	bool needed;
	const char *why;
};

#define NOWHERE SIZE_MAX

static void *
place(struct scheme *sc, size_t at)
{
	assert(at < sizeof(*sc));
	return (unsigned char *)sc + at;
}

/* --- messages ------------------------------------------------------------ */

/* Puts "/name" before the path that err's message begins with. Returns -1. */
static int
put_path(struct err *err, const char *name)
{
	char inner[sizeof(err->text)];

	memcpy(inner, err->text, sizeof(inner));
	snprintf(err->text, sizeof(err->text), "/%.64s%s%.400s", name,
	    inner[0] == '/' ? "" : ": ", inner);
	return -1;
}

/* "SAYS; was "WORD" meant?" when a word is near, else says alone. */
static int
wrong_word(struct err *err, const struct near *near, const char *says)
{
	if (near->word == NULL)
		return err_set(err, ERR_CONFIG, "%s", says);
	return err_set(
	    err, ERR_CONFIG, "%s; was \"%s\" meant?", says, near->word);
}

/* --- one value ----------------------------------------------------------- */

/* A text that is not empty. */
static int
want_text(const struct json *value, const char **out, struct err *err)
{
	*out = json_text(value);
	if (*out == NULL)
		return err_set(err, ERR_CONFIG, "must be a string, not %s",
		    json_kind_word(json_kind(value)));
	if (**out == '\0')
		return err_set(err, ERR_CONFIG, "must not be empty");
	return 0;
}

static int
want_int(const struct json *value, const struct field *f, int64_t *out,
    struct err *err)
{
	if (json_int(value, out, err) < 0)
		return -1;
	if (*out < f->least || *out > f->most)
		return err_set(err, ERR_CONFIG, "must be from %lld to %lld",
		    (long long)f->least, (long long)f->most);
	return 0;
}

static int
want_word(
    const struct json *value, const struct field *f, int *out, struct err *err)
{
	struct near near = NEAR_INIT;
	char says[256] = "must be one of ";
	const char *text;
	size_t i, used = strlen(says);

	if (want_text(value, &text, err) < 0)
		return -1;
	for (i = 0; i < f->nrows; i++) {
		if (strcmp(f->words[i].word, text) == 0) {
			*out = f->words[i].means;
			return 0;
		}
		near_try(&near, span_str(text), f->words[i].word);
		used += (size_t)snprintf(says + used, sizeof(says) - used,
		    "%s\"%s\"", i == 0 ? "" : ", ", f->words[i].word);
	}
	return wrong_word(err, &near, says);
}

/* Algorithms of JSON Web Tokens (RFC 7518). */
static const char *const token_algorithms[] = { "jwt", "jws", "hs256", "hs384",
	"hs512", "rs256", "rs384", "rs512", "es256", "es384", "es512", "ps256",
	"eddsa" };

static int
want_algorithm(
    const struct json *value, const struct algorithm **out, struct err *err)
{
	struct near near = NEAR_INIT;
	const char *text, *name;
	size_t i;

	if (want_text(value, &text, err) < 0)
		return -1;
	*out = algorithm_find(text);
	if (*out != NULL)
		return 0;
	for (i = 0; i < NITEMS(token_algorithms); i++)
		if (span_is_nocase(span_str(text), token_algorithms[i]))
			return err_set(err, ERR_CONFIG, "%s", NO_TOKENS);
	for (i = 0; (name = algorithm_name(i)) != NULL; i++)
		near_try(&near, span_str(text), name);
	return wrong_word(err, &near, "is no algorithm that is known");
}

/* "header:X-Version = 1" */
static int
want_requirement(const char *text, const struct field *f,
    struct requirement *out, struct err *err)
{
	size_t at = span_find(span_str(text), '=');
	struct span value = span_trim(span_skip(span_str(text), at + 1));
	char *source;
	int parsed;

	if (value.len == 0)
		return err_set(err, ERR_CONFIG, "must read \"SOURCE = VALUE\"");
	source = span_dup(span_trim(span_of(text, at)), err);
	if (source == NULL)
		return -1;
	parsed = piece_parse(source, f->allowed, &out->from, err);
	free(source);
	if (parsed < 0)
		return -1;
	out->value = span_dup(value, err);
	if (out->value == NULL)
		piece_free(&out->from);
	return out->value == NULL ? -1 : 0;
}

/* Read as a source for its checks; kept as the pointer alone. */
static int
want_pointer(const char *text, char **out, struct err *err)
{
	char source[256];
	struct piece p;

	if (strlen(text) > sizeof(source) - sizeof("json:"))
		return err_set(err, ERR_CONFIG, "is too long");
	snprintf(source, sizeof(source), "json:%s", text);
	if (piece_parse(source, PIECE_BIT(PIECE_JSON), &p, err) < 0)
		return -1;
	piece_free(&p);
	*out = span_dup(span_str(text), err);
	return *out == NULL ? -1 : 0;
}

/* Text i of a list to its place. */
static int
read_text_at(struct scheme *sc, const struct field *f, size_t i,
    const char *text, struct err *err)
{
	void *at = place(sc, f->at);

	switch (f->kind) {
	case FIELD_TEXTS:
		((char **)at)[i] = span_dup(span_str(text), err);
		return ((char **)at)[i] == NULL ? -1 : 0;
	case FIELD_POINTERS:
		return want_pointer(text, (char **)at + i, err);
	case FIELD_SOURCES:
		return piece_parse(
		    text, f->allowed, (struct piece *)at + i, err);
	case FIELD_TEMPLATES:
		return template_parse(
		    text, f->allowed, (struct template *)at + i, err);
	case FIELD_REQUIRE:
		return want_requirement(
		    text, f, (struct requirement *)at + i, err);
	case FIELD_TEXT:
	case FIELD_LINK:
	case FIELD_INT:
	case FIELD_STATUS:
	case FIELD_BOOL:
	case FIELD_WORD:
	case FIELD_SWITCH:
	case FIELD_CHAR:
	case FIELD_ALGORITHM:
	case FIELD_SOURCE:
	case FIELD_TEMPLATE:
	case FIELD_ENVELOPE:
	case FIELD_REFUSED:
	case FIELD_OBJECT:
		break;
	}
	assert(false); /* no list of these */
	return -1;
}

/* One text, or a list of them. */
static int
read_list(struct scheme *sc, const struct field *f, const struct json *value,
    struct err *err)
{
	bool alone = json_kind(value) != JSON_ARRAY;
	const struct json *item = alone ? value : json_first(value);
	size_t *n = place(sc, f->n_at);
	const char *text;
	char index[24];

	while (item != NULL) {
		if (*n == SCHEME_LIST_MAX)
			return err_set(err, ERR_CONFIG,
			    "has more than %d members", SCHEME_LIST_MAX);
		if (want_text(item, &text, err) < 0 ||
		    read_text_at(sc, f, *n, text, err) < 0) {
			snprintf(index, sizeof(index), "%zu", *n);
			return alone ? -1 : put_path(err, index);
		}
		(*n)++;
		item = alone ? NULL : json_next(item);
	}
	return *n > 0 || !f->needed
		   ? 0
		   : err_set(err, ERR_CONFIG, "must not be empty");
}

static int
read_text(
    const struct field *f, const struct json *value, void *at, struct err *err)
{
	const char *text;

	if (want_text(value, &text, err) < 0)
		return -1;
	if (f->kind == FIELD_SOURCE)
		return piece_parse(text, f->allowed, at, err);
	if (f->kind == FIELD_TEMPLATE)
		return template_parse(text, f->allowed, at, err);
	if (f->kind == FIELD_LINK && !span_starts(span_str(text), "https://") &&
	    !span_starts(span_str(text), "http://"))
		return err_set(err, ERR_CONFIG, "must be a web address");
	*(char **)at = span_dup(span_str(text), err);
	return *(char **)at == NULL ? -1 : 0;
}

static int
read_word(
    const struct field *f, const struct json *value, void *at, struct err *err)
{
	int means;

	static_assert(sizeof(enum encoding) == sizeof(int), "enums are ints");
	if (want_word(value, f, &means, err) < 0)
		return -1;
	if (f->kind == FIELD_CHAR)
		*(char *)at = (char)means;
	else if (f->kind == FIELD_SWITCH)
		*(bool *)at = means != 0;
	else
		memcpy(at, &means, sizeof(means));
	return 0;
}

static int
read_number(
    const struct field *f, const struct json *value, void *at, struct err *err)
{
	int64_t n;

	if (want_int(value, f, &n, err) < 0)
		return -1;
	if (f->kind == FIELD_STATUS)
		*(int *)at = (int)n;
	else
		*(int64_t *)at = n;
	return 0;
}

static int read_object(struct scheme *sc, const struct json *object,
    const struct field *fields, size_t n, struct err *err);

static int
read_field(struct scheme *sc, const struct field *f, const struct json *value,
    struct err *err)
{
	void *at = f->at == NOWHERE ? NULL : place(sc, f->at);

	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_LINK:
	case FIELD_SOURCE:
	case FIELD_TEMPLATE:
		return read_text(f, value, at, err);
	case FIELD_TEXTS:
	case FIELD_POINTERS:
	case FIELD_SOURCES:
	case FIELD_TEMPLATES:
	case FIELD_REQUIRE:
		return read_list(sc, f, value, err);
	case FIELD_INT:
	case FIELD_STATUS:
		return read_number(f, value, at, err);
	case FIELD_WORD:
	case FIELD_SWITCH:
	case FIELD_CHAR:
		return read_word(f, value, at, err);
	case FIELD_BOOL:
		if (json_kind(value) != JSON_BOOL)
			return err_set(
			    err, ERR_CONFIG, "must be true or false");
		*(bool *)at = json_true(value);
		return 0;
	case FIELD_ALGORITHM:
		return want_algorithm(value, at, err);
	case FIELD_ENVELOPE:
		return scheme_envelope_parse(value, sc, err);
	case FIELD_REFUSED:
		return err_set(err, ERR_CONFIG, "%s", f->why);
	case FIELD_OBJECT:
		if (at != NULL)
			*(bool *)at = true;
		return read_object(sc, value, f->inner, f->nrows, err);
	}
	return -1;
}

static int
unknown_field(
    const char *name, const struct field *fields, size_t n, struct err *err)
{
	struct near near = NEAR_INIT;
	size_t i;

	for (i = 0; i < n; i++)
		if (fields[i].kind != FIELD_REFUSED)
			near_try(&near, span_str(name), fields[i].name);
	return wrong_word(err, &near, "there is no such field");
}

static int
read_object(struct scheme *sc, const struct json *object,
    const struct field *fields, size_t n, struct err *err)
{
	const struct json *m;
	size_t i;

	if (json_kind(object) != JSON_OBJECT)
		return err_set(err, ERR_CONFIG, "must be an object, not %s",
		    json_kind_word(json_kind(object)));
	for (m = json_first(object); m != NULL; m = json_next(m)) {
		for (i = 0; i < n; i++)
			if (strcmp(fields[i].name, json_name(m)) == 0)
				break;
		if ((i == n ? unknown_field(json_name(m), fields, n, err)
			    : read_field(sc, &fields[i], m, err)) < 0)
			return put_path(err, json_name(m));
	}
	for (i = 0; i < n; i++)
		if (fields[i].needed &&
		    json_get(object, fields[i].name) == NULL)
			return err_set(
			    err, ERR_CONFIG, "/%s: is missing", fields[i].name);
	return 0;
}

/* --- all fields ---------------------------------------------------------- */

/* clang-format off */
#define AT(member) .at = offsetof(struct scheme, member)
#define LIST(member) AT(member), .n_at = offsetof(struct scheme, n##member)
#define WORDS(rows) .words = rows, .nrows = NITEMS(rows)
#define INNER(rows) .inner = rows, .nrows = NITEMS(rows)

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
	{ "secondary", CONFIDENCE_SECONDARY },
	{ "recalled", CONFIDENCE_RECALLED },
};

static const struct word makers[] = { { "provider", 1 }, { "operator", 0 } };
static const struct word retries[] = { { "same", 1 }, { "varies", 0 } };
static const struct word bodies[] = { { "json", 1 }, { "any", 0 } };
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
	{ "ports", FIELD_SWITCH, AT(ports_both), WORDS(ports),
	    .needed = true },
};

static const struct field status_fields[] = {
	{ "missing", FIELD_STATUS, AT(status.missing), .least = 400,
	    .most = 599 },
	{ "invalid", FIELD_STATUS, AT(status.invalid), .least = 400,
	    .most = 599 },
	{ "expired", FIELD_STATUS, AT(status.expired), .least = 400,
	    .most = 599 },
};

static const struct field reply_fields[] = {
	{ "status", FIELD_STATUS, AT(status.success), .least = 200,
	    .most = 299 },
	{ "empty", FIELD_BOOL, AT(status.empty_reply) },
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
	{ "older", FIELD_OBJECT, .at = NOWHERE, INNER(older_fields) },
	{ "jwt", FIELD_REFUSED, .at = NOWHERE, .why = NO_TOKENS },
	{ "time", FIELD_OBJECT, AT(has_time), INNER(time_fields) },
	{ "require", FIELD_REQUIRE, LIST(require), .allowed = VALUES },
	{ "digest", FIELD_OBJECT, AT(has_digest), INNER(digest_fields) },
	{ "url", FIELD_OBJECT, .at = NOWHERE, INNER(url_fields) },
	{ "id", FIELD_TEMPLATES, LIST(id), .allowed = NAMES },
	{ "type", FIELD_TEMPLATES, LIST(type), .allowed = NAMES },
	{ "replay", FIELD_TEMPLATE, AT(replay), .allowed = VALUES },
	{ "required", FIELD_POINTERS, LIST(required) },
	{ "test_types", FIELD_TEXTS, LIST(test_types) },
	{ "retry_body", FIELD_SWITCH, AT(retry_body_same), WORDS(retries) },
	{ "body", FIELD_SWITCH, AT(body_is_json), WORDS(bodies) },
	{ "status", FIELD_OBJECT, .at = NOWHERE, INNER(status_fields) },
	/* A reply of the scheme's own is empty unless it says otherwise. */
	{ "reply", FIELD_OBJECT, AT(status.empty_reply),
	    INNER(reply_fields) },
	{ "envelope", FIELD_ENVELOPE, .at = NOWHERE },
};
/* clang-format on */

int
scheme_read(struct scheme *sc, const struct json *root, struct err *err)
{
	sc->secret_from_provider = true;
	sc->key_enc = ENCODING_UTF8;
	sc->sig_enc = ENCODING_UTF8; /* not given */
	sc->past_s = sc->future_s = sc->timeout_s = -1;
	sc->status.missing = sc->status.invalid = sc->status.expired = 401;
	sc->status.success = 200;
	sc->default_tests = json_get(root, "test_types") == NULL;
	return read_object(sc, root, scheme_fields, NITEMS(scheme_fields), err);
}
