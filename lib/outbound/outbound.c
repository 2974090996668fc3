/* outbound.c: carries many posts at once by libcurl's multi interface. */
#include "lib/outbound/outbound.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/version.h"
#include "lib/outbound/impl.h"

/* --- exchanges ------------------------------------------------------------ */

static struct outbound_exchange *
take_idle(struct outbound *ob, struct err *err)
{
	struct outbound_exchange *ex = ob->idle;

	if (ex != NULL) {
		ob->idle = ex->next;
		return ex;
	}
	ex = calloc(1, sizeof(*ex));
	if (ex == NULL) {
		err_set(err, ERR_NOMEM, "no memory to post");
		return NULL;
	}
	ex->ob = ob;
	ex->lines = (struct buf)BUF_INIT(2 * OUTBOUND_LINES_MAX);
	if (outbound_handle(ex, err) < 0) {
		free(ex);
		return NULL;
	}
	ex->all_next = ob->all;
	ob->all = ex;
	return ex;
}

/* The lines may hold credentials. */
static void
give_back(struct outbound *ob, struct outbound_exchange *ex)
{
	if (ex->lines.len > 0)
		bytes_wipe(ex->lines.ptr, ex->lines.len);
	buf_clear(&ex->lines);
	memset(&ex->rq, 0, sizeof(ex->rq));
	ex->next = ob->idle;
	ob->idle = ex;
}

static void
put_done(struct outbound *ob, struct outbound_exchange *ex)
{
	ex->next = NULL;
	*ob->done_tail = ex;
	ob->done_tail = &ex->next;
}

static void
free_exchange(struct outbound *ob, struct outbound_exchange *ex)
{
	curl_multi_remove_handle(ob->multi, ex->curl); /* if it is in there */
	curl_easy_cleanup(ex->curl);
	buf_wipe(&ex->lines);
	free(ex->nodes);
	free(ex);
}

/* All that an attempt leaves behind. */
static void
begin(struct outbound_exchange *ex)
{
	struct outbound_result *r = &ex->result;

	ex->read = ex->headers = 0;
	ex->over = ex->headers_over = false;
	ex->blocked = ex->no_socket = ex->opened = false;
	ex->sent = ex->on_own = ex->kept_denied = false;
	ex->words[0] = '\0';
	r->arg = ex->rq.arg;
	r->status = 0;
	r->took_us = 0;
	r->retry_after_ms = -1;
	r->address[0] = r->words[0] = '\0';
	r->excerpt_len = 0;
	r->cut = false;
}

/*
 * libcurl counts connections in use, too: with the number as it is, those
 * that hang would cost the others theirs.
 */
static void
fit_kept(struct outbound *ob)
{
	curl_multi_setopt(ob->multi, CURLMOPT_MAXCONNECTS,
	    (long)(ob->connections + ob->busy));
}

void
outbound_keep(struct outbound *ob, size_t connections)
{
	ob->connections = connections;
	fit_kept(ob);
}

/* --- starting ------------------------------------------------------------- */

static bool
is_http(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0 ||
	       strncasecmp(url, "https://", 8) == 0;
}

/* libcurl takes it, or it ends at once. ERR_NOMEM. */
static int
launch(struct outbound *ob, struct outbound_exchange *ex, struct err *err)
{
	struct curl_slist *lines = NULL;
	CURLcode code;
	bool good;

	ex->started_us = clock_us();
	if (outbound_lines(ex, &good, &lines, err) < 0)
		return -1;
	if (good && !is_http(ex->rq.url)) {
		outbound_refuse(
		    ex, OUTBOUND_USAGE, "the URL must begin with https://");
		good = false;
	}
	if (!good) {
		put_done(ob, ex);
		return 0;
	}
	code = outbound_options(ex, lines);
	if (code == CURLE_OUT_OF_MEMORY ||
	    (code == CURLE_OK &&
		curl_multi_add_handle(ob->multi, ex->curl) != CURLM_OK))
		return err_set(err, ERR_NOMEM, "no memory to post");
	if (code != CURLE_OK) {
		outbound_refuse(ex, OUTBOUND_USAGE, curl_easy_strerror(code));
		put_done(ob, ex);
	}
	return 0;
}

int
outbound_start(
    struct outbound *ob, const struct outbound_request *rq, struct err *err)
{
	struct outbound_exchange *ex = take_idle(ob, err);

