/*
 * pattern.h: which event types are selected. A list of patterns divided by
 * commas or blanks: "*" all, "order.*" all that begin with "order.", "a.b"
 * exactly that, "!x" excludes what x (any of these) matches. An exclusion
 * always wins; a list of only exclusions selects all else. Case matters.
 */
#ifndef EYELET_LIB_BASE_PATTERN_H
#define EYELET_LIB_BASE_PATTERN_H

#include "lib/base/bytes.h"

#define PATTERN_LIST_MAX 8192 /* bytes of a list */

struct pattern_list;

/* ERR_INPUT names the pattern that is none (a "*" not at the end, "!"). */
int pattern_parse(struct span text, struct pattern_list **out, struct err *err);
void pattern_free(struct pattern_list *list);

/*
 * Is type selected? *rule (may be NULL) is the pattern that decided, or NULL
 * when none matched. Of an event's types, and of one that has none,
 * selection.h knows.
 */
bool pattern_selects(
    const struct pattern_list *list, struct span type, const char **rule);

/* Do the patterns say the same of every type ("*", "!*")? *selects is what. */
bool pattern_needs_no_type(const struct pattern_list *list, bool *selects);

#endif
