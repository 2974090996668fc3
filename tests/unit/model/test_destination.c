/* Settings of a destination: JSON both ways, what is refused, what it gets. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/model/destination.h"
#include "lib/model/event.h"

static const char full_url[] =
    "{\"url\":\"https://sink.example/in\",\"title\":\"Our sink\","
    "\"endpoints\":\"shop,eyelet\",\"events\":\"order.*,!order.draft\","
    "\"tests\":true,\"sign\":\"stripe\",\"retry\":\"5s,1m\","
    "\"timeout\":30,\"concurrency\":3,\"rate\":7,"
    "\"order\":\"key:json:/data/id\",\"park_max\":5,"
    "\"disable_after\":432000,"
    "\"headers\":{\"X-Team\":\"web\",\"X-Key\":\"s3cret\"},"
    "\"auth\":\"Bearer t0ken\",\"forward\":[\"x-trace\",\"traceparent\"],"
    "\"client_cert\":\"/etc/c.pem\",\"client_key\":\"/etc/k.pem\","
    "\"ca\":\"/etc/ca.pem\",\"allow_net\":\"10.0.0.0/8\","
    "\"allow_http\":true,\"proxy\":\"http://proxy.example:3128\"}";

static const char full_command[] =
    "{\"command\":[\"/usr/bin/on-order\",\"-v\",\"\"],"
    "\"timeout\":10,\"concurrency\":8,\"order\":\"strict\"}";

static const char *const wholes[] = { full_url, full_command,
	"{\"url\":\"https://a.example/\"}", "{\"command\":[\"/bin/true\"]}" };

static void
read_doc(const char *doc, struct destination *d)
{
	struct err err = ERR_INIT;

	ck_assert_msg(destination_decode(span_str(doc), d, &err) == 0, "%s: %s",
	    doc, err.text);
}

static void
expect_doc(const struct destination *d, const char *want)
{
	struct buf doc = BUF_INIT(DESTINATION_DOC_MAX);
	struct err err = ERR_INIT;

	ck_assert_int_eq(destination_encode(d, &doc, &err), 0);
	ck_assert_int_eq(buf_putc(&doc, '\0', &err), 0);
	ck_assert_str_eq((const char *)doc.ptr, want);
	buf_free(&doc);
}

START_TEST(doc_passes_through)
{
	struct err err = ERR_INIT;
	struct destination d;

	read_doc(wholes[_i], &d);
	ck_assert_msg(destination_check(&d, &err) == 0, "%s", err.text);
	expect_doc(&d, wholes[_i]);
	destination_free(&d);
	destination_free(&d);
}
END_TEST

START_TEST(url_settings_are_read)
{
	struct destination d;

	read_doc(full_url, &d);
	ck_assert_str_eq(d.url, "https://sink.example/in");
	ck_assert_uint_eq(d.ncommand, 0);
	ck_assert_ptr_null(d.command[0]);
	ck_assert_str_eq(d.title, "Our sink");
	ck_assert(d.tests && d.allow_http);
	ck_assert_str_eq(d.sign, "stripe");
	ck_assert_str_eq(d.retry, "5s,1m");
	ck_assert_int_eq(d.timeout_s, 30);
	ck_assert_int_eq(d.concurrency, 3);
	ck_assert_int_eq(d.rate, 7);
	ck_assert_int_eq(d.order, DESTINATION_ORDER_KEY);
	ck_assert_str_eq(d.key, "json:/data/id");
	ck_assert_int_eq(d.park_max, 5);
	ck_assert_int_eq(d.disable_after_s, 432000);
	ck_assert_uint_eq(d.nheaders, 2);
	ck_assert_str_eq(d.headers[1].name, "X-Key");
	ck_assert_str_eq(d.headers[1].value, "s3cret");
	ck_assert_str_eq(d.auth, "Bearer t0ken");
	ck_assert_uint_eq(d.nforward, 2);
	ck_assert_str_eq(d.forward[1], "traceparent");
	ck_assert_str_eq(d.client_cert, "/etc/c.pem");
	ck_assert_str_eq(d.client_key, "/etc/k.pem");
	ck_assert_str_eq(d.ca, "/etc/ca.pem");
	ck_assert_str_eq(d.allow_net, "10.0.0.0/8");
	ck_assert_str_eq(d.proxy, "http://proxy.example:3128");
	destination_free(&d);
}
END_TEST

START_TEST(command_settings_are_read)
{
	struct destination d;

	read_doc(full_command, &d);
	ck_assert_ptr_null(d.url);
	ck_assert_uint_eq(d.ncommand, 3);
	ck_assert_str_eq(d.command[0], "/usr/bin/on-order");
	ck_assert_str_eq(d.command[2], "");
	ck_assert_ptr_null(d.command[3]);
	ck_assert_int_eq(d.timeout_s, 10);
	ck_assert_int_eq(d.concurrency, 8);
	ck_assert_int_eq(d.order, DESTINATION_ORDER_STRICT);
	destination_free(&d);
}
END_TEST

static const struct {
	const char *doc;
	int64_t scheme_s; /* how long the scheme's own sender waits */
	int64_t timeout_s, concurrency;
} defaults[] = {
	{ "{\"url\":\"https://a.example/\"}", -1, 10, 8 },
	{ "{\"url\":\"https://a.example/\"}", 30, 30, 8 },
	{ "{\"url\":\"https://a.example/\",\"sign\":\"none\"}", 30, 10, 8 },
	{ "{\"url\":\"https://a.example/\",\"timeout\":10}", 30, 10, 8 },
	{ "{\"command\":[\"/bin/true\"]}", 30, 60, 1 },
};

