/* deliver.c: the program that delivers events to their destinations. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/command_run.h"
#include "lib/deliver.h"
#include "lib/gateway.h"
#include "lib/guard.h"
#include "lib/harden.h"
#include "lib/log_file.h"
#include "lib/owner.h"
#include "lib/text.h"
#include "lib/util.h"
#include "lib/version.h"

#define PROGRAM "eyelet-deliver"
#define FILES_OTHER 256 /* descriptors for all but connections */
#define PATH_ROOM 4096

static const char usage_text[] =
    "usage: eyelet-deliver [-c FILE] [-v] [--once] [--child-of PID]\n"
    "       eyelet-deliver --version | --help\n";

static const char help_text[] =
    "Delivers accepted events to their destinations, until it is told to "
    "stop.\n"
    "\n"
    "  -c FILE         configuration; else $EYELET_CONFIG, else " //
    EYELET_SYSCONFDIR "/eyelet/eyelet.conf\n"
    "  -v, --verbose   a line for each delivery, not only for failed ones\n"
    "  --once          deliver what is due now, say what came of it, and end\n"
    "  --child-of PID  end when that process does; its child alone says so\n"
    "  --version, --help\n";

/* Exit statuses, see sysexits(3). */
static const struct {
	enum err_code code;
	int status;
} statuses[] = {
	{ ERR_USAGE, EX_USAGE },
	{ ERR_INPUT, EX_CONFIG },
	{ ERR_CONFIG, EX_CONFIG },
	{ ERR_NOTFOUND, EX_NOINPUT },
	{ ERR_EXISTS, EX_TEMPFAIL }, /* another one delivers */
	{ ERR_DENIED, EX_NOPERM },
	{ ERR_HELD, EX_TEMPFAIL },
	{ ERR_IO, EX_IOERR },
	{ ERR_FULL, EX_IOERR },
	{ ERR_NOMEM, EX_OSERR },
	{ ERR_VERSION, EX_DATAERR },
	{ ERR_AWAY, EX_TEMPFAIL },
	{ ERR_TIMEOUT, EX_TEMPFAIL },
	{ ERR_CLOCK, EX_TEMPFAIL },
};

static int
fail(const struct err *err)
{
	size_t i;

	fprintf(stderr, PROGRAM ": %s\n", err->text);
	for (i = 0; i < NITEMS(statuses); i++)
		if (statuses[i].code == err->code)
			return statuses[i].status;
	return EX_SOFTWARE;
}

static int
wrong_use(const char *why)
{
	fprintf(stderr, PROGRAM ": %s\n%s", why, usage_text);
	return EX_USAGE;
}

/* --- the process ---------------------------------------------------------- */

/* As many deliveries at once as there are descriptors for. */
static size_t
choose_connections(const struct conf *cf)
{
	/* A command takes three, a request up to three as well. */
	rlim_t want = (rlim_t)cf->connections * 3 + FILES_OTHER;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return 1;
	if (files.rlim_cur < want) {
		files.rlim_cur = files.rlim_max < want ? files.rlim_max : want;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur >= want)
		return (size_t)cf->connections;
	return files.rlim_cur > FILES_OTHER + 3
		   ? (size_t)(files.rlim_cur - FILES_OTHER) / 3
		   : 1;
}

/* Readable once the process is told to stop. */
static int
open_signals(struct err *err)
{
	sigset_t stops;
	int fd;

	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGHUP);
	sigprocmask(SIG_BLOCK, &stops, NULL);
	fd = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 ? fd : err_set(err, ERR_IO, "no signalfd");
}

/* Told to stop when the parent ends. False: it has ended already. */
static bool
follow_parent(uint64_t parent)
{
	if (parent == 0)
		return true;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	return (uint64_t)getppid() == parent;
}

/* --- options -------------------------------------------------------------- */

struct options {
	const char *config;
	bool once, verbose;
	uint64_t parent; /* 0: anybody's child */
};

