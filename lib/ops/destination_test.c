/*
 * destination_test.c: makes a test event for a destination, signed with
 * its secrets. As for endpoints the owner signs, and who asked posts it, or
 * runs the command: so what it gets are also the confidential headers.
 */
#include "lib/ops/destination.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/ops/destination_find.h"
#include "lib/ops/scheme_find.h"
#include "lib/ops/test_event.h"
#include "lib/scheme/sign.h"

struct trial {
	const struct op_call *call;
	struct store_destination d;
	struct destination settings;
	const struct scheme *scheme; /* NULL: nothing is signed */
	struct span type;
	char id[OP_TEST_ID_MAX];
	int64_t now_ms;
	/* Current first; then those that sign for a time of grace. */
	struct sign_key keys[SECRET_LIVE_MAX];
	size_t nkeys;
	uint64_t secret_id; /* of the first that signs */
	struct buf doc, body, headers;
};

static void
trial_free(struct trial *t)
{
	while (t->nkeys > 0)
		scheme_key_free(t->keys[--t->nkeys].key);
	destination_free(&t->settings);
	buf_wipe(&t->doc);
	buf_free(&t->body);
	buf_wipe(&t->headers);
}

static int
choose_type(struct trial *t, struct err *err)
{
	const char *type = op_text(t->call, "type");

	if (type == NULL && t->scheme != NULL)
		type = scheme_test_type(t->scheme);
	if (type == NULL)
		type = OP_TEST_TYPE;
	t->type = span_str(type);
	if (t->type.len == 0 || t->type.len > EVENT_TYPE_MAX)
		return err_set(
		    err, ERR_USAGE, "a type has 1 to %d bytes", EVENT_TYPE_MAX);
	return 0;
}

/* --- signing -------------------------------------------------------------- */

struct keys {
	struct trial *trial;
	enum secret_state want;
};

static int
take_key(void *arg, const struct secret *s, struct err *err)
{
	const struct keys *ks = arg;
	struct trial *t = ks->trial;
	struct buf plain = BUF_INIT(SECRET_BYTES_MAX);
	struct sign_key *key = &t->keys[t->nkeys];
	int ret = -1;

	if (secret_state_at(s, t->now_ms) != ks->want ||
	    t->nkeys == SECRET_LIVE_MAX)
		return 0;
	if (store_secret_plain(t->call->ops->store, s, &plain, err) < 0 ||
	    scheme_key_make(t->scheme, buf_span(&plain), &key->key, err) < 0) {
		err_wrap(err, "sec_%llu", (unsigned long long)s->id);
		goto out;
	}
	key->secret_id = s->id;
	key->state = s->state;
	key->until_ms = s->until_ms;
	t->nkeys++;
	ret = 0;
out:
	buf_wipe(&plain);
	return ret;
}

static int
find_keys(struct trial *t, struct err *err)
{
	struct keys current = { t, SECRET_CURRENT },
		    previous = { t, SECRET_PREVIOUS };
	struct store *st = t->call->ops->store;

	if (store_secrets(st, NULL, t->d.id, take_key, &current, err) < 0)
		return -1;
	if (t->nkeys == 0)
		return err_set(err, ERR_INPUT,
		    "destination \"%s\" has no current secret to sign with: "
		    "its deliveries wait until it is rotated",
		    t->d.name);
	return store_secrets(st, NULL, t->d.id, take_key, &previous, err);
}

static int
sign(struct trial *t, struct err *err)
{
	struct sign_input in = { .id = span_str(t->id),
		.type = t->type,
		.body = buf_span(&t->body),
		.method = span_str("POST"),
		.url = t->settings.url,
		.now_ms = clock_wall_ms() };
	const struct sign_key *chosen[SECRET_LIVE_MAX];
	struct scheme_key *keys[SECRET_LIVE_MAX];
	size_t i, n;

	if (t->scheme == NULL)
		return 0;
	if (find_keys(t, err) < 0)
		return -1;
	n = sign_choose(t->scheme, t->keys, t->nkeys, t->now_ms, chosen);
	for (i = 0; i < n; i++)
		keys[i] = chosen[i]->key;
	t->secret_id = n == 0 ? 0 : chosen[0]->secret_id;
	return sign_headers(t->scheme, keys, n, &in, &t->headers, err);
}

