/*
 * identity.c: what a scheme says of which event a request is: its ids,
 * what a retry changes, what repeats, and the events of a batch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/scheme/field.h"

#define RECALLED "recalled" /* as a source: from general knowledge */

/* --- reading -------------------------------------------------------------- */

/* A pointer to where the elements are; "" is the root. */
static int
add_at(struct scheme *sc, const struct json *value, struct err *err)
{
	const char *text = json_text(value);
	char source[256];
	struct piece p;

	if (text == NULL)
		return err_set(err, ERR_CONFIG, "must be a string, not %s",
		    json_kind_word(json_kind(value)));
	if (sc->neach_at == SCHEME_LIST_MAX)
		return err_set(err, ERR_CONFIG, "has more than %d members",
		    SCHEME_LIST_MAX);
	if ((size_t)snprintf(source, sizeof(source), "json:%s", text) >=
	    sizeof(source))
		return err_set(err, ERR_CONFIG, "is too long");
	if (*text != '\0') {
		if (piece_parse(source, PIECE_BIT(PIECE_JSON), &p, err) < 0)
			return -1;
		piece_free(&p);
	}
	sc->each_at[sc->neach_at] = span_dup(span_str(text), err);
	return sc->each_at[sc->neach_at++] == NULL ? -1 : 0;
}

int
scheme_each_at_parse(const struct json *value, void *base, struct err *err)
{
	bool alone = json_kind(value) != JSON_ARRAY;
	const struct json *item = alone ? value : json_first(value);
	struct scheme *sc = base;
	char index[24];

	if (item == NULL)
		return err_set(err, ERR_CONFIG, "must not be empty");
	for (; item != NULL; item = alone ? NULL : json_next(item))
		if (add_at(sc, item, err) < 0) {
			snprintf(index, sizeof(index), "%zu", sc->neach_at);
			return alone ? -1 : field_path(err, index);
		}
	return 0;
}

/* --- ids ------------------------------------------------------------------ */

/* The template as it stands in the file. */
static char *
text_of(const struct template *t, struct err *err)
{
	struct buf text = BUF_INIT(SCHEME_FILE_MAX);
	const struct piece *p;
	char *s = NULL;
	size_t i;

	for (i = 0; i < t->n; i++) {
		p = &t->pieces[i];
		if ((p->kind == PIECE_LITERAL
			    ? buf_puts(&text, p->arg, err)
			    : buf_printf(&text, err, "{%s%s}", p->shown,
				  p->optional ? "?" : "")) < 0)
			goto out;
	}
	s = span_dup(buf_span(&text), err);
out:
	buf_free(&text);
	return s;
}

static size_t
count_values(const struct template *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->n; i++)
		n += t->pieces[i].kind != PIECE_LITERAL;
	return n;
}

/* Does no authentic request lack what this reads? */
static bool
is_always_there(const struct scheme *sc, const struct piece *p)
{
	size_t i;

	for (i = 0; i < sc->nrequired; i++)
		if (p->kind == PIECE_JSON &&
		    strcmp(sc->required[i], p->arg) == 0)
			return true;
	for (i = 0; i < sc->content.n; i++)
		if (piece_same(&sc->content.pieces[i], p) &&
		    !sc->content.pieces[i].optional &&
		    sc->content.pieces[i].group == 0 &&
		    sc->older.prefix == NULL)
			return true;
	return p->kind == PIECE_LITERAL || p->kind == PIECE_PARAM;
}

static bool
is_always_whole(const struct scheme *sc, const struct template *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (!is_always_there(sc, &t->pieces[i]))
			return false;
	return true;
}

/* sure: nobody can make a request of which one before this one is read. */
static int
add_id(struct scheme *sc, const struct template *t, bool unique, bool *sure,
    struct err *err)
{
	struct scheme_id *id = &sc->ids[sc->nids];

	id->text = text_of(t, err);
	if (id->text == NULL)
		return -1;
	sc->nids++;
	id->is_composed = count_values(t) > 1;
	id->is_signed = scheme_covers_all(sc, t);
	id->is_ambiguous = id->is_signed && !unique;
	*sure = *sure && id->is_signed && !id->is_ambiguous;
	/* Which value a form has depends on the Content-Type. */
	id->suffices = *sure && !sc->has_each && is_always_whole(sc, t) &&
		       !scheme_reads_form(sc, t);
	return 0;
}

static int
find_ids(struct scheme *sc, bool unique, struct err *err)
{
	bool sure = true;
	size_t i;

	for (i = 0; i < sc->nid; i++)
		if (add_id(sc, &sc->id[i], unique, &sure, err) < 0)
			return -1;
	for (i = 0; i < sc->neach_id; i++)
		if (add_id(sc, &sc->each_id[i], unique, &sure, err) < 0)
			return -1;
	return 0;
}

