/* event_attempts.c: what became of one event at its destinations, in words. */
#include "admin/event_delivery.h"

#include <stdio.h>

#include "admin/output.h"
#include "lib/base/text.h"
#include "lib/base/util.h"

#define TEXT_ROOM (64 * 1024) /* bytes of an excerpt, made inert */

static const struct table_column attempt_columns[] = {
	{ "TRY", true, "no" },
	{ "AT", false, "at" },
	{ "RESULT", false, "result" },
	{ "CODE", true, "status" },
	{ "MS", true, "took_ms" },
	{ "NEXT", false, "next_at" },
	{ "WORDS", false, "words" },
};

/* A member as inert text behind prefix; nothing where it is null. */
static int
print_text(const char *prefix, const struct json *row, const char *member,
    const char *behind, struct err *err)
{
	const char *value = json_text(json_get(row, member));
	struct buf text = BUF_INIT(TEXT_ROOM);
	int ret = 0;

	if (value != NULL)
		ret = text_put_shown(&text, span_str(value), err);
	if (value != NULL && ret == 0)
		printf("%s%.*s%s", prefix, (int)text.len,
		    text.ptr == NULL ? "" : (const char *)text.ptr, behind);
	buf_free(&text);
	return ret;
}

static int
print_excerpt(const char *excerpt, struct err *err)
{
	struct buf text = BUF_INIT(TEXT_ROOM);
	int ret = 0;

	if (excerpt != NULL && *excerpt != '\0')
		ret = excerpt_put(&text, excerpt, err);
	if (text.len > 0)
		printf("last reply: %.*s\n", (int)text.len,
		    (const char *)text.ptr);
	buf_free(&text);
	return ret;
}

static int
print_attempts(const struct json *attempts, struct err *err)
{
	return table_print_rows(
	    "", attempt_columns, NITEMS(attempt_columns), attempts, err);
}

static int
print_one(const struct json *d, struct err *err)
{
	if (print_text("\n", d, "destination", ": ", err) < 0 ||
	    print_text("", d, "state", "", err) < 0 ||
	    print_text(" (", d, "reason", ")", err) < 0 ||
	    print_text(", next attempt at ", d, "next_at", "", err) < 0)
		return -1;
	putchar('\n');
	if (print_attempts(json_get(d, "attempts"), err) < 0)
		return -1;
	return print_excerpt(json_text(json_get(d, "excerpt")), err);
}

int
event_print_deliveries(const struct json *row, struct err *err)
{
	const struct json *one = json_first(json_get(row, "deliveries"));

	for (; one != NULL; one = json_next(one))
		if (print_one(one, err) < 0)
			return -1;
	return 0;
}
