/* destination_match.c: which events are a destination's. */
#include "lib/model/destination.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/pattern.h"

struct destination_match {
	char *endpoints; /* NULL: all but eyelet's own */
	struct pattern_list *events; /* NULL: all */
	bool tests;
};

static bool
is_divider(char c)
{
	return c == ',' || c == ' ' || c == '\t';
}

struct span
destination_next_name(struct span *list)
{
	const char *p = list->ptr;
	size_t begin = 0, end;
	struct span name;

	while (begin < list->len && is_divider(p[begin]))
		begin++;
	for (end = begin; end < list->len && !is_divider(p[end]); end++)
		continue;
	name = span_of(p + begin, end - begin);
	*list = span_skip(*list, end);
	return name;
}

/* Is name one of the list's? NULL lists all that are not eyelet's own. */
static bool
has_name(const char *text, const char *name)
{
	struct span list = span_str(text), one;

	if (text == NULL)
		return strcmp(name, STORE_SELF_NAME) != 0;
	do {
		one = destination_next_name(&list);
		if (one.len > 0 && span_is(one, name))
			return true;
	} while (one.len > 0);
	return false;
}

bool
destination_wants_endpoint(const struct destination *d, const char *endpoint)
{
	return has_name(d->endpoints, endpoint);
}

int
destination_rename_endpoint(struct destination *d, const char *from,
    const char *to, bool *renamed, struct err *err)
{
	struct buf made = BUF_INIT(SIZE_MAX);
	struct span rest = span_str(d->endpoints), one;
	const char *at = d->endpoints; /* what is not copied yet */
	char *text = NULL;
	int ret = -1;

	*renamed = at != NULL && has_name(at, from);
	if (!*renamed)
		return 0;
	while ((one = destination_next_name(&rest)).len > 0) {
		if (!span_is(one, from))
			continue;
		if (buf_put(&made, at, (size_t)((const char *)one.ptr - at),
			err) < 0 ||
		    buf_puts(&made, to, err) < 0)
			goto out;
		at = (const char *)one.ptr + one.len;
	}
	if (buf_puts(&made, at, err) < 0 ||
	    (text = span_dup(buf_span(&made), err)) == NULL)
		goto out;
	free(d->endpoints);
	d->endpoints = text;
	ret = 0;
out:
	buf_free(&made);
	return ret;
}

int
destination_match_new(const struct destination *d,
    struct destination_match **out, struct err *err)
{
	struct destination_match *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a destination");
	m->tests = d->tests;
	if (d->endpoints != NULL) {
		m->endpoints = span_dup(span_str(d->endpoints), err);
		if (m->endpoints == NULL)
			goto fail;
	}
	if (d->events != NULL &&
	    pattern_parse(span_str(d->events), &m->events, err) < 0) {
		err_wrap(err, "events");
		goto fail;
	}
	*out = m;
	return 0;
fail:
	destination_match_free(m);
	return -1;
}

void
destination_match_free(struct destination_match *m)
{
	if (m == NULL)
		return;
	free(m->endpoints);
	pattern_free(m->events);
	free(m);
}

enum selection
destination_selects(const struct destination_match *m, const char *endpoint,
    const struct event *ev)
{
	if (!has_name(m->endpoints, endpoint))
		return SELECTION_NO;
	if (ev->flags & EVENT_TEST)
		return m->tests ? SELECTION_YES : SELECTION_NO;
	return selection_of_event(m->events, ev);
}
