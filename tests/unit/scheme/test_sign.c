/*
 * Signing: where a provider's own library signed, the same lines come out;
 * whatever is signed verifies; what cannot be signed is said.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/http/url.h"
#include "lib/scheme/sign.h"
#include "tests/stand/vectors.h"

#define LINES_MAX 8192

/* Known requests, signed when the clock stood at now_s, or at their own. */
static const struct {
	const char *file, *vector;
	const char *lines; /* NULL: all headers of the vector, in its order */
	int64_t now_s;
} known[] = {
	{ VECTORS, "nomos-test-event", NULL, 1777550400 },
	{ VECTORS, "nomos-valid", NULL, 1768473000 },
	{ VECTORS, "nimbus-order-created", NULL, 0 },
	{ VECTORS, "nomos-body-valid", NULL, 0 },
	{ VECTORS, "nomod-valid", NULL, 0 },
	{ VECTORS, "sw-valid", NULL, 0 },
	{ VECTORS, "square-valid", NULL, 0 },
	{ VECTORS, "gitlab-token",
	    "Idempotency-Key: f5e5f430-f57b-4e6e-9fac-d9128cd7232f\n"
	    "X-Gitlab-Event: Push Hook\n"
	    "X-Gitlab-Token: s3cret-token\n",
	    0 },
	{ VECTORS, "gitlab-signing-token",
	    "webhook-id: f5e5f430-f57b-4e6e-9fac-d9128cd7232f\n"
	    "webhook-timestamp: 1767225600\n"
	    "X-Gitlab-Event: Push Hook\n"
	    "webhook-signature: v1,qonwJKLCkMigd4mXRPwBKOzat2FG8MaU/WAFkB3mATQ="
	    "\n",
	    0 },
	{ VECTORS, "github-octokit-valid",
	    "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958\n"
	    "X-GitHub-Event: push\n"
	    "X-Hub-Signature-256: sha256=4864d2759938a15468b5df9ade20bf161da9b4"
	    "f737ea61794142f3484236bda3\n",
	    0 },
	{ VECTORS, "stripe-extra-bad-v1",
	    "Stripe-Signature: t=1767225600,v1=92dfb601b4c835e93637f51afd1b0886"
	    "cb97d222e46a31ed90b481a6bcf54074\n",
	    0 },
	{ VECTORS, "twilio-form-valid",
	    "X-Twilio-Signature: RSOYDt4T1cUTdK1PDd93/VVr8B8=\n", 0 },
	{ VECTORS, "twilio-json-body-digest",
	    "X-Twilio-Signature: a9nBmqA0ju/hNViExpshrM61xv4=\n", 0 },
	{ VECTORS, "hubspot-v2-get",
	    "X-HubSpot-Signature-Version: v2\n"
	    "X-HubSpot-Signature: eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa"
	    "152e91e88823087200e\n",
	    0 },
	{ VECTORS, "trello-valid", NULL, 0 },
};

static void
sign_input_of(const struct vector *v, struct sign_input *in)
{
	memset(in, 0, sizeof(*in));
	in->id = span_str(v->event_id);
	in->type = span_str(v->event_type);
	in->body = v->request.body;
	in->method = v->request.method;
	in->url = v->input.url;
	in->now_ms = v->request.now_ms;
}

/* "Name: value" of all headers of a vector. */
static void
put_headers(const struct vector *v, struct buf *out)
{
	const struct json *h = json_first(json_get(v->line, "headers"));
	struct err err = ERR_INIT;

	for (; h != NULL; h = json_next(h))
		ck_assert_int_eq(buf_printf(out, &err, "%s: %s\n", json_name(h),
				     json_text(h)),
		    0);
}

static bool
same_but_names(struct span a, const char *b)
{
	const char *p = a.ptr;
	bool in_name = true;
	size_t i;

	if (a.len != strlen(b))
		return false;
	/* The case of a header's name says nothing. */
	for (i = 0; i < a.len; i++) {
		if (p[i] != b[i] && !(in_name && (p[i] ^ b[i]) == 0x20))
			return false;
		in_name = p[i] == '\n' || (in_name && p[i] != ':');
	}
	return true;
}

