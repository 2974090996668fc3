/* record.c: encodes and decodes the store's records; see record.h. */
#include "lib/log/record.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/pack.h"

#define GROUP_MAX_EVENTS 65535

/* Every record begins with its version. */
int
record_begin(
    struct pack_reader *r, struct span value, const char *what, struct err *err)
{
	*r = pack_reader_of(value);
	if (value.len == 0)
		return err_set(err, ERR_CORRUPT, "%s record is empty", what);
	if (pack_get8(r) != RECORD_VERSION)
		return err_set(err, ERR_VERSION,
		    "%s record has version %u, this release reads %d", what,
		    *(const unsigned char *)value.ptr, RECORD_VERSION);
	return 0;
}

/* --- event groups -------------------------------------------------------- */

#define EVENT_FIXED (4 + 4 + 8 + 8 + 8 + 1 + 2 + 2 + 2 + 2 + 4 + 4 + 2)

int
record_group_begin(
    struct buf *b, int64_t age_ms, int64_t highest_ms, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put32(b, 0, err) < 0 || pack_put_ms(b, age_ms, err) < 0)
		return -1;
	return pack_put_ms(b, highest_ms, err);
}

size_t
record_event_size(const struct event *ev)
{
	return EVENT_FIXED + ev->id.len + ev->type.len + ev->types.len +
	       ev->content_type.len + ev->headers.len + ev->body.len +
	       ev->contents.len;
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
	if (pack_put32(b, size - 4, err) < 0 ||
	    pack_put32(b, (unsigned long)(ev->seq - first_seq), err) < 0 ||
	    pack_put_ms(b, ev->received_ms, err) < 0 ||
	    pack_put64(b, ev->endpoint_id, err) < 0 ||
	    pack_put64(b, ev->secret_id, err) < 0 ||
	    pack_put8(b, ev->flags, err) < 0 ||
	    pack_put_bytes(b, 2, ev->id, err) < 0 ||
	    pack_put_bytes(b, 2, ev->type, err) < 0 ||
	    pack_put_bytes(b, 2, ev->types, err) < 0 ||
	    pack_put_bytes(b, 2, ev->content_type, err) < 0 ||
	    pack_put_bytes(b, 4, ev->headers, err) < 0 ||
	    pack_put_bytes(b, 4, ev->body, err) < 0 ||
	    pack_put_bytes(b, 2, ev->contents, err) < 0) {
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
	struct pack_reader r;

	if (record_begin(&r, value, "event group", err) < 0)
		return -1;
	out->left = (uint32_t)pack_get32(&r);
	out->age_ms = pack_get_ms(&r);
	out->highest_ms = pack_get_ms(&r);
	if (r.bad)
		return pack_end(&r, "event group", err);
	out->first_seq = first_seq;
	out->rest = span_of(r.p, r.left);
	return 0;
}

int
record_group_next(
    struct record_group *g, struct event *ev, bool *found, struct err *err)
{
	struct pack_reader r = pack_reader_of(g->rest), entry;
	struct span bytes;

	if (g->left == 0) {
		*found = false;
		return pack_end(&r, "event group", err);
	}
	bytes = pack_get_bytes(&r, 4);
	entry = pack_reader_of(bytes);
	entry.bad = r.bad;
	ev->seq = g->first_seq + pack_get32(&entry);
	ev->received_ms = pack_get_ms(&entry);
	ev->age_ms = g->age_ms;
	ev->endpoint_id = pack_get64(&entry);
	ev->secret_id = pack_get64(&entry);
	ev->flags = pack_get8(&entry);
	ev->id = pack_get_bytes(&entry, 2);
	ev->type = pack_get_bytes(&entry, 2);
	ev->types = pack_get_bytes(&entry, 2);
	entry.bad = entry.bad || !event_types_ok(ev->types);
	ev->content_type = pack_get_bytes(&entry, 2);
	ev->headers = pack_get_bytes(&entry, 4);
	ev->body = pack_get_bytes(&entry, 4);
	ev->contents = pack_get_bytes(&entry, 2);
	if (pack_end(&entry, "event", err) < 0)
		return -1;
	g->rest = span_of(r.p, r.left);
	g->left--;
	*found = true;
	return 0;
}

/* --- single records ------------------------------------------------------ */

int
record_put_dedupe(const struct record_dedupe *d, struct buf *b, struct err *err)
{
	const struct dedupe_record *f = &d->first;

	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put8(b, d->has_request_id ? 1 : 0, err) < 0 ||
	    pack_put8(b, f->state, err) < 0 || pack_put64(b, f->seq, err) < 0 ||
	    pack_put_ms(b, f->age_ms, err) < 0 ||
	    buf_put(b, f->id, sizeof(f->id), err) < 0 ||
	    buf_put(b, f->payload, sizeof(f->payload), err) < 0 ||
	    buf_put(b, f->type, sizeof(f->type), err) < 0 ||
	    pack_put_ms(b, d->first_ms, err) < 0 ||
	    pack_put_ms(b, d->last_ms, err) < 0 ||
	    pack_put32(b, d->duplicates, err) < 0)
		return -1;
	return d->has_request_id
		   ? buf_put(b, d->request_id, sizeof(d->request_id), err)
		   : 0;
}

