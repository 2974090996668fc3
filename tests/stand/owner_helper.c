/*
 * owner_helper.c: for the shell tests of owners and clients. An owner over
 * the fakes of fake_owner.h, and a client, in one small program:
 *
 *	owner_helper --store | --fastcgi -c FILE	owns FILE's store
 *	owner_helper hold -c FILE	holds the lock offline, serves nobody
 *	owner_helper call [options] -c FILE JSON	prints rows
 *	owner_helper feed [options] -c FILE JSON	prints the answer
 *	owner_helper receive [options] -c FILE PATH BODY	prints the reply
 *	owner_helper status [options] -c FILE	prints who owns
 * Options: --role admin|cgi|fastcgi, --version V, --stall MS.
 *
 * An owner reads lines "name value" from the file "knobs" beside the store's
 * folder: version, locking_ms (before it listens), opening_ms (before it
 * serves), idle_s, fail (words to die with). It writes
 * "owned PID", "left PID" or "failed PID" to the file "owners" there.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"
#include "lib/owner/client.h"
#include "lib/owner/frame.h"
#include "lib/server/server.h"
#include "tests/stand/fake_owner.h"

#define TAKE_OVER_TRIES 500 /* of 10 ms */

struct knobs {
	char version[32], fail[128];
	int locking_ms, opening_ms, idle_s;
};

static int
fail(const struct err *err)
{
	fprintf(
	    stderr, "owner_helper: %s: %s\n", err_word(err->code), err->text);
	return 1;
}

/* The path of a file beside the store's folder. */
static void
beside(const struct conf *cf, const char *name, char path[4096])
{
	snprintf(path, 4096, "%s/../%s", cf->store, name);
}

static void
read_knobs(const struct conf *cf, struct knobs *k)
{
	char path[4096], line[256], *value;
	FILE *f;

	memset(k, 0, sizeof(*k));
	k->idle_s = 60;
	beside(cf, "knobs", path);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		value = strchr(line, ' ');
		if (value == NULL)
			continue;
		*value++ = '\0';
		if (strcmp(line, "version") == 0)
			snprintf(
			    k->version, sizeof(k->version), "%.31s", value);
		else if (strcmp(line, "fail") == 0)
			snprintf(k->fail, sizeof(k->fail), "%.127s", value);
		else if (strcmp(line, "locking_ms") == 0)
			k->locking_ms = atoi(value);
		else if (strcmp(line, "opening_ms") == 0)
			k->opening_ms = atoi(value);
		else if (strcmp(line, "idle_s") == 0)
			k->idle_s = atoi(value);
	}
	if (f != NULL)
		fclose(f);
}

