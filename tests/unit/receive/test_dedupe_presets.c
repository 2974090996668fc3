/*
 * What the rules of dedupe_rule.h promise, for every preset and through the
 * receiver: no captured request counts twice, no genuine one is lost. What
 * must follow is said by the class of the preset alone.
 */
#include "tests/stand/preset_stand.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

/* --- e: the provider tries once more ---------------------------------------
 */

static struct occurrence
retry_of(const struct preset *ps, const struct occurrence *ev)
{
	struct occurrence again = *ev;

	again.attempt++;
	if (provider_signs_each_try(&ps->provider))
		again.ms = stand_now_ms() - 1000;
	return again;
}

static bool
has_no_id(const struct preset *ps)
{
	return ps->sc->nids == 0;
}

static void
try_retries(struct preset *ps)
{
	unsigned allowed = ONLY(DUPLICATE);
	struct told t;
	struct occurrence ev = *stand_happens(&t);
	char log[STAND_LOG];

	/* Where neither an id nor a time is signed nothing tells them apart. */
	if (has_no_id(ps) && ps->sc->repeats == SCHEME_REPEATS_ALWAYS)
		allowed |= ONLY(ACCEPTED);
	preset_expect(ps, TRUE_RETRY, "the first try",
	    preset_tell(ps, TRUE_RETRY, ps->all, &ev, log), ONLY(ACCEPTED),
	    log);
	preset_expect(ps, TRUE_RETRY, "the same bytes",
	    preset_tell(ps, TRUE_RETRY, ps->all, &ev, log), allowed, log);
	ev = retry_of(ps, &ev);
	preset_expect(ps, TRUE_RETRY, "the second try",
	    preset_tell(ps, TRUE_RETRY, ps->all, &ev, log), allowed, log);
	ev = retry_of(ps, &ev);
	preset_expect(ps, TRUE_RETRY, "the third try",
	    preset_tell(ps, TRUE_RETRY, ps->selects, &ev, log), ONLY(ACCEPTED),
	    log);
	ev = retry_of(ps, &ev);
	preset_expect(ps, TRUE_RETRY, "the fourth try",
	    preset_tell(ps, TRUE_RETRY, ps->selects, &ev, log), allowed, log);
}

/* --- f: two events ---------------------------------------------------------
 */

/* Tells of two; does nothing where their requests are the same. */
static void
tell_two(struct preset *ps, const char *what, const struct occurrence *first,
    const struct occurrence *then, unsigned allowed)
{
	struct draft a = { .request.nheaders = 0 };
	struct draft b = { .request.nheaders = 0 };
	const struct scheme *sc = ps->sc;
	size_t i;
	bool same;
	char log[STAND_LOG];

	provider_tells(&ps->provider, first, &a);
	provider_tells(&ps->provider, then, &b);
	same = span_eq(a.request.body, b.request.body) &&
	       span_eq(buf_span(&a.content), buf_span(&b.content)) &&
	       a.request.nheaders == b.request.nheaders;
	/* A signature may be another one each time. */
	for (i = 0; same && i < a.request.nheaders; i++)
		same = span_eq(a.headers[i].value, b.headers[i].value) ||
		       span_is(a.headers[i].name, sc->sig_from[0].arg);
	/* Of a body that is not covered nobody could tell. */
	if (sc->content.n > 0 && !scheme_covers_body(sc) &&
	    span_eq(buf_span(&a.content), buf_span(&b.content)))
		same = true;
	if (!same) {
		preset_expect(ps, TWO_EVENTS, what,
		    preset_post(ps, TWO_EVENTS, ps->all, &a, log),
		    ONLY(ACCEPTED), log);
		preset_expect(ps, TWO_EVENTS, what,
		    preset_post(ps, TWO_EVENTS, ps->all, &b, log), allowed,
		    log);
	}
	draft_free(&a);
	draft_free(&b);
}

/* Is a new id with the same body another event, or not to be told? */
static unsigned
new_id_is(const struct preset *ps)
{
	if (ps->class == CLASS_ID_UNSIGNED &&
	    ps->sc->repeats != SCHEME_REPEATS_ALWAYS)
		return ONLY(ACCEPTED) | ONLY(HELD);
	return ONLY(ACCEPTED);
}

static void
try_repeat_types(struct preset *ps)
{
	const struct scheme *sc = ps->sc;
	char type[256], id[64], *dot;
	struct occurrence ev, again;
	struct told t;
	size_t i;

	for (i = 0; i < sc->nrepeat_types; i++) {
		ev = *stand_happens(&t);
		snprintf(type, sizeof(type), "%s", sc->repeat_types[i]);
		dot = strstr(type, ".*");
		if (dot != NULL)
			*dot = '\0';
		else
			ev.action = "";
		ev.type = type;
		again = ev;
		snprintf(id, sizeof(id), "%s-again", ev.id);
		again.id = id;
		again.ms += 1000;
		/* Without id and time they are the same to the bit. */
		tell_two(ps, type, &ev, &again, ONLY(ACCEPTED));
	}
}

