/*
 * fuzz_scheme.c: libFuzzer feeds requests to a preset, or a scheme file to the
 * reader. The first line of the input chooses: the name of a preset of the
 * folder EYELET_SCHEMES, or "file". Then lines "name: value" up to an empty
 * one, the first of them the query, and the body. Nobody without the secret
 * may pass; nothing takes more than its time.
 */
#include "lib/scheme/handshake.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS 32
#define REPLY_MAX (HANDSHAKE_REPLY_MAX + HANDSHAKE_HEADERS_MAX)

/* A promise is broken: libFuzzer keeps the input. */
static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* Takes the first line off a text. */
static struct span
line_of(struct span *rest)
{
	size_t at = span_find(*rest, '\n');
	struct span line = span_of(rest->ptr, at);

	*rest = span_skip(*rest, at + 1);
	return line;
}

static struct scheme_set *
presets(void)
{
	const char *dir = getenv("EYELET_SCHEMES");
	struct scheme_set *set = NULL;
	struct err err;

	must(dir != NULL);
	must(scheme_set_load(&dir, 1, NULL, NULL, &set, &err) == 0);
	must(scheme_set_count(set) > 50);
	return set;
}

static void
try_file(struct span text)
{
	struct scheme_warnings warnings;
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;

	if (scheme_parse("x.json", text, &sc, &warnings, &err) == 0) {
		must(strlen(scheme_title(sc)) > 0);
		scheme_free(sc);
		return;
	}
	must(err.code == ERR_CONFIG || err.code == ERR_NOMEM);
	must(strncmp(err.text, "x.json: ", 8) == 0);
	must(strchr(err.text, '\n') == NULL);
}

/* A key that nobody has: what it verifies was forged. */
static struct scheme_key *
key_of(const struct scheme *sc)
{
	struct buf secret = BUF_INIT(1024);
	struct scheme_key *key = NULL;
	struct err err;

	if (scheme_secret_generate(sc, &secret, &err) == 0)
		must(scheme_key_make(sc, buf_span(&secret), &key, &err) == 0);
	buf_wipe(&secret);
	return key;
}

static void
try_request(const struct scheme *sc, struct verify_input *in)
{
	struct scheme_key *key = key_of(sc);
	struct buf scratch = BUF_INIT(65536);
	struct handshake_reply reply = HANDSHAKE_REPLY_INIT;
	enum handshake_outcome outcome;
	struct verify_result result;
	struct identity id;
	struct err err;
	int stage;

	must(verify_request(sc, &key, key != NULL, in, &result, &err) == 0);
	must(result.verdict != VERIFY_VALID);
	must(result.reason != NULL);
	if (verify_identify(sc, in, &scratch, &id, &err) == 0) {
		must(id.id.len <= EVENT_ID_MAX);
		must(id.type.len <= EVENT_TYPE_MAX);
		must(memchr(id.why, '\0', sizeof(id.why)) != NULL);
	}
	for (stage = HANDSHAKE_UNSIGNED; stage <= HANDSHAKE_SIGNED; stage++)
		if (handshake_answer(sc, (enum handshake_stage)stage, in, key,
			&outcome, &reply, &err) == 0) {
			must(reply.body.len + reply.headers.len <= REPLY_MAX);
			handshake_reply_free(&reply);
		}
	handshake_reply_free(&reply);
	buf_free(&scratch);
	scheme_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scheme_set *set; /* the one thing that is kept */
	static const char *const methods[] = { "POST", "GET", "OPTIONS" };
	static const struct verify_param params[] = { { "webhook_id", "w" },
		{ "verify_token", "v" } };
	struct span rest = span_of(data, size), name, line;
	struct header headers[HEADERS];
	struct request rq = { .headers = headers, .now_ms = 1700000000000 };
	struct verify_input in = { .request = &rq,
		.url = "https://h.example/p",
		.params = params,
		.nparams = 2,
		.tolerance_s = -1,
		.horizon_s = 3024000 };
	const struct scheme *sc;
	char text[SCHEME_NAME_MAX + 1];
	size_t i;

	if (set == NULL)
		set = presets();
	name = line_of(&rest);
	if (span_is(name, "file")) {
		try_file(rest);
		return 0;
	}
	snprintf(text, sizeof(text), "%.*s", (int)name.len,
	    name.len == 0 ? "" : (const char *)name.ptr);
	sc = scheme_set_find(set, text);
	if (sc == NULL)
		return 0;
	rq.query = line_of(&rest);
	while (rq.nheaders < HEADERS && (line = line_of(&rest)).len > 0) {
		i = span_find(line, ':');
		headers[rq.nheaders].name = span_of(line.ptr, i);
		headers[rq.nheaders++].value =
		    span_trim(span_skip(line, i + 1));
	}
	rq.body = rest;
	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		rq.method = span_str(methods[i]);
		try_request(sc, &in);
	}
	return 0;
}
