/* config.c: the settings of a destination, made ready for sending. */
#include "lib/deliver/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/deliver/words.h"
#include "lib/http/address.h"

static int
make_keys(struct deliver_config *cf, const struct feed_destination *d,
    struct err *err)
{
	const struct feed_secret *s;
	struct sign_key *key;
	size_t i;

	for (i = 0; i < d->nsecrets; i++) {
		s = &d->secrets[i];
		key = &cf->keys[cf->nkeys];
		key->secret_id = s->id;
		key->state = s->state;
		key->until_ms = s->until_ms;
		if (scheme_key_make(cf->scheme, s->text, &key->key, err) < 0)
			return err_wrap(
			    err, "sec_%llu", (unsigned long long)s->id);
		cf->nkeys++;
	}
	if (cf->nkeys == 0)
		return err_set(err, ERR_CONFIG,
		    "it has no secret to sign with: use \"eyelet-secret "
		    "rotate\"");
	return 0;
}

static int
make_signer(struct deliver_config *cf, const struct scheme_set *schemes,
    const struct feed_destination *d, struct err *err)
{
	const char *name = cf->settings.sign, *why;
	const struct scheme *scheme;

	/* A command gets what was received: nobody stands in between. */
	if (cf->settings.ncommand > 0 || strcmp(name, "none") == 0)
		return 0;
	scheme = scheme_set_find(schemes, name);
	if (scheme == NULL)
		return err_set(
		    err, ERR_CONFIG, "there is no scheme \"%s\"", name);
	cf->scheme = scheme_hold(scheme);
	if (!scheme_can_sign(cf->scheme, &why))
		return err_set(err, ERR_CONFIG,
		    "the scheme \"%s\" cannot sign: %s", name, why);
	return make_keys(cf, d, err);
}

static int
make_ready(struct deliver_config *cf, const struct scheme_set *schemes,
    const struct feed_destination *d, struct err *err)
{
	struct destination *set = &cf->settings;

	if (destination_decode(d->doc, set, err) < 0 ||
	    destination_match_new(set, &cf->match, err) < 0 ||
	    retry_plan_parse(span_str(set->retry), &cf->plan, err) < 0)
		return -1;
	if (set->allow_net != NULL &&
	    address_list_parse(span_str(set->allow_net), &cf->allow, err) < 0)
		return -1;
	if (make_signer(cf, schemes, d, err) < 0)
		return -1;
	cf->timeout_ms =
	    destination_timeout_s(
		set, cf->scheme == NULL ? -1 : scheme_timeout_s(cf->scheme)) *
	    1000;
	return 0;
}

int
deliver_config_new(const struct scheme_set *schemes, uint64_t pool,
    const struct feed_destination *d, struct deliver_config **out,
    struct err *err)
{
	struct deliver_config *cf = calloc(1, sizeof(*cf));
	struct err why = ERR_INIT;

	if (cf == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a destination");
	cf->refs = 1;
	cf->generation = d->generation;
	cf->pool = pool;
	cf->enabled = d->state == STORE_DESTINATION_ENABLED;
	snprintf(cf->name, sizeof(cf->name), "%.*s", (int)d->name.len,
	    d->name.len == 0 ? "" : (const char *)d->name.ptr);
	destination_init(&cf->settings);
	cf->works = make_ready(cf, schemes, d, &why) == 0;
	if (why.code == ERR_NOMEM) {
		*err = why;
		deliver_config_put(cf);
		return -1;
	}
	if (!cf->works)
		deliver_words(cf->why_not, NULL, why.text);
	*out = cf;
	return 0;
}

bool
deliver_config_lacks_scheme(const struct deliver_config *cf)
{
	return !cf->works && cf->scheme == NULL &&
	       destination_signs(&cf->settings);
}

void
deliver_config_put(struct deliver_config *cf)
{
	if (cf == NULL || --cf->refs > 0)
		return;
	while (cf->nkeys > 0)
		scheme_key_free(cf->keys[--cf->nkeys].key);
	scheme_free(cf->scheme);
	destination_match_free(cf->match);
	address_list_free(cf->allow);
	destination_free(&cf->settings);
	free(cf);
}
