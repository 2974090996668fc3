/* http.c: an event as a signed request, and what was answered. */
#include "lib/deliver/transport.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/version.h"
#include "lib/deliver/words.h"

#define ID_ROOM 32

/* --- headers -------------------------------------------------------------- */

/* The next "name: value" line. */
static bool
next_line(struct span *lines, struct span *name, struct span *value)
{
	size_t end = span_find(*lines, '\n'), colon;
	struct span line = span_of(lines->ptr, end);

	if (lines->len == 0)
		return false;
	*lines = span_skip(*lines, end < lines->len ? end + 1 : end);
	colon = span_find(line, ':');
	*name = span_of(line.ptr, colon);
	*value =
	    span_trim(span_skip(line, colon < line.len ? colon + 1 : colon));
	return true;
}

static bool
has_line(const struct buf *lines, struct span want)
{
	struct span rest = buf_span(lines), name, value;

	while (next_line(&rest, &name, &value))
		if (span_eq_nocase(name, want))
			return true;
	return false;
}

/* Foreign bytes as a header's value: what could end it is left out. */
static bool
is_value(struct span s)
{
	const unsigned char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
			return false;
	return s.len > 0;
}

static int
put_line(struct buf *out, struct span name, struct span value, struct err *err)
{
	if (buf_put_span(out, name, err) < 0 || buf_puts(out, ": ", err) < 0 ||
	    buf_put_span(out, value, err) < 0)
		return -1;
	return buf_putc(out, '\n', err);
}

static int
put_ours(const struct deliver_send *se, const char *endpoint, struct buf *out,
    struct err *err)
{
	const struct event *ev = &se->event->event;

	if (is_value(ev->content_type) &&
	    put_line(out, span_str("Content-Type"), ev->content_type, err) < 0)
		return -1;
	if (is_value(event_coding(ev)) &&
	    put_line(out, span_str("Content-Encoding"), event_coding(ev), err) <
		0)
		return -1;
	if (buf_printf(out, err,
		"User-Agent: eyelet/%s\nEyelet-Attempt: %u\n"
		"Eyelet-Seq: %llu\n",
		version_release(), se->start.attempt,
		(unsigned long long)ev->seq) < 0)
		return -1;
	return endpoint == NULL ? 0
				: put_line(out, span_str("Eyelet-Endpoint"),
				      span_str(endpoint), err);
}

static bool
is_forwarded(const struct destination *set, struct span name)
{
	size_t i;

	for (i = 0; i < set->nforward; i++)
		if (span_is_nocase(name, set->forward[i]))
			return true;
	return false;
}

/* What the operator wants beside; nothing of it replaces what is there. */
static int
put_others(const struct deliver_send *se, struct buf *out, struct err *err)
{
	const struct destination *set = &se->config->settings;
	struct span rest = se->event->event.headers, name, value;
	size_t i;

	for (i = 0; i < set->nheaders; i++) {
		name = span_str(set->headers[i].name);
		if (!has_line(out, name) &&
		    put_line(out, name, span_str(set->headers[i].value), err) <
			0)
			return -1;
	}
	if (set->auth != NULL && put_line(out, span_str("Authorization"),
				     span_str(set->auth), err) < 0)
		return -1;
	while (set->nforward > 0 && next_line(&rest, &name, &value))
		if (is_forwarded(set, name) && is_value(value) &&
		    !has_line(out, name) && put_line(out, name, value, err) < 0)
			return -1;
	return 0;
}

/* --- signing -------------------------------------------------------------- */

/* On failure, end has the verdict. */
static int
sign(struct deliver_send *se, struct buf *out, struct schedule_end *end,
    struct err *err)
{
	const struct deliver_config *cf = se->config;
	const struct event *ev = &se->event->event;
	const struct sign_key *chosen[FEED_SECRETS_MAX];
	struct scheme_key *keys[FEED_SECRETS_MAX];
	struct sign_input in = { .type = ev->type,
		.body = ev->body,
		.coding = event_coding(ev),
		.method = span_str("POST"),
		.url = cf->settings.url,
		.now_ms = se->at_ms };
	char room[ID_ROOM];
	size_t i, n;

