/*
 * print.c: prints trees. cJSON's own printer keeps what it printed in
 * buffers that nobody wipes, and a tree may hold a secret.
 */
#include "lib/json/json.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/text.h"

static int
print_number(double d, struct buf *out, struct err *err)
{
	char text[32];

	if (d >= -(double)JSON_INT_MAX && d <= (double)JSON_INT_MAX &&
	    (double)(int64_t)d == d)
		return buf_printf(out, err, "%lld", (long long)d);
	snprintf(text, sizeof(text), "%.15g", d);
	if (strtod(text, NULL) != d) /* 17 digits tell any two apart */
		snprintf(text, sizeof(text), "%.17g", d);
	return buf_puts(out, text, err);
}

static int
print_inside(const struct json *j, struct buf *out, struct err *err)
{
	const struct json *item;

	for (item = json_first(j); item != NULL; item = json_next(item)) {
		if (json_kind(j) == JSON_OBJECT &&
		    (text_put_json(out, span_str(json_name(item)), err) < 0 ||
			buf_putc(out, ':', err) < 0))
			return -1;
		if (json_print(item, out, err) < 0 ||
		    (json_next(item) != NULL && buf_putc(out, ',', err) < 0))
			return -1;
	}
	return 0;
}

int
json_print(const struct json *j, struct buf *out, struct err *err)
{
	bool is_object = false;

	switch (json_kind(j)) {
	case JSON_OBJECT:
		is_object = true;
		/* fall through */
	case JSON_ARRAY:
		if (buf_putc(out, is_object ? '{' : '[', err) < 0 ||
		    print_inside(j, out, err) < 0)
			return -1;
		return buf_putc(out, is_object ? '}' : ']', err);
	case JSON_STRING:
		return text_put_json(out, span_str(json_text(j)), err);
	case JSON_NUMBER:
		return print_number(json_number(j), out, err);
	case JSON_BOOL:
		return buf_puts(out, json_true(j) ? "true" : "false", err);
	case JSON_NULL:
	case JSON_ABSENT:
		break;
	}
	return buf_puts(out, "null", err);
}
