/*
 * What administrators ask of the owner, on a real store: each row is a story
 * of calls; the last row of an answer must have a value at a pointer, or the
 * call must fail with a code and a word.
 */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/util.h"
#include "lib/json/scan.h"
#include "lib/owner/frame.h"
#include "tests/stand/ops_stand.h"

#define STEPS_MAX 9
#define MANY 1200 /* rotations */

struct step {
	const char *call;
	enum err_code code; /* ERR_NONE: it works */
	const char *at; /* pointer into the last row; or a word of the error */
	const char *want; /* JSON text there; NULL: nothing is there */
};

#define ADD "{\"op\":\"endpoint.add\",\"endpoint\":\"shop\","
#define NOMOS "\"settings\":{\"scheme\":\"nomos\"}"
#define GITHUB "\"settings\":{\"scheme\":\"github\"}"
#define OP(name) "{\"op\":\"" name "\",\"endpoint\":\"shop\""
#define ADD_A                                                              \
	{                                                                  \
		ADD NOMOS ",\"secret_b64\":\"@A@\"}", ERR_NONE, NULL, NULL \
	}

static const struct {
	const char *when;
	struct step steps[STEPS_MAX];
} stories[] = {
	{ "a provider's endpoint begins without a secret",
	    { { ADD NOMOS "}", ERR_NONE, "/secrets_live", "0" },
		{ OP("endpoint.show") "}", ERR_NONE, "/secrets", "[]" } } },
	{ "its first secret is current",
	    { { ADD NOMOS "}", ERR_NONE, "/secret", NULL },
		{ OP("secret.stage") ",\"secret_b64\":\"@A@\"}", ERR_NONE,
		    "/state", "\"current\"" } } },
	{ "the path follows the mount",
	    { { ADD NOMOS "}", ERR_NONE, "/path", "\"/hooks/shop\"" } } },
	{ "an operator's endpoint gets a secret of ours, shown once",
	    { { ADD GITHUB "}", ERR_NONE, "/secret", "\"sec_1\"" },
		{ OP("endpoint.show") "}", ERR_NONE, "/value", NULL },
		{ OP("secret.show") "}", ERR_NONE, "/value", NULL } } },
	{ "a given secret is not shown",
	    { { ADD GITHUB ",\"secret_b64\":\"@A@\"}", ERR_NONE, "/value",
		  NULL },
		{ OP("secret.reveal") "}", ERR_NONE, "/value",
		    "\"" CANARY "-A-0123456789-0123456789\"" } } },
	{ "a name is taken once",
	    { ADD_A, { ADD NOMOS "}", ERR_EXISTS, "already", NULL } } },
	{ "a removed name is free again",
	    { ADD_A,
		{ OP("endpoint.remove") "}", ERR_NONE, "/state",
		    "\"removed\"" },
		{ OP("endpoint.show") "}", ERR_NOTFOUND, "shop", NULL },
		{ OP("secret.stage") ",\"secret_b64\":\"@B@\"}", ERR_NOTFOUND,
		    "shop", NULL },
		{ ADD NOMOS ",\"secret_b64\":\"@A@\"}", ERR_NONE, "/warnings",
		    "[]" },
		{ "{\"op\":\"endpoint.list\",\"removed\":true}", ERR_NONE,
		    "/state", "\"enabled\"" } } },
	{ "a bad name",
	    { { "{\"op\":\"endpoint.add\",\"endpoint\":\"a/b\"," NOMOS "}",
		ERR_INPUT, "letters", NULL } } },
	{ "a reserved name",
	    { { "{\"op\":\"endpoint.add\",\"endpoint\":\"healthz\"," NOMOS "}",
		ERR_INPUT, "healthz", NULL } } },
	{ "an unknown scheme, near one",
	    { { ADD "\"settings\":{\"scheme\":\"nomoss\"}}", ERR_INPUT,
		"\"nomos\"?", NULL } } },
	{ "no scheme",
	    { { ADD "\"settings\":{}}", ERR_INPUT, "scheme", NULL } } },
	{ "a scheme that signs the URL needs one",
	    { { ADD "\"settings\":{\"scheme\":\"square\"}}", ERR_INPUT,
		  "--public-url", NULL },
		{ ADD "\"settings\":{\"scheme\":\"square\","
		      "\"public_url\":\"https://a.example/hooks/shop\"}}",
		    ERR_NONE, "/public_url",
		    "\"https://a.example/hooks/shop\"" },
		{ OP("endpoint.edit") ",\"settings\":{\"public_url\":null}}",
		    ERR_INPUT, "--public-url", NULL } } },
	{ "settings are judged",
	    { { ADD "\"settings\":{\"scheme\":\"nomos\",\"rate\":-1}}",
		ERR_INPUT, "rate", NULL } } },
	{ "a key of the wrong form is refused",
	    { { ADD "\"settings\":{\"scheme\":\"standard-webhooks\"},"
		    "\"secret_b64\":\"@A@\"}",
		ERR_INPUT, "standard-webhooks", NULL } } },
	{ "an empty secret is refused", { { ADD NOMOS ",\"secret_b64\":\"\"}",
					    ERR_INPUT, "secret", NULL } } },
	{ "a secret that is no base64 on the wire",
	    { { ADD NOMOS ",\"secret_b64\":\"%%\"}", ERR_USAGE, "base64",
		NULL } } },
	{ "a short one is taken with a warning",
	    { { ADD NOMOS ",\"secret_b64\":\"c2hvcnQ=\"}", ERR_NONE,
		"/warnings/0",
		"\"the secret has only 5 bytes: where the provider allows it, "
		"use one of 24 or more\"" } } },
	{ "edit changes what it names",
	    { ADD_A,
		{ OP("endpoint.edit") ",\"settings\":{\"title\":\"T\","
				      "\"labels\":{\"a\":\"1\"}}}",
		    ERR_NONE, "/title", "\"T\"" },
		{ OP("endpoint.edit") ",\"settings\":{\"rate\":5}}", ERR_NONE,
		    "/labels", "{\"a\":\"1\"}" } } },
	{ "edit bumps the generation",
	    { ADD_A, { OP("endpoint.show") "}", ERR_NONE, "/generation", "1" },
		{ OP("endpoint.edit") ",\"settings\":{\"rate\":5}}", ERR_NONE,
		    "/generation", "2" } } },
	{ "a new scheme must fit the secrets",
	    { ADD_A,
		{ OP("endpoint.edit") ",\"settings\":{\"scheme\":\"nimbus\"}}",
		    ERR_NONE, "/scheme", "\"nimbus\"" },
		{ OP("endpoint.edit") ",\"settings\":"
				      "{\"scheme\":\"standard-webhooks\"}}",
		    ERR_INPUT, "sec_1", NULL } } },
	{ "edit refuses what add refuses",
	    { ADD_A,
		{ OP("endpoint.edit") ",\"settings\":{\"events\":\"a*b\"}}",
		    ERR_INPUT, "events", NULL },
		{ OP("endpoint.edit") ",\"settings\":{\"colour\":1}}",
		    ERR_INPUT, "colour", NULL } } },
	{ "values of params are never shown",
	    { { ADD "\"settings\":{\"scheme\":\"nomos\","
		    "\"params\":{\"k\":\"" CANARY "\"}}}",
		  ERR_NONE, "/params", "[\"k\"]" },
		{ OP("endpoint.show") "}", ERR_NONE, "/params", "[\"k\"]" } } },
	{ "disabled and enabled",
	    { ADD_A,
		{ OP("endpoint.disable") "}", ERR_NONE, "/state",
		    "\"disabled\"" },
		{ OP("endpoint.show") "}", ERR_NONE, "/state", "\"disabled\"" },
		{ OP("endpoint.enable") "}", ERR_NONE, "/state",
		    "\"enabled\"" } } },
	{ "if_gen of now", { ADD_A, { OP("endpoint.disable") ",\"if_gen\":1}",
					ERR_NONE, "/generation", "2" } } },
	{ "if_gen of before: endpoint",
	    { ADD_A, { OP("endpoint.disable") "}", ERR_NONE, NULL, NULL },
		{ OP("endpoint.enable") ",\"if_gen\":1}", ERR_CONFLICT,
		    "generation 2, not 1", NULL },
		{ OP("endpoint.edit") ",\"if_gen\":1,\"settings\":"
				      "{\"rate\":1}}",
		    ERR_CONFLICT, "generation", NULL },
		{ OP("endpoint.remove") ",\"if_gen\":1}", ERR_CONFLICT,
		    "generation", NULL },
		{ OP("endpoint.show") "}", ERR_NONE, "/state",
		    "\"disabled\"" } } },
	{ "if_gen of before: secrets",
	    { ADD_A,
		{ OP("secret.stage") ",\"secret_b64\":\"@B@\",\"if_gen\":1}",
		    ERR_NONE, "/generation", "2" },
		{ OP("secret.activate") ",\"if_gen\":1}", ERR_CONFLICT,
		    "generation", NULL },
		{ OP("secret.rotate") ",\"secret_b64\":\"@C@\",\"if_gen\":1}",
		    ERR_CONFLICT, "generation", NULL },
		{ OP("secret.revoke") ",\"secret\":\"sec_1\",\"if_gen\":1}",
		    ERR_CONFLICT, "generation", NULL },
		{ OP("secret.stage") ",\"secret_b64\":\"@C@\",\"if_gen\":1}",
		    ERR_CONFLICT, "generation", NULL } } },
	{ "stage, activate",
	    { ADD_A,
		{ OP("secret.stage") ",\"secret_b64\":\"@B@\"}", ERR_NONE,
		    "/state", "\"staged\"" },
		{ OP("secret.activate") "}", ERR_NONE, "/previous",
		    "\"sec_1\"" },
		{ OP("endpoint.show") "}", ERR_NONE, "/secrets/0/state",
		    "\"previous\"" },
		{ OP("endpoint.show") "}", ERR_NONE, "/secrets/1/state",
		    "\"current\"" } } },
	{ "what was given is not told back",
	    { ADD_A,
		{ OP("secret.stage") ",\"secret_b64\":\"@B@\"}", ERR_NONE,
		    "/value", NULL },
		{ OP("secret.rotate") ",\"secret_b64\":\"@C@\"}", ERR_NONE,
		    "/value", NULL } } },
	{ "activate by id, of two staged",
	    { ADD_A,
		{ OP("secret.stage") ",\"secret_b64\":\"@B@\"}", ERR_NONE, NULL,
		    NULL },
		{ OP("secret.stage") ",\"secret_b64\":\"@C@\"}", ERR_NONE, NULL,
		    NULL },
		{ OP("secret.activate") "}", ERR_USAGE, "2 secrets", NULL },
		{ OP("secret.activate") ",\"secret\":\"sec_3\"}", ERR_NONE,
		    "/secret", "\"sec_3\"" } } },
	{ "nothing to activate",
	    { ADD_A,
		{ OP("secret.activate") "}", ERR_NOTFOUND, "staged", NULL },
		{ OP("secret.activate") ",\"secret\":\"sec_9\"}", ERR_NOTFOUND,
		    "sec_9", NULL },
		{ OP("secret.activate") ",\"secret\":\"sec_1\"}", ERR_INPUT,
		    "current", NULL },
		{ OP("secret.activate") ",\"secret\":\"x\"}", ERR_INPUT,
		    "sec_12", NULL } } },
	{ "rotate with grace 0 ends the old one",
	    { ADD_A,
		{ OP("secret.rotate") ",\"secret_b64\":\"@B@\","
				      "\"grace_s\":0}",
		    ERR_NONE, "/secrets_live", "1" },
		{ OP("endpoint.show") "}", ERR_NONE, "/secrets/0/state",
		    "\"expired\"" },
		{ OP("secret.reveal") ",\"secret\":\"sec_1\"}", ERR_INPUT,
		    "expired", NULL } } },
	{ "grace has bounds",
	    { ADD_A,
		{ OP("secret.rotate") ",\"secret_b64\":\"@B@\","
				      "\"grace_s\":604801}",
		    ERR_USAGE, "604800", NULL },
		{ OP("secret.rotate") ",\"secret_b64\":\"@B@\","
				      "\"grace_s\":-1}",
		    ERR_USAGE, "604800", NULL } } },
	{ "a provider's secret is not generated",
	    { ADD_A,
		{ OP("secret.stage") "}", ERR_USAGE, "--secret-file", NULL },
		{ OP("secret.rotate") "}", ERR_USAGE, "--secret-file",
		    NULL } } },
	{ "an operator's secret is",
	    { { ADD GITHUB "}", ERR_NONE, "/generation", "1" },
		{ OP("secret.rotate") "}", ERR_NONE, "/generated", "true" },
		{ OP("secret.stage") "}", ERR_NONE, "/generated", "true" } } },
	{ "three are live at most",
	    { ADD_A,
		{ OP("secret.rotate") ",\"secret_b64\":\"@B@\"}", ERR_NONE,
		    "/secrets_live", "2" },
		{ OP("secret.rotate") ",\"secret_b64\":\"@C@\"}", ERR_NONE,
		    "/secrets_live", "3" },
		{ OP("secret.rotate") ",\"secret_b64\":\"@D@\"}", ERR_LIMIT,
		    "--drop-oldest", NULL },
		{ OP("secret.rotate") ",\"secret_b64\":\"@D@\","
				      "\"drop_oldest\":true}",
		    ERR_NONE, "/dropped", "\"sec_1\"" },
		{ OP("endpoint.show") "}", ERR_NONE, "/secrets/0/state",
		    "\"revoked\"" },
		{ OP("secret.stage") ",\"secret_b64\":\"@A@\","
				     "\"drop_oldest\":true}",
		    ERR_EXISTS, "sec_1", NULL } } },
	{ "a value that is live is not taken again",
	    { ADD_A,
		{ OP("secret.stage") ",\"secret_b64\":\"@A@\"}", ERR_EXISTS,
		    "current", NULL },
		{ OP("secret.rotate") ",\"secret_b64\":\"@A@\"}", ERR_EXISTS,
		    "sec_1", NULL } } },
	{ "nor one that has expired",
	    { ADD_A,
		{ OP("secret.rotate") ",\"secret_b64\":\"@B@\","
				      "\"grace_s\":0}",
		    ERR_NONE, NULL, NULL },
		{ OP("secret.stage") ",\"secret_b64\":\"@A@\"}", ERR_EXISTS,
		    "expired", NULL } } },
	{ "nor one that was revoked, even elsewhere",
	    { ADD_A,
		{ OP("secret.revoke") ",\"secret\":\"sec_1\"}", ERR_NONE,
		    "/state", "\"revoked\"" },
		{ "{\"op\":\"endpoint.add\",\"endpoint\":\"other\"," NOMOS
		  ",\"secret_b64\":\"@A@\"}",
		    ERR_EXISTS, "revoked", NULL },
		{ OP("endpoint.remove") "}", ERR_NONE, NULL, NULL },
		{ ADD NOMOS ",\"secret_b64\":\"@A@\"}", ERR_EXISTS, "sec_1",
		    NULL } } },
	{ "one secret for two endpoints is warned of",
	    { ADD_A,
		{ "{\"op\":\"endpoint.add\",\"endpoint\":\"other\"," NOMOS
		  ",\"secret_b64\":\"@A@\"}",
		    ERR_NONE, "/warnings/0",
		    "\"endpoint \\\"shop\\\" has the same secret (sec_1): who "
		    "knows one can sign for both\"" } } },
	{ "revoking the only one leaves none",
	    { ADD_A,
		{ OP("secret.revoke") ",\"secret\":\"sec_1\"}", ERR_NONE,
		    "/warnings/0",
		    "\"the endpoint has no secret now: requests are answered "
		    "with status 503 until it gets one\"" },
		{ OP("secret.revoke") ",\"secret\":\"sec_1\"}", ERR_EXISTS,
		    "already", NULL },
		{ OP("secret.reveal") "}", ERR_NOTFOUND, "neither", NULL },
		{ OP("secret.stage") ",\"secret_b64\":\"@B@\"}", ERR_NONE,
		    "/state", "\"current\"" } } },
	{ "revoking beside a staged one",
	    { ADD_A,
		{ OP("secret.stage") ",\"secret_b64\":\"@B@\"}", ERR_NONE, NULL,
		    NULL },
		{ OP("secret.revoke") ",\"secret\":\"sec_1\"}", ERR_NONE,
		    "/warnings/0",
		    "\"the endpoint has no current secret now: activate a "
		    "staged one, or rotate\"" } } },
	{ "revoke --replace with a given one",
	    { ADD_A,
		{ OP("secret.revoke") ",\"secret\":\"sec_1\","
				      "\"replace\":true,"
				      "\"secret_b64\":\"@B@\"}",
		    ERR_NONE, "/replaced_by", "\"sec_2\"" },
		{ OP("endpoint.show") "}", ERR_NONE, "/secrets/1/state",
		    "\"current\"" } } },
	{ "revoke --replace takes the staged one",
	    { { ADD GITHUB "}", ERR_NONE, NULL, NULL },
		{ OP("secret.stage") "}", ERR_NONE, NULL, NULL },
		{ OP("secret.revoke") ",\"secret\":\"sec_1\","
				      "\"replace\":true}",
		    ERR_NONE, "/replaced_by", "\"sec_2\"" },
		{ OP("secret.show") "}", ERR_NONE, "/secret", "\"sec_2\"" } } },
	{ "revoke --replace generates one",
	    { { ADD GITHUB "}", ERR_NONE, NULL, NULL },
		{ OP("secret.revoke") ",\"secret\":\"sec_1\","
				      "\"replace\":true}",
		    ERR_NONE, "/generated", "true" },
		{ OP("secret.show") "}", ERR_NONE, "/state",
		    "\"current\"" } } },
	{ "revoke --replace keeps the previous one's window",
	    { ADD_A,
		{ OP("secret.rotate") ",\"secret_b64\":\"@B@\"}", ERR_NONE,
		    NULL, NULL },
		{ OP("secret.revoke") ",\"secret\":\"sec_2\","
				      "\"replace\":true,"
				      "\"secret_b64\":\"@C@\"}",
		    ERR_NONE, "/secrets_live", "2" },
		{ OP("endpoint.show") "}", ERR_NONE, "/secrets/0/state",
		    "\"previous\"" },
		{ OP("endpoint.show") "}", ERR_NONE, "/secrets/2/state",
		    "\"current\"" } } },
	{ "revoke --replace needs a value from the provider",
	    { ADD_A,
		{ OP("secret.revoke") ",\"secret\":\"sec_1\","
				      "\"replace\":true}",
		    ERR_USAGE, "--secret-file", NULL },
		{ OP("secret.show") "}", ERR_NONE, "/state",
		    "\"current\"" } } },
	{ "only the current one is replaced",
	    { ADD_A,
		{ OP("secret.stage") ",\"secret_b64\":\"@B@\"}", ERR_NONE, NULL,
		    NULL },
		{ OP("secret.revoke") ",\"secret\":\"sec_2\","
				      "\"replace\":true,"
				      "\"secret_b64\":\"@C@\"}",
		    ERR_INPUT, "not the current", NULL } } },
	{ "a new value goes with --replace only",
	    { ADD_A, { OP("secret.revoke") ",\"secret\":\"sec_1\","
					   "\"secret_b64\":\"@B@\"}",
			 ERR_USAGE, "--replace", NULL } } },
	{ "reveal prefers the current one",
	    { ADD_A,
		{ OP("secret.stage") ",\"secret_b64\":\"@B@\"}", ERR_NONE, NULL,
		    NULL },
		{ OP("secret.reveal") "}", ERR_NONE, "/secret", "\"sec_1\"" },
		{ OP("secret.reveal") ",\"secret\":\"sec_2\"}", ERR_NONE,
		    "/value", "\"" CANARY "-B-0123456789-0123456789\"" },
		{ OP("secret.reveal") ",\"secret\":\"sec_7\"}", ERR_NOTFOUND,
		    "sec_7", NULL } } },
	{ "a secret of another endpoint is not of this one",
	    { ADD_A,
		{ "{\"op\":\"endpoint.add\",\"endpoint\":\"other\"," NOMOS
		  ",\"secret_b64\":\"@B@\"}",
		    ERR_NONE, NULL, NULL },
		{ OP("secret.reveal") ",\"secret\":\"sec_2\"}", ERR_NOTFOUND,
		    "sec_2", NULL },
		{ OP("secret.revoke") ",\"secret\":\"sec_2\"}", ERR_NOTFOUND,
		    "sec_2", NULL } } },
	{ "a name that is near one",
	    { ADD_A, { "{\"op\":\"endpoint.show\",\"endpoint\":\"shpo\"}",
			 ERR_NOTFOUND, "did you mean \"shop\"?", NULL } } },
};

