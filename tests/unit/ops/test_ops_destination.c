/*
 * What administrators ask of the owner about destinations, on a real store:
 * each row is a story of calls; the last row of an answer must have a value at
 * a pointer, or the call must fail with a code and a word.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/json/scan.h"
#include "lib/store/notice.h"
#include "tests/stand/ops_stand.h"

#define STEPS_MAX 10

struct step {
	const char *call;
	enum err_code code; /* ERR_NONE: it works */
	/* Pointer into the last row, or "~": anywhere; a word of the error. */
	const char *at;
	const char *want; /* JSON text there; NULL: nothing is there */
};

#define ADD "{\"op\":\"destination.add\",\"destination\":\"sink\","
#define SET(settings) "\"settings\":{" settings "}"
#define URL "\"url\":\"https://sink.example/in\""
#define COMMAND "\"command\":[\"/bin/true\"]"
#define OP(name) "{\"op\":\"" name "\",\"destination\":\"sink\""
#define EDIT(settings) OP("destination.edit") "," SET(settings) "}"
#define SHOW OP("destination.show") "}"
#define ADD_URL                                        \
	{                                              \
		ADD SET(URL) "}", ERR_NONE, NULL, NULL \
	}
#define ADD_STRIPE                                                     \
	{                                                              \
		ADD SET(URL ",\"sign\":\"stripe\"") ",\"secret_b64\":" \
						    "\"@A@\"}",        \
		    ERR_NONE, NULL, NULL                               \
	}
#define SHOP                                                          \
	{                                                             \
		"{\"op\":\"endpoint.add\",\"endpoint\":\"shop\","     \
		"\"settings\":{\"scheme\":\"nomos\"},\"secret_b64\":" \
		"\"@B@\"}",                                           \
		    ERR_NONE, NULL, NULL                              \
	}

