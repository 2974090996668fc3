/* destination_post.c: a test event as a request. */
#include <stdio.h>
#include <string.h>

#include "admin/destination_test.h"
#include "lib/outbound/outbound.h"

static const char *
text_of(const struct destination_trial *t, const char *member)
{
	return json_text(json_get(t->row, member));
}

static void
judge(const struct outbound_result *res, struct destination_outcome *out)
{
	bool answered = res->class == OUTBOUND_ANSWERED;

	_Static_assert(TEST_REPLY_MAX >= OUTBOUND_EXCERPT_MAX, "no room");
	out->taken = answered && res->status >= 200 && res->status < 300;
	out->how = outbound_word(res->class);
	out->status = answered ? res->status : -1;
	out->took_us = res->took_us;
	snprintf(out->address, sizeof(out->address), "%s", res->address);
	if (!answered)
		snprintf(out->words, sizeof(out->words), "%s", res->words);
	else if (res->status / 100 == 3)
		snprintf(out->words, sizeof(out->words),
		    "redirects are not followed");
	out->reply_len = res->excerpt_len;
	memcpy(out->reply, res->excerpt, res->excerpt_len);
	out->cut = res->cut;
}

int
destination_post(const struct destination_trial *t,
    struct destination_outcome *out, struct err *err)
{
	const char *net = text_of(t, "allow_net");
	struct address_list *allow = NULL;
	struct outbound *ob = NULL;
	struct outbound_result res;
	struct outbound_request rq = { .url = text_of(t, "url"),
		.headers = buf_span(&t->headers),
		.body = buf_span(&t->body),
		.connect_ms = OUTBOUND_CONNECT_MS,
		.timeout_ms = t->timeout_ms,
		.ca_file = text_of(t, "ca"),
		.client_cert = text_of(t, "client_cert"),
		.client_key = text_of(t, "client_key"),
		.proxy = text_of(t, "proxy"),
		.guarded = true };
	int ret = -1;

	if (rq.connect_ms > rq.timeout_ms)
		rq.connect_ms = rq.timeout_ms;
	if (net != NULL && address_list_parse(span_str(net), &allow, err) < 0)
		goto out;
	rq.allow = allow;
	if (outbound_open(1, &ob, err) < 0 || outbound_start(ob, &rq, err) < 0)
		goto out;
	while (!outbound_next(ob, &res))
		if (outbound_poll(ob, NULL, 0, -1, err) < 0)
			goto out;
	judge(&res, out);
	ret = 0;
out:
	outbound_close(ob);
	address_list_free(allow);
	return ret;
}
