/* endpoint_check.c: which settings of an endpoint mean something. */
#include <string.h>

#include "lib/base/util.h"
#include "lib/http/request.h"
#include "lib/model/endpoint.h"

bool
endpoint_name_ok(struct span name)
{
	/* Paths under the mount that are not endpoints. */
	static const char *const reserved[] = { "healthz", "eyelet" };
	size_t i;

	for (i = 0; i < NITEMS(reserved); i++)
		if (span_is(name, reserved[i]))
			return false;
	return setting_is_word(name, ENDPOINT_NAME_MAX, "_-");
}

static int
check_url(const char *url, struct err *err)
{
	static const char *const starts[] = { "https://", "http://" };
	struct span s = span_str(url), rest = SPAN_EMPTY;
	const char *p;
	size_t i;

	if (url == NULL)
		return 0;
	if (setting_check_line("public_url", url, ENDPOINT_URL_MAX, err) < 0)
		return -1;
	for (i = 0; i < NITEMS(starts); i++)
		if (s.len >= strlen(starts[i]) &&
		    span_is_nocase(span_of(url, strlen(starts[i])), starts[i]))
			rest = span_skip(s, strlen(starts[i]));
	if (rest.len == 0 || *(const char *)rest.ptr == '/')
		return err_set(err, ERR_INPUT,
		    "public_url \"%s\": it must be the whole URL that the "
		    "provider posts to, such as "
		    "https://example.org/hooks/shop",
		    url);
	/* Letters beyond ASCII: the provider signs the URL as it was typed. */
	for (p = url; *p != '\0'; p++)
		if (*p == ' ' || *p == '#')
			return err_set(err, ERR_INPUT,
			    "public_url \"%s\": blanks and \"#\" must be "
			    "percent-encoded",
			    url);
	return 0;
}

static int
check_pairs(const char *what, const struct setting_pair *pairs, size_t n,
    size_t value_max, bool one_line, struct err *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!setting_is_word(
			span_str(pairs[i].name), ENDPOINT_NAME_MAX, "._-"))
			return err_set(err, ERR_INPUT,
			    "%s: a name has 1 to %d letters, digits, \".\", "
			    "\"_\" or \"-\"",
			    what, ENDPOINT_NAME_MAX);
		if (one_line && setting_check_line(
				    what, pairs[i].value, value_max, err) < 0)
			return -1;
		/* A parameter's value may be confidential: not in messages. */
		if (strlen(pairs[i].value) > value_max)
			return err_set(err, ERR_INPUT,
			    "%s \"%s\": at most %zu bytes", what, pairs[i].name,
			    value_max);
	}
	return 0;
}

int
endpoint_check(const struct endpoint *ep, struct err *err)
{
	if (ep->scheme == NULL || ep->scheme[0] == '\0')
		return err_set(err, ERR_INPUT,
		    "scheme: an endpoint needs one; eyelet-scheme list names "
		    "them");
	if (setting_check_line("title", ep->title, ENDPOINT_TEXT_MAX, err) <
		0 ||
	    setting_check_patterns("events", ep->events, err) < 0 ||
	    check_url(ep->public_url, err) < 0 ||
	    setting_check_addresses("allow_from", ep->allow_from, err) < 0 ||
	    check_pairs("label", ep->labels, ep->nlabels, ENDPOINT_TEXT_MAX,
		true, err) < 0 ||
	    check_pairs("param", ep->params, ep->nparams, ENDPOINT_PARAM_MAX,
		false, err) < 0 ||
	    setting_check_range(
		"body_max", ep->body_max, -1, 1, STORE_BODY_MAX, err) < 0 ||
	    setting_check_range("tolerance", ep->tolerance_s, -1, 0,
		ENDPOINT_TOLERANCE_MAX_S, err) < 0 ||
	    setting_check_range("expect_every", ep->expect_every_s, 0, 1,
		ENDPOINT_EXPECT_MAX_S, err) < 0 ||
	    setting_check_range("repeat_within", ep->repeat_within_s, -1, 1,
		ENDPOINT_REPEAT_WITHIN_MAX_S, err) < 0)
		return -1;
	return setting_check_range(
	    "rate", ep->rate, 0, 0, ENDPOINT_RATE_MAX, err);
}
