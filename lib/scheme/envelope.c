/*
 * envelope.c: bodies in the shape that a provider's documents show: compiles
 * the template out of a scheme file, and fills it.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/near.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/json/json.h"
#include "lib/json/scan.h"
#include "lib/scheme/impl.h"
#include "lib/scheme/sign.h"

#define ENVELOPE_PIECES_MAX 64
#define ENVELOPE_DEPTH_MAX 16

static const struct {
	const char *word;
	enum envelope_hole hole;
	bool bare; /* alone in a string, it stands without the quotes */
} holes[] = {
	{ "id", ENVELOPE_ID, false },
	{ "type", ENVELOPE_TYPE, false },
	{ "time", ENVELOPE_TIME, false },
	{ "time:s", ENVELOPE_TIME_S, true },
	{ "time:ms", ENVELOPE_TIME_MS, true },
	{ "data", ENVELOPE_DATA, true },
};

/* --- compiling ----------------------------------------------------------- */

/* The scheme under way, and JSON text that no piece has yet. */
struct compiler {
	struct scheme *sc;
	struct buf text;
	struct err *err;
};

static struct envelope_piece *
add_piece(struct compiler *c)
{
	struct scheme *sc = c->sc;
	struct envelope_piece *grown;

	if (sc->nenvelope == ENVELOPE_PIECES_MAX) {
		err_set(c->err, ERR_CONFIG, "more than %d pieces",
		    ENVELOPE_PIECES_MAX);
		return NULL;
	}
	grown = realloc(sc->envelope, (sc->nenvelope + 1) * sizeof(*grown));
	if (grown == NULL) {
		err_set(c->err, ERR_NOMEM, "no memory for an envelope");
		return NULL;
	}
	sc->envelope = grown;
	memset(&grown[sc->nenvelope], 0, sizeof(*grown));
	return &grown[sc->nenvelope++];
}

/* Makes a piece of the text so far. */
static int
flush(struct compiler *c)
{
	struct envelope_piece *p;

	if (c->text.len == 0)
		return 0;
	p = add_piece(c);
	if (p == NULL)
		return -1;
	p->hole = ENVELOPE_TEXT;
	p->text = span_dup(buf_span(&c->text), c->err);
	buf_clear(&c->text);
	return p->text == NULL ? -1 : 0;
}

static int
add_hole(struct compiler *c, enum envelope_hole hole)
{
	struct envelope_piece *p;

	if (flush(c) < 0)
		return -1;
	p = add_piece(c);
	if (p == NULL)
		return -1;
	p->hole = hole;
	return 0;
}

/* The row of a word in braces, or NITEMS(holes) with err set. */
static size_t
find_hole(struct compiler *c, struct span word)
{
	struct near near = NEAR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(holes); i++) {
		if (span_is(word, holes[i].word))
			return i;
		near_try(&near, word, holes[i].word);
	}
	err_set(c->err, ERR_CONFIG, "\"{%.*s}\" is not known%s%s%s",
	    (int)word.len, (const char *)word.ptr,
	    near.word == NULL ? "" : "; was \"{",
	    near.word == NULL ? "" : near.word,
	    near.word == NULL ? "" : "}\" meant?");
	return NITEMS(holes);
}

/* The inside of a JSON string, without its quotes. */
static int
put_inside(struct buf *out, struct span s, struct err *err)
{
	struct buf quoted = BUF_INIT(s.len * 6 + 2);
	int ret = text_put_json(&quoted, s, err);

	if (ret == 0)
		ret = buf_put(out, quoted.ptr + 1, quoted.len - 2, err);
	buf_free(&quoted);
	return ret;
}

static int
compile_string(struct compiler *c, const char *s)
{
	size_t len = strlen(s), at, end, row;
	struct span rest = span_of(s, len);

	if (len > 2 && s[0] == '{' && span_find(rest, '}') == len - 1) {
		row = find_hole(c, span_of(s + 1, len - 2));
		if (row == NITEMS(holes))
			return -1;
		if (holes[row].bare)
			return add_hole(c, holes[row].hole);
	}
	if (buf_putc(&c->text, '"', c->err) < 0)
		return -1;
	while (rest.len > 0) {
		at = span_find(rest, '{');
		if (put_inside(&c->text, span_of(rest.ptr, at), c->err) < 0)
			return -1;
		rest = span_skip(rest, at);
		if (rest.len == 0)
			break;
		end = span_find(rest, '}');
		if (end == rest.len)
			return err_set(c->err, ERR_CONFIG, "a { without its }");
		row =
		    find_hole(c, span_of((const char *)rest.ptr + 1, end - 1));
		if (row == NITEMS(holes))
			return -1;
		if (holes[row].hole == ENVELOPE_DATA)
			return err_set(c->err, ERR_CONFIG,
			    "\"{data}\" must be the whole of a string");
		if (add_hole(c, holes[row].hole) < 0)
			return -1;
		rest = span_skip(rest, end + 1);
	}
	return buf_putc(&c->text, '"', c->err);
}

