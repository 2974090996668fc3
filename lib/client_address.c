/* client_address.c: the client behind trusted proxies. */
#include "lib/client_address.h"

/* Cuts the last item off a comma-separated list. */
static struct span
last_item(struct span *list)
{
	const char *p = list->ptr;
	struct span item;
	size_t at = list->len;

	while (at > 0 && p[at - 1] != ',')
		at--;
	item = span_trim(span_skip(*list, at));
	list->len = at == 0 ? 0 : at - 1;
	return item;
}

/* The last value of a header that may stand there more than once. */
static bool
last_header(const struct request *rq, const char *name, size_t *from,
    struct span *value)
{
	while (*from > 0) {
		--*from;
		if (span_is(rq->headers[*from].name, name)) {
			*value = rq->headers[*from].value;
			return true;
		}
	}
	return false;
}

static bool
forwarded_for(const struct request *rq, const struct address_list *trusted,
    struct span *client)
{
	size_t from = rq->nheaders;
	struct span list, item;

	while (last_header(rq, "x-forwarded-for", &from, &list))
		while (list.len > 0) {
			item = last_item(&list);
			if (!address_is_valid(item))
				return false;
			*client = item;
			if (!address_list_has(trusted, item))
				return true;
		}
	return true;
}

bool
client_address(const struct request *rq, const struct address_list *trusted,
    struct span *client, bool *https)
{
	size_t from = rq->nheaders;
	struct span value;

	*client = rq->peer;
	*https = rq->https;
	if (!address_list_has(trusted, rq->peer))
		return true;
	if (!forwarded_for(rq, trusted, client))
		return false;
	if (last_header(rq, "x-forwarded-proto", &from, &value))
		*https = span_is_nocase(last_item(&value), "https");
	return true;
}
