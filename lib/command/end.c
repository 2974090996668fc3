/* end.c: makes results of what runs said and how they ended. */
#include "lib/command/end.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"

void
command_result_put(
    struct command_result *res, const unsigned char *ptr, size_t len)
{
	size_t room = sizeof(res->excerpt), over;

	if (len > room) {
		res->cut = true;
		ptr += len - room;
		len = room;
	}
	if (len > room - res->excerpt_len) {
		over = len - (room - res->excerpt_len);
		res->cut = true;
		res->excerpt_len -= over;
		memmove(res->excerpt, res->excerpt + over, res->excerpt_len);
	}
	memcpy(res->excerpt + res->excerpt_len, ptr, len);
	res->excerpt_len += len;
}

void
command_result_words(struct command_result *res, const char *words)
{
	struct buf safe = BUF_INIT(4 * sizeof(((struct err *)NULL)->text));
	struct err ignored;

	res->words[0] = '\0';
	if (text_put_safe(&safe, span_str(words), &ignored) == 0)
		snprintf(res->words, sizeof(res->words), "%.*s", (int)safe.len,
		    safe.len == 0 ? "" : (const char *)safe.ptr);
	buf_free(&safe);
}

static void
put_limit(char out[TEXT_TIME_MAX], int64_t ms)
{
	if (ms % 1000 == 0)
		text_duration(out, ms / 1000);
	else
		snprintf(out, TEXT_TIME_MAX, "%lld ms", (long long)ms);
}

static void
put_end(char *out, size_t size, const struct command_end *end)
{
	const char *name = end->exited ? NULL : sigabbrev_np(end->code);

	if (end->exited)
		snprintf(out, size, "exit status %d", end->code);
	else if (name != NULL)
		snprintf(out, size, "killed by SIG%s", name);
	else
		snprintf(out, size, "killed by signal %d", end->code);
}

void
command_result_end(
    struct command_result *res, const char *name, const struct command_end *end)
{
	char words[512], how[64], limit[TEXT_TIME_MAX];

	put_end(how, sizeof(how), end);
	res->code = end->code;
	if (end->overdue) {
		res->class = COMMAND_TIMEOUT;
		res->code = end->exited ? 0 : end->code;
		put_limit(limit, end->timeout_ms);
		snprintf(words, sizeof(words), "%s ran longer than %s: %s",
		    name, limit, how);
	} else if (!end->begun || end->refused[0] != '\0') {
		res->class = COMMAND_NOT_STARTED;
		res->code = 0;
		if (end->begun)
			snprintf(words, sizeof(words), "%s", end->refused);
		else
			snprintf(words, sizeof(words),
			    "start %s: the program that starts it: %s", name,
			    how);
	} else {
		res->class = end->exited ? COMMAND_EXIT : COMMAND_SIGNAL;
		snprintf(words, sizeof(words), "%s: %s", name, how);
	}
	command_result_words(res, words);
}

const char *command_word(enum command_class class)
{
	static const char *const words[] = {
		[COMMAND_EXIT] = "exit",
		[COMMAND_SIGNAL] = "signal",
		[COMMAND_TIMEOUT] = "timeout",
		[COMMAND_NOT_STARTED] = "not-started",
		[COMMAND_BUSY] = "busy",
	};

	return class < NITEMS(words) ? words[class] : "unknown";
}
