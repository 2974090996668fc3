/* endpoint_edit.c: changes of endpoints. */
#include "lib/ops/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/selection.h"
#include "lib/ops/clock.h"
#include "lib/ops/endpoint_find.h"
#include "lib/ops/scheme_find.h"
#include "lib/ops/secret.h"
#include "lib/ops/secret_from.h"
#include "lib/ops/secret_new.h"
#include "lib/scheme/repeats.h"
#include "lib/store/delivery.h"

/* A change of one endpoint: what the call asks for, judged. */
struct endpoint_change {
	const struct op_call *call;
	const char *name;
	struct endpoint settings; /* add: all of them */
	struct buf patch; /* edit: what is asked for */
	const struct scheme *scheme;
	struct op_secret secret;
	int64_t
	    expect_s; /* for how long a secret is waited for; -1: as it is */
	enum store_endpoint_state state; /* enable, disable, remove */
	const char *to; /* rename */
	struct op_warnings warnings;
};

#define ENDPOINT_CHANGE_INIT(call)                                       \
	{                                                                \
		.call = (call), .name = op_text((call), "endpoint"),     \
		.expect_s = -1, .patch = BUF_INIT(2 * ENDPOINT_DOC_MAX), \
		.secret = OP_SECRET_INIT                                 \
	}

static void
change_free(struct endpoint_change *ch)
{
	endpoint_free(&ch->settings);
	buf_wipe(&ch->patch);
	op_secret_free(&ch->secret);
}

/* The endpoint's row, what its change created, and what to think of. */
static int
write_result(struct endpoint_change *ch, const struct store_endpoint *ep,
    const struct endpoint *settings, size_t live, uint64_t secret_id,
    const struct op_warnings *warnings, struct buf *result, struct err *err)
{
	struct json_write w;

	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	op_endpoint_write(ch->call, &w, ep, settings, live);
	if (op_endpoint_write_repeats(&w, ch->scheme, settings) < 0)
		return -1;
	if (ch->scheme != NULL)
		json_write_str(&w, "secret_from",
		    scheme_secret_from_provider(ch->scheme) ? "provider"
							    : "operator");
	if (secret_id != 0)
		json_write_secret_id(&w, "secret", secret_id);
	if (ch->secret.generated)
		op_secret_write(&w, buf_span(&ch->secret.text));
	op_write_warnings(&w, warnings);
	json_write_close(&w);
	return json_write_done(&w);
}

/* Nothing would verify without a param that the scheme needs. */
static int
check_params(const struct endpoint_change *ch, const struct endpoint *settings,
    struct err *err)
{
	const char *name;
	size_t i, k;

	for (i = 0; (name = scheme_param(ch->scheme, i)) != NULL; i++) {
		for (k = 0; k < settings->nparams; k++)
			if (strcmp(settings->params[k].name, name) == 0)
				break;
		if (k == settings->nparams)
			return err_set(err, ERR_INPUT,
			    "scheme \"%s\" needs the param \"%s\" (--param "
			    "%s=@FILE)",
			    settings->scheme, name, name);
	}
	return 0;
}

/* Are the settings right by themselves and for their scheme? */
static int
judge(struct endpoint_change *ch, const struct endpoint *settings,
    struct err *err)
{
	if (endpoint_check(settings, err) < 0 ||
	    op_find_scheme(ch->call, settings->scheme, &ch->scheme, err) < 0)
		return -1;
	if (scheme_needs_url(ch->scheme) && settings->public_url == NULL)
		return err_set(err, ERR_INPUT,
		    "scheme \"%s\" signs the URL: it needs the public URL as "
		    "registered with the provider (--public-url)",
		    settings->scheme);
	if (repeats_check(ch->scheme, settings, err) < 0)
		return -1;
	ch->warnings.n = 0;
	if (!scheme_has_type(ch->scheme) &&
	    selection_needs_types(settings->events))
		op_warn(&ch->warnings,
		    "scheme \"%s\" knows no types of events: all are kept, "
		    "whatever --events asks for",
		    settings->scheme);
	return check_params(ch, settings, err);
}

/* For how long is the secret waited for that the provider sends here? */
static int
take_expected(struct endpoint_change *ch, struct err *err)
{
	return op_int(ch->call, "expect_secret_s", -1, -1,
	    ENDPOINT_EXPECT_SECRET_MAX_S, &ch->expect_s, err);
}

/* Into the settings, by the clock of the transaction. */
static int
expect_secret(const struct endpoint_change *ch, struct store_tx *tx,
    struct endpoint *settings, struct err *err)
{
	struct store_clock clock;

