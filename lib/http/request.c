/* request.c: looks headers up. */
#include "lib/http/request.h"

#include <string.h>

size_t
request_header(const struct request *rq, const char *name, struct span *value)
{
	size_t i, n = 0;

	*value = SPAN_EMPTY;
	for (i = 0; i < rq->nheaders; i++)
		if (span_is(rq->headers[i].name, name) && n++ == 0)
			*value = rq->headers[i].value;
	return n;
}

struct span
request_name(const char *mount, struct span path)
{
	size_t len = strlen(mount);

	while (len > 0 && mount[len - 1] == '/')
		len--;
	if (path.len > len && len > 0 && memcmp(path.ptr, mount, len) == 0 &&
	    ((const char *)path.ptr)[len] == '/')
		path = span_skip(path, len);
	if (path.len < 2 || *(const char *)path.ptr != '/')
		return SPAN_EMPTY;
	path = span_skip(path, 1);
	return span_find(path, '/') == path.len ? path : SPAN_EMPTY;
}

static bool
is_doubled(const struct request *rq, const char *name)
{
	size_t i, j, len = strlen(name);
	struct span value;

	if (len < 2 || strcmp(name + len - 2, "-*") != 0)
		return request_header(rq, name, &value) > 1;
	for (i = 0; i < rq->nheaders; i++) {
		if (rq->headers[i].name.len < len ||
		    memcmp(rq->headers[i].name.ptr, name, len - 1) != 0)
			continue;
		for (j = i + 1; j < rq->nheaders; j++)
			if (span_eq(rq->headers[i].name, rq->headers[j].name))
				return true;
	}
	return false;
}

bool
request_is_numbered(struct span name, const char *prefix)
{
	const char *p = name.ptr;
	size_t i, len = strlen(prefix);

	if (!span_starts(name, prefix) || name.len == len || name.len > len + 4)
		return false;
	for (i = len; i < name.len; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

const char *
request_doubled(const struct request *rq, const char *const *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (is_doubled(rq, names[i]))
			return names[i];
	return NULL;
}
