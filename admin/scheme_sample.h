/* scheme_sample.h: what a scheme makes of a request that was saved by hand. */
#ifndef EYELET_ADMIN_SCHEME_SAMPLE_H
#define EYELET_ADMIN_SCHEME_SAMPLE_H

#include "admin/command.h"
#include "lib/scheme/scheme.h"

/*
 * Prints, for a request in the file of --sample, what is looked for, what is
 * found, which bytes are signed, id and type. Needs no secret and judges
 * nothing. ERR_USAGE, ERR_INPUT: it is no request.
 */
int scheme_sample(const struct command_line *line, const char *path,
    const struct scheme *sc, struct err *err);

#endif