START_TEST(defaults_are_by_kind)
{
	struct destination d;

	read_doc(defaults[_i].doc, &d);
	ck_assert_str_eq(d.retry, "days3");
	ck_assert_int_eq(destination_timeout_s(&d, defaults[_i].scheme_s),
	    defaults[_i].timeout_s);
	ck_assert_int_eq(d.concurrency, defaults[_i].concurrency);
	ck_assert_int_eq(d.rate, 0);
	ck_assert_int_eq(d.order, DESTINATION_ORDER_NONE);
	ck_assert_ptr_null(d.key);
	ck_assert_int_eq(d.park_max, 1000);
	ck_assert_int_eq(d.disable_after_s, 0);
	ck_assert(!d.tests && !d.allow_http);
	destination_free(&d);
}
END_TEST

#define URL "\"url\":\"https://a.example/\""
#define COMMAND "\"command\":[\"/bin/x\"]"

static const struct {
	const char *when, *before, *patch, *after;
} patches[] = {
	{ "sets", "{" URL "}", "{\"retry\":\"nomos\",\"tests\":true}",
	    "{" URL ",\"tests\":true,\"retry\":\"nomos\"}" },
	{ "null resets a text with a default", "{" URL ",\"sign\":\"stripe\"}",
	    "{\"sign\":null}", "{" URL "}" },
	{ "null resets a number", "{" URL ",\"timeout\":3}",
	    "{\"timeout\":null}", "{" URL "}" },
	{ "null resets an order", "{" URL ",\"order\":\"key:header:X-A\"}",
	    "{\"order\":null}", "{" URL "}" },
	{ "none resets an order", "{" URL ",\"order\":\"strict\"}",
	    "{\"order\":\"none\"}", "{" URL "}" },
	{ "strict in the place of a key",
	    "{" URL ",\"order\":\"key:header:X-A\"}", "{\"order\":\"strict\"}",
	    "{" URL ",\"order\":\"strict\"}" },
	{ "headers are merged in any case",
	    "{" URL ",\"headers\":{\"X-A\":\"1\",\"X-B\":\"2\"}}",
	    "{\"headers\":{\"x-a\":null,\"x-b\":\"3\",\"X-C\":\"4\"}}",
	    "{" URL ",\"headers\":{\"x-b\":\"3\",\"X-C\":\"4\"}}" },
	{ "forwarded names are lower case, and replaced",
	    "{" URL ",\"forward\":[\"x-old\"]}", "{\"forward\":[\"X-New\"]}",
	    "{" URL ",\"forward\":[\"x-new\"]}" },
	{ "null resets a list", "{" URL ",\"forward\":[\"x-old\"]}",
	    "{\"forward\":null}", "{" URL "}" },
	{ "defaults follow the kind", "{" URL "}", "{\"url\":null," COMMAND "}",
	    "{" COMMAND "}" },
	{ "what was given stays", "{" URL ",\"timeout\":7,\"concurrency\":2}",
	    "{\"url\":null," COMMAND "}",
	    "{" COMMAND ",\"timeout\":7,\"concurrency\":2}" },
};