/* What the operator wants beside. */
static int
put_others(struct trial *t, struct err *err)
{
	const struct destination *set = &t->settings;
	size_t i;

	for (i = 0; i < set->nheaders; i++)
		if (buf_printf(&t->headers, err, "%s: %s\n",
			set->headers[i].name, set->headers[i].value) < 0)
			return -1;
	return set->auth == NULL ? 0
				 : buf_printf(&t->headers, err,
				       "Authorization: %s\n", set->auth);
}

/* --- telling -------------------------------------------------------------- */

static int
audit(struct trial *t, struct store_tx *tx, struct err *err)
{
	struct buf detail = BUF_INIT(4096);
	struct json_write w;
	int ret = -1;

	json_write_init(&w, &detail, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "id", t->id);
	json_write_bytes(&w, "type", t->type);
	json_write_secret_id(&w, "secret", t->secret_id);
	json_write_close(&w);
	if (json_write_done(&w) == 0)
		ret = store_tx_audit(
		    tx, t->call->name, t->d.name, buf_span(&detail), err);
	buf_free(&detail);
	return ret;
}

/* A record of who had something signed; what it is goes by another way. */
static int
record(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	(void)result; /* what it would keep may be confidential */
	return audit(arg, tx, err);
}

static int
tell(struct trial *t, struct err *err)
{
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	const struct destination *set = &t->settings;
	struct json_write w;
	size_t i;
	int ret;

	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "destination", t->d.name);
	json_write_str(&w, "id", t->id);
	json_write_bytes(&w, "type", t->type);
	json_write_secret_id(&w, "secret", t->secret_id);
	json_write_str(&w, "url", set->url);
	json_write_array(&w, "command");
	for (i = 0; i < set->ncommand; i++)
		json_write_str(&w, NULL, set->command[i]);
	json_write_close(&w);
	json_write_int(&w, "timeout",
	    destination_timeout_s(
		set, t->scheme == NULL ? -1 : scheme_timeout_s(t->scheme)));
	json_write_str(&w, "client_cert", set->client_cert);
	json_write_str(&w, "client_key", set->client_key);
	json_write_str(&w, "ca", set->ca);
	json_write_str(&w, "allow_net", set->allow_net);
	json_write_str(&w, "proxy", set->proxy);
	op_test_write_headers(&w, buf_span(&t->headers));
	json_write_base64(&w, "body_b64", buf_span(&t->body));
	json_write_close(&w);
	ret = op_emit(t->call, &w, &row, err);
	buf_wipe(&row);
	return ret;
}

int
op_destination_test(const struct op_call *call, struct err *err)
{
	struct trial t = { .call = call,
		.now_ms = store_now_ms(call->ops->store),
		.doc = BUF_INIT(2 * DESTINATION_DOC_MAX),
		.body = BUF_INIT(OP_TEST_BODY_MAX),
		.headers = BUF_INIT(OPS_ROW_MAX / 4) };
	struct buf none = BUF_INIT(16);
	int ret = -1;

	destination_init(&t.settings);
	if (op_find_destination(call, NULL, op_text(call, "destination"), &t.d,
		&t.doc, err) < 0 ||
	    destination_decode(t.d.doc, &t.settings, err) < 0)
		goto out;
	if (destination_signs(&t.settings) &&
	    op_find_scheme(call, t.settings.sign, &t.scheme, err) < 0)
		goto out;
	op_test_id(call, t.id);
	if (choose_type(&t, err) < 0 ||
	    op_test_body(t.scheme, span_str(t.id), t.type, clock_wall_ms(),
		&t.body, err) < 0 ||
	    sign(&t, err) < 0 || put_others(&t, err) < 0)
		goto out;
	if (store_change(call->ops->store, &call->peer->actor, call->request_id,
		record, &t, &none, err) == 0)
		ret = tell(&t, err);
out:
	trial_free(&t);
	buf_free(&none);
	return ret;
}