	if (ex == NULL)
		return -1;
	ex->rq = *rq;
	ex->fresh = false;
	begin(ex);
	if (launch(ob, ex, err) < 0) {
		give_back(ob, ex);
		return -1;
	}
	ob->busy++;
	fit_kept(ob);
	return 0;
}

size_t
outbound_busy(const struct outbound *ob)
{
	return ob->busy;
}

/* --- ending --------------------------------------------------------------- */

/*
 * Not a byte came back, and the connection was another's first: it may have
 * been about to end. libcurl tries again by itself, but with many streams to
 * a connection it can meet dying ones until it gives up.
 */
static bool
was_lost(const struct outbound_exchange *ex, CURLcode code)
{
	return ex->sent && !ex->on_own && ex->headers == 0 &&
	       (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ||
		   code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM);
}

/*
 * Once more, on a connection of its own, in what is left of the time: a kept
 * one that this request may not use was closed, or it was lost with one. The
 * new one is judged as it is opened.
 */
static bool
again(struct outbound *ob, struct outbound_exchange *ex, CURLcode code)
{
	int64_t left_ms =
	    ex->rq.timeout_ms - (clock_us() - ex->started_us) / 1000;

	if (ex->fresh || left_ms <= 0 ||
	    !(ex->kept_denied || was_lost(ex, code)))
		return false;
	ex->fresh = true;
	begin(ex);
	return curl_easy_setopt(ex->curl, CURLOPT_FRESH_CONNECT, 1L) ==
		   CURLE_OK &&
	       curl_easy_setopt(ex->curl, CURLOPT_TIMEOUT_MS, (long)left_ms) ==
		   CURLE_OK &&
	       curl_multi_add_handle(ob->multi, ex->curl) == CURLM_OK;
}

/* Takes what libcurl has ended to those that are done. */
static void
collect(struct outbound *ob)
{
	struct outbound_exchange *ex;
	CURLMsg *msg;
	CURLcode code;
	char *private;
	int left;

	while ((msg = curl_multi_info_read(ob->multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		code = msg->data.result; /* gone once the handle is removed */
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
		ex = (struct outbound_exchange *)(void *)private;
		curl_multi_remove_handle(ob->multi, ex->curl);
		if (again(ob, ex, code))
			continue;
		outbound_conclude(ex, code);
		put_done(ob, ex);
	}
}

int
outbound_poll(struct outbound *ob, struct pollfd *fds, size_t nfds,
    int timeout_ms, struct err *err)
{
	if (outbound_watch_wait(ob, fds, nfds, timeout_ms, err) < 0)
		return -1;
	collect(ob);
	return 0;
}

bool
outbound_next(struct outbound *ob, struct outbound_result *out)
{
	struct outbound_exchange *ex = ob->done;

	if (ex == NULL)
		return false;
	ob->done = ex->next;
	if (ob->done == NULL)
		ob->done_tail = &ob->done;
	*out = ex->result;
	ob->busy--;
	fit_kept(ob);
	give_back(ob, ex);
	return true;
}

/* --- the whole ------------------------------------------------------------ */

int
outbound_open(size_t connections, struct outbound **out, struct err *err)
{
	struct outbound *ob = calloc(1, sizeof(*ob));
	const curl_version_info_data *info;
	int ret = -1;

	if (ob == NULL)
		return err_set(err, ERR_NOMEM, "no memory to post");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(ob);
		return err_set(err, ERR_NOMEM, "libcurl does not start");
	}
	ob->connections = connections;
	ob->done_tail = &ob->done;
	info = curl_version_info(CURLVERSION_NOW);
	ob->system_ca = info->cainfo;
	ob->system_ca_folder = info->capath;
	snprintf(ob->agent, sizeof(ob->agent), "eyelet/%s", version_release());
	ob->epoll_fd = ob->wake_fd = -1;
	ob->multi = curl_multi_init();
	if (ob->multi == NULL) {
		err_set(err, ERR_NOMEM, "no memory to post");
		goto out;
	}
	if (outbound_watch_open(ob, err) < 0)
		goto out;
	*out = ob;
	ob = NULL;
	ret = 0;
out:
	outbound_close(ob);
	return ret;
}

void
outbound_close(struct outbound *ob)
{
	struct outbound_exchange *ex, *next;

	if (ob == NULL)
		return;
	for (ex = ob->all; ex != NULL; ex = next) {
		next = ex->all_next;
		free_exchange(ob, ex);
	}
	curl_multi_cleanup(ob->multi);
	outbound_watch_end(ob);
	free(ob->polls);
	free(ob);
	curl_global_cleanup(); /* counts its calls */
}