int
record_get_dedupe(struct span value, struct record_dedupe *out, struct err *err)
{
	struct dedupe_record *f = &out->first;
	struct pack_reader r;
	unsigned state;

	if (record_begin(&r, value, "dedupe", err) < 0)
		return -1;
	memset(out, 0, sizeof(*out));
	out->has_request_id = pack_get8(&r) == 1;
	state = pack_get8(&r);
	f->seq = pack_get64(&r);
	f->age_ms = pack_get_ms(&r);
	pack_get_into(&r, f->id, sizeof(f->id));
	pack_get_into(&r, f->payload, sizeof(f->payload));
	pack_get_into(&r, f->type, sizeof(f->type));
	out->first_ms = pack_get_ms(&r);
	out->last_ms = pack_get_ms(&r);
	out->duplicates = (uint32_t)pack_get32(&r);
	if (out->has_request_id)
		pack_get_into(&r, out->request_id, sizeof(out->request_id));
	if (state == DEDUPE_UNKNOWN || state > DEDUPE_REFUSED)
		return err_set(
		    err, ERR_CORRUPT, "dedupe record of state %u", state);
	f->state = (enum dedupe_state)state;
	return pack_end(&r, "dedupe record", err);
}

/* Endpoints and destinations look alike on disk. */
struct owner {
	unsigned state;
	uint64_t generation;
	int64_t created_ms, changed_ms;
	struct span name, doc;
};

static int
put_owner(const struct owner *o, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put8(b, o->state, err) < 0 ||
	    pack_put64(b, o->generation, err) < 0 ||
	    pack_put_ms(b, o->created_ms, err) < 0 ||
	    pack_put_ms(b, o->changed_ms, err) < 0 ||
	    pack_put_bytes(b, 1, o->name, err) < 0)
		return -1;
	return pack_put_bytes(b, 4, o->doc, err);
}

static int
get_owner(struct span value, const char *what, unsigned state_max,
    struct owner *out, struct err *err)
{
	struct pack_reader r;

	if (record_begin(&r, value, what, err) < 0)
		return -1;
	out->state = pack_get8(&r);
	out->generation = pack_get64(&r);
	out->created_ms = pack_get_ms(&r);
	out->changed_ms = pack_get_ms(&r);
	out->name = pack_get_bytes(&r, 1);
	out->doc = pack_get_bytes(&r, 4);
	if (pack_end(&r, what, err) < 0)
		return -1;
	if (out->state == 0 || out->state > state_max ||
	    out->name.len > ENDPOINT_NAME_MAX)
		return err_set(err, ERR_CORRUPT, "%s record is wrong", what);
	return 0;
}

