/* endpoint.c: an endpoint's settings as JSON, one table for both ways. */
#include "lib/model/endpoint.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

#define TEXT(member)                                        \
	{                                                   \
		.name = #member, .take = setting_take_text, \
		.put = setting_put_text,                    \
		.at = offsetof(struct endpoint, member)     \
	}
#define PAIRS(member)                                             \
	{                                                         \
		.name = #member, .take = setting_take_pairs,      \
		.put = setting_put_pairs,                         \
		.at = offsetof(struct endpoint, member),          \
		.count_at = offsetof(struct endpoint, n##member), \
		.max = ENDPOINT_PAIRS_MAX                         \
	}
#define INT(text, member, none)                                      \
	{                                                            \
		.name = text, .take = setting_take_int,              \
		.put = setting_put_int,                              \
		.at = offsetof(struct endpoint, member), .def = none \
	}
#define BOOL(member)                                        \
	{                                                   \
		.name = #member, .take = setting_take_bool, \
		.put = setting_put_bool,                    \
		.at = offsetof(struct endpoint, member)     \
	}

#define OWN(member)                                                          \
	{                                                                    \
		.name = #member, .take = take_##member, .put = put_##member, \
		.at = offsetof(struct endpoint, member)                      \
	}

/* --- settings of a few words ---------------------------------------------- */

static const char *const repeats_words[] = {
	[ENDPOINT_REPEATS_SCHEME] = "scheme",
	[ENDPOINT_REPEATS_NEVER] = "never",
	[ENDPOINT_REPEATS_TYPES] = "types",
	[ENDPOINT_REPEATS_ALWAYS] = "always",
};

static const char *const on_held_words[] = {
	[ENDPOINT_ON_HELD_HOLD] = "hold",
	[ENDPOINT_ON_HELD_DELIVER] = "deliver",
	[ENDPOINT_ON_HELD_REFUSE] = "refuse",
};

const char *
endpoint_repeats_word(enum endpoint_repeats repeats)
{
	return repeats_words[repeats];
}

const char *
endpoint_on_held_word(enum endpoint_on_held on_held)
{
	return on_held_words[on_held];
}

/* The word's place among n; without a value the first one's. */
static int
take_word(const struct json *value, const char *const *words, size_t n,
    size_t *out, struct err *err)
{
	char known[128] = "";
	const char *text;
	size_t i, len = 0;

	*out = 0;
	if (value == NULL)
		return 0;
	text = json_text(value);
	if (text == NULL)
		return setting_wrong_kind(value, JSON_STRING, err);
	for (i = 0; i < n; i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return 0;
		}
		len +=
		    (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
			i == 0      ? ""
			: i + 1 < n ? ", "
				    : " or ",
			words[i]);
	}
	return err_set(
	    err, ERR_INPUT, "it must be %s, not \"%s\"", known, text);
}

static int
take_repeats(const struct setting_row *s, const struct json *value, void *thing,
    struct err *err)
{
	struct endpoint *ep = thing;
	size_t i;

	(void)s;
	if (take_word(value, repeats_words, NITEMS(repeats_words), &i, err) < 0)
		return -1;
	ep->repeats = (enum endpoint_repeats)i;
	return 0;
}

static int
put_repeats(const struct setting_row *s, const void *thing, struct json *doc,
    struct err *err)
{
	const struct endpoint *ep = thing;

	if (ep->repeats == ENDPOINT_REPEATS_SCHEME)
		return 0;
	return json_put_str(
	    doc, s->name, endpoint_repeats_word(ep->repeats), err);
}

static int
take_on_held(const struct setting_row *s, const struct json *value, void *thing,
    struct err *err)
{
	struct endpoint *ep = thing;
	size_t i;

	(void)s;
	if (take_word(value, on_held_words, NITEMS(on_held_words), &i, err) < 0)
		return -1;
	ep->on_held = (enum endpoint_on_held)i;
	return 0;
}

static int
put_on_held(const struct setting_row *s, const void *thing, struct json *doc,
    struct err *err)
{
	const struct endpoint *ep = thing;

	if (ep->on_held == ENDPOINT_ON_HELD_HOLD)
		return 0;
	return json_put_str(
	    doc, s->name, endpoint_on_held_word(ep->on_held), err);
}

/* -------------------------------------------------------------------------- */

static const struct setting_row settings[] = {
	TEXT(scheme),
	TEXT(title),
	TEXT(events),
	TEXT(public_url),
	TEXT(allow_from),
	PAIRS(labels),
	PAIRS(params),
	INT("body_max", body_max, -1),
	INT("tolerance", tolerance_s, -1),
	INT("rate", rate, 0),
	INT("expect_every", expect_every_s, 0),
	INT("expect_secret_until", expect_secret_until_ms, 0),
	BOOL(allow_http),
	OWN(repeats),
	INT("repeat_within", repeat_within_s, -1),
	OWN(on_held),
};

void
endpoint_init(struct endpoint *ep)
{
	memset(ep, 0, sizeof(*ep));
	ep->body_max = -1;
	ep->tolerance_s = -1;
	ep->repeat_within_s = -1;
}

void
endpoint_free(struct endpoint *ep)
{
	setting_free_pairs(ep->labels, &ep->nlabels);
	setting_free_pairs(ep->params, &ep->nparams);
	free(ep->scheme);
	free(ep->title);
	free(ep->events);
	free(ep->public_url);
	free(ep->allow_from);
	endpoint_init(ep);
}

int
endpoint_patch(struct endpoint *ep, struct span patch, struct err *err)
{
	return settings_patch(settings, NITEMS(settings), ep, patch, err);
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

int
endpoint_encode(const struct endpoint *ep, struct buf *doc, struct err *err)
{
	return settings_encode(settings, NITEMS(settings), ep, doc, err);
}