/* --- rules ---------------------------------------------------------------- */

/* "/events/0/id": a number names one element of a list. */
static bool
has_index(const char *pointer)
{
	size_t len, digits;

	while (*pointer == '/') {
		len = strcspn(++pointer, "/");
		digits = strspn(pointer, "0123456789");
		if (len > 0 && digits == len)
			return true;
		pointer += len;
	}
	return false;
}

/* An element that names the whole batch would hide the others. */
static int
check_indexes(
    const struct template *t, size_t n, const char *field, struct err *err)
{
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < t[i].n; k++)
			if (t[i].pieces[k].kind == PIECE_JSON &&
			    has_index(t[i].pieces[k].arg))
				return err_set(err, ERR_CONFIG,
				    "%s: \"%s\" reads one element of a list, "
				    "which would stand for all of them; use "
				    "\"each\"",
				    field, t[i].pieces[k].shown);
	return 0;
}

/* "{json:/a}{json:/b}" is the same text for 1 and 23 as for 12 and 3. */
static int
check_joins(
    const struct template *t, size_t n, const char *field, struct err *err)
{
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 1; k < t[i].n; k++)
			if (t[i].pieces[k].kind != PIECE_LITERAL &&
			    t[i].pieces[k - 1].kind != PIECE_LITERAL)
				return err_set(err, ERR_CONFIG,
				    "%s: \"%s\" follows another value with "
				    "nothing between them",
				    field, t[i].pieces[k].shown);
	return 0;
}

/* Elements that are signed one by one are all that there is of a request. */
static int
check_each_signed(const struct scheme *sc, struct err *err)
{
	const char *why = NULL;
	size_t i;

	for (i = 0; i < sc->nsig_from; i++)
		if (sc->sig_from[i].kind != PIECE_JSON)
			why = "sig.from must be a JSON source";
	for (i = 0; i < sc->content.n; i++)
		if (sc->content.pieces[i].kind != PIECE_JSON &&
		    sc->content.pieces[i].kind != PIECE_LITERAL &&
		    sc->content.pieces[i].kind != PIECE_PARAM)
			why = "content can hold JSON sources alone";
	if (sc->algorithm->kind == ALGORITHM_PUBKEY ||
	    sc->algorithm->kind == ALGORITHM_DIGEST)
		why = "the algorithm must be a MAC or \"equal\"";
	if (sc->has_time || sc->has_digest || sc->older.prefix != NULL)
		why = "there can be no time, digest or older";
	if (!sc->body_is_json)
		why = "\"body\" must be \"json\"";
	return why == NULL ? 0
			   : err_set(err, ERR_CONFIG, "/each/signed: %s", why);
}

static int
check_each(const struct scheme *sc, struct err *err)
{
	if (check_indexes(sc->id, sc->nid, "/id", err) < 0 ||
	    check_indexes(sc->type, sc->ntype, "/type", err) < 0 ||
	    check_joins(sc->id, sc->nid, "/id", err) < 0 ||
	    check_joins(sc->each_id, sc->neach_id, "/each/id", err) < 0)
		return -1;
	if (sc->each_signed)
		return check_each_signed(sc, err);
	if (sc->has_each && sc->neach_id == 0 && sc->neach_type == 0)
		return err_set(
		    err, ERR_CONFIG, "/each: has neither \"id\" nor \"type\"");
	return 0;
}

static int
check_retry_body(const struct scheme *sc, struct err *err)
{
	bool safe = sc->nids > 0;
	size_t i;

	if (sc->retry_body != SCHEME_RETRY_VARIES)
		return 0;
	if (sc->nretry_changes > 0)
		return err_set(err, ERR_CONFIG,
		    "/retry_changes: says what changes of a body that is the "
		    "\"same\" else; retry_body is \"varies\"");
	if (sc->nsources == 0 || strcmp(sc->sources[0], RECALLED) == 0)
		return err_set(err, ERR_CONFIG,
		    "/retry_body: \"varies\" drops what differs under one id: "
		    "name where the provider says so in \"source\"");
	for (i = 0; i < sc->nids; i++)
		safe &= sc->ids[i].is_signed && !sc->ids[i].is_composed &&
			!sc->ids[i].is_ambiguous;
	if (!safe && sc->algorithm->kind != ALGORITHM_EQUAL)
		return err_set(err, ERR_CONFIG,
		    "/retry_body: \"varies\" drops what differs under one id: "
		    "that must be one value that is signed, or alg \"equal\"");
	return 0;
}

