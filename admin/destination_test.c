/* destination_test.c: the verb test of eyelet-destination. */
#include "admin/destination_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "admin/output.h"
#include "lib/base/encode.h"
#include "lib/base/util.h"
#include "lib/base/version.h"
#include "lib/owner/owner.h"

#define PARTS_MAX (16 * 1024 * 1024) /* bytes: of headers, of a body */
#define CONTENT_TYPE "application/json"

struct test {
	struct call call;
	struct json *row; /* what the owner signed */
	struct destination_trial trial;
	struct destination_outcome outcome;
};

/* The owner's row, kept until it is sent. */
static int
keep_row(void *arg, const struct json *row, struct err *err)
{
	struct test *t = arg;

	(void)row;
	json_free(t->row);
	t->row = NULL;
	return json_parse(t->call.row_text, &t->row, err);
}

static int
read_parts(struct test *t, struct err *err)
{
	const struct json *h = json_first(json_get(t->row, "headers"));
	struct span b64 = span_str(json_text(json_get(t->row, "body_b64")));
	size_t room = encode_room(ENCODING_BASE64, b64.len), len;
	struct destination_trial *trial = &t->trial;
	int64_t timeout_s;
	unsigned char *at;

	trial->row = t->row;
	if (json_want_int(t->row, "timeout", &timeout_s, err) < 0)
		return -1;
	trial->timeout_ms = timeout_s * 1000;
	for (; h != NULL; h = json_next(h))
		if (buf_printf(&trial->headers, err, "%s\n", json_text(h)) < 0)
			return -1;
	if (buf_printf(&trial->headers, err,
		"Content-Type: " CONTENT_TYPE "\n"
		"User-Agent: eyelet/%s\nEyelet-Attempt: 1\n",
		version_release()) < 0 ||
	    buf_reserve(&trial->body, room, &at, err) < 0)
		return -1;
	if (!encode_read(ENCODING_BASE64, b64, at, room, &len))
		return err_set(err, ERR_INPUT, "the owner's body is no base64");
	trial->body.len += len;
	return 0;
}

/* What both scripts and people get. */
static int
put_result(const struct test *t, struct buf *out, struct err *err)
{
	static const char *const kept[] = { "destination", "id", "type",
		"secret", "url" };
	const struct destination_outcome *oc = &t->outcome;
	struct json_write w;
	size_t i;

	json_write_init(&w, out, err);
	json_write_object(&w, NULL);
	for (i = 0; i < NITEMS(kept); i++)
		json_write_str(
		    &w, kept[i], json_text(json_get(t->row, kept[i])));
	json_write_str(
	    &w, "command", json_text(json_first(json_get(t->row, "command"))));
	json_write_bool(&w, "taken", oc->taken);
	json_write_str(&w, "outcome", oc->how);
	if (oc->status < 0)
		json_write_null(&w, "status");
	else
		json_write_int(&w, "status", oc->status);
	json_write_int(&w, "took_ms", oc->took_us / 1000);
	json_write_str(
	    &w, "address", oc->address[0] == '\0' ? NULL : oc->address);
	json_write_str(&w, "words", oc->words[0] == '\0' ? NULL : oc->words);
	json_write_bytes(&w, "reply", span_of(oc->reply, oc->reply_len));
	json_write_bool(&w, "cut", oc->cut);
	json_write_close(&w);
	return json_write_done(&w);
}

static int
tell(const struct test *t, struct err *err)
{
	static const struct field fields[] = {
		{ "destination", "destination", FIELD_PLAIN, NULL },
		{ "id", "id", FIELD_PLAIN, NULL },
		{ "type", "type", FIELD_PLAIN, NULL },
		{ "secret", "signed by", FIELD_PLAIN, NULL },
		{ "url", "url", FIELD_PLAIN, NULL },
		{ "command", "command", FIELD_PLAIN, NULL },
		{ "address", "address", FIELD_PLAIN, NULL },
		{ "outcome", "outcome", FIELD_PLAIN, NULL },
		{ "status", "status", FIELD_PLAIN, NULL },
		{ "words", "because", FIELD_PLAIN, NULL },
		{ "took_ms", "took ms", FIELD_PLAIN, NULL },
		{ "reply", "reply", FIELD_EXCERPT, NULL },
	};
	struct buf text = BUF_INIT(PARTS_MAX);
	struct json *row = NULL;
	int ret = -1;

	if (put_result(t, &text, err) < 0)
		goto out;
	if (t->call.line->json) {
		fwrite(text.ptr, 1, text.len, stdout);
		putchar('\n');
	} else if (json_parse(buf_span(&text), &row, err) < 0 ||
		   fields_print(row, fields, NITEMS(fields), err) < 0) {
		goto out;
	}
	ret = t->outcome.taken ? 0 : 1;
out:
	json_free(row);
	buf_free(&text);
	return ret;
}

/* As the user that delivers, who reads the same files. */
static int
send_it(struct test *t, struct err *err)
{
	bool runs = json_first(json_get(t->row, "command")) != NULL;

	t->outcome.status = -1;
	if (read_parts(t, err) < 0 ||
	    owner_become_user(t->call.conf.store, err) < 0)
		return -1;
	if ((runs ? destination_run : destination_post)(
		&t->trial, &t->outcome, err) < 0)
		return -1;
	return tell(t, err);
}

int
destination_test(struct command_line *line, struct err *err)
{
	struct test t = { .trial = { .headers = BUF_INIT(PARTS_MAX),
			      .body = BUF_INIT(PARTS_MAX) } };
	struct call *c = &t.call;
	int ret = -1;

	if (call_begin(c, line, "destination.test", err) < 0)
		goto out;
	json_write_bytes(&c->w, "destination", span_str(line->operands[0]));
	call_put_text(c, "type", "type");
	c->people = keep_row;
	c->arg = &t;
	c->scripts_too = true;
	if (call_send(c, err) == 0)
		ret = send_it(&t, err);
out:
	json_free(t.row);
	buf_wipe(&t.trial.headers);
	buf_free(&t.trial.body);
	call_end(c);
	return ret;
}
