/* destination_check.c: which settings of a destination mean something. */
#include <string.h>
#include <strings.h>

#include "lib/base/util.h"
#include "lib/model/destination.h"
#include "lib/model/retry_plan.h"
#include "lib/outbound/url.h"

#define LIST_MAX 8192 /* bytes of a list of names */
#define ARGS_BYTES_MAX (32 * 1024)
#define PATH_BYTES_MAX 4096
#define HEADER_NAME_MAX 128
#define OUR_HEADERS "Eyelet-"
#define HEADER_VALUE_MAX 8192
#define KEY_SOURCE_MAX 512
#define PROXY_BYTES_MAX 512
#define SCHEME_LETTERS "-"

/* --- where it goes -------------------------------------------------------- */

/* What a command has no use for; an option that does nothing is a mistake. */
static int
check_command_alone(const struct destination *d, struct err *err)
{
	const struct {
		const char *setting;
		bool given;
	} rows[] = {
		{ "sign", strcmp(d->sign, DESTINATION_SIGN_DEFAULT) != 0 },
		{ "headers", d->nheaders > 0 },
		{ "auth", d->auth != NULL },
		{ "forward", d->nforward > 0 },
		{ "client_cert", d->client_cert != NULL },
		{ "client_key", d->client_key != NULL },
		{ "ca", d->ca != NULL },
		{ "allow_net", d->allow_net != NULL },
		{ "allow_http", d->allow_http },
		{ "proxy", d->proxy != NULL },
	};
	size_t i;

	for (i = 0; i < NITEMS(rows); i++)
		if (rows[i].given)
			return err_set(err, ERR_INPUT,
			    "%s: it goes with a URL only; this destination is "
			    "a command",
			    rows[i].setting);
	return 0;
}

static int
check_command(const struct destination *d, struct err *err)
{
	size_t i, bytes = 0;

	if (d->command[0][0] != '/')
		return err_set(err, ERR_INPUT,
		    "command \"%s\": it must be the program's whole path, "
		    "from / on: no PATH is searched",
		    d->command[0]);
	if (strlen(d->command[0]) > PATH_BYTES_MAX)
		return err_set(err, ERR_INPUT,
		    "command: a path has at most %d bytes", PATH_BYTES_MAX);
	for (i = 0; i < d->ncommand; i++)
		bytes += strlen(d->command[i]) + 1;
	if (bytes > ARGS_BYTES_MAX)
		return err_set(err, ERR_INPUT,
		    "command: at most %d bytes with its arguments, not %zu",
		    ARGS_BYTES_MAX, bytes);
	return check_command_alone(d, err);
}

static int
check_place(struct destination *d, struct err *err)
{
	if (d->url != NULL && d->ncommand > 0)
		return err_set(err, ERR_INPUT,
		    "url and command exclude each other: a destination is one "
		    "of the two");
	if (d->url == NULL && d->ncommand == 0)
		return err_set(
		    err, ERR_INPUT, "a destination needs a url or a command");
	return d->ncommand > 0 ? check_command(d, err) : 0;
}

/* --- which events --------------------------------------------------------- */

static int
check_endpoints(const char *text, struct err *err)
{
	struct span list = span_str(text), name;
	size_t n = 0;

	if (text == NULL)
		return 0;
	if (list.len > LIST_MAX)
		return err_set(err, ERR_INPUT,
		    "endpoints: at most %d bytes, not %zu", LIST_MAX, list.len);
	for (;;) {
		name = destination_next_name(&list);
		if (name.len == 0)
			break;
		if (!endpoint_name_ok(name) && !span_is(name, STORE_SELF_NAME))
			return err_set(err, ERR_INPUT,
			    "endpoints: \"%.*s\" can be no endpoint's name",
			    (int)name.len, (const char *)name.ptr);
		n++;
	}
	if (n == 0)
		return err_set(
		    err, ERR_INPUT, "endpoints: the list names none");
	return 0;
}

static int
check_retry(const char *text, struct err *err)
{
	struct retry_plan plan;

	if (retry_plan_parse(span_str(text), &plan, err) < 0)
		return err_wrap(err, "retry");
	return 0;
}

/* --- order ---------------------------------------------------------------- */

/* RFC 6901: "/" before each step, "~" only as "~0" and "~1". */
static bool
is_pointer(const char *p)
{
	if (*p != '/')
		return false;
	for (; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f ||
		    (*p == '~' && p[1] != '0' && p[1] != '1'))
			return false;
	return true;
}

static bool
is_header_name(const char *name)
{
	return setting_is_word(
	    span_str(name), HEADER_NAME_MAX, "!#$%&'*+-.^_`|~");
}

