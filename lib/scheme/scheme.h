/*
 * scheme.h: how a provider signs, read from a scheme file (NAME.json) and
 * compiled once. A scheme never changes after loading, so any number of
 * threads may use one. The fields of the file are described in
 * eyelet-scheme(5); facts per provider stand in conf/schemes/.
 */
#ifndef EYELET_LIB_SCHEME_SCHEME_H
#define EYELET_LIB_SCHEME_SCHEME_H

#include <stdint.h>

#include "lib/base/bytes.h"

#define SCHEME_NAME_MAX 64
#define SCHEME_FILE_MAX (256 * 1024) /* bytes of a scheme file */

struct scheme;

/* What the operator should know about a file that loads all the same. */
struct scheme_warnings {
	size_t n;
	char text[8][256]; /* "FILE: /content: does not cover {body}: ..." */
};

/*
 * Loads one file. The scheme's name is the file's name without ".json" and
 * matches [a-z0-9-]{1,64}. warnings may be NULL. ERR_CONFIG with a message
 * that names file, JSON path, reason and, where one is near, the field that
 * was meant; ERR_NOTFOUND, ERR_IO, ERR_NOMEM.
 */
int scheme_load(const char *path, struct scheme **out,
    struct scheme_warnings *warnings, struct err *err);

/* The same from memory; path is only for messages and the name. */
int scheme_parse(const char *path, struct span text, struct scheme **out,
    struct scheme_warnings *warnings, struct err *err);

/* Drops a hold; the last one frees. NULL is allowed. */
void scheme_free(struct scheme *sc);
/* One more hold, which scheme_free drops: it outlives its set. */
struct scheme *scheme_hold(const struct scheme *sc);

/*
 * All schemes of the folders, each file once; a name in a later folder
 * replaces the same name of an earlier one, so that an operator can override
 * a preset. A file that does not load is reported through on_error (may be
 * NULL) and left out; the others still load. Fails only when a folder that
 * exists cannot be read or memory ends. A set never changes and is counted.
 */
struct scheme_set;

int scheme_set_load(const char *const *dirs, size_t ndirs,
    void (*on_error)(void *arg, const struct err *err), void *arg,
    struct scheme_set **out, struct err *err);
void scheme_set_free(struct scheme_set *set); /* drops a hold */
struct scheme_set *scheme_set_hold(const struct scheme_set *set);

/*
 * A set of the schemes of old, as they are, and of files in the folders that
 * have a name which old does not know. *out is NULL where there is none.
 */
int scheme_set_learn(const struct scheme_set *old, const char *const *dirs,
    size_t ndirs, void (*on_error)(void *arg, const struct err *err), void *arg,
    struct scheme_set **out, struct err *err);

size_t scheme_set_count(const struct scheme_set *set);
const struct scheme *scheme_set_at(const struct scheme_set *set, size_t i);
/* NULL when there is none of that name. */
const struct scheme *
scheme_set_find(const struct scheme_set *set, const char *name);

/* --- what a scheme says -------------------------------------------------- */

const char *scheme_name(const struct scheme *sc);
const char *scheme_title(const struct scheme *sc); /* never NULL */
const char *scheme_link(const struct scheme *sc); /* provider's page, or NULL */
const char *scheme_notes(const struct scheme *sc); /* for operators, or NULL */
/* What to think of a file that no page of the provider stands behind. */
const char *scheme_confidence(const struct scheme *sc); /* or NULL */
int64_t scheme_timeout_s(const struct scheme *sc); /* provider's; -1: unknown */
bool scheme_takes(const struct scheme *sc, struct span method); /* "methods" */
/* Those of "methods", for Allow: a constant. */
const char *scheme_methods(const struct scheme *sc);
const char *scheme_algorithm(const struct scheme *sc); /* "hmac-sha256" */
bool scheme_secret_from_provider(const struct scheme *sc); /* secret_from */
bool scheme_body_is_json(const struct scheme *sc); /* "body": "json" */
bool scheme_can_sign(const struct scheme *sc, const char **why_not);
int64_t scheme_tolerance_s(const struct scheme *sc); /* past; -1: no window */
/* Of "test_types"; never where the type is not signed. */
bool scheme_is_test_type(const struct scheme *sc, struct span type);
const char *scheme_test_type(const struct scheme *sc); /* first; or NULL */
bool scheme_has_envelope(const struct scheme *sc);
bool scheme_needs_url(const struct scheme *sc); /* {url} occurs */
/*
 * The i-th param of the endpoint without which nothing verifies: of content or
 * "require". NULL: there are no more.
 */
const char *scheme_param(const struct scheme *sc, size_t i);

/*
 * Is what this header carries the secret itself ("equal")? And where no header
 * does: do body or query?
 */