static void
expect(const char *when, const struct step *step, int done,
    const struct answer *an, const struct err *err)
{
	struct span raw;

	if (step->code != ERR_NONE) {
		ck_assert_msg(
		    done == -1, "%s: %s went through", when, step->call);
		ck_assert_msg(
		    err->code == step->code, "%s: %s", when, err->text);
		ck_assert_msg(strstr(err->text, step->at) != NULL, "%s: %s",
		    when, err->text);
		ck_assert_ptr_null(strstr(err->text, CANARY));
		return;
	}
	ck_assert_msg(done == 0, "%s: %s: %s", when, step->call, err->text);
	if (step->at == NULL)
		return;
	if (json_find(an->last, step->at, &raw) == JSON_ABSENT) {
		ck_assert_msg(step->want == NULL, "%s: no %s in %.*s", when,
		    step->at, (int)an->last.len, (const char *)an->last.ptr);
		return;
	}
	ck_assert_msg(step->want != NULL && span_is(raw, step->want),
	    "%s: %s: %s is %.*s", when, step->call, step->at, (int)raw.len,
	    (const char *)raw.ptr);
}

START_TEST(story_goes_as_told)
{
	const struct step *step;
	struct answer an;
	struct err err;
	int done;

	for (step = stories[_i].steps; step->call != NULL; step++) {
		err = (struct err)ERR_INIT;
		done = stand_ask(step->call, &an, &err);
		expect(stories[_i].when, step, done, &an, &err);
		stand_free(&an);
	}
}
END_TEST