static void
name_into(struct span name, char out[ENDPOINT_NAME_MAX + 1])
{
	if (name.len > 0)
		memcpy(out, name.ptr, name.len);
	out[name.len] = '\0';
}

int
record_put_endpoint(
    const struct store_endpoint *ep, struct buf *b, struct err *err)
{
	struct owner o = { ep->state, ep->generation, ep->created_ms,
		ep->changed_ms, span_str(ep->name), ep->doc };

	return put_owner(&o, b, err);
}

int
record_get_endpoint(
    struct span value, struct store_endpoint *out, struct err *err)
{
	struct owner o;

	if (get_owner(value, "endpoint", STORE_ENDPOINT_REMOVED, &o, err) < 0)
		return -1;
	out->state = (enum store_endpoint_state)o.state;
	out->generation = o.generation;
	out->created_ms = o.created_ms;
	out->changed_ms = o.changed_ms;
	out->doc = o.doc;
	name_into(o.name, out->name);
	return 0;
}

int
record_put_destination(
    const struct store_destination *d, struct buf *b, struct err *err)
{
	struct owner o = { d->state, d->generation, d->created_ms,
		d->changed_ms, span_str(d->name), d->doc };

	return put_owner(&o, b, err);
}

int
record_get_destination(
    struct span value, struct store_destination *out, struct err *err)
{
	struct owner o;

	if (get_owner(
		value, "destination", STORE_DESTINATION_REMOVED, &o, err) < 0)
		return -1;
	out->state = (enum store_destination_state)o.state;
	out->generation = o.generation;
	out->created_ms = o.created_ms;
	out->changed_ms = o.changed_ms;
	out->doc = o.doc;
	name_into(o.name, out->name);
	return 0;
}

int
record_put_secret(const struct secret *s, struct buf *b, struct err *err)
{
	assert(s->state != SECRET_EXPIRED);
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put8(b, s->state, err) < 0 ||
	    pack_put_ms(b, s->created_ms, err) < 0 ||
	    pack_put_ms(b, s->activated_ms, err) < 0 ||
	    pack_put_ms(b, s->until_ms, err) < 0 ||
	    pack_put_ms(b, s->revoked_ms, err) < 0 ||
	    pack_put_ms(b, s->last_used_ms, err) < 0 ||
	    buf_put(b, s->fingerprint, sizeof(s->fingerprint), err) < 0)
		return -1;
	if (pack_put_bytes(b, 4, s->sealed, err) < 0)
		return -1;
	return s->from[0] == '\0'
		   ? 0
		   : pack_put_bytes(b, 1, span_str(s->from), err);
}

int
record_get_secret(struct span value, struct secret *out, struct err *err)
{
	struct span from = SPAN_EMPTY;
	struct pack_reader r;
	unsigned state;

	if (record_begin(&r, value, "secret", err) < 0)
		return -1;
	state = pack_get8(&r);
	out->created_ms = pack_get_ms(&r);
	out->activated_ms = pack_get_ms(&r);
	out->until_ms = pack_get_ms(&r);
	out->revoked_ms = pack_get_ms(&r);
	out->last_used_ms = pack_get_ms(&r);
	pack_get_into(&r, out->fingerprint, sizeof(out->fingerprint));
	out->sealed = pack_get_bytes(&r, 4);
	out->from[0] = '\0';
	if (r.left > 0)
		from = pack_get_bytes(&r, 1);
	if (pack_end(&r, "secret record", err) < 0)
		return -1;
	if (from.len > SECRET_FROM_MAX)
		return err_set(err, ERR_CORRUPT, "secret record is wrong");
	snprintf(out->from, sizeof(out->from), "%.*s", (int)from.len,
	    from.len == 0 ? "" : (const char *)from.ptr);
	if (state != SECRET_STAGED && state != SECRET_CURRENT &&
	    state != SECRET_PREVIOUS && state != SECRET_REVOKED)
		return err_set(err, ERR_CORRUPT, "secret record is wrong");
	out->state = (enum secret_state)state;
	return 0;
}

/* Version 1 has no people in it; those of before are read. */
#define AUDIT_VERSION 2

