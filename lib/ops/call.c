/* call.c: the members of a call, its rows, its change. */
#include "lib/ops/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/encode.h"

/* --- members -------------------------------------------------------------- */

const char *
op_text(const struct op_call *call, const char *name)
{
	return json_text(json_get(call->in, name));
}

bool
op_flag(const struct op_call *call, const char *name)
{
	return json_true(json_get(call->in, name));
}

int
op_int(const struct op_call *call, const char *name, int64_t none, int64_t min,
    int64_t max, int64_t *out, struct err *err)
{
	const struct json *value = json_get(call->in, name);
	int64_t v;

	if (value == NULL) {
		*out = none;
		return 0;
	}
	if (json_int(value, &v, err) < 0 || v < min || v > max)
		return err_set(err, ERR_USAGE,
		    "%s: \"%s\" must be a whole number from %lld to %lld",
		    call->name, name, (long long)min, (long long)max);
	*out = v;
	return 0;
}

int
op_bytes(const struct op_call *call, const char *name, struct buf *out,
    struct err *err)
{
	struct span text = span_str(op_text(call, name));
	struct buf bytes = BUF_INIT(OPS_CALL_MAX);
	unsigned char *at;
	size_t room = encode_room(ENCODING_BASE64, text.len), len;
	int ret = -1;

	if (text.len == 0)
		return 0;
	if (buf_reserve(&bytes, room, &at, err) < 0)
		goto out;
	if (!encode_read(ENCODING_BASE64, text, at, room, &len))
		err_set(err, ERR_USAGE, "%s: \"%s\" must be base64", call->name,
		    name);
	else if (len > out->max - out->len)
		err_set(err, ERR_INPUT,
		    "%s: %zu bytes, at most %zu are allowed", name, len,
		    out->max - out->len);
	else
		ret = buf_put(out, at, len, err);
out:
	buf_wipe(&bytes);
	return ret;
}

int
op_check_generation(const struct op_call *call, const char *thing,
    const char *name, uint64_t generation, struct err *err)
{
	int64_t want;

	if (op_int(call, "if_gen", -1, 0, JSON_INT_MAX, &want, err) < 0)
		return -1;
	if (want < 0 || (uint64_t)want == generation)
		return 0;
	return err_set(err, ERR_CONFLICT,
	    "%s \"%s\" is at generation %llu, not %lld: somebody changed it "
	    "since you looked",
	    thing, name, (unsigned long long)generation, (long long)want);
}

/* --- rows ----------------------------------------------------------------- */

int
op_emit(const struct op_call *call, struct json_write *w, struct buf *row,
    struct err *err)
{
	int ret = json_write_done(w);

	if (ret == 0)
		ret = call->row(call->arg, buf_span(row), err);
	buf_clear(row);
	return ret;
}

int
op_put_note(const struct op_call *call, const char *name, const char *text,
    struct err *err)
{
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	struct json_write w;
	int ret;

	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, name, text);
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
	buf_free(&row);
	return ret;
}

void
op_warn(struct op_warnings *ws, const char *fmt, ...)
{
	va_list ap;

	if (ws->n == OPS_WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(ws->text[ws->n++], sizeof(ws->text[0]), fmt, ap);
	va_end(ap);
}

void
op_write_warnings(struct json_write *w, const struct op_warnings *ws)
{
	size_t i;

	json_write_array(w, "warnings");
	for (i = 0; i < ws->n; i++)
		json_write_str(w, NULL, ws->text[i]);
	json_write_close(w);
}

/* --- changes -------------------------------------------------------------- */

int
op_change(const struct op_call *call,
    int (*change)(
	struct store_tx *tx, void *arg, struct buf *result, struct err *err),
    void *arg, struct err *err)
{
	struct buf result = BUF_INIT(OPS_RESULT_MAX);
	int ret;

	ret = store_change(call->ops->store, &call->peer->actor,
	    call->request_id, change, arg, &result, err);
	if (ret == 0)
		ret = call->row(call->arg, buf_span(&result), err);
	buf_wipe(&result); /* it may show a new secret */
	return ret;
}
