/*
 * The rules by which an event is new, a duplicate or held. Each row is a
 * story: requests of one class in their order, what is known of them, and the
 * verdict that must follow. A memory of the test's own stands for the store.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/model/dedupe_rule.h"

#define STEPS_MAX 6
#define RECORDS_MAX 64
#define HOUR 3600

/* Classes as presets have them. */
static const struct dedupe_class
    github = { .signs = true,
	    .covers_body = true,
	    .within_ms = HOUR * 1000 }, /* id and type are headers */
    shopify = { .signs = true,
	    .covers_body = true,
	    .repeats = DEDUPE_REPEATS_TYPES,
	    .within_ms = HOUR * 1000 },
    ping = { .signs = true, .covers_body = true, .type_repeats = true },
    button = { .signs = true,
	    .covers_body = true,
	    .id_signed = true, /* there are none */
	    .type_repeats = true },
    timed_button = { .signs = true,
	    .covers_body = true,
	    .id_signed = true,
	    .time_signed = true,
	    .type_repeats = true },
    dropbox = { .signs = true,
	    .covers_body = true,
	    .id_signed = true,
	    .type_signed = true,
	    .repeats = DEDUPE_REPEATS_ALWAYS },
    meta = { .signs = true,
	    .covers_body = true,
	    .id_signed = true,
	    .type_signed = true,
	    .time_signed = true,
	    .repeats = DEDUPE_REPEATS_ALWAYS },
    nolxy = { .signs = true,
	    .covers_body = true,
	    .id_signed = true,
	    .type_signed = true },
    svix = { .signs = true,
	    .covers_body = true,
	    .id_signed = true,
	    .id_suffices = true,
	    .type_signed = true,
	    .time_signed = true },
    stripe = { .signs = true,
	    .covers_body = true,
	    .id_signed = true,
	    .type_signed = true,
	    .body_varies = true },
    box = { .signs = true, .covers_body = true, .id_signed = true },
    sns = { .signs = true,
	    .covers_body = true,
	    .id_signed = true,
	    .id_ambiguous = true,
	    .type_signed = true },
    timed = { .signs = true, .covers_body = true, .time_signed = true },
    linear = { .signs = true, .covers_body = true, .type_signed = true },
    hook0 = { .signs = true,
	    .covers_body = true,
	    .id_signed = true,
	    .id_ambiguous = true },
    /* As hook0 is, whose id may stand in a header that is not signed. */
    versions = { .signs = true, .covers_body = true, .time_signed = true },
    versions_types = { .signs = true,
	    .covers_body = true,
	    .time_signed = true,
	    .repeats = DEDUPE_REPEATS_TYPES,
	    .within_ms = HOUR * 1000 },
    versions_always = { .signs = true,
	    .covers_body = true,
	    .id_signed = true,
	    .time_signed = true,
	    .repeats = DEDUPE_REPEATS_ALWAYS },
    versions_joined = { .signs = true,
	    .covers_body = true,
	    .id_signed = true,
	    .id_ambiguous = true,
	    .time_signed = true },
    mailgun = { .signs = true },
    mailgun_form = { .signs = true, .id_signed = true, .id_suffices = true },
    gitlab = { .repeats = DEDUPE_REPEATS_TYPES,
	    .within_ms = HOUR * 1000 }, /* "equal" */
    telegram = { .body_varies = true };

enum act {
	END,
	POST, /* a request that is selected */
	IGNORE, /* one that is not */
	REFUSE_IT, /* one that cannot be read */
	UNTYPED, /* one that is read but for its type */
	ADMIT /* one that an operator admits */
};

struct step {
	enum act act;
	/* NULL: there is none. content: with "|", then the older version's */
	const char *id, *content, *payload, *type;
	int64_t at_s;
	enum dedupe_verdict want;
	unsigned rule;
	uint64_t of; /* which step's copy, from 1; 0: none */
};

#define NEW DEDUPE_ACCEPT
#define DUP DEDUPE_DUPLICATE
#define HELD DEDUPE_HOLD
#define NO DEDUPE_REFUSE