static const struct {
	const char *when;
	struct step steps[STEPS_MAX];
} stories[] = {
	{ "a URL gets a secret of ours, shown once",
	    { { ADD SET(URL) "}", ERR_NONE, "/secret", "\"sec_1\"" },
		{ SHOW, ERR_NONE, "/value", NULL },
		{ SHOW, ERR_NONE, "/secrets/0/state", "\"current\"" },
		{ SHOW, ERR_NONE, "/sign", "\"standard-webhooks\"" } } },
	{ "of a scheme whose providers make them, too",
	    { { ADD SET(URL ",\"sign\":\"stripe\"") "}", ERR_NONE, "/secret",
		"\"sec_1\"" } } },
	{ "a given secret is not shown",
	    { { ADD SET(URL ",\"sign\":\"stripe\"") ",\"secret_b64\":\"@A@\"}",
		ERR_NONE, "/value", NULL } } },
	{ "a key of the wrong form is refused",
	    { { ADD SET(URL) ",\"secret_b64\":\"@A@\"}", ERR_INPUT,
		"standard-webhooks", NULL } } },
	{ "an endpoint that it lists gets another name",
	    { SHOP,
		{ ADD SET(URL ",\"endpoints\":\"shop, eyelet\"") "}", ERR_NONE,
		    NULL, NULL },
		{ "{\"op\":\"endpoint.rename\",\"endpoint\":\"shop\","
		  "\"to\":\"web\"}",
		    ERR_NONE, "/warnings/0",
		    "\"destination \\\"sink\\\" lists the endpoint, and has "
		    "its new name now\"" },
		{ SHOW, ERR_NONE, "/endpoints", "\"web, eyelet\"" },
		{ SHOW, ERR_NONE, "/generation", "2" } } },
	{ "one that it does not list does",
	    { SHOP,
		{ ADD SET(URL ",\"endpoints\":\"eyelet\"") "}", ERR_NONE, NULL,
		    NULL },
		{ "{\"op\":\"endpoint.rename\",\"endpoint\":\"shop\","
		  "\"to\":\"web\"}",
		    ERR_NONE, "/warnings", "[]" },
		{ SHOW, ERR_NONE, "/endpoints", "\"eyelet\"" } } },
	{ "unsigned there is no secret, and a warning",
	    { { ADD SET(URL ",\"sign\":\"none\"") "}", ERR_NONE, "/secret",
		  NULL },
		{ SHOW, ERR_NONE, "/sign", "null" },
		{ SHOW, ERR_NONE, "/secrets", "[]" },
		{ EDIT("\"title\":\"T\""), ERR_NONE, "/warnings/0",
		    "\"nothing is signed: whoever finds the URL of the "
		    "receiver can send it events as well\"" } } },
	{ "unsigned a secret is of no use",
	    { { ADD SET(URL ",\"sign\":\"none\"") ",\"secret_b64\":\"@A@\"}",
		ERR_INPUT, "of no use", NULL } } },
	{ "a command has no secret, and is fine",
	    { { ADD SET(COMMAND) "}", ERR_NONE, "/secret", NULL },
		{ SHOW, ERR_NONE, "/command", "[\"/bin/true\"]" },
		{ SHOW, ERR_NONE, "/url", "null" },
		{ SHOW, ERR_NONE, "/sign", "null" },
		{ EDIT("\"title\":\"T\""), ERR_NONE, "/warnings", "[]" } } },
	{ "a command that is not there is warned of",
	    { { ADD SET("\"command\":[\"/nonexistent/x\"]") "}", ERR_NONE,
		"/warnings/0",
		"\"/nonexistent/x is not there now: deliveries fail until it "
		"is\"" } } },
	{ "a folder is no program",
	    { { ADD SET("\"command\":[\"/usr\"]") "}", ERR_NONE, "~",
		"/usr cannot be executed now by uid" } } },
	{ "a name is taken once",
	    { ADD_URL, { ADD SET(URL) "}", ERR_EXISTS, "already", NULL } } },
	{ "an endpoint of the same name is another thing",
	    { { "{\"op\":\"endpoint.add\",\"endpoint\":\"sink\","
		"\"settings\":{\"scheme\":\"nomos\"}}",
		  ERR_NONE, NULL, NULL },
		{ ADD SET(URL) "}", ERR_NONE, "/secret", "\"sec_1\"" },
		{ "{\"op\":\"endpoint.show\",\"endpoint\":\"sink\"}", ERR_NONE,
		    "/secrets", "[]" } } },
	{ "a bad name",
	    { { "{\"op\":\"destination.add\",\"destination\":\"a/b\"," SET(
		    URL) "}",
		  ERR_INPUT, "letters", NULL },
		{ "{\"op\":\"destination.add\",\"destination\":\"eyelet\"," SET(
		      URL) "}",
		    ERR_INPUT, "eyelet", NULL } } },
	{ "a name that there is not",
	    { ADD_URL,
		{ "{\"op\":\"destination.show\",\"destination\":\"sinc\"}",
		    ERR_NOTFOUND, "\"sink\"?", NULL } } },
	{ "an unknown scheme, near one",
	    { { ADD SET(URL ",\"sign\":\"strip\"") "}", ERR_INPUT,
		"\"stripe\"?", NULL } } },
	{ "a scheme of public keys cannot sign",
	    { { ADD SET(URL ",\"sign\":\"discord\"") "}", ERR_INPUT,
		"cannot sign", NULL } } },
	{ "settings are judged",
	    { { ADD SET(URL ",\"timeout\":0") "}", ERR_INPUT, "timeout", NULL },
		{ ADD SET(URL "," COMMAND) "}", ERR_INPUT, "exclude", NULL },
		{ ADD SET("\"title\":\"T\"") "}", ERR_INPUT, "url or a command",
		    NULL } } },
	{ "a URL of an inside network is refused, with the way",
	    { { ADD SET("\"url\":\"https://10.1.2.3/\"") "}", ERR_INPUT,
		  "allow-net", NULL },
		{ ADD SET("\"url\":\"https://10.1.2.3/\","
			  "\"allow_net\":\"10.1.2.0/24\"") "}",
		    ERR_NONE, "/url", "\"https://10.1.2.3/\"" },
		{ EDIT("\"allow_net\":null"), ERR_INPUT, "allow-net", NULL },
		{ EDIT("\"url\":\"https://10.1.3.3/\""), ERR_INPUT, "allow-net",
		    NULL } } },
	{ "a URL that is kept in another form",
	    { { ADD SET("\"url\":\"https://Sink.Example:443/\"") "}", ERR_NONE,
		  "/url", "\"https://sink.example/\"" },
		{ EDIT("\"url\":\"https://SINK.example/in\""), ERR_NONE,
		    "/warnings/0",
		    "\"the URL is kept as https://sink.example/in: that is "
		    "how it is asked for\"" } } },
	{ "headers of the scheme are its own",
	    { { ADD SET(URL ",\"headers\":{\"Webhook-Id\":\"1\"}") "}",
		  ERR_INPUT, "Webhook-Id", NULL },
		{ ADD SET(URL ",\"forward\":[\"webhook-signature\"]") "}",
		    ERR_INPUT, "webhook-signature", NULL },
		{ ADD SET(URL ",\"sign\":\"none\",\"headers\":"
			      "{\"Webhook-Id\":\"1\"}") "}",
		    ERR_NONE, "/headers", "[\"Webhook-Id\"]" },
		{ EDIT("\"sign\":null"), ERR_INPUT, "Webhook-Id", NULL } } },
	{ "a login where the scheme signs there",
	    { { ADD SET(URL ",\"sign\":\"okta\",\"auth\":\"Bearer x\"") "}",
		  ERR_INPUT, "auth: scheme \"okta\"", NULL },
		{ ADD SET(URL ",\"auth\":\"Bearer x\"") "}", ERR_NONE, "/auth",
		    "\"Bearer\"" },
		{ EDIT("\"sign\":\"okta\""), ERR_INPUT, "Authorization",
		    NULL } } },
	{ "values of headers and logins are never shown",
	    { { ADD SET(URL ",\"headers\":{\"X-Key\":\"" CANARY "\"},"
			    "\"auth\":\"Bearer " CANARY "\"") "}",
		  ERR_NONE, "/auth", "\"Bearer\"" },
		{ SHOW, ERR_NONE, "/headers", "[\"X-Key\"]" },
		{ "{\"op\":\"destination.list\"}", ERR_NONE, "/headers",
		    "[\"X-Key\"]" },
		{ EDIT("\"auth\":\"Basic " CANARY "\",\"headers\":"
		       "{\"X-Key\":\"" CANARY "\"}"),
		    ERR_NONE, "/auth", "\"Basic\"" },
		{ EDIT("\"auth\":null"), ERR_NONE, "/auth", "null" } } },
	{ "endpoints that there are not are warned of",
	    { SHOP,
		{ ADD SET(URL ",\"endpoints\":\"shop, eyelet,till\"") "}",
		    ERR_NONE, "/warnings",
		    "[\"there is no endpoint \\\"till\\\" yet: its events come "
		    "once there is one\"]" } } },
	{ "files that cannot be read are warned of",
	    { { ADD SET(URL ",\"ca\":\"/nonexistent/ca.pem\"") "}", ERR_NONE,
		"~", "/nonexistent/ca.pem cannot be read now by uid" } } },
	{ "one secret for two is warned of",
	    { SHOP,
		{ ADD SET(URL ",\"sign\":\"stripe\"") ",\"secret_b64\":"
						      "\"@B@\"}",
		    ERR_NONE, "/warnings/0",
		    "\"endpoint \\\"shop\\\" has the same secret (sec_1): who "
		    "knows one can sign for both\"" },
		{ "{\"op\":\"endpoint.add\",\"endpoint\":\"till\","
		  "\"settings\":{\"scheme\":\"nomos\"},"
		  "\"secret_b64\":\"@B@\"}",
		    ERR_NONE, "/warnings/1",
		    "\"destination \\\"sink\\\" has the same secret (sec_2): "
		    "who knows one can sign for both\"" } } },

	{ "it begins behind the newest event",
	    { ADD_URL, { SHOW, ERR_NONE, "/behind", "0" } } },
	{ "or at a seq",
	    { { ADD SET(URL) ",\"from_seq\":1}", ERR_NONE, NULL, NULL },
		{ SHOW, ERR_NONE, "/cursor", "1" } } },
	{ "or at one to come",
	    { { ADD SET(URL) ",\"from_seq\":77}", ERR_NONE, NULL, NULL },
		{ SHOW, ERR_NONE, "/cursor", "77" },
		{ SHOW, ERR_NONE, "/behind", "0" } } },
	{ "or at a time",
	    { { ADD SET(URL) ",\"from_ms\":1}", ERR_NONE, NULL, NULL },
		{ SHOW, ERR_NONE, "/behind", "0" } } },
	{ "not at both", { { ADD SET(URL) ",\"from_ms\":1,\"from_seq\":1}",
			     ERR_USAGE, "exclude", NULL } } },
	{ "not at no seq", { { ADD SET(URL) ",\"from_seq\":0}", ERR_USAGE,
			       "from_seq", NULL } } },

	{ "edit changes what it names",
	    { ADD_URL,
		{ EDIT("\"title\":\"T\",\"rate\":5"), ERR_NONE, "/title",
		    "\"T\"" },
		{ EDIT("\"events\":\"a.*\""), ERR_NONE, "/rate", "5" } } },
	{ "edit bumps the generation",
	    { ADD_URL, { EDIT("\"rate\":5"), ERR_NONE, NULL, NULL },
		{ OP("destination.edit") ",\"if_gen\":1," SET("\"rate\":6") "}",
		    ERR_CONFLICT, "destination \"sink\" is at generation",
		    NULL } } },
	{ "edit refuses what add refuses",
	    { ADD_URL,
		{ EDIT("\"events\":\"a*b\""), ERR_INPUT, "events", NULL },
		{ EDIT("\"colour\":1"), ERR_INPUT, "colour", NULL },
		{ EDIT("\"url\":null"), ERR_INPUT, "url or a command", NULL },
		{ SHOW, ERR_NONE, "/url", "\"https://sink.example/in\"" } } },
	{ "a URL becomes a command",
	    { ADD_URL, { EDIT("\"url\":null," COMMAND), ERR_NONE,
			   "/concurrency", "1" } } },
	{ "a new scheme must fit the secrets",
	    { ADD_STRIPE,
		{ EDIT("\"sign\":\"nimbus\""), ERR_NONE, "/sign",
		    "\"nimbus\"" },
		{ EDIT("\"sign\":\"standard-webhooks\""), ERR_INPUT, "sec_1",
		    NULL },
		{ OP("secret.revoke") ",\"secret\":\"sec_1\"}", ERR_NONE,
		    "/warnings/0",
		    "\"the destination has no current secret now: its "
		    "deliveries wait, as none goes out unsigned, until a "
		    "staged one is activated, or it is rotated\"" },
		{ EDIT("\"title\":\"T\""), ERR_NONE, "/secret", NULL },
		{ EDIT("\"sign\":\"standard-webhooks\""), ERR_NONE, "/secret",
		    "\"sec_2\"" } } },
	{ "one that signs now has a secret then",
	    { { ADD SET(URL ",\"sign\":\"none\"") "}", ERR_NONE, NULL, NULL },
		{ EDIT("\"sign\":\"stripe\""), ERR_NONE, "/secret",
		    "\"sec_1\"" },
		{ SHOW, ERR_NONE, "/secrets/0/state", "\"current\"" },
		{ EDIT("\"sign\":\"none\""), ERR_NONE, "/secret", NULL },
		{ EDIT("\"sign\":\"stripe\""), ERR_NONE, "/secret", NULL } } },

	{ "secrets are told by the destination",
	    { ADD_URL,
		{ OP("secret.show") "}", ERR_NONE, "/destination", "\"sink\"" },
		{ OP("secret.show") "}", ERR_NONE, "/state", "\"current\"" },
		{ OP("secret.reveal") "}", ERR_NONE, "/destination",
		    "\"sink\"" } } },
	{ "of an endpoint or a destination",
	    { ADD_URL,
		{ OP("secret.show") ",\"endpoint\":\"sink\"}", ERR_USAGE,
		    "not both", NULL },
		{ "{\"op\":\"secret.show\"}", ERR_USAGE,
		    "\"endpoint\" or \"destination\"", NULL } } },
	{ "rotated, the one before lives on",
	    { ADD_URL,
		{ OP("secret.rotate") "}", ERR_NONE, "/previous", "\"sec_1\"" },
		{ SHOW, ERR_NONE, "/secrets/0/state", "\"previous\"" },
		{ SHOW, ERR_NONE, "/generation", "2" },
		{ OP("secret.extend") ",\"grace_s\":600000}", ERR_NONE,
		    "/state", "\"previous\"" },
		{ OP("secret.expire") "}", ERR_NONE, "/state",
		    "\"expired\"" } } },
	{ "rotated, whoever makes the scheme's secrets",
	    { ADD_STRIPE,
		{ OP("secret.rotate") "}", ERR_NONE, "/generated", "true" },
		{ OP("secret.rotate") ",\"secret_b64\":\"@C@\"}", ERR_NONE,
		    "/generated", "false" } } },
	{ "staged, then activated",
	    { ADD_URL,
		{ OP("secret.stage") "}", ERR_NONE, "/state", "\"staged\"" },
		{ OP("secret.activate") "}", ERR_NONE, "/previous",
		    "\"sec_1\"" },
		{ OP("secret.activate") "}", ERR_NOTFOUND,
		    "destination \"sink\" has no staged", NULL },
		{ OP("secret.revoke") ",\"secret\":\"sec_9\"}", ERR_NOTFOUND,
		    "destination \"sink\" has no secret sec_9", NULL } } },
	{ "revoked and replaced, nothing waits",
	    { ADD_URL,
		{ OP("secret.revoke") ",\"secret\":\"sec_1\","
				      "\"replace\":true}",
		    ERR_NONE, "/warnings", "[]" },
		{ SHOW, ERR_NONE, "/secrets/1/state", "\"current\"" } } },
	{ "no secret where nothing is signed",
	    { { ADD SET(COMMAND) "}", ERR_NONE, NULL, NULL },
		{ OP("secret.rotate") "}", ERR_INPUT, "of no use", NULL },
		{ OP("secret.stage") ",\"secret_b64\":\"@A@\"}", ERR_INPUT,
		    "of no use", NULL } } },
	{ "its secrets let nothing in",
	    { ADD_URL, { OP("secret.suspects") ",\"secret\":\"sec_1\"}",
			   ERR_USAGE, "lets nothing in", NULL } } },
	{ "secrets by generation",
	    { ADD_URL, { OP("secret.rotate") "}", ERR_NONE, NULL, NULL },
		{ OP("secret.rotate") ",\"if_gen\":1}", ERR_CONFLICT,
		    "destination \"sink\" is at generation 2", NULL } } },

	{ "paused and resumed", { ADD_URL,
				    { OP("destination.pause") "}", ERR_NONE,
					"/state", "\"paused\"" },
				    { SHOW, ERR_NONE, "/state", "\"paused\"" },
				    { OP("destination.resume") "}", ERR_NONE,
					"/state", "\"enabled\"" } } },
	{ "disabled with a reason, and resumed",
	    { ADD_URL,
		{ OP("destination.disable") "}", ERR_NONE, "/state",
		    "\"disabled\"" },
		{ SHOW, ERR_NONE, "/why", "null" },
		{ OP("destination.disable") ",\"why\":\"status 410\"}",
		    ERR_NONE, NULL, NULL },
		{ SHOW, ERR_NONE, "/why", "\"status 410\"" },
		{ OP("destination.resume") "}", ERR_NONE, "/state",
		    "\"enabled\"" },
		{ SHOW, ERR_NONE, "/why", "null" } } },
	{ "disabled by somebody",
	    { ADD_URL,
		{ OP("destination.disable") ",\"by\":\"me\"}", ERR_USAGE,
		    "not \"me\"", NULL },
		{ OP("destination.disable") ",\"by\":\"gone\"}", ERR_NONE,
		    "/state", "\"disabled\"" } } },
	{ "states by generation",
	    { ADD_URL, { OP("destination.pause") "}", ERR_NONE, NULL, NULL },
		{ OP("destination.resume") ",\"if_gen\":1}", ERR_CONFLICT,
		    "generation", NULL },
		{ OP("destination.disable") ",\"if_gen\":1}", ERR_CONFLICT,
		    "generation", NULL },
		{ OP("destination.remove") ",\"if_gen\":1}", ERR_CONFLICT,
		    "generation", NULL },
		{ SHOW, ERR_NONE, "/state", "\"paused\"" } } },
	{ "a removed name is free again",
	    { ADD_URL,
		{ OP("destination.remove") "}", ERR_NONE, "/state",
		    "\"removed\"" },
		{ SHOW, ERR_NOTFOUND, "sink", NULL },
		{ OP("destination.resume") "}", ERR_NOTFOUND, "sink", NULL },
		{ OP("secret.rotate") "}", ERR_NOTFOUND, "sink", NULL },
		{ ADD SET(URL) "}", ERR_NONE, "/state", "\"enabled\"" },
		{ "{\"op\":\"destination.list\",\"removed\":true}", ERR_NONE,
		    "/state", "\"enabled\"" } } },
};

