/* explain.c: one request of an endpoint, judged again in words. */
#include "lib/ops/explain.h"

#include <stdlib.h>
#include <string.h>

#include "lib/ops/endpoint_find.h"

/* --- secrets -------------------------------------------------------------- */

struct gathering {
	const struct op_call *call;
	struct op_case *c;
	int64_t at_ms;
	bool others;
};

/* The name of the endpoint that a secret is of; NULL is this one. */
static int
name_owner(struct gathering *g, uint64_t id, char **name, struct err *err)
{
	struct store_endpoint ep;
	bool found;

	if (store_endpoint_by_id(
		g->call->ops->store, NULL, id, &ep, NULL, &found, err) < 0)
		return -1;
	*name = span_dup(span_str(found ? ep.name : "(removed)"), err);
	return *name == NULL ? -1 : 0;
}

static int
gather(void *arg, const struct secret *s, struct err *err)
{
	struct gathering *g = arg;
	struct op_case *c = g->c;
	struct explain_secret *out = &c->secrets[c->nsecrets];
	struct buf *text = &c->texts[c->nsecrets];

	if (c->nsecrets == OPS_EXPLAIN_SECRETS)
		return 1;
	if (g->others && s->endpoint_id == c->ep.id)
		return 0;
	if (s->sealed.len == 0)
		return 0; /* purged */
	text->max = SECRET_BYTES_MAX + 64;
	if (store_secret_plain(g->call->ops->store, s, text, err) < 0)
		return -1;
	if (g->others &&
	    name_owner(g, s->endpoint_id, &c->names[c->nsecrets], err) < 0)
		return -1;
	out->id = s->id;
	out->endpoint = c->names[c->nsecrets];
	out->state = secret_state_at(s, g->at_ms);
	out->text = buf_span(text);
	c->nsecrets++;
	return 0;
}

static int
add_given(struct op_case *c, struct span given, struct err *err)
{
	struct explain_secret *out = &c->secrets[c->nsecrets];
	struct buf *text = &c->texts[c->nsecrets];

	if (given.len == 0)
		return 0;
	text->max = SECRET_BYTES_MAX + 64;
	if (buf_put_span(text, given, err) < 0)
		return -1;
	out->state = SECRET_CURRENT;
	out->text = buf_span(text);
	c->nsecrets++;
	return 0;
}

/* --- the rest ------------------------------------------------------------- */

static int
load(
    const struct op_call *call, uint64_t id, struct op_case *c, struct err *err)
{
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	bool found;
	size_t i;
	int ret = -1;

	if (store_endpoint_by_id(
		call->ops->store, NULL, id, &c->ep, &doc, &found, err) < 0)
		goto out;
	if (!found) {
		err_set(err, ERR_NOTFOUND, "its endpoint is gone");
		goto out;
	}
	if (endpoint_decode(c->ep.doc, &c->settings, err) < 0)
		goto out;
	c->ep.doc = SPAN_EMPTY;
	for (i = 0; i < c->settings.nparams; i++) {
		c->params[i].name = c->settings.params[i].name;
		c->params[i].value = c->settings.params[i].value;
	}
	c->scheme = scheme_set_find(call->schemes, c->settings.scheme);
	ret = 0;
out:
	buf_wipe(&doc);
	return ret;
}

int
op_case_open(const struct op_call *call, uint64_t endpoint_id, int64_t at_ms,
    struct span given, struct op_case *out, struct err *err)
{
	struct gathering g = { call, out, at_ms, false };
	struct store *st = call->ops->store;

	memset(out, 0, sizeof(*out));
	endpoint_init(&out->settings);
	if (load(call, endpoint_id, out, err) < 0 ||
	    add_given(out, given, err) < 0 ||
	    store_secrets(st, NULL, endpoint_id, gather, &g, err) < 0)
		goto fail;
	g.others = true;
	if (store_secrets(st, NULL, 0, gather, &g, err) < 0)
		goto fail;
	return 0;
fail:
	op_case_close(out);
	return -1;
}

void
op_case_close(struct op_case *c)
{
	size_t i;

	for (i = 0; i < OPS_EXPLAIN_SECRETS; i++) {
		buf_wipe(&c->texts[i]);
		free(c->names[i]);
	}
	endpoint_free(&c->settings);
	memset(c, 0, sizeof(*c));
}

/* As verify and explain take it; borrows from c and rq. */
static void
case_input(const struct op_call *call, const struct op_case *c,
    const struct request *rq, struct verify_input *out)
{
	memset(out, 0, sizeof(*out));
	out->request = rq;
	out->url = c->settings.public_url;
	out->params = c->params;
	out->nparams = c->settings.nparams;
	out->tolerance_s = c->settings.tolerance_s;
	out->horizon_s = call->conf->horizon_s;
}

