/* endpoint_test.c: the verb test of eyelet-endpoint. */
#include "admin/endpoint_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/call.h"
#include "admin/output.h"
#include "lib/base/encode.h"
#include "lib/base/util.h"
#include "lib/outbound/outbound.h"

#define CONNECT_MS 10000
#define TIMEOUT_MS 30000
#define PARTS_MAX (256 * 1024) /* bytes: of headers, of a body */

struct test {
	struct call call;
	struct json *signed_row; /* what the owner signed */
	struct buf headers, body;
	struct outbound_result result;
};

/* The owner's row, kept until it is posted. */
static int
keep_row(void *arg, const struct json *row, struct err *err)
{
	struct test *t = arg;

	(void)row;
	json_free(t->signed_row);
	t->signed_row = NULL;
	return json_parse(t->call.row_text, &t->signed_row, err);
}

static int
read_parts(struct test *t, struct err *err)
{
	const struct json *h = json_first(json_get(t->signed_row, "headers"));
	const char *text = json_text(json_get(t->signed_row, "body_b64"));
	struct span b64 = span_str(text);
	size_t room = encode_room(ENCODING_BASE64, b64.len), len;
	unsigned char *at;

	for (; h != NULL; h = json_next(h))
		if (buf_printf(&t->headers, err, "%s\n", json_text(h)) < 0)
			return -1;
	if (buf_puts(&t->headers, "Content-Type: application/json\n", err) <
		0 ||
	    buf_reserve(&t->body, room, &at, err) < 0)
		return -1;
	if (!encode_read(ENCODING_BASE64, b64, at, room, &len))
		return err_set(err, ERR_INPUT, "the owner's body is no base64");
	t->body.len += len;
	return 0;
}

/* What both scripts and people get. */
static int
put_result(struct test *t, const char *url, struct buf *out, struct err *err)
{
	static const char *const kept[] = { "endpoint", "id", "type",
		"secret" };
	struct json_write w;
	size_t i;

	json_write_init(&w, out, err);
	json_write_object(&w, NULL);
	for (i = 0; i < NITEMS(kept); i++)
		json_write_str(
		    &w, kept[i], json_text(json_get(t->signed_row, kept[i])));
	json_write_str(&w, "url", url);
	json_write_str(&w, "address", t->result.address);
	json_write_int(&w, "status", t->result.status);
	json_write_int(&w, "took_ms", t->result.took_us / 1000);
	json_write_bytes(
	    &w, "reply", span_of(t->result.excerpt, t->result.excerpt_len));
	json_write_close(&w);
	return json_write_done(&w);
}

static int
tell(struct test *t, const char *url, struct err *err)
{
	static const struct field fields[] = {
		{ "endpoint", "endpoint", FIELD_PLAIN, NULL },
		{ "id", "id", FIELD_PLAIN, NULL },
		{ "type", "type", FIELD_PLAIN, NULL },
		{ "secret", "signed by", FIELD_PLAIN, NULL },
		{ "url", "url", FIELD_PLAIN, NULL },
		{ "address", "address", FIELD_PLAIN, NULL },
		{ "status", "status", FIELD_PLAIN, NULL },
		{ "took_ms", "took ms", FIELD_PLAIN, NULL },
		{ "reply", "reply", FIELD_EXCERPT, NULL },
	};
	struct buf text = BUF_INIT(PARTS_MAX);
	struct json *row = NULL;
	int ret = -1;

	if (put_result(t, url, &text, err) < 0)
		goto out;
	if (t->call.line->json) {
		fwrite(text.ptr, 1, text.len, stdout);
		putchar('\n');
	} else if (json_parse(buf_span(&text), &row, err) < 0 ||
		   fields_print(row, fields, NITEMS(fields), err) < 0)
		goto out;
	ret = t->result.status >= 200 && t->result.status < 300 ? 0 : 1;
out:
	json_free(row);
	buf_free(&text);
	return ret;
}

/* What an end without an answer is; all others are ERR_AWAY. */
static enum err_code code_of(enum outbound_class class)
{
	switch (class) {
	case OUTBOUND_USAGE:
		return ERR_USAGE;
	case OUTBOUND_TIMEOUT:
		return ERR_TIMEOUT;
	case OUTBOUND_FAULT:
		return ERR_NOMEM;
	case OUTBOUND_ANSWERED:
	case OUTBOUND_NAME:
	case OUTBOUND_CONNECT:
	case OUTBOUND_BLOCKED:
	case OUTBOUND_TLS:
	case OUTBOUND_PROTOCOL:
		break;
	}
	return ERR_AWAY;
}

static int
carry(struct test *t, const struct outbound_request *rq, struct err *err)
{
	struct outbound_result *r = &t->result;
	struct outbound *ob = NULL;
	int ret = -1;

	if (outbound_open(1, &ob, err) < 0 || outbound_start(ob, rq, err) < 0)
		goto out;
	while (!outbound_next(ob, r))
		if (outbound_poll(ob, NULL, 0, -1, err) < 0)
			goto out;
	if (r->class != OUTBOUND_ANSWERED)
		err_set(err, code_of(r->class), "post to %.200s: %s", rq->url,
		    r->words);
	else
		ret = 0;
out:
	outbound_close(ob);
	return ret;
}

static int
post(struct test *t, struct err *err)
{
	const struct command_line *line = t->call.line;
	const char *url = command_option(line, "url", 0);
	struct outbound_request rq = { .connect_ms = CONNECT_MS,
		.timeout_ms = TIMEOUT_MS };

	if (url == NULL)
		url = json_text(json_get(t->signed_row, "public_url"));
	if (url == NULL)
		return err_set(err, ERR_USAGE,
		    "endpoint \"%s\" has no public URL: give the one to post "
		    "to with --url, or set it with edit --public-url",
		    line->operands[0]);
	if (read_parts(t, err) < 0)
		return -1;
	rq.url = url;
	rq.ca_file = command_option(line, "ca-file", 0);
	rq.headers = buf_span(&t->headers);
	rq.body = buf_span(&t->body);
	if (rq.ca_file != NULL && access(rq.ca_file, R_OK) < 0)
		return err_set(
		    err, ERR_NOTFOUND, "%s cannot be read", rq.ca_file);
	if (carry(t, &rq, err) < 0)
		return -1;
	return tell(t, url, err);
}

int
endpoint_test(struct command_line *line, struct err *err)
{
	struct test t = { .headers = BUF_INIT(PARTS_MAX),
		.body = BUF_INIT(PARTS_MAX) };
	struct call *c = &t.call;
	int ret = -1;

	if (call_begin(c, line, "endpoint.test", err) < 0)
		goto out;
	json_write_bytes(&c->w, "endpoint", span_str(line->operands[0]));
	call_put_text(c, "type", "type");
	c->people = keep_row;
	c->arg = &t;
	c->scripts_too = true;
	if (call_send(c, err) == 0)
		ret = post(&t, err);
out:
	json_free(t.signed_row);
	buf_free(&t.headers);
	buf_free(&t.body);
	call_end(c);
	return ret;
}
