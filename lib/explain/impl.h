/*
 * impl.h: what the files of explain share. Nobody else includes it.
 *
 * explain.c	what was found
 * explain/steps.c	the check in words
 * explain/try.c	one attempt: request, scheme and secret, changed or not
 * explain/request.c	mistakes in the request
 * explain/signature.c	mistakes in the form of the signature
 * explain/secret.c	mistakes in secret and scheme
 */
#ifndef EYELET_LIB_EXPLAIN_IMPL_H
#define EYELET_LIB_EXPLAIN_IMPL_H

#include "lib/explain/explain.h"
#include "lib/scheme/impl.h"

struct inquiry {
	const struct explain_input *ask;
	struct explain_report *out;
	struct err *err;
	struct scheme timeless; /* the scheme without its time: a copy */
	size_t work; /* bytes, as EXPLAIN_WORK_MAX counts them */
};

/*
 * Looks for one mistake: 1 when it is the one (inquiry_found was called), 0
 * when not, -1 with err.
 */
typedef int inquiry_trial(struct inquiry *q);

inquiry_trial try_doubled, try_packing, try_two_values, try_newline,
    try_restyled, try_renamed, try_url, try_secret_sent, try_encoding,
    try_secret_form, try_old_secret, try_other_endpoint, try_other_scheme;

/* --- words ---------------------------------------------------------------- */

/* Puts the steps (explain/steps.c). */
int inquiry_say(struct inquiry *q);

/* Names the mistake. Returns 1, or -1 with err. */
int inquiry_found(struct inquiry *q, enum explain_cause cause, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* "sec_3", "sec_3 of endpoint shop", "the secret given"; inert. */
#define INQUIRY_NAME_MAX 128
void inquiry_name(const struct explain_secret *s, char name[INQUIRY_NAME_MAX]);

/* --- attempts (explain/try.c) --------------------------------------------- */

/* Is s this endpoint's, and live (or given by hand)? */
bool inquiry_is_live(const struct explain_secret *s);

/*
 * Is rq authentic, under sc, with this secret text? 1 or 0 (also when the
 * secret is none for sc, or the work is used up), -1 with err.
 */
int inquiry_try(struct inquiry *q, const struct scheme *sc, struct span secret,
    const struct request *rq, const char *url);

/* The same with every live secret: which, or NULL in *match. */
int inquiry_try_live(struct inquiry *q, const struct scheme *sc,
    const struct request *rq, const char *url,
    const struct explain_secret **match);

/* sc without its time (and so without its window) into out: no free. */
void inquiry_without_time(const struct scheme *sc, struct scheme *out);

/* A request with headers of its own, to be changed. */
struct inquiry_request {
	struct request request;
	struct header headers[REQUEST_HEADERS_MAX];
};
void inquiry_copy(const struct inquiry *q, struct inquiry_request *out);

#endif
