/* coverage.c: is what a scheme reads of a request covered by its signature? */
#include "lib/scheme/impl.h"

/* Does signing content cover it? */
static bool
covers(const struct scheme *sc, const struct template *content,
    const struct piece *source)
{
	switch (source->kind) {
	case PIECE_LITERAL:
	case PIECE_PARAM:
	case PIECE_KEY:
		return true; /* not the sender's to choose */
	case PIECE_BODY:
		return sc->covers_body;
	case PIECE_JSON:
	case PIECE_FORM:
		/* Of a GET they are read off the query. */
		return (sc->covers_body &&
			   (!sc->by_get || template_has(content, PIECE_URL))) ||
		       template_reads(content, source);
	case PIECE_QUERY:
		return template_has(content, PIECE_URL) ||
		       template_reads(content, source);
	case PIECE_HEADER:
	case PIECE_ITEM:
	case PIECE_FORM_ALL:
	case PIECE_METHOD:
	case PIECE_URL:
	case PIECE_CRC32:
	case PIECE_HEADERS:
		break;
	}
	return template_reads(content, source);
}

bool
scheme_covers(const struct scheme *sc, const struct piece *source)
{
	return covers(sc, &sc->content, source) &&
	       (sc->older.prefix == NULL ||
		   covers(sc, &sc->older.content, source));
}

bool
scheme_covers_all(const struct scheme *sc, const struct template *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (!scheme_covers(sc, &t->pieces[i]))
			return false;
	return true;
}

bool
scheme_covers_each(const struct scheme *sc, const struct template *t, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!scheme_covers_all(sc, &t[i]))
			return false;
	return n > 0;
}

void
scheme_find_coverage(struct scheme *sc)
{
	/* Not by {form*}: its names and values run into each other. */
	sc->covers_body = template_has(&sc->content, PIECE_BODY) &&
			  (sc->older.prefix == NULL ||
			      template_has(&sc->older.content, PIECE_BODY));
	/* Not through the body: a digest cannot cover what it stands in. */
	if (sc->has_digest && scheme_covers(sc, &sc->digest_from))
		sc->covers_body = true;
}
