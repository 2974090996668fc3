/* options.c: what libcurl is told of a request. */
#include "lib/outbound/impl.h"

#define CA_CACHE_S 60 /* a file of authorities is read again after */
#define CONNECTION_LIFE_S 600 /* then names and certificates count anew */

/* One that fails leaves the rest undone. */
#define SET(option, value)                                                \
	do {                                                              \
		CURLcode set = curl_easy_setopt(ex->curl, option, value); \
		if (set != CURLE_OK)                                      \
			return set;                                       \
	} while (0)

/* What nobody may talk us into. */
static CURLcode
set_walls(struct outbound_exchange *ex)
{
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_NOPROXY, ""); /* nor of the environment */
	SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* Without one OpenSSL would ask the terminal. */
	SET(CURLOPT_KEYPASSWD, "");
	SET(CURLOPT_OPENSOCKETFUNCTION, outbound_socket);
	SET(CURLOPT_OPENSOCKETDATA, ex);
	SET(CURLOPT_CLOSESOCKETFUNCTION, outbound_watch_close);
	SET(CURLOPT_CLOSESOCKETDATA, ex->ob);
	SET(CURLOPT_PREREQFUNCTION, outbound_before);
	SET(CURLOPT_PREREQDATA, ex);
	return CURLE_OK;
}

static CURLcode
set_ways(struct outbound_exchange *ex)
{
	SET(CURLOPT_PRIVATE, ex);
	SET(CURLOPT_ERRORBUFFER, ex->words);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* Else the end of a request waits for its resolver's thread. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_USERAGENT, ex->ob->agent);
	SET(CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_S);
	SET(CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_LIFE_S);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_HEADERFUNCTION, outbound_take_header);
	SET(CURLOPT_HEADERDATA, ex);
	SET(CURLOPT_WRITEFUNCTION, outbound_take_body);
	SET(CURLOPT_WRITEDATA, ex);
	return CURLE_OK;
}

int
outbound_handle(struct outbound_exchange *ex, struct err *err)
{
	CURLcode code;

	ex->curl = curl_easy_init();
	if (ex->curl == NULL)
		return err_set(err, ERR_NOMEM, "no memory to post");
	code = set_walls(ex);
	if (code == CURLE_OK)
		code = set_ways(ex);
	if (code == CURLE_OK)
		return 0;
	curl_easy_cleanup(ex->curl);
	ex->curl = NULL;
	return err_set(
	    err, ERR_NOMEM, "set up a post: %s", curl_easy_strerror(code));
}

/* libcurl goes by these to tell which kept connections are the same. */
static CURLcode
set_tls(struct outbound_exchange *ex)
{
	const struct outbound_request *rq = &ex->rq;
	const struct outbound *ob = ex->ob;

	SET(CURLOPT_CAINFO, rq->ca_file != NULL ? rq->ca_file : ob->system_ca);
	SET(CURLOPT_CAPATH, rq->ca_file != NULL ? NULL : ob->system_ca_folder);
	SET(CURLOPT_SSLCERT, rq->client_cert);
	SET(CURLOPT_SSLKEY, rq->client_key);
	return CURLE_OK;
}

CURLcode
outbound_options(struct outbound_exchange *ex, struct curl_slist *headers)
{
	const struct outbound_request *rq = &ex->rq;
	CURLcode code = set_tls(ex);

	if (code != CURLE_OK)
		return code;
	SET(CURLOPT_PROXY, rq->proxy != NULL ? rq->proxy : "");
	SET(CURLOPT_URL, rq->url);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_POSTFIELDS, rq->body.len == 0 ? "" : rq->body.ptr);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.len);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)rq->connect_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)rq->timeout_ms);
	SET(CURLOPT_FRESH_CONNECT, ex->fresh ? 1L : 0L);
	return CURLE_OK;
}
