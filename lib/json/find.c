/*
 * find.c: finds the value at a pointer in a scanned JSON text, and says
 * what a scalar is worth. Trusts nothing: on a text that was never scanned it
 * stops at the end of the bytes.
 */
#include "lib/json/scan.h"

#include <string.h>

#include "lib/json/string.h"

/* Where the finder stands in the text. */
struct place {
	const unsigned char *at, *end;
};

static void
skip_blanks(struct place *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' ||
				     *p->at == '\r' || *p->at == '\t'))
		p->at++;
}

static bool
take(struct place *p, unsigned char c)
{
	skip_blanks(p);
	if (p->at == p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

/* Takes a string; *content is what stands between its quotes. */
static bool
take_string(struct place *p, struct span *content)
{
	const unsigned char *begin;

	if (!take(p, '"'))
		return false;
	begin = p->at;
	for (; p->at < p->end && *p->at != '"'; p->at++)
		if (*p->at == '\\' && ++p->at == p->end)
			return false;
	if (p->at == p->end)
		return false;
	*content = span_of(begin, (size_t)(p->at - begin));
	p->at++;
	return true;
}

static bool
ends_scalar(unsigned char c)
{
	return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n' ||
	       c == '\r' || c == '\t';
}

/* Takes any value whole. */
static bool
take_value(struct place *p)
{
	struct span ignored;
	size_t depth = 0;

	skip_blanks(p);
	do {
		if (p->at == p->end)
			return false;
		if (*p->at == '"') {
			if (!take_string(p, &ignored))
				return false;
			continue;
		}
		if (*p->at == '{' || *p->at == '[')
			depth++;
		else if (depth > 0 && (*p->at == '}' || *p->at == ']'))
			depth--;
		else if (depth == 0) {
			while (p->at < p->end && !ends_scalar(*p->at))
				p->at++;
			return true;
		}
		p->at++;
	} while (depth > 0);
	return true;
}

/* Is a key what a pointer's token names (RFC 6901: "~1" is "/", "~0" "~")? */
static bool
key_is(struct span key, struct span tok)
{
	const unsigned char *t = tok.ptr;
	struct json_chars it;
	size_t i;
	int c;

	json_chars_init(&it, key);
	for (i = 0; i < tok.len; i++) {
		c = t[i];
		if (c == '~' && i + 1 < tok.len)
			c = t[++i] == '1' ? '/' : '~';
		if (json_chars_next(&it) != c)
			return false;
	}
	return json_chars_next(&it) < 0;
}

/* Stands at the value of the member that tok names, or returns false. */
static bool
enter_object(struct place *p, struct span tok)
{
	struct span key;

	do {
		if (!take_string(p, &key) || !take(p, ':'))
			return false;
		if (key_is(key, tok))
			return true;
		if (!take_value(p))
			return false;
	} while (take(p, ','));
	return false;
}

static bool
enter_array(struct place *p, struct span tok)
{
	const unsigned char *t = tok.ptr;
	size_t i, index = 0;

	if (tok.len == 0 || tok.len > 6 || (t[0] == '0' && tok.len > 1))
		return false; /* more digits than JSON_TOKENS_MAX has */
	for (i = 0; i < tok.len; i++) {
		if (t[i] < '0' || t[i] > '9')
			return false;
		index = index * 10 + (size_t)(t[i] - '0');
	}
	skip_blanks(p);
	if (p->at < p->end && *p->at == ']')
		return false;
	for (; index > 0; index--)
		if (!take_value(p) || !take(p, ','))
			return false;
	return true;
}

static enum json_kind
kind_of(unsigned char c)
{
	switch (c) {
	case 'n':
		return JSON_NULL;
	case 't':
	case 'f':
		return JSON_BOOL;
	case '"':
		return JSON_STRING;
	case '[':
		return JSON_ARRAY;
	case '{':
		return JSON_OBJECT;
	default:
		return c == '-' || (c >= '0' && c <= '9') ? JSON_NUMBER
							  : JSON_ABSENT;
	}
}

enum json_kind
json_find(struct span text, const char *pointer, struct span *raw)
{
	struct place p = { text.ptr, text.ptr };
	const unsigned char *begin;
	struct span tok;

	*raw = SPAN_EMPTY;
	if (text.len == 0)
		return JSON_ABSENT;
	p.end += text.len;
	while (*pointer == '/') {
		pointer++;
		tok = span_of(pointer, strcspn(pointer, "/"));
		pointer += tok.len;
		if (take(&p, '{')) {
			if (!enter_object(&p, tok))
				return JSON_ABSENT;
		} else if (!take(&p, '[') || !enter_array(&p, tok))
			return JSON_ABSENT;
	}
	skip_blanks(&p);
	begin = p.at;
	if (*pointer != '\0' || !take_value(&p))
		return JSON_ABSENT;
	*raw = span_of(begin, (size_t)(p.at - begin));
	return kind_of(*begin);
}

/* Calls visit with what stands in the array that begins at *p. */
static int
visit_elements(struct place *p, json_visit *visit, void *arg, struct err *err)
{
	const unsigned char *begin;
	int ret = 0;

	if (!take(p, '[') || take(p, ']'))
		return 0;
	do {
		skip_blanks(p);
		begin = p->at;
		if (!take_value(p))
			return 0;
		ret = visit(arg, span_of(begin, (size_t)(p->at - begin)), err);
	} while (ret == 0 && take(p, ','));
	return ret;
}

/* The rest of a pointer behind a "*", and the visitor to call there. */
struct walk {
	const char *rest;
	json_visit *visit;
	void *arg;
};

static int
walk_on(void *arg, struct span element, struct err *err)
{
	const struct walk *w = arg;

	return json_each(element, w->rest, w->visit, w->arg, err);
}

/* Where the first token "*" begins, or the end. */
static size_t
find_star(const char *pointer)
{
	size_t at = 0;

	while (pointer[at] == '/' &&
	       !(pointer[at + 1] == '*' &&
		   (pointer[at + 2] == '/' || pointer[at + 2] == '\0')))
		at += 1 + strcspn(pointer + at + 1, "/");
	return at;
}

int
json_each(struct span text, const char *pointer, json_visit *visit, void *arg,
    struct err *err)
{
	size_t len = find_star(pointer);
	struct walk w = { NULL, visit, arg };
	char head[JSON_POINTER_MAX + 1];
	enum json_kind kind;
	struct place p;
	struct span raw;

	if (len > JSON_POINTER_MAX)
		return 0;
	memcpy(head, pointer, len);
	head[len] = '\0';
	kind = json_find(text, head, &raw);
	if (kind == JSON_ABSENT || kind == JSON_NULL)
		return 0;
	p.at = raw.ptr;
	p.end = p.at + raw.len;
	if (pointer[len] == '/') {
		w.rest = pointer + len + 2; /* behind the star */
		return kind == JSON_ARRAY ? visit_elements(&p, walk_on, &w, err)
					  : 0;
	}
	if (kind == JSON_ARRAY)
		return visit_elements(&p, visit, arg, err);
	return visit(arg, raw, err);
}

int
json_scalar(struct span raw, struct buf *out, struct err *err)
{
	const unsigned char *p = raw.ptr;
	struct json_chars it;
	unsigned char *at;
	size_t n = 0;
	int c;

	if (raw.len == 0 || p[0] == '{' || p[0] == '[')
		return err_set(
		    err, ERR_INPUT, "an array or object where a value is due");
	if (p[0] != '"')
		return buf_put_span(out, raw, err);
	if (raw.len < 2)
		return err_set(err, ERR_INPUT, "not a JSON string");
	/* What a string stands for is never longer than the string. */
	if (buf_reserve(out, raw.len, &at, err) < 0)
		return -1;
	json_chars_init(&it, span_of(p + 1, raw.len - 2));
	while ((c = json_chars_next(&it)) > 0)
		at[n++] = (unsigned char)c;
	if (c == 0)
		return err_set(err, ERR_INPUT, "the string holds \\u0000");
	if (it.odd)
		return err_set(
		    err, ERR_INPUT, "the string holds a lone surrogate");
	out->len += n;
	return 0;
}