static const struct story {
	const char *when;
	const struct dedupe_class *cl;
	struct step steps[STEPS_MAX];
} stories[] = {
	{ "a retry is a duplicate", &github,
	    { { POST, "1", "b", "b", "push", 0, NEW, 6, 0 },
		{ POST, "1", "b", "b", "push", 9, DUP, 1, 1 } } },
	{ "another type under a known id and payload is a duplicate", &github,
	    { { POST, "1", "b", "b", "push", 0, NEW, 6, 0 },
		{ POST, "1", "b", "b", "ping", 9, DUP, 1, 1 } } },
	{ "a captured request without its id is a duplicate", &github,
	    { { POST, "1", "b", "b", "push", 0, NEW, 6, 0 },
		{ POST, NULL, "b", "b", "push", 9, DUP, 3, 1 },
		{ POST, NULL, "b", "b", NULL, 9, DUP, 3, 1 } } },
	{ "a captured request under another id is held, once", &github,
	    { { POST, "1", "b", "b", "push", 0, NEW, 6, 0 },
		{ POST, "2", "b", "b", "push", 9, HELD, 4, 1 },
		{ POST, "2", "b", "b", "push", 9, DUP, 1, 2 },
		{ POST, "3", "b", "b", "push", 9, HELD, 4, 1 } } },
	{ "a captured request under another type is held", &github,
	    { { POST, "1", "b", "b", "push", 0, NEW, 6, 0 },
		{ POST, "2", "b", "b", "ping", 9, HELD, 4, 1 },
		{ POST, NULL, "b", "b", "ping", 9, HELD, 4, 1 },
		{ POST, NULL, "b", "b", "ping", 9, DUP, 4, 3 } } },
	{ "another body under a known id is held, its retry a duplicate",
	    &github,
	    { { POST, "1", "b", "b", "push", 0, NEW, 6, 0 },
		{ POST, "1", "c", "c", "push", 9, HELD, 1, 1 },
		{ POST, "1", "c", "c", "push", 9, DUP, 1, 2 },
		{ POST, "1", "d", "d", "push", 9, HELD, 1, 1 } } },
	{ "what is held keeps no genuine event of its id out", &github,
	    { { POST, "1", "b", "b", "push", 0, NEW, 6, 0 },
		{ POST, "2", "b", "b", "push", 9, HELD, 4, 1 },
		{ POST, "2", "c", "c", "push", 9, NEW, 6, 0 },
		{ POST, "2", "c", "c", "push", 9, DUP, 1, 3 },
		{ POST, "2", "b", "b", "push", 9, DUP, 1, 2 } } },
	{ "what is held under two types is told apart", &github,
	    { { POST, "1", "b", "b", "push", 0, NEW, 6, 0 },
		{ POST, "2", "b", "b", "push", 9, HELD, 4, 1 },
		{ POST, "2", "b", "b", "ping", 9, HELD, 4, 1 },
		{ POST, "2", "b", "b", "push", 9, DUP, 1, 2 },
		{ POST, "2", "b", "b", "ping", 9, DUP, 4, 3 } } },
	{ "ignored, then selected and sent again", &github,
	    { { IGNORE, "1", "b", "b", "push", 0, NO, 0, 0 },
		{ POST, "1", "b", "b", "push", 9, NEW, 6, 0 },
		{ POST, "1", "b", "b", "push", 9, DUP, 1, 2 } } },
	{ "ignored, then captured and posted as another type", &github,
	    { { IGNORE, "1", "b", "b", "push", 0, NO, 0, 0 },
		{ POST, "1", "b", "b", "ping", 9, HELD, 4, 0 },
		{ POST, "2", "b", "b", "ping", 9, HELD, 4, 0 },
		{ POST, "1", "b", "b", "ping", 9, DUP, 4, 2 },
		{ POST, "1", "b", "b", "push", 9, NEW, 6, 0 } } },
	{ "stored, then captured and posted as an ignored type", &github,
	    { { POST, "1", "b", "b", "push", 0, NEW, 6, 0 },
		{ IGNORE, "2", "b", "b", "fork", 9, NO, 0, 0 },
		{ POST, "1", "b", "b", "push", 9, DUP, 1, 1 },
		{ POST, "3", "b", "b", "push", 9, HELD, 4, 1 } } },
	{ "no id: what is stored counts before what is ignored", &timed,
	    { { POST, NULL, "1b", "b", "push", 0, NEW, 3, 0 },
		{ IGNORE, NULL, "2b", "b", "fork", 9, NO, 0, 0 },
		{ POST, NULL, "2b", "b", "push", 9, DUP, 3, 1 } } },
	{ "no id: an ignored payload is known under any content", &timed,
	    { { IGNORE, NULL, "1b", "b", "fork", 0, NO, 0, 0 },
		{ POST, NULL, "2b", "b", "push", 9, HELD, 4, 0 } } },
	{ "an id that is not signed leaves a record, though the type is",
	    &linear,
	    { { IGNORE, "1", "b", "b", "a", 0, NO, 0, 0 },
		{ POST, "2", "b", "b", "a", 9, HELD, 4, 0 },
		{ POST, "1", "b", "b", "a", 9, NEW, 6, 0 } } },
	{ "an ignored content with an ambiguous id is held as another type",
	    &hook0,
	    { { IGNORE, "1", "x", "x", "a", 0, NO, 0, 0 },
		{ POST, "1", "x", "x", "z", 9, HELD, 5, 0 },
		{ POST, "1", "x", "x", "a", 9, NEW, 2, 0 } } },
	{ "refused, then the scheme is mended", &github,
	    { { REFUSE_IT, "1", "b", "b", NULL, 0, NO, 0, 0 },
		{ POST, "1", "b", "b", NULL, 9, NEW, 6, 0 } } },
	{ "refused, then admitted with the id that can be read now", &github,
	    { { REFUSE_IT, NULL, "b", "b", NULL, 0, NO, 0, 0 },
		{ ADMIT, "1", "b", "b", "push", 9, NEW, 6, 0 },
		{ POST, "1", "b", "b", "push", 9, DUP, 1, 2 } } },
	{ "its type cannot be read: held, and its retry a duplicate", &github,
	    { { UNTYPED, "1", "b", "b", NULL, 0, HELD, 6, 0 },
		{ UNTYPED, "1", "b", "b", NULL, 9, DUP, 1, 1 },
		{ UNTYPED, "2", "b", "b", NULL, 9, HELD, 4, 1 },
		{ UNTYPED, "3", "c", "c", NULL, 9, HELD, 6, 0 } } },
	{ "neither id nor type can be read", &github,
	    { { UNTYPED, NULL, "b", "b", NULL, 0, HELD, 6, 0 },
		{ UNTYPED, NULL, "b", "b", NULL, 9, DUP, 3, 1 } } },
	{ "each that repeats is held, where all of them count", &dropbox,
	    { { UNTYPED, NULL, "b", "b", NULL, 0, HELD, 6, 0 },
		{ UNTYPED, NULL, "c", "c", NULL, 9, HELD, 6, 0 } } },
	{ "one content under two types, as the provider sends it", &shopify,
	    { { POST, "1", "b", "b", "orders/create", 0, NEW, 6, 0 },
		{ POST, "2", "b", "b", "orders/paid", 9, NEW, 4, 0 },
		{ POST, "2", "b", "b", "orders/paid", 9, DUP, 1, 2 },
		{ POST, "3", "b", "b", "orders/paid", 9, HELD, 4, 1 },
		{ POST, "4", "b", "b", "orders/create", 9, HELD, 4, 1 } } },
	{ "another type an hour later is held", &shopify,
	    { { POST, "1", "b", "b", "orders/create", 0, NEW, 6, 0 },
		{ POST, "2", "b", "b", "orders/paid", HOUR, NEW, 4, 0 },
		{ POST, "3", "b", "b", "orders/edited", HOUR + 1, HELD, 4,
		    1 } } },
	{ "no type is not another type", &shopify,
	    { { POST, "1", "b", "b", "orders/create", 0, NEW, 6, 0 },
		{ POST, "2", "b", "b", NULL, 9, HELD, 4, 1 },
		{ POST, NULL, "b", "b", NULL, 9, DUP, 3, 1 } } },
	{ "a first copy without a type makes no type another", &shopify,
	    { { POST, "1", "b", "b", NULL, 0, NEW, 6, 0 },
		{ POST, "2", "b", "b", "orders/paid", 9, HELD, 4, 1 } } },
	{ "two types of one content without ids", &shopify,
	    { { POST, NULL, "b", "b", "orders/create", 0, NEW, 3, 0 },
		{ POST, NULL, "b", "b", "orders/paid", 9, NEW, 4, 0 },
		{ POST, NULL, "b", "b", "orders/paid", 9, DUP, 4, 2 },
		{ POST, NULL, "b", "b", "orders/create", 9, DUP, 3, 1 } } },
	{ "a type that repeats is new under each id", &ping,
	    { { POST, "1", "b", "b", "ping", 0, NEW, 6, 0 },
		{ POST, "2", "b", "b", "ping", 9, NEW, 4, 0 },
		{ POST, "2", "b", "b", "ping", 9, DUP, 1, 2 } } },
	{ "a type that repeats does not stand in for another", &ping,
	    { { POST, "1", "b", "b", "push", 0, NEW, 6, 0 },
		{ POST, "2", "b", "b", "ping", 9, HELD, 4, 1 } } },
	{ "a type that repeats is none without the id that others have", &ping,
	    { { POST, "1", "b", "b", "ping", 0, NEW, 6, 0 },
		{ POST, NULL, "b", "b", "ping", 9, DUP, 3, 1 } } },
	{ "a type that repeats is new each time where there are no ids",
	    &button,
	    { { POST, NULL, "b", "b", "ping", 0, NEW, 3, 0 },
		{ POST, NULL, "b", "b", "ping", 9, NEW, 3, 0 },
		{ POST, NULL, "b", "b", "build", 9, HELD, 4, 1 } } },
	{ "a type that repeats is new with each signed time", &timed_button,
	    { { POST, NULL, "1b", "b", "ping", 0, NEW, 3, 0 },
		{ POST, NULL, "1b", "b", "ping", 9, DUP, 3, 1 },
		{ POST, NULL, "2b", "b", "ping", 9, NEW, 3, 0 },
		{ POST, NULL, "2b", "b", "build", 9, HELD, 4, 3 } } },
	{ "no id, and the same bytes are another event", &dropbox,
	    { { POST, NULL, "b", "b", NULL, 0, NEW, 3, 0 },
		{ POST, NULL, "b", "b", NULL, 9, NEW, 3, 0 } } },
	{ "no id, the time is signed: the content tells a replay", &meta,
	    { { POST, NULL, "1b", "b", "page", 0, NEW, 3, 0 },
		{ POST, NULL, "1b", "b", "page", 9, DUP, 3, 1 },
		{ POST, NULL, "2b", "b", "page", 9, NEW, 3, 0 } } },
	{ "no id: the payload is the identity", &nolxy,
	    { { POST, NULL, "b", "b", "a", 0, NEW, 3, 0 },
		{ POST, NULL, "b", "b", "a", 9, DUP, 3, 1 },
		{ POST, NULL, "c", "c", "a", 9, NEW, 3, 0 } } },
	{ "no id, signed anew: the payload tells a retry", &nolxy,
	    { { POST, NULL, "1b", "b", "a", 0, NEW, 3, 0 },
		{ POST, NULL, "2b", "b", "a", 9, DUP, 3, 1 } } },
	{ "what is ignored and signed whole leaves no record", &nolxy,
	    { { IGNORE, NULL, "b", "b", "a", 0, NO, 0, 0 },
		{ POST, NULL, "b", "b", "a", 9, NEW, 3, 0 } } },
	{ "a signed id decides, whatever the content repeats", &svix,
	    { { POST, "1", "1b", "b", "a", 0, NEW, 6, 0 },
		{ POST, "1", "2b", "b", "a", 9, DUP, 1, 1 },
		{ POST, "2", "3b", "b", "a", 9, NEW, 6, 0 },
		{ POST, "1", "4c", "c", "a", 9, HELD, 1, 1 } } },
	{ "a body that varies over retries is a duplicate", &stripe,
	    { { POST, "1", "b", "b", "a", 0, NEW, 6, 0 },
		{ POST, "1", "c", "c", "a", 9, DUP, 1, 1 } } },
	{ "one content under two signed ids was cut anew", &box,
	    { { POST, "1", "b", "b", "a", 0, NEW, 6, 0 },
		{ POST, "2", "b", "b", "a", 9, HELD, 5, 1 },
		{ POST, "2", "b", "b", "a", 9, DUP, 1, 2 } } },
	{ "an ambiguous id is a label", &sns,
	    { { POST, "1", "x", "x1", "a", 0, NEW, 2, 0 },
		{ POST, "2", "x", "x2", "a", 9, DUP, 2, 1 },
		{ POST, "1", "y", "y", "a", 9, NEW, 2, 0 },
		{ POST, "1", "y", "z", "a", 9, DUP, 2, 3 } } },
	{ "a signature that covers no body is good once", &mailgun,
	    { { POST, "1", "t", "b", "a", 0, NEW, 6, 0 },
		{ POST, "1", "t", "b", "a", 9, DUP, 0, 1 },
		{ POST, "1", "t", "c", "a", 9, DUP, 0, 1 },
		{ POST, "2", "t", "c", "a", 9, NO, 0, 1 },
		{ POST, "2", "u", "c", "a", 9, NEW, 6, 0 } } },
	{ "other bodies under one signature are none, though the id is signed",
	    &mailgun_form,
	    { { POST, "1", "t", "b", "a", 0, NEW, 6, 0 },
		{ POST, "1", "t", "c", "a", 9, DUP, 0, 1 },
		{ POST, "1", "u", "c", "a", 9, HELD, 1, 1 } } },
	{ "a token of an ignored event admits only that event", &mailgun,
	    { { IGNORE, "1", "t", "b", "a", 0, NO, 0, 0 },
		{ POST, "2", "t", "c", "x", 9, NO, 0, 0 },
		{ POST, "1", "t", "c", "a", 9, NO, 0, 0 },
		{ POST, "1", "t", "b", "a", 9, NEW, 6, 0 } } },
	{ "a token of a refused event admits only that event", &mailgun,
	    { { REFUSE_IT, "1", "t", "b", NULL, 0, NO, 0, 0 },
		{ POST, "2", "t", "c", "x", 9, NO, 0, 0 },
		{ ADMIT, "2", "t", "b", "a", 9, NEW, 6, 0 } } },
	{ "nothing is signed: the id decides", &gitlab,
	    { { POST, "1", NULL, "b", "a", 0, NEW, 6, 0 },
		{ POST, "2", NULL, "b", "a", 9, NEW, 6, 0 },
		{ POST, "1", NULL, "b", "a", 9, DUP, 1, 1 },
		{ POST, "1", NULL, "c", "a", 9, HELD, 1, 1 } } },
	{ "nothing is signed, and there is no id", &gitlab,
	    { { POST, NULL, NULL, "b", "a", 0, NEW, 3, 0 },
		{ POST, NULL, NULL, "b", "a", 9, DUP, 3, 1 },
		{ POST, NULL, NULL, "b", "z", 9, NEW, 4, 0 },
		{ POST, NULL, NULL, "b", "z", 9, DUP, 4, 3 } } },
	{ "both versions, then the older alone under another id: held",
	    &versions,
	    { { POST, "1", "1hb|1b", "b", "a", 0, NEW, 6, 0 },
		{ POST, "2", "1b", "b", "a", 9, HELD, 4, 1 },
		{ POST, NULL, "1b", "b", "a", 9, DUP, 3, 1 },
		{ POST, "1", "1b", "b", "a", 9, DUP, 1, 1 },
		{ POST, "3", "1hb|1b", "b", "a", 9, HELD, 4, 1 } } },
	{ "the older alone before both: the other is held", &versions,
	    { { POST, "2", "1b", "b", "a", 0, NEW, 6, 0 },
		{ POST, "1", "1hb|1b", "b", "a", 9, HELD, 4, 1 } } },
	{ "the provider's retry in either version is a duplicate", &versions,
	    { { POST, "1", "1hb|1b", "b", "a", 0, NEW, 6, 0 },
		{ POST, "1", "2hb|2b", "b", "a", 9, DUP, 1, 1 },
		{ POST, "1", "3b", "b", "a", 9, DUP, 1, 1 },
		{ POST, "2", "3hb|3b", "b", "a", 9, NEW, 6, 0 } } },
	{ "cut anew: known by the newer content alone", &versions,
	    { { POST, "1", "1hb|1b", "b", "a", 0, NEW, 6, 0 },
		{ POST, "2", "1hb|1c", "c", "a", 9, HELD, 4, 1 },
		{ POST, "3", "1c", "c", "a", 9, HELD, 4, 2 } } },
	{ "ignored in both, then captured: another type is held", &versions,
	    { { IGNORE, "1", "1hb|1b", "b", "a", 0, NO, 0, 0 },
		{ POST, "2", "1b", "b", "z", 9, HELD, 4, 0 },
		{ POST, "1", "1hb|1b", "b", "a", 9, NEW, 6, 0 } } },
	{ "another type counts once, whichever version verified",
	    &versions_types,
	    { { POST, "1", "1hb|1b", "b", "a", 0, NEW, 6, 0 },
		{ POST, "2", "1b", "b", "z", 9, NEW, 4, 0 },
		{ POST, "3", "1hb|1b", "b", "z", 9, HELD, 4, 1 },
		{ POST, "4", "1b", "b", "z", 9, HELD, 4, 1 } } },
	{ "another type of what was cut anew is held", &versions_types,
	    { { POST, "1", "1hb|1b", "b", "a", 0, NEW, 6, 0 },
		{ POST, "2", "1hb|1c", "c", "z", 9, HELD, 4, 1 } } },
	{ "no id, each counts: the newer version tells two apart",
	    &versions_always,
	    { { POST, NULL, "1hb|1b", "b", "a", 0, NEW, 3, 0 },
		{ POST, NULL, "1hb|1b", "b", "a", 9, DUP, 3, 1 },
		{ POST, NULL, "1b", "b", "a", 9, DUP, 3, 1 },
		{ POST, NULL, "1kb|1b", "b", "a", 9, HELD, 4, 1 } } },
	{ "an ambiguous id in two versions is one event", &versions_joined,
	    { { POST, "1", "1h1b|1.1b", "b", "a", 0, NEW, 2, 0 },
		{ POST, "2", "1.1b", "c", "a", 9, DUP, 2, 1 } } },
	{ "nothing is signed, and the body varies", &telegram,
	    { { POST, "1", NULL, "b", NULL, 0, NEW, 6, 0 },
		{ POST, "1", NULL, "c", NULL, 9, DUP, 1, 1 } } },
};

