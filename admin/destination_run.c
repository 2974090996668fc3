/* destination_run.c: a test event handed to a command. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/destination_test.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/command/run.h"
#include "lib/http/gateway.h"
#include "lib/model/destination.h"

#define BECOME "--become-command" /* see command/run.h */
#define PATH_ROOM 4096
#define FACTS_MAX 8
#define LOCK "test" /* in a folder of its own */
#define NOT_BECOME 127

bool
destination_is_command(int argc, char **argv)
{
	return gateway_look() == GATEWAY_NONE && argc > 2 &&
	       strcmp(argv[1], BECOME) == 0;
}

int
destination_become_command(char **argv)
{
	struct err err = ERR_INIT;

	(void)command_become(argv + 2, &err);
	return NOT_BECOME;
}

/* A folder for the lock, where this user can have one. */
static int
make_folder(char *dir, size_t size, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, size, "%s/eyelet-test.XXXXXX",
	    tmp == NULL || tmp[0] == '\0' ? "/tmp" : tmp);
	if (mkdtemp(dir) == NULL)
		return err_errno(err, errno, "a folder %s", dir);
	return 0;
}

static void
remove_folder(const char *dir)
{
	char path[PATH_ROOM + 16];

	snprintf(path, sizeof(path), "%s/" LOCK, dir);
	unlink(path);
	rmdir(dir);
}

/* The same facts as the deliverer gives, of an event that is in no log. */
static int
put_facts(const struct destination_trial *t, struct buf *text,
    const char *env[FACTS_MAX + 1], struct err *err)
{
	char now[TEXT_TIME_MAX];
	const struct {
		const char *name, *value;
	} facts[] = {
		{ "EYELET_ID", json_text(json_get(t->row, "id")) },
		{ "EYELET_TYPE", json_text(json_get(t->row, "type")) },
		{ "EYELET_ENDPOINT", "" },
		{ "EYELET_SEQ", "0" },
		{ "EYELET_RECEIVED", now },
		{ "EYELET_ATTEMPT", "1" },
		{ "EYELET_DESTINATION",
		    json_text(json_get(t->row, "destination")) },
		{ "EYELET_CONTENT_TYPE", "application/json" },
	};
	size_t at[FACTS_MAX], i;

	_Static_assert(NITEMS(facts) == FACTS_MAX, "their number");
	text_time(now, clock_wall_ms());
	for (i = 0; i < FACTS_MAX; i++) {
		at[i] = text->len;
		if (buf_printf(text, err, "%s=%s", facts[i].name,
			facts[i].value) < 0 ||
		    buf_putc(text, '\0', err) < 0)
			return -1;
	}
	for (i = 0; i < FACTS_MAX; i++)
		env[i] = (const char *)text->ptr + at[i];
	env[FACTS_MAX] = NULL;
	return 0;
}

static void
put_arguments(const struct destination_trial *t,
    const char *argv[DESTINATION_ARGS_MAX + 1])
{
	const struct json *arg = json_first(json_get(t->row, "command"));
	size_t n = 0;

	for (; arg != NULL && n < DESTINATION_ARGS_MAX; arg = json_next(arg))
		argv[n++] = json_text(arg);
	argv[n] = NULL;
}

static int
wait_for(struct command_runs *cr, struct command_result *res, struct err *err)
{
	struct pollfd fds[COMMAND_FDS_MAX];
	int64_t now_ms, wake_ms;
	size_t n;

	while (!command_next(cr, res)) {
		n = command_fds(cr, fds, COMMAND_FDS_MAX);
		now_ms = clock_ms();
		wake_ms = command_wake_ms(cr, now_ms);
		if (poll(fds, (nfds_t)n,
			wake_ms < 0         ? -1
			: wake_ms <= now_ms ? 0
					    : (int)(wake_ms - now_ms)) < 0 &&
		    errno != EINTR)
			return err_errno(err, errno, "wait for the command");
		command_serve(cr, clock_ms());
	}
	return 0;
}

static void
judge(const struct command_result *res, struct destination_outcome *out)
{
	_Static_assert(TEST_REPLY_MAX >= COMMAND_EXCERPT_MAX, "no room");
	out->taken = res->class == COMMAND_EXIT && res->code == 0;
	out->how = command_word(res->class);
	out->status = res->class == COMMAND_EXIT ? res->code : -1;
	out->took_us = res->took_us;
	if (!out->taken)
		snprintf(out->words, sizeof(out->words), "%s", res->words);
	out->reply_len = res->excerpt_len;
	memcpy(out->reply, res->excerpt, res->excerpt_len);
	out->cut = res->cut;
}

static int
find_self(char *path, size_t size, struct err *err)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	if (n < 0)
		return err_errno(err, errno, "/proc/self/exe");
	path[n] = '\0';
	return 0;
}

int
destination_run(const struct destination_trial *t,
    struct destination_outcome *out, struct err *err)
{
	const char *argv[DESTINATION_ARGS_MAX + 1], *env[FACTS_MAX + 1];
	char dir[PATH_ROOM] = "", self[PATH_ROOM];
	struct buf facts = BUF_INIT(64 * 1024);
	struct command_runs *cr = NULL;
	struct command_result res;
	struct command_request rq = { .argv = argv,
		.env = env,
		.lock = LOCK,
		.body = buf_span(&t->body),
		.timeout_ms = t->timeout_ms };
	int ret = -1;

	put_arguments(t, argv);
	if (find_self(self, sizeof(self), err) < 0 ||
	    make_folder(dir, sizeof(dir), err) < 0)
		return -1;
	if (put_facts(t, &facts, env, err) < 0 ||
	    command_runs_open(dir, self, &cr, err) < 0 ||
	    command_start(cr, &rq, err) < 0 || wait_for(cr, &res, err) < 0)
		goto out;
	judge(&res, out);
	ret = 0;
out:
	command_runs_close(cr);
	remove_folder(dir);
	buf_free(&facts);
	return ret;
}
