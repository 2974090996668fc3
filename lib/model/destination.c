/* destination.c: a destination's settings as JSON, one table for both ways. */
#include "lib/model/destination.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

#define UNSET -1

static setting_take take_command, take_names, take_order;
static setting_put put_order;

#define TEXT(member, none)                                               \
	{                                                                \
		.name = #member, .take = setting_take_text,              \
		.put = setting_put_text,                                 \
		.at = offsetof(struct destination, member), .text = none \
	}
#define INT(text, member, none)                                         \
	{                                                               \
		.name = text, .take = setting_take_int,                 \
		.put = setting_put_int,                                 \
		.at = offsetof(struct destination, member), .def = none \
	}
#define BOOL(member)                                        \
	{                                                   \
		.name = #member, .take = setting_take_bool, \
		.put = setting_put_bool,                    \
		.at = offsetof(struct destination, member)  \
	}

/* UNSET stands for a default that depends on the kind: see settle(). */
static const struct setting_row settings[] = {
	TEXT(url, NULL),
	{ .name = "command",
	    .take = take_command,
	    .put = setting_put_list,
	    .at = offsetof(struct destination, command),
	    .count_at = offsetof(struct destination, ncommand),
	    .max = DESTINATION_ARGS_MAX },
	TEXT(title, NULL),
	TEXT(endpoints, NULL),
	TEXT(events, NULL),
	BOOL(tests),
	TEXT(sign, DESTINATION_SIGN_DEFAULT),
	TEXT(retry, DESTINATION_RETRY_DEFAULT),
	INT("timeout", timeout_s, UNSET),
	INT("concurrency", concurrency, UNSET),
	INT("rate", rate, 0),
	{ .name = "order", .take = take_order, .put = put_order },
	INT("park_max", park_max, DESTINATION_PARK_DEFAULT),
	INT("disable_after", disable_after_s, 0),
	{ .name = "headers",
	    .take = setting_take_pairs,
	    .put = setting_put_pairs,
	    .at = offsetof(struct destination, headers),
	    .count_at = offsetof(struct destination, nheaders),
	    .max = DESTINATION_HEADERS_MAX,
	    .nocase = true },
	TEXT(auth, NULL),
	{ .name = "forward",
	    .take = take_names,
	    .put = setting_put_list,
	    .at = offsetof(struct destination, forward),
	    .count_at = offsetof(struct destination, nforward),
	    .max = DESTINATION_HEADERS_MAX },
	TEXT(client_cert, NULL),
	TEXT(client_key, NULL),
	TEXT(ca, NULL),
	TEXT(allow_net, NULL),
	BOOL(allow_http),
	TEXT(proxy, NULL),
};

/* --- defaults ------------------------------------------------------------- */

int64_t
destination_timeout_s(const struct destination *d, int64_t scheme_timeout_s)
{
	if (d->timeout_s != UNSET)
		return d->timeout_s;
	if (d->ncommand > 0)
		return DESTINATION_COMMAND_TIMEOUT_S;
	return destination_signs(d) && scheme_timeout_s > 0
		   ? scheme_timeout_s
		   : DESTINATION_URL_TIMEOUT_S;
}

static int64_t
default_concurrency(const struct destination *d)
{
	return d->ncommand > 0 ? DESTINATION_COMMAND_CONCURRENCY
			       : DESTINATION_URL_CONCURRENCY;
}

/* Puts the defaults of the kind in where they are unset ... */
static void
settle(struct destination *d)
{
	if (d->concurrency == UNSET)
		d->concurrency = default_concurrency(d);
}

/* ... and takes them out. */
static void
unsettle(struct destination *d)
{
	if (d->concurrency == default_concurrency(d))
		d->concurrency = UNSET;
}

void
destination_init(struct destination *d)
{
	memset(d, 0, sizeof(*d));
	d->park_max = DESTINATION_PARK_DEFAULT;
	d->timeout_s = d->concurrency = UNSET;
	settle(d);
}

void
destination_free(struct destination *d)
{
	setting_free_text(d->url);
	setting_free_list(d->command, &d->ncommand);
	setting_free_text(d->title);
	setting_free_text(d->endpoints);
	setting_free_text(d->events);
	setting_free_text(d->sign);
	setting_free_text(d->retry);
	setting_free_text(d->key);
	setting_free_pairs(d->headers, &d->nheaders);
	setting_free_text(d->auth);
	setting_free_list(d->forward, &d->nforward);
	setting_free_text(d->client_cert);
	setting_free_text(d->client_key);
	setting_free_text(d->ca);
	setting_free_text(d->allow_net);
	setting_free_text(d->proxy);
	destination_init(d);
}

bool
destination_name_ok(struct span name)
{
	return endpoint_name_ok(name);
}

