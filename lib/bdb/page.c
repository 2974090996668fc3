/* page.c: the B-tree pages of Berkeley DB 5.3, as bytes. */
#include "lib/bdb/page.h"

#include <string.h>

/* Where what stands in a page. */
#define AT_NO 8
#define AT_NEXT 16
#define AT_ENTRIES 20
#define AT_LOW 22 /* a page of a chain: bytes it holds */
#define AT_TYPE 25
#define AT_SUM 28
#define HEAD 32
/* In page 0, whose sum is of its first bytes alone. */
#define AT_LAST_NO 32
#define AT_META_SUM 492
#define META 512

#define TYPE_LEAF 5
#define TYPE_CHAIN 7
#define TYPE_META 9

#define ITEM_HEAD 3
#define ITEM_TYPE 2 /* where it stands in an item */
#define ITEM_PLAIN 1
#define ITEM_CHAIN 3
#define ITEM_CHAIN_NO 4
#define ITEM_CHAIN_LEN 8
#define ITEM_CHAIN_SIZE 12

static uint16_t
get16(const unsigned char *p)
{
	uint16_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

static uint32_t
get32(const unsigned char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

/* The library's hash; the place of the sum itself counts as zeros. */
static uint32_t
sum_of(const unsigned char *page, size_t len, size_t sum_at)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < sum_at; i++)
		sum = sum * 33 + page[i];
	sum *= 33 * 33 * 33 * 33;
	for (i = sum_at + 4; i < len; i++)
		sum = sum * 33 + page[i];
	return sum;
}

enum page_state
page_judge(const unsigned char *page, size_t size, uint32_t no)
{
	bool is_meta = page[AT_TYPE] == TYPE_META;
	size_t at = is_meta ? AT_META_SUM : AT_SUM;

	if (page[0] == 0 && memcmp(page, page + 1, size - 1) == 0)
		return PAGE_ZERO;
	if (get32(page + AT_NO) != no || is_meta != (no == 0) ||
	    get32(page + at) != sum_of(page, is_meta ? META : size, at))
		return PAGE_DAMAGED;
	return PAGE_WHOLE;
}

uint32_t
page_last_no(const unsigned char *page)
{
	return get32(page + AT_LAST_NO);
}

bool
page_is_leaf(const unsigned char *page)
{
	return page[AT_TYPE] == TYPE_LEAF;
}

unsigned
page_records(const unsigned char *page)
{
	return get16(page + AT_ENTRIES) / 2;
}

static bool
get_item(
    const unsigned char *page, size_t size, unsigned i, struct page_item *out)
{
	size_t place = HEAD + 2 * (size_t)i, at;

	if (place + 2 > size)
		return false;
	at = get16(page + place);
	if (at < HEAD || at + ITEM_HEAD > size)
		return false;
	memset(out, 0, sizeof(*out));
	if (page[at + ITEM_TYPE] == ITEM_PLAIN) {
		out->len = get16(page + at);
		if (out->len > size - at - ITEM_HEAD)
			return false;
		out->bytes = span_of(page + at + ITEM_HEAD, out->len);
		return true;
	}
	if (page[at + ITEM_TYPE] != ITEM_CHAIN || at + ITEM_CHAIN_SIZE > size)
		return false;
	out->chain = get32(page + at + ITEM_CHAIN_NO);
	out->len = get32(page + at + ITEM_CHAIN_LEN);
	return out->chain != 0;
}

bool
page_record(const unsigned char *page, size_t size, unsigned i,
    struct page_item *key, struct page_item *value)
{
	return i < page_records(page) && get_item(page, size, 2 * i, key) &&
	       get_item(page, size, 2 * i + 1, value);
}

bool
page_chained(
    const unsigned char *page, size_t size, struct span *bytes, uint32_t *next)
{
	size_t len = get16(page + AT_LOW);

	if (page[AT_TYPE] != TYPE_CHAIN || len > size - HEAD)
		return false;
	*bytes = span_of(page + HEAD, len);
	*next = get32(page + AT_NEXT);
	return true;
}
