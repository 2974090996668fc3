/* limits.c: opens receiving, and what a reload changes of it. */
#include "lib/receive/receive.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/receive/impl.h"

void
receive_limits_put(struct receive_limits *lm)
{
	if (lm == NULL || atomic_fetch_sub(&lm->refs, 1) != 1)
		return;
	address_rate_free(lm->addresses);
	address_list_free(lm->trusted_proxies);
	free(lm->mount);
	free(lm);
}

struct receive_limits *
receive_limits_hold(struct receive_limits *lm)
{
	atomic_fetch_add(&lm->refs, 1);
	return lm;
}

struct receive_limits *
receive_limits_get(struct receive *rc)
{
	struct receive_limits *lm;

	pthread_mutex_lock(&rc->lock);
	lm = receive_limits_hold(rc->limits);
	pthread_mutex_unlock(&rc->lock);
	return lm;
}

int
receive_limits_make(const struct receive_options *opt,
    struct receive_limits **out, struct err *err)
{
	struct span proxies = span_str(opt->trusted_proxies);
	struct receive_limits *lm = calloc(1, sizeof(*lm));

	if (lm == NULL || (lm->mount = strdup(opt->mount)) == NULL) {
		free(lm);
		return err_set(err, ERR_NOMEM, "no memory for receiving");
	}
	atomic_init(&lm->refs, 1);
	lm->body_max = opt->body_max;
	lm->address_rate = opt->address_rate;
	if ((proxies.len > 0 &&
		address_list_parse(proxies, &lm->trusted_proxies, err) < 0) ||
	    (opt->address_rate > 0 &&
		address_rate_make(opt->address_rate, ADDRESS_RATE_BUCKETS,
		    &lm->addresses, err) < 0)) {
		receive_limits_put(lm);
		return -1;
	}
	*out = lm;
	return 0;
}

int
receive_open(const struct receive_options *opt, struct store *st,
    struct registry *rg, struct receive **out, struct err *err)
{
	struct receive *rc = calloc(1, sizeof(*rc));

	if (rc == NULL)
		return err_set(err, ERR_NOMEM, "no memory for receiving");
	if (receive_limits_make(opt, &rc->limits, err) < 0) {
		free(rc);
		return -1;
	}
	pthread_mutex_init(&rc->lock, NULL);
	rc->st = st;
	atomic_init(&rc->unpacked.max,
	    opt->unpacked_max == 0 ? SIZE_MAX : opt->unpacked_max);
	rc->rg = rg;
	*out = rc;
	return 0;
}

void
receive_close(struct receive *rc)
{
	if (rc == NULL)
		return;
	receive_limits_put(rc->limits);
	pthread_mutex_destroy(&rc->lock);
	free(rc);
}

void
receive_configure(struct receive *rc, struct receive_limits *lm)
{
	struct receive_limits *old;

	pthread_mutex_lock(&rc->lock);
	old = rc->limits;
	rc->limits = lm;
	pthread_mutex_unlock(&rc->lock);
	receive_limits_put(old);
}

int64_t
receive_body_max(
    const struct receive_limits *lm, const struct registry_endpoint *ep)
{
	int64_t max = ep->settings.body_max;

	if (max < 0)
		max = lm->body_max;
	return max < STORE_BODY_MAX ? max : STORE_BODY_MAX;
}
