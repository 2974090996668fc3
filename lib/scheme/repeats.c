/* repeats.c: what becomes of content that comes again. */
#include "lib/scheme/repeats.h"

#include <string.h>

#include "lib/base/text.h"

enum dedupe_repeats
repeats_of(const struct scheme *sc, const struct endpoint *ep)
{
	switch (ep->repeats) {
	case ENDPOINT_REPEATS_NEVER:
		return DEDUPE_REPEATS_NEVER;
	case ENDPOINT_REPEATS_TYPES:
		return DEDUPE_REPEATS_TYPES;
	case ENDPOINT_REPEATS_ALWAYS:
		return DEDUPE_REPEATS_ALWAYS;
	case ENDPOINT_REPEATS_SCHEME:
		break;
	}
	switch (scheme_repeats(sc)) {
	case SCHEME_REPEATS_TYPES:
		return DEDUPE_REPEATS_TYPES;
	case SCHEME_REPEATS_ALWAYS:
		return DEDUPE_REPEATS_ALWAYS;
	case SCHEME_REPEATS_NEVER:
		break;
	}
	return DEDUPE_REPEATS_NEVER;
}

int64_t
repeats_within_ms(const struct endpoint *ep)
{
	return 1000 * (ep->repeat_within_s > 0 ? ep->repeat_within_s
					       : ENDPOINT_REPEAT_WITHIN_S);
}

bool
repeats_type(
    const struct scheme *sc, const struct endpoint *ep, struct span type)
{
	return ep->repeats != ENDPOINT_REPEATS_NEVER &&
	       scheme_is_repeat_type(sc, type);
}

int
repeats_check(
    const struct scheme *sc, const struct endpoint *ep, struct err *err)
{
	if (ep->repeats != ENDPOINT_REPEATS_TYPES || scheme_has_type(sc))
		return 0;
	return err_set(err, ERR_INPUT,
	    "repeats: \"types\" needs the type of an event, and scheme \"%s\" "
	    "reads none",
	    scheme_name(sc));
}

/* --- in words ------------------------------------------------------------- */

/* Does the secret itself come with each request ("equal")? */
static bool
is_bare(const struct scheme *sc)
{
	return strcmp(scheme_algorithm(sc), "equal") == 0;
}

/* How a scheme tells events apart, most reliable first. */
enum known_by {
	KNOWN_BY_SIGNED_ID,
	KNOWN_BY_SIGNATURE, /* the body is not signed */
	KNOWN_BY_CONTENT, /* there is an id, but it can be cut in two ways */
	KNOWN_BY_UNSIGNED_ID,
	KNOWN_BY_NO_ID,
	KNOWN_BY_BARE_ID /* "equal": nothing is signed */
};

static enum known_by
known_by(const struct scheme *sc)
{
	const struct scheme_id *ids;
	size_t i, n = scheme_ids(sc, &ids);

	if (is_bare(sc))
		return n > 0 ? KNOWN_BY_BARE_ID : KNOWN_BY_NO_ID;
	if (!scheme_covers_body(sc))
		return KNOWN_BY_SIGNATURE;
	if (n == 0)
		return KNOWN_BY_NO_ID;
	if (!scheme_id_signed(sc))
		return KNOWN_BY_UNSIGNED_ID;
	for (i = 0; i < n; i++)
		if (ids[i].is_ambiguous)
			return KNOWN_BY_CONTENT;
	return KNOWN_BY_SIGNED_ID;
}

/* Of what is to be held. */
static const char *
fate(const struct endpoint *ep)
{
	switch (ep->on_held) {
	case ENDPOINT_ON_HELD_DELIVER:
		return "accepted all the same";
	case ENDPOINT_ON_HELD_REFUSE:
		return "refused";
	case ENDPOINT_ON_HELD_HOLD:
		break;
	}
	return "held";
}

/* Could a captured request be posted under another type? */
static bool
can_change_type(const struct scheme *sc)
{
	return scheme_has_type(sc) && !scheme_type_signed(sc);
}

static bool
has_repeat_types(const struct scheme *sc, const struct endpoint *ep)
{
	return scheme_repeat_types(sc)[0] != NULL &&
	       ep->repeats != ENDPOINT_REPEATS_NEVER &&
	       repeats_of(sc, ep) != DEDUPE_REPEATS_ALWAYS;
}

static int
put_repeat_types(const struct scheme *sc, struct buf *out, struct err *err)
{
	const char *const *types = scheme_repeat_types(sc);
	size_t i;

	if (buf_puts(out, "; of type ", err) < 0)
		return -1;
	for (i = 0; types[i] != NULL; i++)
		if (buf_printf(out, err, "%s%s",
			i == 0                 ? ""
			: types[i + 1] == NULL ? " or "
					       : ", ",
			types[i]) < 0)
			return -1;
	return buf_puts(out, " each is accepted", err);
}