START_TEST(patch_changes)
{
	struct err err = ERR_INIT;
	struct destination d;

	read_doc(patches[_i].before, &d);
	ck_assert_msg(
	    destination_patch(&d, span_str(patches[_i].patch), &err) == 0,
	    "%s: %s", patches[_i].when, err.text);
	expect_doc(&d, patches[_i].after);
	destination_free(&d);
}
END_TEST

static const struct {
	const char *when, *patch, *says;
} bad_patches[] = {
	{ "no object", "[]", "settings: must be" },
	{ "unknown member", "{\"colour\":1}", "\"colour\"" },
	{ "command that is a text", "{\"command\":\"/bin/x\"}",
	    "command: must be" },
	{ "argument that is a number", "{\"command\":[\"/bin/x\",1]}",
	    "command: must be" },
	{ "command of nothing", "{\"command\":[]}", "command: it begins" },
	{ "forward that is a text", "{\"forward\":\"x\"}", "forward: must be" },
	{ "order of another kind", "{\"order\":\"random\"}",
	    "order: \"random\"" },
	{ "order that is a number", "{\"order\":1}", "order: must be" },
};

START_TEST(patch_is_refused)
{
	struct err err = ERR_INIT;
	struct destination d;

	destination_init(&d);
	ck_assert_msg(
	    destination_patch(&d, span_str(bad_patches[_i].patch), &err) == -1,
	    "%s", bad_patches[_i].when);
	ck_assert_int_eq(err.code, ERR_INPUT);
	ck_assert_msg(strstr(err.text, bad_patches[_i].says) != NULL, "%s: %s",
	    bad_patches[_i].when, err.text);
	destination_free(&d);
}
END_TEST

static const char *const damaged[] = {
	"{}",
	"{" URL "," COMMAND "}",
	"{\"url\":7}",
};

START_TEST(damage_is_told)
{
	struct err err = ERR_INIT;
	struct destination d;

	ck_assert_int_eq(
	    destination_decode(span_str(damaged[_i]), &d, &err), -1);
	ck_assert_int_eq(err.code, ERR_CORRUPT);
}
END_TEST

/* Every truncation of a good document is refused, none is read beyond. */
START_TEST(truncations_are_refused)
{
	struct err err = ERR_INIT;
	struct destination d;
	char *cut;
	size_t n;

	for (n = 0; n < sizeof(full_url) - 1; n++) {
		cut = malloc(n + 1); /* so that a sanitizer sees its end */
		ck_assert_ptr_nonnull(cut);
		memcpy(cut, full_url, n);
		ck_assert_int_eq(
		    destination_decode(span_of(cut, n), &d, &err), -1);
		free(cut);
	}
}
END_TEST

START_TEST(arguments_have_a_limit)
{
	struct buf patch = BUF_INIT(DESTINATION_DOC_MAX);
	struct err err = ERR_INIT;
	struct destination d;
	int i;

	destination_init(&d);
	ck_assert_int_eq(buf_puts(&patch, "{\"command\":[\"/a\"", &err), 0);
	for (i = 1; i < DESTINATION_ARGS_MAX; i++)
		ck_assert_int_eq(buf_puts(&patch, ",\"x\"", &err), 0);
	ck_assert_int_eq(buf_puts(&patch, "]}", &err), 0);
	ck_assert_int_eq(destination_patch(&d, buf_span(&patch), &err), 0);
	ck_assert_uint_eq(d.ncommand, DESTINATION_ARGS_MAX);
	ck_assert_ptr_null(d.command[DESTINATION_ARGS_MAX]);
	ck_assert_int_eq(destination_check(&d, &err), 0);
	patch.len -= 2;
	ck_assert_int_eq(buf_puts(&patch, ",\"x\"]}", &err), 0);
	ck_assert_int_eq(destination_patch(&d, buf_span(&patch), &err), -1);
	ck_assert_int_eq(err.code, ERR_INPUT);
	buf_free(&patch);
	destination_free(&d);
}
END_TEST