START_TEST(lines_are_those_of_the_provider)
{
	struct scheme_key *keys[VECTOR_SECRETS_MAX];
	struct buf out = BUF_INIT(LINES_MAX), want = BUF_INIT(LINES_MAX);
	struct err err = ERR_INIT;
	struct sign_input in;
	struct scheme *sc;
	struct vector v;
	size_t nkeys;

	ck_assert(vector_find(known[_i].file, known[_i].vector, &v));
	sc = scheme_of(v.provider);
	nkeys = vector_keys(sc, &v, keys);
	sign_input_of(&v, &in);
	if (known[_i].now_s != 0)
		in.now_ms = known[_i].now_s * 1000;
	ck_assert_msg(sign_headers(sc, keys, nkeys, &in, &out, &err) == 0,
	    "%s: %s", v.name, err.text);
	if (known[_i].lines != NULL)
		ck_assert_int_eq(buf_puts(&want, known[_i].lines, &err), 0);
	else
		put_headers(&v, &want);
	ck_assert_int_eq(buf_putc(&want, '\0', &err), 0);
	ck_assert_msg(same_but_names(buf_span(&out), (const char *)want.ptr),
	    "%s:\n%.*snot\n%s", v.name, (int)out.len, (const char *)out.ptr,
	    (const char *)want.ptr);
	keys_free(keys, nkeys);
	scheme_free(sc);
	vector_free(&v);
	buf_free(&out);
	buf_free(&want);
}
END_TEST

/* --- what is signed verifies --------------------------------------------- */

#define NOW_MS 1700000000123
#define SHA256_OF_EMPTY_OBJECT \
	"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

static const struct {
	const char *scheme, *secret, *body, *url, *id, *type;
	size_t signatures; /* of three keys, how many are sent */
} trips[] = {
	{ "nomos", "a", "{\"id\":\"e\",\"topic\":\"t\"}", NULL, "e", "t", 3 },
	{ "nomos-body", "a", "{\"id\":\"e\",\"topic\":\"t\"}", NULL, "e", "t",
	    1 },
	{ "nomod", "whsec_AAAA", "{\"type\":\"t\"}", NULL, "e", "t", 3 },
	{ "nimbus", "a",
	    "{\"id\":\"e\",\"type\":\"t\",\"createdAt\":"
	    "\"2023-11-14T22:13:20Z\"}",
	    NULL, "e", "t", 1 },
	{ "nolxy", "a",
	    "{\"event\":\"t\",\"timestamp\":\"2023-11-14T22:13:20Z\"}", NULL,
	    "", "t", 1 },
	{ "standard-webhooks", "whsec_AAAA", "{\"type\":\"t\"}", NULL, "e", "t",
	    3 },
	{ "github", "a", "{\"action\":\"opened\"}", NULL, "e", "issues.opened",
	    1 },
	{ "github", "a", "{}", NULL, "e", "push", 1 },
	{ "github", "a", "{}", NULL, "", "", 1 },
	{ "stripe", "whsec_a", "{\"id\":\"e\",\"type\":\"t\"}", NULL, "e", "t",
	    3 },
	{ "square", "a", "{\"event_id\":\"e\",\"type\":\"t\"}",
	    "https://h.example/p", "e", "t", 1 },
	{ "twilio", "a", "b=1&a=2", "https://h.example/p?q=1", "e", "", 1 },
	{ "twilio-body", "a", "{}",
	    "https://h.example/p?bodySHA256=" SHA256_OF_EMPTY_OBJECT, "e", "",
	    1 },
	{ "gitlab", "a", "{}", NULL, "e", "Push Hook", 1 },
	{ "gitlab-signed", "whsec_AAAA", "{}", NULL, "e", "Push Hook", 3 },
	{ "box", "a", "{\"trigger\":\"t\"}", NULL, "e", "t", 2 },
	{ "docusign", "a", "{\"event\":\"t\"}", NULL, "", "t", 3 },
	{ "sanity", "a", "{\"_type\":\"t\"}", NULL, "e", "t", 3 },
	{ "twitch", "a", "{}", NULL, "e", "t", 1 },
	{ "slack", "a", "{\"event_id\":\"e\",\"type\":\"t\"}", NULL, "e", "t",
	    1 },
	{ "sentry", "a", "{\"action\":\"created\"}", NULL, "e", "issue.created",
	    1 },
	{ "hubspot-v1", "a",
	    "[{\"portalId\":1,\"subscriptionId\":2,\"eventId\":3,"
	    "\"objectId\":4,\"occurredAt\":5,\"subscriptionType\":\"t\"}]",
	    NULL, "1 2 3 4 5", "t", 1 },
	{ "hubspot-v3", "a", "[]", "https://h.example/p", "", "", 1 },
	{ "linear", "a",
	    "{\"type\":\"a\",\"action\":\"b\","
	    "\"webhookTimestamp\":1700000000000}",
	    NULL, "e", "a.b", 1 },
};

