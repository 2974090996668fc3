/*
 * vectors.h: known requests to the presets in conf/schemes/, with the verdicts
 * of providers' documents and libraries, from vectors.jsonl.
 */
#ifndef EYELET_TESTS_VECTORS_H
#define EYELET_TESTS_VECTORS_H

#include "lib/json/json.h"
#include "lib/scheme/scheme.h"
#include "lib/scheme/verify.h"

#define VECTOR_SECRETS_MAX 8
#define VECTOR_PARAMS_MAX 4

/* One line; members borrow from it until vector_free. */
struct vector {
	struct json *line;
	const char *name, *provider;
	struct span secrets[VECTOR_SECRETS_MAX];
	size_t nsecrets;
	struct buf body, names; /* names: header names in lower case */
	struct header headers[32];
	struct request request;
	struct verify_param params[VECTOR_PARAMS_MAX];
	struct verify_input input;
	const char *expect, *event_id, *event_type; /* NULL: none */
};

#define VECTORS "vectors.jsonl"

size_t vector_count(const char *file); /* 0: it cannot be read */
void vector_read(const char *file, size_t i, struct vector *v);
/* The one of that name; false: there is none. */
bool vector_find(const char *file, const char *name, struct vector *v);
void vector_free(struct vector *v);

/* A scheme of conf/schemes/; the caller frees it. */
struct scheme *scheme_of(const char *name);

/* The keys of a vector's secrets; freed by keys_free. */
size_t vector_keys(
    const struct scheme *sc, const struct vector *v, struct scheme_key **keys);
void keys_free(struct scheme_key **keys, size_t n);

#endif