static void
note(const struct conf *cf, const char *what)
{
	char path[4096];
	int fd;

	beside(cf, "owners", path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	dprintf(fd, "%s %ld\n", what, (long)getpid());
	close(fd);
}

/* --- owning --------------------------------------------------------------- */

static void
asked_to_leave(void *arg, const char *why)
{
	uint64_t one = 1;

	(void)why;
	if (write(*(int *)arg, &one, sizeof(one)) < 0)
		abort();
}

static int
serve(const struct conf *cf, enum owner_role role, const struct knobs *k)
{
	static struct receive receive;
	static struct ops ops;
	static struct budget bodies = { 0, SERVER_BIG_MAX };
	int leaves = eventfd(0, EFD_CLOEXEC);
	struct server_options opt = { .dir = cf->store,
		.role = role,
		.owner_uid = geteuid(),
		.bodies = &bodies,
		.leave = asked_to_leave,
		.arg = &leaves,
		.version = k->version[0] == '\0' ? NULL : k->version };
	struct pollfd p = { .fd = leaves, .events = POLLIN };
	struct server *sv;
	struct err err = ERR_INIT;
	int64_t idle_s = 0;

	poll(NULL, 0, k->locking_ms);
	opt.listen_fd = owner_listen(cf->store, &err);
	if (opt.listen_fd < 0 || server_start(&opt, &sv, &err) < 0)
		return fail(&err);
	poll(NULL, 0, k->opening_ms);
	ops.dir = cf->store;
	server_serve(sv, &receive, &ops);
	while (poll(&p, 1, 100) == 0 && idle_s < k->idle_s)
		server_clients(sv, &idle_s);
	if (!server_stop(sv))
		_exit(EX_SOFTWARE);
	return 0;
}

static int
own(const struct conf *cf, enum owner_role role)
{
	struct client *cl;
	struct owner_lock *lock = NULL;
	struct err err = ERR_INIT;
	struct knobs k;
	int i, ret = 0;

	read_knobs(cf, &k);
	if (k.fail[0] != '\0') {
		note(cf, "failed");
		fprintf(stderr, "first words\nowner_helper: %s\n", k.fail);
		return EX_CONFIG;
	}
	if (owner_become_user(cf->store, &err) < 0)
		return fail(&err);
	for (i = 0; i < TAKE_OVER_TRIES && lock == NULL; i++) {
		if (owner_lock_try(cf->store, role, &lock, NULL, &err) < 0)
			return fail(&err);
		if (lock != NULL)
			break;
		if (role == OWNER_STORE)
			return 0; /* another one was faster */
		if (client_open(
			cf, CLIENT_FASTCGI, "owner_helper", &cl, &err) == 0) {
			client_close(cl);
			puts("client");
			return 0;
		}
		if (err.code != ERR_AWAY)
			return fail(&err);
		poll(NULL, 0, 10);
	}
	note(cf, "owned");
	if (role == OWNER_OFFLINE)
		for (;;)
			pause();
	ret = serve(cf, role, &k);
	note(cf, "left");
	owner_lock_drop(lock);
	return ret;
}

/* --- asking --------------------------------------------------------------- */

struct asked {
	struct client_options opt;
	char **words;
	int nwords;
};

static int
print_row(void *arg, struct span json, struct err *err)
{
	(void)arg;
	(void)err;
	printf("%.*s\n", (int)json.len, (const char *)json.ptr);
	fflush(stdout);
	return 0;
}

static int
do_call(struct client *cl, const struct asked *a, struct err *err)
{
	return client_call(cl, span_str(a->words[0]), print_row, NULL, err);
}

static int
do_feed(struct client *cl, const struct asked *a, struct err *err)
{
	struct buf call = BUF_INIT(FRAME_MAX);
	struct span answer;
	int ret;

	ret = buf_puts(&call, a->words[0], err);
	if (ret == 0)
		ret = client_feed(cl, &call, &answer, err);
	if (ret == 0)
		printf("%.*s\n", (int)answer.len, (const char *)answer.ptr);
	buf_free(&call);
	return ret;
}

static int
do_receive(struct client *cl, const struct asked *a, struct err *err)
{
	struct receive_reply reply;
	struct request rq = { 0 };

	rq.method = span_str("POST");
	rq.path = span_str(a->words[0]);
	rq.body = span_str(a->words[1]);
	rq.content_length = (int64_t)rq.body.len;
	if (client_receive(
		cl, &rq, NULL, clock_ms() + CLIENT_WAIT_MS, &reply, err) < 0)
		return -1;
	printf("%d %s %.*s\n", reply.status, reply.content_type,
	    (int)reply.body_len, reply.body);
	return 0;
}

static int
do_status(struct client *cl, const struct asked *a, struct err *err)
{
	const struct owner_info *owner = client_owner(cl);

	(void)a;
	(void)err;
	printf("%ld %s %s\n", (long)owner->pid, owner_role_word(owner->role),
	    owner->version);
	return 0;
}

static const struct {
	const char *name;
	int nwords;
	int (*run)(struct client *cl, const struct asked *a, struct err *err);
} verbs[] = {
	{ "call", 1, do_call },
	{ "feed", 1, do_feed },
	{ "receive", 2, do_receive },
	{ "status", 0, do_status },
};

static int
ask(const char *verb, const struct asked *a)
{
	struct client *cl = NULL;
	struct err err = ERR_INIT;
	size_t i;
	int ret = -1;

	for (i = 0; i < NITEMS(verbs); i++)
		if (strcmp(verbs[i].name, verb) == 0)
			break;
	if (i == NITEMS(verbs) || verbs[i].nwords != a->nwords)
		return EX_USAGE;
	ret = client_open_with(&a->opt, &cl, &err);
	if (ret == 0)
		ret = verbs[i].run(cl, a, &err);
	client_close(cl);
	return ret < 0 ? fail(&err) : 0;
}

static enum client_role
role_of(const char *word)
{
	if (strcmp(word, "cgi") == 0)
		return CLIENT_CGI;
	return strcmp(word, "fastcgi") == 0 ? CLIENT_FASTCGI : CLIENT_ADMIN;
}

int
main(int argc, char **argv)
{
	struct asked a = { .opt.program = "owner_helper" };
	const char *file = NULL;
	struct err err = ERR_INIT;
	struct conf cf;
	int i, ret;

	for (i = 2; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (strcmp(argv[i], "-c") == 0)
			file = argv[i + 1];
		else if (strcmp(argv[i], "--role") == 0)
			a.opt.role = role_of(argv[i + 1]);
		else if (strcmp(argv[i], "--version") == 0)
			a.opt.version = argv[i + 1];
		else if (strcmp(argv[i], "--stall") == 0)
			a.opt.stall_ms = atoi(argv[i + 1]);
		else
			return EX_USAGE;
	}
	if (argc < 2 || file == NULL)
		return EX_USAGE;
	a.words = argv + i;
	a.nwords = argc - i;
	if (conf_read(file, &cf, &err) < 0)
		return fail(&err);
	a.opt.conf = &cf;
	if (strcmp(argv[1], "--store") == 0)
		ret = own(&cf, OWNER_STORE);
	else if (strcmp(argv[1], "--fastcgi") == 0)
		ret = own(&cf, OWNER_FASTCGI);
	else if (strcmp(argv[1], "hold") == 0)
		ret = own(&cf, OWNER_OFFLINE);
	else
		ret = ask(argv[1], &a);
	conf_free(&cf);
	return ret;
}
