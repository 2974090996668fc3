/*
 * preset_copies.c: a genuine request that somebody captured comes back with
 * other headers, in another encoding, cut in another way, or as another type.
 */
#include "tests/stand/preset_stand.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"

/* --- a: what is not signed, dropped and changed ----------------------------
 */

static bool
is_signed_header(const struct scheme *sc, const char *name)
{
	const struct piece *p;
	size_t i;

	for (i = 0; i < sc->content.n; i++) {
		p = &sc->content.pieces[i];
		if (p->kind == PIECE_HEADER &&
		    (strcmp(p->arg, name) == 0 ||
			(p->other != NULL && strcmp(p->other, name) == 0)))
			return true;
		if (p->kind == PIECE_HEADERS &&
		    strcmp(name, "x-signed-by-name") == 0)
			return true;
	}
	return false;
}

/* Whether the header stands in place of another one, under its other name. */
static const char *
other_name(const struct scheme *sc, const char *name)
{
	const struct template *lists[] = { sc->id, sc->type };
	size_t counts[] = { sc->nid, sc->ntype }, l, i, j;
	const struct piece *p;

	for (l = 0; l < NITEMS(lists); l++)
		for (i = 0; i < counts[l]; i++)
			for (j = 0; j < lists[l][i].n; j++) {
				p = &lists[l][i].pieces[j];
				if (p->kind == PIECE_HEADER &&
				    p->other != NULL &&
				    strcmp(p->arg, name) == 0)
					return p->other;
			}
	return NULL;
}

static bool
is_type_header(const struct scheme *sc, const char *name)
{
	size_t i, j;

	for (i = 0; i < sc->ntype; i++)
		for (j = 0; j < sc->type[i].n; j++)
			if (sc->type[i].pieces[j].kind == PIECE_HEADER &&
			    strcmp(sc->type[i].pieces[j].arg, name) == 0)
				return true;
	return false;
}

/* How a header may come back. */
enum edit {
	EDIT_DROP,
	EDIT_CHANGE,
	EDIT_UPPER_CASE,
	EDIT_OTHER_NAME,
	EDITS
};

/* Edits it; false: that is no edit of this header. */
static bool
edit(const struct scheme *sc, struct draft *d, const char *name, enum edit how,
    char *value, size_t room)
{
	struct header *h = draft_header(d, name);
	const char *other = other_name(sc, name);
	char *c;

	if (h == NULL)
		return false;
	switch (how) {
	case EDIT_DROP:
		draft_drop(d, name);
		break;
	case EDIT_CHANGE:
		snprintf(value, room, "%.*s-x", (int)h->value.len,
		    (const char *)h->value.ptr);
		h->value = span_str(value);
		break;
	case EDIT_UPPER_CASE:
		snprintf(value, room, "%.*s", (int)h->value.len,
		    (const char *)h->value.ptr);
		for (c = value; *c != '\0'; c++)
			if (*c >= 'a' && *c <= 'z')
				*c = (char)(*c - 'a' + 'A');
		h->value = span_str(value);
		break;
	case EDIT_OTHER_NAME:
		if (other == NULL)
			return false;
		h->name = span_str(other);
		break;
	case EDITS:
		return false;
	}
	return true;
}

/*
 * Headers of a draft that anybody may change: not the signed ones. That which
 * carries the signature may only be changed so that it is still one.
 */
static size_t
free_headers(const struct preset *ps, const struct draft *d, char names[][64])
{
	const struct scheme *sc = ps->sc;
	size_t i, n = 0;

	for (i = 0; i < d->request.nheaders; i++) {
		snprintf(names[n], 64, "%.*s", (int)d->headers[i].name.len,
		    (const char *)d->headers[i].name.ptr);
		if (!is_signed_header(sc, names[n]))
			n++;
	}
	return n;
}

static const struct {
	const char *name, *value;
} added[] = {
	{ "content-encoding", "gzip" },
	{ "content-encoding", "identity" },
	{ "content-type", "text/plain" },
	{ "content-type", "application/x-www-form-urlencoded; charset=utf-8" },
	{ "content-type", "multipart/form-data; boundary=x" },
	{ "x-nobody-reads", "1" },
};

static void
judge_copy(const struct preset *ps, enum property prop, const char *what,
    enum outcome out, bool other_type, const char *log)
{
	/* One signature, one message: no operator need look at another. */
	if (out == HELD && ps->class == CLASS_BODY_UNCOVERED)
		preset_complain(ps, prop, "a forgery is held", log);
	if (out != ACCEPTED || !preset_can_tell(ps))
		return;
	/* Once more under another type is what "types" allows. */
	if (ps->sc->repeats == SCHEME_REPEATS_TYPES && other_type)
		return;
	preset_complain(ps, prop, what, log);
}

