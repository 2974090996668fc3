/* Which event a verified request is, and which is none. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "tests/stand/vectors.h"

#define LONG64 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LONG256 LONG64 LONG64 LONG64 LONG64

#define ADMIT "; \"quarantine admit\" takes it as it is"
#define UNREAD "its type cannot be read: "

static const struct {
	const char *when, *scheme, *header, *value, *body;
	enum identify_outcome outcome;
	const char *id, *type, *why; /* NULL: none */
} rows[] = {
	{ "both in the body", "nomos", "", "",
	    "{\"topic\":\"a.b\",\"id\":\"e\\u0031\"}", IDENTIFY_OK, "e1", "a.b",
	    NULL },
	{ "a number is an id", "nomos", "", "", "{\"topic\":\"t\",\"id\":12}",
	    IDENTIFY_OK, "12", "t", NULL },
	{ "a great number, to the digit", "nomos", "", "",
	    "{\"topic\":\"t\",\"id\":90071992547409931}", IDENTIFY_OK,
	    "90071992547409931", "t", NULL },
	{ "members count by their case", "nomos", "", "",
	    "{\"topic\":\"t\",\"ID\":\"x\",\"id\":\"e\"}", IDENTIFY_OK, "e",
	    "t", NULL },
	{ "bytes beyond ASCII", "nomos", "", "",
	    "{\"topic\":\"t\",\"id\":\"\xc3\xa9\"}", IDENTIFY_OK, "\xc3\xa9",
	    "t", NULL },
	{ "no id where one is due", "nomos", "", "", "{\"topic\":\"t\"}",
	    IDENTIFY_REQUIRED, NULL, "t", "/id is absent" ADMIT },
	{ "an empty id is none, but there", "nomos", "", "",
	    "{\"topic\":\"t\",\"id\":\"\"}", IDENTIFY_OK, NULL, "t", NULL },
	{ "null is absent", "nomos", "", "", "{\"topic\":\"t\",\"id\":null}",
	    IDENTIFY_REQUIRED, NULL, "t", "/id is absent" ADMIT },
	{ "an object is no id", "nomos", "", "", "{\"topic\":\"t\",\"id\":{}}",
	    IDENTIFY_OK, NULL, "t", NULL },
	{ "no type", "nomos", "", "", "{\"id\":\"e\"}", IDENTIFY_REQUIRED, "e",
	    NULL, "/topic is absent" ADMIT },
	{ "a test event needs no id", "nomos", "", "",
	    "{\"topic\":\"test.event\"}", IDENTIFY_OK, NULL, "test.event",
	    NULL },
	{ "an id with a NUL in it", "nomos", "", "",
	    "{\"topic\":\"t\",\"id\":\"a\\u0000\"}", IDENTIFY_NOT_TAKEN, NULL,
	    NULL, "json:/id holds U+0000 or half a surrogate pair" ADMIT },
	{ "an id with half a character", "nomos", "", "",
	    "{\"topic\":\"t\",\"id\":\"\\ud800\"}", IDENTIFY_NOT_TAKEN, NULL,
	    NULL, "json:/id holds U+0000 or half a surrogate pair" ADMIT },
	{ "a NUL where nothing is read", "nomos", "", "",
	    "{\"topic\":\"t\",\"id\":\"e\",\"x\":\"\\u0000\"}", IDENTIFY_OK,
	    "e", "t", NULL },
	{ "a byte order mark", "nomos", "", "",
	    "\xef\xbb\xbf{\"topic\":\"t\",\"id\":\"e\"}", IDENTIFY_OK, "e", "t",
	    NULL },
	{ "two of them", "nomos", "", "", "\xef\xbb\xbf\xef\xbb\xbf{}",
	    IDENTIFY_NOT_JSON, NULL, NULL, "byte 0: not a JSON value" ADMIT },
	{ "a key twice, and no JSON", "nomos", "", "",
	    "{\"topic\":\"t\",\"topic\":\"u\"", IDENTIFY_NOT_JSON, NULL, NULL,
	    "byte 24: the text ends too early" ADMIT },
	{ "no JSON", "nomos", "", "", "{\"topic\":\"t\",}", IDENTIFY_NOT_JSON,
	    NULL, NULL, "byte 13: a key in quotes is due here" ADMIT },
	{ "a body cut short", "nomos", "", "", "{\"topic\":\"t\"",
	    IDENTIFY_NOT_JSON, NULL, NULL,
	    "byte 12: the text ends too early" ADMIT },
	{ "a key twice", "nomos", "", "",
	    "{\"topic\":\"t\",\"id\":\"1\",\"id\":\"2\"}", IDENTIFY_NOT_TAKEN,
	    NULL, NULL, "byte 22: the object has this key already" ADMIT },
	{ "an empty body", "nomos", "", "", "", IDENTIFY_NOT_JSON, NULL, NULL,
	    "byte 0: the text ends where a value is due" ADMIT },
	{ "an id as long as it may be", "nomos", "", "",
	    "{\"topic\":\"t\",\"id\":\"" LONG256 "\"}", IDENTIFY_OK, LONG256,
	    "t", NULL },
	{ "a byte longer", "nomos", "", "",
	    "{\"topic\":\"t\",\"id\":\"x" LONG256 "\"}", IDENTIFY_TOO_LONG,
	    NULL, NULL, "the id is longer than it may be" ADMIT },
	{ "a type that is too long", "nomos", "", "",
	    "{\"topic\":\"x" LONG256 "\",\"id\":\"e\"}", IDENTIFY_TOO_LONG,
	    NULL, NULL, "the type is longer than it may be" ADMIT },

	{ "github: event and action", "github", "x-github-event", "issues",
	    "{\"action\":\"opened\"}", IDENTIFY_OK, NULL, "issues.opened",
	    NULL },
	{ "github: event alone", "github", "x-github-event", "push", "{}",
	    IDENTIFY_OK, NULL, "push", NULL },
	{ "github: an action that is no text", "github", "x-github-event",
	    "push", "{\"action\":{}}", IDENTIFY_OK, NULL, "push", NULL },
	{ "github: action alone", "github", "", "", "{\"action\":\"opened\"}",
	    IDENTIFY_OK, NULL, NULL, NULL },
	{ "github: a form", "github", "x-github-event", "push",
	    "payload=%7B%7D", IDENTIFY_OK, NULL, "push", NULL },
	{ "github: a form with an action", "github", "x-github-event", "issues",
	    "payload=%7B%22action%22%3A%22opened%22%7D", IDENTIFY_OK, NULL,
	    "issues.opened", NULL },
	{ "github: no JSON at all", "github", "x-github-event", "issues",
	    "hello", IDENTIFY_OK, NULL, NULL,
	    UNREAD "byte 0: not a JSON value" },
	{ "github: a form whose payload is no JSON", "github", "x-github-event",
	    "issues", "payload=%7B%22a", IDENTIFY_OK, NULL, NULL,
	    UNREAD "byte 1: the string does not end" },
	{ "bitbucket: the header says as much", "bitbucket", "x-event-key",
	    "repo:push", "hello", IDENTIFY_OK, NULL, "repo:push", NULL },
	{ "slack: an interaction", "slack", "", "",
	    "payload=%7B%22type%22%3A%22block_actions%22%2C%22trigger_id%22"
	    "%3A%221.2%22%7D",
	    IDENTIFY_OK, "1.2", "block_actions", NULL },
	{ "slack: a form of another kind", "slack", "", "", "a=b", IDENTIFY_OK,
	    NULL, NULL, UNREAD "byte 0: not a JSON value" },
	{ "github: the id", "github", "x-github-delivery", "d", "{}",
	    IDENTIFY_OK, "d", NULL, NULL },
	{ "github: 8-bit bytes in the id", "github", "x-github-delivery",
	    "\xff", "{}", IDENTIFY_OK, "\xff", NULL, NULL },
	{ "gitlab: the first name of the id", "gitlab", "idempotency-key", "k",
	    "{}", IDENTIFY_OK, "k", NULL, NULL },
	{ "gitlab: what one hook's events share", "gitlab",
	    "x-gitlab-event-uuid", "u", "{}", IDENTIFY_OK, NULL, NULL, NULL },
	{ "nolxy: no id at all", "nolxy", "", "",
	    "{\"event\":\"e\",\"timestamp\":\"t\",\"id\":\"x\"}", IDENTIFY_OK,
	    NULL, "e", NULL },
	{ "nolxy: the time is due", "nolxy", "", "", "{\"event\":\"e\"}",
	    IDENTIFY_REQUIRED, NULL, "e", "/timestamp is absent" ADMIT },
	{ "nimbus: the time is due", "nimbus", "", "",
	    "{\"id\":\"i\",\"type\":\"t\"}", IDENTIFY_REQUIRED, "i", "t",
	    "/createdAt is absent" ADMIT },
	{ "sendgrid: a list of one", "sendgrid", "", "",
	    "[{\"sg_event_id\":\"a\",\"event\":\"b\"}]\r\n", IDENTIFY_OK, "a",
	    "b", NULL },
	{ "sendgrid: one that has no id", "sendgrid", "", "",
	    "[{\"sg_event_id\":\"a\",\"event\":\"b\"},{}]\r\n", IDENTIFY_OK,
	    NULL, "b", NULL },
	{ "sendgrid: an empty list", "sendgrid", "", "", "[]", IDENTIFY_OK,
	    NULL, NULL, NULL },
	{ "slack: a form's", "slack", "", "", "command=%2Fdo&trigger_id=1",
	    IDENTIFY_OK, "1", "/do", NULL },
	{ "slack: a name given twice", "slack", "", "", "command=a&command=b",
	    IDENTIFY_OK, NULL, NULL, UNREAD "byte 0: not a JSON value" },
	{ "slack: a name given twice with one value", "slack", "", "",
	    "command=a&command=a", IDENTIFY_OK, NULL, "a", NULL },
	{ "twilio: a token", "twilio", "i-twilio-idempotency-token", "k",
	    "CallSid=C", IDENTIFY_OK, "k", NULL, NULL },
	{ "twilio: no token", "twilio", "", "", "CallSid=C", IDENTIFY_OK, NULL,
	    NULL, NULL },
	{ "standard-webhooks: any body", "standard-webhooks", "webhook-id", "w",
	    "no JSON", IDENTIFY_OK, "w", NULL,
	    UNREAD "byte 0: not a JSON value" },
};

