/*
 * trial.h: one request made up for a test of verifying, with a right
 * signature over whatever the test wants signed.
 */
#ifndef EYELET_TESTS_TRIAL_H
#define EYELET_TESTS_TRIAL_H

#include "lib/base/encode.h"
#include "tests/stand/vectors.h"

#define SECRET "s"
#define T "1700000000" /* 2023-11-14T22:13:20Z */
#define NOW_MS 1700000000000
#define WRONG "0000000000000000000000000000000000000000000000000000000000000000"

/* One request under way, with up to three headers. */
struct trial {
	struct scheme *sc;
	struct scheme_key *key;
	struct header headers[3];
	struct request request;
	struct verify_input in;
	struct verify_result result;
};

/* HMAC-SHA-256 of the joined texts under SECRET, encoded, with NUL. */
void trial_mac(char *out, size_t room, enum encoding enc, const char *one,
    const char *two, const char *three);

/* Takes sc. A POST at NOW_MS, no window or horizon but the scheme's. */
void trial_begin(struct trial *t, struct scheme *sc, const char *body);
void trial_add(struct trial *t, const char *name, struct span value);
enum verify_verdict trial_judge(struct trial *t);
void trial_end(struct trial *t);

/* Was this the last verdict, with a key where one must be told? */
void
trial_ck(const char *when, const struct trial *t, enum verify_verdict want);

#endif
