/* inifile.c: the door of inih. */
#include "lib/config/inifile.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/guard.h"
#include "lib/base/text.h"

/* inih asks for lines, so whoever gives them knows their numbers. */
struct reading {
	const char *name;
	struct span rest;
	int line;
	bool indented;
	int (*take)(void *arg, const struct inifile_value *v, struct err *err);
	void *arg;
	struct err *err;
	bool failed; /* the first fault counts; nothing is read behind it */
};

static void
fail(struct reading *rd)
{
	rd->failed = true;
	if (rd->err->code != ERR_NOMEM)
		rd->err->code = ERR_CONFIG;
	err_wrap(rd->err, "%s:%d", rd->name, rd->line);
}

static bool
is_plain_text(struct span line)
{
	const unsigned char *p = line.ptr;
	size_t i;

	for (i = 0; i < line.len; i++)
		if ((p[i] < 0x20 && p[i] != '\t' && p[i] != '\r') ||
		    p[i] == 0x7f)
			return false;
	return text_is_utf8(line);
}

/* An fgets for inih over the text. */
static char *
next_line(char *to, int room, void *arg)
{
	struct reading *rd = arg;
	struct span line = span_of(rd->rest.ptr, span_find(rd->rest, '\n'));

	if (rd->failed || rd->rest.len == 0)
		return NULL;
	rd->line++;
	rd->rest = span_skip(rd->rest, line.len + 1);
	rd->indented = span_starts(line, " ") || span_starts(line, "\t");
	if (line.len + 3 > (size_t)room) {
		err_set(rd->err, ERR_CONFIG,
		    "a line may have %d bytes: put the rest of a list on "
		    "indented lines behind it",
		    room - 3);
		fail(rd);
		return NULL;
	}
	if (!is_plain_text(line)) {
		err_set(rd->err, ERR_CONFIG, "the line is not UTF-8 text");
		fail(rd);
		return NULL;
	}
	if (line.len > 0)
		memcpy(to, line.ptr, line.len);
	memcpy(to + line.len, "\n", 2);
	return to;
}

/* inih wants 1 to go on, 0 for a fault. */
static int
take_value(void *arg, const char *section, const char *key, const char *value)
{
	struct reading *rd = arg;
	struct inifile_value v = { section, key, value, rd->line,
		rd->indented };

	if (rd->failed)
		return 0;
	if (rd->take(rd->arg, &v, rd->err) < 0) {
		fail(rd);
		return 0;
	}
	return 1;
}

int
inifile_parse(struct span text, const char *name,
    int (*take)(void *arg, const struct inifile_value *v, struct err *err),
    void *arg, struct err *err)
{
	struct reading rd = { name, text, 0, false, take, arg, err, false };
	int bad = ini_parse_stream(next_line, &rd, take_value, &rd);

	if (!rd.failed && bad > 0) {
		rd.line = bad;
		err_set(err, ERR_CONFIG,
		    "neither \"[section]\" nor \"key = value\"");
		fail(&rd);
	} else if (!rd.failed && bad < 0) {
		err_set(err, ERR_NOMEM, "%s: no memory to read it", name);
		rd.failed = true;
	}
	return rd.failed ? -1 : 0;
}

/* --- the file ---------------------------------------------------------------
 */

int
inifile_read(const char *path, size_t max, struct buf *text, bool *found,
    struct err *err)
{
	/* O_NONBLOCK: no waiting for somebody to open the other end of it. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	unsigned char *at;
	FILE *f = NULL;
	size_t got;
	int ret = -1;

	*found = fd >= 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "%s", path);
	if (guard_open_file(fd, path, err) < 0 || guard_above(path, err) < 0)
		goto out;
	f = fdopen(fd, "r");
	if (f == NULL) {
		err_errno(err, errno, "%s", path);
		goto out;
	}
	do {
		if (buf_reserve(text, BUFSIZ, &at, err) < 0) {
			err_set(err, ERR_CONFIG,
			    "%s: more than %zu bytes are no configuration",
			    path, max);
			goto out;
		}
		got = fread(at, 1, BUFSIZ, f);
		text->len += got;
	} while (got > 0);
	if (ferror(f)) {
		err_errno(err, errno, "%s", path);
		goto out;
	}
	ret = 0;
out:
	if (f != NULL)
		fclose(f);
	else
		close(fd);
	return ret;
}
