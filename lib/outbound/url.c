/* url.c: what is odd about a URL to post to. */
#include "lib/outbound/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/outbound/guard.h"

#define HOST_MAX 253 /* RFC 1035 section 2.3.4, as text */
#define LABEL_MAX 63
#define PORT_MAX 65535

struct parts {
	bool https;
	struct span host; /* IPv6: without its brackets */
	bool v6;
	struct span port; /* without its colon; may be empty */
	struct span rest; /* path and query */
};

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static unsigned char
lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

/* --- taking it apart ------------------------------------------------------ */

/* Bytes that no URL may have (RFC 3986 section 2), wherever they stand. */
static int
check_bytes(struct span url, struct err *err)
{
	const unsigned char *p = url.ptr;
	size_t i;

	for (i = 0; i < url.len; i++) {
		if (p[i] <= ' ' || p[i] == 0x7f)
			return err_set(err, ERR_INPUT,
			    "the URL has a blank or control byte in it: write "
			    "it as %%%02X",
			    p[i]);
		if (p[i] < 0x80 && strchr("\"<>\\^`{|}", p[i]) != NULL)
			return err_set(err, ERR_INPUT,
			    "the URL has a \"%c\" in it: write it as %%%02X",
			    p[i], p[i]);
	}
	if (span_find(url, '#') < url.len)
		return err_set(err, ERR_INPUT,
		    "the URL has a fragment (\"#...\"), which no request "
		    "carries: leave it out, or write \"#\" as %%23");
	return 0;
}

static int
take_scheme(struct span *url, bool *https, struct err *err)
{
	static const struct {
		const char *text;
		bool https;
	} schemes[] = { { "https://", true }, { "http://", false } };
	size_t i, len;

	for (i = 0; i < NITEMS(schemes); i++) {
		len = strlen(schemes[i].text);
		if (url->len < len ||
		    !span_is_nocase(span_of(url->ptr, len), schemes[i].text))
			continue;
		*https = schemes[i].https;
		*url = span_skip(*url, len);
		return 0;
	}
	return err_set(err, ERR_INPUT,
	    "the URL must begin with https://, such as "
	    "https://example.com/hooks");
}

/* Where the authority ends (RFC 3986 section 3.2). */
static size_t
authority_len(struct span s)
{
	size_t path = span_find(s, '/'), query = span_find(s, '?');

	return path < query ? path : query;
}

static int
take_host(struct span authority, struct parts *out, struct err *err)
{
	size_t end;

	out->v6 = span_starts(authority, "[");
	if (out->v6) {
		end = span_find(authority, ']');
		if (end == authority.len)
			return err_set(err, ERR_INPUT,
			    "the URL's host begins with \"[\" and has no "
			    "\"]\"");
		out->host = span_of((const char *)authority.ptr + 1, end - 1);
		authority = span_skip(authority, end + 1);
		if (authority.len > 0 && !span_starts(authority, ":"))
			return err_set(err, ERR_INPUT,
			    "the URL has something between \"]\" and its path: "
			    "only a port may stand there");
	} else {
		end = span_find(authority, ':');
		out->host = span_of(authority.ptr, end);
		authority = span_skip(authority, end);
	}
	out->port = span_skip(authority, 1);
	if (span_find(out->port, ':') < out->port.len)
		return err_set(err, ERR_INPUT,
		    "the URL has several colons in its host: an IPv6 address "
		    "stands in brackets, as in https://[2001:db8::1]/");
	if (out->host.len == 0)
		return err_set(err, ERR_INPUT, "the URL has no host");
	return 0;
}

static int
take_apart(struct span url, struct parts *out, struct err *err)
{
	struct span authority;

	if (check_bytes(url, err) < 0 ||
	    take_scheme(&url, &out->https, err) < 0)
		return -1;
	authority = span_of(url.ptr, authority_len(url));
	out->rest = span_skip(url, authority.len);
	if (span_find(authority, '@') < authority.len)
		return err_set(err, ERR_INPUT,
		    "the URL has credentials (\"...@\") in it: take them out "
		    "and give them by --auth-file");
	return take_host(authority, out, err);
}

/* --- the host ------------------------------------------------------------- */

/* One number of an address as inet_aton(3) reads it: 12, 014, 0xc. */
static bool
read_number(struct span s, uint64_t *out)
{
	const unsigned char *p = s.ptr;
	unsigned base = 10, digit;
	size_t i = 0;

	if (s.len == 0)
		return false;
	if (s.len > 2 && p[0] == '0' && lower(p[1]) == 'x') {
		base = 16;
		i = 2;
	} else if (p[0] == '0')
		base = 8;
	for (*out = 0; i < s.len; i++) {
		if (is_digit(p[i]))
			digit = p[i] - (unsigned)'0';
		else if (lower(p[i]) >= 'a' && lower(p[i]) <= 'f')
			digit = lower(p[i]) - (unsigned)'a' + 10;
		else
			return false;
		if (digit >= base)
			return false;
		*out = *out * base + digit;
		if (*out > UINT32_MAX)
			return false;
	}
	return true;
}

