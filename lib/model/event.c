/* event.c: the types and the kept headers of an event. */
#include "lib/model/event.h"

#include "lib/base/pack.h"

/* *n is how many there are. False: it is cut short, or there are too many. */
static bool
unpack(struct span types, struct span out[EVENT_TYPES_MAX], size_t *n)
{
	struct pack_reader r = pack_reader_of(types);

	for (*n = 0; r.left > 0 && !r.bad && *n < EVENT_TYPES_MAX; (*n)++)
		out[*n] = pack_get_bytes(&r, 2);
	return !r.bad && r.left == 0;
}

size_t
event_types(const struct event *ev, struct span out[EVENT_TYPES_MAX])
{
	size_t n;

	if (ev->types.len > 0 && unpack(ev->types, out, &n))
		return n;
	out[0] = ev->type;
	return ev->type.len > 0 ? 1 : 0;
}

bool
event_types_ok(struct span types)
{
	struct span out[EVENT_TYPES_MAX];
	size_t n;

	return unpack(types, out, &n);
}

struct span
event_header(const struct event *ev, const char *name)
{
	struct span lines = ev->headers, line, found;
	size_t colon;

	while (lines.len > 0) {
		line = span_of(lines.ptr, span_find(lines, '\n'));
		lines = span_skip(lines, line.len + 1);
		colon = span_find(line, ':');
		found = span_of(line.ptr, colon);
		if (colon < line.len && span_is_nocase(found, name))
			return span_trim(span_skip(line, colon + 1));
	}
	return SPAN_EMPTY;
}

struct span
event_coding(const struct event *ev)
{
	return event_header(ev, "content-encoding");
}
