/* template.c: reads sources and templates. */
#include "lib/scheme/template.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/near.h"
#include "lib/base/util.h"

enum argument {
	ARG_NONE,
	ARG_HEADER,
	ARG_POINTER,
	ARG_NAME
};

static const struct {
	const char *word;
	enum piece_kind kind;
	enum argument arg;
	const char *broken; /* what else can be wrong with it but absence */
} words[] = {
	{ "body", PIECE_BODY, ARG_NONE, "is unusable" },
	{ "header", PIECE_HEADER, ARG_HEADER, "was sent more than once" },
	{ "item", PIECE_ITEM, ARG_NAME, "occurs more than once" },
	{ "json", PIECE_JSON, ARG_POINTER, "is no plain value" },
	{ "query", PIECE_QUERY, ARG_NAME,
	    "has two values, or the query is badly encoded" },
	{ "form", PIECE_FORM, ARG_NAME,
	    "has two values, or the form cannot be read" },
	{ "form*", PIECE_FORM_ALL, ARG_NONE, "is no well-formed form" },
	{ "param", PIECE_PARAM, ARG_NAME, "is unusable" },
	{ "method", PIECE_METHOD, ARG_NONE, "is unusable" },
	{ "url", PIECE_URL, ARG_NONE, "is unusable" },
	{ "key", PIECE_KEY, ARG_NONE, "is unusable" },
	{ "crc32", PIECE_CRC32, ARG_NONE, "is unusable" },
	{ "headers", PIECE_HEADERS, ARG_NAME,
	    "names a header that is absent or doubled" },
};

/* --- one source ---------------------------------------------------------- */

static int
unknown_word(struct span word, unsigned allowed, struct err *err)
{
	struct near near = NEAR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(words); i++)
		if ((allowed & PIECE_BIT(words[i].kind)) != 0)
			near_try(&near, word, words[i].word);
	return err_set(err, ERR_CONFIG, "\"%.*s\" is no source%s%s%s",
	    (int)word.len, (const char *)word.ptr,
	    near.word == NULL ? "" : "; was \"",
	    near.word == NULL ? "" : near.word,
	    near.word == NULL ? "" : "\" meant?");
}

/* RFC 9110 section 5.1: the letters of a header's name. */
static bool
is_token(struct span s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	const char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') ||
			(p[i] >= 'A' && p[i] <= 'Z') ||
			(p[i] >= '0' && p[i] <= '9') ||
			(p[i] != '\0' && strchr(others, p[i]) != NULL)))
			return false;
	return s.len > 0;
}

static bool
is_pointer(struct span s)
{
	const char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (p[i] == '~' &&
		    (i + 1 == s.len || (p[i + 1] != '0' && p[i + 1] != '1')))
			return false;
	return s.len > 0 && p[0] == '/';
}

static bool
has_control(struct span s)
{
	const unsigned char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (p[i] < 0x20 || p[i] == 0x7f)
			return true;
	return false;
}

