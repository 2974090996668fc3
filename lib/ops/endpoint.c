/* endpoint.c: endpoints as rows. */
#include "lib/ops/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/model/selection.h"
#include "lib/ops/endpoint_find.h"
#include "lib/ops/held.h"
#include "lib/ops/secret.h"
#include "lib/scheme/repeats.h"

static const struct {
	enum store_endpoint_state state;
	const char *word;
} states[] = {
	{ STORE_ENDPOINT_ENABLED, "enabled" },
	{ STORE_ENDPOINT_DISABLED, "disabled" },
	{ STORE_ENDPOINT_REMOVED, "removed" },
};

static const struct {
	enum store_count count;
	const char *name;
} counters[] = {
	{ STORE_COUNT_ACCEPTED, "accepted" },
	{ STORE_COUNT_DUPLICATE, "duplicate" },
	{ STORE_COUNT_HELD, "held" },
	{ STORE_COUNT_IGNORED, "ignored" },
	{ STORE_COUNT_TEST, "test" },
	{ STORE_COUNT_REFUSED, "refused" },
	{ STORE_COUNT_FAILED, "failed" },
	{ STORE_COUNT_STALE, "stale" },
	{ STORE_COUNT_EARLY, "early" },
	{ STORE_COUNT_TOO_LARGE, "too_large" },
};

/* --- as a row ------------------------------------------------------------- */

static void
write_pairs(struct json_write *w, const char *name,
    const struct setting_pair *pairs, size_t n)
{
	size_t i;

	json_write_object(w, name);
	for (i = 0; i < n; i++)
		json_write_str(w, pairs[i].name, pairs[i].value);
	json_write_close(w);
}

/* A parameter may be confidential, so a row has their names alone. */
static void
write_names(struct json_write *w, const char *name,
    const struct setting_pair *pairs, size_t n)
{
	size_t i;

	json_write_array(w, name);
	for (i = 0; i < n; i++)
		json_write_str(w, NULL, pairs[i].name);
	json_write_close(w);
}

static void
write_limit(struct json_write *w, const char *name, int64_t v)
{
	if (v < 0)
		json_write_null(w, name);
	else
		json_write_int(w, name, v);
}

static void
write_path(struct json_write *w, const struct conf *cf, const char *endpoint)
{
	struct buf path = BUF_INIT(4096);

	if (w->failed)
		return;
	if (buf_printf(&path, w->err, "%s/%s",
		strcmp(cf->mount, "/") == 0 ? "" : cf->mount, endpoint) < 0)
		w->failed = true;
	else
		json_write_bytes(w, "path", buf_span(&path));
	buf_free(&path);
}

void
op_endpoint_write_counts(
    const struct op_call *call, struct json_write *w, uint64_t id)
{
	uint64_t counts[STORE_COUNTS] = { 0 };
	struct store_held_totals held;
	size_t i;

	store_counts(call->ops->store, id, counts);
	json_write_object(w, "counts");
	for (i = 0; i < NITEMS(counters); i++)
		json_write_uint(w, counters[i].name, counts[counters[i].count]);
	json_write_close(w);
	if (w->failed ||
	    store_held_totals(call->ops->store, id, &held, w->err) < 0)
		w->failed = true;
	else
		op_held_write_totals(w, &held);
}

void
op_endpoint_write(const struct op_call *call, struct json_write *w,
    const struct store_endpoint *ep, const struct endpoint *settings,
    size_t live)
{
	size_t i;

	json_write_str(w, "endpoint", ep->name);
	for (i = 0; i < NITEMS(states); i++)
		if (states[i].state == ep->state)
			json_write_str(w, "state", states[i].word);
	json_write_int(w, "secrets_live", (int64_t)live);
	json_write_str(w, "scheme", settings->scheme);
	json_write_str(w, "title", settings->title);
	json_write_str(w, "events", settings->events);
	json_write_str(w, "public_url", settings->public_url);
	write_path(w, call->conf, ep->name);
	json_write_str(w, "allow_from", settings->allow_from);
	write_pairs(w, "labels", settings->labels, settings->nlabels);
	write_names(w, "params", settings->params, settings->nparams);
	write_limit(w, "body_max", settings->body_max);
	write_limit(w, "tolerance", settings->tolerance_s);
	json_write_int(w, "rate", settings->rate);
	write_limit(w, "expect_every",
	    settings->expect_every_s == 0 ? -1 : settings->expect_every_s);
	/* A time that has passed means nothing any more. */
	json_write_time(w, "expects_secret_until",
	    settings->expect_secret_until_ms > store_now_ms(call->ops->store)
		? settings->expect_secret_until_ms
		: 0);
	json_write_bool(w, "allow_http", settings->allow_http);
	json_write_str(w, "repeats", endpoint_repeats_word(settings->repeats));
	write_limit(w, "repeat_within", settings->repeat_within_s);
	json_write_str(w, "on_held", endpoint_on_held_word(settings->on_held));
	json_write_uint(w, "generation", ep->generation);
	json_write_time(w, "created_at", ep->created_ms);
	json_write_time(w, "changed_at", ep->changed_ms);
	op_endpoint_write_counts(call, w, ep->id);
}