/* In the place of "{...}": a URL's, or where that has begun, a command's. */
static const struct {
	const char *when, *doc, *says; /* says NULL: fine */
} checks[] = {
	{ "nothing", "{\"title\":\"T\"}", "needs a url or a command" },
	{ "no URL", "{\"url\":\"\"}", "url" },
	{ "plain http", "{\"url\":\"http://a.example/\"}", "url" },
	{ "plain http that is allowed",
	    "{\"url\":\"http://a.example/\",\"allow_http\":true}", NULL },
	{ "a login in the URL", "{\"url\":\"https://u:canary@a.example/\"}",
	    "url" },
	{ "loopback", "{\"url\":\"https://127.0.0.1/\"}", "url" },
	{ "loopback that is allowed",
	    "{\"url\":\"https://127.0.0.1/\",\"allow_net\":\"127.0.0.0/8\"}",
	    NULL },
	{ "another net is allowed",
	    "{\"url\":\"https://127.0.0.1/\",\"allow_net\":\"10.0.0.0/8\"}",
	    "url" },
	{ "both", "{" URL "," COMMAND "}", "exclude each other" },
	{ "line end in the title", "{" URL ",\"title\":\"a\\nb\"}", "title" },
	{ "command by a short path", "{\"command\":[\"on-order\"]}",
	    "whole path" },
	{ "command with an order", "{" COMMAND ",\"order\":\"strict\"}", NULL },
	{ "command that is signed for", "{" COMMAND ",\"sign\":\"stripe\"}",
	    "sign: it goes with a URL" },
	{ "command with headers", "{" COMMAND ",\"headers\":{\"X\":\"1\"}}",
	    "headers: it goes with a URL" },
	{ "command with a login", "{" COMMAND ",\"auth\":\"Basic YQ==\"}",
	    "auth: it goes with a URL" },
	{ "command with forwarding", "{" COMMAND ",\"forward\":[\"x\"]}",
	    "forward: it goes with a URL" },
	{ "command with a certificate",
	    "{" COMMAND ",\"client_cert\":\"/a\",\"client_key\":\"/b\"}",
	    "client_cert: it goes with a URL" },
	{ "command with a CA", "{" COMMAND ",\"ca\":\"/a\"}",
	    "ca: it goes with a URL" },
	{ "command with a net", "{" COMMAND ",\"allow_net\":\"10.0.0.1\"}",
	    "allow_net: it goes with a URL" },
	{ "command with http", "{" COMMAND ",\"allow_http\":true}",
	    "allow_http: it goes with a URL" },
	{ "command with a proxy", "{" COMMAND ",\"proxy\":\"http://a:1\"}",
	    "proxy: it goes with a URL" },

	{ "own events", "{" URL ",\"endpoints\":\"eyelet\"}", NULL },
	{ "names with blanks", "{" URL ",\"endpoints\":\" a, b\\tc \"}", NULL },
	{ "no names", "{" URL ",\"endpoints\":\" , \"}", "names none" },
	{ "no name", "{" URL ",\"endpoints\":\"a,b*\"}", "\"b*\"" },
	{ "name of no endpoint", "{" URL ",\"endpoints\":\"healthz\"}",
	    "\"healthz\"" },
	{ "no pattern", "{" URL ",\"events\":\"a*b\"}", "events" },
	{ "no scheme", "{" URL ",\"sign\":\"a b\"}", "sign" },
	{ "unsigned", "{" URL ",\"sign\":\"none\"}", NULL },

	{ "plan by its name", "{" URL ",\"retry\":\"nolxy\"}", NULL },
	{ "plan of nobody", "{" URL ",\"retry\":\"weekly\"}", "retry" },
	{ "plan with no duration in it", "{" URL ",\"retry\":\"5s,soon\"}",
	    "soon" },
	{ "timeout 0", "{" URL ",\"timeout\":0}",
	    "timeout: it must be from 1" },
	{ "timeout most", "{" URL ",\"timeout\":3600}", NULL },
	{ "timeout above", "{" URL ",\"timeout\":3601}", "timeout" },
	{ "concurrency 0", "{" URL ",\"concurrency\":0}", "concurrency" },
	{ "concurrency most", "{" URL ",\"concurrency\":256}", NULL },
	{ "concurrency above", "{" URL ",\"concurrency\":257}", "concurrency" },
	{ "rate most", "{" URL ",\"rate\":1000000}", NULL },
	{ "rate above", "{" URL ",\"rate\":1000001}", "rate" },
	{ "rate negative", "{" URL ",\"rate\":-1}", "rate" },
	{ "park_max 0", "{" URL ",\"park_max\":0}", "park_max" },
	{ "park_max most", "{" URL ",\"park_max\":100000}", NULL },
	{ "park_max above", "{" URL ",\"park_max\":100001}", "park_max" },
	{ "disable_after most", "{" URL ",\"disable_after\":31536000}", NULL },
	{ "disable_after above", "{" URL ",\"disable_after\":31536001}",
	    "disable_after" },
	{ "disable_after negative", "{" URL ",\"disable_after\":-1}",
	    "disable_after" },

	{ "key of nothing", "{" URL ",\"order\":\"key:\"}", "order: the key" },
	{ "key of another kind", "{" URL ",\"order\":\"key:query:id\"}",
	    "query:id" },
	{ "pointer without a slash", "{" URL ",\"order\":\"key:json:id\"}",
	    "json:id" },
	{ "pointer with an escape", "{" URL ",\"order\":\"key:json:/a~1b~0\"}",
	    NULL },
	{ "pointer with no escape", "{" URL ",\"order\":\"key:json:/a~2\"}",
	    "json:/a~2" },
	{ "pointer with a control byte",
	    "{" URL ",\"order\":\"key:json:/\\u001b[2J\"}", "order: the key" },
	{ "key in a header", "{" URL ",\"order\":\"key:header:X-Id\"}", NULL },
	{ "key in no header", "{" URL ",\"order\":\"key:header:X Id\"}",
	    "X Id" },

	{ "header name with a colon", "{" URL ",\"headers\":{\"A:\":\"1\"}}",
	    "\"A:\" can be no" },
	{ "header name empty", "{" URL ",\"headers\":{\"\":\"1\"}}",
	    "can be no" },
	{ "header of the body",
	    "{" URL ",\"headers\":{\"content-type\":\"a\"}}",
	    "Content-Type cannot be given" },
	{ "header of auth", "{" URL ",\"headers\":{\"AUTHORIZATION\":\"a\"}}",
	    "given with auth" },
	{ "header of eyelet's own",
	    "{" URL ",\"headers\":{\"eyelet-Attempt\":\"1\"}}",
	    "eyelet's own" },
	{ "forwarded header of eyelet's own",
	    "{" URL ",\"forward\":[\"eyelet-seq\"]}", "eyelet's own" },
	{ "header value empty", "{" URL ",\"headers\":{\"X-A\":\"\"}}",
	    "X-A is empty" },
	{ "header value with a line end",
	    "{" URL ",\"headers\":{\"X-A\":\"canary\\r\\nX-B: 1\"}}",
	    "X-A has a control byte" },
	{ "header value with a blank behind",
	    "{" URL ",\"headers\":{\"X-A\":\"canary \"}}", "with a blank" },
	{ "header value beyond ASCII",
	    "{" URL ",\"headers\":{\"X-A\":\"caf\\u00e9\\t1\"}}", NULL },
	{ "auth with a line end", "{" URL ",\"auth\":\"Bearer canary\\n\"}",
	    "auth: Authorization" },
	{ "forwarded name that is none", "{" URL ",\"forward\":[\"a b\"]}",
	    "forward: \"a b\"" },
	{ "forwarded name that is taken", "{" URL ",\"forward\":[\"Host\"]}",
	    "Host cannot be given" },
	{ "forwarded name that frames a request",
	    "{" URL ",\"forward\":[\"proxy-connection\"]}",
	    "Proxy-Connection cannot be given" },
	{ "forwarded and set",
	    "{" URL ",\"headers\":{\"X-A\":\"1\"},\"forward\":[\"x-a\"]}",
	    "x-a is set" },

	{ "certificate alone", "{" URL ",\"client_cert\":\"/a\"}",
	    "go together" },
	{ "key alone", "{" URL ",\"client_key\":\"/a\"}", "go together" },
	{ "certificate by a short path",
	    "{" URL ",\"client_cert\":\"a\",\"client_key\":\"/a\"}",
	    "client_cert \"a\"" },
	{ "CA by a short path", "{" URL ",\"ca\":\"ca.pem\"}",
	    "ca \"ca.pem\"" },
	{ "no net", "{" URL ",\"allow_net\":\"here\"}", "allow_net" },
	{ "no net at all", "{" URL ",\"allow_net\":\",\"}", "allow_net" },
	{ "proxy of IPv6", "{" URL ",\"proxy\":\"http://[::1]:80\"}", NULL },
	{ "proxy without a port", "{" URL ",\"proxy\":\"http://a\"}", "proxy" },
	{ "proxy with port 0", "{" URL ",\"proxy\":\"http://a:0\"}", "proxy" },
	{ "proxy with a port above", "{" URL ",\"proxy\":\"http://a:65536\"}",
	    "proxy" },
	{ "proxy with a password", "{" URL ",\"proxy\":\"http://u:p@a:1\"}",
	    "proxy" },
	{ "proxy with a path", "{" URL ",\"proxy\":\"http://a:1/\"}", "proxy" },
	{ "proxy of another kind", "{" URL ",\"proxy\":\"socks5://a:1\"}",
	    "proxy" },
};

