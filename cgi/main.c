/* main.c: options of eyelet.fcgi, and which of its four lives this one is. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "cgi/cgi.h"
#include "cgi/fcgi.h"
#include "cgi/listening.h"
#include "cgi/pool.h"
#include "cgi/service.h"
#include "lib/base/harden.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/base/version.h"
#include "lib/http/gateway.h"
#include "lib/owner/owner.h"

#define FILES_OTHER 512 /* descriptors for all but connections */
#define FILES_MIN 256 /* a store has two for each segment of events */
#define CONNECTIONS_MIN 8
#define MAP_FROM                                                    \
	(256 * 1024) /* bytes of memory that are given back at once \
		      */
#define PARENT_ENV "EYELET_PARENT" /* to itself, when executed anew */

static const char usage_text[] =
    "usage: eyelet.fcgi [-c FILE] [--workers N] [--socket PATH|HOST:PORT "
    "[--replace]]\n"
    "       eyelet.fcgi [-c FILE] --store\n"
    "       eyelet.fcgi --version | --help\n";

static const char help_text[] =
    "Takes webhooks from a web server by FastCGI or CGI.\n"
    "\n"
    "  -c FILE            configuration; else $EYELET_CONFIG, else " //
    EYELET_SYSCONFDIR "/eyelet/eyelet.conf\n"
    "  --socket WHERE     listen there: a path with a slash, or HOST:PORT\n"
    "  --replace          take the place of the process that serves PATH\n"
    "  --workers N        threads that read and verify; else by cores\n"
    "  --store            only serve the store to other processes of eyelet\n"
    "  --version, --help\n"
    "\n"
    "Started by a web server it takes its FastCGI socket (descriptor 0), by\n"
    "systemd the one of the socket unit. Without any it is a CGI program.\n";

/* Exit statuses, see sysexits(3). */
static const struct {
	enum err_code code;
	int status;
} statuses[] = {
	{ ERR_USAGE, EX_USAGE },
	{ ERR_INPUT, EX_CONFIG },
	{ ERR_CONFIG, EX_CONFIG },
	{ ERR_NOTFOUND, EX_NOINPUT },
	{ ERR_EXISTS, EX_CANTCREAT },
	{ ERR_DENIED, EX_NOPERM },
	{ ERR_IO, EX_IOERR },
	{ ERR_FULL, EX_IOERR },
	{ ERR_NOMEM, EX_OSERR },
	{ ERR_CORRUPT, EX_DATAERR },
	{ ERR_VERSION, EX_DATAERR },
	{ ERR_AWAY, EX_TEMPFAIL },
	{ ERR_TIMEOUT, EX_TEMPFAIL },
	{ ERR_CLOCK, EX_TEMPFAIL },
};

static int
fail(const struct err *err)
{
	size_t i;

	fprintf(stderr, "eyelet.fcgi: %s\n", err->text);
	for (i = 0; i < NITEMS(statuses); i++)
		if (statuses[i].code == err->code)
			return statuses[i].status;
	return EX_SOFTWARE;
}

static int
wrong_use(const char *why)
{
	fprintf(stderr, "eyelet.fcgi: %s\n%s", why, usage_text);
	return EX_USAGE;
}

/* --- the process --------------------------------------------------------- */

/*
 * Takes as many descriptors as it may have. With too few, requests and the
 * store would take them from each other.
 */
static int
take_files(rlim_t *files, struct err *err)
{
	rlim_t want = POOL_CONNECTIONS_MAX + FILES_OTHER;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return err_errno(err, errno, "ask for the limit of open files");
	if (limit.rlim_cur < want) {
		limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			return err_errno(
			    err, errno, "raise the limit of open files");
	}
	if (limit.rlim_cur < FILES_MIN)
		return err_set(err, ERR_NOMEM,
		    "at most %lu files may be open, and %d are needed (%lu for "
		    "%d connections): raise the hard limit (\"ulimit -Hn\"; "
		    "LimitNOFILE= in a unit of systemd)",
		    (unsigned long)limit.rlim_cur, FILES_MIN,
		    (unsigned long)want, POOL_CONNECTIONS_MAX);
	*files = limit.rlim_cur;
	return 0;
}