/* "127.1", "0x7f000001": up to four numbers, of which the last fills up. */
static bool
read_v4(struct span host, uint32_t *out)
{
	uint64_t number, all = 0;
	unsigned n = 0;
	size_t end;

	for (;;) {
		end = span_find(host, '.');
		if (n == 4 || !read_number(span_of(host.ptr, end), &number))
			return false;
		n++;
		if (end == host.len)
			break;
		if (number > 255)
			return false;
		all |= number << (32 - 8 * n);
		host = span_skip(host, end + 1);
	}
	if (number >= UINT64_C(1) << (8 * (5 - n)))
		return false;
	*out = (uint32_t)(all | number);
	return true;
}

static struct span
last_label(struct span host)
{
	size_t dot;

	while ((dot = span_find(host, '.')) < host.len)
		host = span_skip(host, dot + 1);
	return host;
}

/* Is it meant as a number? A name never ends in one (WHATWG URL). */
static bool
ends_in_number(struct span host)
{
	struct span label = last_label(host);
	const unsigned char *p = label.ptr;
	bool hex = label.len > 2 && p[0] == '0' && lower(p[1]) == 'x';
	size_t i;

	for (i = hex ? 2 : 0; i < label.len; i++)
		if (!is_digit(p[i]) &&
		    !(hex && lower(p[i]) >= 'a' && lower(p[i]) <= 'f'))
			return false;
	return label.len > 0;
}

static int
put_address(const struct sockaddr_storage *ss, const struct address_list *allow,
    struct buf *out, struct err *err)
{
	const struct sockaddr *sa = (const struct sockaddr *)ss;
	char text[OUTBOUND_GUARD_TEXT];

	outbound_guard_text(sa, text);
	if (!outbound_guard_allows_any(sa, allow))
		return err_set(err, ERR_INPUT,
		    "the URL's address %s is of this machine or of a private "
		    "or reserved block, which is not posted to: --allow-net %s "
		    "allows it for this destination",
		    text, text);
	if (ss->ss_family == AF_INET)
		return buf_puts(out, text, err);
	return buf_printf(out, err, "[%s]", text);
}

static int
put_v6(struct span host, const struct address_list *allow, struct buf *out,
    struct err *err)
{
	struct sockaddr_storage ss;
	char text[INET6_ADDRSTRLEN];

	if (span_find(host, '%') < host.len)
		return err_set(err, ERR_INPUT,
		    "the URL's address has a scope (\"%%...\"): such are not "
		    "posted to");
	if (host.len >= sizeof(text) || span_find(host, ':') == host.len)
		return err_set(err, ERR_INPUT,
		    "what the URL has in brackets is no IPv6 address");
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	if (!outbound_guard_read(text, &ss))
		return err_set(err, ERR_INPUT,
		    "what the URL has in brackets is no IPv6 address");
	return put_address(&ss, allow, out, err);
}

static int
put_v4(struct span host, const struct address_list *allow, struct buf *out,
    struct err *err)
{
	struct sockaddr_storage ss;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ss;
	uint32_t number;

	if (!read_v4(host, &number))
		return err_set(err, ERR_INPUT,
		    "the URL's host ends in a number and is no IPv4 address");
	memset(&ss, 0, sizeof(ss));
	v4->sin_family = AF_INET;
	v4->sin_addr.s_addr = htonl(number);
	return put_address(&ss, allow, out, err);
}

static bool
is_name_byte(unsigned char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
	       c == '-' || c == '_' || c == '.';
}

static int
check_name(struct span host, struct err *err)
{
	const unsigned char *p = host.ptr;
	size_t i, label = 0;

	for (i = 0; i < host.len; i++) {
		if (p[i] >= 0x80)
			return err_set(err, ERR_INPUT,
			    "the URL's host has letters that are not ASCII: "
			    "write it as DNS has it (\"xn--...\")");
		if (!is_name_byte(p[i]))
			return err_set(err, ERR_INPUT,
			    "the URL's host has a \"%c\" in it: letters, "
			    "digits, \"-\", \"_\" and \".\" make a host",
			    p[i]);
		label = p[i] == '.' ? 0 : label + 1;
		if (p[i] == '.' && (i == 0 || p[i - 1] == '.'))
			return err_set(err, ERR_INPUT,
			    "the URL's host has nothing between two dots");
		if (label > LABEL_MAX)
			return err_set(err, ERR_INPUT,
			    "the URL's host has a label of more than %d "
			    "letters",
			    LABEL_MAX);
	}
	if (label == 0)
		return err_set(
		    err, ERR_INPUT, "the URL's host has two dots at its end");
	if (host.len > HOST_MAX)
		return err_set(err, ERR_INPUT,
		    "the URL's host has %zu letters, at most %d", host.len,
		    HOST_MAX);
	return 0;
}

