/* endpoint.c: an endpoint's settings as JSON, one table for both ways. */
#include "lib/endpoint.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/util.h"

struct member;

/* Takes a value other than null (NULL: back to the default). ERR_INPUT. */
typedef int take_member(const struct member *m, const struct json *value,
    struct endpoint *ep, struct err *err);
/* Puts the value into doc, unless it is the default. */
typedef int put_member(const struct member *m, const struct endpoint *ep,
    struct json *doc, struct err *err);

static take_member take_text, take_int, take_bool, take_pairs;
static put_member put_text, put_int, put_bool, put_pairs;

static const struct member {
	const char *name;
	take_member *take;
	put_member *put;
	size_t at; /* in struct endpoint */
	size_t count_at; /* pairs: how many there are */
	int64_t def;
} members[] = {
	{ "scheme", take_text, put_text, offsetof(struct endpoint, scheme), 0,
	    0 },
	{ "title", take_text, put_text, offsetof(struct endpoint, title), 0,
	    0 },
	{ "events", take_text, put_text, offsetof(struct endpoint, events), 0,
	    0 },
	{ "public_url", take_text, put_text,
	    offsetof(struct endpoint, public_url), 0, 0 },
	{ "allow_from", take_text, put_text,
	    offsetof(struct endpoint, allow_from), 0, 0 },
	{ "labels", take_pairs, put_pairs, offsetof(struct endpoint, labels),
	    offsetof(struct endpoint, nlabels), 0 },
	{ "params", take_pairs, put_pairs, offsetof(struct endpoint, params),
	    offsetof(struct endpoint, nparams), 0 },
	{ "body_max", take_int, put_int, offsetof(struct endpoint, body_max), 0,
	    -1 },
	{ "tolerance", take_int, put_int,
	    offsetof(struct endpoint, tolerance_s), 0, -1 },
	{ "rate", take_int, put_int, offsetof(struct endpoint, rate), 0, 0 },
	{ "allow_http", take_bool, put_bool,
	    offsetof(struct endpoint, allow_http), 0, 0 },
	{ "same_body", take_bool, put_bool,
	    offsetof(struct endpoint, same_body), 0, 0 },
};

static void *
place(struct endpoint *ep, size_t at)
{
	return (char *)ep + at;
}

static const void *
const_place(const struct endpoint *ep, size_t at)
{
	return (const char *)ep + at;
}

void
endpoint_init(struct endpoint *ep)
{
	memset(ep, 0, sizeof(*ep));
	ep->body_max = -1;
	ep->tolerance_s = -1;
}

static void
free_string(char *s)
{
	if (s != NULL)
		bytes_wipe(s, strlen(s));
	free(s);
}

static void
free_pair(struct endpoint_pair *pair)
{
	free_string(pair->name);
	free_string(pair->value);
}

void
endpoint_free(struct endpoint *ep)
{
	while (ep->nlabels > 0)
		free_pair(&ep->labels[--ep->nlabels]);
	while (ep->nparams > 0)
		free_pair(&ep->params[--ep->nparams]);
	free(ep->scheme);
	free(ep->title);
	free(ep->events);
	free(ep->public_url);
	free(ep->allow_from);
	endpoint_init(ep);
}

/* --- from JSON ----------------------------------------------------------- */

static int
wrong_kind(const struct json *value, enum json_kind want, struct err *err)
{
	return err_set(err, ERR_INPUT, "must be %s, not %s",
	    json_kind_word(want), json_kind_word(json_kind(value)));
}

static int
take_text(const struct member *m, const struct json *value, struct endpoint *ep,
    struct err *err)
{
	char **at = place(ep, m->at), *copy = NULL;

	if (value != NULL && json_kind(value) != JSON_STRING)
		return wrong_kind(value, JSON_STRING, err);
	if (value != NULL) {
		copy = span_dup(span_str(json_text(value)), err);
		if (copy == NULL)
			return -1;
	}
	free(*at);
	*at = copy;
	return 0;
}

static int
take_int(const struct member *m, const struct json *value, struct endpoint *ep,
    struct err *err)
{
	int64_t *at = place(ep, m->at), v = m->def;

	if (value != NULL && json_int(value, &v, err) < 0)
		return -1;
	*at = v;
	return 0;
}

static int
take_bool(const struct member *m, const struct json *value, struct endpoint *ep,
    struct err *err)
{
	bool *at = place(ep, m->at);

	if (value != NULL && json_kind(value) != JSON_BOOL)
		return wrong_kind(value, JSON_BOOL, err);
	*at = value != NULL && json_true(value);
	return 0;
}