/* Reads "Name: value" lines as a front end would. */
static size_t
read_lines(struct buf *text, struct header *headers, size_t max)
{
	unsigned char *p = text->ptr;
	size_t i, n = 0, from = 0;
	struct span line;
	size_t colon;

	for (i = 0; i < text->len; i++) {
		if (p[i] != '\n')
			continue;
		line = span_of(p + from, i - from);
		colon = span_find(line, ':');
		ck_assert_uint_lt(n, max);
		headers[n].value = span_trim(span_skip(line, colon + 1));
		headers[n].name = span_of(p + from, colon);
		for (; p[from] != ':'; from++)
			if (p[from] >= 'A' && p[from] <= 'Z')
				p[from] |= 0x20;
		n++;
		from = i + 1;
	}
	ck_assert_uint_eq(from, text->len);
	return n;
}

static void
ck_trip(const struct scheme *sc, struct scheme_key *const *keys, size_t nkeys,
    const struct sign_input *signing, struct buf *lines, size_t want)
{
	struct header headers[16];
	struct request request = { .method = signing->method };
	struct verify_input in = { .request = &request };
	struct buf scratch = BUF_INIT(4096);
	struct verify_result result;
	struct identity id;
	struct err err = ERR_INIT;
	size_t i, verified = 0;

	request.body = signing->body;
	request.query = url_query(span_str(signing->url));
	request.headers = headers;
	request.nheaders = read_lines(lines, headers, NITEMS(headers));
	request.now_ms = signing->now_ms;
	in.url = signing->url;
	in.tolerance_s = in.horizon_s = -1;
	for (i = 0; i < nkeys; i++) {
		ck_assert_msg(
		    verify_request(sc, keys + i, 1, &in, &result, &err) == 0,
		    "%s", err.text);
		verified += result.verdict == VERIFY_VALID;
	}
	ck_assert_msg(verified == want, "%s: %zu of %zu keys verify",
	    scheme_name(sc), verified, nkeys);
	ck_assert_int_eq(verify_identify(sc, &in, &scratch, &id, &err), 0);
	ck_assert_int_eq(id.outcome, IDENTIFY_OK);
	ck_assert_msg(span_eq(id.id, signing->id), "%s: id %.*s",
	    scheme_name(sc), (int)id.id.len, (const char *)id.id.ptr);
	ck_assert_msg(span_eq(id.type, signing->type), "%s: type %.*s",
	    scheme_name(sc), (int)id.type.len, (const char *)id.type.ptr);
	buf_free(&scratch);
}

START_TEST(what_is_signed_verifies)
{
	/* The secret, and two of its kind. */
	const char *secret = trips[_i].secret;
	bool base64 = strncmp(secret, "whsec_A", 7) == 0;
	const char *const secrets[] = { secret, base64 ? "whsec_BBBB" : "b",
		base64 ? "whsec_CCCC" : "c" };
	struct scheme *sc = scheme_of(trips[_i].scheme);
	struct buf lines = BUF_INIT(LINES_MAX);
	struct scheme_key *keys[3];
	struct sign_input in = { .now_ms = NOW_MS };
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(
		    scheme_key_make(sc, span_str(secrets[i]), &keys[i], &err),
		    0);
	in.method = span_str("POST");
	in.body = span_str(trips[_i].body);
	in.url = trips[_i].url;
	in.id = span_str(trips[_i].id);
	in.type = span_str(trips[_i].type);
	ck_assert_msg(sign_headers(sc, keys, 3, &in, &lines, &err) == 0,
	    "%s: %s", trips[_i].scheme, err.text);
	ck_trip(sc, keys, 3, &in, &lines, trips[_i].signatures);
	keys_free(keys, 3);
	scheme_free(sc);
	buf_free(&lines);
}
END_TEST

/* --- what cannot be signed ----------------------------------------------- */

#define ED25519_KEY "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="

