/*
 * test_frame.c: what the owner's socket carries comes out as it went in, and
 * whatever else comes in is refused without a byte read outside it. Inputs
 * stand in memory of exactly their size, so AddressSanitizer sees such a read.
 */
#include "lib/owner/frame.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

static const unsigned char id_of_all[STORE_REQUEST_ID] = "0123456789abcde";

static const struct header two_headers[] = {
	{ { "content-type", 12 }, { "application/json", 16 } },
	{ { "x-sig", 5 }, { "", 0 } },
};

static struct request
a_request(void)
{
	struct request rq = { 0 };

	rq.method = span_str("POST");
	rq.path = span_str("/hooks/nomos");
	rq.query = span_str("a=1");
	rq.peer = span_str("192.0.2.7");
	rq.https = true;
	rq.headers = two_headers;
	rq.nheaders = NITEMS(two_headers);
	rq.content_length = 5;
	rq.body = span_of("\0\xff{}\n", 5);
	rq.now_ms = 1700000000000;
	return rq;
}

#define HEADERS "X-A: 1\r\nB: two\r\n"

static struct receive_reply
a_reply(void)
{
	struct receive_reply reply = { 0 };

	reply.status = 405;
	reply.content_type = "application/json";
	reply.allow = "POST";
	reply.retry_after_s = 30;
	reply.close = true;
	reply.body_len = 4;
	memcpy(reply.body, "{\0}\n", 4);
	reply.headers_len = strlen(HEADERS);
	memcpy(reply.headers, HEADERS, reply.headers_len);
	strcpy(reply.log, "status=405 endpoint=nomos");
	return reply;
}

static const struct frame_greeting a_greeting = { "0.1.0", "9f8e7d6", "admin",
	"eyelet-store", 4711, 123456789, true, 1000 };

/* Puts a whole frame of each kind that has a content of its own. */
static void
put_sample(enum frame_type type, struct buf *out)
{
	struct request rq = a_request();
	struct receive_reply reply = a_reply();
	struct err verdict, err;
	size_t at;
	int ret = 0;

	err_set(&verdict, ERR_NOTFOUND, "there is no endpoint \"x\"");
	ck_assert_int_eq(frame_begin(type, out, &at, &err), 0);
	if (type == FRAME_REQUEST)
		ret = frame_put_request(&rq, id_of_all, out, &err);
	else if (type == FRAME_REPLY)
		ret = frame_put_reply(&reply, out, &err);
	else if (type == FRAME_HELLO || type == FRAME_WELCOME)
		ret = frame_put_greeting(&a_greeting, out, &err);
	else if (type == FRAME_END || type == FRAME_BUSY)
		ret = frame_put_verdict(&verdict, out, &err);
	else if (type == FRAME_CALL || type == FRAME_ROW)
		ret = buf_puts(out, "{\"op\":\"status\"}", &err);
	ck_assert_int_eq(ret, 0);
	ck_assert_int_eq(frame_finish(out, at, &err), 0);
}

static bool
lies_in(struct span inner, struct span outer)
{
	const unsigned char *i = inner.ptr, *o = outer.ptr;

	return inner.len == 0 || (i >= o && i + inner.len <= o + outer.len);
}

