/* pair.c: reads the name-value pairs of FastCGI. */
#include "cgi/pair.h"

/* A length of one byte or of four; false when it is not whole. */
static bool
take_length(struct span *rest, size_t *out)
{
	const unsigned char *p = rest->ptr;

	if (rest->len == 0)
		return false;
	if (p[0] < 0x80) {
		*out = p[0];
		*rest = span_skip(*rest, 1);
		return true;
	}
	if (rest->len < 4)
		return false;
	*out = be32_get(p) & 0x7fffffff;
	*rest = span_skip(*rest, 4);
	return true;
}

enum pair_read
pair_take(struct span *rest, size_t max, struct pair *out)
{
	struct span at = *rest;
	size_t name, value;

	if (!take_length(&at, &name) || !take_length(&at, &value))
		return PAIR_CUT;
	if (name > max || value > max - name)
		return PAIR_HUGE;
	if (name + value > at.len)
		return PAIR_CUT;
	out->name = span_of(at.ptr, name);
	out->both = span_of(at.ptr, name + value);
	*rest = span_skip(at, name + value);
	return PAIR_READ;
}
