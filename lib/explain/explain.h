/*
 * explain.h: why is a request refused? Replays the check in words, step by
 * step, then finds the mistake by trying which change of request, secret or
 * scheme makes the signature right. Pure, like verify.h; bounded by
 * EXPLAIN_WORK_MAX, so that a large body costs a second and no more.
 *
 * Its words are inert, and hold no secret: values in which one stands are
 * covered up, the right signature is never said, and a secret goes by its id.
 */
#ifndef EYELET_LIB_EXPLAIN_EXPLAIN_H
#define EYELET_LIB_EXPLAIN_EXPLAIN_H

#include "lib/model/secret.h"
#include "lib/scheme/verify.h"

#define EXPLAIN_WORK_MAX (512 * 1024 * 1024) /* bytes hashed and scanned */
#define EXPLAIN_STEPS_MAX (64 * 1024) /* bytes of words */
#define EXPLAIN_SHOWN_MAX 256 /* bytes of a value or of what is signed */

/* A secret that may be tried. */
struct explain_secret {
	uint64_t id; /* 0: given by hand, named "the secret given" */
	const char *endpoint; /* another's name; NULL: of this endpoint */
	enum secret_state state; /* when the request came */
	struct span text; /* as it was pasted */
};

struct explain_input {
	const struct scheme *scheme;
	const struct scheme_set *schemes; /* to be tried, too; NULL: none */
	/* request.now_ms is when it came; all as for verify_request. */
	const struct verify_input *in;
	bool whole; /* false: the body is not here, or only its first bytes */
	int64_t body_max; /* bytes; 0: not looked at */
	const struct explain_secret *secrets;
	size_t nsecrets;
};

/* The mistakes that are known; explain_word has their names. */
enum explain_cause {
	EXPLAIN_UNKNOWN,
	EXPLAIN_VALID, /* none: it would be accepted */
	EXPLAIN_MALFORMED, /* authentic, but no event */
	EXPLAIN_NO_BODY, /* what is left of it cannot be checked */
	EXPLAIN_TOO_LARGE, /* the body, so that nothing else was looked at */
	EXPLAIN_UNSIGNED,
	EXPLAIN_NEWLINE, /* a line end was added or removed */
	EXPLAIN_RESTYLED, /* the JSON was written anew */
	EXPLAIN_SECRET_FORM, /* decoded, or not, or with a prefix or blank */
	EXPLAIN_SECRET_SENT, /* in place of a signature */
	EXPLAIN_OLD_SECRET, /* expired or revoked */
	EXPLAIN_OTHER_ENDPOINT, /* another endpoint's secret */
	EXPLAIN_OTHER_SCHEME,
	EXPLAIN_CLOCK,
	EXPLAIN_TRUNCATED,
	EXPLAIN_ENCODING, /* of the signature */
	EXPLAIN_RENAMED, /* a header */
	EXPLAIN_TWO_VALUES, /* in one header */
	EXPLAIN_URL,
	EXPLAIN_UNREADABLE, /* a form, a query or a packed body */
	EXPLAIN_PACKING /* the packed bytes were signed, or the others */
};

/* Begin with zeros; explain_free in the end. */
struct explain_report {
	enum verify_verdict verdict;
	enum explain_cause cause;
	struct buf steps; /* lines, each ended by LF */
	struct buf words; /* the mistake, in one line */
};

/*
 * ERR_NOMEM, ERR_CRYPTO, ERR_LIMIT. A scheme that needs a url or param that
 * is not there is a finding, no failure.
 */
int explain_request(const struct explain_input *ask, struct explain_report *out,
    struct err *err);
void explain_free(struct explain_report *out);

const char *explain_word(enum explain_cause cause); /* "other-scheme" */
const char *explain_advice(enum explain_cause cause); /* what to do */

/* Does a secret of ask stand in s? Its index, or -1. */
int explain_finds_secret(const struct explain_input *ask, struct span s);

#endif