/* --- large ones ----------------------------------------------------------- */

/* A call with so many bytes of events beside much else. */
static int
ask_large(const char *begin, size_t events, struct err *err)
{
	struct buf call = BUF_INIT(1024 * 1024);
	struct answer an;
	bool bad = false;
	size_t i;
	int ret;

	ck_assert_int_eq(buf_puts(&call, begin, err), 0);
	ck_assert_int_eq(buf_puts(&call,
			     "\"settings\":{\"scheme\":\"nomos\","
			     "\"allow_from\":\"",
			     err),
	    0);
	/* Check writes a note for each of its asserts. */
	for (i = 0; i < 1024; i++) /* as many as a list may have */
		bad |= buf_printf(&call, err,
			   "2001:db8:ffff:ffff:ffff:ffff:%zx:ffff/128 ",
			   0x1000 + i) < 0;
	ck_assert_int_eq(buf_puts(&call, "\",\"labels\":{\"l\":\"v\"", err), 0);
	for (i = 1; i < ENDPOINT_PAIRS_MAX; i++)
		bad |=
		    buf_printf(&call, err, ",\"l%zu\":\"%0250zu\"", i, i) < 0;
	ck_assert_int_eq(buf_puts(&call, "},\"events\":\"", err), 0);
	for (i = 0; i < events; i++)
		bad |= buf_putc(&call, 'e', err) < 0;
	ck_assert(!bad);
	ck_assert_int_eq(buf_put(&call, "\"}}", 4, err), 0);
	ret = stand_ask((const char *)call.ptr, &an, err);
	stand_free(&an);
	buf_free(&call);
	return ret;
}