/* How many connections the descriptors suffice for. */
static size_t
choose_connections(rlim_t files, struct log *log)
{
	size_t n = CONNECTIONS_MIN;

	if (files >= POOL_CONNECTIONS_MAX + FILES_OTHER)
		return POOL_CONNECTIONS_MAX;
	if (files > FILES_OTHER + CONNECTIONS_MIN)
		n = files - FILES_OTHER;
	log_note(log,
	    "at most %zu connections at once, as only %lu files may be open: "
	    "raise the hard limit to %d for %d",
	    n, (unsigned long)files, POOL_CONNECTIONS_MAX + FILES_OTHER,
	    POOL_CONNECTIONS_MAX);
	return n;
}

/*
 * A web server that dies leaves its children to run for ever. So one that
 * began us is watched; but not one that began us as the leader of a session
 * of our own (spawn-fcgi): it ends at once, on purpose. Returns a pidfd, -1
 * when nobody is to be watched, -2 when he is gone.
 */
static int
watch_parent(const struct listening *ls)
{
	pid_t parent = getppid();
	const char *before = getenv(PARENT_ENV);
	char text[24];
	int fd;

	if (ls->from != LISTENING_PARENT || getsid(0) == getpid())
		return -1;
	snprintf(text, sizeof(text), "%ld", (long)parent);
	if (before != NULL && !span_is(span_str(before), text))
		return -2;
	setenv(PARENT_ENV, text, 1);
	fd = pidfd_open(parent, 0);
	if (fd < 0 && errno == ESRCH)
		return -2;
	if (getppid() != parent)
		return -2;
	return fd < 0 ? -1 : fd;
}

/* --- options ------------------------------------------------------------- */

struct options {
	const char *config, *socket;
	unsigned workers; /* 0: not given */
	bool store, replace;
	struct timespec began;
};

/* Returns -1 to go on, or the exit status. */
static int
read_options(int argc, char **argv, struct options *opt)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "replace", no_argument, NULL, 'r' },
		{ "socket", required_argument, NULL, 's' },
		{ "store", no_argument, NULL, 'S' },
		{ "version", no_argument, NULL, 'v' },
		{ "workers", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	struct err ignored = ERR_INIT;
	uint64_t n;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1)
		switch (c) {
		case 'c':
			opt->config = optarg;
			break;
		case 'h':
			printf("%s\n%s", usage_text, help_text);
			return EX_OK;
		case 'r':
			opt->replace = true;
			break;
		case 's':
			opt->socket = optarg;
			break;
		case 'S':
			opt->store = true;
			break;
		case 'v':
			printf("eyelet.fcgi %s (%s)\n", version_release(),
			    version_build());
			return EX_OK;
		case 'w':
			if (text_to_u64(span_str(optarg), POOL_WORKERS_MAX - 1,
				&n, &ignored) < 0 ||
			    n == 0)
				return wrong_use(
				    "--workers takes a number from 1 to 511");
			opt->workers = (unsigned)n;
			break;
		default:
			fputs(usage_text, stderr);
			return EX_USAGE;
		}
	if (optind < argc)
		return wrong_use("it takes options only");
	if (opt->store && opt->socket != NULL)
		return wrong_use("--store serves no requests of web servers, "
				 "so --socket has no meaning with it");
	if (opt->replace && opt->socket == NULL)
		return wrong_use("--replace takes the place of the process "
				 "that serves a socket: name it with --socket");
	return -1;
}

/* --- its lives ----------------------------------------------------------- */

/* Where the configuration is, the environment says: see lib/http/gateway.h. */
static int
run_cgi(char **env)
{
	struct conf cf = { .file = NULL };
	struct err err = ERR_INIT, ignored = ERR_INIT;
	struct conf_live *settings = NULL;
	struct log *log = NULL;
	int ret;

	/*
	 * lighttpd sends it as soon as it has the answer, which is before the
	 * log is written. One request ends soon enough without it.
	 */
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (conf_read(NULL, &cf, &err) < 0 ||
	    log_open(cf.log, &log, &err) < 0 ||
	    conf_live_new(&cf, &settings, &err) < 0) {
		/* The web server gets an answer, its log the reason. */
		cgi_fault("configuration", &ignored);
		conf_free(&cf);
		log_close(log);
		return fail(&err);
	}
	ret = cgi_run(settings, env, log, &err);
	log_close(log);
	conf_live_free(settings);
	return ret < 0 ? fail(&err) : EX_OK;
}

