/* explain.c: the verdict once more, and the first mistake that explains it. */
#include "lib/explain/explain.h"

#include "lib/base/util.h"
#include "lib/explain/impl.h"
#include "lib/scheme/resolve.h"

#define WORDS_MAX 4096

/* Each mistake: its name, and what to do about it. */
static const struct {
	enum explain_cause cause;
	const char *word, *advice;
} causes[] = {
	{ EXPLAIN_UNKNOWN, "unknown",
	    "compare the secret with the provider's once more, and look for "
	    "something on the way that changes the body" },
	{ EXPLAIN_VALID, "valid", "it would be accepted now" },
	{ EXPLAIN_MALFORMED, "malformed",
	    "the signature is right: \"quarantine admit\" takes what was "
	    "refused as it is; ask the sender for the form that the scheme "
	    "describes, or choose another scheme" },
	{ EXPLAIN_UNREADABLE, "unreadable",
	    "the sender must write body and query so that they can be read; "
	    "without that its signature cannot be checked" },
	{ EXPLAIN_PACKING, "other-packing",
	    "say so in the scheme file (\"signs\": \"decoded\" for the "
	    "unpacked bytes, \"wire\" for those that came), and admit the "
	    "request again" },
	{ EXPLAIN_NO_BODY, "no-body",
	    "a larger [quarantine] bytes, or eyelet-endpoint explain with the "
	    "whole request, can tell more" },
	{ EXPLAIN_TOO_LARGE, "too-large",
	    "if the provider sends such bodies, allow them with "
	    "eyelet-endpoint edit NAME --max-body SIZE, and with the web "
	    "server's own limit" },
	{ EXPLAIN_UNSIGNED, "unsigned",
	    "check that signing is switched on at the provider, that this "
	    "is its endpoint's scheme, and that no proxy drops the header" },
	{ EXPLAIN_NEWLINE, "newline",
	    "something on the way cuts or adds a line end: it must pass the "
	    "body on byte for byte" },
	{ EXPLAIN_RESTYLED, "reserialised",
	    "something on the way reads the JSON and writes it anew: it must "
	    "pass the body on byte for byte" },
	{ EXPLAIN_SECRET_FORM, "secret-form",
	    "give the secret in the form in which the sender takes it, or "
	    "take the scheme that reads it so" },
	{ EXPLAIN_SECRET_SENT, "secret-sent",
	    "the sender must compute a signature with it; the secret is "
	    "known to whoever saw the request: rotate it" },
	{ EXPLAIN_OLD_SECRET, "old-secret",
	    "the sender must take the current one: eyelet-secret show says "
	    "which secrets are live" },
	{ EXPLAIN_OTHER_ENDPOINT, "other-endpoint",
	    "the sender posts to the wrong URL, or has the other endpoint's "
	    "secret" },
	{ EXPLAIN_OTHER_SCHEME, "other-scheme",
	    "eyelet-endpoint edit NAME --scheme changes it" },
	{ EXPLAIN_CLOCK, "clock",
	    "set both clocks right; what only came late needs a larger "
	    "--tolerance" },
	{ EXPLAIN_TRUNCATED, "truncated",
	    "something cuts the header: a column of a database, a limit of a "
	    "proxy" },
	{ EXPLAIN_ENCODING, "other-encoding",
	    "the sender must write it as the scheme says, or take a scheme "
	    "that says so" },
	{ EXPLAIN_RENAMED, "renamed-header",
	    "let the proxy pass the header on under its own name" },
	{ EXPLAIN_TWO_VALUES, "two-values",
	    "something on the way adds the header a second time: a header "
	    "that decides must be there once" },
	{ EXPLAIN_URL, "other-url",
	    "register the URL with eyelet-endpoint edit NAME --public-url "
	    "exactly as the provider has it" },
};

const char *
explain_word(enum explain_cause cause)
{
	size_t i;

	for (i = 0; i < NITEMS(causes); i++)
		if (causes[i].cause == cause)
			return causes[i].word;
	return causes[0].word;
}