/* Sets, or with value NULL takes away, the pair of this name. */
static int
set_pair(struct endpoint_pair *pairs, size_t *n, const char *name,
    const char *value, struct err *err)
{
	struct endpoint_pair made = { NULL, NULL };
	size_t i;

	for (i = 0; i < *n && strcmp(pairs[i].name, name) != 0; i++)
		continue;
	if (value != NULL) {
		if (i == ENDPOINT_PAIRS_MAX)
			return err_set(err, ERR_INPUT, "at most %d are allowed",
			    ENDPOINT_PAIRS_MAX);
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

static int
take_pairs(const struct member *m, const struct json *value,
    struct endpoint *ep, struct err *err)
{
	struct endpoint_pair *pairs = place(ep, m->at);
	size_t *n = place(ep, m->count_at);
	const struct json *one;

	if (value == NULL) {
		while (*n > 0)
			free_pair(&pairs[--*n]);
		return 0;
	}
	if (json_kind(value) != JSON_OBJECT)
		return wrong_kind(value, JSON_OBJECT, err);
	for (one = json_first(value); one != NULL; one = json_next(one)) {
		if (json_kind(one) != JSON_STRING &&
		    json_kind(one) != JSON_NULL) {
			wrong_kind(one, JSON_STRING, err);
			return err_wrap(err, "%s", json_name(one));
		}
		if (set_pair(pairs, n, json_name(one), json_text(one), err) < 0)
			return -1;
	}
	return 0;
}

static const struct member *
find_member(const char *name)
{
	size_t i;

	for (i = 0; i < NITEMS(members); i++)
		if (strcmp(members[i].name, name) == 0)
			return &members[i];
	return NULL;
}

int
endpoint_patch(struct endpoint *ep, struct span patch, struct err *err)
{
	struct json *root = NULL;
	const struct json *value;
	const struct member *m;
	int ret = -1;

	if (json_parse(patch, &root, err) < 0)
		goto out;
	if (json_kind(root) != JSON_OBJECT) {
		wrong_kind(root, JSON_OBJECT, err);
		err_wrap(err, "settings");
		goto out;
	}
	for (value = json_first(root); value != NULL;
	     value = json_next(value)) {
		m = find_member(json_name(value));
		if (m == NULL) {
			err_set(err, ERR_INPUT, "there is no setting \"%s\"",
			    json_name(value));
			goto out;
		}
		if (m->take(m, json_kind(value) == JSON_NULL ? NULL : value, ep,
			err) < 0) {
			err_wrap(err, "%s", m->name);
			goto out;
		}
	}
	ret = 0;
out:
	json_free(root);
	return ret;
}

int
endpoint_decode(struct span doc, struct endpoint *ep, struct err *err)
{
	struct endpoint made;

	endpoint_init(&made);
	if (endpoint_patch(&made, doc, err) < 0)
		goto corrupt;
	if (made.scheme == NULL) {
		err_set(err, ERR_CORRUPT, "it names no scheme");
		goto corrupt;
	}
	*ep = made;
	return 0;
corrupt:
	endpoint_free(&made);
	if (err->code != ERR_NOMEM)
		err->code = ERR_CORRUPT;
	return err_wrap(err, "stored endpoint");
}

/* --- to JSON ------------------------------------------------------------- */

static int
put_text(const struct member *m, const struct endpoint *ep, struct json *doc,
    struct err *err)
{
	char *const *at = const_place(ep, m->at);

	return *at == NULL ? 0 : json_put_str(doc, m->name, *at, err);
}

static int
put_int(const struct member *m, const struct endpoint *ep, struct json *doc,
    struct err *err)
{
	const int64_t *at = const_place(ep, m->at);

	return *at == m->def ? 0 : json_put_int(doc, m->name, *at, err);
}

static int
put_bool(const struct member *m, const struct endpoint *ep, struct json *doc,
    struct err *err)
{
	const bool *at = const_place(ep, m->at);

	return !*at ? 0 : json_put_bool(doc, m->name, true, err);
}

static int
put_pairs(const struct member *m, const struct endpoint *ep, struct json *doc,
    struct err *err)
{
	const struct endpoint_pair *pairs = const_place(ep, m->at);
	const size_t *n = const_place(ep, m->count_at);
	struct json *object;
	size_t i;

	if (*n == 0)
		return 0;
	if (json_put_object(doc, m->name, &object, err) < 0)
		return -1;
	for (i = 0; i < *n; i++)
		if (json_put_str(object, pairs[i].name, pairs[i].value, err) <
		    0)
			return -1;
	return 0;
}

int
endpoint_encode(const struct endpoint *ep, struct buf *doc, struct err *err)
{
	struct json *root = NULL;
	size_t i;
	int ret = -1;

	if (json_new_object(&root, err) < 0)
		goto out;
	for (i = 0; i < NITEMS(members); i++)
		if (members[i].put(&members[i], ep, root, err) < 0) {
			err_wrap(err, "%s", members[i].name);
			goto out;
		}
	ret = json_print(root, doc, err);
	if (ret < 0)
		err_wrap(err, "settings, all together");
out:
	json_free(root);
	return ret;
}