/* The same content comes again, under an id that can be anybody's. */
static int
put_under_ids(const struct scheme *sc, const struct endpoint *ep,
    struct buf *out, struct err *err)
{
	char within[TEXT_TIME_MAX];

	switch (repeats_of(sc, ep)) {
	case DEDUPE_REPEATS_NEVER:
		return buf_printf(out, err,
		    "the same content under another id is %s", fate(ep));
	case DEDUPE_REPEATS_TYPES:
		text_duration(within, repeats_within_ms(ep) / 1000);
		return buf_printf(out, err,
		    "the same content under another id is accepted once under "
		    "each type within %s, else %s",
		    within, fate(ep));
	case DEDUPE_REPEATS_ALWAYS:
		break;
	}
	return buf_puts(out,
	    scheme_time_signed(sc)
		? "the same content is accepted again when it is signed with "
		  "another time"
		: "the same content under another id is accepted",
	    err);
}

/* The same, where there is no id. */
static int
put_without_ids(const struct scheme *sc, const struct endpoint *ep,
    struct buf *out, struct err *err)
{
	char within[TEXT_TIME_MAX];

	switch (repeats_of(sc, ep)) {
	case DEDUPE_REPEATS_NEVER:
		if (!can_change_type(sc))
			return buf_puts(
			    out, "the same content is a duplicate", err);
		return buf_printf(out, err,
		    "the same content is a duplicate, under another type %s",
		    fate(ep));
	case DEDUPE_REPEATS_TYPES:
		text_duration(within, repeats_within_ms(ep) / 1000);
		return buf_printf(out, err,
		    "the same content is accepted once under each type within "
		    "%s, later under another type %s",
		    within, fate(ep));
	case DEDUPE_REPEATS_ALWAYS:
		break;
	}
	return buf_puts(out,
	    scheme_time_signed(sc)
		? "the same content is accepted again when it is signed with "
		  "another time, a retry too"
		: "the same content is accepted each time, a retry too",
	    err);
}

/* Is a captured request accepted again under what nobody has signed? */
static bool
is_open(const struct scheme *sc, const struct endpoint *ep, bool has_id)
{
	bool changes = can_change_type(sc);

	switch (repeats_of(sc, ep)) {
	case DEDUPE_REPEATS_ALWAYS:
		return !scheme_time_signed(sc);
	case DEDUPE_REPEATS_TYPES:
		if (changes)
			return true;
		break;
	case DEDUPE_REPEATS_NEVER:
		break;
	}
	return (has_id && has_repeat_types(sc, ep)) ||
	       ((has_id || changes) && ep->on_held == ENDPOINT_ON_HELD_DELIVER);
}

static int
put_repeats(const struct scheme *sc, const struct endpoint *ep, bool has_id,
    struct buf *out, struct err *err)
{
	if ((has_id ? put_under_ids(sc, ep, out, err)
		    : put_without_ids(sc, ep, out, err)) < 0)
		return -1;
	if (has_id && has_repeat_types(sc, ep) &&
	    put_repeat_types(sc, out, err) < 0)
		return -1;
	/* Of "equal" there is more to say. */
	if (is_bare(sc) || !is_open(sc, ep, has_id))
		return 0;
	return buf_puts(out,
	    "; nothing that is signed tells a repeat from a captured request",
	    err);
}

#define UNSIGNED_WORDS \
	"; nothing is signed: whoever has seen a request can post any event"

int
repeats_describe(const struct scheme *sc, const struct endpoint *ep,
    struct buf *out, struct err *err)
{
	bool is_varied = scheme_retry_body(sc) == SCHEME_RETRY_VARIES;

	switch (known_by(sc)) {
	case KNOWN_BY_SIGNED_ID:
	case KNOWN_BY_BARE_ID:
		if (buf_printf(out, err, "the same id is a duplicate, %s%s",
			is_varied ? "whatever the body" : "with another body ",
			is_varied ? "" : fate(ep)) < 0)
			return -1;
		break;
	case KNOWN_BY_SIGNATURE:
		return buf_puts(out,
		    "a signature is good for one event, since it does not "
		    "cover the body; with another it is refused",
		    err);
	case KNOWN_BY_CONTENT:
		return buf_puts(
		    out, "the same signed content is a duplicate", err);
	case KNOWN_BY_UNSIGNED_ID:
		if (put_repeats(sc, ep, true, out, err) < 0)
			return -1;
		break;
	case KNOWN_BY_NO_ID:
		if (put_repeats(sc, ep, false, out, err) < 0)
			return -1;
		break;
	}
	return is_bare(sc) ? buf_puts(out, UNSIGNED_WORDS, err) : 0;
}
