/* idn.c: international hosts as DNS has them, by libcurl. */
#include "lib/outbound/impl.h"
#include "lib/outbound/url.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static bool
is_ascii(struct span s)
{
	const unsigned char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (p[i] >= 0x80)
			return false;
	return true;
}

/* Where the host would be; empty: there is none. */
static struct span
host_of(struct span url)
{
	struct span rest = span_skip(url, span_find(url, ':'));
	const char *p;
	size_t len = 0;

	if (!span_starts(rest, "://"))
		return SPAN_EMPTY;
	rest = span_skip(rest, strlen("://"));
	for (p = rest.ptr; len < rest.len; len++)
		if (strchr(":/?#", p[len]) != NULL)
			break;
	return span_of(rest.ptr, len);
}

/* url with its host changed, all else as it was given. */
static int
put_with_host(
    struct span url, const char *host, struct buf *out, struct err *err)
{
	struct span old = host_of(url);
	size_t from = (size_t)((const char *)old.ptr - (const char *)url.ptr);

	if (buf_put(out, url.ptr, from, err) < 0 ||
	    buf_puts(out, host, err) < 0)
		return -1;
	return buf_put_span(out, span_skip(url, from + old.len), err);
}

static int
convert(CURLU *parser, struct span url, struct buf *out, struct err *err)
{
	unsigned flags =
	    CURLU_DISALLOW_USER | CURLU_PATH_AS_IS | CURLU_NON_SUPPORT_SCHEME;
	char *text = span_dup(url, err), *host = NULL;
	CURLUcode code;
	int ret = -1;

	if (text == NULL)
		return -1;
	code = curl_url_set(parser, CURLUPART_URL, text, flags);
	if (code != CURLUE_OK)
		err_set(err, ERR_INPUT, "the URL is none: %s",
		    curl_url_strerror(code));
	/* libcurl has one code for "no memory" and "no such host". */
	else if (curl_url_get(parser, CURLUPART_HOST, &host, CURLU_PUNYCODE) !=
		 CURLUE_OK)
		err_set(err, ERR_INPUT,
		    "the URL's host has no form that DNS takes: it must be "
		    "UTF-8, of letters and digits");
	else
		ret = put_with_host(url, host, out, err);
	curl_free(host);
	free(text);
	return ret;
}

int
outbound_url_ascii(struct span url, struct buf *out, struct err *err)
{
	CURLU *parser = NULL;
	locale_t utf8, before;
	int ret = -1;

	if (is_ascii(host_of(url)) || span_find(url, '\0') < url.len)
		return buf_put_span(out, url, err);
	/* libidn2 reads a host in the charset of the locale. */
	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (utf8 == (locale_t)0)
		return err_errno(err, errno, "the locale C.UTF-8");
	before = uselocale(utf8);
	parser = curl_url();
	if (parser == NULL)
		err_set(err, ERR_NOMEM, "no memory for a URL");
	else
		ret = convert(parser, url, out, err);
	curl_url_cleanup(parser);
	uselocale(before);
	freelocale(utf8);
	return ret;
}
