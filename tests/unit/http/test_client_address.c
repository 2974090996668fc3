/* Whose address counts when proxies stand between. */
#include <check.h>
#include <stdlib.h>

#include "lib/base/util.h"
#include "lib/http/client_address.h"

#define TRUSTED "10.0.0.0/8, 2001:db8:1::/48"
#define FORWARDED_MAX 3

/* What the proxy 10.0.0.1 passed on; "" for want: refused. */
static const struct {
	const char *when, *forwarded[FORWARDED_MAX], *want;
} addresses[] = {
	{ "no header", { NULL }, "10.0.0.1" },
	{ "empty header", { "" }, "10.0.0.1" },
	{ "one", { "192.0.2.7" }, "192.0.2.7" },
	{ "rightmost", { "192.0.2.1, 192.0.2.7" }, "192.0.2.7" },
	{ "trusted to its right", { "192.0.2.7,10.0.0.2" }, "192.0.2.7" },
	{ "all trusted", { "10.0.0.3, 10.0.0.2" }, "10.0.0.3" },
	{ "garbage to its left", { "x, 192.0.2.7" }, "192.0.2.7" },
	{ "garbage to its right", { "192.0.2.7, x" }, "" },
	{ "garbage beyond a trusted one", { "x, 10.0.0.2" }, "" },
	{ "nothing behind a comma", { "192.0.2.7," }, "" },
	{ "port", { "192.0.2.7:1" }, "192.0.2.7" },
	{ "largest port", { "192.0.2.7:65535" }, "192.0.2.7" },
	{ "port too large", { "192.0.2.7:65536" }, "" },
	{ "empty port", { "192.0.2.7:" }, "" },
	{ "signed port", { "192.0.2.7:+1" }, "" },
	{ "trusted with a port", { "192.0.2.7, 10.0.0.2:80" }, "192.0.2.7" },
	{ "IPv6", { "2001:db8::7" }, "2001:db8::7" },
	{ "IPv6 in brackets", { "[2001:db8::7]" }, "2001:db8::7" },
	{ "IPv6 and port", { "[2001:db8::7]:443" }, "2001:db8::7" },
	{ "IPv6 trusted", { "192.0.2.7, [2001:db8:1::2]:1" }, "192.0.2.7" },
	{ "bracket not closed", { "[2001:db8::7" }, "" },
	{ "brackets alone", { "[]" }, "" },
	{ "no colon behind a bracket", { "[2001:db8::7]443" }, "" },
	{ "empty port behind a bracket", { "[2001:db8::7]:" }, "" },
	{ "two agree", { "192.0.2.7", "192.0.2.7, 10.0.0.2" }, "192.0.2.7" },
	{ "one says nothing", { "192.0.2.7", "10.0.0.2" }, "192.0.2.7" },
	{ "one says nothing, first", { "10.0.0.2", "192.0.2.7" }, "192.0.2.7" },
	{ "two disagree", { "192.0.2.7", "192.0.2.8" }, "" },
	{ "third disagrees", { "192.0.2.7", "10.0.0.2", "192.0.2.8" }, "" },
	{ "garbage in another", { "192.0.2.7", "x" }, "" },
};

/* The same proxy, over HTTP or HTTPS to here. */
static const struct {
	const char *when, *proto[FORWARDED_MAX];
	bool https, want;
} schemes[] = {
	{ "not said, HTTP", { NULL }, false, false },
	{ "not said, HTTPS", { NULL }, true, true },
	{ "https", { "https" }, false, true },
	{ "http counts over ours", { "http" }, true, false },
	{ "in capitals", { "HTTPS" }, false, true },
	{ "rightmost", { "http, https" }, false, true },
	{ "rightmost is http", { "https, http" }, false, false },
	{ "empty", { "" }, true, false },
	{ "two say so", { "https", "https" }, false, true },
	{ "first does not", { "http", "https" }, false, false },
	{ "second does not", { "https", "http" }, false, false },
	{ "third does", { "https", "http", "https" }, true, false },
};

static struct request
request_of(const char *name, const char *const values[FORWARDED_MAX],
    struct header headers[FORWARDED_MAX])
{
	struct request rq = { .headers = headers };

	while (rq.nheaders < FORWARDED_MAX && values[rq.nheaders] != NULL) {
		headers[rq.nheaders].name = span_str(name);
		headers[rq.nheaders].value = span_str(values[rq.nheaders]);
		rq.nheaders++;
	}
	rq.peer = span_str("10.0.0.1");
	return rq;
}

static struct address_list *
trusted(void)
{
	struct address_list *list = NULL;
	struct err err = ERR_INIT;

	ck_assert(address_list_parse(span_str(TRUSTED), &list, &err) == 0);
	return list;
}

START_TEST(client_is)
{
	struct header headers[FORWARDED_MAX];
	struct request rq =
	    request_of("x-forwarded-for", addresses[_i].forwarded, headers);
	struct address_list *list = trusted();
	const char *want = addresses[_i].want;
	struct span client;
	bool https, ok = client_address(&rq, list, &client, &https);

	ck_assert_msg(ok == (want[0] != '\0'), "%s", addresses[_i].when);
	if (ok)
		ck_assert_msg(span_is(client, want), "%s", addresses[_i].when);
	address_list_free(list);
}
END_TEST

START_TEST(scheme_is)
{
	struct header headers[FORWARDED_MAX];
	struct request rq =
	    request_of("x-forwarded-proto", schemes[_i].proto, headers);
	struct address_list *list = trusted();
	struct span client;
	bool https;

	rq.https = schemes[_i].https;
	ck_assert(client_address(&rq, list, &client, &https));
	ck_assert_msg(https == schemes[_i].want, "%s", schemes[_i].when);
	address_list_free(list);
}
END_TEST

/* Whatever a stranger says, of himself and of how he came. */
START_TEST(stranger_is_not_believed)
{
	struct header headers[] = {
		{ SPAN_EMPTY, SPAN_EMPTY },
		{ SPAN_EMPTY, SPAN_EMPTY },
	};
	struct request rq = { .headers = headers, .nheaders = 2 };
	struct address_list *list = trusted();
	struct span client;
	bool https;

	headers[0].name = span_str("x-forwarded-for");
	headers[0].value = span_str("192.0.2.7");
	headers[1].name = span_str("x-forwarded-proto");
	headers[1].value = span_str("https");
	rq.peer = span_str("198.51.100.1");
	ck_assert(client_address(&rq, list, &client, &https));
	ck_assert(span_is(client, "198.51.100.1"));
	ck_assert(!https);
	ck_assert(client_address(&rq, NULL, &client, &https));
	ck_assert(span_is(client, "198.51.100.1"));
	address_list_free(list);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client_address");
	TCase *tc = tcase_create("client_address");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, client_is, 0, NITEMS(addresses));
	tcase_add_loop_test(tc, scheme_is, 0, NITEMS(schemes));
	tcase_add_test(tc, stranger_is_not_believed);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
