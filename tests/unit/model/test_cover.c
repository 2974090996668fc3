/*
 * What a signature covers, preset by preset: every bit of the signature and
 * every byte that is signed, changed, is refused. What is not signed stands in
 * a row of its own, so that nobody has to guess.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/encode.h"
#include "lib/base/util.h"
#include "lib/http/url.h"
#include "tests/stand/vectors.h"

#define PLACE_MAX 4096 /* bytes of a body or header in these vectors */

enum where {
	BODY,
	URL,
	HEADER
};

/* A part of a known request: what follows after, up to one of until. */
struct part {
	const char *vector;
	enum where where;
	const char *header; /* of HEADER, in lower case */
	const char *after, *until; /* "" : from the start; to the end */
};

/* A request that is being changed. */
struct trial {
	struct vector v;
	struct scheme *sc;
	struct scheme_key *keys[VECTOR_SECRETS_MAX];
	size_t nkeys;
	struct header *header;
	char place[PLACE_MAX]; /* the bytes of the part's place, with NUL */
	size_t len, from, to; /* of the place; of the part in it */
};

static void
begin(struct trial *t, const struct part *part)
{
	struct span all = SPAN_EMPTY;
	const char *at;
	size_t i;

	memset(t, 0, sizeof(*t));
	ck_assert_msg(
	    vector_find(VECTORS, part->vector, &t->v), "%s", part->vector);
	t->sc = scheme_of(t->v.provider);
	t->nkeys = vector_keys(t->sc, &t->v, t->keys);
	for (i = 0; i < t->v.request.nheaders; i++)
		if (part->where == HEADER &&
		    span_is(t->v.headers[i].name, part->header))
			t->header = &t->v.headers[i];
	switch (part->where) {
	case BODY:
		all = t->v.request.body;
		break;
	case URL:
		all = span_str(t->v.input.url);
		break;
	case HEADER:
		ck_assert_ptr_nonnull(t->header);
		all = t->header->value;
		break;
	}
	ck_assert_uint_lt(all.len, PLACE_MAX);
	ck_assert_uint_gt(all.len, 0);
	memcpy(t->place, all.ptr, all.len);
	t->len = all.len;
	at = strstr(t->place, part->after);
	ck_assert_ptr_nonnull(at);
	t->from = (size_t)(at - t->place) + strlen(part->after);
	t->to = t->from + strcspn(t->place + t->from, part->until);
	if (*part->until == '\0')
		t->to = t->len;
	ck_assert_uint_gt(t->to, t->from);
}

/* The verdict with place as it stands now. */
static enum verify_verdict
judge(struct trial *t, enum where where)
{
	struct verify_result result;
	struct err err = ERR_INIT;

	switch (where) {
	case BODY:
		t->v.request.body = span_of(t->place, t->len);
		break;
	case URL:
		t->v.input.url = t->place;
		t->v.request.query = url_query(span_str(t->place));
		break;
	case HEADER:
		t->header->value = span_of(t->place, t->len);
		break;
	}
	ck_assert_msg(verify_request(t->sc, t->keys, t->nkeys, &t->v.input,
			  &result, &err) == 0,
	    "%s", err.text);
	return result.verdict;
}

static void
end(struct trial *t)
{
	keys_free(t->keys, t->nkeys);
	scheme_free(t->sc);
	vector_free(&t->v);
}

/* --- signatures ---------------------------------------------------------- */

