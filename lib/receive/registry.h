/*
 * registry.h: the endpoints in force, ready for requests: schemes looked up,
 * patterns parsed, keys unsealed. Readers take an entry and drop it when the
 * request is done; a change puts a new entry in place of the old one, so no
 * request waits and none sees half a change.
 */
#ifndef EYELET_LIB_RECEIVE_REGISTRY_H
#define EYELET_LIB_RECEIVE_REGISTRY_H

#include "lib/base/pattern.h"
#include "lib/http/address.h"
#include "lib/http/request.h"
#include "lib/receive/unknown_paths.h"
#include "lib/scheme/scheme.h"
#include "lib/scheme/verify.h"
#include "lib/store/store.h"

struct registry;

/* Previous secrets that an entry has, ended ones among them. */
#define REGISTRY_PREVIOUS_MAX (SECRET_LIVE_MAX + 1)
#define REGISTRY_KEYS_MAX (SECRET_LIVE_MAX + 1 + REGISTRY_PREVIOUS_MAX)

/*
 * A secret that is not revoked; immutable. Whether a previous one has ended
 * is judged with each request, so that no clock that was wrong when an entry
 * was made leaves one out.
 */
struct registry_key {
	uint64_t secret_id;
	enum secret_state state;
	int64_t until_ms; /* PREVIOUS: see secret.h; else 0 */
	bool pending; /* see secret_is_pending */
	struct scheme_key *key;
};

/* An endpoint as requests see it; immutable but for the rate counter. */
struct registry_endpoint {
	uint64_t id, generation;
	char name[ENDPOINT_NAME_MAX + 1];
	enum store_endpoint_state state;
	struct endpoint settings;
	/*
	 * NULL: it cannot serve (the scheme's file is gone, a secret does not
	 * open); broken says why, and requests are answered with 503.
	 */
	const struct scheme *scheme;
	char broken[256];
	struct pattern_list *events; /* NULL selects all */
	struct address_list *allow_from; /* NULL: anybody */
	struct registry_key keys[REGISTRY_KEYS_MAX];
	size_t nkeys;
	struct verify_param params[ENDPOINT_PAIRS_MAX];
};

/*
 * Loads all endpoints of st (and what destinations want kept) and follows every
 * change of them from then on. schemes is held; st is borrowed until
 * registry_close, which comes before store_close, once no change can happen any
 * more and every entry was put.
 */
int registry_open(struct store *st, const struct scheme_set *schemes,
    struct registry **out, struct err *err);
void registry_close(struct registry *rg);

/*
 * The entry of a name (not of removed endpoints), or NULL. Held until
 * registry_put; never waits for a change.
 */
const struct registry_endpoint *
registry_get(struct registry *rg, struct span name);
void registry_put(const struct registry_endpoint *ep);

/*
 * Was there an endpoint of this name, that was removed or has another name
 * now? Of the last REGISTRY_GONE_MAX; a rename is forgotten when the registry
 * is closed.
 */
#define REGISTRY_GONE_MAX 1000
bool registry_is_gone(struct registry *rg, struct span name);

/* Paths of requests that no endpoint matched. */
struct unknown_paths *registry_unknown_paths(struct registry *rg);

/* Keys that a request is to be held against. */
struct registry_live {
	size_t n;
	struct scheme_key *keys[REGISTRY_KEYS_MAX];
	uint64_t ids[REGISTRY_KEYS_MAX]; /* secrets */
	bool ended[REGISTRY_KEYS_MAX]; /* by a clock that is in doubt */
	bool pending[REGISTRY_KEYS_MAX]; /* what it verifies is held */
};

/*
 * The keys of ep that verify by these clocks. While the wall clock is in doubt
 * those that it alone says have ended (the floor does not) are among them,
 * behind the others: what they match is neither accepted nor refused.
 */
void registry_live_keys(const struct registry_endpoint *ep,
    const struct store_clock *clock, struct registry_live *out);

/* The schemes in force, held: for scheme_set_free. */
struct scheme_set *registry_hold_schemes(struct registry *rg);

/*
 * Puts other schemes in force, and makes every entry anew with them, all at
 * once; a request under way keeps its entry. An endpoint that works and would
 * not with them is ERR_CONFIG, and nothing is changed. ERR_CONFLICT: what is
 * in force is not old any more (NULL: whatever it is). ERR_NOMEM, ERR_IO.
 */
int registry_take_schemes(struct registry *rg, const struct scheme_set *old,
    const struct scheme_set *schemes, struct err *err);

/*
 * Puts the headers of rq that stay with its event, see kept.h; out->max is at
 * least KEPT_MAX. ERR_NOMEM.
 */
int registry_keep_headers(struct registry *rg, const struct scheme *sc,
    const struct request *rq, struct buf *out, struct err *err);

/*
 * Takes one event out of the endpoint's rate; false when it is used up.
 * now_ms: clock_ms.
 */
bool registry_take_rate(const struct registry_endpoint *ep, int64_t now_ms);

/*
 * The same for a duplicate: as many, counted apart, so that repeats of what is
 * stored already keep no event out.
 */
bool registry_take_repeat(const struct registry_endpoint *ep, int64_t now_ms);

#endif
