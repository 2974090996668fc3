/*
 * fuzz_intake.c: libFuzzer feeds what a web server, or somebody in its place,
 * might send over connections, and what intake.h lets pass goes through libfcgi
 * as in the real program. The first byte of an input says in which pieces it
 * comes, the second how much body is expected; the rest is records, which the
 * mutator here takes apart and puts together again.
 */
#include "cgi/intake.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/env.h"
#include "cgi/fcgi.h"

#define RECORD_HEAD 8
#define BODY_MAX 100000
#define ALLOWED_STEP 4096
#define ALLOWED_MAX (256 * 1024)
#define RECORDS 64

/* A promise is broken: libFuzzer keeps the input. */
static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* What env.c says to refuse a request; nobody reads it here. */
void
receive_refuse(
    struct receive_reply *reply, enum receive_refusal refusal, const char *why)
{
	(void)reply;
	(void)refusal;
	(void)why;
}

/* --- one connection ------------------------------------------------------ */

/* What happened, to be compared: the same bytes, whatever their pieces. */
struct history {
	uint64_t hash;
	size_t bytes; /* that were used */
};

static void
note(struct history *h, const void *ptr, size_t len)
{
	const unsigned char *p = ptr;

	while (len-- > 0)
		h->hash = (h->hash ^ *p++) * 1099511628211u;
}

/* Whole records of version 1, and nothing behind them. */
static void
must_be_records(struct span out)
{
	const unsigned char *p;
	size_t len;

	while (out.len > 0) {
		must(out.len >= RECORD_HEAD);
		p = out.ptr;
		len = RECORD_HEAD + be16_get(p + 4) + p[6];
		must(p[0] == 1 && len <= out.len);
		out = span_skip(out, len);
	}
}

static void
try_head(struct intake *in, struct fcgi *f, struct history *h)
{
	struct header headers[REQUEST_HEADERS_MAX];
	struct intake_head head;
	struct request rq;
	struct err err;
	char **env = NULL;
	int failed = intake_head(in, &head, &err);
	size_t i, len = 0;

	note(h, &failed, sizeof(failed));
	note(h, &head.id, sizeof(head.id));
	note(h, head.params.ptr, head.params.len);
	must(head.id >= 1 && head.id <= 65535);
	must(fcgi_begin(f, head.id, head.params, &env, &err) == 0);
	/* libfcgi's own variable, and the pairs, each with two bytes more. */
	for (i = 1; env[i] != NULL; i++)
		len += strlen(env[i]) - 1;
	must(len <= head.params.len);
	failed = env_request(env, headers, &rq, &err);
	note(h, &failed, sizeof(failed));
}

static void
try_answer(struct fcgi *f, size_t len)
{
	unsigned char out[FCGI_TEXT_MAX + FCGI_AROUND_MAX];
	char text[FCGI_TEXT_MAX];

	memset(text, 'x', sizeof(text));
	len = fcgi_answer(f, span_of(text, len), out);
	must(len > 0 && len <= sizeof(out));
	must_be_records(span_of(out, len));
}

/* What serve.c makes of an event. False: the connection ends. */
static bool
see(struct intake *in, struct fcgi *f, enum intake_event ev, size_t expect,
    size_t *allowed, struct history *h)
{
	if (ev != INTAKE_CROWDED)
		note(h, &ev, sizeof(ev));
	switch (ev) {
	case INTAKE_MORE:
		break;
	case INTAKE_REPLY:
		must(intake_reply(in).len <= INTAKE_REPLY_MAX);
		must_be_records(intake_reply(in));
		break;
	case INTAKE_CROWDED:
		must(intake_needs(in) > *allowed);
		if (*allowed >= ALLOWED_MAX)
			return false;
		*allowed += ALLOWED_STEP;
		intake_allow(in, *allowed);
		break;
	case INTAKE_HEAD:
		try_head(in, f, h);
		intake_expect(in, expect);
		break;
	case INTAKE_END:
		must(intake_body(in).len <= expect);
		note(h, intake_body(in).ptr, intake_body(in).len);
		try_answer(f, intake_body(in).len % FCGI_TEXT_MAX);
		intake_next(in);
		must(intake_is_idle(in));
		break;
	case INTAKE_EXCESS:
	case INTAKE_ABORTED:
	case INTAKE_BROKEN:
		return false;
	}
	must(intake_needs(in) <= *allowed || ev == INTAKE_CROWDED ||
	     ev == INTAKE_END);
	return true;
}

