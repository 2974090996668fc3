/*
 * config.h: the settings of a destination, made ready for sending.
 */
#ifndef EYELET_LIB_DELIVER_CONFIG_H
#define EYELET_LIB_DELIVER_CONFIG_H

#include "lib/model/destination.h"
#include "lib/model/retry_plan.h"
#include "lib/owner/feed.h"
#include "lib/scheme/sign.h"

/* Never changes once it was made; what is under way holds it. */
struct deliver_config {
	unsigned refs;
	uint64_t generation;
	unsigned schemes_no; /* of the schemes that it was made with */
	uint64_t pool; /* of connections: no two configs share any */
	char name[ENDPOINT_NAME_MAX + 1];
	struct destination settings;
	struct destination_match *match;
	struct address_list *allow;
	struct retry_plan plan;
	struct scheme *scheme; /* held; NULL: unsigned */
	int64_t timeout_ms; /* of one attempt */
	size_t nkeys; /* current first */
	struct sign_key keys[FEED_SECRETS_MAX];
	bool enabled; /* by its operator */
	bool works;
	char why_not[DELIVERY_WORDS_MAX]; /* inert: why it does not work */
};

/* One that does not work is made all the same. ERR_NOMEM. */
int deliver_config_new(const struct scheme_set *schemes, uint64_t pool,
    const struct feed_destination *d, struct deliver_config **out,
    struct err *err);
void deliver_config_put(struct deliver_config *cf); /* drops a hold; or NULL */
/* Would it work with a scheme that there is not? */
bool deliver_config_lacks_scheme(const struct deliver_config *cf);

#endif