static int
check_key(const struct destination *d, struct err *err)
{
	struct span key = span_str(d->key);

	if (d->order != DESTINATION_ORDER_KEY)
		return 0;
	if (key.len > KEY_SOURCE_MAX)
		return err_set(err, ERR_INPUT,
		    "order: a key's source has at most %d bytes",
		    KEY_SOURCE_MAX);
	if (span_starts(key, DESTINATION_KEY_JSON) &&
	    is_pointer(d->key + strlen(DESTINATION_KEY_JSON)))
		return 0;
	if (span_starts(key, DESTINATION_KEY_HEADER) &&
	    is_header_name(d->key + strlen(DESTINATION_KEY_HEADER)))
		return 0;
	return err_set(err, ERR_INPUT,
	    "order: the key \"%s\" is neither a JSON pointer into the body, "
	    "such as json:/data/id, nor a header, such as header:X-Customer",
	    d->key);
}

/* --- headers -------------------------------------------------------------- */

/* Whose value is the event's, the connection's, or somebody else's option. */
static const struct {
	const char *name;
	const char *why;
} taken_headers[] = {
	{ "Authorization", "it is given with auth" },
	{ "Connection", "it is the connection's own" },
	{ "Content-Length", "it is the body's own" },
	{ "Content-Type", "the event's goes out as it came" },
	{ "Expect", "it is the connection's own" },
	{ "Host", "it is the URL's own" },
	{ "Keep-Alive", "it is the connection's own" },
	{ "Proxy-Authorization", "no proxy with a password is supported" },
	{ "Proxy-Connection", "it is the connection's own" },
	{ "TE", "it is the connection's own" },
	{ "Trailer", "it is the body's own" },
	{ "Transfer-Encoding", "it is the body's own" },
	{ "Upgrade", "it is the connection's own" },
	{ "User-Agent", "it says eyelet and its version" },
};

static int
check_header_name(const char *what, const char *name, struct err *err)
{
	size_t i;

	if (!is_header_name(name))
		return err_set(err, ERR_INPUT,
		    "%s: \"%s\" can be no header's name", what, name);
	if (strncasecmp(name, OUR_HEADERS, strlen(OUR_HEADERS)) == 0)
		return err_set(err, ERR_INPUT,
		    "%s: %s cannot be given: those that begin with %s are "
		    "eyelet's own",
		    what, name, OUR_HEADERS);
	for (i = 0; i < NITEMS(taken_headers); i++)
		if (strcasecmp(name, taken_headers[i].name) == 0)
			return err_set(err, ERR_INPUT,
			    "%s: %s cannot be given: %s", what,
			    taken_headers[i].name, taken_headers[i].why);
	return 0;
}

/* A value may be confidential: it stands in no message. */
static int
check_header_value(
    const char *what, const char *name, const char *value, struct err *err)
{
	const unsigned char *p = (const unsigned char *)value;
	size_t len = strlen(value);

	if (len == 0)
		return err_set(err, ERR_INPUT, "%s: %s is empty", what, name);
	if (len > HEADER_VALUE_MAX)
		return err_set(err, ERR_INPUT, "%s: %s has more than %d bytes",
		    what, name, HEADER_VALUE_MAX);
	if (p[0] == ' ' || p[0] == '\t' || p[len - 1] == ' ' ||
	    p[len - 1] == '\t')
		return err_set(err, ERR_INPUT,
		    "%s: %s begins or ends with a blank", what, name);
	for (; *p != '\0'; p++)
		if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
			return err_set(err, ERR_INPUT,
			    "%s: %s has a control byte or a line end in it",
			    what, name);
	return 0;
}

static int
check_headers(const struct destination *d, struct err *err)
{
	size_t i, j;

	for (i = 0; i < d->nheaders; i++)
		if (check_header_name("headers", d->headers[i].name, err) < 0 ||
		    check_header_value("headers", d->headers[i].name,
			d->headers[i].value, err) < 0)
			return -1;
	if (d->auth != NULL &&
	    check_header_value("auth", "Authorization", d->auth, err) < 0)
		return -1;
	for (i = 0; i < d->nforward; i++) {
		if (check_header_name("forward", d->forward[i], err) < 0)
			return -1;
		for (j = 0; j < d->nheaders; j++)
			if (strcasecmp(d->forward[i], d->headers[j].name) == 0)
				return err_set(err, ERR_INPUT,
				    "forward: %s is set by headers already",
				    d->forward[i]);
	}
	return 0;
}

/* --- how it is reached ---------------------------------------------------- */