static struct history
run(struct intake *in, struct fcgi *f, struct span all, size_t step,
    size_t expect)
{
	struct history h = { 14695981039346656037u, 0 };
	struct span piece;
	enum intake_event ev = INTAKE_MORE;
	size_t allowed = 32768;
	bool open = true;

	intake_allow(in, allowed);
	while (open && h.bytes < all.len) {
		piece = span_skip(all, h.bytes);
		if (piece.len > step)
			piece.len = step;
		do {
			h.bytes += piece.len;
			ev = intake_take(in, &piece);
			h.bytes -= piece.len;
			/* Pieces end where they end; all else is told. */
			open = ev == INTAKE_MORE ||
			       see(in, f, ev, expect, &allowed, &h);
		} while (open && ev != INTAKE_MORE);
		must(!open || piece.len == 0);
	}
	intake_reset(in);
	must(intake_is_idle(in));
	return h;
}

static size_t records; /* seen so far: for the figures */

static void
count(struct span all)
{
	const unsigned char *p = all.ptr;
	size_t len;

	for (; all.len > 0; all = span_skip(all, len)) {
		p = all.ptr;
		len = RECORD_HEAD;
		if (all.len >= RECORD_HEAD)
			len += be16_get(p + 4) + p[6];
		records++;
	}
}

static void
report(void)
{
	fprintf(stderr, "%zu records\n", records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct intake *in; /* used again, as connections use theirs */
	static struct fcgi *f;
	struct history whole, pieces;
	struct span all;
	struct err err;
	size_t expect;

	if (in == NULL) {
		must(fcgi_init(&err) == 0);
		must(fcgi_new(&f, &err) == 0);
		must(intake_new(BODY_MAX, &in, &err) == 0);
		must(atexit(report) == 0);
	}
	if (size < 2)
		return 0;
	all = span_of(data + 2, size - 2);
	expect = data[1] < 128 ? data[1] : (size_t)(data[1] - 127) * 1000;
	whole = run(in, f, all, all.len + 1, expect);
	pieces = run(in, f, all, 1 + data[0] % 32, expect);
	must(whole.hash == pieces.hash);
	count(all);
	return 0;
}

/* --- the mutator --------------------------------------------------------- */

struct piece {
	const uint8_t *ptr;
	size_t len;
};

/* As records, as far as they go. */
static size_t
take_apart(const uint8_t *data, size_t size, struct piece *out)
{
	size_t n = 0, len;

	while (size > 0 && n < RECORDS) {
		len = size < RECORD_HEAD
			  ? size
			  : RECORD_HEAD + be16_get(data + 4) + (size_t)data[6];
		if (len > size || n == RECORDS - 1)
			len = size;
		out[n++] = (struct piece){ data, len };
		data += len;
		size -= len;
	}
	return n;
}

/* Another value for a field of a record's head, or of a pair's. */
static void
bend(uint8_t *p, size_t len)
{
	static const uint8_t numbers[] = { 0, 1, 2, 4, 5, 7, 8, 9, 127, 128,
		129, 191, 192, 254, 255 };
	size_t i, n = 1 + (size_t)rand() % 4;

	for (i = (size_t)rand() % len; n > 0 && i < len; n--, i++)
		p[i] = numbers[(size_t)rand() % sizeof(numbers)];
}

static size_t
put(uint8_t *out, size_t at, size_t max, struct piece p)
{
	if (p.len > max - at)
		p.len = max - at;
	memcpy(out + at, p.ptr, p.len);
	return at + p.len;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	struct piece parts[RECORDS], other;
	uint8_t *was;
	size_t n, i, k, from, at = 2;
	int how;

	srand(seed);
	how = rand() % 8;
	if (size < 2 + RECORD_HEAD || how == 0)
		return LLVMFuzzerMutate(data, size, max);
	was = malloc(size);
	must(was != NULL);
	memcpy(was, data, size);
	n = take_apart(was + 2, size - 2, parts);
	i = (size_t)rand() % n;
	other = parts[(size_t)rand() % n];
	if (how == 1) /* left out */
		parts[i].len = 0;
	else if (how == 2) /* another in its place */
		parts[i] = other;
	else if (how == 3) /* cut */
		parts[i].len = (size_t)rand() % (parts[i].len + 1);
	else if (how == 4) /* one once more */
		at = put(data, at, max, other);
	for (k = 0; k < n; k++) {
		from = at;
		at = put(data, at, max, parts[k]);
		if (how > 4 && k == i && at > from)
			bend(data + from, at - from < 16 ? at - from : 16);
	}
	free(was);
	return at;
}