/* The largest settings that an endpoint may have pass every way. */
START_TEST(largest_settings_pass)
{
	struct err err = ERR_INIT;
	size_t events = 8192;

	while (ask_large(ADD, events, &err) < 0) {
		ck_assert_int_eq(err.code, ERR_LIMIT);
		ck_assert_ptr_nonnull(
		    strstr(err.text, "settings, all together"));
		ck_assert_uint_gt(events -= 16, 0);
	}
	ck_assert_uint_lt(events, 8192);
	ck_assert_msg(ask_large(OP("endpoint.edit") ",", events, &err) == 0,
	    "%s", err.text);
	stand_do(OP("endpoint.edit") ",\"settings\":{\"labels\":"
				     "{\"l\":\"w\"}}}");
	stand_do(OP("endpoint.disable") "}");
	stand_do(OP("endpoint.show") "}");
	stand_do("{\"op\":\"endpoint.list\"}");
}
END_TEST

/* The past of an endpoint may be long. */
START_TEST(many_secrets_pass)
{
	struct err err = ERR_INIT;
	struct answer an;
	int i;

	stand_do(ADD GITHUB "}");
	for (i = 0; i < MANY; i++)
		stand_do(OP("secret.rotate") ",\"grace_s\":0}");
	ck_assert_msg(
	    stand_ask(OP("endpoint.show") "}", &an, &err) == 0, "%s", err.text);
	ck_assert(stand_has(an.last, "/secrets_live", "1"));
	ck_assert(stand_has(an.last, "/secrets/1199/state", "\"expired\""));
	ck_assert(stand_has(an.last, "/secrets/1200/state", "\"current\""));
	stand_free(&an);
}
END_TEST

