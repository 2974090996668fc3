/* kept.c: headers of requests that destinations want to see. */
#include "lib/receive/kept.h"

#include <stdlib.h>
#include <string.h>

#include "lib/store/delivery.h"

struct kept {
	char **names;
	size_t n;
};

void
kept_free(struct kept *kp)
{
	if (kp == NULL)
		return;
	while (kp->n > 0)
		free(kp->names[--kp->n]);
	free(kp->names);
	free(kp);
}

static bool
has(const struct kept *kp, struct span name)
{
	size_t i;

	for (i = 0; i < kp->n; i++)
		if (span_is_nocase(name, kp->names[i]))
			return true;
	return false;
}

static int
add(struct kept *kp, const char *name, struct err *err)
{
	char **grown;

	if (has(kp, span_str(name)))
		return 0;
	grown = realloc(kp->names, (kp->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_set(err, ERR_NOMEM, "no memory for header names");
	kp->names = grown;
	kp->names[kp->n] = span_dup(span_str(name), err);
	if (kp->names[kp->n] == NULL)
		return -1;
	kp->n++;
	return 0;
}

static int
add_wanted(struct kept *kp, const struct destination *d, struct err *err)
{
	size_t i;

	for (i = 0; i < d->nforward; i++)
		if (add(kp, d->forward[i], err) < 0)
			return -1;
	if (d->key == NULL ||
	    !span_starts(span_str(d->key), DESTINATION_KEY_HEADER))
		return 0;
	return add(kp, d->key + strlen(DESTINATION_KEY_HEADER), err);
}

static int
look_at(void *arg, const struct store_destination *row, struct err *err)
{
	struct destination d;
	struct err why = ERR_INIT;
	int ret = 0;

	if (row->state == STORE_DESTINATION_REMOVED)
		return 0;
	destination_init(&d);
	/* One that cannot be read delivers nothing either. */
	if (destination_decode(row->doc, &d, &why) == 0)
		ret = add_wanted(arg, &d, err);
	destination_free(&d);
	return ret;
}

int
kept_load(struct store *st, struct kept **out, struct err *err)
{
	struct kept *kp = calloc(1, sizeof(*kp));

	if (kp == NULL)
		return err_set(err, ERR_NOMEM, "no memory for header names");
	if (store_destinations(st, NULL, look_at, kp, err) < 0) {
		kept_free(kp);
		return -1;
	}
	*out = kp;
	return 0;
}

/* Nothing in it that ends a line. */
static bool
is_line(struct span s)
{
	return span_find(s, '\n') == s.len && span_find(s, '\r') == s.len &&
	       span_find(s, '\0') == s.len;
}

int
kept_put(const struct kept *kp, const struct scheme *sc,
    const struct request *rq, struct buf *out, struct err *err)
{
	const struct header *h;
	size_t i, len;

	for (i = 0; kp->n > 0 && i < rq->nheaders; i++) {
		h = &rq->headers[i];
		len = h->name.len + h->value.len + 3;
		if (!has(kp, h->name) || scheme_header_is_secret(sc, h->name) ||
		    !is_line(h->value) || len > KEPT_MAX - out->len)
			continue;
		if (buf_put_span(out, h->name, err) < 0 ||
		    buf_puts(out, ": ", err) < 0 ||
		    buf_put_span(out, h->value, err) < 0 ||
		    buf_putc(out, '\n', err) < 0)
			return -1;
	}
	return 0;
}