START_TEST(settings_are_judged)
{
	struct err err = ERR_INIT;
	struct destination d;
	int got;

	destination_init(&d);
	ck_assert_int_eq(
	    destination_patch(&d, span_str(checks[_i].doc), &err), 0);
	got = destination_check(&d, &err);
	if (checks[_i].says == NULL) {
		ck_assert_msg(got == 0, "%s: %s", checks[_i].when, err.text);
	} else {
		ck_assert_msg(got == -1, "%s", checks[_i].when);
		ck_assert_int_eq(err.code, ERR_INPUT);
		ck_assert_msg(strstr(err.text, checks[_i].says) != NULL,
		    "%s: %s", checks[_i].when, err.text);
		/* Values of headers are confidential. */
		ck_assert_ptr_null(strstr(err.text, "canary"));
	}
	destination_free(&d);
}
END_TEST

START_TEST(url_is_brought_to_its_form)
{
	struct err err = ERR_INIT;
	struct destination d;

	read_doc("{\"url\":\"HTTPS://Sink.Example:443\"}", &d);
	ck_assert_int_eq(destination_check(&d, &err), 0);
	ck_assert_str_eq(d.url, "https://sink.example/");
	destination_free(&d);
}
END_TEST

static const struct {
	const char *when, *doc, *endpoint, *type;
	unsigned flags;
	enum selection want;
} matches[] = {
	{ "all of any endpoint", "{" URL "}", "shop", "order.made", 0,
	    SELECTION_YES },
	{ "without a type", "{" URL "}", "shop", "", 0, SELECTION_YES },
	{ "not eyelet's own", "{" URL "}", "eyelet", "dead", 0, SELECTION_NO },
	{ "not a test", "{" URL "}", "shop", "test.event", EVENT_TEST,
	    SELECTION_NO },
	{ "a test that is asked for", "{" URL ",\"tests\":true}", "shop",
	    "test.event", EVENT_TEST, SELECTION_YES },
	{ "a test, whatever the patterns",
	    "{" URL ",\"tests\":true,\"events\":\"order.*\"}", "shop",
	    "test.event", EVENT_TEST, SELECTION_YES },
	{ "a test of another endpoint",
	    "{" URL ",\"tests\":true,\"endpoints\":\"till\"}", "shop",
	    "test.event", EVENT_TEST, SELECTION_NO },
	{ "an event without an id", "{" URL "}", "shop", "a", EVENT_NO_ID,
	    SELECTION_YES },
	{ "a pattern", "{" URL ",\"events\":\"order.*\"}", "shop", "order.made",
	    0, SELECTION_YES },
	{ "no pattern", "{" URL ",\"events\":\"order.*\"}", "shop", "user.made",
	    0, SELECTION_NO },
	{ "excluded", "{" URL ",\"events\":\"order.*,!order.made\"}", "shop",
	    "order.made", 0, SELECTION_NO },
	{ "the first name", "{" URL ",\"endpoints\":\"shop, till\"}", "shop",
	    "a", 0, SELECTION_YES },
	{ "the last name", "{" URL ",\"endpoints\":\"shop, till\"}", "till",
	    "a", 0, SELECTION_YES },
	{ "another name", "{" URL ",\"endpoints\":\"shop, till\"}", "sho", "a",
	    0, SELECTION_NO },
	{ "a longer name", "{" URL ",\"endpoints\":\"shop till\"}", "shop2",
	    "a", 0, SELECTION_NO },
	{ "eyelet's own where named", "{" URL ",\"endpoints\":\"eyelet\"}",
	    "eyelet", "dead", 0, SELECTION_YES },
	{ "and nothing else", "{" URL ",\"endpoints\":\"eyelet\"}", "shop",
	    "dead", 0, SELECTION_NO },
	{ "a pattern, and no type", "{" URL ",\"events\":\"order.*\"}", "shop",
	    "", 0, SELECTION_UNKNOWN },
	{ "all, and no type", "{" URL ",\"events\":\"*\"}", "shop", "", 0,
	    SELECTION_YES },
	{ "a pattern, and not all types", "{" URL ",\"events\":\"order.*\"}",
	    "shop", "user.made", EVENT_TYPES_PARTIAL, SELECTION_UNKNOWN },
	{ "not all types, at another endpoint",
	    "{" URL ",\"endpoints\":\"till\",\"events\":\"order.*\"}", "shop",
	    "user.made", EVENT_TYPES_PARTIAL, SELECTION_NO },
};