/* --- a memory ------------------------------------------------------------- */

struct remembered {
	enum dedupe_key key;
	char text[64];
	struct dedupe_record rec;
};

struct memory {
	struct remembered rows[RECORDS_MAX];
	size_t n;
	const struct step *step; /* being judged */
	unsigned asked;
};

static const char *
or_none(const char *text)
{
	return text == NULL ? "-" : text;
}

static const char *
older_of(const struct step *s)
{
	const char *bar = s->content == NULL ? NULL : strchr(s->content, '|');

	return bar == NULL ? NULL : bar + 1;
}

static void
text_of(const struct step *s, enum dedupe_key key, char out[64])
{
	const char *parts[3] = { "", "", "" };
	char newer[16];

	snprintf(newer, sizeof(newer), "%.*s",
	    (int)strcspn(or_none(s->content), "|"), or_none(s->content));
	switch (key) {
	case DEDUPE_ID:
		parts[0] = or_none(s->id);
		break;
	case DEDUPE_CONTENT:
		parts[0] = newer;
		break;
	case DEDUPE_OLDER:
		parts[0] = older_of(s);
		break;
	case DEDUPE_PAYLOAD:
		parts[0] = or_none(s->payload);
		break;
	case DEDUPE_WHOLE:
		parts[0] = or_none(s->id);
		parts[1] = or_none(s->payload);
		parts[2] = or_none(s->type);
		break;
	case DEDUPE_CONTENT_TYPE:
		parts[s->id == NULL ? 0 : 1] =
		    s->id == NULL         ? or_none(s->payload)
		    : older_of(s) != NULL ? older_of(s)
					  : newer;
		parts[2] = or_none(s->type);
		break;
	case DEDUPE_KEYS:
		ck_abort_msg("no key");
	}
	snprintf(out, 64, "%s/%s/%s", parts[0], parts[1], parts[2]);
}

