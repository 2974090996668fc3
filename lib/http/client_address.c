/* client_address.c: the client behind trusted proxies. */
#include "lib/http/client_address.h"

#include "lib/base/text.h"

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

static bool
is_port(struct span text)
{
	struct err ignored = ERR_INIT;
	uint64_t n;

	return text_to_u64(text, UINT16_MAX, &n, &ignored) == 0;
}

/*
 * Some proxies add the port: 192.0.2.7:4711, [2001:db8::1]:4711. False when
 * what is left is no address.
 */
static bool
without_port(struct span item, struct span *address)
{
	size_t colon = span_find(item, ':');
	struct span port = SPAN_EMPTY;
	size_t end;

	*address = item;
	if (span_starts(item, "[")) {
		end = span_find(item, ']');
		if (end == item.len)
			return false;
		*address = span_of((const char *)item.ptr + 1, end - 1);
		port = span_skip(item, end + 1);
		if (port.len > 0 &&
		    (!span_starts(port, ":") || !is_port(span_skip(port, 1))))
			return false;
	} else if (colon < item.len) {
		/* A second colon is one of IPv6, and no port stands there. */
		port = span_skip(item, colon + 1);
		if (span_find(port, ':') == port.len) {
			if (!is_port(port))
				return false;
			*address = span_of(item.ptr, colon);
		}
	}
	return address_is_valid(*address);
}

/*
 * The rightmost address of one header that is no proxy of ours, or empty. All
 * that stands to its right must be an address; *far is what it came to.
 */
static bool
first_stranger(struct span list, const struct address_list *trusted,
    struct span *stranger, struct span *far)
{
	*stranger = SPAN_EMPTY;
	while (list.len > 0) {
		if (!without_port(last_item(&list), far))
			return false;
		if (!address_list_has(trusted, *far)) {
			*stranger = *far;
			return true;
		}
	}
	return true;
}

/*
 * Of more than one header, the order means nothing: lighttpd gives the header
 * X_Forwarded_For, which a proxy passes on from anybody, the same name. So all
 * of them must name the same client, or none.
 */
static bool
forwarded_for(const struct request *rq, const struct address_list *trusted,
    struct span *client)
{
	struct span found = SPAN_EMPTY, stranger, far = *client;
	size_t i;

	for (i = 0; i < rq->nheaders; i++) {
		if (!span_is(rq->headers[i].name, "x-forwarded-for"))
			continue;
		if (!first_stranger(
			rq->headers[i].value, trusted, &stranger, &far))
			return false;
		if (stranger.len == 0)
			continue;
		if (found.len > 0 && !span_eq(found, stranger))
			return false;
		found = stranger;
	}
	*client = found.len > 0 ? found : far;
	return true;
}

/* Likewise: over TLS only when all that say something say so. */
static bool
forwarded_https(const struct request *rq)
{
	bool https = rq->https, seen = false;
	struct span value;
	size_t i;

	for (i = 0; i < rq->nheaders; i++) {
		if (!span_is(rq->headers[i].name, "x-forwarded-proto"))
			continue;
		value = rq->headers[i].value;
		https = span_is_nocase(last_item(&value), "https") &&
			(https || !seen);
		seen = true;
	}
	return https;
}

bool
client_address(const struct request *rq, const struct address_list *trusted,
    struct span *client, bool *https)
{
	*client = rq->peer;
	*https = rq->https;
	if (!address_list_has(trusted, rq->peer))
		return true;
	if (!forwarded_for(rq, trusted, client))
		return false;
	*https = forwarded_https(rq);
	return true;
}
