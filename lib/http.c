/* http.c: one POST by libcurl. */
#include "lib/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"
#include "lib/version.h"

#define HEADER_MAX (16 * 1024) /* bytes of one header */

#if LIBCURL_VERSION_NUM < 0x075500
#error "libcurl 7.85 is needed: the one before has no CURLOPT_PROTOCOLS_STR"
#endif

struct exchange {
	const struct http_request *request;
	CURL *curl;
	struct curl_slist *headers;
	struct http_reply reply;
	size_t read;
	char words[CURL_ERROR_SIZE]; /* libcurl's own, on failure */
	struct err *err;
};

/* What a failure is to us; all others are ERR_AWAY. */
static const struct {
	CURLcode code;
	enum err_code is;
} failures[] = {
	{ CURLE_UNSUPPORTED_PROTOCOL, ERR_USAGE },
	{ CURLE_URL_MALFORMAT, ERR_USAGE },
	{ CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT },
	{ CURLE_OUT_OF_MEMORY, ERR_NOMEM },
	{ CURLE_SSL_CACERT_BADFILE, ERR_NOTFOUND },
};

static int
fail(struct exchange *ex, CURLcode code)
{
	const char *words =
	    ex->words[0] != '\0' ? ex->words : curl_easy_strerror(code);
	enum err_code is = ERR_AWAY;
	size_t i;

	for (i = 0; i < NITEMS(failures); i++)
		if (failures[i].code == code)
			is = failures[i].is;
	return err_set(
	    ex->err, is, "post to %.200s: %s", ex->request->url, words);
}

/* --- what goes out -------------------------------------------------------- */

static int
add_header(struct exchange *ex, const char *line)
{
	struct curl_slist *grown = curl_slist_append(ex->headers, line);

	if (grown == NULL)
		return err_set(ex->err, ERR_NOMEM, "no memory for a header");
	ex->headers = grown;
	return 0;
}

/* To libcurl "Name:" takes a header away, "Name;" is one without a value. */
static int
add_line(struct exchange *ex, struct span line)
{
	char text[HEADER_MAX];
	size_t colon = span_find(line, ':');

	if (line.len >= sizeof(text))
		return err_set(ex->err, ERR_LIMIT,
		    "a header of %zu bytes, at most %d", line.len, HEADER_MAX);
	snprintf(
	    text, sizeof(text), "%.*s", (int)line.len, (const char *)line.ptr);
	if (colon < line.len && span_trim(span_skip(line, colon + 1)).len == 0)
		snprintf(text + colon, sizeof(text) - colon, ";");
	return add_header(ex, text);
}

static int
add_headers(struct exchange *ex)
{
	struct span rest = ex->request->headers, line;

	for (; rest.len > 0; rest = span_skip(rest, line.len + 1)) {
		line = span_of(rest.ptr, span_find(rest, '\n'));
		if (line.len > 0 && add_line(ex, line) < 0)
			return -1;
		if (line.len == rest.len)
			break;
	}
	/* A body is sent at once; not every server answers an Expect. */
	return add_header(ex, "Expect:");
}

/* --- what comes back ------------------------------------------------------ */

static size_t
take_body(char *ptr, size_t size, size_t n, void *arg)
{
	struct exchange *ex = arg;
	struct buf *body = &ex->reply.body;
	size_t len = size * n, room = HTTP_REPLY_MAX - body->len;

	ex->read += len;
	if (len > room)
		ex->reply.cut = true;
	if (buf_put(body, ptr, len < room ? len : room, ex->err) < 0)
		return 0;
	/* Anything but len ends it; what was read by then is the reply. */
	return ex->read > HTTP_READ_MAX ? 0 : len;
}

static int
read_facts(struct exchange *ex)
{
	char *address = NULL;
	curl_off_t took = 0;
	long status = 0;

	curl_easy_getinfo(ex->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(ex->curl, CURLINFO_TOTAL_TIME_T, &took);
	curl_easy_getinfo(ex->curl, CURLINFO_PRIMARY_IP, &address);
	if (status == 0)
		return err_set(ex->err, ERR_AWAY,
		    "post to %.200s: no status came back", ex->request->url);
	ex->reply.status = (int)status;
	ex->reply.took_us = took;
	snprintf(ex->reply.address, sizeof(ex->reply.address), "%s",
	    address == NULL ? "" : address);
	return 0;
}

/* --- the whole ------------------------------------------------------------ */

/* One that fails leaves the rest undone. */
#define SET(option, value)                                                \
	do {                                                              \
		CURLcode set = curl_easy_setopt(ex->curl, option, value); \
		if (set != CURLE_OK)                                      \
			return fail(ex, set);                             \
	} while (0)

static int
set_options(struct exchange *ex)
{
	const struct http_request *rq = ex->request;
	char agent[64];

	snprintf(agent, sizeof(agent), "eyelet/%s", version_release());
	SET(CURLOPT_ERRORBUFFER, ex->words);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_USERAGENT, agent);
	SET(CURLOPT_URL, rq->url);
	SET(CURLOPT_HTTPHEADER, ex->headers);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDS, rq->body.len == 0 ? "" : rq->body.ptr);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.len);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)rq->connect_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)rq->timeout_ms);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, ex);
	if (rq->ca_file != NULL)
		SET(CURLOPT_CAINFO, rq->ca_file);
	return 0;
}

static int
perform(struct exchange *ex)
{
	CURLcode code = curl_easy_perform(ex->curl);

	if (code == CURLE_WRITE_ERROR && ex->read > HTTP_READ_MAX)
		code = CURLE_OK;
	return code != CURLE_OK ? fail(ex, code) : read_facts(ex);
}

int
http_post(
    const struct http_request *request, struct http_reply *out, struct err *err)
{
	struct exchange ex = { .request = request, .err = err };
	CURLcode code;
	int ret = -1;

	ex.reply.body.max = HTTP_REPLY_MAX;
	if (request->ca_file != NULL && access(request->ca_file, R_OK) < 0)
		return err_set(
		    err, ERR_NOTFOUND, "%s cannot be read", request->ca_file);
	code = curl_global_init(CURL_GLOBAL_DEFAULT); /* counts its calls */
	if (code != CURLE_OK)
		return fail(&ex, code);
	ex.curl = curl_easy_init();
	if (ex.curl == NULL) {
		err_set(err, ERR_NOMEM, "no memory to post");
		goto out;
	}
	if (add_headers(&ex) < 0 || set_options(&ex) < 0 || perform(&ex) < 0)
		goto out;
	*out = ex.reply;
	ex.reply.body = (struct buf)BUF_INIT(0);
	ret = 0;
out:
	http_reply_free(&ex.reply);
	curl_slist_free_all(ex.headers);
	curl_easy_cleanup(ex.curl);
	curl_global_cleanup();
	return ret;
}

void
http_reply_free(struct http_reply *reply)
{
	if (reply != NULL)
		buf_free(&reply->body);
}