bool
destination_signs(const struct destination *d)
{
	return d->ncommand == 0 && strcmp(d->sign, DESTINATION_SIGN_NONE) != 0;
}

/* --- members of its own --------------------------------------------------- */

static int
take_command(const struct setting_row *s, const struct json *value, void *thing,
    struct err *err)
{
	struct destination *d = thing;

	if (setting_take_list(s, value, thing, err) < 0)
		return -1;
	if (value != NULL && d->ncommand == 0)
		return err_set(
		    err, ERR_INPUT, "it begins with the path of the program");
	return 0;
}

/* Names of headers, in the case that kept ones have. */
static int
take_names(const struct setting_row *s, const struct json *value, void *thing,
    struct err *err)
{
	struct destination *d = thing;
	size_t i;
	char *p;

	if (setting_take_list(s, value, thing, err) < 0)
		return -1;
	for (i = 0; i < d->nforward; i++)
		for (p = d->forward[i]; *p != '\0'; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
	return 0;
}

#define KEY_WORD "key:"

static const struct {
	enum destination_order order;
	const char *word; /* with a key behind it: KEY_WORD */
} orders[] = {
	{ DESTINATION_ORDER_NONE, "none" },
	{ DESTINATION_ORDER_STRICT, "strict" },
	{ DESTINATION_ORDER_KEY, KEY_WORD },
};

static int
take_order(const struct setting_row *s, const struct json *value, void *thing,
    struct err *err)
{
	const char *text = value == NULL ? orders[0].word : json_text(value);
	struct destination *d = thing;
	char *key = NULL;
	size_t i;

	(void)s;
	if (text == NULL)
		return setting_wrong_kind(value, JSON_STRING, err);
	for (i = 0; i < NITEMS(orders); i++)
		if (orders[i].order == DESTINATION_ORDER_KEY
			? span_starts(span_str(text), KEY_WORD)
			: strcmp(text, orders[i].word) == 0)
			break;
	if (i == NITEMS(orders))
		return err_set(err, ERR_INPUT,
		    "\"%s\": it is none, strict, or the key that orders, such "
		    "as key:json:/data/id or key:header:X-Customer",
		    text);
	if (orders[i].order == DESTINATION_ORDER_KEY) {
		key = span_dup(span_str(text + strlen(KEY_WORD)), err);
		if (key == NULL)
			return -1;
	}
	setting_free_text(d->key);
	d->key = key;
	d->order = orders[i].order;
	return 0;
}

static int
put_order(const struct setting_row *s, const void *thing, struct json *doc,
    struct err *err)
{
	const struct destination *d = thing;
	struct buf text = BUF_INIT(DESTINATION_DOC_MAX);
	int ret = 0;

	if (d->order == DESTINATION_ORDER_STRICT)
		ret = json_put_str(doc, s->name, "strict", err);
	else if (d->order == DESTINATION_ORDER_KEY) {
		ret = buf_printf(&text, err, KEY_WORD "%s", d->key);
		if (ret == 0)
			ret = json_put_text(doc, s->name, buf_span(&text), err);
	}
	buf_free(&text);
	return ret;
}

/* --- both ways ------------------------------------------------------------ */

static int
set_text(char **at, const char *text, struct err *err)
{
	if (*at == NULL)
		*at = span_dup(span_str(text), err);
	return *at == NULL ? -1 : 0;
}

int
destination_patch(struct destination *d, struct span patch, struct err *err)
{
	int ret;

	unsettle(d);
	ret = settings_patch(settings, NITEMS(settings), d, patch, err);
	settle(d);
	if (ret == 0 &&
	    (set_text(&d->sign, DESTINATION_SIGN_DEFAULT, err) < 0 ||
		set_text(&d->retry, DESTINATION_RETRY_DEFAULT, err) < 0))
		ret = -1;
	return ret;
}

int
destination_decode(struct span doc, struct destination *d, struct err *err)
{
	struct destination made;

	destination_init(&made);
	if (destination_patch(&made, doc, err) < 0)
		goto corrupt;
	if ((made.url == NULL) == (made.ncommand == 0)) {
		err_set(err, ERR_CORRUPT, "it has no address, or two");
		goto corrupt;
	}
	*d = made;
	return 0;
corrupt:
	destination_free(&made);
	if (err->code != ERR_NOMEM)
		err->code = ERR_CORRUPT;
	return err_wrap(err, "stored destination");
}

int
destination_encode(
    const struct destination *d, struct buf *doc, struct err *err)
{
	/* Shallow: only its numbers are changed here. */
	struct destination copy = *d;

	unsettle(&copy);
	return settings_encode(settings, NITEMS(settings), &copy, doc, err);
}
