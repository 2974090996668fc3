/* identify.c: which event is a request that was verified? */
#include <string.h>

#include "lib/json_scan.h"
#include "lib/resolve.h"
#include "lib/scheme_impl.h"
#include "lib/text.h"
#include "lib/util.h"
#include "lib/verify.h"

/* What the answer is made in. */
struct identifier {
	struct resolver rs;
	struct buf *scratch;
	struct identity *out;
	struct err *err;
};

/* Sets the outcome and why, inert and cut to its room. */
static void
refuse(struct identity *out, enum identify_outcome outcome, const char *what,
    const char *why)
{
	struct buf line = BUF_INIT(2048);
	struct err ignored = ERR_INIT;
	size_t len;

	out->outcome = outcome;
	out->why[0] = '\0';
	if (text_put_safe(&line, span_str(what), &ignored) == 0 &&
	    text_put_safe(&line, span_str(why), &ignored) == 0) {
		len = line.len < sizeof(out->why) - 1 ? line.len
						      : sizeof(out->why) - 1;
		memcpy(out->why, line.ptr, len);
		out->why[len] = '\0';
	}
	buf_free(&line);
}

/*
 * A string that means something, but nothing that can be kept: with \u0000 or
 * half a surrogate pair in it. Other values that do not fit are passed over.
 */
static bool
is_bad_string(const struct identifier *id, const struct piece *p)
{
	struct span raw;

	return p->kind == PIECE_JSON &&
	       json_find(id->rs.in->request->body, p->arg, &raw) == JSON_STRING;
}

/*
 * The value of the first template that resolves whole, behind scratch. 1: it
 * was found, 0: none resolves or the outcome is a refusal.
 */
static int
first_of(struct identifier *id, const struct template *templates, size_t n,
    size_t max, const char *what)
{
	struct span values[TEMPLATE_PIECES_MAX];
	const struct piece *culprit;
	enum resolve_outcome how;
	size_t i, k, len;

	for (i = 0; i < n; i++) {
		if (resolve_template(&id->rs, &templates[i], values, &how,
			&culprit, id->err) < 0)
			return -1;
		if (how == RESOLVE_BROKEN && is_bad_string(id, culprit)) {
			refuse(id->out, IDENTIFY_NOT_JSON, culprit->broken, "");
			return 0;
		}
		if (how != RESOLVE_OK)
			continue;
		for (k = 0, len = 0; k < templates[i].n; k++) {
			if (values[k].len > max - len) {
				refuse(id->out, IDENTIFY_TOO_LONG, what,
				    " is longer than it may be");
				return 0;
			}
			len += values[k].len;
		}
		if (len == 0)
			continue; /* all of it was optional, and absent */
		for (k = 0; k < templates[i].n; k++)
			if (buf_put_span(id->scratch, values[k], id->err) < 0)
				return -1;
		return 1;
	}
	return 0;
}

/* Are all fields there that every event has but a test? */
static void
check_required(const struct scheme *sc, struct identifier *id)
{
	struct span raw;
	enum json_kind kind;
	size_t i;

	for (i = 0; i < sc->nrequired; i++) {
		kind =
		    json_find(id->rs.in->request->body, sc->required[i], &raw);
		if (kind == JSON_ABSENT || kind == JSON_NULL) {
			refuse(id->out, IDENTIFY_REQUIRED, sc->required[i],
			    " is absent");
			return;
		}
	}
}

static int
scan_body(const struct scheme *sc, struct identifier *id)
{
	struct err why = ERR_INIT;

	if (!sc->body_is_json)
		return 0;
	if (json_scan(id->rs.in->request->body, &why) == 0) {
		id->rs.body_is_json = 1;
		return 0;
	}
	if (why.code != ERR_INPUT)
		return err_set(id->err, why.code, "%s", why.text);
	refuse(id->out, IDENTIFY_NOT_JSON, why.text, "");
	return 0;
}

/* Finds id, type and replay key, one behind the other in scratch. */
static int
identify(const struct scheme *sc, struct identifier *id)
{
	struct identity *out = id->out;
	const struct {
		const struct template *templates;
		size_t n, max;
		const char *what;
		bool *has;
		struct span *value;
	} rows[] = {
		{ sc->id, sc->nid, EVENT_ID_MAX, "the id", &out->has_id,
		    &out->id },
		{ sc->type, sc->ntype, EVENT_TYPE_MAX, "the type",
		    &out->has_type, &out->type },
		{ &sc->replay, sc->replay.n > 0 ? 1 : 0, EVENT_ID_MAX,
		    "the replay key", &out->has_replay, &out->replay },
	};
	size_t i, at, ends[NITEMS(rows)];
	int got[NITEMS(rows)];

	if (scan_body(sc, id) < 0)
		return -1;
	for (i = 0; i < NITEMS(rows) && out->outcome == IDENTIFY_OK; i++) {
		got[i] = first_of(id, rows[i].templates, rows[i].n, rows[i].max,
		    rows[i].what);
		if (got[i] < 0)
			return -1;
		ends[i] = id->scratch->len;
	}
	if (out->outcome != IDENTIFY_OK)
		return 0;
	/* Only now: scratch may have moved while it grew. */
	for (i = 0, at = 0; i < NITEMS(rows); at = ends[i++]) {
		*rows[i].has = got[i] == 1;
		if (ends[i] > at)
			*rows[i].value =
			    span_of(id->scratch->ptr + at, ends[i] - at);
	}
	if (!(out->has_type && scheme_is_test_type(sc, out->type)))
		check_required(sc, id);
	return 0;
}

int
verify_identify(const struct scheme *sc, const struct verify_input *in,
    struct buf *scratch, struct identity *out, struct err *err)
{
	struct identity found;
	struct identifier id;
	enum resolve_outcome ignored;
	const char *reason;
	int ret;

	memset(&found, 0, sizeof(found));
	memset(&id.rs, 0, sizeof(id.rs));
	id.rs.in = in;
	id.rs.split = sc->split;
	if (sc->nsig_from == 1 && sc->sig_from[0].kind == PIECE_HEADER &&
	    resolve_piece(&id.rs, &sc->sig_from[0], &ignored, &id.rs.items,
		&reason, err) < 0)
		return -1;
	id.scratch = scratch;
	id.out = &found;
	id.err = err;
	buf_clear(scratch);
	ret = identify(sc, &id);
	resolver_free(&id.rs);
	if (ret == 0)
		*out = found;
	return ret;
}
