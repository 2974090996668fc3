/*
 * endpoint.h: an address of ours that a provider posts to: its settings, as
 * an operator gives them and as the store keeps them (one JSON object).
 */
#ifndef EYELET_LIB_MODEL_ENDPOINT_H
#define EYELET_LIB_MODEL_ENDPOINT_H

#include <stdint.h>

#include "lib/config/settings.h"

#define ENDPOINT_NAME_MAX 64
#define ENDPOINT_DOC_MAX (64 * 1024)
#define ENDPOINT_PAIRS_MAX 64
#define ENDPOINT_TEXT_MAX 256 /* bytes of a title or label */
#define ENDPOINT_URL_MAX 2048
#define ENDPOINT_PARAM_MAX 8192
#define ENDPOINT_RATE_MAX 1000000
#define ENDPOINT_TOLERANCE_MAX_S (30 * 86400)
#define ENDPOINT_EXPECT_MAX_S (366 * 86400)
#define ENDPOINT_EXPECT_SECRET_S 600 /* unless the call says */
#define ENDPOINT_EXPECT_SECRET_MAX_S 86400
#define ENDPOINT_REPEAT_WITHIN_S 3600 /* unless repeat_within_s says */
#define ENDPOINT_REPEAT_WITHIN_MAX_S (30 * 86400)

/* May content come again as another event? See repeats.h. */
enum endpoint_repeats {
	ENDPOINT_REPEATS_SCHEME, /* zero: as the scheme says */
	ENDPOINT_REPEATS_NEVER,
	ENDPOINT_REPEATS_TYPES,
	ENDPOINT_REPEATS_ALWAYS
};

/* What becomes of an event that is to be held. */
enum endpoint_on_held {
	ENDPOINT_ON_HELD_HOLD, /* zero: stored, and delivered when released */
	ENDPOINT_ON_HELD_DELIVER, /* accepted all the same */
	ENDPOINT_ON_HELD_REFUSE /* as if its signature were wrong */
};

/* All pointers are owned (endpoint_free); NULL is "not set". */
struct endpoint {
	char *scheme; /* name of a scheme; always set */
	char *title;
	char *events; /* pattern list; NULL selects all */
	char *public_url; /* as registered with the provider */
	char *allow_from; /* addresses and CIDR blocks, comma-separated */
	struct setting_pair labels[ENDPOINT_PAIRS_MAX];
	size_t nlabels;
	struct setting_pair params[ENDPOINT_PAIRS_MAX]; /* {param:NAME} */
	size_t nparams;
	int64_t body_max; /* bytes; -1: the configuration's */
	int64_t tolerance_s; /* -1: the scheme's */
	int64_t rate; /* new events a second; 0: no limit */
	int64_t expect_every_s; /* silent longer than this: an event of
				   eyelet's own says so; 0: never */
	/*
	 * Until then the first secret that the provider sends here is taken
	 * ("secret_in" of the scheme); 0: none is.
	 */
	int64_t expect_secret_until_ms;
	bool allow_http; /* plain HTTP from anywhere */
	enum endpoint_repeats repeats;
	int64_t repeat_within_s; /* -1: ENDPOINT_REPEAT_WITHIN_S */
	enum endpoint_on_held on_held;
};

/* As an option and the stored form have them: "types", "deliver". */
const char *endpoint_repeats_word(enum endpoint_repeats repeats);
const char *endpoint_on_held_word(enum endpoint_on_held on_held);

/* An endpoint with scheme NULL and every default above. */
void endpoint_init(struct endpoint *ep);
void endpoint_free(struct endpoint *ep); /* wipes params */

/* ^[A-Za-z0-9_-]{1,64}$, and not "healthz" or "eyelet". */
bool endpoint_name_ok(struct span name);

/*
 * The stored JSON object to and from the struct; doc needs room for
 * ENDPOINT_DOC_MAX. ep is written on success only. ERR_CORRUPT, ERR_LIMIT,
 * ERR_NOMEM.
 */
int endpoint_decode(struct span doc, struct endpoint *ep, struct err *err);
int
endpoint_encode(const struct endpoint *ep, struct buf *doc, struct err *err);

/*
 * Changes settings by a JSON merge patch (RFC 7396) of the stored form: what
 * it names is set, null goes back to the default, labels and params are
 * merged name by name. ERR_INPUT names the member; ep may then be half
 * changed.
 */
int endpoint_patch(struct endpoint *ep, struct span patch, struct err *err);

/*
 * Is every setting meaningful (patterns, URL, addresses, limits)? ERR_INPUT
 * with the setting, its value and what it must be. Does not know schemes.
 */
int endpoint_check(const struct endpoint *ep, struct err *err);

#endif
