/* selection.c: whether patterns select an event, by any of its types. */
#include "lib/model/selection.h"

enum selection
selection_of(const struct pattern_list *patterns, const struct span *types,
    size_t ntypes, bool complete)
{
	size_t i, nread = 0;
	bool selects = true;

	if (patterns == NULL || pattern_needs_no_type(patterns, &selects))
		return selects ? SELECTION_YES : SELECTION_NO;
	for (i = 0; i < ntypes; i++) {
		if (types[i].len == 0)
			continue;
		if (pattern_selects(patterns, types[i], NULL))
			return SELECTION_YES;
		nread++;
	}
	return complete && nread > 0 && nread == ntypes ? SELECTION_NO
							: SELECTION_UNKNOWN;
}

enum selection
selection_of_event(const struct pattern_list *patterns, const struct event *ev)
{
	struct span types[EVENT_TYPES_MAX];
	size_t n = event_types(ev, types);

	return selection_of(
	    patterns, types, n, (ev->flags & EVENT_TYPES_PARTIAL) == 0);
}

bool
selection_needs_types(const char *patterns)
{
	struct pattern_list *list = NULL;
	struct err ignored = ERR_INIT;
	bool selects, needs;

	if (patterns == NULL ||
	    pattern_parse(span_str(patterns), &list, &ignored) < 0)
		return false;
	needs = !pattern_needs_no_type(list, &selects);
	pattern_free(list);
	return needs;
}
