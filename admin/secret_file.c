/* secret_file.c: reads a value and leaves no copy of it behind. */
#include "admin/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "admin/terminal.h"

/* Up to room bytes; more is told by *more. */
static int
read_all(int fd, unsigned char *to, size_t room, size_t *len, bool *more)
{
	unsigned char extra;
	ssize_t n = 1;

	*len = 0;
	*more = false;
	while (n > 0 && *len < room) {
		n = read(fd, to + *len, room - *len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			*len += (size_t)n;
	}
	while (n > 0) {
		n = read(fd, &extra, 1);
		*more = n > 0;
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			break;
	}
	bytes_wipe(&extra, sizeof(extra));
	return n < 0 ? -1 : 0;
}

static size_t
cut_line_end(const unsigned char *p, size_t len)
{
	if (len > 0 && p[len - 1] == '\n')
		len -= len > 1 && p[len - 2] == '\r' ? 2 : 1;
	return len;
}

int
secret_file_read(
    const char *path, const char *what, struct buf *out, struct err *err)
{
	bool from_stdin = strcmp(path, "-") == 0, hidden = false, more;
	size_t room = out->max - out->len, len;
	struct buf all = BUF_INIT(room + 2); /* and a line end */
	unsigned char *at;
	int fd = -1, ret = -1;

	fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err_errno(err, errno, "%s: %s", what, path);
		goto out;
	}
	if (from_stdin)
		path = "stdin";
	if (buf_reserve(&all, all.max, &at, err) < 0)
		goto out;
	hidden = terminal_hide(
	    fd, "Paste it, press Enter, then Ctrl-D; nothing of it is shown: ");
	if (read_all(fd, at, all.max, &len, &more) < 0) {
		err_errno(err, errno, "%s: %s", what, path);
		goto out;
	}
	len = cut_line_end(at, len);
	if (more || len > room)
		err_set(err, ERR_INPUT, "%s: %s has more than %zu bytes", what,
		    path, room);
	else if (len == 0)
		err_set(err, ERR_INPUT, "%s: %s is empty", what, path);
	else
		ret = buf_put(out, at, len, err);
out:
	if (hidden)
		terminal_show(fd);
	buf_wipe(&all);
	if (!from_stdin && fd >= 0)
		close(fd);
	return ret;
}