static int
check_file(const char *what, const char *path, struct err *err)
{
	if (path == NULL)
		return 0;
	if (path[0] != '/')
		return err_set(err, ERR_INPUT,
		    "%s \"%s\": it must be the file's whole path, from / on",
		    what, path);
	return setting_check_line(what, path, PATH_BYTES_MAX, err);
}

static int
check_files(const struct destination *d, struct err *err)
{
	if (check_file("client_cert", d->client_cert, err) < 0 ||
	    check_file("client_key", d->client_key, err) < 0 ||
	    check_file("ca", d->ca, err) < 0)
		return -1;
	if ((d->client_cert == NULL) != (d->client_key == NULL))
		return err_set(err, ERR_INPUT,
		    "client_cert and client_key go together; one file may "
		    "hold both");
	return 0;
}

/* HOST:PORT, where HOST is a name, an IPv4 address or [an IPv6 one]. */
static bool
is_host_port(struct span s)
{
	const char *p = s.ptr;
	size_t at = s.len, i;
	unsigned port = 0;
	struct span host;

	while (at > 0 && p[at - 1] >= '0' && p[at - 1] <= '9')
		at--;
	if (at < 2 || p[at - 1] != ':' || s.len - at < 1 || s.len - at > 5)
		return false;
	for (i = at; i < s.len; i++)
		port = port * 10 + (unsigned)(p[i] - '0');
	if (port == 0 || port > 65535)
		return false;
	host = span_of(p, at - 1);
	if (p[0] == '[' && p[at - 2] == ']')
		return setting_is_word(
		    span_of(p + 1, host.len - 2), PROXY_BYTES_MAX, ":.");
	return setting_is_word(host, PROXY_BYTES_MAX, ".-_");
}

static int
check_proxy(const char *proxy, struct err *err)
{
	struct span s = span_str(proxy);

	if (proxy == NULL ||
	    (span_starts(s, "http://") && is_host_port(span_skip(s, 7))))
		return 0;
	return err_set(err, ERR_INPUT,
	    "proxy: it must be http://HOST:PORT, with no name, password or "
	    "path in it");
}

/* Judges the URL, and puts it into its normal form. */
static int
settle_url(struct destination *d, struct err *err)
{
	struct buf made = BUF_INIT(OUTBOUND_URL_MAX);
	struct address_list *allow = NULL;
	char *url = NULL;
	int ret = -1;

	if (d->allow_net != NULL &&
	    address_list_parse(span_str(d->allow_net), &allow, err) < 0)
		goto out;
	if (outbound_url_check(
		span_str(d->url), allow, d->allow_http, &made, err) < 0) {
		err_wrap(err, "url");
		goto out;
	}
	url = span_dup(buf_span(&made), err);
	if (url == NULL)
		goto out;
	setting_free_text(d->url);
	d->url = url;
	ret = 0;
out:
	address_list_free(allow);
	buf_free(&made);
	return ret;
}

/* -------------------------------------------------------------------------- */

int
destination_check(struct destination *d, struct err *err)
{
	if (check_place(d, err) < 0 ||
	    setting_check_line("title", d->title, ENDPOINT_TEXT_MAX, err) < 0 ||
	    check_endpoints(d->endpoints, err) < 0 ||
	    setting_check_patterns("events", d->events, err) < 0)
		return -1;
	if (!setting_is_word(
		span_str(d->sign), ENDPOINT_NAME_MAX, SCHEME_LETTERS))
		return err_set(err, ERR_INPUT,
		    "sign: it must be a scheme's name (eyelet-scheme list), or "
		    "\"none\"");
	if (setting_check_range("timeout", d->timeout_s, -1, 1,
		DESTINATION_TIMEOUT_MAX_S, err) < 0 ||
	    setting_check_range("concurrency", d->concurrency, 1, 1,
		DESTINATION_CONCURRENCY_MAX, err) < 0 ||
	    setting_check_range("rate", d->rate, 0, 0, ENDPOINT_RATE_MAX, err) <
		0 ||
	    setting_check_range(
		"park_max", d->park_max, 1, 1, DESTINATION_PARK_MAX, err) < 0 ||
	    setting_check_range("disable_after", d->disable_after_s, 0, 1,
		DESTINATION_DISABLE_MAX_S, err) < 0)
		return -1;
	if (check_retry(d->retry, err) < 0 || check_key(d, err) < 0 ||
	    check_headers(d, err) < 0 || check_files(d, err) < 0 ||
	    setting_check_addresses("allow_net", d->allow_net, err) < 0)
		return -1;
	if (check_proxy(d->proxy, err) < 0)
		return -1;
	return d->url == NULL ? 0 : settle_url(d, err);
}
