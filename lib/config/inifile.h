/*
 * inifile.h: "[section]" and "key = value" lines by inih, with the line
 * numbers that inih keeps to itself. ";" and "#" begin comments; an indented
 * line goes on with the value before it.
 */
#ifndef EYELET_LIB_CONFIG_INIFILE_H
#define EYELET_LIB_CONFIG_INIFILE_H

#include "lib/base/bytes.h"

struct inifile_value {
	const char *section, *key; /* section is "" before the first one */
	const char *value; /* without blanks at its ends; may be empty */
	int line;
	bool goes_on; /* an indented line: more of the value before it */
};

/*
 * Hands every value to take, until that fails. name is what messages call the
 * text: "NAME:LINE: why". ERR_CONFIG for a line that is neither, too long or
 * no plain UTF-8 text; an error of take gets the place put before it, and
 * turns into ERR_CONFIG unless it is ERR_NOMEM.
 */
int inifile_parse(struct span text, const char *name,
    int (*take)(void *arg, const struct inifile_value *v, struct err *err),
    void *arg, struct err *err);

/*
 * Reads a whole file; *found is false when it is absent. text has room for max
 * bytes and BUFSIZ more. ERR_CONFIG for a larger one, ERR_DENIED (also: others
 * could change it), ERR_IO.
 */
int inifile_read(const char *path, size_t max, struct buf *text, bool *found,
    struct err *err);

#endif
