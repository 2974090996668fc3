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

#include "lib/base/clock.h"
#include "lib/base/harden.h"
#include "lib/base/log_file.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/base/version.h"
#include "lib/command/run.h"
#include "lib/config/conf_live.h"
#include "lib/deliver/deliver.h"
#include "lib/http/gateway.h"
#include "lib/owner/owner.h"
#include "lib/scheme/conf_schemes.h"

#define PROGRAM "eyelet-deliver"
#define FILES_OTHER 256 /* descriptors for all but connections */
#define PATH_ROOM 4096
#define WORDS_MAX 4096

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

static void
fill_signals(sigset_t *stops, sigset_t *reload)
{
	sigemptyset(stops);
	sigaddset(stops, SIGTERM);
	sigaddset(stops, SIGINT);
	sigemptyset(reload);
	sigaddset(reload, SIGHUP);
}

/* Before anything takes time: one that came early is seen later. */
static void
block_signals(void)
{
	sigset_t stops, reload;

	fill_signals(&stops, &reload);
	sigprocmask(SIG_BLOCK, &stops, NULL);
	sigprocmask(SIG_BLOCK, &reload, NULL);
}

/* Readable once the process is told to stop, or to reload. */
static int
open_signals(int *reload_fd, struct err *err)
{
	sigset_t stops, reload;
	int fd;

	fill_signals(&stops, &reload);
	fd = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
	*reload_fd = signalfd(-1, &reload, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd >= 0 && *reload_fd >= 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return err_set(err, ERR_IO, "no signalfd");
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
	struct timespec began; /* CLOCK_REALTIME, before the file is read */
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
scheme_failed(void *arg, const struct err *err)
{
	(void)arg;
	fprintf(stderr, PROGRAM ": %s\n", err->text);
}

/* State of the maintenance that runs beside delivering. */
struct care {
	const char *config; /* as conf_read takes it */
	struct conf_live *settings;
	struct conf_mark mark;
	struct scheme_set *schemes; /* that deliver_run has */
	struct log_file *log_file;
	int reload_fd;
};

static void
put_live(const struct care *ca, struct deliver_live *live)
{
	const struct conf *cf = conf_live_get(ca->settings);

	live->schemes = ca->schemes;
	live->connections = choose_connections(cf);
	live->off = strcmp(cf->deliver_mode, CONF_DELIVER_OFF) == 0;
	conf_live_put(cf);
}

/* deliver_run has them from now on. */
static void
change_schemes(
    struct care *ca, struct scheme_set *schemes, struct deliver_live *live)
{
	scheme_set_free(ca->schemes);
	ca->schemes = schemes;
	put_live(ca, live);
}

/* The file and all schemes, or nothing. */
static int
take_anew(struct care *ca, struct deliver_live *live, struct err *err)
{
	struct scheme_set *schemes = NULL;
	struct conf cf;

	if (conf_live_read(ca->settings, ca->config, &cf, err) < 0)
		return -1;
	if (conf_schemes_load(&cf, NULL, NULL, &schemes, err) < 0) {
		conf_free(&cf);
		return -1;
	}
	if (conf_live_set(ca->settings, &cf, err) < 0) {
		scheme_set_free(schemes);
		return -1;
	}
	change_schemes(ca, schemes, live);
	return 0;
}

static void
say_why(const char *words, const struct err *why)
{
	struct buf line = BUF_INIT(WORDS_MAX);
	struct err ignored = ERR_INIT;

	if (buf_printf(&line, &ignored, "%s why=", words) == 0 &&
	    text_put_value(
		&line, span_str(why->text), WORDS_MAX / 8, &ignored) == 0 &&
	    buf_putc(&line, '\0', &ignored) == 0)
		write_line(NULL, (const char *)line.ptr);
	buf_free(&line);
}

/* The settings are in force, whether the others learn of them or not. */
static void
tell_others(struct care *ca)
{
	const struct conf *cf = conf_live_get(ca->settings);
	struct err err = ERR_INIT;

	if (conf_mark_touch(&ca->mark, cf->store, &err) < 0)
		say_why("note=\"other processes do not learn that settings "
			"changed, send them SIGHUP\"",
		    &err);
	conf_live_put(cf);
}

static bool
look_after(void *arg, struct deliver_live *live)
{
	struct care *ca = arg;
	const struct conf *cf = conf_live_get(ca->settings);
	struct signalfd_siginfo si;
	struct err err = ERR_INIT;
	bool told = read(ca->reload_fd, &si, sizeof(si)) == sizeof(si);
	bool due = conf_mark_look(&ca->mark, cf->store);

	conf_live_put(cf);
	if (log_file_look(ca->log_file, told, &err) < 0)
		fprintf(stderr, PROGRAM ": %s\n", err.text);
	if (!told && !due)
		return false;
	if (take_anew(ca, live, &err) < 0) {
		say_why("reload=refused", &err);
		return false;
	}
	write_line(NULL, "reload=taken");
	if (told)
		tell_others(ca);
	return true;
}

static bool
learn(void *arg, const char *scheme, struct deliver_live *live)
{
	struct care *ca = arg;
	const struct conf *cf = conf_live_get(ca->settings);
	struct scheme_set *more = NULL;
	struct err err = ERR_INIT;

	if (conf_schemes_learn(cf, ca->schemes, scheme, &more, &err) < 0)
		scheme_failed(NULL, &err);
	conf_live_put(cf);
	if (more == NULL)
		return false;
	change_schemes(ca, more, live);
	return true;
}

/* Takes what cf has. */
static int
care_init(struct care *ca, struct conf *cf, const struct timespec *began,
    struct err *err)
{
	if (log_file_new(STDERR_FILENO, &ca->log_file, err) < 0 ||
	    conf_schemes_load(cf, scheme_failed, NULL, &ca->schemes, err) < 0)
		return -1;
	conf_mark_init(&ca->mark, cf->store, began);
	return conf_live_new(cf, &ca->settings, err);
}

static void
care_end(struct care *ca)
{
	if (ca->reload_fd >= 0)
		close(ca->reload_fd);
	scheme_set_free(ca->schemes);
	conf_live_free(ca->settings);
	log_file_free(ca->log_file);
}

static void
say_totals(const struct deliver_totals *t)
{
	printf("delivered %llu, failed %llu, dead %llu, left %llu\n",
	    (unsigned long long)t->delivered, (unsigned long long)t->failed,
	    (unsigned long long)t->dead, (unsigned long long)t->left);
}

/* Takes what cf has. */
static int
deliver(const struct options *opt, struct conf *cf, struct err *err)
{
	struct care ca = { .config = opt->config, .reload_fd = -1 };
	struct deliver_options dv = { .program = PROGRAM,
		.once = opt->once,
		.child = opt->parent != 0,
		.verbose = opt->verbose,
		.log = write_line,
		.look = look_after,
		.learn = learn,
		.arg = &ca };
	struct deliver_totals totals = { 0 };
	char self[PATH_ROOM];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int ret = -1;

	if (n < 0)
		return err_set(err, ERR_IO, "this program's own path");
	self[n] = '\0';
	dv.self = self;
	dv.stop_fd = open_signals(&ca.reload_fd, err);
	if (dv.stop_fd < 0 || care_init(&ca, cf, &opt->began, err) < 0)
		goto out;
	put_live(&ca, &dv.live);
	dv.conf = conf_live_get(ca.settings);
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
	conf_live_put(dv.conf);
	care_end(&ca);
	return ret;
}

static int
run(const struct options *opt)
{
	struct conf cf = { .file = NULL };
	struct err err = ERR_INIT;
	int ret = -1;

	block_signals();
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
	/* Executed anew by itself, to become a command: see command/run.h. */
	if (argc > 2 && strcmp(argv[1], "--become-command") == 0) {
		command_become(argv + 2, &err);
		return EX_OSERR;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	clock_gettime(CLOCK_REALTIME, &opt.began);
	status = read_options(argc, argv, &opt);
	return status >= 0 ? status : run(&opt);
}