static struct remembered *
row_of(struct memory *m, enum dedupe_key key)
{
	char text[64];
	size_t i;

	text_of(m->step, key, text);
	if (key == DEDUPE_OLDER) /* that of the other version: one kind */
		key = DEDUPE_CONTENT;
	for (i = 0; i < m->n; i++)
		if (m->rows[i].key == key && strcmp(m->rows[i].text, text) == 0)
			return &m->rows[i];
	ck_assert_uint_lt(m->n, RECORDS_MAX);
	m->rows[m->n].key = key;
	snprintf(m->rows[m->n].text, sizeof(m->rows[0].text), "%s", text);
	return &m->rows[m->n++];
}

static int
find(void *arg, enum dedupe_key key, struct dedupe_record *out, struct err *err)
{
	struct memory *m = arg;

	(void)err;
	ck_assert_msg(
	    (m->asked & DEDUPE_BIT(key)) == 0, "key %d twice", (int)key);
	m->asked |= DEDUPE_BIT(key);
	*out = row_of(m, key)->rec;
	return 0;
}

static void
hash(const char *text, unsigned char out[DEDUPE_HASH])
{
	memset(out, 0, DEDUPE_HASH);
	if (text != NULL)
		snprintf((char *)out, DEDUPE_HASH, "%s#", text);
}

