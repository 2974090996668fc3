/* settings.c: walks the table of a thing's settings. */
#include "lib/config/settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void *
place(void *thing, size_t at)
{
	return (char *)thing + at;
}

static const void *
const_place(const void *thing, size_t at)
{
	return (const char *)thing + at;
}

void
setting_free_text(char *text)
{
	if (text != NULL)
		bytes_wipe(text, strlen(text));
	free(text);
}

static void
free_pair(struct setting_pair *pair)
{
	setting_free_text(pair->name);
	setting_free_text(pair->value);
}

void
setting_free_pairs(struct setting_pair *pairs, size_t *n)
{
	while (*n > 0)
		free_pair(&pairs[--*n]);
}

void
setting_free_list(char **list, size_t *n)
{
	while (*n > 0) {
		setting_free_text(list[--*n]);
		list[*n] = NULL;
	}
}

/* --- from JSON ----------------------------------------------------------- */

int
setting_wrong_kind(
    const struct json *value, enum json_kind want, struct err *err)
{
	return err_set(err, ERR_INPUT, "must be %s, not %s",
	    json_kind_word(want), json_kind_word(json_kind(value)));
}

int
setting_take_text(const struct setting_row *s, const struct json *value,
    void *thing, struct err *err)
{
	char **at = place(thing, s->at), *copy = NULL;
	const char *text = value == NULL ? s->text : json_text(value);

	if (value != NULL && text == NULL)
		return setting_wrong_kind(value, JSON_STRING, err);
	if (text != NULL) {
		copy = span_dup(span_str(text), err);
		if (copy == NULL)
			return -1;
	}
	setting_free_text(*at);
	*at = copy;
	return 0;
}

int
setting_take_int(const struct setting_row *s, const struct json *value,
    void *thing, struct err *err)
{
	int64_t *at = place(thing, s->at), v = s->def;

	if (value != NULL && json_int(value, &v, err) < 0)
		return -1;
	*at = v;
	return 0;
}

int
setting_take_bool(const struct setting_row *s, const struct json *value,
    void *thing, struct err *err)
{
	bool *at = place(thing, s->at);

	if (value != NULL && json_kind(value) != JSON_BOOL)
		return setting_wrong_kind(value, JSON_BOOL, err);
	*at = value != NULL && json_true(value);
	return 0;
}

static int
too_many(const struct setting_row *s, struct err *err)
{
	return err_set(err, ERR_INPUT, "at most %zu are allowed", s->max);
}

/* Sets, or with value NULL takes away, the pair of this name. */
static int
set_pair(const struct setting_row *s, struct setting_pair *pairs, size_t *n,
    const char *name, const char *value, struct err *err)
{
	int (*compare)(const char *, const char *) =
	    s->nocase ? strcasecmp : strcmp;
	struct setting_pair made = { NULL, NULL };
	size_t i;

	for (i = 0; i < *n && compare(pairs[i].name, name) != 0; i++)
		continue;
	if (value != NULL) {
		if (i == s->max)
			return too_many(s, err);
		made.name = span_dup(span_str(name), err);
		made.value = span_dup(span_str(value), err);
		if (made.name == NULL || made.value == NULL) {
			free_pair(&made);
			return -1;
		}
		if (i == *n)
			(*n)++;
		else
			free_pair(&pairs[i]);
		pairs[i] = made;
	} else if (i < *n) {
		free_pair(&pairs[i]);
		(*n)--;
		memmove(&pairs[i], &pairs[i + 1], (*n - i) * sizeof(*pairs));
	}
	return 0;
}

int
setting_take_pairs(const struct setting_row *s, const struct json *value,
    void *thing, struct err *err)
{
	struct setting_pair *pairs = place(thing, s->at);
	size_t *n = place(thing, s->count_at);
	const struct json *one;

	if (value == NULL) {
		setting_free_pairs(pairs, n);
		return 0;
	}
	if (json_kind(value) != JSON_OBJECT)
		return setting_wrong_kind(value, JSON_OBJECT, err);
	for (one = json_first(value); one != NULL; one = json_next(one)) {
		if (json_kind(one) != JSON_STRING &&
		    json_kind(one) != JSON_NULL) {
			setting_wrong_kind(one, JSON_STRING, err);
			return err_wrap(err, "%s", json_name(one));
		}
		if (set_pair(s, pairs, n, json_name(one), json_text(one), err) <
		    0)
			return -1;
	}
	return 0;
}

