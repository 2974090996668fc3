/*
 * check.c: do the fields of a scheme fit together? A time that nobody
 * signed, a digest that nobody signed, a key that never enters: such a file
 * would look safe and protect nothing, so it is refused when it is loaded.
 */
#include "lib/scheme/impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

static void
warn(struct scheme_warnings *w, const char *text)
{
	if (w == NULL || w->n == NITEMS(w->text))
		return;
	snprintf(w->text[w->n], sizeof(w->text[0]), "%s", text);
	w->n++;
}

/* --- rules --------------------------------------------------------------- */

static int
check_equal(const struct scheme *sc, struct err *err)
{
	if (sc->content.n > 0)
		return err_set(err, ERR_CONFIG,
		    "/content: \"equal\" signs nothing; leave it out");
	if (sc->sig_enc != ENCODING_UTF8)
		return err_set(err, ERR_CONFIG,
		    "/sig/enc: \"equal\" compares text; leave it out");
	if (sc->key_enc != ENCODING_UTF8)
		return err_set(err, ERR_CONFIG,
		    "/key/enc: \"equal\" compares text; leave it out");
	return 0;
}

/* Does anything that is sent enter it? */
static bool
reads_something(const struct template *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->pieces[i].kind != PIECE_LITERAL &&
		    t->pieces[i].kind != PIECE_PARAM &&
		    t->pieces[i].kind != PIECE_KEY)
			return true;
	return false;
}

/*
 * Anyone can compute the plain digest of longer bytes from the digest alone,
 * without the key: of those that were signed, some padding (0x80, zeros, a
 * length), and bytes of their own. Strict JSON can hold no such padding.
 */
static int
check_extension(const struct scheme *sc, struct err *err)
{
	const struct piece *last = &sc->content.pieces[sc->content.n - 1];

	if (!sc->body_is_json)
		return err_set(err, ERR_CONFIG,
		    "/body: must be \"json\": a plain digest with {key} lets "
		    "anybody add bytes to a body that is not");
	if (last->kind != PIECE_BODY && last->kind != PIECE_JSON &&
	    last->kind != PIECE_KEY)
		return err_set(err, ERR_CONFIG,
		    "/content: {body}, a JSON source or {key} must stand last: "
		    "anybody can add bytes to what does");
	return 0;
}

static int
check_content(const struct scheme *sc, struct err *err)
{
	bool keyed = template_has(&sc->content, PIECE_KEY);

	if (sc->content.n == 0)
		return err_set(err, ERR_CONFIG, "/content: is missing");
	if (sc->sig_enc == ENCODING_UTF8)
		return err_set(err, ERR_CONFIG, "/sig/enc: is missing");
	if (sc->algorithm->kind == ALGORITHM_DIGEST && !keyed)
		return err_set(err, ERR_CONFIG,
		    "/content: a plain digest needs {key} in it, or anybody "
		    "can make one");
	if (sc->algorithm->kind != ALGORITHM_DIGEST && keyed)
		return err_set(err, ERR_CONFIG,
		    "/content: {key} is for plain digests; %s has its key "
		    "anyway",
		    sc->algorithm->name);
	if (!reads_something(&sc->content))
		return err_set(
		    err, ERR_CONFIG, "/content: covers nothing of a request");
	return keyed ? check_extension(sc, err) : 0;
}

static int
check_older(const struct scheme *sc, struct err *err)
{
	if (sc->older.prefix == NULL)
		return 0;
	if (sc->prefix == NULL || sc->split == '\0' ||
	    sc->algorithm->kind == ALGORITHM_EQUAL)
		return err_set(err, ERR_CONFIG,
		    "/older: needs a signature with \"split\" and \"prefix\"");
	if (strcmp(sc->older.prefix, sc->prefix) == 0)
		return err_set(
		    err, ERR_CONFIG, "/older/prefix: is that of sig as well");
	if (template_has(&sc->older.content, PIECE_KEY) !=
	    template_has(&sc->content, PIECE_KEY))
		return err_set(err, ERR_CONFIG,
		    "/older/content: must hold {key} where content does");
	if (!reads_something(&sc->older.content))
		return err_set(err, ERR_CONFIG,
		    "/older/content: covers nothing of a request");
	return 0;
}

