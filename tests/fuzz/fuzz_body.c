/*
 * fuzz_body.c: libFuzzer feeds what a stranger may send as a body: packed bytes
 * and forms in parts. The first byte of an input says which reader takes the
 * rest, and how much may come of it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/http/body.h"
#include "lib/http/inflate.h"
#include "lib/http/multipart.h"

/* A promise is broken: libFuzzer keeps the input. */
static void
must(bool holds)
{
	if (!holds)
		abort();
}

static bool
lies_in(struct span part, struct span all)
{
	const unsigned char *p = part.ptr, *a = all.ptr;

	return part.len == 0 || (p >= a && p + part.len <= a + all.len);
}

/* The same bytes with the same bound come out; with a larger one no fewer. */
static void
try_packed(struct span packed, enum inflate_format format, size_t max)
{
	struct buf out = BUF_INIT(1), more = BUF_INIT(1);
	enum inflate_outcome how, wide;
	struct err err = ERR_INIT;

	must(inflate_all(format, packed, max, &out, &how, &err) == 0);
	must(how == INFLATE_TOO_LARGE || out.len <= max);
	must(inflate_all(format, packed, 2 * max, &more, &wide, &err) == 0);
	if (how == INFLATE_OK) {
		must(wide == INFLATE_OK && more.len == out.len);
		must(out.len == 0 || memcmp(out.ptr, more.ptr, out.len) == 0);
	}
	must(how != INFLATE_BROKEN || wide == INFLATE_BROKEN);
	buf_free(&out);
	buf_free(&more);
}

static void
try_body(struct span packed, const char *coding)
{
	struct budget budget = { 0, 65536 };
	struct body b = { .max = 32768, .budget = &budget };
	struct err err = ERR_INIT;

	must(body_unpack(&b, packed, span_str(coding), &err) == 0);
	must((b.why == NULL) == (b.state == BODY_OPEN));
	must(b.why == NULL || (b.bytes.len == 0 && budget.used == 0));
	must(b.bytes.len <= b.max || b.bytes.len == packed.len);
	must(lies_in(body_text(b.bytes), b.bytes));
	body_close(&b);
	must(budget.used == 0);
}

/* A form is broken for every name, or for those alone that it has twice. */
static void
try_form(struct span body)
{
	struct span value, none, cut;
	enum form_answer answer, other;

	answer =
	    multipart_find(body, span_str("b"), "token", FORM_EXACT, &value);
	other = multipart_find(body, span_str("b"), "\x01", FORM_EXACT, &none);
	must(lies_in(value, body));
	must(other != FORM_FOUND);
	must(answer == FORM_BROKEN || other == FORM_ABSENT);
	must(answer == FORM_FOUND || value.len == 0);
	/* Without its last delimiter it is not whole. */
	if (answer == FORM_FOUND) {
		cut = span_of(body.ptr,
		    (size_t)((const char *)value.ptr - (const char *)body.ptr));
		if (value.len > 0)
			must(multipart_find(cut, span_str("b"), "token",
				 FORM_EXACT, &none) == FORM_BROKEN);
	}
	(void)multipart_find(
	    body, span_str("b"), "TOKEN", FORM_ANY_CASE, &value);
	must(lies_in(value, body));
}

static void
try_type(struct span text)
{
	struct span boundary;
	enum multipart_type kind = multipart_type(text, &boundary);

	must(kind != MULTIPART_FORM ||
	     (boundary.len > 0 && boundary.len <= MULTIPART_BOUNDARY_MAX));
	must(lies_in(boundary, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest;

	if (size < 1)
		return 0;
	rest = span_of(data + 1, size - 1);
	switch (data[0] % 6) {
	case 0:
		try_packed(rest, INFLATE_GZIP, (size_t)data[0] * 16);
		break;
	case 1:
		try_packed(rest, INFLATE_ZLIB, (size_t)data[0] * 16);
		break;
	case 2:
		try_body(rest, "gzip");
		break;
	case 3:
		try_body(rest, "deflate");
		break;
	case 4:
		try_type(rest);
		break;
	default:
		try_form(rest);
		break;
	}
	return 0;
}