/* --- calls that are none -------------------------------------------------- */

static const struct {
	const char *when, *call;
	enum err_code code;
	const char *says;
} bad_calls[] = {
	{ "no JSON", "{", ERR_USAGE, "byte" },
	{ "no object", "[]", ERR_USAGE, "\"op\"" },
	{ "no op", "{}", ERR_USAGE, "\"op\"" },
	{ "op that is no text", "{\"op\":1}", ERR_USAGE, "\"op\"" },
	{ "unknown op", "{\"op\":\"endpoint.fly\"}", ERR_USAGE, "fly" },
	{ "unknown op, near one", "{\"op\":\"secret.rotat\"}", ERR_USAGE,
	    "\"secret.rotate\"?" },
	{ "unknown member", "{\"op\":\"endpoint.list\",\"x\":1}", ERR_USAGE,
	    "no member \"x\"" },
	{ "member of another op",
	    "{\"op\":\"store.status\",\"endpoint\":\"a\"}", ERR_USAGE,
	    "no member" },
	{ "missing member", "{\"op\":\"endpoint.show\"}", ERR_USAGE,
	    "needs \"endpoint\"" },
	{ "member of the wrong kind",
	    "{\"op\":\"endpoint.show\",\"endpoint\":1}", ERR_USAGE,
	    "must be a string" },
	{ "number that is no whole one",
	    "{\"op\":\"event.list\",\"limit\":1.5}", ERR_USAGE, "limit" },
	{ "negative limit", "{\"op\":\"event.list\",\"limit\":-1}", ERR_USAGE,
	    "limit" },
	{ "no pattern", "{\"op\":\"event.list\",\"type\":\"a*b\"}", ERR_INPUT,
	    "a*b" },
	{ "endpoint there never was",
	    "{\"op\":\"event.list\",\"endpoint\":\"nix\"}", ERR_NOTFOUND,
	    "nix" },
	{ "event there never was", "{\"op\":\"event.show\",\"seq\":9}",
	    ERR_NOTFOUND, "9" },
	{ "event 0", "{\"op\":\"event.show\",\"seq\":0}", ERR_USAGE, "seq" },
	{ "event by nothing", "{\"op\":\"event.show\"}", ERR_USAGE, "--id" },
	{ "event by both", "{\"op\":\"event.show\",\"seq\":1,\"id\":\"a\"}",
	    ERR_USAGE, "--id" },
	{ "id there never was", "{\"op\":\"event.show\",\"id\":\"nix\"}",
	    ERR_NOTFOUND, "id" },
};

