/* multipart.c: reads the parts of a form. */
#include "lib/http/multipart.h"

#include <string.h>

#define DELIMITER_MAX (4 + MULTIPART_BOUNDARY_MAX) /* CRLF, "--", boundary */

/* --- parameters of a header ("; name=value") ----------------------------- */

static bool
is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9110 section 5.6.2. */
static bool
is_token_byte(unsigned char c)
{
	return c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

static void
skip_blanks(struct span *s)
{
	while (s->len > 0 && is_blank(*(const unsigned char *)s->ptr))
		*s = span_skip(*s, 1);
}

static struct span
take_token(struct span *s)
{
	const unsigned char *p = s->ptr;
	struct span token;
	size_t n = 0;

	while (n < s->len && is_token_byte(p[n]))
		n++;
	token = span_of(s->ptr, n);
	*s = span_skip(*s, n);
	return token;
}

/* The text between quotes, still with its escapes. */
static bool
take_quoted(struct span *s, struct span *out)
{
	const unsigned char *p = s->ptr;
	size_t i;

	for (i = 1; i < s->len && p[i] != '"'; i++)
		if (p[i] == '\\')
			i++;
	if (i >= s->len)
		return false;
	*out = span_of(p + 1, i - 1);
	*s = span_skip(*s, i + 1);
	return true;
}

/* A parameter of a header, and whether its value is quoted. */
struct parameter {
	struct span name, value;
	bool quoted;
};

/* The next "; name=value": 1; 0 at the end; -1: broken. */
static int
next_parameter(struct span *s, struct parameter *out)
{
	skip_blanks(s);
	while (span_starts(*s, ";")) {
		*s = span_skip(*s, 1);
		skip_blanks(s);
	}
	if (s->len == 0)
		return 0;
	out->name = take_token(s);
	if (out->name.len == 0 || !span_starts(*s, "="))
		return -1;
	*s = span_skip(*s, 1);
	out->quoted = span_starts(*s, "\"");
	if (out->quoted) {
		if (!take_quoted(s, &out->value))
			return -1;
	} else {
		out->value = take_token(s);
	}
	skip_blanks(s);
	return s->len == 0 || span_starts(*s, ";") ? 1 : -1;
}

/* --- the boundary -------------------------------------------------------- */

/* RFC 2046 section 5.1.1; never a blank at the end. */
static bool
is_boundary(struct span s)
{
	static const char others[] = "'()+_,-./:=? ";
	const char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!((p[i] >= '0' && p[i] <= '9') ||
			(p[i] >= 'a' && p[i] <= 'z') ||
			(p[i] >= 'A' && p[i] <= 'Z') ||
			(p[i] != '\0' && strchr(others, p[i]) != NULL)))
			return false;
	return s.len > 0 && s.len <= MULTIPART_BOUNDARY_MAX &&
	       p[s.len - 1] != ' ';
}

enum multipart_type
multipart_type(struct span content_type, struct span *boundary)
{
	struct span rest = content_type, kind, sub;
	struct parameter p;
	int got;

	*boundary = SPAN_EMPTY;
	skip_blanks(&rest);
	kind = take_token(&rest);
	if (!span_is_nocase(kind, "multipart"))
		return MULTIPART_NONE;
	if (!span_starts(rest, "/"))
		return MULTIPART_BROKEN;
	rest = span_skip(rest, 1);
	sub = take_token(&rest);
	while ((got = next_parameter(&rest, &p)) > 0) {
		if (!span_is_nocase(p.name, "boundary"))
			continue;
		if (boundary->len > 0 || !is_boundary(p.value))
			return MULTIPART_BROKEN;
		*boundary = p.value;
	}
	return got == 0 && boundary->len > 0 && span_is_nocase(sub, "form-data")
		   ? MULTIPART_FORM
		   : MULTIPART_BROKEN;
}

/* --- the lines above a part ---------------------------------------------- */

/* Of the part at hand. */
struct part {
	bool is_form_data, has_name, is_file, is_encoded;
	struct span name; /* with its escapes where it was quoted */
	bool quoted;
};

