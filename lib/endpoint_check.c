/* endpoint_check.c: which settings of an endpoint mean something. */
#include <string.h>

#include "lib/address.h"
#include "lib/endpoint.h"
#include "lib/pattern.h"
#include "lib/store.h"
#include "lib/text.h"
#include "lib/util.h"

static bool
is_word_letter(char c, const char *more)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || (c != '\0' && strchr(more, c) != NULL);
}

static bool
is_word(struct span s, size_t max, const char *more)
{
	const char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!is_word_letter(p[i], more))
			return false;
	return s.len > 0 && s.len <= max;
}

bool
endpoint_name_ok(struct span name)
{
	/* Paths under the mount that are not endpoints. */
	static const char *const reserved[] = { "healthz", "eyelet" };
	size_t i;

	for (i = 0; i < NITEMS(reserved); i++)
		if (span_is(name, reserved[i]))
			return false;
	return is_word(name, ENDPOINT_NAME_MAX, "_-");
}

/* Text that a person reads in a line: UTF-8, no control bytes, not long. */
static int
check_line(const char *what, const char *s, size_t max, struct err *err)
{
	const char *p;

	if (s == NULL)
		return 0;
	if (strlen(s) > max)
		return err_set(err, ERR_INPUT, "%s: at most %zu bytes, not %zu",
		    what, max, strlen(s));
	if (!text_is_utf8(span_str(s)))
		return err_set(
		    err, ERR_INPUT, "%s: it must be UTF-8 text", what);
	for (p = s; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(err, ERR_INPUT,
			    "%s: control bytes and line ends are not allowed",
			    what);
	return 0;
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
	if (check_line("public_url", url, ENDPOINT_URL_MAX, err) < 0)
		return -1;
	for (i = 0; i < NITEMS(starts); i++)
		if (span_starts(s, starts[i]))
			rest = span_skip(s, strlen(starts[i]));
	if (rest.len == 0 || *(const char *)rest.ptr == '/')
		return err_set(err, ERR_INPUT,
		    "public_url \"%s\": it must be the whole URL that the "
		    "provider posts to, such as "
		    "https://example.org/hooks/shop",
		    url);
	for (p = url; *p != '\0'; p++)
		if (*p == ' ' || (unsigned char)*p > 0x7e || *p == '#')
			return err_set(err, ERR_INPUT,
			    "public_url \"%s\": blanks, \"#\" and letters "
			    "beyond ASCII must be percent-encoded",
			    url);
	return 0;
}

static int
check_allow_from(const char *text, struct err *err)
{
	struct address_list *list = NULL;

	if (text == NULL)
		return 0;
	if (address_list_parse(span_str(text), &list, err) < 0)
		return err_wrap(err, "allow_from");
	address_list_free(list);
	if (text[strspn(text, " \t,")] == '\0')
		return err_set(err, ERR_INPUT,
		    "allow_from: an empty list would let nobody in");
	return 0;
}

static int
check_events(const char *text, struct err *err)
{
	struct pattern_list *list = NULL;

	if (text == NULL)
		return 0;
	if (pattern_parse(span_str(text), &list, err) < 0)
		return err_wrap(err, "events");
	pattern_free(list);
	return 0;
}

static int
check_pairs(const char *what, const struct endpoint_pair *pairs, size_t n,
    size_t value_max, bool one_line, struct err *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!is_word(span_str(pairs[i].name), ENDPOINT_NAME_MAX, "._-"))
			return err_set(err, ERR_INPUT,
			    "%s: a name has 1 to %d letters, digits, \".\", "
			    "\"_\" or \"-\"",
			    what, ENDPOINT_NAME_MAX);
		if (one_line &&
		    check_line(what, pairs[i].value, value_max, err) < 0)
			return -1;
		/* A parameter's value may be confidential: not in messages. */
		if (strlen(pairs[i].value) > value_max)
			return err_set(err, ERR_INPUT,
			    "%s \"%s\": at most %zu bytes", what, pairs[i].name,
			    value_max);
	}
	return 0;
}

static int
check_range(const char *what, int64_t v, int64_t none, int64_t min, int64_t max,
    struct err *err)
{
	if (v == none || (v >= min && v <= max))
		return 0;
	return err_set(err, ERR_INPUT,
	    "%s: it must be from %lld to %lld, not %lld", what, (long long)min,
	    (long long)max, (long long)v);
}

int
endpoint_check(const struct endpoint *ep, struct err *err)
{
	if (ep->scheme == NULL || ep->scheme[0] == '\0')
		return err_set(err, ERR_INPUT,
		    "scheme: an endpoint needs one; eyelet-scheme list names "
		    "them");
	if (check_line("title", ep->title, ENDPOINT_TEXT_MAX, err) < 0 ||
	    check_events(ep->events, err) < 0 ||
	    check_url(ep->public_url, err) < 0 ||
	    check_allow_from(ep->allow_from, err) < 0 ||
	    check_pairs("label", ep->labels, ep->nlabels, ENDPOINT_TEXT_MAX,
		true, err) < 0 ||
	    check_pairs("param", ep->params, ep->nparams, ENDPOINT_PARAM_MAX,
		false, err) < 0 ||
	    check_range("body_max", ep->body_max, -1, 1, STORE_BODY_MAX, err) <
		0 ||
	    check_range("tolerance", ep->tolerance_s, -1, 0,
		ENDPOINT_TOLERANCE_MAX_S, err) < 0)
		return -1;
	return check_range("rate", ep->rate, 0, 0, ENDPOINT_RATE_MAX, err);
}
