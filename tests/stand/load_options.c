/* load_options.c: the load sender's command line. */
#include "tests/stand/load.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define BODY_MIN 128
#define BODY_MAX (16 * 1024 * 1024)
#define SECRET_MAX 4096

static void
read_secret(struct load_options *opt, const char *path)
{
	FILE *f = fopen(path, "r");

	if (f == NULL || (opt->secret = malloc(SECRET_MAX)) == NULL)
		err(EX_NOINPUT, "%s", path);
	opt->secret_len = fread(opt->secret, 1, SECRET_MAX, f);
	fclose(f);
	if (opt->secret_len > 0 && opt->secret[opt->secret_len - 1] == '\n')
		opt->secret_len--;
	if (opt->secret_len == 0)
		errx(EX_NOINPUT, "%s: is empty", path);
}

static uint64_t
number(const char *name, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || n < min || n > max)
		errx(EX_USAGE, "--%s %s: must be %llu to %llu", name, text,
		    (unsigned long long)min, (unsigned long long)max);
	return n;
}

void
load_options_read(int argc, char **argv, struct load_options *opt)
{
	static const struct option rows[] = {
		{ "again", required_argument, NULL, 'a' },
		{ "board", required_argument, NULL, 'b' },
		{ "body", required_argument, NULL, 's' },
		{ "connections", required_argument, NULL, 'c' },
		{ "count", required_argument, NULL, 'n' },
		{ "journal", required_argument, NULL, 'j' },
		{ "journal-each", no_argument, NULL, 'e' },
		{ "path", required_argument, NULL, 'u' },
		{ "port", required_argument, NULL, 'p' },
		{ "prefix", required_argument, NULL, 'x' },
		{ "rate", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 't' },
		{ "secret-file", required_argument, NULL, 'k' },
		{ "timeout-ms", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int o, row = 0;

	while ((o = getopt_long(argc, argv, "", rows, &row)) != -1) {
		const char *name = rows[row].name;

		switch (o) {
		case 'a':
			opt->again = number(name, optarg, 1, 1000000000);
			break;
		case 'b':
			opt->board = optarg;
			break;
		case 's':
			opt->body = number(name, optarg, BODY_MIN, BODY_MAX);
			break;
		case 'c':
			opt->connections =
			    (int)number(name, optarg, 1, LOAD_CONNECTIONS_MAX);
			break;
		case 'n':
			opt->count = number(name, optarg, 1, UINT64_MAX);
			break;
		case 'j':
			opt->journal = optarg;
			break;
		case 'e':
			opt->journal_each = true;
			break;
		case 'u':
			opt->path = optarg;
			break;
		case 'p':
			opt->port = (int)number(name, optarg, 1, 65535);
			break;
		case 'x':
			opt->prefix = optarg;
			break;
		case 'r':
			opt->rate = number(name, optarg, 1, 1000000);
			break;
		case 't':
			opt->seconds = atof(optarg);
			break;
		case 'k':
			read_secret(opt, optarg);
			break;
		case 'w':
			opt->timeout_ms =
			    (int)number(name, optarg, 1, 3600 * 1000);
			break;
		default:
			exit(EX_USAGE);
		}
	}
	if (optind != argc || opt->port == 0 || opt->path == NULL ||
	    opt->secret == NULL)
		errx(EX_USAGE, "needs --port N --path /hooks/NAME "
			       "--secret-file F; see the top of load.c");
}
