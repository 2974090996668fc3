/* resolver.c: keeps a request's body and the values that were made of it. */
#include "lib/scheme/resolve_impl.h"

#include <stdlib.h>
#include <string.h>

#include "lib/scheme/impl.h"

struct made {
	struct made *next;
	struct buf bytes;
};

void
resolver_init(
    struct resolver *rs, const struct scheme *sc, const struct verify_input *in)
{
	memset(rs, 0, sizeof(*rs));
	rs->sc = sc;
	rs->in = in;
	rs->split = sc->split;
}

void
resolver_free(struct resolver *rs)
{
	resolver_forget(rs);
	buf_wipe(&rs->json);
	body_close(&rs->body);
}

void
resolver_forget(struct resolver *rs)
{
	struct made *m;

	while ((m = rs->made) != NULL) {
		rs->made = m->next;
		buf_wipe(&m->bytes);
		free(m);
	}
}

struct buf *
resolver_make(struct resolver *rs, size_t max, struct err *err)
{
	struct made *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a request's value");
		return NULL;
	}
	m->bytes.max = max;
	m->next = rs->made;
	rs->made = m;
	return &m->bytes;
}

int
resolver_body(struct resolver *rs, const struct body **out, struct err *err)
{
	struct body *body = rs->in->body == NULL ? &rs->body : rs->in->body;

	*out = body;
	return body_open(body, rs->in->request, err);
}

int
resolver_signed_body(struct resolver *rs, enum resolve_outcome *how,
    struct span *bytes, struct err *err)
{
	const struct body *body;

	*how = RESOLVE_OK;
	*bytes = rs->in->request->body;
	if (!rs->sc->signs_decoded)
		return 0;
	if (resolver_body(rs, &body, err) < 0)
		return -1;
	*bytes = body->bytes;
	if (body->why != NULL)
		*how = RESOLVE_UNREADABLE;
	return 0;
}

const char *
resolver_reason(const struct resolver *rs, const struct piece *piece,
    enum resolve_outcome how)
{
	const struct body *body =
	    rs->in->body == NULL ? &rs->body : rs->in->body;

	if (how == RESOLVE_ABSENT)
		return piece->absent;
	return how == RESOLVE_UNREADABLE && body->why != NULL ? body->why
							      : piece->broken;
}