static const struct {
	const char *when, *scheme, *secret, *id, *type, *url, *says;
} refused[] = {
	{ "a public key", "standard-webhooks-v1a", ED25519_KEY, "e", "", NULL,
	    "the scheme \"standard-webhooks-v1a\" cannot sign: only the "
	    "provider has the private key" },
	{ "a signature in the body", "mailgun", "a", "", "", NULL,
	    "the scheme \"mailgun\" cannot sign: the signature stands inside "
	    "the body" },
	{ "an id that is signed and not given", "standard-webhooks",
	    "whsec_AAAA", "", "", NULL, "the scheme signs the id; give one" },
	{ "a URL that is signed and not given", "square", "a", "", "", NULL,
	    "the scheme signs the public URL; set the one that is registered "
	    "with the provider" },
	{ "a digest that the URL lacks", "twilio-body", "a", "", "",
	    "https://h.example/p",
	    "the query of the URL must hold "
	    "bodySHA256=" SHA256_OF_EMPTY_OBJECT },
	{ "a digest that the URL has wrong", "twilio-body", "a", "", "",
	    "https://h.example/p?bodySHA256=00",
	    "the query of the URL must hold "
	    "bodySHA256=" SHA256_OF_EMPTY_OBJECT },
	{ "an id that would be two headers", "standard-webhooks", "whsec_AAAA",
	    "e\nX: y", "", NULL,
	    "webhook-id: what it should carry is empty, or no header can "
	    "carry it" },
	{ "a type with a return", "github", "a", "", "push\r", NULL,
	    "X-GitHub-Event: what it should carry is empty, or no header can "
	    "carry it" },
	{ "an id whose blanks would be cut", "standard-webhooks", "whsec_AAAA",
	    " e", "", NULL,
	    "webhook-id: what it should carry is empty, or no header can "
	    "carry it" },
	{ "a token of two lines", "gitlab", "a\nb", "", "", NULL,
	    "no header can carry this secret" },
};

START_TEST(what_cannot_be_signed_is_said)
{
	struct scheme *sc = scheme_of(refused[_i].scheme);
	struct sign_input in = { .now_ms = NOW_MS };
	struct buf out = BUF_INIT(LINES_MAX);
	struct scheme_key *key;
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    scheme_key_make(sc, span_str(refused[_i].secret), &key, &err), 0);
	in.method = span_str("POST");
	in.body = span_str("{}");
	in.id = span_str(refused[_i].id);
	in.type = span_str(refused[_i].type);
	in.url = refused[_i].url;
	ck_assert_int_eq(buf_puts(&out, "before", &err), 0);
	ck_assert_msg(sign_headers(sc, &key, 1, &in, &out, &err) == -1, "%s",
	    refused[_i].when);
	ck_assert_int_eq(err.code, ERR_USAGE);
	ck_assert_str_eq(err.text, refused[_i].says);
	ck_assert(span_is(buf_span(&out), "before"));
	ck_assert_int_eq(sign_headers(sc, NULL, 0, &in, &out, &err), -1);
	ck_assert_int_eq(err.code, ERR_USAGE);
	scheme_key_free(key);
	scheme_free(sc);
	buf_free(&out);
}
END_TEST

static const struct {
	const char *text;
	bool want;
	const char *why;
} can[] = {
	{ "{\"alg\":\"hmac-sha256\",\"sig\":{\"from\":\"header:s\","
	  "\"enc\":\"hex\"},\"content\":\"{header:x}{body}\"}",
	    false, "it signs a header that it gives no meaning" },
	{ "{\"alg\":\"hmac-sha256\",\"sig\":{\"from\":\"header:s\","
	  "\"enc\":\"hex\"},\"content\":\"{header:x?}{body}\"}",
	    true, NULL },
	{ "{\"alg\":\"hmac-sha256\",\"sig\":{\"from\":\"header:s\","
	  "\"enc\":\"hex\"},\"content\":\"{header:x}{body}\","
	  "\"require\":\"header:X = 1\"}",
	    true, NULL },
	{ "{\"alg\":\"hmac-sha256\",\"sig\":{\"from\":\"header:s\","
	  "\"enc\":\"hex\"},\"content\":\"{header:d}\",\"digest\":"
	  "{\"from\":\"header:d\",\"alg\":\"sha1\",\"enc\":\"hex\"}}",
	    true, NULL },
	{ "{\"alg\":\"hmac-sha256\",\"sig\":{\"from\":\"header:s\","
	  "\"enc\":\"hex\",\"split\":\",\"},"
	  "\"content\":\"{item:a=}{body}\"}",
	    false, "it signs a header that it gives no meaning" },
};