/*
 * Is the name of a part this one? Quotes are escaped by a backslash (RFC 2183)
 * or as %22, as browsers do; so are line ends, which no name of ours has.
 */
static bool
is_named(const struct part *part, const char *name, enum form_case how)
{
	const unsigned char *p = part->name.ptr;
	struct span plain;
	unsigned char text[256];
	size_t i, n = 0;

	if (!part->quoted)
		return how == FORM_EXACT ? span_is(part->name, name)
					 : span_is_nocase(part->name, name);
	for (i = 0; i < part->name.len; i++) {
		if (n == sizeof(text))
			return false;
		if (p[i] == '\\' && i + 1 < part->name.len &&
		    (p[i + 1] == '"' || p[i + 1] == '\\')) {
			text[n++] = p[++i];
		} else if (span_starts(span_skip(part->name, i), "%22")) {
			text[n++] = '"';
			i += 2;
		} else {
			text[n++] = p[i];
		}
	}
	plain = span_of(text, n);
	return how == FORM_EXACT ? span_is(plain, name)
				 : span_is_nocase(plain, name);
}

/* "form-data; name=\"a\"; filename=\"b\"" */
static bool
read_disposition(struct span value, struct part *part)
{
	struct parameter p;
	int got;

	if (part->is_form_data ||
	    !span_is_nocase(take_token(&value), "form-data"))
		return false;
	part->is_form_data = true;
	while ((got = next_parameter(&value, &p)) > 0) {
		if (span_is_nocase(p.name, "name")) {
			if (part->has_name)
				return false;
			part->has_name = true;
			part->name = p.value;
			part->quoted = p.quoted;
		} else if (span_is_nocase(p.name, "filename") ||
			   span_is_nocase(p.name, "filename*")) {
			part->is_file = true;
		}
	}
	return got == 0;
}

static bool
read_line(struct span line, struct part *part)
{
	size_t colon = span_find(line, ':');
	struct span name = span_of(line.ptr, colon);
	struct span value = span_trim(span_skip(line, colon + 1));

	/* A line that goes on in the next one (obsolete) is not read. */
	if (colon == 0 || colon == line.len ||
	    is_blank(*(const unsigned char *)line.ptr) ||
	    span_find(line, '\n') < line.len ||
	    span_find(line, '\0') < line.len)
		return false;
	if (span_is_nocase(name, "content-disposition"))
		return read_disposition(value, part);
	if (span_is_nocase(name, "content-transfer-encoding"))
		part->is_encoded = !span_is_nocase(value, "binary") &&
				   !span_is_nocase(value, "8bit") &&
				   !span_is_nocase(value, "7bit");
	return true;
}

/* --- the parts ----------------------------------------------------------- */

struct reader {
	struct span rest;
	unsigned char delimiter[DELIMITER_MAX];
	size_t len; /* of the delimiter */
};

/* The part of text before s. */
static struct span
before(struct span text, struct span s)
{
	return span_of(text.ptr, (size_t)((const unsigned char *)s.ptr -
					  (const unsigned char *)text.ptr));
}

static struct span
find(struct span text, const void *what, size_t len)
{
	const unsigned char *at =
	    text.len < len ? NULL : memmem(text.ptr, text.len, what, len);

	return at == NULL ? SPAN_EMPTY
			  : span_skip(text,
				(size_t)(at - (const unsigned char *)text.ptr));
}

/*
 * What follows the boundary on its line: 1 another part, 0 the end of the form,
 * -1: it is no delimiter, but content that begins as one does.
 */
static int
end_line(struct span *rest)
{
	struct span s = *rest;
	bool last = span_starts(s, "--");

	if (last)
		s = span_skip(s, 2);
	skip_blanks(&s);
	if (!span_starts(s, "\r\n"))
		return last && s.len == 0 ? 0 : -1;
	*rest = span_skip(s, 2);
	return last ? 0 : 1;
}

/*
 * Takes what stands before the next delimiter line, and that. As end_line; -1:
 * there is none.
 */
