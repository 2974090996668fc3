/*
 * outbound_post.c: posts by lib/outbound/outbound.h what lines of JSON on stdin
 * tell, all at once, and prints a line for each that has ended. Members of a
 * line: "url"; "id" (comes back), "headers", "body", "connect_ms",
 * "timeout_ms", "ca", "cert", "key", "proxy", "allow", "pool", "unguarded",
 * "times". It ends when stdin has and all has come back; or, as "outbound_post
 * MAX", with only MAX under way at once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/json/json.h"
#include "lib/json/write.h"
#include "lib/outbound/outbound.h"

#define INPUT_MAX (64 * 1024 * 1024)
#define KEPT 256
#define TIMEOUT_MS 20000

/* One line of stdin, for as long as its requests run. */
struct told {
	struct json *line;
	struct address_list *allow;
	struct outbound_request rq;
	int64_t left; /* to start */
	int64_t running;
	struct told *next;
};

struct post {
	struct outbound *ob;
	struct buf input;
	struct told *waiting, **waiting_tail;
	size_t max;
	bool ended; /* stdin */
};

static void
told_free(struct told *t)
{
	json_free(t->line);
	address_list_free(t->allow);
	free(t);
}

static int
read_numbers(const struct json *j, struct told *t, struct err *err)
{
	int64_t pool = 0;

	t->left = 1;
	t->rq.connect_ms = OUTBOUND_CONNECT_MS;
	t->rq.timeout_ms = TIMEOUT_MS;
	if (json_opt_int(j, "connect_ms", &t->rq.connect_ms, err) < 0 ||
	    json_opt_int(j, "timeout_ms", &t->rq.timeout_ms, err) < 0 ||
	    json_opt_int(j, "pool", &pool, err) < 0 ||
	    json_opt_int(j, "times", &t->left, err) < 0)
		return -1;
	t->rq.pool = (uint64_t)pool;
	t->rq.guarded = !json_true(json_get(j, "unguarded"));
	return 0;
}

static const char *
text_of(const struct json *j, const char *name, const char *otherwise)
{
	const char *text = json_text(json_get(j, name));

	return text == NULL ? otherwise : text;
}

static int
read_texts(const struct json *j, struct told *t, struct err *err)
{
	const char *allow = text_of(j, "allow", NULL);

	t->rq.url = text_of(j, "url", NULL);
	if (t->rq.url == NULL)
		return err_set(err, ERR_INPUT, "url: must be a string");
	t->rq.headers = span_str(text_of(j, "headers", ""));
	t->rq.body = span_str(text_of(j, "body", ""));
	t->rq.ca_file = text_of(j, "ca", NULL);
	t->rq.client_cert = text_of(j, "cert", NULL);
	t->rq.client_key = text_of(j, "key", NULL);
	t->rq.proxy = text_of(j, "proxy", NULL);
	if (allow != NULL &&
	    address_list_parse(span_str(allow), &t->allow, err) < 0)
		return -1;
	t->rq.allow = t->allow;
	return 0;
}

static int
take_line(struct post *p, struct span line, struct err *err)
{
	struct told *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return err_set(err, ERR_NOMEM, "no memory");
	if (json_parse(line, &t->line, err) < 0 ||
	    read_numbers(t->line, t, err) < 0 ||
	    read_texts(t->line, t, err) < 0) {
		told_free(t);
		return -1;
	}
	t->rq.arg = t;
	*p->waiting_tail = t;
	p->waiting_tail = &t->next;
	return 0;
}

static int
take_input(struct post *p, struct err *err)
{
	struct span rest;
	unsigned char *at;
	size_t end;
	ssize_t n;

	if (buf_reserve(&p->input, 65536, &at, err) < 0)
		return -1;
	n = read(0, at, 65536);
	if (n < 0)
		return err_errno(err, errno, "stdin");
	p->ended = n == 0;
	p->input.len += (size_t)n;
	rest = buf_span(&p->input);
	while ((end = span_find(rest, '\n')) < rest.len) {
		if (take_line(p, span_of(rest.ptr, end), err) < 0)
			return -1;
		rest = span_skip(rest, end + 1);
	}
	if (rest.len > 0)
		memmove(p->input.ptr, rest.ptr, rest.len);
	p->input.len = rest.len;
	return 0;
}

static int
start_some(struct post *p, struct err *err)
{
	struct told *t;

	while ((t = p->waiting) != NULL && outbound_busy(p->ob) < p->max) {
		if (outbound_start(p->ob, &t->rq, err) < 0)
			return -1;
		t->running++;
		if (--t->left > 0)
			continue;
		p->waiting = t->next;
		if (p->waiting == NULL)
			p->waiting_tail = &p->waiting;
	}
	return 0;
}

static int
tell(const struct outbound_result *r, struct err *err)
{
	const struct told *t = r->arg;
	struct buf out = BUF_INIT(64 * 1024);
	struct json_write w;
	int ret = -1;

	json_write_init(&w, &out, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "id", json_text(json_get(t->line, "id")));
	json_write_str(&w, "class", outbound_word(r->class));
	json_write_int(&w, "status", r->status);
	json_write_int(&w, "took_us", r->took_us);
	json_write_int(&w, "retry_after_ms", r->retry_after_ms);
	json_write_str(&w, "address", r->address);
	json_write_str(&w, "words", r->words);
	json_write_base64(
	    &w, "excerpt_b64", span_of(r->excerpt, r->excerpt_len));
	json_write_bool(&w, "cut", r->cut);
	json_write_close(&w);
	if (json_write_done(&w) < 0 || buf_putc(&out, '\n', err) < 0)
		goto out;
	fwrite(out.ptr, 1, out.len, stdout);
	fflush(stdout);
	ret = 0;
out:
	buf_free(&out);
	return ret;
}

static int
tell_all(struct post *p, struct err *err)
{
	struct outbound_result r;
	struct told *t;
	int ret = 0;

	while (ret == 0 && outbound_next(p->ob, &r)) {
		ret = tell(&r, err);
		t = r.arg;
		if (--t->running == 0 && t->left == 0)
			told_free(t);
	}
	return ret;
}

static int
run(struct post *p, struct err *err)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };

	while (!p->ended || p->waiting != NULL || outbound_busy(p->ob) > 0) {
		if (start_some(p, err) < 0 ||
		    outbound_poll(
			p->ob, &in, p->ended ? 0 : 1, TIMEOUT_MS, err) < 0)
			return -1;
		if (in.revents != 0 && !p->ended && take_input(p, err) < 0)
			return -1;
		in.revents = 0;
		if (tell_all(p, err) < 0)
			return -1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct post p = { .input = BUF_INIT(INPUT_MAX) };
	struct err err = ERR_INIT;
	int64_t began;
	int ret;

	p.waiting_tail = &p.waiting;
	p.max = argc > 1 ? strtoul(argv[1], NULL, 10) : SIZE_MAX;
	if (outbound_open(KEPT, &p.ob, &err) < 0) {
		fprintf(stderr, "outbound_post: %s\n", err.text);
		return EXIT_FAILURE;
	}
	ret = run(&p, &err);
	if (ret < 0)
		fprintf(stderr, "outbound_post: %s\n", err.text);
	began = clock_ms();
	outbound_close(p.ob);
	fprintf(stderr, "closed in %d ms\n", (int)(clock_ms() - began));
	buf_free(&p.input);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