START_TEST(bad_call_is_refused)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_msg(stand_ask(bad_calls[_i].call, &an, &err) == -1, "%s",
	    bad_calls[_i].when);
	ck_assert_msg(err.code == bad_calls[_i].code, "%s: %s",
	    bad_calls[_i].when, err.text);
	ck_assert_msg(strstr(err.text, bad_calls[_i].says) != NULL, "%s: %s",
	    bad_calls[_i].when, err.text);
	ck_assert_uint_eq(an.n, 0);
	stand_free(&an);
}
END_TEST

static const char *const reads[] = { "endpoint.list", "store.status",
	"store.check", "store.audit", "store.prune", "event.list",
	"event.export", "event.stats" };

START_TEST(only_administrators_ask)
{
	struct err err = ERR_INIT;
	struct answer an;
	char call[64];

	snprintf(call, sizeof(call), "{\"op\":\"%s\"}", reads[_i]);
	ck_assert_int_eq(stand_ask_as_other(call, &an, &err), -1);
	ck_assert_int_eq(err.code, ERR_DENIED);
	ck_assert_uint_eq(an.n, 0);
	stand_free(&an);
	ck_assert_msg(
	    stand_ask(call, &an, &err) == 0, "%s: %s", call, err.text);
	stand_free(&an);
}
END_TEST

