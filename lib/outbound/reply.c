/* reply.c: what came back, and what it means. */
#include "lib/outbound/impl.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/util.h"

#define RETRY_AFTER_MAX_S (366 * UINT64_C(86400)) /* longer ones are cut */
#define DATE_MAX 48 /* bytes of a date in a header */

static const char blocked_words[] =
    "the address is not one that may be posted to: it is this machine's or "
    "of a private or reserved block (--allow-net allows a block for the "
    "destination)";

/* What an end is to us; all others are OUTBOUND_FAULT. */
static const struct {
	CURLcode code;
	enum outbound_class class;
} classes[] = {
	{ CURLE_OPERATION_TIMEDOUT, OUTBOUND_TIMEOUT },
	{ CURLE_COULDNT_RESOLVE_HOST, OUTBOUND_NAME },
	{ CURLE_COULDNT_RESOLVE_PROXY, OUTBOUND_NAME },
	{ CURLE_COULDNT_CONNECT, OUTBOUND_CONNECT },
	{ CURLE_INTERFACE_FAILED, OUTBOUND_CONNECT },
	{ CURLE_PROXY, OUTBOUND_CONNECT },
	{ CURLE_SSL_CONNECT_ERROR, OUTBOUND_TLS },
	{ CURLE_PEER_FAILED_VERIFICATION, OUTBOUND_TLS },
	{ CURLE_SSL_CIPHER, OUTBOUND_TLS },
	{ CURLE_SSL_ISSUER_ERROR, OUTBOUND_TLS },
	{ CURLE_SSL_INVALIDCERTSTATUS, OUTBOUND_TLS },
	{ CURLE_SSL_CLIENTCERT, OUTBOUND_TLS },
	{ CURLE_SSL_SHUTDOWN_FAILED, OUTBOUND_TLS },
	{ CURLE_UNSUPPORTED_PROTOCOL, OUTBOUND_PROTOCOL }, /* HTTP/0.9 */
	{ CURLE_WEIRD_SERVER_REPLY, OUTBOUND_PROTOCOL },
	{ CURLE_GOT_NOTHING, OUTBOUND_PROTOCOL },
	{ CURLE_SEND_ERROR, OUTBOUND_PROTOCOL },
	{ CURLE_RECV_ERROR, OUTBOUND_PROTOCOL },
	{ CURLE_PARTIAL_FILE, OUTBOUND_PROTOCOL },
	{ CURLE_BAD_CONTENT_ENCODING, OUTBOUND_PROTOCOL },
	{ CURLE_HTTP2, OUTBOUND_PROTOCOL },
	{ CURLE_HTTP2_STREAM, OUTBOUND_PROTOCOL },
	{ CURLE_FILESIZE_EXCEEDED, OUTBOUND_PROTOCOL },
	{ CURLE_URL_MALFORMAT, OUTBOUND_USAGE },
	{ CURLE_LOGIN_DENIED, OUTBOUND_USAGE }, /* a user in the URL */
	{ CURLE_SSL_CACERT_BADFILE, OUTBOUND_USAGE },
	{ CURLE_SSL_CERTPROBLEM, OUTBOUND_USAGE },
};

const char *outbound_word(enum outbound_class class)
{
	switch (class) {
	case OUTBOUND_ANSWERED:
		return "answered";
	case OUTBOUND_TIMEOUT:
		return "timeout";
	case OUTBOUND_NAME:
		return "name";
	case OUTBOUND_CONNECT:
		return "connect";
	case OUTBOUND_BLOCKED:
		return "blocked";
	case OUTBOUND_TLS:
		return "tls";
	case OUTBOUND_PROTOCOL:
		return "protocol";
	case OUTBOUND_USAGE:
		return "usage";
	case OUTBOUND_FAULT:
		return "fault";
	}
	return "";
}

/* --- as it comes ---------------------------------------------------------- */

/* RFC 9110 section 10.2.3; curl_getdate alone would take "-5" for a zone. */
static int64_t
read_retry_after(struct span value)
{
	const unsigned char *p = value.ptr;
	struct err ignored = ERR_INIT;
	char date[DATE_MAX];
	uint64_t s;
	int64_t ms;

	if (value.len == 0 || value.len >= sizeof(date))
		return -1;
	if (p[0] >= '0' && p[0] <= '9') {
		if (text_to_u64(value, UINT64_MAX, &s, &ignored) < 0)
			return -1;
		return (int64_t)(s < RETRY_AFTER_MAX_S ? s
						       : RETRY_AFTER_MAX_S) *
		       1000;
	}
	if ((p[0] | 0x20) < 'a' || (p[0] | 0x20) > 'z' ||
	    memchr(p, '\0', value.len) != NULL)
		return -1;
	memcpy(date, p, value.len);
	date[value.len] = '\0';
	ms = (int64_t)curl_getdate(date, NULL);
	if (ms < 0)
		return -1;
	ms = ms * 1000 - clock_wall_ms();
	return ms > 0 ? ms : 0;
}