static int
put_person(struct buf *b, const struct store_person *p, struct err *err)
{
	if (pack_put8(b, p->known, err) < 0 || pack_put32(b, p->uid, err) < 0)
		return -1;
	return pack_put_bytes(b, 1, span_str(p->name), err);
}

static void
get_person(struct pack_reader *r, struct store_person *out)
{
	struct span name;
	size_t len;

	memset(out, 0, sizeof(*out));
	out->known = pack_get8(r) != 0;
	out->uid = (unsigned)pack_get32(r);
	name = pack_get_bytes(r, 1);
	len = name.len < STORE_PERSON_NAME ? name.len : STORE_PERSON_NAME;
	if (len > 0)
		memcpy(out->name, name.ptr, len);
}

int
record_put_audit(const struct store_audit *a, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, AUDIT_VERSION, err) < 0 ||
	    pack_put_ms(b, a->at_ms, err) < 0 ||
	    pack_put32(b, a->uid, err) < 0 || pack_put32(b, a->pid, err) < 0 ||
	    pack_put_bytes(b, 1, a->program, err) < 0 ||
	    pack_put_bytes(b, 1, a->verb, err) < 0 ||
	    pack_put_bytes(b, 2, a->target, err) < 0 ||
	    pack_put_bytes(b, 4, a->detail, err) < 0 ||
	    put_person(b, &a->user, err) < 0 ||
	    put_person(b, &a->login, err) < 0)
		return -1;
	return put_person(b, &a->claimed, err);
}

int
record_get_audit(struct span value, struct store_audit *out, struct err *err)
{
	bool people =
	    value.len > 0 && *(const unsigned char *)value.ptr == AUDIT_VERSION;
	struct pack_reader r = pack_reader_of(value);

	if (people)
		(void)pack_get8(&r);
	else if (record_begin(&r, value, "audit", err) < 0)
		return -1;
	memset(&out->user, 0, sizeof(out->user));
	out->login = out->claimed = out->user;
	out->at_ms = pack_get_ms(&r);
	out->uid = (unsigned)pack_get32(&r);
	out->pid = (unsigned)pack_get32(&r);
	out->program = pack_get_bytes(&r, 1);
	out->verb = pack_get_bytes(&r, 1);
	out->target = pack_get_bytes(&r, 2);
	out->detail = pack_get_bytes(&r, 4);
	if (people) {
		get_person(&r, &out->user);
		get_person(&r, &out->login);
		get_person(&r, &out->claimed);
	}
	return pack_end(&r, "audit record", err);
}

int
record_put_notice(const struct record_notice *n, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put_ms(b, n->at_ms, err) < 0 ||
	    pack_put_bytes(b, 1, n->id, err) < 0 ||
	    pack_put_bytes(b, 1, n->type, err) < 0)
		return -1;
	return pack_put_bytes(b, 4, n->data, err);
}

int
record_get_notice(struct span value, struct record_notice *out, struct err *err)
{
	struct pack_reader r;

	if (record_begin(&r, value, "notice", err) < 0)
		return -1;
	out->at_ms = pack_get_ms(&r);
	out->id = pack_get_bytes(&r, 1);
	out->type = pack_get_bytes(&r, 1);
	out->data = pack_get_bytes(&r, 4);
	return pack_end(&r, "notice", err);
}

int
record_put_mark(const struct notice_mark *m, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put_ms(b, m->at_ms, err) < 0)
		return -1;
	return pack_put64(b, m->n, err);
}

int
record_get_mark(struct span value, struct notice_mark *out, struct err *err)
{
	struct pack_reader r;

	if (record_begin(&r, value, "mark", err) < 0)
		return -1;
	out->at_ms = pack_get_ms(&r);
	out->n = pack_get64(&r);
	return pack_end(&r, "mark", err);
}

