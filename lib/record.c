/* record.c: encodes and decodes the store's records; see record.h. */
#include "lib/record.h"

#include <assert.h>
#include <string.h>

#define GROUP_MAX_EVENTS 65535
#define FIELD_MAX (32 * 1024 * 1024)

/* --- writing: append what fits, fail where it does not ------------------- */

static int
put8(struct buf *b, unsigned v, struct err *err)
{
	return buf_putc(b, (unsigned char)v, err);
}

static int
put32(struct buf *b, unsigned long v, struct err *err)
{
	unsigned char p[4];

	be32_put(p, v);
	return buf_put(b, p, sizeof(p), err);
}

static int
put64(struct buf *b, uint64_t v, struct err *err)
{
	unsigned char p[8];

	be64_put(p, v);
	return buf_put(b, p, sizeof(p), err);
}

static int
put_ms(struct buf *b, int64_t v, struct err *err)
{
	return put64(b, (uint64_t)v, err);
}

/* A length of width bytes, then the bytes. */
static int
put_bytes(struct buf *b, int width, struct span s, struct err *err)
{
	unsigned char p[4];

	if (width < 4 && s.len >= (size_t)1 << 8 * width)
		return err_set(
		    err, ERR_LIMIT, "%zu bytes do not fit their field", s.len);
	if (s.len > FIELD_MAX)
		return err_set(err, ERR_LIMIT, "field of %zu bytes", s.len);
	be32_put(p, s.len);
	return buf_put(b, p + 4 - width, (size_t)width, err) < 0
		   ? -1
		   : buf_put_span(b, s, err);
}

/* --- reading: a cursor that turns bad and stays so ----------------------- */

struct reader {
	const unsigned char *p;
	size_t left;
	bool bad;
};

static const unsigned char *
take(struct reader *r, size_t n)
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

static unsigned
get8(struct reader *r)
{
	const unsigned char *p = take(r, 1);

	return p == NULL ? 0 : p[0];
}

static unsigned long
get32(struct reader *r)
{
	const unsigned char *p = take(r, 4);

	return p == NULL ? 0 : be32_get(p);
}

static uint64_t
get64(struct reader *r)
{
	const unsigned char *p = take(r, 8);

	return p == NULL ? 0 : be64_get(p);
}

static int64_t
get_ms(struct reader *r)
{
	return (int64_t)get64(r);
}

static struct span
get_bytes(struct reader *r, int width)
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

static void
get_into(struct reader *r, void *out, size_t n)
{
	const unsigned char *p = take(r, n);

	if (p != NULL)
		memcpy(out, p, n);
}

static int
read_begin(
    struct reader *r, struct span value, const char *what, struct err *err)
{
	r->p = value.ptr;
	r->left = value.len;
	r->bad = false;
	if (value.len == 0)
		return err_set(err, ERR_CORRUPT, "%s record is empty", what);
	if (get8(r) != RECORD_VERSION)
		return err_set(err, ERR_VERSION,
		    "%s record has version %u, this release reads %d", what,
		    *(const unsigned char *)value.ptr, RECORD_VERSION);
	return 0;
}

static int
read_end(const struct reader *r, const char *what, struct err *err)
{
	if (r->bad)
		return err_set(
		    err, ERR_CORRUPT, "%s record is cut short", what);
	if (r->left != 0)
		return err_set(err, ERR_CORRUPT,
		    "%s record has %zu bytes too many", what, r->left);
	return 0;
}

/* --- event groups -------------------------------------------------------- */

#define EVENT_FIXED (4 + 4 + 8 + 8 + 8 + 1 + 2 + 2 + 2 + 4 + 4)

int
record_group_begin(struct buf *b, struct err *err)
{
	buf_clear(b);
	return put8(b, RECORD_VERSION, err) < 0 ? -1 : put32(b, 0, err);
}

size_t
record_event_size(const struct event *ev)
{
	return EVENT_FIXED + ev->id.len + ev->type.len + ev->content_type.len +
	       ev->headers.len + ev->body.len;
}

int
record_group_add(
    struct buf *b, uint64_t first_seq, const struct event *ev, struct err *err)
{
	size_t was = b->len, size = record_event_size(ev);
	unsigned long count = be32_get(b->ptr + 1);