	if (cf->scheme == NULL)
		return 0;
	in.id = deliver_event_id(ev, room);
	n = sign_choose(cf->scheme, cf->keys, cf->nkeys, se->at_ms, chosen);
	for (i = 0; i < n; i++)
		keys[i] = chosen[i]->key;
	if (n == 0) {
		end->verdict = SCHEDULE_FAULT;
		return err_set(err, ERR_USAGE, "its last secret has ended");
	}
	if (sign_headers(cf->scheme, keys, n, &in, out, err) == 0)
		return 0;
	/* What this event lacks no later attempt will bring. */
	if (err->code == ERR_USAGE || err->code == ERR_INPUT ||
	    err->code == ERR_LIMIT) {
		end->verdict = SCHEDULE_REFUSED;
		end->reason = DELIVERY_UNSIGNABLE;
	} else {
		end->verdict = SCHEDULE_FAULT;
	}
	return -1;
}

static int
make_headers(struct deliver_send *se, const char *endpoint,
    struct schedule_end *end, struct err *err)
{
	/* The signature first: nothing that follows replaces it. */
	if (sign(se, &se->headers, end, err) < 0)
		return -1;
	end->verdict = SCHEDULE_FAULT;
	if (put_ours(se, endpoint, &se->headers, err) < 0 ||
	    put_others(se, &se->headers, err) < 0)
		return -1;
	return 0;
}

/* --- requests ------------------------------------------------------------- */

bool
deliver_http_start(struct outbound *ob, struct deliver_send *se,
    const char *endpoint, char words[DELIVERY_WORDS_MAX],
    struct schedule_end *end)
{
	const struct destination *set = &se->config->settings;
	struct outbound_request rq = { .url = set->url,
		.body = se->event->event.body,
		.timeout_ms = se->config->timeout_ms,
		.ca_file = set->ca,
		.client_cert = set->client_cert,
		.client_key = set->client_key,
		.proxy = set->proxy,
		.guarded = true,
		.allow = se->config->allow,
		.pool = se->config->pool,
		.arg = se };
	struct err why = ERR_INIT;

	rq.connect_ms = rq.timeout_ms < OUTBOUND_CONNECT_MS
			    ? rq.timeout_ms
			    : OUTBOUND_CONNECT_MS;
	if (make_headers(se, endpoint, end, &why) < 0)
		goto not_sent;
	rq.headers = buf_span(&se->headers);
	if (outbound_start(ob, &rq, &why) == 0)
		return true;
	end->verdict = SCHEDULE_FAULT;
not_sent:
	end->words = deliver_words(words, NULL, why.text);
	return false;
}

/* --- answers -------------------------------------------------------------- */

static void
judge_status(const struct outbound_result *res, struct schedule_end *end,
    char *words, size_t size)
{
	end->status = res->status;
	end->verdict = SCHEDULE_FAILED;
	if (res->status >= 200 && res->status < 300) {
		end->verdict = SCHEDULE_DELIVERED;
		return;
	}
	if (res->status == 410)
		end->verdict = SCHEDULE_GONE;
	if (res->status == 429 || res->status == 503)
		end->retry_after_ms = res->retry_after_ms;
	snprintf(words, size, "it answered %d%s", res->status,
	    res->status / 100 == 3 ? ", and redirects are not followed" : "");
	end->words = span_str(words);
}

void
deliver_http_judge(const struct outbound_result *res,
    char words[DELIVERY_WORDS_MAX], struct schedule_end *end)
{
	memset(end, 0, sizeof(*end));
	end->took_us = res->took_us;
	end->retry_after_ms = -1;
	end->excerpt = span_of(res->excerpt, res->excerpt_len);
	if (res->class == OUTBOUND_ANSWERED) {
		judge_status(res, end, words, DELIVERY_WORDS_MAX);
		return;
	}
	end->verdict =
	    res->class == OUTBOUND_FAULT ? SCHEDULE_FAULT : SCHEDULE_FAILED;
	end->words =
	    deliver_words(words, outbound_word(res->class), res->words);
}