/* Takes the steps of a story in turn. */
static void
tell(const char *when, const struct step *steps)
{
	struct err err;
	struct answer an;
	size_t i;
	int got;

	for (i = 0; i < STEPS_MAX && steps[i].call != NULL; i++) {
		err = (struct err)ERR_INIT;
		got = stand_ask(steps[i].call, &an, &err);
		ck_assert_msg((got == 0) == (steps[i].code == ERR_NONE),
		    "%s: step %zu: %s", when, i, err.text);
		if (got < 0) {
			ck_assert_msg(err.code == steps[i].code,
			    "%s: step %zu: %s: %s", when, i, err_word(err.code),
			    err.text);
			ck_assert_msg(strstr(err.text, steps[i].at) != NULL,
			    "%s: step %zu: %s", when, i, err.text);
		} else if (steps[i].at != NULL &&
			   strcmp(steps[i].at, "~") == 0) {
			ck_assert_msg(
			    memmem(an.last.ptr, an.last.len, steps[i].want,
				strlen(steps[i].want)) != NULL,
			    "%s: step %zu: %.*s", when, i, (int)an.last.len,
			    (const char *)an.last.ptr);
		} else if (steps[i].at != NULL) {
			ck_assert_msg(
			    stand_has(an.last, steps[i].at, steps[i].want),
			    "%s: step %zu: %.*s", when, i, (int)an.last.len,
			    (const char *)an.last.ptr);
		}
		ck_assert_msg(
		    an.all.len == 0 || memmem(an.all.ptr, an.all.len, CANARY,
					   strlen(CANARY)) == NULL,
		    "%s: step %zu shows a secret", when, i);
		stand_free(&an);
	}
}

