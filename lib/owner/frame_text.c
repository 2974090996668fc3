/*
 * frame_text.c: the contents that every release can read: greetings and
 * verdicts, lines of "name=value". A name that this release does not know is
 * passed over: a later one may say more.
 */
#include "lib/owner/frame.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"

#define PID_MAX 4194304 /* PID_MAX_LIMIT of Linux */
#define PERSON_MAX 4294967294u /* the last uid; above it: none */

/* The words of a greeting. */
static const struct {
	const char *name;
	size_t offset, size;
} words[] = {
	{ "version", offsetof(struct frame_greeting, version),
	    sizeof(((struct frame_greeting *)0)->version) },
	{ "build", offsetof(struct frame_greeting, build),
	    sizeof(((struct frame_greeting *)0)->build) },
	{ "role", offsetof(struct frame_greeting, role),
	    sizeof(((struct frame_greeting *)0)->role) },
	{ "program", offsetof(struct frame_greeting, program),
	    sizeof(((struct frame_greeting *)0)->program) },
};

/* They land in logs, messages and the audit trail. */
static bool
is_word(struct span s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._+~-";
	const unsigned char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (memchr(allowed, p[i], sizeof(allowed) - 1) == NULL)
			return false;
	return s.len > 0;
}

/* Cuts the first line off *rest: "name=value". False at the end. */
static bool
next_line(struct span *rest, struct span *name, struct span *value)
{
	struct span line = span_of(rest->ptr, span_find(*rest, '\n'));

	if (rest->len == 0)
		return false;
	*rest = span_skip(*rest, line.len + 1);
	*name = span_of(line.ptr, span_find(line, '='));
	*value = span_skip(line, name->len + 1);
	return true;
}

int
frame_put_greeting(
    const struct frame_greeting *greeting, struct buf *out, struct err *err)
{
	const char *word;
	size_t i;

	for (i = 0; i < NITEMS(words); i++) {
		word = (const char *)greeting + words[i].offset;
		if (word[0] == '\0')
			continue;
		if (!is_word(span_str(word)))
			return err_set(err, ERR_USAGE,
			    "the %s of a greeting has to be letters, digits "
			    "and \"._+~-\"",
			    words[i].name);
		if (buf_printf(out, err, "%s=%s\n", words[i].name, word) < 0)
			return -1;
	}
	if (greeting->has_sudo &&
	    buf_printf(out, err, "sudo_uid=%u\n", greeting->sudo_uid) < 0)
		return -1;
	return buf_printf(out, err, "pid=%ld\nstarted=%llu\n",
	    (long)greeting->pid, greeting->started);
}

/*
 * One line of a greeting; 0 also for a name that is not known here. The caller
 * words the failure.
 */
static int
greeting_line(struct frame_greeting *greeting, struct span name,
    struct span value, struct err *err)
{
	uint64_t number;
	char *word;
	size_t i;

	if (span_is(name, "pid")) {
		if (greeting->pid != 0 ||
		    text_to_u64(value, PID_MAX, &number, err) < 0)
			return -1;
		greeting->pid = (pid_t)number;
		return 0;
	}
	if (span_is(name, "started")) {
		if (greeting->started != 0 ||
		    text_to_u64(value, UINT64_MAX, &number, err) < 0)
			return -1;
		greeting->started = number;
		return 0;
	}
	if (span_is(name, "sudo_uid")) {
		if (greeting->has_sudo ||
		    text_to_u64(value, PERSON_MAX, &number, err) < 0)
			return -1;
		greeting->has_sudo = true;
		greeting->sudo_uid = (unsigned)number;
		return 0;
	}
	for (i = 0; i < NITEMS(words); i++) {
		if (!span_is(name, words[i].name))
			continue;
		word = (char *)greeting + words[i].offset;
		if (!is_word(value) || value.len >= words[i].size ||
		    word[0] != '\0')
			return -1;
		memcpy(word, value.ptr, value.len);
		return 0;
	}
	return 0;
}

int
frame_get_greeting(
    struct span in, struct frame_greeting *greeting, struct err *err)
{
	struct frame_greeting got = { 0 };
	struct span rest = in, name, value;

	while (next_line(&rest, &name, &value))
		if (greeting_line(&got, name, value, err) < 0)
			return err_set(err, ERR_INPUT,
			    "a greeting of %zu bytes is malformed", in.len);
	if (got.version[0] == '\0' || got.role[0] == '\0')
		return err_set(err, ERR_INPUT,
		    "a greeting of %zu bytes lacks its version or role",
		    in.len);
	*greeting = got;
	return 0;
}

/* The bytes of a message that may stand in a line and on a terminal. */
static char
inert(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
}

int
frame_put_verdict(const struct err *verdict, struct buf *out, struct err *err)
{
	const char *p;

	if (buf_printf(out, err, "code=%s\nmessage=", err_word(verdict->code)) <
	    0)
		return -1;
	for (p = verdict->text; *p != '\0'; p++)
		if (buf_putc(out, (unsigned char)inert(*p), err) < 0)
			return -1;
	return buf_puts(out, "\n", err);
}

int
frame_get_verdict(struct span in, struct err *verdict, struct err *err)
{
	struct err got = ERR_INIT;
	struct span rest = in, name, value;
	char code[32] = "";
	size_t i;

	while (next_line(&rest, &name, &value)) {
		if (span_is(name, "code") && value.len > 0 &&
		    value.len < sizeof(code)) {
			memcpy(code, value.ptr, value.len);
			code[value.len] = '\0';
		}
		if (span_is(name, "message"))
			for (i = 0; i < value.len && i + 1 < sizeof(got.text);
			     i++)
				got.text[i] =
				    inert(((const char *)value.ptr)[i]);
	}
	if (code[0] == '\0')
		return err_set(err, ERR_INPUT,
		    "a verdict of %zu bytes has no code", in.len);
	got.code = err_from_word(code);
	*verdict = got;
	return 0;
}
