/* event_export.c: events with their payloads, for other programs. */
#include "admin/event.h"

#include "lib/base/util.h"

static int
export_one(struct command_line *line, struct err *err)
{
	static const char *const filters[] = { "endpoint", "type", "since",
		"until", "id", "status", "limit" };
	bool raw = command_has(line, "raw");
	size_t i;

	for (i = 0; i < NITEMS(filters); i++)
		if (command_has(line, filters[i]))
			return err_set(err, ERR_USAGE,
			    "SEQ names one event: --%s has no place beside it",
			    filters[i]);
	if (!raw)
		line->json = true;
	return event_show_one(line, raw, err);
}

int
event_export(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (line->noperands > 0)
		return export_one(line, err);
	if (command_has(line, "raw"))
		return err_set(err, ERR_USAGE,
		    "--raw is for one event: name it by its SEQ");
	line->json = true; /* with or without --json */
	if (call_begin(&c, line, "event.export", err) == 0 &&
	    event_put_filter(&c, err) == 0 &&
	    call_put_number(&c, "limit", "limit", JSON_INT_MAX, err) == 0)
		ret = call_send(&c, err);
	call_end(&c);
	return ret;
}