START_TEST(story_goes_as_told)
{
	tell(stories[_i].when, stories[_i].steps);
}
END_TEST

/* Who did what is on record, and no secret with it. */
static const struct {
	const char *call, *detail;
} changes[] = {
	{ ADD SET(URL ",\"sign\":\"stripe\",\"auth\":\"Bearer " CANARY
		      "\"") ",\"secret_b64\":\"@A@\"}",
	    "{\"url\":\"https://sink.example/in\",\"command\":null,"
	    "\"sign\":\"stripe\",\"secret\":\"sec_1\",\"generated\":false}" },
	{ EDIT("\"headers\":{\"X-Key\":\"" CANARY "\"},\"auth\":\"Basic " CANARY
	       "\",\"rate\":3"),
	    "{\"headers\":[\"X-Key\"],\"auth\":true,\"rate\":3}" },
	{ OP("destination.pause") "}", NULL },
	{ OP("destination.disable") ",\"why\":\"status 410\"}",
	    "{\"by\":\"operator\",\"why\":\"status 410\"}" },
	{ OP("destination.resume") "}", NULL },
	{ OP("destination.remove") "}", NULL },
};

START_TEST(changes_are_on_record)
{
	struct err err = ERR_INIT;
	struct answer an;
	size_t i;

	for (i = 0; i < NITEMS(changes); i++)
		stand_do(changes[i].call);
	ck_assert_int_eq(stand_ask("{\"op\":\"store.audit\"}", &an, &err), 0);
	ck_assert_uint_eq(an.n, NITEMS(changes));
	stand_free(&an);
	for (i = 0; i < NITEMS(changes); i++) {
		ck_assert_int_eq(
		    stand_ask("{\"op\":\"store.audit\"}", &an, &err), 0);
		ck_assert_int_eq(buf_putc(&an.all, '\0', &err), 0);
		ck_assert_ptr_null(strstr((char *)an.all.ptr, CANARY));
		if (changes[i].detail != NULL)
			ck_assert_msg(strstr((char *)an.all.ptr,
					  changes[i].detail) != NULL,
			    "%s: %s", changes[i].call, (char *)an.all.ptr);
		stand_free(&an);
	}
}
END_TEST