static void
event_of(const struct step *s, struct dedupe_event *ev)
{
	memset(ev, 0, sizeof(*ev));
	ev->has_id = s->id != NULL;
	ev->has_type = s->type != NULL;
	ev->id_complete = true;
	ev->admitted = s->act == ADMIT;
	ev->type_unreadable = s->act == UNTYPED;
	ev->age_ms = s->at_s * 1000;
	hash(s->id, ev->id);
	hash(s->payload, ev->payload);
	/* The last bytes tell types apart. */
	hash(s->type == NULL ? NULL : s->type + strlen(s->type) / 2, ev->type);
}

static void
write_records(struct memory *m, const struct dedupe_event *ev, unsigned writes,
    enum dedupe_state state, uint64_t seq)
{
	struct dedupe_record rec = {
		.state = state, .seq = seq, .age_ms = ev->age_ms
	};
	unsigned key;

	memcpy(rec.id, ev->id, DEDUPE_HASH);
	memcpy(rec.payload, ev->payload, DEDUPE_HASH);
	memcpy(rec.type, ev->type, DEDUPE_HASH);
	for (key = 0; key < DEDUPE_KEYS; key++)
		if ((writes & DEDUPE_BIT(key)) != 0)
			row_of(m, key)->rec = rec;
}

static void
play(const struct story *story, struct memory *m, uint64_t no)
{
	const struct step *s = &story->steps[no - 1];
	struct dedupe_class cl = *story->cl;
	struct dedupe_event ev;
	struct dedupe_decision d;
	struct err err = ERR_INIT;
	unsigned writes;

	cl.has_older = older_of(s) != NULL;
	m->step = s;
	m->asked = 0;
	event_of(s, &ev);
	if (s->act == IGNORE || s->act == REFUSE_IT) {
		ck_assert_int_eq(
		    dedupe_judge_unselected(&cl, &ev, find, m, &writes, &err),
		    0);
		ck_assert_msg(
		    (story->cl->signs && story->cl != &nolxy) || writes == 0,
		    "%s: a record that is not needed", story->when);
		write_records(m, &ev, writes,
		    s->act == IGNORE ? DEDUPE_IGNORED : DEDUPE_REFUSED, 0);
		return;
	}
	ck_assert_int_eq(dedupe_judge(&cl, &ev, find, m, &d, &err), 0);
	ck_assert_msg(d.verdict == s->want && d.rule == s->rule,
	    "%s, step %u: verdict %d by rule %u, not %d by %u", story->when,
	    (unsigned)no, (int)d.verdict, d.rule, (int)s->want, s->rule);
	ck_assert_msg(d.seq == s->of, "%s, step %u: of %u, not %u", story->when,
	    (unsigned)no, (unsigned)d.seq, (unsigned)s->of);
	ck_assert_msg(d.of_held == (s->of > 0 && story->steps[s->of - 1].want ==
						     DEDUPE_HOLD),
	    "%s, step %u: of a held copy", story->when, (unsigned)no);
	ck_assert_msg((d.writes & DEDUPE_BIT(DEDUPE_CONTENT_TYPE)) == 0 ||
			  story->cl->repeats == DEDUPE_REPEATS_TYPES,
	    "%s, step %u: a key that is never asked", story->when,
	    (unsigned)no);
	ck_assert_msg((d.reason == NULL) == (d.verdict == DEDUPE_ACCEPT),
	    "%s, step %u: its reason", story->when, (unsigned)no);
	if (d.verdict == DEDUPE_ACCEPT || d.verdict == DEDUPE_HOLD)
		write_records(m, &ev, d.writes,
		    d.verdict == DEDUPE_ACCEPT ? DEDUPE_STORED : DEDUPE_HELD,
		    no);
}

