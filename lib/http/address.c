/*
 * address.c: addresses as 128 bits. An IPv4 address is ::ffff:a.b.c.d in
 * here, but a block never holds addresses of the other family: who allows
 * ::/0 allows every IPv6 peer and no IPv4 one.
 */
#include "lib/http/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"

#define ADDRESS_BYTES 16
#define ADDRESS_BITS 128
#define MAPPED_BITS 96 /* what stands before the IPv4 address */
#define CLIENT_BYTES 8 /* a /64 is what an IPv6 customer has at least */
#define ADDRESS_LIST_MAX 1024 /* items in a list */

static const unsigned char mapped[MAPPED_BITS / 8] = { 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0xff, 0xff };

struct address {
	unsigned char bytes[ADDRESS_BYTES];
	bool is_v4;
};

struct block {
	struct address net;
	unsigned bits; /* of the 128 */
};

struct address_list {
	size_t n;
	struct block blocks[];
};

/* *was_dotted: written as IPv4, so that its prefix counts from 32 bits. */
static bool
read_address(struct span text, struct address *out, bool *was_dotted)
{
	char s[INET6_ADDRSTRLEN];

	if (text.len == 0 || text.len >= sizeof(s) ||
	    memchr(text.ptr, '\0', text.len) != NULL)
		return false;
	memcpy(s, text.ptr, text.len);
	s[text.len] = '\0';
	memcpy(out->bytes, mapped, sizeof(mapped));
	*was_dotted = inet_pton(AF_INET, s, out->bytes + sizeof(mapped)) == 1;
	if (!*was_dotted && inet_pton(AF_INET6, s, out->bytes) != 1)
		return false;
	out->is_v4 = memcmp(out->bytes, mapped, sizeof(mapped)) == 0;
	return true;
}

static bool
same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

/* "10.0.0.0/8" or a single address. */
static int
parse_block(struct span item, struct block *out, struct err *err)
{
	static const unsigned char none[ADDRESS_BYTES];
	unsigned char rest[ADDRESS_BYTES];
	size_t slash = span_find(item, '/');
	uint64_t bits = ADDRESS_BITS;
	unsigned offset, i;
	bool dotted;

	if (!read_address(span_of(item.ptr, slash), &out->net, &dotted))
		return err_set(err, ERR_INPUT,
		    "it must be an IPv4 or IPv6 address or block, such as "
		    "192.0.2.7 or 2001:db8::/32");
	offset = dotted ? MAPPED_BITS : 0;
	if (slash < item.len) {
		if (text_to_u64(span_skip(item, slash + 1),
			ADDRESS_BITS - offset, &bits, err) < 0)
			return err_wrap(err, "behind the \"/\"");
		bits += offset;
	}
	out->bits = (unsigned)bits;
	memcpy(rest, out->net.bytes, sizeof(rest));
	for (i = 0; i < out->bits; i++)
		rest[i / 8] &= (unsigned char)~(0x80 >> i % 8);
	if (memcmp(rest, none, sizeof(rest)) != 0)
		return err_set(err, ERR_INPUT,
		    "the address has bits behind its prefix of %u: write the "
		    "first address of the block",
		    out->bits - offset);
	return 0;
}

static bool
is_divider(unsigned char c)
{
	return c == ',' || c == ' ' || c == '\t';
}

/* Cuts the next item off rest; empty when there is none. */
static struct span
next_item(struct span *rest)
{
	const unsigned char *p = rest->ptr;
	size_t from = 0, to;
	struct span item;

	while (from < rest->len && is_divider(p[from]))
		from++;
	for (to = from; to < rest->len && !is_divider(p[to]);)
		to++;
	item = from == to ? SPAN_EMPTY : span_of(p + from, to - from);
	*rest = span_skip(*rest, to);
	return item;
}

int
address_list_parse(struct span text, struct address_list **out, struct err *err)
{
	struct buf safe = BUF_INIT(256);
	struct address_list *list = NULL;
	struct span rest = text, item;
	struct err ignored = ERR_INIT;
	size_t n = 0;
	int ret = -1;

	while (item = next_item(&rest), item.len > 0)
		n++;
	if (n > ADDRESS_LIST_MAX) {
		err_set(err, ERR_INPUT, "%zu addresses are more than %d", n,
		    ADDRESS_LIST_MAX);
		goto out;
	}
	list = calloc(1, sizeof(*list) + n * sizeof(list->blocks[0]));
	if (list == NULL) {
		err_set(err, ERR_NOMEM, "no memory for %zu addresses", n);
		goto out;
	}
	for (rest = text; item = next_item(&rest), item.len > 0; list->n++)
		if (parse_block(item, &list->blocks[list->n], err) < 0) {
			if (item.len > 48)
				item.len = 48;
			text_put_safe(&safe, item, &ignored);
			err_wrap(err, "address \"%.*s\"", (int)safe.len,
			    safe.ptr == NULL ? "" : (const char *)safe.ptr);
			goto out;
		}
	*out = list;
	list = NULL;
	ret = 0;
out:
	free(list);
	buf_free(&safe);
	return ret;
}

void
address_list_free(struct address_list *list)
{
	free(list);
}

static bool
block_has(const struct block *b, const struct address *a)
{
	return b->net.is_v4 == a->is_v4 &&
	       same_bits(b->net.bytes, a->bytes, b->bits);
}

bool
address_list_has(const struct address_list *list, struct span text)
{
	struct address a;
	bool dotted;
	size_t i;

	if (list == NULL || !read_address(text, &a, &dotted))
		return false;
	for (i = 0; i < list->n; i++)
		if (block_has(&list->blocks[i], &a))
			return true;
	return false;
}

bool
address_is_valid(struct span text)
{
	struct address a;
	bool dotted;

	return read_address(text, &a, &dotted);
}

bool
address_is_loopback(struct span text)
{
	static const struct block loopback[] = {
		{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 0 },
		      true },
		    MAPPED_BITS + 8 },
		{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, false },
		    ADDRESS_BITS },
	};
	struct address a;
	bool dotted;
	size_t i;

	if (!read_address(text, &a, &dotted))
		return false;
	for (i = 0; i < NITEMS(loopback); i++)
		if (block_has(&loopback[i], &a))
			return true;
	return false;
}

void
address_client(struct span text, unsigned char out[ADDRESS_CLIENT])
{
	struct address a;
	bool dotted;

	_Static_assert(ADDRESS_CLIENT == ADDRESS_BYTES, "the size of both");
	/* ff00::/8 is multicast, so no client has an address like this one. */
	if (!read_address(text, &a, &dotted))
		memset(a.bytes, 0xff, sizeof(a.bytes));
	else if (!a.is_v4)
		memset(a.bytes + CLIENT_BYTES, 0, ADDRESS_BYTES - CLIENT_BYTES);
	memcpy(out, a.bytes, ADDRESS_BYTES);
}