/* Returns -1 to go on, or the exit status. */
static int
read_options(int argc, char **argv, struct options *opt)
{
	static const struct option longs[] = {
		{ "child-of", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ "once", no_argument, NULL, 'o' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct err ignored;
	int c;

	while ((c = getopt_long(argc, argv, "c:hv", longs, NULL)) != -1)
		switch (c) {
		case 'c':
			opt->config = optarg;
			break;
		case 'h':
			printf("%s\n%s", usage_text, help_text);
			return EX_OK;
		case 'o':
			opt->once = true;
			break;
		case 'p':
			if (text_to_u64(span_str(optarg), INT32_MAX,
				&opt->parent, &ignored) < 0)
				return wrong_use("--child-of takes a pid");
			break;
		case 'v':
			opt->verbose = true;
			break;
		case 'V':
			printf(PROGRAM " %s (%s)\n", version_release(),
			    version_build());
			return EX_OK;
		default:
			fputs(usage_text, stderr);
			return EX_USAGE;
		}
	if (optind < argc) {
		fprintf(
		    stderr, PROGRAM ": it takes options only\n%s", usage_text);
		return EX_USAGE;
	}
	return -1;
}

/* --- delivering ----------------------------------------------------------- */

static void
write_line(void *arg, const char *line)
{
	char at[TEXT_TIME_MAX];

	(void)arg;
	text_time(at, clock_wall_ms());
	fprintf(stderr, "%s %s\n", at, line);
}

static void
look_after_log(void *arg)
{
	struct err err = ERR_INIT;

	if (log_file_look(arg, false, &err) < 0)
		fprintf(stderr, PROGRAM ": %s\n", err.text);
}

static void
scheme_failed(void *arg, const struct err *err)
{
	(void)arg;
	fprintf(stderr, PROGRAM ": %s\n", err->text);
}

static int
load_schemes(const struct conf *cf, struct scheme_set **out, struct err *err)
{
	const char *dirs[CONF_PATHS_MAX];
	size_t i;

	for (i = 0; i < cf->nschemes; i++) {
		dirs[i] = cf->schemes[i];
		/* Who can write one decides what goes out signed. */
		if (guard_folder_of(dirs[i], ".json", err) < 0)
			return err_wrap(err, "schemes");
	}
	return scheme_set_load(dirs, i, scheme_failed, NULL, out, err);
}

static void
say_totals(const struct deliver_totals *t)
{
	printf("delivered %llu, failed %llu, dead %llu, left %llu\n",
	    (unsigned long long)t->delivered, (unsigned long long)t->failed,
	    (unsigned long long)t->dead, (unsigned long long)t->left);
}

static int
deliver(const struct options *opt, const struct conf *cf, struct err *err)
{
	struct deliver_options dv = { .conf = cf,
		.program = PROGRAM,
		.connections = choose_connections(cf),
		.once = opt->once,
		.child = opt->parent != 0,
		.verbose = opt->verbose,
		.log = write_line,
		.look = look_after_log };
	struct deliver_totals totals = { 0 };
	struct scheme_set *schemes = NULL;
	struct log_file *log_file = NULL;
	char self[PATH_ROOM];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int ret = -1;

	if (n < 0)
		return err_set(err, ERR_IO, "this program's own path");
	self[n] = '\0';
	dv.self = self;
	dv.stop_fd = open_signals(err);
	if (log_file_new(STDERR_FILENO, &log_file, err) < 0)
		goto out;
	dv.arg = log_file;
	if (dv.stop_fd < 0 || load_schemes(cf, &schemes, err) < 0)
		goto out;
	dv.schemes = schemes;
	ret = deliver_run(&dv, &totals, err);
	if (opt->once && (ret == 0 || totals.delivered > 0))
		say_totals(&totals);
	if (totals.hangs) {
		fflush(stdout);
		_exit(ret < 0 ? fail(err) : EX_OK);
	}
out:
	if (dv.stop_fd >= 0)
		close(dv.stop_fd);
	scheme_set_free(schemes);
	log_file_free(log_file);
	return ret;
}

static int
run(const struct options *opt)
{
	struct conf cf = { .file = NULL };
	struct err err = ERR_INIT;
	int ret = -1;

	if (conf_read(opt->config, &cf, &err) < 0)
		goto out;
	if (strcmp(cf.deliver_mode, CONF_DELIVER_OFF) == 0) {
		err_set(&err, ERR_CONFIG,
		    "deliver.mode is off in %s: nothing is delivered",
		    cf.file == NULL ? "the configuration" : cf.file);
		goto out;
	}
	if (owner_become_user(cf.store, &err) < 0)
		goto out;
	ret = 0;
	if (follow_parent(opt->parent))
		ret = deliver(opt, &cf, &err);
out:
	conf_free(&cf);
	return ret < 0 ? fail(&err) : EX_OK;
}

int
main(int argc, char **argv)
{
	struct options opt = { .config = NULL };
	struct err err = ERR_INIT;
	int status;

	if (harden_process(&err) < 0 || gateway_refuse(&err) < 0)
		return fail(&err);
	/* Executed anew by itself, to become a command: see command_run.h. */
	if (argc > 2 && strcmp(argv[1], "--become-command") == 0) {
		command_become(argv + 2, &err);
		return EX_OSERR;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	status = read_options(argc, argv, &opt);
	return status >= 0 ? status : run(&opt);
}