/* Does the newer version sign what this reads? */
static bool
newer_signs(const struct scheme *sc, const struct piece *p)
{
	const struct template *t = &sc->content;
	bool body = template_has(t, PIECE_BODY) ||
		    (sc->has_digest && template_reads(t, &sc->digest_from));

	switch (p->kind) {
	case PIECE_LITERAL:
	case PIECE_PARAM:
	case PIECE_KEY:
		return true; /* not the sender's to choose */
	case PIECE_BODY:
	case PIECE_CRC32:
		return body;
	case PIECE_JSON:
	case PIECE_FORM:
	case PIECE_FORM_ALL:
		/* Of a GET they are read off the query. */
		return (body && (!sc->by_get || template_has(t, PIECE_URL))) ||
		       template_reads(t, p);
	case PIECE_QUERY:
		return template_has(t, PIECE_URL) || template_reads(t, p);
	case PIECE_HEADER:
	case PIECE_ITEM:
	case PIECE_METHOD:
	case PIECE_URL:
	case PIECE_HEADERS:
		break;
	}
	return template_reads(t, p);
}

/*
 * From a request with signatures of both versions either can be taken away.
 * Its event is known by the older content, too, so that it is not new then;
 * but where the newer does not sign all of that, it can be changed first.
 */
static int
check_older_is_signed(const struct scheme *sc, struct err *err)
{
	const struct template *t = &sc->older.content;
	size_t i;

	for (i = 0; sc->older.prefix != NULL && i < t->n; i++)
		if (!newer_signs(sc, &t->pieces[i]))
			return err_set(err, ERR_CONFIG,
			    "/older/content: \"%s\" is not signed by "
			    "/content: of a request with both signatures "
			    "anybody could make two events; put the older "
			    "version into a scheme of its own",
			    t->pieces[i].shown);
	return 0;
}

/* An id that is the same text for all events would keep one of them. */
static int
check_ids(const struct scheme *sc, struct err *err)
{
	size_t i;

	for (i = 0; i < sc->nid; i++)
		if (!reads_something(&sc->id[i]))
			return err_set(err, ERR_CONFIG,
			    "/id: \"%s\" is the same for every event",
			    sc->id[i].pieces[0].arg);
	for (i = 0; i < sc->neach_id; i++)
		if (!reads_something(&sc->each_id[i]))
			return err_set(err, ERR_CONFIG,
			    "/each/id: \"%s\" is the same for every event",
			    sc->each_id[i].pieces[0].arg);
	return 0;
}

static int
check_sig(const struct scheme *sc, struct err *err)
{
	bool in_body = false, in_url = false;
	size_t i;

	for (i = 0; i < sc->nsig_from; i++) {
		in_body |= sc->sig_from[i].kind == PIECE_JSON ||
			   sc->sig_from[i].kind == PIECE_FORM;
		in_url |= sc->sig_from[i].kind == PIECE_QUERY;
	}
	if (in_url && template_has(&sc->content, PIECE_URL))
		return err_set(err, ERR_CONFIG,
		    "/sig/from: a signature that stands in the URL cannot "
		    "cover {url}");
	if (in_body && (template_has(&sc->content, PIECE_BODY) ||
			   template_has(&sc->content, PIECE_FORM_ALL)))
		return err_set(err, ERR_CONFIG,
		    "/sig/from: a signature that stands in the body cannot "
		    "cover {body}");
	return 0;
}

