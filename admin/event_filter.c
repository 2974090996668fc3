/* event_filter.c: the filters that verbs which read events have in common. */
#include "admin/event.h"

#include "lib/base/util.h"

int
event_put_filter(struct call *c, struct err *err)
{
	static const char *const texts[] = { "endpoint", "type", "id",
		"status" };
	size_t i;

	for (i = 0; i < NITEMS(texts); i++)
		call_put_text(c, texts[i], texts[i]);
	if (call_put_time(c, "since", "since_ms", err) < 0 ||
	    call_put_time(c, "until", "until_ms", err) < 0)
		return -1;
	return 0;
}