/* Names that lead inside by themselves (RFC 6761, 6762; ICANN's .internal). */
static int
check_inside(
    struct span host, const struct address_list *allow, struct err *err)
{
	static const char *const inside[] = { "localhost", "local",
		"internal" };
	struct span label = last_label(host);
	size_t i;

	for (i = 0; i < NITEMS(inside); i++)
		if (span_is_nocase(label, inside[i]))
			break;
	if (i == NITEMS(inside))
		return 0;
	if (i == 0 && (address_list_has(allow, span_str("127.0.0.1")) ||
			  address_list_has(allow, span_str("::1"))))
		return 0;
	if (i > 0 && allow != NULL)
		return 0;
	return err_set(err, ERR_INPUT,
	    "the URL's host is a name of this machine or of a private network, "
	    "which is not posted to: --allow-net %s allows it for this "
	    "destination",
	    i == 0 ? "127.0.0.1,::1" : "with the addresses it has");
}

static int
put_host(const struct parts *parts, const struct address_list *allow,
    struct buf *out, struct err *err)
{
	struct span host = parts->host;
	const unsigned char *p = host.ptr;
	size_t i;

	if (parts->v6)
		return put_v6(host, allow, out, err);
	if (host.len > 1 && p[host.len - 1] == '.')
		host.len--; /* the root of DNS, whom nobody writes */
	if (check_name(host, err) < 0)
		return -1;
	if (ends_in_number(host))
		return put_v4(host, allow, out, err);
	if (check_inside(host, allow, err) < 0)
		return -1;
	for (i = 0; i < host.len; i++)
		if (buf_putc(out, lower(p[i]), err) < 0)
			return -1;
	return 0;
}

/* --- the rest ------------------------------------------------------------- */

static int
put_port(const struct parts *parts, struct buf *out, struct err *err)
{
	struct err ignored = ERR_INIT;
	uint64_t port;

	if (parts->port.len == 0)
		return 0;
	if (text_to_u64(parts->port, PORT_MAX, &port, &ignored) < 0 ||
	    port == 0)
		return err_set(err, ERR_INPUT,
		    "the URL's port must be a number from 1 to %d", PORT_MAX);
	if (port == (parts->https ? 443 : 80))
		return 0;
	return buf_printf(out, err, ":%u", (unsigned)port);
}

static int
check_rest(struct span rest, struct err *err)
{
	const unsigned char *p = rest.ptr;
	size_t i;

	for (i = 0; i < rest.len; i++)
		if (p[i] >= 0x80)
			return err_set(err, ERR_INPUT,
			    "the URL has letters that are not ASCII behind its "
			    "host: write each byte of them as %%XX");
	return 0;
}

static int
put_rest(struct span rest, struct buf *out, struct err *err)
{
	if (check_rest(rest, err) < 0)
		return -1;
	if (!span_starts(rest, "/") && buf_putc(out, '/', err) < 0)
		return -1;
	return buf_put_span(out, rest, err);
}

int
outbound_url_check(struct span url, const struct address_list *allow,
    bool allow_http, struct buf *out, struct err *err)
{
	size_t before = out->len;
	struct parts parts = { 0 };

	if (url.len == 0)
		return err_set(err, ERR_INPUT, "the URL is empty");
	if (url.len > OUTBOUND_URL_MAX)
		return err_set(err, ERR_INPUT,
		    "the URL has %zu bytes, at most %d", url.len,
		    OUTBOUND_URL_MAX);
	if (take_apart(url, &parts, err) < 0)
		return -1;
	if (!parts.https && !allow_http)
		return err_set(err, ERR_INPUT,
		    "the URL sends events in clear: use https://, or allow it "
		    "by --allow-http");
	if (buf_puts(out, parts.https ? "https://" : "http://", err) < 0 ||
	    put_host(&parts, allow, out, err) < 0 ||
	    put_port(&parts, out, err) < 0 ||
	    put_rest(parts.rest, out, err) < 0) {
		out->len = before;
		return -1;
	}
	return 0;
}