static int compile(struct compiler *c, const struct json *value, int depth);

static int
compile_members(struct compiler *c, const struct json *value, int depth)
{
	bool is_object = json_kind(value) == JSON_OBJECT;
	const struct json *m;

	if (depth == ENVELOPE_DEPTH_MAX)
		return err_set(c->err, ERR_CONFIG, "nested more than %d deep",
		    ENVELOPE_DEPTH_MAX);
	if (buf_putc(&c->text, is_object ? '{' : '[', c->err) < 0)
		return -1;
	for (m = json_first(value); m != NULL; m = json_next(m)) {
		if (is_object && (text_put_json(&c->text,
				      span_str(json_name(m)), c->err) < 0 ||
				     buf_putc(&c->text, ':', c->err) < 0))
			return -1;
		if (compile(c, m, depth + 1) < 0 ||
		    (json_next(m) != NULL &&
			buf_putc(&c->text, ',', c->err) < 0))
			return -1;
	}
	return buf_putc(&c->text, is_object ? '}' : ']', c->err);
}

static int
compile(struct compiler *c, const struct json *value, int depth)
{
	switch (json_kind(value)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		return compile_members(c, value, depth);
	case JSON_STRING:
		return compile_string(c, json_text(value));
	case JSON_NUMBER:
	case JSON_BOOL:
	case JSON_NULL:
	case JSON_ABSENT:
		break;
	}
	return json_print(value, &c->text, c->err);
}

int
scheme_envelope_parse(const struct json *value, void *base, struct err *err)
{
	struct compiler c = { base, BUF_INIT(SCHEME_FILE_MAX), err };
	int ret = -1;

	if (json_kind(value) != JSON_OBJECT) {
		err_set(err, ERR_CONFIG, "must be an object, not %s",
		    json_kind_word(json_kind(value)));
		goto out;
	}
	if (compile(&c, value, 0) < 0 || flush(&c) < 0)
		goto out;
	ret = 0;
out:
	buf_free(&c.text);
	return ret;
}

/* --- filling ------------------------------------------------------------- */

struct filling {
	struct span id, type, data;
	int64_t now_ms;
};

static int
put_name(struct span s, const char *what, struct buf *out, struct err *err)
{
	if (s.len == 0)
		return err_set(err, ERR_USAGE, "the envelope needs %s", what);
	if (!text_is_utf8(s))
		return err_set(err, ERR_INPUT, "%s is not UTF-8", what);
	return put_inside(out, s, err);
}

static int
fill(const struct envelope_piece *p, const struct filling *f, struct buf *out,
    struct err *err)
{
	char time[TEXT_TIME_MAX];

	switch (p->hole) {
	case ENVELOPE_TEXT:
		return buf_puts(out, p->text, err);
	case ENVELOPE_ID:
		return put_name(f->id, "an id", out, err);
	case ENVELOPE_TYPE:
		return put_name(f->type, "a type", out, err);
	case ENVELOPE_TIME:
		text_time(time, f->now_ms);
		return buf_puts(out, time, err);
	case ENVELOPE_TIME_S:
		return buf_printf(
		    out, err, "%lld", (long long)(f->now_ms / 1000));
	case ENVELOPE_TIME_MS:
		return buf_printf(out, err, "%lld", (long long)f->now_ms);
	case ENVELOPE_DATA:
		return buf_put_span(out, f->data, err);
	}
	return -1;
}

int
sign_envelope(const struct scheme *sc, struct span id, struct span type,
    int64_t now_ms, struct span data, struct buf *out, struct err *err)
{
	struct filling f = { id, type, data, now_ms };
	size_t i;

	if (sc->nenvelope == 0)
		return err_set(err, ERR_USAGE,
		    "the scheme \"%s\" has no envelope", sc->name);
	if (data.len == 0)
		f.data = span_str("{}");
	else if (json_scan(data, err) < 0)
		return err_wrap(err, "data is not JSON");
	for (i = 0; i < sc->nenvelope; i++)
		if (fill(&sc->envelope[i], &f, out, err) < 0)
			return -1;
	return 0;
}