START_TEST(large_call_is_refused)
{
	struct err err = ERR_INIT;
	struct answer an;
	const size_t size = FRAME_MAX;
	char *call = malloc(size);

	ck_assert_ptr_nonnull(call);
	memset(call, ' ', size);
	memcpy(call, "{}", 2);
	call[size - 1] = '\0';
	ck_assert_int_eq(stand_ask(call, &an, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	stand_free(&an);
	free(call);
}
END_TEST

/* --- once, and on record -------------------------------------------------- */

static size_t
count_audits(void)
{
	struct err err = ERR_INIT;
	struct answer an;
	size_t n;

	ck_assert_int_eq(stand_ask("{\"op\":\"store.audit\"}", &an, &err), 0);
	n = an.n;
	stand_free(&an);
	return n;
}

static const char *const changes[] = {
	OP("endpoint.edit") ",\"settings\":{\"rate\":1}}",
	OP("endpoint.disable") "}",
	OP("endpoint.enable") "}",
	OP("secret.reveal") "}",
	OP("secret.stage") ",\"secret_b64\":\"@B@\"}",
	OP("secret.activate") "}",
	OP("secret.rotate") ",\"secret_b64\":\"@C@\"}",
	OP("secret.revoke") ",\"secret\":\"sec_1\"}",
	OP("endpoint.remove") "}",
};

/* Each change is on record once, with who did it, and no secret. */
START_TEST(changes_are_on_record)
{
	struct err err = ERR_INIT;
	struct answer an;
	struct span raw;
	char want[64];
	size_t i;

	stand_do(ADD NOMOS ",\"secret_b64\":\"@A@\"}");
	ck_assert_uint_eq(count_audits(), 1);
	for (i = 0; i < NITEMS(changes); i++) {
		stand_do(changes[i]);
		ck_assert_int_eq(
		    stand_ask(
			"{\"op\":\"store.audit\",\"limit\":1}", &an, &err),
		    0);
		ck_assert_uint_eq(an.n, 1);
		json_find(an.last, "/no", &raw);
		snprintf(want, sizeof(want), "%zu", i + 2);
		ck_assert_msg(span_is(raw, want), "%s", changes[i]);
		json_find(an.last, "/verb", &raw);
		ck_assert_msg(strncmp((const char *)raw.ptr + 1, changes[i] + 7,
				  raw.len - 2) == 0,
		    "%s", changes[i]);
		json_find(an.last, "/uid", &raw);
		ck_assert(span_is(raw, "1000"));
		json_find(an.last, "/program", &raw);
		ck_assert(span_is(raw, "\"test-ops\""));
		json_find(an.last, "/target", &raw);
		ck_assert(span_is(raw, "\"shop\""));
		stand_free(&an);
	}
	ck_assert_uint_eq(count_audits(), NITEMS(changes) + 1);
	ck_assert_int_eq(stand_ask("{\"op\":\"store.audit\"}", &an, &err), 0);
	ck_assert_int_eq(buf_putc(&an.all, '\0', &err), 0);
	ck_assert_ptr_null(strstr((const char *)an.all.ptr, CANARY));
	stand_free(&an);
}
END_TEST

/* What fails is not on record, and changes nothing. */
START_TEST(failures_leave_nothing)
{
	struct err err = ERR_INIT;
	struct answer an;
	size_t before;

	stand_do(ADD NOMOS ",\"secret_b64\":\"@A@\"}");
	before = count_audits();
	ck_assert_int_eq(stand_ask(ADD NOMOS "}", &an, &err), -1);
	ck_assert_int_eq(stand_ask(OP("secret.stage") "}", &an, &err), -1);
	ck_assert_int_eq(
	    stand_ask(OP("secret.stage") ",\"secret_b64\":\"@A@\"}", &an, &err),
	    -1);
	ck_assert_uint_eq(count_audits(), before);
	ck_assert_int_eq(stand_ask(OP("endpoint.show") "}", &an, &err), 0);
	ck_assert_uint_gt(an.last.len, 0);
	stand_free(&an);
}
END_TEST

static const char *const repeated[] = {
	OP("secret.rotate") "}",
	OP("secret.stage") "}",
	OP("secret.revoke") ",\"secret\":\"sec_1\",\"replace\":true}",
	OP("endpoint.edit") ",\"settings\":{\"rate\":1}}",
	OP("endpoint.remove") "}",
	"{\"op\":\"endpoint.add\",\"endpoint\":\"two\"," GITHUB "}",
};

/* A repeat of a request changes nothing and gets the first answer. */
START_TEST(repeat_gets_the_first_answer)
{
	struct err err = ERR_INIT;
	struct answer first, second;
	size_t before;

	stand_do(ADD GITHUB "}");
	ck_assert_msg(
	    stand_ask(repeated[_i], &first, &err) == 0, "%s", err.text);
	ck_assert_int_eq(stand_ask_again(repeated[_i], &second, &err), 0);
	ck_assert_msg(span_eq(first.last, second.last), "%s", repeated[_i]);
	stand_free(&first);
	stand_free(&second);
	before = count_audits();
	ck_assert_uint_eq(before, 2);
}
END_TEST

START_TEST(repeated_reveal_reveals)
{
	struct err err = ERR_INIT;
	struct answer first, second;
	struct span a, b;

	stand_do(ADD GITHUB "}");
	ck_assert_int_eq(stand_ask(OP("secret.reveal") "}", &first, &err), 0);
	ck_assert_int_eq(
	    stand_ask_again(OP("secret.reveal") "}", &second, &err), 0);
	json_find(first.last, "/value", &a);
	json_find(second.last, "/value", &b);
	ck_assert(a.len > 32 && span_eq(a, b));
	ck_assert_uint_eq(count_audits(), 2);
	stand_free(&first);
	stand_free(&second);
}
END_TEST

/* --- nothing in clear on the disk ----------------------------------------- */

static size_t
find_in_file(const char *path, const char *needle)
{
	FILE *f = fopen(path, "r");
	struct stat sb;
	size_t hits = 0;
	char *all, *at;
	long i;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fstat(fileno(f), &sb), 0);
	all = malloc((size_t)sb.st_size + 1);
	ck_assert_ptr_nonnull(all);
	ck_assert_uint_eq(
	    fread(all, 1, (size_t)sb.st_size, f), (size_t)sb.st_size);
	fclose(f);
	for (i = 0, at = all; i + (long)strlen(needle) <= sb.st_size; i++)
		if (memcmp(at + i, needle, strlen(needle)) == 0)
			hits++;
	free(all);
	return hits;
}

static size_t
find_in_folder(const char *path, const char *needle)
{
	struct dirent *e;
	struct stat sb;
	size_t hits = 0;
	char sub[512];
	DIR *d = opendir(path);

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		ck_assert_int_eq(lstat(sub, &sb), 0);
		if (S_ISDIR(sb.st_mode))
			hits += find_in_folder(sub, needle);
		else if (S_ISREG(sb.st_mode))
			hits += find_in_file(sub, needle);
	}
	closedir(d);
	return hits;
}