int
setting_take_list(const struct setting_row *s, const struct json *value,
    void *thing, struct err *err)
{
	char **list = place(thing, s->at);
	size_t *n = place(thing, s->count_at);
	const struct json *one;

	if (value != NULL && json_kind(value) != JSON_ARRAY)
		return setting_wrong_kind(value, JSON_ARRAY, err);
	setting_free_list(list, n);
	for (one = json_first(value); one != NULL; one = json_next(one)) {
		if (json_kind(one) != JSON_STRING)
			return setting_wrong_kind(one, JSON_STRING, err);
		if (*n == s->max)
			return too_many(s, err);
		list[*n] = span_dup(span_str(json_text(one)), err);
		if (list[*n] == NULL)
			return -1;
		(*n)++;
	}
	return 0;
}

static const struct setting_row *
find(const struct setting_row *rows, size_t nrows, const char *name)
{
	size_t i;

	for (i = 0; i < nrows; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

int
settings_patch(const struct setting_row *rows, size_t nrows, void *thing,
    struct span patch, struct err *err)
{
	struct json *root = NULL;
	const struct json *value;
	const struct setting_row *s;
	int ret = -1;

	if (json_parse(patch, &root, err) < 0)
		goto out;
	if (json_kind(root) != JSON_OBJECT) {
		setting_wrong_kind(root, JSON_OBJECT, err);
		err_wrap(err, "settings");
		goto out;
	}
	for (value = json_first(root); value != NULL;
	     value = json_next(value)) {
		s = find(rows, nrows, json_name(value));
		if (s == NULL) {
			err_set(err, ERR_INPUT, "there is no setting \"%s\"",
			    json_name(value));
			goto out;
		}
		if (s->take(s, json_kind(value) == JSON_NULL ? NULL : value,
			thing, err) < 0) {
			err_wrap(err, "%s", s->name);
			goto out;
		}
	}
	ret = 0;
out:
	json_free(root);
	return ret;
}

/* --- to JSON ------------------------------------------------------------- */

int
setting_put_text(const struct setting_row *s, const void *thing,
    struct json *doc, struct err *err)
{
	char *const *at = const_place(thing, s->at);

	if (*at == NULL || (s->text != NULL && strcmp(*at, s->text) == 0))
		return 0;
	return json_put_str(doc, s->name, *at, err);
}

int
setting_put_int(const struct setting_row *s, const void *thing,
    struct json *doc, struct err *err)
{
	const int64_t *at = const_place(thing, s->at);

	return *at == s->def ? 0 : json_put_int(doc, s->name, *at, err);
}

int
setting_put_bool(const struct setting_row *s, const void *thing,
    struct json *doc, struct err *err)
{
	const bool *at = const_place(thing, s->at);

	return !*at ? 0 : json_put_bool(doc, s->name, true, err);
}

int
setting_put_pairs(const struct setting_row *s, const void *thing,
    struct json *doc, struct err *err)
{
	const struct setting_pair *pairs = const_place(thing, s->at);
	const size_t *n = const_place(thing, s->count_at);
	struct json *object;
	size_t i;

	if (*n == 0)
		return 0;
	if (json_put_object(doc, s->name, &object, err) < 0)
		return -1;
	for (i = 0; i < *n; i++)
		if (json_put_str(object, pairs[i].name, pairs[i].value, err) <
		    0)
			return -1;
	return 0;
}

int
setting_put_list(const struct setting_row *s, const void *thing,
    struct json *doc, struct err *err)
{
	char *const *list = const_place(thing, s->at);
	const size_t *n = const_place(thing, s->count_at);
	struct json *array;
	size_t i;

	if (*n == 0)
		return 0;
	if (json_put_array(doc, s->name, &array, err) < 0)
		return -1;
	for (i = 0; i < *n; i++)
		if (json_put_str(array, NULL, list[i], err) < 0)
			return -1;
	return 0;
}

int
settings_encode(const struct setting_row *rows, size_t nrows, const void *thing,
    struct buf *doc, struct err *err)
{
	struct json *root = NULL;
	size_t i;
	int ret = -1;

	if (json_new_object(&root, err) < 0)
		goto out;
	for (i = 0; i < nrows; i++)
		if (rows[i].put(&rows[i], thing, root, err) < 0) {
			err_wrap(err, "%s", rows[i].name);
			goto out;
		}
	ret = json_print(root, doc, err);
	if (ret < 0)
		err_wrap(err, "settings, all together");
out:
	json_free(root);
	return ret;
}