static void
try_two(struct preset *ps)
{
	struct told t, u;
	struct occurrence ev = *stand_happens(&t), again = *stand_happens(&u);

	tell_two(ps, "two that differ in all", &ev, &again, ONLY(ACCEPTED));
	ev = *stand_happens(&t);
	stand_happens(&u);
	again = ev;
	again.data = u.data;
	tell_two(ps, "the same id, another body", &ev, &again,
	    has_no_id(ps) ? ONLY(ACCEPTED) : ONLY(ACCEPTED) | ONLY(HELD));
	ev = *stand_happens(&t);
	stand_happens(&u);
	again = ev;
	again.id = u.other;
	tell_two(ps, "the same body, another id", &ev, &again, new_id_is(ps));
	ev = *stand_happens(&t);
	stand_happens(&u);
	again = ev;
	again.other = u.other;
	/* Beside the same id and body it is no other event. */
	tell_two(ps, "another signed value", &ev, &again,
	    ONLY(ACCEPTED) | ONLY(HELD) |
		(has_no_id(ps) ? 0 : ONLY(DUPLICATE)));
	ev = *stand_happens(&t);
	stand_happens(&u);
	again = ev;
	again.element[1] = "-3";
	tell_two(ps, "another element", &ev, &again, ONLY(ACCEPTED));
	ev = *stand_happens(&t);
	stand_happens(&u);
	again = ev;
	again.type = "sel.b";
	again.id = u.id;
	if (ps->sc->repeats == SCHEME_REPEATS_TYPES)
		tell_two(ps, "another type", &ev, &again, ONLY(ACCEPTED));
	ev = *stand_happens(&t);
	stand_happens(&u);
	again = ev;
	again.ms += 1000;
	if (ps->sc->repeats == SCHEME_REPEATS_ALWAYS)
		tell_two(ps, "once more", &ev, &again, ONLY(ACCEPTED));
	try_repeat_types(ps);
}

/* --- f: events in the shape of what providers send -------------------------
 */

/* n events with ids of their own; types come in turns, bodies in rows. */
static const struct {
	const char *preset;
	unsigned n, bodies, types; /* types 0: all of "type" */
	const char *type, *action;
} sets[] = {
	{ "shopify", 181, 125, 181, "topic", "" },
	{ "shopify", 12, 1, 0, "app/uninstalled", "" },
	{ "woocommerce", 60, 30, 2, "product.", "" },
	{ "dropbox", 40, 2, 0, "", "" },
	{ "gitlab", 30, 2, 0, "Feature Flag Hook", "" },
	{ "github", 30, 1, 0, "workflow_dispatch", "" },
	{ "github", 30, 1, 0, "repository_dispatch", "on-demand" },
	{ "grafana", 30, 1, 0, "firing", "" },
	{ "doppler", 30, 1, 0, "config.secrets.update", "" },
};

static struct preset *
preset_of(const char *name)
{
	size_t i;

	for (i = 0; i < npresets; i++)
		if (strcmp(presets[i].sc->name, name) == 0)
			return &presets[i];
	ck_abort_msg("no preset %s", name);
	return NULL;
}

/* As many are kept as were sent; each is tried once more, and is one still. */
static void
tell_set(size_t no)
{
	struct preset *ps = preset_of(sets[no].preset);
	char log[STAND_LOG], id[64], data[96], type[64];
	struct told t;
	struct occurrence ev = *stand_happens(&t);
	unsigned i;

	ev.type = type;
	ev.action = sets[no].action;
	ev.data = data;
	for (i = 0; i < sets[no].n; i++) {
		snprintf(id, sizeof(id), "%s-%u", t.id, i);
		snprintf(data, sizeof(data), "%s %u", t.data,
		    i * sets[no].bodies / sets[no].n);
		snprintf(type, sizeof(type), "%s", sets[no].type);
		if (sets[no].types > 0)
			snprintf(type, sizeof(type), "%s%u", sets[no].type,
			    i % sets[no].types);
		ev.id = id;
		preset_expect(ps, TWO_EVENTS, "one of a set",
		    preset_tell(ps, TWO_EVENTS, ps->all, &ev, log),
		    ONLY(ACCEPTED), log);
		if (!has_no_id(ps))
			preset_expect(ps, TRUE_RETRY, "one of a set, again",
			    preset_tell(ps, TRUE_RETRY, ps->all, &ev, log),
			    ONLY(DUPLICATE), log);
	}
}

