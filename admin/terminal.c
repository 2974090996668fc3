/*
 * terminal.c: the width of a terminal; questions; its echo, and signals that
 * come while that is off.
 */
#include "admin/terminal.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/util.h"

size_t
terminal_columns(int fd)
{
	struct winsize size = { 0 };

	if (!isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return TERMINAL_COLUMNS;
	return size.ws_col;
}

int
terminal_ask(const char *question, struct err *err)
{
	char answer[16] = "";

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return err_set(err, ERR_USAGE,
		    "it asks on a terminal before it removes: without one "
		    "give --yes");
	fprintf(stderr, "%s [y/N] ", question);
	if (fgets(answer, sizeof(answer), stdin) != NULL &&
	    (answer[0] == 'y' || answer[0] == 'Y'))
		return 0;
	fputs("Nothing was removed.\n", stderr);
	return 1;
}

/* Whoever is interrupted here wants his echo back first. */
static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP };

/* The signal handler's: a program has one terminal to read from. */
static struct termios before;
static int before_fd;

static void
put_back(int number)
{
	tcsetattr(before_fd, TCSANOW, &before);
	signal(number, SIG_DFL);
	raise(number);
}

bool
terminal_hide(int fd, const char *prompt)
{
	struct sigaction action = { .sa_handler = put_back };
	struct termios quiet;
	size_t i;

	if (tcgetattr(fd, &before) < 0) /* no terminal */
		return false;
	before_fd = fd;
	sigemptyset(&action.sa_mask);
	action.sa_flags = SA_NODEFER; /* it raises the signal itself */
	for (i = 0; i < NITEMS(signals); i++)
		sigaction(signals[i], &action, NULL);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fd, TCSANOW, &quiet);
	fprintf(stderr, "%s", prompt);
	return true;
}

void
terminal_show(int fd)
{
	size_t i;

	tcsetattr(fd, TCSANOW, &before);
	for (i = 0; i < NITEMS(signals); i++)
		signal(signals[i], SIG_DFL);
	fputs("\n", stderr);
}