/* Each free header, and each pair of them, edited behind the genuine one. */
static void
try_headers(struct preset *ps)
{
	char names[PROVIDER_HEADERS][64], what[256], one[512], two[512];
	struct draft genuine = { .request.nheaders = 0 }, copy;
	struct told t;
	char log[STAND_LOG];
	size_t n, i, j, k;
	enum edit e, f;
	bool type;

	provider_tells(&ps->provider, stand_happens(&t), &genuine);
	if (preset_post(ps, UNSIGNED_HEADERS, ps->all, &genuine, log) !=
	    ACCEPTED)
		preset_complain(
		    ps, UNSIGNED_HEADERS, "the genuine request", log);
	n = free_headers(ps, &genuine, names);
	for (i = 0; i < n; i++)
		for (e = 0; e < EDITS; e++)
			for (j = i; j < n; j++)
				for (f = 0; f < EDIT_OTHER_NAME; f++) {
					if (j == i && f > 0)
						break;
					draft_copy(&genuine, &copy);
					if (!edit(ps->sc, &copy, names[i], e,
						one, sizeof(one)))
						continue;
					if (j > i &&
					    !edit(ps->sc, &copy, names[j], f,
						two, sizeof(two)))
						continue;
					type =
					    is_type_header(ps->sc, names[i]) ||
					    (j > i && is_type_header(
							  ps->sc, names[j]));
					snprintf(what, sizeof(what),
					    "%s by %d, %s by %d", names[i], e,
					    names[j], f);
					judge_copy(ps, UNSIGNED_HEADERS, what,
					    preset_post(ps, UNSIGNED_HEADERS,
						ps->all, &copy, log),
					    type, log);
				}
	for (k = 0; k < NITEMS(added); k++)
		for (i = 0; i <= n; i++) {
			draft_copy(&genuine, &copy);
			draft_set(&copy, added[k].name, added[k].value);
			if (i < n)
				draft_drop(&copy, names[i]);
			judge_copy(ps, UNSIGNED_HEADERS, added[k].value,
			    preset_post(
				ps, UNSIGNED_HEADERS, ps->all, &copy, log),
			    i < n && is_type_header(ps->sc, names[i]), log);
		}
	draft_free(&genuine);
}

/* The edited copy comes before the genuine one, which must not be lost. */
static void
try_headers_first(struct preset *ps)
{
	char names[PROVIDER_HEADERS][64], one[512];
	struct draft genuine = { .request.nheaders = 0 }, copy;
	enum outcome first, then;
	struct told t;
	char log[STAND_LOG];
	size_t n = 1, i;
	enum edit e;

	for (i = 0; i < n; i++)
		for (e = 0; e < EDITS; e++) {
			provider_tells(
			    &ps->provider, stand_happens(&t), &genuine);
			n = free_headers(ps, &genuine, names);
			draft_copy(&genuine, &copy);
			if (!edit(ps->sc, &copy, names[i], e, one, sizeof(one)))
				goto next;
			first = preset_post(
			    ps, UNSIGNED_HEADERS, ps->all, &copy, log);
			then = preset_post(
			    ps, UNSIGNED_HEADERS, ps->all, &genuine, log);
			if (first == ACCEPTED && preset_can_tell(ps))
				judge_copy(ps, UNSIGNED_HEADERS, names[i], then,
				    is_type_header(ps->sc, names[i]), log);
			if (first != ACCEPTED && then != ACCEPTED &&
			    then != HELD)
				preset_complain(ps, UNSIGNED_HEADERS,
				    "the genuine request is lost", log);
next:
			draft_free(&genuine);
		}
}

/* --- b, c: the same signed bytes, cut or encoded in another way ------------
 */

static void
post_same_content(struct preset *ps, enum property prop, const char *what,
    const struct occurrence *genuine, const struct occurrence *forged)
{
	struct draft a = { .request.nheaders = 0 };
	struct draft b = { .request.nheaders = 0 };
	enum outcome first, then;
	char log[STAND_LOG];

	provider_tells(&ps->provider, genuine, &a);
	provider_tells(&ps->provider, forged, &b);
	if (a.content.len > 0 &&
	    span_eq(buf_span(&a.content), buf_span(&b.content)) &&
	    !(span_eq(a.request.body, b.request.body) &&
		prop == OTHER_ENCODING)) {
		first = preset_post(ps, prop, ps->all, &a, log);
		if (prop == OTHER_ENCODING && first != ACCEPTED)
			preset_complain(ps, prop, "the genuine request", log);
		then = preset_post(ps, prop, ps->all, &b, log);
		if (first == ACCEPTED)
			judge_copy(ps, prop, what, then, false, log);
	}
	draft_free(&a);
	draft_free(&b);
}

