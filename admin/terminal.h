/* terminal.h: what is pasted into a terminal as a secret is not shown there. */
#ifndef EYELET_ADMIN_TERMINAL_H
#define EYELET_ADMIN_TERMINAL_H

#include <stdbool.h>

/*
 * Where fd is a terminal: says what is wanted (to stderr) and turns the echo
 * off, until terminal_show, or until a signal ends or stops the program.
 * Elsewhere it does nothing and returns false.
 */
bool terminal_hide(int fd, const char *prompt);
void terminal_show(int fd); /* after terminal_hide returned true */

#endif