/* Reads a content as its type says; what comes out must lie in it. */
static void
read_content(const struct frame *f)
{
	struct header headers[REQUEST_HEADERS_MAX];
	unsigned char id[STORE_REQUEST_ID];
	struct frame_greeting greeting;
	struct receive_reply reply;
	struct err verdict, err = ERR_INIT;
	struct request rq;
	size_t i;

	if (frame_get_request(f->content, &rq, headers, id, &err) == 0) {
		ck_assert(lies_in(rq.method, f->content));
		ck_assert(lies_in(rq.path, f->content));
		ck_assert(lies_in(rq.query, f->content));
		ck_assert(lies_in(rq.peer, f->content));
		ck_assert(lies_in(rq.body, f->content));
		ck_assert_uint_le(rq.nheaders, REQUEST_HEADERS_MAX);
		for (i = 0; i < rq.nheaders; i++) {
			ck_assert(lies_in(rq.headers[i].name, f->content));
			ck_assert(lies_in(rq.headers[i].value, f->content));
		}
	} else {
		ck_assert_int_eq(err.code, ERR_INPUT);
	}
	if (frame_get_reply(f->content, &reply, &err) == 0) {
		ck_assert_uint_le(reply.body_len, sizeof(reply.body));
		ck_assert_uint_lt(strlen(reply.log), sizeof(reply.log));
		ck_assert(lies_in(span_str(reply.content_type), f->content));
		ck_assert(lies_in(span_str(reply.allow), f->content));
	} else {
		ck_assert_int_eq(err.code, ERR_INPUT);
	}
	if (frame_get_greeting(f->content, &greeting, &err) == 0)
		ck_assert_uint_lt(
		    strlen(greeting.program), sizeof(greeting.program));
	else
		ck_assert_int_eq(err.code, ERR_INPUT);
	if (frame_get_verdict(f->content, &verdict, &err) == 0)
		ck_assert_uint_lt(strlen(verdict.text), sizeof(verdict.text));
	else
		ck_assert_int_eq(err.code, ERR_INPUT);
}

/* Decodes bytes that stand in memory of exactly their size. */
static int
decode_exactly(
    const unsigned char *bytes, size_t len, size_t *used, struct err *err)
{
	unsigned char *copy = malloc(len == 0 ? 1 : len);
	struct frame f;
	int ret;

	ck_assert_ptr_nonnull(copy);
	if (len > 0)
		memcpy(copy, bytes, len);
	ret = frame_decode(span_of(copy, len), &f, used, err);
	if (ret == 0 && *used > 0) {
		ck_assert_uint_le(*used, len);
		ck_assert(lies_in(f.content, span_of(copy, len)));
		read_content(&f);
	}
	free(copy);
	return ret;
}

static const enum frame_type all_types[] = { FRAME_HELLO, FRAME_WELCOME,
	FRAME_PING, FRAME_PONG, FRAME_REQUEST, FRAME_REPLY, FRAME_CALL,
	FRAME_ROW, FRAME_END, FRAME_LEAVE, FRAME_BUSY, FRAME_FEED, FRAME_FED };

START_TEST(every_frame_comes_back_and_no_part_of_it_does)
{
	struct buf out = BUF_INIT(65536);
	struct err err = ERR_INIT;
	struct frame f;
	size_t used, len;

	put_sample(all_types[_i], &out);
	ck_assert_int_eq(frame_decode(buf_span(&out), &f, &used, &err), 0);
	ck_assert_uint_eq(used, out.len);
	ck_assert_int_eq(f.type, all_types[_i]);
	ck_assert_uint_eq(f.content.len, out.len - FRAME_HEAD);
	for (len = 0; len < out.len; len++) {
		used = 99;
		ck_assert_int_eq(decode_exactly(out.ptr, len, &used, &err), 0);
		ck_assert_uint_eq(used, 0);
	}
	/* A next frame behind it is left alone. */
	ck_assert_int_eq(buf_put(&out, "\0\0\0\2", 4, &err), 0);
	ck_assert_int_eq(decode_exactly(out.ptr, out.len, &used, &err), 0);
	ck_assert_uint_eq(used, out.len - 4);
	buf_free(&out);
}
END_TEST