static void
try_encodings(struct preset *ps)
{
	struct told t;
	struct occurrence genuine = *stand_happens(&t), forged = genuine;

	if (ps->class == CLASS_TOKEN)
		return;
	forged.spaced = true;
	post_same_content(ps, OTHER_ENCODING, "spaces", &genuine, &forged);
	genuine = *stand_happens(&t);
	forged = genuine;
	forged.data = "forged";
	post_same_content(
	    ps, OTHER_ENCODING, "another body", &genuine, &forged);
	genuine = *stand_happens(&t);
	forged = genuine;
	forged.data = "forged";
	forged.type = "sel.b";
	forged.id = "forged";
	post_same_content(
	    ps, OTHER_ENCODING, "another id and body", &genuine, &forged);
}

/* What stands between the pieces i and j of the content. */
static bool
between(const struct template *t, size_t i, size_t j, char *out, size_t room)
{
	size_t k, len = 0;

	out[0] = '\0';
	for (k = i + 1; k < j; k++) {
		if (t->pieces[k].kind != PIECE_LITERAL)
			return false;
		len += (size_t)snprintf(
		    out + len, room - len, "%s", t->pieces[k].arg);
	}
	return true;
}

static bool
is_movable(const struct piece *p)
{
	return p->kind == PIECE_BODY || p->kind == PIECE_HEADER ||
	       p->kind == PIECE_ITEM || p->kind == PIECE_JSON ||
	       p->kind == PIECE_FORM || p->kind == PIECE_HEADERS;
}

static void
move(struct preset *ps, const struct piece *a, const struct piece *b,
    const char *const values[4])
{
	struct override first[] = { { a, values[0] }, { b, values[1] },
		{ NULL, NULL } };
	struct override then[] = { { a, values[2] }, { b, values[3] },
		{ NULL, NULL } };
	struct told t;
	struct occurrence genuine = *stand_happens(&t), forged = genuine;

	genuine.overrides = first;
	forged.overrides = then;
	post_same_content(ps, MOVED_SEPARATORS, a->shown, &genuine, &forged);
}

/*
 * The genuine values of two neighbours, and what is signed cut at every other
 * place where it can be; in both orders.
 */
static void
try_cuts(struct preset *ps, const struct piece *a, const struct piece *b,
    const char *const genuine[2], const char *sep)
{
	char text[1024], cut[2][1024];
	const char *there[4] = { genuine[0], genuine[1], cut[0], cut[1] };
	const char *back[4] = { cut[0], cut[1], genuine[0], genuine[1] };
	size_t len, n = strlen(sep), at = strlen(genuine[0]), i;

	snprintf(text, sizeof(text), "%s%s%s", genuine[0], sep, genuine[1]);
	len = strlen(text);
	for (i = 1; i + n < len; i++) {
		if (i == at || strncmp(text + i, sep, n) != 0)
			continue;
		/* Without a separator every place is one: some of them. */
		if (n == 0 && (i + 2 < at || i > at + 2) && i % 8 != 1)
			continue;
		snprintf(cut[0], sizeof(cut[0]), "%.*s", (int)i, text);
		snprintf(cut[1], sizeof(cut[1]), "%s", text + i + n);
		move(ps, a, b, there);
		move(ps, a, b, back);
	}
	/* All of it in the first, and the second is gone. */
	snprintf(cut[0], sizeof(cut[0]), "%s", text);
	there[3] = NULL;
	if (b->kind != PIECE_BODY)
		move(ps, a, b, there);
}

/*
 * A value that a provider might have sent there: what divides values stands
 * in it (but in a time), and it is new.
 */
static void
put_genuine(struct preset *ps, const struct piece *p, const char *sep,
    char *out, size_t room)
{
	struct draft d = { .request.nheaders = 0 };
	const struct scheme *sc = ps->sc;
	int64_t ms = stand_now_ms() - 3000;
	struct told t;
	struct occurrence ev = *stand_happens(&t);

	if (sc->has_time && piece_same(p, &sc->time_from)) {
		if (sc->time_unit == TIME_RFC3339)
			text_time(out, ms);
		else
			snprintf(out, room, "%lld",
			    (long long)(sc->time_unit == TIME_S ? ms / 1000
								: ms));
	} else if (p->kind == PIECE_BODY) {
		provider_tells(&ps->provider, &ev, &d);
		snprintf(out, room, "%.*s", (int)d.body.len,
		    (const char *)d.body.ptr);
		draft_free(&d);
	} else {
		snprintf(out, room, "v%u%sw", stand_serial(), sep);
	}
}