START_TEST(events_are_matched)
{
	struct event ev = { .type = span_str(matches[_i].type),
		.flags = matches[_i].flags };
	struct destination_match *m = NULL;
	struct err err = ERR_INIT;
	struct destination d;

	read_doc(matches[_i].doc, &d);
	ck_assert_int_eq(destination_match_new(&d, &m, &err), 0);
	destination_free(&d); /* nothing of it is borrowed */
	ck_assert_msg(destination_selects(m, matches[_i].endpoint, &ev) ==
			  matches[_i].want,
	    "%s", matches[_i].when);
	destination_match_free(m);
}
END_TEST

static const struct {
	const char *when, *list, *want; /* NULL: as before */
} renamings[] = {
	{ "alone", "shop", "web" },
	{ "first", "shop,b", "web,b" },
	{ "last, and more than once", "a shop  b, shop", "a web  b, web" },
	{ "part of another", "shop2 myshop, Shop", NULL },
	{ "not there", "a, b", NULL },
};

START_TEST(an_endpoint_gets_another_name)
{
	struct err err = ERR_INIT;
	struct destination d;
	char doc[256];
	bool renamed;

	snprintf(doc, sizeof(doc), "{" URL ",\"endpoints\":\"%s\"}",
	    renamings[_i].list);
	read_doc(doc, &d);
	ck_assert_int_eq(
	    destination_rename_endpoint(&d, "shop", "web", &renamed, &err), 0);
	ck_assert_msg(
	    renamed == (renamings[_i].want != NULL), "%s", renamings[_i].when);
	ck_assert_str_eq(
	    d.endpoints, renamed ? renamings[_i].want : renamings[_i].list);
	destination_free(&d);
	/* All are, whatever they are called. */
	read_doc("{" URL "}", &d);
	ck_assert_int_eq(
	    destination_rename_endpoint(&d, "shop", "web", &renamed, &err), 0);
	ck_assert(!renamed && d.endpoints == NULL);
	destination_free(&d);
}
END_TEST