int
record_put_dead(const struct record_dead *d, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put_ms(b, d->age_ms, err) < 0 ||
	    pack_put32(b, d->said, err) < 0 ||
	    pack_put64(b, d->kept, err) < 0 ||
	    pack_put_ms(b, d->since_ms, err) < 0 ||
	    pack_put64(b, d->seq, err) < 0 ||
	    pack_put32(b, (unsigned long)d->status & 0xffffffff, err) < 0 ||
	    pack_put_bytes(b, 1, d->reason, err) < 0)
		return -1;
	return pack_put_bytes(b, 2, d->words, err);
}

int
record_get_dead(struct span value, struct record_dead *out, struct err *err)
{
	struct pack_reader r;

	if (record_begin(&r, value, "dead letters", err) < 0)
		return -1;
	out->age_ms = pack_get_ms(&r);
	out->said = (uint32_t)pack_get32(&r);
	out->kept = pack_get64(&r);
	out->since_ms = pack_get_ms(&r);
	out->seq = pack_get64(&r);
	out->status = (int)pack_get32(&r);
	out->reason = pack_get_bytes(&r, 1);
	out->words = pack_get_bytes(&r, 2);
	return pack_end(&r, "dead letters", err);
}

int
record_put_request(
    const struct record_request *q, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put_ms(b, q->age_ms, err) < 0)
		return -1;
	return pack_put_bytes(b, 4, q->result, err);
}

int
record_get_request(
    struct span value, struct record_request *out, struct err *err)
{
	struct pack_reader r;

	if (record_begin(&r, value, "request", err) < 0)
		return -1;
	out->age_ms = pack_get_ms(&r);
	out->result = pack_get_bytes(&r, 4);
	return pack_end(&r, "request record", err);
}

#define SEGMENT_CLOSED 1
#define SEGMENT_TRIES 2
#define SEGMENT_DAMAGED 4
#define SEGMENT_ACCEPTED 8

int
record_put_segment(
    const struct record_segment *s, struct buf *b, struct err *err)
{
	unsigned flags = (s->closed ? SEGMENT_CLOSED : 0U) |
			 (s->tries ? SEGMENT_TRIES : 0U) |
			 (s->damaged ? SEGMENT_DAMAGED : 0U) |
			 (s->accepted ? SEGMENT_ACCEPTED : 0U);

	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put8(b, flags, err) < 0 ||
	    pack_put64(b, s->first_seq, err) < 0 ||
	    pack_put64(b, s->last_seq, err) < 0 ||
	    pack_put64(b, s->events, err) < 0 ||
	    pack_put_ms(b, s->opened_ms, err) < 0 ||
	    pack_put_ms(b, s->last_ms, err) < 0 ||
	    pack_put_ms(b, s->opened_age_ms, err) < 0 ||
	    pack_put_ms(b, s->last_age_ms, err) < 0 ||
	    pack_put_ms(b, s->lowest_ms, err) < 0 ||
	    pack_put_ms(b, s->highest_ms, err) < 0)
		return -1;
	return pack_put64(b, s->back_seq, err);
}

int
record_get_segment(
    struct span value, struct record_segment *out, struct err *err)
{
	struct pack_reader r;
	unsigned flags;

	if (record_begin(&r, value, "segment", err) < 0)
		return -1;
	flags = pack_get8(&r);
	out->closed = (flags & SEGMENT_CLOSED) != 0;
	out->tries = (flags & SEGMENT_TRIES) != 0;
	out->damaged = (flags & SEGMENT_DAMAGED) != 0;
	out->accepted = (flags & SEGMENT_ACCEPTED) != 0;
	out->first_seq = pack_get64(&r);
	out->last_seq = pack_get64(&r);
	out->events = pack_get64(&r);
	out->opened_ms = pack_get_ms(&r);
	out->last_ms = pack_get_ms(&r);
	out->opened_age_ms = pack_get_ms(&r);
	out->last_age_ms = pack_get_ms(&r);
	out->lowest_ms = pack_get_ms(&r);
	out->highest_ms = pack_get_ms(&r);
	out->back_seq = pack_get64(&r);
	return pack_end(&r, "segment record", err);
}
