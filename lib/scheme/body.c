/*
 * body.c: what a scheme says of how requests come: methods, escapes in
 * the URL, packed bodies, JSON in a form.
 */
#include <stdio.h>
#include <string.h>

#include "lib/scheme/field.h"

/* --- reading -------------------------------------------------------------- */

/* Calls take with each text of a list that is not empty, or with the one text.
 */
static int
read_words(const struct json *value, struct scheme *sc,
    int (*take)(struct scheme *sc, const char *word, struct err *err),
    struct err *err)
{
	bool alone = json_kind(value) != JSON_ARRAY;
	const struct json *item = alone ? value : json_first(value);
	const char *text;
	char index[24];
	size_t i;

	if (item == NULL)
		return err_set(err, ERR_CONFIG, "must not be empty");
	for (i = 0; item != NULL; i++) {
		if (field_text(item, &text, err) < 0 ||
		    take(sc, text, err) < 0) {
			snprintf(index, sizeof(index), "%zu", i);
			return alone ? -1 : field_path(err, index);
		}
		item = alone ? NULL : json_next(item);
	}
	return 0;
}

static int
take_method(struct scheme *sc, const char *word, struct err *err)
{
	if (strcmp(word, "POST") == 0)
		sc->by_post = true;
	else if (strcmp(word, "GET") == 0)
		sc->by_get = true;
	else
		return err_set(
		    err, ERR_CONFIG, "must be one of \"POST\", \"GET\"");
	return 0;
}

int
scheme_methods_parse(const struct json *value, void *base, struct err *err)
{
	struct scheme *sc = base;

	sc->by_post = sc->by_get = false;
	return read_words(value, sc, take_method, err);
}

/*
 * Escapes that keep something apart: were they undone, the same signed URL
 * could be taken apart in another way.
 */
static bool
divides(unsigned byte)
{
	return byte == '%' || byte == '&' || byte == '=' || byte == '#' ||
	       byte == '+' || byte <= ' ' || byte >= 0x7f;
}

static int
take_escape(struct scheme *sc, const char *word, struct err *err)
{
	unsigned byte = 0;
	int end = 0;

	if (strlen(word) != 3 || sscanf(word, "%%%2x%n", &byte, &end) != 1 ||
	    end != 3)
		return err_set(
		    err, ERR_CONFIG, "must be an escape, as in \"%%3A\"");
	if (divides(byte))
		return err_set(err, ERR_CONFIG,
		    "\"%s\" keeps apart what stands beside it: without it the "
		    "same signature fits other URLs",
		    word);
	sc->url_decode[byte] = true;
	return 0;
}

int
scheme_url_decode_parse(const struct json *value, void *base, struct err *err)
{
	return read_words(value, base, take_escape, err);
}

/* --- what a scheme says --------------------------------------------------- */

bool
scheme_takes(const struct scheme *sc, struct span method)
{
	return (sc->by_post && span_is(method, "POST")) ||
	       (sc->by_get && span_is(method, "GET"));
}

const char *
scheme_methods(const struct scheme *sc)
{
	if (!sc->by_get)
		return "POST";
	return sc->by_post ? "GET, POST" : "GET";
}

static bool
signs_url(const struct scheme *sc)
{
	return template_has(&sc->content, PIECE_URL) &&
	       (sc->older.prefix == NULL ||
		   template_has(&sc->older.content, PIECE_URL));
}

bool
scheme_covers_payload(const struct scheme *sc, bool by_get)
{
	return by_get ? signs_url(sc) : sc->covers_body;
}

bool
scheme_reads_form(const struct scheme *sc, const struct template *t)
{
	const struct piece *p;
	size_t i;

	for (i = 0; i < t->n; i++) {
		p = &t->pieces[i];
		if ((p->kind == PIECE_FORM ||
			(p->kind == PIECE_JSON && sc->json_in.shown != NULL)) &&
		    !template_reads(&sc->content, p))
			return true;
	}
	return false;
}

/* --- do the fields fit together? ------------------------------------------ */

static bool
decodes_url(const struct scheme *sc)
{
	size_t i;

	for (i = 0; i < URL_BYTES; i++)
		if (sc->url_decode[i])
			return true;
	return false;
}

/* Is the body, or a digest of it, part of what is signed? */
static bool
signs_body(const struct scheme *sc)
{
	return sc->has_digest || template_has(&sc->content, PIECE_BODY) ||
	       template_has(&sc->content, PIECE_CRC32);
}

int
scheme_body_check(const struct scheme *sc, struct err *err)
{
	if (sc->by_get && sc->algorithm->kind != ALGORITHM_EQUAL &&
	    !signs_url(sc))
		return err_set(err, ERR_CONFIG,
		    "/methods: an event by GET stands in its query, which "
		    "needs {url} in content");
	if (decodes_url(sc) && !template_has(&sc->content, PIECE_URL))
		return err_set(
		    err, ERR_CONFIG, "/url/decode: the content has no {url}");
	if (sc->signs_decoded && !signs_body(sc))
		return err_set(
		    err, ERR_CONFIG, "/signs: the content has no {body}");
	if (sc->json_in.shown != NULL &&
	    sc->algorithm->kind == ALGORITHM_DIGEST)
		return err_set(err, ERR_CONFIG,
		    "/json_in: a plain digest lets anybody add bytes to a "
		    "form");
	if (sc->json_in.shown != NULL && sc->each_signed)
		return err_set(err, ERR_CONFIG,
		    "/json_in: elements that are signed stand in the body");
	return 0;
}