/* Items are those of one header that is a list. */
static int
check_item(const struct scheme *sc, const struct piece *p, const char *field,
    struct err *err)
{
	if (p->kind != PIECE_ITEM && p->kind != PIECE_HEADERS)
		return 0;
	if (sc->split == '\0')
		return err_set(err, ERR_CONFIG,
		    "%s: \"%s\" needs \"split\" in sig", field, p->shown);
	if (sc->nsig_from != 1 || sc->sig_from[0].kind != PIECE_HEADER ||
	    sc->sig_from[0].numbered)
		return err_set(err, ERR_CONFIG,
		    "%s: \"%s\" needs one header in sig.from", field, p->shown);
	return 0;
}

static int
check_items(const struct scheme *sc, const struct template *t, size_t n,
    const char *field, struct err *err)
{
	size_t i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < t[i].n; j++)
			if (check_item(sc, &t[i].pieces[j], field, err) < 0)
				return -1;
	return 0;
}

static int
check_all_items(const struct scheme *sc, struct err *err)
{
	size_t i;

	if (check_items(sc, &sc->content, 1, "/content", err) < 0 ||
	    check_items(sc, &sc->older.content, 1, "/older/content", err) < 0 ||
	    check_items(sc, sc->id, sc->nid, "/id", err) < 0 ||
	    check_items(sc, sc->type, sc->ntype, "/type", err) < 0 ||
	    check_item(sc, &sc->separator_in, "/separator_in", err) < 0 ||
	    check_item(sc, &sc->time_from, "/time/from", err) < 0 ||
	    check_item(sc, &sc->digest_from, "/digest/from", err) < 0)
		return -1;
	for (i = 0; i < sc->nrequire; i++)
		if (check_item(sc, &sc->require[i].from, "/require", err) < 0)
			return -1;
	return 0;
}

static int
check_coverage(const struct scheme *sc, struct err *err)
{
	size_t i;

	if (sc->has_time && !scheme_covers(sc, &sc->time_from))
		return err_set(err, ERR_CONFIG,
		    "/time/from: \"%s\" is not in the signed content, so "
		    "whoever repeats a request can make it new",
		    sc->time_from.shown);
	if (sc->has_digest && !scheme_covers(sc, &sc->digest_from))
		return err_set(err, ERR_CONFIG,
		    "/digest/from: \"%s\" is not in the signed content, so "
		    "whoever changes the body can change it too",
		    sc->digest_from.shown);
	for (i = 0; i < sc->nrequire; i++)
		if (sc->require[i].is_param &&
		    !scheme_covers(sc, &sc->require[i].from))
			return err_set(err, ERR_CONFIG,
			    "/require: \"%s\" is not in the signed content, "
			    "so whoever repeats a request can choose it",
			    sc->require[i].from.shown);
	if (sc->ports_both && !template_has(&sc->content, PIECE_URL))
		return err_set(
		    err, ERR_CONFIG, "/url/ports: the content has no {url}");
	if (sc->ntest_types > 0 && !sc->type_signed)
		return err_set(err, ERR_CONFIG,
		    "/test_types: the type is not in the signed content, so "
		    "whoever repeats a request can make it a test");
	if (sc->nrequired > 0 && !sc->body_is_json)
		return err_set(
		    err, ERR_CONFIG, "/required: needs \"body\": \"json\"");
	return 0;
}

/* --- what is read of a request ------------------------------------------- */

static int
add_name(struct scheme *sc, const char *name, struct err *err)
{
	size_t i;

	for (i = 0; i < sc->nheaders; i++)
		if (strcmp(sc->headers[i], name) == 0)
			return 0;
	if (sc->nheaders == SCHEME_HEADERS_MAX)
		return err_set(err, ERR_CONFIG, "/: reads more than %d headers",
		    SCHEME_HEADERS_MAX);
	sc->headers[sc->nheaders++] = name;
	return 0;
}

