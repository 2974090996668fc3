/* identify.c: which event is a request that was verified? */
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/crypto/digest.h"
#include "lib/json/scan.h"
#include "lib/scheme/impl.h"
#include "lib/scheme/resolve.h"
#include "lib/scheme/verify.h"

#define BATCH_ID "batch:" /* before the digest of the elements' ids */
/* The way back of what is refused though it is authentic. */
#define ADMIT "; \"quarantine admit\" takes it as it is"

/* What the answer is made in. */
struct identifier {
	const struct scheme *sc;
	struct resolver rs;
	struct buf *scratch;
	struct identity *out;
	struct err *err;
	/* Of the templates last tried: the first that reads the unreadable. */
	const struct template *unread;
	const struct piece *unreadable; /* of it; NULL: there is none */
	size_t type_ends[EVENT_TYPES_MAX]; /* in scratch, of out->types */
	/* Of a batch: its elements, the first's id, and the digest of each's.
	 */
	size_t nelements;
	char first[EVENT_ID_MAX];
	size_t first_len;
	struct buf digests;
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
	       json_find(id->rs.element.len > 0 ? id->rs.element : id->rs.text,
		   p->arg, &raw) == JSON_STRING;
}

/* Does c begin what divides the values of a template? */
static bool
divides(const struct template *t, char c)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->pieces[i].kind == PIECE_LITERAL &&
		    t->pieces[i].arg[0] == c)
			return true;
	return false;
}

/* Puts a value of an id that has several: none can run into the next. */
static int
put_divided(struct identifier *id, const struct template *t, struct span value)
{
	const char *p = value.ptr;
	size_t i;

	for (i = 0; i < value.len; i++)
		if ((p[i] == '%' || divides(t, p[i])
			    ? buf_printf(id->scratch, id->err, "%%%02X",
				  (unsigned char)p[i])
			    : buf_putc(id->scratch, (unsigned char)p[i],
				  id->err)) < 0)
			return -1;
	return 0;
}

/* A kind of name that is read: its limit, and how it is called. */
struct naming {
	const char *what;
	size_t max;
	bool is_id;
};

static const struct naming an_id = { "the id", EVENT_ID_MAX, true };
static const struct naming a_type = { "the type", EVENT_TYPE_MAX, false };

static int
put_values(struct identifier *id, const struct template *t,
    const struct span *values, const struct naming *naming)
{
	size_t k, nvalues = 0, begin = id->scratch->len;
	int put;

	for (k = 0; k < t->n; k++)
		nvalues += t->pieces[k].kind != PIECE_LITERAL;
	for (k = 0; k < t->n; k++) {
		if (values[k].len > naming->max)
			put = 0; /* too long anyway */
		else if (naming->is_id && nvalues > 1 &&
			 t->pieces[k].kind != PIECE_LITERAL)
			put = put_divided(id, t, values[k]);
		else
			put = buf_put_span(id->scratch, values[k], id->err);
		if (put < 0)
			return -1;
		if (values[k].len > naming->max ||
		    id->scratch->len - begin > naming->max) {
			id->scratch->len = begin;
			refuse(id->out, IDENTIFY_TOO_LONG, naming->what,
			    " is longer than it may be" ADMIT);
			return 0;
		}
	}
	return 0;
}

/* Is there more in it than what stands between the values? */
static bool
says_something(const struct template *t, const struct span *values)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->pieces[i].kind != PIECE_LITERAL && values[i].len > 0)
			return true;
	return false;
}

/* Does what a template reads stand in what cannot be read? */
static bool
is_unreadable(const struct identifier *id, const struct piece *p,
    enum resolve_outcome how)
{
	return how == RESOLVE_UNREADABLE ||
	       (how == RESOLVE_ABSENT && p->kind == PIECE_JSON &&
		   id->rs.body_is_json < 0);
}

/*
 * The value of the first template that resolves whole, behind scratch. Its
 * index, or n: none resolves or the outcome is a refusal. -1: failed.
 */