START_TEST(a_scheme_knows_whether_it_can_sign)
{
	const char *why = NULL;
	struct scheme *sc;
	struct err err = ERR_INIT;

	ck_assert_msg(scheme_parse("x.json", span_str(can[_i].text), &sc, NULL,
			  &err) == 0,
	    "%s", err.text);
	ck_assert_int_eq(scheme_can_sign(sc, &why), can[_i].want);
	if (can[_i].why != NULL)
		ck_assert_str_eq(why, can[_i].why);
	scheme_free(sc);
}
END_TEST

/* A header that carries two things is sent once, with the first of them. */
START_TEST(no_header_is_sent_twice)
{
	struct sign_input in = { .now_ms = NOW_MS };
	struct buf out = BUF_INIT(LINES_MAX);
	struct scheme *sc = NULL;
	struct scheme_key *key;
	struct err err = ERR_INIT;

	ck_assert_msg(
	    scheme_parse("x.json",
		span_str("{\"alg\":\"equal\",\"sig\":{\"from\":\"header:S\"},"
			 "\"id\":\"{header:X}\",\"type\":\"{header:x}\"}"),
		&sc, NULL, &err) == 0,
	    "%s", err.text);
	ck_assert_int_eq(scheme_key_make(sc, span_str("k"), &key, &err), 0);
	in.id = span_str("i");
	in.type = span_str("t");
	ck_assert_int_eq(sign_headers(sc, &key, 1, &in, &out, &err), 0);
	ck_assert(span_is(buf_span(&out), "X: i\nS: k\n"));
	scheme_key_free(key);
	scheme_free(sc);
	buf_free(&out);
}
END_TEST

/* printf '%s' '{}' | gzip -n, and | openssl dgst -sha256 -hmac k */
START_TEST(a_packed_body_is_signed_as_the_scheme_says)
{
	static const struct {
		const char *signs, *mac;
	} signs_rows[] = {
		{ "wire", "f6434a3659851a4844cd722f36788c6f536521e3bbb2e7720f87"
			  "4ab569ef9139" },
		{ "decoded", "add853b103fbcc936a194f9eb15e29c4ff08af6e47d5d1bca"
			     "4f20218e31e4fff" },
	};
	static const unsigned char gz[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x03, 0xab, 0xae, 0x05, 0x00, 0x43, 0xbf,
		0xa6, 0xa3, 0x02, 0x00, 0x00, 0x00 };
	struct sign_input in = { .now_ms = NOW_MS,
		.body = span_of(gz, sizeof(gz)),
		.coding = span_str("gzip") };
	struct buf out = BUF_INIT(LINES_MAX);
	struct scheme *sc = NULL;
	struct scheme_key *key = NULL;
	struct err err = ERR_INIT;
	char text[256], want[128];
	size_t i;

	for (i = 0; i < NITEMS(signs_rows); i++) {
		snprintf(text, sizeof(text),
		    "{\"alg\":\"hmac-sha256\",\"sig\":{\"from\":\"header:S\","
		    "\"enc\":\"hex\"},\"content\":\"{body}\",\"signs\":\"%s\"}",
		    signs_rows[i].signs);
		snprintf(want, sizeof(want), "S: %s\n", signs_rows[i].mac);
		ck_assert_msg(scheme_parse("x.json", span_str(text), &sc, NULL,
				  &err) == 0,
		    "%s", err.text);
		ck_assert_int_eq(
		    scheme_key_make(sc, span_str("k"), &key, &err), 0);
		buf_clear(&out);
		ck_assert_int_eq(sign_headers(sc, &key, 1, &in, &out, &err), 0);
		ck_assert_msg(
		    span_is(buf_span(&out), want), "%s", signs_rows[i].signs);
		scheme_key_free(key);
		scheme_free(sc);
	}
	buf_free(&out);
}
END_TEST

/* --- envelopes ----------------------------------------------------------- */