/* --- in words ------------------------------------------------------------- */

static void
write_lines(struct json_write *w, const char *name, struct span lines)
{
	struct span line;

	json_write_array(w, name);
	while (lines.len > 0) {
		line = span_of(lines.ptr, span_find(lines, '\n'));
		lines = span_skip(lines, line.len + 1);
		json_write_bytes(w, NULL, line);
	}
	json_write_close(w);
}

int
op_case_explain(const struct op_call *call, const struct op_case *c,
    const struct request *rq, bool whole, struct json_write *w, struct err *err)
{
	struct explain_report report = { .cause = EXPLAIN_UNKNOWN };
	struct body body = { .state = BODY_CLOSED };
	struct verify_input in;
	struct explain_input ask = { .scheme = c->scheme,
		.schemes = call->schemes,
		.in = &in,
		.whole = whole,
		.body_max = c->settings.body_max < 0 ? call->conf->body_max
						     : c->settings.body_max,
		.secrets = c->secrets,
		.nsecrets = c->nsecrets };
	int ret = -1;

	if (c->scheme == NULL)
		return err_set(err, ERR_CONFIG,
		    "scheme %s has no file that loads", c->settings.scheme);
	case_input(call, c, rq, &in);
	body.max = body_unpacked_max((size_t)ask.body_max);
	in.body = &body;
	if (explain_request(&ask, &report, err) < 0)
		goto out;
	json_write_str(w, "scheme", c->settings.scheme);
	json_write_str(w, "verdict", verify_word(report.verdict));
	json_write_str(w, "diagnosis", explain_word(report.cause));
	json_write_bytes(w, "words", buf_span(&report.words));
	json_write_str(w, "advice", explain_advice(report.cause));
	write_lines(w, "steps", buf_span(&report.steps));
	ret = 0;
out:
	explain_free(&report);
	body_close(&body);
	return ret;
}

/* --- a request saved by hand ---------------------------------------------- */

static int
read_headers(const struct op_call *call, struct header *headers, size_t *n,
    struct err *err)
{
	const struct json *h;
	const char *name, *value;

	*n = 0;
	for (h = json_first(json_get(call->in, "headers")); h != NULL;
	     h = json_next(h)) {
		name = json_text(json_get(h, "name"));
		value = json_text(json_get(h, "value"));
		if (name == NULL || value == NULL || *n == REQUEST_HEADERS_MAX)
			return err_set(err, ERR_USAGE,
			    "%s: \"headers\" are at most %d objects of name "
			    "and value",
			    call->name, REQUEST_HEADERS_MAX);
		headers[*n].name = span_str(name);
		headers[*n].value = span_str(value);
		(*n)++;
	}
	return 0;
}

int
op_endpoint_explain(const struct op_call *call, struct err *err)
{
	struct header headers[REQUEST_HEADERS_MAX];
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX),
		   body = BUF_INIT(OPS_EXPLAIN_BODY_MAX),
		   given = BUF_INIT(SECRET_BYTES_MAX),
		   row = BUF_INIT(OPS_ROW_MAX);
	struct op_case *c = calloc(1, sizeof(*c));
	struct request rq = { .headers = headers };
	struct store_endpoint ep;
	struct json_write w;
	int ret = -1;

	if (c == NULL) {
		err_set(err, ERR_NOMEM, "no memory to explain a request");
		goto out;
	}
	if (op_find_endpoint(
		call, NULL, op_text(call, "endpoint"), &ep, &doc, err) < 0 ||
	    read_headers(call, headers, &rq.nheaders, err) < 0 ||
	    op_bytes(call, "body_b64", &body, err) < 0 ||
	    op_bytes(call, "secret_b64", &given, err) < 0 ||
	    op_int(call, "at_ms", store_now_ms(call->ops->store), 0,
		JSON_INT_MAX, &rq.now_ms, err) < 0)
		goto out;
	rq.method = span_str(op_text(call, "method"));
	rq.path = span_str(op_text(call, "path"));
	rq.query = span_str(op_text(call, "query"));
	rq.body = buf_span(&body);
	rq.content_length = (int64_t)rq.body.len;
	if (op_case_open(call, ep.id, rq.now_ms, buf_span(&given), c, err) < 0)
		goto out;
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "endpoint", ep.name);
	if (op_case_explain(call, c, &rq, true, &w, err) < 0)
		goto out;
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
out:
	if (c != NULL)
		op_case_close(c);
	free(c);
	buf_wipe(&doc);
	buf_wipe(&given);
	buf_free(&body);
	buf_free(&row);
	return ret;
}
