/* deny.c: the list of revoked secrets outside the store. */
#include "lib/store/deny.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/guard.h"
#include "lib/base/text.h"

struct deny {
	char *path;
	char store_id[64];
	pthread_mutex_t mutex;
	uint64_t *ids;
	size_t n, room;
	size_t whole; /* bytes of whole lines; more is a line cut short */
};

static int
keep(struct deny *dn, uint64_t id, struct err *err)
{
	uint64_t *grown;

	if (dn->n == dn->room) {
		grown = realloc(dn->ids, (dn->room * 2 + 16) * sizeof(*grown));
		if (grown == NULL)
			return err_set(
			    err, ERR_NOMEM, "no memory for the deny list");
		dn->ids = grown;
		dn->room = dn->room * 2 + 16;
	}
	dn->ids[dn->n++] = id;
	return 0;
}

static int
read_line(struct deny *dn, struct span line, size_t number, struct err *err)
{
	size_t blank = span_find(line, ' ');
	uint64_t id;

	if (blank == line.len ||
	    text_to_u64(span_skip(line, blank + 1), UINT64_MAX, &id, err) < 0)
		return err_set(err, ERR_INPUT,
		    "%s:%zu: not \"STORE-ID SECRET-ID\"", dn->path, number);
	if (!span_is(span_of(line.ptr, blank), dn->store_id))
		return 0;
	return keep(dn, id, err);
}

static int
read_list(struct deny *dn, struct err *err)
{
	struct buf text = BUF_INIT(DENY_FILE_MAX);
	struct span rest, line;
	unsigned char *at;
	size_t number = 0;
	ssize_t n;
	int fd, ret = -1;

	/* Who can take a line out of it revives a secret. */
	if (guard_path(dn->path, 0, err) < 0)
		return -1;
	fd = open(dn->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_errno(err, errno, "deny list %s", dn->path);
	do {
		if (buf_reserve(&text, 4096, &at, err) < 0)
			goto out;
		n = read(fd, at, 4096);
		if (n < 0) {
			err_errno(err, errno, "read deny list %s", dn->path);
			goto out;
		}
		text.len += (size_t)n;
	} while (n > 0);
	for (rest = buf_span(&text); rest.len > 0;
	     rest = span_skip(rest, line.len + 1)) {
		line = span_of(rest.ptr, span_find(rest, '\n'));
		if (line.len == rest.len)
			break;
		if (read_line(dn, line, ++number, err) < 0)
			goto out;
		dn->whole += line.len + 1;
	}
	ret = 0;
out:
	buf_free(&text);
	close(fd);
	return ret;
}

int
deny_open(
    const char *path, const char *store_id, struct deny **out, struct err *err)
{
	struct deny *dn = calloc(1, sizeof(*dn));

	if (dn == NULL || (dn->path = strdup(path)) == NULL) {
		free(dn);
		return err_set(err, ERR_NOMEM, "no memory for the deny list");
	}
	snprintf(dn->store_id, sizeof(dn->store_id), "%s", store_id);
	pthread_mutex_init(&dn->mutex, NULL);
	if (read_list(dn, err) < 0) {
		deny_close(dn);
		return -1;
	}
	*out = dn;
	return 0;
}

void
deny_close(struct deny *dn)
{
	if (dn == NULL)
		return;
	pthread_mutex_destroy(&dn->mutex);
	free(dn->ids);
	free(dn->path);
	free(dn);
}

bool
deny_has(const struct deny *dn, uint64_t secret_id)
{
	size_t i;

	for (i = 0; i < dn->n; i++)
		if (dn->ids[i] == secret_id)
			return true;
	return false;
}

static int
append(struct deny *dn, uint64_t secret_id, struct err *err)
{
	char line[128];
	int fd, len, ret = 0;

	len = snprintf(line, sizeof(line), "%s %llu\n", dn->store_id,
	    (unsigned long long)secret_id);
	fd = open(dn->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, errno, "open deny list %s", dn->path);
	/* A line that a crash or a full disk cut short makes way. */
	errno = ENOSPC;
	if (ftruncate(fd, (off_t)dn->whole) < 0 ||
	    pwrite(fd, line, (size_t)len, (off_t)dn->whole) != len ||
	    fsync(fd) < 0)
		ret = err_errno(err, errno, "write deny list %s", dn->path);
	else
		dn->whole += (size_t)len;
	close(fd);
	return ret;
}

int
deny_add(struct deny *dn, uint64_t secret_id, struct err *err)
{
	int ret = 0;

	pthread_mutex_lock(&dn->mutex);
	if (!deny_has(dn, secret_id)) {
		ret = append(dn, secret_id, err);
		if (ret == 0)
			ret = keep(dn, secret_id, err);
	}
	pthread_mutex_unlock(&dn->mutex);
	return ret;
}