static int
first_of(struct identifier *id, const struct template *templates, size_t n,
    const struct naming *naming)
{
	struct span values[TEMPLATE_PIECES_MAX];
	const struct piece *culprit;
	enum resolve_outcome how;
	size_t i;

	id->unreadable = NULL;
	for (i = 0; i < n; i++) {
		if (resolve_template(&id->rs, &templates[i], values, &how,
			&culprit, id->err) < 0)
			return -1;
		if (how == RESOLVE_BROKEN && is_bad_string(id, culprit)) {
			refuse(id->out, IDENTIFY_NOT_TAKEN, culprit->shown,
			    " holds U+0000 or half a surrogate pair" ADMIT);
			return (int)n;
		}
		if (is_unreadable(id, culprit, how) && id->unreadable == NULL) {
			id->unreadable = culprit;
			id->unread = &templates[i];
		}
		if (how != RESOLVE_OK || !says_something(&templates[i], values))
			continue; /* all of it may have been optional */
		if (put_values(id, &templates[i], values, naming) < 0)
			return -1;
		return (int)(id->out->outcome == IDENTIFY_OK ? i : n);
	}
	return (int)n;
}

/* Are all fields there that every event has but a test? */
static void
check_required(const struct scheme *sc, struct identifier *id)
{
	struct span raw;
	enum json_kind kind;
	size_t i;

	for (i = 0; i < sc->nrequired; i++) {
		kind = json_find(id->rs.text, sc->required[i], &raw);
		if (kind == JSON_ABSENT || kind == JSON_NULL) {
			refuse(id->out, IDENTIFY_REQUIRED, sc->required[i],
			    " is absent" ADMIT);
			return;
		}
	}
}

static int
scan_body(const struct scheme *sc, struct identifier *id)
{
	if (!sc->body_is_json)
		return 0;
	if (resolver_scan(&id->rs, id->err) < 0)
		return -1;
	if (id->rs.body_is_json < 0)
		refuse(id->out,
		    id->rs.is_json_not_taken ? IDENTIFY_NOT_TAKEN
					     : IDENTIFY_NOT_JSON,
		    id->rs.why, ADMIT);
	return 0;
}

/* --- types ---------------------------------------------------------------- */

/*
 * Keeps the type that stands in scratch from begin on, if it is new: behind
 * its length, so that all of them are a list as struct event has it.
 */
static int
keep_type(struct identifier *id, size_t begin)
{
	struct identity *out = id->out;
	struct span type =
	    span_of(id->scratch->ptr + begin, id->scratch->len - begin);
	unsigned char length[2] = { (unsigned char)(type.len >> 8),
		(unsigned char)type.len };
	size_t i, at;

	for (i = 0; i < out->ntypes; i++) {
		at = id->type_ends[i] - out->types[i].len;
		if (span_eq(type,
			span_of(id->scratch->ptr + at, out->types[i].len))) {
			id->scratch->len = begin;
			return 0;
		}
	}
	if (out->ntypes == EVENT_TYPES_MAX) {
		out->types_complete = false;
		id->scratch->len = begin;
		return 0;
	}
	if (buf_put(id->scratch, length, sizeof(length), id->err) < 0)
		return -1;
	memmove(id->scratch->ptr + begin + sizeof(length),
	    id->scratch->ptr + begin, type.len);
	memcpy(id->scratch->ptr + begin, length, sizeof(length));
	out->types[out->ntypes].len = type.len;
	id->type_ends[out->ntypes++] = id->scratch->len;
	return 0;
}

/* Only now: scratch may have moved while it grew. */
static void
set_types(struct identifier *id)
{
	struct identity *out = id->out;
	size_t i, chosen = 0;

	for (i = 0; i < out->ntypes; i++)
		out->types[i].ptr =
		    id->scratch->ptr + id->type_ends[i] - out->types[i].len;
	/* A batch is no test for one that stands before an event. */
	while (chosen + 1 < out->ntypes &&
	       scheme_is_test_type(id->sc, out->types[chosen]))
		chosen++;
	out->has_type = out->ntypes > 0;
	if (out->has_type)
		out->type = out->types[chosen];
}

/* --- batches -------------------------------------------------------------- */

/* Which of two templates says less of what it reads? NULL: not yet one. */
static const struct scheme_id *
less_safe(const struct scheme_id *a, const struct scheme_id *b)
{
	if (a == NULL || a->is_signed != b->is_signed)
		return a != NULL && !a->is_signed ? a : b;
	if (a->is_ambiguous != b->is_ambiguous)
		return a->is_ambiguous ? a : b;
	return a->is_composed ? a : b;
}