	if (ch->expect_s < 0)
		return 0;
	settings->expect_secret_until_ms = 0;
	if (ch->expect_s == 0)
		return 0;
	if (!scheme_has_secret_in(ch->scheme))
		return err_set(err, ERR_INPUT,
		    "scheme \"%s\" has no secret that the provider sends to "
		    "the endpoint (\"secret_in\"): give it with eyelet-secret "
		    "stage",
		    settings->scheme);
	store_clock(ch->call->ops->store, &clock);
	if (clock.doubt != WALL_SURE)
		return op_fail_clock(&clock, err,
		    "the time until which a secret is waited for would be "
		    "written down");
	settings->expect_secret_until_ms =
	    store_tx_now_ms(tx) + ch->expect_s * 1000;
	return 0;
}

static int
take_settings(struct endpoint_change *ch, struct err *err)
{
	return json_print(json_get(ch->call->in, "settings"), &ch->patch, err);
}

static int
audit_add(struct endpoint_change *ch, struct store_tx *tx, uint64_t secret_id,
    struct err *err)
{
	struct buf detail = BUF_INIT(4096);
	struct json_write w;
	int ret = -1;

	json_write_init(&w, &detail, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "scheme", ch->settings.scheme);
	json_write_secret_id(&w, "secret", secret_id);
	json_write_bool(&w, "generated", ch->secret.generated);
	if (ch->expect_s > 0)
		json_write_int(&w, "expect_secret_s", ch->expect_s);
	json_write_close(&w);
	if (json_write_done(&w) == 0)
		ret = store_tx_audit(
		    tx, ch->call->name, ch->name, buf_span(&detail), err);
	buf_free(&detail);
	return ret;
}

static int
check_name(const char *name, struct err *err)
{
	if (endpoint_name_ok(span_str(name)))
		return 0;
	return err_set(err, ERR_INPUT,
	    "\"%s\" can be no endpoint's name: 1 to %d letters, digits, \"_\" "
	    "or \"-\", and not \"healthz\" or \"eyelet\"",
	    name, ENDPOINT_NAME_MAX);
}

static int
check_free(const struct op_call *call, struct store_tx *tx, const char *name,
    struct err *err)
{
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store_endpoint taken;
	bool found;
	int ret;

	ret = store_endpoint_by_name(
	    call->ops->store, tx, name, &taken, &doc, &found, err);
	if (ret == 0 && found)
		ret = err_set(err, ERR_EXISTS,
		    "there is an endpoint \"%s\" already", name);
	buf_wipe(&doc);
	return ret;
}

static int
change_add(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct endpoint_change *ch = arg;
	struct op_warnings warnings = ch->warnings;
	struct buf made = BUF_INIT(ENDPOINT_DOC_MAX);
	struct store_endpoint ep = { .state = STORE_ENDPOINT_ENABLED };
	struct secret s = { .state = SECRET_CURRENT,
		.activated_ms = store_tx_now_ms(tx) };
	struct span text = buf_span(&ch->secret.text);
	int ret = -1;

	if (check_free(ch->call, tx, ch->name, err) < 0)
		goto out;
	snprintf(ep.name, sizeof(ep.name), "%s", ch->name);
	if (expect_secret(ch, tx, &ch->settings, err) < 0 ||
	    endpoint_encode(&ch->settings, &made, err) < 0)
		goto out;
	ep.doc = buf_span(&made);
	if (store_tx_endpoint(tx, &ep, err) < 0)
		goto out;
	s.endpoint_id = ep.id;
	if (text.len > 0 && (op_secret_check_reuse(ch->call, tx, ep.id, text,
				 &warnings, err) < 0 ||
				store_tx_secret(tx, &s, text, err) < 0))
		goto out;
	if (audit_add(ch, tx, s.id, err) < 0)
		goto out;
	ret = write_result(ch, &ep, &ch->settings, s.id == 0 ? 0 : 1, s.id,
	    &warnings, result, err);
out:
	buf_wipe(&made);
	return ret;
}

int
op_endpoint_add(const struct op_call *call, struct err *err)
{
	struct endpoint_change ch = ENDPOINT_CHANGE_INIT(call);
	int ret = -1;

	endpoint_init(&ch.settings);
	if (check_name(ch.name, err) < 0 || take_settings(&ch, err) < 0 ||
	    take_expected(&ch, err) < 0 ||
	    endpoint_patch(&ch.settings, buf_span(&ch.patch), err) < 0 ||
	    judge(&ch, &ch.settings, err) < 0 ||
	    op_secret_take(call, ch.scheme, OP_GENERATE_OURS, &ch.secret,
		&ch.warnings, err) < 0)
		goto out;
	ret = op_change(call, change_add, &ch, err);
out:
	change_free(&ch);
	return ret;
}

/* --- changing one that is there ------------------------------------------- */