static const struct {
	struct part part;
	enum encoding enc;
} signatures[] = {
	{ { "nomos-valid", HEADER, "x-nomos-signature", "v1=", "," },
	    ENCODING_HEX },
	{ { "nomos-body-valid", HEADER, "x-nomos-signature", "", "," },
	    ENCODING_HEX },
	{ { "nomod-valid", HEADER, "svix-signature", "v1,", " " },
	    ENCODING_BASE64 },
	{ { "nimbus-order-created", HEADER, "x-webhook-signature", "", "," },
	    ENCODING_HEX },
	{ { "nolxy-uppercase-hex", HEADER, "x-nolxy-signature", "", "," },
	    ENCODING_HEX },
	{ { "sw-valid", HEADER, "webhook-signature", "v1,", " " },
	    ENCODING_BASE64 },
	{ { "v1a-valid", HEADER, "webhook-signature", "v1a,", " " },
	    ENCODING_BASE64 },
	{ { "github-octokit-valid", HEADER, "x-hub-signature-256",
	      "sha256=", "," },
	    ENCODING_HEX },
	{ { "stripe-extra-bad-v1", HEADER, "stripe-signature", "v1=", "," },
	    ENCODING_HEX },
	{ { "sendgrid-valid", HEADER, "x-twilio-email-event-webhook-signature",
	      "", "," },
	    ENCODING_BASE64 },
	{ { "square-valid", HEADER, "x-square-hmacsha256-signature", "", "," },
	    ENCODING_BASE64 },
	{ { "twilio-form-valid", HEADER, "x-twilio-signature", "", "," },
	    ENCODING_BASE64 },
	{ { "twilio-json-body-digest", HEADER, "x-twilio-signature", "", "," },
	    ENCODING_BASE64 },
	{ { "mailgun-event-altered", BODY, "", "\"signature\": \"", "\"" },
	    ENCODING_HEX },
	{ { "gitlab-token", HEADER, "x-gitlab-token", "", "," },
	    ENCODING_UTF8 },
	{ { "gitlab-signing-token", HEADER, "webhook-signature", "v1,", " " },
	    ENCODING_BASE64 },
	{ { "svix-header-case", HEADER, "svix-signature", "v1,", " " },
	    ENCODING_BASE64 },
	{ { "openai-real-event", HEADER, "webhook-signature", "v1,", " " },
	    ENCODING_BASE64 },
	{ { "polar-utf8-key", HEADER, "webhook-signature", "v1,", " " },
	    ENCODING_BASE64 },
	{ { "calendly-valid", HEADER, "calendly-webhook-signature",
	      "v1=", "," },
	    ENCODING_HEX },
	{ { "workos-ms-and-space", HEADER, "workos-signature", "v1=", "," },
	    ENCODING_HEX },
	{ { "sanity-sdk-valid", HEADER, "sanity-webhook-signature",
	      "v1=", "," },
	    ENCODING_BASE64URL },
	{ { "paddle-valid", HEADER, "paddle-signature", "h1=", ";" },
	    ENCODING_HEX },
	{ { "shopify-valid", HEADER, "x-shopify-hmac-sha256", "", "," },
	    ENCODING_BASE64 },
	{ { "xero-valid", HEADER, "x-xero-signature", "", "," },
	    ENCODING_BASE64 },
	{ { "docusign-second-key", HEADER, "x-docusign-signature-2", "", "," },
	    ENCODING_BASE64 },
	{ { "typeform-valid", HEADER, "typeform-signature", "sha256=", "," },
	    ENCODING_BASE64 },
	{ { "slack-event-callback", HEADER, "x-slack-signature", "v0=", "," },
	    ENCODING_HEX },
	{ { "zoom-valid", HEADER, "x-zm-signature", "v0=", "," },
	    ENCODING_HEX },
	{ { "twitch-valid-nanoseconds", HEADER,
	      "twitch-eventsub-message-signature", "sha256=", "," },
	    ENCODING_HEX },
	{ { "zendesk-empty-body", HEADER, "x-zendesk-webhook-signature", "",
	      "," },
	    ENCODING_BASE64 },
	{ { "webflow-ms-colon", HEADER, "x-webflow-signature", "", "," },
	    ENCODING_HEX },
	{ { "linear-valid", HEADER, "linear-signature", "", "," },
	    ENCODING_HEX },
	{ { "intercom-valid", HEADER, "x-hub-signature", "sha1=", "," },
	    ENCODING_HEX },
	{ { "hook0-v0", HEADER, "x-hook0-signature", "v0=", "," },
	    ENCODING_HEX },
	{ { "hubspot-v1-valid", HEADER, "x-hubspot-signature", "", "," },
	    ENCODING_HEX },
	{ { "hubspot-v2-get", HEADER, "x-hubspot-signature", "", "," },
	    ENCODING_HEX },
	{ { "hubspot-v3-valid", HEADER, "x-hubspot-signature-v3", "", "," },
	    ENCODING_BASE64 },
	{ { "discord-event-valid", HEADER, "x-signature-ed25519", "", "," },
	    ENCODING_HEX },
	{ { "telnyx-valid", HEADER, "telnyx-signature-ed25519", "", "," },
	    ENCODING_BASE64 },
	{ { "trello-valid", HEADER, "x-trello-webhook", "", "," },
	    ENCODING_BASE64 },
	{ { "telegram-valid", HEADER, "x-telegram-bot-api-secret-token", "",
	      "," },
	    ENCODING_UTF8 },
};