static int
check_repeats(const struct scheme *sc, struct err *err)
{
	bool typed = scheme_has_type(sc);
	const char *star;
	size_t i;

	if (sc->repeats == SCHEME_REPEATS_TYPES && !typed)
		return err_set(
		    err, ERR_CONFIG, "/repeats: \"types\" needs \"type\"");
	if (sc->nrepeat_types > 0 && !typed)
		return err_set(
		    err, ERR_CONFIG, "/repeat_types: needs \"type\"");
	if (sc->nrepeat_types > 0 && sc->repeats == SCHEME_REPEATS_ALWAYS)
		return err_set(err, ERR_CONFIG,
		    "/repeat_types: repeats is \"always\", whatever the type");
	for (i = 0; i < sc->nrepeat_types; i++) {
		star = strchr(sc->repeat_types[i], '*');
		if (star != NULL &&
		    (star[1] != '\0' || star == sc->repeat_types[i]))
			return err_set(err, ERR_CONFIG,
			    "/repeat_types: \"%s\": a * stands at the end of "
			    "the beginning of a type",
			    sc->repeat_types[i]);
	}
	return 0;
}

int
scheme_identity_check(struct scheme *sc, bool unique, struct err *err)
{
	sc->type_signed =
	    scheme_covers_each(sc, sc->type, sc->ntype) ||
	    (sc->ntype == 0 &&
		scheme_covers_each(sc, sc->each_type, sc->neach_type));
	if (find_ids(sc, unique, err) < 0 || check_each(sc, err) < 0 ||
	    check_retry_body(sc, err) < 0)
		return -1;
	return check_repeats(sc, err);
}

/* --- what a scheme says --------------------------------------------------- */

enum scheme_retry
scheme_retry_body(const struct scheme *sc)
{
	return sc->retry_body;
}

enum scheme_repeats
scheme_repeats(const struct scheme *sc)
{
	return sc->repeats;
}

const char *
scheme_retry_word(enum scheme_retry retry)
{
	switch (retry) {
	case SCHEME_RETRY_SAME:
		return "same";
	case SCHEME_RETRY_VARIES:
		return "varies";
	case SCHEME_RETRY_UNKNOWN:
		break;
	}
	return "unknown";
}

const char *
scheme_repeats_word(enum scheme_repeats repeats)
{
	switch (repeats) {
	case SCHEME_REPEATS_TYPES:
		return "types";
	case SCHEME_REPEATS_ALWAYS:
		return "always";
	case SCHEME_REPEATS_NEVER:
		break;
	}
	return "never";
}

bool
scheme_is_repeat_type(const struct scheme *sc, struct span type)
{
	struct span pattern;
	size_t i;

	for (i = 0; i < sc->nrepeat_types; i++) {
		pattern = span_str(sc->repeat_types[i]);
		if (((const char *)pattern.ptr)[pattern.len - 1] != '*') {
			if (span_eq(type, pattern))
				return true;
			continue;
		}
		pattern.len--;
		if (type.len >= pattern.len &&
		    memcmp(type.ptr, pattern.ptr, pattern.len) == 0)
			return true;
	}
	return false;
}

bool
scheme_covers_body(const struct scheme *sc)
{
	return sc->covers_body;
}

bool
scheme_time_signed(const struct scheme *sc)
{
	return sc->has_time; /* scheme_check refuses one that is not */
}

bool
scheme_has_type(const struct scheme *sc)
{
	return sc->ntype > 0 || sc->neach_type > 0;
}

bool
scheme_type_signed(const struct scheme *sc)
{
	return sc->type_signed;
}

size_t
scheme_ids(const struct scheme *sc, const struct scheme_id **ids)
{
	*ids = sc->ids;
	return sc->nids;
}

bool
scheme_id_signed(const struct scheme *sc)
{
	size_t i;

	for (i = 0; i < sc->nids; i++)
		if (!sc->ids[i].is_signed)
			return false;
	return sc->nids > 0;
}

bool
scheme_each_signed(const struct scheme *sc)
{
	return sc->each_signed;
}

const char *const *
scheme_sources(const struct scheme *sc)
{
	return (const char *const *)sc->sources;
}

const char *const *
scheme_repeat_types(const struct scheme *sc)
{
	return (const char *const *)sc->repeat_types;
}

const char *const *
scheme_retry_changes(const struct scheme *sc)
{
	return (const char *const *)sc->retry_changes;
}

const char *const *
scheme_each_at(const struct scheme *sc)
{
	return (const char *const *)sc->each_at;
}