	assert(ev->seq >= first_seq && ev->seq - first_seq < UINT32_MAX);
	if (count >= GROUP_MAX_EVENTS)
		return err_set(err, ERR_LIMIT, "group of %lu events", count);
	if (put32(b, size - 4, err) < 0 ||
	    put32(b, (unsigned long)(ev->seq - first_seq), err) < 0 ||
	    put_ms(b, ev->received_ms, err) < 0 ||
	    put64(b, ev->endpoint_id, err) < 0 ||
	    put64(b, ev->secret_id, err) < 0 || put8(b, ev->flags, err) < 0 ||
	    put_bytes(b, 2, ev->id, err) < 0 ||
	    put_bytes(b, 2, ev->type, err) < 0 ||
	    put_bytes(b, 2, ev->content_type, err) < 0 ||
	    put_bytes(b, 4, ev->headers, err) < 0 ||
	    put_bytes(b, 4, ev->body, err) < 0) {
		b->len = was;
		return -1;
	}
	assert(b->len - was == size);
	be32_put(b->ptr + 1, count + 1);
	return 0;
}

int
record_group_open(struct span value, uint64_t first_seq,
    struct record_group *out, struct err *err)
{
	struct reader r;

	if (read_begin(&r, value, "event group", err) < 0)
		return -1;
	out->left = (uint32_t)get32(&r);
	if (r.bad)
		return read_end(&r, "event group", err);
	out->first_seq = first_seq;
	out->rest = span_of(r.p, r.left);
	return 0;
}

int
record_group_next(
    struct record_group *g, struct event *ev, bool *found, struct err *err)
{
	struct reader r = { g->rest.ptr, g->rest.len, false }, entry;
	struct span bytes;

	if (g->left == 0) {
		*found = false;
		return read_end(&r, "event group", err);
	}
	bytes = get_bytes(&r, 4);
	entry.p = bytes.ptr;
	entry.left = bytes.len;
	entry.bad = r.bad;
	ev->seq = g->first_seq + get32(&entry);
	ev->received_ms = get_ms(&entry);
	ev->endpoint_id = get64(&entry);
	ev->secret_id = get64(&entry);
	ev->flags = get8(&entry);
	ev->id = get_bytes(&entry, 2);
	ev->type = get_bytes(&entry, 2);
	ev->content_type = get_bytes(&entry, 2);
	ev->headers = get_bytes(&entry, 4);
	ev->body = get_bytes(&entry, 4);
	if (read_end(&entry, "event", err) < 0)
		return -1;
	g->rest = span_of(r.p, r.left);
	g->left--;
	*found = true;
	return 0;
}

/* --- single records ------------------------------------------------------ */

int
record_put_seen(const struct record_seen *s, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (put8(b, RECORD_VERSION, err) < 0 ||
	    put8(b, s->has_request_id ? 1 : 0, err) < 0 ||
	    put64(b, s->seq, err) < 0 || put_ms(b, s->first_ms, err) < 0 ||
	    put_ms(b, s->last_ms, err) < 0 ||
	    put32(b, s->duplicates, err) < 0 ||
	    buf_put(b, s->digest, sizeof(s->digest), err) < 0)
		return -1;
	return s->has_request_id
		   ? buf_put(b, s->request_id, sizeof(s->request_id), err)
		   : 0;
}

int
record_get_seen(struct span value, struct record_seen *out, struct err *err)
{
	struct reader r;

	if (read_begin(&r, value, "seen", err) < 0)
		return -1;
	memset(out, 0, sizeof(*out));
	out->has_request_id = get8(&r) == 1;
	out->seq = get64(&r);
	out->first_ms = get_ms(&r);
	out->last_ms = get_ms(&r);
	out->duplicates = (uint32_t)get32(&r);
	get_into(&r, out->digest, sizeof(out->digest));
	if (out->has_request_id)
		get_into(&r, out->request_id, sizeof(out->request_id));
	return read_end(&r, "seen", err);
}

int
record_put_endpoint(
    const struct store_endpoint *ep, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (put8(b, RECORD_VERSION, err) < 0 || put8(b, ep->state, err) < 0 ||
	    put64(b, ep->generation, err) < 0 ||
	    put_ms(b, ep->created_ms, err) < 0 ||
	    put_ms(b, ep->changed_ms, err) < 0 ||
	    put_bytes(b, 1, span_str(ep->name), err) < 0)
		return -1;
	return put_bytes(b, 4, ep->doc, err);
}

int
record_get_endpoint(
    struct span value, struct store_endpoint *out, struct err *err)
{
	struct reader r;
	struct span name;
	unsigned state;

	if (read_begin(&r, value, "endpoint", err) < 0)
		return -1;
	state = get8(&r);
	out->generation = get64(&r);
	out->created_ms = get_ms(&r);
	out->changed_ms = get_ms(&r);
	name = get_bytes(&r, 1);
	out->doc = get_bytes(&r, 4);
	if (read_end(&r, "endpoint", err) < 0)
		return -1;
	if (state < STORE_ENDPOINT_ENABLED || state > STORE_ENDPOINT_REMOVED ||
	    name.len > ENDPOINT_NAME_MAX)
		return err_set(err, ERR_CORRUPT, "endpoint record is wrong");
	out->state = (enum store_endpoint_state)state;
	if (name.len > 0)
		memcpy(out->name, name.ptr, name.len);
	out->name[name.len] = '\0';
	return 0;
}