int
op_endpoint_write_repeats(struct json_write *w, const struct scheme *sc,
    const struct endpoint *settings)
{
	struct buf words = BUF_INIT(REPEATS_WORDS_MAX);
	int ret = -1;

	if (sc == NULL)
		return 0;
	if (repeats_describe(sc, settings, &words, w->err) == 0) {
		json_write_bytes(w, "what_repeats", buf_span(&words));
		ret = 0;
	}
	buf_free(&words);
	return ret;
}

/* --- reading -------------------------------------------------------------- */

struct listing {
	const struct op_call *call;
	bool removed; /* these too */
};

static int
list_one(void *arg, const struct store_endpoint *ep, struct err *err)
{
	const struct listing *ls = arg;
	const struct op_call *call = ls->call;
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	struct endpoint settings;
	struct json_write w;
	size_t live = 0;
	int ret = -1;

	if (ep->state == STORE_ENDPOINT_REMOVED && !ls->removed)
		return 0;
	endpoint_init(&settings);
	if (endpoint_decode(ep->doc, &settings, err) < 0 ||
	    op_secret_count(call, NULL, ep->id, store_now_ms(call->ops->store),
		&live, err) < 0) {
		err_wrap(err, "endpoint \"%s\"", ep->name);
		goto out;
	}
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	op_endpoint_write(call, &w, ep, &settings, live);
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
out:
	endpoint_free(&settings);
	buf_free(&row);
	return ret;
}

int
op_endpoint_list(const struct op_call *call, struct err *err)
{
	struct listing ls = { call, op_flag(call, "removed") };

	return store_endpoints(call->ops->store, NULL, list_one, &ls, err);
}

int
op_endpoint_show(const struct op_call *call, struct err *err)
{
	struct buf row = BUF_INIT(OPS_ROW_MAX),
		   doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	const struct scheme_set *schemes = call->schemes;
	const struct scheme *sc;
	struct store_endpoint ep;
	struct endpoint settings;
	struct json_write w;
	size_t live = 0;
	int ret = -1;

	endpoint_init(&settings);
	if (op_find_endpoint(
		call, NULL, op_text(call, "endpoint"), &ep, &doc, err) < 0 ||
	    endpoint_decode(ep.doc, &settings, err) < 0 ||
	    op_secret_count(call, NULL, ep.id, store_now_ms(call->ops->store),
		&live, err) < 0)
		goto out;
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	op_endpoint_write(call, &w, &ep, &settings, live);
	sc = scheme_set_find(schemes, settings.scheme);
	json_write_bool(&w, "scheme_found", sc != NULL);
	if (op_endpoint_write_repeats(&w, sc, &settings) < 0 ||
	    op_secret_write_all(call, &w, ep.id, err) < 0)
		goto out;
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
out:
	endpoint_free(&settings);
	buf_free(&row);
	buf_free(&doc);
	return ret;
}

/* --- selecting ------------------------------------------------------------ */

/* Which rule decides over a type, as receive.c will. */
static int
match_one(const struct op_call *call, const struct registry_endpoint *ep,
    struct span type, struct buf *row, struct err *err)
{
	bool test = ep->scheme != NULL && scheme_is_test_type(ep->scheme, type),
	     selected =
		 selection_of(ep->events, &type, 1, true) != SELECTION_NO;
	const char *rule = NULL;
	struct json_write w;

	if (ep->events != NULL)
		pattern_selects(ep->events, type, &rule);
	json_write_init(&w, row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "endpoint", ep->name);
	json_write_bytes(&w, "type", type);
	json_write_bool(&w, "selected", test || selected);
	json_write_bool(&w, "test", test);
	json_write_str(&w, "rule", test ? NULL : rule);
	json_write_str(&w, "events", ep->settings.events);
	json_write_close(&w);
	return op_emit(call, &w, row, err);
}

int
op_endpoint_match(const struct op_call *call, struct err *err)
{
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	const struct registry_endpoint *ep = NULL;
	const struct json *type;
	int ret = -1;

	if (op_find_ready(call, op_text(call, "endpoint"), &ep, err) < 0)
		goto out;
	for (type = json_first(json_get(call->in, "types")); type != NULL;
	     type = json_next(type)) {
		if (json_kind(type) != JSON_STRING) {
			err_set(err, ERR_USAGE, "a type must be a string");
			goto out;
		}
		if (match_one(call, ep, span_str(json_text(type)), &row, err) <
		    0)
			goto out;
	}
	ret = 0;
out:
	registry_put(ep);
	buf_free(&row);
	return ret;
}