const char *
explain_advice(enum explain_cause cause)
{
	size_t i;

	for (i = 0; i < NITEMS(causes); i++)
		if (causes[i].cause == cause)
			return causes[i].advice;
	return "";
}

/* --- what the verdict itself says ----------------------------------------- */

static int
judge(struct inquiry *q, const struct scheme *sc, struct verify_result *result,
    struct err *why)
{
	struct scheme_key *keys[SECRET_LIVE_MAX + 2] = { NULL };
	struct err ignored = ERR_INIT;
	size_t i, n = 0;
	int ret;

	for (i = 0; i < q->ask->nsecrets && n < NITEMS(keys); i++)
		if (inquiry_is_live(&q->ask->secrets[i]) &&
		    scheme_key_make(
			sc, q->ask->secrets[i].text, &keys[n], &ignored) == 0)
			n++;
	ret = verify_request(sc, keys, n, q->ask->in, result, why);
	while (n > 0)
		scheme_key_free(keys[--n]);
	return ret;
}

static const char *const unit_words[] = { [TIME_S] = "in seconds",
	[TIME_MS] = "in milliseconds",
	[TIME_RFC3339] = "a date (RFC 3339)" };

/* The form that a time seems to be in. */
static const char *
time_words(struct span text)
{
	size_t unit;
	int64_t ms;

	for (unit = 0; unit < NITEMS(unit_words); unit++)
		if (scheme_read_time((enum time_unit)unit, text, &ms))
			return unit_words[unit];
	return "in a form that nobody has";
}

/* By how much the clocks differ, where the rest is right. */
static int
find_clock(struct inquiry *q, const char *reason)
{
	const struct scheme *sc = q->ask->scheme;
	struct resolver rs;
	const char *ignored;
	enum resolve_outcome how = RESOLVE_ABSENT;
	struct span text;
	int64_t ms = 0, off_s, now = q->ask->in->request->now_ms;
	int ret = -1;

	resolver_init(&rs, sc, q->ask->in);
	if (sc->nsig_from == 1 && sc->sig_from[0].kind == PIECE_HEADER)
		request_header(
		    q->ask->in->request, sc->sig_from[0].arg, &rs.items);
	if (resolve_piece(&rs, &sc->time_from, &how, &text, &ignored, q->err) <
	    0)
		goto out;
	if (how != RESOLVE_OK) {
		ret = inquiry_found(
		    q, EXPLAIN_CLOCK, "the signature is right, but %s", reason);
	} else if (scheme_read_time(sc->time_unit, text, &ms)) {
		off_s = (now - ms) / 1000;
		ret = inquiry_found(q, EXPLAIN_CLOCK,
		    "the signature is right, but its time is %lld s %s the "
		    "request came",
		    (long long)(off_s < 0 ? -off_s : off_s),
		    off_s < 0 ? "after" : "before");
	} else {
		ret = inquiry_found(q, EXPLAIN_CLOCK,
		    "the signature is right, but its time is %s, not %s",
		    time_words(text), unit_words[sc->time_unit]);
	}
out:
	resolver_free(&rs);
	return ret;
}

/* Was it more than the endpoint takes, once it was unpacked? */
static int
find_unpacked(struct inquiry *q)
{
	const struct body *body = q->ask->in->body;

	if (body == NULL || body->state != BODY_TOO_LARGE)
		return 0;
	return inquiry_found(q, EXPLAIN_TOO_LARGE,
	    "the packed body of %zu bytes unpacks to more than the limit of "
	    "%zu",
	    q->ask->in->request->body.len, body->max);
}