/* How many notices are in the log, and the last one's type. */
static size_t
count_notices(char *type, size_t size)
{
	struct store_reader *rd = NULL;
	struct err err = ERR_INIT;
	struct event ev;
	bool found;
	size_t n = 0;

	ck_assert_int_eq(store_reader_open(stand_store(), &rd, &err), 0);
	while (store_reader_next(rd, &ev, &found, &err) == 0 && found) {
		ck_assert_uint_eq(ev.endpoint_id, STORE_SELF);
		snprintf(type, size, "%.*s", (int)ev.type.len,
		    (const char *)ev.type.ptr);
		n++;
	}
	store_reader_close(rd);
	return n;
}

/* Disabled twice, it is news once. */
START_TEST(disabling_is_noticed)
{
	char type[64] = "";

	stand_do(ADD SET(URL) "}");
	stand_do(OP("destination.disable") "}");
	stand_do(OP("destination.disable") "}");
	ck_assert(store_wait(stand_store(), 0, 30000));
	ck_assert_uint_eq(count_notices(type, sizeof(type)), 1);
	ck_assert_str_eq(type, NOTICE_DISABLED);
}
END_TEST

/* What is pending of its events nobody will deliver any more. */
START_TEST(removing_an_endpoint_leaves_dead_letters)
{
	struct buf scratch = BUF_INIT(65536);
	struct store_destination sink;
	struct store_endpoint shop;
	struct store_report_item item = { .kind = STORE_REPORT_ROW };
	struct store_report report = { .items = &item, .nitems = 1 };
	struct store_delivery *d = &item.delivery;
	struct err err = ERR_INIT;
	bool found;

	stand_do("{\"op\":\"endpoint.add\",\"endpoint\":\"shop\","
		 "\"settings\":{\"scheme\":\"nomos\"},\"secret_b64\":"
		 "\"@B@\"}");
	stand_do(ADD SET(URL) "}");
	ck_assert_int_eq(store_destination_by_name(stand_store(), NULL, "sink",
			     &sink, &scratch, &found, &err),
	    0);
	ck_assert(found);
	ck_assert_int_eq(store_endpoint_by_name(stand_store(), NULL, "shop",
			     &shop, &scratch, &found, &err),
	    0);
	ck_assert(found);
	d->destination_id = sink.id;
	d->endpoint_id = shop.id;
	d->seq = 7;
	d->state = STORE_DELIVERY_RETRYING;
	ck_assert_int_eq(store_report(stand_store(), &report, &err), 0);
	stand_do("{\"op\":\"endpoint.disable\",\"endpoint\":\"shop\"}");
	ck_assert_int_eq(store_delivery(stand_store(), NULL, sink.id, 7, d,
			     &scratch, &found, &err),
	    0);
	ck_assert(found && d->state == STORE_DELIVERY_RETRYING);
	stand_do("{\"op\":\"endpoint.remove\",\"endpoint\":\"shop\"}");
	ck_assert_int_eq(store_delivery(stand_store(), NULL, sink.id, 7, d,
			     &scratch, &found, &err),
	    0);
	ck_assert(found && d->state == STORE_DELIVERY_DEAD);
	ck_assert(span_is(d->reason, DELIVERY_REMOVED));
	buf_free(&scratch);
}
END_TEST