START_TEST(story_ends_as_told)
{
	const struct story *story = &stories[_i];
	struct memory m;
	uint64_t no;

	memset(&m, 0, sizeof(m));
	for (no = 1; no <= STEPS_MAX && story->steps[no - 1].act != END; no++)
		play(story, &m, no);
}
END_TEST

/* --- every class at once -------------------------------------------------- */

/* A number from 0 up, over what a class and an event may say. */
static void
class_of(unsigned bits, struct dedupe_class *cl)
{
	memset(cl, 0, sizeof(*cl));
	cl->signs = bits & 1;
	cl->covers_body = cl->signs && (bits & 2);
	cl->id_signed = bits & 4;
	cl->id_ambiguous = bits & 8;
	cl->id_suffices = cl->id_signed && !cl->id_ambiguous && (bits & 16);
	cl->type_signed = bits & 32;
	cl->time_signed = cl->signs && (bits & 64);
	cl->body_varies = cl->id_signed && !cl->id_ambiguous && (bits & 128);
	cl->type_repeats = bits & 256;
	cl->repeats = (enum dedupe_repeats)((bits >> 9) % 3);
	cl->within_ms = HOUR * 1000;
}

#define CLASSES (3 << 9)

static enum dedupe_verdict
post(const struct dedupe_class *cl, struct memory *m, const struct step *s,
    uint64_t no)
{
	struct dedupe_class class = *cl;
	struct dedupe_event ev;
	struct dedupe_decision d;
	struct err err = ERR_INIT;

	class.has_older = older_of(s) != NULL;
	m->step = s;
	m->asked = 0;
	event_of(s, &ev);
	ck_assert_int_eq(dedupe_judge(&class, &ev, find, m, &d, &err), 0);
	if (d.verdict == DEDUPE_ACCEPT || d.verdict == DEDUPE_HOLD)
		write_records(m, &ev, d.writes,
		    d.verdict == DEDUPE_ACCEPT ? DEDUPE_STORED : DEDUPE_HELD,
		    no);
	return d.verdict;
}