static int
add_header(struct scheme *sc, const struct piece *p, struct err *err)
{
	char *star;
	size_t len;

	if (p->kind != PIECE_HEADER)
		return 0;
	if (!p->numbered) {
		if (add_name(sc, p->arg, err) < 0)
			return -1;
		return p->other == NULL ? 0 : add_name(sc, p->other, err);
	}
	len = strlen(p->arg);
	star = malloc(len + 2);
	if (star == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a header's name");
	snprintf(star, len + 2, "%s*", p->arg);
	sc->numbered[sc->nnumbered++] = star;
	return add_name(sc, star, err);
}

static int
add_headers(
    struct scheme *sc, const struct template *t, size_t n, struct err *err)
{
	size_t i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < t[i].n; j++)
			if (add_header(sc, &t[i].pieces[j], err) < 0)
				return -1;
	return 0;
}

static int
find_headers(struct scheme *sc, struct err *err)
{
	size_t i;

	for (i = 0; i < sc->nsig_from; i++)
		if (add_header(sc, &sc->sig_from[i], err) < 0)
			return -1;
	for (i = 0; i < sc->nrequire; i++)
		if (add_header(sc, &sc->require[i].from, err) < 0)
			return -1;
	if (sc->has_secret_in && add_header(sc, &sc->secret_in, err) < 0)
		return -1;
	if ((sc->has_time && add_header(sc, &sc->time_from, err) < 0) ||
	    (sc->has_digest && add_header(sc, &sc->digest_from, err) < 0))
		return -1;
	if (add_headers(sc, &sc->content, 1, err) < 0 ||
	    add_headers(sc, &sc->older.content, 1, err) < 0 ||
	    add_headers(sc, sc->id, sc->nid, err) < 0)
		return -1;
	return add_headers(sc, sc->type, sc->ntype, err);
}

/* A secret that comes by itself: whose, and where it is answered. */
static int
check_secret_in(const struct scheme *sc, struct err *err)
{
	if (!sc->has_secret_in)
		return 0;
	if (!sc->secret_from_provider)
		return err_set(err, ERR_CONFIG,
		    "/secret_in: the operator makes the secrets of this "
		    "scheme: /secret_from must be \"provider\"");
	if (sc->secret_echo && sc->secret_in.kind != PIECE_HEADER)
		return err_set(err, ERR_CONFIG,
		    "/secret_in/echo: only a header is answered in one: "
		    "/secret_in/from must be \"header:NAME\"");
	if (sc->secret_in.other != NULL)
		return err_set(
		    err, ERR_CONFIG, "/secret_in/from: must name one header");
	if (sc->secret_echo && handshake_check_name(sc->secret_in.arg, err) < 0)
		return err_wrap(err, "/secret_in/echo");
	return 0;
}

int
scheme_check(
    struct scheme *sc, struct scheme_warnings *warnings, struct err *err)
{
	bool equal = sc->algorithm->kind == ALGORITHM_EQUAL, unique;

	if ((equal ? check_equal(sc, err) : check_content(sc, err)) < 0)
		return -1;
	if (check_older(sc, err) < 0)
		return -1;
	if (check_older_is_signed(sc, err) < 0)
		return -1;
	scheme_find_coverage(sc);
	if (check_ids(sc, err) < 0 || check_sig(sc, err) < 0 ||
	    scheme_body_check(sc, err) < 0 ||
	    scheme_join_check(sc, &unique, err) < 0 ||
	    scheme_identity_check(sc, unique, err) < 0 ||
	    check_all_items(sc, err) < 0 || check_coverage(sc, err) < 0 ||
	    handshake_check(sc, err) < 0 || check_secret_in(sc, err) < 0 ||
	    find_headers(sc, err) < 0)
		return -1;
	if (equal)
		warn(warnings, "/alg: \"equal\" covers nothing of a request: "
			       "whoever has seen the token can send anything");
	else if (!sc->covers_body)
		warn(warnings, "/content: does not cover {body}: whoever has "
			       "seen a request can send another body with its "
			       "signature");
	return 0;
}