static uint64_t
sink_id(void)
{
	struct buf doc = BUF_INIT(2 * DESTINATION_DOC_MAX);
	struct store_destination d;
	struct err err = ERR_INIT;
	bool found = false;

	ck_assert_int_eq(store_destination_by_name(stand_store(), NULL, "sink",
			     &d, &doc, &found, &err),
	    0);
	ck_assert(found);
	buf_free(&doc);
	return d.id;
}

#define T 1700000000000 /* 2023-11-14T22:13:20.000Z */

/* What a deliverer would have reported. */
static void
report_rows(void)
{
	struct store_report_item items[] = {
		{ .kind = STORE_REPORT_ROW,
		    .delivery = { .seq = 3,
			.state = STORE_DELIVERY_DEAD,
			.attempts = 9,
			.since_ms = T,
			.last_ms = T + 9000,
			.reason = span_str(DELIVERY_EXHAUSTED),
			.words = span_str("long ago") } },
		{ .kind = STORE_REPORT_ROW,
		    .delivery = { .seq = 4,
			.state = STORE_DELIVERY_PENDING,
			.since_ms = T } },
		{ .kind = STORE_REPORT_ROW,
		    .delivery = { .seq = 5,
			.state = STORE_DELIVERY_RETRYING,
			.attempts = 2,
			.since_ms = T + 1000,
			.due_ms = T + 60000,
			.last_ms = T + 2000,
			.status = 503,
			.words = span_str("it answered 503") } },
		{ .kind = STORE_REPORT_ROW,
		    .delivery = { .seq = 6,
			.state = STORE_DELIVERY_RETRYING,
			.attempts = 1,
			.since_ms = T + 1000,
			.due_ms = T + 60000,
			.last_ms = T + 3000,
			.words = span_str("timeout: 10 s") } },
	};
	struct store_report report = { .items = items,
		.nitems = NITEMS(items) };
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(items); i++)
		items[i].delivery.destination_id = sink_id();
	ck_assert_msg(
	    store_report(stand_store(), &report, &err) == 0, "%s", err.text);
}

