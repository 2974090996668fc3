/* vectors.c: reads the known requests and the schemes they belong to. */
#include "tests/stand/vectors.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/encode.h"
#include "lib/base/util.h"
#include "lib/http/url.h"

#define LINE_MAX_BYTES 65536

static const char *
source_dir(void)
{
	const char *dir = getenv("top_srcdir");

	return dir == NULL ? "." : dir;
}

static FILE *
open_lines(const char *file)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/stand/%s", source_dir(), file);
	return fopen(path, "r");
}

size_t
vector_count(const char *file)
{
	FILE *f = open_lines(file);
	size_t n = 0;
	int c;

	/* No ck_assert: a main() asks before any test runs. */
	if (f == NULL)
		return 0;
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static const char *
text_of(const struct json *j, const char *name, const char *otherwise)
{
	const char *s = json_text(json_get(j, name));

	return s == NULL ? otherwise : s;
}

/* Headers as a front end hands them over: lower case, blanks cut. */
static void
read_headers(struct vector *v)
{
	const struct json *h = json_first(json_get(v->line, "headers"));
	struct err err = ERR_INIT;
	struct span name;
	size_t i, at;

	v->names.max = 65536;
	for (; h != NULL; h = json_next(h)) {
		ck_assert_uint_lt(v->request.nheaders, NITEMS(v->headers));
		name = span_str(json_name(h));
		at = v->names.len;
		ck_assert_int_eq(buf_put_span(&v->names, name, &err), 0);
		for (i = at; i < v->names.len; i++)
			if (v->names.ptr[i] >= 'A' && v->names.ptr[i] <= 'Z')
				v->names.ptr[i] |= 0x20;
		v->headers[v->request.nheaders].name = span_of(NULL, name.len);
		v->headers[v->request.nheaders++].value =
		    span_trim(span_str(json_text(h)));
	}
	/* Only now does the memory of the names stay where it is. */
	for (i = 0, at = 0; i < v->request.nheaders; i++) {
		v->headers[i].name.ptr = v->names.ptr + at;
		at += v->headers[i].name.len;
	}
	v->request.headers = v->headers;
}

static void
read_body(struct vector *v)
{
	struct span text = span_str(text_of(v->line, "body_b64", ""));
	struct err err = ERR_INIT;
	unsigned char *at;
	size_t len;

	v->body.max = LINE_MAX_BYTES;
	if (json_get(v->line, "body_b64") == NULL) {
		text = span_str(text_of(v->line, "body", ""));
		ck_assert_int_eq(buf_put_span(&v->body, text, &err), 0);
	} else {
		ck_assert_int_eq(buf_reserve(&v->body, text.len, &at, &err), 0);
		ck_assert(
		    encode_read(ENCODING_BASE64, text, at, text.len, &len));
		v->body.len = len;
	}
	v->request.body = buf_span(&v->body);
}

static void
read_params(struct vector *v)
{
	const struct json *p = json_first(json_get(v->line, "params"));
	size_t n = 0;

	for (; p != NULL; p = json_next(p)) {
		ck_assert_uint_lt(n, NITEMS(v->params));
		v->params[n].name = json_name(p);
		v->params[n++].value = json_text(p);
	}
	v->input.params = v->params;
	v->input.nparams = n;
}

static void
read_line(const char *line, struct vector *v)
{
	const struct json *s;
	struct err err = ERR_INIT;
	int64_t now = 0;

	memset(v, 0, sizeof(*v));
	ck_assert_msg(
	    json_parse(span_of(line, strcspn(line, "\n")), &v->line, &err) == 0,
	    "%s", err.text);
	v->name = text_of(v->line, "name", "?");
	v->provider = text_of(v->line, "provider", "?");
	v->expect = text_of(v->line, "expect", "?");
	v->event_id = text_of(v->line, "event_id", NULL);
	v->event_type = text_of(v->line, "event_type", NULL);
	s = json_first(json_get(v->line, "secrets"));
	for (; s != NULL; s = json_next(s))
		v->secrets[v->nsecrets++] = span_str(json_text(s));
	if (v->nsecrets == 0)
		v->secrets[v->nsecrets++] =
		    span_str(text_of(v->line, "secret", ""));
	read_headers(v);
	read_body(v);
	read_params(v);
	v->request.method = span_str(text_of(v->line, "method", "POST"));
	v->request.content_length = (int64_t)v->body.len;
	v->input.request = &v->request;
	v->input.url = text_of(v->line, "url", NULL);
	v->request.query = url_query(span_str(v->input.url));
	v->input.tolerance_s = v->input.horizon_s = -1;
	ck_assert_int_eq(
	    json_opt_int(v->line, "tolerance", &v->input.tolerance_s, &err), 0);
	ck_assert_int_eq(json_want_int(v->line, "now", &now, &err), 0);
	v->request.now_ms = now * 1000;
}

/* Line i of a file; the caller frees it. NULL behind the last. */
static char *
line_at(const char *file, size_t i)
{
	char *line = malloc(LINE_MAX_BYTES);
	FILE *f = open_lines(file);
	size_t n;

	ck_assert(line != NULL && f != NULL);
	for (n = 0; n <= i && line != NULL; n++)
		if (fgets(line, LINE_MAX_BYTES, f) == NULL) {
			free(line);
			line = NULL;
		}
	fclose(f);
	return line;
}

void
vector_read(const char *file, size_t i, struct vector *v)
{
	char *line = line_at(file, i);

	ck_assert_ptr_nonnull(line);
	read_line(line, v);
	free(line);
}

bool
vector_find(const char *file, const char *name, struct vector *v)
{
	size_t i, n = vector_count(file);

	for (i = 0; i < n; i++) {
		vector_read(file, i, v);
		if (strcmp(v->name, name) == 0)
			return true;
		vector_free(v);
	}
	return false;
}

void
vector_free(struct vector *v)
{
	json_free(v->line);
	buf_free(&v->body);
	buf_free(&v->names);
}

struct scheme *
scheme_of(const char *name)
{
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;
	char path[4096];

	snprintf(
	    path, sizeof(path), "%s/conf/schemes/%s.json", source_dir(), name);
	ck_assert_msg(scheme_load(path, &sc, NULL, &err) == 0, "%s", err.text);
	return sc;
}

size_t
vector_keys(
    const struct scheme *sc, const struct vector *v, struct scheme_key **keys)
{
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < v->nsecrets; i++)
		ck_assert_msg(
		    scheme_key_make(sc, v->secrets[i], &keys[i], &err) == 0,
		    "%s: %s", v->name, err.text);
	return v->nsecrets;
}

void
keys_free(struct scheme_key **keys, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		scheme_key_free(keys[i]);
}