static void
try_neighbours(struct preset *ps, const struct piece *a, const struct piece *b,
    const char *sep)
{
	char first[512], second[512];
	const char *genuine[2] = { first, second };

	put_genuine(ps, a, "", first, sizeof(first));
	put_genuine(ps, b, sep, second, sizeof(second));
	try_cuts(ps, a, b, genuine, sep);
	put_genuine(ps, a, sep, first, sizeof(first));
	put_genuine(ps, b, "", second, sizeof(second));
	try_cuts(ps, a, b, genuine, sep);
}

static void
try_separators(struct preset *ps)
{
	const struct template *c = &ps->sc->content;
	const struct piece *a, *b;
	char sep[128];
	size_t i, j;

	if (ps->class == CLASS_TOKEN)
		return;
	for (i = 0; i < c->n; i++)
		for (j = i + 1; j < c->n; j++) {
			a = &c->pieces[i];
			b = &c->pieces[j];
			if (is_movable(a) && is_movable(b) &&
			    between(c, i, j, sep, sizeof(sep)))
				try_neighbours(ps, a, b, sep);
		}
}

/* --- d: under every type, selected or not ----------------------------------
 */

static const char *const types[] = { "sel.a", "oth.b", "sel.c", "", "oth.d",
	"sel.e", "sel.a", "oth.b" };

/* How the copies are told apart from the genuine request beside its type. */
enum disguise {
	SAME_ID,
	OTHER_ID,
	DISGUISES
};

/* The request under its type, and copies of it under each other one. */
static void
try_types_in_order(struct preset *ps, const char *genuine, bool genuine_first,
    bool downwards, enum disguise how)
{
	struct draft d = { .request.nheaders = 0 };
	struct draft real = { .request.nheaders = 0 };
	unsigned accepted = 0, allowed = 1;
	struct told t;
	struct occurrence ev = *stand_happens(&t), copy;
	enum outcome out = REFUSED;
	bool is_held = false;
	char log[STAND_LOG];
	size_t i, n = NITEMS(types);
	char id[64];

	if (ps->sc->repeats == SCHEME_REPEATS_TYPES)
		allowed = 3;
	ev.type = genuine;
	provider_tells(&ps->provider, &ev, &real);
	if (genuine_first)
		accepted += preset_post(ps, ALL_TYPES, ps->selects, &real,
				log) == ACCEPTED;
	for (i = 0; i < n; i++) {
		copy = ev;
		copy.type = types[downwards ? n - 1 - i : i];
		if (how == OTHER_ID) {
			snprintf(
			    id, sizeof(id), "forged%u-%zu", stand_serial(), i);
			copy.id = id;
		}
		provider_tells(&ps->provider, &copy, &d);
		if (!span_eq(buf_span(&d.content), buf_span(&real.content)))
			continue;
		out = preset_post(ps, ALL_TYPES, ps->selects, &d, log);
		accepted += out == ACCEPTED;
		is_held = is_held || out == HELD;
	}
	if (!genuine_first) {
		out = preset_post(ps, ALL_TYPES, ps->selects, &real, log);
		if (accepted == 0 && !is_held && out == DUPLICATE)
			preset_complain(
			    ps, ALL_TYPES, "the genuine request is lost", log);
		accepted += out == ACCEPTED;
	}
	if (accepted > allowed && preset_can_tell(ps))
		preset_complain(ps, ALL_TYPES,
		    how == SAME_ID ? "accepted under several types"
				   : "accepted under several types and ids",
		    log);
	draft_free(&d);
	draft_free(&real);
}

static void
try_types(struct preset *ps)
{
	enum disguise how;
	size_t type;
	int order;

	if (!ps->type_unsigned || ps->class == CLASS_TOKEN)
		return;
	for (how = 0; how < DISGUISES; how++)
		for (type = 0; type < 2; type++)
			for (order = 0; order < 4; order++)
				try_types_in_order(ps, types[type],
				    (order & 1) != 0, (order & 2) != 0, how);
}

void
preset_try_copies(struct preset *ps)
{
	try_headers(ps);
	try_headers_first(ps);
	try_encodings(ps);
	try_separators(ps);
	try_types(ps);
}