/* Of a strict order; and the same rows where nothing has to wait. */
static const struct {
	const char *order, *blocked_by, *blocked_since;
} troubles[] = {
	{ "strict", "5", "\"2023-11-14T22:13:21.000Z\"" },
	{ "key:json:/id", "5", "\"2023-11-14T22:13:21.000Z\"" },
	{ "none", "null", "null" },
};

START_TEST(trouble_is_shown)
{
	struct err err = ERR_INIT;
	struct answer an;
	char call[512];

	snprintf(call, sizeof(call),
	    "{\"op\":\"destination.add\",\"destination\":\"sink\","
	    "\"settings\":{" URL ",\"order\":\"%s\"}}",
	    troubles[_i].order);
	stand_do(call);
	report_rows();
	ck_assert_int_eq(stand_ask(SHOW, &an, &err), 0);
	ck_assert_msg(stand_has(an.last, "/counts",
			  "{\"pending\":1,\"retrying\":2,\"parked\":0,"
			  "\"dead\":1}"),
	    "%.*s", (int)an.last.len, (const char *)an.last.ptr);
	ck_assert_msg(
	    stand_has(an.last, "/blocked_by", troubles[_i].blocked_by), "%.*s",
	    (int)an.last.len, (const char *)an.last.ptr);
	ck_assert(
	    stand_has(an.last, "/blocked_since", troubles[_i].blocked_since));
	ck_assert_msg(stand_has(an.last, "/last_failure",
			  "{\"seq\":6,\"at\":\"2023-11-14T22:13:23.000Z\","
			  "\"status\":0,\"words\":\"timeout: 10 s\"}"),
	    "%.*s", (int)an.last.len, (const char *)an.last.ptr);
	stand_free(&an);
	ck_assert_int_eq(
	    stand_ask("{\"op\":\"destination.list\"}", &an, &err), 0);
	ck_assert(stand_has(an.last, "/counts/retrying", "2"));
	stand_free(&an);
}
END_TEST

