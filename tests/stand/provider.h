/*
 * provider.h: a provider for any scheme: makes up requests that have a value
 * wherever the scheme file reads one, and signs them. Nothing here knows a
 * preset by its name, so that new ones are covered.
 */
#ifndef EYELET_TESTS_PROVIDER_H
#define EYELET_TESTS_PROVIDER_H

#include <openssl/evp.h>

#include "lib/scheme/impl.h"
#include "lib/scheme/verify.h"

#define PROVIDER_URL "https://h.example/hooks/x"
#define PROVIDER_PARAM "param-value" /* of every param of a scheme */
#define PROVIDER_HEADERS 32
#define PROVIDER_ELEMENTS 2 /* of a batch */

struct provider {
	const struct scheme *sc;
	struct buf secret; /* as an operator pastes it */
	struct scheme_key *key;
	EVP_PKEY *private_key; /* NULL: the secret is shared */
	bool is_form; /* its bodies are forms, else JSON */
};

/* A value other than the one that the occurrence has. */
struct override {
	const struct piece *at; /* NULL: an end of the list */
	const char *value; /* NULL: it is absent */
};

/* Something that happened, of which the provider tells. */
struct occurrence {
	const char *id, *type;
	const char *action; /* the rest of a type of two; "": none */
	const char *other; /* whatever else is signed by name */
	const char *data; /* whatever else is in the body */
	const char *element[PROVIDER_ELEMENTS]; /* behind the ids of a batch */
	int64_t ms;
	unsigned attempt;
	bool spaced; /* the body in another encoding of the same values */
	const struct override *overrides; /* or NULL */
};

struct draft {
	struct header headers[PROVIDER_HEADERS];
	struct request request; /* of body, query, headers */
	struct buf body, query, text; /* text owns the headers */
	struct buf
	    content; /* what is signed; empty where overrides leave none */
};

void provider_open(struct provider *p, const struct scheme *sc);
void provider_close(struct provider *p);

/* Is there a time that is new with each try? */
bool provider_signs_each_try(const struct provider *p);

/* The request of an occurrence; freed by draft_free. */
void provider_tells(
    struct provider *p, const struct occurrence *ev, struct draft *d);
void draft_copy(const struct draft *from, struct draft *to);
void draft_free(struct draft *d);

/* Edits of a request that was signed. Values are borrowed. */
struct header *draft_header(struct draft *d, const char *name);
void draft_drop(struct draft *d, const char *name);
void draft_set(struct draft *d, const char *name, const char *value);

#endif
