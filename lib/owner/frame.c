/* frame.c: frames to bytes and back. */
#include "lib/owner/frame.h"

#include <limits.h>
#include <string.h>

#include "lib/base/util.h"

#define LENGTH_BYTES 4
#define VERSION_AND_TYPE (FRAME_HEAD - LENGTH_BYTES)

static const struct frame_kind {
	enum frame_type type;
	size_t content_max;
	bool every_version; /* reads the same whatever version it carries */
} kinds[] = {
	{ FRAME_HELLO, FRAME_TEXT_MAX, true },
	{ FRAME_WELCOME, FRAME_TEXT_MAX, true },
	{ FRAME_PING, 0, true },
	{ FRAME_PONG, 0, true },
	{ FRAME_REQUEST, FRAME_MAX - VERSION_AND_TYPE, false },
	{ FRAME_REPLY, RECEIVE_REPLY_MAX + RECEIVE_LOG_MAX + 1024, false },
	{ FRAME_CALL, FRAME_MAX - VERSION_AND_TYPE, false },
	{ FRAME_ROW, FRAME_MAX - VERSION_AND_TYPE, false },
	{ FRAME_END, FRAME_TEXT_MAX, false },
	{ FRAME_LEAVE, 0, true },
	{ FRAME_BUSY, FRAME_TEXT_MAX, true },
	{ FRAME_FEED, FRAME_MAX - VERSION_AND_TYPE, false },
	{ FRAME_FED, FRAME_MAX - VERSION_AND_TYPE, false },
	{ FRAME_ASK, FRAME_MAX - VERSION_AND_TYPE, false },
};

static const struct frame_kind *
kind_of(unsigned type)
{
	size_t i;

	for (i = 0; i < NITEMS(kinds); i++)
		if ((unsigned)kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

/* --- frames --------------------------------------------------------------- */

int
frame_total(struct span in, size_t *total, struct err *err)
{
	const unsigned char *p = in.ptr;
	const struct frame_kind *kind;
	unsigned long len = 0;

	if (in.len >= LENGTH_BYTES) {
		len = be32_get(p);
		if (len < VERSION_AND_TYPE || len > FRAME_MAX)
			return err_set(err, ERR_INPUT,
			    "a frame says that it has %lu bytes, which is not "
			    "between %d and %d",
			    len, VERSION_AND_TYPE, FRAME_MAX);
	}
	if (in.len < FRAME_HEAD) {
		*total = 0;
		return 0;
	}
	kind = kind_of(p[5]);
	if (p[4] != FRAME_VERSION && (kind == NULL || !kind->every_version))
		return err_set(err, ERR_VERSION,
		    "a frame is of version %u, and this release speaks "
		    "version %d",
		    p[4], FRAME_VERSION);
	if (kind == NULL)
		return err_set(
		    err, ERR_INPUT, "there is no frame of type %u", p[5]);
	if (len - VERSION_AND_TYPE > kind->content_max)
		return err_set(err, ERR_INPUT,
		    "a frame of type %u has %lu bytes of content, more than "
		    "%zu",
		    p[5], len - VERSION_AND_TYPE, kind->content_max);
	*total = LENGTH_BYTES + (size_t)len;
	return 0;
}

int
frame_room(struct buf *in, size_t total, struct err *err)
{
	struct buf grown = BUF_INIT(in->max);
	size_t need = total > FRAME_ROOM ? total : FRAME_ROOM;
	unsigned char *at;

	if (in->room >= need)
		return 0;
	if (buf_reserve(&grown, need, &at, err) < 0)
		return -1;
	if (in->len > 0)
		memcpy(at, in->ptr, in->len);
	grown.len = in->len;
	buf_wipe(in);
	*in = grown;
	return 0;
}

int
frame_decode(struct span in, struct frame *out, size_t *used, struct err *err)
{
	size_t total;

	if (frame_total(in, &total, err) < 0)
		return -1;
	if (total == 0 || in.len < total) {
		*used = 0;
		return 0;
	}
	out->type = (enum frame_type)((const unsigned char *)in.ptr)[5];
	out->content = span_skip(span_of(in.ptr, total), FRAME_HEAD);
	*used = total;
	return 0;
}

int
frame_begin(enum frame_type type, struct buf *out, size_t *at, struct err *err)
{
	unsigned char head[FRAME_HEAD] = { 0 };
	size_t start = out->len;

	head[4] = FRAME_VERSION;
	head[5] = (unsigned char)type;
	if (buf_put(out, head, sizeof(head), err) < 0)
		return -1;
	*at = start;
	return 0;
}

int
frame_finish(struct buf *out, size_t at, struct err *err)
{
	size_t content = out->len - at - FRAME_HEAD;
	const struct frame_kind *kind = kind_of(out->ptr[at + 5]);

	if (content > kind->content_max) {
		out->len = at;
		return err_set(err, ERR_LIMIT,
		    "%zu bytes are more than a frame of type %u may hold (%zu)",
		    content, (unsigned)kind->type, kind->content_max);
	}
	be32_put(out->ptr + at, VERSION_AND_TYPE + content);
	return 0;
}

int
frame_encode(
    enum frame_type type, struct span content, struct buf *out, struct err *err)
{
	size_t at;

	if (frame_begin(type, out, &at, err) < 0)
		return -1;
	if (buf_put_span(out, content, err) < 0) {
		out->len = at;
		return -1;
	}
	return frame_finish(out, at, err);
}