START_TEST(store_holds_no_secret_in_clear)
{
	size_t i;

	stand_do(ADD "\"settings\":{\"scheme\":\"nomos\","
		     "\"params\":{\"k\":\"" CANARY "\"}},"
		     "\"secret_b64\":\"@A@\"}");
	stand_do(OP("endpoint.edit") ",\"settings\":{\"params\":"
				     "{\"k\":\"" CANARY "2\"}}}");
	for (i = 0; i < NITEMS(changes); i++)
		stand_do(changes[i]);
	ck_assert_uint_gt(
	    find_in_folder(stand_folder(), "sec_2"), 0); /* it looks */
	ck_assert_uint_eq(find_in_folder(stand_folder(), CANARY), 0);
	ck_assert_uint_eq(
	    find_in_folder(stand_folder(), "Y2FuYXJ5"), 0); /* base64 */
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ops");
	TCase *tc = tcase_create("ops");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, stand_open, stand_close);
	tcase_add_loop_test(tc, story_goes_as_told, 0, NITEMS(stories));
	tcase_add_test(tc, largest_settings_pass);
	tcase_add_test(tc, many_secrets_pass);
	tcase_add_loop_test(tc, bad_call_is_refused, 0, NITEMS(bad_calls));
	tcase_add_loop_test(tc, only_administrators_ask, 0, NITEMS(reads));
	tcase_add_test(tc, large_call_is_refused);
	tcase_add_test(tc, changes_are_on_record);
	tcase_add_test(tc, failures_leave_nothing);
	tcase_add_loop_test(
	    tc, repeat_gets_the_first_answer, 0, NITEMS(repeated));
	tcase_add_test(tc, repeated_reveal_reveals);
	tcase_add_test(tc, store_holds_no_secret_in_clear);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
