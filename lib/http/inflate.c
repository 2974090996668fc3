/* inflate.c: unpacks through zlib. */
#include "lib/http/inflate.h"

#include <limits.h>
#include <string.h>

#define ZLIB_CONST /* next_in points to what is only read */
#include <zlib.h>

#define STEP 16384 /* bytes of room made at a time, at least */
/* For inflateInit2: the largest window; with 16 more, a gzip head. */
#define WINDOW_ZLIB 15
#define WINDOW_GZIP (15 + 16)

/* Packed bytes on their way through zlib. */
struct unpacking {
	z_stream z;
	struct span rest; /* not handed to zlib yet */
	struct buf *out;
	size_t max;
	unsigned members;
	struct err *err;
};

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Hands zlib the next bytes, as many as its counters hold. */
static void
feed(struct unpacking *u)
{
	size_t n = least(u->rest.len, UINT_MAX / 2);

	if (u->z.avail_in > 0 || n == 0)
		return;
	u->z.next_in = u->rest.ptr;
	u->z.avail_in = (uInt)n;
	u->rest = span_skip(u->rest, n);
}

/* One call of zlib: its answer, or Z_MEM_ERROR with err set. */
static int
step(struct unpacking *u)
{
	/* One byte more than may be tells that there are more. */
	size_t room = least(
	    u->max + 1 - u->out->len, u->out->len < STEP ? STEP : u->out->len);
	unsigned char *at;
	int answer;

	room = least(room, UINT_MAX / 2);
	if (buf_reserve(u->out, room, &at, u->err) < 0)
		return Z_MEM_ERROR;
	feed(u);
	u->z.next_out = at;
	u->z.avail_out = (uInt)room;
	answer = inflate(&u->z, Z_NO_FLUSH);
	u->out->len += room - u->z.avail_out;
	if (answer == Z_MEM_ERROR)
		err_set(u->err, ERR_NOMEM, "no memory to unpack a body");
	return answer;
}

/* Behind the end of a member: 1 when the next one begins, 0 when all is read.
 */
static int
next_member(struct unpacking *u)
{
	if (u->z.avail_in == 0 && u->rest.len == 0)
		return 0;
	u->members++;
	return inflateReset(&u->z) == Z_OK ? 1 : 0;
}

static int
unpack(
    struct unpacking *u, enum inflate_format format, enum inflate_outcome *how)
{
	int answer = Z_OK;

	*how = INFLATE_BROKEN;
	for (;;) {
		answer = step(u);
		if (answer == Z_MEM_ERROR)
			return -1;
		if (u->out->len > u->max) {
			*how = INFLATE_TOO_LARGE;
			return 0;
		}
		if (answer == Z_STREAM_END) {
			if (next_member(u) == 0) {
				*how = INFLATE_OK;
				return 0;
			}
			if (format != INFLATE_GZIP ||
			    u->members == INFLATE_MEMBERS_MAX)
				return 0;
		} else if (answer != Z_OK ||
			   (u->z.avail_in == 0 && u->rest.len == 0 &&
			       u->z.avail_out > 0)) {
			return 0; /* no such format, or it ends too early */
		}
	}
}

int
inflate_all(enum inflate_format format, struct span packed, size_t max,
    struct buf *out, enum inflate_outcome *how, struct err *err)
{
	struct unpacking u = {
		.rest = packed, .out = out, .max = max, .err = err
	};
	int ret;

	buf_clear(out);
	out->max = max + 1;
	if (inflateInit2(&u.z,
		format == INFLATE_GZIP ? WINDOW_GZIP : WINDOW_ZLIB) != Z_OK)
		return err_set(err, ERR_NOMEM, "no memory to unpack a body");
	ret = unpack(&u, format, how);
	inflateEnd(&u.z);
	return ret;
}