/* Header names compare in lower case; ours are brought there once. */
static void
lower(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

/* A header's name in lower case, or NULL with err. */
static char *
header_name(const struct piece *p, struct span name, struct err *err)
{
	char *s = NULL;

	if (!is_token(name))
		err_set(err, ERR_CONFIG, "\"%s\" names no header", p->shown);
	else if ((s = span_dup(name, err)) != NULL)
		lower(s);
	return s;
}

static int
set_header(struct piece *p, struct span arg, unsigned allowed, struct err *err)
{
	const char *s = arg.ptr;
	size_t comma = span_find(arg, ',');
	struct span name = span_of(s, comma);

	p->numbered = arg.len > 2 && memcmp(s + arg.len - 2, "-*", 2) == 0;
	if (p->numbered) {
		if ((allowed & PIECE_NUMBERED) == 0)
			return err_set(err, ERR_CONFIG,
			    "\"%s\": numbered headers are for sig.from alone",
			    p->shown);
		name.len--;
	}
	p->name = span_dup(name, err);
	if (p->name == NULL)
		return -1;
	p->arg = header_name(p, name, err);
	if (p->arg == NULL || comma == arg.len)
		return p->arg == NULL ? -1 : 0;
	p->other = header_name(p, span_skip(arg, comma + 1), err);
	return p->other == NULL ? -1 : 0;
}

static int
set_argument(struct piece *p, enum argument kind, struct span arg, bool given,
    unsigned allowed, struct err *err)
{
	if (kind == ARG_NONE) {
		if (given)
			return err_set(err, ERR_CONFIG,
			    "\"%s\" takes nothing behind a colon", p->shown);
		p->arg = span_dup(SPAN_EMPTY, err);
		return p->arg == NULL ? -1 : 0;
	}
	if (arg.len == 0 || has_control(arg))
		return err_set(err, ERR_CONFIG,
		    "\"%s\" needs a name behind a colon", p->shown);
	if (kind == ARG_HEADER)
		return set_header(p, arg, allowed, err);
	if (kind == ARG_POINTER && !is_pointer(arg))
		return err_set(err, ERR_CONFIG,
		    "\"%s\" is no JSON pointer (RFC 6901): /member/0",
		    p->shown);
	p->arg = span_dup(arg, err);
	return p->arg == NULL ? -1 : 0;
}

/* "WHAT WHY" in memory of its own. */
static char *
sentence(const char *what, const char *why, struct err *err)
{
	size_t room = strlen(what) + strlen(why) + 2;
	char *s = malloc(room);

	if (s == NULL)
		err_set(err, ERR_NOMEM, "no memory for a template");
	else
		snprintf(s, room, "%s %s", what, why);
	return s;
}

static int
parse_source(
    struct span text, unsigned allowed, struct piece *p, struct err *err)
{
	size_t i, colon = span_find(text, ':');
	struct span word = span_of(text.ptr, colon);

	for (i = 0; i < NITEMS(words); i++)
		if (span_is(word, words[i].word))
			break;
	if (i == NITEMS(words))
		return unknown_word(word, allowed, err);
	p->kind = words[i].kind;
	p->shown = span_dup(text, err);
	if (p->shown == NULL)
		return -1;
	if ((allowed & PIECE_BIT(p->kind)) == 0)
		return err_set(
		    err, ERR_CONFIG, "\"%s\" cannot stand here", p->shown);
	if (set_argument(p, words[i].arg, span_skip(text, colon + 1),
		colon < text.len, allowed, err) < 0)
		return -1;
	p->absent = sentence(p->shown, "is absent or empty", err);
	p->broken = sentence(p->shown, words[i].broken, err);
	return p->absent == NULL || p->broken == NULL ? -1 : 0;
}

int
piece_parse(
    const char *text, unsigned allowed, struct piece *out, struct err *err)
{
	struct piece p;

	memset(&p, 0, sizeof(p));
	if (parse_source(span_str(text), allowed, &p, err) < 0) {
		piece_free(&p);
		return -1;
	}
	*out = p;
	return 0;
}

void
piece_free(struct piece *p)
{
	free(p->arg);
	free(p->other);
	free(p->name);
	free(p->shown);
	free(p->absent);
	free(p->broken);
	memset(p, 0, sizeof(*p));
}

bool
piece_same(const struct piece *a, const struct piece *b)
{
	if (a->kind != b->kind || strcmp(a->arg, b->arg) != 0)
		return false;
	if (a->other == NULL || b->other == NULL)
		return a->other == b->other;
	return strcmp(a->other, b->other) == 0;
}

/* --- a template ---------------------------------------------------------- */

/* Room for one piece more, all empty. */
static struct piece *
add_piece(struct template *t, struct err *err)
{
	struct piece *grown;

	if (t->n == TEMPLATE_PIECES_MAX) {
		err_set(err, ERR_CONFIG, "more than %d pieces",
		    TEMPLATE_PIECES_MAX);
		return NULL;
	}
	grown = realloc(t->pieces, (t->n + 1) * sizeof(*grown));
	if (grown == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a template");
		return NULL;
	}
	t->pieces = grown;
	memset(&grown[t->n], 0, sizeof(*grown));
	return &grown[t->n++];
}

static int
add_literal(
    struct template *t, struct span text, unsigned char group, struct err *err)
{
	struct piece *p;

	if (text.len == 0)
		return 0;
	p = add_piece(t, err);
	if (p == NULL)
		return -1;
	p->kind = PIECE_LITERAL;
	p->group = group;
	p->arg = span_dup(text, err);
	return p->arg == NULL ? -1 : 0;
}

/* Cuts "hex(hmac(" and "))" off a source, if it has them. */
static enum piece_mac
cut_mac(struct span *text)
{
	static const struct {
		const char *word;
		enum piece_mac mac;
	} rows[] = {
		{ "hex(hmac(", MAC_HEX },
		{ "base64(hmac(", MAC_BASE64 },
	};
	const char *s = text->ptr;
	size_t i;

	for (i = 0; i < NITEMS(rows); i++)
		if (span_starts(*text, rows[i].word) &&
		    memcmp(s + text->len - 2, "))", 2) == 0) {
			*text = span_skip(*text, strlen(rows[i].word));
			text->len -= 2;
			return rows[i].mac;
		}
	return MAC_NONE;
}

static int
add_hole(struct template *t, struct span text, unsigned allowed,
    unsigned char group, struct err *err)
{
	const char *s = text.ptr;
	struct piece *p = add_piece(t, err);

	if (p == NULL)
		return -1;
	p->group = group;
	if ((allowed & PIECE_MACS) != 0) {
		p->mac = cut_mac(&text);
		s = text.ptr;
	}
	if (text.len > 0 && s[text.len - 1] == '?') {
		p->optional = true;
		text.len--;
	}
	return parse_source(text, allowed, p, err);
}

/* "json:/id" without its braces would be the same text for every event. */
static bool
is_bare_source(const struct template *t, struct err *err)
{
	struct err ignored = ERR_INIT;
	struct piece p;

	if (t->n != 1 || t->pieces[0].kind != PIECE_LITERAL ||
	    piece_parse(t->pieces[0].arg, PIECE_ALL, &p, &ignored) < 0)
		return false;
	err_set(
	    err, ERR_CONFIG, "\"%s\" is a source; put it in braces", p.shown);
	piece_free(&p);
	return true;
}

/* A template under way. */
struct parser {
	struct template t;
	unsigned allowed;
	unsigned char group, groups; /* the one that is open; so far */
	struct err *err;
};

static int
begin_group(struct parser *ps, const char *text)
{
	if ((ps->allowed & PIECE_GROUPS) == 0)
		return err_set(ps->err, ERR_CONFIG,
		    "\"%.20s\": {[ and ]} are for content alone", text);
	if (ps->group != 0)
		return err_set(
		    ps->err, ERR_CONFIG, "\"%.20s\": {[ inside {[", text);
	ps->group = ++ps->groups;
	return 0;
}

/* One that could not be left out is no group. */
static int
end_group(struct parser *ps)
{
	bool holes = false;
	size_t i;

	for (i = 0; i < ps->t.n; i++)
		holes |= ps->t.pieces[i].group == ps->group &&
			 ps->t.pieces[i].kind != PIECE_LITERAL;
	if (!holes)
		return err_set(
		    ps->err, ERR_CONFIG, "a group {[...]} without a source");
	ps->group = 0;
	return 0;
}

/*
 * Takes what begins at text: a literal and what ends it, which is a hole, the
 * begin or the end of a group, or the end. NULL: failed.
 */
static const char *
parse_next(struct parser *ps, const char *text)
{
	size_t len = strcspn(text, "{}");
	bool ends = ps->group != 0 && len > 0 && text[len] == '}' &&
		    text[len - 1] == ']';

	if (add_literal(&ps->t, span_of(text, ends ? len - 1 : len), ps->group,
		ps->err) < 0 ||
	    (ends && end_group(ps) < 0))
		return NULL;
	text += len;
	if (ends || *text == '\0')
		return ends ? text + 1 : text;
	if (text[0] == '{' && text[1] == '[')
		return begin_group(ps, text) < 0 ? NULL : text + 2;
	len = strcspn(text + 1, "{}");
	if (*text == '}' || text[1 + len] != '}') {
		err_set(ps->err, ERR_CONFIG, "\"%.20s\": a %s", text,
		    *text == '}' ? "} without {" : "{ without its }");
		return NULL;
	}
	if (add_hole(&ps->t, span_of(text + 1, len), ps->allowed, ps->group,
		ps->err) < 0)
		return NULL;
	return text + len + 2;
}

int
template_parse(
    const char *text, unsigned allowed, struct template *out, struct err *err)
{
	struct parser ps = { { NULL, 0 }, allowed, 0, 0, err };

	if (*text == '\0')
		return err_set(err, ERR_CONFIG, "must not be empty");
	while (text != NULL && *text != '\0')
		text = parse_next(&ps, text);
	if (text != NULL && ps.group != 0) {
		err_set(err, ERR_CONFIG, "a {[ without its ]}");
		text = NULL;
	}
	if (text == NULL || is_bare_source(&ps.t, err)) {
		template_free(&ps.t);
		return -1;
	}
	*out = ps.t;
	return 0;
}

void
template_free(struct template *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		piece_free(&t->pieces[i]);
	free(t->pieces);
	t->pieces = NULL;
	t->n = 0;
}

bool
template_has(const struct template *t, enum piece_kind kind)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->pieces[i].kind == kind)
			return true;
	return false;
}

bool
template_reads(const struct template *t, const struct piece *source)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (piece_same(&t->pieces[i], source))
			return true;
	return false;
}