/* Takes the element's id, which stands in scratch from begin on. */
static int
keep_element_id(struct identifier *id, size_t begin, size_t template)
{
	struct span text =
	    span_of(id->scratch->ptr + begin, id->scratch->len - begin);
	unsigned char sum[DIGEST_SHA256];

	id->out->id_facts =
	    less_safe(id->out->id_facts, &id->sc->ids[id->sc->nid + template]);
	if (id->nelements == 1) {
		memcpy(id->first, text.ptr, text.len);
		id->first_len = text.len;
	}
	id->scratch->len = begin;
	if (digest_sha256(&text, 1, sum, id->err) < 0)
		return -1;
	return buf_put(&id->digests, sum, sizeof(sum), id->err);
}

/* 0: go on, 1: the outcome is a refusal, -1: failed. */
static int
visit_element(void *arg, struct span element, struct err *err)
{
	struct identifier *id = arg;
	const struct scheme *sc = id->sc;
	size_t begin = id->scratch->len;
	int at;

	(void)err; /* the same as id->err */
	id->nelements++;
	id->rs.element = element;
	if (!id->out->has_id && sc->neach_id > 0) {
		at = first_of(id, sc->each_id, sc->neach_id, &an_id);
		if (at < 0)
			return -1;
		if ((size_t)at == sc->neach_id)
			id->out->id_complete = false;
		else if (keep_element_id(id, begin, (size_t)at) < 0)
			return -1;
	}
	if (sc->neach_type > 0 && id->out->outcome == IDENTIFY_OK) {
		at = first_of(id, sc->each_type, sc->neach_type, &a_type);
		if (at < 0)
			return -1;
		if ((size_t)at < sc->neach_type) {
			if (keep_type(id, begin) < 0)
				return -1;
		} else if (!id->out->has_type)
			id->out->types_complete = false;
	}
	id->rs.element = SPAN_EMPTY;
	resolver_forget(&id->rs);
	return id->out->outcome != IDENTIFY_OK;
}

/* Puts the id of the whole batch behind scratch. */
static int
put_batch_id(struct identifier *id)
{
	unsigned char sum[DIGEST_SHA256];
	size_t i;

	if (id->nelements == 1)
		return buf_put(id->scratch, id->first, id->first_len, id->err);
	if (digest_of_set(&id->digests, sum, id->err) < 0 ||
	    buf_puts(id->scratch, BATCH_ID, id->err) < 0)
		return -1;
	for (i = 0; i < sizeof(sum); i++)
		if (buf_printf(id->scratch, id->err, "%02x", sum[i]) < 0)
			return -1;
	return 0;
}

/* The elements' types, and their ids where the request has none. */
static int
identify_batch(struct identifier *id, bool *has_id)
{
	const struct scheme *sc = id->sc;
	size_t i;

	*has_id = false;
	if (resolver_scan(&id->rs, id->err) < 0)
		return -1;
	for (i = 0; id->rs.body_is_json > 0 && i < sc->neach_at; i++)
		if (json_each(id->rs.text, sc->each_at[i], visit_element, id,
			id->err) < 0)
			return -1;
	if (id->rs.body_is_json < 0 && sc->neach_type > 0) {
		id->out->type_unreadable = !id->out->has_type;
		refuse(id->out, IDENTIFY_OK,
		    "its types cannot be read: ", id->rs.why);
	}
	if (id->digests.len == 0 || !id->out->id_complete)
		return 0;
	*has_id = true;
	return put_batch_id(id);
}

/* --- all ------------------------------------------------------------------ */

/* An empty scratch buffer has no address to count from. */
static struct span
scratch_part(const struct identifier *id, size_t from, size_t to)
{
	return from == to ? SPAN_EMPTY
			  : span_of(id->scratch->ptr + from, to - from);
}

/*
 * Is the type that was read a part of the one that could not be? "issues" where
 * "issues.opened" stands first in the scheme says less than the sender did.
 */
static bool
says_less(const struct identifier *id, const struct template *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->pieces[i].kind != PIECE_LITERAL &&
		    !template_reads(id->unread, &t->pieces[i]))
			return false;
	return true;
}

