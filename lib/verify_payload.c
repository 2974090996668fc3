/* verify_payload.c: what a retry repeats of a request, and its first element.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/json_scan.h"
#include "lib/scheme_impl.h"
#include "lib/verify.h"

static int
take_first(void *arg, struct span element, struct err *err)
{
	(void)err;
	*(struct span *)arg = element;
	return 1;
}

struct span
scheme_first_element(const struct scheme *sc, struct span body)
{
	struct span first = SPAN_EMPTY;
	struct err ignored = ERR_INIT;
	size_t i;

	if (!sc->each_signed || json_scan(body, &ignored) < 0)
		return first;
	for (i = 0; first.len == 0 && i < sc->neach_at; i++)
		json_each(body, sc->each_at[i], take_first, &first, &ignored);
	return first;
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

int
verify_payload(const struct scheme *sc, const struct verify_input *in,
    struct buf *scratch, struct span *payload, struct err *err)
{
	struct span body = in->request->body;
	struct buf values = BUF_INIT(
	    (size_t)JSON_TOKENS_MAX * SCHEME_LIST_MAX * sizeof(struct span));
	struct err ignored = ERR_INIT;
	size_t i, n;
	int ret = -1;

	*payload = body;
	if (sc->nretry_changes == 0)
		return 0;
	if (json_scan(body, &ignored) < 0)
		return ignored.code == ERR_INPUT
			   ? 0
			   : err_set(err, ignored.code, "%s", ignored.text);
	for (i = 0; i < sc->nretry_changes; i++)
		if (json_each(body, sc->retry_changes[i], keep_value, &values,
			err) < 0)
			goto out;
	n = values.len / sizeof(struct span);
	if (n > 0) {
		qsort(values.ptr, n, sizeof(struct span), compare_places);
		buf_clear(scratch);
		if (cut_values(body, (const struct span *)(void *)values.ptr, n,
			scratch, err) < 0)
			goto out;
		*payload = buf_span(scratch);
	}
	ret = 0;
out:
	buf_free(&values);
	return ret;
}
