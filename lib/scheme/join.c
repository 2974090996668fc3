/*
 * join.c: can what is signed be divided in one way alone? A signature
 * covers the joined bytes. Where "a:b" may be the values "a" and "b" of one
 * request or "a:b" and "" of another, a captured signature fits both. So the
 * values must not hold what divides them, but for one, which is the rest.
 */
#include <string.h>

#include "lib/scheme/impl.h"

/* What the sender does not choose, or what is computed here. */
static bool
is_constant(const struct piece *p)
{
	return p->kind == PIECE_LITERAL || p->kind == PIECE_PARAM ||
	       p->kind == PIECE_KEY || p->kind == PIECE_METHOD ||
	       p->kind == PIECE_CRC32;
}

static const struct piece *
piece_at(const struct template *t, size_t i)
{
	return i < t->n ? &t->pieces[i] : NULL;
}

static bool
is_kind(const struct piece *p, enum piece_kind kind)
{
	return p != NULL && p->kind == kind;
}

/*
 * The value that may be anything: the one that the scheme names, else the
 * body, else one that stands last with nothing behind it. t->n: none.
 */
static size_t
find_rest(const struct scheme *sc, const struct template *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (sc->separator_in.shown != NULL &&
		    piece_same(&t->pieces[i], &sc->separator_in))
			return i;
	for (i = 0; i < t->n; i++)
		if (t->pieces[i].kind == PIECE_BODY)
			return i;
	return t->n > 0 && !is_constant(&t->pieces[t->n - 1]) ? t->n - 1 : t->n;
}

/*
 * Does a value end by itself? A date in RFC 3339 does. So do digits where one
 * more or less is a time outside of the window, or leaves no JSON beside it.
 */
static bool
ends_itself(const struct scheme *sc, const struct template *t, size_t i)
{
	if (!sc->has_time || !piece_same(&t->pieces[i], &sc->time_from))
		return false;
	return sc->time_unit == TIME_RFC3339 ||
	       (sc->past_s >= 0 && sc->future_s >= 0) ||
	       (sc->body_is_json &&
		   (is_kind(piece_at(t, i + 1), PIECE_BODY) ||
		       is_kind(piece_at(t, i - 1), PIECE_BODY)));
}

/* Could a group be left out without a trace in the bytes? */
static bool
is_open_group(const struct template *t, size_t i)
{
	return t->pieces[i].group != 0 && t->pieces[i].kind != PIECE_LITERAL &&
	       (i == 0 || t->pieces[i - 1].group != t->pieces[i].group);
}

/* Sets what is bounded. Is the division unique then? */
static bool
bound(const struct scheme *sc, struct template *t)
{
	size_t i, rest = find_rest(sc, t), loose = 0;
	struct piece *p;

	for (i = 0; i < t->n; i++) {
		p = &t->pieces[i];
		if (p->kind == PIECE_HEADERS || is_open_group(t, i))
			return false;
		if (i == rest || is_constant(p))
			continue;
		p->bounded = p->kind != PIECE_FORM_ALL &&
			     p->kind != PIECE_BODY &&
			     is_kind(piece_at(t, i < rest ? i + 1 : i - 1),
				 PIECE_LITERAL);
		if (!p->bounded && !ends_itself(sc, t, i))
			loose++;
	}
	/*
	 * Where the body must be JSON, it ends itself once one of its ends is
	 * known: no object or list is the beginning or the end of another.
	 */
	return loose == 0 || (loose == 1 && sc->body_is_json &&
				 is_kind(piece_at(t, rest), PIECE_BODY));
}

int
scheme_join_check(struct scheme *sc, bool *unique, struct err *err)
{
	const struct piece *p = &sc->separator_in;

	if (p->shown != NULL && template_has(&sc->content, PIECE_BODY))
		return err_set(err, ERR_CONFIG,
		    "/separator_in: {body} may hold anything already");
	if (p->shown != NULL && !template_reads(&sc->content, p))
		return err_set(err, ERR_CONFIG,
		    "/separator_in: \"%s\" is not in content", p->shown);
	*unique = bound(sc, &sc->content);
	if (sc->older.prefix != NULL && !bound(sc, &sc->older.content))
		*unique = false;
	return 0;
}

/* --- the values of a request ---------------------------------------------- */

/* Does separator occur in value, or begin there when it stands behind it? */
static bool
holds(struct span value, const char *separator)
{
	const char *s = value.ptr;
	size_t i, k, len = strlen(separator);

	for (i = 0; i < value.len; i++) {
		for (k = 0; k < len; k++)
			if ((i + k < value.len
				    ? s[i + k]
				    : separator[i + k - value.len]) !=
			    separator[k])
				break;
		if (k == len)
			return true;
	}
	return false;
}

bool
scheme_join_holds(const struct template *t, const struct span *values)
{
	const struct piece *before, *behind;
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (!t->pieces[i].bounded)
			continue;
		before = piece_at(t, i - 1);
		behind = piece_at(t, i + 1);
		if ((is_kind(before, PIECE_LITERAL) &&
			holds(values[i], before->arg)) ||
		    (is_kind(behind, PIECE_LITERAL) &&
			holds(values[i], behind->arg)))
			return false;
	}
	return true;
}