static const struct {
	const char *scheme, *id, *type, *data, *body; /* body NULL: refused */
	const char *says;
} envelopes[] = {
	{ "nomos", "evt_1", "a.b", "{\"x\":1}",
	    "{\"id\":\"evt_1\",\"timestamp\":\"2023-11-14T22:13:20.123Z\","
	    "\"topic\":\"a.b\",\"context\":{\"x\":1}}",
	    NULL },
	{ "nomos-body", "evt_1", "a.b", "",
	    "{\"id\":\"evt_1\",\"timestamp\":\"2023-11-14T22:13:20.123Z\","
	    "\"topic\":\"a.b\",\"context\":{}}",
	    NULL },
	{ "nimbus", "evt_1", "a.b", "[1, 2]",
	    "{\"id\":\"evt_1\",\"type\":\"a.b\",\"createdAt\":"
	    "\"2023-11-14T22:13:20.123Z\",\"data\":[1, 2]}",
	    NULL },
	{ "nolxy", "", "a.b", "",
	    "{\"event\":\"a.b\",\"data\":{},\"timestamp\":"
	    "\"2023-11-14T22:13:20.123Z\"}",
	    NULL },
	{ "nomod", "", "a.b", "null", "{\"type\":\"a.b\",\"data\":null}",
	    NULL },
	{ "nomod", "", "a\"\\\n\xc3\xa9", "1",
	    "{\"type\":\"a\\\"\\\\\\u000a\xc3\xa9\",\"data\":1}", NULL },
	{ "nomos", "", "a.b", "", NULL, "the envelope needs an id" },
	{ "nomos", "e", "", "", NULL, "the envelope needs a type" },
	{ "nomos", "e", "\xff", "", NULL, "a type is not UTF-8" },
	{ "nomos", "e", "t", "{", NULL,
	    "data is not JSON: byte 1: a key in quotes is due here" },
	{ "nomos", "e", "t", "1,\"id\":2", NULL,
	    "data is not JSON: byte 1: something stands behind the value" },
	{ "github", "e", "t", "", NULL,
	    "the scheme \"github\" has no envelope" },
};

START_TEST(envelopes_have_their_providers_shape)
{
	struct scheme *sc = scheme_of(envelopes[_i].scheme);
	struct buf out = BUF_INIT(LINES_MAX);
	struct err err = ERR_INIT;
	int ret = sign_envelope(sc, span_str(envelopes[_i].id),
	    span_str(envelopes[_i].type), NOW_MS, span_str(envelopes[_i].data),
	    &out, &err);

	if (envelopes[_i].body == NULL) {
		ck_assert_int_eq(ret, -1);
		ck_assert_str_eq(err.text, envelopes[_i].says);
	} else {
		ck_assert_msg(ret == 0, "%s", err.text);
		ck_assert_msg(span_is(buf_span(&out), envelopes[_i].body),
		    "%.*s", (int)out.len, (const char *)out.ptr);
	}
	buf_free(&out);
	scheme_free(sc);
}
END_TEST

START_TEST(an_envelope_may_hold_anything)
{
	struct scheme *sc = NULL;
	struct buf out = BUF_INIT(LINES_MAX);
	struct err err = ERR_INIT;

	ck_assert_msg(
	    scheme_parse("x.json",
		span_str("{\"alg\":\"equal\",\"sig\":{\"from\":\"header:s\"},"
			 "\"envelope\":{\"n\":1,\"s\":\"{time:s}\","
			 "\"ms\":\"{time:ms}\",\"t\":\"x{type}-{id}y\","
			 "\"a\":[true,null,{\"\":\"\"}],"
			 "\"in\":\"at {time:s}\",\"d\":[\"{data}\"]}}"),
		&sc, NULL, &err) == 0,
	    "%s", err.text);
	ck_assert_int_eq(sign_envelope(sc, span_str("i"), span_str("t"), NOW_MS,
			     span_str("{}"), &out, &err),
	    0);
	ck_assert_msg(span_is(buf_span(&out),
			  "{\"n\":1,\"s\":1700000000,\"ms\":1700000000123,"
			  "\"t\":\"xt-iy\",\"a\":[true,null,{\"\":\"\"}],"
			  "\"in\":\"at 1700000000\",\"d\":[{}]}"),
	    "%.*s", (int)out.len, (const char *)out.ptr);
	buf_free(&out);
	scheme_free(sc);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sign");
	TCase *tc = tcase_create("lines");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(
	    tc, lines_are_those_of_the_provider, 0, NITEMS(known));
	tcase_add_loop_test(tc, what_is_signed_verifies, 0, NITEMS(trips));
	tcase_add_loop_test(
	    tc, what_cannot_be_signed_is_said, 0, NITEMS(refused));
	tcase_add_loop_test(
	    tc, a_scheme_knows_whether_it_can_sign, 0, NITEMS(can));
	tcase_add_test(tc, a_packed_body_is_signed_as_the_scheme_says);
	tcase_add_test(tc, no_header_is_sent_twice);
	tcase_add_loop_test(
	    tc, envelopes_have_their_providers_shape, 0, NITEMS(envelopes));
	tcase_add_test(tc, an_envelope_may_hold_anything);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