/*
 * A retry with equal bytes is never a second event, unless nothing tells it
 * from one, and is never held.
 */
static void
check_retry(unsigned bits)
{
	struct dedupe_class cl;
	struct memory m;
	struct step s = { POST, "1", "c", "p", "type", 0, NO, 0, 0 };
	enum dedupe_verdict got;
	int with_id;

	class_of(bits, &cl);
	for (with_id = 0; with_id < 2; with_id++) {
		memset(&m, 0, sizeof(m));
		s.id = with_id ? "1" : NULL;
		ck_assert_int_eq(post(&cl, &m, &s, 1), DEDUPE_ACCEPT);
		got = post(&cl, &m, &s, 2);
		if (!with_id && !cl.time_signed &&
		    (cl.covers_body || !cl.signs) &&
		    (cl.repeats == DEDUPE_REPEATS_ALWAYS ||
			(cl.type_repeats && cl.id_signed)))
			ck_assert_msg(got == DEDUPE_ACCEPT, "class %u", bits);
		else
			ck_assert_msg(
			    got == DEDUPE_DUPLICATE, "class %u", bits);
	}
}

START_TEST(retry_is_a_duplicate)
{
	unsigned bits;

	for (bits = 0; bits < CLASSES; bits++)
		check_retry(bits);
}
END_TEST

