/*
 * endpoint_test.c: makes a test event, signed with the endpoint's current
 * secret. The owner signs, as it alone has secrets open; who asked posts what
 * it is given. So neither the secret crosses the socket nor does the owner
 * open connections to anywhere.
 */
#include "lib/ops/endpoint.h"

#include "lib/base/clock.h"
#include "lib/ops/endpoint_find.h"
#include "lib/ops/test_event.h"
#include "lib/scheme/sign.h"

struct trial {
	const struct op_call *call;
	const struct registry_endpoint *ep;
	const struct registry_key *key; /* the current one */
	struct span type;
	char id[OP_TEST_ID_MAX];
	struct buf body, headers;
	struct op_warnings warnings;
};

static int
choose_type(struct trial *t, struct err *err)
{
	const char *type = op_text(t->call, "type");

	if (type == NULL)
		type = scheme_test_type(t->ep->scheme);
	if (type == NULL)
		type = OP_TEST_TYPE;
	t->type = span_str(type);
	if (t->type.len == 0 || t->type.len > EVENT_TYPE_MAX)
		return err_set(
		    err, ERR_USAGE, "a type has 1 to %d bytes", EVENT_TYPE_MAX);
	if (!scheme_is_test_type(t->ep->scheme, t->type))
		op_warn(&t->warnings,
		    "to the scheme this is no test event: where the endpoint "
		    "keeps the type, it stands in the log as any other");
	return 0;
}

static int
find_key(struct trial *t, struct err *err)
{
	const struct registry_endpoint *ep = t->ep;
	size_t i;

	for (i = 0; i < ep->nkeys; i++)
		if (ep->keys[i].state == SECRET_CURRENT) {
			t->key = &ep->keys[i];
			return 0;
		}
	return err_set(err, ERR_INPUT,
	    "endpoint \"%s\" has no current secret to sign with: stage one",
	    ep->name);
}

static int
sign(struct trial *t, struct err *err)
{
	const struct registry_endpoint *ep = t->ep;
	struct sign_input in = { .id = span_str(t->id),
		.type = t->type,
		.method = span_str("POST"),
		.url = ep->settings.public_url,
		.params = ep->params,
		.nparams = ep->settings.nparams,
		.now_ms = clock_wall_ms() };
	struct scheme_key *key = t->key->key;

	if (op_test_body(ep->scheme, in.id, in.type, in.now_ms, &t->body, err) <
	    0)
		return -1;
	in.body = buf_span(&t->body);
	return sign_headers(ep->scheme, &key, 1, &in, &t->headers, err);
}

/* The row, and a record of who had something signed. */
static int
record(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct trial *t = arg;
	struct buf detail = BUF_INIT(4096);
	struct json_write w;
	int ret = -1;

	json_write_init(&w, &detail, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "id", t->id);
	json_write_bytes(&w, "type", t->type);
	json_write_secret_id(&w, "secret", t->key->secret_id);
	json_write_close(&w);
	if (json_write_done(&w) < 0 ||
	    store_tx_audit(
		tx, t->call->name, t->ep->name, buf_span(&detail), err) < 0)
		goto out;
	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "endpoint", t->ep->name);
	json_write_str(&w, "id", t->id);
	json_write_bytes(&w, "type", t->type);
	json_write_secret_id(&w, "secret", t->key->secret_id);
	json_write_str(&w, "public_url", t->ep->settings.public_url);
	op_test_write_headers(&w, buf_span(&t->headers));
	json_write_base64(&w, "body_b64", buf_span(&t->body));
	op_write_warnings(&w, &t->warnings);
	json_write_close(&w);
	ret = json_write_done(&w);
out:
	buf_free(&detail);
	return ret;
}

int
op_endpoint_test(const struct op_call *call, struct err *err)
{
	struct trial t = { .call = call,
		.body = BUF_INIT(OP_TEST_BODY_MAX),
		.headers = BUF_INIT(OP_TEST_HEADERS_MAX) };
	const char *name = op_text(call, "endpoint"), *why;
	int ret = -1;

	if (op_find_ready(call, name, &t.ep, err) < 0)
		goto out;
	if (t.ep->scheme == NULL) {
		err_set(err, ERR_CONFIG, "endpoint \"%s\" cannot serve: %s",
		    name, t.ep->broken);
		goto out;
	}
	if (!scheme_can_sign(t.ep->scheme, &why)) {
		err_set(err, ERR_USAGE, "the scheme \"%s\" cannot sign: %s",
		    scheme_name(t.ep->scheme), why);
		goto out;
	}
	if (!scheme_takes(t.ep->scheme, span_str("POST"))) {
		err_set(err, ERR_USAGE,
		    "the scheme \"%s\" takes events by GET alone, and a test "
		    "is posted: have the provider send one, or request the "
		    "endpoint's URL with a query that is signed as the scheme "
		    "says (\"eyelet-scheme show %s\")",
		    scheme_name(t.ep->scheme), scheme_name(t.ep->scheme));
		goto out;
	}
	op_test_id(call, t.id);
	if (choose_type(&t, err) < 0 || find_key(&t, err) < 0 ||
	    sign(&t, err) < 0)
		goto out;
	ret = op_change(call, record, &t, err);
out:
	registry_put(t.ep);
	buf_free(&t.body);
	buf_free(&t.headers);
	return ret;
}
