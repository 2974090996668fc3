/*
 * fuzz_frame.c: libFuzzer feeds bytes as a peer of the owner, or an owner,
 * might send them. Whatever decodes, and is put again, decodes to the same;
 * what is read lies within the bytes.
 */
#include "lib/owner/frame.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/owner/feed_impl.h"

/* A promise of frame.h is broken: libFuzzer keeps the input. */
static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
must_lie_in(struct span inner, struct span outer)
{
	const unsigned char *i = inner.ptr, *o = outer.ptr;

	must(inner.len == 0 || (i >= o && inner.len <= outer.len &&
				   (size_t)(i - o) <= outer.len - inner.len));
}

static void
try_request(struct span content)
{
	struct header headers[REQUEST_HEADERS_MAX];
	unsigned char id[STORE_REQUEST_ID];
	struct buf out = BUF_INIT(FRAME_MAX);
	struct request rq;
	struct err err;
	size_t i;

	if (frame_get_request(content, &rq, headers, id, &err) < 0)
		return;
	must_lie_in(rq.method, content);
	must_lie_in(rq.path, content);
	must_lie_in(rq.query, content);
	must_lie_in(rq.peer, content);
	must_lie_in(rq.body, content);
	for (i = 0; i < rq.nheaders; i++) {
		must_lie_in(rq.headers[i].name, content);
		must_lie_in(rq.headers[i].value, content);
	}
	must(frame_put_request(&rq, id, &out, &err) == 0);
	must(span_eq(buf_span(&out), content));
	buf_free(&out);
}

static void
try_reply(struct span content)
{
	struct receive_reply reply, again;
	struct buf out = BUF_INIT(FRAME_MAX);
	struct err err;

	if (frame_get_reply(content, &reply, &err) < 0)
		return;
	must_lie_in(span_str(reply.content_type), content);
	must_lie_in(span_str(reply.allow), content);
	must(reply.body_len <= sizeof(reply.body));
	must(memchr(reply.log, '\0', sizeof(reply.log)) != NULL);
	must(frame_put_reply(&reply, &out, &err) == 0);
	must(frame_get_reply(buf_span(&out), &again, &err) == 0);
	must(again.status == reply.status &&
	     again.retry_after_s == reply.retry_after_s);
	buf_free(&out);
}

static void
try_texts(struct span content)
{
	struct frame_greeting greeting, again;
	struct err verdict, same, err;
	struct buf out = BUF_INIT(2 * FRAME_TEXT_MAX);

	if (frame_get_greeting(content, &greeting, &err) == 0) {
		must(frame_put_greeting(&greeting, &out, &err) == 0);
		must(frame_get_greeting(buf_span(&out), &again, &err) == 0);
		must(memcmp(&greeting, &again, sizeof(again)) == 0);
	}
	buf_clear(&out);
	if (frame_get_verdict(content, &verdict, &err) == 0) {
		must(frame_put_verdict(&verdict, &out, &err) == 0);
		must(frame_get_verdict(buf_span(&out), &same, &err) == 0);
		must(same.code == verdict.code);
		must(strcmp(same.text, verdict.text) == 0);
	}
	buf_free(&out);
}

/* A call of the deliverer's; put again it is the same bytes. */
static void
try_feed(struct span content)
{
	struct feed_got got = FEED_GOT_INIT;
	struct buf out = BUF_INIT(FRAME_MAX);
	struct err err;

	if (feed_get_call(content, &got, &err) == 0) {
		must(feed_put_call(&got.call, &out, &err) == 0);
		must(span_eq(buf_span(&out), content));
	}
	feed_got_free(&got);
	buf_free(&out);
}

static int
see_destination(void *arg, const struct feed_destination *d, struct err *err)
{
	const struct span *all = arg;
	size_t i;

	(void)err;
	must_lie_in(d->name, *all);
	must_lie_in(d->doc, *all);
	for (i = 0; i < d->nsecrets; i++)
		must_lie_in(d->secrets[i].text, *all);
	return 0;
}

static int
see_endpoint(void *arg, const struct feed_endpoint *e, struct err *err)
{
	(void)err;
	must_lie_in(e->name, *(const struct span *)arg);
	return 0;
}

static int
see_row(void *arg, const struct store_delivery *d, struct err *err)
{
	const struct span *all = arg;

	(void)err;
	must_lie_in(d->words, *all);
	must_lie_in(d->excerpt, *all);
	must_lie_in(d->key, *all);
	return 0;
}

static int
see_event(void *arg, const struct event *ev, struct err *err)
{
	const struct span *all = arg;

	(void)err;
	must_lie_in(ev->id, *all);
	must_lie_in(ev->headers, *all);
	must_lie_in(ev->body, *all);
	return 0;
}

/* Answers to the deliverer: whoever sees one is never told of a fault. */
static void
try_fed(struct span content)
{
	struct feed_told told;
	uint64_t number;
	struct err err;

	(void)feed_get_told(content, &told, &err);
	(void)feed_get_settings(
	    content, &number, see_destination, see_endpoint, &content, &err);
	(void)feed_get_rows(content, &number, see_row, &content, &err);
	(void)feed_get_events(content, &number, see_event, &content, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct frame f;
	struct err err;
	size_t used, total;

	/* As a stream of frames, as far as they go. */
	while (frame_decode(in, &f, &used, &err) == 0 && used > 0) {
		must(frame_total(in, &total, &err) == 0 && total == used);
		must_lie_in(f.content, in);
		must(f.content.len == used - FRAME_HEAD);
		try_request(f.content);
		try_reply(f.content);
		try_texts(f.content);
		try_feed(f.content);
		try_fed(f.content);
		in = span_skip(in, used);
	}
	/* And as content, so that no length has to be guessed first. */
	in = span_of(data, size);
	try_request(in);
	try_reply(in);
	try_texts(in);
	try_feed(in);
	try_fed(in);
	return 0;
}