/* Every scheme that can sign takes a secret that was made for it. */
START_TEST(every_signing_scheme_serves)
{
	const struct scheme_set *set = stand_schemes();
	const struct scheme *sc;
	struct err err = ERR_INIT;
	struct answer an;
	const char *why;
	char call[512];
	size_t i, n = 0;

	for (i = 0; i < scheme_set_count(set); i++) {
		sc = scheme_set_at(set, i);
		if (!scheme_can_sign(sc, &why))
			continue;
		snprintf(call, sizeof(call),
		    "{\"op\":\"destination.add\",\"destination\":\"%s\","
		    "\"settings\":{" URL ",\"sign\":\"%s\"}}",
		    scheme_name(sc), scheme_name(sc));
		ck_assert_msg(
		    stand_ask(call, &an, &err) == 0, "%s: %s", call, err.text);
		ck_assert(!stand_has(an.last, "/value", NULL));
		stand_free(&an);
		n++;
	}
	ck_assert_uint_gt(n, 50);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ops_destination");
	TCase *tc = tcase_create("ops_destination");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, stand_open, stand_close);
	tcase_add_loop_test(tc, story_goes_as_told, 0, NITEMS(stories));
	tcase_add_test(tc, changes_are_on_record);
	tcase_add_test(tc, disabling_is_noticed);
	tcase_add_test(tc, removing_an_endpoint_leaves_dead_letters);
	tcase_add_loop_test(tc, trouble_is_shown, 0, NITEMS(troubles));
	tcase_add_test(tc, every_signing_scheme_serves);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