/* The type cannot be read. */
static void
drop_type(struct identifier *id, size_t begin)
{
	struct identity *out = id->out;
	bool json = id->unreadable->kind == PIECE_JSON;

	id->scratch->len = begin;
	out->has_type = false;
	out->type_unreadable = true;
	refuse(out, IDENTIFY_OK, "its type cannot be read: ",
	    json ? id->rs.why : id->unreadable->broken);
}

/*
 * Finds id and types, behind each other in scratch: the id, the types, and
 * last the id of a batch.
 */
static int
identify(struct identifier *id)
{
	const struct scheme *sc = id->sc;
	struct identity *out = id->out;
	size_t id_end, types_end;
	bool batch_id = false;
	int at;

	if (scan_body(sc, id) < 0 || out->outcome != IDENTIFY_OK)
		return out->outcome != IDENTIFY_OK ? 0 : -1;
	at = first_of(id, sc->id, sc->nid, &an_id);
	if (at < 0 || out->outcome != IDENTIFY_OK)
		return at < 0 ? -1 : 0;
	out->has_id = (size_t)at < sc->nid;
	if (out->has_id)
		out->id_facts = &sc->ids[at];
	id_end = id->scratch->len;
	at = first_of(id, sc->type, sc->ntype, &a_type);
	if (at < 0 || out->outcome != IDENTIFY_OK)
		return at < 0 ? -1 : 0;
	out->type_signed = (size_t)at < sc->ntype
			       ? scheme_covers_all(sc, &sc->type[at])
			       : sc->type_signed;
	out->has_type = (size_t)at < sc->ntype;
	if (id->unreadable != NULL &&
	    (!out->has_type || says_less(id, &sc->type[at])))
		drop_type(id, id_end);
	if (out->has_type && keep_type(id, id_end) < 0)
		return -1;
	if (sc->has_each && identify_batch(id, &batch_id) < 0)
		return -1;
	if (out->outcome != IDENTIFY_OK)
		return 0;
	/* Only now: scratch may have moved while it grew. */
	set_types(id);
	types_end = out->ntypes > 0 ? id->type_ends[out->ntypes - 1] : id_end;
	out->packed_types = scratch_part(id, id_end, types_end);
	out->id = scratch_part(id, 0, id_end);
	if (batch_id)
		out->id = scratch_part(id, types_end, id->scratch->len);
	out->has_id |= batch_id;
	if (!out->has_id) {
		out->id = SPAN_EMPTY;
		out->id_facts = NULL;
	}
	if (!selection_is_test(sc, out))
		check_required(sc, id);
	return 0;
}

/* Of what is refused before all of it was read, nothing is said. */
static void
forget_names(struct identity *out)
{
	out->has_id = out->has_type = false;
	out->id = out->type = out->packed_types = SPAN_EMPTY;
	out->id_facts = NULL;
	out->ntypes = 0;
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
	found.id_complete = found.types_complete = true;
	memset(&id, 0, sizeof(id));
	id.sc = sc;
	resolver_init(&id.rs, sc, in);
	id.scratch = scratch;
	id.out = &found;
	id.err = err;
	id.digests.max = (size_t)JSON_TOKENS_MAX * DIGEST_SHA256;
	if (sc->nsig_from == 1 && sc->sig_from[0].kind == PIECE_HEADER &&
	    resolve_piece(&id.rs, &sc->sig_from[0], &ignored, &id.rs.items,
		&reason, err) < 0)
		return -1;
	buf_clear(scratch);
	ret = identify(&id);
	resolver_free(&id.rs);
	buf_free(&id.digests);
	found.by_header = body_coding(in->request).len > 0;
	if (found.outcome != IDENTIFY_OK && found.outcome != IDENTIFY_REQUIRED)
		forget_names(&found);
	if (ret == 0)
		*out = found;
	return ret;
}

/* --- which destinations it is for ------------------------------------------
 */

enum selection
selection_of_identity(
    const struct pattern_list *patterns, const struct identity *who)
{
	return selection_of(
	    patterns, who->types, who->ntypes, who->types_complete);
}

bool
selection_is_test(const struct scheme *sc, const struct identity *who)
{
	/* The first that is no test's is its type, if there is one. */
	return who->has_type && who->types_complete &&
	       scheme_is_test_type(sc, who->type);
}
