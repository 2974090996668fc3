/* event_publish.c: an event of the site's own, into the log. */
#include "admin/event.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/input.h"
#include "admin/output.h"
#include "lib/base/util.h"

static int
put_data(struct call *c, struct err *err)
{
	const char *data = command_option(c->line, "data", 0);
	struct buf bytes = BUF_INIT(STORE_BODY_MAX);
	int ret = -1;

	if (data != NULL && (data[0] != '@' || data[1] == '\0'))
		return err_set(
		    err, ERR_USAGE, "--data takes @FILE, or @- for stdin");
	if (data == NULL && isatty(STDIN_FILENO))
		note(c->line->program->name,
		    "reads the data from this terminal until Ctrl-D");
	if (data == NULL || strcmp(data, "@-") == 0)
		ret = input_read("-", "stdin", &bytes, err);
	else
		ret = input_read(data + 1, data + 1, &bytes, err);
	if (ret == 0)
		json_write_base64(&c->w, "data_b64", buf_span(&bytes));
	buf_free(&bytes);
	return ret;
}

static int
show_published(void *arg, const struct json *row, struct err *err)
{
	static const struct field fields[] = {
		{ "endpoint", "endpoint", FIELD_PLAIN, NULL },
		{ "id", "id", FIELD_PLAIN, NULL },
		{ "type", "type", FIELD_PLAIN, "-" },
		{ "outcome", "outcome", FIELD_PLAIN, NULL },
		{ "seq", "seq", FIELD_PLAIN, NULL },
		{ "status", "status", FIELD_PLAIN, NULL },
		{ "size", "size", FIELD_PLAIN, NULL },
	};

	(void)arg;
	return fields_print(row, fields, NITEMS(fields), err);
}

int
event_publish(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (call_begin(&c, line, "event.publish", err) < 0)
		goto out;
	if (!command_has(line, "endpoint")) {
		err_set(err, ERR_USAGE, "--endpoint NAME is missing");
		goto out;
	}
	call_put_text(&c, "endpoint", "endpoint");
	call_put_text(&c, "type", "type");
	call_put_text(&c, "id", "id");
	call_put_text(&c, "content-type", "content_type");
	call_put_flag(&c, "raw", "raw");
	if (put_data(&c, err) < 0)
		goto out;
	c.people = show_published;
	ret = call_send(&c, err);
out:
	call_end(&c);
	return ret;
}