/* Authentic: is it an event, too? */
static int
find_malformed(struct inquiry *q)
{
	struct buf scratch = BUF_INIT(16384);
	struct identity who = { .outcome = IDENTIFY_OK };
	int ret;

	ret =
	    verify_identify(q->ask->scheme, q->ask->in, &scratch, &who, q->err);
	if (ret == 0)
		ret = find_unpacked(q);
	if (ret == 0 && who.type_unreadable)
		ret = inquiry_found(q, EXPLAIN_MALFORMED, "%s", who.why);
	else if (ret == 0)
		ret = who.outcome == IDENTIFY_OK
			  ? inquiry_found(q, EXPLAIN_VALID,
				"the signature and all else is right")
			  : inquiry_found(q, EXPLAIN_MALFORMED, "%s", who.why);
	buf_free(&scratch);
	return ret;
}

static int
try_verdict(struct inquiry *q)
{
	struct verify_result result = VERIFY_RESULT_INIT,
			     timeless = VERIFY_RESULT_INIT;
	struct err why = ERR_INIT;

	int64_t length = q->ask->in->request->content_length;
	int ret;

	if (q->ask->body_max > 0 && length > q->ask->body_max)
		return inquiry_found(q, EXPLAIN_TOO_LARGE,
		    "the body of %lld bytes is above the limit of %lld",
		    (long long)length, (long long)q->ask->body_max);
	if (!q->ask->whole)
		return inquiry_found(
		    q, EXPLAIN_NO_BODY, "the body is not here");
	if (judge(q, q->ask->scheme, &result, &why) < 0 ||
	    judge(q, &q->timeless, &timeless, &why) < 0) {
		if (why.code != ERR_CONFIG) {
			*q->err = why;
			return -1;
		}
		return inquiry_found(q, EXPLAIN_UNKNOWN, "%s", why.text) < 0
			   ? -1
			   : 0;
	}
	q->out->verdict = result.verdict;
	if (inquiry_found(q, EXPLAIN_UNKNOWN, "%s", result.reason) < 0)
		return -1;
	if (result.verdict == VERIFY_VALID)
		return find_malformed(q);
	if (result.verdict == VERIFY_UNREADABLE) {
		ret = find_unpacked(q);
		return ret != 0 ? ret
				: inquiry_found(q, EXPLAIN_UNREADABLE, "%s",
				      result.reason);
	}
	return timeless.verdict == VERIFY_VALID && q->ask->scheme->has_time
		   ? find_clock(q, result.reason)
		   : 0;
}

/* Nothing was found that comes near a signature. */
static int
try_unsigned(struct inquiry *q)
{
	if (q->out->verdict != VERIFY_MISSING)
		return 0;
	return inquiry_found(
	    q, EXPLAIN_UNSIGNED, "%s", q->ask->scheme->sig_from[0].absent);
}

/* --- all of it ------------------------------------------------------------ */

/*
 * The order matters: what is surer comes first, and a list of signatures is
 * no two values while it is right. Another scheme is tried before another
 * header name, as providers have names of their own.
 */
static inquiry_trial *const trials[] = { try_doubled, try_verdict, try_packing,
	try_two_values, try_secret_sent, try_encoding, try_newline,
	try_restyled, try_url, try_secret_form, try_old_secret,
	try_other_endpoint, try_other_scheme, try_renamed, try_unsigned };

int
explain_request(const struct explain_input *ask, struct explain_report *out,
    struct err *err)
{
	struct inquiry q = { .ask = ask, .out = out, .err = err };
	size_t i;
	int found = 0;

	out->verdict = VERIFY_INVALID;
	out->cause = EXPLAIN_UNKNOWN;
	out->steps.max = EXPLAIN_STEPS_MAX;
	out->words.max = WORDS_MAX;
	inquiry_without_time(ask->scheme, &q.timeless);
	if (inquiry_say(&q) < 0)
		return -1;
	for (i = 0; i < NITEMS(trials) && found == 0; i++)
		found = trials[i](&q);
	return found < 0 ? -1 : 0;
}

void
explain_free(struct explain_report *out)
{
	buf_free(&out->steps);
	buf_free(&out->words);
}