/* Puts bytes, encoded, where the signature stood. */
static void
put_signature(
    struct trial *t, const char *before, enum encoding enc, struct span bytes)
{
	struct buf text = BUF_INIT(1024);
	struct err err = ERR_INIT;
	size_t rest = strlen(before) - t->to;

	ck_assert_int_eq(encode_put(enc, bytes, &text, &err), 0);
	memcpy(t->place, before, t->from);
	if (text.len > 0)
		memcpy(t->place + t->from, text.ptr, text.len);
	memcpy(t->place + t->from + text.len, before + t->to, rest + 1);
	t->len = t->from + text.len + rest;
	buf_free(&text);
}

START_TEST(no_bit_of_a_signature_may_change)
{
	const struct part *part = &signatures[_i].part;
	enum encoding enc = signatures[_i].enc;
	unsigned char bytes[128];
	char before[PLACE_MAX];
	struct trial t;
	size_t i, len;

	begin(&t, part);
	memcpy(before, t.place, sizeof(before));
	ck_assert(encode_read(enc, span_of(t.place + t.from, t.to - t.from),
	    bytes, sizeof(bytes), &len));
	ck_assert_msg(
	    judge(&t, part->where) == VERIFY_VALID, "%s", part->vector);
	for (i = 0; i < len * 8; i++) {
		bytes[i / 8] ^= (unsigned char)(1 << i % 8);
		put_signature(&t, before, enc, span_of(bytes, len));
		ck_assert_msg(judge(&t, part->where) == VERIFY_INVALID,
		    "%s: bit %zu", part->vector, i);
		bytes[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	/* And none may be left out or added. */
	for (i = 0; i < len; i++) {
		put_signature(&t, before, enc, span_of(bytes, i));
		ck_assert_msg(judge(&t, part->where) != VERIFY_VALID,
		    "%s: %zu bytes", part->vector, i);
	}
	bytes[len] = 0;
	put_signature(&t, before, enc, span_of(bytes, len + 1));
	ck_assert(judge(&t, part->where) == VERIFY_INVALID);
	put_signature(&t, before, enc, span_of(bytes, len));
	ck_assert(judge(&t, part->where) == VERIFY_VALID);
	end(&t);
}
END_TEST

/* --- what is signed ------------------------------------------------------ */

static const struct part signed_parts[] = {
	{ "nomos-valid", BODY, "", "", "" },
	{ "nomos-valid", HEADER, "x-nomos-signature", "t=", "," },
	{ "nomos-body-valid", BODY, "", "", "" },
	{ "nomod-valid", BODY, "", "", "" },
	{ "nomod-valid", HEADER, "svix-id", "", "" },
	{ "nomod-valid", HEADER, "svix-timestamp", "", "" },
	{ "nimbus-order-created", BODY, "", "", "" },
	{ "nolxy-uppercase-hex", BODY, "", "", "" },
	{ "sw-valid", BODY, "", "", "" },
	{ "sw-valid", HEADER, "webhook-id", "", "" },
	{ "sw-valid", HEADER, "webhook-timestamp", "", "" },
	{ "v1a-valid", BODY, "", "", "" },
	{ "v1a-valid", HEADER, "webhook-id", "", "" },
	{ "v1a-valid", HEADER, "webhook-timestamp", "", "" },
	{ "github-octokit-valid", BODY, "", "", "" },
	{ "stripe-extra-bad-v1", BODY, "", "", "" },
	{ "stripe-extra-bad-v1", HEADER, "stripe-signature", "t=", "," },
	{ "sendgrid-valid", BODY, "", "", "" },
	{ "sendgrid-valid", HEADER, "x-twilio-email-event-webhook-timestamp",
	    "", "" },
	{ "square-valid", BODY, "", "", "" },
	{ "square-valid", URL, "", "", "" },
	{ "twilio-form-valid", BODY, "", "", "" },
	{ "twilio-form-valid", URL, "", "", "" },
	{ "twilio-json-body-digest", BODY, "", "", "" },
	{ "twilio-json-body-digest", URL, "", "", "" },
	{ "mailgun-event-altered", BODY, "", "\"timestamp\": \"", "\"" },
	{ "mailgun-event-altered", BODY, "", "\"token\": \"", "\"" },
	{ "gitlab-signing-token", BODY, "", "", "" },
	{ "gitlab-signing-token", HEADER, "webhook-id", "", "" },
	{ "gitlab-signing-token", HEADER, "webhook-timestamp", "", "" },
	{ "svix-header-case", BODY, "", "", "" },
	{ "svix-header-case", HEADER, "svix-id", "", "" },
	{ "svix-header-case", HEADER, "svix-timestamp", "", "" },
	{ "paddle-valid", BODY, "", "", "" },
	{ "paddle-valid", HEADER, "paddle-signature", "ts=", ";" },
	{ "slack-event-callback", BODY, "", "", "" },
	{ "slack-event-callback", HEADER, "x-slack-request-timestamp", "", "" },
	{ "zoom-valid", BODY, "", "", "" },
	{ "zoom-valid", HEADER, "x-zm-request-timestamp", "", "" },
	{ "twitch-valid-nanoseconds", BODY, "", "", "" },
	{ "twitch-valid-nanoseconds", HEADER, "twitch-eventsub-message-id", "",
	    "" },
	{ "twitch-valid-nanoseconds", HEADER,
	    "twitch-eventsub-message-timestamp", "", "" },
	{ "zendesk-empty-body", HEADER, "x-zendesk-webhook-signature-timestamp",
	    "", "" },
	{ "box-both-keys", BODY, "", "", "" },
	{ "box-both-keys", HEADER, "box-delivery-timestamp", "", "" },
	{ "hubspot-v1-valid", BODY, "", "", "" },
	{ "hubspot-v2-get", URL, "", "", "" },
	{ "hubspot-v3-valid", BODY, "", "", "" },
	{ "hubspot-v3-valid", URL, "", "", "" },
	{ "hubspot-v3-valid", HEADER, "x-hubspot-request-timestamp", "", "" },
	{ "discord-event-valid", BODY, "", "", "" },
	{ "discord-event-valid", HEADER, "x-signature-timestamp", "", "" },
	{ "telnyx-valid", BODY, "", "", "" },
	{ "telnyx-valid", HEADER, "telnyx-timestamp", "", "" },
	{ "trello-valid", BODY, "", "", "" },
	{ "trello-valid", URL, "", "", "" },
	{ "adyen-item-valid-2", BODY, "", "\"pspReference\":\"", "\"" },
	{ "adyen-item-valid-2", BODY, "", "\"merchantReference\":\"", "\"" },
	{ "adyen-item-valid-2", BODY, "", "\"value\":", "}" },
	{ "adyen-item-valid-2", BODY, "", "\"eventCode\":\"", "\"" },
	{ "sns-valid", BODY, "", "\"Message\": \"", "\\" },
	{ "sns-valid", BODY, "", "\"MessageId\": \"", "\"" },
	{ "sns-valid", BODY, "", "\"TopicArn\": \"", "\"" },
	{ "paypal-valid", BODY, "", "", "" },
	{ "paypal-valid", HEADER, "paypal-transmission-id", "", "" },
	{ "paypal-valid", HEADER, "paypal-transmission-time", "", "" },
	{ "hook0-v0", BODY, "", "", "" },
	{ "hook0-v0", HEADER, "x-hook0-signature", "t=", "," },
};

START_TEST(no_signed_byte_may_change)
{
	const struct part *part = &signed_parts[_i];
	enum verify_verdict got;
	struct trial t;
	size_t i;
	char was;

	begin(&t, part);
	ck_assert_msg(
	    judge(&t, part->where) == VERIFY_VALID, "%s", part->vector);
	for (i = t.from; i < t.to; i++) {
		was = t.place[i];
		t.place[i] = was == '7' ? '8' : '7';
		got = judge(&t, part->where);
		/* A digest's name that is another is a digest that lacks. */
		ck_assert_msg(got == VERIFY_INVALID ||
				  (part->where == URL && got == VERIFY_MISSING),
		    "%s: byte %zu is %s", part->vector, i, verify_word(got));
		t.place[i] = was;
	}
	ck_assert(judge(&t, part->where) == VERIFY_VALID);
	/* A byte more at the end, a byte less. */
	if (part->where == BODY && t.to == t.len) {
		t.place[t.len++] = ' ';
		ck_assert(judge(&t, part->where) == VERIFY_INVALID);
		t.len -= 2;
		ck_assert(judge(&t, part->where) == VERIFY_INVALID);
	}
	end(&t);
}
END_TEST

/* --- what is not --------------------------------------------------------- */

#define MAILGUN_SIG \
	"d25c377c4445c51613105139dab68614bd99654a8f7211f22404331ed9df7296"

static const struct {
	const char *when;
	struct part part; /* becomes: */
	const char *instead;
	enum verify_verdict want;
} others[] = {
	{ "nomos: an item of another version is passed over",
	    { "nomos-valid", HEADER, "x-nomos-signature", "t=1768473000", "v" },
	    ",v0=00,", VERIFY_VALID },
	{ "nomos: hex in capitals",
	    { "nomos-valid", HEADER, "x-nomos-signature", "v1=", "," },
	    "5EBC70E53C90B682B6A65800EE427E0F4BE35A2E7F2D8CED8556EBB1E4FF6A1E",
	    VERIFY_VALID },
	{ "nomos: the older guide's header",
	    { "nomos-valid", HEADER, "x-nomos-signature", "", "" },
	    "815d045402dc744176c0f4f4f9606f1cfeed113f75dddd1953f83868fbabe1ff",
	    VERIFY_INVALID },
	{ "github: the delivery id is not signed",
	    { "github-octokit-valid", HEADER, "x-github-delivery", "", "" },
	    "another", VERIFY_VALID },
	{ "github: nor is the event's name",
	    { "github-octokit-valid", HEADER, "x-github-event", "", "" },
	    "release", VERIFY_VALID },
	{ "github: nor an id that is not there",
	    { "github-octokit-valid", HEADER, "x-github-delivery", "", "" }, "",
	    VERIFY_VALID },
	{ "gitlab: a token signs no body", { "gitlab-token", BODY, "", "", "" },
	    "anything", VERIFY_VALID },
	{ "gitlab: nor an id",
	    { "gitlab-token", HEADER, "idempotency-key", "", "" }, "another",
	    VERIFY_VALID },
	{ "gitlab-signed: the event's name is not signed",
	    { "gitlab-signing-token", HEADER, "x-gitlab-event", "", "" },
	    "Tag Push Hook", VERIFY_VALID },
	{ "gitlab-signed: nor the second name of the id",
	    { "gitlab-signing-token", HEADER, "idempotency-key", "", "" },
	    "another", VERIFY_VALID },
	{ "mailgun: the event is not signed",
	    { "mailgun-event-altered", BODY, "", "\"event\": \"", "\"" },
	    "delivered", VERIFY_VALID },
	{ "mailgun: nor its id",
	    { "mailgun-event-altered", BODY, "", "\"id\": \"", "\"" },
	    "another", VERIFY_VALID },
	{ "mailgun: the parent's signature will do",
	    { "mailgun-event-altered", BODY, "", "\"signature\": {", "}" },
	    "\"timestamp\":\"1767225600\",\"token\":"
	    "\"a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0\","
	    "\"signature\":\"00\",\"parent-signature\":\"" MAILGUN_SIG "\"",
	    VERIFY_VALID },
	{ "twilio: an escape in small letters is the same letter",
	    { "twilio-form-valid", BODY, "", "From=", "&" }, "%2b14158675309",
	    VERIFY_VALID },
	{ "twilio: a letter may be escaped",
	    { "twilio-form-valid", BODY, "", "Digits=", "&" }, "%31234",
	    VERIFY_VALID },
	{ "twilio: the order of a form is not signed",
	    { "twilio-form-valid", BODY, "", "", "" },
	    "To=%2B18005551212&From=%2B14158675309&Digits=1234&"
	    "Caller=%2B14158675309&CallSid=CA1234567890ABCDE",
	    VERIFY_VALID },
	{ "twilio: nor how often a pair occurs",
	    { "twilio-form-valid", BODY, "", "Digits=", "&" },
	    "1234&Digits=1234", VERIFY_VALID },
	{ "twilio: a name with a second value is another form",
	    { "twilio-form-valid", BODY, "", "Digits=", "&" }, "1234&Digits=5",
	    VERIFY_INVALID },
	{ "twilio: a broken escape is no form",
	    { "twilio-form-valid", BODY, "", "Digits=", "&" }, "%3",
	    VERIFY_UNREADABLE },
	{ "twilio: a body that is no form is signed all the same",
	    { "twilio-form-valid", BODY, "", "", "" }, "{\"a\":1}",
	    VERIFY_INVALID },
	{ "twilio: the port may be told",
	    { "twilio-form-valid", URL, "", "https://", "/" },
	    "mycompany.com:443", VERIFY_VALID },
	{ "twilio: any port, for it may be ours alone",
	    { "twilio-form-valid", URL, "", "https://", "/" },
	    "mycompany.com:8443", VERIFY_VALID },
	{ "twilio: a fragment is never sent",
	    { "twilio-form-valid", URL, "", "bar=", "" }, "2#rc=3",
	    VERIFY_VALID },
	{ "square: the port counts",
	    { "square-valid", URL, "", "https://", "/" }, "webhook.site:443",
	    VERIFY_INVALID },
	{ "sendgrid: the last line end is part of the body",
	    { "sendgrid-valid", BODY, "", "}]", "" }, "\n", VERIFY_INVALID },
	{ "stripe: a v0 beside it helps no wrong v1",
	    { "stripe-extra-bad-v1", HEADER, "stripe-signature", "1767225600",
		"" },
	    ",v0=92dfb601b4c835e93637f51afd1b0886cb97d222e46a31ed90b481a6bcf5"
	    "4074,v1=00",
	    VERIFY_INVALID },
	{ "standard-webhooks-v1a: a v1 beside it helps no wrong v1a",
	    { "v1a-valid", HEADER, "webhook-signature", "", "" },
	    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1a,AAAA",
	    VERIFY_INVALID },
};

START_TEST(what_is_not_signed_is_written_down)
{
	const struct part *part = &others[_i].part;
	char before[PLACE_MAX];
	enum verify_verdict got;
	struct trial t;
	size_t len = strlen(others[_i].instead);

	begin(&t, part);
	memcpy(before, t.place, sizeof(before));
	memcpy(t.place + t.from, others[_i].instead, len);
	memcpy(t.place + t.from + len, before + t.to, t.len - t.to + 1);
	t.len = t.from + len + t.len - t.to;
	got = judge(&t, part->where);
	ck_assert_msg(got == others[_i].want, "%s: %s", others[_i].when,
	    verify_word(got));
	end(&t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cover");
	TCase *tc = tcase_create("presets");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(
	    tc, no_bit_of_a_signature_may_change, 0, NITEMS(signatures));
	tcase_add_loop_test(
	    tc, no_signed_byte_may_change, 0, NITEMS(signed_parts));
	tcase_add_loop_test(
	    tc, what_is_not_signed_is_written_down, 0, NITEMS(others));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
