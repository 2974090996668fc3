/* pack.c: appends and reads the fields of records and frames; see pack.h. */
#include "lib/base/pack.h"

#include <string.h>

/* --- writing: append what fits, fail where it does not ------------------- */

int
pack_put8(struct buf *b, unsigned v, struct err *err)
{
	return buf_putc(b, (unsigned char)v, err);
}

int
pack_put32(struct buf *b, unsigned long v, struct err *err)
{
	unsigned char p[4];

	be32_put(p, v);
	return buf_put(b, p, sizeof(p), err);
}

int
pack_put64(struct buf *b, uint64_t v, struct err *err)
{
	unsigned char p[8];

	be64_put(p, v);
	return buf_put(b, p, sizeof(p), err);
}

int
pack_put_ms(struct buf *b, int64_t v, struct err *err)
{
	return pack_put64(b, (uint64_t)v, err);
}

/* A length of width bytes, then the bytes. */
int
pack_put_bytes(struct buf *b, int width, struct span s, struct err *err)
{
	unsigned char p[4];

	if (width < 4 && s.len >= (size_t)1 << 8 * width)
		return err_set(
		    err, ERR_LIMIT, "%zu bytes do not fit their field", s.len);
	if (s.len > PACK_FIELD_MAX)
		return err_set(err, ERR_LIMIT, "field of %zu bytes", s.len);
	be32_put(p, s.len);
	return buf_put(b, p + 4 - width, (size_t)width, err) < 0
		   ? -1
		   : buf_put_span(b, s, err);
}

/* --- reading: a cursor that turns bad and stays so ----------------------- */

struct pack_reader
pack_reader_of(struct span s)
{
	struct pack_reader r = { s.ptr, s.len, false };

	return r;
}

static const unsigned char *
take(struct pack_reader *r, size_t n)
{
	const unsigned char *p = r->p;

	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->left -= n;
	return p;
}

unsigned
pack_get8(struct pack_reader *r)
{
	const unsigned char *p = take(r, 1);

	return p == NULL ? 0 : p[0];
}

unsigned long
pack_get32(struct pack_reader *r)
{
	const unsigned char *p = take(r, 4);

	return p == NULL ? 0 : be32_get(p);
}

uint64_t
pack_get64(struct pack_reader *r)
{
	const unsigned char *p = take(r, 8);

	return p == NULL ? 0 : be64_get(p);
}

int64_t
pack_get_ms(struct pack_reader *r)
{
	return (int64_t)pack_get64(r);
}

struct span
pack_get_bytes(struct pack_reader *r, int width)
{
	const unsigned char *p = take(r, (size_t)width);
	size_t len = 0;
	int i;

	if (p == NULL)
		return SPAN_EMPTY;
	for (i = 0; i < width; i++)
		len = len << 8 | p[i];
	p = take(r, len);
	return p == NULL ? SPAN_EMPTY : span_of(p, len);
}

void
pack_get_into(struct pack_reader *r, void *out, size_t n)
{
	const unsigned char *p = take(r, n);

	if (p != NULL)
		memcpy(out, p, n);
}

int
pack_end(const struct pack_reader *r, const char *what, struct err *err)
{
	if (r->bad)
		return err_set(err, ERR_CORRUPT, "%s is cut short", what);
	if (r->left != 0)
		return err_set(err, ERR_CORRUPT, "%s has %zu bytes too many",
		    what, r->left);
	return 0;
}