START_TEST(bad_patterns_match_nothing)
{
	struct destination_match *m = NULL;
	struct err err = ERR_INIT;
	struct destination d;

	read_doc("{" URL ",\"endpoints\":\"a\",\"events\":\"a*b\"}", &d);
	ck_assert_int_eq(destination_match_new(&d, &m, &err), -1);
	ck_assert_int_eq(err.code, ERR_INPUT);
	ck_assert_ptr_null(m);
	destination_match_free(NULL);
	destination_free(&d);
}
END_TEST

/* --- keys of order -------------------------------------------------------- */

#define BODY                                                          \
	"{\"id\":7,\"a\":{\"b\":\"x\"},\"u\":\"\\u0078\",\"n\":null," \
	"\"e\":\"\",\"z\":\"a\\u0000b\"}"
#define LINES "x-one: 1\nX-Two:  2 \nx-one: 3\nno-colon\n"

static const struct {
	const char *when, *order, *body, *want;
} keys[] = {
	{ "a string", "key:json:/a/b", BODY, "x" },
	{ "the same, written otherwise", "key:json:/u", BODY, "x" },
	{ "a number", "key:json:/id", BODY, "7" },
	{ "an object", "key:json:/a", BODY, "{\"b\":\"x\"}" },
	{ "null", "key:json:/n", BODY, "" },
	{ "absent", "key:json:/none", BODY, "" },
	{ "an empty string", "key:json:/e", BODY, "" },
	{ "no string of ours", "key:json:/z", BODY, "\"a\\u0000b\"" },
	{ "no JSON", "key:json:/id", "id=7", "" },
	{ "a header", "key:header:X-One", BODY, "1" },
	{ "a header with blanks", "key:header:x-two", BODY, "2" },
	{ "a header that is absent", "key:header:x-three", BODY, "" },
	{ "another order", "strict", BODY, "" },
	{ "no order", "none", BODY, "" },
};

