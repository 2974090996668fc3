/* style.c: writes JSON anew, byte by byte, in the manner of others. */
#include "lib/json/style.h"

#include "lib/base/util.h"
#include "lib/json/string.h"

enum letters {
	LETTERS_KEPT, /* strings as they stand */
	LETTERS_UTF8, /* only what must be escaped */
	LETTERS_ASCII /* \u above 0x7e */
};

struct json_style {
	const char *words;
	const char *comma, *colon;
	const char *indent; /* NULL: all in one line */
	enum letters letters;
	bool slash; /* "/" is written "\/" */
	bool html; /* <, > and & are written \u003c ... */
};

static const struct json_style styles[] = {
	{ "without its blanks", ",", ":", NULL, LETTERS_KEPT, false, false },
	{ "as JSON.stringify writes it", ",", ":", NULL, LETTERS_UTF8, false,
	    false },
	{ "as Python's json.dumps writes it", ", ", ": ", NULL, LETTERS_ASCII,
	    false, false },
	{ "as Python's json.dumps without ensure_ascii writes it", ", ", ": ",
	    NULL, LETTERS_UTF8, false, false },
	{ "as Python's json.dumps with compact separators writes it", ",", ":",
	    NULL, LETTERS_ASCII, false, false },
	{ "as PHP's json_encode writes it", ",", ":", NULL, LETTERS_ASCII, true,
	    false },
	{ "as Go's json.Marshal writes it", ",", ":", NULL, LETTERS_UTF8, false,
	    true },
	{ "indented by two blanks", ",", ": ", "  ", LETTERS_UTF8, false,
	    false },
	{ "indented by four blanks", ",", ": ", "    ", LETTERS_UTF8, false,
	    false },
	{ "indented by tabs", ",", ": ", "\t", LETTERS_UTF8, false, false },
};

const struct json_style *
json_style_at(size_t i)
{
	return i < NITEMS(styles) ? &styles[i] : NULL;
}

const char *
json_style_words(const struct json_style *style)
{
	return style->words;
}

struct writer {
	const struct json_style *style;
	struct buf *out;
	struct err *err;
	unsigned depth;
};

/* --- strings -------------------------------------------------------------- */

static int
put_unicode(struct writer *w, unsigned long c)
{
	if (c < 0x10000)
		return buf_printf(w->out, w->err, "\\u%04lx", c);
	c -= 0x10000;
	return buf_printf(w->out, w->err, "\\u%04lx\\u%04lx",
	    0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

static int
put_ascii(struct writer *w, int c)
{
	static const struct {
		int c;
		const char *escape;
	} escapes[] = { { '"', "\\\"" }, { '\\', "\\\\" }, { '\n', "\\n" },
		{ '\r', "\\r" }, { '\t', "\\t" }, { '\b', "\\b" },
		{ '\f', "\\f" } };
	size_t i;

	for (i = 0; i < NITEMS(escapes); i++)
		if (escapes[i].c == c)
			return buf_puts(w->out, escapes[i].escape, w->err);
	if (c == '/' && w->style->slash)
		return buf_puts(w->out, "\\/", w->err);
	if (c < 0x20 || (w->style->html && (c == '<' || c == '>' || c == '&')))
		return put_unicode(w, (unsigned long)c);
	return buf_putc(w->out, (unsigned char)c, w->err);
}

/* The bytes behind the first one of a character; they are UTF-8. */
static int
put_wide(struct writer *w, int first, struct json_chars *it)
{
	int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1, c;
	unsigned long code = (unsigned long)first & (0x3fUL >> more);

	if (w->style->letters != LETTERS_ASCII &&
	    buf_putc(w->out, (unsigned char)first, w->err) < 0)
		return -1;
	for (; more > 0 && (c = json_chars_next(it)) >= 0; more--) {
		code = code << 6 | ((unsigned long)c & 0x3f);
		if (w->style->letters != LETTERS_ASCII &&
		    buf_putc(w->out, (unsigned char)c, w->err) < 0)
			return -1;
	}
	return w->style->letters == LETTERS_ASCII ? put_unicode(w, code) : 0;
}

static int
put_string(struct writer *w, struct span content)
{
	struct json_chars it;
	int c;

	if (buf_putc(w->out, '"', w->err) < 0)
		return -1;
	if (w->style->letters == LETTERS_KEPT) {
		if (buf_put_span(w->out, content, w->err) < 0)
			return -1;
		return buf_putc(w->out, '"', w->err);
	}
	json_chars_init(&it, content);
	while ((c = json_chars_next(&it)) >= 0)
		if ((c < 0x80 ? put_ascii(w, c) : put_wide(w, c, &it)) < 0)
			return -1;
	return buf_putc(w->out, '"', w->err);
}

/* --- what stands around them ---------------------------------------------- */

static int
new_line(struct writer *w)
{
	unsigned i;

	if (w->style->indent == NULL)
		return 0;
	if (buf_putc(w->out, '\n', w->err) < 0)
		return -1;
	for (i = 0; i < w->depth; i++)
		if (buf_puts(w->out, w->style->indent, w->err) < 0)
			return -1;
	return 0;
}

/* The length of the string's content that begins at p. */
static size_t
string_length(const unsigned char *p, const unsigned char *end)
{
	const unsigned char *at = p;

	while (at < end && *at != '"')
		at += *at == '\\' && end - at > 1 ? 2 : 1;
	return (size_t)(at - p);
}

static bool
is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int
put_open(struct writer *w, unsigned char c, const unsigned char **p,
    const unsigned char *end)
{
	const unsigned char *next = *p;

	while (next < end && is_blank(*next))
		next++;
	if (buf_putc(w->out, c, w->err) < 0)
		return -1;
	if (next < end && (*next == '}' || *next == ']')) {
		*p = next + 1; /* an empty one stays together */
		return buf_putc(w->out, *next, w->err);
	}
	w->depth++;
	return new_line(w);
}

int
json_style_put(const struct json_style *style, struct span text,
    struct buf *out, struct err *err)
{
	struct writer w = { style, out, err, 0 };
	const unsigned char *p = text.ptr, *end = p + text.len;
	unsigned char c;
	size_t len;
	int ret = 0;

	while (p < end && ret == 0) {
		c = *p++;
		if (is_blank(c))
			continue;
		if (c == '"') {
			len = string_length(p, end);
			ret = put_string(&w, span_of(p, len));
			p += p + len < end ? len + 1 : len;
		} else if (c == '{' || c == '[') {
			ret = put_open(&w, c, &p, end);
		} else if (c == '}' || c == ']') {
			w.depth -= w.depth > 0;
			ret = new_line(&w) < 0 ? -1 : buf_putc(out, c, err);
		} else if (c == ',') {
			ret = buf_puts(out, style->comma, err) < 0
				  ? -1
				  : new_line(&w);
		} else if (c == ':') {
			ret = buf_puts(out, style->colon, err);
		} else {
			ret = buf_putc(out, c, err);
		}
	}
	return ret;
}