/* --- g: what became of it is changed, and it comes once more ---------------
 */

/* Occurrences of the first half, for the second. */
static struct {
	struct told ignored, copied, refused;
} later[PRESETS_MAX];

static void
begin_later(struct preset *ps)
{
	struct occurrence forged;
	char log[STAND_LOG];
	size_t i = (size_t)(ps - presets);

	if (!scheme_has_type(ps->sc))
		return; /* all are selected */
	preset_expect(ps, LATER_SELECTED, "not selected",
	    preset_tell(ps, LATER_SELECTED, ps->later,
		stand_happens(&later[i].ignored), log),
	    ONLY(IGNORED), log);
	preset_expect(ps, LATER_SELECTED, "not selected",
	    preset_tell(ps, LATER_SELECTED, ps->later,
		stand_happens(&later[i].copied), log),
	    ONLY(IGNORED), log);
	forged = later[i].copied.ev;
	forged.type = "sel.b";
	forged.id = "forged";
	preset_tell(ps, LATER_SELECTED, ps->later, &forged, log);
}

static void
end_later(struct preset *ps)
{
	struct occurrence ev;
	char log[STAND_LOG];
	size_t i = (size_t)(ps - presets);

	if (!scheme_has_type(ps->sc))
		return;
	ev = retry_of(ps, &later[i].ignored.ev);
	preset_expect(ps, LATER_SELECTED, "selected since",
	    preset_tell(ps, LATER_SELECTED, ps->later, &ev, log),
	    ONLY(ACCEPTED), log);
	ev = retry_of(ps, &later[i].copied.ev);
	preset_expect(ps, LATER_SELECTED, "selected since, and was copied",
	    preset_tell(ps, LATER_SELECTED, ps->later, &ev, log),
	    ONLY(ACCEPTED) | ONLY(HELD), log);
}

static void
begin_broken(struct preset *ps)
{
	char log[STAND_LOG];
	struct told *t = &later[ps - presets].refused;

	preset_expect(ps, LATER_SELECTED, "under a scheme that cannot read it",
	    preset_tell(ps, LATER_SELECTED, ps->broken, stand_happens(t), log),
	    ONLY(REFUSED), log);
}

static void
end_broken(struct preset *ps)
{
	struct occurrence ev = retry_of(ps, &later[ps - presets].refused.ev);
	char log[STAND_LOG];

	preset_expect(ps, LATER_SELECTED, "under a scheme that was mended",
	    preset_tell(ps, LATER_SELECTED, ps->broken, &ev, log),
	    ONLY(ACCEPTED), log);
}

/* What is held, by whatever rule, is a duplicate when it comes again. */
static void
try_held(struct preset *ps)
{
	struct told t, u;
	struct occurrence ev, again[2];
	char log[STAND_LOG];
	size_t i;

	stand_happens(&u);
	for (i = 0; i < NITEMS(again); i++) {
		ev = *stand_happens(&t);
		again[0] = again[1] = ev;
		again[0].data = u.data;
		again[1].id = u.id;
		preset_tell(ps, LATER_SELECTED, ps->all, &ev, log);
		if (preset_tell(ps, LATER_SELECTED, ps->all, &again[i], log) !=
		    HELD)
			continue;
		again[i] = retry_of(ps, &again[i]);
		preset_expect(ps, LATER_SELECTED, "held, and tried again",
		    preset_tell(ps, LATER_SELECTED, ps->all, &again[i], log),
		    ONLY(DUPLICATE), log);
		ev = retry_of(ps, &ev);
		preset_expect(ps, LATER_SELECTED, "the first, tried again",
		    preset_tell(ps, LATER_SELECTED, ps->all, &ev, log),
		    ONLY(DUPLICATE), log);
	}
}

START_TEST(presets_keep_what_their_class_promises)
{
	unsigned failures;
	size_t i;

	stand_begin();
	for (i = 0; i < npresets; i++)
		begin_broken(&presets[i]);
	stand_mend_schemes();
	for (i = 0; i < npresets; i++) {
		end_broken(&presets[i]);
		preset_try_copies(&presets[i]);
		try_retries(&presets[i]);
		try_two(&presets[i]);
		try_held(&presets[i]);
		begin_later(&presets[i]);
	}
	for (i = 0; i < NITEMS(sets); i++)
		tell_set(i);
	stand_select_all();
	for (i = 0; i < npresets; i++)
		end_later(&presets[i]);
	failures = stand_report();
	stand_end();
	ck_assert_msg(failures == 0, "%u failures", failures);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dedupe presets");
	TCase *tc = tcase_create("presets");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, presets_keep_what_their_class_promises);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