START_TEST(events_have_keys)
{
	struct buf key = BUF_INIT(DESTINATION_KEY_MAX);
	struct event ev = { .headers = span_str(LINES),
		.body = span_str(keys[_i].body) };
	struct err err = ERR_INIT;
	struct destination d;
	char doc[256];

	snprintf(doc, sizeof(doc),
	    "{\"url\":\"https://a.example/\",\"order\":\"%s\"}",
	    keys[_i].order);
	read_doc(doc, &d);
	ck_assert_int_eq(destination_key(&d, &ev, &key, &err), 0);
	ck_assert_msg(span_is(buf_span(&key), keys[_i].want), "%s: %.*s",
	    keys[_i].when, (int)key.len, (const char *)key.ptr);
	buf_free(&key);
	destination_free(&d);
}
END_TEST

/* What is longer is cut, and still a key. */
START_TEST(long_keys_are_cut)
{
	static const char *const orders[] = { "key:json:/k", "key:header:k" };
	struct buf key = BUF_INIT(DESTINATION_KEY_MAX);
	char body[1024], lines[1024], doc[256];
	struct event ev = { .seq = 1 };
	struct err err = ERR_INIT;
	struct destination d;

	snprintf(body, sizeof(body), "{\"k\":\"%0300d\"}", 1);
	snprintf(lines, sizeof(lines), "k: %0300d\n", 1);
	ev.body = span_str(body);
	ev.headers = span_str(lines);
	snprintf(doc, sizeof(doc),
	    "{\"url\":\"https://a.example/\",\"order\":\"%s\"}", orders[_i]);
	read_doc(doc, &d);
	ck_assert_int_eq(destination_key(&d, &ev, &key, &err), 0);
	ck_assert_uint_eq(key.len, DESTINATION_KEY_MAX);
	buf_free(&key);
	destination_free(&d);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("destination");
	TCase *tc = tcase_create("destination");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, doc_passes_through, 0, NITEMS(wholes));
	tcase_add_test(tc, url_settings_are_read);
	tcase_add_test(tc, command_settings_are_read);
	tcase_add_loop_test(tc, defaults_are_by_kind, 0, NITEMS(defaults));
	tcase_add_loop_test(tc, patch_changes, 0, NITEMS(patches));
	tcase_add_loop_test(tc, patch_is_refused, 0, NITEMS(bad_patches));
	tcase_add_loop_test(tc, damage_is_told, 0, NITEMS(damaged));
	tcase_add_test(tc, truncations_are_refused);
	tcase_add_test(tc, arguments_have_a_limit);
	tcase_add_loop_test(tc, settings_are_judged, 0, NITEMS(checks));
	tcase_add_test(tc, url_is_brought_to_its_form);
	tcase_add_loop_test(tc, events_are_matched, 0, NITEMS(matches));
	tcase_add_loop_test(
	    tc, an_endpoint_gets_another_name, 0, NITEMS(renamings));
	tcase_add_test(tc, bad_patterns_match_nothing);
	tcase_add_loop_test(tc, events_have_keys, 0, NITEMS(keys));
	tcase_add_loop_test(tc, long_keys_are_cut, 0, 2);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