static void
ck_name(const char *when, bool has, struct span got, const char *want)
{
	ck_assert_msg(has == (want != NULL), "%s", when);
	ck_assert_msg(span_is(got, want == NULL ? "" : want), "%s: %.*s", when,
	    (int)got.len, got.len == 0 ? "" : (const char *)got.ptr);
}

START_TEST(events_have_names)
{
	struct header header = { span_str(rows[_i].header),
		span_str(rows[_i].value) };
	struct request request = { .method = span_str("POST") };
	struct verify_input in = { .request = &request };
	struct buf scratch = BUF_INIT(4096);
	struct scheme *sc = scheme_of(rows[_i].scheme);
	struct err err = ERR_INIT;
	struct identity id;

	request.headers = &header;
	request.nheaders = *rows[_i].header == '\0' ? 0 : 1;
	request.body = span_str(rows[_i].body);
	ck_assert_msg(
	    verify_identify(sc, &in, &scratch, &id, &err) == 0, "%s", err.text);
	ck_assert_msg(id.outcome == rows[_i].outcome, "%s: %d (%s)",
	    rows[_i].when, id.outcome, id.why);
	ck_name(rows[_i].when, id.has_id, id.id, rows[_i].id);
	ck_name(rows[_i].when, id.has_type, id.type, rows[_i].type);
	ck_assert_str_eq(id.why, rows[_i].why == NULL ? "" : rows[_i].why);
	buf_free(&scratch);
	scheme_free(sc);
}
END_TEST

/* What is wholly optional and wholly absent is no name. */
START_TEST(nothing_is_no_name)
{
	struct request request = { .body = span_str("{\"b\":\"x\"}") };
	struct verify_input in = { .request = &request };
	struct buf scratch = BUF_INIT(4096);
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;
	struct identity id;

	ck_assert_msg(
	    scheme_parse("x.json",
		span_str("{\"alg\":\"equal\",\"sig\":{\"from\":\"header:S\"},"
			 "\"id\":[\"{json:/a?}\",\"{json:/a?} {json:/c?}\"],"
			 "\"type\":[\"{json:/a?}{header:H?}\",\"{json:/b}\"]}"),
		&sc, NULL, &err) == 0,
	    "%s", err.text);
	ck_assert_int_eq(verify_identify(sc, &in, &scratch, &id, &err), 0);
	ck_name("id", id.has_id, id.id, NULL);
	ck_name("type", id.has_type, id.type, "x");
	buf_free(&scratch);
	scheme_free(sc);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("identify");
	TCase *tc = tcase_create("events");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, events_have_names, 0, NITEMS(rows));
	tcase_add_test(tc, nothing_is_no_name);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
