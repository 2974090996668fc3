/* endpoint_explain.c: asks the owner why a saved request is refused. */
#include "admin/endpoint_explain.h"

#include <stdio.h>
#include <string.h>

#include "admin/call.h"
#include "admin/explained.h"
#include "admin/input.h"
#include "admin/output.h"
#include "lib/http/captured.h"

/* What the answer is used for. */
struct asking {
	const struct call *call;
	int status;
};

static int
take_row(void *arg, const struct json *row, struct err *err)
{
	struct asking *asking = arg;

	(void)err;
	asking->status = explained_status(row);
	if (asking->call->line->json)
		printf("%.*s\n", (int)asking->call->row_text.len,
		    (const char *)asking->call->row_text.ptr);
	else
		explained_print(row);
	return 0;
}

/* --body-file: the body, where the text shows none. */
static int
read_body_file(
    const struct command_line *line, struct buf *body, struct err *err)
{
	const char *path = command_option(line, "body-file", 0);

	return path == NULL ? 0 : input_read(path, path, body, err);
}

static void
tell_length(const struct command_line *line, const struct captured *got)
{
	if (got->longer)
		note(line->program->name,
		    "what stands behind the %zu bytes that Content-Length "
		    "says is left out",
		    got->body.len);
	if (got->shorter)
		note(line->program->name,
		    "warning: the body here has %zu bytes, fewer than "
		    "Content-Length says; --body-file can bring it (curl -v "
		    "shows none)",
		    got->body.len);
}

static void
put_request(struct call *c, const struct captured *got, struct span body)
{
	size_t i;

	json_write_bytes(&c->w, "method", got->method);
	json_write_bytes(&c->w, "path", got->path);
	json_write_bytes(&c->w, "query", got->query);
	json_write_array(&c->w, "headers");
	for (i = 0; i < got->nheaders; i++) {
		json_write_object(&c->w, NULL);
		json_write_bytes(&c->w, "name", got->headers[i].name);
		json_write_bytes(&c->w, "value", got->headers[i].value);
		json_write_close(&c->w);
	}
	json_write_close(&c->w);
	json_write_base64(&c->w, "body_b64", body);
}

int
endpoint_explain(struct command_line *line, struct err *err)
{
	struct buf text = BUF_INIT(CAPTURED_MAX), body = BUF_INIT(CAPTURED_MAX);
	struct captured got = { .nheaders = 0 };
	struct call c;
	struct asking asking = { &c, 1 };
	const char *secret = command_option(line, "secret-file", 0);
	int ret = -1;

	if (call_begin(&c, line, "endpoint.explain", err) < 0)
		goto out;
	if (secret != NULL && strcmp(secret, "-") == 0) {
		err_set(err, ERR_USAGE,
		    "--secret-file: stdin is the request; give a file");
		goto out;
	}
	json_write_bytes(&c.w, "endpoint", span_str(line->operands[0]));
	if (input_read("-", "stdin", &text, err) < 0 ||
	    captured_read(buf_span(&text), &got, err) < 0 ||
	    read_body_file(line, &body, err) < 0)
		goto out;
	if (!command_has(line, "body-file"))
		tell_length(line, &got);
	put_request(&c, &got,
	    command_has(line, "body-file") ? buf_span(&body) : got.body);
	if (call_put_secret(&c, err) < 0 ||
	    call_put_time(&c, "at", "at_ms", err) < 0)
		goto out;
	c.people = take_row;
	c.scripts_too = true;
	c.arg = &asking;
	if (call_send(&c, err) == 0)
		ret = asking.status;
out:
	call_end(&c);
	captured_free(&got);
	buf_wipe(&text);
	buf_wipe(&body);
	return ret;
}
