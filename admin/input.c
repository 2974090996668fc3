/* input.c: reads to the end. */
#include "admin/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

int
input_read(const char *path, const char *what, struct buf *out, struct err *err)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	unsigned char *at;
	ssize_t got;
	int ret = -1;

	if (fd < 0)
		return err_errno(err, errno, "%s", what);
	for (;;) {
		if (buf_reserve(out, CHUNK, &at, err) < 0) {
			err_wrap(err, "%s", what);
			break;
		}
		got = read(fd, at, CHUNK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			err_errno(err, errno, "read %s", what);
		else if (got > 0)
			out->len += (size_t)got;
		else
			ret = 0;
		if (got <= 0)
			break;
	}
	if (!standard)
		close(fd);
	return ret;
}