START_TEST(a_changed_bit_is_never_read_outside)
{
	struct buf out = BUF_INIT(65536);
	struct err err = ERR_INIT;
	size_t bit, used;

	put_sample(all_types[_i], &out);
	for (bit = 0; bit < out.len * 8; bit++) {
		out.ptr[bit / 8] ^= (unsigned char)(1u << bit % 8);
		decode_exactly(out.ptr, out.len, &used, &err);
		out.ptr[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	buf_free(&out);
}
END_TEST

/* Each truncation of a content, in a frame whose length is right again. */
START_TEST(a_cut_content_is_refused)
{
	struct buf out = BUF_INIT(65536), cut = BUF_INIT(65536);
	struct header headers[REQUEST_HEADERS_MAX];
	unsigned char id[STORE_REQUEST_ID];
	struct err err = ERR_INIT;
	struct receive_reply reply;
	struct request rq;
	size_t used, len;
	struct frame f;

	put_sample(all_types[_i], &out);
	for (len = 0; len < out.len - FRAME_HEAD; len++) {
		buf_clear(&cut);
		ck_assert_int_eq(
		    frame_encode(all_types[_i],
			span_of(out.ptr + FRAME_HEAD, len), &cut, &err),
		    0);
		ck_assert_int_eq(
		    decode_exactly(cut.ptr, cut.len, &used, &err), 0);
		ck_assert_uint_eq(used, cut.len);
		frame_decode(buf_span(&cut), &f, &used, &err);
		if (f.type == FRAME_REQUEST)
			ck_assert_int_eq(frame_get_request(
					     f.content, &rq, headers, id, &err),
			    -1);
		if (f.type == FRAME_REPLY)
			ck_assert_int_eq(
			    frame_get_reply(f.content, &reply, &err), -1);
	}
	buf_free(&out);
	buf_free(&cut);
}
END_TEST

#define OK ERR_NONE

/* Heads alone: what is said of them, and how long the frame is (0: unknown). */
static const struct {
	const char *when, *bytes;
	size_t len;
	enum err_code want;
	size_t total;
} heads[] = {
	{ "nothing", "", 0, OK, 0 },
	{ "half a length", "\0\0\0", 3, OK, 0 },
	{ "length 0", "\0\0\0\0", 4, ERR_INPUT, 0 },
	{ "length 1", "\0\0\0\1", 4, ERR_INPUT, 0 },
	{ "length 2, no more yet", "\0\0\0\2", 4, OK, 0 },
	{ "an empty ping", "\0\0\0\2\1\3", 6, OK, 6 },
	{ "a ping with content", "\0\0\0\3\1\3", 6, ERR_INPUT, 0 },
	{ "the longest call", "\3\0\0\0\1\7", 6, OK, FRAME_MAX + 4 },
	{ "one byte above", "\3\0\0\1\1\7", 6, ERR_INPUT, 0 },
	{ "refused by length alone", "\3\0\0\1", 4, ERR_INPUT, 0 },
	{ "the longest length", "\xff\xff\xff\xff\1\7", 6, ERR_INPUT, 0 },
	{ "the longest hello", "\0\0\4\2\1\1", 6, OK, 1030 },
	{ "a hello above", "\0\0\4\3\1\1", 6, ERR_INPUT, 0 },
	{ "type 0", "\0\0\0\2\1\0", 6, ERR_INPUT, 0 },
	{ "an unknown type", "\0\0\0\2\1\17", 6, ERR_INPUT, 0 },
	{ "type 255", "\0\0\0\2\1\xff", 6, ERR_INPUT, 0 },
	{ "the longest feed", "\3\0\0\0\1\14", 6, OK, FRAME_MAX + 4 },
	{ "the longest question", "\3\0\0\0\1\16", 6, OK, FRAME_MAX + 4 },
	{ "a feed of a later version", "\0\0\0\2\2\14", 6, ERR_VERSION, 0 },
	{ "an HTTP client", "GET / HTTP", 10, ERR_INPUT, 0 },
	{ "a call of a later version", "\0\0\0\2\2\7", 6, ERR_VERSION, 0 },
	{ "a type of a later version", "\0\0\0\2\2\17", 6, ERR_VERSION, 0 },
	{ "version 0", "\0\0\0\2\0\7", 6, ERR_VERSION, 0 },
	{ "a hello of a later version", "\0\0\0\2\2\1", 6, OK, 6 },
	{ "a welcome of a later version", "\0\0\0\2\2\2", 6, OK, 6 },
	{ "a ping of a later version", "\0\0\0\2\2\3", 6, OK, 6 },
	{ "a leave of a later version", "\0\0\0\2\2\12", 6, OK, 6 },
	{ "a verdict of a later version", "\0\0\0\2\2\13", 6, OK, 6 },
};

START_TEST(a_head_decides_before_more_is_read)
{
	struct span in = span_of(heads[_i].bytes, heads[_i].len);
	struct err err = ERR_INIT;
	size_t total = 77;
	int ret = frame_total(in, &total, &err);

	ck_assert_msg(
	    err.code == heads[_i].want, "%s: %s", heads[_i].when, err.text);
	ck_assert_int_eq(ret, heads[_i].want == OK ? 0 : -1);
	ck_assert_msg(total == (ret == 0 ? heads[_i].total : 77),
	    "%s: total %zu", heads[_i].when, total);
}
END_TEST

START_TEST(a_content_above_its_limit_is_not_sent)
{
	struct buf out = BUF_INIT(FRAME_MAX * 2);
	struct err err = ERR_INIT;
	char *big = calloc(1, FRAME_MAX);

	ck_assert_ptr_nonnull(big);
	ck_assert_int_eq(
	    frame_encode(FRAME_HELLO, span_of(big, FRAME_TEXT_MAX), &out, &err),
	    0);
	ck_assert_uint_eq(out.len, FRAME_HEAD + FRAME_TEXT_MAX);
	ck_assert_int_eq(frame_encode(FRAME_HELLO,
			     span_of(big, FRAME_TEXT_MAX + 1), &out, &err),
	    -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_int_eq(
	    frame_encode(FRAME_ROW, span_of(big, FRAME_MAX - 1), &out, &err),
	    -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	/* What was there before stands as it was. */
	ck_assert_uint_eq(out.len, FRAME_HEAD + FRAME_TEXT_MAX);
	ck_assert_int_eq(
	    frame_encode(FRAME_ROW, span_of(big, FRAME_MAX - 2), &out, &err),
	    0);
	free(big);
	buf_free(&out);
}
END_TEST

START_TEST(a_request_comes_back_as_it_went)
{
	struct header headers[REQUEST_HEADERS_MAX];
	unsigned char id[STORE_REQUEST_ID];
	struct buf out = BUF_INIT(65536);
	struct request sent = a_request(), got;
	struct err err = ERR_INIT;
	size_t i;

	ck_assert_int_eq(frame_put_request(&sent, id_of_all, &out, &err), 0);
	ck_assert_int_eq(
	    frame_get_request(buf_span(&out), &got, headers, id, &err), 0);
	ck_assert_mem_eq(id, id_of_all, sizeof(id));
	ck_assert(span_eq(got.method, sent.method));
	ck_assert(span_eq(got.path, sent.path));
	ck_assert(span_eq(got.query, sent.query));
	ck_assert(span_eq(got.peer, sent.peer));
	ck_assert(span_eq(got.body, sent.body));
	ck_assert(got.https);
	ck_assert_int_eq(got.content_length, 5);
	ck_assert_uint_eq(got.nheaders, 2);
	for (i = 0; i < got.nheaders; i++) {
		ck_assert(span_eq(got.headers[i].name, sent.headers[i].name));
		ck_assert(span_eq(got.headers[i].value, sent.headers[i].value));
	}
	/* A peer's clock decides nothing. */
	ck_assert_int_eq(got.now_ms, 0);
	buf_free(&out);
}
END_TEST

/* Declared lengths, and how many headers, go through or are refused. */
static const struct {
	const char *when;
	int64_t declared;
	size_t nheaders;
	bool sent, taken;
} edges[] = {
	{ "no length", -1, 0, true, true },
	{ "not a number", -2, 0, true, true },
	{ "below", -3, 0, true, false },
	{ "the lowest", INT64_MIN, 0, true, false },
	{ "the highest", INT64_MAX, 0, true, true },
	{ "as many headers as may be", 0, REQUEST_HEADERS_MAX, true, true },
	{ "one more", 0, REQUEST_HEADERS_MAX + 1, false, false },
};

START_TEST(a_request_keeps_to_its_limits)
{
	struct header headers[REQUEST_HEADERS_MAX];
	struct header many[REQUEST_HEADERS_MAX + 1];
	unsigned char id[STORE_REQUEST_ID];
	struct buf out = BUF_INIT(65536);
	struct request sent = a_request(), got;
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(many); i++)
		many[i] = two_headers[0];
	sent.headers = many;
	sent.nheaders = edges[_i].nheaders;
	sent.content_length = edges[_i].declared;
	ck_assert_int_eq(frame_put_request(&sent, id_of_all, &out, &err),
	    edges[_i].sent ? 0 : -1);
	if (edges[_i].sent)
		ck_assert_msg(frame_get_request(buf_span(&out), &got, headers,
				  id, &err) == (edges[_i].taken ? 0 : -1),
		    "%s: %s", edges[_i].when, err.text);
	buf_free(&out);
}
END_TEST

/* Where an empty request's bytes stand, and what a hostile peer puts there. */
static const struct {
	const char *when;
	size_t at;
	const char *bytes;
	size_t len;
} hostile[] = {
	{ "a method without end", 16, "\xff\xff\xff\xff", 4 },
	{ "a method one byte too long", 16, "\0\0\0\x1c", 4 },
	{ "a path without end", 20, "\x7f\xff\xff\xff", 4 },
	{ "an unknown flag", 32, "\2", 1 },
	{ "129 headers", 41, "\0\x81", 2 },
	{ "65535 headers", 41, "\xff\xff", 2 },
	{ "a header that is not there", 41, "\0\1", 2 },
	{ "a body that is not there", 43, "\0\0\0\1", 4 },
};

START_TEST(a_hostile_request_is_refused)
{
	struct header headers[REQUEST_HEADERS_MAX];
	unsigned char id[STORE_REQUEST_ID];
	struct buf out = BUF_INIT(65536);
	struct request sent = { 0 }, got;
	struct err err = ERR_INIT;

	ck_assert_int_eq(frame_put_request(&sent, id_of_all, &out, &err), 0);
	ck_assert_uint_eq(out.len, 47);
	ck_assert_int_eq(
	    frame_get_request(buf_span(&out), &got, headers, id, &err), 0);
	memcpy(out.ptr + hostile[_i].at, hostile[_i].bytes, hostile[_i].len);
	ck_assert_msg(
	    frame_get_request(buf_span(&out), &got, headers, id, &err) == -1,
	    "%s", hostile[_i].when);
	ck_assert_int_eq(err.code, ERR_INPUT);
	buf_free(&out);
}
END_TEST

/* More headers than there is room for, each of them there. */
START_TEST(a_request_with_too_many_headers_is_refused)
{
	struct header headers[REQUEST_HEADERS_MAX];
	unsigned char id[STORE_REQUEST_ID], *room;
	struct buf out = BUF_INIT(65536);
	struct request sent = { 0 }, got;
	struct err err = ERR_INIT;
	size_t more = (REQUEST_HEADERS_MAX + 1) * 8;

	ck_assert_int_eq(frame_put_request(&sent, id_of_all, &out, &err), 0);
	be16_put(out.ptr + 41, REQUEST_HEADERS_MAX + 1);
	ck_assert_int_eq(buf_reserve(&out, more, &room, &err), 0);
	memset(room, 0, more);
	out.len += more;
	ck_assert_int_eq(
	    frame_get_request(buf_span(&out), &got, headers, id, &err), -1);
	buf_free(&out);
}
END_TEST

START_TEST(a_request_with_bytes_behind_it_is_refused)
{
	struct header headers[REQUEST_HEADERS_MAX];
	unsigned char id[STORE_REQUEST_ID];
	struct buf out = BUF_INIT(65536);
	struct request sent = a_request(), got;
	struct err err = ERR_INIT;

	ck_assert_int_eq(frame_put_request(&sent, id_of_all, &out, &err), 0);
	ck_assert_int_eq(buf_putc(&out, 0, &err), 0);
	ck_assert_int_eq(
	    frame_get_request(buf_span(&out), &got, headers, id, &err), -1);
	buf_free(&out);
}
END_TEST

START_TEST(a_reply_comes_back_as_it_went)
{
	struct receive_reply sent = a_reply(), got;
	struct buf out = BUF_INIT(65536);
	struct err err = ERR_INIT;

	ck_assert_int_eq(frame_put_reply(&sent, &out, &err), 0);
	ck_assert_int_eq(frame_get_reply(buf_span(&out), &got, &err), 0);
	ck_assert_int_eq(got.status, 405);
	ck_assert_str_eq(got.content_type, "application/json");
	ck_assert_str_eq(got.allow, "POST");
	ck_assert_int_eq(got.retry_after_s, 30);
	ck_assert(got.close);
	ck_assert_uint_eq(got.body_len, 4);
	ck_assert_mem_eq(got.body, "{\0}\n", 4);
	ck_assert_str_eq(got.log, "status=405 endpoint=nomos");
	ck_assert_uint_eq(got.headers_len, strlen(HEADERS));
	ck_assert_mem_eq(got.headers, HEADERS, strlen(HEADERS));

	memset(&sent, 0, sizeof(sent));
	sent.status = 200;
	sent.body_len = RECEIVE_REPLY_MAX;
	buf_clear(&out);
	ck_assert_int_eq(frame_put_reply(&sent, &out, &err), 0);
	ck_assert_int_eq(frame_get_reply(buf_span(&out), &got, &err), 0);
	ck_assert_ptr_null(got.content_type);
	ck_assert_ptr_null(got.allow);
	ck_assert(!got.close);
	ck_assert_uint_eq(got.body_len, RECEIVE_REPLY_MAX);
	buf_free(&out);
}
END_TEST

/* Replies as bytes: status, flags, retry, then four texts, then headers. */
#define HEAD_200 "\0\xc8\0\0\0\0\0"
#define NONE "\0\0\0\0"
#define HEAD_HEADERS "\0\xc8\2\0\0\0\0" NONE NONE NONE NONE

static const struct {
	const char *when, *bytes;
	size_t len;
	bool taken;
} replies[] = {
	{ "the shortest", HEAD_200 NONE NONE NONE NONE, 23, true },
	{ "a content type", HEAD_200 "\0\0\0\2a\0" NONE NONE NONE, 25, true },
	{ "an open one", HEAD_200 "\0\0\0\2ab" NONE NONE NONE, 25, false },
	{ "a line end in it", HEAD_200 "\0\0\0\2\n\0" NONE NONE NONE, 25,
	    false },
	{ "a NUL in it", HEAD_200 "\0\0\0\2\0\0" NONE NONE NONE, 25, false },
	{ "an open Allow", HEAD_200 NONE "\0\0\0\1a" NONE NONE, 24, false },
	{ "a log line", HEAD_200 NONE NONE NONE "\0\0\0\1a", 24, true },
	{ "a log of two lines", HEAD_200 NONE NONE NONE "\0\0\0\1\n", 24,
	    false },
	{ "a NUL in the log", HEAD_200 NONE NONE NONE "\0\0\0\1\0", 24, false },
	{ "status 99", "\0\x63\0\0\0\0\0" NONE NONE NONE NONE, 23, false },
	{ "status 600", "\2\x58\0\0\0\0\0" NONE NONE NONE NONE, 23, false },
	{ "an unknown flag", "\0\xc8\4\0\0\0\0" NONE NONE NONE NONE, 23,
	    false },
	{ "headers", HEAD_HEADERS "\0\0\0\6a: b\r\n", 33, true },
	{ "headers that are not announced",
	    HEAD_200 NONE NONE NONE NONE "\0\0\0\6a: b\r\n", 33, false },
	{ "headers that do not come", HEAD_HEADERS, 23, false },
	{ "a header without its end", HEAD_HEADERS "\0\0\0\4a: b", 31, false },
	{ "an empty line among headers", HEAD_HEADERS "\0\0\0\10a: b\r\n\r\n",
	    35, false },
	{ "a line end alone", HEAD_HEADERS "\0\0\0\6a: \nb\r", 33, false },
	{ "a carriage return alone", HEAD_HEADERS "\0\0\0\6a\rb:\r\n", 33,
	    false },
	{ "a NUL in a header", HEAD_HEADERS "\0\0\0\6a: \0\r\n", 33, false },
	{ "retry never", "\0\xc8\0\x80\0\0\0" NONE NONE NONE NONE, 23, false },
	{ "bytes behind", HEAD_200 NONE NONE NONE NONE "\0", 24, false },
};

START_TEST(a_reply_keeps_to_its_limits)
{
	struct receive_reply got;
	struct err err = ERR_INIT;

	ck_assert_msg(
	    frame_get_reply(span_of(replies[_i].bytes, replies[_i].len), &got,
		&err) == (replies[_i].taken ? 0 : -1),
	    "%s: %s", replies[_i].when, err.text);
}
END_TEST

START_TEST(a_reply_body_above_its_room_is_refused)
{
	static const unsigned char head[] = HEAD_200 NONE NONE;
	struct buf out = BUF_INIT(65536);
	struct receive_reply got;
	unsigned char *room, len[4];
	struct err err = ERR_INIT;

	be32_put(len, RECEIVE_REPLY_MAX + 1);
	ck_assert_int_eq(buf_put(&out, head, sizeof(head) - 1, &err), 0);
	ck_assert_int_eq(buf_put(&out, len, sizeof(len), &err), 0);
	ck_assert_int_eq(
	    buf_reserve(&out, RECEIVE_REPLY_MAX + 5, &room, &err), 0);
	memset(room, 0, RECEIVE_REPLY_MAX + 5);
	out.len += RECEIVE_REPLY_MAX + 5;
	ck_assert_int_eq(frame_get_reply(buf_span(&out), &got, &err), -1);
	buf_free(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frame");
	TCase *tc = tcase_create("frame");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, every_frame_comes_back_and_no_part_of_it_does,
	    0, NITEMS(all_types));
	tcase_add_loop_test(
	    tc, a_changed_bit_is_never_read_outside, 0, NITEMS(all_types));
	tcase_add_loop_test(tc, a_cut_content_is_refused, 0, NITEMS(all_types));
	tcase_add_loop_test(
	    tc, a_head_decides_before_more_is_read, 0, NITEMS(heads));
	tcase_add_test(tc, a_content_above_its_limit_is_not_sent);
	tcase_add_test(tc, a_request_comes_back_as_it_went);
	tcase_add_loop_test(
	    tc, a_request_keeps_to_its_limits, 0, NITEMS(edges));
	tcase_add_loop_test(
	    tc, a_hostile_request_is_refused, 0, NITEMS(hostile));
	tcase_add_test(tc, a_request_with_too_many_headers_is_refused);
	tcase_add_test(tc, a_request_with_bytes_behind_it_is_refused);
	tcase_add_test(tc, a_reply_comes_back_as_it_went);
	tcase_add_loop_test(
	    tc, a_reply_keeps_to_its_limits, 0, NITEMS(replies));
	tcase_add_test(tc, a_reply_body_above_its_room_is_refused);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
