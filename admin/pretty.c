/* pretty.c: indents JSON without reading its values. */
#include "admin/pretty.h"

#include "lib/base/text.h"
#include "lib/json/scan.h"

static int
put_break(struct buf *out, int level, struct err *err)
{
	if (buf_putc(out, '\n', err) < 0)
		return -1;
	while (level-- > 0)
		if (buf_puts(out, "  ", err) < 0)
			return -1;
	return 0;
}

/* The string that begins at from, with its quotes. */
static struct span
string_at(struct span text, size_t from)
{
	const char *p = text.ptr;
	size_t i = from + 1;

	while (i < text.len && p[i] != '"')
		i += p[i] == '\\' ? 2 : 1;
	return span_of(p + from, (i < text.len ? i + 1 : text.len) - from);
}

/*
 * What stands in a string may be hostile to a terminal, so it is escaped
 * anew. A string that has no plain value (a NUL in it) is made inert as text.
 */
static int
put_string(struct buf *out, struct span raw, struct err *err)
{
	struct buf value = BUF_INIT(raw.len + 1);
	struct err why = ERR_INIT;
	int ret;

	if (json_scalar(raw, &value, &why) == 0)
		ret = text_put_json(out, buf_span(&value), err);
	else
		ret = text_put_shown(out, raw, err);
	buf_free(&value);
	return ret;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The first byte at or behind i that is no blank; 0 at the end. */
static char
byte_behind(struct span text, size_t i)
{
	const char *p = text.ptr;

	while (i < text.len && is_blank(p[i]))
		i++;
	return i < text.len ? p[i] : '\0';
}

static int
put_json(struct buf *out, struct span text, struct err *err)
{
	const char *p = text.ptr;
	struct span string;
	size_t i;
	int level = 0;
	char close;

	for (i = 0; i < text.len; i++) {
		if (is_blank(p[i]))
			continue;
		if (p[i] == '"') {
			string = string_at(text, i);
			if (put_string(out, string, err) < 0)
				return -1;
			i += string.len - 1;
			continue;
		}
		if ((p[i] == '}' || p[i] == ']') &&
		    put_break(out, --level, err) < 0)
			return -1;
		if (buf_putc(out, (unsigned char)p[i], err) < 0)
			return -1;
		if (p[i] == ':' && buf_putc(out, ' ', err) < 0)
			return -1;
		if (p[i] == ',' && put_break(out, level, err) < 0)
			return -1;
		if (p[i] != '{' && p[i] != '[')
			continue;
		close = byte_behind(text, i + 1);
		if (close != '}' && close != ']') {
			if (put_break(out, ++level, err) < 0)
				return -1;
			continue;
		}
		/* Empty ones stay in their line. */
		if (buf_putc(out, (unsigned char)close, err) < 0)
			return -1;
		while (p[i] != close)
			i++;
	}
	return buf_putc(out, '\n', err);
}

static int
put_lines(struct buf *out, struct span text, struct err *err)
{
	struct span line;

	while (text.len > 0) {
		line = span_of(text.ptr, span_find(text, '\n'));
		text = span_skip(text, line.len + 1);
		if (line.len > 0 &&
		    ((const char *)line.ptr)[line.len - 1] == '\r')
			line.len--;
		if (text_put_shown(out, line, err) < 0 ||
		    buf_putc(out, '\n', err) < 0)
			return -1;
	}
	return 0;
}

int
pretty_put(struct span body, struct buf *out, bool *is_text, struct err *err)
{
	struct err why = ERR_INIT;

	*is_text = text_is_utf8(body);
	if (!*is_text)
		return 0;
	if (json_scan(body, &why) == 0)
		return put_json(out, body, err);
	return put_lines(out, body, err);
}
