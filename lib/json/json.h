/*
 * json.h: JSON of our own making as a tree: scheme files, settings, calls of
 * administrators. Foreign bytes are judged by json_scan and never come here.
 * Strings cannot hold NUL: a text with \u0000 in it is refused.
 */
#ifndef EYELET_LIB_JSON_JSON_H
#define EYELET_LIB_JSON_JSON_H

#include <stdint.h>

#include "lib/json/scan.h"

#define JSON_INT_MAX 9007199254740991 /* 2^53 - 1: what a number can carry */

/* A value; the root owns everything below it. */
struct json;

/*
 * Reads one strict RFC 8259 text (json_scan first: no duplicate keys).
 * ERR_INPUT "byte N: why", ERR_NOMEM.
 */
int json_parse(struct span text, struct json **out, struct err *err);
void json_free(struct json *root); /* a root; NULL is fine */

/* --- reading: names match case and all; NULL is read as an absent value -- */

enum json_kind json_kind(const struct json *j); /* NULL: JSON_ABSENT */
const char *json_kind_word(enum json_kind kind); /* "a string" */

/* The member of an object, or NULL: absent, or j is no object. */
const struct json *json_get(const struct json *j, const char *name);

/* The members or elements in turn; NULL behind the last and for scalars. */
const struct json *json_first(const struct json *j);
const struct json *json_next(const struct json *j);
size_t json_count(const struct json *j); /* walks them all */

/* The name of a member, "" for elements and roots. */
const char *json_name(const struct json *j);

/* The value of a kind, or what stands for "none" in other kinds. */
const char *json_text(const struct json *j); /* NULL when no string */
bool json_true(const struct json *j); /* false when not the literal true */

double json_number(const struct json *j); /* 0 when no number */

/* ERR_INPUT when j is no whole number within JSON_INT_MAX either side. */
int json_int(const struct json *j, int64_t *out, struct err *err);

/*
 * A member by name. want_ fails when it is absent, opt_ leaves *out as it was;
 * null counts as absent. ERR_INPUT "NAME: must be a number, not a string".
 */
int json_want_int(
    const struct json *j, const char *name, int64_t *out, struct err *err);
int json_opt_int(
    const struct json *j, const char *name, int64_t *out, struct err *err);

/* --- making -------------------------------------------------------------- */

int json_new_object(struct json **out, struct err *err);

/*
 * Puts a member into an object, or, with name NULL, an element behind an
 * array. It must be new in the object. Text must be UTF-8 without NUL
 * (ERR_INPUT), an int within JSON_INT_MAX (ERR_INPUT). ERR_NOMEM.
 */
int json_put_text(
    struct json *j, const char *name, struct span value, struct err *err);
int json_put_str(
    struct json *j, const char *name, const char *value, struct err *err);
int
json_put_int(struct json *j, const char *name, int64_t value, struct err *err);
int
json_put_bool(struct json *j, const char *name, bool value, struct err *err);

/* An empty object or array in j, to be filled; j keeps it. */
int json_put_object(
    struct json *j, const char *name, struct json **out, struct err *err);
int json_put_array(
    struct json *j, const char *name, struct json **out, struct err *err);

/* Puts the text behind out: one line without a line end. */
int json_print(const struct json *j, struct buf *out, struct err *err);

#endif