static int
check_generation(const struct endpoint_change *ch,
    const struct store_endpoint *ep, struct err *err)
{
	return op_check_generation(
	    ch->call, "endpoint", ep->name, ep->generation, err);
}

/* Stores ep anew and makes the result. */
static int
put_back(struct endpoint_change *ch, struct store_tx *tx,
    struct store_endpoint *ep, const struct endpoint *settings,
    struct span detail, struct buf *result, struct err *err)
{
	size_t live;

	if (store_tx_endpoint(tx, ep, err) < 0 ||
	    store_tx_audit(tx, ch->call->name, ep->name, detail, err) < 0 ||
	    op_secret_count(
		ch->call, tx, ep->id, store_tx_now_ms(tx), &live, err) < 0)
		return -1;
	return write_result(
	    ch, ep, settings, live, 0, &ch->warnings, result, err);
}

/* The patch for the audit trail: all of it but the values of params. */
static int
describe_patch(
    const struct endpoint_change *ch, struct buf *detail, struct err *err)
{
	struct buf value = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	const struct json *one, *param;
	struct json_write w;
	int ret = -1;

	json_write_init(&w, detail, err);
	json_write_object(&w, NULL);
	for (one = json_first(json_get(ch->call->in, "settings")); one != NULL;
	     one = json_next(one)) {
		if (strcmp(json_name(one), "params") == 0) {
			json_write_array(&w, "params");
			for (param = json_first(one); param != NULL;
			     param = json_next(param))
				json_write_str(&w, NULL, json_name(param));
			json_write_close(&w);
			continue;
		}
		buf_clear(&value);
		if (json_print(one, &value, err) < 0)
			goto out;
		json_write_raw(&w, json_name(one), buf_span(&value));
	}
	if (ch->expect_s >= 0)
		json_write_int(&w, "expect_secret_s", ch->expect_s);
	json_write_close(&w);
	ret = json_write_done(&w);
out:
	buf_free(&value);
	return ret;
}

static int
change_edit(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct endpoint_change *ch = arg;
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX),
		   made = BUF_INIT(ENDPOINT_DOC_MAX),
		   detail = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store_endpoint ep;
	struct endpoint settings;
	char *before = NULL;
	size_t live = 0;
	int ret = -1;

	endpoint_init(&settings);
	if (op_find_endpoint(ch->call, tx, ch->name, &ep, &doc, err) < 0 ||
	    check_generation(ch, &ep, err) < 0 ||
	    endpoint_decode(ep.doc, &settings, err) < 0)
		goto out;
	before = span_dup(span_str(settings.scheme), err);
	if (before == NULL ||
	    endpoint_patch(&settings, buf_span(&ch->patch), err) < 0 ||
	    judge(ch, &settings, err) < 0 ||
	    op_secret_count(
		ch->call, tx, ep.id, store_tx_now_ms(tx), &live, err) < 0 ||
	    op_endpoint_warn_scheme(
		ch->call, before, ch->scheme, live, &ch->warnings, err) < 0)
		goto out;
	if (expect_secret(ch, tx, &settings, err) < 0 ||
	    (ch->expect_s > 0 && op_secret_check_none_pending(
				     ch->call, tx, ep.id, ch->name, err) < 0) ||
	    op_secret_check_keys(ch->call, tx, ep.id, ch->scheme, err) < 0 ||
	    endpoint_encode(&settings, &made, err) < 0 ||
	    describe_patch(ch, &detail, err) < 0)
		goto out;
	ep.doc = buf_span(&made);
	ret = put_back(ch, tx, &ep, &settings, buf_span(&detail), result, err);
out:
	free(before);
	endpoint_free(&settings);
	buf_wipe(&doc);
	buf_wipe(&made);
	buf_free(&detail);
	return ret;
}

int
op_endpoint_edit(const struct op_call *call, struct err *err)
{
	struct endpoint_change ch = ENDPOINT_CHANGE_INIT(call);
	int ret = -1;

	endpoint_init(&ch.settings);
	if (take_settings(&ch, err) == 0 && take_expected(&ch, err) == 0)
		ret = op_change(call, change_edit, &ch, err);
	change_free(&ch);
	return ret;
}

static int
change_state(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct endpoint_change *ch = arg;
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store_endpoint ep;
	struct endpoint settings;
	int ret = -1;

	endpoint_init(&settings);
	if (op_find_endpoint(ch->call, tx, ch->name, &ep, &doc, err) < 0 ||
	    check_generation(ch, &ep, err) < 0 ||
	    endpoint_decode(ep.doc, &settings, err) < 0)
		goto out;
	ep.state = ch->state;
	if (ep.state == STORE_ENDPOINT_REMOVED &&
	    store_tx_endpoint_removed(tx, ep.id, err) < 0)
		goto out;
	ret = put_back(ch, tx, &ep, &settings, SPAN_EMPTY, result, err);
out:
	endpoint_free(&settings);
	buf_wipe(&doc);
	return ret;
}

