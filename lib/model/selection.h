/*
 * selection.h: is an event one of those that patterns select? By any of its
 * types, since a batch has several. The one answer for receiving, admitting,
 * publishing, delivering and fetching.
 */
#ifndef EYELET_LIB_MODEL_SELECTION_H
#define EYELET_LIB_MODEL_SELECTION_H

#include "lib/base/pattern.h"
#include "lib/model/event.h"

/*
 * What was not read may be what is selected: so UNKNOWN is never ignored
 * behind an acknowledgement and never passed over in silence.
 */
enum selection {
	/* All its types were read and none is selected, or no type is ("!*").
	 */
	SELECTION_NO,
	SELECTION_YES, /* one of them is, or every type is ("*") */
	/* No type that was read is selected, and not all could be read. */
	SELECTION_UNKNOWN
};

/* patterns NULL: all are selected. An empty type is one that was not read. */
enum selection selection_of(const struct pattern_list *patterns,
    const struct span *types, size_t ntypes, bool complete);

/* The same of an event of the log. */
enum selection
selection_of_event(const struct pattern_list *patterns, const struct event *ev);

/*
 * Does it depend on types whether these patterns, as an operator gives them,
 * select an event? Not for NULL, and not for what are no patterns.
 */
bool selection_needs_types(const char *patterns);

#endif
