/*
 * terminal.h: how wide a terminal is; questions that are asked there; and what
 * is pasted into one as a secret is not shown.
 */
#ifndef EYELET_ADMIN_TERMINAL_H
#define EYELET_ADMIN_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

#define TERMINAL_COLUMNS 80 /* where it does not say */

/* Columns of the terminal behind fd; 0: it is none. */
size_t terminal_columns(int fd);

/*
 * Asks before something is removed for good: 0 for yes; a verdict of 1 for
 * no, which is told. Without a terminal ERR_USAGE, which names --yes.
 */
int terminal_ask(const char *question, struct err *err);

/*
 * Where fd is a terminal: says what is wanted (to stderr) and turns the echo
 * off, until terminal_show, or until a signal ends or stops the program.
 * Elsewhere it does nothing and returns false.
 */
bool terminal_hide(int fd, const char *prompt);
void terminal_show(int fd); /* after terminal_hide returned true */

#endif
