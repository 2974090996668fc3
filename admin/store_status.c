/* store_status.c: eyelet-store status: who has the store, and how it is. */
#include "admin/store_status.h"

#include <stdio.h>

#include "admin/call.h"
#include "admin/output.h"
#include "lib/base/util.h"

static const struct field status_fields[] = {
	{ "owner", "owner", FIELD_PAIRS, NULL },
	{ "store", "store", FIELD_PLAIN, NULL },
	{ "healthy", "healthy", FIELD_PLAIN, NULL },
	{ "why_not", "because", FIELD_PLAIN, NULL },
	{ "copy", "copy", FIELD_PLAIN, NULL },
	{ "copy_why", "because", FIELD_PLAIN, NULL },
	{ "deliveries_held", "held", FIELD_PLAIN, NULL },
	{ "deliverer", "deliverer", FIELD_PAIRS, NULL },
	{ "undelivered_why", "because", FIELD_PLAIN, NULL },
	{ "oldest_waiting", "waits", FIELD_PAIRS, NULL },
	{ "wall_clock", "clock", FIELD_PLAIN, NULL },
	{ "endpoints", "endpoints", FIELD_PLAIN, NULL },
	{ "secrets", "secrets", FIELD_PLAIN, NULL },
	{ "events", "events", FIELD_PLAIN, NULL },
	{ "segments", "segments", FIELD_PLAIN, NULL },
	{ "damaged", "damaged", FIELD_PLAIN, NULL },
	{ "lost", "events lost", FIELD_PLAIN, NULL },
	{ "incomplete", "incomplete", FIELD_LIST, NULL },
	{ "oldest_at", "oldest", FIELD_PLAIN, NULL },
	{ "newest_at", "newest", FIELD_PLAIN, NULL },
	{ "dedupe_keys", "ids known", FIELD_PLAIN, NULL },
	{ "horizon_s", "horizon", FIELD_DURATION, NULL },
	{ "horizon_now_s", "reaches", FIELD_DURATION, NULL },
	{ "bytes_events", "size events", FIELD_SIZE, NULL },
	{ "bytes_dedupe", "size ids", FIELD_SIZE, NULL },
	{ "bytes_log", "size log", FIELD_SIZE, NULL },
	{ "bytes_other", "size other", FIELD_SIZE, NULL },
	{ "bytes_free", "free", FIELD_SIZE, NULL },
	{ "bytes_floor", "floor", FIELD_SIZE, NULL },
	{ "opened_at", "opened", FIELD_PLAIN, NULL },
	{ "recovery_ms", "recovery ms", FIELD_PLAIN, NULL },
	{ "last_checkpoint_at", "checkpoint", FIELD_PLAIN, "none yet" },
	{ "last_flush_at", "flush", FIELD_PLAIN, "none yet" },
	{ "snapshot_at", "snapshot", FIELD_PLAIN, "none yet" },
	{ "held", "events held", FIELD_PAIRS, NULL },
	{ "quarantine", "quarantine", FIELD_PAIRS, NULL },
	{ "unknown_paths", "unknown paths", FIELD_PLAIN, NULL },
	{ "unknown_since", "since", FIELD_PLAIN, NULL },
};

static const struct table_column unknown_columns[] = {
	{ "LAST", false, "last_at" },
	{ "TIMES", true, "count" },
	{ "FROM", false, "address" },
	{ "METHOD", false, "method" },
	{ "PATH", false, "path" },
	{ "WHY", false, "why" },
};

static int
print_status(const struct json *row, struct err *err)
{
	if (fields_print(row, status_fields, NITEMS(status_fields), err) < 0)
		return -1;
	return table_print_rows("\n", unknown_columns, NITEMS(unknown_columns),
	    json_get(row, "last_unknown"), err);
}

/* The owner tells of the store; who it is, the connection knows. */
static int
add_owner(const struct call *c, struct buf *text, struct err *err)
{
	const struct owner_info *owner = client_owner(c->client);
	struct json_write w;

	json_write_init(&w, text, err);
	json_write_object(&w, NULL);
	json_write_object(&w, "owner");
	json_write_int(&w, "pid", owner->pid);
	json_write_str(&w, "role", owner_role_word(owner->role));
	json_write_bytes(&w, "version", span_str(owner->version));
	json_write_close(&w);
	json_write_close(&w);
	if (json_write_done(&w) < 0)
		return -1;
	text->ptr[text->len - 1] = ','; /* and the row without its "{" */
	return buf_put_span(text, span_skip(c->row_text, 1), err);
}

struct status {
	struct call call;
	bool healthy, held, undelivered;
};

static int
status_row(void *arg, const struct json *row, struct err *err)
{
	struct status *status = arg;
	const struct call *c = &status->call;
	struct buf text = BUF_INIT(CALL_MAX);
	struct json *whole = NULL;
	int ret = -1;

	status->healthy = json_true(json_get(row, "healthy")) &&
			  json_first(json_get(row, "incomplete")) == NULL;
	status->held = json_true(json_get(row, "deliveries_held"));
	status->undelivered = json_true(json_get(row, "undelivered"));
	if (add_owner(c, &text, err) < 0 ||
	    json_parse(buf_span(&text), &whole, err) < 0)
		goto out;
	ret = 0;
	if (c->line->json)
		printf("%.*s\n", (int)text.len, (const char *)text.ptr);
	else
		ret = print_status(whole, err);
out:
	json_free(whole);
	buf_free(&text);
	return ret;
}

/*
 * A verdict of 1 when the store is not healthy, or lacks a part, or its
 * deliveries are held, or none is made though events have waited for long.
 */
int
store_run_status(struct command_line *line, struct err *err)
{
	struct status status = { .held = false };
	int ret = -1;

	if (call_begin(&status.call, line, "store.status", err) == 0) {
		status.call.people = status_row;
		status.call.arg = &status;
		status.call.scripts_too = true;
		ret = call_send(&status.call, err);
	}
	fflush(stdout);
	if (ret == 0 && status.held)
		note(line->program->name,
		    "deliveries are held, as this store is a copy; where it "
		    "takes the place of the original: eyelet-store adopt");
	call_end(&status.call);
	if (ret < 0)
		return -1;
	return !status.healthy || status.held || status.undelivered;
}