bool scheme_header_is_secret(const struct scheme *sc, struct span name);
bool scheme_body_has_secret(const struct scheme *sc);

/* The file as it was read, for "show". */
struct span scheme_text(const struct scheme *sc);

/* --- which event it is --------------------------------------------------- */

/* May a retry have another body than the first try? "retry_body" */
enum scheme_retry {
	SCHEME_RETRY_UNKNOWN,
	SCHEME_RETRY_SAME, /* but for what "retry_changes" names */
	SCHEME_RETRY_VARIES
};

/* Does the provider send the same content again as another event? "repeats" */
enum scheme_repeats {
	SCHEME_REPEATS_NEVER,
	SCHEME_REPEATS_TYPES, /* once under each type */
	SCHEME_REPEATS_ALWAYS
};

enum scheme_retry scheme_retry_body(const struct scheme *sc);
enum scheme_repeats scheme_repeats(const struct scheme *sc);
const char *scheme_retry_word(enum scheme_retry retry); /* "same" */
const char *scheme_repeats_word(enum scheme_repeats repeats); /* "never" */
/* Of "repeat_types": the same content under the same type is another event. */
bool scheme_is_repeat_type(const struct scheme *sc, struct span type);

/*
 * Is the whole body covered: by {body}, or by a digest that is signed? {form*}
 * does not cover it: its names and values run into each other, so that the
 * same signed bytes can be read as another form.
 */
bool scheme_covers_body(const struct scheme *sc);
/* The same of what a request says: of a GET, that is its query. */
bool scheme_covers_payload(const struct scheme *sc, bool by_get);
bool scheme_time_signed(const struct scheme *sc); /* content holds a time */
bool scheme_has_type(const struct scheme *sc); /* "type", or an element's */
bool scheme_type_signed(const struct scheme *sc); /* it has one, all are */

/* One of the templates of "id", or of an element's in "each". */
struct scheme_id {
	char *text; /* as it stands in the file */
	bool is_signed; /* the signature covers all that it reads */
	bool is_composed; /* of several values */
	/*
	 * It is signed, but the signed bytes can be divided into its values in
	 * more than one way: a captured request can be given another id.
	 */
	bool is_ambiguous;
	/*
	 * Signed and not ambiguous, and so is each that is tried before it, and
	 * no authentic request lacks it: the id alone keeps every repeat out.
	 */
	bool suffices;
};

/* Those of "id", then those of "each"; 0: the scheme has no id. */
size_t scheme_ids(const struct scheme *sc, const struct scheme_id **ids);
bool scheme_id_signed(const struct scheme *sc); /* it has one, all are signed */

/* Is each event of a batch ("each") signed by itself? */
bool scheme_each_signed(const struct scheme *sc);

/* The lists of the file for people; NULL-terminated. */
const char *const *scheme_sources(const struct scheme *sc);
const char *const *scheme_repeat_types(const struct scheme *sc);
const char *const *scheme_retry_changes(const struct scheme *sc);
const char *const *scheme_each_at(const struct scheme *sc); /* "" is the root */

/* HTTP statuses of refusals and of the success reply. */
struct scheme_status {
	int missing, invalid, expired;
	int success; /* 200 unless "reply" says otherwise */
	bool empty_reply; /* "reply": a body of ours would be wrong */
};

const struct scheme_status *scheme_status(const struct scheme *sc);

/*
 * Names of the headers that verification or identification reads, lower
 * case; a trailing "-*" stands for numbered ones. A request in which one of
 * them (but those of "sig.from" lists with "-*") occurs twice is refused.
 */
size_t scheme_headers(const struct scheme *sc, const char *const **names);

/*
 * Does the provider send the secret to the address itself, where "secret_in"
 * says? See handshake_secret.
 */
bool scheme_has_secret_in(const struct scheme *sc);
bool scheme_secret_is_in_body(const struct scheme *sc);

/* --- keys ---------------------------------------------------------------- */

/*
 * A secret made ready: prefixes cut, decoded, and what its algorithm can
 * compute ahead. Immutable, so threads may share it.
 */
struct scheme_key;

/*
 * Makes a key of the secret text as an operator pastes it. ERR_INPUT with the
 * reason (never the value) when it is empty, has the wrong encoding or is no
 * key of this algorithm; ERR_CRYPTO, ERR_NOMEM.
 */
int scheme_key_make(const struct scheme *sc, struct span secret,
    struct scheme_key **out, struct err *err);
void scheme_key_free(struct scheme_key *key); /* wipes */

/*
 * A new random secret in the form that this scheme's operator would paste
 * (prefix, encoding), at least 32 random bytes. ERR_USAGE where one cannot be
 * generated (public keys of the provider).
 */
int scheme_secret_generate(
    const struct scheme *sc, struct buf *out, struct err *err);

#endif