/* Takes what cf has. */
static int
serve_until_end(const struct options *opt, struct conf *cf,
    struct listening *ls, char **argv)
{
	struct reload rl = { .config = opt->config,
		.workers = opt->workers,
		.began = opt->began };
	struct service_options so = {
		.reload = &rl,
		.listening = ls,
		.argv = argv,
	};
	struct err err = ERR_INIT;
	rlim_t files = 0;
	int ret;

	so.parent_fd = watch_parent(ls);
	if (so.parent_fd == -2)
		return EX_OK;
	if (take_files(&files, &err) < 0 || fcgi_init(&err) < 0 ||
	    log_open(cf->log, &so.log, &err) < 0 ||
	    conf_live_new(cf, &rl.settings, &err) < 0 ||
	    notify_open(ls, rl.settings, &so.notify, &err) < 0) {
		listening_close(ls);
		return fail(&err);
	}
	rl.log = so.log;
	reload_init(&rl);
	so.connections = choose_connections(files, so.log);
	ret = service_run(&so, &err);
	log_close(so.log);
	listening_close(ls);
	/* Threads may still run: then nothing here is given back. */
	if (ret != 0)
		_exit(ret < 0 ? fail(&err) : EX_SOFTWARE);
	reload_end(&rl);
	if (notify_close(so.notify))
		conf_live_free(rl.settings);
	return EX_OK;
}

static int
run_service(const struct options *opt, struct listening *ls, char **argv)
{
	struct conf cf = { .file = NULL };
	struct err err = ERR_INIT;
	sigset_t signals;
	int status;

	/*
	 * What is large is mapped and goes back to the system when it is freed.
	 * Else the C library takes the largest body that it has met for an
	 * ordinary size, and keeps so much in each of its arenas.
	 */
	mallopt(M_MMAP_THRESHOLD, MAP_FROM);

	service_signals(&signals);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	/* Files opened from here on belong to the owner of the store. */
	if (conf_read(opt->config, &cf, &err) < 0 ||
	    owner_become_user(cf.store, &err) < 0)
		status = fail(&err);
	else if (opt->socket != NULL && ls->from == LISTENING_NONE &&
		 listening_open(opt->socket, opt->replace, ls, &err) < 0)
		status = fail(&err);
	else
		status = serve_until_end(opt, &cf, ls, argv);
	conf_free(&cf);
	return status;
}

/* Started with a socket, or by somebody who may say what it shall do. */
static int
run_by_options(struct listening *ls, int argc, char **argv)
{
	struct options opt = { .config = NULL };
	int status = read_options(argc, argv, &opt);

	if (status >= 0)
		return status;
	clock_gettime(CLOCK_REALTIME, &opt.began);
	if (opt.store)
		listening_close(ls);
	if (opt.store || opt.socket != NULL || ls->from != LISTENING_NONE)
		return run_service(&opt, ls, argv);
	return wrong_use("nothing to serve: no web server has started this "
			 "program, so name a socket with --socket");
}

int
main(int argc, char **argv, char **env)
{
	struct listening ls = LISTENING_INIT;
	struct err err = ERR_INIT;

	if (harden_process(&err) < 0 || listening_inherit(&ls, &err) < 0)
		return fail(&err);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk */
	/*
	 * A CGI program's arguments are the client's. Without a listening
	 * socket nothing else tells it from a service, so this comes first.
	 */
	if (ls.from == LISTENING_NONE)
		switch (gateway_look()) {
		case GATEWAY_REQUEST:
			return run_cgi(env);
		case GATEWAY_PARTIAL:
			err_set(&err, ERR_USAGE,
			    "GATEWAY_INTERFACE is set as for a CGI program, "
			    "but there is no REQUEST_METHOD, so there is no "
			    "request to answer; to start a service from here, "
			    "begin the command with \"env -u "
			    "GATEWAY_INTERFACE\"");
			return fail(&err);
		case GATEWAY_NONE:
			break;
		}
	return run_by_options(&ls, argc, argv);
}
