/* pretty.h: a payload for people: JSON indented, text as it is, all inert. */
#ifndef EYELET_ADMIN_PRETTY_H
#define EYELET_ADMIN_PRETTY_H

#include "lib/base/bytes.h"

/*
 * Puts body, ended by a line end. Strict JSON is indented, its numbers and
 * keys exactly as they stand; of other text each line is made inert. False
 * (and nothing put) when body is no text.
 */
int
pretty_put(struct span body, struct buf *out, bool *is_text, struct err *err);

#endif