static int
set_state(const struct op_call *call, enum store_endpoint_state state,
    struct err *err)
{
	struct endpoint_change ch = ENDPOINT_CHANGE_INIT(call);
	int ret;

	endpoint_init(&ch.settings);
	ch.state = state;
	ret = op_change(call, change_state, &ch, err);
	change_free(&ch);
	return ret;
}

int
op_endpoint_enable(const struct op_call *call, struct err *err)
{
	return set_state(call, STORE_ENDPOINT_ENABLED, err);
}

int
op_endpoint_disable(const struct op_call *call, struct err *err)
{
	return set_state(call, STORE_ENDPOINT_DISABLED, err);
}

int
op_endpoint_remove(const struct op_call *call, struct err *err)
{
	return set_state(call, STORE_ENDPOINT_REMOVED, err);
}

/* --- another name --------------------------------------------------------- */

static int
describe_name(
    const struct endpoint_change *ch, struct buf *detail, struct err *err)
{
	struct json_write w;

	json_write_init(&w, detail, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "to", ch->to);
	json_write_close(&w);
	return json_write_done(&w);
}

struct renaming {
	struct endpoint_change *ch;
	struct store_tx *tx;
};

/* A destination that lists the endpoint goes on getting its events. */
static int
rename_in(void *arg, const struct store_destination *d, struct err *err)
{
	struct renaming *rn = arg;
	struct buf doc = BUF_INIT(DESTINATION_DOC_MAX);
	struct store_destination row = *d;
	struct destination settings;
	bool renamed;
	int ret = -1;

	destination_init(&settings);
	if (destination_decode(d->doc, &settings, err) < 0 ||
	    destination_rename_endpoint(
		&settings, rn->ch->name, rn->ch->to, &renamed, err) < 0)
		goto out;
	if (!renamed) {
		ret = 0;
		goto out;
	}
	if (destination_encode(&settings, &doc, err) < 0)
		goto out;
	row.doc = buf_span(&doc);
	if (store_tx_destination(rn->tx, &row, 0, err) < 0)
		goto out;
	if (d->state != STORE_DESTINATION_REMOVED)
		op_warn(&rn->ch->warnings,
		    "destination \"%s\" lists the endpoint, and has its new "
		    "name now",
		    d->name);
	ret = 0;
out:
	destination_free(&settings);
	buf_wipe(&doc);
	return ret;
}

static int
rename_in_destinations(
    struct endpoint_change *ch, struct store_tx *tx, struct err *err)
{
	struct renaming rn = { ch, tx };

	return store_destinations(
	    ch->call->ops->store, tx, rename_in, &rn, err);
}

static int
change_name(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct endpoint_change *ch = arg;
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX),
		   detail = BUF_INIT(1024);
	struct store_endpoint ep;
	struct endpoint settings;
	size_t live;
	int ret = -1;

	endpoint_init(&settings);
	ch->warnings.n = 0;
	if (op_find_endpoint(ch->call, tx, ch->name, &ep, &doc, err) < 0 ||
	    check_generation(ch, &ep, err) < 0 ||
	    check_free(ch->call, tx, ch->to, err) < 0 ||
	    endpoint_decode(ep.doc, &settings, err) < 0 ||
	    describe_name(ch, &detail, err) < 0)
		goto out;
	if (settings.public_url != NULL)
		op_warn(&ch->warnings,
		    "the public URL stays as it was registered: if it has the "
		    "name in it, register the new one, and give it with "
		    "--public-url");
	snprintf(ep.name, sizeof(ep.name), "%s", ch->to);
	if (store_tx_endpoint(tx, &ep, err) < 0 ||
	    rename_in_destinations(ch, tx, err) < 0 ||
	    store_tx_audit(
		tx, ch->call->name, ch->name, buf_span(&detail), err) < 0 ||
	    op_secret_count(
		ch->call, tx, ep.id, store_tx_now_ms(tx), &live, err) < 0)
		goto out;
	ret = write_result(
	    ch, &ep, &settings, live, 0, &ch->warnings, result, err);
out:
	endpoint_free(&settings);
	buf_wipe(&doc);
	buf_free(&detail);
	return ret;
}

int
op_endpoint_rename(const struct op_call *call, struct err *err)
{
	struct endpoint_change ch = ENDPOINT_CHANGE_INIT(call);
	int ret = -1;

	endpoint_init(&ch.settings);
	ch.to = op_text(call, "to");
	if (check_name(ch.to, err) == 0)
		ret = op_change(call, change_name, &ch, err);
	change_free(&ch);
	return ret;
}
