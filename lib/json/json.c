/* json.c: the one door to cJSON: reads and makes trees. */
#include "lib/json/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/json/string.h"

/* No struct json exists: it is the name that a cJSON has outside this file. */
static struct json *
wrap(cJSON *c)
{
	return (struct json *)c;
}

static cJSON *
open_up(struct json *j)
{
	return (cJSON *)j;
}

static const cJSON *
look(const struct json *j)
{
	return (const cJSON *)j;
}

static int
no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for a JSON value");
}

/* --- reading ------------------------------------------------------------- */

/*
 * What cJSON would cut or choke on, in a text that was scanned: strings with
 * NUL in them, and halves of surrogate pairs.
 */
static int
check_strings(struct span text, struct err *err)
{
	const unsigned char *p = text.ptr;
	size_t i, begin;
	struct json_chars it;
	int c;

	for (i = 0; i < text.len; i++) {
		if (p[i] != '"')
			continue;
		begin = ++i;
		while (p[i] != '"')
			i += p[i] == '\\' ? 2 : 1;
		json_chars_init(&it, span_of(p + begin, i - begin));
		while ((c = json_chars_next(&it)) > 0)
			;
		if (c == 0 || it.odd)
			return err_set(err, ERR_INPUT,
			    "byte %zu: a string with %s", begin - 1,
			    c == 0 ? "\\u0000 in it" : "half a character");
	}
	return 0;
}

int
json_parse(struct span text, struct json **out, struct err *err)
{
	cJSON *c;

	if (json_scan(text, err) < 0 || check_strings(text, err) < 0)
		return -1;
	c = cJSON_ParseWithLength(text.ptr, text.len);
	if (c == NULL)
		return no_memory(err);
	*out = wrap(c);
	return 0;
}

/* Any string may be a secret on its way to the owner. */
static void
wipe_strings(cJSON *c)
{
	for (; c != NULL; c = c->next) {
		if (cJSON_IsString(c))
			bytes_wipe(c->valuestring, strlen(c->valuestring));
		wipe_strings(c->child);
	}
}

void
json_free(struct json *root)
{
	wipe_strings(open_up(root));
	cJSON_Delete(open_up(root));
}

enum json_kind
json_kind(const struct json *j)
{
	static const struct {
		int type;
		enum json_kind kind;
	} rows[] = {
		{ cJSON_NULL, JSON_NULL },
		{ cJSON_False, JSON_BOOL },
		{ cJSON_True, JSON_BOOL },
		{ cJSON_Number, JSON_NUMBER },
		{ cJSON_String, JSON_STRING },
		{ cJSON_Array, JSON_ARRAY },
		{ cJSON_Object, JSON_OBJECT },
	};
	size_t i;

	if (j == NULL)
		return JSON_ABSENT;
	for (i = 0; i < NITEMS(rows); i++)
		if ((look(j)->type & 0xff) == rows[i].type)
			return rows[i].kind;
	return JSON_ABSENT;
}

const char *
json_kind_word(enum json_kind kind)
{
	switch (kind) {
	case JSON_ABSENT:
		return "nothing";
	case JSON_NULL:
		return "null";
	case JSON_BOOL:
		return "true or false";
	case JSON_NUMBER:
		return "a number";
	case JSON_STRING:
		return "a string";
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		return "an object";
	}
	return "nothing";
}

const struct json *
json_get(const struct json *j, const char *name)
{
	if (json_kind(j) != JSON_OBJECT)
		return NULL;
	return wrap(cJSON_GetObjectItemCaseSensitive(look(j), name));
}

const struct json *
json_first(const struct json *j)
{
	return j == NULL ? NULL : wrap(look(j)->child);
}

const struct json *
json_next(const struct json *j)
{
	return wrap(look(j)->next);
}

size_t
json_count(const struct json *j)
{
	const struct json *item;
	size_t n = 0;

	for (item = json_first(j); item != NULL; item = json_next(item))
		n++;
	return n;
}

const char *
json_name(const struct json *j)
{
	return look(j)->string == NULL ? "" : look(j)->string;
}

const char *
json_text(const struct json *j)
{
	return json_kind(j) == JSON_STRING ? look(j)->valuestring : NULL;
}

bool
json_true(const struct json *j)
{
	return j != NULL && cJSON_IsTrue(look(j));
}

