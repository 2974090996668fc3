/*
 * verify_payload.c: what a retry repeats of a request, its first element, and
 * the words of verdicts.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/json/scan.h"
#include "lib/scheme/impl.h"
#include "lib/scheme/resolve.h"

static int
take_first(void *arg, struct span element, struct err *err)
{
	(void)err;
	*(struct span *)arg = element;
	return 1;
}

int
scheme_first_element(
    const struct scheme *sc, struct resolver *rs, struct err *err)
{
	struct span first = SPAN_EMPTY;
	size_t i;

	if (!sc->each_signed)
		return 0;
	if (resolver_scan(rs, err) < 0)
		return -1;
	for (i = 0; rs->body_is_json > 0 && first.len == 0 && i < sc->neach_at;
	     i++)
		json_each(rs->text, sc->each_at[i], take_first, &first, err);
	rs->element = first;
	return 0;
}

/* --- what a retry repeats ------------------------------------------------- */

static int
keep_value(void *arg, struct span value, struct err *err)
{
	return buf_put(arg, &value, sizeof(value), err);
}

static int
compare_places(const void *a, const void *b)
{
	const unsigned char *one = ((const struct span *)a)->ptr;
	const unsigned char *two = ((const struct span *)b)->ptr;

	return one < two ? -1 : one > two;
}

/* The body without n values in it, sorted by place. */
static int
cut_values(struct span body, const struct span *values, size_t n,
    struct buf *out, struct err *err)
{
	const unsigned char *at = body.ptr, *begin;
	const unsigned char *end = at + body.len;
	size_t i;

	for (i = 0; i < n; i++) {
		begin = values[i].ptr;
		if (begin < at)
			continue; /* inside of one that is cut */
		if (buf_put(out, at, (size_t)(begin - at), err) < 0)
			return -1;
		at = begin + values[i].len;
	}
	return buf_put(out, at, (size_t)(end - at), err);
}

/*
 * The text without the values that a retry changes, in scratch; *payload stays
 * as it is where none of them is there.
 */
static int
cut_changes(const struct scheme *sc, struct span text, struct buf *scratch,
    struct span *payload, struct err *err)
{
	struct buf values = BUF_INIT(
	    (size_t)JSON_TOKENS_MAX * SCHEME_LIST_MAX * sizeof(struct span));
	size_t i, n;
	int ret = -1;

	for (i = 0; i < sc->nretry_changes; i++)
		if (json_each(text, sc->retry_changes[i], keep_value, &values,
			err) < 0)
			goto out;
	n = values.len / sizeof(struct span);
	if (n > 0) {
		qsort(values.ptr, n, sizeof(struct span), compare_places);
		if (cut_values(text, (const struct span *)(void *)values.ptr, n,
			scratch, err) < 0)
			goto out;
		*payload = buf_span(scratch);
	}
	ret = 0;
out:
	buf_free(&values);
	return ret;
}

int
verify_payload(const struct scheme *sc, const struct verify_input *in,
    struct buf *scratch, struct span *payload, struct err *err)
{
	struct resolver rs;
	enum resolve_outcome how;
	int ret = -1;

	resolver_init(&rs, sc, in);
	buf_clear(scratch);
	*payload = SPAN_EMPTY;
	/* Of a GET the query says what happened. */
	if (span_is(in->request->method, "GET")) {
		if (buf_put_span(scratch, in->request->query, err) < 0)
			goto out;
		*payload = buf_span(scratch);
		ret = 0;
		goto out;
	}
	if (resolver_signed_body(&rs, &how, payload, err) < 0)
		goto out;
	if (how != RESOLVE_OK)
		*payload = in->request->body;
	if (sc->nretry_changes > 0) {
		if (resolver_scan(&rs, err) < 0)
			goto out;
		if (rs.body_is_json > 0 &&
		    cut_changes(sc, rs.text, scratch, payload, err) < 0)
			goto out;
	}
	/* Memory that was unpacked or decoded here is freed with rs. */
	if (payload->ptr != in->request->body.ptr &&
	    payload->ptr != scratch->ptr && in->body == NULL) {
		buf_clear(scratch);
		if (buf_put_span(scratch, *payload, err) < 0)
			goto out;
		*payload = buf_span(scratch);
	}
	ret = 0;
out:
	resolver_free(&rs);
	return ret;
}

const char *
verify_word(enum verify_verdict v)
{
	static const char *const words[] = { [VERIFY_INVALID] = "invalid",
		[VERIFY_MISSING] = "missing",
		[VERIFY_UNREADABLE] = "unreadable",
		[VERIFY_EXPIRED] = "expired",
		[VERIFY_VALID] = "valid" };

	return words[v];
}
