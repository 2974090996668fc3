/* write.c: commas, quotes and escapes. */
#include "lib/json/write.h"

#include <assert.h>
#include <stdio.h>

#include "lib/base/encode.h"
#include "lib/base/text.h"

#define SAFE_FACTOR 4 /* a byte becomes at most "\xHH" */

void
json_write_init(struct json_write *w, struct buf *out, struct err *err)
{
	*w = (struct json_write){ .out = out, .err = err };
}

/* Goes on only while nothing failed. */
static void
put(struct json_write *w, const char *s)
{
	if (!w->failed && buf_puts(w->out, s, w->err) < 0)
		w->failed = true;
}

static void
put_string(struct json_write *w, struct span s)
{
	if (!w->failed && text_put_json(w->out, s, w->err) < 0)
		w->failed = true;
}

/* The comma and the name before a value. */
static void
begin(struct json_write *w, const char *name)
{
	if (w->depth == 0)
		return;
	if (w->open[w->depth - 1].more)
		put(w, ",");
	w->open[w->depth - 1].more = true;
	assert((name == NULL) == w->open[w->depth - 1].array);
	if (name != NULL) {
		put_string(w, span_str(name));
		put(w, ":");
	}
}

static void
open_one(struct json_write *w, const char *name, bool array)
{
	begin(w, name);
	put(w, array ? "[" : "{");
	assert(w->depth < JSON_WRITE_DEPTH);
	w->open[w->depth].array = array;
	w->open[w->depth].more = false;
	w->depth++;
}

void
json_write_object(struct json_write *w, const char *name)
{
	open_one(w, name, false);
}

void
json_write_array(struct json_write *w, const char *name)
{
	open_one(w, name, true);
}

void
json_write_close(struct json_write *w)
{
	assert(w->depth > 0);
	w->depth--;
	put(w, w->open[w->depth].array ? "]" : "}");
}

bool
json_write_is_text(struct span s)
{
	return span_find(s, '\0') == s.len && text_is_utf8(s);
}

void
json_write_bytes(struct json_write *w, const char *name, struct span s)
{
	struct buf safe = BUF_INIT(s.len * SAFE_FACTOR);
	char name_b64[64];

	if (w->failed)
		return;
	if (json_write_is_text(s)) {
		begin(w, name);
		put_string(w, s);
		return;
	}
	if (text_put_safe(&safe, s, w->err) < 0)
		w->failed = true;
	begin(w, name);
	put_string(w, buf_span(&safe));
	if (name != NULL) {
		snprintf(name_b64, sizeof(name_b64), "%s_b64", name);
		json_write_base64(w, name_b64, s);
	}
	buf_wipe(&safe);
}

void
json_write_base64(struct json_write *w, const char *name, struct span s)
{
	begin(w, name);
	put(w, "\"");
	if (!w->failed && encode_put(ENCODING_BASE64, s, w->out, w->err) < 0)
		w->failed = true;
	put(w, "\"");
}

void
json_write_str(struct json_write *w, const char *name, const char *s)
{
	begin(w, name);
	if (s == NULL)
		put(w, "null");
	else
		put_string(w, span_str(s));
}

void
json_write_int(struct json_write *w, const char *name, int64_t v)
{
	char text[32];

	begin(w, name);
	snprintf(text, sizeof(text), "%lld", (long long)v);
	put(w, text);
}

void
json_write_uint(struct json_write *w, const char *name, uint64_t v)
{
	char text[32];

	begin(w, name);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	put(w, text);
}

void
json_write_bool(struct json_write *w, const char *name, bool v)
{
	begin(w, name);
	put(w, v ? "true" : "false");
}

void
json_write_null(struct json_write *w, const char *name)
{
	begin(w, name);
	put(w, "null");
}

void
json_write_raw(struct json_write *w, const char *name, struct span json)
{
	begin(w, name);
	if (!w->failed && buf_put_span(w->out, json, w->err) < 0)
		w->failed = true;
}

void
json_write_time(struct json_write *w, const char *name, int64_t ms)
{
	char text[TEXT_TIME_MAX];

	text_time(text, ms);
	json_write_str(w, name, ms == 0 ? NULL : text);
}

void
json_write_secret_id(struct json_write *w, const char *name, uint64_t id)
{
	char text[32];

	snprintf(text, sizeof(text), "sec_%llu", (unsigned long long)id);
	json_write_str(w, name, id == 0 ? NULL : text);
}

int
json_write_done(struct json_write *w)
{
	assert(w->depth == 0);
	return w->failed ? -1 : 0;
}
