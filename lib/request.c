/* request.c: looks headers up. */
#include "lib/request.h"

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
