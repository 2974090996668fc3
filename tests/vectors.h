/* vectors.h: lines of tests/vectors.jsonl as requests, for several tests. */
#ifndef EYELET_TESTS_VECTORS_H
#define EYELET_TESTS_VECTORS_H

#include "lib/json.h"
#include "lib/scheme.h"
#include "lib/verify.h"

#define VECTOR_SECRETS_MAX 8

/* One line; members borrow from it until vector_free. */
struct vector {
	struct json *line;
	const char *name, *provider;
	struct span secrets[VECTOR_SECRETS_MAX];
	size_t nsecrets;
	struct buf body, names; /* names: header names in lower case */
	struct header headers[32];
	struct request request;
	struct verify_input input;
	const char *expect, *event_id, *event_type; /* NULL: none */
};

size_t vector_count(void); /* 0: the file cannot be read */
void vector_read(size_t i, struct vector *v);
/* The first vector of a provider that is valid; false: there is none. */
bool vector_valid_of(const char *provider, struct vector *v);
void vector_free(struct vector *v);

/* The preset of conf/schemes/, loaded; the caller frees it. */
struct scheme *preset(const char *name);

/* The keys of a vector's secrets; freed by keys_free. */
size_t vector_keys(
    const struct scheme *sc, const struct vector *v, struct scheme_key **keys);
void keys_free(struct scheme_key **keys, size_t n);

#endif