double
json_number(const struct json *j)
{
	return json_kind(j) == JSON_NUMBER ? look(j)->valuedouble : 0;
}

int
json_int(const struct json *j, int64_t *out, struct err *err)
{
	double d;

	if (json_kind(j) != JSON_NUMBER)
		return err_set(err, ERR_INPUT, "must be a whole number");
	d = look(j)->valuedouble;
	if (!(d >= -(double)JSON_INT_MAX && d <= (double)JSON_INT_MAX) ||
	    (double)(int64_t)d != d)
		return err_set(err, ERR_INPUT,
		    "must be a whole number below 2^53 either side");
	*out = (int64_t)d;
	return 0;
}

static int
int_member(const struct json *j, const char *name, bool needed, int64_t *out,
    struct err *err)
{
	const struct json *m = json_get(j, name);

	if (m == NULL || json_kind(m) == JSON_NULL) {
		if (!needed)
			return 0;
		return err_set(err, ERR_INPUT, "%s: is missing", name);
	}
	if (json_kind(m) != JSON_NUMBER)
		return err_set(err, ERR_INPUT, "%s: must be %s, not %s", name,
		    json_kind_word(JSON_NUMBER), json_kind_word(json_kind(m)));
	if (json_int(m, out, err) < 0)
		return err_wrap(err, "%s", name);
	return 0;
}

int
json_want_int(
    const struct json *j, const char *name, int64_t *out, struct err *err)
{
	return int_member(j, name, true, out, err);
}

int
json_opt_int(
    const struct json *j, const char *name, int64_t *out, struct err *err)
{
	return int_member(j, name, false, out, err);
}

/* --- making -------------------------------------------------------------- */

int
json_new_object(struct json **out, struct err *err)
{
	cJSON *c = cJSON_CreateObject();

	if (c == NULL)
		return no_memory(err);
	*out = wrap(c);
	return 0;
}

/* c, a root, passes to j, or is freed when that fails. */
static int
put_new(struct json *j, const char *name, cJSON *c, struct err *err)
{
	cJSON_bool done;

	assert(json_kind(j) == (name == NULL ? JSON_ARRAY : JSON_OBJECT));
	assert(name == NULL || json_get(j, name) == NULL);
	if (c == NULL)
		return no_memory(err);
	if (name == NULL)
		done = cJSON_AddItemToArray(open_up(j), c);
	else
		done = cJSON_AddItemToObject(open_up(j), name, c);
	if (!done) {
		json_free(wrap(c));
		return no_memory(err);
	}
	return 0;
}

int
json_put_text(
    struct json *j, const char *name, struct span value, struct err *err)
{
	char *copy;
	int ret;

	if (!text_is_utf8(value) || span_find(value, '\0') < value.len)
		return err_set(err, ERR_INPUT,
		    "%s: is not UTF-8 text without NUL",
		    name == NULL ? "element" : name);
	copy = span_dup(value, err);
	if (copy == NULL)
		return -1;
	ret = put_new(j, name, cJSON_CreateString(copy), err);
	bytes_wipe(copy, value.len);
	free(copy);
	return ret;
}

int
json_put_str(
    struct json *j, const char *name, const char *value, struct err *err)
{
	return json_put_text(j, name, span_str(value), err);
}

int
json_put_int(struct json *j, const char *name, int64_t value, struct err *err)
{
	if (value < -JSON_INT_MAX || value > JSON_INT_MAX)
		return err_set(err, ERR_INPUT, "%s: %lld is beyond 2^53",
		    name == NULL ? "element" : name, (long long)value);
	return put_new(j, name, cJSON_CreateNumber((double)value), err);
}

int
json_put_bool(struct json *j, const char *name, bool value, struct err *err)
{
	return put_new(j, name, cJSON_CreateBool(value), err);
}

int
json_put_object(
    struct json *j, const char *name, struct json **out, struct err *err)
{
	cJSON *c = cJSON_CreateObject();

	if (put_new(j, name, c, err) < 0)
		return -1;
	*out = wrap(c);
	return 0;
}

int
json_put_array(
    struct json *j, const char *name, struct json **out, struct err *err)
{
	cJSON *c = cJSON_CreateArray();

	if (put_new(j, name, c, err) < 0)
		return -1;
	*out = wrap(c);
	return 0;
}