static int
take_content(struct reader *r, struct span *content)
{
	struct span from = r->rest, at, behind;
	int more;

	for (;;) {
		at = find(from, r->delimiter, r->len);
		if (at.len == 0)
			return -1;
		behind = span_skip(at, r->len);
		more = end_line(&behind);
		if (more >= 0)
			break;
		from = span_skip(at, 2); /* a delimiter begins with CRLF */
	}
	*content = before(r->rest, at);
	r->rest = behind;
	return more;
}

/* Reads the lines up to the empty one. */
static bool
take_head(struct reader *r, struct part *part)
{
	struct span from = r->rest, line, at;
	size_t used = 0;

	memset(part, 0, sizeof(*part));
	for (;;) {
		if (from.len > MULTIPART_HEAD_MAX - used)
			from.len = MULTIPART_HEAD_MAX - used;
		at = find(from, "\r\n", 2);
		if (at.len == 0)
			return false;
		line = before(from, at);
		used += line.len + 2;
		from = span_skip(r->rest, used);
		if (line.len == 0)
			break;
		if (!read_line(line, part))
			return false;
	}
	r->rest = from;
	return part->is_form_data && part->has_name;
}

/*
 * A delimiter begins with the end of the line before it; that of the first one
 * may be missing, where nothing stands before it.
 */
static int
take_first(struct reader *r)
{
	struct span first = span_of(r->delimiter + 2, r->len - 2), behind;
	struct span preamble;
	int more;

	if (r->rest.len >= first.len &&
	    memcmp(r->rest.ptr, first.ptr, first.len) == 0) {
		behind = span_skip(r->rest, first.len);
		more = end_line(&behind);
		if (more >= 0) {
			r->rest = behind;
			return more;
		}
	}
	return take_content(r, &preamble);
}

/*
 * A part may have no content at all (RFC 2046): the delimiter then begins with
 * the end of the empty line above.
 */
static int
take_part(struct reader *r, struct part *part, struct span *content)
{
	struct span edge, behind;
	int more;

	if (!take_head(r, part))
		return -1;
	if (r->rest.len + 2 >= r->len) {
		edge = span_of((const char *)r->rest.ptr - 2, r->rest.len + 2);
		behind = span_skip(edge, r->len);
		more = memcmp(edge.ptr, r->delimiter, r->len) == 0
			   ? end_line(&behind)
			   : -1;
		if (more >= 0) {
			*content = SPAN_EMPTY;
			r->rest = behind;
			return more;
		}
	}
	return take_content(r, content);
}

/* Up to the end of the form, whatever was found before. */
static enum form_answer
find_value(
    struct reader *r, const char *name, enum form_case how, struct span *value)
{
	enum form_answer answer = FORM_ABSENT;
	struct span content = SPAN_EMPTY;
	struct part part;
	size_t parts = 0;
	int more = take_first(r);

	while (more > 0) {
		if (++parts > MULTIPART_PARTS_MAX)
			return FORM_BROKEN;
		more = take_part(r, &part, &content);
		if (more < 0)
			return FORM_BROKEN;
		if (part.is_file || !is_named(&part, name, how))
			continue;
		if (part.is_encoded ||
		    (answer == FORM_FOUND && !span_eq(content, *value)))
			return FORM_BROKEN;
		*value = content;
		answer = FORM_FOUND;
	}
	return more < 0 ? FORM_BROKEN : answer;
}

enum form_answer
multipart_find(struct span body, struct span boundary, const char *name,
    enum form_case how, struct span *value)
{
	struct reader r = { .rest = body };
	enum form_answer answer = FORM_BROKEN;

	*value = SPAN_EMPTY;
	if (boundary.len == 0 || boundary.len > MULTIPART_BOUNDARY_MAX)
		return FORM_BROKEN;
	memcpy(r.delimiter, "\r\n--", 4);
	memcpy(r.delimiter + 4, boundary.ptr, boundary.len);
	r.len = 4 + boundary.len;
	answer = find_value(&r, name, how, value);
	if (answer != FORM_FOUND)
		*value = SPAN_EMPTY;
	return answer;
}
