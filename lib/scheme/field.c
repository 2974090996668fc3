/* field.c: reads the fields of an object by their table. */
#include "lib/scheme/field.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/near.h"

static void *
place(void *base, size_t at)
{
	assert(at != FIELD_NOWHERE);
	return (unsigned char *)base + at;
}

/* --- messages ------------------------------------------------------------ */

int
field_path(struct err *err, const char *name)
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

int
field_text(const struct json *value, const char **out, struct err *err)
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

	if (field_text(value, &text, err) < 0)
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

/* The largest number in an algorithm's name; 0: there is none. */
static unsigned long
strength(const char *name)
{
	unsigned long most = 0, n;
	char *end;

	for (; *name != '\0'; name++)
		if (*name >= '0' && *name <= '9') {
			n = strtoul(name, &end, 10);
			most = n > most ? n : most;
			name = end - 1;
		}
	return most;
}

#define TYPED_WRONG 32 /* "265" is no more than 256 was meant */

/* Do names of algorithms begin with these n letters? */
static bool
is_family(const char *text, size_t n)
{
	const char *name;
	size_t i;

	for (i = 0; (name = algorithm_name(i)) != NULL; i++)
		if (strncmp(text, name, n) == 0)
			return true;
	return false;
}

/*
 * Another family is another thing, and a shorter digest, or SHA-1 where it was
 * not asked for, is a weaker one: none of these was meant.
 */
static bool
may_be_meant(const char *text, const char *name)
{
	unsigned long asked = strength(text), has = strength(name);
	size_t family = strcspn(text, "-");

	if (text[family] == '-' && strncmp(text, name, family + 1) != 0 &&
	    is_family(text, family + 1))
		return false;
	return has == 1 ? asked == 1 : has + TYPED_WRONG >= asked;
}

static int
want_algorithm(
    const struct json *value, const struct algorithm **out, struct err *err)
{
	struct near near = NEAR_INIT;
	const char *text, *name;
	size_t i;

	if (field_text(value, &text, err) < 0)
		return -1;
	*out = algorithm_find(text);
	if (*out != NULL)
		return 0;
	for (i = 0; i < NITEMS(token_algorithms); i++)
		if (span_is_nocase(span_str(text), token_algorithms[i]))
			return err_set(err, ERR_CONFIG, "%s", FIELD_NO_TOKENS);
	for (i = 0; (name = algorithm_name(i)) != NULL; i++)
		if (may_be_meant(text, name))
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

/* The same, or "SOURCE = param:NAME": what the endpoint says. */
static int
want_pinned(const char *text, const struct field *f, struct requirement *out,
    struct err *err)
{
	static const char word[] = "param:";
	const size_t len = sizeof(word) - 1;

	if (want_requirement(text, f, out, err) < 0)
		return -1;
	out->is_param = strncmp(out->value, word, len) == 0;
	if (!out->is_param)
		return 0;
	if (out->value[len] == '\0') {
		piece_free(&out->from);
		free(out->value);
		out->value = NULL;
		return err_set(
		    err, ERR_CONFIG, "must read \"SOURCE = param:NAME\"");
	}
	memmove(out->value, out->value + len, strlen(out->value + len) + 1);
	return 0;
}

/* "SOURCE", "SOURCE = VALUE" or "!SOURCE" */
static int
want_condition(const char *text, const struct field *f, struct condition *out,
    struct err *err)
{
	struct requirement rq;

	if (strchr(text, '=') != NULL && *text != '!') {
		if (want_requirement(text, f, &rq, err) < 0)
			return -1;
		out->from = rq.from;
		out->value = rq.value;
		return 0;
	}
	out->absent = *text == '!';
	return piece_parse(text + out->absent, f->allowed, &out->from, err);
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
read_text_at(void *base, const struct field *f, size_t i, const char *text,
    struct err *err)
{
	void *at = place(base, f->at);

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
		return want_pinned(text, f, (struct requirement *)at + i, err);
	case FIELD_CONDITIONS:
		return want_condition(text, f, (struct condition *)at + i, err);
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
	case FIELD_CALL:
	case FIELD_REFUSED:
	case FIELD_OBJECT:
		break;
	}
	assert(false); /* no list of these */
	return -1;
}

/* One text, or a list of them. */
static int
read_list(void *base, const struct field *f, const struct json *value,
    struct err *err)
{
	bool alone = json_kind(value) != JSON_ARRAY;
	const struct json *item = alone ? value : json_first(value);
	size_t *n = place(base, f->n_at);
	const char *text;
	char index[24];

	while (item != NULL) {
		if (*n == SCHEME_LIST_MAX)
			return err_set(err, ERR_CONFIG,
			    "has more than %d members", SCHEME_LIST_MAX);
		if (field_text(item, &text, err) < 0 ||
		    read_text_at(base, f, *n, text, err) < 0) {
			snprintf(index, sizeof(index), "%zu", *n);
			return alone ? -1 : field_path(err, index);
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

	if (field_text(value, &text, err) < 0)
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

static int
read_field(void *base, const struct field *f, const struct json *value,
    struct err *err)
{
	void *at = f->at == FIELD_NOWHERE ? NULL : place(base, f->at);

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
	case FIELD_CONDITIONS:
		return read_list(base, f, value, err);
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
	case FIELD_CALL:
		return f->read(value, base, err);
	case FIELD_REFUSED:
		return err_set(err, ERR_CONFIG, "%s", f->why);
	case FIELD_OBJECT:
		if (at != NULL)
			*(bool *)at = true;
		return field_read_object(base, value, f->inner, f->nrows, err);
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

int
field_read_object(void *base, const struct json *object,
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
			    : read_field(base, &fields[i], m, err)) < 0)
			return field_path(err, json_name(m));
	}
	for (i = 0; i < n; i++)
		if (fields[i].needed &&
		    json_get(object, fields[i].name) == NULL)
			return err_set(
			    err, ERR_CONFIG, "/%s: is missing", fields[i].name);
	return 0;
}
