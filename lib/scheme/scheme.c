/* scheme.c: loads a scheme and says what stands in it. */
#include "lib/scheme/scheme.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/scheme/impl.h"
#include "lib/scheme/read.h"

/* --- loading ------------------------------------------------------------- */

/* The name of a scheme is that of its file, without ".json". */
static int
set_name(struct scheme *sc, const char *path, struct err *err)
{
	const char *base = strrchr(path, '/');
	size_t len;

	base = base == NULL ? path : base + 1;
	len = strlen(base);
	if (len < 5 || strcmp(base + len - 5, ".json") != 0)
		return err_set(
		    err, ERR_CONFIG, "the file's name must end in \".json\"");
	len -= 5;
	if (len == 0 || len > SCHEME_NAME_MAX ||
	    strspn(base, "abcdefghijklmnopqrstuvwxyz0123456789-") < len)
		return err_set(err, ERR_CONFIG,
		    "a scheme's name is 1 to %d of a-z, 0-9 and \"-\"",
		    SCHEME_NAME_MAX);
	memcpy(sc->name, base, len);
	return 0;
}

/* An editor counts lines, the scanner bytes: "line 7: byte 123: why". */
static void
put_line(struct span text, struct err *err)
{
	size_t at, i, line = 1;

	if (sscanf(err->text, "byte %zu:", &at) != 1)
		return;
	for (i = 0; i < at && i < text.len; i++)
		if (((const char *)text.ptr)[i] == '\n')
			line++;
	err_wrap(err, "line %zu", line);
}

static int
parse(struct scheme *sc, struct span text, struct scheme_warnings *warnings,
    struct err *err)
{
	struct json *root = NULL;
	int ret = -1;

	sc->text = span_dup(text, err);
	if (sc->text == NULL)
		return -1;
	sc->text_len = text.len;
	if (json_parse(text, &root, err) < 0) {
		put_line(text, err);
		goto out;
	}
	if (scheme_read(sc, root, err) < 0 ||
	    scheme_check(sc, warnings, err) < 0)
		goto out;
	ret = 0;
out:
	json_free(root);
	return ret;
}