int
record_put_secret(const struct secret *s, struct buf *b, struct err *err)
{
	assert(s->state != SECRET_EXPIRED);
	buf_clear(b);
	if (put8(b, RECORD_VERSION, err) < 0 || put8(b, s->state, err) < 0 ||
	    put_ms(b, s->created_ms, err) < 0 ||
	    put_ms(b, s->activated_ms, err) < 0 ||
	    put_ms(b, s->until_ms, err) < 0 ||
	    put_ms(b, s->revoked_ms, err) < 0 ||
	    put_ms(b, s->last_used_ms, err) < 0 ||
	    buf_put(b, s->fingerprint, sizeof(s->fingerprint), err) < 0)
		return -1;
	return put_bytes(b, 4, s->sealed, err);
}

int
record_get_secret(struct span value, struct secret *out, struct err *err)
{
	struct reader r;
	unsigned state;

	if (read_begin(&r, value, "secret", err) < 0)
		return -1;
	state = get8(&r);
	out->created_ms = get_ms(&r);
	out->activated_ms = get_ms(&r);
	out->until_ms = get_ms(&r);
	out->revoked_ms = get_ms(&r);
	out->last_used_ms = get_ms(&r);
	get_into(&r, out->fingerprint, sizeof(out->fingerprint));
	out->sealed = get_bytes(&r, 4);
	if (read_end(&r, "secret", err) < 0)
		return -1;
	if (state != SECRET_STAGED && state != SECRET_CURRENT &&
	    state != SECRET_PREVIOUS && state != SECRET_REVOKED)
		return err_set(err, ERR_CORRUPT, "secret record is wrong");
	out->state = (enum secret_state)state;
	return 0;
}

int
record_put_audit(const struct store_audit *a, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (put8(b, RECORD_VERSION, err) < 0 || put_ms(b, a->at_ms, err) < 0 ||
	    put32(b, a->uid, err) < 0 || put32(b, a->pid, err) < 0 ||
	    put_bytes(b, 1, a->program, err) < 0 ||
	    put_bytes(b, 1, a->verb, err) < 0 ||
	    put_bytes(b, 2, a->target, err) < 0)
		return -1;
	return put_bytes(b, 4, a->detail, err);
}

int
record_get_audit(struct span value, struct store_audit *out, struct err *err)
{
	struct reader r;

	if (read_begin(&r, value, "audit", err) < 0)
		return -1;
	out->at_ms = get_ms(&r);
	out->uid = (unsigned)get32(&r);
	out->pid = (unsigned)get32(&r);
	out->program = get_bytes(&r, 1);
	out->verb = get_bytes(&r, 1);
	out->target = get_bytes(&r, 2);
	out->detail = get_bytes(&r, 4);
	return read_end(&r, "audit", err);
}

int
record_put_request(
    const struct record_request *q, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (put8(b, RECORD_VERSION, err) < 0 || put_ms(b, q->at_ms, err) < 0)
		return -1;
	return put_bytes(b, 4, q->result, err);
}

int
record_get_request(
    struct span value, struct record_request *out, struct err *err)
{
	struct reader r;

	if (read_begin(&r, value, "request", err) < 0)
		return -1;
	out->at_ms = get_ms(&r);
	out->result = get_bytes(&r, 4);
	return read_end(&r, "request", err);
}

int
record_put_segment(
    const struct record_segment *s, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (put8(b, RECORD_VERSION, err) < 0 ||
	    put8(b, s->closed ? 1 : 0, err) < 0 ||
	    put64(b, s->first_seq, err) < 0 || put64(b, s->last_seq, err) < 0 ||
	    put64(b, s->events, err) < 0 || put_ms(b, s->opened_ms, err) < 0)
		return -1;
	return put_ms(b, s->last_ms, err);
}

int
record_get_segment(
    struct span value, struct record_segment *out, struct err *err)
{
	struct reader r;

	if (read_begin(&r, value, "segment", err) < 0)
		return -1;
	out->closed = get8(&r) == 1;
	out->first_seq = get64(&r);
	out->last_seq = get64(&r);
	out->events = get64(&r);
	out->opened_ms = get_ms(&r);
	out->last_ms = get_ms(&r);
	return read_end(&r, "segment", err);
}
