/* load_reply.c: reads replies: a length or chunks, and one word of the body. */
#include "config.h"

#include "tests/stand/load_reply.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const load_words[LOAD_WORDS] = {
	[LOAD_OTHER] = "other",
	[LOAD_ACCEPTED] = "accepted",
	[LOAD_DUPLICATE] = "duplicate",
	[LOAD_IGNORED] = "ignored",
	[LOAD_TEST] = "test",
};

/* The value of the header name within [from, to), or NULL. */
static const char *
header(const char *from, const char *to, const char *name)
{
	size_t len = strlen(name);
	const char *line = from;

	while (line != NULL && line < to) {
		if ((size_t)(to - line) > len && line[len] == ':' &&
		    strncasecmp(line, name, len) == 0) {
			line += len + 1;
			while (line < to && *line == ' ')
				line++;
			return line;
		}
		line = memchr(line, '\n', (size_t)(to - line));
		if (line != NULL)
			line++;
	}
	return NULL;
}

static enum load_word
word_of(const char *body, size_t len)
{
	static const char key[] = "\"status\":\"";
	const char *at = memmem(body, len, key, sizeof(key) - 1);
	size_t i, room;

	if (at == NULL)
		return LOAD_OTHER;
	at += sizeof(key) - 1;
	room = (size_t)(body + len - at);
	for (i = LOAD_ACCEPTED; i < LOAD_WORDS; i++)
		if (room > strlen(load_words[i]) &&
		    memcmp(at, load_words[i], strlen(load_words[i])) == 0 &&
		    at[strlen(load_words[i])] == '"')
			return (enum load_word)i;
	return LOAD_OTHER;
}

/* Bytes that a chunked body takes up; 0: more needed, -1: no chunks. */
static long
chunked_len(const char *body, size_t len)
{
	size_t at = 0;

	for (;;) {
		const char *eol = memchr(body + at, '\n', len - at);
		char *end;
		unsigned long size;

		if (eol == NULL)
			return 0;
		if (!isxdigit((unsigned char)body[at]))
			return -1;
		size = strtoul(body + at, &end, 16);
		at = (size_t)(eol - body) + 1;
		if (size > len - at || len - at - size < 2)
			return 0;
		at += size + 2;
		if (size == 0)
			return (long)at;
	}
}

int
load_reply_read(const char *text, size_t len, struct load_reply *out)
{
	static const char version[] = "HTTP/1.";
	const char *end = memmem(text, len, "\r\n\r\n", 4);
	const char *body, *value;
	size_t room;
	long body_len;

	if (len >= sizeof(version) - 1 &&
	    memcmp(text, version, sizeof(version) - 1) != 0)
		return -1;
	if (end == NULL)
		return 0;
	body = end + 4;
	room = (size_t)(text + len - body);
	memset(out, 0, sizeof(*out));
	out->status = atoi(text + sizeof(version) + 1);
	value = header(text, end, "Connection");
	out->close = value != NULL && strncasecmp(value, "close", 5) == 0;
	if ((value = header(text, end, "Content-Length")) != NULL) {
		body_len = atol(value);
		if (body_len < 0)
			return -1;
		if ((size_t)body_len > room)
			return 0;
	} else if (header(text, end, "Transfer-Encoding") != NULL) {
		body_len = chunked_len(body, room);
		if (body_len <= 0)
			return (int)body_len;
	} else if (out->status == 204 || out->status == 304) {
		body_len = 0;
	} else {
		return -1;
	}
	out->word = word_of(body, (size_t)body_len);
	out->used = (size_t)(body - text) + (size_t)body_len;
	return out->status >= 100 && out->status < 600 ? 1 : -1;
}