/* What a file holds may stand in a message, which is one line. */
static void
keep_one_line(struct err *err)
{
	char *c;

	for (c = err->text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

/* Each warning as "FILE: /FIELD: why". */
static void
name_warnings(struct scheme_warnings *w, const char *path)
{
	struct err line = ERR_INIT;
	size_t i;

	for (i = 0; i < w->n; i++) {
		err_set(&line, ERR_CONFIG, "%s: %s", path, w->text[i]);
		memcpy(w->text[i], line.text, sizeof(w->text[i]) - 1);
		w->text[i][sizeof(w->text[i]) - 1] = '\0';
	}
}

int
scheme_parse(const char *path, struct span text, struct scheme **out,
    struct scheme_warnings *warnings, struct err *err)
{
	struct scheme *sc = calloc(1, sizeof(*sc));

	if (warnings != NULL)
		warnings->n = 0;
	if (sc == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a scheme");
	if (set_name(sc, path, err) < 0 || parse(sc, text, warnings, err) < 0) {
		if (err->code == ERR_INPUT)
			err->code = ERR_CONFIG;
		keep_one_line(err);
		scheme_free(sc);
		return err_wrap(err, "%s", path);
	}
	if (warnings != NULL)
		name_warnings(warnings, path);
	*out = sc;
	return 0;
}

/* All of a file that is not too long. */
static int
read_file(const char *path, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	unsigned char *at;
	struct stat st;
	ssize_t got;
	int ret = -1;

	if (fd < 0)
		return err_errno(err, errno, "%s", path);
	if (fstat(fd, &st) < 0) {
		err_errno(err, errno, "%s", path);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_CONFIG, "%s: is no regular file", path);
		goto out;
	}
	while (out->len <= SCHEME_FILE_MAX) {
		if (buf_reserve(out, 4096, &at, err) < 0)
			goto out;
		got = read(fd, at, 4096);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			err_errno(err, errno, "%s", path);
			goto out;
		}
		if (got == 0)
			break;
		out->len += (size_t)got;
	}
	ret = 0;
out:
	close(fd);
	return ret;
}

int
scheme_load(const char *path, struct scheme **out,
    struct scheme_warnings *warnings, struct err *err)
{
	struct buf text = BUF_INIT(SCHEME_FILE_MAX + 4096);
	int ret = -1;

	if (read_file(path, &text, err) < 0)
		goto out;
	if (text.len > SCHEME_FILE_MAX) {
		err_set(err, ERR_CONFIG, "%s: is longer than %d bytes", path,
		    SCHEME_FILE_MAX);
		goto out;
	}
	ret = scheme_parse(path, buf_span(&text), out, warnings, err);
out:
	buf_free(&text);
	return ret;
}

static void
free_texts(char **texts, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(texts[i]);
}

static void
free_templates(struct template *t, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		template_free(&t[i]);
}

struct scheme *
scheme_hold(const struct scheme *sc)
{
	struct scheme *held = (struct scheme *)(uintptr_t)sc;

	atomic_fetch_add(&held->holds, 1);
	return held;
}

void
scheme_free(struct scheme *sc)
{
	size_t i;

	if (sc == NULL || atomic_fetch_sub(&sc->holds, 1) != 0)
		return;
	free(sc->title);
	free(sc->link);
	free(sc->notes);
	free(sc->text);
	free_texts(sc->strip, sc->nstrip);
	for (i = 0; i < sc->nsig_from; i++)
		piece_free(&sc->sig_from[i]);
	free(sc->prefix);
	template_free(&sc->content);
	free(sc->older.prefix);
	template_free(&sc->older.content);
	piece_free(&sc->time_from);
	for (i = 0; i < sc->nrequire; i++) {
		piece_free(&sc->require[i].from);
		free(sc->require[i].value);
	}
	piece_free(&sc->digest_from);
	free_templates(sc->id, sc->nid);
	free_templates(sc->type, sc->ntype);
	free_templates(sc->each_id, sc->neach_id);
	free_templates(sc->each_type, sc->neach_type);
	free_texts(sc->each_at, sc->neach_at);
	for (i = 0; i < sc->nids; i++)
		free(sc->ids[i].text);
	piece_free(&sc->separator_in);
	piece_free(&sc->json_in);
	free_texts(sc->sources, sc->nsources);
	free_texts(sc->repeat_types, sc->nrepeat_types);
	free_texts(sc->retry_changes, sc->nretry_changes);
	free_texts(sc->required, sc->nrequired);
	free_texts(sc->test_types, sc->ntest_types);
	for (i = 0; i < sc->nenvelope; i++)
		free(sc->envelope[i].text);
	free(sc->envelope);
	for (i = 0; i < sc->nhandshake; i++)
		handshake_rule_free(&sc->handshake[i]);
	free(sc->handshake);
	piece_free(&sc->secret_in);
	free_texts(sc->numbered, sc->nnumbered);
	free(sc);
}

/* --- what a scheme says -------------------------------------------------- */

const char *
scheme_name(const struct scheme *sc)
{
	return sc->name;
}

const char *
scheme_title(const struct scheme *sc)
{
	return sc->title == NULL ? sc->name : sc->title;
}

const char *
scheme_link(const struct scheme *sc)
{
	return sc->link;
}

const char *
scheme_notes(const struct scheme *sc)
{
	return sc->notes;
}

const char *
scheme_confidence(const struct scheme *sc)
{
	switch (sc->confidence) {
	case CONFIDENCE_DOCUMENTED:
		return "documented: by the provider's own page or program";
	case CONFIDENCE_SECONDARY:
		return "secondary: from others' guides; compare with the "
		       "provider's page";
	case CONFIDENCE_RECALLED:
		return "recalled: from general knowledge; compare with the "
		       "provider's page";
	case CONFIDENCE_UNSAID:
		break;
	}
	return NULL;
}

int64_t
scheme_timeout_s(const struct scheme *sc)
{
	return sc->timeout_s;
}

const char *
scheme_algorithm(const struct scheme *sc)
{
	return sc->algorithm->name;
}

bool
scheme_secret_from_provider(const struct scheme *sc)
{
	return sc->secret_from_provider;
}

bool
scheme_body_is_json(const struct scheme *sc)
{
	return sc->body_is_json;
}

int64_t
scheme_tolerance_s(const struct scheme *sc)
{
	return sc->has_time ? sc->past_s : -1;
}

const char *
scheme_test_type(const struct scheme *sc)
{
	return sc->ntest_types == 0 ? NULL : sc->test_types[0];
}

bool
scheme_has_envelope(const struct scheme *sc)
{
	return sc->nenvelope > 0;
}

bool
scheme_is_test_type(const struct scheme *sc, struct span type)
{
	size_t i;

	for (i = 0; i < sc->ntest_types; i++)
		if (span_is(type, sc->test_types[i]))
			return true;
	/* A type that nobody signed would make any captured request a test. */
	return sc->default_tests && sc->type_signed &&
	       span_is(type, "test.event");
}

bool
scheme_needs_url(const struct scheme *sc)
{
	return template_has(&sc->content, PIECE_URL);
}

const char *
scheme_param(const struct scheme *sc, size_t i)
{
	const struct piece *p;
	size_t k;

	for (k = 0; k < sc->content.n; k++) {
		p = &sc->content.pieces[k];
		if (p->kind == PIECE_PARAM && !p->optional && i-- == 0)
			return p->arg;
	}
	for (k = 0; k < sc->nrequire; k++)
		if (sc->require[k].is_param && i-- == 0)
			return sc->require[k].value;
	return NULL;
}

bool
scheme_header_is_secret(const struct scheme *sc, struct span name)
{
	const struct piece *p;
	size_t i;

	if (sc->has_secret_in && sc->secret_in.kind == PIECE_HEADER &&
	    span_is(name, sc->secret_in.arg))
		return true;
	if (sc->algorithm->kind != ALGORITHM_EQUAL)
		return false;
	for (i = 0; i < sc->nsig_from; i++) {
		p = &sc->sig_from[i];
		if (p->kind == PIECE_HEADER &&
		    (p->numbered ? span_starts(name, p->arg)
				 : span_is(name, p->arg)))
			return true;
		if (p->other != NULL && span_is(name, p->other))
			return true;
	}
	return false;
}

bool
scheme_has_secret_in(const struct scheme *sc)
{
	return sc->has_secret_in;
}

bool
scheme_secret_is_in_body(const struct scheme *sc)
{
	return sc->has_secret_in && sc->secret_in.kind != PIECE_HEADER;
}

bool
scheme_body_has_secret(const struct scheme *sc)
{
	size_t i;

	if (sc->algorithm->kind != ALGORITHM_EQUAL)
		return false;
	for (i = 0; i < sc->nsig_from; i++)
		if (sc->sig_from[i].kind != PIECE_HEADER)
			return true;
	return false;
}

struct span
scheme_text(const struct scheme *sc)
{
	return span_of(sc->text, sc->text_len);
}

const struct scheme_status *
scheme_status(const struct scheme *sc)
{
	return &sc->status;
}

size_t
scheme_headers(const struct scheme *sc, const char *const **names)
{
	*names = sc->headers;
	return sc->nheaders;
}
