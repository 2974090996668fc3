/*
 * secret.h: the life of a secret: staged, current, previous until T, expired,
 * revoked. Pure rules over rows; reads no clock.
 */
#ifndef EYELET_LIB_MODEL_SECRET_H
#define EYELET_LIB_MODEL_SECRET_H

#include <stdint.h>

#include "lib/base/bytes.h"

#define SECRET_LIVE_MAX 3 /* staged, current and previous ones together */
#define SECRET_GRACE_DEFAULT_S 86400
#define SECRET_GRACE_MAX_S (7 * 86400)
#define SECRET_BYTES_MAX 8192 /* of the text that an operator pastes */
#define SECRET_FINGERPRINT 16
#define SECRET_FROM_MAX 63 /* bytes of an address */

enum secret_state {
	SECRET_STAGED = 1, /* verifies, does not sign */
	SECRET_CURRENT, /* verifies, signs */
	SECRET_PREVIOUS, /* verifies until until_ms, exclusively */
	SECRET_EXPIRED, /* never stored: computed from PREVIOUS and the time */
	SECRET_REVOKED /* for ever */
};

struct secret {
	uint64_t id; /* of the whole store, never reused; shown as "sec_ID" */
	uint64_t endpoint_id;
	enum secret_state state;
	int64_t created_ms, activated_ms; /* 0: not yet */
	int64_t until_ms; /* PREVIOUS: refused from this instant on; else 0 */
	int64_t revoked_ms;
	int64_t last_used_ms; /* verified an event last; 0 never */
	unsigned char fingerprint[SECRET_FINGERPRINT]; /* keyed: equal values */
	struct span sealed; /* by seal.h; empty after a purge */
	/* The address that sent it to the endpoint itself; "": an operator. */
	char from[SECRET_FROM_MAX + 1];
};

/* The state at now_ms: PREVIOUS turns EXPIRED when now_ms >= until_ms. */
enum secret_state secret_state_at(const struct secret *s, int64_t now_ms);

/* Does it verify at now_ms (staged, current, previous)? */
bool secret_is_live(const struct secret *s, int64_t now_ms);

/*
 * Was it sent to the endpoint itself, and not activated by an operator yet?
 * What it verifies is held.
 */
bool secret_is_pending(const struct secret *s);

const char *secret_state_word(enum secret_state state); /* "current" */

/* "sec_12" to 12. ERR_INPUT. */
int secret_id_parse(struct span text, uint64_t *id, struct err *err);

#endif
