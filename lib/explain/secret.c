/* secret.c: mistakes in which secret, how it is read, which scheme. */
#include "lib/explain/impl.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/util.h"

static int
try_own(struct inquiry *q, const struct scheme *sc, struct span secret)
{
	return inquiry_try(q, sc, secret, q->ask->in->request, q->ask->in->url);
}

/* --- how it is read ------------------------------------------------------- */

static const char *const prefixes[] = { "whsec_", "whpk_", "whsk_", "sk_",
	"secret_", "base64:", "hex:" };

static struct span
without_blanks(struct span text)
{
	const char *p = text.ptr;

	while (text.len > 0 &&
	       (p[text.len - 1] == '\n' || p[text.len - 1] == '\r' ||
		   p[text.len - 1] == ' ' || p[text.len - 1] == '\t'))
		text.len--;
	return span_trim(text);
}

static struct span
without_prefix(struct span text)
{
	size_t i;

	for (i = 0; i < NITEMS(prefixes); i++)
		if (span_starts(text, prefixes[i]))
			return span_skip(text, strlen(prefixes[i]));
	return text;
}

/* A text that was cut out of the pasted one, and how. */
struct cut {
	struct span text;
	const char *words;
};

static const struct {
	enum encoding enc;
	const char *words;
} readings[] = {
	{ ENCODING_UTF8, "taken as text" },
	{ ENCODING_BASE64, "decoded as base64" },
	{ ENCODING_BASE64URL, "decoded as base64url" },
	{ ENCODING_HEX, "decoded as hex" },
};

static int
try_form(struct inquiry *q, const struct explain_secret *s)
{
	struct scheme plain = q->timeless;
	char name[INQUIRY_NAME_MAX], quoted = '\0';
	struct cut cuts[] = {
		{ s->text, "all of it" },
		{ without_blanks(s->text), "without the blanks around it" },
		{ without_prefix(s->text), "without its prefix" },
		{ without_prefix(without_blanks(s->text)),
		    "without its prefix and blanks" },
		{ s->text, "without the quotes around it" },
	};
	struct span *unquoted = &cuts[NITEMS(cuts) - 1].text;
	size_t i, k;
	int ret = 0;

	*unquoted = without_blanks(s->text);
	if (unquoted->len > 1)
		quoted = *(const char *)unquoted->ptr;
	if (quoted == '"' || quoted == '\'')
		*unquoted =
		    span_of((const char *)unquoted->ptr + 1, unquoted->len - 2);
	plain.nstrip = 0;
	inquiry_name(s, name);
	for (i = 0; i < NITEMS(cuts) && ret == 0; i++) {
		if (i > 0 && cuts[i].text.len == s->text.len)
			continue;
		for (k = 0; k < NITEMS(readings) && ret == 0; k++) {
			plain.key_enc = readings[k].enc;
			ret = try_own(q, &plain, cuts[i].text);
			if (ret > 0)
				return inquiry_found(q, EXPLAIN_SECRET_FORM,
				    "the sender's key is %s, %s, %s", name,
				    cuts[i].words, readings[k].words);
		}
	}
	return ret;
}

int
try_secret_form(struct inquiry *q)
{
	size_t i;
	int ret = 0;

	/* A public key says by itself what it is. */
	if (q->timeless.algorithm->kind == ALGORITHM_PUBKEY)
		return 0;
	for (i = 0; i < q->ask->nsecrets && ret == 0; i++)
		if (inquiry_is_live(&q->ask->secrets[i]))
			ret = try_form(q, &q->ask->secrets[i]);
	return ret;
}

/* --- which ---------------------------------------------------------------- */

static int
try_those(struct inquiry *q, bool others, enum explain_cause cause)
{
	const struct explain_secret *s;
	char name[INQUIRY_NAME_MAX];
	size_t i;
	int ret = 0;

	for (i = 0; i < q->ask->nsecrets && ret == 0; i++) {
		s = &q->ask->secrets[i];
		if (others ? s->endpoint == NULL
			   : (s->endpoint != NULL || inquiry_is_live(s)))
			continue;
		ret = try_own(q, &q->timeless, s->text);
		if (ret > 0) {
			inquiry_name(s, name);
			ret = inquiry_found(q, cause,
			    "it was signed with %s, which is %s", name,
			    secret_state_word(s->state));
		}
	}
	return ret;
}

int
try_old_secret(struct inquiry *q)
{
	return try_those(q, false, EXPLAIN_OLD_SECRET);
}

int
try_other_endpoint(struct inquiry *q)
{
	return try_those(q, true, EXPLAIN_OTHER_ENDPOINT);
}

/* --- the scheme ----------------------------------------------------------- */

int
try_other_scheme(struct inquiry *q)
{
	const struct scheme_set *set = q->ask->schemes;
	const struct explain_secret *match;
	const struct scheme *sc;
	struct scheme timeless;
	char others[256] = "";
	const char *first = NULL;
	size_t i, len = 0;

	for (i = 0; set != NULL && i < scheme_set_count(set); i++) {
		sc = scheme_set_at(set, i);
		if (strcmp(sc->name, q->ask->scheme->name) == 0)
			continue;
		inquiry_without_time(sc, &timeless);
		if (inquiry_try_live(q, &timeless, q->ask->in->request,
			q->ask->in->url, &match) < 0)
			return -1;
		if (match == NULL)
			continue;
		if (first == NULL)
			first = sc->name;
		else if (len < sizeof(others))
			len += (size_t)snprintf(others + len,
			    sizeof(others) - len, "%s%s",
			    len == 0 ? " (so say, too: " : ", ", sc->name);
	}
	if (first == NULL)
		return 0;
	return inquiry_found(q, EXPLAIN_OTHER_SCHEME,
	    "it is right by the scheme %s%s%s", first, others,
	    others[0] == '\0' ? "" : ")");
}