static void
read_line(struct outbound_exchange *ex, struct span line)
{
	static const char name[] = "retry-after:";
	size_t len = sizeof(name) - 1;

	if (span_starts(line, "HTTP/")) {
		ex->result.retry_after_ms = -1; /* of a 1xx before */
		return;
	}
	if (line.len < len || !span_is_nocase(span_of(line.ptr, len), name))
		return;
	line = span_skip(line, len);
	while (line.len > 0 &&
	       strchr("\r\n", ((const char *)line.ptr)[line.len - 1]) != NULL)
		line.len--;
	ex->result.retry_after_ms = read_retry_after(span_trim(line));
}

size_t
outbound_take_header(char *ptr, size_t size, size_t n, void *arg)
{
	struct outbound_exchange *ex = arg;
	size_t len = size * n;

	ex->headers += len;
	if (ex->headers > OUTBOUND_HEADERS_MAX) {
		ex->headers_over = true;
		return 0; /* ends it */
	}
	read_line(ex, span_of(ptr, len));
	return len;
}

size_t
outbound_take_body(char *ptr, size_t size, size_t n, void *arg)
{
	struct outbound_exchange *ex = arg;
	struct outbound_result *r = &ex->result;
	size_t len = size * n, room = OUTBOUND_EXCERPT_MAX - r->excerpt_len;

	if (len > room)
		r->cut = true;
	else
		room = len;
	memcpy(r->excerpt + r->excerpt_len, ptr, room);
	r->excerpt_len += room;
	ex->read += len;
	if (ex->read > OUTBOUND_READ_MAX)
		ex->over = true;
	/* Anything but len ends it; what was read by then is the reply. */
	return ex->over ? 0 : len;
}

/* --- when it has ended ---------------------------------------------------- */

/* As much of words as has room when it is inert. */
static void
put_words(struct outbound_result *r, const char *words)
{
	struct buf b = BUF_OVER(r->words, sizeof(r->words));
	struct err ignored = ERR_INIT;
	struct span s = span_str(words);

	while (s.len > 0 && text_put_safe(&b, s, &ignored) < 0)
		s.len -= s.len / 8 + 1;
	r->words[b.len] = '\0';
}

void
outbound_refuse(
    struct outbound_exchange *ex, enum outbound_class class, const char *words)
{
	ex->result.class = class;
	put_words(&ex->result, words);
}

/*
 * libcurl gathers a line before it shows it, and has no other word for one
 * of 100 KB.
 */
static bool
is_line_over(const struct outbound_exchange *ex, CURLcode code)
{
	return code == CURLE_OUT_OF_MEMORY && ex->sent;
}

static enum outbound_class
classify(const struct outbound_exchange *ex, CURLcode code)
{
	size_t i;

	if (ex->kept_denied ||
	    (ex->blocked && code == CURLE_COULDNT_CONNECT && !ex->opened))
		return OUTBOUND_BLOCKED;
	if (ex->no_socket && code == CURLE_COULDNT_CONNECT)
		return OUTBOUND_FAULT;
	if (ex->headers_over || is_line_over(ex, code))
		return OUTBOUND_PROTOCOL;
	for (i = 0; i < NITEMS(classes); i++)
		if (classes[i].code == code)
			return classes[i].class;
	return OUTBOUND_FAULT;
}

static const char *
words_for(const struct outbound_exchange *ex, enum outbound_class class,
    CURLcode code)
{
	if (class == OUTBOUND_BLOCKED)
		return blocked_words;
	if (ex->headers_over)
		return "the headers of the reply have more than 64 KiB";
	if (is_line_over(ex, code))
		return "a header line of the reply is longer than memory is "
		       "given for it";
	return ex->words[0] != '\0' ? ex->words : curl_easy_strerror(code);
}

static void
read_facts(struct outbound_exchange *ex)
{
	struct outbound_result *r = &ex->result;
	char *address = NULL;
	long status = 0;

	curl_easy_getinfo(ex->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(ex->curl, CURLINFO_PRIMARY_IP, &address);
	snprintf(r->address, sizeof(r->address), "%s",
	    address == NULL ? "" : address);
	r->status = (int)status;
}

void
outbound_conclude(struct outbound_exchange *ex, CURLcode code)
{
	struct outbound_result *r = &ex->result;

	if (code == CURLE_WRITE_ERROR && ex->over)
		code = CURLE_OK;
	r->took_us = clock_us() - ex->started_us;
	read_facts(ex);
	if (code == CURLE_OK && r->status > 0) {
		r->class = OUTBOUND_ANSWERED;
		return;
	}
	if (code == CURLE_OK)
		code = CURLE_WEIRD_SERVER_REPLY;
	r->class = classify(ex, code);
	put_words(r, words_for(ex, r->class, code));
	r->status = 0;
	r->retry_after_ms = -1;
}
