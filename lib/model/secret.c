/* secret.c: the states of a secret and their words. */
#include "lib/model/secret.h"

#include "lib/base/text.h"
#include "lib/base/util.h"

static const struct {
	enum secret_state state;
	const char *word;
	bool live;
} states[] = {
	{ SECRET_STAGED, "staged", true },
	{ SECRET_CURRENT, "current", true },
	{ SECRET_PREVIOUS, "previous", true },
	{ SECRET_EXPIRED, "expired", false },
	{ SECRET_REVOKED, "revoked", false },
};

enum secret_state
secret_state_at(const struct secret *s, int64_t now_ms)
{
	if (s->state == SECRET_PREVIOUS && now_ms >= s->until_ms)
		return SECRET_EXPIRED;
	return s->state;
}

bool
secret_is_live(const struct secret *s, int64_t now_ms)
{
	enum secret_state now = secret_state_at(s, now_ms);
	size_t i;

	for (i = 0; i < NITEMS(states); i++)
		if (states[i].state == now)
			return states[i].live;
	return false; /* a state nobody set admits nobody */
}

bool
secret_is_pending(const struct secret *s)
{
	return s->state == SECRET_STAGED && s->from[0] != '\0' &&
	       s->activated_ms == 0;
}

const char *
secret_state_word(enum secret_state state)
{
	size_t i;

	for (i = 0; i < NITEMS(states); i++)
		if (states[i].state == state)
			return states[i].word;
	return "unknown";
}

int
secret_id_parse(struct span text, uint64_t *id, struct err *err)
{
	static const char prefix[] = "sec_";
	struct err why = ERR_INIT;
	uint64_t n;

	if (!span_starts(text, prefix) ||
	    text_to_u64(span_skip(text, sizeof(prefix) - 1), UINT64_MAX, &n,
		&why) < 0 ||
	    n == 0)
		return err_set(err, ERR_INPUT,
		    "a secret is named by its id, such as sec_12");
	*id = n;
	return 0;
}