/* Other content with an id of its own is never lost and never held. */
START_TEST(other_event_is_accepted)
{
	unsigned bits;
	struct dedupe_class cl;
	struct memory m;
	const struct step first = { POST, "1", "c", "p", "type", 0, NO, 0, 0 };
	const struct step other = { POST, "2", "d", "q", "type", 0, NO, 0, 0 };

	for (bits = 0; bits < CLASSES; bits++) {
		class_of(bits, &cl);
		memset(&m, 0, sizeof(m));
		ck_assert_int_eq(post(&cl, &m, &first, 1), DEDUPE_ACCEPT);
		ck_assert_msg(post(&cl, &m, &other, 2) == DEDUPE_ACCEPT,
		    "class %u", bits);
	}
}
END_TEST

static bool
may_repeat(const struct dedupe_class *cl)
{
	return !cl->signs || (cl->id_suffices && cl->covers_body) ||
	       (cl->covers_body && !cl->id_signed && !cl->id_ambiguous &&
		   (cl->repeats == DEDUPE_REPEATS_ALWAYS ? !cl->time_signed
							 : cl->type_repeats));
}

/*
 * The same signed content under another id is accepted only where the class
 * says that the provider sends such, or the signature cannot be told.
 */
static void
check_captured(unsigned bits)
{
	struct dedupe_class cl;
	struct memory m;
	const struct step first = { POST, "1", "c", "p", "type", 0, NO, 0, 0 };
	const struct step again = { POST, "2", "c", "p", "type", 0, NO, 0, 0 };
	bool may;

	class_of(bits, &cl);
	memset(&m, 0, sizeof(m));
	ck_assert_int_eq(post(&cl, &m, &first, 1), DEDUPE_ACCEPT);
	may = may_repeat(&cl);
	if (may && cl.id_ambiguous)
		return;
	ck_assert_msg((post(&cl, &m, &again, 2) == DEDUPE_ACCEPT) == may,
	    "class %u", bits);
}

START_TEST(captured_content_is_not_accepted)
{
	unsigned bits;

	for (bits = 0; bits < CLASSES; bits++)
		check_captured(bits);
}
END_TEST

/* The signatures of one request, and those that a captured copy is left with.
 */
static const char *const versions_of[][2] = {
	{ "c|o", "o" }, { "o", "c|o" }, { "c|o", "c|o" },
	{ "c|o", "c|p" }, /* cut anew, which the newer version allowed */
};

START_TEST(captured_version_is_not_accepted)
{
	struct step first = { POST, "1", "", "p", "type", 0, NO, 0, 0 };
	struct step again = { POST, "2", "", "p", "type", 0, NO, 0, 0 };
	struct dedupe_class cl;
	struct memory m;
	unsigned bits;

	first.content = versions_of[_i][0];
	again.content = versions_of[_i][1];
	for (bits = 0; bits < CLASSES; bits++) {
		class_of(bits, &cl);
		memset(&m, 0, sizeof(m));
		ck_assert_int_eq(post(&cl, &m, &first, 1), DEDUPE_ACCEPT);
		if (!may_repeat(&cl))
			ck_assert_msg(post(&cl, &m, &again, 2) != DEDUPE_ACCEPT,
			    "class %u", bits);
	}
}
END_TEST

static int
find_fails(
    void *arg, enum dedupe_key key, struct dedupe_record *out, struct err *err)
{
	(void)arg;
	(void)key;
	(void)out;
	return err_set(err, ERR_IO, "the disk is gone");
}

START_TEST(failed_look_up_decides_nothing)
{
	struct dedupe_event ev;
	struct dedupe_decision d;
	const struct step s = { POST, "1", "c", "p", "type", 0, NO, 0, 0 };
	struct err err = ERR_INIT;
	unsigned writes;

	event_of(&s, &ev);
	ck_assert_int_eq(
	    dedupe_judge(&github, &ev, find_fails, NULL, &d, &err), -1);
	ck_assert_int_eq(err.code, ERR_IO);
	ck_assert_int_ne(d.verdict, DEDUPE_ACCEPT);
	ck_assert_int_eq(dedupe_judge_unselected(
			     &github, &ev, find_fails, NULL, &writes, &err),
	    -1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dedupe_rule");
	TCase *tc = tcase_create("dedupe_rule");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, story_ends_as_told, 0, NITEMS(stories));
	tcase_add_test(tc, retry_is_a_duplicate);
	tcase_add_test(tc, other_event_is_accepted);
	tcase_add_test(tc, captured_content_is_not_accepted);
	tcase_add_loop_test(
	    tc, captured_version_is_not_accepted, 0, NITEMS(versions_of));
	tcase_add_test(tc, failed_look_up_decides_nothing);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
